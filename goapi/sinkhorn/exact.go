package sinkhorn

import (
	"context"
	"fmt"
	"math"

	"github.com/ritz-go/ritz/goapi/device"
)

// ExactOptions are the options of [Exact]. All have useful zero values.
type ExactOptions struct {
	// Normalize scales A and B to the sum 1 each. Without it, sums that
	// differ are an error.
	Normalize bool
	// Memory limits the bytes of the cost matrix where it has to be
	// computed; default 2 GiB.
	Memory int64
	// Progress, if set, is called every thousand pivots of the network
	// simplex method, and after the last one, with the cost of the plan so
	// far, which falls. Forbidden pairs that it still uses count as more than
	// any plan without them costs.
	Progress func(pivots int, cost float64)
}

// ExactResult is the result of [Exact].
type ExactResult[T device.Float] struct {
	// F (n) and G (m) are potentials of the problem without regularisation:
	// F[i]+G[j] ≤ C[i,j] for all pairs but for rounding errors, with
	// equality where the plan has mass.
	F, G []T
	// Cost is ⟨C,P⟩ of the plan.
	Cost float64
	// Plan is the optimal plan, with at most n+m-1 entries.
	Plan   Sparse[T]
	Pivots int // of the network simplex method, 0 where it was not needed
	// Certificate holds the bounds of the cost: Lower is the value of the
	// potentials, Upper the cost of the plan, each moved outwards by a bound
	// of its rounding errors. Their difference is also how far the plan is
	// from complementary slackness, Σ P·(C-F-G). MarginalL1 is the error of
	// the plan.
	Certificate Certificate
}

// Entry is an entry of a matrix of which most are zero.
type Entry[T device.Float] struct {
	I, J int
	Mass T
}

// Sparse is a plan of which most entries are zero. Its entries are in the order
// of rows, then of columns.
type Sparse[T device.Float] struct {
	Rows, Cols int
	Entries    []Entry[T]
}

// Dense writes the plan into dst (Rows×Cols).
func (p Sparse[T]) Dense(dst device.Dense[T]) error {
	if err := dst.Validate("dst"); err != nil {
		return err
	}
	if dst.Rows != p.Rows || dst.Cols != p.Cols {
		return &device.ShapeError{Op: "dst", Detail: fmt.Sprintf("is %d×%d, the plan %d×%d", dst.Rows, dst.Cols, p.Rows, p.Cols)}
	}
	for i := range dst.Rows {
		clear(dst.Row(i))
	}
	for _, e := range p.Entries {
		dst.Set(e.I, e.J, dst.At(e.I, e.J)+e.Mass)
	}
	return nil
}

// Exact computes the optimal transport without regularisation between the two
// sides of p.
//
// Points of the line with a cost |x-y|^p, p ≥ 1, are sorted, which takes
// O(n log n) operations and no cost matrix. Everything else is solved by the
// network simplex method (Ahuja, Magnanti, Orlin: Network Flows, 1993, chapter
// 11) with exact arithmetic for the masses, which are rounded to multiples of
// 2⁻⁶⁰ of the total unless their ratios are whole numbers. It starts from the
// arcs that regularised potentials favour, those of p.Warm if given, and looks
// at the whole cost matrix only to add arcs: at n = m = 2000 a few times in
// all. The n·m costs are stored; those of clouds and sources in float64. dev
// computes them and the potentials to start from.
//
// Errors are as for [Solve]; a problem whose forbidden pairs leave no plan is
// an error that matches [device.ErrArgument]. Cancelling ctx ends the work
// within a thousand pivots.
func Exact[T device.Float](ctx context.Context, dev device.Device, p Problem[T], o ExactOptions) (*ExactResult[T], error) {
	if o.Memory < 0 {
		return nil, device.Argument("Memory", "is %d, must not be negative", o.Memory)
	}
	if o.Memory == 0 {
		o.Memory = 2 << 30
	}
	r, err := reduce(p, o.Normalize)
	if err != nil {
		return nil, err
	}
	if err := open(dev); err != nil {
		return nil, err
	}
	var e *exact
	switch x, y, power, ok := r.line(); {
	case ok:
		e, err = sorted(ctx, r.a, r.b, x, y, power)
	case absent(r.cost):
		if !fits[float64](r.n, r.m, o.Memory) {
			return nil, device.Argument("Memory", "of %d bytes is too little for %d×%d costs", o.Memory, r.n, r.m)
		}
		var cost device.Dense[float64]
		if cost, err = r.costs(dev); err == nil {
			e, err = byPivots(ctx, dev, r, cost, o.Progress)
		}
	default:
		e, err = byPivots(ctx, dev, r, r.cost, o.Progress)
	}
	if err != nil {
		return nil, err
	}
	n, m := points(p)
	return finishExact(e, r, n, m), nil
}

