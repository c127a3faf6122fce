package device

import "fmt"

// RangeEigher is implemented by queues that compute the eigenvalues of a
// symmetric matrix without eigenvectors, or with some of them, at a part of the
// cost of all.
type RangeEigher[T Float] interface {
	TryEighRange(a, w, vt Matrix[T], first int) bool
}

// EighRange stores the eigenvalues of the symmetric n×n matrix A, whose lower
// triangle is read, in w (n elements), ascending, and the eigenvectors to those
// number [first,first+k) in the rows of vt (k×n); vt may be the zero Matrix for
// none. A is destroyed. About 4/3·n³ operations for the values and 6·n² for each
// vector, or those of Eigh for more than a quarter of the vectors and where a
// device has nothing else.
func EighRange[T Float](q Queue[T], a, w, vt Matrix[T], first int) {
	const most = 4 // times as many vectors are cheaper together
	if f, ok := q.(RangeEigher[T]); ok && most*vt.Rows <= a.Rows && f.TryEighRange(a, w, vt, first) {
		return
	}
	q.Eigh(a, w)
	if vt.Rows > 0 {
		q.Copy(vt, a.RowRange(first, first+vt.Rows))
	}
}

// CheckEighRange checks the operands of EighRange.
func CheckEighRange[T Float](a, w, vt Matrix[T], first int) error {
	if err := CheckEigh(a, w); err != nil || vt.IsZero() {
		return err
	}
	if err := CheckMatrix("EighRange", vt); err != nil {
		return err
	}
	if vt.Cols != a.Cols || first < 0 || first > a.Rows-vt.Rows {
		return &ShapeError{Op: "EighRange", Detail: fmt.Sprintf("vt is %d×%d, for eigenvectors from number %d on of a matrix of order %d",
			vt.Rows, vt.Cols, first, a.Rows)}
	}
	return nil
}

func (q *hostQueue[T]) TryEighRange(a, w, vt Matrix[T], first int) bool {
	if !q.begin(CheckEighRange(a, w, vt, first), a, w, vt) || a.Len() == 0 {
		return true
	}
	v, same := vector(w)
	q.failure = q.kernels.EighRange(view(a), v, view(vt), first)
	setVector(w, v, same)
	return true
}

func (GoKernels[T]) EighRange(a Dense[T], w []T, vt Dense[T], first int) error {
	return EighRangeBy(goFactors{}, a, w, vt, first)
}

// EighRangeBy is EighRange in float64 by the given kernels. An element of the lower
// triangle that is no number is an error.
func EighRangeBy[T Float](kernels FactorKernels, a Dense[T], w []T, vt Dense[T], first int) error {
	if err := checkLower(a); err != nil {
		return err
	}
	values := make([]float64, len(w))
	wide := Dense[float64]{}
	if vt.Data != nil {
		if d, ok := any(vt).(Dense[float64]); ok {
			wide = d
		} else {
			wide = NewDense[float64](vt.Rows, vt.Cols)
		}
	}
	eighRange(kernels, in64(a), values, wide, first)
	if vt.Data != nil {
		copyRows(vt, inType[T](wide))
	}
	for i, v := range values {
		w[i] = T(v)
	}
	return nil
}

// checkLower returns an error if the lower triangle holds what is no number.
func checkLower[T Float](a Dense[T]) error {
	for i := range a.Rows {
		for j, v := range a.Row(i)[:i+1] {
			if v-v != 0 {
				return &NotFiniteError{Name: "matrix", Row: i, Col: j, Value: float64(v)}
			}
		}
	}
	return nil
}

var _ RangeEigher[float64] = (*hostQueue[float64])(nil)
