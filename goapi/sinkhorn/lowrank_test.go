package sinkhorn

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"os"
	"testing"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/tests/devices"
	"github.com/ritz-go/ritz/tests/refusal"
)

// golden are values of other implementations, see testdata/make.py.
func golden(t *testing.T) (g struct {
	LowRank map[int]float64 `json:"low_rank"`
	Gromov  map[string]any
	Fused   map[string]map[string]float64
}) {
	t.Helper()
	text, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &g); err != nil {
		t.Fatal(err)
	}
	return g
}

// mustLowRank solves and checks what every result promises: factors that are
// positive and meet their constraints, and a cost that is that of the plan.
func mustLowRank[T device.Float](t *testing.T, dev device.Device, p Problem[T], o LowRankOptions) *LowRankResult[T] {
	t.Helper()
	r, err := SolveLowRank(context.Background(), dev, p, o)
	if err != nil && !(errors.Is(err, device.ErrNotConverged) && o.MaxIterations > 0) {
		t.Fatal(err)
	}
	n, m := points(p)
	wa, ma := widen(p.A, n)
	wb, _ := widen(p.B, m)
	eps := device.Epsilon[T]()
	tol := 8 * eps * float64(n+m)
	for _, side := range []struct {
		x device.Dense[T]
		w []float64
	}{{r.Q, wa}, {r.R, wb}} {
		rows, cols := sums(side.x)
		for i, w := range side.w {
			near(t, "row of a factor", rows[i], w*ma, tol*w*ma)
		}
		for k, g := range r.G {
			near(t, "column of a factor", cols[k], float64(g), tol*ma)
		}
		for _, v := range side.x.Data {
			if !(v >= 0) {
				t.Fatalf("entry %v", v)
			}
		}
	}
	if !(r.Certificate.MarginalL1 <= tol) || r.Converged != (err == nil) || !(r.Certificate.Upper >= r.Cost) {
		t.Errorf("certificate %+v of cost %v", r.Certificate, r.Cost)
	}
	plan := device.NewDense[T](n, m)
	if err := r.Plan(plan); err != nil {
		t.Fatal(err)
	}
	if !absent(p.Cost) {
		spent := 0.0
		for i := range n {
			for j, v := range plan.Row(i) {
				spent += float64(v) * float64(p.Cost.At(i, j))
			}
		}
		near(t, "cost of the plan", r.Cost, spent, tol*largest(p.Cost)*ma)
	}
	return r
}

// On random clouds the plain algorithm of the paper, from several random
// starts, finds no better plans; and no plan is better than the exact one.
func TestLowRankAgainstPlainAlgorithm(t *testing.T) {
	const n = 120
	x, y := square(7, n, 1)
	g := golden(t)
	exact := mustExact(t, device.Go(), Problem[float64]{X: x, Y: y, B: rising(n)})
	onDevices(t, func(t *testing.T, dev device.Device) {
		for rank, want := range g.LowRank {
			if devices.Size(dev, 0, 1) == 1 {
				continue // TestLowRankCosts runs there
			}
			r := mustLowRank(t, dev, Problem[float64]{X: x, Y: y, B: rising(n)}, LowRankOptions{Rank: rank, Starts: 2})
			if r.Cost > 1.01*want || r.Certificate.Upper < exact.Certificate.Lower {
				t.Errorf("rank %d: %v, the plain algorithm finds %v, exact %v", rank, r.Cost, want, exact.Cost)
			}
			for k, c := range r.History[1:] {
				if c > r.History[k]+1e-12 {
					t.Errorf("rank %d: the cost rises in step %d from %v to %v", rank, k, r.History[k], c)
				}
			}
			single := mustLowRank(t, dev, Problem[float32]{X: device.Convert[float32](x), Y: device.Convert[float32](y), B: convert[float32](rising(n))}, LowRankOptions{Rank: rank})
			near(t, "float32", single.Cost, r.Cost, .05*r.Cost)
		}
	})
}

// Rank 1 is the product of the marginals; and points in a few places need no
// more than that rank for the exact cost.
func TestLowRankClosedForms(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		x, y := square(11, 20, 1)
		c, b := distances(x, y, 2), rising(20)
		product := 0.0
		for i := range 20 {
			for j, v := range c.Row(i) {
				product += v * b[j] / 20
			}
		}
		r := mustLowRank(t, dev, Problem[float64]{Cost: c, B: b}, LowRankOptions{Rank: 1})
		near(t, "product of the marginals", r.Cost, product, 1e-14)

		px, py := device.NewDense[float64](24, 2), device.NewDense[float64](24, 2)
		for i := range 24 {
			k := float64(i % 4)
			px.Set(i, 0, k)
			py.Set(i, 0, k+.1)
			py.Set(i, 1, k/5)
		}
		want := mustExact(t, dev, Problem[float64]{X: px, Y: py}).Cost
		r = mustLowRank(t, dev, Problem[float64]{X: px, Y: py}, LowRankOptions{Rank: 4, Tol: 1e-10})
		near(t, "cost of four places", r.Cost, want, 1e-8)
	})
}

