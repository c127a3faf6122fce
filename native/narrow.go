package native

import "math"

// NarrowGibbs is Gibbs with a result that is rounded to float32.
func NarrowGibbs(m, n int, ε float64, f, g, c []float64, ldc int, out []float32, ldo int) {
	fits(m, n, c, ldc)
	fits(m, n, out, ldo)
	sameLength(len(f), m)
	sameLength(len(g), n)
	if m > 0 && n > 0 {
		narrowGibbs(m, n, ε, f, g, c, ldc, out, ldo)
	}
}

// NarrowScalingStep is ScalingStep with a K of float32: products and sums are
// those of float64.
func NarrowScalingStep(m, n int, k []float32, ldk int, a, v, u, s []float64) {
	fits(m, n, k, ldk)
	sameLength(len(a), m)
	sameLength(len(u), m)
	sameLength(len(v), n)
	sameLength(len(s), n)
	if m > 0 && n > 0 {
		narrowScalingStep(m, n, k, ldk, a, v, u, s)
	}
}

func narrowGibbsGo(m, n int, ε float64, f, g, c []float64, ldc int, out []float32, ldo int) {
	for i := range m {
		for j, x := range c[i*ldc : i*ldc+n] {
			out[i*ldo+j] = float32(math.Exp((f[i] + g[j] - x) / ε))
		}
	}
}

func narrowScalingStepGo(m, n int, k []float32, ldk int, a, v, u, s []float64) {
	for i := range m {
		row, r := k[i*ldk:i*ldk+n], 0.0
		for j, x := range row {
			r += float64(x) * v[j]
		}
		if u[i] = a[i] / r; a[i] == 0 && r == 0 {
			u[i] = 0
		}
		for j, x := range row {
			s[j] += u[i] * float64(x)
		}
	}
}
