package svd

import (
	"context"
	"errors"
	"math"

	"github.com/ritz-go/ritz/goapi/device"
)

// adaptiveBlock is the number of vectors by which the Krylov space of a
// decomposition to a tolerance grows: enough for products at full speed, and
// few compared with the ranks that are worth it.
const adaptiveBlock = 32

// adaptiveLeast is the dimension below which a full decomposition is as fast.
const adaptiveLeast = 6 * adaptiveBlock

// checkTol refuses tolerances that rounding errors of type T hide.
func checkTol[T device.Float](o Options) error {
	if least := 100 * device.Epsilon[T](); o.Tol < least {
		return device.Argument("tolerance", "is %v, must be at least %.2g for this type of numbers", o.Tol, least)
	}
	return nil
}

// computeTo is Compute for a tolerance.
func computeTo[T device.Float](ctx context.Context, dev device.Device, a device.Dense[T], o Options) (*Result[T], error) {
	if err := device.CheckInput("matrix", a); err != nil {
		return nil, err
	}
	q := device.NewQueue[T](dev)
	defer q.Close()
	f, err := factorTo(ctx, q, device.Lend(q, a), o)
	if err != nil {
		return nil, err
	}
	return f.download(q)
}

// factorTo is Factor for a tolerance, by options that are complete. The rank
// and so the memory of the factors is known at the end alone: a second queue
// holds everything until then.
func factorTo[T device.Float](ctx context.Context, q device.Queue[T], a device.Matrix[T], o Options) (*Factors[T], error) {
	if err := errors.Join(ctx.Err(), checkTol[T](o), q.Sync()); err != nil {
		return nil, err
	}
	w := device.NewQueue[T](q.Device())
	defer w.Close()
	scaled, exponent, err := scale(w, a)
	if err != nil {
		return nil, err
	}
	found, err := toTolerance(ctx, w, scaled, o)
	if err == nil && exponent != 0 {
		err = found.unscale(w, exponent)
	}
	if err := errors.Join(err, w.Sync()); err != nil {
		return nil, err
	}
	f := newFactors(q, a, found.S.Cols, o.Vectors)
	f.take(q, found)
	return f, q.Sync()
}

// toTolerance computes as many singular values as ‖A - U·S·Vᵀ‖_F ≤
// o.Tol·‖A‖_F needs.
func toTolerance[T device.Float](ctx context.Context, q device.Queue[T], a device.Matrix[T], o Options) (*Factors[T], error) {
	square, err := scalar(q, func(out device.Matrix[T]) { q.Reduce(device.SumSquares, device.Whole, a, out) })
	if err != nil {
		return nil, err
	}
	if o.Method == Randomized {
		f, err := randomizedTo(ctx, q, a, o, square)
		if f != nil || err != nil {
			return f, err
		}
	}
	return fullTo(ctx, q, a, o, square)
}

// smallestRank returns the least rank, at least 1, that leaves at most goal of
// the sum of squares, if rest is left beside the values s; and what it leaves.
func smallestRank[T device.Float](s []T, rest, goal float64) (rank int, left float64) {
	left = max(rest, 0)
	for rank = len(s); rank > 1; rank-- {
		more := left + float64(s[rank-1])*float64(s[rank-1])
		if more > goal {
			break
		}
		left = more
	}
	return rank, left
}

// fullTo decomposes a in full and keeps the leading part.
func fullTo[T device.Float](ctx context.Context, q device.Queue[T], a device.Matrix[T], o Options, square float64) (*Factors[T], error) {
	if o.Method == Randomized { // the space grew too large
		o.Method = Full
	}
	whole := newFactors(q, a, min(a.Rows, a.Cols), o.Vectors)
	if err := whole.decompose(ctx, q, a, o); err != nil {
		return nil, err
	}
	s := make([]T, whole.S.Cols)
	q.Download(device.Vector(s), whole.S)
	if err := errors.Join(q.Sync(), ctx.Err()); err != nil {
		return nil, err
	}
	rank, left := smallestRank(s, 0, o.Tol*o.Tol*square)
	f := whole.leading(rank)
	if rank < len(s) || o.Vectors != Both { // no estimate is needed
		f.Certificate.Residual = relative(math.Sqrt(left), math.Sqrt(square))
	}
	return f, nil
}

