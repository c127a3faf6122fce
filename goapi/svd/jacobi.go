package svd

import (
	"context"
	"errors"
	"math"
	"sync/atomic"

	"github.com/ritz-go/ritz/goapi/device"
)

const (
	jacobiSweeps = 40
	// jacobiBlock columns are rotated against as many others while both are
	// in the cache.
	jacobiBlock = 16
)

// jacobi computes the thin decomposition of a by rotations of the columns of a
// triangle (Drmač and Veselić, SIAM J. Matrix Anal. 2008): A·P = Q·R with
// column pivoting, and Rᵀ·W = Vᵣ·Σ with orthogonal columns on the right, so
// that A = (Q·W)·Σ·(P·Vᵣ)ᵀ. A rotation changes a column by errors relative to
// the column; none is lost in the size of another. For A = B·D, D diagonal,
// all singular values are accurate to about eps times the condition number of
// B, however small they are.
//
// s gets the singular values times 2^-exponent; what they are by themselves is
// left in the result. The entries of a must be finite, but can be anywhere in
// the range of T.
func jacobi[T device.Float](ctx context.Context, q device.Queue[T], a device.Matrix[T], exponent int, u, s, vt device.Matrix[T]) (*preconditioned, error) {
	host := device.NewDense[T](a.Rows, a.Cols)
	q.Download(host, a)
	if err := errors.Join(q.Sync(), ctx.Err()); err != nil {
		return nil, err
	}
	x := device.Convert[float64](host)
	left, right := !u.IsZero(), !vt.IsZero()
	turned := x.Rows < x.Cols || x.Rows == x.Cols && spread(x.T()) > spread(x)
	if turned {
		x, left, right = x.T(), right, left
	}
	w := q.Device().F64()
	defer w.Close()
	d := &preconditioned{q: w}
	if err := d.factor(ctx, x); err != nil {
		return nil, err
	}
	if err := d.rotate(ctx, left); err != nil {
		return nil, err
	}
	q.Upload(s, device.Vector(valuesOf[T](d, exponent)))
	var U, V device.Dense[float64]
	var err error
	if left {
		if U, err = d.left(); err != nil {
			return nil, err
		}
	}
	if right {
		if V, err = d.right(); err != nil {
			return nil, err
		}
	}
	if turned {
		U, V = V, U
	}
	if !u.IsZero() {
		q.Upload(u, device.Convert[T](U))
	}
	if !vt.IsZero() {
		q.Upload(vt, device.Convert[T](V.T()))
	}
	return d, errors.Join(d.bound(), q.Sync())
}

// valuesOf returns the singular values times 2^-exponent.
func valuesOf[T device.Float](d *preconditioned, exponent int) []T {
	values := make([]T, len(d.σ))
	for i, σ := range d.σ {
		values[i] = T(math.Ldexp(σ, d.e[i]-exponent))
	}
	return values
}

// precise fills in f by jacobi. scaled is a·2^-exponent, by which the
// certificate is computed.
func precise[T device.Float](ctx context.Context, q device.Queue[T], a, scaled device.Matrix[T], exponent int, f *Factors[T], o Options) error {
	whole := f
	if k := min(a.Rows, a.Cols); o.Rank < k {
		whole = newFactors(q, a, k, o.Vectors)
	}
	d, err := jacobi(ctx, q, a, exponent, whole.U, whole.S, whole.Vt)
	if err != nil {
		return err
	}
	checked := *whole
	if o.Vectors == None {
		err = checked.certifyValues(q, max(a.Rows, a.Cols))
	} else {
		fixSigns(q, whole.U, whole.Vt)
		if err = checked.certify(q, scaled, o.Seed); err == nil {
			err = checked.plausible(q, max(a.Rows, a.Cols))
		}
	}
	if err == nil && whole != f {
		checked = *checked.leading(o.Rank)
		err = checked.certifyLeading(q, scaled, o.Seed)
	}
	if err != nil {
		return err
	}
	whole.Method, whole.Certificate = Jacobi, checked.Certificate
	values := valuesOf[T](d, 0)
	if first := float64(values[0]); first-first != 0 {
		return &device.NotFiniteError{Name: "the largest singular value", Value: first}
	}
	whole.Certificate.RelativeBound = rounded(d.relative, values, d)
	if exponent != 0 {
		whole.Certificate.unscale(exponent, device.Epsilon[T]())
		q.Upload(whole.S, device.Vector(values))
	}
	if whole != f {
		f.take(q, whole)
	}
	return nil
}

