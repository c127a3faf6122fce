package polar

import (
	"fmt"
	"math"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/svd"
	"github.com/ritz-go/ritz/tests/matrices"
	"github.com/ritz-go/ritz/tests/refusal"
)

// The decomposition through the polar factor is one: for every shape and
// scale, to rounding, with a certificate that holds.
func TestDecompose(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		t.Run("f64", func(t *testing.T) { testDecompose[float64](t, dev) })
		t.Run("f32", func(t *testing.T) { testDecompose[float32](t, dev) })
	})
}

func testDecompose[T device.Float](t *testing.T, dev device.Device) {
	eps := device.Epsilon[T]()
	for _, shape := range [][2]int{{30, 30}, {50, 20}, {20, 50}, {1, 4}, {4, 1}, {1, 1}} {
		k := min(shape[0], shape[1])
		for _, decades := range []float64{0, -1, -4} {
			s := logspace(k, 0, decades)
			base := matrices.WithSpectrum[float64](51, shape[0], shape[1], s)
			for _, e := range []int{0, 90, -90} {
				a := matrices.Scaled[T](base, e)
				for _, o := range []svd.Options{{}, {Rank: (k + 1) / 2}, {Vectors: svd.None}, {Vectors: svd.Right}, {Vectors: svd.Left}} {
					name := fmt.Sprintf("%v, %g decades, 2^%d, %+v", shape, decades, e, o)
					r, err := Decompose(ctx, dev, a, o)
					if err != nil {
						t.Fatalf("%s: %v", name, err)
					}
					if r.Method != Decomposition || len(r.Failed) != 0 {
						t.Errorf("%s: by %s after %v", name, r.Method, r.Failed)
					}
					for i, σ := range r.S {
						d := math.Abs(math.Ldexp(float64(σ), -e) - s[i])
						if bound := math.Ldexp(r.Certificate.ErrorBound, -e); d > bound+4*eps || d > 50*float64(k)*eps {
							t.Errorf("%s: σ%d is off by %.3g, certified %.3g", name, i+1, d, bound)
						}
					}
					if o.Vectors == "" && o.Rank == 0 {
						var usv, us mat.Dense
						us.Mul(device.ToMat(device.Convert[float64](r.U)), mat.NewDiagDense(k, s))
						usv.Mul(&us, device.ToMat(device.Convert[float64](r.Vt)))
						usv.Sub(&usv, device.ToMat(base))
						if d := mat.Norm(&usv, 2); d > 100*float64(k)*eps {
							t.Errorf("%s: A - U·S·Vᵀ is %.3g", name, d)
						}
					}
				}
			}
		}
	}
}

// A matrix without a unique polar factor goes to another method.
func TestDecomposeDeficient(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		s := logspace(12, 0, -1)
		clear(s[8:])
		for name, a := range map[string]device.Dense[float64]{
			"rank 8": matrices.WithSpectrum[float64](52, 20, 12, s),
			"zero":   device.NewDense[float64](5, 4),
		} {
			r, err := Decompose(ctx, dev, a, svd.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if c := r.Certificate; c.Residual > 1e-14 || c.OrthogonalityU > 1e-13 || c.OrthogonalityV > 1e-13 {
				t.Errorf("%s: by %s after %v, %+v", name, r.Method, r.Failed, c)
			}
			// Rounding errors make a generic matrix one of full rank.
			if name == "zero" && (r.Method == Decomposition || len(r.Failed) != 1 || r.Failed[0].Method != Decomposition) {
				t.Errorf("%s: by %s after %v", name, r.Method, r.Failed)
			}
		}
	})
}

func TestDecomposeRefusals(t *testing.T) {
	good := matrices.Normal[float64](53, 6, 4)
	for name, bad := range refusal.Matrices(good) {
		refuses(t, name, bad.Want, func() error { _, err := Decompose(ctx, device.Go(), bad.A, svd.Options{}); return err })
	}
	for name, o := range map[string]svd.Options{"method": {Method: svd.Gram}, "tolerance": {Tol: 0.1}, "rank": {Rank: 5}, "vectors": {Vectors: "all"}} {
		refuses(t, name, device.ErrArgument, func() error { _, err := Decompose(ctx, device.Go(), good, o); return err })
	}
}
