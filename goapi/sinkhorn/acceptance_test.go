package sinkhorn

import (
	"math"
	"testing"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/tests/devices"
)

// The reference problem again: every iteration ends at the same potentials
// and plan, and the primal value of the plan, ⟨C,P⟩ + ε·KL(P|a⊗b), is the dual
// value of the potentials.
func TestIterationsAgree(t *testing.T) {
	const n = 200
	x, y := square(7, n, 1.8253924692906685)
	c, b := distances(x, y, 2), rising(n)
	onDevices(t, func(t *testing.T, dev device.Device) {
		for _, ref := range reference {
			if devices.Size(dev, 0, 1) == 1 && ref.ε < .01 {
				continue // only the time, not the code, differs there
			}
			var base *Result[float64]
			want := device.NewDense[float64](n, n)
			for _, o := range []Options{
				{Method: Log, Relaxation: 1}, {Method: Log}, {Method: Scaling}, {Method: Scaling, Relaxation: 1}, {Method: Scaling, Relaxation: 1.7},
			} {
				if o.Relaxation == 1 && o.Method == Log && (dev.Info().Name == "go" || devices.Size(dev, 0, 1) == 1) {
					o.Relaxation = 1.5 // plain iterations in the log domain take minutes there
				}
				o.Epsilon, o.Tol = ref.ε, 1e-13
				r := must(t, dev, Problem[float64]{Cost: c, B: b}, o)
				p := device.NewDense[float64](n, n)
				if err := r.RawPlan(p); err != nil {
					t.Fatal(err)
				}
				primal := 0.0
				for i := range n {
					for j, v := range p.Row(i) {
						if v > 0 {
							primal += v * (c.At(i, j) + ref.ε*math.Log(v*n/b[j]))
						}
					}
				}
				near(t, "primal value", primal, r.Objective, 1e-12)
				near(t, "dual value", r.Objective, ref.objective, 1e-11)
				if base == nil {
					base, want = r, p
					continue
				}
				// Potentials are the same up to a constant; the iteration stops
				// at an error of 1e-13, which they feel divided by the rate.
				shift := r.F[0] - base.F[0]
				for i := range n {
					near(t, "potential f", r.F[i]-shift, base.F[i], 1e-9*ref.ε)
					near(t, "potential g", r.G[i]+shift, base.G[i], 1e-9*ref.ε)
				}
				off := 0.0
				for k, v := range p.Data {
					off += math.Abs(v - want.Data[k])
				}
				near(t, "plan in L1", off, 0, 1e-10)
			}
		}
	})
}

// A constant moved from one potential to the other is no change: neither of
// the plan of a formula nor of an iteration that starts there.
func TestGauge(t *testing.T) {
	const n, ε = 40, 0.02
	x, y := square(5, n, 1)
	c, b := distances(x, y, 2), rising(n)
	onDevices(t, func(t *testing.T, dev device.Device) {
		r := must(t, dev, Problem[float64]{Cost: c, B: b}, Options{Epsilon: ε, Tol: 1e-13})
		moved := make([]float64, n)
		for j, g := range r.G {
			moved[j] = g - 3.5
		}
		s := must(t, dev, Problem[float64]{Cost: c, B: b, Warm: moved}, Options{Epsilon: ε, Tol: 1e-13})
		if s.Iterations > 2*window {
			t.Errorf("%d iterations from a solution", s.Iterations)
		}
		p, q := device.NewDense[float64](n, n), device.NewDense[float64](n, n)
		if err := r.RawPlan(p); err != nil {
			t.Fatal(err)
		}
		if err := s.RawPlan(q); err != nil {
			t.Fatal(err)
		}
		for i := range n {
			for j := range n {
				near(t, "plan", q.At(i, j), p.At(i, j), 1e-12)
				near(t, "plan of the moved potentials", b[j]/n*math.Exp((r.F[i]+3.5+moved[j]-c.At(i, j))/ε), p.At(i, j), 1e-12)
			}
		}
	})
}

// float32 against the float64 values, relatively.
func TestSinglePrecisionReference(t *testing.T) {
	x, y := square(7, 200, 1.8253924692906685)
	c, b := device.Convert[float32](distances(x, y, 2)), convert[float32](rising(200))
	onDevices(t, func(t *testing.T, dev device.Device) {
		for _, ref := range reference {
			for _, m := range []Method{Log, Scaling} {
				// Rounding may stop the iteration a little above the tolerance.
				r := solveAny(t, dev, Problem[float32]{Cost: c, B: b}, Options{Epsilon: ref.ε, Tol: 3e-7, Method: m})
				// A mass in the wrong place changes the cost by up to itself
				// times the largest cost, which is 1.
				near(t, "objective", r.Objective, ref.objective, 2e-5*ref.objective+r.Certificate.MarginalL1)
				near(t, "cost", r.Cost, ref.cost, 2e-5*ref.cost+r.Certificate.MarginalL1)
			}
		}
	})
}
