package matio

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// RowSource is a matrix in a file that is read from its first row to its last,
// some rows at a time, as often as wanted.
type RowSource[T Float] struct {
	path       string
	data       stored
	rows, cols int
	info       fs.FileInfo // of the file when the source was made
}

// Rows returns the rows lo to hi-1 of member i of f as a source that holds two
// blocks of rows in memory and no more; hi < 0 means up to the last. The
// dimensions after the first are flattened into columns. Arrays in binary form
// in row-major order can be read so: .npy and .npz (C order), safetensors and
// IDX, also compressed ones.
func Rows[T Float](f *File, i, lo, hi int) (*RowSource[T], error) {
	if f == nil {
		return nil, errNoFile
	}
	if i < 0 || i >= min(len(f.Members), len(f.arrays)) {
		return nil, fmt.Errorf("%s has no array number %d", f.Path, i)
	}
	shape := f.Members[i].Shape
	if len(shape) < 2 {
		return nil, fmt.Errorf("%s holds shape %v; a matrix is needed to read it by rows", f.Path, shape)
	}
	if hi < 0 {
		hi = shape[0]
	}
	if lo < 0 || lo > hi || hi > shape[0] {
		return nil, fmt.Errorf("%s has no rows %d to %d in shape %v", f.Path, lo, hi, shape)
	}
	if u, ok := f.arrays[i].(unreadable); ok {
		return nil, malformed(f.Path, "%v", u)
	}
	data, binary := f.arrays[i].(stored)
	switch {
	case !binary:
		return nil, fmt.Errorf("%s is text, which cannot be read by rows; write it as .npy", f.Path)
	case data.fortran:
		return nil, fmt.Errorf("%s is column-major and cannot be read by rows; write it in C order", f.Path)
	}
	info, err := os.Stat(f.Path)
	if err != nil {
		return nil, err
	}
	cols, _ := product(shape[1:])
	if lo > 0 || hi < shape[0] {
		data = data.rows(lo, hi)
	}
	return &RowSource[T]{path: f.Path, data: data, rows: hi - lo, cols: cols, info: info}, nil
}

// Dims returns the shape of the matrix.
func (s *RowSource[T]) Dims() (rows, cols int) { return s.rows, s.cols }

// rowBlock is a block of rows in memory, or why there is none.
type rowBlock[T Float] struct {
	first int
	data  []T
	err   error
}

// Each calls f for blocks of at most `most` rows, in their order, with the
// number of the first row and the rows one after the other, which f may use
// until it returns. While f runs, the next block is read. An error of f ends
// the reading and is returned, as is that of ctx, after at most one block; a
// file that is shorter than its header says or that has changed since the
// source was made is a *FormatError.
func (s *RowSource[T]) Each(ctx context.Context, most int, f func(first int, data []T) error) error {
	if most < 1 {
		return fmt.Errorf("%s: blocks of %d rows", s.path, most)
	}
	if err := s.unchanged(); err != nil {
		return err
	}
	most = min(most, max(1, s.rows))
	ctx, stop := context.WithCancelCause(ctx)
	full, free, done := make(chan rowBlock[T]), make(chan []T, 2), make(chan struct{})
	for range cap(free) {
		free <- nil // made when it is needed
	}
	defer func() {
		stop(nil)
		<-done
	}()
	go func() {
		defer close(done)
		defer close(full)
		s.read(ctx, most, full, free)
	}()
	for b := range full {
		err := b.err
		if err == nil {
			err = f(b.first, b.data)
		}
		if err == nil {
			err = context.Cause(ctx)
		}
		if err != nil {
			return err
		}
		free <- b.data
	}
	if err := context.Cause(ctx); err != nil {
		return err
	}
	return s.unchanged()
}

// read sends the blocks to full, in memory that it gets back from free.
func (s *RowSource[T]) read(ctx context.Context, most int, full chan<- rowBlock[T], free <-chan []T) {
	send := func(b rowBlock[T]) bool {
		select {
		case full <- b:
			return b.err == nil
		case <-ctx.Done():
			return false
		}
	}
	r, err := s.data.open()
	if err != nil {
		send(rowBlock[T]{err: s.failure(err)})
		return
	}
	defer r.Close()
	var buffer []byte
	if !asStored[T](s.data.dtype, s.data.order) {
		buffer = make([]byte, min(most*s.cols, readChunk)*s.data.dtype.Size())
	}
	for first := 0; first < s.rows; first += most {
		var data []T
		select {
		case data = <-free:
		case <-ctx.Done():
			return
		}
		if data == nil {
			data = make([]T, 0, most*s.cols)
		}
		n := min(most, s.rows-first) * s.cols
		data, err := readNumbersBy(r, data[:0], n, s.data.dtype, s.data.order, buffer)
		if !send(rowBlock[T]{first, data, s.failure(err)}) {
			return
		}
	}
	if !s.data.there { // the checksum of a compressed stream stands at its end
		if _, err := io.Copy(io.Discard, r); err != nil {
			send(rowBlock[T]{err: s.failure(err)})
		}
	}
}

func (s *RowSource[T]) failure(err error) error {
	if err == nil {
		return nil
	}
	if _, ok := err.(*FormatError); ok {
		return err
	}
	return malformed(s.path, "%v", err)
}

// unchanged compares the file with what it was when the source was made.
func (s *RowSource[T]) unchanged() error {
	info, err := os.Stat(s.path)
	switch {
	case err != nil:
		return err
	case !os.SameFile(info, s.info) || info.Size() != s.info.Size() || !info.ModTime().Equal(s.info.ModTime()):
		return malformed(s.path, "has changed while it was read")
	}
	return nil
}
