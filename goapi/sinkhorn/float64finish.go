package sinkhorn

import (
	"context"

	"github.com/ritz-go/ritz/goapi/device"
)

// polish iterates on in float64 from where float32 came no further: its
// potentials, in units of ε, are wrong by up to their size times 2⁻²⁴, and so
// is every entry of the plan. The costs stay those of float32.
func polish[T device.Float](ctx context.Context, cert *certifier[T], o Options, d *descent[T]) error {
	r := &reduced[float64]{n: cert.r.n, m: cert.r.m, a: cert.r.a, b: cert.r.b, unit: 1, warm: cert.rounding.ψ}
	s := newIteration(cert.q, cert.c, r, o.kernel(fits[float64](r.n, r.m, o.Memory)))
	defer s.close()
	s.ε = cert.ε // the potentials hold the logarithms of the weights for it
	s.setEpsilon(cert.ε)
	fine := &descent[float64]{
		ctx: ctx, s: s, relax: o.Relaxation, progress: o.Progress,
		left: d.left, floor: d.floor * device.Epsilon[float64]() / device.Epsilon[T](),
		count: d.count, history: d.history,
	}
	for goal := firstGoal(s.narrow(), o.Tol); ; {
		if err := fine.run(goal, fine.left); err != nil {
			return err
		}
		if err := cert.rebuild(s.ψ); err != nil {
			return err
		}
		if cert.marginal <= o.Tol || fine.left == 0 || fine.stalled || goal < o.Tol/8 {
			break
		}
		goal = min(goal, o.Tol) / 2
		if !s.correct(cert.sums) {
			s.restart()
		}
	}
	d.count, d.left, d.history = fine.count, fine.left, fine.history
	return nil
}
