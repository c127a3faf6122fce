package svd

import (
	"fmt"
	"math"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/ritz-go/ritz/goapi/device"
)

// Columns and rows of the matrix approximate it about as well as the best
// factors do, and the stated error is the true one.
func TestInterpolative(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		both(t, dev, testInterpolative[float64], testInterpolative[float32])
	})
}

func testInterpolative[T device.Float](t *testing.T, dev device.Device) {
	eps := device.Epsilon[T]()
	for _, c := range []struct {
		m, n, k  int
		spectrum []float64
	}{
		{60, 40, 10, logspace(40, 0, -6)}, {40, 60, 10, logspace(40, 0, -6)}, {30, 30, 30, logspace(30, 0, -2)},
		{50, 30, 9, append(logspace(6, 0, -1), make([]float64, 24)...)}, {12, 5, 1, logspace(5, 30, 29)}, {1, 1, 1, []float64{2}},
		{8, 6, 2, make([]float64, 6)},
	} {
		name := fmt.Sprintf("%d×%d, rank %d", c.m, c.n, c.k)
		a := withSpectrum[T](101, c.m, c.n, c.spectrum)
		all, best := 0.0, 0.0
		for i, s := range c.spectrum {
			all += s * s
			if i >= c.k {
				best += s * s
			}
		}
		best = relative(math.Sqrt(best), math.Sqrt(all))
		id, err := Interpolate(ctx, dev, a, c.k, 1)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		A, Z := device.ToMat(device.Convert[float64](a)), device.ToMat(device.Convert[float64](id.Z))
		C, R := mat.NewDense(c.m, c.k, nil), mat.NewDense(c.k, c.n, nil)
		seen := map[int]bool{}
		for i, j := range id.Columns {
			seen[j] = true
			C.SetCol(i, mat.Col(nil, j, A))
			for r := range c.k {
				if want := map[bool]float64{true: 1}[r == i]; Z.At(r, j) != want {
					t.Errorf("%s: Z is not the identity in its columns", name)
				}
			}
		}
		if len(seen) != c.k {
			t.Errorf("%s: columns %v repeat", name, id.Columns)
		}
		checkProduct(t, name, A, id.Residual, best, eps, C, Z)
		// With pivoting, growth beyond this takes matrices made for it.
		if largest := mat.Max(Z); largest > 10 || mat.Min(Z) < -10 {
			t.Errorf("%s: Z has entries up to %.3g", name, largest)
		}

		s, err := Skeletonize(ctx, dev, a, c.k, 1)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for i, j := range s.Columns {
			C.SetCol(i, mat.Col(nil, j, A))
			R.SetRow(i, mat.Row(nil, s.Rows[i], A))
		}
		checkProduct(t, name+", skeleton", A, s.Residual, best, 1e2*eps, C, device.ToMat(device.Convert[float64](s.U)), R)
	}
	// The first ten columns are one and the same: without a choice among them
	// and the others, rank 11 would not do.
	same := normal[T](103, 30, 20)
	for i := range same.Rows {
		for j := range 10 {
			same.Set(i, j, same.At(i, 0))
		}
	}
	id, err := Interpolate(ctx, dev, same, 11, 1)
	if err != nil || id.Residual > 1e2*eps {
		t.Errorf("ten equal columns: residual %.3g, %v", id.Residual, err)
	}
	s, err := Skeletonize(ctx, dev, same, 11, 1)
	if err != nil || s.Residual > 1e4*eps {
		t.Errorf("ten equal columns: residual %.3g of the skeleton, %v", s.Residual, err)
	}
	a := normal[T](102, 6, 5)
	bad := a.Clone()
	bad.Set(2, 2, T(math.Inf(1)))
	for name, c := range map[string]struct {
		a    device.Dense[T]
		k    int
		want error
	}{
		"rank 0": {a, 0, device.ErrArgument}, "rank > n": {a, 6, device.ErrArgument}, "infinite": {bad, 2, device.ErrNotFinite},
		"empty": {device.Dense[T]{}, 1, device.ErrEmpty},
	} {
		refuses(t, name, c.want, func() error { _, err := Interpolate(ctx, dev, c.a, c.k, 0); return err })
		refuses(t, name, c.want, func() error { _, err := Skeletonize(ctx, dev, c.a, c.k, 0); return err })
	}
}

// checkProduct compares the product of the factors with A.
func checkProduct(t *testing.T, name string, a *mat.Dense, stated, best, eps float64, factors ...mat.Matrix) {
	t.Helper()
	var p, d mat.Dense
	p.Product(factors...)
	d.Sub(a, &p)
	residual := relative(mat.Norm(&d, 2), mat.Norm(a, 2))
	if math.Abs(residual-stated) > 1e-3*stated+1e2*eps {
		t.Errorf("%s: residual %.6g, stated %.6g", name, residual, stated)
	}
	// A factor of √(1 + k(n-k)) is possible for the best choice of columns.
	if residual > 10*best+1e2*eps {
		t.Errorf("%s: residual %.3g, best %.3g", name, residual, best)
	}
}
