package sinkhorn

import (
	"context"
	"math"
	"slices"

	"github.com/ritz-go/ritz/goapi/device"
)

// At small ε the iteration may creep from plateau to plateau, each of which
// takes about spread/ε iterations. Exact potentials are beyond all of them and
// take less time. They are asked for when so many iterations have not brought
// the error below far.
const (
	creeping = 16 * window
	far      = 0.01
)

// approach runs at most limit iterations to the error goal, from exact
// potentials if those before creep.
func (d *descent[T]) approach(dev device.Device, r *reduced[T], o Options, limit int, goal float64) error {
	first := d.count
	if err := d.run(goal, min(creeping, limit)); err != nil {
		return err
	}
	limit = min(limit-(d.count-first), d.left)
	if d.reached(goal) || d.count-first < creeping || limit <= 0 {
		return nil
	}
	if err := exactStart(d.ctx, dev, r, d.s, d, first, o.Memory); err != nil {
		return err
	}
	return d.run(goal, limit)
}

// exactStart replaces the potentials of s by exact ones where the iterations
// of d from number first on have not come near a solution.
func exactStart[T device.Float](ctx context.Context, dev device.Device, r *reduced[T], s *iteration[T], d *descent[T], first int, memory int64) error {
	if d.left == 0 || d.count-first < creeping || slices.Min(d.history[first:]) <= far || !fits[float64](r.n, r.m, memory) {
		return nil
	}
	g := make([]T, r.m)
	s.q.Download(device.Vector(g), s.ψ)
	if err := s.q.Sync(); err != nil {
		return err
	}
	from := *r
	from.unit, from.warm = 1, g
	for j := range g {
		g[j] -= T(s.ε * math.Log(r.b[j]))
	}
	var e *exact
	var err error
	if absent(r.cost) {
		var cost device.Dense[float64]
		if cost, err = r.costs(dev); err == nil {
			e, err = byPivots(ctx, dev, &from, cost, nil)
		}
	} else {
		e, err = byPivots(ctx, dev, &from, r.cost, nil)
	}
	if err != nil {
		return err
	}
	for j, x := range e.g {
		e.g[j] = x + s.ε*math.Log(r.b[j])
	}
	upload(s.q, s.ψ, e.g, func(x float64) float64 { return x })
	s.restart()
	return nil
}
