//go:build cgo && linux && !nocuda

package cusolver

// #include "rz.h"
import "C"

import (
	"errors"
	"slices"
	"unsafe"

	"github.com/ritz-go/ritz/goapi/device"
)

// recording is a CUDA graph of the operations of a queue, and the memory of
// the temporary matrices among them, which have the same addresses in every
// run.
type recording struct {
	stream     *stream
	executable unsafe.Pointer
	memory     []C.uint64_t
	free       map[int][]uint64 // by size, for later operations of the same run
}

// errNotRecorded is the failure of a queue, until TryRecord returns, that was
// asked for what a graph cannot do.
var errNotRecorded = errors.New("cusolver: this operation cannot be recorded")

// TryRecord captures the operations of f. A failure of theirs stays that of
// the queue; what only hinders the capture does not.
func (q *queue[T]) TryRecord(f func()) device.Recording {
	s := q.stream
	if s.failure != nil || s.unusable() != nil || s.recording != nil || C.rz_can_record(s.gpu.c) == 0 {
		return nil
	}
	s.gpu.capture.RLock()
	defer s.gpu.capture.RUnlock()
	if err := s.gpu.failed(C.rz_record_begin(s.c)); err != nil {
		return nil
	}
	r := &recording{stream: s, free: map[int][]uint64{}}
	s.recording = r
	f()
	s.recording = nil
	keep := C.int(1)
	if s.failure != nil {
		keep = 0
	}
	err := s.gpu.failed(C.rz_record_end(s.c, keep, &r.executable))
	s.recordings = append(s.recordings, r)
	if s.failure == nil && err == nil {
		return r
	}
	if s.failure == errNotRecorded {
		s.failure = nil
	}
	r.Close()
	return nil
}

// Play launches the graph.
func (r *recording) Play() {
	s := r.stream
	if s.failure == nil {
		s.failure = s.unusable()
	}
	if s.failure == nil {
		s.check(C.rz_record_play(s.c, r.executable))
	}
}

func (r *recording) Close() {
	s := r.stream
	i := slices.Index(s.recordings, r)
	if i < 0 {
		return
	}
	s.recordings = slices.Delete(s.recordings, i, i+1)
	if s.gpu.lost() == nil {
		s.check(C.rz_record_close(s.c, r.executable, unsafe.SliceData(r.memory), C.int(len(r.memory))))
	}
}

// take returns memory for an operation that is being recorded. If there is
// none, the operation is not recorded.
func (r *recording) take(bytes int, zero bool) *block {
	b := &block{bytes: bytes, size: roundUp(bytes), recording: r}
	if free := r.free[b.size]; len(free) > 0 {
		b.address = free[len(free)-1]
		r.free[b.size] = free[:len(free)-1]
	} else {
		var address C.uint64_t
		if err := r.stream.gpu.failed(C.rz_record_allocate(r.stream.c, C.size_t(b.size), &address)); err != nil {
			r.stream.notRecorded()
			b.bytes = 0
			return b
		}
		r.memory = append(r.memory, address)
		b.address = uint64(address)
	}
	if zero {
		r.stream.check(C.rz_clear(r.stream.c, C.uint64_t(b.address), C.size_t(bytes)))
	}
	return b
}

// notRecorded reports whether operations are being recorded, among which the
// present one cannot be.
func (s *stream) notRecorded() bool {
	if s.recording == nil {
		return false
	}
	if s.failure == nil {
		s.failure = errNotRecorded
	}
	return true
}

var _ device.Recorder = (*queue[float32])(nil)
