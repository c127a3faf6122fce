package svd

import (
	"context"
	"errors"

	"github.com/ritz-go/ritz/goapi/device"
)

// full computes all singular values by o.Method and stores the first o.Rank.
func full[T device.Float](ctx context.Context, q device.Queue[T], a device.Matrix[T], f *Factors[T], o Options) error {
	k := min(a.Rows, a.Cols)
	if o.Rank == k {
		return f.decompose(ctx, q, a, o)
	}
	whole := newFactors(q, a, k, o.Vectors) // compute all, then keep the leading part
	whole.way = f.way
	if err := whole.decompose(ctx, q, a, o); err != nil {
		return err
	}
	f.take(q, whole)
	if err := ctx.Err(); err != nil {
		return err
	}
	return f.certifyLeading(q, a, o.Seed)
}

// decompose fills in all singular values by o.Method, or by what follows it if
// it fails, the vectors that f has room for, and the certificate.
func (f *Factors[T]) decompose(ctx context.Context, q device.Queue[T], a device.Matrix[T], o Options) (err error) {
	f.Method, f.Failed, err = decomposeBy(ctx, q, o.Method, f.way, a, f.U, f.S, f.Vt, func() error {
		if err := ctx.Err(); err != nil {
			return err
		}
		if f.U.IsZero() && f.Vt.IsZero() {
			return f.certifyValues(q, max(a.Rows, a.Cols))
		}
		fixSigns(q, f.U, f.Vt)
		if err := f.certify(q, a, o.Seed); err != nil {
			return err
		}
		return f.plausible(q, max(a.Rows, a.Cols))
	})
	return err
}

// leading returns the k largest singular values of f and their vectors.
func (f *Factors[T]) leading(k int) *Factors[T] {
	l := *f
	l.S = f.S.Slice(0, 1, 0, k)
	if !f.U.IsZero() {
		l.U = f.U.Slice(0, f.U.Rows, 0, k)
	}
	if !f.Vt.IsZero() {
		l.Vt = f.Vt.RowRange(0, k)
	}
	return &l
}

// direct decomposes a matrix (m ≥ n) without a QR factorization first: by Gram
// or Direct, or for Full by what is faster; it returns which. All of it runs
// in float64: for float32 that takes no longer, since Gram matrices then do
// where LAPACK's bidiagonalization would be needed, and the results are those
// of the exact decomposition, rounded.
func direct[T device.Float](ctx context.Context, q device.Queue[T], by Method, a, u, s, vt device.Matrix[T]) (Method, error) {
	defer q.Scope()()
	u, vt = bothSides(q, a, u, vt) // one costs what both do
	if d, ok := any(q).(device.Queue[float64]); ok {
		as := func(m device.Matrix[T]) device.Matrix[float64] { return any(m).(device.Matrix[float64]) }
		return direct64(ctx, d, by, gramHead, as(a), as(u), as(s), as(vt))
	}
	ran := by
	return ran, inDouble(q, a, u, s, vt, func(w device.Queue[float64], a, u, s, vt device.Matrix[float64]) (err error) {
		ran, err = direct64(ctx, w, by, roundedHead, a, u, s, vt)
		return err
	})
}

// inDouble decomposes a by f in float64 and rounds the results. u and vt may be
// zero.
func inDouble[T device.Float](q device.Queue[T], a, u, s, vt device.Matrix[T], f func(w device.Queue[float64], a, u, s, vt device.Matrix[float64]) error) error {
	w := q.Device().F64()
	defer w.Close()
	wide, sw := w.Alloc(a.Rows, a.Cols), w.Alloc(s.Rows, s.Cols)
	var uw, vtw device.Matrix[float64]
	if !u.IsZero() {
		uw = w.Alloc(u.Rows, u.Cols)
	}
	if !vt.IsZero() {
		vtw = w.Alloc(vt.Rows, vt.Cols)
	}
	if err := device.Recast(q, a, w, wide); err != nil {
		return err
	}
	if err := f(w, wide, uw, sw, vtw); err != nil {
		return err
	}
	err := device.Recast(w, sw, q, s)
	if !u.IsZero() {
		err = errors.Join(err, device.Recast(w, uw, q, u))
	}
	if !vt.IsZero() {
		err = errors.Join(err, device.Recast(w, vtw, q, vt))
	}
	return errors.Join(err, q.Sync())
}

