package svd

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/ritz-go/ritz/goapi/device"
)

// TopOptions are the options of Top.
type TopOptions struct {
	// Rank is the number of largest singular values, at least 1.
	Rank int

	// Tol is the residual to reach for each triplet relative to the largest
	// singular value; 0 means 1e-10 (float32: 1e-5). At least 50·eps.
	Tol float64

	// Basis is the largest dimension of the Krylov space; 0 means
	// max(2·Rank+10, 20) and at least Rank + 2·Block. Memory: two vectors of
	// either length for each dimension.
	Basis int

	// Block is the number of vectors that a product takes; 0 means 4.
	// Singular values of multiplicity p need a block of p to be found p
	// times.
	Block int

	// MaxProducts bounds the number of products of a vector with A or Aᵀ; 0
	// means 2000 + 200·Rank.
	MaxProducts int

	// Seed of the random start.
	Seed uint64
}

func (o TopOptions) complete(k int, eps float64) (TopOptions, error) {
	if o.Tol == 0 {
		o.Tol = 1e-10
		if eps > 1e-10 {
			o.Tol = 1e-5
		}
	}
	if o.Block == 0 {
		o.Block = min(4, k)
	}
	o.Block = min(o.Block, k)
	if o.Basis == 0 {
		o.Basis = max(2*o.Rank+10, 20, o.Rank+2*o.Block)
	}
	if o.MaxProducts == 0 {
		o.MaxProducts = 2000 + 200*o.Rank
	}
	switch {
	case o.Rank < 1 || o.Rank > k:
		return o, device.Argument("rank", "is %d, must be between 1 and %d", o.Rank, k)
	case !(o.Tol >= 50*eps) || o.Tol >= 1:
		return o, device.Argument("tolerance", "is %v, must be between %.2g and 1 for this type of numbers", o.Tol, 50*eps)
	case o.Block < 1:
		return o, device.Argument("block", "is %d, must be at least 1", o.Block)
	case o.Basis < 0 || o.Basis < o.Rank+2*o.Block && o.Basis < k:
		return o, device.Argument("basis", "is %d, must be at least rank + 2·block = %d", o.Basis, o.Rank+2*o.Block)
	case o.MaxProducts < 1:
		return o, device.Argument("max products", "is %d, must be positive", o.MaxProducts)
	}
	o.Basis = min(o.Basis, k)
	return o, nil
}

// Triplets are the largest singular values and their vectors, U and Vt as in
// [Result].
type Triplets[T device.Float] struct {
	U  device.Dense[T]
	S  []T
	Vt device.Dense[T]

	// LeftResiduals are ‖A·v - σ·u‖₂ and RightResiduals ‖Aᵀ·u - σ·v‖₂ of
	// each triplet, from products with its vectors. A has a singular value
	// within √((left² + right²)/2) of each σ.
	LeftResiduals, RightResiduals []float64

	Products int // of single vectors with A or Aᵀ
	Restarts int
}

// Top computes the o.Rank largest singular values of an operator and their
// vectors by the block Lanczos bidiagonalization of Golub and Kahan, restarted
// with the best Ritz vectors (Baglama and Reichel, SIAM J. Sci. Comput. 2005)
// and orthogonalized in full.
//
// Errors: *device.ArgumentError; *device.NotFiniteError if a product is not
// finite; the operator's own; *device.NotConvergedError with the best triplets
// if MaxProducts was reached.
func Top[T device.Float](ctx context.Context, dev device.Device, op Operator[T], o TopOptions) (*Triplets[T], error) {
	if op == nil {
		return nil, device.Argument("operator", "is nil")
	}
	m, n := op.Dims()
	if m < 1 || n < 1 {
		return nil, fmt.Errorf("operator is %d×%d: %w", m, n, device.ErrEmpty)
	}
	o, err := o.complete(min(m, n), device.Epsilon[T]())
	if err != nil {
		return nil, err
	}
	q := device.NewQueue[T](dev)
	defer q.Close()
	return bidiagonalize(ctx, q, op, o)
}

// bidiagonalize is Top by options that are complete.
func bidiagonalize[T device.Float](ctx context.Context, q device.Queue[T], op Operator[T], o TopOptions) (*Triplets[T], error) {
	m, n := op.Dims()
	// The space of right vectors ends the iteration when it is whole: it must
	// be the smaller one.
	wide := m < n
	if wide {
		op, m, n = transposed[T]{op}, n, m
	}
	b := &bidiagonalization[T]{q: q, op: op, m: m, n: n, o: o}
	t, err := b.solve(ctx)
	if t != nil && wide {
		t.U, t.Vt = t.Vt.T(), t.U.T()
		t.LeftResiduals, t.RightResiduals = t.RightResiduals, t.LeftResiduals
	}
	if t != nil {
		t.fixSigns()
	}
	return t, err
}

