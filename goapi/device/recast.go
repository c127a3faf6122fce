package device

// Recaster is implemented by queues that convert on their device: a to b, of a
// queue of the same device. A method that returns false has done nothing.
type Recaster[T Float] interface {
	TryRecast32(a Matrix[T], b Matrix[float32]) bool
	TryRecast64(a Matrix[T], b Matrix[float64]) bool
}

// Recast copies a, of q, to b, of w, a queue of the same device, with elements
// of another type. Numbers that the type of b cannot hold become infinite or
// zero. It waits for q, and a failure of q is its error.
func Recast[T, U Float](q Queue[T], a Matrix[T], w Queue[U], b Matrix[U]) error {
	if f, ok := q.(Recaster[T]); ok && tryRecast(f, a, b) {
		return q.Sync()
	}
	from, ok := q.(*hostQueue[T])
	to, same := w.(*hostQueue[U])
	if !ok || !same || a.Rows != b.Rows || a.Cols != b.Cols {
		host := NewDense[T](a.Rows, a.Cols)
		q.Download(host, a)
		if err := q.Sync(); err != nil {
			return err
		}
		w.Upload(b, Convert[U](host))
		return nil
	}
	if from.begin(CheckMatrix("Recast", a), a) && to.begin(CheckMatrix("Recast", b), b) {
		src, dst := view(a), view(b)
		parallelRows(a.Rows, a.Cols, func(_, lo, hi int) {
			for i := lo; i < hi; i++ {
				x, y := src.Row(i), dst.Row(i)
				y = y[:len(x)]
				for j, v := range x {
					y[j] = U(v)
				}
			}
		})
	}
	return q.Sync()
}

func tryRecast[T, U Float](f Recaster[T], a Matrix[T], b Matrix[U]) bool {
	if b, ok := any(b).(Matrix[float32]); ok {
		return f.TryRecast32(a, b)
	}
	return f.TryRecast64(a, any(b).(Matrix[float64]))
}
