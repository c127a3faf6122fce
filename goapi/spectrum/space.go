package spectrum

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"

	"github.com/ritz-go/ritz/goapi/device"
)

// space is a Krylov space with its image: the rows of v are orthonormal, those
// of w are the operator applied to them, t = v·wᵀ. Keeping the images makes
// residuals exact and restarts free of products. For a block of one vector t
// is tridiagonal: restarts leave it so.
type space[T device.Float] struct {
	q        device.Queue[T]
	op       Operator[T]
	o        EigsOptions
	n        int
	size     int // rows of v, w and t in use
	v, w     device.Matrix[T]
	next     device.Matrix[T] // the block to add, unless it is one vector: that is row size of v
	t        *mat.Dense
	coupling *mat.Dense // residual block = coupling·next for the last block of v
	stream   uint64
	products int
	restarts int
	exponent int       // the pairs are those of 2^-exponent·op
	closed   bool      // the space is nearly invariant
	wanted   []float64 // values when it was so last
	calm     int       // how often they have been the same since
	wait     int       // steps to the next check
	ended    bool      // the last check found what was wanted, or no products left
	kept     *keeper[T]
	c        device.Matrix[T] // an inner product, a square, and coefficients on v
	host     []T              // what c held
	scratch  device.Matrix[T]
}

func newSpace[T device.Float](q device.Queue[T], op Operator[T], o EigsOptions) *space[T] {
	n := op.Dim()
	s := &space[T]{q: q, op: op, o: o, n: n, t: mat.NewDense(o.Basis, o.Basis, nil)}
	if d, ok := op.(dense[T]); ok { // without the rounding of denormal products
		s.op, s.exponent = dense[T]{a: d.a}, d.e
	}
	// One row more for the vector to add.
	s.v, s.w = q.Alloc(o.Basis+1, n), q.Alloc(o.Basis, n)
	s.next = q.Alloc(o.Block, n)
	s.c, s.host, s.scratch = q.Alloc(1, o.Basis+3), make([]T, o.Basis+3), q.Alloc(1, n)
	s.kept = newKeeper[T](o.State, "thick-restart Lanczos", n, map[string]any{
		"k": o.K, "which": string(o.Which), "basis": o.Basis, "block": o.Block, "seed": o.Seed})
	return s
}

// begin sets the first block, or reads the state of an earlier call.
func (s *space[T]) begin(ctx context.Context, start device.Dense[T]) error {
	q := s.q
	if err := q.Sync(); err != nil { // no memory
		return err
	}
	if err := s.checkSymmetry(ctx); err != nil {
		return err
	}
	exponent := s.exponent
	found, err := s.kept.resume(ctx, q, s.op, s.walk)
	if err != nil {
		return err
	}
	if found {
		if s.exponent != exponent {
			return device.Argument("state", "%s belongs to another operator", s.o.State.Path)
		}
		return nil
	}
	q.Random(device.Normal, s.o.Seed, s.stream, s.next)
	if start.Rows > 0 {
		if err := s.mix(start); err != nil {
			return err
		}
	}
	if _, err := orthonormalizeRows(q, s.v.RowRange(0, 0), s.next, 0, s.o.Seed, &s.stream); err != nil {
		return err
	}
	q.Copy(s.v.RowRange(0, s.next.Rows), s.next)
	return nil
}

// mix makes the first block of sums of the start vectors, each of unit length,
// with a little of the random block in case they all are eigenvectors but not
// the wanted ones: so much that it grows before the tolerance is reached.
func (s *space[T]) mix(start device.Dense[T]) error {
	defer s.q.Scope()()
	x := s.q.Alloc(start.Rows, s.n)
	s.q.Upload(x, start)
	small := T(min(max(1e-3, 1e3*s.o.Tol), 0.03) / math.Sqrt(float64(s.n)))
	s.q.Add(small, device.NoTrans, s.next, 0, device.NoTrans, device.Matrix[T]{}, s.next)
	for i := range start.Rows {
		size, err := norm(s.q, x.Row(i))
		if err != nil {
			return err
		}
		if !(size > 0) {
			return device.Argument("start", "vector %d is zero", i)
		}
		row := s.next.Row(i % s.next.Rows)
		s.q.Add(1, device.NoTrans, row, T(1/size), device.NoTrans, x.Row(i), row)
	}
	return nil
}

