//go:build cgo && linux && !nocuda

package cusolver

// #include "rz.h"
import "C"

import (
	"fmt"
	"runtime"
	"unsafe"

	"github.com/ritz-go/ritz/goapi/device"
)

// queue runs operations in a stream of its own. Nothing waits for the GPU but
// Download, Sync and Close, and the factorizations that need the processor.
type queue[T device.Float] struct {
	*stream
	cleanup runtime.Cleanup
}

// buffer is the memory of a matrix. It keeps the queue, and with it the
// memory, as long as the matrix is in use.
type buffer[T device.Float] struct {
	*block
	queue *queue[T]
}

// Len is 0 once the scope of the buffer has ended, so that a matrix used too
// late is refused like one of a wrong shape.
func (b *buffer[T]) Len() int { return b.bytes / int(unsafe.Sizeof(*new(T))) }

var errForeign = fmt.Errorf("matrix of another device: %w", device.ErrArgument)

// begin reports whether an operation on ms may run: its shapes passed check,
// the matrices belong to this device, and nothing failed before.
func (q *queue[T]) begin(check error, ms ...device.Matrix[T]) bool {
	if q.failure != nil {
		return false
	}
	q.failure = check
	if err := q.unusable(); err != nil {
		q.failure = err
	}
	for _, m := range ms {
		if q.failure == nil && m.Buf != nil && !q.owns(m) {
			q.failure = errForeign
		}
	}
	return q.failure == nil
}

// unusable returns why the queue can do nothing any more, if so.
func (s *stream) unusable() error {
	if s.ended != nil {
		return s.ended
	}
	return s.gpu.unusable()
}

func (q *queue[T]) owns(m device.Matrix[T]) bool {
	b, ok := m.Buf.(*buffer[T])
	return ok && b.queue.gpu == q.gpu
}

// address returns where the first element of a matrix that begin has accepted
// lies on the device, 0 for the zero Matrix.
func address[T device.Float](m device.Matrix[T]) uint64 {
	if m.Buf == nil {
		return 0
	}
	return m.Buf.(*buffer[T]).address + uint64(m.Off)*uint64(unsafe.Sizeof(*new(T)))
}

// Device returns the GPU.
func (q *queue[T]) Device() device.Device { return q.gpu }

func (q *queue[T]) Alloc(rows, cols int) device.Matrix[T] { return q.allot(rows, cols, true) }

// Room is Alloc of memory that is not cleared.
func (q *queue[T]) Room(rows, cols int) device.Matrix[T] { return q.allot(rows, cols, false) }

// allot returns a matrix, of zeros if zero is set.
func (q *queue[T]) allot(rows, cols int, zero bool) device.Matrix[T] {
	const most = 1 << 59 // elements; more bytes than an int64 counts
	if rows < 0 || cols < 0 || cols > 0 && rows > most/cols {
		q.begin(&device.ShapeError{Op: "Alloc", Detail: fmt.Sprintf("no matrix can be %d×%d", rows, cols)})
		rows, cols = 0, 0
	}
	b := &buffer[T]{&block{}, q}
	if q.unusable() == nil {
		b.block = q.take(rows*cols*int(unsafe.Sizeof(*new(T))), zero)
		q.live = append(q.live, b.block)
	}
	return device.Matrix[T]{Rows: rows, Cols: cols, LD: cols, Buf: b}
}

var _ device.Roomer[float32] = (*queue[float32])(nil)

func (q *queue[T]) Scope() (end func()) {
	outer := len(q.live)
	return func() { q.release(outer) }
}

func (q *queue[T]) Sync() error {
	q.settle()
	err := q.failure
	if q.recording == nil {
		q.failure = nil
	}
	return err
}

// Close gives back all memory and makes the queue refuse further work.
func (q *queue[T]) Close() {
	if q.ended != nil {
		return
	}
	q.cleanup.Stop()
	s := q.stream
	q.stream = &stream{gpu: s.gpu, ended: device.ErrClosed, failure: device.ErrClosed}
	s.retire()
}
