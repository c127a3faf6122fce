package sinkhorn

import (
	"context"
	"fmt"
	"math"
	"slices"

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
	if math.IsInf(float64(T(1000*o.Epsilon)), 0) {
		return nil, device.Argument("Epsilon", "is %v: potentials of some of it leave the range of the number type", o.Epsilon)
	}
	tol := tolerance[T](o.Tol, (r.hi-r.lo)/ε)
	run := &fixedPoint{ctx: ctx, progress: o.Progress, left: o.MaxIterations}
	w := newAlternation(marginals(r, ma, mb), scaledBy(r.a, ma), scaledBy(r.b, mb), run)
	for j, x := range r.warm {
		w.g[j] = float64(x) / r.unit
	}

	q := device.NewQueue[T](dev)
	defer q.Close()
	c := newCosts(q, r, o.Memory)
	var v *relaxedCertifier
	if same, ok := any(c).(*costs[float64]); ok {
		v = newRelaxedCertifier(w, same, ε)
		if err := iterateRelaxed(w, v, q, c, r, o, ε, tol); err != nil {
			return nil, err
		}
	} else {
		wide := dev.F64()
		defer wide.Close()
		exact := widenCosts(wide, r)
		v = newRelaxedCertifier(w, exact, ε)
		// What float32 does not reach is reached in float64.
		if err := iterateRelaxed(w, nil, q, c, r, o, ε, max(tol, 2*device.Epsilon[T]()*(1+(r.hi-r.lo)/ε))); err != nil {
			return nil, err
		}
		if err := v.look(); err != nil {
			return nil, err
		}
		if v.marginal > tol {
			near := &reduced[float64]{n: r.n, m: r.m, lo: r.lo, hi: r.hi, unit: 1, warm: w.g}
			if err := iterateRelaxed(w, v, wide, exact, near, o, ε, tol); err != nil {
				return nil, err
			}
		}
	}
	res := &RelaxedResult[T]{
		Epsilon: o.Epsilon, Iterations: run.count, History: run.history, Converged: v.marginal <= tol,
		dev: dev, problem: p, reduced: r, ε: ε, φ: w.φ, ψ: w.ψ,
	}
	for _, x := range v.rows {
		res.Mass += x
	}
	primal, dual := w.u.value(ε, w.f, w.moved, v.rows, v.cols)
	res.Cost, res.Objective = v.cost*r.unit, primal*r.unit
	res.Certificate = RelaxedCertificate{MarginalL1: v.marginal, Gap: (primal - dual) * r.unit}
	if math.IsInf(float64(T(res.Mass)), 0) || !finite(res.Mass, v.marginal, res.Cost, res.Objective, res.Certificate.Gap) {
		return nil, fmt.Errorf("the mass of the plan, which negative costs raise, or its cost leaves the range of the number type: %w", device.ErrNotFinite)
	}
	n, m := points(p)
	none := func(int) float64 { return 0 }
	res.F, res.G = place[T](w.f, r.rows, n, r.unit, 0, none), place[T](w.moved, r.cols, m, r.unit, 0, none)
	for _, x := range slices.Concat(res.F, res.G) {
		if x-x != 0 {
			return nil, fmt.Errorf("the potentials, of the size of the penalties, leave the range of the number type: %w", device.ErrNotFinite)
		}
	}
	return res, run.notReached("the iteration of the relaxed problem", v.marginal, tol)
}

func finite(x ...float64) bool {
	for _, v := range x {
		if v-v != 0 {
			return false
		}
	}
	return true
}

// alternation is the iteration between the half steps of a relaxed problem.
// Vectors are in Go memory, as float64.
type alternation struct {
	u          relaxedMarginals
	a, b       []float64 // masses
	logA, logB []float64
	scale      float64 // mass of a and b
	run        *fixedPoint

	g       []float64 // what is iterated
	moved   []float64 // g with the translation of the last step
	f       []float64 // of the last step
	s, t    []float64 // soft minima of the last step
	φ, ψ    []float64 // f and moved, or g before, with the logarithms of the masses
	scratch []float64
}

func newAlternation(u relaxedMarginals, a, b []float64, run *fixedPoint) *alternation {
	w := &alternation{u: u, a: a, b: b, run: run}
	for _, v := range []*[]float64{&w.logA, &w.f, &w.s, &w.φ} {
		*v = make([]float64, len(a))
	}
	for _, v := range []*[]float64{&w.logB, &w.g, &w.moved, &w.t, &w.ψ, &w.scratch} {
		*v = make([]float64, len(b))
	}
	for i, x := range a {
		w.logA[i] = math.Log(x)
		w.scale += x
	}
	for j, x := range b {
		w.logB[j] = math.Log(x)
		w.scale += x
	}
	return w
}

// weigh adds the logarithms of masses to potentials, as soft minima take them.
func weigh(ε float64, x, log, out []float64) {
	for k := range x {
		out[k] = x[k] + ε*log[k]
	}
}

