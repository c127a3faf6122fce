package svd

import (
	"context"
	"errors"
	"math"

	"github.com/ritz-go/ritz/goapi/device"
)

// A Krylov space is where the largest singular vectors are sought, and errors
// in it matter as little as what else is missing there: it may be computed in
// float32, in half of the time, for a result in float64. The projection on
// what was found is made in float64. Errors of float32 in the vectors are
// above those that a spectrum leaves after a few steps only if it decays
// fast, which the certificate tells.
const singleFloor = 0x1p-16 // the error, relative to σ₁, that may be theirs: 128·eps

// suitsSingle reports whether the Krylov space is to be computed in float32:
// on devices that share the memory of the host, where float32 is twice as fast
// and converting the matrix is cheap, and if there are steps enough to gain
// more than the projection costs.
func suitsSingle(q device.Queue[float64], o Options) bool {
	_, ok := q.(device.Lender[float64])
	return ok && o.PowerIterations >= 2
}

// throughSingle computes a randomized decomposition from a Krylov space in
// float32.
func throughSingle(ctx context.Context, q device.Queue[float64], a, start device.Matrix[float64], o Options) (*Factors[float64], error) {
	m, width := a.Rows, start.Cols
	best, image := q.Alloc(m, width), q.Alloc(a.Cols, width)
	if err := bestOfSingle(ctx, q, a, start, best, o.PowerIterations+1); err != nil {
		return nil, err
	}
	if err := orthonormalizeInPlace(q, best); err != nil {
		return nil, err
	}
	q.Gemm(device.Transp, device.NoTrans, 1, a, best, 0, image)
	return rayleighRitz(ctx, q, a, best, image, o)
}

// bestOfSingle stores the largest left Ritz vectors from a Krylov space that
// it computes in float32.
func bestOfSingle(ctx context.Context, q device.Queue[float64], a, start, best device.Matrix[float64], steps int) error {
	w := q.Device().F32()
	defer w.Close()
	rounded, x, ritz := w.Alloc(a.Rows, a.Cols), w.Alloc(start.Rows, start.Cols), w.Alloc(best.Rows, best.Cols)
	if err := errors.Join(round(q, a, w, rounded), device.Recast(q, start, w, x)); err != nil {
		return err
	}
	basis, image, err := krylov(ctx, w, rounded, x, steps)
	if err != nil {
		return err
	}
	l, width := basis.Cols, best.Cols
	v, s, wt := w.Alloc(image.Rows, l), w.Alloc(1, l), w.Alloc(l, l)
	if err := decompose(ctx, w, image, v, s, wt); err != nil {
		return err
	}
	w.Gemm(device.NoTrans, device.Transp, 1, basis, wt.RowRange(0, width), 0, ritz)
	return errors.Join(device.Recast(w, ritz, q, best), q.Sync())
}

// round stores a matrix in float32, times a power of 2 if its size asks for it.
func round(q device.Queue[float64], a device.Matrix[float64], w device.Queue[float32], rounded device.Matrix[float32]) error {
	defer q.Scope()()
	largest, err := scalar(q, func(out device.Matrix[float64]) { q.Reduce(device.MaxAbs, device.Whole, a, out) })
	if err != nil {
		return err
	}
	if safe := safeSize[float32](); largest > 0 && (largest > safe || largest < 1/safe) {
		_, e := math.Frexp(largest)
		b := q.Alloc(a.Rows, a.Cols)
		multiply(q, a, -e, b)
		a = b
	}
	return errors.Join(device.Recast(q, a, w, rounded), w.Sync())
}

// orthonormalizeInPlace makes the columns of x orthonormal.
func orthonormalizeInPlace[T device.Float](q device.Queue[T], x device.Matrix[T]) error {
	defer q.Scope()()
	basis := q.Alloc(x.Rows, x.Cols)
	if err := orthonormalize(q, x, basis, q.Alloc(x.Cols, x.Cols)); err != nil {
		return err
	}
	q.Copy(x, basis)
	return q.Sync()
}
