package svd

import (
	"context"
	"errors"
	"math"

	"gonum.org/v1/gonum/mat"

	"github.com/ritz-go/ritz/goapi/device"
)

// Interpolation is A ≈ A[:,Columns]·Z: the matrix in terms of some of its own
// columns.
type Interpolation[T device.Float] struct {
	Columns []int           // k different columns, the most telling first
	Z       device.Dense[T] // k×n, the identity in Columns

	// Residual is ‖A - A[:,Columns]·Z‖_F/‖A‖_F, computed.
	Residual float64
}

// Skeleton is A ≈ C·U·R with columns C = A[:,Columns] and rows R = A[Rows,:].
type Skeleton[T device.Float] struct {
	Columns, Rows []int
	U             device.Dense[T] // k×k

	// Residual is ‖A - C·U·R‖_F/‖A‖_F, computed.
	Residual float64
}

// Interpolate finds k columns in terms of which the others can be written:
// those that a QR factorization with column pivoting takes first, not of A
// but of a sketch of k+10 random combinations of its rows (Martinsson, Rokhlin
// and Tygert, ACHA 2011). Usually the error is within a small factor of that
// of the best approximation of rank k, and the entries of Z are below 2 or
// so; neither is guaranteed, and Residual is computed from A.
//
// It costs about 2·m·n·(2k+10) operations. Errors: those of bad input, k
// beyond min(m,n), and that of ctx.
func Interpolate[T device.Float](ctx context.Context, dev device.Device, a device.Dense[T], k int, seed uint64) (*Interpolation[T], error) {
	if err := checkSkeleton(a, k); err != nil {
		return nil, err
	}
	q := device.NewQueue[T](dev)
	defer q.Close()
	lent, _, err := scale(q, device.Lend(q, a))
	if err != nil {
		return nil, err
	}
	columns, z, err := interpolate(ctx, q, lent, k, seed)
	if err != nil {
		return nil, err
	}
	// What is left is measured on the matrix itself.
	c, rest := q.Alloc(a.Rows, k), q.Alloc(a.Rows, a.Cols)
	for i, j := range columns {
		q.Copy(c.Slice(0, a.Rows, i, i+1), lent.Slice(0, a.Rows, j, j+1))
	}
	q.Copy(rest, lent)
	q.Gemm(device.NoTrans, device.NoTrans, -1, c, device.Lend(q, z), 1, rest)
	residual, err := share(q, rest, lent)
	return &Interpolation[T]{columns, z, residual}, err
}

// Skeletonize finds k columns as Interpolate does and k rows in the same way,
// and the U between them that makes C·U·R nearest to A in the Frobenius norm,
// U = C⁺·A·R⁺.
func Skeletonize[T device.Float](ctx context.Context, dev device.Device, a device.Dense[T], k int, seed uint64) (*Skeleton[T], error) {
	if err := checkSkeleton(a, k); err != nil {
		return nil, err
	}
	q := device.NewQueue[T](dev)
	defer q.Close()
	none := device.Matrix[T]{}
	lent, exponent, err := scale(q, device.Lend(q, a))
	if err != nil {
		return nil, err
	}
	at := q.Alloc(a.Cols, a.Rows)
	q.Add(1, device.Transp, lent, 0, device.NoTrans, none, at)
	s := &Skeleton[T]{}
	if s.Columns, _, err = interpolate(ctx, q, lent, k, seed); err != nil {
		return nil, err
	}
	if s.Rows, _, err = interpolate(ctx, q, at, k, seed); err != nil {
		return nil, err
	}
	c, rt := q.Alloc(a.Rows, k), q.Alloc(a.Cols, k)
	for i := range k {
		q.Copy(c.Slice(0, a.Rows, i, i+1), lent.Slice(0, a.Rows, s.Columns[i], s.Columns[i]+1))
		q.Copy(rt.Slice(0, a.Cols, i, i+1), at.Slice(0, a.Cols, s.Rows[i], s.Rows[i]+1))
	}
	// C⁺·A·R⁺ by the decompositions of C and Rᵀ, small values left out.
	left, err := pseudoinverse(ctx, q, c)
	if err != nil {
		return nil, err
	}
	right, err := pseudoinverse(ctx, q, rt)
	if err != nil {
		return nil, err
	}
	half, u, cu, rest := q.Alloc(k, a.Cols), q.Alloc(k, k), q.Alloc(a.Rows, k), q.Alloc(a.Rows, a.Cols)
	q.Gemm(device.NoTrans, device.NoTrans, 1, left, lent, 0, half)
	q.Gemm(device.NoTrans, device.Transp, 1, half, right, 0, u)
	q.Gemm(device.NoTrans, device.NoTrans, 1, c, u, 0, cu)
	q.Copy(rest, lent)
	q.Gemm(device.NoTrans, device.Transp, -1, cu, rt, 1, rest)
	if s.Residual, err = share(q, rest, lent); err != nil {
		return nil, err
	}
	if exponent != 0 { // U is as large as 1/A
		multiply(q, u, -exponent, u)
	}
	s.U = device.NewDense[T](k, k)
	q.Download(s.U, u)
	if err := q.Sync(); err != nil {
		return nil, err
	}
	return s, device.CheckInput("U", s.U) // it overflows where A is tiny
}

