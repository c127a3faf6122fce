package spectrum

import (
	"math"
	"testing"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/rng"
	"github.com/ritz-go/ritz/tests/devices"
)

// calibrated repeats an estimate with 200 seeds, on emulated devices fewer:
// errors in units of the standard error have a standard deviation near 1, and
// the 95 % interval holds the true value about as often.
func calibrated(t *testing.T, dev device.Device, name string, want float64, estimate func(seed uint64) (Estimate, error)) {
	t.Helper()
	repeats := devices.Size(dev, 200, 10)
	square, inside := 0.0, 0
	for seed := range uint64(repeats) {
		e, err := estimate(1000 + seed)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		square += math.Pow((e.Value-want)/e.StdErr, 2)
		if lo, hi := e.Interval(); lo <= want && want <= hi {
			inside++
		}
	}
	z, coverage := math.Sqrt(square/float64(repeats)), float64(inside)/float64(repeats)
	t.Logf("%s: standard deviation %.2f, coverage %.1f %%", name, z, 100*coverage)
	if repeats < 200 {
		if z > 2.5 || z < 0.3 {
			t.Errorf("%s: standardized errors have standard deviation %.2f", name, z)
		}
		return
	}
	if z < 0.85 || z > 1.2 {
		t.Errorf("%s: standardized errors have standard deviation %.2f", name, z)
	}
	if coverage < 0.9 || coverage > 0.98 {
		t.Errorf("%s: the 95 %% interval holds the value in %.1f %%", name, 100*coverage)
	}
}

// calibrationSpectrum is half bulk, half decay.
func calibrationSpectrum(n int) []float64 {
	d := make([]float64, n)
	rng.Uniform(12, 0, 0, d)
	for i := range d {
		d[i] = 0.02*d[i] + 0.001 + 1/math.Pow(float64(i+1), 1.5)
	}
	return d
}

// manyOutliers is a spectrum of which no eigenvalue dominates: means of few
// samples that one of them dominates are far from normal.
func manyOutliers(n int) []float64 {
	d := make([]float64, n)
	rng.Uniform(12, 0, 0, d)
	for i := range d {
		if i < n/8 {
			d[i]++
		} else {
			d[i] = 0.02*d[i] + 0.001
		}
	}
	return d
}

func sumOf(d []float64, f func(float64) float64) float64 {
	s := 0.0
	for _, λ := range d {
		s += f(λ)
	}
	return s
}

func identity(x float64) float64 { return x }

// Every estimate of a trace states its error as it is.
func TestTraceIntervalsAreCalibrated(t *testing.T) {
	d := calibrationSpectrum(200)
	op, trace := hartley(d), sumOf(d, identity)
	onDevices(t, func(t *testing.T, dev device.Device) {
		if dev.Info().Name != device.Go().Info().Name && devices.Size(dev, 1, 0) == 1 {
			t.Skip("the numbers are those of the pure Go device")
		}
		for m, budget := range map[TraceMethod]int{Hutchinson: 40, HutchPP: 60, XTrace: 50, XNysTrace: 25} {
			calibrated(t, dev, string(m), trace, func(seed uint64) (Estimate, error) {
				return Trace(ctx, dev, op, TraceOptions{Method: m, Budget: budget, Seed: seed})
			})
		}
	})
}

// The Nyström approximation of an operator that is a little indefinite, such
// as a Hessian, is none, but what it leaves is estimated with it: as long as
// the core is positive, the estimate and its error hold.
func TestXNysTraceOfSlightlyIndefinite(t *testing.T) {
	const n = 500
	d := make([]float64, n)
	rng.Normal(13, 0, 0, d)
	for i := range d {
		if d[i] = 0.15*d[i] + 0.1; i < 30 {
			d[i] = 7/float64(i+1) + 0.3
		}
	}
	op := hartley(d)
	calibrated(t, device.Go(), "XNysTrace", sumOf(d, identity), func(seed uint64) (Estimate, error) {
		return Trace(ctx, device.Go(), op, TraceOptions{Method: XNysTrace, Budget: 24, Seed: seed})
	})
}

