package native

import "math"

// Plain Go bodies in float64: the fallback without cgo and the oracle of the
// C kernels.

// softMin returns -ε·log Σₖ exp((g(k) - c(k))/ε) over n terms.
func softMin(n int, ε float64, t func(k int) float64) float64 {
	top := math.Inf(-1)
	for k := range n {
		if x := t(k); x > top {
			top = x
		}
	}
	if math.IsInf(top, -1) {
		top = 0 // no term: a finite shift keeps the sum 0, or NaN if one is NaN
	}
	sum := 0.0
	for k := range n {
		sum += math.Exp((t(k) - top) / ε)
	}
	return -ε*math.Log(sum) - top
}

func softMinRowsGo[T Float](m, n int, ε T, c []T, ldc int, g, out []T) {
	for i := range m {
		row := c[i*ldc : i*ldc+n]
		out[i] = T(softMin(n, float64(ε), func(j int) float64 { return float64(g[j]) - float64(row[j]) }))
	}
}

func softMinColsGo[T Float](m, n int, ε T, c []T, ldc int, g, out []T) {
	for j := range n {
		out[j] = T(softMin(m, float64(ε), func(i int) float64 { return float64(g[i]) - float64(c[i*ldc+j]) }))
	}
}

func gibbsGo[T Float](m, n int, ε T, f, g, c []T, ldc int, out []T, ldo int) {
	for i := range m {
		for j := range n {
			out[i*ldo+j] = T(math.Exp((float64(f[i]) + float64(g[j]) - float64(c[i*ldc+j])) / float64(ε)))
		}
	}
}

func scalingStepGo[T Float](m, n int, k []T, ldk int, a, v, u, s []T) {
	for i := range m {
		row := k[i*ldk : i*ldk+n]
		r := 0.0
		for j, x := range row {
			r += float64(x) * float64(v[j])
		}
		w := T(0)
		if a[i] != 0 || r != 0 {
			w = T(float64(a[i]) / r)
		}
		u[i] = w
		for j, x := range row {
			s[j] += w * x
		}
	}
}

func pairwiseCostGo[T Float](m, n, d, p int, x []T, ldx int, yt, out []T, ldo int) {
	for i := range m {
		for j := range n {
			sum := 0.0
			for l := range d {
				e := float64(x[i*ldx+l]) - float64(yt[l*n+j])
				sum += e * e
			}
			if p == 1 {
				sum = math.Sqrt(sum)
			}
			out[i*ldo+j] = T(sum)
		}
	}
}

func minRowsGo[T Float](m, n int, c []T, ldc int, g, out []T) {
	for i := range m {
		low := T(math.Inf(1))
		for j, x := range c[i*ldc : i*ldc+n] {
			low = min(low, x-g[j]) // NaN wins
		}
		out[i] = low
	}
}

func minColsGo[T Float](m, n int, c []T, ldc int, g, out []T) {
	for i := range m {
		for j, x := range c[i*ldc : i*ldc+n] {
			out[j] = min(out[j], x-g[i])
		}
	}
}

// tallRow computes q = a·X, or copies a if x is nil.
func tallRow[T Float](n int, a []T, x []float64, ld int, q []float64) {
	for j := range q {
		q[j] = float64(a[j])
		if x == nil {
			continue
		}
		q[j] = 0
		for l := 0; l <= j; l++ {
			q[j] += float64(a[l]) * x[l*ld+j]
		}
	}
}