func checkSkeleton[T device.Float](a device.Dense[T], k int) error {
	if err := device.CheckInput("matrix", a); err != nil {
		return err
	}
	if k < 1 || k > min(a.Rows, a.Cols) {
		return device.Argument("rank", "is %d, must be between 1 and %d for a %d×%d matrix", k, min(a.Rows, a.Cols), a.Rows, a.Cols)
	}
	return nil
}

// share returns ‖rest‖_F/‖whole‖_F.
func share[T device.Float](q device.Queue[T], rest, whole device.Matrix[T]) (float64, error) {
	left, errLeft := scalar(q, func(out device.Matrix[T]) { q.Reduce(device.SumSquares, device.Whole, rest, out) })
	all, errAll := scalar(q, func(out device.Matrix[T]) { q.Reduce(device.SumSquares, device.Whole, whole, out) })
	return relative(math.Sqrt(left), math.Sqrt(all)), errors.Join(errLeft, errAll)
}

// pseudoinverse returns C⁺ (k×m) of a matrix with k ≤ m columns.
func pseudoinverse[T device.Float](ctx context.Context, q device.Queue[T], c device.Matrix[T]) (device.Matrix[T], error) {
	m, k := c.Rows, c.Cols
	u, s, vt, inverse := q.Alloc(m, k), q.Alloc(1, k), q.Alloc(k, k), q.Alloc(k, m)
	if err := decompose(ctx, q, c, u, s, vt); err != nil {
		return inverse, err
	}
	values := make([]T, k)
	q.Download(device.Vector(values), s)
	if err := q.Sync(); err != nil {
		return inverse, err
	}
	least := float64(max(m, k)) * device.Epsilon[T]() * float64(values[0])
	for i, σ := range values {
		values[i] = 0
		if float64(σ) > least {
			values[i] = 1 / σ
		}
	}
	q.Upload(s, device.Vector(values))
	q.ScaleBy(device.PerRow, s, vt, vt)
	q.Gemm(device.Transp, device.Transp, 1, vt, u, 0, inverse)
	return inverse, q.Sync()
}

// interpolate chooses columns of a and computes Z.
func interpolate[T device.Float](ctx context.Context, q device.Queue[T], a device.Matrix[T], k int, seed uint64) ([]int, device.Dense[T], error) {
	l := min(k+10, a.Rows)
	end := q.Scope()
	Ω, y, host := q.Alloc(l, a.Rows), q.Alloc(l, a.Cols), device.NewDense[T](l, a.Cols)
	q.Random(device.Normal, seed, streamStart, Ω)
	q.Gemm(device.NoTrans, device.NoTrans, 1, Ω, a, 0, y)
	q.Download(host, y)
	err := errors.Join(q.Sync(), ctx.Err())
	end()
	if err != nil {
		return nil, device.Dense[T]{}, err
	}
	columns, z := pivoted(device.Convert[float64](host), k)
	return columns, device.Convert[T](z), nil
}

// pivoted factors y (l×n, k ≤ min(l,n)), which it destroys, by k steps of QR
// with column pivoting and returns the pivots and the Z with y ≈ y[:,pivots]·Z.
func pivoted(y device.Dense[float64], k int) ([]int, device.Dense[float64]) {
	l, n := y.Rows, y.Cols
	t := y.T() // columns of y, one after the other
	order := make([]int, n)
	for j := range order {
		order[j] = j
	}
	r := mat.NewDense(k, n, nil)
	rank := k
	first := 0.0
	for i := range k {
		// The column with the largest remainder. Norms are computed anew:
		// updating them is faster but loses small ones.
		best, size := i, -1.0
		for j := i; j < n; j++ {
			if s := norm2(t.Row(j)); s > size {
				best, size = j, s
			}
		}
		if i == 0 {
			first = size
		}
		order[i], order[best] = order[best], order[i]
		for c := range l {
			x, z := t.At(i, c), t.At(best, c)
			t.Set(i, c, z)
			t.Set(best, c, x)
		}
		for c := range i {
			x, z := r.At(c, i), r.At(c, best)
			r.Set(c, i, z)
			r.Set(c, best, x)
		}
		if size <= first*0x1p-50 { // the sketch has no higher rank
			rank = i
			break
		}
		pivot := t.Row(i)
		r.Set(i, i, size)
		for c := range pivot {
			pivot[c] /= size
		}
		for j := i + 1; j < n; j++ {
			row, along := t.Row(j), 0.0
			for range 2 { // twice is enough for orthogonality
				part := 0.0
				for c, x := range pivot {
					part += x * row[c]
				}
				for c, x := range pivot {
					row[c] -= part * x
				}
				along += part
			}
			r.Set(i, j, along)
		}
	}
	// Z = R₁₁⁻¹·[R₁₁ R₁₂], put in the order of the columns.
	z := device.NewDense[float64](k, n)
	for i := range k {
		z.Set(i, order[i], 1)
	}
	for j := k; j < n; j++ {
		for i := rank - 1; i >= 0; i-- {
			s := r.At(i, j)
			for c := i + 1; c < rank; c++ {
				s -= r.At(i, c) * z.At(c, order[j])
			}
			z.Set(i, order[j], s/r.At(i, i))
		}
	}
	return order[:k], z
}

// norm2 returns ‖x‖₂ of numbers whose squares are in range.
func norm2(x []float64) float64 {
	sum := 0.0
	for _, v := range x {
		sum += v * v
	}
	return math.Sqrt(sum)
}
