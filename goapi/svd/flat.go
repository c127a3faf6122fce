package svd

import (
	"context"
	"errors"
	"math"
	"slices"

	"github.com/ritz-go/ritz/goapi/device"
)

// flatEigen is the square of the largest condition number of decomposeFlat:
// random matrices twice as tall as wide have less.
const flatEigen = 40

// decomposeFlat decomposes a (m×n, m ≥ n) by the eigenvectors of gram, AᵀA,
// whose Cholesky factor is l: A = (A·V·Λ^-1/2)·Λ^1/2·Vᵀ. It is for matrices
// of small condition, as tall ones of random numbers are: one product with A
// then does what takes two and a decomposition otherwise. The diagonal of l
// tells early, the eigenvalues for certain whether the square of the condition
// number is at most flatEigen, so that the loss of orthogonality, eps times
// that, stays near rounding. done is false if it is not.
func decomposeFlat[T device.Float](ctx context.Context, q device.Queue[T], a, gram, l, u, s, vt device.Matrix[T]) (done bool, err error) {
	defer q.Scope()()
	n := a.Cols
	d, err := diagonal(q, l)
	if err != nil {
		return false, err
	}
	if least, most := float64(slices.Min(d)), float64(slices.Max(d)); !(most*most <= flatEigen*least*least) {
		return false, nil
	}
	vectors, values := q.Alloc(n, n), q.Alloc(1, n)
	q.Copy(vectors, gram)
	q.Eigh(vectors, values)
	λ := make([]T, n)
	q.Download(device.Vector(λ), values)
	if err := q.Sync(); err != nil {
		if errors.Is(err, device.ErrNotConverged) {
			return false, nil
		}
		return false, err
	}
	if err := ctx.Err(); err != nil {
		return false, err
	}
	if !(λ[n-1] <= flatEigen*λ[0]) {
		return false, nil
	}
	roots, inverse := make([]T, n), make([]T, n)
	rows := q.Alloc(n, n)
	for i := range roots { // eigenvalues ascend
		roots[i] = T(math.Sqrt(float64(λ[n-1-i])))
		inverse[i] = 1 / roots[i]
		q.Copy(rows.Row(i), vectors.Row(n-1-i))
	}
	q.Upload(s, device.Vector(roots))
	if !vt.IsZero() {
		q.Copy(vt, rows)
	}
	if !u.IsZero() {
		q.Upload(values, device.Vector(inverse))
		q.ScaleBy(device.PerRow, values, rows, rows)
		q.Gemm(device.NoTrans, device.Transp, 1, a, rows, 0, u)
	}
	return true, q.Sync()
}

// diagonal returns the diagonal of a square matrix.
func diagonal[T device.Float](q device.Queue[T], x device.Matrix[T]) ([]T, error) {
	defer q.Scope()()
	n := x.Rows
	eye, d, host := q.Alloc(n, n), q.Alloc(1, n), make([]T, n)
	q.AddDiag(1, eye)
	q.Dot(device.PerRow, x, eye, d)
	q.Download(device.Vector(host), d)
	return host, q.Sync()
}
