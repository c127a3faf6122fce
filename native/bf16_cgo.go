//go:build cgo && amd64

package native

/*
#include "symmetric.h"
#cgo noescape ritz_sym_pack_bf16_v4
#cgo nocallback ritz_sym_pack_bf16_v4
#cgo noescape ritz_sym_rows_bf16_v4
#cgo nocallback ritz_sym_rows_bf16_v4
#cgo noescape ritz_sym_apply_bf16_v4
#cgo nocallback ritz_sym_apply_bf16_v4
*/
import "C"

var processorHasBF16 = C.ritz_has_bf16() != 0

func hasBF16() bool { return processorHasBF16 && Level() == "v4" }

func bf16Pack(lo, hi, k int, b []float32, ldb int, transposed bool, packed []float32) {
	raceRead(b)
	C.ritz_sym_pack_bf16_v4(C.ptrdiff_t(lo), C.ptrdiff_t(hi), C.ptrdiff_t(k), f32(b), C.ptrdiff_t(ldb), flag(transposed), f32(packed))
}

func bf16SymProduct(lo, hi, k int, α float32, a []float32, lda int, transposed bool, packed []float32, term SymTerm[float32], c []float32, ldc int, work []float32) {
	raceRead(a)
	raceWrite(work)
	C.ritz_sym_rows_bf16_v4(C.ptrdiff_t(lo), C.ptrdiff_t(hi), C.ptrdiff_t(k), f32(a), C.ptrdiff_t(lda), flag(transposed), f32(packed),
		C.float(α), C.float(term.Beta), f32(term.D), C.ptrdiff_t(term.LD), C.float(term.Gamma), f32(c), C.ptrdiff_t(ldc), flag(term.Last), f32(work))
}

func bf16Product(lo, hi, n, k int, α float32, a []float32, lda int, transposed bool, packed []float32, β float32, c []float32, ldc int, work []float32) {
	raceRead(a)
	raceWrite(work)
	C.ritz_sym_apply_bf16_v4(C.ptrdiff_t(lo), C.ptrdiff_t(hi), C.ptrdiff_t(n), C.ptrdiff_t(k), f32(a), C.ptrdiff_t(lda), flag(transposed), f32(packed),
		C.float(α), C.float(β), f32(c), C.ptrdiff_t(ldc), f32(work))
}