func (s *space[T]) solve(ctx context.Context) (*Eigen[T], error) {
	for ; ; s.ended = false {
		if !s.ended { // the state of a call that came to its end may do
			if s.size+s.next.Rows > s.o.Basis {
				s.restart()
			}
			if err := s.extend(ctx); err != nil {
				return nil, s.kept.interrupted(ctx, err, s.q, s.walk)
			}
		}
		full := s.size == s.n
		done := 0
		last := s.products+s.o.Block > s.o.MaxProducts
		if s.wait--; s.size >= s.o.K && !full && (s.wait <= 0 || last || s.ended) {
			values, tails := s.ritz()
			var worst float64
			done, worst = s.converged(values, tails)
			if done == s.o.K && s.closed && !s.settled(values) {
				done = 0
			}
			// A step seldom gains more than a digit.
			s.wait = int(min(max(1, math.Log10(worst)), 4))
		}
		if s.o.Progress != nil {
			s.o.Progress(done, s.products)
		}
		var failure error
		switch {
		case done == s.o.K || full:
		case last && s.size >= s.o.K:
			failure = device.ErrNotConverged
		default:
			if err := s.kept.due(s.q, s.walk); err != nil {
				return nil, err
			}
			continue
		}
		s.ended = true
		if err := s.kept.save(s.q, s.walk); err != nil {
			return nil, err
		}
		return s.result(failure)
	}
}

// checkSymmetry makes one or two products to see that the operator is
// symmetric and of what size. They do not enter the space. A matrix on the
// device has been checked as a whole and is of a good size.
func (s *space[T]) checkSymmetry(ctx context.Context) error {
	if _, ok := s.op.(dense[T]); ok {
		return ctx.Err()
	}
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
	if s.o.Block == 1 {
		return s.extendOne(ctx)
	}
	return s.extendBlock(ctx)
}

// extendOne is a step of the Lanczos recurrence with full
// re-orthogonalization. It waits for the device once, or twice where one pass
// is not enough.
func (s *space[T]) extendOne(ctx context.Context) error {
	q, j := s.q, s.size
	v, image := s.v.Row(j), s.w.Row(j)
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := s.op.Apply(ctx, q, image, v); err != nil {
		return err
	}
	diagonal := s.c.Slice(0, 1, 0, 1)
	q.Dot(device.Whole, v, image, diagonal)
	s.products++
	s.size = j + 1
	size := 0.0
	next := s.v.Row(j + 1) // behind the space: takes the residual
	if s.size < s.n {
		q.Copy(next, image)
		q.Gemm(device.NoTrans, device.NoTrans, -1, diagonal, v, 1, next)
		if j > 0 {
			q.Add(1, device.NoTrans, next, T(-s.t.At(j, j-1)), device.NoTrans, s.v.Row(j-1), next)
		}
		var err error
		if size, err = s.purge(next); err != nil {
			return err
		}
	} else {
		q.Download(device.Vector(s.host[:1]), diagonal)
		if err := q.Sync(); err != nil {
			return err
		}
	}
	α := float64(s.host[0])
	s.t.Set(j, j, α)
	if x := α + size; x-x != 0 {
		return s.blame(ctx, x)
	}
	if s.size == s.n {
		return nil
	}
	scale := max(math.Abs(α), s.scale())
	tiny := 10 * device.Epsilon[T]() * math.Sqrt(float64(s.n)) * scale
	s.closed = size <= 100*s.o.Tol*scale
	if !(size > tiny) { // invariant: a new direction may find what it lacks
		if _, err := orthonormalizeRows(q, s.v.RowRange(0, s.size), next, math.Inf(1), s.o.Seed, &s.stream); err != nil {
			return s.noDirection(err)
		}
		size = 0
	} else {
		q.Add(T(1/size), device.NoTrans, next, 0, device.NoTrans, device.Matrix[T]{}, next)
	}
	s.coupling = mat.NewDense(1, 1, []float64{size})
	if s.size < s.o.Basis {
		s.t.Set(j, j+1, size)
		s.t.Set(j+1, j, size)
	}
	return nil
}

