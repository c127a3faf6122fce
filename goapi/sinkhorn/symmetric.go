package sinkhorn

import (
	"context"
	"math"

	"github.com/ritz-go/ritz/goapi/device"
)

// symmetric is the averaged iteration f ← ½(f + S(f)) between a measure and
// itself, with the soft minima S. Both potentials are f.
type symmetric struct {
	run     *fixedPoint
	a, logA []float64
	f, φ, s []float64 // φ is f with the logarithms of the masses
}

func newSymmetric(a []float64, run *fixedPoint) *symmetric {
	n := len(a)
	w := &symmetric{run: run, a: a, logA: make([]float64, n), f: make([]float64, n), φ: make([]float64, n), s: make([]float64, n)}
	for i, x := range a {
		w.logA[i] = math.Log(x)
	}
	return w
}

// solve iterates to the error of the plan, both its marginals together.
func (w *symmetric) solve(h *halves, ε, goal float64) error {
	w.run.step = func(f, next []float64) (float64, error) {
		weigh(ε, f, w.logA, w.φ)
		if err := h.rows(ε, w.φ, w.s); err != nil {
			return 0, err
		}
		e := 0.0
		for i, v := range w.s {
			next[i] = (f[i] + v) / 2
			e += 2 * w.a[i] * math.Abs(math.Expm1((f[i]-v)/ε))
		}
		return e, nil
	}
	return w.run.run(w.f, goal)
}

// selfTransport solves a problem between a measure and itself.
func selfTransport[T device.Float](ctx context.Context, dev device.Device, p Problem[T], o Options) (*Result[T], error) {
	o, err := o.complete()
	if err != nil {
		return nil, err
	}
	r, err := reduce(p, o.Normalize)
	if err != nil {
		return nil, err
	}
	ε := o.Epsilon / r.unit
	o.Method = Log
	if err := r.accepts(ε, o); err != nil {
		return nil, err
	}
	tol := tolerance[T](o.Tol, (r.hi-r.lo)/ε)
	q := device.NewQueue[T](dev)
	defer q.Close()
	c := newCosts(q, r, o.Memory)
	cert := newCertifier(dev, c, r, ε)
	defer cert.close()
	run := &fixedPoint{ctx: ctx, progress: o.Progress, left: o.MaxIterations}
	w := newSymmetric(r.a, run)
	if cert.own { // float32: the rest in float64
		k := newScaled(q, c, o.Memory)
		k.begin(ε, 0, 0) // every point is near itself
		err := w.solve(k.halves(), ε, max(tol/4, 2*device.Epsilon[T]()*(1+(r.hi-r.lo)/ε)))
		k.close()
		if err != nil {
			return nil, err
		}
	}
	if err := certifySymmetric(w, cert, o, tol); err != nil {
		return nil, err
	}
	res, err := cert.finish(ctx, dev, p, o.Epsilon)
	if err != nil {
		return nil, err
	}
	res.Iterations, res.History, res.Method = run.count, run.history, Log
	res.Converged = cert.marginal <= tol
	return res, run.notReached("the symmetric iteration", cert.marginal, tol)
}

// certifySymmetric iterates until the true plan has the error tol. The certificate makes
// the rows exact by a half step, which may double the error of the columns.
func certifySymmetric[T device.Float](w *symmetric, cert *certifier[T], o Options, tol float64) error {
	ε, r := cert.ε, cert.r
	k := newScaled(cert.q, cert.c, o.Memory)
	defer k.close()
	k.begin(ε, 0, 0) // every point is near itself
	ψ := cert.q.Alloc(1, r.m)
	h, goal := k.halves(), firstGoal(k.narrow(), tol/4)
	for {
		if err := w.solve(h, ε, goal); err != nil {
			return err
		}
		weigh(ε, w.f, w.logA, w.φ)
		cert.q.Upload(ψ, device.Vector(w.φ))
		if err := cert.rebuild(ψ); err != nil || cert.marginal <= tol || w.run.left == 0 {
			return err
		}
		switch {
		case h == k.exact:
			return nil // rounding errors
		case goal < tol/16:
			h = k.exact
		default:
			for i, x := range cert.rounding.φ {
				w.s[i] = x - ε*w.logA[i]
			}
			if ok, err := k.alignRows(w.φ, w.s); err != nil {
				return err
			} else if !ok {
				h = k.exact
			}
		}
		goal = min(goal, tol/4) / 2
	}
}
