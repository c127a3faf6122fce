//go:build cgo

package native

/*
#include "table.h"
#cgo noescape ritz_svd_batch_f32
#cgo nocallback ritz_svd_batch_f32
#cgo noescape ritz_svd_batch_f64
#cgo nocallback ritz_svd_batch_f64
*/
import "C"

import "unsafe"

// MaxBatch is the largest dimension of the matrices of SVDBatch.
const MaxBatch = 64

// What SVDBatch writes as the status of a matrix, with the numbers of package
// device.
const (
	SVDDone         = 0
	SVDNotFinite    = 1
	SVDNotConverged = 2
)

// SVDBatch decomposes the count matrices A (m×n, row-major) that stand one
// behind the other in a, 1 ≤ m, n ≤ MaxBatch: A = U·diag(s)·Vᵀ with U m×k, k
// descending values, Vᵀ k×n, k = min(m,n), stored the same way; the entry of
// largest magnitude in each row of Vᵀ is positive. Empty u and vt leave the
// vectors out.
//
// checks gets four numbers for each matrix: ‖A - U·diag(s)·Vᵀ‖/‖A‖,
// ‖UᵀU - I‖, ‖VᵀV - I‖ (Frobenius norms; NaN without vectors) and the status.
// A matrix that holds a NaN or an infinity makes its own results NaN. The
// results of a matrix do not depend on the others, nor on its position.
//
// One-sided Jacobi rotations after a QR factorization: about 60·m·n²
// operations for m ≈ n. Values below 2⁻⁴⁰ (float32) or 2⁻²⁰⁰ times the
// largest entry count as zero.
func SVDBatch[T Float](count, m, n int, a, u, s, vt, checks []T) {
	batchFits(count, m, n, a, u, s, vt, checks)
	if count > 0 {
		svdBatch(count, m, n, a, u, s, vt, checks)
	}
}

func batchFits[T Float](count, m, n int, a, u, s, vt, checks []T) {
	if count < 0 || min(m, n) < 1 || max(m, n) > MaxBatch {
		panic("native: no batch for such matrices")
	}
	k := min(m, n)
	sameLength(len(a), count*m*n)
	sameLength(len(s), count*k)
	sameLength(len(checks), count*4)
	if len(u) > 0 || len(vt) > 0 {
		sameLength(len(u), count*m*k)
		sameLength(len(vt), count*k*n)
	}
}

// A vector register has at most 64 bytes.
const vectorBytes = 64

func svdBatch[T Float](count, m, n int, a, u, s, vt, checks []T) {
	raceRead(a)
	raceWrite(u)
	raceWrite(s)
	raceWrite(vt)
	raceWrite(checks)
	k := min(m, n)
	vectors := 3*m*n + 3*k*k + 7*k + 1
	work := make([]T, vectors*vectorBytes/int(unsafe.Sizeof(a[0])))
	if l := C.int(level.Load()); single[T]() {
		C.ritz_svd_batch_f32(l, C.ptrdiff_t(count), C.ptrdiff_t(m), C.ptrdiff_t(n), f32(a), f32(u), f32(s), f32(vt), f32(checks), f32(work))
	} else {
		C.ritz_svd_batch_f64(l, C.ptrdiff_t(count), C.ptrdiff_t(m), C.ptrdiff_t(n), f64(a), f64(u), f64(s), f64(vt), f64(checks), f64(work))
	}
}
