//go:build cgo && linux && !nocuda

package cusolver

/*
#cgo CFLAGS: -O2 -std=gnu11 -fvisibility=hidden -Wall -Wno-parentheses
#cgo LDFLAGS: -ldl
#include "rz.h"
#cgo noescape rz_upload
#cgo nocallback rz_upload
#cgo noescape rz_download
#cgo nocallback rz_download
#cgo noescape rz_copy
#cgo nocallback rz_copy
*/
import "C"

import (
	"unsafe"

	"github.com/ritz-go/ritz/goapi/device"
)

// extent describes a matrix as the copies see it.
type extent struct{ pitch, width, rows C.size_t } // bytes, bytes, count

func extentOf[T device.Float](rows, cols, ld int) extent {
	size := int(unsafe.Sizeof(*new(T)))
	if rows == 1 {
		ld = cols
	}
	return extent{C.size_t(ld * size), C.size_t(cols * size), C.size_t(rows)}
}

// withRing calls f with the page-locked buffers for a transfer of so many
// bytes: those of the queue, or for a long one those of the device, which
// serve one queue at a time.
func (s *stream) withRing(bytes int, f func(*C.rz_ring) C.rz_status) {
	if s.notRecorded() {
		return
	}
	if bytes <= C.RZ_SLOTS/2*C.RZ_RING_SHORT {
		s.check(f(&s.c.ring))
		return
	}
	g := s.gpu
	g.transfer.Lock()
	defer g.transfer.Unlock()
	if g.c.ring.bytes == 0 {
		if status := C.rz_ring_open(g.c, &g.c.ring, 2, C.RZ_RING_LONG); status.library != 0 {
			C.rz_ring_close(g.c, &g.c.ring)
			s.check(f(&s.c.ring)) // too little page-locked memory: in small pieces
			return
		}
	}
	s.check(f(&g.c.ring))
}

func (q *queue[T]) Upload(dst device.Matrix[T], src device.Dense[T]) {
	if !q.begin(device.CheckTransfer("Upload", dst, src), dst) || dst.Len() == 0 {
		return
	}
	to := extentOf[T](dst.Rows, dst.Cols, dst.LD)
	from := extentOf[T](src.Rows, src.Cols, src.Stride)
	q.withRing(int(to.width*to.rows), func(r *C.rz_ring) C.rz_status {
		return C.rz_upload(q.c, r, C.uint64_t(address(dst)), to.pitch,
			unsafe.Pointer(unsafe.SliceData(src.Data)), from.pitch, to.width, to.rows)
	})
}

func (q *queue[T]) Download(dst device.Dense[T], src device.Matrix[T]) {
	if !q.begin(device.CheckTransfer("Download", src, dst), src) || src.Len() == 0 {
		return
	}
	to := extentOf[T](dst.Rows, dst.Cols, dst.Stride)
	from := extentOf[T](src.Rows, src.Cols, src.LD)
	q.withRing(int(to.width*to.rows), func(r *C.rz_ring) C.rz_status {
		return C.rz_download(q.c, r, unsafe.Pointer(unsafe.SliceData(dst.Data)), to.pitch,
			C.uint64_t(address(src)), from.pitch, to.width, to.rows)
	})
}

func (q *queue[T]) Copy(dst, src device.Matrix[T]) {
	if !q.begin(device.CheckCopy(dst, src), dst, src) || dst.Len() == 0 || address(dst) == address(src) {
		return
	}
	if contiguous(dst) && contiguous(src) {
		bytes := dst.Len() * int(unsafe.Sizeof(*new(T)))
		q.check(C.rz_copy(q.c, C.uint64_t(address(dst)), C.uint64_t(address(src)), C.size_t(bytes)))
		return
	}
	rows, cols := src.Rows, src.Cols
	downTo, rightTo := dst.LD, 1
	if dst.Rows != rows { // a row becomes a column, or the reverse
		downTo, rightTo = 1, dst.LD
	}
	q.launch("copy", q.gpu.blocks(rows*cols),
		rows, cols, address(src), src.LD, 1, address(dst), downTo, rightTo)
}

// contiguous reports whether the elements of a matrix lie side by side.
func contiguous[T device.Float](m device.Matrix[T]) bool { return m.Rows == 1 || m.LD == m.Cols }

func (q *queue[T]) Fill(α T, a device.Matrix[T]) {
	if q.begin(device.CheckMatrix("Fill", a), a) && a.Len() > 0 {
		q.launch("fill", q.gpu.blocks(a.Len()), α, a.Rows, a.Cols, address(a), a.LD)
	}
}
