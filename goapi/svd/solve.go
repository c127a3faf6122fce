package svd

import (
	"fmt"
	"math"

	"github.com/ritz-go/ritz/goapi/device"
)

// Solution is a least squares solution.
type Solution[T device.Float] struct {
	X        device.Dense[T] // n×p, the shortest of those that minimize ‖A·X - B‖
	Residual []float64       // ‖A·x - b‖₂ for each of the p columns
	Rank     int             // number of singular values that were used
}

// PseudoInverse returns the n×m pseudo-inverse V·diag(1/S)·Uᵀ of the m×n
// matrix that f decomposes, and the number of singular values in it: those
// above rcond·σ₁, the others count as zero. rcond = 0 means max(m,n)·eps. A
// zero matrix has a zero pseudo-inverse.
//
// Errors: *device.ArgumentError if rcond is negative or not below 1, or f has
// no vectors; the failures of the device. The product costs 2·m·n·rank
// operations.
func PseudoInverse[T device.Float](dev device.Device, f *Result[T], rcond float64) (inverse device.Dense[T], rank int, err error) {
	q := device.NewQueue[T](dev)
	defer q.Close()
	u, vt, rank, err := invertible(q, f, rcond)
	if err != nil {
		return inverse, 0, err
	}
	inverse = device.NewDense[T](f.Vt.Cols, f.U.Rows)
	x := q.Alloc(inverse.Rows, inverse.Cols)
	if rank > 0 {
		q.Gemm(device.Transp, device.Transp, 1, vt, u, 0, x)
	}
	q.Download(inverse, x)
	return inverse, rank, q.Sync()
}

// LeastSquares solves A·X ≈ B for the m×n matrix A that f decomposes and B
// (m×p). Singular values up to rcond·σ₁ count as zero, as in PseudoInverse,
// whose errors it returns, besides those for a B of a wrong shape or with a
// NaN or an infinity.
func LeastSquares[T device.Float](dev device.Device, f *Result[T], b device.Dense[T], rcond float64) (*Solution[T], error) {
	if err := device.CheckInput("right-hand side", b); err != nil {
		return nil, err
	}
	q := device.NewQueue[T](dev)
	defer q.Close()
	u, vt, rank, err := invertible(q, f, rcond)
	if err != nil {
		return nil, err
	}
	if b.Rows != f.U.Rows {
		return nil, &device.ShapeError{Op: "right-hand side", Detail: fmt.Sprintf("has %d rows, the matrix %d", b.Rows, f.U.Rows)}
	}
	r := &Solution[T]{X: device.NewDense[T](f.Vt.Cols, b.Cols), Residual: make([]float64, b.Cols), Rank: rank}
	x, rest, squares := q.Alloc(r.X.Rows, b.Cols), q.Alloc(b.Rows, b.Cols), q.Alloc(1, b.Cols)
	q.Upload(rest, b)
	if rank > 0 {
		c := q.Alloc(rank, b.Cols)
		basis := q.Alloc(b.Rows, rank)
		q.Upload(basis, f.U.Slice(0, b.Rows, 0, rank))
		q.Gemm(device.Transp, device.NoTrans, 1, u, rest, 0, c)
		q.Gemm(device.Transp, device.NoTrans, 1, vt, c, 0, x)
		q.Gemm(device.Transp, device.NoTrans, 1, basis, rest, 0, c)
		q.Gemm(device.NoTrans, device.NoTrans, -1, basis, c, 1, rest)
	}
	q.Reduce(device.SumSquares, device.PerCol, rest, squares)
	host := make([]T, b.Cols)
	q.Download(r.X, x)
	q.Download(device.Vector(host), squares)
	if err := q.Sync(); err != nil {
		return nil, err
	}
	for j, s := range host {
		r.Residual[j] = math.Sqrt(float64(s))
	}
	return r, nil
}

// invertible returns U·diag(1/S) and Vᵀ for the singular values that count.
func invertible[T device.Float](q device.Queue[T], f *Result[T], rcond float64) (u, vt device.Matrix[T], rank int, err error) {
	m, n := f.U.Rows, f.Vt.Cols
	switch {
	case !(rcond >= 0 && rcond < 1):
		return u, vt, 0, device.Argument("rcond", "is %v, must be at least 0 and below 1", rcond)
	case m == 0 || n == 0:
		return u, vt, 0, device.Argument("decomposition", "has no vectors")
	}
	if rcond == 0 {
		rcond = float64(max(m, n)) * device.Epsilon[T]()
	}
	for rank < len(f.S) && float64(f.S[rank]) > rcond*float64(f.S[0]) {
		rank++
	}
	if rank == 0 {
		return u, vt, 0, nil
	}
	u, vt = q.Alloc(m, rank), q.Alloc(rank, n)
	s := q.Alloc(1, rank)
	q.Upload(u, f.U.Slice(0, m, 0, rank))
	q.Upload(vt, f.Vt.Slice(0, rank, 0, n))
	q.Upload(s, device.Vector(f.S[:rank]))
	q.Map(device.Inv, s, s)
	q.ScaleBy(device.PerCol, s, u, u)
	return u, vt, rank, q.Sync()
}
