package device

// Lender is implemented by queues of devices that share Go's memory.
type Lender[T Float] interface {
	Lend(a Dense[T]) Matrix[T]
}

// Lend returns the elements of a as a matrix of q that may only be read, and
// only until the open scope of q ends: the memory of a itself on a device that
// shares it, a copy on any other.
func Lend[T Float](q Queue[T], a Dense[T]) Matrix[T] {
	if l, ok := q.(Lender[T]); ok {
		return l.Lend(a)
	}
	m := q.Alloc(a.Rows, a.Cols)
	q.Upload(m, a)
	return m
}
