//go:build cgo && linux && !nocuda

package cusolver

// #include "ops.h"
import "C"

import (
	"fmt"
	"math"
	"unsafe"

	"github.com/ritz-go/ritz/goapi/device"
)

// factorize runs one factorization: call tells the sizes of its workspaces,
// then works in them.
func (q *queue[T]) factorize(call func(w *C.rz_work) C.rz_status) {
	var w C.rz_work
	if q.failure != nil || !q.check(call(&w)) {
		return
	}
	if at, ok := q.scratch(int(w.device_bytes)); ok {
		w.device, w.sized = C.uint64_t(at), 1
		q.check(call(&w))
	}
}

// report returns the slot of an int on the device, now 0, that the next Sync
// or settle passes to verdict. A queue that has failed asks nothing more.
func (q *queue[T]) report(verdict func(info int) error) C.int {
	if q.failure != nil || q.notRecorded() {
		return 0
	}
	slot := q.slot(verdict)
	if q.failure != nil || !q.check(C.rz_clear(q.c, q.c.info+C.uint64_t(slot)*C.sizeof_int, C.sizeof_int)) {
		q.pending = q.pending[:slot] // whatever the int holds, it is no answer
	}
	return C.int(slot)
}

// refused is the verdict on LAPACK's info where it can only be negative.
func refused(call string, info int) error {
	if info == 0 {
		return nil
	}
	return fmt.Errorf("%s refused argument %d: %w", call, -info, device.ErrArgument)
}

// iterated is the verdict on an iteration.
func iterated(method, call string, info int) error {
	if info > 0 {
		return &device.NotConvergedError{Method: method, Iterations: info}
	}
	return refused(call, info)
}

// finite starts the search for a NaN or an infinity in A. The verdict is err
// if there is one.
func (q *queue[T]) finite(a device.Matrix[T], err error) {
	slot := q.report(func(found int) error {
		if found != 0 {
			return err
		}
		return nil
	})
	if q.failure == nil {
		q.sweep("finite", a.Len(), a.Rows, a.Cols, address(a), a.LD, uint64(q.c.info)+uint64(slot)*C.sizeof_int)
	}
}

// allFinite waits for the answer of finite. The iterations of cuSOLVER need
// not end, or end well, on NaN.
func (q *queue[T]) allFinite(op string, a device.Matrix[T]) bool {
	q.finite(a, fmt.Errorf("%s of a matrix with NaN or infinity: %w", op, device.ErrNotFinite))
	q.settle()
	return q.failure == nil
}

// temporary returns a matrix until the end of the innermost scope. What it
// holds is not defined.
func (q *queue[T]) temporary(rows, cols int) device.Matrix[T] {
	b := q.take(rows*cols*int(unsafe.Sizeof(*new(T))), false)
	q.live = append(q.live, b)
	return device.Matrix[T]{Rows: rows, Cols: cols, LD: cols, Buf: &buffer[T]{b, q}}
}

// packed returns v if its elements lie side by side, else a temporary vector
// of the same length.
func (q *queue[T]) packed(v device.Matrix[T]) device.Matrix[T] {
	if step(v) == 1 {
		return v
	}
	return q.temporary(1, v.Len())
}

// unpack copies what packed returned to where it belongs.
func (q *queue[T]) unpack(v, from device.Matrix[T]) {
	if step(v) != 1 {
		q.Copy(v, from)
	}
}

// Cholesky: the lower factor in rows is the upper factor in columns.
func (q *queue[T]) Cholesky(a device.Matrix[T]) {
	if !q.begin(device.CheckSquare("Cholesky", a), a) || a.Len() == 0 {
		return
	}
	defer q.Scope()()
	slot := q.report(func(info int) error {
		if info > 0 {
			return device.ErrNotPositiveDefinite
		}
		return refused("potrf", info)
	})
	q.factorize(func(w *C.rz_work) C.rz_status {
		return C.rz_potrf(q.c, kind[T](), C.RZ_UPPER, C.int64_t(a.Rows), C.uint64_t(address(a)), C.int64_t(ld(a)), w, slot)
	})
	if q.failure != nil {
		return
	}
	q.keep(device.Lower, a)
	// A NaN need not stop potrf; the diagonal of its factor then holds one.
	diagonal := device.Matrix[T]{Rows: a.Rows, Cols: 1, LD: a.LD + 1, Off: a.Off, Buf: a.Buf}
	q.finite(diagonal, device.ErrNotPositiveDefinite)
}

// QR factors the transposed copy of A, which cuSOLVER takes for A, by
// Householder reflectors.
func (q *queue[T]) QR(a, r device.Matrix[T]) {
	if !q.begin(device.CheckQR(a, r), a, r) || a.Len() == 0 {
		return
	}
	if a.Rows > math.MaxInt32 {
		q.failure = device.Argument("A", "has %d rows; cuSOLVER's QR counts them in 32 bits", a.Rows)
		return
	}
	defer q.Scope()()
	t, tau := q.temporary(a.Cols, a.Rows), q.temporary(1, a.Cols)
	q.transpose(a, t)
	slot := q.report(func(info int) error { return refused("geqrf", info) })
	q.factorize(func(w *C.rz_work) C.rz_status {
		return C.rz_geqrf(q.c, kind[T](), C.int64_t(a.Rows), C.int64_t(a.Cols), C.uint64_t(address(t)), C.int64_t(t.LD),
			C.uint64_t(address(tau)), w, slot)
	})
	q.transpose(t.Slice(0, a.Cols, 0, a.Cols), r)
	if q.failure != nil {
		return
	}
	q.keep(device.Upper, r)
	slot = q.report(func(info int) error { return refused("orgqr", info) })
	q.factorize(func(w *C.rz_work) C.rz_status {
		return C.rz_orgqr(q.c, kind[T](), C.int(a.Rows), C.int(a.Cols), C.uint64_t(address(t)), C.int(t.LD),
			C.uint64_t(address(tau)), w, slot)
	})
	q.transpose(t, a)
}

// Eigh: cuSOLVER leaves the eigenvectors in columns, which are our rows.
func (q *queue[T]) Eigh(a, w device.Matrix[T]) {
	if q.begin(device.CheckEigh(a, w), a, w) && a.Len() > 0 {
		q.eigen(a, w, 1)
	}
}

// TryEighRange computes eigenvalues without vectors; a part of the vectors comes
// from all of them.
func (q *queue[T]) TryEighRange(a, w, vt device.Matrix[T], first int) bool {
	if !q.begin(device.CheckEighRange(a, w, vt, first), a, w, vt) || a.Len() == 0 {
		return true
	}
	if vt.Rows > 0 {
		return false
	}
	q.eigen(a, w, 0)
	return true
}

func (q *queue[T]) eigen(a, w device.Matrix[T], vectors C.int) {
	defer q.Scope()()
	q.mirror(device.Lower, a) // the upper triangle may hold anything, and is searched too
	if !q.allFinite("Eigh", a) {
		return
	}
	values := q.packed(w)
	slot := q.report(func(info int) error { return iterated("divide and conquer", "syevd", info) })
	q.factorize(func(work *C.rz_work) C.rz_status {
		return C.rz_syevd(q.c, kind[T](), vectors, C.RZ_UPPER, C.int64_t(a.Rows), C.uint64_t(address(a)), C.int64_t(ld(a)),
			C.uint64_t(address(values)), work, slot)
	})
	q.unpack(w, values)
}

var _ device.RangeEigher[float64] = (*queue[float64])(nil)
