//go:build cgo && linux && !nocuda

package cusolver

// #include "ops.h"
import "C"

import "github.com/ritz-go/ritz/goapi/device"

// SVD decomposes a wide matrix, which cuSOLVER takes for a tall one: A = USVᵀ
// is Aᵀ = V·S·Uᵀ, so that its left vectors are our right ones. A tall matrix
// is transposed first, because cuSOLVER wants no fewer rows than columns.
func (q *queue[T]) SVD(a, u, s, vt device.Matrix[T]) {
	if !q.begin(device.CheckSVD(a, u, s, vt), a, u, s, vt) || a.Len() == 0 {
		return
	}
	defer q.Scope()()
	if !q.allFinite("SVD", a) {
		return
	}
	values := q.packed(s)
	switch {
	case a.Rows <= a.Cols:
		q.wideSVD(a, u, values, vt)
	default:
		q.tallSVD(a, u, values, vt)
	}
	q.unpack(s, values)
}

func (q *queue[T]) wideSVD(a, u, s, vt device.Matrix[T]) {
	if usePolar(a, u) {
		copied, v := q.temporary(a.Rows, a.Cols), q.temporary(a.Rows, a.Rows)
		q.Copy(copied, a)
		if q.gesvdp(copied, vt, s, v) {
			q.transpose(v, u)
			return
		}
	}
	q.gesvd(a, vt, s, u)
}

func (q *queue[T]) tallSVD(a, u, s, vt device.Matrix[T]) {
	t := q.temporary(a.Cols, a.Rows)
	q.transpose(a, t)
	if u.IsZero() {
		q.gesvd(t, u, s, vt)
		return
	}
	ut := q.temporary(a.Cols, a.Rows)
	if usePolar(a, u) {
		if q.gesvdp(t, ut, s, vt) {
			q.transpose(ut, u)
			return
		}
		q.transpose(a, t)
	}
	v := q.temporary(a.Cols, a.Cols)
	q.gesvd(t, ut, s, v)
	q.transpose(ut, u)
	q.transpose(v, vt)
}

// usePolar reports whether gesvdp, which works in products of matrices, is
// worth a trial: it gives no values alone, and small matrices take no time.
func usePolar[T device.Float](a, u device.Matrix[T]) bool {
	return !u.IsZero() && min(a.Rows, a.Cols) >= 32
}

// gesvdp decomposes the transpose of a, which has no more rows than columns,
// by polar decompositions: Aᵀ = U·diag(s)·Vᵀ, with ut (like a) receiving Uᵀ
// and vt receiving Vᵀ. a is destroyed. It returns false if the iteration
// failed or had to move the singular values by more than rounding does, as it
// does for a matrix that is singular to working precision.
func (q *queue[T]) gesvdp(a, ut, s, vt device.Matrix[T]) bool {
	var info int
	var shift C.double
	slot := q.report(func(i int) error { info = i; return nil })
	q.factorize(func(w *C.rz_work) C.rz_status {
		return C.rz_gesvdp(q.c, kind[T](), C.int64_t(a.Cols), C.int64_t(a.Rows), C.uint64_t(address(a)), C.int64_t(ld(a)),
			C.uint64_t(address(s)), C.uint64_t(address(ut)), C.int64_t(ld(ut)), C.uint64_t(address(vt)), C.int64_t(ld(vt)),
			w, slot, &shift)
	})
	var largest [1]T
	q.Download(device.Vector(largest[:]), s.Slice(0, 1, 0, 1))
	q.settle()
	return q.failure == nil && info == 0 && float64(shift) <= device.Epsilon[T]()*float64(largest[0])
}

// gesvd does the same by QR iterations on a bidiagonal matrix, but v receives
// V, and zero matrices for ut and v ask for the values alone.
func (q *queue[T]) gesvd(a, ut, s, v device.Matrix[T]) {
	vectors := C.int(1)
	if ut.IsZero() {
		vectors = 0
	}
	slot := q.report(func(info int) error { return iterated("bidiagonal QR iteration", "gesvd", info) })
	q.factorize(func(w *C.rz_work) C.rz_status {
		return C.rz_gesvd(q.c, kind[T](), vectors, C.int64_t(a.Cols), C.int64_t(a.Rows),
			C.uint64_t(address(a)), C.int64_t(ld(a)), C.uint64_t(address(s)),
			C.uint64_t(address(ut)), C.int64_t(max(ld(ut), a.Cols)), C.uint64_t(address(v)), C.int64_t(max(ld(v), a.Rows)), w, slot)
	})
}
