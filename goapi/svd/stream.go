package svd

import (
	"context"
	"fmt"
	"math"
	"unsafe"

	"github.com/ritz-go/ritz/goapi/device"
)

// StreamOptions are the options of Stream.
type StreamOptions struct {
	// Rank is the number of largest singular values, at least 1; without
	// vectors 0 means all of them.
	Rank int

	// Passes over the matrix; 0 means 3. With one, the matrix is never
	// looked at again; each beyond the second makes the small singular
	// values more accurate.
	Passes int

	// Oversampling is the number of vectors by which a block exceeds Rank; 0
	// means 10. A single pass takes 2·Rank+1 vectors instead.
	Oversampling int

	// Memory bounds the bytes held at a time, U and Vt among them, a half
	// of it left to the garbage collector; 0 means 2 GiB.
	Memory int64

	// Vectors leaves out U, Vt or both; "" means Both.
	Vectors Vectors

	// Seed of the sketches and of the certificate's probes.
	Seed uint64

	// Progress, if set, is called after every block with the number of the
	// pass, from 1, and of the rows that it has taken so far.
	Progress func(pass, rows int)
}

func (o StreamOptions) complete(m, n int) (StreamOptions, error) {
	k := min(m, n)
	var err error
	if o.Vectors, err = o.Vectors.complete(); err != nil {
		return o, err
	}
	switch {
	case m < 1 || n < 1:
		return o, fmt.Errorf("matrix is %d×%d: %w", m, n, device.ErrEmpty)
	case o.Rank < 0 || o.Rank > k || o.Rank == 0 && o.Vectors != None:
		return o, device.Argument("rank", "is %d, must be between 1 and %d for a %d×%d matrix", o.Rank, k, m, n)
	case o.Passes < 0:
		return o, device.Argument("passes", "is %d, must not be negative", o.Passes)
	case o.Oversampling < 0:
		return o, device.Argument("oversampling", "is %d, must not be negative", o.Oversampling)
	case o.Memory < 0:
		return o, device.Argument("memory", "is %d bytes, must not be negative", o.Memory)
	}
	if o.Passes == 0 {
		o.Passes = 3
	}
	if o.Oversampling == 0 {
		o.Oversampling = 10
	}
	if o.Memory == 0 {
		o.Memory = 2 << 30
	}
	o.Oversampling = min(o.Oversampling, k)
	return o, nil
}

// Stream decomposes a matrix that is too large for memory.
//
// With one pass it takes two sketches, of the columns and of the rows, from
// which the decomposition follows (Tropp, Yurtsever, Udell and Cevher, SIAM J.
// Matrix Anal. 2017): its error is expected to be within three times that of
// the best approximation. With more, each pass but the last multiplies a
// block by AᵀA, and the last projects A on the block Krylov space of these; if
// Memory does not hold the space, on its last block. Rank 0 takes the
// triangle of a QR factorization by blocks of rows in one pass, with memory
// for some n×n matrices.
//
// Certificate.ErrorBound bounds |S[i] - σᵢ| for the i-th largest value by the
// norm of what the whole sketch leaves of A, which ten random vectors that are
// independent of the sketch have seen (uniform ones, for which the bound of
// normal ones grows by 2.4 %), but by no more than a bound of ‖A‖₂ allows; it
// holds with probability 1 - 2·10⁻¹⁰. Whatever the spectrum, it is for one pass
// at most about √min(m,n) times ‖A‖₂, and for p of them, with w vectors in a
// block, (10^(10/w)·√min(m,n))^(1/(2p-1)) times: three times for three passes
// over a thousand columns.
// Residual is computed from ‖A‖_F and S where rounding errors allow, and for a
// single pass an unbiased estimate.
//
// Errors: *device.ArgumentError, also if Memory is too little for one row and
// the sketches or if squares of the entries leave the range of T;
// *device.NotFiniteError with the position; *device.ShapeError for a source
// that does not keep to its shape; its own errors and that of ctx, after at
// most one block.
func Stream[T device.Float](ctx context.Context, dev device.Device, source RowBlocks[T], o StreamOptions) (*Result[T], error) {
	if source == nil {
		return nil, device.Argument("source", "is nil")
	}
	m, n := source.Dims()
	o, err := o.complete(m, n)
	if err != nil {
		return nil, err
	}
	q := device.NewQueue[T](dev)
	defer q.Close()
	s := &stream[T]{q: q, source: source, m: m, n: n, o: o}
	var f *Factors[T]
	switch {
	case o.Rank == 0:
		f, err = s.allValues(ctx)
	case o.Passes == 1:
		f, err = s.singlePass(ctx)
	default:
		f, err = s.multiPass(ctx)
	}
	if err != nil {
		return nil, err
	}
	if !o.Vectors.left() {
		f.U = device.Matrix[T]{}
	}
	if !o.Vectors.right() {
		f.Vt = device.Matrix[T]{}
	}
	return f.download(q)
}