// open returns the error of a device that is closed or nil.
func open(dev device.Device) error {
	q := device.NewQueue[float64](dev)
	defer q.Close()
	q.Fill(0, q.Alloc(1, 1))
	return q.Sync()
}

// exact is the solution of a reduced problem.
type exact struct {
	f, g  []float64
	plan  []Entry[float64]
	cost  float64
	slack float64 // bound of the rounding errors of f and g, per mass
	pivot int
}

// costs computes the costs of clouds or of a source.
func (r *reduced[T]) costs(dev device.Device) (device.Dense[float64], error) {
	q := dev.F64()
	defer q.Close()
	c := widenCosts(q, r)
	all, take := device.Output(q, r.n, r.m)
	c.each(func(lo, hi int, tile device.Matrix[float64]) { q.Copy(all.RowRange(lo, hi), tile) })
	host := take()
	return host, q.Sync()
}

// byPivots solves with the network simplex method.
func byPivots[T, C device.Float](ctx context.Context, dev device.Device, r *reduced[T], cost device.Dense[C], progress func(int, float64)) (*exact, error) {
	g, err := firstPotentials(ctx, dev, r, cost)
	if err != nil {
		return nil, err
	}
	// A cycle of the network has no more than min(n,m) forbidden arcs.
	bar := r.hi + float64(min(r.n, r.m)+1)*(r.hi-r.lo+math.Abs(r.hi)) + 1
	wa, wb, total := inUnits(r.a, r.b)
	s := newSimplex(ctx, cost, bar, wa, wb, g)
	if progress != nil {
		unit := r.unit * r.mass / float64(total)
		s.progress = func(pivots int, cost float64) { progress(pivots, cost*unit) }
	}
	if err := s.solve(); err != nil {
		return nil, err
	}
	e := &exact{g: s.v, pivot: s.pivots}
	var wrong float64
	e.plan, wrong = s.plan(total)
	if wrong > 0x1p-60*4*float64(r.n+r.m) {
		return nil, device.Argument("Cost", "forbids so many pairs that a share %.3g of the mass has nowhere to go", wrong)
	}
	for _, x := range e.plan {
		e.cost += x.Mass * float64(cost.At(x.I, x.J))
	}
	// The best f for g, which makes both feasible for certain.
	e.f = make([]float64, r.n)
	inParallel(r.n, blocks(r.n, r.m), func(_, lo, hi int) {
		for i := lo; i < hi; i++ {
			least := math.Inf(1)
			for j, c := range cost.Row(i) {
				least = min(least, float64(c)-e.g[j])
			}
			e.f[i] = least
		}
	})
	return e, nil
}

// firstPotentials returns those of the caller, or regularised ones.
func firstPotentials[T, C device.Float](ctx context.Context, dev device.Device, r *reduced[T], cost device.Dense[C]) ([]float64, error) {
	g := make([]float64, r.m)
	if r.warm != nil {
		for j, x := range r.warm {
			g[j] = float64(x) / r.unit
		}
		return g, nil
	}
	const small = 1 << 12 // costs for which it is not worth the work
	spread := r.hi - r.lo
	if r.n*r.m <= small || spread == 0 {
		return g, nil
	}
	s, err := Solve(ctx, dev, Problem[C]{Cost: cost, A: narrow[C](r.a), B: narrow[C](r.b)},
		Options{Epsilon: spread / 200, Tol: coarse, MaxIterations: 8 * window, Normalize: true})
	if s == nil {
		return nil, err
	}
	for j, x := range s.G {
		g[j] = float64(x)
	}
	return g, nil
}

func narrow[T device.Float](x []float64) []T {
	y := make([]T, len(x))
	for i, v := range x {
		y[i] = T(v)
	}
	return y
}

// plan returns the flow as shares of the total, and the share that goes over
// forbidden arcs, which it leaves out.
func (s *simplex[T]) plan(total int64) (plan []Entry[float64], wrong float64) {
	s.tree.arcs(func(i, j int, flow int64) {
		share := float64(flow) / float64(total)
		switch {
		case flow == 0:
		case math.IsInf(float64(s.cost.At(i, j)), 1):
			wrong += share
		default:
			plan = append(plan, Entry[float64]{i, j, share})
		}
	})
	return plan, wrong
}
