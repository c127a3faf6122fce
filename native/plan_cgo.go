//go:build cgo

package native

/*
#include "plan.h"
#cgo noescape ritz_log_step_f32
#cgo nocallback ritz_log_step_f32
#cgo noescape ritz_log_step_f64
#cgo nocallback ritz_log_step_f64
#cgo noescape ritz_softmin_points_f32
#cgo nocallback ritz_softmin_points_f32
#cgo noescape ritz_softmin_points_f64
#cgo nocallback ritz_softmin_points_f64
*/
import "C"

import (
	"sync"
	"unsafe"
)

// scratch keeps the workspaces of kernels between calls.
var scratch sync.Pool

// workspace returns room for n elements, to be given to scratch afterwards.
func workspace[T Float](n int) (work []T, holder *[]T) {
	holder, ok := scratch.Get().(*[]T)
	if !ok || cap(*holder) < n {
		holder = new([]T)
		*holder = make([]T, n)
	}
	return (*holder)[:n], holder
}

func lanes[T Float]() int {
	var zero T
	return vectorBytes / int(unsafe.Sizeof(zero))
}

func logStep[T Float](m, n int, ε T, c []T, ldc int, g, a, f, s []T, least T, entries *Entries[T]) {
	raceRead(c)
	raceRead(g)
	raceRead(a)
	raceWrite(f)
	raceWrite(s)
	l := lanes[T]()
	work, holder := workspace[T](4 * ((n + l - 1) / l * l))
	defer scratch.Put(holder)
	var none Entries[T]
	e := entries
	if e == nil {
		e = &none
	} else if cap(e.Cols) == 0 {
		e.Cols, e.Vals = make([]int32, 0, 4*m), make([]T, 0, 4*m)
	}
	call := func(s []T) int {
		room := C.ptrdiff_t(min(cap(e.Cols), cap(e.Vals)))
		cols := (*C.int32_t)(unsafe.Pointer(unsafe.SliceData(e.Cols)))
		ends := (*C.int64_t)(unsafe.Pointer(unsafe.SliceData(e.Ends)))
		if lv := C.int(level.Load()); single[T]() {
			return int(C.ritz_log_step_f32(lv, C.ptrdiff_t(m), C.ptrdiff_t(n), C.float(ε), f32(c), C.ptrdiff_t(ldc), f32(g), f32(a), f32(f), f32(s),
				C.float(least), room, cols, f32(e.Vals), ends, f32(work)))
		} else {
			return int(C.ritz_log_step_f64(lv, C.ptrdiff_t(m), C.ptrdiff_t(n), C.double(ε), f64(c), C.ptrdiff_t(ldc), f64(g), f64(a), f64(f), f64(s),
				C.double(least), room, cols, f64(e.Vals), ends, f64(work)))
		}
	}
	count := call(s)
	if entries == nil {
		return
	}
	if count > min(cap(e.Cols), cap(e.Vals)) {
		e.Cols, e.Vals = make([]int32, 0, count+count/4), make([]T, 0, count+count/4)
		sums := make([]T, n) // s has its sums already
		count = call(sums)
	}
	e.Cols, e.Vals = e.Cols[:count], e.Vals[:count]
}

func softMinPoints[T Float](m, n, d, p int, products bool, ε T, x []T, ldx int, y []T, ldy int, g, out []T) {
	raceRead(x)
	raceRead(y)
	raceRead(g)
	raceWrite(out)
	const tile, points = 1024, 6
	work, holder := workspace[T](2*m + (d+1+points)*tile + points*d)
	defer scratch.Put(holder)
	var by C.int
	if products {
		by = 1
	}
	if lv := C.int(level.Load()); single[T]() {
		C.ritz_softmin_points_f32(lv, C.ptrdiff_t(m), C.ptrdiff_t(n), C.ptrdiff_t(d), C.int(p), by, C.float(ε), f32(x), C.ptrdiff_t(ldx),
			f32(y), C.ptrdiff_t(ldy), f32(g), f32(out), f32(work))
	} else {
		C.ritz_softmin_points_f64(lv, C.ptrdiff_t(m), C.ptrdiff_t(n), C.ptrdiff_t(d), C.int(p), by, C.double(ε), f64(x), C.ptrdiff_t(ldx),
			f64(y), C.ptrdiff_t(ldy), f64(g), f64(out), f64(work))
	}
}
