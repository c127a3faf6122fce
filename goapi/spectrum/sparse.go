package spectrum

import (
	"context"
	"fmt"
	"math"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/svd"
)

// sparse is a symmetric sparse matrix. Its products are those of package svd,
// for vectors in columns.
type sparse[T device.Float] struct {
	n int
	a svd.Operator[T]
}

// Sparse returns a symmetric sparse matrix as an operator; products run on the
// CPU whatever the device. a must not change. Errors: device.ErrEmpty,
// *device.ShapeError, *device.NotFiniteError, and *device.ArgumentError for a
// matrix that is not symmetric to eps·max|a|.
func Sparse[T device.Float](a svd.CSR[T]) (Operator[T], error) {
	op, err := svd.Sparse(a)
	if err != nil {
		return nil, err
	}
	if a.Rows != a.Cols {
		return nil, &device.ShapeError{Op: "sparse matrix", Detail: fmt.Sprintf("%d×%d is not square", a.Rows, a.Cols)}
	}
	return sparse[T]{a.Rows, op}, checkSparse(a)
}

// checkSparse compares the rows of a with its columns: both are lists of
// entries by position after two distributions into rows.
func checkSparse[T device.Float](a svd.CSR[T]) error {
	at := a.T()
	sorted := at.T()
	largest := 0.0
	for _, v := range a.Values {
		largest = max(largest, math.Abs(float64(v)))
	}
	tol := device.Epsilon[T]() * largest
	for i := range a.Rows {
		p, r := sorted.Start[i], at.Start[i]
		for p < sorted.Start[i+1] || r < at.Start[i+1] {
			// The next column of either row, with all entries of one place.
			j := a.Cols
			if p < sorted.Start[i+1] {
				j = sorted.Columns[p]
			}
			if r < at.Start[i+1] {
				j = min(j, at.Columns[r])
			}
			x, y := 0.0, 0.0
			for ; p < sorted.Start[i+1] && sorted.Columns[p] == j; p++ {
				x += float64(sorted.Values[p])
			}
			for ; r < at.Start[i+1] && at.Columns[r] == j; r++ {
				y += float64(at.Values[r])
			}
			if d := math.Abs(x - y); d > tol {
				return device.Argument("sparse matrix", "is not symmetric: entries (%d,%d) and (%d,%d) differ by %.3g", i, j, j, i, d)
			}
		}
	}
	return nil
}

func (s sparse[T]) Dim() int { return s.n }

func (s sparse[T]) Apply(ctx context.Context, q device.Queue[T], dst, src device.Matrix[T]) error {
	if src.Cols != s.n || dst.Cols != s.n || dst.Rows != src.Rows {
		return &device.ShapeError{Op: "sparse product", Detail: fmt.Sprintf("%d×%d into %d×%d for dimension %d", src.Rows, src.Cols, dst.Rows, dst.Cols, s.n)}
	}
	defer q.Scope()()
	x, y := q.Alloc(s.n, src.Rows), q.Alloc(s.n, src.Rows)
	q.Add(1, device.Transp, src, 0, device.NoTrans, device.Matrix[T]{}, x)
	if err := s.a.Mul(ctx, q, x, y); err != nil {
		return err
	}
	q.Add(1, device.Transp, y, 0, device.NoTrans, device.Matrix[T]{}, dst)
	return nil
}
