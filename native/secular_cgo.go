//go:build cgo

package native

/*
#include "secular.h"
#cgo noescape ritz_secular
#cgo nocallback ritz_secular
*/
import "C"

func secular(split int, z, gaps []float64, η float64, δ []float64) SecularSums {
	raceRead(z)
	raceRead(gaps)
	raceWrite(δ)
	var out [5]float64
	C.ritz_secular(C.int(level.Load()), C.ptrdiff_t(len(z)), C.ptrdiff_t(split), f64(z), f64(gaps), C.double(η), f64(δ), f64(out[:]))
	return SecularSums{out[0], out[1], out[2], out[3], out[4]}
}
