package device

import "gonum.org/v1/gonum/blas"

const (
	solvedAtOnce   = 16 // triangles that are solved without products
	factoredAtOnce = 32
)

// solveTriangular overwrites B by the X of op(A)·X = B or X·op(A) = B. Halves
// of the triangle leave most of the work to products.
func solveTriangular[T Float](s Side, u Uplo, t Trans, a, b Dense[T]) {
	n := a.Rows
	if n <= solvedAtOnce {
		solveSmall(s, u, t, a, b)
		return
	}
	h := max(solvedAtOnce, n/2/solvedAtOnce*solvedAtOnce)
	first, second := a.Slice(0, h, 0, h), a.Slice(h, n, h, n)
	between := a.Slice(h, n, 0, h)
	if u == Upper {
		between = a.Slice(0, h, h, n)
	}
	var b1, b2 Dense[T]
	if s == Left {
		b1, b2 = b.Slice(0, h, 0, b.Cols), b.Slice(h, n, 0, b.Cols)
	} else {
		b1, b2 = b.Slice(0, b.Rows, 0, h), b.Slice(0, b.Rows, h, n)
	}
	if lower := (u == Lower) == (t == NoTrans); lower == (s == Right) { // the second half comes first
		first, second, b1, b2 = second, first, b2, b1
	}
	solveTriangular(s, u, t, first, b1)
	if s == Left {
		product(t, NoTrans, -1, between, b1, b2, false)
	} else {
		product(NoTrans, t, -1, b1, between, b2, false)
	}
	solveTriangular(s, u, t, second, b2)
}

func solveSmall[T Float](s Side, u Uplo, t Trans, a, b Dense[T]) {
	side, uplo := blas.Left, blas.Lower
	if s == Right {
		side = blas.Right
	}
	if u == Upper {
		uplo = blas.Upper
	}
	parts, work := b.Cols, b.Rows*a.Rows
	if s == Right {
		parts, work = b.Rows, b.Cols*a.Rows
	}
	parallelRows(parts, work, func(_, lo, hi int) {
		c := b
		if s == Left {
			c = b.Slice(0, b.Rows, lo, hi)
		} else {
			c = b.Slice(lo, hi, 0, b.Cols)
		}
		if len(c.Data) == 0 {
			return
		}
		switch ad := any(a.Data).(type) {
		case []float32:
			goBLAS.Strsm(side, uplo, blasTrans(t), blas.NonUnit, c.Rows, c.Cols, 1, ad, a.Stride,
				any(c.Data).([]float32), c.Stride)
		case []float64:
			goBLAS.Dtrsm(side, uplo, blasTrans(t), blas.NonUnit, c.Rows, c.Cols, 1, ad, a.Stride,
				any(c.Data).([]float64), c.Stride)
		}
	})
}

// factorCholesky overwrites the lower triangle of A by that of its Cholesky
// factor. It reports whether A is positive definite.
func factorCholesky(a Dense[float64]) bool {
	n := a.Rows
	if n <= factoredAtOnce {
		return goLAPACK.Dpotrf(blas.Lower, n, a.Data, a.Stride)
	}
	h := max(factoredAtOnce, n/2/factoredAtOnce*factoredAtOnce)
	first, below, rest := a.Slice(0, h, 0, h), a.Slice(h, n, 0, h), a.Slice(h, n, h, n)
	if !factorCholesky(first) {
		return false
	}
	solveTriangular(Right, Lower, Transp, first, below)
	product(NoTrans, Transp, -1, below, below, rest, true)
	return factorCholesky(rest)
}
