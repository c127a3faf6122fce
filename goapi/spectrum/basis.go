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
//
// Each row is projected until a pass leaves at least half of it; rounding
// errors are then at most twice those of one pass on a unit vector (the
// criterion of Daniel, Gragg, Kaufman and Stewart, Math. Comp. 1976).
func orthonormalizeRows[T device.Float](q device.Queue[T], basis, x device.Matrix[T], tiny float64, seed uint64, stream *uint64) (*mat.Dense, error) {
	defer q.Scope()()
	b := x.Rows
	l := mat.NewDense(b, b, nil)
	along := q.Alloc(b, max(1, basis.Rows)).Slice(0, b, 0, basis.Rows)
	if basis.Rows > 0 { // the first pass for all rows at once
		q.Gemm(device.NoTrans, device.Transp, 1, x, basis, 0, along)
		q.Gemm(device.NoTrans, device.NoTrans, -1, along, basis, 1, x)
	}
	among, host := q.Alloc(1, b), make([]T, b)
	for i := range b {
		row, before, c := x.Row(i), x.RowRange(0, i), among.Slice(0, 1, 0, i)
		random := false
		last := math.Inf(1)
		for pass := 0; ; pass++ {
			if basis.Rows > 0 {
				q.Gemm(device.NoTrans, device.Transp, 1, row, basis, 0, along.Row(0))
				q.Gemm(device.NoTrans, device.NoTrans, -1, along.Row(0), basis, 1, row)
			}
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
			if !(size > tiny) {
				random, tiny = true, 0
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
	if s > 0 && s <= math.MaxFloat64 && exponent[T](math.Sqrt(s)) == 0 || err != nil {
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