// lanczos fills in f by the options and the tolerance that Top takes by
// itself.
func lanczos[T device.Float](ctx context.Context, q device.Queue[T], a device.Matrix[T], f *Factors[T], o Options) error {
	defer q.Scope()()
	top, err := TopOptions{Rank: o.Rank, Seed: o.Seed}.complete(min(a.Rows, a.Cols), device.Epsilon[T]())
	if err != nil {
		return err
	}
	r, err := bidiagonalize(ctx, q, Matrix(a), top)
	if err != nil {
		return err
	}
	t := newFactors(q, a, o.Rank, Both)
	t.Method = Lanczos
	q.Upload(t.U, r.U)
	q.Upload(t.S, device.Vector(r.S))
	q.Upload(t.Vt, r.Vt)
	square, err := scalar(q, func(out device.Matrix[T]) { q.Reduce(device.SumSquares, device.Whole, a, out) })
	if err != nil {
		return err
	}
	if err := certifyTruncated(q, a, t, device.NoTrans, square, o.Seed); err != nil {
		return err
	}
	f.take(q, t)
	return q.Sync()
}

// bidiagonalization is A·V = U·B with orthonormal columns in U and V, and
// Aᵀ·U = V·Bᵀ + P·C with the next block P of V. C is zero but for the last
// block of U, since the products with Aᵀ of the others lie in V.
type bidiagonalization[T device.Float] struct {
	q        device.Queue[T]
	op       Operator[T]
	m, n     int
	o        TopOptions
	e        int // products are divided by 2^e
	size     int // columns of U and V in use
	u, v     device.Matrix[T]
	spareU   device.Matrix[T] // restarts are written here, then exchanged
	spareV   device.Matrix[T]
	p        device.Matrix[T]
	b        device.Matrix[T] // Basis×Basis
	c        device.Matrix[T] // Block×Basis
	products int
	restarts int
	closed   bool      // the last step found hardly a new direction
	settled  []float64 // values when it did so last
}

func (s *bidiagonalization[T]) solve(ctx context.Context) (*Triplets[T], error) {
	q, o := s.q, s.o
	s.u, s.v, s.spareU, s.spareV = q.Alloc(s.m, o.Basis), q.Alloc(s.n, o.Basis), q.Alloc(s.m, o.Basis), q.Alloc(s.n, o.Basis)
	s.b, s.c, s.p = q.Alloc(o.Basis, o.Basis), q.Alloc(o.Block, o.Basis), q.Alloc(s.n, o.Block)
	if err := s.start(ctx); err != nil {
		return nil, err
	}
	for {
		if err := s.extend(ctx); err != nil {
			return nil, err
		}
		end := q.Scope()
		t, err := s.step(ctx)
		end()
		if t != nil || err != nil {
			return t, err
		}
	}
}

// start makes the first block, and finds the size of products from one that
// does not enter the space.
func (s *bidiagonalization[T]) start(ctx context.Context) error {
	q := s.q
	defer q.Scope()()
	x, y := q.Alloc(s.n, s.p.Cols), q.Alloc(s.m, s.p.Cols)
	if err := q.Sync(); err != nil { // no memory
		return err
	}
	q.Random(device.Normal, s.o.Seed, streamStart, x)
	if err := orthonormalize(q, x, s.p, q.Alloc(x.Cols, x.Cols)); err != nil {
		return err
	}
	if err := product(ctx, q, s.op.Mul, s.p, y, 0, &s.products); err != nil {
		return err
	}
	largest, err := scalar(q, func(out device.Matrix[T]) { q.Reduce(device.MaxAbs, device.Whole, y, out) })
	if safe := 0x1p20; largest > safe || largest < 1/safe && largest > 0 {
		_, s.e = math.Frexp(largest)
	}
	return err
}

