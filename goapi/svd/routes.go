package svd

import (
	"context"
	"errors"

	"github.com/ritz-go/ritz/goapi/device"
)

// Attempt is a method that did not lead to the result.
type Attempt struct {
	Method Method
	Err    error // matches device.ErrNotConverged
}

// Way computes the thin decomposition of a (m×n, m ≥ n), whose entries are of
// a size that is safe to square, on q: u is m×n, s 1×n descending, vt n×n. Zero
// matrices for u and vt ask for the values alone. An error that matches
// device.ErrNotConverged lets the next method have the matrix.
type Way[T device.Float] func(ctx context.Context, q device.Queue[T], a, u, s, vt device.Matrix[T]) error

// ComputeBy is Compute by a method from outside of this package, which Result
// calls by its name: scaling, transposition, truncation to o.Rank, signs and
// the certificate are as for the methods here, and so is what follows if it
// fails, direct and then jacobi. o.Method and o.Tol must be zero.
func ComputeBy[T device.Float](ctx context.Context, dev device.Device, a device.Dense[T], o Options, name Method, way Way[T]) (*Result[T], error) {
	if err := device.CheckInput("matrix", a); err != nil {
		return nil, err
	}
	switch {
	case way == nil || name == "":
		return nil, device.Argument("way", "and its name must be given")
	case o.Method != "" || o.Tol != 0:
		return nil, device.Argument("method", "and tolerance must be left out beside a way")
	}
	o.Method = Full
	o, err := o.complete(a.Rows, a.Cols)
	if err != nil {
		return nil, err
	}
	o.Method = name
	return compute(ctx, dev, a, o, way)
}

// bothSides returns u and vt, with room for the one that is missing if only
// one is.
func bothSides[T device.Float](q device.Queue[T], a, u, vt device.Matrix[T]) (bu, bvt device.Matrix[T]) {
	switch {
	case u.IsZero() && !vt.IsZero():
		u = q.Alloc(a.Rows, a.Cols)
	case vt.IsZero() && !u.IsZero():
		vt = q.Alloc(a.Cols, a.Cols)
	}
	return u, vt
}

// Matrices at least so many times taller than wide are factored QR first. The
// bidiagonalization then works on the small triangle, and Cholesky QR runs at
// the speed of matrix products.
const tall = 2

// ways returns the methods that are tried one after the other, for an m×n
// matrix with m ≥ n, when `by` is asked for.
func ways(by Method, m, n int) []Method {
	switch by {
	case Jacobi, Direct:
		return []Method{by, Jacobi}
	case Full:
		if m >= tall*n && n > 1 {
			by = Tall
		}
	}
	return []Method{by, Direct, Jacobi}
}

// decompose computes the thin decomposition of a in the fastest way; zero
// matrices for u and vt ask for the values alone, one of them for one side.
func decompose[T device.Float](ctx context.Context, q device.Queue[T], a, u, s, vt device.Matrix[T]) error {
	_, _, err := decomposeBy(ctx, q, Full, nil, a, u, s, vt, func() error { return nil })
	return err
}

// decomposeBy is decompose by a method of all singular values, or by the next
// one if that fails or accept finds its result wrong, which it says by an
// error that matches device.ErrNotConverged. It returns the method that led to
// the result and those that did not.
func decomposeBy[T device.Float](ctx context.Context, q device.Queue[T], by Method, outside Way[T], a, u, s, vt device.Matrix[T], accept func() error) (ran Method, failed []Attempt, err error) {
	defer q.Scope()()
	if a.Rows < a.Cols {
		none := device.Matrix[T]{}
		at, v, ut := q.Alloc(a.Cols, a.Rows), vt, u
		q.Add(1, device.Transp, a, 0, device.NoTrans, none, at)
		if !vt.IsZero() {
			v = q.Alloc(vt.Cols, vt.Rows)
		}
		if !u.IsZero() {
			ut = q.Alloc(u.Cols, u.Rows)
		}
		return decomposeBy(ctx, q, by, outside, at, v, s, ut, func() error {
			if !vt.IsZero() {
				q.Add(1, device.Transp, v, 0, device.NoTrans, none, vt)
			}
			if !u.IsZero() {
				q.Add(1, device.Transp, ut, 0, device.NoTrans, none, u)
			}
			if err := q.Sync(); err != nil {
				return err
			}
			return accept()
		})
	}
	for _, way := range ways(by, a.Rows, a.Cols) {
		if len(failed) > 0 && failed[len(failed)-1].Method == way {
			continue
		}
		switch way {
		case Tall:
			ran, err = Tall, decomposeTall(ctx, q, a, u, s, vt)
		case Jacobi:
			ran = Jacobi
			_, err = jacobi(ctx, q, a, 0, u, s, vt)
		case Full, Gram, Direct:
			ran, err = direct(ctx, q, way, a, u, s, vt)
		default:
			ran = way
			u, vt := bothSides(q, a, u, vt)
			err = errors.Join(outside(ctx, q, a, u, s, vt), q.Sync())
		}
		if err == nil {
			err = accept()
		}
		if !errors.Is(err, device.ErrNotConverged) {
			return ran, failed, err
		}
		failed = append(failed, Attempt{ran, err})
	}
	return ran, failed[:len(failed)-1], err
}
