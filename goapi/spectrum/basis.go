package spectrum

import (
	"errors"
	"math"

	"gonum.org/v1/gonum/mat"

	"github.com/ritz-go/ritz/goapi/device"
)

// errNoDirection says that the basis already spans the whole space.
var errNoDirection = errors.New("no direction is left")

// orthonormalizeRows makes the rows of x orthonormal and orthogonal to the
// orthonormal rows of basis. It returns the lower triangular L with
// x_old = L·x_new up to what was removed along basis. A row of which at most
// tiny is left is replaced by a random one, with a zero on L's diagonal: the
// Krylov space has become invariant, and a new direction may find what it
// lacks.
func orthonormalizeRows[T device.Float](q device.Queue[T], basis, x device.Matrix[T], tiny float64, seed uint64, stream *uint64) (*mat.Dense, error) {
	return orthonormalize(q, basis, x, basis.Rows, func(device.Dense[T]) (float64, error) { return tiny, nil }, seed, stream)
}

// orthonormalize is orthonormalizeRows for rows whose coefficients along the
// rows of basis from number from on are wanted: found gets them, one row for
// each of x, and returns tiny.
//
// All rows are projected at once and divided by the Cholesky factor of their
// Gram matrix, for which the device is waited for once. If that factor shows
// that they were independent enough, a second projection and a step of
// Newton–Schulz, with errors so small that their squares do not count, make
// them orthonormal to rounding. Otherwise they are taken one by one.
func orthonormalize[T device.Float](q device.Queue[T], basis, x device.Matrix[T], from int, found func(along device.Dense[T]) (tiny float64, err error), seed uint64, stream *uint64) (*mat.Dense, error) {
	defer q.Scope()()
	b, k := x.Rows, basis.Rows
	table, host := q.Alloc(b, k+b+1), device.NewDense[T](b, k-from+b+1)
	along, gram, taken := table.Slice(0, b, 0, k), table.Slice(0, b, k, k+b), table.Slice(0, b, k+b, k+b+1)
	project(q, basis, x, along)
	if k > 0 {
		q.Reduce(device.SumSquares, device.PerRow, along, taken)
	}
	q.Syrk(device.NoTrans, 1, x, 0, gram)
	q.Download(host, table.Slice(0, b, from, k+b+1))
	if err := q.Sync(); err != nil {
		return nil, err
	}
	tiny, err := found(host.Slice(0, b, 0, k-from))
	if err != nil {
		return nil, err
	}
	l := independent(host.Slice(0, b, k-from, k-from+b+1), tiny)
	if l == nil {
		return orthonormalizeEach(q, basis, x, along, tiny, seed, stream)
	}
	factor, product := device.NewDense[T](b, b), q.Alloc(b, x.Cols)
	for i := range b {
		for j := range i + 1 {
			factor.Set(i, j, T(l.At(i, j)))
		}
	}
	q.Upload(gram, factor)
	q.Trsm(device.Left, device.Lower, device.NoTrans, 1, gram, x)
	project(q, basis, x, along)
	q.Syrk(device.NoTrans, -0.5, x, 0, gram)
	q.AddDiag(1.5, gram)
	q.Gemm(device.NoTrans, device.NoTrans, 1, gram, x, 0, product)
	q.Copy(x, product)
	return l, nil
}

// project removes from the rows of x what they have along those of basis.
func project[T device.Float](q device.Queue[T], basis, x, along device.Matrix[T]) {
	if basis.Rows > 0 {
		q.Gemm(device.NoTrans, device.Transp, 1, x, basis, 0, along)
		q.Gemm(device.NoTrans, device.NoTrans, -1, along, basis, 1, x)
	}
}

// independent returns the Cholesky factor of a Gram matrix, whose last column
// holds the squares of what the vectors had along a basis. It returns nil
// unless one more pass after the division by the factor will make the vectors
// orthonormal to rounding, and more than tiny is left of each.
func independent[T device.Float](g device.Dense[T], tiny float64) *mat.Dense {
	eps, b := device.Epsilon[T](), g.Rows
	condition, smallest := 1e4, 1e-280 // of the scaled Gram matrix; where sums of squares lose digits
	if eps > 1e-10 {
		condition, smallest = 0.1/math.Sqrt(eps), 1e-30
	}
	size, lost := make([]float64, b), make([]float64, b)
	for i := range b {
		square, taken := float64(g.At(i, i)), float64(g.At(i, b))
		if !(square > smallest && square+taken < 1/smallest) {
			return nil
		}
		size[i] = math.Sqrt(square)
		lost[i] = eps * math.Sqrt(1+taken/square) // left along the basis, for a unit vector
	}
	// The factor of the Gram matrix of unit vectors, and its inverse.
	l, inverse, sum := mat.NewDense(b, b, nil), mat.NewDense(b, b, nil), 0.0
	for i := range b {
		for j := range i + 1 {
			x := float64(g.At(i, j)) / (size[i] * size[j])
			for k := range j {
				x -= l.At(i, k) * l.At(j, k)
			}
			if j < i {
				l.Set(i, j, x/l.At(j, j))
				continue
			}
			if x = math.Sqrt(x); !(x*size[i] > tiny) {
				return nil
			}
			l.Set(i, i, x)
		}
		rest := 0.0
		for j := range i + 1 {
			x := 0.0
			if i == j {
				x = 1
			}
			for k := j; k < i; k++ {
				x -= l.At(i, k) * inverse.At(k, j)
			}
			x /= l.At(i, i)
			inverse.Set(i, j, x)
			sum += x * x
			rest += math.Abs(x) * lost[j]
		}
		// The second pass leaves the fourth power of this.
		if !(rest < math.Pow(eps, 0.25)/4) {
			return nil
		}
	}
	if !(sum < condition*float64(b)) {
		return nil
	}
	for i := range b {
		for j := range i + 1 {
			l.Set(i, j, l.At(i, j)*size[i])
		}
	}
	return l
}

