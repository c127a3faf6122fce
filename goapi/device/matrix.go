package device

// Buffer is a piece of memory that belongs to one device. Only queues of that
// device can use it.
type Buffer[T Float] interface {
	Len() int // number of elements
}

// Matrix is a row-major Rows×Cols view of device memory: element (i,j) is
// element Off+i*LD+j of Buf. It is a value; a copy shares the elements. The
// zero Matrix stands for "none".
type Matrix[T Float] struct {
	Rows, Cols, LD, Off int
	Buf                 Buffer[T]
}

// Slice returns the view of rows [i0,i1) and columns [j0,j1).
func (a Matrix[T]) Slice(i0, i1, j0, j1 int) Matrix[T] {
	a.Off += i0*a.LD + j0
	a.Rows, a.Cols = i1-i0, j1-j0
	return a
}

// RowRange returns the view of rows [i0,i1).
func (a Matrix[T]) RowRange(i0, i1 int) Matrix[T] { return a.Slice(i0, i1, 0, a.Cols) }

// Row returns the 1×Cols view of row i.
func (a Matrix[T]) Row(i int) Matrix[T] { return a.Slice(i, i+1, 0, a.Cols) }

// Reshape returns the rows×cols view of the same elements in the same order.
// It needs LD = Cols (or a single row) and rows*cols = Rows*Cols; otherwise
// it returns the zero Matrix, which every operation refuses.
func (a Matrix[T]) Reshape(rows, cols int) Matrix[T] {
	if (a.LD != a.Cols && a.Rows > 1) || rows*cols != a.Rows*a.Cols {
		return Matrix[T]{}
	}
	a.Rows, a.Cols, a.LD = rows, cols, cols
	return a
}

// IsZero reports whether a is the zero Matrix.
func (a Matrix[T]) IsZero() bool { return a.Buf == nil }

// Len returns the number of elements.
func (a Matrix[T]) Len() int { return a.Rows * a.Cols }
