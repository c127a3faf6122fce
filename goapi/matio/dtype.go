package matio

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"

	"github.com/x448/float16"
)

// DType is the type of the numbers in a file.
type DType string

const (
	Float16  DType = "f2"
	BFloat16 DType = "bf16"
	Float32  DType = "f4"
	Float64  DType = "f8"
	Int8     DType = "i1"
	Int16    DType = "i2"
	Int32    DType = "i4"
	Int64    DType = "i8"
	Uint8    DType = "u1"
	Uint16   DType = "u2"
	Uint32   DType = "u4"
	Uint64   DType = "u8"
	Bool     DType = "b1"
)

// Size returns the bytes of one element, 0 for an unknown type.
func (d DType) Size() int {
	switch d {
	case Int8, Uint8, Bool:
		return 1
	case Float16, BFloat16, Int16, Uint16:
		return 2
	case Float32, Int32, Uint32:
		return 4
	case Float64, Int64, Uint64:
		return 8
	}
	return 0
}

// Single reports whether float32 holds every number of the type.
func (d DType) Single() bool {
	switch d {
	case Float16, BFloat16, Float32:
		return true
	}
	return false
}

// Float is the set of element types in memory.
type Float interface{ float32 | float64 }

// number returns the function that decodes one element.
func number(d DType, order binary.ByteOrder) func(b []byte) float64 {
	switch d {
	case Float16:
		return func(b []byte) float64 { return float64(float16.Frombits(order.Uint16(b)).Float32()) }
	case BFloat16:
		return func(b []byte) float64 { return float64(math.Float32frombits(uint32(order.Uint16(b)) << 16)) }
	case Float32:
		return func(b []byte) float64 { return float64(math.Float32frombits(order.Uint32(b))) }
	case Float64:
		return func(b []byte) float64 { return math.Float64frombits(order.Uint64(b)) }
	case Int8:
		return func(b []byte) float64 { return float64(int8(b[0])) }
	case Int16:
		return func(b []byte) float64 { return float64(int16(order.Uint16(b))) }
	case Int32:
		return func(b []byte) float64 { return float64(int32(order.Uint32(b))) }
	case Int64:
		return func(b []byte) float64 { return float64(int64(order.Uint64(b))) }
	case Uint16:
		return func(b []byte) float64 { return float64(order.Uint16(b)) }
	case Uint32:
		return func(b []byte) float64 { return float64(order.Uint32(b)) }
	case Uint64:
		return func(b []byte) float64 { return float64(order.Uint64(b)) }
	}
	return func(b []byte) float64 { return float64(b[0]) } // Uint8, Bool
}

// readNumbers appends n elements to data. Beyond the room that data has,
// memory grows with what was really read, in case the count is wrong and the
// length of the stream unknown.
func readNumbers[T Float](r io.Reader, data []T, n int, d DType, order binary.ByteOrder) ([]T, error) {
	return readNumbersBy(r, data, n, d, order, make([]byte, min(n, readChunk)*d.Size()))
}

// readChunk is the number of elements that are decoded at a time.
const readChunk = 1 << 16

// readNumbersBy is readNumbers with a buffer for at least one element.
func readNumbersBy[T Float](r io.Reader, data []T, n int, d DType, order binary.ByteOrder, buffer []byte) ([]T, error) {
	size := d.Size()
	if size == 0 {
		return nil, fmt.Errorf("numbers of type %q are not supported", d)
	}
	decode := number(d, order)
	for len(data) < n {
		k := min(n-len(data), len(buffer)/size)
		if _, err := io.ReadFull(r, buffer[:k*size]); err != nil {
			if err == io.EOF || err == io.ErrUnexpectedEOF {
				return nil, fmt.Errorf("is truncated: %d numbers expected, the data ends after about %d", n, len(data))
			}
			return nil, err
		}
		for i := range k {
			data = append(data, T(decode(buffer[i*size:])))
		}
	}
	return data, nil
}

// maxDims is NumPy's limit of dimensions.
const maxDims = 64

// product returns the number of elements of a shape; ok is false if it does
// not fit an int, a dimension is negative, or there are too many.
func product(shape []int) (n int, ok bool) {
	if len(shape) > maxDims {
		return 0, false
	}
	n = 1
	for _, d := range shape {
		if d < 0 || d > 0 && n > math.MaxInt/16/d {
			return 0, false
		}
		n *= d
	}
	return n, true
}
