package svd

import (
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/ritz-go/ritz/goapi/device"
)

// Tall matrices of every condition, from those that one Gram matrix does to
// those that Cholesky QR refuses.
func TestTallConditions(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		both(t, dev, testTallConditions[float64], testTallConditions[float32])
	})
}

func testTallConditions[T device.Float](t *testing.T, dev device.Device) {
	const m, n = 300, 20
	eps := device.Epsilon[T]()
	for i, κ := range []float64{1, 7.5, 8.5, 1e3, 2.9e3, 3.3e3, 1e6, 1e9, 1e13} {
		s := logspace(n, 0, -math.Log10(κ))
		a := withSpectrum[T](uint64(i), m, n, s)
		r, err := Compute(ctx, dev, a, Options{})
		if err != nil {
			t.Fatal(err)
		}
		what := fmt.Sprintf("κ=%g", κ)
		for j, want := range s {
			if d := math.Abs(float64(r.S[j]) - want); !(d <= 10*eps && d <= r.Certificate.ErrorBound+2*eps) {
				t.Errorf("%s: value %d is off by %.3g, certified %.3g", what, j, d, r.Certificate.ErrorBound)
			}
		}
		residual, orthU, orthV := trueErrors(a, r)
		// Rounding errors of eigenvectors of n elements add to those of products;
		// deflation makes the product with the basis, over m rows, as well.
		allowed := 2 * n * eps
		if r.Method == Tall && κ >= 1e9 {
			allowed = 3 * n * eps
		}
		if !(residual <= allowed && orthU <= 40*eps && orthV <= 40*eps) {
			t.Errorf("%s: residual %.3g, orthogonality %.3g and %.3g", what, residual, orthU, orthV)
		}
		c := r.Certificate
		if !(orthU <= c.OrthogonalityU+100*eps*eps && orthV <= c.OrthogonalityV+0x1p-52*n && residual <= 2*c.Residual+0x1p-50) {
			t.Errorf("%s: certified %+v, true %.3g, %.3g and %.3g", what, c, residual, orthU, orthV)
		}
	}
}

// The first pass over a tall matrix finds what is not finite; where it stands
// is looked up afterwards.
func TestTallNotFinite(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		for _, bad := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
			a := normal[float64](1, 500, 7)
			a.Set(321, 5, bad)
			_, err := Compute(ctx, dev, a, Options{})
			var e *device.NotFiniteError
			if !errors.As(err, &e) || e.Row != 321 || e.Col != 5 {
				t.Errorf("%v: error %v", bad, err)
			}
		}
	})
}
