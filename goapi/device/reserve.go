package device

import "math/bits"

// reserve keeps the memory of ended scopes for later ones. Fresh memory from
// the operating system costs several times what clearing used memory does,
// and algorithms ask for the same sizes again and again. Garbage collections
// empty it when it is not used.
type reserve[T Float] struct {
	classes [4 * 64]Shelf[[]T]
}

// Smaller buffers are left to Go's allocator.
const leastReserved = 1 << 12

// class returns the number of the smallest size class that holds n elements,
// and its size. There are four classes to a power of two, so that at most a
// quarter is wasted.
func class(n int) (number, size int) {
	e := bits.Len(uint(n-1)) - 1 // 2^e < n ≤ 2^(e+1)
	step := 1 << (e - 2)
	k := (n - 1 - 1<<e) / step // 0 to 3
	return 4*e + k, 1<<e + (k+1)*step
}

// take returns n zeros.
func (r *reserve[T]) take(n int) []T {
	if data, ok := r.used(n); ok {
		clearAll(data)
		return data
	}
	return zeros[T](r.size(n))[:n]
}

// takeAny returns n elements with any content.
func (r *reserve[T]) takeAny(n int) []T {
	if data, ok := r.used(n); ok {
		return data
	}
	return fresh[T](r.size(n))[:n]
}

// used returns n elements that have been given back, if there are any.
func (r *reserve[T]) used(n int) (data []T, ok bool) {
	if n < leastReserved {
		return nil, false
	}
	number, _ := class(n)
	p := r.classes[number].Take()
	if p == nil {
		return nil, false
	}
	return (*p)[:n], true
}

// size returns how many elements are taken for n.
func (*reserve[T]) size(n int) int {
	if n < leastReserved {
		return n
	}
	_, size := class(n)
	return size
}

// give returns memory that take handed out.
func (r *reserve[T]) give(data []T) {
	if cap(data) < leastReserved {
		return
	}
	number, size := class(cap(data))
	if size == cap(data) {
		r.classes[number].Give(&data)
	}
}
