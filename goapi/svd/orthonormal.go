package svd

import (
	"errors"
	"math"

	"github.com/ritz-go/ritz/goapi/device"
)

// orthonormalize stores in basis (m×n, m ≥ n) an orthonormal basis of the
// columns of a, which it does not change, and in r the n×n upper triangle with
// A = Q·R.
//
// Cholesky QR twice (Yamamoto et al., ETNA 2015) runs at the speed of matrix
// products and is orthonormal to rounding as long as the first pass leaves a
// basis whose Gram matrix is near the identity, which is checked. Where it is
// not, for condition numbers above about eps^-1/2, Householder reflections
// do it.
func orthonormalize[T device.Float](q device.Queue[T], a, basis, r device.Matrix[T]) error {
	defer q.Scope()()
	n := a.Cols
	l1, l2 := q.Alloc(n, n), q.Alloc(n, n)
	q.Syrk(device.Transp, 1, a, 0, l1)
	q.Cholesky(l1)
	err := q.Sync()
	loss := math.Inf(1)
	q.Copy(basis, a)
	if err == nil {
		q.Trsm(device.Right, device.Lower, device.Transp, 1, l1, basis)
		q.Syrk(device.Transp, 1, basis, 0, l2)
		q.AddDiag(-1, l2)
		loss, err = scalar(q, func(out device.Matrix[T]) { q.Reduce(device.SumSquares, device.Whole, l2, out) })
		if err != nil {
			return err
		}
	} else if !errors.Is(err, device.ErrNotPositiveDefinite) {
		return err
	}
	// After one pass with loss δ the second leaves about δ·eps; 0.1 keeps
	// the factor from the inverse of the second triangle near 1.
	if !(math.Sqrt(loss) < 0.1) {
		if err == nil {
			q.Copy(basis, a)
		}
		q.QR(basis, r)
		return q.Sync()
	}
	q.AddDiag(1, l2)
	q.Cholesky(l2)
	q.Trsm(device.Right, device.Lower, device.Transp, 1, l2, basis)
	q.Gemm(device.Transp, device.Transp, 1, l2, l1, 0, r)
	return q.Sync()
}
