package sinkhorn

import (
	"context"
	"errors"
	"math"
	"testing"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/tests/devices"
	"github.com/ritz-go/ritz/tests/refusal"
)

// Soft minima, minima, plans and products with the costs from the pairs that
// count are those from all pairs, for potentials that are smooth, rough or
// missing.
func TestTruncatedSums(t *testing.T) {
	for _, dev := range devices.Real(t) {
		q := dev.F64()
		defer q.Close()
		if _, host := q.(device.Lender[float64]); !host {
			continue // only where the memory is shared with the host
		}
		for d := 1; d <= 3; d++ {
			truncatedSums(t, q, d)
		}
	}
}

func truncatedSums(t *testing.T, q device.Queue[float64], d int) {
	const n, m = 700, 900
	x, y := newClusters(cloud[float64](1, n, d)), newClusters(cloud[float64](2, m, d))
	dx, dy, c := q.Alloc(n, d), q.Alloc(m, d), q.Alloc(n, m)
	q.Upload(dx, x.points)
	q.Upload(dy, y.points)
	device.PairwiseCost(q, 2, dx, dy, c)
	a, ψ := q.Alloc(1, n), q.Alloc(1, m)
	q.Fill(1./n, a)
	row := func(n int) device.Matrix[float64] { return q.Alloc(1, n) }
	same := func(what string, got, want device.Matrix[float64]) {
		t.Helper()
		u, v := make([]float64, got.Len()), make([]float64, got.Len())
		q.Download(device.Vector(u), got)
		q.Download(device.Vector(v), want)
		if err := q.Sync(); err != nil {
			t.Fatal(err)
		}
		for k := range u {
			if u[k] != v[k] {
				near(t, what, u[k], v[k], 1e-12*(1+math.Abs(v[k])))
			}
		}
	}
	for kind, scale := range []float64{.01, 1, 10} {
		v := lcg(3, m)
		for j := range v {
			if v[j] *= scale; kind == 1 && j < 200 {
				v[j] = math.Inf(-1)
			}
		}
		q.Upload(ψ, device.Vector(v))
		f, h, f0, h0 := row(n), row(m), row(n), row(m)
		tr := newTruncated(q, x, y, 0x1p-54)
		for _, ε := range []float64{1e-4, 3e-3, .3, 3e-3} {
			device.SoftMin(q, device.PerRow, ε, c, ψ, f0)
			device.SoftMin(q, device.PerCol, ε, c, f0, h0)
			for range 2 { // the second time from what was seen
				tr.softMin(0, ε, ψ, f)
				tr.softMin(1, ε, f0, h)
			}
			same("soft minimum of a row", f, f0)
			same("soft minimum of a column", h, h0)
			sums, spent, sums0, spent0 := row(m), row(m), row(m), row(m)
			tr.planCosts(ε, ψ, a, f, sums, spent)
			device.PlanCosts(q, ε, c, ψ, a, f0, sums0, spent0)
			same("potential", f, f0)
			same("sum", sums, sums0)
			same("cost", spent, spent0)
		}
		w := row(m)
		q.Fill(.25, w)
		device.MinTransform(q, c, ψ, w, f0, h0, f)
		d := row(n)
		tr.transport(w, d)
		same("product", d, f)
		tr.minimum(0, ψ, f)
		tr.minimum(1, f0, h)
		same("minimum of a row", f, f0)
		same("minimum of a column", h, h0)
	}
}

// Clouds in clusters give the result of stored costs, with points without mass,
// and in float32; the bounds hold also for a plan that is far from converged.
func TestClusteredClouds(t *testing.T) {
	if len(devices.Real(t)) == 1 {
		t.Skip("pure Go would take minutes for all pairs")
	}
	dev := fastDevice(t)
	const n, m = fewestClustered + 100, fewestClustered + 4
	x, y := cloud[float64](1, n, 2), cloud[float64](2, m, 2)
	a, b := rising(n), rising(m)
	for i := range 90 {
		a[7*i], b[0] = 0, 0
	}
	o := Options{Epsilon: 2e-3, Tol: 1e-7, Normalize: true, Method: Log}
	want := must(t, dev, Problem[float64]{X: x, Y: y, A: a, B: b}, o)
	o.Memory = 1 << 20
	r := must(t, dev, Problem[float64]{X: x, Y: y, A: a, B: b}, o)
	near(t, "objective", r.Objective, want.Objective, 1e-8)
	near(t, "cost", r.Cost, want.Cost, 1e-7)
	near(t, "lower bound", r.Certificate.Lower, want.Certificate.Lower, 1e-6)
	shift := r.F[1] - want.F[1]
	for i := range r.F {
		near(t, "potential f", r.F[i]-shift, want.F[i], 1e-5)
	}
	for j := range r.G {
		near(t, "potential g", r.G[j]+shift, want.G[j], 1e-5)
	}
	single := Problem[float32]{X: device.Convert[float32](x), Y: device.Convert[float32](y), A: convert[float32](a), B: convert[float32](b)}
	o.Tol = 0
	near(t, "float32", must(t, dev, single, o).Objective, want.Objective, 1e-5)
	for _, its := range []int{1, 10} {
		o.MaxIterations = its
		r, err := Solve(t.Context(), dev, Problem[float64]{X: x, Y: y, A: a, B: b}, o)
		if !errors.Is(err, device.ErrNotConverged) {
			t.Fatal(err)
		}
		if k := r.Certificate; !(k.Lower <= want.Certificate.Upper && k.Upper >= want.Certificate.Lower && k.Lower <= r.Cost && r.Cost <= k.Upper) {
			t.Errorf("%d iterations: %+v, converged %+v", its, k, want.Certificate)
		}
	}
	plan := device.NewDense[float64](n, m)
	if err := r.Plan(plan); err != nil {
		t.Fatal(err)
	}
	rows, cols := sums(plan)
	wa, _ := widen(a, n)
	wb, _ := widen(b, m)
	near(t, "marginals of the plan", l1(rows, wa)+l1(cols, wb), 0, 1e-11)
	o.MaxIterations, o.Tol = 0, 1e-7
	o.Epsilon = 1e-3
	warm := must(t, dev, Problem[float64]{X: x, Y: y, A: a, B: b, Warm: must(t, dev, Problem[float64]{X: x, Y: y, A: a, B: b}, o).G}, o)
	if warm.Iterations > 2*window {
		t.Errorf("%d iterations from the solution", warm.Iterations)
	}
	late := refusal.After(3)
	refuses(t, "ended context", context.Canceled, func() error {
		_, err := Solve(late, dev, Problem[float64]{X: x, Y: y}, o)
		return err
	})
	if late.Late() != 0 {
		t.Errorf("looked %d times after the end", late.Late())
	}
}

// Certified solutions between large clouds, against the time that all pairs
// take in as many iterations.
func BenchmarkMultiscale(b *testing.B) {
	dev := fastDevice(b)
	for _, test := range []struct {
		name string
		n, d int
		ε    float64
	}{{"n=50000/d=2", 50000, 2, 1e-4}, {"n=50000/d=3", 50000, 3, 1e-3}, {"n=200000/d=2", 200000, 2, 1e-4}} {
		p := Problem[float32]{X: cloud[float32](1, test.n, test.d), Y: cloud[float32](2, test.n, test.d)}
		b.Run(test.name, func(b *testing.B) {
			for b.Loop() {
				r, err := Solve(b.Context(), dev, p, Options{Epsilon: test.ε, Tol: 1e-4})
				if err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(float64(r.Iterations), "iterations")
			}
		})
	}
}