// purge makes x orthogonal to the space, twice if the first time takes away
// more than what is safe to lose once (Daniel, Gragg, Kaufman and Stewart,
// Math. Comp. 1976), and returns its norm. With what decides about that, the
// first number of s.c comes to the host.
func (s *space[T]) purge(x device.Matrix[T]) (float64, error) {
	q, v, square := s.q, s.v.RowRange(0, s.size), s.c.Slice(0, 1, 1, 2)
	numbers := s.c.Slice(0, 1, 0, 2+s.size)
	c, host := numbers.Slice(0, 1, 2, 2+s.size), s.host[:2+s.size]
	for pass := 1; ; pass++ {
		q.Gemm(device.NoTrans, device.Transp, 1, x, v, 0, c)
		q.Gemm(device.NoTrans, device.NoTrans, 1, c, v, 0, s.scratch)
		q.Add(1, device.NoTrans, x, -1, device.NoTrans, s.scratch, x)
		q.Reduce(device.SumSquares, device.Whole, x, square)
		q.Download(device.Vector(host), numbers)
		err := q.Sync()
		size := math.Sqrt(float64(host[1]))
		if err == nil && !regular[T](size) {
			size, err = norm(q, x)
		}
		if err != nil || pass == 2 {
			return size, err
		}
		taken := 0.0
		for _, y := range host[2:] {
			taken += float64(y) * float64(y)
		}
		if taken <= size*size {
			return size, nil
		}
	}
}

// blame says why a number that should be finite is x.
func (s *space[T]) blame(ctx context.Context, x float64) error {
	products := s.products - 1
	if err := apply(ctx, s.q, s.op, s.scratch, s.v.Row(s.size-1), &products); err != nil {
		return err
	}
	return fmt.Errorf("product %d: %w", s.products, &device.NotFiniteError{Name: "an inner product", Value: x})
}

func (s *space[T]) noDirection(err error) error {
	if errors.Is(err, errNoDirection) {
		return device.Argument("operator", "has a product that is not finite or not deterministic")
	}
	return err
}

// extendBlock is extend for several vectors at a time.
func (s *space[T]) extendBlock(ctx context.Context) error {
	q, b := s.q, s.next.Rows
	lo, hi := s.size, s.size+b
	q.Copy(s.v.RowRange(lo, hi), s.next)
	images := s.w.RowRange(lo, hi)
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := s.op.Apply(ctx, q, images, s.next); err != nil {
		return err
	}
	largest := 0.0
	from := 0
	found := func(along device.Dense[T]) (tiny float64, err error) {
		if err := device.CheckInput("inner products", along); err != nil {
			return 0, blame(q, images, s.products, err)
		}
		s.products += b
		for i := range hi {
			for j := range b {
				x := float64(along.At(j, i))
				s.t.Set(i, lo+j, x)
				s.t.Set(lo+j, i, x)
				largest = max(largest, math.Abs(x))
			}
		}
		for i := range b { // the last block: its two halves differ by rounding
			for j := range i {
				x := (float64(along.At(j, lo+i)) + float64(along.At(i, lo+j))) / 2
				s.t.Set(lo+i, lo+j, x)
				s.t.Set(lo+j, lo+i, x)
			}
		}
		s.size = hi
		return 10 * device.Epsilon[T]() * math.Sqrt(float64(s.n)) * max(largest, s.scale()), nil
	}
	if s.n-hi < b { // fewer directions than a block are left
		along, err := inner(q, images, s.v.RowRange(0, hi))
		if err != nil {
			return err
		}
		tiny, err := found(along)
		if err != nil || s.size == s.n {
			return err
		}
		from, found = hi, func(device.Dense[T]) (float64, error) { return tiny, nil }
		s.next = s.next.RowRange(0, s.n-s.size)
	}
	q.Copy(s.next, images.RowRange(0, s.next.Rows))
	l, err := orthonormalize(q, s.v.RowRange(0, hi), s.next, from, found, s.o.Seed, &s.stream)
	if err != nil {
		return s.noDirection(err)
	}
	s.coupling, s.closed = l, dropped(l, 100*s.o.Tol*max(largest, s.scale()))
	if rows, _ := l.Dims(); rows < b { // what was left out is unknown: go on to the whole space
		l.Apply(func(_, _ int, _ float64) float64 { return math.Inf(1) }, l)
	}
	return nil
}

// scale is the largest magnitude of a diagonal entry of t.
func (s *space[T]) scale() float64 {
	x := 0.0
	for i := range s.size {
		x = max(x, math.Abs(s.t.At(i, i)))
	}
	return x
}

// tridiagonal returns the entries of t for a block of one vector.
func (s *space[T]) tridiagonal() (α, β []float64) {
	α, β = make([]float64, s.size), make([]float64, s.size)
	for i := range α {
		α[i] = s.t.At(i, i)
		if i > 0 {
			β[i-1] = s.t.At(i, i-1)
		}
	}
	return α, β[:s.size-1]
}

