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

// randomized computes the o.Rank largest singular values of a from the block
// Krylov space of a random start.
func randomized[T device.Float](ctx context.Context, q device.Queue[T], a device.Matrix[T], f *Factors[T], o Options) error {
	defer q.Scope()()
	width, steps := o.Rank+o.Oversampling, o.PowerIterations+1
	near, found := device.Room(q, min(a.Rows, a.Cols), width), false // vectors to start from
	if d, ok := any(q).(device.Queue[float64]); ok && suitsSingle(d, o) {
		as := func(m device.Matrix[T]) device.Matrix[float64] { return any(m).(device.Matrix[float64]) }
		t, err := throughSingle(ctx, d, as(a), as(near), o)
		if err != nil {
			return err
		}
		if t != nil {
			f.take(q, any(t).(*Factors[T]))
			return q.Sync()
		}
		steps, found = (steps+1)/2, true
	}
	a, exponent, square, err := scaleSquares(q, a)
	if err != nil {
		return err
	}
	start := device.Room(q, max(a.Rows, a.Cols), width)
	if !found {
		q.Random(device.Normal, o.Seed, streamStart, near)
	}
	q.Gemm(!acrossShort(a), device.NoTrans, 1, a, near, 0, start)
	basis, image, err := krylov(ctx, q, a, start, steps)
	if err != nil {
		return err
	}
	t, err := rayleighRitz(ctx, q, a, basis, image, square, o)
	if err != nil {
		return err
	}
	f.take(q, t)
	if exponent != 0 {
		return f.unscale(q, exponent)
	}
	return q.Sync()
}

// Let B be A or Aᵀ, whichever has no more rows than columns. Krylov spaces are
// spaces of vectors with as many elements as B has rows, which are cheaper to
// make orthogonal than the longer ones.

// acrossShort returns with which transposition A is B.
func acrossShort[T device.Float](a device.Matrix[T]) device.Trans {
	return device.Trans(a.Rows >= a.Cols)
}

// krylov returns an orthonormal basis Q of the space of BX, (BBᵀ)·BX and so on,
// as many blocks as steps, and BᵀQ. The space is orthonormalized as it grows.
func krylov[T device.Float](ctx context.Context, q device.Queue[T], a, x device.Matrix[T], steps int) (basis, image device.Matrix[T], err error) {
	across := acrossShort(a)
	short, long, width := min(a.Rows, a.Cols), max(a.Rows, a.Cols), x.Cols
	l := width * steps
	basis, image = device.Room(q, short, l), device.Room(q, long, l)
	defer q.Scope()()
	block, coeff := device.Room(q, short, width), device.Room(q, l, width)
	y := x
	for lo := 0; lo < l; lo += width {
		if err := ctx.Err(); err != nil {
			return basis, image, err
		}
		q.Gemm(across, device.NoTrans, 1, a, y, 0, block)
		next := basis.Slice(0, short, lo, lo+width)
		if err := orthogonalize(q, basis.Slice(0, short, 0, lo), block, next, coeff.RowRange(0, lo)); err != nil {
			return basis, image, err
		}
		y = image.Slice(0, long, lo, lo+width)
		q.Gemm(!across, device.NoTrans, 1, a, next, 0, y)
	}
	return basis, image, ctx.Err()
}

// assemble computes the vectors from the leading ones of BᵀQ = Y·S·Wᵀ: B has
// the left ones Q·W and the right ones Y. B is A, or with across = Transp Aᵀ.
func (f *Factors[T]) assemble(q device.Queue[T], basis, y, wt device.Matrix[T], across device.Trans) {
	k := f.S.Cols
	y, wt = y.Slice(0, y.Rows, 0, k), wt.RowRange(0, k)
	if across == device.Transp {
		q.Copy(f.U, y)
		q.Gemm(device.NoTrans, device.Transp, 1, wt, basis, 0, f.Vt)
	} else {
		q.Gemm(device.NoTrans, device.Transp, 1, basis, wt, 0, f.U)
		q.Add(1, device.Transp, y, 0, device.NoTrans, device.Matrix[T]{}, f.Vt)
	}
	fixSigns(q, f.U, f.Vt)
}

// orthogonalize stores in out an orthonormal basis of the columns of block,
// orthogonal to those of known. block is destroyed, coeff is workspace. A
// block that lies in the span of known leaves nothing but rounding errors,
// whose normalized directions can lie anywhere; it takes another pass or two
// until they are orthogonal.
func orthogonalize[T device.Float](q device.Queue[T], known, block, out, coeff device.Matrix[T]) error {
	if known.Cols == 0 {
		defer q.Scope()()
		return orthonormalize(q, block, out, q.Alloc(block.Cols, block.Cols))
	}
	const passes = 6
	q.Gemm(device.Transp, device.NoTrans, 1, known, block, 0, coeff)
	for pass := range passes {
		q.Gemm(device.NoTrans, device.NoTrans, -1, known, coeff, 1, block)
		overlap, err := orthonormalizeBeside(q, known, block, out, coeff)
		if err != nil || overlap < 10*device.Epsilon[T]() {
			return err
		}
		if width := float64(coeff.Rows * coeff.Cols); overlap*overlap*width < device.Epsilon[T]() {
			// Taking away so little leaves the block orthonormal.
			q.Gemm(device.NoTrans, device.NoTrans, -1, known, coeff, 1, out)
			return nil
		}
		q.Copy(block, out)
		if pass == 1 {
			if err := replaceKnown(q, coeff, block); err != nil {
				return err
			}
			q.Gemm(device.Transp, device.NoTrans, 1, known, block, 0, coeff)
		}
	}
	return nil
}
