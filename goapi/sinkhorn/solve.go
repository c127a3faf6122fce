package sinkhorn

import (
	"context"
	"math"

	"github.com/ritz-go/ritz/goapi/device"
)

// Solve computes the entropy-regularised optimal transport between the two
// sides of p on dev.
//
// It needs the costs (n·m elements) in device memory, or tiles of them for
// clouds, and as much again for the kernel of [Scaling].
//
// Errors before any work match [device.ErrArgument], [device.ErrShape],
// [device.ErrEmpty] or [device.ErrNotFinite]. If the tolerance is not reached
// the best plan is returned, with its certificate, together with an error that
// matches [device.ErrNotConverged]; if ctx ends, its error is returned alone.
func Solve[T device.Float](ctx context.Context, dev device.Device, p Problem[T], o Options) (*Result[T], error) {
	o, err := o.complete()
	if err != nil {
		return nil, err
	}
	if g, ok := p.Source.(*gridCosts[T]); ok && (o.Method == Auto || o.Method == Log) {
		return solveGrid(ctx, dev, p, g, o)
	}
	r, err := reduce(p, o.Normalize)
	if err != nil {
		return nil, err
	}
	ε := o.Epsilon / r.unit
	if err := r.accepts(ε, o); err != nil {
		return nil, err
	}
	allowed, err := r.checkFeasible(ctx)
	if err != nil {
		return nil, err
	}
	spread := r.hi - r.lo
	o.Tol = tolerance[T](o.Tol, spread/ε)

	q := device.NewQueue[T](dev)
	defer q.Close()
	if r.clustered(q, ε, o) {
		return solveClustered(ctx, dev, q, p, r, ε, o)
	}
	c := newCosts(q, r, o.Memory)
	s := newIteration(q, c, r, o.kernel(fits[T](r.n, r.m, o.Memory)))
	defer s.close()
	d := &descent[T]{
		ctx: ctx, s: s, relax: o.Relaxation, progress: o.Progress,
		left: o.MaxIterations, floor: 64 * device.Epsilon[T]() * (1 + max(math.Abs(r.lo), math.Abs(r.hi), spread)/ε),
	}
	if err := d.approachEpsilon(schedule(ε, spread, r.warm != nil || o.Newton.After > 0), r.lo, r.hi); err != nil {
		return nil, err
	}
	goal := firstGoal(s.narrow(), o.Tol)
	steps, final, err := d.finish(dev, c, r, ε, o, goal)
	if err != nil {
		return nil, err
	}
	cert := newCertifier(dev, c, r, ε)
	defer cert.close()
	cert.allowed = allowed
	if err := d.certify(cert, final, o.Tol, goal); err != nil {
		return nil, err
	}
	if !cert.own && final == nil {
		cert.lost = s.lost
	}
	if cert.own && cert.marginal > o.Tol && d.left > 0 {
		if err := polish(ctx, cert, o, d); err != nil {
			return nil, err
		}
	}
	res, err := cert.finish(ctx, dev, p, o.Epsilon)
	if err != nil {
		return nil, err
	}
	res.Iterations, res.History = d.count, d.history
	res.Method = Log
	if s.used {
		res.Method = Scaling
	}
	if res.Newton = steps; len(steps) > 0 {
		res.Method = Newton
	}
	if res.Converged = cert.marginal <= o.Tol; !res.Converged {
		return res, &device.NotConvergedError{Method: "Sinkhorn's iteration", Iterations: d.count, Achieved: cert.marginal, Wanted: o.Tol}
	}
	return res, nil
}

// approachEpsilon runs through all but the last of the decreasing values of ε,
// and begins with that. Costs are between lo and hi.
func (d *descent[T]) approachEpsilon(steps []float64, lo, hi float64) error {
	for k, e := range steps {
		d.s.setEpsilon(e)
		d.s.buildAtOnce(lo, hi)
		if k == len(steps)-1 {
			break
		}
		if err := d.run(coarse, min(coarseIterations, d.left/2)); err != nil {
			return err
		}
	}
	return nil
}

// certify rebuilds the plan of final, or of the iteration where that is nil. The
// iteration has seen the plan through its kernel. If rounding errors in that hid
// some of the error, it iterates on with a corrected or a new one.
func (d *descent[T]) certify(cert *certifier[T], final []float64, tol, goal float64) error {
	s := d.s
	for {
		var err error
		if final != nil {
			err = cert.rebuildAt(final)
		} else {
			err = cert.rebuildFrom(s.ψ, s.q)
		}
		if err != nil || cert.marginal <= tol || d.left == 0 || d.stalled || goal < tol/8 {
			return err
		}
		goal = min(goal, tol) / 2
		if final != nil {
			s.moveTo(final)
			final = nil
		}
		if !s.correct(cert.sums) {
			s.restart()
		}
		d.leave = nil
		if err := d.run(goal, d.left); err != nil {
			return err
		}
	}
}

// accepts checks what depends on both the problem and the options. ε is in
// the unit of r.
func (r *reduced[T]) accepts(ε float64, o Options) error {
	size := max(math.Abs(r.lo), math.Abs(r.hi))
	switch {
	case o.Method == Scaling && !fits[T](r.n, r.m, o.Memory):
		return device.Argument("Memory", "of %d bytes is too little for the %d×%d kernel of method %q", o.Memory, r.n, r.m, Scaling)
	case T(ε) == 0 || T(1/ε) == 0 || math.IsInf(float64(T(ε)), 0) || size/ε > 0.1/device.Epsilon[T]():
		return device.Argument("Epsilon", "is %v, too far from the size %v of the costs for the number type", o.Epsilon, size*r.unit)
	}
	return nil
}

// The values of ε before the last one are solved to this error only, in no
// more than so many iterations.
const (
	coarse           = 0.05
	coarseIterations = 4 * window
)

// schedule returns the decreasing values of ε to go through. Far from the
// solution an iteration moves potentials by about ε, so that small values need
// spread/ε iterations to begin with; larger ones come near faster.
func schedule(ε, spread float64, warm bool) []float64 {
	steps := []float64{ε}
	if warm {
		return steps
	}
	for e := 4 * ε; e < spread/64; e *= 4 {
		steps = append([]float64{e}, steps...)
	}
	return steps
}