// ritz returns the Ritz values, ascending, and the coordinates of their
// vectors in the last block of the space: all that residuals need.
func (s *space[T]) ritz() (values []float64, tails func(i int) []float64) {
	if s.o.Block == 1 {
		α, β := s.tridiagonal()
		values, last := tridiagonalRow(α, β, s.size-1)
		return values, func(i int) []float64 { return last[i : i+1] }
	}
	values, z := s.pairs()
	b, _ := s.coupling.Dims() // less than a block where no more directions were left
	tail := make([]float64, b)
	return values, func(i int) []float64 {
		for r := range tail {
			tail[r] = z.At(s.size-b+r, i)
		}
		return tail
	}
}

// pairs returns the Ritz values, ascending, and the coordinates of their
// vectors in columns.
func (s *space[T]) pairs() ([]float64, *mat.Dense) {
	if s.o.Block == 1 {
		α, β := s.tridiagonal()
		return (&Tridiagonal[T]{Alpha: α, Beta: β}).Eigen()
	}
	sym := mat.NewSymDense(s.size, nil)
	for i := range s.size {
		for j := i; j < s.size; j++ {
			sym.SetSym(i, j, s.t.At(i, j))
		}
	}
	return eigh(sym)
}

// order returns the indices of the Ritz values, the wanted ones first.
func (s *space[T]) order(values []float64) []int { return s.o.Which.order(values) }

