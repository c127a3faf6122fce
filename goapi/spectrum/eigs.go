package spectrum

import (
	"context"
	"errors"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"

	"github.com/ritz-go/ritz/goapi/device"
)

// Which names the end of the spectrum that Eigs looks at.
type Which string

const (
	LargestAlgebraic  Which = "LA"
	SmallestAlgebraic Which = "SA"
	LargestMagnitude  Which = "LM"
	BothEnds          Which = "BE" // half from each end, the odd one from the top
)

// EigsOptions are the options of Eigs.
type EigsOptions struct {
	// K is the number of eigenpairs, at least 1.
	K int

	// Which end; "" means LargestAlgebraic.
	Which Which

	// Tol is the residual to reach relative to the largest magnitude of a
	// Ritz value; 0 means 1e-10 (float32: 1e-5).
	Tol float64

	// Basis is the largest dimension of the Krylov space; 0 means
	// max(2·K+10, 20). Memory: two vectors for each dimension.
	Basis int

	// Block is the number of vectors that an application takes; 0 means 1.
	// Eigenvalues of multiplicity p need a block of p to be found p times.
	Block int

	// MaxProducts bounds the number of products; 0 means 1000 + 100·K.
	MaxProducts int

	// Seed of the random start.
	Seed uint64

	// Progress, if not nil, is called after each application with the number
	// of converged pairs.
	Progress func(converged, products int)
}

func (o EigsOptions) complete(n int, eps float64) (EigsOptions, error) {
	if o.Which == "" {
		o.Which = LargestAlgebraic
	}
	single := eps > 1e-10
	if o.Tol == 0 {
		o.Tol = 1e-10
		if single {
			o.Tol = 1e-5
		}
	}
	if o.Block == 0 {
		o.Block = 1
	}
	o.Block = min(o.Block, n)
	if o.Basis == 0 {
		o.Basis = max(2*o.K+10, 20)
	}
	if o.MaxProducts == 0 {
		o.MaxProducts = 1000 + 100*o.K
	}
	switch {
	case o.K < 1 || o.K > n:
		return o, device.Argument("k", "is %d, must be between 1 and the dimension %d", o.K, n)
	case !slices.Contains([]Which{LargestAlgebraic, SmallestAlgebraic, LargestMagnitude, BothEnds}, o.Which):
		return o, device.Argument("which", "is %q, must be LA, SA, LM or BE", string(o.Which))
	case !(o.Tol > 0) || o.Tol >= 1:
		return o, device.Argument("tolerance", "is %v, must be between 0 and 1", o.Tol)
	case single && o.Tol < 1e-6:
		return o, device.Argument("tolerance", "%v is beyond float32; use float64 or at least 1e-6", o.Tol)
	case o.Block < 1:
		return o, device.Argument("block", "is %d, must be at least 1", o.Block)
	case o.Basis < 0 || o.Basis < o.K+2*o.Block && o.Basis < n:
		return o, device.Argument("basis", "is %d, must be at least k + 2·block = %d", o.Basis, o.K+2*o.Block)
	case o.MaxProducts < 1:
		return o, device.Argument("max products", "is %d, must be positive", o.MaxProducts)
	}
	o.Basis = min(o.Basis, n)
	return o, nil
}

// Eigen are eigenpairs in the order of Which: descending for LA and LM (by
// magnitude), ascending for SA, and for BE descending.
type Eigen[T device.Float] struct {
	Values  []float64
	Vectors device.Dense[T] // K×n, one unit vector in each row

	// Residuals are ‖H·y - θ·y‖₂ for each pair, computed from products that
	// were made, not estimated. H has an eigenvalue within the residual of
	// each value.
	Residuals []float64

	Products int // products with the operator
	Restarts int
}

// Eigs computes the K eigenpairs of op at the chosen end of its spectrum.
//
// Errors: *device.ArgumentError, also for an operator that is seen not to be
// symmetric; *device.NotFiniteError if a product is not finite;
// *device.NotConvergedError with the best pairs if MaxProducts was reached.
func Eigs[T device.Float](ctx context.Context, dev device.Device, op Operator[T], o EigsOptions) (*Eigen[T], error) {
	if err := checkOperator(op); err != nil {
		return nil, err
	}
	o, err := o.complete(op.Dim(), device.Epsilon[T]())
	if err != nil {
		return nil, err
	}
	q := device.NewQueue[T](dev)
	defer q.Close()
	s := newSpace(q, op, o)
	return s.solve(ctx)
}

