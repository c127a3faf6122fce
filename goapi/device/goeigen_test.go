package device

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"gonum.org/v1/gonum/mat"
)

var orders = []int{1, 2, 3, 5, 31, 32, 33, 65, 100, 201}

// tridiagonalKinds are diagonals and subdiagonals that are hard for divide and
// conquer: clusters, elements that split the matrix, and everything deflated.
func tridiagonalKinds(n int) map[string][2][]float64 {
	all := map[string][2][]float64{}
	of := func(name string, d, e func(i int) float64) {
		x, y := make([]float64, n), make([]float64, max(0, n-1))
		for i := range x {
			x[i] = d(i)
		}
		for i := range y {
			y[i] = e(i)
		}
		all[name] = [2][]float64{x, y}
	}
	random := normalMatrix[float64](uint64(n), 2, n, n)
	constant := func(v float64) func(int) float64 { return func(int) float64 { return v } }
	wilkinson := func(i int) float64 { return math.Abs(float64(i%21 - 10)) }
	of("zero", constant(0), constant(0))
	of("ones", constant(1), constant(0))
	of("second difference", constant(2), constant(-1))
	of("no diagonal", constant(0), constant(1))
	of("random", func(i int) float64 { return random.At(0, i) }, func(i int) float64 { return random.At(1, i) })
	of("Wilkinson", func(i int) float64 { return math.Abs(float64(i) - float64(n-1)/2) }, constant(1))
	for _, glue := range []float64{1e-3, 1e-8, 1e-15} {
		of(fmt.Sprintf("Wilkinson, glued by %v", glue), wilkinson, func(i int) float64 {
			if i%21 == 20 {
				return glue
			}
			return 1
		})
	}
	of("graded", func(i int) float64 { return math.Pow(10, -20*float64(i)/float64(n)) }, func(i int) float64 { return math.Pow(10, -20*float64(i)/float64(n)) })
	of("graded upwards", func(i int) float64 { return math.Pow(10, 20*float64(i)/float64(n)) }, func(i int) float64 { return math.Pow(10, 20*float64(i)/float64(n)) })
	of("cluster", func(i int) float64 { return 1 + 1e-14*random.At(0, i) }, func(i int) float64 { return 1e-14 * random.At(1, i) })
	of("weak", func(i int) float64 { return float64(i / 3) }, func(i int) float64 { return 1e-9 * random.At(1, i) })
	of("tiny elements", func(i int) float64 { return math.Pow(0.5, float64(37*i%1000)) }, func(i int) float64 { return math.Pow(0.5, float64(53*i%1000)) })
	return all
}

// checkEigen checks A·Vᵀ = Vᵀ·diag(w) and V·Vᵀ = I, where V has eigenvectors
// in rows, against multiples of n·eps.
func checkEigen(t *testing.T, name string, a Dense[float64], w []float64, v Dense[float64]) {
	t.Helper()
	n := a.Rows
	eps := Epsilon[float64]()
	if !slices.IsSorted(w) {
		t.Errorf("%s, n=%d: eigenvalues do not ascend", name, n)
	}
	size := math.SmallestNonzeroFloat64
	for i := range n {
		size = max(size, maxAbs(a.Row(i)))
	}
	allowed := eps * float64(n+20) / 2
	gram, av := NewDense[float64](n, n), NewDense[float64](n, n)
	product(NoTrans, Transp, 1, v, v, gram, false)
	scaled := v.Clone()
	for i := range n {
		gram.Data[i*n+i]--
		for j := range n {
			scaled.Set(i, j, v.At(i, j)*(w[i]/size))
		}
	}
	b := a.Clone()
	scaleVector(1/size, b.Data)
	if math.IsInf(1/size, 0) {
		for i, x := range a.Data {
			b.Data[i] = x / size
		}
	}
	product(NoTrans, NoTrans, 1, v, b, av, false)
	for i, x := range scaled.Data {
		av.Data[i] -= x
	}
	norm := maxAbs(w) / size
	if loss := maxAbs(gram.Data); !(loss <= allowed) {
		t.Errorf("%s, n=%d: eigenvectors are orthogonal to %.1f eps", name, n, loss/eps)
	}
	if r := maxAbs(av.Data); !(r <= allowed*max(1, norm)) {
		t.Errorf("%s, n=%d: residual %.1f eps", name, n, r/eps/max(1, norm))
	}
}

func TestSymmetricTridiagonal(t *testing.T) {
	for _, n := range orders {
		for name, m := range tridiagonalKinds(n) {
			w, v := symmetricTridiagonal(newWorkspace(goFactors{}), slices.Clone(m[0]), slices.Clone(m[1]))
			checkEigen(t, name, tridiagonalDense(m[0], m[1]), w, v)
		}
	}
}

