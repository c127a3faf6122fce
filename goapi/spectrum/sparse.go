package spectrum

import (
	"context"
	"fmt"
	"math"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/svd"
)

// sparse is a symmetric sparse matrix.
type sparse[T device.Float] struct{ a *device.Sparse[T] }

// Sparse returns a symmetric sparse matrix as an operator. Products run where
// the vectors are, on a GPU from a copy that every queue makes once, if it has
// the memory, and keeps as long as the operator is in use. a must not change.
// Errors: device.ErrEmpty, *device.ShapeError, *device.NotFiniteError, and
// *device.ArgumentError for a matrix that is not symmetric to eps·max|a|.
func Sparse[T device.Float](a svd.CSR[T]) (Operator[T], error) {
	s, err := device.NewSparse(a.Rows, a.Cols, a.Start, a.Columns, a.Values)
	if err != nil {
		return nil, err
	}
	if a.Rows != a.Cols {
		return nil, &device.ShapeError{Op: "sparse matrix", Detail: fmt.Sprintf("%d×%d is not square", a.Rows, a.Cols)}
	}
	return sparse[T]{s}, checkSparse(s)
}

// checkSparse compares the rows of a with its columns: both are lists of
// entries by position after two distributions into rows.
func checkSparse[T device.Float](a *device.Sparse[T]) error {
	transposed := a.T()
	at, sorted := transposed.Entries(), transposed.T().Entries()
	largest := 0.0
	for _, v := range at.Val {
		largest = max(largest, math.Abs(float64(v)))
	}
	tol := device.Epsilon[T]() * largest
	n, _ := a.Dims()
	for i := range n {
		p, r := sorted.Start[i], at.Start[i]
		for p < sorted.Start[i+1] || r < at.Start[i+1] {
			// The next column of either row, with all entries of one place.
			j := int32(n)
			if p < sorted.Start[i+1] {
				j = sorted.Col[p]
			}
			if r < at.Start[i+1] {
				j = min(j, at.Col[r])
			}
			x, y := 0.0, 0.0
			for ; p < sorted.Start[i+1] && sorted.Col[p] == j; p++ {
				x += float64(sorted.Val[p])
			}
			for ; r < at.Start[i+1] && at.Col[r] == j; r++ {
				y += float64(at.Val[r])
			}
			if d := math.Abs(x - y); d > tol {
				return device.Argument("sparse matrix", "is not symmetric: entries (%d,%d) and (%d,%d) differ by %.3g", i, j, j, i, d)
			}
		}
	}
	return nil
}

func (s sparse[T]) Dim() int {
	n, _ := s.a.Dims()
	return n
}

func (s sparse[T]) Apply(_ context.Context, q device.Queue[T], dst, src device.Matrix[T]) error {
	n := s.Dim()
	if src.Cols != n || dst.Cols != n || dst.Rows != src.Rows {
		return &device.ShapeError{Op: "sparse product", Detail: fmt.Sprintf("%d×%d into %d×%d for dimension %d", src.Rows, src.Cols, dst.Rows, dst.Cols, n)}
	}
	if src.Rows == 1 {
		device.SparseMul(q, 1, s.a, column(src), 0, column(dst))
		return nil
	}
	defer q.Scope()()
	x, y := q.Alloc(n, src.Rows), q.Alloc(n, src.Rows)
	q.Add(1, device.Transp, src, 0, device.NoTrans, device.Matrix[T]{}, x)
	device.SparseMul(q, 1, s.a, x, 0, y)
	q.Add(1, device.Transp, y, 0, device.NoTrans, device.Matrix[T]{}, dst)
	return nil
}

// column returns a row vector as a column.
func column[T device.Float](x device.Matrix[T]) device.Matrix[T] {
	x.Rows, x.Cols, x.LD = x.Cols, 1, 1
	return x
}
