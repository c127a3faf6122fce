package sinkhorn

import (
	"cmp"
	"math"
	"slices"

	"github.com/ritz-go/ritz/goapi/device"
)

// finishExact puts the solution of the reduced problem r into the caller's
// units and places, and bounds its errors.
func finishExact[T device.Float](e *exact, r *reduced[T], n, m int) *ExactResult[T] {
	lower, size := 0.0, 0.0
	for i, f := range e.f {
		lower += r.a[i] * f
		size = max(size, math.Abs(f))
	}
	for j, g := range e.g {
		lower += r.b[j] * g
		size = max(size, math.Abs(g))
	}
	rows, cols := slices.Clone(r.a), slices.Clone(r.b)
	for _, x := range e.plan {
		rows[x.I] -= x.Mass
		cols[x.J] -= x.Mass
	}
	marginal := 0.0
	for _, x := range slices.Concat(rows, cols) {
		marginal += math.Abs(x)
	}
	// As in the certificate of Solve. What the plan misses of the marginals
	// could cost up to the largest cost.
	costs := max(math.Abs(r.lo), math.Abs(r.hi))
	slack := 4 * float64(r.n+r.m+r.dim()+16) * device.Epsilon[float64]()
	unit := r.unit * r.mass
	res := &ExactResult[T]{Cost: e.cost * unit, Pivots: e.pivot}
	k := &res.Certificate
	k.MarginalL1 = marginal
	k.Upper = (e.cost + (slack+marginal)*costs) * unit
	k.Lower = (lower - slack*(costs+size) - e.slack) * unit
	k.Gap = k.Upper - k.Lower
	// Points without mass have no part in the value. A potential far down
	// keeps them feasible, whatever their costs are.
	deep := func(int) float64 { return -2 * (costs + size) }
	res.F = place[T](e.f, r.rows, n, r.unit, 0, deep)
	res.G = place[T](e.g, r.cols, m, r.unit, 0, deep)
	res.Plan = Sparse[T]{Rows: n, Cols: m, Entries: make([]Entry[T], 0, len(e.plan))}
	for _, x := range e.plan {
		res.Plan.Entries = append(res.Plan.Entries, Entry[T]{index(r.rows, x.I), index(r.cols, x.J), T(x.Mass * r.mass)})
	}
	slices.SortFunc(res.Plan.Entries, func(x, y Entry[T]) int {
		return cmp.Or(cmp.Compare(x.I, y.I), cmp.Compare(x.J, y.J))
	})
	return res
}

// dim returns the number of terms in a computed cost.
func (r *reduced[T]) dim() int {
	switch s := r.source.(type) {
	case *product[T]:
		return s.a.Cols
	case *power[T]:
		return s.x.Cols
	}
	return r.x.Cols
}
