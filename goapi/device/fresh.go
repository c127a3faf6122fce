package device

import (
	"strings"
	"unsafe"
)

// Memory for large matrices. make clears memory that was used before, on one
// processor, and the system hands out memory that was not in pages of 4 KiB,
// each at its first use: for a result of 100 MB that takes longer than its
// computation from data in memory.

// leastFresh is the number of bytes from which fresh is worth it: some huge
// pages of 2 MiB.
const leastFresh = 8 << 20

// fresh returns n elements with any content, which the caller overwrites.
func fresh[T Float](n int) []T {
	var zero T
	size := n * int(unsafe.Sizeof(zero))
	if size < leastFresh {
		return make([]T, n)
	}
	// A Builder is the one way to memory that is not cleared. Memory for
	// bytes holds no pointers, like that for numbers, and a large piece
	// begins at a page.
	var b strings.Builder
	b.Grow(size)
	b.WriteByte(0)
	start := unsafe.StringData(b.String())
	useHugePages(unsafe.Slice(start, size))
	return unsafe.Slice((*T)(unsafe.Pointer(start)), n)
}

// zeros returns n zeros.
func zeros[T Float](n int) []T {
	x := fresh[T](n)
	if len(x) > 0 && len(x)*int(unsafe.Sizeof(x[0])) >= leastFresh {
		clearAll(x)
	}
	return x
}

// clearAll clears x on all processors.
func clearAll[T Float](x []T) {
	const block = 1 << 16
	parallelRows((len(x)+block-1)/block, block, func(_, lo, hi int) {
		clear(x[lo*block : min(hi*block, len(x))])
	})
}
