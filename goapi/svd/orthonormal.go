package svd

import (
	"errors"

	"github.com/ritz-go/ritz/goapi/device"
)

// orthonormalize stores in basis (m×n, m ≥ n) an orthonormal basis of the
// columns of a, which it does not change, and in r the n×n upper triangle with
// A = Q·R.
func orthonormalize[T device.Float](q device.Queue[T], a, basis, r device.Matrix[T]) error {
	defer q.Scope()()
	finish := q.Alloc(a.Cols, a.Cols)
	rough, err := nearlyOrthonormalize(q, a, basis, r, finish)
	if err == nil && rough {
		q.Trsm(device.Right, device.Lower, device.Transp, 1, finish, basis)
	}
	return err
}

// nearlyOrthonormalize is orthonormalize without its last step: if rough, the
// orthonormal basis is B·L⁻ᵀ with B in basis and L in finish. A caller that
// multiplies the basis by a small matrix anyway can put L⁻ᵀ into that. Where
// Cholesky QR does not do, Householder reflections do it.
func nearlyOrthonormalize[T device.Float](q device.Queue[T], a, basis, r, finish device.Matrix[T]) (rough bool, err error) {
	defer q.Scope()()
	l := q.Alloc(a.Cols, a.Cols)
	q.Syrk(device.Transp, 1, a, 0, l)
	q.Cholesky(l)
	if ok, err := choleskyTwice(q, a, l, basis, r, finish); ok || err != nil {
		return ok, err
	}
	q.Copy(basis, a)
	q.QR(basis, r)
	return false, nil
}

// orthonormalizeBeside is orthonormalize that also returns by how much the
// basis overlaps with a known one: the largest element of coeff = Kᵀ·Q. It
// waits for the device once, for both answers.
func orthonormalizeBeside[T device.Float](q device.Queue[T], known, a, basis, coeff device.Matrix[T]) (overlap float64, err error) {
	defer q.Scope()()
	t := newTally(q, 2)
	look := func() []T {
		q.Gemm(device.Transp, device.NoTrans, 1, known, basis, 0, coeff)
		return t.reduce(device.MaxAbs, coeff)
	}
	l, r, finish := device.Room(q, a.Cols, a.Cols), device.Room(q, a.Cols, a.Cols), device.Room(q, a.Cols, a.Cols)
	q.Syrk(device.Transp, 1, a, 0, l)
	q.Cholesky(l)
	loss := beginCholeskyTwice(t, a, l, basis, r, finish)
	q.Trsm(device.Right, device.Lower, device.Transp, 1, finish, basis)
	seen := look()
	if ok, err := judgeCholeskyTwice(t.fetch(), loss); err != nil {
		return 0, err
	} else if !ok {
		t = newTally(q, 1)
		q.Copy(basis, a)
		q.QR(basis, r)
		seen = look()
		err = t.fetch()
		return float64(seen[0]), err
	}
	return float64(seen[0]), nil
}

// factorPositive is Cholesky's factorization, ok false where it fails.
func factorPositive[T device.Float](q device.Queue[T], l device.Matrix[T]) (ok bool, err error) {
	q.Cholesky(l)
	err = q.Sync()
	if errors.Is(err, device.ErrNotPositiveDefinite) {
		return false, nil
	}
	return err == nil, err
}

// Columns whose Gram matrix is so near the identity are orthonormal to
// rounding after another pass of Cholesky QR: with loss δ it leaves about
// δ·eps. It also keeps the factor from the inverse of its triangle near 1.
const nearly = 0.1

// choleskyTwice is Cholesky QR, twice (Yamamoto et al., ETNA 2015), from the
// Cholesky factor l of AᵀA; its results are those of nearlyOrthonormalize with
// rough. It runs at the speed of matrix products and is orthonormal to rounding
// as long as the first pass leaves a basis that is nearly so. ok is false if it
// does not, for condition numbers above about eps^-1/2, or if there is no factor
// l: it waits for the device once, when all is under way.
func choleskyTwice[T device.Float](q device.Queue[T], a, l, basis, r, finish device.Matrix[T]) (ok bool, err error) {
	defer q.Scope()()
	t := newTally(q, 1)
	loss := beginCholeskyTwice(t, a, l, basis, r, finish)
	return judgeCholeskyTwice(t.fetch(), loss)
}

// beginCholeskyTwice starts the work and returns what the first pass lacks.
func beginCholeskyTwice[T device.Float](t *tally[T], a, l, basis, r, finish device.Matrix[T]) (loss []T) {
	q := t.q
	q.Copy(basis, a)
	q.Trsm(device.Right, device.Lower, device.Transp, 1, l, basis)
	q.Syrk(device.Transp, 1, basis, 0, finish)
	q.AddDiag(-1, finish)
	loss = t.reduce(device.SumSquares, finish)
	q.AddDiag(1, finish)
	q.Cholesky(finish)
	q.Gemm(device.Transp, device.Transp, 1, finish, l, 0, r)
	return loss
}

// judgeCholeskyTwice decides by how the work ended and by what the first pass
// lacked.
func judgeCholeskyTwice[T device.Float](failure error, loss []T) (ok bool, err error) {
	if errors.Is(failure, device.ErrNotPositiveDefinite) {
		return false, nil
	}
	return failure == nil && float64(loss[0]) < nearly*nearly, failure
}

// replaceKnown puts random vectors in the place of the columns of block that
// lie in a known space, coeff being their coordinates there. Where rows of A
// repeat, so do rounding errors: what a projection leaves of such a column
// lies in the known space again, however often.
func replaceKnown[T device.Float](q device.Queue[T], coeff, block device.Matrix[T]) error {
	defer q.Scope()()
	share, host := q.Alloc(1, block.Cols), make([]T, block.Cols)
	q.Reduce(device.SumSquares, device.PerCol, coeff, share)
	q.Download(device.Vector(host), share)
	if err := q.Sync(); err != nil {
		return err
	}
	fresh := q.Alloc(block.Rows, 1)
	for j, s := range host {
		if s > 0.25 {
			q.Random(device.Normal, uint64(j), streamFresh, fresh)
			q.Copy(block.Slice(0, block.Rows, j, j+1), fresh)
		}
	}
	return nil
}