// rounded adds to a relative bound what rounding to T has done.
func rounded[T device.Float](relative float64, values []T, d *preconditioned) float64 {
	if relative == 0 {
		return 0
	}
	most := 0.0
	for i, v := range values {
		if d.σ[i] == 0 {
			continue
		}
		got, e := math.Frexp(float64(v))
		most = max(most, math.Abs(math.Ldexp(got, max(e-d.e[i], -4000))/d.σ[i]-1))
	}
	if !(most < 0.5) { // denormal values or zeros in their place
		return 0
	}
	return relative + most*(1+relative)
}

// spread returns the binary logarithm of the ratio of the largest column to
// the smallest one that is not zero.
func spread(a device.Dense[float64]) float64 {
	c := columnsOf(a)
	most, least := math.Inf(-1), math.Inf(1)
	for j, s := range c.norms2() {
		if s > 0 {
			size := float64(c.e[j]) + math.Log2(s)/2
			most, least = max(most, size), min(least, size)
		}
	}
	return most - least
}

// preconditioned is a decomposition on its way; see jacobi. m ≥ n.
type preconditioned struct {
	q     device.Queue[float64]
	m     int
	rows  []int                  // row i of what is factored is row rows[i] of A
	order []int                  // column j of what is factored is column order[j] of A
	basis device.Matrix[float64] // of a first factorization without pivoting, if m > n
	qr    *pivotedQR
	byRow columns   // of R
	y     columns   // Rᵀ, then Vᵣ·Σ
	w     columns   // W, if it is wanted
	σ     []float64 // mantissas, descending with their exponents
	e     []int
	rank  int // number of σ that are not zero

	relative float64 // bound of the relative error of each σ; 0 if there is none
}

// factor computes A·P = Q·R.
func (d *preconditioned) factor(ctx context.Context, a device.Dense[float64]) error {
	d.m = a.Rows
	of := columnsOf(a)
	// Rows and columns by size, the largest first: so reflections keep rows
	// of different sizes apart as well (Cox and Higham, 1998).
	rows := columns{x: make([][]float64, a.Rows), e: make([]int, a.Rows)}
	size := make([]float64, a.Rows)
	for i := range rows.x {
		largest := 0.0
		for _, v := range a.Row(i) {
			largest = max(largest, math.Abs(v))
		}
		size[i], rows.e[i] = math.Frexp(largest)
	}
	d.rows = descending(size, rows.e)
	d.order = descending(of.norms2(), doubled(of.e))
	c := newColumns(a.Rows, a.Cols)
	for r, j := range d.order {
		for i, from := range d.rows {
			c.x[r][i] = of.x[j][from]
		}
		c.e[r] = of.e[j]
	}
	if a.Rows > a.Cols {
		q := d.q
		r, host := q.Alloc(a.Cols, a.Cols), device.NewDense[float64](a.Cols, a.Cols)
		d.basis = q.Alloc(a.Rows, a.Cols)
		q.Upload(d.basis, c.dense())
		q.QR(d.basis, r)
		q.Download(host, r)
		if err := errors.Join(q.Sync(), ctx.Err()); err != nil {
			return err
		}
		e := c.e
		c = columnsOf(host)
		for j := range c.e {
			c.e[j] += e[j]
		}
	}
	d.qr = pivotQR(c)
	return ctx.Err()
}

func doubled(e []int) []int {
	d := make([]int, len(e))
	for i, v := range e {
		d[i] = 2 * v
	}
	return d
}

// rotate makes the columns of Rᵀ orthogonal.
func (d *preconditioned) rotate(ctx context.Context, accumulate bool) error {
	n := len(d.qr.diag)
	d.y = newColumns(n, n)
	for i, y := range d.y.x {
		top := math.MinInt
		for j := i; j < n; j++ {
			if v := d.qr.r(i, j); v != 0 {
				_, e := math.Frexp(v)
				top = max(top, e+d.qr.c.e[j])
			}
		}
		if top == math.MinInt {
			continue
		}
		d.y.e[i] = top
		for j := i; j < n; j++ {
			y[j] = math.Ldexp(d.qr.r(i, j), max(d.qr.c.e[j]-top, -4000))
		}
	}
	d.byRow = newColumns(n, n)
	for i, y := range d.y.x {
		copy(d.byRow.x[i], y)
	}
	r := &rotations{y: d.y, tol: math.Sqrt(float64(max(n, 4))) * 0x1p-53}
	if accumulate {
		r.w = newColumns(n, n)
		for i, w := range r.w.x {
			w[i] = 1
		}
	}
	for sweep := 0; ; sweep++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		if sweep == jacobiSweeps {
			return &device.NotConvergedError{Method: "one-sided Jacobi", Iterations: sweep, Achieved: r.largest, Wanted: r.tol}
		}
		if r.sweep(); r.largest <= r.tol {
			break
		}
	}
	for j := range r.y.x {
		r.y.normalize(j)
	}
	size := r.y.norms2()
	order := descending(size, doubled(r.y.e))
	d.y.permute(order)
	if accumulate {
		r.w.permute(order)
	}
	d.w = r.w
	d.σ, d.e = make([]float64, n), d.y.e
	for i, j := range order {
		if d.σ[i] = math.Sqrt(size[j]); d.σ[i] > 0 {
			d.rank = i + 1
		}
	}
	return nil
}