// randomizedTo lets the block Krylov space of a random start grow until what
// it leaves of A is small enough, and by one block more, which brings the rank
// near the least possible. It returns nil if the space becomes too large for
// it to be worth while.
func randomizedTo[T device.Float](ctx context.Context, q device.Queue[T], a device.Matrix[T], o Options, square float64) (*Factors[T], error) {
	m, n := a.Rows, a.Cols
	b := min(adaptiveBlock, m, n)
	limit := o.Rank / b * b
	basis, image := q.Alloc(m, limit), q.Alloc(n, limit) // Q and AᵀQ
	start, block, coeff := q.Alloc(n, b), q.Alloc(m, b), q.Alloc(limit, b)
	goal := o.Tol * o.Tol * square
	rest := remainder[T]{left: square, slack: 10 * device.Epsilon[T]() * square}
	if o.Tol*o.Tol < 1e3*device.Epsilon[T]() {
		rest = remainder[T]{r: q.Alloc(m, n), left: square}
		q.Copy(rest.r, a)
	}
	q.Random(device.Normal, o.Seed, streamStart, start)
	l := 0
	for met := false; l < limit; {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		q.Gemm(device.NoTrans, device.NoTrans, 1, a, start, 0, block)
		next := basis.Slice(0, m, l, l+b)
		if err := orthogonalize(q, basis.Slice(0, m, 0, l), block, next, coeff.RowRange(0, l)); err != nil {
			return nil, err
		}
		start = image.Slice(0, n, l, l+b)
		q.Gemm(device.Transp, device.NoTrans, 1, a, next, 0, start)
		l += b
		if err := rest.remove(q, next, start); err != nil {
			return nil, err
		}
		if met {
			break
		}
		met = rest.left+rest.slack <= goal
		if l == limit && !met {
			return nil, nil
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	basis, image = basis.Slice(0, m, 0, l), image.Slice(0, n, 0, l)
	v, s, wt := q.Alloc(n, l), q.Alloc(1, l), q.Alloc(l, l)
	if err := decompose(ctx, q, image, v, s, wt); err != nil {
		return nil, err
	}
	values := make([]T, l)
	q.Download(device.Vector(values), s)
	if err := q.Sync(); err != nil {
		return nil, err
	}
	rank, left := smallestRank(values, rest.left+rest.slack, goal)
	f := &Factors[T]{U: q.Alloc(m, rank), S: s.Slice(0, 1, 0, rank), Vt: q.Alloc(rank, n), Method: Randomized}
	f.assemble(q, basis, v, wt, device.NoTrans)
	err := certifyTruncated(q, a, f, device.NoTrans, square, o.Seed)
	if !rest.r.IsZero() { // no estimate is needed
		f.Certificate.Residual = relative(math.Sqrt(left), math.Sqrt(square))
	}
	return f, err
}

// remainder follows ‖A - Q·QᵀA‖_F² as Q grows. It is ‖A‖_F² - ‖QᵀA‖_F², whose
// rounding errors slack covers, or that of the matrix r itself where the
// difference would drown in them.
type remainder[T device.Float] struct {
	r           device.Matrix[T] // zero for the difference
	left, slack float64
}

// remove takes Q·Bᵀ out, Q new columns of the basis and B = AᵀQ.
func (r *remainder[T]) remove(q device.Queue[T], basis, image device.Matrix[T]) error {
	of := image
	if !r.r.IsZero() {
		q.Gemm(device.NoTrans, device.Transp, -1, basis, image, 1, r.r)
		of = r.r
	}
	square, err := scalar(q, func(out device.Matrix[T]) { q.Reduce(device.SumSquares, device.Whole, of, out) })
	if r.r.IsZero() {
		square = r.left - square
	}
	r.left = square
	return err
}
