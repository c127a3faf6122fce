package sinkhorn

import (
	"context"
	"math"
	"slices"

	"github.com/ritz-go/ritz/goapi/device"
)

// newton maximises the dual function of the potentials ψ of the columns alone,
// the potentials φ of the rows being exact for them. Its gradient is b-p, p
// the sums of the columns of the plan, and its Hessian matrix
// -(diag(p) - Pᵀ·diag(a)⁻¹·P)/ε: the Schur complement that is left of the
// Hessian in both potentials when φ is eliminated. Of the plan in it only the
// large elements are kept, the diagonal being that of the whole plan (Tang,
// Shavlovsky, Rahmanian, Tardini, Thekumparampil, Xiao, Ying: Accelerating
// Sinkhorn algorithm with sparse Newton iterations, 2024).
//
// Beyond that paper, the number of elements follows from the mass that may be
// left out at the present error, elements that join what would fall apart are
// kept however small they are, and the system is solved by conjugate gradients
// with an approximate Cholesky factorization.
type newton[T device.Float] struct {
	ctx context.Context
	r   *reduced[T]
	q   device.Queue[float64]
	c   *costs[float64]
	own bool // q belongs to the newton
	ε   float64
	// kept is the number of elements of the plan to keep, 0 for what drop
	// says: the mass that may be left out over the error.
	kept int
	drop float64
	// quit ends the method where the plan turns out to have more than
	// sparseEnough elements for a point that count.
	quit bool
	step func(marginal float64) // after every step

	a, ψ, φ, s device.Matrix[float64]
	now, next  iterate
	plan       sparse
	system     system
	onDevice   deviceSystem
	rhs        []float64
	direction  []float64
	least      float64 // threshold of the entries to look at
	trace      []NewtonStep
}

// NewtonStep describes one step of Newton's method.
type NewtonStep struct {
	MarginalL1 float64 // error before the step
	Dual       float64 // value of the regularised dual problem before the step
	Kept       int     // elements of the plan in the Hessian matrix
	CG         int     // iterations of conjugate gradients
	Step       float64 // factor of the direction, 0 if steps of Sinkhorn's took its place
}

// iterate is a point ψ of Newton's method with what is known there.
type iterate struct {
	ψ, φ, p []float64
	dual    float64
	size    float64 // Σ of the absolute terms of dual
	err     float64
	entries device.Entries[float64]
	missing float64 // mass of the plan that is not in entries
}

func newNewton[T device.Float](ctx context.Context, dev device.Device, c *costs[T], r *reduced[T], ε float64) *newton[T] {
	w := &newton[T]{ctx: ctx, r: r, ε: ε, drop: droppedMass, least: 1e-3 / float64(r.n+r.m), step: func(float64) {}}
	if same, ok := any(c).(*costs[float64]); ok {
		w.q, w.c = same.q, same
	} else {
		w.q, w.own = dev.F64(), true
		w.c = widenCosts(w.q, r)
	}
	w.a, w.φ = w.q.Alloc(1, r.n), w.q.Alloc(1, r.n)
	w.ψ, w.s = w.q.Alloc(1, r.m), w.q.Alloc(1, r.m)
	upload(w.q, w.a, r.a, func(x float64) float64 { return x })
	for _, x := range []*iterate{&w.now, &w.next} {
		x.ψ, x.φ, x.p = make([]float64, r.m), make([]float64, r.n), make([]float64, r.m)
	}
	w.direction = make([]float64, r.m)
	return w
}

func (w *newton[T]) close() {
	if w.own {
		w.q.Close()
	}
}

// evaluate computes the plan of x.ψ: its sums, its entries from w.least on.
func (w *newton[T]) evaluate(x *iterate) error {
	x.entries.Reset()
	w.q.Upload(w.ψ, device.Vector(x.ψ))
	w.c.logStep(w.ε, w.ψ, w.a, w.φ, w.s, w.least, &x.entries)
	w.q.Download(device.Vector(x.φ), w.φ)
	w.q.Download(device.Vector(x.p), w.s)
	if err := w.q.Sync(); err != nil {
		return err
	}
	x.dual, x.size, x.err, x.missing = 0, 0, 0, 1
	for i, f := range x.φ {
		x.dual += w.r.a[i] * f
		x.size += w.r.a[i] * math.Abs(f)
	}
	for j, g := range x.ψ {
		x.dual += w.r.b[j] * g
		x.size += w.r.b[j] * math.Abs(g)
		x.err += math.Abs(x.p[j] - w.r.b[j])
	}
	for _, v := range x.entries.Val {
		x.missing -= v
	}
	return nil
}

// Constants of Newton's method.
const (
	droppedMass  = 0.1  // mass left out of the Hessian over the error, which counts as 0.1 at most
	ridge        = 0.01 // of the diagonal, over the error
	largestShift = 50   // of a potential in one step, in ε
	sufficient   = 1e-4 // share of the predicted gain that a step must make
	smallestStep = 0x1p-12
	restSteps    = 5    // of Sinkhorn's in place of a step that failed
	smooth       = 0.01 // error above which one of Sinkhorn's follows every step
	sparseEnough = 24   // elements of the plan for each point
	densest      = 32   // elements of the plan for each point, at most
	lookahead    = 1e-3
)

// patient returns the number of steps without progress of the error after
// which it is no use to go on. Far from the solution the dual function rises
// for a while before the error falls.
func patient(marginal float64) int {
	if marginal > 1e-3 {
		return 40
	}
	return 12
}