// left returns U = Q·W, m×n.
func (d *preconditioned) left() (device.Dense[float64], error) {
	q, n := d.q, len(d.σ)
	defer q.Scope()()
	// Products of thousands of rotations are not quite orthogonal any more.
	wt := q.Alloc(n, n)
	q.Upload(wt, d.w.dense().T())
	polish(q, wt, n)
	turned := device.NewDense[float64](n, n)
	q.Download(turned, wt)
	if err := q.Sync(); err != nil {
		return turned, err
	}
	for i, w := range d.w.x {
		copy(w, turned.Row(i))
	}
	d.qr.multiply(d.w.x)
	u := d.w.dense()
	if !d.basis.IsZero() {
		small, long := q.Alloc(n, n), q.Alloc(d.basis.Rows, n)
		q.Upload(small, u)
		q.Gemm(device.NoTrans, device.NoTrans, 1, d.basis, small, 0, long)
		u = device.NewDense[float64](long.Rows, n)
		q.Download(u, long)
		if err := q.Sync(); err != nil {
			return u, err
		}
	}
	sorted := device.NewDense[float64](u.Rows, u.Cols)
	for i, to := range d.rows {
		copy(sorted.Row(to), u.Row(i))
	}
	return sorted, nil
}

// right returns V = P·Vᵣ, n×n. Columns of zero singular values are completed
// to an orthonormal basis.
func (d *preconditioned) right() (device.Dense[float64], error) {
	n := len(d.σ)
	v := device.NewDense[float64](n, n)
	for r, y := range d.y.x[:d.rank] {
		for j, x := range y {
			v.Set(d.order[d.qr.pivot[j]], r, x/d.σ[r])
		}
	}
	if d.rank == n {
		return v, nil
	}
	q := d.q
	defer q.Scope()()
	vt := q.Alloc(n, n)
	q.Upload(vt, v.T())
	rest := vt.RowRange(d.rank, n)
	q.Random(device.Normal, 0, streamStart, rest)
	if err := completeRows(q, vt.RowRange(0, d.rank), rest); err != nil {
		return v, err
	}
	v = device.NewDense[float64](n, n)
	q.Download(v, vt)
	err := q.Sync()
	return v.T(), err
}

// bound bounds the relative errors of the singular values by what is known of
// the algorithm. The factorization changes each column of A by errors relative
// to the column, the rotations change each row of R by errors relative to the
// row: the condition of R with its columns, and of R with its rows made of
// length 1 decides (Demmel and Veselić, SIAM J. Matrix Anal. 1992). Both are
// computed; 0 means that they are too large for any statement.
func (d *preconditioned) bound() error {
	n := len(d.σ)
	if d.rank < n {
		return nil
	}
	q := d.q
	defer q.Scope()()
	byColumn := newColumns(n, n)
	for j, x := range byColumn.x {
		copy(x, d.qr.c.x[j][:j])
		x[j] = d.qr.diag[j]
	}
	total := 0.0
	for _, c := range []struct {
		columns
		side device.Uplo
	}{{byColumn, device.Upper}, {d.byRow, device.Lower}} {
		x := c.x
		for j, s := range c.norms2() {
			blas.Dscal(n, 1/math.Sqrt(s), x[j], 1)
		}
		inverse := q.Alloc(n, n)
		q.AddDiag(1, inverse)
		q.Trsm(device.Left, c.side, device.NoTrans, 1, device.Lend(q, c.dense()), inverse)
		square, err := scalar(q, func(out device.Matrix[float64]) { q.Reduce(device.SumSquares, device.Whole, inverse, out) })
		if err != nil {
			return err
		}
		total += math.Sqrt(square)
	}
	if bound := float64(max(d.m, 10)) * device.Epsilon[float64]() * total; bound < 0.5 {
		d.relative = bound
	}
	return nil
}

// rotations makes the columns y orthogonal and multiplies those of w, if
// there are any, by the same rotations.
type rotations struct {
	y, w    columns
	tol     float64
	square  []float64 // ‖y[j]‖² without exponents
	largest float64   // cosine of an angle that the last sweep found
}

