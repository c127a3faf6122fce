package device

import (
	"fmt"

	"gonum.org/v1/gonum/blas/blas32"
	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/mat"
)

// Float is the set of element types.
type Float interface{ float32 | float64 }

// Dense is a row-major Rows×Cols matrix in Go memory: element (i,j) is
// Data[i*Stride+j], Stride ≥ Cols. It is a view: copying the struct shares
// the elements.
type Dense[T Float] struct {
	Rows, Cols, Stride int
	Data               []T
}

// maxElements bounds matrices: more would exceed the address space, for which
// make panics.
const maxElements = 1 << 43

// impossible reports whether no matrix can have this shape.
func impossible(rows, cols int) bool {
	return rows < 0 || cols < 0 || cols > 0 && rows > maxElements/cols
}

// NewDense returns a zero matrix with Stride = cols. For a shape that cannot
// be, it has no data and Validate refuses it.
func NewDense[T Float](rows, cols int) Dense[T] {
	if impossible(rows, cols) {
		return Dense[T]{Rows: rows, Cols: cols, Stride: cols}
	}
	return Dense[T]{Rows: rows, Cols: cols, Stride: cols, Data: make([]T, rows*cols)}
}

// DenseOf returns the rows×cols matrix that shares data, which stand row after
// row. It takes what matio.Array.Matrix returns:
//
//	x := device.DenseOf(array.Matrix())
func DenseOf[T Float](rows, cols int, data []T) Dense[T] {
	return Dense[T]{Rows: rows, Cols: cols, Stride: cols, Data: data}
}

// Vector returns the 1×len(x) matrix that shares x.
func Vector[T Float](x []T) Dense[T] {
	return Dense[T]{Rows: 1, Cols: len(x), Stride: len(x), Data: x}
}

// At returns element (i,j).
func (a Dense[T]) At(i, j int) T { return a.Data[i*a.Stride+j] }

// Set stores v in element (i,j).
func (a Dense[T]) Set(i, j int, v T) { a.Data[i*a.Stride+j] = v }

// Row returns row i; the slice shares the elements of a.
func (a Dense[T]) Row(i int) []T { return a.Data[i*a.Stride : i*a.Stride+a.Cols] }

// Slice returns the view of rows [i0,i1) and columns [j0,j1).
func (a Dense[T]) Slice(i0, i1, j0, j1 int) Dense[T] {
	v := Dense[T]{Rows: i1 - i0, Cols: j1 - j0, Stride: a.Stride}
	if v.Rows > 0 && v.Cols > 0 {
		v.Data = a.Data[i0*a.Stride+j0 : (i1-1)*a.Stride+j1]
	}
	return v
}

// Clone returns a copy with Stride = Cols.
func (a Dense[T]) Clone() Dense[T] {
	b := NewDense[T](a.Rows, a.Cols)
	for i := range a.Rows {
		copy(b.Row(i), a.Row(i))
	}
	return b
}

// T returns a transposed copy.
func (a Dense[T]) T() Dense[T] {
	b := NewDense[T](a.Cols, a.Rows)
	transpose(a, b)
	return b
}

// Convert returns a copy of a with elements of type U.
func Convert[U, T Float](a Dense[T]) Dense[U] {
	b := NewDense[U](a.Rows, a.Cols)
	for i := range a.Rows {
		src, dst := a.Row(i), b.Row(i)
		for j, v := range src {
			dst[j] = U(v)
		}
	}
	return b
}

// FromMat returns a view of m; no element is copied. nil is like an empty one.
func FromMat(m *mat.Dense) Dense[float64] {
	if m == nil {
		return Dense[float64]{}
	}
	return FromBLAS64(m.RawMatrix())
}

// FromBLAS64 returns a view of g; no element is copied.
func FromBLAS64(g blas64.General) Dense[float64] {
	return Dense[float64]{Rows: g.Rows, Cols: g.Cols, Stride: g.Stride, Data: g.Data}
}

// FromBLAS32 returns a view of g; no element is copied.
func FromBLAS32(g blas32.General) Dense[float32] {
	return Dense[float32]{Rows: g.Rows, Cols: g.Cols, Stride: g.Stride, Data: g.Data}
}

// ToMat returns a gonum view of a; no element is copied. An empty matrix
// gives an empty mat.Dense.
func ToMat(a Dense[float64]) *mat.Dense {
	m := new(mat.Dense)
	if a.Rows > 0 && a.Cols > 0 {
		m.SetRawMatrix(blas64.General{Rows: a.Rows, Cols: a.Cols, Stride: a.Stride, Data: a.Data})
	}
	return m
}

// Validate reports whether the shape of a fits its slice.
func (a Dense[T]) Validate(name string) error {
	switch {
	case a.Rows < 0 || a.Cols < 0:
		return &ShapeError{Op: name, Detail: fmt.Sprintf("negative shape %d×%d", a.Rows, a.Cols)}
	case a.Rows == 0 || a.Cols == 0:
		return nil
	case a.Stride < a.Cols:
		return &ShapeError{Op: name, Detail: fmt.Sprintf("stride %d is less than the %d columns; DenseOf sets it", a.Stride, a.Cols)}
	case (len(a.Data)-a.Cols)/a.Stride < a.Rows-1 || len(a.Data) < a.Cols:
		return &ShapeError{Op: name, Detail: fmt.Sprintf("%d elements are too few for %d×%d with stride %d", len(a.Data), a.Rows, a.Cols, a.Stride)}
	}
	return nil
}

// CheckInput is the check that every exported algorithm makes before any
// work: a must have a valid shape ([ShapeError]), at least one element
// ([ErrEmpty]) and no NaN or infinity ([NotFiniteError]).
func CheckInput[T Float](name string, a Dense[T]) error {
	if err := a.Validate(name); err != nil {
		return err
	}
	if a.Rows == 0 || a.Cols == 0 {
		return fmt.Errorf("%s is %d×%d: %w", name, a.Rows, a.Cols, ErrEmpty)
	}
	return checkFinite(name, a)
}

func checkFinite[T Float](name string, a Dense[T]) error {
	bad := make([]int, parallelChunks(a.Rows, a.Cols))
	parallelRows(a.Rows, a.Cols, func(chunk, lo, hi int) {
		bad[chunk] = -1
		for i := lo; i < hi; i++ {
			if s := maxAbs(a.Row(i)); s-s != 0 { // NaN or infinite
				bad[chunk] = i
				return
			}
		}
	})
	for _, i := range bad {
		if i < 0 {
			continue
		}
		for j, v := range a.Row(i) {
			if v-v != 0 {
				return &NotFiniteError{Name: name, Row: i, Col: j, Value: float64(v)}
			}
		}
	}
	return nil
}
