package svd

import (
	"context"

	"github.com/ritz-go/ritz/goapi/device"
)

// Streams of the random numbers, so that the start and the probes of the
// certificate are independent.
const (
	streamStart uint64 = iota
	streamProbesA
	streamProbesU
	streamProbesV
	streamProbesL
	streamFresh
	streamRows
)

// randomized computes the o.Rank largest singular values from the block
// Krylov space of A·Aᵀ and A·Ω.
func randomized[T device.Float](ctx context.Context, q device.Queue[T], a device.Matrix[T], f *Factors[T], o Options) error {
	defer q.Scope()()
	start := q.Alloc(a.Cols, o.Rank+o.Oversampling)
	q.Random(device.Normal, o.Seed, streamStart, start)
	if d, ok := any(q).(device.Queue[float64]); ok && suitsSingle(d, o) {
		as := func(m device.Matrix[T]) device.Matrix[float64] { return any(m).(device.Matrix[float64]) }
		t, err := throughSingle(ctx, d, as(a), as(start), o)
		if err != nil {
			return err
		}
		largest, err := scalar(d, func(out device.Matrix[float64]) { d.Copy(out, t.S.Slice(0, 1, 0, 1)) })
		if err != nil {
			return err
		}
		if t.Certificate.ErrorBound > singleFloor*largest {
			f.take(q, any(t).(*Factors[T]))
			return q.Sync()
		}
		// As good as float32 gets: the steps in float64 start from there.
		q.Add(1, device.Transp, any(t.Vt).(device.Matrix[T]), 0, device.NoTrans, device.Matrix[T]{}, start.Slice(0, a.Cols, 0, o.Rank))
	}
	basis, image, err := krylov(ctx, q, a, start, o.PowerIterations+1)
	if err != nil {
		return err
	}
	t, err := rayleighRitz(ctx, q, a, basis, image, o)
	if err != nil {
		return err
	}
	f.take(q, t)
	return q.Sync()
}

// krylov returns an orthonormal basis Q of the space of A·X, AAᵀ·A·X and so on,
// as many blocks as steps, and AᵀQ. The space is orthonormalized as it grows.
func krylov[T device.Float](ctx context.Context, q device.Queue[T], a, x device.Matrix[T], steps int) (basis, image device.Matrix[T], err error) {
	m, n, width := a.Rows, a.Cols, x.Cols
	l := width * steps
	basis, image = q.Alloc(m, l), q.Alloc(n, l)
	defer q.Scope()()
	block, coeff := q.Alloc(m, width), q.Alloc(l, width)
	for lo := 0; lo < l; lo += width {
		if err := ctx.Err(); err != nil {
			return basis, image, err
		}
		q.Gemm(device.NoTrans, device.NoTrans, 1, a, x, 0, block)
		next := basis.Slice(0, m, lo, lo+width)
		if err := orthogonalize(q, basis.Slice(0, m, 0, lo), block, next, coeff.RowRange(0, lo)); err != nil {
			return basis, image, err
		}
		x = image.Slice(0, n, lo, lo+width)
		q.Gemm(device.Transp, device.NoTrans, 1, a, next, 0, x)
	}
	return basis, image, ctx.Err()
}

// rayleighRitz returns the o.Rank largest singular values of QQᵀA with their
// vectors and certificate, from a basis Q and its image AᵀQ: AᵀQ = V·S·Wᵀ gives
// A ≈ (QW)·S·Vᵀ. The factors live in the open scope of q.
func rayleighRitz[T device.Float](ctx context.Context, q device.Queue[T], a, basis, image device.Matrix[T], o Options) (*Factors[T], error) {
	t := newFactors(q, a, o.Rank, Both)
	t.Method = Randomized
	defer q.Scope()()
	l, n := basis.Cols, a.Cols
	k := min(l, n)
	v, s, wt := q.Alloc(n, k), q.Alloc(1, k), q.Alloc(k, l)
	if err := decompose(ctx, q, image, v, s, wt); err != nil {
		return nil, err
	}
	q.Copy(t.S, s.Slice(0, 1, 0, o.Rank))
	if err := assemble(q, basis, v, wt, t); err != nil {
		return nil, err
	}
	if err := certifyTruncated(q, a, t, o.Seed); err != nil {
		return nil, err
	}
	return t, q.Sync()
}

// orthogonalize stores in out an orthonormal basis of the columns of block,
// orthogonal to those of known. block is destroyed, coeff is workspace. A
// block that lies in the span of known leaves nothing but rounding errors,
// whose normalized directions can lie anywhere; it takes another pass or two
// until they are orthogonal.
func orthogonalize[T device.Float](q device.Queue[T], known, block, out, coeff device.Matrix[T]) error {
	defer q.Scope()()
	r := q.Alloc(block.Cols, block.Cols)
	if known.Cols == 0 {
		return orthonormalize(q, block, out, r)
	}
	const passes = 6
	for pass := range passes {
		q.Gemm(device.Transp, device.NoTrans, 1, known, block, 0, coeff)
		if pass == 2 {
			if err := replaceKnown(q, coeff, block); err != nil {
				return err
			}
			q.Gemm(device.Transp, device.NoTrans, 1, known, block, 0, coeff)
		}
		if pass > 0 {
			overlap, err := scalar(q, func(x device.Matrix[T]) { q.Reduce(device.MaxAbs, device.Whole, coeff, x) })
			if err != nil {
				return err
			}
			if overlap < 10*device.Epsilon[T]() {
				return nil // out still equals block
			}
			if width := float64(coeff.Rows * coeff.Cols); overlap*overlap*width < device.Epsilon[T]() {
				// Taking away so little leaves the block orthonormal.
				q.Gemm(device.NoTrans, device.NoTrans, -1, known, coeff, 1, out)
				return q.Sync()
			}
		}
		q.Gemm(device.NoTrans, device.NoTrans, -1, known, coeff, 1, block)
		if err := orthonormalize(q, block, out, r); err != nil {
			return err
		}
		q.Copy(block, out)
	}
	return nil
}