// So do those of functions of the operator: quadratures with and without
// known pairs, Chebyshev moments, counts, norms and log-determinants.
func TestQuadratureIntervalsAreCalibrated(t *testing.T) {
	d := manyOutliers(200)
	op := hartley(d)
	onDevices(t, func(t *testing.T, dev device.Device) {
		if dev.Info().Name != device.Go().Info().Name {
			t.Skip("the numbers are those of the pure Go device")
		}
		top, err := Eigs(ctx, dev, op, EigsOptions{K: 6})
		if err != nil {
			t.Fatal(err)
		}
		logdet := sumOf(d, math.Log)
		frobenius := math.Sqrt(sumOf(d, func(x float64) float64 { return x * x }))
		above := func(x float64) float64 { // a smooth step at 0.02
			return 1 / (1 + math.Exp(-1000*(x-0.02)))
		}
		kept := map[uint64]*Quadrature{}
		slq := func(seed uint64) (*Quadrature, error) {
			if q, ok := kept[seed]; ok {
				return q, nil
			}
			q, err := SLQ(ctx, dev, op, SLQOptions{Probes: 20, Steps: 30, Seed: seed})
			kept[seed] = q
			return q, err
		}
		calibrated(t, dev, "log-determinant", logdet, func(seed uint64) (Estimate, error) {
			q, err := slq(seed)
			if err != nil {
				return Estimate{}, err
			}
			return q.LogDet()
		})
		calibrated(t, dev, "Frobenius norm", frobenius, func(seed uint64) (Estimate, error) {
			q, err := slq(seed)
			if err != nil {
				return Estimate{}, err
			}
			return q.Schatten(2)
		})
		calibrated(t, dev, "smooth count", sumOf(d, above), func(seed uint64) (Estimate, error) {
			q, err := slq(seed)
			if err != nil {
				return Estimate{}, err
			}
			return q.Sum(above), nil
		})
		calibrated(t, dev, "deflated log-determinant", logdet, func(seed uint64) (Estimate, error) {
			q, err := DeflatedSLQ(ctx, dev, op, top, SLQOptions{Probes: 20, Steps: 30, Seed: seed})
			if err != nil {
				return Estimate{}, err
			}
			return q.LogDet()
		})
		calibrated(t, dev, "Chebyshev moments", sumOf(d, math.Exp), func(seed uint64) (Estimate, error) {
			c, err := KPM(ctx, dev, op, KPMOptions{Moments: 30, Probes: 20, Seed: seed})
			if err != nil {
				return Estimate{}, err
			}
			return c.Sum(math.Exp), nil
		})
	})
}

// The errors of the entries of a diagonal, ten of them in each run.
func TestDiagonalIntervalsAreCalibrated(t *testing.T) {
	const n = 200
	d := calibrationSpectrum(n)
	op := hartley(d)
	exact, err := Diag(ctx, device.Go(), op, DiagOptions{Method: ExactTrace})
	if err != nil {
		t.Fatal(err)
	}
	for m, budget := range map[TraceMethod]int{Hutchinson: 40, XTrace: 50} {
		square, inside, count := 0.0, 0, 0
		for seed := range uint64(200) {
			e, err := Diag(ctx, device.Go(), op, DiagOptions{Method: m, Budget: budget, Seed: seed})
			if err != nil {
				t.Fatal(err)
			}
			for i := 0; i < n; i += 20 {
				square += math.Pow((e.Values[i]-exact.Values[i])/e.StdErr[i], 2)
				if lo, hi := e.Interval(i); lo <= exact.Values[i] && exact.Values[i] <= hi {
					inside++
				}
				count++
			}
		}
		z, coverage := math.Sqrt(square/float64(count)), float64(inside)/float64(count)
		t.Logf("%s: standard deviation %.2f, coverage %.1f %%", m, z, 100*coverage)
		if z < 0.85 || z > 1.2 || coverage < 0.9 || coverage > 0.98 {
			t.Errorf("%s: standard deviation %.2f, coverage %.1f %%", m, z, 100*coverage)
		}
	}
}

