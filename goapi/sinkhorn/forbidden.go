package sinkhorn

import (
	"cmp"
	"context"
	"math"
	"slices"

	"github.com/ritz-go/ritz/goapi/device"
)

// connected checks that every point of a problem with forbidden pairs may
// send or receive something.
func (r *reduced[T]) connected() error {
	open := make([]bool, r.m)
	check := func(i int, row []T) error {
		some := false
		for j, c := range row {
			if !math.IsInf(float64(c), 1) {
				some, open[j] = true, true
			}
		}
		if !some {
			return device.Argument("Cost", "forbids all pairs of row %d, which has mass", index(r.rows, i))
		}
		return nil
	}
	if err := r.eachRow(check); err != nil {
		return err
	}
	for j, ok := range open {
		if !ok {
			return device.Argument("Cost", "forbids all pairs of column %d, which has mass", index(r.cols, j))
		}
	}
	return nil
}

// eachRow calls do with every row of costs that are not those of clouds.
func (r *reduced[T]) eachRow(do func(i int, row []T) error) error {
	if r.source == nil {
		for i := range r.n {
			if err := do(i, r.cost.Row(i)); err != nil {
				return err
			}
		}
		return nil
	}
	q := device.NewQueue[T](device.Go())
	defer q.Close()
	tile, fill := q.Alloc(tileRows(r.n, r.m), r.m), r.source.filler(q)
	host := device.NewDense[T](tile.Rows, r.m)
	for lo := 0; lo < r.n; lo += tile.Rows {
		hi := min(lo+tile.Rows, r.n)
		fill(lo, hi, tile.RowRange(0, hi-lo))
		q.Download(host.Slice(0, hi-lo, 0, r.m), tile.RowRange(0, hi-lo))
		if err := q.Sync(); err != nil {
			return err
		}
		for i := lo; i < hi; i++ {
			if err := do(i, host.Row(i-lo)); err != nil {
				return err
			}
		}
	}
	return nil
}

// allowed returns a matrix of zeros, and of +Inf where pairs are forbidden.
func (r *reduced[T]) allowed() (device.Dense[float32], error) {
	c := device.NewDense[float32](r.n, r.m)
	return c, r.eachRow(func(i int, row []T) error {
		to := c.Row(i)
		for j, v := range row {
			if math.IsInf(float64(v), 1) {
				to[j] = float32(math.Inf(1))
			}
		}
		return nil
	})
}

// feasible returns a plan with the marginals a and b, of the same sum, on pairs
// that are not forbidden, and whether there is one.
func feasible(ctx context.Context, allowed device.Dense[float32], a, b []float64) ([]Entry[float64], bool, error) {
	a, sum := widen(a, len(a))
	b, _ = widen(b, len(b))
	wa, wb, total := inUnits(a, b)
	s := newSimplex(ctx, allowed, 1, wa, wb, make([]float64, len(b)))
	if err := s.solve(); err != nil {
		return nil, false, err
	}
	plan, wrong := s.plan(total)
	for k := range plan {
		plan[k].Mass *= sum
	}
	slices.SortFunc(plan, func(x, y Entry[float64]) int { return cmp.Compare(x.I, y.I) })
	return plan, wrong <= 0x1p-60*4*float64(len(a)+len(b)), nil
}

// checkFeasible checks that some plan avoids the forbidden pairs, and returns
// where they are.
func (r *reduced[T]) checkFeasible(ctx context.Context) (device.Dense[float32], error) {
	if !r.barred {
		return device.Dense[float32]{}, nil
	}
	allowed, err := r.allowed()
	if err != nil {
		return allowed, err
	}
	_, ok, err := feasible(ctx, allowed, r.a, r.b)
	if err == nil && !ok {
		err = device.Argument("Cost", "forbids so many pairs that there is no plan")
	}
	return allowed, err
}

// detour completes the plan where pairs are forbidden: the rank-one rest of
// the rounding would use them. got are the sums of the rows of the rounded
// plan without that rest. What the plan lacks may not fit the allowed pairs
// alone, so that part of the plan, as little as will do, is planned anew.
func (v *certifier[T]) detour(ctx context.Context, got []float64) error {
	a, b := make([]float64, v.r.n), make([]float64, v.r.m)
	for again := 0.0; ; again = min(1, max(30*again, 30*v.lack, 1e-9)) {
		for i, x := range v.r.a {
			a[i] = max(0, x-(1-again)*got[i])
		}
		for j, x := range v.r.b {
			b[j] = max(0, x-(1-again)*(x-v.lackB[j]))
		}
		if v.lack == 0 {
			return nil
		}
		plan, ok, err := feasible(ctx, v.allowed, a, b)
		if err != nil {
			return err
		}
		if !ok && again < 1 {
			continue
		}
		v.rounding.detour = plan
		v.keep = 1 - again
		clear(v.lackA)
		clear(v.lackB)
		v.lack = 0
		return nil
	}
}
