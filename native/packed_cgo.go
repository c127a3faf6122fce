//go:build cgo

package native

/*
#include "packed.h"
#cgo noescape ritz_product_f32
#cgo nocallback ritz_product_f32
#cgo noescape ritz_product_f64
#cgo nocallback ritz_product_f64
#cgo noescape ritz_product_bf16
#cgo nocallback ritz_product_bf16
*/
import "C"
import "unsafe"

func flag(b bool) C.int {
	if b {
		return 1
	}
	return 0
}

// work is one call: another goroutine can have what the runtime needs to run it
// for as long, and between short ones they would be given back and forth.
func (w *PackedProduct[T]) work() {
	raceRead(w.A)
	raceRead(w.B)
	p := C.struct_ritz_product{
		m: C.ptrdiff_t(w.M), n: C.ptrdiff_t(w.N), k: C.ptrdiff_t(w.K),
		lda: C.ptrdiff_t(w.LDA), ldb: C.ptrdiff_t(w.LDB), ldd: C.ptrdiff_t(w.LDD), ldc: C.ptrdiff_t(w.LDC),
		alpha: C.double(w.Alpha), beta: C.double(w.Beta), gamma: C.double(w.Gamma),
		ta: flag(w.TransA), tb: flag(w.TransB), lower: flag(w.Lower),
		step: C.ptrdiff_t(w.step), steps: C.ptrdiff_t(w.steps()), packs: C.ptrdiff_t(w.packs()),
		cols: C.ptrdiff_t(w.cols), blocks: C.ptrdiff_t(w.blocks()),
	}
	l, corners, counters := C.int(level.Load()), i32(w.corners), i32(w.counters)
	switch {
	case w.BF16:
		C.ritz_product_bf16(&p, f32(w.A), f32(w.B), f32(w.D), f32(w.C), f32(w.left), f32(w.right), corners, counters)
	case single[T]():
		C.ritz_product_f32(l, &p, f32(w.A), f32(w.B), f32(w.D), f32(w.C), f32(w.left), f32(w.right), corners, counters)
	default:
		C.ritz_product_f64(l, &p, f64(w.A), f64(w.B), f64(w.D), f64(w.C), f64(w.left), f64(w.right), corners, counters)
	}
}

func i32(x []int32) *C.int32_t { return (*C.int32_t)(unsafe.Pointer(unsafe.SliceData(x))) }

func wantHugePages[T Float](x []T) {
	C.ritz_want_huge_pages(unsafe.Pointer(unsafe.SliceData(x)), C.size_t(len(x)*int(unsafe.Sizeof(x[0]))))
}
