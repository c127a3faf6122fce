//go:build cgo && linux && !nocuda

package cusolver

/*
#include "rz.h"
#cgo noescape rz_allocate
#cgo nocallback rz_allocate
#cgo noescape rz_clear
#cgo nocallback rz_clear
#cgo noescape rz_free
#cgo nocallback rz_free
*/
import "C"

import (
	"math/bits"

	"github.com/ritz-go/ritz/goapi/device"
)

// take returns device memory, zeros if zero is set. It is freed by give. If
// there is none left, the block is empty and the queue has failed.
func (s *stream) take(bytes int, zero bool) *block {
	b := &block{bytes: bytes, size: bytes}
	if bytes == 0 {
		return b
	}
	if s.recording != nil {
		return s.recording.take(bytes, zero)
	}
	if s.gpu.c.pools == 0 {
		b.size = roundUp(bytes)
		if s.takeSpare(b) {
			if zero {
				s.check(C.rz_clear(s.c, C.uint64_t(b.address), C.size_t(bytes)))
			}
			return b
		}
	}
	var address C.uint64_t
	status := s.allocate(b.size, zero, &address)
	b.address = uint64(address)
	if address == 0 {
		b.bytes = 0
	}
	if outOfMemory(status) && s.failure == nil {
		s.failure = &device.OutOfMemoryError{Device: s.gpu.info.Name, Wanted: uint64(bytes), Free: s.gpu.free()}
	}
	s.check(status)
	return b
}

// allocate asks the driver. What the queues of this device keep for later is
// given up before memory counts as full.
func (s *stream) allocate(size int, zero bool, address *C.uint64_t) C.rz_status {
	var a C.uint64_t
	z := C.int(0)
	if zero {
		z = 1
	}
	status := C.rz_allocate(s.c, C.size_t(size), z, &a)
	if outOfMemory(status) {
		s.dropSpares()
		s.gpu.trim()
		status = C.rz_allocate(s.c, C.size_t(size), z, &a)
	}
	*address = a
	return status
}

// release frees all live blocks but the first keep.
func (s *stream) release(keep int) {
	if s.lent && keep < len(s.live) {
		s.gpu.wait()
	}
	for i := keep; i < len(s.live); i++ {
		s.give(s.live[i])
		s.live[i] = nil
	}
	s.live = s.live[:min(keep, len(s.live))]
}

// give frees a block after the work that was started so far.
func (s *stream) give(b *block) {
	address := b.address
	b.address, b.bytes = 0, 0
	switch {
	case b.recording != nil:
		if address != 0 && b.recording == s.recording {
			b.recording.free[b.size] = append(b.recording.free[b.size], address)
		}
	case address == 0 || s.gpu.lost() != nil: // the driver takes a lost context's memory with it
	case s.gpu.c.pools == 0:
		if s.spare == nil {
			s.spare = map[int][]uint64{}
		}
		s.spare[b.size] = append(s.spare[b.size], address)
	default:
		s.check(C.rz_free(s.c, C.uint64_t(address)))
	}
}

// takeSpare gives b memory that an earlier scope of this stream has freed.
func (s *stream) takeSpare(b *block) bool {
	free := s.spare[b.size]
	if len(free) == 0 {
		return false
	}
	b.address = free[len(free)-1]
	s.spare[b.size] = free[:len(free)-1]
	return true
}

// dropSpares waits for the stream and gives its spare memory to the driver.
func (s *stream) dropSpares() {
	if len(s.spare) == 0 {
		return
	}
	s.check(C.rz_synchronize(s.c))
	for size, free := range s.spare {
		for _, address := range free {
			s.check(C.rz_free(s.c, C.uint64_t(address)))
		}
		delete(s.spare, size)
	}
}

// roundUp returns the size class of n bytes: the next multiple of an eighth
// of a power of two, so that little is wasted and blocks are found again.
func roundUp(n int) int {
	if n <= 1<<12 {
		return 1 << 12
	}
	step := 1 << (bits.Len(uint(n-1)) - 4)
	return (n + step - 1) / step * step
}