// Factors, stored costs and points give one cost; points without mass have no
// part, and masses scale.
func TestLowRankCosts(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		n := devices.Size(dev, 30, 12)
		x, y := square(12, n, 1)
		inner := device.NewDense[float64](n, n)
		for i := range n {
			for j := range n {
				inner.Set(i, j, -dot(x.Row(i), y.Row(j)))
			}
		}
		a, b := rising(n), rising(n)
		a[4], b[0], b[9] = 0, 0, 0
		for k := range b {
			a[k], b[k] = 3*a[k]/(1-rising(n)[4]), 3*b[k]/(1-rising(n)[0]-rising(n)[9])
		}
		o := LowRankOptions{Rank: 5, MaxIterations: 200}
		o.Rank, o.MaxIterations = devices.Size(dev, 5, 2), devices.Size(dev, 200, 20)
		for name, pair := range map[string][2]Problem[float64]{
			"inner":   {{Source: InnerProduct(x, y), A: a, B: b}, {Cost: inner, A: a, B: b}},
			"squares": {{X: x, Y: y, A: a, B: b}, {Cost: distances(x, y, 2), A: a, B: b}},
			"lengths": {{X: x, Y: y, P: 1, A: a, B: b}, {Cost: distances(x, y, 1), A: a, B: b}},
			"power":   {{Source: Power(x, y, 2), A: a, B: b}, {Source: Power(x, y, 3), A: a, B: b}},
		} {
			first, second := mustLowRank(t, dev, pair[0], o), mustLowRank(t, dev, pair[1], o)
			if name == "power" {
				continue
			}
			// Different starts, perhaps different minima.
			near(t, name, first.Cost, second.Cost, .3*math.Abs(second.Cost))
			for k := range first.G {
				if first.Q.At(4, k) != 0 || first.R.At(0, k) != 0 || first.R.At(9, k) != 0 {
					t.Errorf("%s: mass where there is none", name)
				}
			}
			exact := mustExact(t, dev, pair[1])
			if first.Certificate.Upper < 3*exact.Certificate.Lower {
				t.Errorf("%s: %v is below the exact cost %v", name, first.Certificate.Upper, 3*exact.Cost)
			}
		}
	})
}

// The gap bounds what the linearised cost may gain on the way to other points
// that meet the constraints.
func TestLowRankGap(t *testing.T) {
	const n = 40
	x, y := square(13, n, 1)
	p := Problem[float64]{Cost: distances(x, y, 2)}
	run := func(o LowRankOptions) *LowRankResult[float64] {
		r, err := SolveLowRank(t.Context(), device.Go(), p, o)
		if err != nil && !errors.Is(err, device.ErrNotConverged) {
			t.Fatal(err)
		}
		return r
	}
	for _, steps := range []int{1, 3, 10, 100} {
		at := run(LowRankOptions{Rank: 6, MaxIterations: steps, Tol: 1e-12})
		// Linearised: ⟨C,Q·diag(1/g)·R₀ᵀ⟩ and so on, 0 at the point itself but
		// for the constant.
		linear := func(o *LowRankResult[float64]) (v float64) {
			for k := range 6 {
				g, ω := at.G[k], 0.0
				for i := range n {
					for j := range n {
						c := p.Cost.At(i, j)
						v += c * (o.Q.At(i, k)*at.R.At(j, k) + at.Q.At(i, k)*o.R.At(j, k)) / g
						ω += c * at.Q.At(i, k) * at.R.At(j, k)
					}
				}
				v -= ω / g / g * o.G[k]
			}
			return v
		}
		here := linear(at)
		near(t, "linearised cost", here, at.Cost, 1e-12)
		for seed := range uint64(6) {
			other := run(LowRankOptions{Rank: 6, Seed: seed})
			if gain := here - linear(other); gain > at.Certificate.Gap+1e-10 {
				t.Errorf("%d steps: a gain of %v with the gap %v", steps, gain, at.Certificate.Gap)
			}
		}
	}
}