// order returns the indices of ascending values, the wanted ones first.
func (w Which) order(values []float64) []int {
	n := len(values)
	order := make([]int, n)
	for i := range order {
		order[i] = n - 1 - i // descending
	}
	switch w {
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

// largestOf returns the largest magnitude.
func largestOf(values []float64) float64 {
	largest := 0.0
	for _, v := range values {
		largest = max(largest, math.Abs(v))
	}
	return largest
}

// converged counts the wanted pairs whose residual is small enough, and
// returns the largest residual in units of what is wanted. Only the
// last block of the space has an image outside the space, so that the
// residual of a pair is that block's coordinates times the coupling.
func (s *space[T]) converged(values []float64, tails func(i int) []float64) (done int, worst float64) {
	largest := largestOf(values)
	rows, cols := s.coupling.Dims()
	for _, i := range s.order(values)[:s.o.K] {
		tail, sum := tails(i), 0.0
		for c := range cols {
			x := 0.0
			for r := range rows {
				x += tail[r] * s.coupling.At(r, c)
			}
			sum += x * x
		}
		residual := math.Sqrt(sum)
		if residual <= s.o.Tol*largest {
			done++
		} else {
			worst = max(worst, residual/(s.o.Tol*largest))
		}
	}
	return done, worst
}

// combine replaces the first rows of v and w by the combinations c of them.
func (s *space[T]) combine(c device.Dense[T]) {
	combineRows(s.q, c, s.v)
	combineRows(s.q, c, s.w)
}

// rowsOf returns the coordinates of the pairs of order in rows.
func rowsOf[T device.Float](vectors *mat.Dense, order []int) device.Dense[T] {
	n, _ := vectors.Dims()
	c := device.NewDense[T](len(order), n)
	for r := range c.Rows {
		for j := range n {
			c.Set(r, j, T(vectors.At(j, order[r])))
		}
	}
	return c
}

// restart keeps the wanted Ritz vectors and some more, which speed up the
// convergence of the wanted ones, and drops the rest.
func (s *space[T]) restart() {
	values, vectors := s.pairs()
	order := s.order(values)
	room := s.o.Basis - s.next.Rows
	keep := min(s.o.K+max(5, s.o.K/2), (s.o.K+room)/2)
	keep = max(keep, s.o.K)
	order = order[:keep]
	if s.o.Block == 1 {
		s.restartOne(values, vectors, order)
	} else {
		s.combine(rowsOf[T](vectors, order))
		s.t.Zero()
		for i, k := range order { // the projected matrix of Ritz vectors is diagonal
			s.t.Set(i, i, values[k])
		}
	}
	s.size = keep
	s.restarts++
}

// restartOne turns the kept Ritz vectors so that t stays tridiagonal, which
// makes the next vector follow the last of them.
func (s *space[T]) restartOne(values []float64, vectors *mat.Dense, order []int) {
	β := s.coupling.At(0, 0)
	θ, border := make([]float64, len(order)), make([]float64, len(order))
	for i, k := range order {
		θ[i], border[i] = values[k], β*vectors.At(s.size-1, k)
	}
	z, diag, off, last := tridiagonalize(θ, border)
	ritz := rowsOf[float64](vectors, order)
	c := device.NewDense[T](len(order), s.size)
	for i := range order {
		for j := range s.size {
			x := 0.0
			for k := range order {
				x += z[k][i] * ritz.At(k, j)
			}
			c.Set(i, j, T(x))
		}
	}
	next := s.v.Row(s.size)
	s.combine(c)
	s.q.Copy(s.v.Row(len(order)), next)
	s.t.Zero()
	for i, x := range diag {
		s.t.Set(i, i, x)
		if i > 0 {
			s.t.Set(i, i-1, off[i-1])
			s.t.Set(i-1, i, off[i-1])
		}
	}
	if m := len(order); m < s.o.Basis {
		s.t.Set(m, m-1, last)
		s.t.Set(m-1, m, last)
	}
}

// result computes the wanted pairs and their residuals. The space is lost.
func (s *space[T]) result(failure error) (*Eigen[T], error) {
	values, vectors := s.pairs()
	order := slices.Clone(s.order(values)[:s.o.K])
	if s.o.Which == BothEnds {
		slices.SortFunc(order, func(a, b int) int { return b - a })
	}
	s.combine(rowsOf[T](vectors, order))
	e, worst, err := pairsOf(s.q, s.v.RowRange(0, s.o.K), s.w.RowRange(0, s.o.K), values, order)
	if err != nil {
		return nil, err
	}
	e.Products, e.Restarts = s.products, s.restarts
	if err := e.unscale(s.exponent); err != nil {
		return nil, err
	}
	if failure != nil {
		return e, &device.NotConvergedError{Method: "thick-restart Lanczos", Iterations: s.products, Achieved: worst / largestOf(values), Wanted: s.o.Tol}
	}
	return e, nil
}

// pairsOf returns the pairs order of values with the vectors y and their
// images hy, in that order, and the largest residual. It overwrites both.
func pairsOf[T device.Float](q device.Queue[T], y, hy device.Matrix[T], values []float64, order []int) (e *Eigen[T], worst float64, err error) {
	defer q.Scope()()
	k := len(order)
	e = &Eigen[T]{Vectors: device.NewDense[T](k, y.Cols)}
	θ, squares := make([]T, k), make([]T, k)
	for i, j := range order {
		e.Values = append(e.Values, values[j])
		θ[i] = T(values[j])
	}
	q.Download(e.Vectors, y)
	d := q.Alloc(1, k)
	q.Upload(d, device.Vector(θ))
	q.ScaleBy(device.PerRow, d, y, y)
	q.Add(1, device.NoTrans, hy, -1, device.NoTrans, y, hy)
	q.Reduce(device.SumSquares, device.PerRow, hy, d)
	q.Download(device.Vector(squares), d)
	if err := q.Sync(); err != nil {
		return nil, 0, err
	}
	for _, x := range squares {
		e.Residuals = append(e.Residuals, math.Sqrt(float64(x)))
		worst = max(worst, math.Sqrt(float64(x)))
	}
	return e, worst, nil
}

// walk visits the state between two extensions.
func (s *space[T]) walk(st stored[T]) {
	stream, rows := int(s.stream), s.next.Rows
	for _, p := range []*int{&s.size, &s.products, &s.restarts, &s.exponent, &s.calm, &s.wait, &stream, &rows} {
		st.integer(p)
	}
	flag(st, &s.closed)
	flag(st, &s.ended)
	s.stream = uint64(stream)
	s.next = s.next.RowRange(0, rows)
	st.numbers(&s.wanted)
	t := slices.Clone(s.t.RawMatrix().Data)
	st.numbers(&t)
	s.t = mat.NewDense(s.o.Basis, s.o.Basis, t)
	b := 0
	var coupling []float64
	if s.coupling != nil {
		b, _ = s.coupling.Dims()
		coupling = slices.Clone(s.coupling.RawMatrix().Data)
	}
	st.integer(&b)
	st.numbers(&coupling)
	if s.coupling = nil; b > 0 {
		s.coupling = mat.NewDense(b, b, coupling)
	}
	ahead := 0
	if s.o.Block == 1 && s.size < s.n {
		ahead = 1 // the next vector is in v already
	}
	st.matrix(s.v.RowRange(0, s.size+ahead))
	st.matrix(s.w.RowRange(0, s.size))
	if s.o.Block > 1 {
		st.matrix(s.next)
	}
}