// first is the half step on f for the potentials x of the columns.
func (w *alternation) first(h *halves, ε float64, x []float64) error {
	weigh(ε, x, w.logB, w.ψ)
	if err := h.rows(ε, w.ψ, w.s); err != nil {
		return err
	}
	copy(w.moved, x)
	w.u.first(ε, w.s, w.moved, w.f)
	weigh(ε, w.f, w.logA, w.φ)
	return nil
}

// solve iterates with the half steps h.
func (w *alternation) solve(h *halves, ε, goal float64) error {
	w.run.step = func(x, next []float64) (float64, error) {
		if err := w.first(h, ε, x); err != nil {
			return 0, err
		}
		if err := h.cols(ε, w.φ, w.t); err != nil {
			return 0, err
		}
		return w.u.second(ε, w.t, w.moved, next) / w.scale, nil
	}
	return w.run.run(w.g, goal)
}

// iterateRelaxed iterates through larger values of ε to the tolerance. With v it
// looks at the true plan, and goes on where the error of that is still larger.
func iterateRelaxed[T, C device.Float](w *alternation, v *relaxedCertifier, q device.Queue[T], c *costs[T], r *reduced[C], o RelaxedOptions, ε, tol float64) error {
	k := newScaled(q, c, o.Memory)
	defer k.close()
	h, run := k.halves(), w.run
	for _, e := range schedule(ε, r.hi-r.lo, r.warm != nil) {
		k.begin(e, r.lo, r.hi-r.lo)
		if e > ε {
			left := run.left
			run.left = min(coarseIterations, left/2)
			spent := run.left
			if err := w.solve(h, e, coarse); err != nil {
				return err
			}
			run.left = left - (spent - run.left)
		}
	}
	if v == nil {
		return w.solve(h, ε, tol)
	}
	for goal := firstGoal(k.narrow(), tol); ; goal = min(goal, tol) / 2 {
		if err := w.solve(h, ε, goal); err != nil {
			return err
		}
		if err := v.look(); err != nil || v.marginal <= tol || run.left == 0 {
			return err
		}
		if goal < tol/8 {
			break
		}
		if ok, err := k.align(v.before, w.s, w.φ, w.t); err != nil {
			return err
		} else if !ok {
			break
		}
	}
	if err := w.solve(k.exact, ε, tol); err != nil {
		return err
	}
	return v.look()
}

// relaxedCertifier finds the true plan of potentials in float64.
type relaxedCertifier struct {
	w *alternation
	c *costs[float64]
	h *halves
	ε float64

	before     []float64 // ψ of the half step on f
	marginal   float64
	rows, cols []float64 // sums of the plan
	cost       float64   // ⟨C,P⟩
}

func newRelaxedCertifier(w *alternation, c *costs[float64], ε float64) *relaxedCertifier {
	return &relaxedCertifier{
		w: w, c: c, h: newHalves[float64](c.q, c, c.n, c.m), ε: ε,
		before: make([]float64, c.m), rows: make([]float64, c.n), cols: make([]float64, c.m),
	}
}

// look makes a half step from w.g and sets the sums, the cost and the error of
// the plan of f and moved. The rows were made to fit f, up to the translation
// that came after the soft minima.
func (v *relaxedCertifier) look() error {
	w, q, ε := v.w, v.c.q, v.ε
	if err := w.first(v.h, ε, w.g); err != nil {
		return err
	}
	copy(v.before, w.ψ)
	shift := w.g[0] - w.moved[0]
	for i, x := range w.f {
		v.rows[i] = w.a[i] * math.Exp((x-w.s[i]-shift)/ε)
	}
	weigh(ε, w.moved, w.logB, w.ψ)
	defer q.Scope()()
	m := v.c.m
	a, φ := q.Alloc(1, v.c.n), q.Alloc(1, v.c.n)
	ψ, sums, spent := q.Alloc(1, m), q.Alloc(1, m), q.Alloc(1, m)
	q.Upload(a, device.Vector(v.rows))
	q.Upload(ψ, device.Vector(w.ψ))
	v.c.planCosts(ε, ψ, a, φ, sums, spent)
	costs := make([]float64, m)
	q.Download(device.Vector(v.cols), sums)
	q.Download(device.Vector(costs), spent)
	if err := q.Sync(); err != nil {
		return err
	}
	v.cost = 0
	least := math.Inf(1)
	for j, x := range v.cols {
		w.t[j] = w.moved[j] + ε*(w.logB[j]-math.Log(x))
		v.cost += costs[j]
		least = min(least, x)
	}
	if !(least > 0x1p-1000) { // sums have underflowed
		if err := v.h.cols(ε, w.φ, w.t); err != nil {
			return err
		}
	}
	v.marginal = w.u.second(ε, w.t, w.moved, w.scratch) / w.scale
	return nil
}

func massOf[T device.Float](w []T) float64 {
	if w == nil {
		return 1
	}
	_, sum := widen(w, len(w))
	return sum
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
