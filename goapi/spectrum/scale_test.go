package spectrum

import (
	"math"
	"testing"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/rng"
)

// Estimates for 2^k·H are those for H times 2^k, errors and all, where squares
// of the numbers are out of range and even the numbers are denormal.
func TestEstimatesOfScaledMatrices(t *testing.T) {
	t.Run("f64", func(t *testing.T) { testScaledEstimates[float64](t, -1040, -700, 700, 1000) })
	t.Run("f32", func(t *testing.T) { testScaledEstimates[float32](t, -130, -90, 90, 118) })
}

func testScaledEstimates[T device.Float](t *testing.T, exponents ...int) {
	const n = 40
	h := device.NewDense[T](n, n)
	rng.Normal(4, 0, 0, h.Data)
	for i := range n {
		for j := range i {
			h.Set(i, j, h.At(j, i))
		}
	}
	q := device.NewQueue[T](device.Go())
	defer q.Close()
	of := func(k int) (all []float64) {
		t.Helper()
		a := h.Clone()
		for i, x := range a.Data {
			a.Data[i] = T(math.Ldexp(float64(x), k))
		}
		op, err := Symmetric(q, a)
		if err != nil {
			t.Fatal(err)
		}
		add := func(e Estimate, err error) {
			if err != nil {
				t.Fatalf("2^%d: %v", k, err)
			}
			all = append(all, e.Value, e.StdErr)
		}
		for _, m := range []TraceMethod{Hutchinson, HutchPP, XTrace, ExactTrace} {
			add(Trace(ctx, device.Go(), op, TraceOptions{Method: m, Budget: 18}))
		}
		for _, m := range []TraceMethod{Hutchinson, XTrace, ExactTrace} {
			d, err := Diag(ctx, device.Go(), op, DiagOptions{Method: m, Budget: 16})
			if err != nil {
				t.Fatalf("2^%d: %v", k, err)
			}
			all = append(all, d.Values[3], d.StdErr[3])
		}
		s, err := SLQ(ctx, device.Go(), op, SLQOptions{Probes: 4, Steps: 12})
		if err != nil {
			t.Fatalf("2^%d: %v", k, err)
		}
		add(s.Schatten(1))
		add(s.Schatten(2))
		c, err := KPM(ctx, device.Go(), op, KPMOptions{Probes: 3, Moments: 20})
		if err != nil {
			t.Fatalf("2^%d: %v", k, err)
		}
		return append(all, c.Lo, c.Hi)
	}
	want := of(0)
	for _, k := range exponents {
		tol := 1e4 * device.Epsilon[T]() // denormal input has fewer digits
		if denormal := math.Ldexp(1, k) < 1e-300 || device.Epsilon[T]() > 1e-10 && k < -120; denormal {
			tol = 1e-2
		}
		for i, x := range of(k) {
			if x = math.Ldexp(x, -k); !(math.Abs(x-want[i]) <= tol*math.Abs(want[i])+tol) {
				t.Errorf("2^%d: number %d is %v times that, want %v", k, i, x, want[i])
			}
		}
	}
}