// stream is the state of a decomposition by passes.
type stream[T device.Float] struct {
	q      device.Queue[T]
	source RowBlocks[T]
	m, n   int
	o      StreamOptions
	rows   int // of a block

	square  float64          // ‖A‖_F²
	largest float64          // magnitude of an entry
	seen    device.Matrix[T] // ΘᵀA, Θ m×probes
	passes  int              // begun
}

// fits reports whether `fixed` elements and at least one row, at each of which
// `aside` more are needed, fit the budget, and sets the rows of a block.
func (s *stream[T]) fits(fixed, aside int) bool {
	// Two blocks in the source, and one on a device with its own memory.
	row := 3*s.n + aside
	var zero T
	room := s.o.Memory / 2 / int64(unsafe.Sizeof(zero))
	s.rows = int(min(int64(s.m), (room-int64(fixed))/int64(row)))
	return s.rows >= 1
}

// tile makes blocks so small that a CPU finds them in its cache again: each is
// read into memory and then multiplied and measured several times. Products of
// fewer elements are slower.
func (s *stream[T]) tile() {
	const elements = 1 << 20
	if _, host := s.q.(device.Lender[T]); host {
		s.rows = min(s.rows, max(1, (elements+s.n-1)/s.n))
	}
}

// short says what is missing.
func (s *stream[T]) short(fixed, aside int) error {
	var zero T
	need := 2 * int64(unsafe.Sizeof(zero)) * (int64(fixed) + int64(3*s.n+aside))
	return device.Argument("memory", "of %d bytes is too little for one row and the sketches, which need %d", s.o.Memory, need)
}

// singlePass computes the decomposition from Y = A·Ω and W = Ψ·A.
func (s *stream[T]) singlePass(ctx context.Context) (*Factors[T], error) {
	q, m, n := s.q, s.m, s.n
	l := min(2*s.o.Rank+1, m, n)
	w := min(2*l+1, m)
	// Y, Q, U and the result; Ω, W twice, V; the triangles; the probes.
	fixed := m*(3*l+s.o.Rank) + n*(3*l+2*w+2*probes) + 4*l*(l+w)
	if !s.fits(fixed, w+probes) {
		return nil, s.short(fixed, w+probes)
	}
	s.tile()
	Ω, y, both := q.Alloc(n, l), q.Alloc(m, l), q.Alloc(w+probes, n)
	sketch := both.RowRange(0, w)
	s.seen = both.RowRange(w, w+probes)
	q.Random(device.Normal, s.o.Seed, streamStart, Ω)
	err := s.firstPass(ctx, func(first int, a device.Matrix[T]) error {
		q.Gemm(device.NoTrans, device.NoTrans, 1, a, Ω, 0, y.RowRange(first, first+a.Rows))
		q.Gemm(device.Transp, device.NoTrans, 1, s.draw(tallRandom{w, probes}, first, a.Rows), a, 1, both)
		return nil
	})
	if err != nil {
		return nil, err
	}
	// A ≈ Q·X with the X that solves (Ψ·Q)·X = W best.
	basis, seen, r, x := q.Alloc(m, l), q.Alloc(w, l), q.Alloc(l, l), q.Alloc(l, n)
	if err := orthonormalize(q, y, basis, r); err != nil {
		return nil, err
	}
	if err := s.fold(tallRandom{sketch: w}, basis, seen); err != nil {
		return nil, err
	}
	q.QR(seen, r)
	q.Gemm(device.Transp, device.NoTrans, 1, seen, sketch, 0, x)
	q.Trsm(device.Left, device.Upper, device.NoTrans, 1, r, x)
	u := q.Alloc(l, l)
	f := &Factors[T]{U: y, S: q.Alloc(1, l), Vt: q.Alloc(l, n), Method: SinglePass}
	if err := decompose(ctx, q, x, u, f.S, f.Vt); err != nil {
		return nil, err
	}
	q.Gemm(device.NoTrans, device.NoTrans, 1, basis, u, 0, f.U)
	return s.finish(f, func(values []T, _ float64) float64 {
		return max(float64(values[0]), math.Sqrt(s.square)) // both are within 0 and that
	})
}

