//go:build cgo && linux && !nocuda

package cusolver

import (
	"math"
	"unsafe"

	"github.com/ritz-go/ritz/goapi/device"
)

// The fused operations of package device. Each reads its matrix once. A method
// returns true where the operation has failed as well.

func (q *queue[T]) TrySoftMin(x device.Axis, ε T, c, g, out device.Matrix[T]) bool {
	if !q.begin(device.CheckSoftMin(x, c, g, out), c, g, out) || out.Len() == 0 {
		return true
	}
	switch {
	case c.Len() == 0:
		q.Fill(T(math.Inf(1)), out)
	case ε == 0:
		q.minimum(x, c, g, device.Matrix[T]{}, out, device.Matrix[T]{})
	case x == device.PerCol:
		q.softMinColumns(ε, c, g, out)
	case x != device.PerRow:
		return false // refused there
	default:
		q.sweep("softmin_rows", rowWork(c), ε, c.Rows, c.Cols, address(c), c.LD, address(g), step(g), address(out), step(out))
	}
	return true
}

func (q *queue[T]) softMinColumns(ε T, c, g, out device.Matrix[T]) {
	defer q.Scope()()
	p := columnPieces(c)
	if partial, ok := q.partial(p, softBytes[T]()*c.Cols); ok {
		q.sweep("softmin_cols", p.work, ε, c.Rows, c.Cols, address(c), c.LD, address(g), step(g), p.height,
			address(out), step(out), partial)
		q.joinSoft(ε, p, partial, out)
	}
}

// softBytes is the size of what a piece leaves of a soft minimum: the largest term
// and the sum of exponentials.
func softBytes[T device.Float]() int { return 2 * int(unsafe.Sizeof(*new(T))) }

// joinSoft computes the soft minima of which several pieces left parts.
func (q *queue[T]) joinSoft(ε T, p pieces, partial uint64, out device.Matrix[T]) {
	if p.count > 1 {
		q.sweep("softmin_join", columnWork(device.Matrix[T]{Cols: out.Len()}), ε, p.count, out.Len(), partial, address(out), step(out))
	}
}

func (q *queue[T]) TryGibbs(ε T, f, g, c, out device.Matrix[T]) bool {
	if q.begin(device.CheckGibbs(f, g, c, out), f, g, c, out) {
		q.sweep("gibbs", c.Len(), ε, c.Rows, c.Cols, address(f), step(f), address(g), step(g),
			address(c), c.LD, address(out), out.LD)
	}
	return true
}

func (q *queue[T]) TryScalingStep(k, a, v, u, s device.Matrix[T]) bool {
	if !q.begin(device.CheckScalingStep(k, a, v, u, s), k, a, v, u, s) || k.Len() == 0 {
		return q.failure != nil
	}
	q.sweep("scaling_rows", rowWork(k), k.Rows, k.Cols, address(k), k.LD, address(a), step(a),
		address(v), step(v), address(u), step(u))
	if s.Rows == 1 {
		q.Gemm(u.Rows > 1, device.NoTrans, 1, u, k, 0, s)
	} else {
		q.Gemm(device.Transp, u.Cols > 1, 1, k, u, 0, s)
	}
	return true
}

func (q *queue[T]) TryPairwiseCost(p int, x, y, out device.Matrix[T]) bool {
	if q.begin(device.CheckPairwiseCost(p, x, y, out), x, y, out) {
		q.sweep("pairwise_cost", tileWork(x.Rows, y.Rows, 64), int32(p), x.Rows, y.Rows, x.Cols, address(x), x.LD, address(y), y.LD, address(out), out.LD)
	}
	return true
}

var (
	_ device.Queue[float32]        = (*queue[float32])(nil)
	_ device.SoftMinner[float32]   = (*queue[float32])(nil)
	_ device.GibbsKernels[float32] = (*queue[float32])(nil)
	_ device.Scaler[float32]       = (*queue[float32])(nil)
	_ device.PairCoster[float32]   = (*queue[float32])(nil)
)
