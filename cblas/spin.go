//go:build cgo

package cblas

/*
#include <stdlib.h>
#include "lapack.h"
*/
import "C"

import (
	"sync"
	"unsafe"
)

// limitSpinning shortens the time for which OpenBLAS's idle threads spin. It
// is 2²⁶ ticks of the processor's clock, some 25 ms, during which they take a
// core each from the goroutines that run our own kernels between two calls;
// 2¹⁷ ticks, some 50 µs, still bridge the gaps between the calls of a
// factorization. The user's OPENBLAS_THREAD_TIMEOUT is obeyed. The caller
// holds the gate, so that no call of ours is on its way.
var limitSpinning = sync.OnceFunc(func() {
	exponent := C.CString("17")
	defer C.free(unsafe.Pointer(exponent))
	C.ritz_blas_limit_spinning(exponent)
})