// multiPass computes the decomposition of A projected on a block Krylov space
// of AᵀA.
func (s *stream[T]) multiPass(ctx context.Context) (*Factors[T], error) {
	q, m, n := s.q, s.m, s.n
	w := min(s.o.Rank+s.o.Oversampling, m, n)
	blocks := min(s.o.Passes-1, min(m, n)/w)
	fixed := func(l int) int { // A·K, Q and U, the result; K, V and its transpose; a block three times, the probes
		return m*(3*l+s.o.Rank) + n*(3*l+5*w+2*probes) + 8*l*l
	}
	space := blocks
	if !s.fits(fixed(blocks*w), w+probes) {
		space = 1 // each block in the place of the one before
		if blocks = s.o.Passes - 1; !s.fits(fixed(w), w+probes) {
			return nil, s.short(fixed(w), w+probes)
		}
	}
	s.tile()
	basis, coeff := q.Alloc(n, space*w), q.Alloc(space*w, w)
	start, image, made := q.Alloc(n, w), q.Alloc(n, w), q.Alloc(n, w)
	var top ceiling
	s.seen = q.Alloc(probes, n)
	q.Random(device.Normal, s.o.Seed, streamStart, start)
	for i := range blocks {
		q.Fill(0, image)
		pass := s.pass
		if i == 0 {
			pass = s.firstPass
		}
		err := pass(ctx, func(first int, a device.Matrix[T]) error {
			y := q.Alloc(a.Rows, w)
			q.Gemm(device.NoTrans, device.NoTrans, 1, a, start, 0, y)
			q.Gemm(device.Transp, device.NoTrans, 1, a, y, 1, image)
			if i == 0 {
				q.Gemm(device.Transp, device.NoTrans, 1, s.draw(tallRandom{probes: probes}, first, a.Rows), a, 1, s.seen)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		lo := min(i, space-1) * w
		known := basis.Slice(0, n, 0, lo)
		start = basis.Slice(0, n, lo, lo+w)
		q.Copy(made, image)
		if err := orthogonalize(q, known, image, start, coeff.RowRange(0, lo)); err != nil {
			return nil, err
		}
		h := device.NewDense[T](lo+w, w)
		q.Gemm(device.Transp, device.NoTrans, 1, basis.Slice(0, n, 0, lo+w), made, 0, coeff.RowRange(0, lo+w))
		q.Download(h, coeff.RowRange(0, lo+w))
		if err := q.Sync(); err != nil {
			return nil, err
		}
		top.add(device.Convert[float64](h), space == 1)
	}
	l := basis.Cols
	y := q.Alloc(m, l)
	err := s.pass(ctx, func(first int, a device.Matrix[T]) error {
		q.Gemm(device.NoTrans, device.NoTrans, 1, a, basis, 0, y.RowRange(first, first+a.Rows))
		return nil
	})
	if err != nil {
		return nil, err
	}
	wt := q.Alloc(l, l)
	f := &Factors[T]{U: q.Alloc(m, l), S: q.Alloc(1, l), Vt: q.Alloc(l, n), Method: MultiPass}
	if err := decompose(ctx, q, y, f.U, f.S, wt); err != nil {
		return nil, err
	}
	q.Gemm(device.NoTrans, device.Transp, 1, wt, basis, 0, f.Vt)
	turn, values := device.NewDense[T](l, l), make([]T, l)
	q.Download(turn, wt)
	q.Download(device.Vector(values), f.S)
	if err := q.Sync(); err != nil {
		return nil, err
	}
	most := top.bound(device.Convert[float64](device.Vector(values)).Data, device.Convert[float64](turn))
	return s.finish(f, func(s []T, stretch float64) float64 {
		return max(most-float64(s[len(s)-1]), float64(s[0])*stretch) // Ritz values lie below what they approximate
	})
}

// finish cuts the decomposition down to its rank and certifies it. crude bounds
// |S[i] - σᵢ| for the values of that rank by the norm of A alone.
func (s *stream[T]) finish(whole *Factors[T], crude func(values []T, stretch float64) float64) (*Factors[T], error) {
	q, k := s.q, s.o.Rank
	fixSigns(q, whole.U, whole.Vt)
	f := &Factors[T]{U: whole.U.Slice(0, s.m, 0, k), S: whole.S.Slice(0, 1, 0, k), Vt: whole.Vt.RowRange(0, k), Method: whole.Method}
	c, t := &f.Certificate, newTally(q, whole.S.Cols+4*probed)
	u, v := whole.orthogonality(t, s.o.Seed)
	values := t.numbers(whole.S.Cols, func(out device.Matrix[T]) { q.Copy(out, whole.S) })
	// ΘᵀA - (ΘᵀU)·S·Vᵀ for the whole and for its leading part.
	us := q.Alloc(probes, whole.S.Cols)
	if err := s.fold(tallRandom{probes: probes}, whole.U, us); err != nil {
		return nil, err
	}
	q.ScaleBy(device.PerCol, whole.S, us, us)
	left := q.Alloc(s.n, probes)
	// The density of the product of a unit vector with uniform numbers of
	// variance 1 is at most 1/√6 (Ball, Proc. AMS 1986), that with normal ones
	// 1/√(2π): the bound of normal probes is larger by the ratio.
	const uniform = 1.0233267079464885 // √(π/3)
	lacks := func(part *Factors[T]) estimates {
		q.Add(1, device.Transp, s.seen, 0, device.NoTrans, device.Matrix[T]{}, left)
		q.Gemm(device.Transp, device.Transp, -1, part.Vt, us.Slice(0, probes, 0, part.S.Cols), 1, left)
		return probe(t, left)
	}
	all, part := lacks(whole), lacks(f)
	if err := t.fetch(); err != nil {
		return nil, err
	}
	_, bound := all()
	estimate, _ := part()
	c.OrthogonalityU, c.OrthogonalityV = u(), v()
	// Rounding errors of the probes' sums themselves.
	rounding := 4 * device.Epsilon[T]() * math.Sqrt(float64(s.m+s.n)) * math.Sqrt(s.square)
	c.ErrorBound = min(uniform*bound+float64(values[0])*c.stretch(), crude(values[:k], c.stretch())) + rounding
	if whole.Method == MultiPass { // A·V = U·S: what is left is orthogonal to it
		rest := s.square
		for _, σ := range values[:k] {
			rest -= float64(σ) * float64(σ)
		}
		if rest > 1e3*device.Epsilon[T]()*s.square {
			estimate = math.Sqrt(rest)
		}
	}
	c.Residual = relative(estimate, math.Sqrt(s.square))
	return f, nil
}

// allValues computes all singular values from the triangle of a QR
// factorization that takes in one block of rows after the other.
func (s *stream[T]) allValues(ctx context.Context) (*Factors[T], error) {
	q, n := s.q, s.n
	fixed := 8 * n * n
	if !s.fits(fixed, 2*n) {
		return nil, s.short(fixed, 2*n)
	}
	r, stack := q.Alloc(n, n), q.Alloc(n+s.rows, n)
	err := s.firstPass(ctx, func(first int, a device.Matrix[T]) error {
		q.Copy(stack.RowRange(0, n), r)
		q.Copy(stack.RowRange(n, n+a.Rows), a)
		q.QR(stack.RowRange(0, n+a.Rows), r)
		return nil
	})
	if err != nil {
		return nil, err
	}
	none, values, k := device.Matrix[T]{}, q.Alloc(1, n), min(s.m, n)
	if err := decompose(ctx, q, r, none, values, none); err != nil {
		return nil, err
	}
	f := &Factors[T]{S: values.Slice(0, 1, 0, k), Method: RowQR}
	return f, f.certifyValues(q, max(s.m, n))
}
