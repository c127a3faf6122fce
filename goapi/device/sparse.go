package device

import (
	"fmt"
	"math"
	"runtime"
	"sync"
)

// Sparse is a matrix of few elements, in compressed rows, that queues multiply
// dense blocks by. It is in Go memory and never changes, so that a GPU may keep
// a copy.
type Sparse[T Float] struct {
	rows, cols int
	entries    Entries[T]
}

// NewSparse returns the m×n matrix whose row i has the elements
// values[start[i]:start[i+1]] in the columns columns[start[i]:start[i+1]];
// elements of one place are added. It keeps values, which must not change any
// more, and takes 4 bytes for each element besides. Errors: ErrEmpty,
// *ShapeError for arrays that do not fit together, *NotFiniteError.
func NewSparse[T Float](m, n int, start, columns []int, values []T) (*Sparse[T], error) {
	if err := checkSparse(m, n, start, columns, values); err != nil {
		return nil, err
	}
	col := make([]int32, len(columns))
	for p, j := range columns {
		col[p] = int32(j)
	}
	return &Sparse[T]{m, n, Entries[T]{start, col, values}}, nil
}

// SparseOf returns the m×n matrix with the elements e, which it keeps: they must
// not change as long as the matrix is used. Errors are those of NewSparse.
func SparseOf[T Float](m, n int, e Entries[T]) (*Sparse[T], error) {
	if err := checkSparse(m, n, e.Start, e.Col, e.Val); err != nil {
		return nil, err
	}
	return &Sparse[T]{m, n, e}, nil
}

func checkSparse[T Float, I int | int32](m, n int, start []int, columns []I, values []T) error {
	const name = "sparse matrix"
	switch {
	case m < 1 || n < 1:
		return fmt.Errorf("%s is %d×%d: %w", name, m, n, ErrEmpty)
	case max(m, n) > math.MaxInt32:
		return shapeError(name, "%d×%d has more than 2³¹-1 rows or columns", m, n)
	case len(start) != m+1 || start[0] != 0 || start[m] != len(columns) || len(columns) != len(values):
		return shapeError(name, "%d starts, %d columns and %d values do not make %d rows", len(start), len(columns), len(values), m)
	}
	for i := range m {
		if start[i+1] < start[i] || start[i+1] > len(columns) {
			return shapeError(name, "row %d goes from entry %d to %d", i, start[i], start[i+1])
		}
		for p := start[i]; p < start[i+1]; p++ {
			j := columns[p]
			if j < 0 || int(j) >= n {
				return shapeError(name, "row %d has an entry in column %d of %d", i, j, n)
			}
			if v := values[p]; v-v != 0 {
				return &NotFiniteError{Name: name, Row: i, Col: int(j), Value: float64(v)}
			}
		}
	}
	return nil
}

// Dims returns the shape of the matrix.
func (a *Sparse[T]) Dims() (m, n int) { return a.rows, a.cols }

// Entries returns the elements, which must not be changed.
func (a *Sparse[T]) Entries() Entries[T] { return a.entries }

// T returns the transpose, with the elements of each row in ascending columns.
func (a *Sparse[T]) T() *Sparse[T] {
	e := a.entries
	t := Entries[T]{make([]int, a.cols+1), make([]int32, len(e.Col)), make([]T, len(e.Val))}
	for _, j := range e.Col {
		t.Start[j+1]++
	}
	for j := range a.cols {
		t.Start[j+1] += t.Start[j]
	}
	next := append([]int(nil), t.Start[:a.cols]...)
	for i := range a.rows {
		for p := e.Start[i]; p < e.Start[i+1]; p++ {
			at := next[e.Col[p]]
			next[e.Col[p]]++
			t.Col[at], t.Val[at] = int32(i), e.Val[p]
		}
	}
	return &Sparse[T]{a.cols, a.rows, t}
}

// SparseMuler is implemented by queues that multiply by sparse matrices where
// their dense ones are. A queue of a GPU copies a there the first time and
// keeps it until the queue is closed, the copy is forgotten, or nobody holds a
// any more.
type SparseMuler[T Float] interface {
	TrySparseMul(α T, a *Sparse[T], x Matrix[T], β T, y Matrix[T]) bool
	ForgetSparse(a *Sparse[T])
}

