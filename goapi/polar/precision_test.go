package polar

import (
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
					if dev.Info().Backend != "CUDA" && off != 0 || !(off <= 400*p.Unit()*side) {
						t.Errorf("%s %v, %v: %.3g from the exact steps", o.Method, shape, p, off)
					}
					if dev.Info().Backend == "CUDA" && off < p.Unit()/100 {
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
