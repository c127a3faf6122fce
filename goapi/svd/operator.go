package svd

import (
	"context"
	"fmt"
	"runtime"
	"sync"

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
	return q.Sync()
}

func (o matrixOperator[T]) MulTrans(_ context.Context, q device.Queue[T], y, x device.Matrix[T]) error {
	q.Gemm(device.Transp, device.NoTrans, 1, o.a, y, 0, x)
	return q.Sync()
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

// check refuses arrays that do not fit together and entries that are not
// finite.
func (a CSR[T]) check() error {
	switch {
	case a.Rows < 1 || a.Cols < 1:
		return fmt.Errorf("sparse matrix is %d×%d: %w", a.Rows, a.Cols, device.ErrEmpty)
	case len(a.Start) != a.Rows+1 || a.Start[0] != 0 || a.Start[a.Rows] != len(a.Columns) || len(a.Columns) != len(a.Values):
		return &device.ShapeError{Op: "sparse matrix", Detail: fmt.Sprintf("%d starts, %d columns and %d values do not make %d rows",
			len(a.Start), len(a.Columns), len(a.Values), a.Rows)}
	}
	for i := range a.Rows {
		if a.Start[i+1] < a.Start[i] || a.Start[i+1] > len(a.Columns) {
			return &device.ShapeError{Op: "sparse matrix", Detail: fmt.Sprintf("row %d goes from entry %d to %d", i, a.Start[i], a.Start[i+1])}
		}
		for p := a.Start[i]; p < a.Start[i+1]; p++ {
			if j := a.Columns[p]; j < 0 || j >= a.Cols {
				return &device.ShapeError{Op: "sparse matrix", Detail: fmt.Sprintf("row %d has an entry in column %d of %d", i, j, a.Cols)}
			}
			if v := a.Values[p]; v-v != 0 {
				return &device.NotFiniteError{Name: "sparse matrix", Row: i, Col: a.Columns[p], Value: float64(v)}
			}
		}
	}
	return nil
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

// multiply stores A·X in y; rows are shared out among goroutines.
func (a CSR[T]) multiply(x, y device.Dense[T]) {
	workers := min(runtime.GOMAXPROCS(0), 1+len(a.Values)*x.Cols>>15)
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			sum := make([]float64, x.Cols)
			for i := w * a.Rows / workers; i < (w+1)*a.Rows/workers; i++ {
				clear(sum)
				for p := a.Start[i]; p < a.Start[i+1]; p++ {
					v := float64(a.Values[p])
					for j, xj := range x.Row(a.Columns[p]) {
						sum[j] += v * float64(xj)
					}
				}
				for j, row := 0, y.Row(i); j < len(row); j++ {
					row[j] = T(sum[j])
				}
			}
		})
	}
	wg.Wait()
}

// sparse multiplies in Go memory whatever the device. It keeps both
// orientations, so that the sums of either product have one order.
type sparse[T device.Float] struct{ a, at CSR[T] }

// Sparse returns a sparse matrix as an operator. Products run on the CPU,
// rows in parallel, with sums in float64. It takes memory for a transposed
// copy; a itself must not change. Errors: device.ErrEmpty, *device.ShapeError
// and *device.NotFiniteError.
func Sparse[T device.Float](a CSR[T]) (Operator[T], error) {
	if err := a.check(); err != nil {
		return nil, err
	}
	return sparse[T]{a, a.T()}, nil
}

func (s sparse[T]) Dims() (m, n int) { return s.a.Rows, s.a.Cols }

func (s sparse[T]) Mul(_ context.Context, q device.Queue[T], x, y device.Matrix[T]) error {
	return s.a.apply(q, x, y)
}

func (s sparse[T]) MulTrans(_ context.Context, q device.Queue[T], y, x device.Matrix[T]) error {
	return s.at.apply(q, y, x)
}

// apply is multiply for matrices on a device.
func (a CSR[T]) apply(q device.Queue[T], x, y device.Matrix[T]) error {
	if x.Rows != a.Cols || y.Rows != a.Rows || x.Cols != y.Cols {
		return &device.ShapeError{Op: "sparse product", Detail: fmt.Sprintf("%d×%d times %d×%d into %d×%d", a.Rows, a.Cols, x.Rows, x.Cols, y.Rows, y.Cols)}
	}
	in, out := device.NewDense[T](x.Rows, x.Cols), device.NewDense[T](y.Rows, y.Cols)
	q.Download(in, x)
	if err := q.Sync(); err != nil {
		return err
	}
	a.multiply(in, out)
	q.Upload(y, out)
	return q.Sync()
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
