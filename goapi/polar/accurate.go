package polar

import (
	"context"
	"errors"
	"math"

	"github.com/ritz-go/ritz/goapi/device"
)

// accurate computes the factor by QDWH, which is backward stable for any
// condition. Work is on z (l×s), the matrix with its
// larger side upright.
func accurate[T device.Float](ctx context.Context, q device.Queue[T], a, out device.Matrix[T], o Options) (*Info, error) {
	defer q.Scope()()
	e := newEngine(q, a.Rows, a.Cols)
	info := &Info{Method: o.Method, Scale: 1, Certificate: new(Certificate)}
	w := q.Alloc(a.Rows, a.Cols)
	unit, err := e.normalize(a, w)
	if err != nil {
		return nil, err
	}
	if unit == 0 {
		q.Fill(0, out)
		*info.Certificate = Certificate{math.Sqrt(float64(e.s)), 1}
		return info, q.Sync()
	}
	a = apart(q, a, out)
	e.form(w)
	scale, err := e.spectralBound(true)
	if err != nil {
		return nil, err
	}
	info.Scale = unit * scale
	z, r := q.Alloc(e.l, e.s), q.Alloc(e.s, e.s)
	e.upright(T(1/scale), w, z)
	q.QR(z, r)
	if err := q.Sync(); err != nil {
		return nil, err
	}
	// polar(Z·R) = Z·polar(R) for orthonormal Z.
	lower, err := e.smallest(r)
	if err != nil {
		return nil, err
	}
	err = qdwh(ctx, e, r, lower, info)
	if errors.Is(err, device.ErrNotPositiveDefinite) || lower == 0 {
		return bySVD(ctx, q, a, out) // singular
	}
	if err != nil {
		return nil, err
	}
	if e.left {
		q.Gemm(device.Transp, device.Transp, 1, r, z, 0, out)
	} else {
		q.Gemm(device.NoTrans, device.NoTrans, 1, z, r, 0, out)
	}
	if err := certifyFactor(q, a, out, info); err != nil {
		return nil, err
	}
	tol := 100 * float64(e.s) * e.eps
	if loss := info.Certificate.Orthogonality; loss > tol {
		return info, &device.NotConvergedError{Method: "polar " + string(o.Method), Iterations: info.Iterations, Achieved: loss, Wanted: tol}
	}
	return info, nil
}

// upright stores α·w or its transpose, whichever is l×s, in z.
func (e *engine[T]) upright(α T, w, z device.Matrix[T]) {
	e.q.Add(α, device.Trans(e.left), w, 0, device.NoTrans, device.Matrix[T]{}, z)
}

// smallest estimates from below the smallest singular value of the triangular
// s×s matrix r, by inverse iteration; 0 for a singular one.
func (e *engine[T]) smallest(r device.Matrix[T]) (float64, error) {
	defer e.q.Scope()()
	q := e.q
	least, err := e.leastDiagonal(r)
	if err != nil || least == 0 {
		return 0, err
	}
	v, norms := q.Alloc(e.s, probes), q.Alloc(1, probes)
	q.Random(device.Normal, 1, 2, v)
	host := make([]T, probes)
	inverse := 0.0
	for i := range 2 * inversions {
		q.Trsm(device.Left, device.Upper, device.Trans(i%2 == 0), 1, r, v)
		q.Reduce(device.SumSquares, device.PerCol, v, norms)
		q.Download(device.Vector(host), norms)
		if err := q.Sync(); err != nil {
			return 0, err
		}
		inverse = 0
		for i, n := range host {
			length := math.Sqrt(float64(n))
			if !(length > 0) || math.IsInf(length, 0) {
				return 0, nil
			}
			inverse = max(inverse, length)
			host[i] = T(1 / length)
		}
		q.Upload(norms, device.Vector(host))
		q.ScaleBy(device.PerCol, norms, v, v)
	}
	return min(1-1e-8, 0.8/inverse), nil
}

// leastDiagonal returns the smallest magnitude on the diagonal of r.
func (e *engine[T]) leastDiagonal(r device.Matrix[T]) (float64, error) {
	defer e.q.Scope()()
	d := e.q.Alloc(e.s, 1)
	e.q.Map(device.Abs, diagonal(r), d)
	return e.reduce(device.Min, d)
}

// direct is the largest weight c for which a step of QDWH is taken by a
// Cholesky factorization; beyond it only a QR factorization is stable
// (Nakatsukasa and Higham, 2013).
const direct = 100

// qdwh replaces the s×s matrix x, whose singular values are in [lower,1], by
// its polar factor: the QR-based dynamically weighted Halley iteration
// (Nakatsukasa, Bai and Gygi, 2010).
func qdwh[T device.Float](ctx context.Context, e *engine[T], x device.Matrix[T], lower float64, info *Info) error {
	q, s := e.q, e.s
	stack, r, y := q.Alloc(2*s, s), q.Alloc(s, s), q.Alloc(s, s)
	upper, below := stack.RowRange(0, s), stack.RowRange(s, 2*s)
	for l := max(lower, 1e-20); 1-l > 8*e.eps && info.Iterations < maxSteps; {
		if err := ctx.Err(); err != nil {
			return err
		}
		w := halley(l)
		if w.c > direct {
			q.Add(T(math.Sqrt(w.c)), device.NoTrans, x, 0, device.NoTrans, device.Matrix[T]{}, upper)
			q.Fill(0, below)
			q.AddDiag(1, below)
			q.QR(stack, r)
			q.Gemm(device.NoTrans, device.Transp, T((w.a-w.b/w.c)/math.Sqrt(w.c)), upper, below, T(w.b/w.c), x)
		} else {
			q.Syrk(device.Transp, T(w.c), x, 0, r)
			q.AddDiag(1, r)
			q.Cholesky(r)
			q.Copy(y, x)
			q.Trsm(device.Right, device.Lower, device.Transp, 1, r, y)
			q.Trsm(device.Right, device.Lower, device.NoTrans, 1, r, y)
			q.Add(T(w.b/w.c), device.NoTrans, x, T(w.a-w.b/w.c), device.NoTrans, y, x)
		}
		if err := q.Sync(); err != nil {
			return err
		}
		l = min(1, w.at(l))
		info.Iterations++
	}
	return nil
}
