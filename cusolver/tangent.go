//go:build cgo && linux && !nocuda

package cusolver

import "github.com/ritz-go/ritz/goapi/device"

// Derivatives along several directions, in one pass over what is as wide as all
// of them.

// directions returns how many of them u holds for a matrix like a.
func directions[T device.Float](a, u device.Matrix[T]) int { return u.Cols / max(1, a.Cols) }

func (q *queue[T]) TryTangentForward(bias, s, u, y device.Matrix[T]) bool {
	if q.begin(device.CheckTangentForward(bias, s, u, y), bias, s, u, y) {
		q.sweep("tangent_forward", u.Len(), u.Rows, directions(s, u), s.Cols, address(bias), step(bias),
			address(s), s.LD, address(u), u.LD, address(y), y.LD)
	}
	return true
}

func (q *queue[T]) TryTangentBackward(s, c, u, e, sums device.Matrix[T]) bool {
	if !q.begin(device.CheckTangentBackward(s, c, u, e, sums), s, c, u, e, sums) || e.Len() == 0 {
		return true
	}
	defer q.Scope()()
	p, partial := cut(e.Rows, e.Cols), uint64(0)
	if !sums.IsZero() {
		partial, _ = q.scratch(8 * p.count * e.Cols)
	}
	if q.failure != nil {
		return true
	}
	q.sweep("tangent_backward", p.work, e.Rows, directions(s, e), s.Cols, address(s), s.LD,
		address(c), c.LD, address(u), u.LD, address(e), e.LD, p.height, partial)
	if partial != 0 {
		join(q, device.Sum, p, partial, e.Cols, 1, sums)
	}
	return true
}

func (q *queue[T]) TrySoftmaxTangent(p, u device.Matrix[T]) bool {
	if q.begin(device.CheckSoftmaxTangent(p, u), p, u) {
		lanes := 32
		for lanes > 1 && lanes/2 >= p.Cols {
			lanes /= 2
		}
		q.sweep("softmax_tangent", u.Rows*directions(p, u)*lanes, u.Rows, directions(p, u), p.Cols, address(p), p.LD, address(u), u.LD)
	}
	return true
}

var (
	_ device.TangentForwarder[float32]  = (*queue[float32])(nil)
	_ device.TangentBackwarder[float32] = (*queue[float32])(nil)
	_ device.SoftmaxTangenter[float32]  = (*queue[float32])(nil)
)