// extend adds the block P to V, its image to U, and prepares the next block.
func (s *bidiagonalization[T]) extend(ctx context.Context) error {
	q, w := s.q, s.p.Cols
	defer q.Scope()()
	lo, hi := s.size, s.size+w
	q.Copy(s.v.Slice(0, s.n, lo, hi), s.p)
	image, work := q.Alloc(s.m, w), q.Alloc(s.m, w)
	if err := product(ctx, q, s.op.Mul, s.p, image, s.e, &s.products); err != nil {
		return err
	}
	q.Copy(work, image)
	next := s.u.Slice(0, s.m, lo, hi)
	if err := orthogonalize(q, s.u.Slice(0, s.m, 0, lo), work, next, q.Alloc(lo, w)); err != nil {
		return err
	}
	// The coordinates of the image; where orthogonalize has taken a random
	// direction they are zero.
	q.Gemm(device.Transp, device.NoTrans, 1, s.u.Slice(0, s.m, 0, hi), image, 0, s.b.Slice(0, hi, lo, hi))
	if lo > 0 {
		q.Fill(0, s.b.Slice(lo, hi, 0, lo))
	}
	s.size = hi
	q.Fill(0, s.c)
	if s.size == s.n { // V is the whole space
		return q.Sync()
	}
	back := q.Alloc(s.n, w)
	if err := product(ctx, q, s.op.MulTrans, next, back, s.e, &s.products); err != nil {
		return err
	}
	fresh := min(w, s.n-s.size, s.o.Block)
	s.p = s.p.Slice(0, s.n, 0, fresh)
	block := q.Alloc(s.n, fresh)
	q.Copy(block, back.Slice(0, s.n, 0, fresh))
	if err := orthogonalize(q, s.v.Slice(0, s.n, 0, hi), block, s.p, q.Alloc(hi, fresh)); err != nil {
		return err
	}
	coupling := s.c.Slice(0, fresh, lo, hi)
	q.Gemm(device.Transp, device.NoTrans, 1, s.p, back, 0, coupling)
	return s.look(coupling)
}

// look sets closed: whether some direction of the next block hardly couples to
// the space, which may then be invariant and lack what a new direction finds.
func (s *bidiagonalization[T]) look(coupling device.Matrix[T]) error {
	q := s.q
	defer q.Scope()()
	sums, host := q.Alloc(1, coupling.Rows), make([]T, coupling.Rows)
	q.Reduce(device.SumSquares, device.PerRow, coupling, sums)
	q.Download(device.Vector(host), sums)
	largest, err := scalar(q, func(out device.Matrix[T]) { q.Reduce(device.MaxAbs, device.Whole, s.b, out) })
	s.closed = false
	for _, x := range host {
		s.closed = s.closed || math.Sqrt(float64(x)) <= 100*s.o.Tol*largest
	}
	return err
}

// step looks at the Ritz triplets. It returns them if they are good or the
// last that may be had, and else makes room for the next block.
func (s *bidiagonalization[T]) step(ctx context.Context) (*Triplets[T], error) {
	q, k, l := s.q, s.o.Rank, s.size
	work, x, σ, yt := q.Alloc(l, l), q.Alloc(l, l), q.Alloc(1, l), q.Alloc(l, l)
	q.Copy(work, s.b.Slice(0, l, 0, l))
	q.SVD(work, x, σ, yt)
	cx, sums := q.Alloc(s.c.Rows, l), q.Alloc(1, l)
	q.Gemm(device.NoTrans, device.NoTrans, 1, s.c.Slice(0, s.c.Rows, 0, l), x, 0, cx)
	q.Reduce(device.SumSquares, device.PerCol, cx, sums)
	values, squares := make([]T, l), make([]T, l)
	q.Download(device.Vector(values), σ)
	q.Download(device.Vector(squares), sums)
	if err := q.Sync(); err != nil {
		return nil, err
	}
	whole := l == s.n
	worst := 0.0 // relative residual of the wanted triplets
	if !whole && values[0] > 0 {
		for _, c := range squares[:min(k, l)] {
			worst = max(worst, math.Sqrt(float64(c))/float64(values[0]))
		}
	}
	done := whole || l >= k && worst <= s.o.Tol/2 && s.stays(values)
	if done || l >= k && s.products+2*s.p.Cols > s.o.MaxProducts {
		t, worst, err := s.result(ctx, x, σ, yt)
		if err == nil && (!done || worst > s.o.Tol) {
			err = &device.NotConvergedError{Method: "Lanczos bidiagonalization", Iterations: s.products, Achieved: worst, Wanted: s.o.Tol}
		}
		return t, err
	}
	if l+s.p.Cols > s.o.Basis {
		s.restart(x, σ, yt)
	}
	return nil, q.Sync()
}

// stays reports whether the wanted values may be taken for the largest: after
// a step that found hardly a new direction it takes another such step, which
// begins with random ones, that changes nothing.
func (s *bidiagonalization[T]) stays(values []T) bool {
	if !s.closed {
		return true
	}
	before := s.settled
	s.settled = make([]float64, s.o.Rank)
	same := before != nil
	for i := range s.settled {
		s.settled[i] = float64(values[i])
		same = same && math.Abs(before[i]-s.settled[i]) <= s.o.Tol*float64(values[0])
	}
	return same
}

