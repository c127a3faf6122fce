package sinkhorn

import (
	"context"
	"math"

	"github.com/ritz-go/ritz/goapi/device"
)

// relaxedMarginals are what a problem asks of its marginals instead of
// equality. Potentials are in the KL form.
type relaxedMarginals interface {
	// first computes f from the soft minima s of the rows for g, and may
	// translate g.
	first(ε float64, s, g, f []float64)
	// second computes the next g from the soft minima t of the columns for
	// f and returns the error of the columns.
	second(ε float64, t, g, next []float64) float64
	// value returns the values of the problem and of its dual.
	value(ε float64, f, g, rows, cols []float64) (primal, dual float64)
}

// relaxed solves the problem with the marginals that marginals makes for the
// reduced problem and its masses.
func relaxed[T device.Float](ctx context.Context, dev device.Device, p Problem[T], o RelaxedOptions, marginals func(r *reduced[T], ma, mb float64) relaxedMarginals) (*RelaxedResult[T], error) {
	r, err := reduce(p, true)
	if err != nil {
		return nil, err
	}
	ma, mb := massOf(p.A), massOf(p.B)
	ε := o.Epsilon / r.unit
	if err := r.accepts(ε, Options{Epsilon: o.Epsilon, Memory: o.Memory}); err != nil {
		return nil, err
	}
	spread := r.hi - r.lo
	tol := tolerance[T](o.Tol, spread/ε)
	u := marginals(r, ma, mb)
	scale := ma + mb
	a, b := scaledBy(r.a, ma), scaledBy(r.b, mb)
	// Potentials with the logarithms of the masses, as soft minima take them.
	with := func(x, w, out []float64, ε float64) {
		for k := range x {
			out[k] = x[k] + ε*math.Log(w[k])
		}
	}

	q := device.NewQueue[T](dev)
	defer q.Close()
	h := newHalves(q, newCosts(q, r, o.Memory), r.n, r.m)
	s, f, φ := make([]float64, r.n), make([]float64, r.n), make([]float64, r.n)
	g, t, ψ, moved := make([]float64, r.m), make([]float64, r.m), make([]float64, r.m), make([]float64, r.m)
	for j, x := range r.warm {
		g[j] = float64(x) / r.unit
	}
	run := &fixedPoint{ctx: ctx, progress: o.Progress, left: o.MaxIterations}
	solve := func(ε, goal float64) error {
		run.step = func(x, next []float64) (float64, error) {
			with(x, b, ψ, ε)
			if err := h.rows(ε, ψ, s); err != nil {
				return 0, err
			}
			copy(moved, x)
			u.first(ε, s, moved, f)
			with(f, a, φ, ε)
			if err := h.cols(ε, φ, t); err != nil {
				return 0, err
			}
			return u.second(ε, t, moved, next) / scale, nil
		}
		return run.run(g, goal)
	}
	for _, e := range schedule(ε, spread, r.warm != nil) {
		if e > ε {
			left := run.left
			run.left = min(coarseIterations, left/2)
			spent := run.left
			if err := solve(e, coarse); err != nil {
				return nil, err
			}
			run.left = left - (spent - run.left)
			continue
		}
		if err := solve(e, tol); err != nil {
			return nil, err
		}
	}
	// The rest in float64: what float32 did not reach, and the certificate.
	wide := dev.F64()
	defer wide.Close()
	exact := widenCosts(wide, r)
	h = newHalves[float64](wide, exact, r.n, r.m)
	achieved, err := run.step(g, make([]float64, r.m))
	if err != nil {
		return nil, err
	}
	if !(achieved <= tol) && run.left > 0 {
		if err := solve(ε, tol); err != nil {
			return nil, err
		}
		if achieved, err = run.step(g, make([]float64, r.m)); err != nil {
			return nil, err
		}
	}
	// s, f, t and moved belong to the last step: sums of rows and columns
	// of the plan of f and moved follow from them. The rows were made to
	// fit f, up to the translation that came after the soft minima.
	res := &RelaxedResult[T]{
		Epsilon: o.Epsilon, Iterations: run.count, History: run.history, Converged: achieved <= tol,
		dev: dev, problem: p, reduced: r, ε: ε, φ: φ, ψ: make([]float64, r.m),
	}
	with(moved, b, res.ψ, ε)
	if err := h.rows(ε, res.ψ, s); err != nil {
		return nil, err
	}
	rows, cols := make([]float64, r.n), make([]float64, r.m)
	for i := range rows {
		rows[i] = a[i] * math.Exp((f[i]-s[i])/ε)
		res.Mass += rows[i]
	}
	for j := range cols {
		cols[j] = b[j] * math.Exp((moved[j]-t[j])/ε)
	}
	cost, err := exact.spent(ε, φ, res.ψ)
	if err != nil {
		return nil, err
	}
	primal, dual := u.value(ε, f, moved, rows, cols)
	res.Cost, res.Objective = cost*r.unit, primal*r.unit
	res.Certificate = RelaxedCertificate{MarginalL1: achieved, Gap: (primal - dual) * r.unit}
	n, m := points(p)
	none := func(int) float64 { return 0 }
	res.F, res.G = place[T](f, r.rows, n, r.unit, 0, none), place[T](moved, r.cols, m, r.unit, 0, none)
	return res, run.notReached("the iteration of the relaxed problem", achieved, tol)
}

func massOf[T device.Float](w []T) float64 {
	if w == nil {
		return 1
	}
	_, sum := widen(w, len(w))
	return sum
}

// spent returns ⟨C,P⟩ of the plan P = exp((φ+ψ-C)/ε).
func (c *costs[T]) spent(ε float64, φ, ψ []float64) (float64, error) {
	q := c.q
	defer q.Scope()()
	df, dg, k := q.Alloc(1, c.n), q.Alloc(1, c.m), q.Alloc(c.high, c.m)
	sums := q.Alloc(1, c.n)
	q.Upload(df, device.Vector(narrow[T](φ)))
	q.Upload(dg, device.Vector(narrow[T](ψ)))
	c.each(func(lo, hi int, tile device.Matrix[T]) {
		p := k.RowRange(0, hi-lo)
		device.Gibbs(q, T(ε), df.Slice(0, 1, lo, hi), dg, tile, p)
		q.Map(device.InfToZero, tile, tile) // a forbidden pair costs nothing
		q.Dot(device.PerRow, p, tile, sums.Slice(0, 1, lo, hi))
	})
	host := make([]T, c.n)
	q.Download(device.Vector(host), sums)
	total := 0.0
	for _, x := range host {
		total += float64(x)
	}
	return total, q.Sync()
}

// Plan writes A[i]·B[j]·exp((F[i]+G[j]-C[i,j])/Epsilon) into dst (n×m). It
// reads the costs or points of the problem again; the device must still be
// open.
func (r *RelaxedResult[T]) Plan(dst device.Dense[T]) error {
	if r == nil || r.reduced == nil {
		return device.Argument("result", "is not one of Unbalanced or Partial")
	}
	mass := *r.reduced
	mass.mass = 1 // the potentials hold it
	as := &Result[T]{F: r.F, G: r.G, dev: r.dev, problem: r.problem, reduced: &mass, rounding: rounding{φ: r.φ, ψ: r.ψ}, ε: r.ε}
	return as.plan(dst, false)
}
