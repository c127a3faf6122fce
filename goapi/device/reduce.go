package device

import "math"

// Reductions. Sums run in float64 and in an order that depends on the shape
// alone, so that the number of threads does not change a bit of the result.

// initial returns the reduction of nothing.
func initial(r Reduction) float64 {
	switch r {
	case Max:
		return math.Inf(-1)
	case Min:
		return math.Inf(1)
	}
	return 0
}

// combine adds the partial result v to s. A NaN on either side survives.
func combine(r Reduction, s, v float64) float64 {
	switch r {
	case Max, MaxAbs:
		if v > s || v != v {
			return v
		}
		return s
	case Min:
		if v < s || v != v {
			return v
		}
		return s
	}
	return s + v
}

// term is what one element contributes.
func term(r Reduction, v float64) float64 {
	switch r {
	case SumSquares:
		return v * v
	case SumAbs, MaxAbs:
		return math.Abs(v)
	}
	return v
}

// reduceSlice reduces x. The sums have four independent accumulators, without
// which each addition would wait for the one before. They are no array: the
// compiler would keep that in memory.
func reduceSlice[T Float](r Reduction, x []T) float64 {
	switch r {
	case Sum:
		var s0, s1, s2, s3 float64
		for ; len(x) >= 4; x = x[4:] {
			y := (*[4]T)(x)
			s0 += float64(y[0])
			s1 += float64(y[1])
			s2 += float64(y[2])
			s3 += float64(y[3])
		}
		for _, v := range x {
			s0 += float64(v)
		}
		return (s0 + s1) + (s2 + s3)
	case SumSquares:
		return dotSlices(x, x)
	case MaxAbs:
		return maxAbs(x)
	}
	s := initial(r)
	for _, v := range x {
		s = combine(r, s, term(r, float64(v)))
	}
	return s
}

// maxAbs compares the bits of float64 numbers without their sign, which are
// ordered like the numbers, NaN above all, and need no branch.
func maxAbs[T Float](x []T) float64 {
	const sign = 1 << 63
	var m0, m1, m2, m3 uint64
	for ; len(x) >= 4; x = x[4:] {
		y := (*[4]T)(x)
		m0 = max(m0, math.Float64bits(float64(y[0]))&^sign)
		m1 = max(m1, math.Float64bits(float64(y[1]))&^sign)
		m2 = max(m2, math.Float64bits(float64(y[2]))&^sign)
		m3 = max(m3, math.Float64bits(float64(y[3]))&^sign)
	}
	for _, v := range x {
		m0 = max(m0, math.Float64bits(float64(v))&^sign)
	}
	return math.Float64frombits(max(m0, m1, m2, m3))
}

func dotSlices[T Float](x, y []T) float64 {
	var s0, s1, s2, s3 float64
	for ; len(x) >= 4; x, y = x[4:], y[4:] {
		a, b := (*[4]T)(x), (*[4]T)(y)
		s0 += float64(a[0]) * float64(b[0])
		s1 += float64(a[1]) * float64(b[1])
		s2 += float64(a[2]) * float64(b[2])
		s3 += float64(a[3]) * float64(b[3])
	}
	for j, v := range x {
		s0 += float64(v) * float64(y[j])
	}
	return (s0 + s1) + (s2 + s3)
}

func reduce[T Float](r Reduction, x Axis, a Dense[T], out []T) {
	fold(x, a.Rows, a.Cols, r, out,
		func(i int) float64 { return reduceSlice(r, a.Row(i)) },
		func(i, lo int, acc []float64) {
			row := a.Row(i)[lo:]
			for j, s := range acc {
				acc[j] = combine(r, s, term(r, float64(row[j])))
			}
		})
}

func dot[T Float](x Axis, a, b Dense[T], out []T) {
	fold(x, a.Rows, a.Cols, Sum, out,
		func(i int) float64 { return dotSlices(a.Row(i), b.Row(i)) },
		func(i, lo int, acc []float64) {
			p, q := a.Row(i)[lo:], b.Row(i)[lo:]
			for j := range acc {
				acc[j] += float64(p[j]) * float64(q[j])
			}
		})
}

// fold reduces a rows×cols matrix along x. ofRow reduces row i; addRow adds
// the elements lo, lo+1, … of row i to acc.
func fold[T Float](x Axis, rows, cols int, r Reduction, out []T,
	ofRow func(i int) float64, addRow func(i, lo int, acc []float64)) {
	if rows == 0 || cols == 0 {
		for i := range out {
			out[i] = T(initial(r))
		}
		return
	}
	switch x {
	case PerRow:
		parallelRows(rows, cols, func(_, lo, hi int) {
			for i := lo; i < hi; i++ {
				out[i] = T(ofRow(i))
			}
		})
	case PerCol:
		parallelRows(cols, rows, func(_, lo, hi int) {
			acc := make([]float64, hi-lo)
			for j := range acc {
				acc[j] = initial(r)
			}
			for i := range rows {
				addRow(i, lo, acc)
			}
			for j, s := range acc {
				out[lo+j] = T(s)
			}
		})
	default:
		partial := make([]float64, rows)
		parallelRows(rows, cols, func(_, lo, hi int) {
			for i := lo; i < hi; i++ {
				partial[i] = ofRow(i)
			}
		})
		s := initial(r)
		for _, v := range partial {
			s = combine(r, s, v)
		}
		out[0] = T(s)
	}
}
