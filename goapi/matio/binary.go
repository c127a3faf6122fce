package matio

import (
	"encoding/binary"
	"io"
)

// stored is an array in binary form: open returns a stream that begins at its
// first element.
type stored struct {
	open    func() (io.ReadCloser, error)
	shape   []int
	dtype   DType
	order   binary.ByteOrder
	fortran bool // column-major
	there   bool // the file is long enough for all elements
}

func (s stored) read64() ([]float64, error) { return readStored[float64](s) }
func (s stored) read32() ([]float32, error) { return readStored[float32](s) }

func readStored[T Float](s stored) ([]T, error) {
	r, err := s.open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	n, _ := product(s.shape) // was checked when the file was opened
	first := n
	if !s.there {
		first = min(n, 1<<16)
	}
	data, err := readNumbers(r, make([]T, 0, first), n, s.dtype, s.order)
	if err != nil {
		return nil, err
	}
	if !s.there { // the checksum of a compressed stream stands at its end
		if _, err := io.Copy(io.Discard, r); err != nil {
			return nil, err
		}
	}
	if s.fortran && len(s.shape) > 1 && n > 0 {
		return rowMajor(data, s.shape), nil
	}
	return data, nil
}

// rows returns the part of a row-major array between two rows.
func (s stored) rows(lo, hi int) stored {
	part := s
	part.shape = append([]int{hi - lo}, s.shape[1:]...)
	before, _ := product(append([]int{lo}, s.shape[1:]...)) // less than the whole
	part.open = func() (io.ReadCloser, error) {
		r, err := s.open()
		if err != nil {
			return nil, err
		}
		return skip(r, int64(before)*int64(s.dtype.Size()))
	}
	return part
}

// rowMajor reorders a column-major array.
func rowMajor[T Float](data []T, shape []int) []T {
	out := make([]T, len(data))
	if len(shape) == 2 { // tiles keep both sides in the cache
		const tile = 32
		m, n := shape[0], shape[1]
		for i0 := 0; i0 < m; i0 += tile {
			for j0 := 0; j0 < n; j0 += tile {
				for i := i0; i < min(i0+tile, m); i++ {
					for j := j0; j < min(j0+tile, n); j++ {
						out[i*n+j] = data[j*m+i]
					}
				}
			}
		}
		return out
	}
	index := make([]int, len(shape))
	for k := range out {
		at, stride := 0, 1
		for d, i := range index {
			at += i * stride
			stride *= shape[d]
		}
		out[k] = data[at]
		for d := len(shape) - 1; d >= 0; d-- {
			if index[d]++; index[d] < shape[d] {
				break
			}
			index[d] = 0
		}
	}
	return out
}

// skip returns the stream r without its next bytes.
func skip(r io.ReadCloser, bytes int64) (io.ReadCloser, error) {
	if s, ok := r.(io.Seeker); ok {
		_, err := s.Seek(bytes, io.SeekCurrent)
		return r, err
	}
	if _, err := io.CopyN(io.Discard, r, bytes); err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}
