package device

import (
	"fmt"
	"math"
	"runtime"
	"slices"
	"testing"

	"github.com/ritz-go/ritz/goapi/rng"
)

// withKernels runs f with each of the kernels that this machine has.
func withKernels(t *testing.T, f func(t *testing.T)) {
	best := simd
	defer func() { simd = best }()
	for simd = plainGo; simd <= best; simd++ {
		t.Run(fmt.Sprintf("level %d", simd), f)
	}
}

// withThreads returns f's result, which must be the same for 1, 2 and 7
// goroutines.
func withThreads[T Float](t *testing.T, what string, f func() []T) []T {
	t.Helper()
	var first []T
	for _, n := range []int{1, 2, 7} {
		was := runtime.GOMAXPROCS(n)
		x := f()
		runtime.GOMAXPROCS(was)
		if first == nil {
			first = x
		} else if !slices.Equal(first, x) {
			t.Fatalf("%s: another result on %d threads", what, n)
		}
	}
	return first
}

// onThreads is withThreads for some of the matrices, named so, and f for the
// others.
func onThreads(t *testing.T, name string, f func() []float64) []float64 {
	t.Helper()
	if name == "normal" || name == "rank 2" {
		return withThreads(t, name, f)
	}
	return f()
}

func normalMatrix[T Float](stream uint64, m, n, stride int) Dense[T] {
	a := Dense[T]{Rows: m, Cols: n, Stride: stride, Data: make([]T, m*stride)}
	rng.Normal(11, stream, 0, a.Data)
	return a
}

func TestProducts(t *testing.T) {
	withKernels(t, func(t *testing.T) {
		t.Run("float32", testProducts[float32])
		t.Run("float64", testProducts[float64])
	})
}

func testProducts[T Float](t *testing.T) {
	for _, s := range [][3]int{{1, 1, 1}, {1, 1, 300}, {1, 40, 7}, {40, 1, 7}, {4, 12, 5}, {4, 24, 256}, {4, 48, 3}, {5, 49, 257}, {97, 13, 31}, {130, 61, 300}, {3, 4100, 2}, {200, 130, 64}} {
		m, n, k := s[0], s[1], s[2]
		for _, tA := range []Trans{NoTrans, Transp} {
			for _, tB := range []Trans{NoTrans, Transp} {
				a, b := normalMatrix[T](1, m, k, k+3), normalMatrix[T](2, k, n, n+1)
				x, y := a, b
				if tA == Transp {
					x = a.T()
				}
				if tB == Transp {
					y = b.T()
				}
				for _, β := range []T{0, -2} {
					c := normalMatrix[T](3, m, n, n+5)
					got := withThreads(t, "product", func() []T {
						d := Dense[T]{Rows: m, Cols: n, Stride: n + 5, Data: slices.Clone(c.Data)}
						GoKernels[T]{}.Gemm(tA, tB, 0.5, x, y, β, d)
						return d.Data
					})
					for i := range m {
						for j := range n + 5 {
							at := i*(n+5) + j
							if j >= n {
								if got[at] != c.Data[at] {
									t.Fatalf("%v: wrote behind row %d", s, i)
								}
								continue
							}
							want, size := float64(β)*float64(c.Data[at]), math.Abs(float64(c.Data[at]))
							for p := range k {
								v := 0.5 * float64(a.At(i, p)) * float64(b.At(p, j))
								want += v
								size += math.Abs(v)
							}
							if d := math.Abs(float64(got[at]) - want); !(d <= 2*Epsilon[T]()*float64(k+3)*size) {
								t.Fatalf("%v %v%v β=%v: (%d,%d) is %v, not %v", s, tA, tB, β, i, j, got[at], want)
							}
						}
					}
				}
			}
		}
	}
	for _, n := range []int{1, 5, 130, 300} {
		a, c := normalMatrix[T](4, n, 40, 41), NewDense[T](n, n)
		GoKernels[T]{}.Syrk(NoTrans, 1, a, 0, c)
		d := NewDense[T](n, n)
		GoKernels[T]{}.Gemm(NoTrans, Transp, 1, a, a, 0, d)
		for i := range n {
			for j := range n {
				if c.At(i, j) != c.At(j, i) || math.Abs(float64(c.At(i, j)-d.At(i, j))) > 100*Epsilon[T]() {
					t.Fatalf("AAᵀ of %d rows: (%d,%d) is %v and %v, not %v", n, i, j, c.At(i, j), c.At(j, i), d.At(i, j))
				}
			}
		}
	}
}

func TestVectorKernels(t *testing.T) {
	withKernels(t, func(t *testing.T) {
		for _, s := range [][2]int{{1, 1}, {3, 5}, {4, 4}, {5, 7}, {6, 8}, {7, 12}, {9, 15}, {130, 300}, {301, 513}} {
			m, n := s[0], s[1]
			a := normalMatrix[float64](1, m, n, n+2)
			x, y := normalMatrix[float64](2, 1, n, n).Data, normalMatrix[float64](3, 1, m, m).Data
			ax := withThreads(t, "A·x", func() []float64 { out := make([]float64, m); dotRows(a, x, out); return out })
			aty := withThreads(t, "Aᵀ·y", func() []float64 { out := slices.Clone(x); addRows(-2, a, y, out); return out })
			for i := range m {
				if want := inner(a.Row(i), x); !(math.Abs(ax[i]-want) < 1e-12) {
					t.Fatalf("%v: (A·x)(%d) = %v, not %v", s, i, ax[i], want)
				}
			}
			for j := range n {
				want := x[j]
				for i := range m {
					want -= 2 * a.At(i, j) * y[i]
				}
				if !(math.Abs(aty[j]-want) < 1e-12) {
					t.Fatalf("%v: (Aᵀ·y)(%d) = %v, not %v", s, j, aty[j], want)
				}
			}
		}
		for n := range 14 { // both in one
			a := normalMatrix[float64](1, 4, n, n+1)
			x, y := normalMatrix[float64](2, 1, n+1, n+1).Data, normalMatrix[float64](3, 1, n+1, n+1).Data
			p := [4]float64{1, -2, 3, 0.5}
			var out, dots [4]float64
			sums := slices.Clone(y)
			if n > 0 {
				addFour(n, a.Data, a.Stride, &p, sums)
			}
			dotFour(n, a.Data, a.Stride, x, &dots)
			bothFour(n, a.Data, a.Stride, &p, x, y, &out)
			for j := range y {
				if !(math.Abs(sums[j]-y[j]) < 1e-13) {
					t.Fatalf("n=%d: sum %d is %v, not %v", n, j, y[j], sums[j])
				}
			}
			for r := range out {
				if !(math.Abs(out[r]-dots[r]) < 1e-13) {
					t.Fatalf("n=%d: product %d is %v, not %v", n, r, out[r], dots[r])
				}
			}
		}
	})
}

func BenchmarkProduct(b *testing.B) {
	for _, n := range []int{64, 256, 512, 1024} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			x, y := normalMatrix[float64](1, n, n, n), NewDense[float64](n, n)
			for b.Loop() {
				GoKernels[float64]{}.Gemm(NoTrans, NoTrans, 1, x, x, 0, y)
			}
			b.ReportMetric(2*float64(n*n*n*b.N)/b.Elapsed().Seconds()/1e9, "Gflop/s")
		})
	}
}