// The planner reaches its target with an honest error, and takes the method
// that suits the spectrum.
func TestPlannedTraces(t *testing.T) {
	const n = 400
	flat, decaying, indefinite := make([]float64, n), make([]float64, n), make([]float64, n)
	for i := range n {
		flat[i] = 1 + float64(i%10)/10
		decaying[i] = math.Pow(0.9, float64(i))
		indefinite[i] = math.Pow(0.9, float64(i))
		if i%3 == 2 {
			indefinite[i] *= -0.5
		}
	}
	for name, c := range map[string]struct {
		d      []float64
		target float64
		want   []TraceMethod
		most   int
	}{
		"flat":          {flat, 0.01, []TraceMethod{Hutchinson, XNysTrace}, 16},
		"decaying":      {decaying, 0.01, []TraceMethod{XNysTrace}, 64},
		"indefinite":    {indefinite, 0.01, []TraceMethod{XTrace}, 140},
		"loose":         {indefinite, 0.3, []TraceMethod{Hutchinson, XTrace}, 40},
		"out of reach":  {decaying, 1e-13, []TraceMethod{XNysTrace, ExactTrace}, 600},
		"only a lot of": {indefinite, 1e-3, []TraceMethod{XTrace, ExactTrace}, 500},
	} {
		op, trace := hartley(c.d), sumOf(c.d, identity)
		inside, worst := 0, 0
		const repeats = 40
		for seed := range uint64(repeats) {
			e, err := Trace(ctx, device.Go(), op, TraceOptions{Target: c.target, Seed: seed})
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if e.StdErr > c.target*math.Abs(e.Value) {
				t.Errorf("%s: %v ± %v for a target of %v", name, e.Value, e.StdErr, c.target)
			}
			found := false
			for _, m := range c.want {
				found = found || e.Method == m
			}
			if !found {
				t.Errorf("%s: by %s", name, e.Method)
			}
			worst = max(worst, e.Products)
			if lo, hi := e.Interval(); lo-1e-12*trace <= trace && trace <= hi+1e-12*trace {
				inside++
			}
		}
		t.Logf("%s: at most %d products, %d of %d intervals hold the trace", name, worst, inside, repeats)
		if worst > c.most {
			t.Errorf("%s: %d products", name, worst)
		}
		if inside < repeats*8/10 { // stopping early favours errors that look small
			t.Errorf("%s: %d of %d intervals hold the trace", name, inside, repeats)
		}
	}
	op := hartley(indefinite)
	refuses(t, "small budget", device.ErrNotConverged, func() error {
		e, err := Trace(ctx, device.Go(), op, TraceOptions{Target: 1e-6, Budget: 60})
		if e.Products > 60 || e.Products < 40 || e.Value == 0 {
			t.Errorf("small budget: %+v", e)
		}
		return err
	})
	for name, o := range map[string]TraceOptions{
		"target": {Target: -1}, "target 1": {Target: 1}, "NaN": {Target: math.NaN()}, "hutch++": {Target: 0.1, Method: HutchPP}, "budget": {Target: 0.1, Budget: 15},
	} {
		refuses(t, name, device.ErrArgument, func() error { _, err := Trace(ctx, device.Go(), op, o); return err })
	}
	for _, m := range []TraceMethod{Hutchinson, XTrace} {
		e, err := Trace(ctx, device.Go(), op, TraceOptions{Method: m, Target: 0.2})
		if err != nil || e.Method != m {
			t.Errorf("%s: %+v, %v", m, e, err)
		}
	}
	refuses(t, "XNysTrace of an indefinite operator", device.ErrArgument, func() error {
		_, err := Trace(ctx, device.Go(), op, TraceOptions{Method: XNysTrace, Target: 0.2})
		return err
	})
}
