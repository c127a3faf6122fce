//go:build cgo

package native

/*
#include "narrow.h"
#cgo noescape ritz_narrow_gibbs_f64
#cgo nocallback ritz_narrow_gibbs_f64
#cgo noescape ritz_narrow_scaling_f64
#cgo nocallback ritz_narrow_scaling_f64
*/
import "C"

func narrowGibbs(m, n int, ε float64, f, g, c []float64, ldc int, out []float32, ldo int) {
	raceRead(f)
	raceRead(g)
	raceRead(c)
	raceWrite(out)
	C.ritz_narrow_gibbs_f64(C.int(level.Load()), C.ptrdiff_t(m), C.ptrdiff_t(n), C.double(ε), f64(f), f64(g), f64(c), C.ptrdiff_t(ldc), f32(out), C.ptrdiff_t(ldo))
}

func narrowScalingStep(m, n int, k []float32, ldk int, a, v, u, s []float64) {
	raceRead(k)
	raceRead(a)
	raceRead(v)
	raceWrite(u)
	raceWrite(s)
	C.ritz_narrow_scaling_f64(C.int(level.Load()), C.ptrdiff_t(m), C.ptrdiff_t(n), f32(k), C.ptrdiff_t(ldk), f64(a), f64(v), f64(u), f64(s))
}
