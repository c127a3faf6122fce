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
	from, to, ok := bothHost(q, w)
	if !ok || a.Rows != b.Rows || a.Cols != b.Cols {
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

// bothHost returns the queues of two types if both work on Go's memory.
func bothHost[T, U Float](q Queue[T], w Queue[U]) (from *hostQueue[T], to *hostQueue[U], ok bool) {
	from, ok = q.(*hostQueue[T])
	to, same := w.(*hostQueue[U])
	return from, to, ok && same
}

// RecastSquares is Recast that returns the sum of the squares of the elements
// of a too, in the same pass where the memory is Go's. The sum is NaN or
// infinite if an element is, or if it leaves the range of T.
func RecastSquares[T, U Float](q Queue[T], a Matrix[T], w Queue[U], b Matrix[U]) (square float64, err error) {
	from, to, ok := bothHost(q, w)
	if !ok || a.Rows != b.Rows || a.Cols != b.Cols {
		defer q.Scope()()
		sum, host := q.Alloc(1, 1), make([]T, 1)
		q.Reduce(SumSquares, Whole, a, sum)
		q.Download(Vector(host), sum)
		err := Recast(q, a, w, b)
		return float64(host[0]), err
	}
	if from.begin(CheckMatrix("Recast", a), a) && to.begin(CheckMatrix("Recast", b), b) {
		src, dst, rows := view(a), view(b), make([]float64, a.Rows)
		parallelRows(a.Rows, a.Cols, func(_, lo, hi int) {
			for i := lo; i < hi; i++ {
				rows[i] = recastSquares(src.Row(i), dst.Row(i))
			}
		})
		for _, s := range rows {
			square += s
		}
	}
	return square, q.Sync()
}

// recastSquares is RecastSquares of a row, with four sums for the reason of
// reduceSlice.
func recastSquares[T, U Float](x []T, y []U) float64 {
	var s0, s1, s2, s3 float64
	for ; len(x) >= 4; x, y = x[4:], y[4:] {
		a, b := (*[4]T)(x), (*[4]U)(y)
		s0 += float64(a[0]) * float64(a[0])
		s1 += float64(a[1]) * float64(a[1])
		s2 += float64(a[2]) * float64(a[2])
		s3 += float64(a[3]) * float64(a[3])
		b[0], b[1], b[2], b[3] = U(a[0]), U(a[1]), U(a[2]), U(a[3])
	}
	for j, v := range x {
		s0 += float64(v) * float64(v)
		y[j] = U(v)
	}
	return (s0 + s1) + (s2 + s3)
}