// space is a Krylov space with its image: the rows of v are orthonormal, those
// of w are the operator applied to them, t = v·wᵀ. Keeping the images makes
// residuals exact and restarts free of products.
type space[T device.Float] struct {
	q        device.Queue[T]
	op       Operator[T]
	o        EigsOptions
	n        int
	size     int // rows of v, w and t in use
	v, w     device.Matrix[T]
	spareV   device.Matrix[T] // restarts are written here, then exchanged
	spareW   device.Matrix[T]
	next     device.Matrix[T] // the block to add
	t        *mat.Dense
	coupling *mat.Dense // residual block = coupling·next for the last block of v
	stream   uint64
	products int
	restarts int
	exponent int       // the pairs are those of 2^-exponent·op
	closed   bool      // the space is nearly invariant
	wanted   []float64 // values when it was so last
}

func newSpace[T device.Float](q device.Queue[T], op Operator[T], o EigsOptions) *space[T] {
	n := op.Dim()
	s := &space[T]{q: q, op: op, o: o, n: n, t: mat.NewDense(o.Basis, o.Basis, nil)}
	if d, ok := op.(dense[T]); ok { // without the rounding of denormal products
		s.op, s.exponent = dense[T]{a: d.a}, d.e
	}
	s.v, s.w = q.Alloc(o.Basis, n), q.Alloc(o.Basis, n)
	s.spareV, s.spareW = q.Alloc(o.Basis, n), q.Alloc(o.Basis, n)
	s.next = q.Alloc(o.Block, n)
	return s
}

func (s *space[T]) solve(ctx context.Context) (*Eigen[T], error) {
	q := s.q
	if err := q.Sync(); err != nil { // no memory
		return nil, err
	}
	q.Random(device.Normal, s.o.Seed, s.stream, s.next)
	if _, err := orthonormalizeRows(q, s.v.RowRange(0, 0), s.next, 0, s.o.Seed, &s.stream); err != nil {
		return nil, err
	}
	if err := s.checkSymmetry(ctx); err != nil {
		return nil, err
	}
	for {
		if err := s.extend(ctx); err != nil {
			return nil, err
		}
		values, vectors := s.ritz()
		order := s.order(values)
		full := s.size == s.n
		done := 0
		if s.size >= s.o.K && !full {
			done = s.converged(values, vectors, order)
			if done == s.o.K && s.closed && !s.settled(values, order) {
				done = 0
			}
		}
		if s.o.Progress != nil {
			s.o.Progress(done, s.products)
		}
		if done == s.o.K || full {
			return s.result(values, vectors, order, nil)
		}
		if s.products+s.o.Block > s.o.MaxProducts && s.size >= s.o.K {
			return s.result(values, vectors, order, device.ErrNotConverged)
		}
		if s.size+s.next.Rows > s.o.Basis {
			s.restart(vectors, order)
		}
	}
}

// checkSymmetry makes one or two products to see that the operator is
// symmetric and of what size. They do not enter the space.
func (s *space[T]) checkSymmetry(ctx context.Context) error {
	defer s.q.Scope()()
	pair, image := s.q.Alloc(min(2, s.n), s.n), s.q.Alloc(min(2, s.n), s.n)
	s.q.Random(device.Normal, s.o.Seed^0x5ca1ab1e, 0, pair)
	if err := apply(ctx, s.q, s.op, image, pair, &s.products); err != nil {
		return err
	}
	largest, err := scalar(s.q, func(out device.Matrix[T]) { s.q.Reduce(device.MaxAbs, device.Whole, image, out) })
	if err != nil {
		return err
	}
	if e := exponent[T](largest); e != 0 {
		s.op, s.exponent = scaled[T]{s.op, -e}, s.exponent+e
		multiply(s.q, image, -e)
	}
	return checkSymmetry(s.q, image, pair)
}