// orthonormalizeEach is orthonormalizeRows, row by row, for x that has been
// projected once. Each row is projected until a pass leaves at least half of
// it; rounding errors are then at most twice those of one pass on a unit vector
// (the criterion of Daniel, Gragg, Kaufman and Stewart, Math. Comp. 1976).
func orthonormalizeEach[T device.Float](q device.Queue[T], basis, x, along device.Matrix[T], tiny float64, seed uint64, stream *uint64) (*mat.Dense, error) {
	b := x.Rows
	l := mat.NewDense(b, b, nil)
	among, host := q.Alloc(1, b), make([]T, b)
	for i := range b {
		row, before, c := x.Row(i), x.RowRange(0, i), among.Slice(0, 1, 0, i)
		random, least := false, tiny
		last := math.Inf(1)
		for pass := 0; ; pass++ {
			project(q, basis, row, along.RowRange(0, 1))
			if i > 0 {
				q.Gemm(device.NoTrans, device.Transp, 1, row, before, 0, c)
				q.Gemm(device.NoTrans, device.NoTrans, -1, c, before, 1, row)
				q.Download(device.Vector(host[:i]), c)
			}
			size, err := norm(q, row)
			if err != nil {
				return nil, err
			}
			for j := 0; j < i && !random; j++ {
				l.Set(i, j, l.At(i, j)+float64(host[j]))
			}
			if pass == 20 {
				return nil, errNoDirection
			}
			if !(size > least) {
				random, least = true, 0
				*stream++
				q.Random(device.Normal, seed, *stream, row)
				last = math.Inf(1)
				continue
			}
			if size > last/2 {
				if !random {
					l.Set(i, i, size)
				}
				q.Add(T(1/size), device.NoTrans, row, 0, device.NoTrans, device.Matrix[T]{}, row)
				break
			}
			last = size
		}
	}
	return l, q.Sync()
}

// combineRows replaces the first rows of x by the combinations c of them, some
// columns at a time.
func combineRows[T device.Float](q device.Queue[T], c device.Dense[T], x device.Matrix[T]) {
	defer q.Scope()()
	const chunk = 1 << 13
	m := q.Alloc(c.Rows, c.Cols)
	q.Upload(m, c)
	product := q.Alloc(c.Rows, min(chunk, x.Cols))
	for lo := 0; lo < x.Cols; lo += chunk {
		hi := min(lo+chunk, x.Cols)
		y := product.Slice(0, c.Rows, 0, hi-lo)
		q.Gemm(device.NoTrans, device.NoTrans, 1, m, x.Slice(0, c.Cols, lo, hi), 0, y)
		q.Copy(x.Slice(0, c.Rows, lo, hi), y)
	}
}

// norm returns ‖x‖₂, also where the sum of squares leaves the range of T.
func norm[T device.Float](q device.Queue[T], x device.Matrix[T]) (float64, error) {
	s, err := scalar(q, func(out device.Matrix[T]) { q.Reduce(device.SumSquares, device.Whole, x, out) })
	if err != nil || regular[T](math.Sqrt(s)) {
		return math.Sqrt(s), err
	}
	largest, err := scalar(q, func(out device.Matrix[T]) { q.Reduce(device.MaxAbs, device.Whole, x, out) })
	if err != nil || largest == 0 || largest-largest != 0 {
		return largest, err
	}
	defer q.Scope()()
	y := q.Alloc(x.Rows, x.Cols)
	q.Copy(y, x)
	_, e := math.Frexp(largest)
	multiply(q, y, -e)
	s, err = scalar(q, func(out device.Matrix[T]) { q.Reduce(device.SumSquares, device.Whole, y, out) })
	return math.Ldexp(math.Sqrt(s), e), err
}

// regular reports whether a norm that comes from a sum of squares can be
// trusted: the sum was far from the ends of the range of T.
func regular[T device.Float](size float64) bool {
	return size > 0 && size <= math.MaxFloat64 && exponent[T](size) == 0
}

// finite reports whether a has neither NaN nor infinity, for which gonum's
// decompositions panic.
func finite(a *mat.SymDense) bool {
	n := a.SymmetricDim()
	for i := range n {
		for j := i; j < n; j++ {
			if x := a.At(i, j); x-x != 0 {
				return false
			}
		}
	}
	return true
}

// eigh returns the ascending eigenvalues and the eigenvectors, in columns, of
// a small symmetric matrix; NaN and zeros if it is not finite.
func eigh(a *mat.SymDense) ([]float64, *mat.Dense) {
	var e mat.EigenSym
	if n := a.SymmetricDim(); !finite(a) || !e.Factorize(a, true) {
		// QR iteration on a symmetric matrix of finite numbers converges.
		values := make([]float64, n)
		for i := range values {
			values[i] = math.NaN()
		}
		return values, mat.NewDense(n, n, nil)
	}
	var v mat.Dense
	e.VectorsTo(&v)
	return e.Values(nil), &v
}
