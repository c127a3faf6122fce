//go:build cgo

package native

/*
#include "symmetric.h"
#cgo noescape ritz_sym_pack_f32
#cgo nocallback ritz_sym_pack_f32
#cgo noescape ritz_sym_pack_f64
#cgo nocallback ritz_sym_pack_f64
#cgo noescape ritz_sym_rows_f32
#cgo nocallback ritz_sym_rows_f32
#cgo noescape ritz_sym_rows_f64
#cgo nocallback ritz_sym_rows_f64
#cgo noescape ritz_sym_apply_f32
#cgo nocallback ritz_sym_apply_f32
#cgo noescape ritz_sym_apply_f64
#cgo nocallback ritz_sym_apply_f64
*/
import "C"

func flag(b bool) C.int {
	if b {
		return 1
	}
	return 0
}

func symPack[T Float](lo, hi, k int, b []T, ldb int, transposed bool, packed []T) {
	raceRead(b)
	l, t := C.int(level.Load()), flag(transposed)
	if single[T]() {
		C.ritz_sym_pack_f32(l, C.ptrdiff_t(lo), C.ptrdiff_t(hi), C.ptrdiff_t(k), f32(b), C.ptrdiff_t(ldb), t, f32(packed))
	} else {
		C.ritz_sym_pack_f64(l, C.ptrdiff_t(lo), C.ptrdiff_t(hi), C.ptrdiff_t(k), f64(b), C.ptrdiff_t(ldb), t, f64(packed))
	}
}

func symProduct[T Float](lo, hi, k int, α T, a []T, lda int, transposed bool, packed []T, term SymTerm[T], c []T, ldc int, work []T) {
	raceRead(a)
	raceWrite(work)
	l, t, last := C.int(level.Load()), flag(transposed), flag(term.Last)
	if single[T]() {
		C.ritz_sym_rows_f32(l, C.ptrdiff_t(lo), C.ptrdiff_t(hi), C.ptrdiff_t(k), f32(a), C.ptrdiff_t(lda), t, f32(packed),
			C.float(α), C.float(term.Beta), f32(term.D), C.ptrdiff_t(term.LD), C.float(term.Gamma), f32(c), C.ptrdiff_t(ldc), last, f32(work))
	} else {
		C.ritz_sym_rows_f64(l, C.ptrdiff_t(lo), C.ptrdiff_t(hi), C.ptrdiff_t(k), f64(a), C.ptrdiff_t(lda), t, f64(packed),
			C.double(α), C.double(term.Beta), f64(term.D), C.ptrdiff_t(term.LD), C.double(term.Gamma), f64(c), C.ptrdiff_t(ldc), last, f64(work))
	}
}

func packedProduct[T Float](lo, hi, n, k int, α T, a []T, lda int, transposed bool, packed []T, β T, c []T, ldc int, work []T) {
	raceRead(a)
	raceWrite(work)
	l, t := C.int(level.Load()), flag(transposed)
	if single[T]() {
		C.ritz_sym_apply_f32(l, C.ptrdiff_t(lo), C.ptrdiff_t(hi), C.ptrdiff_t(n), C.ptrdiff_t(k), f32(a), C.ptrdiff_t(lda), t, f32(packed),
			C.float(α), C.float(β), f32(c), C.ptrdiff_t(ldc), f32(work))
	} else {
		C.ritz_sym_apply_f64(l, C.ptrdiff_t(lo), C.ptrdiff_t(hi), C.ptrdiff_t(n), C.ptrdiff_t(k), f64(a), C.ptrdiff_t(lda), t, f64(packed),
			C.double(α), C.double(β), f64(c), C.ptrdiff_t(ldc), f64(work))
	}
}