// extend adds the next block to the space and prepares the one after it.
func (s *space[T]) extend(ctx context.Context) error {
	q, b := s.q, s.next.Rows
	lo, hi := s.size, s.size+b
	q.Copy(s.v.RowRange(lo, hi), s.next)
	images := s.w.RowRange(lo, hi)
	if err := apply(ctx, q, s.op, images, s.next, &s.products); err != nil {
		return err
	}
	end := q.Scope()
	defer end()
	c := q.Alloc(hi, b)
	host := device.NewDense[T](hi, b)
	q.Gemm(device.NoTrans, device.Transp, 1, s.v.RowRange(0, hi), images, 0, c)
	q.Download(host, c)
	if err := q.Sync(); err != nil {
		return err
	}
	largest := 0.0
	for i := range hi {
		for j := range b {
			x := float64(host.At(i, j))
			s.t.Set(i, lo+j, x)
			s.t.Set(lo+j, i, x)
			largest = max(largest, math.Abs(x))
		}
	}
	for i := range b { // the last block: its two halves differ by rounding
		for j := range i {
			x := (float64(host.At(lo+i, j)) + float64(host.At(lo+j, i))) / 2
			s.t.Set(lo+i, lo+j, x)
			s.t.Set(lo+j, lo+i, x)
		}
	}
	s.size = hi
	if s.size == s.n {
		return nil
	}
	if s.n-s.size < b { // fewer directions than a block are left
		s.next = s.next.RowRange(0, s.n-s.size)
		q.Copy(s.next, images.RowRange(0, s.next.Rows))
	} else {
		q.Copy(s.next, images)
	}
	tiny := 10 * device.Epsilon[T]() * math.Sqrt(float64(s.n)) * max(largest, s.scale())
	l, err := orthonormalizeRows(q, s.v.RowRange(0, s.size), s.next, tiny, s.o.Seed, &s.stream)
	if errors.Is(err, errNoDirection) {
		return device.Argument("operator", "has a product that is not finite or not deterministic")
	}
	if err != nil {
		return err
	}
	s.coupling, s.closed = l, dropped(l, 100*s.o.Tol*max(largest, s.scale()))
	if rows, _ := l.Dims(); rows < b { // what was left out is unknown: go on to the whole space
		l.Apply(func(_, _ int, _ float64) float64 { return math.Inf(1) }, l)
	}
	return nil
}

// scale is the largest magnitude of an entry of t.
func (s *space[T]) scale() float64 {
	x := 0.0
	for i := range s.size {
		x = max(x, math.Abs(s.t.At(i, i)))
	}
	return x
}

// ritz returns the Ritz values, ascending, and their coordinates in columns.
func (s *space[T]) ritz() ([]float64, *mat.Dense) {
	sym := mat.NewSymDense(s.size, nil)
	for i := range s.size {
		for j := i; j < s.size; j++ {
			sym.SetSym(i, j, s.t.At(i, j))
		}
	}
	return eigh(sym)
}

// order returns the indices of the Ritz values, the wanted ones first.
func (s *space[T]) order(values []float64) []int {
	n := len(values)
	order := make([]int, n)
	for i := range order {
		order[i] = n - 1 - i // descending
	}
	switch s.o.Which {
	case SmallestAlgebraic:
		slices.Reverse(order)
	case LargestMagnitude:
		slices.SortStableFunc(order, func(a, b int) int {
			switch x, y := math.Abs(values[a]), math.Abs(values[b]); {
			case x > y:
				return -1
			case x < y:
				return 1
			}
			return 0
		})
	case BothEnds:
		both := make([]int, 0, n)
		for lo, hi := 0, n-1; lo <= hi; {
			both = append(both, hi)
			hi--
			if lo <= hi {
				both = append(both, lo)
				lo++
			}
		}
		return both
	}
	return order
}

