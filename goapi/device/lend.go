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
	m := Room(q, a.Rows, a.Cols)
	q.Upload(m, a)
	return m
}

// Output returns a rows×cols matrix of q to compute a result in, and the
// function that returns the result in Go memory once q has done what it was
// told: the same memory on a device that shares it. It may hold anything at
// first. Call take before the scope of the matrix ends.
func Output[T Float](q Queue[T], rows, cols int) (m Matrix[T], take func() Dense[T]) {
	d := Dense[T]{Rows: rows, Cols: cols, Stride: cols}
	if !impossible(rows, cols) {
		d.Data = fresh[T](rows * cols)
	}
	return OutputTo(q, d)
}

// OutputTo is Output for a result that goes to the memory of d, which then is
// what take returns.
func OutputTo[T Float](q Queue[T], d Dense[T]) (m Matrix[T], take func() Dense[T]) {
	if l, ok := q.(Lender[T]); ok {
		return l.Lend(d), func() Dense[T] { return d }
	}
	m = Room(q, d.Rows, d.Cols)
	return m, func() Dense[T] {
		q.Download(d, m)
		return d
	}
}
