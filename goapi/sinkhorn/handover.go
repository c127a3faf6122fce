package sinkhorn

import (
	"math"

	"github.com/ritz-go/ritz/goapi/device"
)

// Newton's method may begin below this error; it begins later with
// Sinkhorn's iteration as the alternative.
const nearby = 0.05

// finish runs the iteration to the tolerance, if need be with steps of
// Newton's, and returns those with the potentials that they ended at, nil for
// those of the iteration.
func (d *descent[T]) finish(dev device.Device, c *costs[T], r *reduced[T], ε float64, o Options, goal float64) (trace []NewtonStep, ψ []float64, err error) {
	if o.Method == Log || o.Method == Scaling {
		return nil, nil, d.run(goal, d.left)
	}
	limit := d.left
	switch {
	case o.Method == Newton && o.Newton.After > 0:
		limit = o.Newton.After
	case o.Method == Newton:
		d.leave = func(errs []float64) bool { return errs[len(errs)-1] <= nearby }
	default:
		d.leave = d.slow(r.n, r.m, o.Tol)
	}
	if err := d.approach(dev, r, o, limit, goal); err != nil {
		return nil, nil, err
	}
	w := newNewton(d.ctx, dev, c, r, ε)
	defer w.close()
	w.kept, w.quit, w.step = o.Newton.Kept, o.Method == Auto, d.note
	for d.left > 0 && !d.reached(goal) {
		if ψ, err = d.s.potentials(); err != nil {
			return nil, nil, err
		}
		steps := len(w.trace)
		if err := w.run(ψ, o.Tol, d.left); err != nil {
			return nil, nil, err
		}
		if w.now.err <= o.Tol {
			return w.trace, w.now.ψ, nil
		}
		if d.leave = nil; len(w.trace) == steps { // the plan is not sparse
			return w.trace, nil, d.run(goal, d.left)
		}
		// What is too far for Newton's method is left to Sinkhorn's.
		d.s.moveTo(w.now.ψ)
		d.stalled = false
		if err := d.run(max(goal, w.now.err/10), d.left); err != nil {
			return nil, nil, err
		}
		if d.stalled {
			break
		}
	}
	return w.trace, nil, nil
}

func (d *descent[T]) reached(tol float64) bool {
	return len(d.history) > 0 && d.history[len(d.history)-1] <= tol
}

// Rough costs on a CPU: of an element of the plan in one step of Newton's and
// in one iteration, and of a point in one step, relative to the first.
const (
	newtonSteps    = 10
	newtonElement  = 1.5
	scalingElement = 0.4
	newtonPoint    = 5000
)

// slow returns the function that tells whether the iteration will take longer
// to the tolerance than Newton's method would, or more iterations than are left.
func (d *descent[T]) slow(n, m int, tol float64) func(errs []float64) bool {
	elements := float64(n) * float64(m)
	newton := newtonSteps * (newtonElement*elements + newtonPoint*float64(n+m))
	return func(errs []float64) bool {
		first, last := errs[0], errs[len(errs)-1]
		if last > nearby || len(errs) < window {
			return false
		}
		each := elements
		if d.s.built {
			each *= scalingElement
		}
		rate := math.Log(first/last) / float64(len(errs)-1)
		if !(rate > 0) {
			return false
		}
		left := math.Log(last/tol) / rate
		return left*each > newton || left > float64(d.left)
	}
}
