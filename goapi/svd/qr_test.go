package svd

import (
	"context"
	"fmt"
	"math"
	"slices"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/tests/matrices"
	"github.com/ritz-go/ritz/tests/refusal"
)

func TestQR(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		both(t, dev, testQR[float64], testQR[float32])
	})
}

func testQR[T device.Float](t *testing.T, dev device.Device) {
	eps := device.Epsilon[T]()
	for name, a := range matrices.Difficult[T]() {
		b, e := matrices.Unscaled(a)
		for _, pivot := range []bool{false, true} {
			f, err := QR(ctx, dev, a, QROptions{Pivot: pivot})
			if err != nil {
				if name == "largest numbers [60 20]" || name == "a largest number" {
					continue // elements of R are norms of columns, which may be no numbers of the type
				}
				t.Errorf("%s, pivot %v: %v", name, pivot, err)
				continue
			}
			label := fmt.Sprintf("%s, pivot %v", name, pivot)
			k := min(a.Rows, a.Cols)
			if f.Q.Cols != k || f.R.Rows != k || (f.Pivots == nil) == pivot {
				t.Fatalf("%s: Q has %d columns, R %d rows, pivots %v", label, f.Q.Cols, f.R.Rows, f.Pivots)
			}
			q, r := device.Convert[float64](f.Q), device.Convert[float64](f.R)
			for i := range k {
				for j, v := range f.R.Row(i) {
					r.Set(i, j, math.Ldexp(float64(v), -e))
					if j < i && v != 0 || j == i && v < 0 {
						t.Errorf("%s: R holds %v at row %d, column %d", label, v, i, j)
					}
				}
			}
			var d, g mat.Dense
			d.Mul(device.ToMat(q), device.ToMat(r))
			sorted := b.Clone()
			if pivot {
				order := slices.Clone(f.Pivots)
				for j, from := range order {
					for i := range b.Rows {
						sorted.Set(i, j, b.At(i, from))
					}
				}
				if slices.Sort(order); !slices.Equal(order, sequence(a.Cols)) {
					t.Errorf("%s: pivots %v", label, f.Pivots)
				}
			}
			d.Sub(&d, device.ToMat(sorted))
			size := mat.Norm(device.ToMat(b), 2)
			grain := math.Ldexp(matrices.Least[T](), -e) * math.Sqrt(float64(len(b.Data)))
			if residual := mat.Norm(&d, 2); residual > 10*float64(max(a.Rows, a.Cols))*eps*size+grain {
				t.Errorf("%s: residual %.3g of %.3g", label, residual, size)
			}
			g.Mul(device.ToMat(q).T(), device.ToMat(q))
			for i := range k {
				g.Set(i, i, g.At(i, i)-1)
			}
			if loss := mat.Norm(&g, 2); loss > 10*float64(a.Rows)*eps || f.Certificate.Orthogonality < loss/math.Sqrt(float64(k))-8*0x1p-52 {
				t.Errorf("%s: orthogonality %.3g, certified %.3g", label, loss, f.Certificate.Orthogonality)
			}
			if !(f.Certificate.Residual < 10*float64(max(a.Rows, a.Cols))*eps) {
				t.Errorf("%s: certified residual %.3g", label, f.Certificate.Residual)
			}
		}
	}
}

func sequence(n int) []int {
	s := make([]int, n)
	for i := range s {
		s[i] = i
	}
	return s
}

// Pivoting tells the rank where there is a gap, and puts the diagonal in
// descending order.
func TestPivotedRank(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		both(t, dev, testPivotedRank[float64], testPivotedRank[float32])
	})
}

func testPivotedRank[T device.Float](t *testing.T, dev device.Device) {
	for _, shape := range [][2]int{{20, 20}, {60, 20}, {20, 35}, {7, 1}, {1, 7}} {
		k := min(shape[0], shape[1])
		for rank := range min(k, 9) + 1 {
			s := logspace(k, 0, -1)
			clear(s[rank:])
			a := withSpectrum[T](91, shape[0], shape[1], s)
			if rank == 0 {
				clear(a.Data)
			}
			f, err := QR(ctx, dev, a, QROptions{Pivot: true})
			if err != nil {
				t.Fatal(err)
			}
			if f.Rank != rank {
				t.Errorf("%v: rank %d, want %d", shape, f.Rank, rank)
			}
			for i := 1; i < k; i++ {
				if f.R.At(i, i) > f.R.At(i-1, i-1)*(1+1e-6) {
					t.Errorf("%v: diagonal %v after %v", shape, f.R.At(i, i), f.R.At(i-1, i-1))
				}
			}
		}
	}
}

// Solutions are those of the singular value decomposition, the shortest ones,
// for every shape and rank.
func TestQRLeastSquares(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		both(t, dev, testQRLeastSquares[float64], testQRLeastSquares[float32])
	})
}

