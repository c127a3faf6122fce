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
	streamFresh
)

// randomized computes the o.Rank largest singular values from the block
// Krylov space of A·Aᵀ and A·Ω. The space is orthonormalized as it grows; the
// decomposition of A projected on it (Rayleigh–Ritz) is that of the result.
func randomized[T device.Float](ctx context.Context, q device.Queue[T], a device.Matrix[T], f *Factors[T], o Options) error {
	defer q.Scope()()
	m, n := a.Rows, a.Cols
	width := o.Rank + o.Oversampling
	blocks := o.PowerIterations + 1
	basis := q.Alloc(m, width*blocks)
	block := q.Alloc(m, width)
	back := q.Alloc(n, width)
	coeff := q.Alloc(width*blocks, width)

	q.Random(device.Normal, o.Seed, streamStart, back)
	for b := range blocks {
		if err := ctx.Err(); err != nil {
			return err
		}
		q.Gemm(device.NoTrans, device.NoTrans, 1, a, back, 0, block)
		next := basis.Slice(0, m, b*width, (b+1)*width)
		if err := orthogonalize(q, basis.Slice(0, m, 0, b*width), block, next, coeff.RowRange(0, b*width)); err != nil {
			return err
		}
		if b+1 < blocks {
			q.Gemm(device.Transp, device.NoTrans, 1, a, next, 0, back)
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}

	l := basis.Cols
	projected := q.Alloc(l, n)
	q.Gemm(device.Transp, device.NoTrans, 1, basis, a, 0, projected)
	k := min(l, n)
	u, s, vt := q.Alloc(l, k), q.Alloc(1, k), q.Alloc(k, n)
	if err := decompose(ctx, q, projected, u, s, vt); err != nil {
		return err
	}
	lead := vt.RowRange(0, o.Rank)
	big := q.Alloc(m, o.Rank)
	q.Gemm(device.NoTrans, device.NoTrans, 1, basis, u.Slice(0, l, 0, o.Rank), 0, big)
	q.Copy(f.S, s.Slice(0, 1, 0, o.Rank))
	if err := fixSigns(q, big, lead); err != nil {
		return err
	}
	t := &Factors[T]{U: big, S: f.S, Vt: lead, Method: f.Method}
	if err := certifyTruncated(q, a, t, o.Seed); err != nil {
		return err
	}
	f.Certificate = t.Certificate
	if !o.ValuesOnly {
		q.Copy(f.U, big)
		q.Copy(f.Vt, lead)
	}
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
