package device

import "gonum.org/v1/gonum/blas/blas64"

// reducedBlock columns are reduced at a time, before the rest of the matrix is
// updated by a product.
const reducedBlock = 32

// tridiagonalize returns the diagonal d and the subdiagonal e of QᵀAQ, and Q.
// A is symmetric; its lower triangle is used and destroyed. As in LAPACK's
// dsytrd, half the operations are products of the rest with a vector, which
// read its triangle once.
func tridiagonalize(a Dense[float64]) (d, e []float64, q Reflections) {
	n := a.Rows
	d, e = make([]float64, n), make([]float64, max(0, n-1))
	q = Reflections{NewDense[float64](max(0, n-1), n), make([]float64, max(0, n-1)), 1}
	// The rest of the matrix is A - leftᵀ·right, where left has rows v₀, w₀, v₁,
	// w₁, … and right has rows w₀, v₀, w₁, v₁, …
	left, right := NewDense[float64](2*reducedBlock, n), NewDense[float64](2*reducedBlock, n)
	column, dots, here := make([]float64, n), make([]float64, 2*reducedBlock), make([]float64, 2*reducedBlock)
	y := newSymmetricProduct(n)
	for j0 := 0; j0 < n; j0 += reducedBlock {
		j1 := min(j0+reducedBlock, n)
		for j := j0; j < j1; j++ {
			known := 2 * (j - j0)
			x := column[j:]
			for r := range x {
				x[r] = a.At(j+r, j)
			}
			for i := range known {
				here[i] = right.At(i, j)
			}
			addRows(-1, left.Slice(0, known, j, n), here, x)
			d[j] = x[0]
			if j == n-1 {
				break
			}
			v, w := left.Row(known)[j+1:], left.Row(known + 1)[j+1:]
			copy(v, x[1:])
			e[j], q.Tau[j] = householder(v)
			copy(q.V.Row(j)[j+1:], v)
			y.apply(a.Slice(j+1, n, j+1, n), v, w)
			dotRows(right.Slice(0, known, j+1, n), v, dots)
			addRows(-1, left.Slice(0, known, j+1, n), dots, w)
			bv, bw := blas64.Vector{N: len(v), Inc: 1, Data: v}, blas64.Vector{N: len(w), Inc: 1, Data: w}
			blas64.Scal(q.Tau[j], bw)
			blas64.Axpy(-0.5*q.Tau[j]*blas64.Dot(bv, bw), bv, bw)
			copy(right.Row(known)[j+1:], w)
			copy(right.Row(known + 1)[j+1:], v)
		}
		if rows := 2 * (j1 - j0); j1 < n {
			product(Transp, NoTrans, -1, left.Slice(0, rows, j1, n), right.Slice(0, rows, j1, n), a.Slice(j1, n, j1, n), true)
		}
	}
	return d, e, q
}

// symmetricProduct multiplies symmetric matrices, of which it reads the lower
// triangle, with vectors. Blocks of rows, the same for every number of
// goroutines, have partial sums of their own.
type symmetricProduct struct{ partial Dense[float64] }

const symmetricRows = 64

func newSymmetricProduct(n int) symmetricProduct {
	return symmetricProduct{NewDense[float64]((n+symmetricRows-1)/symmetricRows, n)}
}

// apply stores A·x in y.
func (s symmetricProduct) apply(a Dense[float64], x, y []float64) {
	n := a.Rows
	blocks := (n + symmetricRows - 1) / symmetricRows
	threads := parallelChunks(n, n/2)
	concurrently(threads, blocks, func(b int) {
		b = blocks - 1 - b // the longest first
		lo, hi := b*symmetricRows, min((b+1)*symmetricRows, n)
		part := s.partial.Row(b)[:hi]
		clear(part)
		var p, out [4]float64
		i := lo
		for ; i+4 <= hi; i += 4 {
			copy(p[:], x[i:i+4])
			bothFour(i, a.Data[i*a.Stride:], a.Stride, &p, x, part, &out)
			for r := range 4 { // the triangle on the diagonal
				row := a.Data[(i+r)*a.Stride+i:]
				for c := range r {
					out[r] += row[c] * p[c]
					part[i+c] += row[c] * p[r]
				}
				part[i+r] += out[r] + row[r]*p[r]
			}
		}
		for ; i < hi; i++ {
			row, sum := a.Data[i*a.Stride:], 0.0
			for j, v := range x[:i] {
				sum += row[j] * v
				part[j] += row[j] * x[i]
			}
			part[i] += sum + row[i]*x[i]
		}
	})
	clear(y[:n])
	for b := range blocks {
		part := s.partial.Row(b)[:min((b+1)*symmetricRows, n)]
		blas64.Axpy(1, blas64.Vector{N: len(part), Inc: 1, Data: part}, blas64.Vector{N: len(part), Inc: 1, Data: y})
	}
}
