package polar

import (
	"math"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/ritz-go/ritz/goapi/device"
)

// Each long step is the best of its degree: its error takes its largest value
// as often as it has coefficients, and once more, with alternating signs; the
// shortest is the step of the Polar Express.
func TestLongStepsEquioscillate(t *testing.T) {
	for _, l := range []float64{0.9, 0.5, 0.1, 0.01} {
		for k := 1; k <= longest; k++ {
			s := series(l, 1, k)
			left := s.left()
			if left < 1e-13 { // rounding errors hide it
				continue
			}
			extremes, last := 0, 0.0
			for i := range 100001 {
				x := math.Pow(l, 1-float64(i)/100000)
				e := 1 - s.at(x)
				if math.Abs(e) > left*(1+1e-2) {
					t.Fatalf("l=%v k=%d: error %.4g at %v, said to be at most %.4g", l, k, e, x, left)
				}
				if math.Abs(e) > 0.98*left && e*last <= 0 {
					extremes, last = extremes+1, e
				}
			}
			if extremes != len(s.series)+1 {
				t.Errorf("l=%v k=%d: %d extremes for %d coefficients", l, k, extremes, len(s.series))
			}
		}
		p := minimaxQuintic(l, 1)
		s := series(l, 1, 1)
		for _, x := range []float64{l, 0.3, 0.95} {
			if d := math.Abs(p.At(x) - s.at(x)); d > 2e-3*math.Abs(1-p.At(l)) {
				t.Errorf("l=%v: %.9g and %.9g at %v", l, p.At(x), s.at(x), x)
			}
		}
	}
}

// A sequence of long steps reaches the deviation that it is for.
func TestLongStepsConverge(t *testing.T) {
	for _, lower := range []float64{0.9, 0.3, 1e-2, 1e-4, 1e-7} {
		for _, want := range []float64{0.3, 1e-3, 1e-14} {
			for k := 1; k <= longest; k++ {
				if d := deviation(minimaxTo(lower, want, k), lower); d > max(want, 1e-15)*(1+1e-2)+2e-15 {
					t.Errorf("[%v,1] to %v by k=%d: %.3g", lower, want, k, d)
				}
			}
		}
	}
}

// Long and Newton steps, with products in either form, give the factor for
// every shape and condition, and auto takes them where they are for.
func TestLongAndNewtonSteps(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		t.Run("f64", func(t *testing.T) { longAndNewtonSteps[float64](t, dev) })
		t.Run("f32", func(t *testing.T) { longAndNewtonSteps[float32](t, dev) })
	})
}

func longAndNewtonSteps[T device.Float](t *testing.T, dev device.Device) {
	eps := device.Epsilon[T]()
	for _, shape := range [][2]int{{66, 66}, {64, 130}, {130, 64}, {64, 400}} {
		for _, κ := range []float64{2, 50, 3e3, 1e6, 1e11} {
			x := withSpectrum(71, shape[0], shape[1], logspace(min(shape[0], shape[1]), 0, -math.Log10(κ)))
			a := device.Convert[T](device.FromMat(x.a))
			if κ*eps > 0.01 {
				continue
			}
			want := x.function(func(float64) float64 { return 1 })
			for _, o := range []Options{{}, {Method: Minimax}, {Method: Minimax, Form: Gram}, {Method: Newton}, {Error: 1e-2}} {
				r, err := Compute(ctx, dev, a, o)
				if err != nil {
					t.Fatalf("%v κ=%g %+v: %v", shape, κ, o, err)
				}
				var d mat.Dense
				d.Sub(device.ToMat(device.Convert[float64](r.Q)), want)
				e := spectralNorm(&d)
				// Rounding A to T alone turns the factor by eps·κ.
				if allowed := 100 * eps * κ * math.Sqrt(float64(min(shape[0], shape[1]))); o.Error == 0 && o.Form != Gram && e > allowed || e > r.Certificate.ErrorBound+allowed {
					t.Errorf("%v κ=%g %+v: off by %.3g by %s, certified %.3g", shape, κ, o, e, r.Method, r.Certificate.ErrorBound)
				}
				switch {
				case o.Method == Newton && r.Method != Newton:
					t.Errorf("%v κ=%g: newton became %s", shape, κ, r.Method)
				case o.Method == Minimax && r.Method != Minimax && κ < 1e3:
					t.Errorf("%v κ=%g: minimax became %s", shape, κ, r.Method)
				case o.Method == "" && κ*κ*eps > 1 && r.Method != Newton:
					t.Errorf("%v κ=%g: auto became %s", shape, κ, r.Method)
				}
			}
		}
	}
}
