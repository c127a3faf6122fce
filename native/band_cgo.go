//go:build cgo

package native

/*
#include "band.h"
#cgo noescape ritz_bidiagonalize
#cgo nocallback ritz_bidiagonalize
*/
import "C"

func bidiagonalize(n int, a []float64) {
	C.ritz_bidiagonalize(C.int(level.Load()), C.ptrdiff_t(n), f64(a))
}