// combine stores U·X and V·Y of the leading triplets.
func (s *bidiagonalization[T]) combine(x, yt, u, v device.Matrix[T]) {
	l := s.size
	s.q.Gemm(device.NoTrans, device.NoTrans, 1, s.u.Slice(0, s.m, 0, l), x.Slice(0, l, 0, u.Cols), 0, u)
	s.q.Gemm(device.NoTrans, device.Transp, 1, s.v.Slice(0, s.n, 0, l), yt.RowRange(0, v.Cols), 0, v)
}

// restart keeps the leading Ritz triplets: the wanted ones and some more, which
// speed up the convergence of these.
func (s *bidiagonalization[T]) restart(x, σ, yt device.Matrix[T]) {
	q, k := s.q, s.o.Rank
	keep := max(k, min(k+max(5, k/2), (k+s.o.Basis-s.p.Cols)/2))
	keep = min(keep, s.o.Basis-s.p.Cols)
	s.combine(x, yt, s.spareU.Slice(0, s.m, 0, keep), s.spareV.Slice(0, s.n, 0, keep))
	s.u, s.spareU = s.spareU, s.u
	s.v, s.spareV = s.spareV, s.v
	q.Fill(0, s.b)
	q.AddDiag(1, s.b.Slice(0, keep, 0, keep))
	q.ScaleBy(device.PerCol, σ.Slice(0, 1, 0, keep), s.b.Slice(0, keep, 0, keep), s.b.Slice(0, keep, 0, keep))
	s.size = keep
	s.restarts++
}

// result computes the wanted triplets and, by a product with each of their
// vectors, the residuals, of which it also returns the largest relative to the
// largest value.
func (s *bidiagonalization[T]) result(ctx context.Context, x, σ, yt device.Matrix[T]) (*Triplets[T], float64, error) {
	q, k := s.q, s.o.Rank
	u, v := s.spareU.Slice(0, s.m, 0, k), s.spareV.Slice(0, s.n, 0, k)
	s.combine(x, yt, u, v)
	σ = σ.Slice(0, 1, 0, k)
	av, atu := q.Alloc(s.m, k), q.Alloc(s.n, k)
	err := errors.Join(product(ctx, q, s.op.Mul, v, av, s.e, &s.products), product(ctx, q, s.op.MulTrans, u, atu, s.e, &s.products))
	if err != nil {
		return nil, 0, err
	}
	t := &Triplets[T]{U: device.NewDense[T](s.m, k), S: make([]T, k), Restarts: s.restarts, Products: s.products}
	worst := 0.0
	residuals := func(image, other device.Matrix[T]) ([]float64, error) {
		lack, sums, host := q.Alloc(image.Rows, k), q.Alloc(1, k), make([]T, k)
		q.ScaleBy(device.PerCol, σ, other, lack)
		q.Add(1, device.NoTrans, image, -1, device.NoTrans, lack, lack)
		q.Reduce(device.SumSquares, device.PerCol, lack, sums)
		q.Download(device.Vector(host), sums)
		q.Download(device.Vector(t.S), σ)
		err := q.Sync()
		list := make([]float64, k)
		for i, x := range host {
			size := math.Sqrt(float64(x))
			worst = max(worst, relative(size, float64(t.S[0])))
			list[i] = math.Ldexp(size, s.e)
		}
		return list, err
	}
	var errLeft, errRight error
	t.LeftResiduals, errLeft = residuals(av, u)
	t.RightResiduals, errRight = residuals(atu, v)
	vectors := device.NewDense[T](s.n, k)
	q.Download(t.U, u)
	q.Download(vectors, v)
	t.Vt = vectors.T()
	for i, x := range t.S {
		t.S[i] = T(math.Ldexp(float64(x), s.e))
	}
	return t, worst, errors.Join(errLeft, errRight, q.Sync())
}

// fixSigns makes the entry of largest magnitude in each row of Vt positive.
func (t *Triplets[T]) fixSigns() {
	for i := range t.S {
		row, at := t.Vt.Row(i), 0
		for j, x := range row {
			if math.Abs(float64(x)) > math.Abs(float64(row[at])) {
				at = j
			}
		}
		if row[at] >= 0 {
			continue
		}
		for j := range row {
			row[j] = -row[j]
		}
		for j := range t.U.Rows {
			t.U.Set(j, i, -t.U.At(j, i))
		}
	}
}
