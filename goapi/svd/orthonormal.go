package svd

import (
	"errors"
	"math"

	"github.com/ritz-go/ritz/goapi/device"
)

// orthonormalize replaces a (m×n, m ≥ n) by an orthonormal basis of its
// columns and stores the n×n upper triangle r with A = Q·R.
//
// Cholesky QR twice (Yamamoto et al., ETNA 2015) runs at the speed of matrix
// products and is orthonormal to rounding as long as the first pass leaves a
// basis whose Gram matrix is near the identity, which is checked. Where it is
// not, for condition numbers above about eps^-1/2, Householder reflections
// do it.
func orthonormalize[T device.Float](q device.Queue[T], a, r device.Matrix[T]) error {
	defer q.Scope()()
	m, n := a.Rows, a.Cols
	saved := q.Alloc(m, n)
	q.Copy(saved, a)
	l1, l2 := q.Alloc(n, n), q.Alloc(n, n)

	q.Syrk(device.Transp, 1, a, 0, l1)
	q.Cholesky(l1)
	q.Trsm(device.Right, device.Lower, device.Transp, 1, l1, a)
	q.Syrk(device.Transp, 1, a, 0, l2)
	q.AddDiag(-1, l2)
	loss, err := scalar(q, func(out device.Matrix[T]) { q.Reduce(device.SumSquares, device.Whole, l2, out) })
	if err != nil && !errors.Is(err, device.ErrNotPositiveDefinite) {
		return err
	}
	// After one pass with loss δ the second leaves about δ·eps; 0.1 keeps
	// the factor from the inverse of the second triangle near 1.
	if err != nil || !(math.Sqrt(loss) < 0.1) {
		q.Copy(a, saved)
		q.QR(a, r)
		return q.Sync()
	}
	q.AddDiag(1, l2)
	q.Cholesky(l2)
	q.Trsm(device.Right, device.Lower, device.Transp, 1, l2, a)
	q.Gemm(device.Transp, device.Transp, 1, l2, l1, 0, r)
	return q.Sync()
}