// run iterates from ψ to the error goal in at most limit steps and leaves the
// last iterate in w.now.
func (w *newton[T]) run(ψ []float64, goal float64, limit int) error {
	copy(w.now.ψ, ψ)
	if err := w.evaluate(&w.now); err != nil {
		return err
	}
	best := w.now.err
	for stuck := 0; limit > 0 && w.now.err > goal && stuck < patient(best); limit-- {
		if err := w.ctx.Err(); err != nil {
			return err
		}
		if err := w.sparsify(); err != nil {
			return err
		}
		kept := len(w.plan.val)
		if w.quit && kept > sparseEnough*(w.r.n+w.r.m) {
			return nil
		}
		slope, cg, err := w.solve()
		if err != nil {
			return err
		}
		before := w.now.err
		w.trace = append(w.trace, NewtonStep{MarginalL1: before, Dual: w.now.dual, Kept: kept, CG: cg})
		α, err := w.search(slope)
		if err != nil {
			return err
		}
		w.trace[len(w.trace)-1].Step = α
		rest := 0
		switch {
		case α == 0:
			rest = restSteps
		case w.now.err > smooth:
			rest = 1 // mends the columns that the step left with next to nothing
		}
		for range rest {
			if err := w.sinkhornStep(); err != nil {
				return err
			}
		}
		w.step(w.now.err)
		if stuck++; w.now.err < 0.9*best {
			best, stuck = w.now.err, 0
		}
		if α == 1 && w.now.err > 0.1*before {
			w.drop /= 10 // what is left out is felt
		}
	}
	return nil
}

// sparsify chooses the elements of the plan for the Hessian.
func (w *newton[T]) sparsify() error {
	x := &w.now
	drop := w.drop * min(x.err, 0.1)
	short := func() bool {
		if w.kept > 0 {
			return len(x.entries.Val) < w.kept
		}
		return x.missing > drop
	}
	for short() && len(x.entries.Val) < densest*(w.r.n+w.r.m) && w.least > 1e-200 {
		w.least /= 64
		if err := w.evaluate(x); err != nil {
			return err
		}
	}
	threshold, most := 0.0, w.kept
	if most == 0 {
		threshold, most = massThreshold(&x.entries, drop-max(x.missing, 0)), densest*(w.r.n+w.r.m)
	}
	if v := x.entries.Val; len(v) > most {
		v = slices.Clone(v)
		slices.Sort(v)
		threshold = max(threshold, v[len(v)-most])
	}
	w.plan.keep(w.r.n, w.r.m, &x.entries, threshold)
	// Of the next plan a little more will count than of this one.
	if threshold > 0 {
		w.least = threshold * lookahead
	}
	return nil
}

// direct computes the direction for the sums p of the columns and returns the
// number of iterations. On a device that does not share Go's memory conjugate
// gradients run there if they can; the approximate factorization, which runs on
// the processor, is for what they cannot do.
func (w *newton[T]) direct(p []float64, τ, tol float64) (iterations int, err error) {
	if _, shares := w.q.(device.Lender[float64]); !shares {
		done, err := w.onDevice.solve(w.ctx, w.q, &w.plan, w.r.a, p, τ, w.rhs, w.direction, tol)
		if done > 0 || err != nil {
			return done, err
		}
	}
	w.system.build(&w.plan, w.r.a, p, τ, uint64(len(w.trace)))
	return w.system.solve(w.rhs, w.direction, tol, 3*(w.r.n+w.r.m)), nil
}

// solve computes the direction and returns the slope of the dual function
// along it and the number of iterations.
func (w *newton[T]) solve() (slope float64, iterations int, err error) {
	x := &w.now
	w.rhs = grow(w.rhs, w.r.m)
	for j, p := range x.p {
		w.rhs[j] = w.ε * (w.r.b[j] - p)
	}
	e := min(x.err, 0.1)
	if iterations, err = w.direct(x.p, ridge*e, max(1e-10, 0.1*e)); err != nil {
		return 0, 0, err
	}
	most := 0.0
	for _, d := range w.direction {
		most = max(most, math.Abs(d))
	}
	cut := 1.0
	if most > largestShift*w.ε {
		cut = largestShift * w.ε / most
	}
	for j := range w.direction {
		w.direction[j] *= cut
		slope += (w.r.b[j] - x.p[j]) * w.direction[j]
	}
	return slope, iterations, nil
}

// search goes along the direction and makes the first point that is good
// enough the present one. It returns the factor, 0 for none.
func (w *newton[T]) search(slope float64) (α float64, err error) {
	if !(slope > 0) {
		return 0, nil
	}
	for α = 1; α >= smallestStep; α /= 2 {
		for j, d := range w.direction {
			w.next.ψ[j] = w.now.ψ[j] + α*d
		}
		if err := w.evaluate(&w.next); err != nil {
			return 0, err
		}
		// Gains below the rounding errors of the function say nothing;
		// there the error itself decides.
		noise := 8 * device.Epsilon[float64]() * w.now.size
		gain := w.next.dual - w.now.dual
		if gain >= sufficient*α*slope-noise && (gain > noise || w.next.err < w.now.err) {
			w.now, w.next = w.next, w.now
			return α, nil
		}
	}
	return 0, nil
}

// sinkhornStep is one iteration of Sinkhorn's from the present point.
func (w *newton[T]) sinkhornStep() error {
	for j, p := range w.now.p {
		w.next.ψ[j] = w.now.ψ[j] + w.ε*min(math.Log(w.r.b[j])-math.Log(p), largestShift)
	}
	w.now, w.next = w.next, w.now
	return w.evaluate(&w.now)
}
