//go:build cgo

package native

/*
#include "eigh.h"
#cgo noescape ritz_eigh_batch_f32
#cgo nocallback ritz_eigh_batch_f32
#cgo noescape ritz_eigh_batch_f64
#cgo nocallback ritz_eigh_batch_f64
*/
import "C"

import "unsafe"

// MaxEighBatch is the largest dimension of the matrices of EighBatch: beyond it
// LAPACK, which blocks its operations, is faster.
const MaxEighBatch = 128

// What EighBatch writes as the status of a matrix besides those of SVDBatch,
// with the number of package device.
const EighNotSymmetric = 3

// EighBatch decomposes the count symmetric matrices A (n×n) that stand one
// behind the other in a, 1 ≤ n ≤ MaxEighBatch: A = Vᵀ·diag(w)·V with n ascending
// values and the n×n matrix V in vt, the entry of largest magnitude in each row
// of which is positive. An empty vt leaves the vectors out. What is decomposed
// is the mean of A and Aᵀ.
//
// checks gets four numbers for each matrix: ‖A - Vᵀ·diag(w)·V‖/‖A‖ and
// ‖V·Vᵀ - I‖ (Frobenius norms; NaN without vectors), ‖A‖/max|w| (0 for A = 0
// and without vectors), and the status. A matrix that holds a NaN or an
// infinity, or differs from its transpose by more than 2·n·eps times its
// largest entry, makes its own results NaN. The results of a matrix do not
// depend on the others, nor on its position.
//
// Householder tridiagonalization and implicit QL steps: about 13·n³ operations.
func EighBatch[T Float](count, n int, a, w, vt, checks []T) {
	if count < 0 || n < 1 || n > MaxEighBatch {
		panic("native: no batch for such matrices")
	}
	sameLength(len(a), count*n*n)
	sameLength(len(w), count*n)
	sameLength(len(checks), count*4)
	if len(vt) > 0 {
		sameLength(len(vt), count*n*n)
	}
	if count == 0 {
		return
	}
	raceRead(a)
	raceWrite(w)
	raceWrite(vt)
	raceWrite(checks)
	work := make([]T, (3*n*n+8*n+1)*vectorBytes/int(unsafe.Sizeof(a[0])))
	if l := C.int(level.Load()); single[T]() {
		C.ritz_eigh_batch_f32(l, C.ptrdiff_t(count), C.ptrdiff_t(n), f32(a), f32(w), f32(vt), f32(checks), f32(work))
	} else {
		C.ritz_eigh_batch_f64(l, C.ptrdiff_t(count), C.ptrdiff_t(n), f64(a), f64(w), f64(vt), f64(checks), f64(work))
	}
}
