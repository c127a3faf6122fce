package device

import (
	"errors"
	"math"
	"slices"
	"testing"
)

func TestTriangularSolves(t *testing.T) {
	for _, n := range []int{1, 15, 16, 17, 33, 70, 129} {
		for _, c := range []int{1, 5, 40} {
			a := normalMatrix[float64](1, n, n, n+1)
			for i := range n {
				a.Set(i, i, 10+float64(n))
			}
			for _, u := range []Uplo{Lower, Upper} {
				clean := a.Clone()
				for i := range n {
					for j := range n {
						if (u == Lower) == (j > i) && i != j {
							clean.Set(i, j, 0)
						}
					}
				}
				for _, tr := range []Trans{NoTrans, Transp} {
					for _, s := range []Side{Left, Right} {
						b, x := normalMatrix[float64](2, n, c, c), NewDense[float64](n, c)
						if s == Right {
							b = normalMatrix[float64](2, c, n, n)
							x = NewDense[float64](c, n)
						}
						x.Data = withThreads(t, "solution", func() []float64 {
							y := Dense[float64]{Rows: b.Rows, Cols: b.Cols, Stride: b.Stride, Data: slices.Clone(b.Data)}
							GoKernels[float64]{}.Trsm(s, u, tr, -2, a, y)
							return y.Data
						})
						back := NewDense[float64](b.Rows, b.Cols)
						if s == Left {
							smallProduct(tr, NoTrans, -0.5, clean, x, back)
						} else {
							smallProduct(NoTrans, tr, -0.5, x, clean, back)
						}
						for i, v := range b.Data {
							if !(math.Abs(back.Data[i]-v) <= 1e-13) {
								t.Fatalf("side %v, %v, %v, n=%d: product %v, not %v", s, u, tr, n, back.Data[i], v)
							}
						}
					}
				}
			}
		}
	}
}

func TestCholesky(t *testing.T) {
	for _, n := range []int{1, 31, 32, 33, 65, 200} {
		g, a := normalMatrix[float64](1, n, n+4, n+4), NewDense[float64](n, n)
		GoKernels[float64]{}.Syrk(NoTrans, 1, g, 0, a)
		l := a.Clone()
		if err := (GoKernels[float64]{}).Cholesky(l); err != nil {
			t.Fatal(err)
		}
		back := NewDense[float64](n, n)
		smallProduct(NoTrans, Transp, 1, l, l, back)
		for i, v := range a.Data {
			if !(math.Abs(back.Data[i]-v) <= 1e-14*float64(n*(n+20))) {
				t.Fatalf("n=%d: element %d of LLᵀ is %v, not %v", n, i, back.Data[i], v)
			}
		}
		a.Set(n-1, n-1, -1)
		if err := (GoKernels[float64]{}).Cholesky(a); !errors.Is(err, ErrNotPositiveDefinite) {
			t.Fatalf("n=%d, indefinite: %v", n, err)
		}
	}
}
