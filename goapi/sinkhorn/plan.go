package sinkhorn

import (
	"fmt"
	"slices"

	"github.com/ritz-go/ritz/goapi/device"
)

// Plan writes the plan that meets both marginals into dst (n×m): the plan of
// the potentials, rounded (Altschuler, Weed, Rigollet 2017). Rows and columns
// of points without mass are zero. Its cost is Result.Cost. It reads the costs
// or points of the problem again and takes one exponential an element; the
// device must still be open.
func (r *Result[T]) Plan(dst device.Dense[T]) error { return r.plan(dst, true) }

// RawPlan writes A[i]·B[j]·exp((F[i]+G[j]-C[i,j])/Epsilon) into dst (n×m), the
// plan of the potentials as they are, but for the rounding errors of F: the
// rows sum to A. Certificate.MarginalL1 is its error.
func (r *Result[T]) RawPlan(dst device.Dense[T]) error { return r.plan(dst, false) }

func (r *Result[T]) plan(dst device.Dense[T], rounded bool) error {
	if r == nil || r.reduced == nil {
		return device.Argument("result", "is not one of Solve")
	}
	if err := dst.Validate("dst"); err != nil {
		return err
	}
	if dst.Rows != len(r.F) || dst.Cols != len(r.G) {
		return &device.ShapeError{Op: "dst", Detail: fmt.Sprintf("is %d×%d, the plan %d×%d", dst.Rows, dst.Cols, len(r.F), len(r.G))}
	}
	for i := range dst.Rows {
		clear(dst.Row(i))
	}
	d, q := r.reduced, r.dev.F64()
	defer q.Close()
	c := widenCosts(q, d)
	φ, ψ, tile := q.Alloc(1, d.n), q.Alloc(1, d.m), q.Alloc(c.high, d.m)
	q.Upload(φ, device.Vector(r.φ))
	q.Upload(ψ, device.Vector(r.ψ))
	a := q.Alloc(1, d.n)
	upload(q, a, d.a, func(x float64) float64 { return x })
	host := device.NewDense[float64](c.high, d.m)
	var failure error
	c.each(func(lo, hi int, costs device.Matrix[float64]) {
		if failure != nil {
			return
		}
		k := tile.RowRange(0, hi-lo)
		if r.cols != nil {
			device.PlanRows(q, r.ε, costs, ψ, a.Slice(0, 1, lo, hi), k)
		} else { // of a relaxed problem
			device.Gibbs(q, r.ε, φ.Slice(0, 1, lo, hi), ψ, costs, k)
		}
		q.Download(host.Slice(0, hi-lo, 0, d.m), k)
		if failure = q.Sync(); failure != nil {
			return
		}
		for i := lo; i < hi; i++ {
			row := host.Row(i - lo)
			if rounded {
				r.round(i, row)
			}
			to := dst.Row(index(d.rows, i))
			for j, x := range row {
				to[index(d.cols, j)] = T(x * d.mass)
			}
		}
	})
	return failure
}

// round rounds row i of the reduced plan.
func (r *rounding) round(i int, row []float64) {
	fill := 0.0
	if r.lack > 0 {
		fill = r.lackA[i] / r.lack
	}
	for j, x := range row {
		row[j] = x*r.keep*r.cols[j] + fill*r.lackB[j]
	}
	at, _ := slices.BinarySearchFunc(r.detour, i, func(e Entry[float64], i int) int { return e.I - i })
	for ; at < len(r.detour) && r.detour[at].I == i; at++ {
		row[r.detour[at].J] += r.detour[at].Mass
	}
}
