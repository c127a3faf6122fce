//go:build cgo && linux && !nocuda

package cusolver

import (
	"errors"
	"math/bits"
	"unsafe"
	"weak"

	"github.com/ritz-go/ritz/goapi/device"
)

// sparse is the copy of a sparse matrix that a stream keeps on the GPU.
type sparse struct {
	blocks             []*block
	start, col, val    uint64
	team               int32  // lanes that share a row when there is one column
	segment, long      uint64 // tables of the pieces of long rows, see sparse.cu
	segments, longRows int
	tooLarge           bool // there was no memory for it
}

// segmentLength is the most elements of a row that one warp adds up.
const segmentLength = 1024

// TrySparseMul leaves the product to the processor where the GPU has no memory
// for a copy of the matrix.
func (q *queue[T]) TrySparseMul(α T, a *device.Sparse[T], x device.Matrix[T], β T, y device.Matrix[T]) bool {
	if !q.begin(device.CheckSparseMul(a, x, y), x, y) || y.Len() == 0 {
		return true
	}
	s := q.sparseCopy(a)
	if s == nil || s.tooLarge {
		return s == nil // the queue has failed
	}
	rows, k := y.Rows, x.Cols
	width := 1 << bits.Len(uint(min(k, 32)-1))
	team := min(32, int(s.team)*width)
	columns := width // that a warp computes at a time
	if k > 32 {
		columns = 128
	}
	tiles := (k + columns - 1) / columns
	q.sweep("sparse_rows", rows*team*tiles, int32(team), α, β, rows, k, segmentLength,
		s.start, s.col, s.val, address(x), x.LD, address(y), y.LD)
	if s.longRows == 0 {
		return true
	}
	defer q.Scope()()
	partial, ok := q.scratch(8 * s.segments * k)
	if ok {
		q.sweep("sparse_segments", s.segments*32*tiles, s.segments, k, s.segment, s.col, s.val, address(x), x.LD, partial)
		q.sweep("sparse_join", s.longRows*k, α, β, s.longRows, k, s.long, partial, address(y), y.LD)
	}
	return true
}

// sparseCopy returns the copy of a, which it makes the first time; nil if the
// queue has failed.
func (q *queue[T]) sparseCopy(a *device.Sparse[T]) *sparse {
	key := weak.Make(a)
	if s := q.sparse[key]; s != nil {
		return s
	}
	if q.notRecorded() {
		return nil
	}
	q.forgetSparse(func(key any) bool {
		w, ok := key.(weak.Pointer[device.Sparse[T]])
		return ok && w.Value() == nil
	})
	s := &sparse{}
	q.copySparse(s, a.Entries())
	if q.failure != nil {
		q.giveSparse(s)
		if !errors.Is(q.failure, device.ErrOutOfMemory) {
			return nil
		}
		q.failure, s.tooLarge = nil, true
	}
	if q.sparse == nil {
		q.stream.sparse = map[any]*sparse{}
	}
	q.sparse[key] = s
	return s
}

// copySparse brings the elements to the GPU, with the tables of long rows.
func (q *queue[T]) copySparse(s *sparse, e device.Entries[T]) {
	rows := len(e.Start) - 1
	start := make([]int64, rows+1)
	var segment, long []int64
	for i, at := range e.Start {
		start[i] = int64(at)
		if i == rows || e.Start[i+1]-at <= segmentLength {
			continue
		}
		long = append(long, int64(i), int64(len(segment)/2))
		for end := e.Start[i+1]; at < end; at += segmentLength {
			segment = append(segment, int64(at), int64(min(at+segmentLength, end)))
		}
	}
	s.longRows, s.segments = len(long)/2, len(segment)/2
	long = append(long, 0, int64(s.segments))
	// The power of two that is next to the mean length of a row.
	s.team = int32(1) << min(5, bits.Len(uint(len(e.Col)*2/(3*rows))))
	s.start = sendAll(q, s, start)
	s.col = sendAll(q, s, e.Col)
	s.val = sendAll(q, s, e.Val)
	if s.longRows > 0 {
		s.segment, s.long = sendAll(q, s, segment), sendAll(q, s, long)
	}
}

// sendAll copies data to memory of s and returns its address.
func sendAll[T device.Float, E any](q *queue[T], s *sparse, data []E) uint64 {
	if q.failure != nil || len(data) == 0 {
		return 0
	}
	bytes := len(data) * int(unsafe.Sizeof(data[0]))
	b := q.take(bytes, false)
	s.blocks = append(s.blocks, b)
	q.send(b.address, unsafe.Pointer(&data[0]), bytes)
	return b.address
}

// ForgetSparse gives up the copy of a.
func (q *queue[T]) ForgetSparse(a *device.Sparse[T]) {
	if a != nil {
		forgotten := any(weak.Make(a))
		q.forgetSparse(func(key any) bool { return key == forgotten })
	}
}

// forgetSparse gives up the copies whose keys f picks.
func (s *stream) forgetSparse(f func(key any) bool) {
	for key, copy := range s.sparse {
		if f(key) {
			s.giveSparse(copy)
			delete(s.sparse, key)
		}
	}
}

func (s *stream) giveSparse(copy *sparse) {
	for _, b := range copy.blocks {
		s.give(b)
	}
	copy.blocks = nil
}

var _ device.SparseMuler[float32] = (*queue[float32])(nil)
