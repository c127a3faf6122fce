//go:build cgo

package cblas

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/ritz-go/ritz/goapi/device"
)

// hardKinds are m×n matrices, m ≥ n; their lower triangles make symmetric ones.
func hardKinds(m, n int) map[string]device.Dense[float64] {
	r := rand.New(rand.NewPCG(51, 52))
	all := map[string]device.Dense[float64]{}
	of := func(name string, f func(i, j int) float64) {
		a := device.NewDense[float64](m, n)
		for i := range m {
			for j := range n {
				a.Set(i, j, f(i, j))
			}
		}
		all[name] = a
	}
	normal := func(i, j int) float64 { return r.NormFloat64() }
	band := func(width int, f func(i, j int) float64) func(i, j int) float64 {
		return func(i, j int) float64 {
			if d := i - j; d < -width || d > width {
				return 0
			}
			return f(i, j)
		}
	}
	glued := func(i, j int) float64 { // Wilkinson's matrices of order 21, which hardly touch
		switch {
		case i == j:
			return math.Abs(float64(i%21 - 10))
		case max(i, j)%21 == 0:
			return 1e-9
		}
		return 1
	}
	of("normal", normal)
	of("zero", func(i, j int) float64 { return 0 })
	of("ones", func(i, j int) float64 { return 1 })
	of("identity", band(0, func(i, j int) float64 { return 1 }))
	of("diagonal", band(0, func(i, j int) float64 { return math.Pow(10, -200*float64(i)/float64(m)) }))
	of("rank 2", func(i, j int) float64 { return math.Sin(float64(i + j)) })
	of("graded", func(i, j int) float64 { return normal(i, j) * math.Pow(10, -15*float64(i+j)/float64(m+n)) })
	of("graded upwards", func(i, j int) float64 { return normal(i, j) * math.Pow(10, 15*float64(i+j)/float64(m+n)) })
	of("glued", band(1, glued))
	of("second difference", band(1, func(i, j int) float64 { return 1 - 1.5*math.Abs(float64(i-j)) }))
	of("huge", func(i, j int) float64 { return 1e300 * normal(i, j) })
	of("tiny", func(i, j int) float64 { return 1e-300 * normal(i, j) })
	return all
}

func largest(a device.Dense[float64]) float64 {
	size := 0x1p-1000
	for _, x := range a.Data {
		size = max(size, math.Abs(x))
	}
	return size
}

// lacks returns how far the rows of x are from orthonormal, in units of eps.
func lacks(x device.Dense[float64]) float64 {
	g := device.NewDense[float64](x.Rows, x.Rows)
	device.GoKernels[float64]{}.Gemm(device.NoTrans, device.Transp, 1, x, x, 0, g)
	for i := range x.Rows {
		g.Set(i, i, g.At(i, i)-1)
	}
	return largest(g) / 0x1p-52
}

// residual returns the largest element of A - Uᵀ·diag(s)·V, of which the latter
// have vectors in rows, in units of eps and the largest of A.
func residual(a, u device.Dense[float64], s []float64, v device.Dense[float64]) float64 {
	size := largest(a)
	b, rest := u.Clone(), a.Clone()
	for i := range b.Rows {
		for j, x := range b.Row(i) {
			b.Set(i, j, x*(s[i]/size))
		}
	}
	for i, x := range rest.Data {
		rest.Data[i] = x / size
	}
	device.GoKernels[float64]{}.Gemm(device.Transp, device.NoTrans, -1, b, v, 1, rest)
	return largest(rest) / 0x1p-52 / max(1, math.Abs(s[0])/size, math.Abs(s[len(s)-1])/size)
}

// Decompositions over our kernels are backward stable for hard matrices of any
// size, those that LAPACK is left included, with kernels of each number of
// threads.
func TestOwnDecompositions(t *testing.T) {
	for _, shape := range [][2]int{{1, 1}, {3, 2}, {33, 33}, {70, 41}, {130, 130}, {301, 257}} {
		m, n := shape[0], shape[1]
		allowed := float64(m + 20)
		for name, a := range hardKinds(m, n) {
			for threads := 1; threads <= 2; threads++ {
				k := factors{kernels[float64]{threads: threads}}
				what := fmt.Sprintf("%s, %d×%d on %d threads", name, m, n, threads)
				u, s, vt := device.NewDense[float64](m, n), make([]float64, n), device.NewDense[float64](n, n)
				device.SVD(k, a.Clone(), u, s, vt)
				if !slices.IsSortedFunc(s, func(x, y float64) int { return cmp.Compare(y, x) }) || s[n-1] < 0 {
					t.Errorf("%s: singular values do not descend to 0", what)
				}
				if l := max(lacks(u.T()), lacks(vt)); !(l <= allowed) {
					t.Errorf("%s: vectors are orthogonal to %.1f eps", what, l)
				}
				if r := residual(a, u.T(), s, vt); !(r <= allowed) {
					t.Errorf("%s: residual %.1f eps", what, r)
				}
				whole, x := device.NewDense[float64](n, n), device.NewDense[float64](n, n)
				for i := range n {
					for j := range i + 1 {
						whole.Set(i, j, a.At(i, j))
						whole.Set(j, i, a.At(i, j))
						x.Set(i, j, a.At(i, j))
						if j < i {
							x.Set(j, i, math.NaN())
						}
					}
				}
				half := x.Clone()
				if err := device.Eigh(k, x, s); err != nil {
					t.Errorf("%s: %v", what, err)
				}
				if !slices.IsSorted(s) {
					t.Errorf("%s: eigenvalues do not ascend", what)
				}
				if l := lacks(x); !(l <= allowed) {
					t.Errorf("%s: eigenvectors are orthogonal to %.1f eps", what, l)
				}
				if r := residual(whole, x, s, x); !(r <= allowed) {
					t.Errorf("%s: residual of the eigendecomposition %.1f eps", what, r)
				}
				alone := make([]float64, n)
				if err := device.EighRangeBy(k, half, alone, device.Dense[float64]{}, 0); err != nil {
					t.Errorf("%s: %v", what, err)
				}
				size := max(math.Abs(s[0]), math.Abs(s[n-1]), 0x1p-1000)
				for i, v := range alone {
					if d := math.Abs(v/size - s[i]/size); !(d <= allowed*0x1p-52) {
						t.Errorf("%s: eigenvalue %d alone is %v, with vectors %v", what, i, v, s[i])
					}
				}
			}
		}
	}
}

// Sweeps give the same for every number of threads, and what they should.
func TestSweepOnThreads(t *testing.T) {
	const m, n = 301, 257
	a := hardKinds(m, n)["normal"]
	r := rand.New(rand.NewPCG(53, 54))
	v := make([]float64, n)
	for j := range v {
		v[j] = r.NormFloat64()
	}
	var want []float64
	for _, threads := range []int{1, 2, 5} {
		x, c, partial := make([]float64, m), make([]float64, m), device.NewDense[float64](16, n)
		factors{kernels[float64]{threads: threads}}.Sweep(a, v, 0.3, x, c, partial)
		got := slices.Concat(x, c, partial.Data)
		if want == nil {
			want = got
			ac := make([]float64, n)
			for i := range m {
				for j, e := range a.Row(i) {
					ac[j] += e * c[i]
				}
			}
			for j, sum := range ac {
				for b := range partial.Rows {
					sum -= partial.At(b, j)
				}
				if !(math.Abs(sum) <= 1e-10) {
					t.Fatalf("element %d of Aᵀ·c is off by %v", j, sum)
				}
			}
			continue
		}
		if !slices.Equal(got, want) {
			t.Fatalf("%d threads give other results", threads)
		}
	}
}
