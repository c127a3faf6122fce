//go:build cgo && linux && !nocuda

package cusolver

// #include <stdlib.h>
// #include "rz.h"
import "C"

import (
	"cmp"
	"unsafe"

	"github.com/ritz-go/ritz/goapi/device"
)

// stream is a CUDA stream with its handles, and what the queue that uses it
// keeps. It outlives the queue: another one takes it over.
type stream struct {
	gpu       *gpu
	c         *C.rz_queue
	ended     error // if not nil, why there is nothing behind c
	failure   error
	live      []*block               // of the open scopes
	spare     map[int][]uint64       // freed memory by size, where the device has no pools
	pending   []func(info int) error // of the factorizations since the last Sync, by slot
	arguments arguments
	precision device.Precision // of products

	lent bool // other streams may have work on the memory of this one

	sparse map[any]*sparse // copies of sparse matrices, by weak pointers to those

	recording  *recording // if not nil, operations are recorded and not done
	recordings []*recording
}

// check makes a failed call the failure of the queue.
func (s *stream) check(status C.rz_status) bool {
	if status.library != 0 && s.failure == nil {
		s.failure = s.gpu.failed(status)
	}
	return status.library == 0
}

// slot returns the number of an int in the device array c.info, where a
// factorization stores LAPACK's info. The next Sync passes it to verdict.
func (s *stream) slot(verdict func(info int) error) int {
	if len(s.pending) == C.RZ_INFOS {
		s.settle()
	}
	s.pending = append(s.pending, verdict)
	return len(s.pending) - 1
}

// settle waits for all work. If an earlier factorization failed, that becomes
// the failure of the queue in place of what failed after it.
func (s *stream) settle() {
	if s.notRecorded() {
		return
	}
	if s.ended != nil || s.gpu.lost() != nil {
		s.failure = cmp.Or(s.failure, s.ended, s.gpu.lost())
		s.pending = s.pending[:0]
		return
	}
	if len(s.pending) == 0 {
		s.check(C.rz_synchronize(s.c))
		return
	}
	var infos [C.RZ_INFOS]C.int
	n := C.size_t(len(s.pending)) * C.sizeof_int
	if s.check(C.rz_download(s.c, &s.c.ring, unsafe.Pointer(&infos), n, s.c.info, n, n, 1)) {
		for i, verdict := range s.pending {
			if err := verdict(int(infos[i])); err != nil {
				s.failure = err
				break
			}
		}
	}
	s.pending = s.pending[:0]
}

// block is a piece of device memory. Its address is 0 when its scope has
// ended, and for a block without bytes.
type block struct {
	address uint64
	bytes   int // asked for
	size    int // taken

	recording *recording // that the memory belongs to, nil for the stream's own
}

// openStream makes a stream with its handles.
func (g *gpu) openStream() (*stream, error) {
	s := &stream{gpu: g, c: (*C.rz_queue)(C.calloc(1, C.sizeof_rz_queue))}
	s.c.gpu = g.c
	status := C.rz_queue_open(s.c)
	if status.library != 0 {
		// The libraries report want of memory as a failure to begin.
		C.rz_queue_close(s.c)
		g.trim()
		status = C.rz_queue_open(s.c)
	}
	if status.library != 0 {
		err := g.failed(status)
		s.close()
		return nil, err
	}
	return s, nil
}

// close gives up the stream and all its memory.
func (s *stream) close() error {
	var err error
	if s.gpu.lost() == nil {
		s.dropSpares()
		err = s.gpu.failed(C.rz_queue_close(s.c))
	}
	C.free(unsafe.Pointer(s.c))
	s.c = nil
	return err
}
