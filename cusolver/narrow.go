//go:build cgo && linux && !nocuda

package cusolver

// #include "rz.h"
import "C"

import (
	"unsafe"

	"github.com/ritz-go/ritz/goapi/device"
)

// Operations on matrices of both types, which belong to two queues of the GPU and
// so to two streams.

func (q *queue[T]) TryRecast32(a device.Matrix[T], b device.Matrix[float32]) bool {
	return recast(q, a, b)
}
func (q *queue[T]) TryRecast64(a device.Matrix[T], b device.Matrix[float64]) bool {
	return recast(q, a, b)
}

// recast converts in the stream of b, when that of a is done, and waits: the next
// operation on a may be to free it.
func recast[T, U device.Float](q *queue[T], a device.Matrix[T], b device.Matrix[U]) bool {
	to, ok := b.Buf.(*buffer[U])
	if !ok || to.queue.gpu != q.gpu || a.Rows != b.Rows || a.Cols != b.Cols {
		return false // Recast finds the words for it
	}
	w := to.queue
	if !q.begin(device.CheckMatrix("Recast", a), a) || !w.begin(device.CheckMatrix("Recast", b), b) || a.Len() == 0 {
		return true
	}
	if q.settle(); q.failure != nil {
		return true
	}
	if unsafe.Sizeof(*new(T)) == unsafe.Sizeof(*new(U)) {
		w.Copy(b, any(a).(device.Matrix[U]))
	} else {
		w.sweep("recast", a.Len(), a.Rows, a.Cols, address(a), a.LD, address(b), b.LD)
	}
	w.settle()
	return true
}

// beginNarrow is begin for an operation on k as well, which belongs to a queue of
// float32. The stream of k is from then on not the only one with work on its
// memory, and frees none before all is done.
func (q *queue[T]) beginNarrow(check error, k device.Matrix[float32], ms ...device.Matrix[T]) bool {
	b, ok := k.Buf.(*buffer[float32])
	if check == nil && k.Buf != nil && (!ok || b.queue.gpu != q.gpu) {
		check = errForeign
	}
	if !q.begin(check, ms...) {
		return false
	}
	if ok {
		b.queue.lent = true
	}
	return true
}

func (q *queue[T]) TryNarrowGibbs(ε T, f, g, c device.Matrix[T], out device.Matrix[float32]) bool {
	if kind[T]() == C.RZ_R_32F {
		return false // it would be no narrower
	}
	if !q.beginNarrow(device.CheckNarrowGibbs(f, g, c, out), out, f, g, c) || c.Len() == 0 {
		return true
	}
	w := out.Buf.(*buffer[float32]).queue
	if w.settle(); w.failure != nil { // what it still had to do on out, such as to clear it
		q.failure = w.failure
		return true
	}
	q.sweep("narrow_gibbs", c.Len(), ε, c.Rows, c.Cols, address(f), step(f), address(g), step(g),
		address(c), c.LD, address(out), out.LD)
	return true
}

func (q *queue[T]) TryNarrowScalingStep(k device.Matrix[float32], a, v, u, s device.Matrix[T]) bool {
	if kind[T]() == C.RZ_R_32F {
		return false
	}
	if !q.beginNarrow(device.CheckNarrowScalingStep(k, a, v, u, s), k, a, v, u, s) || k.Len() == 0 {
		return q.failure != nil
	}
	defer q.Scope()()
	p := cut(k.Rows, k.Cols)
	partial, ok := q.scratch(8 * p.count * k.Cols)
	if !ok {
		return true
	}
	q.sweep("narrow_rows", rowWork(k), k.Rows, k.Cols, address(k), k.LD, address(a), step(a), address(v), step(v), address(u), step(u))
	q.sweep("narrow_cols", p.work, k.Rows, k.Cols, address(k), k.LD, address(u), step(u), p.height, partial)
	join(q, device.Sum, p, partial, k.Cols, 0, s)
	return true
}

var (
	_ device.Recaster[float32]     = (*queue[float32])(nil)
	_ device.NarrowScaler[float64] = (*queue[float64])(nil)
)