// sweep rotates every pair of columns once. Pairs of blocks that share none
// are done at the same time, in rounds of a tournament: the result does not
// depend on the number of goroutines.
func (r *rotations) sweep() {
	n := len(r.y.x)
	inParallel(n, n, r.y.normalize)
	r.square = r.y.norms2()
	var largest atomic.Uint64 // bits of numbers that are not negative are ordered like them
	blocks := (n + jacobiBlock - 1) / jacobiBlock
	span := func(b int) (lo, hi int) { return b * jacobiBlock, min(n, (b+1)*jacobiBlock) }
	meet := func(most float64) {
		bits := math.Float64bits(most)
		for old := largest.Load(); bits > old && !largest.CompareAndSwap(old, bits); old = largest.Load() {
		}
	}
	inParallel(blocks, 8*n*jacobiBlock*jacobiBlock, func(b int) {
		lo, hi := span(b)
		most := 0.0
		for i := lo; i < hi; i++ {
			for j := i + 1; j < hi; j++ {
				most = max(most, r.turn(i, j))
			}
		}
		meet(most)
	})
	even := blocks + blocks%2
	for round := range even - 1 {
		inParallel(even/2, 8*n*jacobiBlock*jacobiBlock, func(t int) {
			// The circle method: the last one stays, the others go round.
			a, b := even-1, round
			if t > 0 {
				a, b = (round+t)%(even-1), (round-t+even-1)%(even-1)
			}
			if a, b = min(a, b), max(a, b); b >= blocks {
				return
			}
			alo, ahi := span(a)
			blo, bhi := span(b)
			most := 0.0
			for i := alo; i < ahi; i++ {
				for j := blo; j < bhi; j++ {
					most = max(most, r.turn(i, j))
				}
			}
			meet(most)
		})
	}
	r.largest = math.Float64frombits(largest.Load())
}

// turn makes columns p and q orthogonal, the larger one first, and returns the
// cosine of the angle between them before.
func (r *rotations) turn(p, q int) float64 {
	y, s := r.y, r.square
	if s[p] == 0 || s[q] == 0 {
		if s[p] == 0 && s[q] != 0 {
			r.swap(p, q)
		}
		return 0
	}
	if compare(s[p], 2*y.e[p], s[q], 2*y.e[q]) < 0 {
		r.swap(p, q)
	}
	g := dot(y.x[p], y.x[q])
	cosine := math.Abs(g) / math.Sqrt(s[p]*s[q])
	if !(cosine > r.tol) {
		return 0
	}
	// With d = 2^(e[q]-e[p]), the rotation by t = tan φ is t = t'·d, and in
	// terms of the mantissas
	//	y[p] ← cos φ·(y[p] - t'·d²·y[q]),  y[q] ← cos φ·(y[q] + t'·y[p]).
	// As changes of the columns: rounding errors of cos φ itself, which is
	// near 1 most of the time, would add up.
	d := math.Ldexp(1, max(y.e[q]-y.e[p], -1000))
	diff := s[p] - s[q]*d*d
	t := -2 * g / (diff + math.Sqrt(diff*diff+4*g*g*d*d))
	c := 1 / math.Sqrt(1+t*t*d*d)
	lack := c * t * d * c * t * d / (1 + c) // 1 - cos φ
	rotate(lack, -c*t*d*d, c*t, y.x[p], y.x[q])
	if r.w.x != nil {
		rotate(lack, -c*t*d, c*t*d, r.w.x[p], r.w.x[q])
	}
	change := math.Abs(t * g)
	s[p] += change * d * d
	if rest := s[q] - change; rest > 0.01*s[q] {
		s[q] = rest
	} else { // almost parallel: little is left, and the difference says nothing
		y.normalize(q)
		s[q] = dot(y.x[q], y.x[q])
	}
	return cosine
}

func (r *rotations) swap(p, q int) {
	for _, c := range []columns{r.y, r.w} {
		if c.x != nil {
			c.x[p], c.x[q] = c.x[q], c.x[p]
			c.e[p], c.e[q] = c.e[q], c.e[p]
		}
	}
	r.square[p], r.square[q] = r.square[q], r.square[p]
}

// rotate adds a·y - lack·x to x and b·x - lack·y to y, of the old x and y.
func rotate(lack, a, b float64, x, y []float64) {
	y = y[:len(x)]
	for i, u := range x {
		v := y[i]
		x[i] = u + (a*v - lack*u)
		y[i] = v + (b*u - lack*v)
	}
}