// Values alone and some of the vectors are as good as all of them.
func TestTridiagonalRange(t *testing.T) {
	for _, n := range orders {
		for name, m := range tridiagonalKinds(n) {
			by := newWorkspace(goFactors{})
			want, _ := symmetricTridiagonal(by, slices.Clone(m[0]), slices.Clone(m[1]))
			size := max(maxAbs(want), math.SmallestNonzeroFloat64)
			allowed := 0x1p-53 * float64(n+20)
			a := tridiagonalDense(m[0], m[1])
			for _, count := range []int{0, 1, (n + 1) / 2, n} {
				first := (n - count) / 2
				w, v := tridiagonalRange(by, slices.Clone(m[0]), slices.Clone(m[1]), first, count)
				for i, x := range w {
					if d := math.Abs(x/size - want[i]/size); !(d <= allowed) {
						t.Errorf("%s, n=%d, %d vectors: eigenvalue %d differs by %.1f eps", name, n, count, i, d/0x1p-52)
					}
				}
				if count == 0 {
					continue
				}
				gram, residual := NewDense[float64](count, count), NewDense[float64](count, n)
				product(NoTrans, Transp, 1, v, v, gram, false)
				b := a.Clone()
				for i, x := range b.Data {
					b.Data[i] = x / size
				}
				product(NoTrans, NoTrans, 1, v, b, residual, false)
				for i := range count {
					gram.Data[i*count+i]--
					for j := range n {
						residual.Set(i, j, residual.At(i, j)-v.At(i, j)*(w[first+i]/size))
					}
				}
				if loss := maxAbs(gram.Data); !(loss <= allowed) {
					t.Errorf("%s, n=%d: %d eigenvectors are orthogonal to %.1f eps", name, n, count, loss/0x1p-52)
				}
				if r := maxAbs(residual.Data); !(r <= allowed) {
					t.Errorf("%s, n=%d: %d eigenvectors leave %.1f eps", name, n, count, r/0x1p-52)
				}
			}
			by.end()
		}
	}
}

func tridiagonalDense(d, e []float64) Dense[float64] {
	n := len(d)
	a := NewDense[float64](n, n)
	for i, v := range d {
		a.Set(i, i, v)
	}
	for i, v := range e {
		a.Set(i+1, i, v)
		a.Set(i, i+1, v)
	}
	return a
}

// symmetricKinds are full matrices.
func symmetricKinds(n int) map[string]Dense[float64] {
	all := map[string]Dense[float64]{}
	random := normalMatrix[float64](1, n, n, n)
	of := func(name string, f func(i, j int) float64) {
		a := NewDense[float64](n, n)
		for i := range n {
			for j := range i + 1 {
				a.Set(i, j, f(i, j))
				a.Set(j, i, f(i, j))
			}
		}
		all[name] = a
	}
	normal := func(i, j int) float64 { return random.At(i, j) }
	of("normal", normal)
	of("zero", func(i, j int) float64 { return 0 })
	of("ones", func(i, j int) float64 { return 1 })
	of("identity", func(i, j int) float64 {
		if i == j {
			return 1
		}
		return 0
	})
	of("rank 2", func(i, j int) float64 {
		return random.At(0, i)*random.At(0, j) - random.At(n-1, i)*random.At(n-1, j)
	})
	of("graded", func(i, j int) float64 { return random.At(i, j) * math.Pow(10, -12*float64(i+j)/float64(n)) })
	of("huge", func(i, j int) float64 { return 1e300 * normal(i, j) })
	of("tiny", func(i, j int) float64 { return 1e-300 * normal(i, j) })
	of("denormal", func(i, j int) float64 { return math.Ldexp(math.Round(64*normal(i, j)), -1074) })
	return all
}

func TestEigh(t *testing.T) {
	withKernels(t, func(t *testing.T) {
		for _, n := range orders {
			for name, a := range symmetricKinds(n) {
				b := Dense[float64]{Rows: n, Cols: n, Stride: n + 3, Data: make([]float64, n*(n+3))}
				w := make([]float64, n)
				got := onThreads(t, name, func() []float64 {
					for i := range n {
						copy(b.Row(i)[:i+1], a.Row(i))
						for j := i + 1; j < n; j++ {
							b.Set(i, j, math.NaN())
						}
					}
					if err := (GoKernels[float64]{}).Eigh(b, w); err != nil {
						t.Fatal(err)
					}
					return slices.Concat(w, b.Clone().Data)
				})
				v := Dense[float64]{Rows: n, Cols: n, Stride: n, Data: got[n:]}
				if name != "denormal" { // values are rounded to few digits
					checkEigen(t, name, a, w, v)
				}
				var peer mat.EigenSym
				scaled, size := a.Clone(), max(maxAbs(a.Data), 0x1p-1000) // gonum fails on huge ones
				for i := range scaled.Data {
					scaled.Data[i] /= size
				}
				if !peer.Factorize(mat.NewSymDense(n, scaled.Data), false) {
					t.Fatalf("%s, n=%d: gonum fails", name, n)
				}
				values := peer.Values(nil)
				slices.Sort(values)
				for i, x := range values {
					if d := math.Abs(x - w[i]/size); !(d <= float64(n+20)/4*Epsilon[float64]()*max(math.Abs(values[0]), math.Abs(values[n-1]))+0x1p-1070/size) {
						t.Fatalf("%s, n=%d: eigenvalue %d is %v, gonum has %v", name, n, i, w[i], x*size)
					}
				}
			}
		}
	})
}

func BenchmarkEigh(b *testing.B) {
	for _, n := range []int{64, 128, 256, 512, 1024} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			a, c, w := symmetricKinds(n)["normal"], NewDense[float64](n, n), make([]float64, n)
			for b.Loop() {
				copy(c.Data, a.Data)
				if err := (GoKernels[float64]{}).Eigh(c, w); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