// SparseMul computes Y = α·A·X + β·Y for X n×k and Y m×k, one vector in each
// column; with β = 0, Y is not read. The sums of float32 are in float64 and
// rounded once. For Aᵀ take a.T(), once.
func SparseMul[T Float](q Queue[T], α T, a *Sparse[T], x Matrix[T], β T, y Matrix[T]) {
	if s, ok := q.(SparseMuler[T]); ok && s.TrySparseMul(α, a, x, β, y) {
		return
	}
	if CheckSparseMul(a, x, y) != nil {
		q.Upload(y, NewDense[T](y.Rows+1, y.Cols)) // which it refuses
		return
	}
	in, out := NewDense[T](x.Rows, x.Cols), NewDense[T](y.Rows, y.Cols)
	q.Download(in, x)
	if β != 0 {
		q.Download(out, y)
	}
	a.multiply(α, in, β, out)
	q.Upload(y, out)
}

// ForgetSparse gives up what q keeps of a, which it may not need again.
func ForgetSparse[T Float](q Queue[T], a *Sparse[T]) {
	if s, ok := q.(SparseMuler[T]); ok {
		s.ForgetSparse(a)
	}
}

// CheckSparseMul checks the operands of SparseMul.
func CheckSparseMul[T Float](a *Sparse[T], x, y Matrix[T]) error {
	const op = "SparseMul"
	if a == nil {
		return shapeError(op, "there is no sparse matrix")
	}
	for _, m := range []Matrix[T]{x, y} {
		if err := CheckMatrix(op, m); err != nil {
			return err
		}
	}
	if x.Rows != a.cols || y.Rows != a.rows || x.Cols != y.Cols {
		return shapeError(op, "%d×%d times %d×%d into %d×%d", a.rows, a.cols, x.Rows, x.Cols, y.Rows, y.Cols)
	}
	return nil
}

// multiply computes Y = α·A·X + β·Y; rows are shared out among goroutines.
func (a *Sparse[T]) multiply(α T, x Dense[T], β T, y Dense[T]) {
	workers := min(runtime.GOMAXPROCS(0), 1+len(a.entries.Val)*x.Cols>>15)
	if workers == 1 {
		a.multiplyRows(α, x, β, y, 0, a.rows)
		return
	}
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() { a.multiplyRows(α, x, β, y, w*a.rows/workers, (w+1)*a.rows/workers) })
	}
	wg.Wait()
}

// multiplyRows is multiply for the rows [lo,hi).
func (a *Sparse[T]) multiplyRows(α T, x Dense[T], β T, y Dense[T], lo, hi int) {
	e := a.entries
	result := func(sum float64, y *T) {
		sum *= float64(α)
		if β != 0 {
			sum += float64(β) * float64(*y)
		}
		*y = T(sum)
	}
	if x.Cols == 1 {
		for i := lo; i < hi; i++ {
			sum := 0.0
			col := e.Col[e.Start[i]:e.Start[i+1]]
			for p, v := range e.Val[e.Start[i]:e.Start[i+1]] {
				sum += float64(v) * float64(x.Data[int(col[p])*x.Stride])
			}
			result(sum, &y.Data[i*y.Stride])
		}
		return
	}
	sum := make([]float64, x.Cols)
	for i := lo; i < hi; i++ {
		clear(sum)
		for p := e.Start[i]; p < e.Start[i+1]; p++ {
			v := float64(e.Val[p])
			for j, xj := range x.Row(int(e.Col[p])) {
				sum[j] += v * float64(xj)
			}
		}
		row := y.Row(i)
		for j, s := range sum {
			result(s, &row[j])
		}
	}
}

func (q *hostQueue[T]) TrySparseMul(α T, a *Sparse[T], x Matrix[T], β T, y Matrix[T]) bool {
	if q.begin(CheckSparseMul(a, x, y), x, y) && y.Len() > 0 {
		a.multiply(α, view(x), β, view(y))
	}
	return true
}

func (q *hostQueue[T]) ForgetSparse(*Sparse[T]) {} // it keeps nothing

var _ SparseMuler[float32] = (*hostQueue[float32])(nil)