// converged counts the wanted pairs whose residual is small enough. Only the
// last block of the space has an image outside the space, so that the
// residual of a pair is that block's coordinates times the coupling.
func (s *space[T]) converged(values []float64, vectors *mat.Dense, order []int) int {
	largest := 0.0
	for _, v := range values {
		largest = max(largest, math.Abs(v))
	}
	rows, cols := s.coupling.Dims()
	lo := s.size - s.o.Block
	done := 0
	for _, i := range order[:s.o.K] {
		sum := 0.0
		for c := range cols {
			x := 0.0
			for r := range rows {
				x += vectors.At(lo+r, i) * s.coupling.At(r, c)
			}
			sum += x * x
		}
		if math.Sqrt(sum) <= s.o.Tol*largest {
			done++
		}
	}
	return done
}

// combine stores the Ritz vectors order[:count] in dst and their images in
// images.
func (s *space[T]) combine(vectors *mat.Dense, order []int, dst, images device.Matrix[T]) {
	defer s.q.Scope()()
	c := device.NewDense[T](dst.Rows, s.size)
	for r := range c.Rows {
		for j := range s.size {
			c.Set(r, j, T(vectors.At(j, order[r])))
		}
	}
	m := s.q.Alloc(c.Rows, c.Cols)
	s.q.Upload(m, c)
	s.q.Gemm(device.NoTrans, device.NoTrans, 1, m, s.v.RowRange(0, s.size), 0, dst)
	s.q.Gemm(device.NoTrans, device.NoTrans, 1, m, s.w.RowRange(0, s.size), 0, images)
}

// restart keeps the wanted Ritz vectors and some more, which speed up the
// convergence of the wanted ones, and drops the rest.
func (s *space[T]) restart(vectors *mat.Dense, order []int) {
	room := s.o.Basis - s.next.Rows
	keep := min(s.o.K+max(5, s.o.K/2), (s.o.K+room)/2)
	keep = max(keep, s.o.K)
	s.combine(vectors, order, s.spareV.RowRange(0, keep), s.spareW.RowRange(0, keep))
	s.v, s.spareV = s.spareV, s.v
	s.w, s.spareW = s.spareW, s.w
	values := make([]float64, keep)
	for i := range keep {
		// The projected matrix of Ritz vectors is diagonal.
		for j := range s.size {
			for k := range s.size {
				values[i] += vectors.At(j, order[i]) * s.t.At(j, k) * vectors.At(k, order[i])
			}
		}
	}
	s.t.Zero()
	for i, v := range values {
		s.t.Set(i, i, v)
	}
	s.size = keep
	s.restarts++
}

// result computes the wanted pairs and their residuals.
func (s *space[T]) result(values []float64, vectors *mat.Dense, order []int, failure error) (*Eigen[T], error) {
	q, k := s.q, s.o.K
	e := &Eigen[T]{Products: s.products, Restarts: s.restarts, Vectors: device.NewDense[T](k, s.n)}
	order = slices.Clone(order[:k])
	if s.o.Which == BothEnds {
		slices.SortFunc(order, func(a, b int) int { return b - a })
	}
	y, hy := s.spareV.RowRange(0, k), s.spareW.RowRange(0, k)
	s.combine(vectors, order, y, hy)
	for _, i := range order {
		e.Values = append(e.Values, values[i])
	}
	q.Download(e.Vectors, y)
	θ := make([]T, k)
	for i, v := range e.Values {
		θ[i] = T(v)
	}
	d, r := q.Alloc(1, k), make([]T, k)
	q.Upload(d, device.Vector(θ))
	q.ScaleBy(device.PerRow, d, y, y)
	q.Add(1, device.NoTrans, hy, -1, device.NoTrans, y, hy)
	q.Reduce(device.SumSquares, device.PerRow, hy, d)
	q.Download(device.Vector(r), d)
	if err := q.Sync(); err != nil {
		return nil, err
	}
	largest, worst := 0.0, 0.0
	for _, v := range values {
		largest = max(largest, math.Abs(v))
	}
	for _, x := range r {
		e.Residuals = append(e.Residuals, math.Sqrt(float64(x)))
		worst = max(worst, math.Sqrt(float64(x)))
	}
	if err := e.unscale(s.exponent); err != nil {
		return nil, err
	}
	if failure != nil {
		return e, &device.NotConvergedError{Method: "thick-restart Lanczos", Iterations: s.products, Achieved: worst / largest, Wanted: s.o.Tol}
	}
	return e, nil
}
