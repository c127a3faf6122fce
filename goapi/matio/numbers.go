package matio

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"slices"
	"unsafe"

	"github.com/x448/float16"
)

// readChunk is the number of elements that are decoded at a time.
const readChunk = 1 << 16

// readNumbers appends n elements to data. Beyond the room that data has,
// memory grows with what was really read, in case the count is wrong and the
// length of the stream unknown.
func readNumbers[T Float](r io.Reader, data []T, n int, d DType, order binary.ByteOrder) ([]T, error) {
	var buffer []byte
	if !asStored[T](d, order) {
		buffer = make([]byte, min(n, readChunk)*d.Size())
	}
	return readNumbersBy(r, data, n, d, order, buffer)
}

// readNumbersBy is readNumbers with a buffer for at least one element, which
// numbers that are stored as they stand in memory do not need.
func readNumbersBy[T Float](r io.Reader, data []T, n int, d DType, order binary.ByteOrder, buffer []byte) ([]T, error) {
	size := d.Size()
	if size == 0 {
		return nil, fmt.Errorf("numbers of type %q are not supported", d)
	}
	direct := asStored[T](d, order)
	for len(data) < n {
		k := n - len(data)
		if cap(data) < n {
			k = min(k, readChunk)
		}
		var b []byte
		if direct {
			data = slices.Grow(data, k)
			b = bytesOf(data[len(data) : len(data)+k])
		} else {
			k = min(k, len(buffer)/size)
			b = buffer[:k*size]
		}
		if _, err := io.ReadFull(r, b); err != nil {
			if err == io.EOF || err == io.ErrUnexpectedEOF {
				return nil, fmt.Errorf("is truncated: %d numbers expected, the data ends after about %d", n, len(data))
			}
			return nil, err
		}
		data = slices.Grow(data, k)[:len(data)+k]
		if !direct {
			decode(data[len(data)-k:], b, d, order)
		}
	}
	return data, nil
}

// asStored reports whether numbers of type d have the same bytes in a file as
// in memory.
func asStored[T Float](d DType, order binary.ByteOrder) bool {
	one := []byte{1, 0}
	return d == dtypeOf[T]() && order.Uint16(one) == binary.NativeEndian.Uint16(one)
}

// bytesOf returns the memory of x.
func bytesOf[T Float](x []T) []byte {
	if len(x) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(x))), len(x)*int(unsafe.Sizeof(x[0])))
}

// decode converts the numbers in b, whose bytes it puts in little-endian order
// first.
func decode[T Float](x []T, b []byte, d DType, order binary.ByteOrder) {
	size := d.Size()
	if order != binary.LittleEndian {
		swap(b, size)
	}
	switch le := binary.LittleEndian; d {
	case Float16:
		for i := range x {
			x[i] = T(float16.Frombits(le.Uint16(b[2*i:])).Float32())
		}
	case BFloat16:
		for i := range x {
			x[i] = T(math.Float32frombits(uint32(le.Uint16(b[2*i:])) << 16))
		}
	case Float32:
		for i := range x {
			x[i] = T(math.Float32frombits(le.Uint32(b[4*i:])))
		}
	case Float64:
		for i := range x {
			x[i] = T(math.Float64frombits(le.Uint64(b[8*i:])))
		}
	case Int8:
		for i := range x {
			x[i] = T(int8(b[i]))
		}
	case Int16:
		for i := range x {
			x[i] = T(int16(le.Uint16(b[2*i:])))
		}
	case Int32:
		for i := range x {
			x[i] = T(int32(le.Uint32(b[4*i:])))
		}
	case Int64:
		for i := range x {
			x[i] = T(int64(le.Uint64(b[8*i:])))
		}
	case Uint16:
		for i := range x {
			x[i] = T(le.Uint16(b[2*i:]))
		}
	case Uint32:
		for i := range x {
			x[i] = T(le.Uint32(b[4*i:]))
		}
	case Uint64:
		for i := range x {
			x[i] = T(le.Uint64(b[8*i:]))
		}
	default: // Uint8, Bool
		for i := range x {
			x[i] = T(b[i])
		}
	}
}

// swap reverses the bytes of each number.
func swap(b []byte, size int) {
	le, be := binary.LittleEndian, binary.BigEndian
	for ; len(b) >= size && size > 1; b = b[size:] {
		switch size {
		case 2:
			le.PutUint16(b, be.Uint16(b))
		case 4:
			le.PutUint32(b, be.Uint32(b))
		case 8:
			le.PutUint64(b, be.Uint64(b))
		}
	}
}
