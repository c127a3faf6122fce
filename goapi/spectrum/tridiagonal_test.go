package spectrum

import (
	"math"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/ritz-go/ritz/goapi/rng"
)

// tridiagonalCases are diagonals and off-diagonals of difficult matrices.
func tridiagonalCases() map[string][2][]float64 {
	cases := map[string][2][]float64{
		"one":      {{-3}, {}},
		"zero":     {make([]float64, 5), make([]float64, 4)},
		"diagonal": {{3, -1, 2, 2, 0}, make([]float64, 4)},
		"no trace": {make([]float64, 6), {1, 1, 1, 1, 1}},
	}
	for name, scale := range map[string]float64{"random": 1, "huge": 1e150, "tiny": 1e-150} {
		d, e := make([]float64, 40), make([]float64, 39)
		rng.Normal(1, 0, 0, d)
		rng.Normal(1, 1, 0, e)
		for i := range d {
			d[i] *= scale
		}
		for i := range e {
			e[i] *= scale
		}
		cases[name] = [2][]float64{d, e}
	}
	var wilkinson, ones, graded, falls []float64
	for i := range 21 {
		wilkinson, graded = append(wilkinson, math.Abs(float64(10-i))), append(graded, math.Pow(10, -float64(i)))
		if i > 0 {
			ones, falls = append(ones, 1), append(falls, math.Pow(10, -float64(i)))
		}
	}
	cases["Wilkinson's W21+"] = [2][]float64{wilkinson, ones}
	cases["graded"] = [2][]float64{graded, falls}
	return cases
}

// Values against another implementation, vectors by T·Z = Z·Λ and ZᵀZ = I, a
// single row against that of all.
func TestTridiagonalEigen(t *testing.T) {
	for name, c := range tridiagonalCases() {
		d, e := c[0], c[1]
		n := len(d)
		sym, size := mat.NewSymDense(n, nil), 0.0
		for i := range n {
			sym.SetSym(i, i, d[i])
			size = max(size, math.Abs(d[i]))
			if i+1 < n {
				sym.SetSym(i, i+1, e[i])
				size = max(size, math.Abs(e[i]))
			}
		}
		want, _ := eigh(sym)
		values, z := append([]float64(nil), d...), make([]float64, n*n)
		for i := range n {
			z[i*n+i] = 1
		}
		if !tridiagonalEigen(values, append([]float64(nil), e...), z, n) {
			t.Fatalf("%s: no convergence", name)
		}
		tol := 50 * 0x1p-53 * float64(n) * size
		for i := range n {
			if !(math.Abs(values[i]-want[i]) <= tol) {
				t.Errorf("%s: value %d is %v, want %v", name, i, values[i], want[i])
			}
			for j := range n {
				dot, image := 0.0, 0.0
				for k := range n {
					dot += z[i*n+k] * z[j*n+k]
					image += sym.At(j, k) * z[i*n+k]
				}
				if i == j {
					dot--
				}
				if math.Abs(dot) > 1e-13 || !(math.Abs(image-values[i]*z[i*n+j]) <= tol) {
					t.Errorf("%s: vectors %d and %d: dot product %v, residual %v", name, i, j, dot, image-values[i]*z[i*n+j])
				}
			}
		}
		for _, row := range []int{0, n - 1} {
			again, entries := tridiagonalRow(d, e, row)
			for i := range n {
				if again[i] != values[i] || entries[i] != z[i*n+row] {
					t.Errorf("%s: row %d alone differs", name, row)
				}
			}
		}
	}
	if values, _ := tridiagonalRow([]float64{1, math.NaN()}, []float64{1}, 0); values[0] == values[0] {
		t.Errorf("NaN gave %v", values)
	}
}

// A diagonal matrix with a border becomes tridiagonal: zᵀ·diag(θ)·z and zᵀ·b.
func TestTridiagonalizeBorder(t *testing.T) {
	for _, n := range []int{1, 2, 3, 12} {
		for _, scale := range []float64{1, 0, 1e-160, 1e160} {
			θ, b := make([]float64, n), make([]float64, n)
			rng.Normal(2, uint64(n), 0, θ)
			rng.Normal(3, uint64(n), 0, b)
			size := 0.0
			for i := range b {
				b[i] *= scale
				size += b[i] / max(scale, 1e-300) * (b[i] / max(scale, 1e-300))
			}
			z, α, β, last := tridiagonalize(θ, b)
			if math.Abs(math.Abs(last)-math.Sqrt(size)*scale) > 1e-13*scale {
				t.Errorf("n=%d: border of norm %v became %v", n, math.Sqrt(size)*scale, last)
			}
			for i := range n {
				border := 0.0
				for k := range n {
					border += z[k][i] * b[k]
				}
				want := 0.0
				if i == n-1 {
					want = last
				}
				if math.Abs(border-want) > 1e-13*scale {
					t.Errorf("n=%d, scale %g: entry %d of the border is %v, want %v", n, scale, i, border, want)
				}
				for j := range n {
					got, want := 0.0, 0.0
					for k := range n {
						got += z[k][i] * θ[k] * z[k][j]
					}
					switch {
					case i == j:
						want = α[i]
					case i-j == 1 || j-i == 1:
						want = β[min(i, j)]
					}
					if math.Abs(got-want) > 1e-13 {
						t.Errorf("n=%d: entry (%d,%d) is %v, want %v", n, i, j, got, want)
					}
				}
			}
		}
	}
}
