package svd

import (
	"context"
	"errors"

	"github.com/ritz-go/ritz/goapi/device"
)

// Matrices at least so many times taller than wide are factored QR first. The
// bidiagonalization then works on the small triangle, and Cholesky QR runs at
// the speed of matrix products.
const tall = 2

// full computes all singular values and stores the first o.Rank.
func full[T device.Float](ctx context.Context, q device.Queue[T], a device.Matrix[T], f *Factors[T], o Options) error {
	k := min(a.Rows, a.Cols)
	whole := f
	if o.Rank < k { // compute all, then keep the leading part
		whole = &Factors[T]{S: q.Alloc(1, k)}
		if !o.ValuesOnly {
			whole.U, whole.Vt = q.Alloc(a.Rows, k), q.Alloc(k, a.Cols)
		}
	}
	if err := decompose(ctx, q, a, whole.U, whole.S, whole.Vt); err != nil {
		return err
	}
	if o.ValuesOnly {
		q.Copy(f.S, whole.S.Slice(0, 1, 0, o.Rank))
		return certifyValues(q, f, max(a.Rows, a.Cols))
	}
	if err := fixSigns(q, whole.U, whole.Vt); err != nil {
		return err
	}
	if whole != f {
		q.Copy(f.U, whole.U.Slice(0, a.Rows, 0, o.Rank))
		q.Copy(f.S, whole.S.Slice(0, 1, 0, o.Rank))
		q.Copy(f.Vt, whole.Vt.RowRange(0, o.Rank))
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return certify(q, a, f, whole, o.Seed)
}

// decompose computes the thin decomposition of a; zero matrices for u and vt
// ask for the values alone.
func decompose[T device.Float](ctx context.Context, q device.Queue[T], a, u, s, vt device.Matrix[T]) error {
	defer q.Scope()()
	m, n := a.Rows, a.Cols
	switch {
	case m >= tall*n && n > 1:
		return decomposeTall(ctx, q, a, u, s, vt)
	case n >= tall*m && m > 1:
		at := q.Alloc(n, m)
		q.Add(1, device.Transp, a, 0, device.NoTrans, device.Matrix[T]{}, at)
		if u.IsZero() {
			return decomposeTall(ctx, q, at, u, s, vt)
		}
		v, ut := q.Alloc(n, m), q.Alloc(m, m)
		if err := decomposeTall(ctx, q, at, v, s, ut); err != nil {
			return err
		}
		q.Add(1, device.Transp, v, 0, device.NoTrans, device.Matrix[T]{}, vt)
		q.Add(1, device.Transp, ut, 0, device.NoTrans, device.Matrix[T]{}, u)
		return q.Sync()
	}
	return direct(ctx, q, a, u, s, vt)
}

// direct decomposes a matrix that is not worth a QR factorization first. All
// of it runs in float64: for float32 that takes no longer, since Gram matrices
// then do where LAPACK's bidiagonalization would be needed, and the results
// are those of the exact decomposition, rounded.
func direct[T device.Float](ctx context.Context, q device.Queue[T], a, u, s, vt device.Matrix[T]) error {
	if d, ok := any(q).(device.Queue[float64]); ok {
		as := func(m device.Matrix[T]) device.Matrix[float64] { return any(m).(device.Matrix[float64]) }
		return direct64(ctx, d, gramHead, as(a), as(u), as(s), as(vt))
	}
	w := q.Device().F64()
	defer w.Close()
	host := device.NewDense[T](a.Rows, a.Cols)
	q.Download(host, a)
	if err := q.Sync(); err != nil {
		return err
	}
	k := min(a.Rows, a.Cols)
	wide, sw := device.Lend(w, device.Convert[float64](host)), w.Alloc(1, k)
	var uw, vtw device.Matrix[float64]
	if !u.IsZero() {
		uw, vtw = w.Alloc(a.Rows, k), w.Alloc(k, a.Cols)
	}
	if err := direct64(ctx, w, roundedHead, wide, uw, sw, vtw); err != nil {
		return err
	}
	if !u.IsZero() {
		if err := errors.Join(recast(w, uw, q, u), recast(w, vtw, q, vt)); err != nil {
			return err
		}
	}
	return recast(w, sw, q, s)
}

// direct64 is direct in float64. head is what decomposeGram takes from a level.
func direct64(ctx context.Context, q device.Queue[float64], head float64, a, u, s, vt device.Matrix[float64]) error {
	defer q.Scope()()
	if !u.IsZero() && a.Rows >= a.Cols && a.Cols >= gramLeast {
		suits, err := true, error(nil)
		if head > roundedHead {
			suits, err = suitsGram(q, a)
		}
		if err != nil {
			return err
		}
		if suits {
			if done, err := decomposeGram(ctx, q, head, a, u, s, vt); err != nil || done {
				return err
			}
		}
	}
	work := q.Alloc(a.Rows, a.Cols)
	q.Copy(work, a)
	q.SVD(work, u, s, vt)
	return q.Sync()
}

// decomposeTall decomposes A = QR, R = Uᵣ·S·Vᵀ, U = Q·Uᵣ.
func decomposeTall[T device.Float](ctx context.Context, q device.Queue[T], a, u, s, vt device.Matrix[T]) error {
	if done, err := decomposeThrough(ctx, q, a, u, s, vt); err != nil || done {
		return err
	}
	n := a.Cols
	basis, r, finish := q.Alloc(a.Rows, n), q.Alloc(n, n), q.Alloc(n, n)
	rough, err := nearlyOrthonormalize(q, a, basis, r, finish)
	if err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if u.IsZero() {
		q.SVD(r, u, s, vt)
		return q.Sync()
	}
	ur := q.Alloc(n, n)
	if err := direct(ctx, q, r, ur, s, vt); err != nil {
		return err
	}
	if rough {
		q.Trsm(device.Left, device.Lower, device.Transp, 1, finish, ur)
	}
	q.Gemm(device.NoTrans, device.NoTrans, 1, basis, ur, 0, u)
	return q.Sync()
}

// fixSigns makes the entry of largest magnitude in each row of vt positive,
// so that the result does not depend on the algorithm.
func fixSigns[T device.Float](q device.Queue[T], u, vt device.Matrix[T]) error {
	defer q.Scope()()
	k := vt.Rows
	extremes, host := q.Alloc(2, k), device.NewDense[T](2, k)
	q.Reduce(device.Max, device.PerRow, vt, extremes.Row(0))
	q.Reduce(device.Min, device.PerRow, vt, extremes.Row(1))
	q.Download(host, extremes)
	if err := q.Sync(); err != nil {
		return err
	}
	signs := make([]T, k)
	flip := false
	for i := range signs {
		signs[i] = 1
		if -host.At(1, i) > host.At(0, i) {
			signs[i], flip = -1, true
		}
	}
	if flip {
		d := q.Alloc(1, k)
		q.Upload(d, device.Vector(signs))
		q.ScaleBy(device.PerRow, d, vt, vt)
		q.ScaleBy(device.PerCol, d, u, u)
	}
	return q.Sync()
}
