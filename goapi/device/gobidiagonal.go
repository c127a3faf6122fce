package device

import "gonum.org/v1/gonum/blas/blas64"

// Bidiagonalization reads what is left of the matrix once for each column and
// row: A·v, for the row, gives the next column c, and Aᵀ·c, for the vector u of
// that, comes from the same reading, since both are linear (in the way of
// Howell et al., Cache efficient bidiagonalization using BLAS 2.5 operators,
// ACM TOMS 2008). LAPACK's dgebrd reads it twice.

// sweepBlocks is the number of blocks of rows whose sums a sweep adds up
// separately, for any number of threads.
const sweepBlocks = 16

// SweepBlock returns the rows [lo,hi) of m that block b of a sweep covers.
func SweepBlock(b, m int) (lo, hi int) {
	size := (m + sweepBlocks - 1) / sweepBlocks
	size = (size + 3) &^ 3
	return min(b*size, m), min((b+1)*size, m)
}

func (goFactors) Sweep(a Dense[float64], v []float64, τ float64, x, c []float64, partial Dense[float64]) {
	concurrently(parallelChunks(a.Rows, a.Cols), sweepBlocks, func(b int) {
		lo, hi := SweepBlock(b, a.Rows)
		y := partial.Row(b)[:a.Cols]
		clear(y)
		var s [4]float64
		i := lo
		for ; i+4 <= hi; i += 4 {
			dotFour(a.Cols, a.Data[i*a.Stride:], a.Stride, v, &s)
			for r := range s {
				x[i+r] = τ * (s[r] + x[i+r])
				c[i+r] += a.Data[(i+r)*a.Stride] - x[i+r]
			}
			copy(s[:], c[i:])
			addFour(a.Cols, a.Data[i*a.Stride:], a.Stride, &s, y)
		}
		for ; i < hi; i++ {
			row := blas64.Vector{N: a.Cols, Inc: 1, Data: a.Row(i)}
			x[i] = τ * (blas64.Dot(row, blas64.Vector{N: a.Cols, Inc: 1, Data: v}) + x[i])
			c[i] += row.Data[0] - x[i]
			blas64.Axpy(c[i], row, blas64.Vector{N: a.Cols, Inc: 1, Data: y})
		}
	})
}

// bidiagonalize returns the diagonal d and the superdiagonal e of B = UᵀAV, and
// U and V, for m×n matrices with m ≥ n. A is destroyed. Half the operations are
// products of the rest of A with vectors, the others products of matrices.
func bidiagonalize(by *workspace, a Dense[float64]) (d, e []float64, u, v Reflections) {
	m, n := a.Rows, a.Cols
	d, e = make([]float64, n), make([]float64, max(0, n-1))
	u, v = newReflections(by, n, m, 0), newReflections(by, max(0, n-1), n, 1)
	// The rest of the matrix is A - leftᵀ·right, where left has rows u₀, x₀, u₁,
	// x₁, … and right has rows y₀, v₀, y₁, v₁, …
	left, right := by.matrix(2*reducedBlock, m), by.matrix(2*reducedBlock, n)
	dots, here := make([]float64, 2*reducedBlock), make([]float64, 2*reducedBlock)
	partial := by.matrix(sweepBlocks, n)
	column, products := make([]float64, m), make([]float64, n) // c, the column of the rest, and Aᵀ·c
	for i := range column {
		column[i] = a.At(i, 0)
	}
	addRows(1, a, column, products)
	known := 0
	for j := range n {
		c, ac := column[j:], products[j:]
		α := c[0]
		d[j], u.Tau[j] = householder(c)
		copy(u.V.Row(j)[j:], c)
		copy(left.Row(known)[j:], c)
		if j == n-1 {
			break
		}
		row, y := a.Row(j)[j+1:], right.Row(known)[j+1:]
		if u.Tau[j] == 0 {
			copy(y, row)
		} else { // u is c without β·e₁, scaled
			f := 1 / (α - d[j])
			for i, p := range row {
				y[i] = f * (ac[i+1] - d[j]*p)
			}
		}
		dotRows(left.Slice(0, known, j, m), c, dots)
		addRows(-1, right.Slice(0, known, j+1, n), dots, y)
		blas64.Scal(u.Tau[j], blas64.Vector{N: len(y), Inc: 1, Data: y})
		known++

		z := right.Row(known)[j+1:] // row j becomes v
		copy(z, row)
		for i := range known {
			here[i] = left.At(i, j)
		}
		addRows(-1, right.Slice(0, known, j+1, n), here, z)
		e[j], v.Tau[j] = householder(z)
		copy(v.V.Row(j)[j+1:], z)

		x, c, before := left.Row(known)[j+1:], column[j+1:], left.Slice(0, known, j+1, m)
		clear(x)
		clear(c)
		dotRows(right.Slice(0, known, j+1, n), z, dots)
		addRows(-1, before, dots, x)
		for i := range known {
			here[i] = right.At(i, j+1)
		}
		addRows(-1, before, here, c)
		by.Sweep(a.Slice(j+1, m, j+1, n), z, v.Tau[j], x, c, partial)
		known++
		ac = products[j+1:]
		clear(ac)
		addRows(1, partial.Slice(0, sweepBlocks, 0, len(ac)), ones[:], ac)
		if known == left.Rows {
			l, r := left.Slice(0, known, j+1, m), right.Slice(0, known, j+1, n)
			dotRows(l, c, dots)
			addRows(-1, r, dots, ac)
			by.Product(Transp, NoTrans, -1, l, r, a.Slice(j+1, m, j+1, n))
			known = 0
		}
	}
	return d, e, u, v
}

var ones = func() (x [sweepBlocks]float64) {
	for i := range x {
		x[i] = 1
	}
	return x
}()