func testQRLeastSquares[T device.Float](t *testing.T, dev device.Device) {
	for _, shape := range [][2]int{{30, 12}, {12, 12}, {12, 30}, {5, 1}, {1, 5}} {
		k := min(shape[0], shape[1])
		for _, rank := range []int{k, (k + 1) / 2} {
			s := logspace(k, 0, -1)
			clear(s[rank:])
			a, b := withSpectrum[T](92, shape[0], shape[1], s), normal[T](93, shape[0], 3)
			whole, err := Compute(ctx, dev, a, Options{})
			if err != nil {
				t.Fatal(err)
			}
			want, err := LeastSquares(dev, whole, b, 1e-4)
			if err != nil {
				t.Fatal(err)
			}
			for _, pivot := range []bool{true, false} {
				if !pivot && rank < k {
					continue
				}
				f, err := QR(ctx, dev, a, QROptions{Pivot: pivot, Tol: 1e-4})
				if err != nil {
					t.Fatal(err)
				}
				got, err := f.LeastSquares(dev, b)
				if err != nil {
					t.Fatal(err)
				}
				limit := 1e4 * device.Epsilon[T]()
				for i, x := range got.X.Data {
					if d := math.Abs(float64(x - want.X.Data[i])); d > limit {
						t.Fatalf("%v, rank %d, pivot %v: X differs by %.3g", shape, rank, pivot, d)
					}
				}
				for j, r := range got.Residual {
					if d := math.Abs(r - want.Residual[j]); d > limit || got.Rank != rank {
						t.Errorf("%v, rank %d, pivot %v: residual %v, want %v; rank %d", shape, rank, pivot, r, want.Residual[j], got.Rank)
					}
				}
			}
		}
	}
	zero, err := QR(ctx, dev, device.NewDense[T](4, 3), QROptions{Pivot: true})
	if err != nil {
		t.Fatal(err)
	}
	if s, err := zero.LeastSquares(dev, normal[T](94, 4, 1)); err != nil || s.Rank != 0 || s.X.At(0, 0) != 0 {
		t.Errorf("zero matrix: %+v, %v", s, err)
	}
}

func TestQRRefusals(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		both(t, dev, testQRRefusals[float64], testQRRefusals[float32])
	})
}

func testQRRefusals[T device.Float](t *testing.T, dev device.Device) {
	good := normal[T](95, 6, 4)
	for name, bad := range refusal.Matrices(good) {
		for _, pivot := range []bool{false, true} {
			refuses(t, name, bad.Want, func() error { _, err := QR(ctx, dev, bad.A, QROptions{Pivot: pivot}); return err })
		}
	}
	for _, tol := range []float64{-1, 1, math.NaN(), math.Inf(1)} {
		refuses(t, "tolerance", device.ErrArgument, func() error { _, err := QR(ctx, dev, good, QROptions{Pivot: true, Tol: tol}); return err })
	}
	huge := matrices.Filled[T](9, 3, func(int, int) float64 { return matrices.Largest[T]() })
	refuses(t, "overflow", device.ErrNotFinite, func() error { _, err := QR(ctx, dev, huge, QROptions{}); return err })
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	refuses(t, "cancelled", context.Canceled, func() error { _, err := QR(cancelled, dev, good, QROptions{Pivot: true}); return err })
	refuses(t, "no device", device.ErrClosed, func() error { _, err := QR[T](ctx, nil, good, QROptions{}); return err })

	f, err := QR(ctx, dev, good, QROptions{})
	if err != nil {
		t.Fatal(err)
	}
	singular, err := QR(ctx, dev, device.NewDense[T](5, 3), QROptions{})
	if err != nil {
		t.Fatal(err)
	}
	for name, bad := range refusal.Matrices(normal[T](96, 6, 2)) {
		refuses(t, "B, "+name, bad.Want, func() error { _, err := f.LeastSquares(dev, bad.A); return err })
	}
	refuses(t, "rows of B", device.ErrShape, func() error { _, err := f.LeastSquares(dev, normal[T](97, 5, 1)); return err })
	refuses(t, "singular", device.ErrArgument, func() error { _, err := singular.LeastSquares(dev, normal[T](97, 5, 1)); return err })
	refuses(t, "no factorization", device.ErrArgument, func() error { _, err := new(QRFactors[T]).LeastSquares(dev, good); return err })
}

func ExampleQR() {
	// The third column is the sum of the others.
	a := device.Dense[float64]{Rows: 4, Cols: 3, Stride: 3, Data: []float64{
		1, 0, 1,
		1, 1, 2,
		1, 2, 3,
		1, 3, 4,
	}}
	f, err := QR(ctx, device.Go(), a, QROptions{Pivot: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	s, err := f.LeastSquares(device.Go(), device.Dense[float64]{Rows: 4, Cols: 1, Stride: 1, Data: []float64{2, 4, 6, 8}})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("rank %d, x = %.4f, residual below 1e-14: %v\n", s.Rank, s.X.Data, s.Residual[0] < 1e-14)
	// Output: rank 2, x = [0.6667 0.6667 1.3333], residual below 1e-14: true
}
