package device

import "gonum.org/v1/gonum/blas/blas64"

// Products of a matrix with a vector, in float64. What an element of a result
// is rounded to does not depend on how the work was split: vectors of the
// kernels run along rows, and their last lanes are computed as the others.

// simdLevel is what kernels use.
type simdLevel int

const (
	plainGo simdLevel = iota
	avx2              // with FMA
	avx512            // in products of matrices; other kernels wait for memory
)

// dotRows stores A·x in y.
func dotRows(a Dense[float64], x, y []float64) {
	parallelRows((a.Rows+3)/4, 4*a.Cols, func(_, lo, hi int) {
		var four [4]float64
		for i := 4 * lo; i < min(4*hi, a.Rows); i += 4 {
			if i+4 <= a.Rows {
				dotFour(a.Cols, a.Data[i*a.Stride:], a.Stride, x, &four)
				copy(y[i:i+4], four[:])
				continue
			}
			for ; i < a.Rows; i++ {
				dotFour(a.Cols, a.Data[i*a.Stride:], 0, x, &four)
				y[i] = four[0]
			}
		}
	})
}

// addRows adds α·Aᵀ·x to y.
func addRows(α float64, a Dense[float64], x, y []float64) {
	// Parts of fewer columns than a cache line has would be shared.
	parallelRows((a.Cols+31)/32, 32*a.Rows, func(_, lo, hi int) {
		lo, hi = 32*lo, min(32*hi, a.Cols)
		var four [4]float64
		i := 0
		for ; i+4 <= a.Rows; i += 4 {
			for r := range four {
				four[r] = α * x[i+r]
			}
			addFour(hi-lo, a.Data[i*a.Stride+lo:], a.Stride, &four, y[lo:])
		}
		for ; i < a.Rows; i++ {
			blas64.Axpy(α*x[i], blas64.Vector{N: hi - lo, Inc: 1, Data: a.Data[i*a.Stride+lo:]},
				blas64.Vector{N: hi - lo, Inc: 1, Data: y[lo:]})
		}
	})
}

// dotFour stores the products of four rows of n elements with x.
func dotFour(n int, a []float64, stride int, x []float64, out *[4]float64) {
	if n == 0 {
		*out = [4]float64{}
		return
	}
	if simd > plainGo {
		dotRowsFMA(n, &a[0], stride, &x[0], &out[0])
		return
	}
	x = x[:n]
	a0, a1, a2, a3 := a[:n], a[stride:][:n], a[2*stride:][:n], a[3*stride:][:n]
	var s0, s1, s2, s3 float64
	for j, v := range x {
		s0 += a0[j] * v
		s1 += a1[j] * v
		s2 += a2[j] * v
		s3 += a3[j] * v
	}
	*out = [4]float64{s0, s1, s2, s3}
}

// addFour adds the sum of four rows of n elements, times p, to y.
func addFour(n int, a []float64, stride int, p *[4]float64, y []float64) {
	if n == 0 {
		return
	}
	if simd > plainGo {
		addRowsFMA(n, &a[0], stride, &p[0], &y[0])
		return
	}
	y = y[:n]
	a0, a1, a2, a3 := a[:n], a[stride:][:n], a[2*stride:][:n], a[3*stride:][:n]
	p0, p1, p2, p3 := p[0], p[1], p[2], p[3]
	for j, v := range y {
		v += p0 * a0[j]
		v += p1 * a1[j]
		v += p2 * a2[j]
		v += p3 * a3[j]
		y[j] = v
	}
}

// bothFour is dotFour with x and addFour to y in one reading of the rows.
func bothFour(n int, a []float64, stride int, p *[4]float64, x, y []float64, out *[4]float64) {
	if n == 0 {
		*out = [4]float64{}
		return
	}
	if simd > plainGo {
		bothRowsFMA(n, &a[0], stride, &p[0], &x[0], &y[0], &out[0])
		return
	}
	x, y = x[:n], y[:n]
	a0, a1, a2, a3 := a[:n], a[stride:][:n], a[2*stride:][:n], a[3*stride:][:n]
	p0, p1, p2, p3 := p[0], p[1], p[2], p[3]
	var s0, s1, s2, s3 float64
	for j, v := range y {
		e0, e1, e2, e3, u := a0[j], a1[j], a2[j], a3[j], x[j]
		y[j] = v + p0*e0 + p1*e1 + p2*e2 + p3*e3
		s0 += e0 * u
		s1 += e1 * u
		s2 += e2 * u
		s3 += e3 * u
	}
	*out = [4]float64{s0, s1, s2, s3}
}
