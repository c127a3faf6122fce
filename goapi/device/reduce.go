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
// which each addition would wait for the one before.
func reduceSlice[T Float](r Reduction, x []T) float64 {
	switch r {
	case Sum:
		var s [4]float64
		n := len(x) &^ 3
		for j := 0; j < n; j += 4 {
			y := x[j : j+4 : j+4]
			s[0] += float64(y[0])
			s[1] += float64(y[1])
			s[2] += float64(y[2])
			s[3] += float64(y[3])
		}
		for _, v := range x[n:] {
			s[0] += float64(v)
		}
		return (s[0] + s[1]) + (s[2] + s[3])
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
	var m [4]uint64
	n := len(x) &^ 3
	for j := 0; j < n; j += 4 {
		y := x[j : j+4 : j+4]
		m[0] = max(m[0], math.Float64bits(float64(y[0]))&^sign)
		m[1] = max(m[1], math.Float64bits(float64(y[1]))&^sign)
		m[2] = max(m[2], math.Float64bits(float64(y[2]))&^sign)
		m[3] = max(m[3], math.Float64bits(float64(y[3]))&^sign)
	}
	for _, v := range x[n:] {
		m[0] = max(m[0], math.Float64bits(float64(v))&^sign)
	}
	return math.Float64frombits(max(m[0], m[1], m[2], m[3]))
}

func dotSlices[T Float](x, y []T) float64 {
	var s [4]float64
	n := len(x) &^ 3
	for j := 0; j < n; j += 4 {
		a, b := x[j:j+4:j+4], y[j:j+4:j+4]
		s[0] += float64(a[0]) * float64(b[0])
		s[1] += float64(a[1]) * float64(b[1])
		s[2] += float64(a[2]) * float64(b[2])
		s[3] += float64(a[3]) * float64(b[3])
	}
	for j, v := range x[n:] {
		s[0] += float64(v) * float64(y[n+j])
	}
	return (s[0] + s[1]) + (s[2] + s[3])
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
