package device

import "gonum.org/v1/gonum/blas/blas64"

// bidiagonalize returns the diagonal d and the superdiagonal e of B = UᵀAV, and
// U and V, for m×n matrices with m ≥ n. A is destroyed. As in LAPACK's dgebrd,
// half the operations are products of the rest of A with vectors, the others
// products of matrices.
func bidiagonalize(a Dense[float64]) (d, e []float64, u, v reflections) {
	m, n := a.Rows, a.Cols
	d, e = make([]float64, n), make([]float64, max(0, n-1))
	u = reflections{v: NewDense[float64](n, m), τ: make([]float64, n)}
	v = reflections{v: NewDense[float64](max(0, n-1), n), τ: make([]float64, max(0, n-1)), shift: 1}
	// The rest of the matrix is A - leftᵀ·right, where left has rows u₀, x₀, u₁,
	// x₁, … and right has rows y₀, v₀, y₁, v₁, …
	left, right := NewDense[float64](2*reducedBlock, m), NewDense[float64](2*reducedBlock, n)
	dots, here := make([]float64, 2*reducedBlock), make([]float64, 2*reducedBlock)
	for j0 := 0; j0 < n; j0 += reducedBlock {
		j1 := min(j0+reducedBlock, n)
		for j := j0; j < j1; j++ {
			known := 2 * (j - j0)
			x := left.Row(known)[j:] // column j becomes u
			for r := range x {
				x[r] = a.At(j+r, j)
			}
			for i := range known {
				here[i] = right.At(i, j)
			}
			addRows(-1, left.Slice(0, known, j, m), here, x)
			d[j], u.τ[j] = householder(x)
			copy(u.v.Row(j)[j:], x)
			if j == n-1 {
				break
			}
			y := right.Row(known)[j+1:]
			clear(y)
			addRows(1, a.Slice(j, m, j+1, n), x, y)
			dotRows(left.Slice(0, known, j, m), x, dots)
			addRows(-1, right.Slice(0, known, j+1, n), dots, y)
			blas64.Scal(u.τ[j], blas64.Vector{N: len(y), Inc: 1, Data: y})

			z := right.Row(known + 1)[j+1:] // row j becomes v
			copy(z, a.Row(j)[j+1:])
			for i := range known + 1 {
				here[i] = left.At(i, j)
			}
			addRows(-1, right.Slice(0, known+1, j+1, n), here, z)
			e[j], v.τ[j] = householder(z)
			copy(v.v.Row(j)[j+1:], z)
			x = left.Row(known + 1)[j+1:]
			dotRows(a.Slice(j+1, m, j+1, n), z, x)
			dotRows(right.Slice(0, known+1, j+1, n), z, dots)
			addRows(-1, left.Slice(0, known+1, j+1, m), dots, x)
			blas64.Scal(v.τ[j], blas64.Vector{N: len(x), Inc: 1, Data: x})
		}
		if rows := 2 * (j1 - j0); j1 < n {
			product(Transp, NoTrans, -1, left.Slice(0, rows, j1, m), right.Slice(0, rows, j1, n), a.Slice(j1, m, j1, n), false)
		}
	}
	return d, e, u, v
}
