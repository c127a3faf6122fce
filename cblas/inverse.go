//go:build cgo

package cblas

// #include "lapack.h"
import "C"

import "github.com/ritz-go/ritz/goapi/device"

// Inverse: the inverse of the transpose, which LAPACK sees, is the transpose of
// the inverse. What it refuses or finds singular is left to the composition.
func (kernels[T]) Inverse(a, b device.Dense[T]) bool {
	defer enter()()
	for i := range a.Rows {
		copy(b.Row(i), a.Row(i))
	}
	n, ld := C.int(b.Rows), C.int(b.Stride)
	pivots := make([]int32, b.Rows)
	var info C.int
	if single[T]() {
		info = C.ritz_sgetrf(n, s(b.Data), ld, i32(pivots))
	} else {
		info = C.ritz_dgetrf(n, d(b.Data), ld, i32(pivots))
	}
	if info != 0 {
		return false
	}
	rest, err := workspace("getri", func(work []T, lwork C.int) C.int {
		if single[T]() {
			return C.ritz_sgetri(n, s(b.Data), ld, i32(pivots), s(work), lwork)
		}
		return C.ritz_dgetri(n, d(b.Data), ld, i32(pivots), d(work), lwork)
	})
	return err == nil && rest == 0
}
