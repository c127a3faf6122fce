//go:build cgo

package native

/*
#include "sweep.h"
#cgo noescape ritz_sweep
#cgo nocallback ritz_sweep
*/
import "C"

func sweep(m, n int, a []float64, lda int, v []float64, τ float64, x, c, y []float64) {
	raceRead(a[:(m-1)*lda+n])
	raceRead(v)
	raceWrite(x)
	raceWrite(c)
	raceWrite(y)
	C.ritz_sweep(C.int(level.Load()), C.ptrdiff_t(m), C.ptrdiff_t(n), f64(a), C.ptrdiff_t(lda), f64(v), C.double(τ), f64(x), f64(c), f64(y))
}