// direct64 is direct in float64. head is what decomposeGram takes from a level.
func direct64(ctx context.Context, q device.Queue[float64], by Method, head float64, a, u, s, vt device.Matrix[float64]) (ran Method, err error) {
	defer q.Scope()()
	suits := by == Gram
	if by == Full && !u.IsZero() && a.Cols >= gramLeast {
		suits = true
		if head > roundedHead {
			if suits, err = suitsGram(q, a); err != nil {
				return Gram, err
			}
		}
	}
	if suits {
		if u.IsZero() { // values come with vectors
			u, vt = q.Alloc(a.Rows, a.Cols), q.Alloc(a.Cols, a.Cols)
		}
		share := gramShare
		if by == Gram {
			share = gramLimitless
		}
		if done, err := decomposeGram(ctx, q, head, share, a, u, s, vt); err != nil || done {
			return Gram, err
		}
	}
	work := q.Alloc(a.Rows, a.Cols)
	q.Copy(work, a)
	if u.IsZero() {
		if done, err := bandValues(ctx, q, work, s); done || err != nil {
			return Direct, err
		}
	}
	q.SVD(work, u, s, vt)
	return Direct, q.Sync()
}

// decomposeTall decomposes A = QR, R = Uᵣ·S·Vᵀ, U = Q·Uᵣ, or, for matrices of
// small condition, by the eigenvectors of AᵀA. Matrices of float32 that are too
// ill-conditioned for Cholesky QR are not for that of float64.
func decomposeTall[T device.Float](ctx context.Context, q device.Queue[T], a, u, s, vt device.Matrix[T]) error {
	if done, err := decomposeThrough(ctx, q, a, u, s, vt, nil); err != nil || done {
		return err
	}
	n := a.Cols
	gram, l, basis, r, finish := q.Alloc(n, n), q.Alloc(n, n), q.Alloc(a.Rows, n), q.Alloc(n, n), q.Alloc(n, n)
	q.Syrk(device.Transp, 1, a, 0, gram)
	q.Copy(l, gram)
	positive, err := factorPositive(q, l)
	if err != nil {
		return err
	}
	rough, done := false, false
	if positive {
		if done, err = decomposeFlat(ctx, q, a, gram, l, u, s, vt); done || err != nil {
			return err
		}
		if rough, err = choleskyTwice(q, a, l, basis, r, finish); err != nil {
			return err
		}
	}
	if _, single := any(q).(device.Queue[float32]); single && !rough {
		return inDouble(q, a, u, s, vt, func(w device.Queue[float64], a, u, s, vt device.Matrix[float64]) error {
			return decomposeTall(ctx, w, a, u, s, vt)
		})
	}
	if done = rough; !done {
		if done, err = deflate(ctx, q, a, basis, r); err != nil {
			return err
		}
	}
	if !done {
		q.Copy(basis, a)
		q.QR(basis, r)
		if err := q.Sync(); err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if u.IsZero() {
		by := Full
		if vt.IsZero() {
			by = Direct
		}
		_, err := direct(ctx, q, by, r, u, s, vt)
		return err
	}
	ur := q.Alloc(n, n)
	if _, err := direct(ctx, q, Full, r, ur, s, vt); err != nil {
		return err
	}
	if rough {
		q.Trsm(device.Left, device.Lower, device.Transp, 1, finish, ur)
	}
	q.Gemm(device.NoTrans, device.NoTrans, 1, basis, ur, 0, u)
	return q.Sync()
}

// fixSigns makes the entry of largest magnitude in each row of vt positive,
// or, without vt, in each column of u, so that the result does not depend on
// the algorithm. u may be zero as well.
func fixSigns[T device.Float](q device.Queue[T], u, vt device.Matrix[T]) {
	defer q.Scope()()
	x, along := vt, device.PerRow
	k := vt.Rows
	if vt.IsZero() {
		x, along, k = u, device.PerCol, u.Cols
	}
	// -1 where the least entry is the larger one, else 1.
	largest, sign := device.Room(q, 1, k), device.Room(q, 1, k)
	q.Reduce(device.Max, along, x, largest)
	q.Reduce(device.Min, along, x, sign)
	q.Add(-1, device.NoTrans, largest, -1, device.NoTrans, sign, sign)
	q.Map(device.Step, sign, sign)
	q.Fill(1, largest)
	q.Add(1, device.NoTrans, largest, -2, device.NoTrans, sign, sign)
	if !vt.IsZero() {
		q.ScaleBy(device.PerRow, sign, vt, vt)
	}
	if !u.IsZero() {
		q.ScaleBy(device.PerCol, sign, u, u)
	}
}
