//go:build cgo && linux && !nocuda

package cusolver

import (
	"math"

	"github.com/ritz-go/ritz/goapi/device"
)

func (q *queue[T]) Reduce(r device.Reduction, x device.Axis, a, out device.Matrix[T]) {
	err := device.CheckReduction(r)
	if err == nil {
		err = device.CheckReduce("Reduce", x, a, out)
	}
	if q.begin(err, a, out) {
		q.reduce(r, x, a, device.Matrix[T]{}, out)
	}
}

func (q *queue[T]) Dot(x device.Axis, a, b, out device.Matrix[T]) {
	err := device.CheckSame("Dot", a, b)
	if err == nil {
		err = device.CheckReduce("Dot", x, a, out)
	}
	if q.begin(err, a, b, out) {
		q.reduce(device.Sum, x, a, b, out)
	}
}

// reduce reduces A, or A∘B unless b is the zero Matrix.
func (q *queue[T]) reduce(r device.Reduction, x device.Axis, a, b, out device.Matrix[T]) {
	if out.Len() == 0 {
		return
	}
	if a.Len() == 0 {
		q.Fill(T(ofNothing(r)), out)
		return
	}
	switch x {
	case device.PerRow:
		q.sweep("reduce_rows", rowWork(a), int32(r), a.Rows, a.Cols, address(a), a.LD, address(b), b.LD, address(out), step(out))
	case device.PerCol:
		if p := columnPieces(a); p.count > 1 {
			q.reduceStrips(r, p, a, b, out)
			return
		}
		q.sweep("reduce_cols", columnWork(a), int32(r), a.Rows, a.Cols, address(a), a.LD, address(b), b.LD, address(out), step(out))
	default:
		q.reduceWhole(r, a, b, out)
	}
}

func (q *queue[T]) reduceStrips(r device.Reduction, p pieces, a, b, out device.Matrix[T]) {
	defer q.Scope()()
	if partial, ok := q.scratch(8 * p.count * a.Cols); ok {
		q.sweep("reduce_strips", p.work, int32(r), a.Rows, a.Cols, address(a), a.LD, address(b), b.LD, p.height, partial)
		join(q, r, p, partial, a.Cols, 0, out)
	}
}

// reduceWhole leaves a partial result for each block and reduces those. The
// number of blocks depends on the shape alone, so that every GPU adds in the
// same order.
func (q *queue[T]) reduceWhole(r device.Reduction, a, b, out device.Matrix[T]) {
	defer q.Scope()()
	blocks := min(1024, (a.Len()+16*threads-1)/(16*threads))
	partial, ok := q.scratch(8 * blocks)
	if !ok {
		return
	}
	q.launch("reduce_whole", blocks,
		int32(r), a.Rows, a.Cols, address(a), a.LD, address(b), b.LD, partial)
	q.launch("reduce_final", 1, int32(r), blocks, partial, address(out))
}

// ofNothing returns the reduction of no elements.
func ofNothing(r device.Reduction) float64 {
	switch r {
	case device.Max:
		return math.Inf(-1)
	case device.Min:
		return math.Inf(1)
	}
	return 0
}

// scratch returns so many bytes of device memory, which live until the
// innermost scope ends. What they hold is not defined. ok is false if the
// queue has failed, for want of memory or before.
func (q *queue[T]) scratch(bytes int) (address uint64, ok bool) {
	b := q.take(bytes, false)
	q.live = append(q.live, b)
	return b.address, q.failure == nil
}