func TestLowRankRefuses(t *testing.T) {
	c := device.Dense[float64]{Rows: 2, Cols: 3, Stride: 3, Data: []float64{1, 2, 3, 4, 5, 6}}
	barred := c.Clone()
	barred.Data[2] = math.Inf(1)
	ok := LowRankOptions{Rank: 2}
	for name, test := range map[string]struct {
		p    Problem[float64]
		o    LowRankOptions
		want error
	}{
		"nothing":         {Problem[float64]{}, ok, device.ErrEmpty},
		"no rank":         {Problem[float64]{Cost: c}, LowRankOptions{}, device.ErrArgument},
		"rank":            {Problem[float64]{Cost: c}, LowRankOptions{Rank: -1}, device.ErrArgument},
		"tolerance":       {Problem[float64]{Cost: c}, LowRankOptions{Rank: 1, Tol: math.NaN()}, device.ErrArgument},
		"iterations":      {Problem[float64]{Cost: c}, LowRankOptions{Rank: 1, MaxIterations: -1}, device.ErrArgument},
		"starts":          {Problem[float64]{Cost: c}, LowRankOptions{Rank: 1, Starts: -1}, device.ErrArgument},
		"memory":          {Problem[float64]{Cost: c}, LowRankOptions{Rank: 1, Memory: -1}, device.ErrArgument},
		"little memory":   {Problem[float64]{X: c, Y: c, P: 1}, LowRankOptions{Rank: 1, Memory: 8}, device.ErrArgument},
		"forbidden":       {Problem[float64]{Cost: barred}, ok, device.ErrArgument},
		"masses":          {Problem[float64]{Cost: c, A: []float64{1, 1}, B: []float64{1, 1, 1}}, ok, device.ErrArgument},
		"NaN":             {Problem[float64]{Cost: device.Vector([]float64{math.NaN()})}, ok, device.ErrNotFinite},
		"length of A":     {Problem[float64]{Cost: c, A: []float64{1}}, ok, device.ErrShape},
		"single":          {Problem[float64]{Cost: device.Vector([]float64{3})}, ok, nil},
		"rank above n":    {Problem[float64]{Cost: c}, LowRankOptions{Rank: 100}, nil},
		"equal costs":     {Problem[float64]{Cost: device.NewDense[float64](4, 4)}, ok, nil},
		"equal points":    {Problem[float64]{X: device.NewDense[float64](4, 2), Y: device.NewDense[float64](5, 2)}, ok, nil},
		"huge points":     {Problem[float64]{X: device.Vector([]float64{1e150}), Y: device.Vector([]float64{-1e150})}, ok, nil},
		"points in a row": {Problem[float64]{X: device.Dense[float64]{Rows: 3, Cols: 1, Stride: 1, Data: []float64{0, 1e-200, 2e-200}}, Y: device.NewDense[float64](1, 1)}, ok, nil},
	} {
		refuses(t, name, test.want, func() error {
			r, err := SolveLowRank(t.Context(), device.Go(), test.p, test.o)
			if (r == nil) != (err != nil) {
				t.Errorf("%s: error %v, result: %v", name, err, r != nil)
			}
			return err
		})
	}
	x, y := square(6, 50, 1)
	for looks := range 3 {
		late := refusal.After(looks)
		refuses(t, "ended context", context.Canceled, func() error {
			_, err := SolveLowRank(late, device.Go(), Problem[float64]{X: x, Y: y}, LowRankOptions{Rank: 4})
			return err
		})
		if late.Late() != 0 {
			t.Errorf("looked %d times after the end", late.Late())
		}
	}
	seen := 0
	r, err := SolveLowRank(t.Context(), device.Go(), Problem[float64]{X: x, Y: y}, LowRankOptions{Rank: 4, MaxIterations: 3, Progress: func(k int, gap float64) {
		if seen++; seen != k || !(gap > 0) {
			t.Errorf("call %d says %d, %v", seen, k, gap)
		}
	}})
	if !errors.Is(err, device.ErrNotConverged) || r == nil || r.Converged || r.Iterations != 3 || seen != 3 {
		t.Errorf("%+v after %d calls: %v", r, seen, err)
	}
	refuses(t, "Plan", device.ErrShape, func() error { return r.Plan(device.NewDense[float64](3, 2)) })
	var none *LowRankResult[float64]
	refuses(t, "Plan of nothing", device.ErrArgument, func() error { return none.Plan(device.NewDense[float64](3, 2)) })
	refuses(t, "no device", device.ErrClosed, func() error {
		_, err := SolveLowRank(t.Context(), nil, Problem[float64]{X: x, Y: y}, LowRankOptions{Rank: 4})
		return err
	})
}

func BenchmarkLowRank(b *testing.B) {
	dev := fastDevice(b)
	x, y := cloud[float64](1, 20000, 2), cloud[float64](2, 20000, 2)
	for b.Loop() {
		r, err := SolveLowRank(context.Background(), dev, Problem[float64]{X: x, Y: y}, LowRankOptions{Rank: 20})
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(r.Iterations), "iterations")
	}
}
