package svd

import (
	"context"
	"fmt"

	"github.com/ritz-go/ritz/goapi/device"
)

// Operator is a linear map of vectors of length n to vectors of length m, for
// a matrix that is given by its products alone. Blocks of k vectors are n×k
// and m×k matrices, one vector in each column.
type Operator[T device.Float] interface {
	// Dims returns the shape m×n of the matrix.
	Dims() (m, n int)
	// Mul stores A·X (m×k) in y.
	Mul(ctx context.Context, q device.Queue[T], x, y device.Matrix[T]) error
	// MulTrans stores Aᵀ·Y (n×k) in x.
	MulTrans(ctx context.Context, q device.Queue[T], y, x device.Matrix[T]) error
}

// matrixOperator is a matrix on a device.
type matrixOperator[T device.Float] struct{ a device.Matrix[T] }

// Matrix returns the operator of a matrix on the device of the queues that it
// will be used with. Sync the queue that made the matrix first.
func Matrix[T device.Float](a device.Matrix[T]) Operator[T] { return matrixOperator[T]{a} }

func (o matrixOperator[T]) Dims() (m, n int) { return o.a.Rows, o.a.Cols }

func (o matrixOperator[T]) Mul(_ context.Context, q device.Queue[T], x, y device.Matrix[T]) error {
	q.Gemm(device.NoTrans, device.NoTrans, 1, o.a, x, 0, y)
	return nil
}

func (o matrixOperator[T]) MulTrans(_ context.Context, q device.Queue[T], y, x device.Matrix[T]) error {
	q.Gemm(device.Transp, device.NoTrans, 1, o.a, y, 0, x)
	return nil
}

// CSR is a sparse matrix in compressed rows: the entries of row i are
// Values[Start[i]:Start[i+1]] in the columns Columns[Start[i]:Start[i+1]].
// Entries of one position are added.
type CSR[T device.Float] struct {
	Rows, Cols int
	Start      []int // Rows+1 elements, ascending from 0
	Columns    []int
	Values     []T
}

// T returns aᵀ, with the entries of each row in ascending columns.
func (a CSR[T]) T() CSR[T] {
	t := CSR[T]{Rows: a.Cols, Cols: a.Rows, Start: make([]int, a.Cols+1),
		Columns: make([]int, len(a.Columns)), Values: make([]T, len(a.Values))}
	for _, j := range a.Columns {
		t.Start[j+1]++
	}
	for j := range a.Cols {
		t.Start[j+1] += t.Start[j]
	}
	next := append([]int(nil), t.Start[:a.Cols]...)
	for i := range a.Rows {
		for p := a.Start[i]; p < a.Start[i+1]; p++ {
			at := next[a.Columns[p]]
			next[a.Columns[p]]++
			t.Columns[at], t.Values[at] = i, a.Values[p]
		}
	}
	return t
}

// sparse keeps both orientations, so that the sums of either product have one
// order.
type sparse[T device.Float] struct{ a, at *device.Sparse[T] }

// Sparse returns a sparse matrix as an operator. Products run where the vectors
// are: on a CPU rows in parallel, on a GPU from a copy that every queue makes
// once, if it has the memory, and keeps as long as the operator is in use. Sums
// are in float64. It takes memory for a transposed copy; a itself must not
// change. Errors: device.ErrEmpty, *device.ShapeError and
// *device.NotFiniteError.
func Sparse[T device.Float](a CSR[T]) (Operator[T], error) {
	s, err := device.NewSparse(a.Rows, a.Cols, a.Start, a.Columns, a.Values)
	if err != nil {
		return nil, err
	}
	return sparse[T]{s, s.T()}, nil
}

func (s sparse[T]) Dims() (m, n int) { return s.a.Dims() }

func (s sparse[T]) Mul(_ context.Context, q device.Queue[T], x, y device.Matrix[T]) error {
	device.SparseMul(q, 1, s.a, x, 0, y)
	return nil
}

func (s sparse[T]) MulTrans(_ context.Context, q device.Queue[T], y, x device.Matrix[T]) error {
	device.SparseMul(q, 1, s.at, y, 0, x)
	return nil
}

// transposed is Aᵀ.
type transposed[T device.Float] struct{ a Operator[T] }

func (t transposed[T]) Dims() (m, n int) {
	m, n = t.a.Dims()
	return n, m
}

func (t transposed[T]) Mul(ctx context.Context, q device.Queue[T], x, y device.Matrix[T]) error {
	return t.a.MulTrans(ctx, q, x, y)
}

func (t transposed[T]) MulTrans(ctx context.Context, q device.Queue[T], y, x device.Matrix[T]) error {
	return t.a.Mul(ctx, q, y, x)
}

// product applies f, which is Mul or MulTrans of an operator, reports a NaN or
// infinity in the result with the number of the product, and divides the
// result by 2^e.
func product[T device.Float](ctx context.Context, q device.Queue[T], f func(context.Context, device.Queue[T], device.Matrix[T], device.Matrix[T]) error, in, out device.Matrix[T], e int, products *int) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := f(ctx, q, in, out); err != nil {
		return err
	}
	largest, err := scalar(q, func(x device.Matrix[T]) { q.Reduce(device.MaxAbs, device.Whole, out, x) })
	if err != nil {
		return err
	}
	if largest-largest != 0 {
		return fmt.Errorf("products %d to %d: %w", *products+1, *products+in.Cols,
			&device.NotFiniteError{Name: "the operator's product", Value: largest})
	}
	*products += in.Cols
	if e != 0 {
		multiply(q, out, -e, out)
	}
	return nil
}
