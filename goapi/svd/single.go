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
// fast, which the certificate tells: alone they leave a bound of 3 to 10·eps,
// relative to σ₁.
const singleFloor = 0x1p-18 // 32·eps

// suitsSingle reports whether the Krylov space is to be computed in float32:
// on devices that share the memory of the host, where float32 is twice as fast
// and converting the matrix is cheap, and if there are steps enough to gain
// more than the projection costs.
func suitsSingle(q device.Queue[float64], o Options) bool {
	_, ok := q.(device.Lender[float64])
	return ok && o.PowerIterations >= 2
}

// throughSingle computes a randomized decomposition from a Krylov space in
// float32, and leaves the Ritz vectors of that in near, ascending. It returns
// nil if the certificate does not exclude that the errors are those of float32,
// and for a matrix of zeros.
func throughSingle(ctx context.Context, q device.Queue[float64], a, near device.Matrix[float64], o Options) (*Factors[float64], error) {
	w := q.Device().F32()
	defer w.Close()
	rounded := device.Room(w, a.Rows, a.Cols)
	a, exponent, square, err := round(q, a, w, rounded)
	if square == 0 || err != nil {
		q.Fill(0, near)
		return nil, err
	}
	if err := ritzOfSingle(ctx, q, w, rounded, near, o); err != nil {
		return nil, err
	}
	basis, image := device.Room(q, near.Rows, o.Rank), device.Room(q, max(a.Rows, a.Cols), o.Rank)
	if err := orthonormalize(q, near.Slice(0, near.Rows, o.Oversampling, near.Cols), basis, q.Alloc(o.Rank, o.Rank)); err != nil {
		return nil, err
	}
	q.Gemm(!acrossShort(a), device.NoTrans, 1, a, basis, 0, image)
	t, err := rayleighRitz(ctx, q, a, basis, image, square, o)
	if err != nil {
		return nil, err
	}
	largest, err := scalar(q, func(out device.Matrix[float64]) { q.Copy(out, t.S.Slice(0, 1, 0, 1)) })
	if err != nil || t.Certificate.ErrorBound <= singleFloor*largest {
		return nil, err
	}
	if exponent != 0 {
		err = t.unscale(q, exponent)
	}
	return t, err
}

// ritzOfSingle stores in x Ritz vectors of the Krylov space of a random start,
// which is computed in float32. They are eigenvectors of a Gram matrix, of
// which float64 loses nothing that float32 has.
func ritzOfSingle(ctx context.Context, q device.Queue[float64], w device.Queue[float32], a device.Matrix[float32], x device.Matrix[float64], o Options) error {
	defer q.Scope()()
	random, start := device.Room(w, x.Rows, x.Cols), device.Room(w, max(a.Rows, a.Cols), x.Cols)
	w.Random(device.Normal, o.Seed, streamStart, random)
	w.Gemm(!acrossShort(a), device.NoTrans, 1, a, random, 0, start)
	basis, image, err := krylov(ctx, w, a, start, o.PowerIterations+1)
	if err != nil {
		return err
	}
	l := basis.Cols
	gram := device.Room(q, l, l)
	if err := gramInDouble(w, image, q, gram); err != nil {
		return err
	}
	q.Eigh(gram, device.Room(q, 1, l))
	directions := device.Room(q, basis.Rows, l)
	if err := device.Recast(w, basis, q, directions); err != nil {
		return err
	}
	q.Gemm(device.NoTrans, device.Transp, 1, directions, gram.RowRange(l-x.Cols, l), 0, x)
	return errors.Join(q.Sync(), ctx.Err())
}

// round stores a in float32 and returns ‖a‖_F². Where squares of float32 could
// overflow or underflow it takes, and returns, a times 2^-e, with the largest
// entry in [1/2,1).
func round(q device.Queue[float64], a device.Matrix[float64], w device.Queue[float32], rounded device.Matrix[float32]) (scaled device.Matrix[float64], e int, square float64, err error) {
	if square, err = device.RecastSquares(q, a, w, rounded); err != nil {
		return a, 0, 0, err
	}
	// The largest entry is at most ‖a‖_F, and at least that of equal entries.
	safe := safeSize[float32]()
	if square <= safe*safe && square/float64(a.Len()) >= 1/(safe*safe) {
		return a, 0, square, w.Sync()
	}
	largest, err := scalar(q, func(out device.Matrix[float64]) { q.Reduce(device.MaxAbs, device.Whole, a, out) })
	switch {
	case err != nil:
		return a, 0, 0, err
	case largest-largest != 0:
		return a, 0, 0, &device.NotFiniteError{Name: "matrix", Value: largest}
	case largest == 0:
		return a, 0, 0, w.Sync()
	}
	_, e = math.Frexp(largest)
	scaled = device.Room(q, a.Rows, a.Cols)
	multiply(q, a, -e, scaled)
	square, err = device.RecastSquares(q, scaled, w, rounded)
	return scaled, e, square, errors.Join(err, w.Sync())
}
