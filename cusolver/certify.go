//go:build cgo && linux && !nocuda

package cusolver

import (
	"unsafe"

	"github.com/ritz-go/ritz/goapi/device"
)

// What certificates of transport plans are made of: each reads the costs twice
// and stores nothing of their size but the plan.

// planScales stores what the plan's rows are shifted and scaled by, and their
// potentials unless f is the zero Matrix.
func (q *queue[T]) planScales(ε T, c, g, a, f device.Matrix[T]) (top, scale uint64, ok bool) {
	size := int(unsafe.Sizeof(*new(T)))
	top, _ = q.scratch(size * c.Rows)
	scale, ok = q.scratch(size * c.Rows)
	if ok {
		q.sweep("plan_scales", rowWork(c), ε, c.Rows, c.Cols, address(c), c.LD, address(g), step(g), address(a), step(a),
			top, scale, address(f), step(f))
	}
	return top, scale, ok
}

func (q *queue[T]) TryPlanRows(ε T, c, g, a, p device.Matrix[T]) bool {
	if !q.begin(device.CheckPlanRows(c, g, a, p), c, g, a, p) || c.Len() == 0 {
		return true
	}
	defer q.Scope()()
	if top, scale, ok := q.planScales(ε, c, g, a, device.Matrix[T]{}); ok {
		q.sweep("plan_rows", c.Len(), ε, c.Rows, c.Cols, address(c), c.LD, address(g), step(g), top, scale, address(p), p.LD)
	}
	return true
}

func (q *queue[T]) TryPlanCosts(ε T, c, g, a, f, s, t device.Matrix[T]) bool {
	if !q.begin(device.CheckPlanCosts(c, g, a, f, s, t), c, g, a, f, s, t) || c.Len() == 0 {
		return q.failure != nil
	}
	defer q.Scope()()
	φ := q.temporary(1, c.Rows) // f may be an input
	p := cut(c.Rows, c.Cols)
	partial, _ := q.scratch(2 * 8 * p.count * c.Cols)
	top, scale, ok := q.planScales(ε, c, g, a, φ)
	if !ok {
		return true
	}
	q.sweep("plan_sums", p.work, ε, c.Rows, c.Cols, address(c), c.LD, address(g), step(g), top, scale,
		p.height, partial)
	join(q, device.Sum, p, partial, 2*c.Cols, 0, s)
	join(q, device.Sum, p, partial+uint64(8*c.Cols), 2*c.Cols, 0, t)
	q.Copy(f, φ)
	return true
}

func (q *queue[T]) TryMinTransform(c, g, w, f, h, d device.Matrix[T]) bool {
	if !q.begin(device.CheckMinTransform(c, g, w, f, h, d), c, g, w, f, h, d) || c.Len() == 0 {
		return q.failure != nil
	}
	q.minimum(device.PerRow, c, g, w, f, d)
	q.minimum(device.PerCol, c, f, device.Matrix[T]{}, h, device.Matrix[T]{})
	return true
}

// minimum computes the minima of C - g along rows or columns, with those of rows
// the products of C and w unless w is the zero Matrix.
func (q *queue[T]) minimum(x device.Axis, c, g, w, out, d device.Matrix[T]) {
	if x == device.PerCol {
		defer q.Scope()()
		p := columnPieces(c)
		if partial, ok := q.partial(p, 8*c.Cols); ok {
			q.sweep("min_cols", p.work, c.Rows, c.Cols, address(c), c.LD, address(g), step(g), p.height,
				address(out), step(out), partial)
			if p.count > 1 {
				join(q, device.Min, p, partial, c.Cols, 0, out)
			}
		}
		return
	}
	q.sweep("min_rows", rowWork(c), c.Rows, c.Cols, address(c), c.LD, address(g), step(g), address(w), step(w),
		address(out), step(out), address(d), step(d))
}

var (
	_ device.PlanRower[float32]      = (*queue[float32])(nil)
	_ device.PlanCoster[float32]     = (*queue[float32])(nil)
	_ device.MinTransformer[float32] = (*queue[float32])(nil)
)
