package device

import (
	"math"

	"gonum.org/v1/gonum/lapack/gonum"
)

var goLAPACK gonum.Implementation

// in64 returns a itself, or a copy in float64.
func in64[T Float](a Dense[T]) Dense[float64] {
	if d, ok := any(a).(Dense[float64]); ok {
		return d
	}
	return Convert[float64](a)
}

// inType returns a itself, or a copy in T.
func inType[T Float](a Dense[float64]) Dense[T] {
	if d, ok := any(a).(Dense[T]); ok {
		return d
	}
	return Convert[T](a)
}

func (GoKernels[T]) QR(a, r Dense[T]) error {
	m, n := a.Rows, a.Cols
	d := in64(a)
	exponent := scaleToSafe(d, false)
	w := newWorkspace(goFactors{})
	defer w.end()
	factor, reflected := factorQR(w, d.T())
	for i := range n {
		row := r.Row(i)
		for j, v := range factor.Row(i) {
			row[j] = T(math.Ldexp(v, exponent))
		}
	}
	q := NewDense[float64](n, m)
	for i := range n {
		q.Set(i, i, 1)
	}
	reflected.apply(w, q, true)
	transpose(inType[T](q), a)
	return nil
}

func (GoKernels[T]) Cholesky(a Dense[T]) error {
	d := in64(a)
	if !factorCholesky(d) {
		return ErrNotPositiveDefinite
	}
	for i := range d.Rows {
		clear(d.Row(i)[i+1:])
	}
	copyRows(a, inType[T](d))
	return nil
}

func (GoKernels[T]) Eigh(a Dense[T], w []T) error {
	d := in64(a)
	values := make([]float64, len(w))
	if err := Eigh(goFactors{}, d, values); err != nil {
		return err
	}
	copyRows(a, inType[T](d))
	for i, v := range values {
		w[i] = T(v)
	}
	return nil
}

// scaleToSafe multiplies A, or its lower triangle, by a power of two if its
// elements may not be squared, so that the largest is about 1. A·2^exponent is
// what it was.
func scaleToSafe(a Dense[float64], lower bool) (exponent int) {
	part := func(i int) []float64 {
		if lower {
			return a.Row(i)[:i+1]
		}
		return a.Row(i)
	}
	largest := 0.0
	for i := range a.Rows {
		largest = max(largest, maxAbs(part(i)))
	}
	if largest == 0 || largest > 0x1p-300 && largest < 0x1p300 {
		return 0
	}
	_, exponent = math.Frexp(largest)
	for i := range a.Rows {
		row := part(i)
		for j, v := range row {
			row[j] = math.Ldexp(v, -exponent)
		}
	}
	return exponent
}

func (GoKernels[T]) SVD(a, u Dense[T], s []T, vt Dense[T]) error {
	if err := checkFinite("matrix", a); err != nil {
		return err
	}
	d := in64(a)
	if u.Data == nil {
		exponent := scaleToSafe(d, false)
		if d.Rows < d.Cols {
			d = d.T()
		}
		w := newWorkspace(goFactors{})
		defer w.end()
		values, _, _, ok := thinSVD(w, d, false)
		if !ok {
			return &NotConvergedError{Method: "dqds", Iterations: 30 * len(s)}
		}
		for i, v := range values {
			s[i] = T(math.Ldexp(v, exponent))
		}
		return nil
	}
	// Factors of float32 are computed in float64.
	σ, left, right := make([]float64, len(s)), in64(u), in64(vt)
	SVD(goFactors{}, d, left, σ, right)
	copyRows(u, inType[T](left))
	copyRows(vt, inType[T](right))
	for i, v := range σ {
		s[i] = T(v)
	}
	return nil
}
