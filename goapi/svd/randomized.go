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
// Krylov space of A·Aᵀ and A·Ω. The space is orthonormalized as it grows; the
// decomposition of A projected on it (Rayleigh–Ritz) is that of the result.
// The products with Aᵀ that make the space are, side by side, the projection.
func randomized[T device.Float](ctx context.Context, q device.Queue[T], a device.Matrix[T], f *Factors[T], o Options) error {
	defer q.Scope()()
	m, n := a.Rows, a.Cols
	width := o.Rank + o.Oversampling
	l := width * (o.PowerIterations + 1)
	basis, image := q.Alloc(m, l), q.Alloc(n, l) // Q and AᵀQ
	start, block := q.Alloc(n, width), q.Alloc(m, width)
	coeff := q.Alloc(l, width)

	q.Random(device.Normal, o.Seed, streamStart, start)
	for lo := 0; lo < l; lo += width {
		if err := ctx.Err(); err != nil {
			return err
		}
		q.Gemm(device.NoTrans, device.NoTrans, 1, a, start, 0, block)
		next := basis.Slice(0, m, lo, lo+width)
		if err := orthogonalize(q, basis.Slice(0, m, 0, lo), block, next, coeff.RowRange(0, lo)); err != nil {
			return err
		}
		start = image.Slice(0, n, lo, lo+width)
		q.Gemm(device.Transp, device.NoTrans, 1, a, next, 0, start)
	}
	if err := ctx.Err(); err != nil {
		return err
	}

	// AᵀQ = V·S·Wᵀ gives A ≈ (QW)·S·Vᵀ.
	k := min(l, n)
	v, s, wt := q.Alloc(n, k), q.Alloc(1, k), q.Alloc(k, l)
	if err := decompose(ctx, q, image, v, s, wt); err != nil {
		return err
	}
	t := newFactors(q, a, o.Rank, Both)
	t.Method = Randomized
	q.Copy(t.S, s.Slice(0, 1, 0, o.Rank))
	if err := assemble(q, basis, v, wt, t); err != nil {
		return err
	}
	if err := certifyTruncated(q, a, t, o.Seed); err != nil {
		return err
	}
	f.take(q, t)
	return q.Sync()
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
