//go:build cgo && linux && !nocuda

package cusolver

// #include <stdlib.h>
// #include "rz.h"
import "C"

import (
	"cmp"
	"runtime"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/ritz-go/ritz/goapi/device"
)

// gpu is an opened GPU.
type gpu struct {
	c         *C.rz_gpu
	info      device.Info
	libraries *libraries
	closed    atomic.Bool
	cause     atomic.Pointer[error] // why the GPU is lost
	modules   modules

	mu        sync.Mutex
	users     int       // open queues, and the device until Close
	idle      []*stream // for the next queues
	abandoned []*stream // of queues that were forgotten without Close

	transfer sync.Mutex   // of c.ring
	shared   sync.Mutex   // of what kernels may have of shared memory, from asking for it to the launch
	capture  sync.RWMutex // read while a stream records, when nothing may wait for the whole GPU
}

// Info describes the GPU, with a note if its kernels could not be compiled for
// it when they were first used.
func (g *gpu) Info() device.Info {
	info := g.info
	g.modules.mu.RLock()
	info.Notes = append(info.Notes, g.modules.notes...)
	g.modules.mu.RUnlock()
	return info
}

func (g *gpu) F32() device.Queue[float32] { return newQueue[float32](g) }
func (g *gpu) F64() device.Queue[float64] { return newQueue[float64](g) }

// Close releases the GPU. Queues that are still open keep their memory until
// they are closed too.
func (g *gpu) Close() error {
	if g.closed.Swap(true) {
		return nil
	}
	g.sweep()
	return g.leave()
}

// unusable returns why the GPU can do nothing any more, if so.
func (g *gpu) unusable() error {
	if g.closed.Load() {
		return device.ErrClosed
	}
	return g.lost()
}

// lost returns why this process has lost the GPU, nil if it has not.
func (g *gpu) lost() error {
	if cause := g.cause.Load(); cause != nil {
		return *cause
	}
	return nil
}

// failed returns the error that a status stands for. One that breaks the
// context is returned by every later call as well.
func (g *gpu) failed(s C.rz_status) error {
	err := failure(s)
	switch {
	case err == nil:
		return nil
	case s.library == C.RZ_CUDA && loses(int(s.code)):
		err = &device.LostError{Device: g.info.Name, Cause: err}
		g.cause.CompareAndSwap(nil, &err)
	case g.lost() == nil && outOfMemory(s):
		return &device.OutOfMemoryError{Device: g.info.Name, Free: g.free()}
	}
	if cause := g.lost(); cause != nil {
		return cause
	}
	return err
}

// free returns the bytes of memory that the device has left, 0 if it will not
// tell.
func (g *gpu) free() uint64 {
	var bytes C.size_t
	if g.lost() != nil || C.rz_free_memory(g.c, &bytes).library != 0 {
		return 0
	}
	return uint64(bytes)
}

// newQueue returns a queue with a stream of its own. If there can be none, the
// queue refuses every operation and says why.
func newQueue[T device.Float](g *gpu) *queue[T] {
	s, err := g.acquire()
	if err != nil {
		return &queue[T]{stream: &stream{gpu: g, ended: err}}
	}
	q := &queue[T]{stream: s}
	q.cleanup = runtime.AddCleanup(q, (*stream).abandon, s)
	return q
}

// idleStreams is how many streams wait for the next queues. A stream holds
// some 32 MiB, and opening one takes milliseconds.
const idleStreams = 8

// acquire returns a stream that nobody uses.
func (g *gpu) acquire() (*stream, error) {
	if err := g.unusable(); err != nil {
		return nil, err
	}
	g.sweep()
	g.mu.Lock()
	g.users++
	var s *stream
	if n := len(g.idle); n > 0 {
		s, g.idle = g.idle[n-1], g.idle[:n-1]
	}
	g.mu.Unlock()
	if s != nil {
		return s, nil
	}
	s, err := g.openStream()
	if err != nil {
		g.leave()
	}
	return s, err
}

// retire frees what the queue of s held and keeps s for another queue.
func (s *stream) retire() {
	g := s.gpu
	for len(s.recordings) > 0 {
		s.recordings[0].Close()
	}
	s.release(0)
	s.forgetSparse(func(any) bool { return true })
	s.failure, s.pending, s.precision, s.lent = nil, s.pending[:0], device.Exact, false
	g.mu.Lock()
	keep := g.unusable() == nil && len(g.idle) < idleStreams
	if keep {
		g.idle = append(g.idle, s)
	}
	g.mu.Unlock()
	if !keep {
		s.close()
	}
	g.leave()
}

// abandon notes that the queue of s was forgotten. It runs on the garbage
// collector's goroutine, where nothing may wait for a GPU.
func (s *stream) abandon() {
	s.gpu.mu.Lock()
	s.gpu.abandoned = append(s.gpu.abandoned, s)
	s.gpu.mu.Unlock()
}

// sweep retires the streams of forgotten queues.
func (g *gpu) sweep() {
	g.mu.Lock()
	forgotten := g.abandoned
	g.abandoned = nil
	g.mu.Unlock()
	for _, s := range forgotten {
		s.retire()
	}
}

// wait waits for all streams.
func (g *gpu) wait() {
	g.capture.Lock()
	defer g.capture.Unlock()
	if g.lost() == nil {
		g.failed(C.rz_wait(g.c))
	}
}

// trim gives to the driver all memory that is kept for later.
func (g *gpu) trim() {
	g.sweep()
	g.closeIdle()
	g.capture.Lock()
	defer g.capture.Unlock()
	if g.lost() == nil {
		g.failed(C.rz_trim(g.c))
	}
}

func (g *gpu) closeIdle() error {
	g.mu.Lock()
	idle := g.idle
	g.idle = nil
	g.mu.Unlock()
	var first error
	for _, s := range idle {
		first = cmp.Or(first, s.close())
	}
	return first
}

// leave is called by each user of the GPU when it is done; the last one closes
// it.
func (g *gpu) leave() error {
	g.mu.Lock()
	g.users--
	last := g.users == 0
	g.mu.Unlock()
	if !last {
		return nil
	}
	lost := g.lost() != nil // its failure is known
	err := g.closeIdle()
	if g.lost() == nil {
		err = cmp.Or(err, g.unload(g.modules.loaded), g.failed(C.rz_ring_close(g.c, &g.c.ring)), g.failed(C.rz_release(g.c)))
	}
	C.free(unsafe.Pointer(g.c))
	g.c = nil
	if lost {
		return nil
	}
	return err
}
