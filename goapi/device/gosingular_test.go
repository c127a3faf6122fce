package device

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"gonum.org/v1/gonum/mat"
)

// checkSVD checks A = U·diag(σ)·Vᵀ and the orthogonality of both sets of
// vectors against multiples of the larger dimension times eps.
func checkSVD(t *testing.T, name string, a, u Dense[float64], σ []float64, vt Dense[float64]) {
	t.Helper()
	eps := Epsilon[float64]()
	m, n, k := a.Rows, a.Cols, len(σ)
	for i, v := range σ {
		if !(v >= 0) || i > 0 && v > σ[i-1] {
			t.Fatalf("%s, %d×%d: singular values %v", name, m, n, σ)
		}
	}
	size := max(math.SmallestNonzeroFloat64, maxAbs(a.Data))
	norm := max(1, σ[0]/size)
	allowed := eps * float64(max(m, n)+20)
	lost := func(what string, x Dense[float64], tx, ty Trans) {
		t.Helper()
		g := NewDense[float64](k, k)
		product(tx, ty, 1, x, x, g, false)
		for i := range k {
			g.Data[i*k+i]--
		}
		if l := maxAbs(g.Data); !(l <= allowed) {
			t.Errorf("%s, %d×%d: %s are orthogonal to %.1f eps", name, m, n, what, l/eps)
		}
	}
	lost("left vectors", u, Transp, NoTrans)
	lost("right vectors", vt, NoTrans, Transp)
	us, rest := u.Clone(), NewDense[float64](m, n)
	for i := range m {
		for j, v := range σ {
			us.Data[i*us.Stride+j] *= v / size
		}
		for j, v := range a.Row(i) {
			rest.Set(i, j, v/size)
		}
	}
	product(NoTrans, NoTrans, -1, us, vt, rest, false)
	if r := maxAbs(rest.Data); !(r <= allowed*norm) {
		t.Errorf("%s, %d×%d: residual %.1f eps", name, m, n, r/eps/norm)
	}
}

func TestBidiagonalSVD(t *testing.T) {
	for _, n := range orders {
		for name, b := range tridiagonalKinds(n) {
			a := NewDense[float64](n, n)
			for i, v := range b[0] {
				a.Set(i, i, v)
			}
			for i, v := range b[1] {
				a.Set(i, i+1, v)
			}
			σ, u, v := bidiagonalSVD(newWorkspace(goFactors{}), slices.Clone(b[0]), slices.Clone(b[1]))
			checkSVD(t, name, a, u.T(), σ, v)
		}
	}
}

// rectangularKinds are m×n matrices.
func rectangularKinds(m, n int) map[string]Dense[float64] {
	all := map[string]Dense[float64]{}
	random := normalMatrix[float64](1, m, n, n)
	of := func(name string, f func(i, j int) float64) {
		a := NewDense[float64](m, n)
		for i := range m {
			for j := range n {
				a.Set(i, j, f(i, j))
			}
		}
		all[name] = a
	}
	normal := func(i, j int) float64 { return random.At(i, j) }
	delta := func(i, j int) float64 {
		if i == j {
			return 1
		}
		return 0
	}
	of("normal", normal)
	of("zero", func(i, j int) float64 { return 0 })
	of("ones", func(i, j int) float64 { return 1 })
	of("identity", delta)
	of("diagonal", func(i, j int) float64 { return delta(i, j) * math.Pow(10, -200*float64(i)/float64(m)) })
	of("rank 2", func(i, j int) float64 {
		return random.At(0, j)*random.At(i, 0) - random.At(m-1, j)*random.At(i, n-1)
	})
	of("columns graded", func(i, j int) float64 { return normal(i, j) * math.Pow(10, -20*float64(j)/float64(n)) })
	of("rows graded", func(i, j int) float64 { return normal(i, j) * math.Pow(10, 20*float64(i)/float64(m)) })
	of("graded far", func(i, j int) float64 { return normal(i, j) * math.Pow(10, -300*float64(i+j)/float64(m+n)) })
	of("Kahan", func(i, j int) float64 { // ill-conditioned, triangular
		switch s := math.Pow(0.9, float64(i)); {
		case i == j:
			return s
		case i < j:
			return -0.43 * s
		}
		return 0
	})
	of("huge", func(i, j int) float64 { return 1e300 * normal(i, j) })
	of("tiny", func(i, j int) float64 { return 1e-300 * normal(i, j) })
	of("denormal", func(i, j int) float64 { return math.Ldexp(math.Round(64*normal(i, j)), -1074) })
	return all
}

func TestSVD(t *testing.T) {
	shapes := [][2]int{{1, 1}, {1, 7}, {7, 1}, {2, 2}, {3, 5}, {32, 32}, {33, 33}, {34, 70}, {66, 65}, {65, 129}, {200, 200}, {200, 90}}
	withKernels(t, func(t *testing.T) {
		for _, s := range shapes {
			m, n := s[0], s[1]
			k := min(m, n)
			for name, a := range rectangularKinds(m, n) {
				b := Dense[float64]{Rows: m, Cols: n, Stride: n + 2, Data: make([]float64, m*(n+2))}
				u, σ, vt := NewDense[float64](m, k), make([]float64, k), NewDense[float64](k, n)
				onThreads(t, name, func() []float64 {
					copyRows(b, a)
					if err := (GoKernels[float64]{}).SVD(b, u, σ, vt); err != nil {
						t.Fatal(err)
					}
					return slices.Concat(σ, u.Data, vt.Data)
				})
				if name == "denormal" { // values are rounded to few digits
					continue
				}
				checkSVD(t, name, a, u, σ, vt)
				alone := make([]float64, k)
				copyRows(b, a)
				if err := (GoKernels[float64]{}).SVD(b, Dense[float64]{}, alone, Dense[float64]{}); err != nil {
					t.Fatal(err)
				}
				scaled, size := a.Clone(), max(maxAbs(a.Data), 0x1p-1000)
				for i := range scaled.Data {
					scaled.Data[i] /= size
				}
				var peer mat.SVD
				if !peer.Factorize(ToMat(scaled), mat.SVDNone) {
					t.Fatalf("%s, %v: gonum fails", name, s)
				}
				for i, x := range peer.Values(nil) {
					allowed := float64(max(m, n)+20) / 2 * Epsilon[float64]() * σ[0] / size
					if !(math.Abs(x-σ[i]/size) <= allowed) || !(math.Abs(x-alone[i]/size) <= allowed) {
						t.Fatalf("%s, %v: singular value %d is %v, alone %v, gonum has %v", name, s, i, σ[i], alone[i], x*size)
					}
				}
			}
		}
	})
}

func BenchmarkSVD(b *testing.B) {
	for _, n := range []int{64, 128, 256, 512, 1024} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			a := normalMatrix[float64](1, n, n, n)
			c, u, σ, vt := a.Clone(), NewDense[float64](n, n), make([]float64, n), NewDense[float64](n, n)
			for b.Loop() {
				copy(c.Data, a.Data)
				if err := (GoKernels[float64]{}).SVD(c, u, σ, vt); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
