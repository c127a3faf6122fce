//go:build cgo

package cblas

import (
	"unsafe"

	"github.com/ritz-go/ritz/native"
)

// A thread gets a multiple of so many matrices: the most that a vector
// register holds elements, so that only the last register is not full.
const lanes = 16

// SVDBatch takes our own kernel at every size it has: measured up to 64×64 it
// is faster than LAPACK called from as many goroutines. OpenBLAS has no part
// in it, so that neither its lock nor its threads are in the way.
func (k kernels[T]) SVDBatch(m, n int, a, u, s, vt, checks []T) bool {
	if max(m, n) > native.MaxBatch {
		return false
	}
	count, r := len(checks)/4, min(m, n)
	part := func(stack []T, lo, hi, size int) []T {
		if stack == nil {
			return nil
		}
		return stack[lo*size : hi*size]
	}
	k.spread((count+lanes-1)/lanes, count*m*n*r, func(_, lo, hi int) {
		lo, hi = lo*lanes, min(count, hi*lanes)
		native.SVDBatch(hi-lo, m, n, a[lo*m*n:hi*m*n], part(u, lo, hi, m*r), s[lo*r:hi*r], part(vt, lo, hi, r*n), checks[lo*4:hi*4])
	})
	return true
}

// EighBatch takes our own kernel as well. A vector of matrices of 128×128 takes
// as long as LAPACK does for five of them.
func (k kernels[T]) EighBatch(n int, a, w, vt, checks []T) bool {
	const few, large = 8, 64
	count := len(checks) / 4
	if n > native.MaxEighBatch || n > large && count < few {
		return false
	}
	lanes := 64 / int(unsafe.Sizeof(a[0]))
	k.spread((count+lanes-1)/lanes, count*n*n*n, func(_, lo, hi int) {
		lo, hi = lo*lanes, min(count, hi*lanes)
		var vectors []T
		if vt != nil {
			vectors = vt[lo*n*n : hi*n*n]
		}
		native.EighBatch(hi-lo, n, a[lo*n*n:hi*n*n], w[lo*n:hi*n], vectors, checks[lo*4:hi*4])
	})
	return true
}
