//go:build cgo

package native

/*
#include "certify.h"
#cgo noescape ritz_plan_costs_f32
#cgo nocallback ritz_plan_costs_f32
#cgo noescape ritz_plan_costs_f64
#cgo nocallback ritz_plan_costs_f64
#cgo noescape ritz_min_transform_f32
#cgo nocallback ritz_min_transform_f32
#cgo noescape ritz_min_transform_f64
#cgo nocallback ritz_min_transform_f64
*/
import "C"

func planCosts[T Float](m, n int, ε T, c []T, ldc int, g, a, f, s, t []T) {
	raceRead(c)
	raceRead(g)
	raceRead(a)
	raceWrite(f)
	raceWrite(s)
	raceWrite(t)
	l := lanes[T]()
	work, holder := workspace[T](4 * ((n + l - 1) / l * l))
	defer scratch.Put(holder)
	if lv := C.int(level.Load()); single[T]() {
		C.ritz_plan_costs_f32(lv, C.ptrdiff_t(m), C.ptrdiff_t(n), C.float(ε), f32(c), C.ptrdiff_t(ldc), f32(g), f32(a), f32(f), f32(s), f32(t), f32(work))
	} else {
		C.ritz_plan_costs_f64(lv, C.ptrdiff_t(m), C.ptrdiff_t(n), C.double(ε), f64(c), C.ptrdiff_t(ldc), f64(g), f64(a), f64(f), f64(s), f64(t), f64(work))
	}
}

func minTransform[T Float](m, n int, c []T, ldc int, g, w, f, h, d []T) {
	raceRead(c)
	raceRead(g)
	raceRead(w)
	raceWrite(f)
	raceWrite(h)
	raceWrite(d)
	if lv := C.int(level.Load()); single[T]() {
		C.ritz_min_transform_f32(lv, C.ptrdiff_t(m), C.ptrdiff_t(n), f32(c), C.ptrdiff_t(ldc), f32(g), f32(w), f32(f), f32(h), f32(d))
	} else {
		C.ritz_min_transform_f64(lv, C.ptrdiff_t(m), C.ptrdiff_t(n), f64(c), C.ptrdiff_t(ldc), f64(g), f64(w), f64(f), f64(h), f64(d))
	}
}
