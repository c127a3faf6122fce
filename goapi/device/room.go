package device

// Roomer is implemented by queues that hand out memory as they find it.
type Roomer[T Float] interface {
	Room(rows, cols int) Matrix[T]
}

// Room is Alloc of a matrix that may hold anything, for what is written before
// it is read: clearing large memory takes about as long as a pass over it.
func Room[T Float](q Queue[T], rows, cols int) Matrix[T] {
	if r, ok := q.(Roomer[T]); ok {
		return r.Room(rows, cols)
	}
	return q.Alloc(rows, cols)
}

func (q *hostQueue[T]) Room(rows, cols int) Matrix[T] {
	return q.allocate(rows, cols, q.memory.takeAny)
}

var _ Roomer[float32] = (*hostQueue[float32])(nil)
