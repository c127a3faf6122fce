package device

import (
	"math"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/lapack"
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

// out64 stores b in a, unless it is a itself.
func out64[T Float](a Dense[T], b Dense[float64]) {
	if _, ok := any(a).(Dense[float64]); ok {
		return
	}
	for i := range a.Rows {
		dst := a.Row(i)
		for j, v := range b.Row(i) {
			dst[j] = T(v)
		}
	}
}

// withWork calls f twice: for the workspace size, then with a workspace of at
// least least elements.
func withWork(least int, f func(work []float64, lwork int)) {
	var size [1]float64
	f(size[:], -1)
	n := max(least, int(size[0]))
	f(make([]float64, n), n)
}

func (GoKernels[T]) QR(a, r Dense[T]) error {
	m, n := a.Rows, a.Cols
	d := in64(a)
	tau := make([]float64, n)
	withWork(n, func(work []float64, lwork int) {
		goLAPACK.Dgeqrf(m, n, d.Data, d.Stride, tau, work, lwork)
	})
	for i := range n {
		row := r.Row(i)
		clear(row[:i])
		for j := i; j < n; j++ {
			row[j] = T(d.At(i, j))
		}
	}
	withWork(n, func(work []float64, lwork int) {
		goLAPACK.Dorgqr(m, n, n, d.Data, d.Stride, tau, work, lwork)
	})
	out64(a, d)
	return nil
}

func (GoKernels[T]) Cholesky(a Dense[T]) error {
	d := in64(a)
	if !goLAPACK.Dpotrf(blas.Lower, d.Rows, d.Data, d.Stride) {
		return ErrNotPositiveDefinite
	}
	for i := range d.Rows {
		clear(d.Row(i)[i+1:])
	}
	out64(a, d)
	return nil
}

func (GoKernels[T]) Eigh(a Dense[T], w []T) error {
	for i := range a.Rows { // Dsyev would panic
		for j, v := range a.Row(i)[:i+1] {
			if v-v != 0 {
				return &NotFiniteError{Name: "matrix", Row: i, Col: j, Value: float64(v)}
			}
		}
	}
	d := in64(a)
	exponent := scaleToSafe(d, true)
	diagonal, below, q := tridiagonalize(d)
	values, vectors, ok := symmetricTridiagonal(diagonal, below)
	if !ok {
		return &NotConvergedError{Method: "symmetric QL iteration", Iterations: 50}
	}
	q.apply(vectors)
	for i := range a.Rows {
		row := a.Row(i)
		for j, v := range vectors.Row(i) {
			row[j] = T(v)
		}
		w[i] = T(math.Ldexp(values[i], exponent))
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
	if err := checkFinite("matrix", a); err != nil { // Dgesvd would panic
		return err
	}
	d := in64(a)
	if d.Stride != d.Cols { // Dgesvd slices A as if its last row were whole
		d = d.Clone()
	}
	job := lapack.SVDStore
	du, dvt := Dense[float64]{Stride: 1}, Dense[float64]{Stride: 1}
	if u.Data == nil {
		job = lapack.SVDNone
	} else {
		du, dvt = in64(u), in64(vt)
	}
	values := make([]float64, len(s))
	ok := true
	withWork(5*len(s), func(work []float64, lwork int) {
		ok = goLAPACK.Dgesvd(job, job, d.Rows, d.Cols, d.Data, d.Stride, values,
			du.Data, du.Stride, dvt.Data, dvt.Stride, work, lwork)
	})
	if !ok {
		return &NotConvergedError{Method: "bidiagonal QR iteration", Iterations: 30 * len(s)}
	}
	if u.Data != nil {
		out64(u, du)
		out64(vt, dvt)
	}
	for i, v := range values {
		s[i] = T(v)
	}
	return nil
}
