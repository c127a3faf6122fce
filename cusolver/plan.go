//go:build cgo && linux && !nocuda

package cusolver

/*
#include "rz.h"
*/
import "C"

import (
	"slices"
	"unsafe"

	"github.com/ritz-go/ritz/goapi/device"
)

// TryLogStep reads the costs twice, row by row and column by column. The large
// elements of the plan are counted and then written close together, so that
// only they come to the host.
func (q *queue[T]) TryLogStep(ε T, c, g, a, f, s device.Matrix[T], least T, e *device.Entries[T]) bool {
	if !q.begin(device.CheckLogStep(c, g, a, f, s), c, g, a, f, s) || c.Len() == 0 {
		return q.failure != nil
	}
	defer q.Scope()()
	φ, χ, t := q.temporary(1, c.Rows), q.temporary(1, c.Cols), q.temporary(1, c.Cols)
	weights := q.temporary(1, c.Rows)
	none := device.Matrix[T]{}
	q.TrySoftMin(device.PerRow, ε, c, g, φ)
	q.Copy(weights, a)
	q.Map(device.Log, weights, weights)
	q.Add(1, device.NoTrans, φ, ε, device.NoTrans, weights, φ)
	// Column j sums to exp((g[j] - χ[j])/ε).
	q.TrySoftMin(device.PerCol, ε, c, φ, χ)
	q.Copy(t, g)
	q.Add(1, device.NoTrans, t, -1, device.NoTrans, χ, t)
	q.Add(1/ε, device.NoTrans, t, 0, device.NoTrans, none, t)
	q.Map(device.Exp, t, t)
	if e != nil {
		q.entries(ε, φ, g, c, least, e)
	}
	q.Copy(f, φ)
	q.Copy(s, t)
	return true
}

// entries appends to e the elements of exp((f[i]+g[j]-C[i,j])/ε) from least on.
func (q *queue[T]) entries(ε T, f, g, c device.Matrix[T], least T, e *device.Entries[T]) {
	counts, ok := q.scratch(4 * c.Rows)
	if !ok {
		return
	}
	q.sweep("plan_count", 32*c.Rows, ε, c.Rows, c.Cols, address(f), step(f), address(g), step(g), address(c), c.LD, least, counts)
	host := make([]int32, c.Rows)
	if !q.fetch(unsafe.Pointer(&host[0]), counts, 4*c.Rows) {
		return
	}
	start := make([]int64, c.Rows+1)
	for i, n := range host {
		start[i+1] = start[i] + int64(n)
	}
	first, total := len(e.Col), int(start[c.Rows])
	for _, at := range start[1:] {
		e.Start = append(e.Start, first+int(at))
	}
	if total == 0 {
		return
	}
	e.Col, e.Val = slices.Grow(e.Col, total)[:first+total], slices.Grow(e.Val, total)[:first+total]
	size := int(unsafe.Sizeof(*new(T)))
	starts, _ := q.scratch(8 * len(start))
	columns, _ := q.scratch(4 * total)
	values, ok := q.scratch(size * total)
	if !ok {
		return
	}
	q.send(starts, unsafe.Pointer(&start[0]), 8*len(start))
	q.sweep("plan_entries", 32*c.Rows, ε, c.Rows, c.Cols, address(f), step(f), address(g), step(g), address(c), c.LD, least,
		starts, columns, values)
	if q.fetch(unsafe.Pointer(&e.Col[first]), columns, 4*total) {
		q.fetch(unsafe.Pointer(&e.Val[first]), values, size*total)
	}
}

// fetch copies bytes of the device to the host and waits for them.
func (q *queue[T]) fetch(to unsafe.Pointer, from uint64, bytes int) bool {
	if q.failure == nil {
		n := C.size_t(bytes)
		q.withRing(bytes, func(r *C.rz_ring) C.rz_status {
			return C.rz_download(q.c, r, to, n, C.uint64_t(from), n, n, 1)
		})
	}
	return q.failure == nil
}

// send copies bytes of the host to the device.
func (q *queue[T]) send(to uint64, from unsafe.Pointer, bytes int) {
	if q.failure == nil && bytes > 0 {
		n := C.size_t(bytes)
		q.withRing(bytes, func(r *C.rz_ring) C.rz_status {
			return C.rz_upload(q.c, r, C.uint64_t(to), n, from, n, n, 1)
		})
	}
}

var _ device.LogStepper[float32] = (*queue[float32])(nil)
