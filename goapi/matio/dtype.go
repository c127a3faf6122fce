package matio

import "math"

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
