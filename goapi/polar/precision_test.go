package polar

import (
	"errors"
	"math"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/ritz-go/ritz/goapi/device"
)

// Steps of rounded products stay near the exact ones, by the rounding times
// what the steps amplify, and the certificate holds. Where a device gains
// nothing by rounding the results are the same.
func TestRoundedProducts(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		for _, shape := range [][2]int{{20, 50}, {50, 20}} {
			a := device.Convert[float32](device.FromMat(boxMuller(3, shape[0], shape[1]).a))
			want := device.ToMat(exactPolar(device.Convert[float64](a), 1e-9))
			for _, o := range []Options{{Method: Muon}, {Method: Express, Steps: 8}} {
				exact, err := Compute(t.Context(), dev, a, o)
				if err != nil {
					t.Fatal(err)
				}
				for _, p := range []device.Precision{device.TF32, device.BF16, device.FP16} {
					o.Precision = p
					r, err := Compute(t.Context(), dev, a, o)
					if err != nil {
						t.Fatalf("%s %v, %v: %v", o.Method, shape, p, err)
					}
					off := 0.0
					for i := range r.Q.Rows {
						for j := range r.Q.Cols {
							off = math.Hypot(off, float64(r.Q.At(i, j)-exact.Q.At(i, j)))
						}
					}
					// The smallest singular values are amplified some hundred times.
					side := math.Sqrt(float64(min(shape[0], shape[1])))
					rounds := r.Precision != device.Exact
					if rounds && r.Precision != p || !rounds && off != 0 || !(off <= 400*p.Unit()*side) {
						t.Errorf("%s %v, %v: %.3g from the exact steps, reported as %v", o.Method, shape, p, off, r.Precision)
					}
					if rounds && off < p.Unit()/100 {
						t.Errorf("%s %v, %v: nothing was rounded", o.Method, shape, p)
					}
					var d mat.Dense
					d.Sub(device.ToMat(device.Convert[float64](r.Q)), want)
					if e := spectralNorm(&d); !(e <= r.Certificate.ErrorBound) {
						t.Errorf("%s %v, %v: polar error %.3g, certified %.3g", o.Method, shape, p, e, r.Certificate.ErrorBound)
					}
				}
			}
		}
	})
}

// With an error to reach, exact steps follow the rounded ones. Where rounding
// has turned the directions too far, all steps are exact.
func TestRoundedStepsAreRepaired(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		for _, c := range []struct {
			κ, err float64
			repair bool
		}{{4, 0.1, true}, {1e4, 0.1, false}, {4, 1e-4, false}} {
			σ := make([]float64, 40)
			for i := range σ {
				σ[i] = math.Pow(c.κ, -float64(i)/39)
			}
			m := device.Convert[float32](device.FromMat(withSpectrum(9, 60, 40, σ).a))
			for _, a := range []device.Dense[float32]{m, m.T()} {
				o := Options{Method: Express, Lower: 0.9 / c.κ, Error: c.err, Precision: device.BF16}
				r, err := Compute(t.Context(), dev, a, o)
				if err != nil {
					t.Fatalf("κ=%v error=%v: %v", c.κ, c.err, err)
				}
				var d mat.Dense
				d.Sub(device.ToMat(device.Convert[float64](r.Q)), device.ToMat(exactPolar(device.Convert[float64](a), 1e-9)))
				if e := spectralNorm(&d); !(e <= r.Certificate.ErrorBound && r.Certificate.ErrorBound <= c.err) {
					t.Errorf("κ=%v: polar error %.3g, certified %.3g, wanted %.3g", c.κ, e, r.Certificate.ErrorBound, c.err)
				}
				if r.Precision == device.BF16 != (c.repair && rounds(dev)) {
					t.Errorf("κ=%v error=%v: products in %v", c.κ, c.err, r.Precision)
				}
				if c.repair && !(r.Certificate.Orthogonality < 0.1) {
					t.Errorf("κ=%v: ‖QQᵀ-I‖ = %.3g", c.κ, r.Certificate.Orthogonality)
				}
			}
		}
	})
}

// rounds reports whether a device gains by products of bfloat16.
func rounds(dev device.Device) bool {
	q := device.NewQueue[float32](dev)
	defer q.Close()
	got, end := device.Round(q, device.BF16)
	end()
	return got != device.Exact
}

// Without a certificate the result is the same, nil stands for what is not
// known, and numbers that are not finite are found all the same.
func TestNoCertificate(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		for _, m := range []Method{Muon, You, Turbo, Express} {
			for _, shape := range [][2]int{{7, 20}, {20, 7}} {
				a := device.FromMat(boxMuller(3, shape[0], shape[1]).a)
				with, err := Compute(t.Context(), dev, a, Options{Method: m, Steps: 4})
				if err != nil {
					t.Fatal(err)
				}
				without, err := Compute(t.Context(), dev, a, Options{Method: m, Steps: 4, NoCertificate: true})
				if err != nil {
					t.Fatal(err)
				}
				if without.Certificate != nil || with.Certificate == nil {
					t.Errorf("%s: certificates %v and %v", m, with.Certificate, without.Certificate)
				}
				if d := largestDifference(with.Q, without.Q); d != 0 {
					t.Errorf("%s: off by %g without a certificate", m, d)
				}
			}
		}
		zero, err := Compute(t.Context(), dev, device.NewDense[float64](3, 4), Options{Method: Muon, NoCertificate: true})
		if err != nil || zero.Certificate != nil {
			t.Errorf("zero matrix: %v, %v", zero, err)
		}
		wild := []Coefficients{{A: 1e200, B: 1e200, C: 1e200}, {A: 1e200, B: 1e200, C: 1e200}}
		_, err = Compute(t.Context(), dev, device.FromMat(boxMuller(3, 4, 5).a), Options{Method: Custom, Coefficients: wild, NoCertificate: true})
		if !errors.Is(err, device.ErrNotFinite) {
			t.Errorf("overflow: %v", err)
		}
	})
}
