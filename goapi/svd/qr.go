package svd

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/ritz-go/ritz/goapi/device"
)

// QROptions are the options of QR.
type QROptions struct {
	// Pivot takes the column with the largest remainder next, instead of
	// the next column, which tells the numerical rank.
	Pivot bool

	// Tol, with Pivot, is the share of the first diagonal element of R above
	// which others count for the rank; 0 means max(m,n)·eps.
	Tol float64

	// Seed of the certificate's probes.
	Seed uint64
}

// QRFactors are A·P = Q·R, k = min(m,n).
type QRFactors[T device.Float] struct {
	Q device.Dense[T] // m×k, orthonormal columns
	R device.Dense[T] // k×n, upper triangular; the diagonal is not negative

	// Pivots tells the order of columns: column j of A·P is column Pivots[j]
	// of A. nil without pivoting.
	Pivots []int

	// Rank is the numerical rank, k without pivoting: diagonal elements of R
	// that are small do not tell then.
	Rank int

	Certificate QRCertificate
}

// QRCertificate says how good a QR factorization is, from ten random vectors
// as in [Certificate].
type QRCertificate struct {
	Residual      float64 // ‖A·P - Q·R‖_F/‖A‖_F, estimated
	Orthogonality float64 // bound of ‖QᵀQ - I‖₂
}

// QR computes the thin QR factorization of the m×n matrix a by Householder
// reflections. A tall matrix is factored on the device before its triangle is
// pivoted.
//
// With pivoting the diagonal of R descends, and usually tells the rank; there
// are rare matrices, such as Kahan's, whose rank it overestimates, for which
// singular values are the answer. It costs 4·m·n² operations for m ≥ n, and
// pivoting 4·n³ more.
//
// Errors: those of bad input, *device.NotFiniteError also if elements of R
// overflow, and that of ctx, which is looked at between stages.
func QR[T device.Float](ctx context.Context, dev device.Device, a device.Dense[T], o QROptions) (*QRFactors[T], error) {
	if err := device.CheckInput("matrix", a); err != nil {
		return nil, err
	}
	if !(o.Tol >= 0 && o.Tol < 1) {
		return nil, device.Argument("tolerance", "is %v, must be at least 0 and below 1", o.Tol)
	}
	if o.Tol == 0 {
		o.Tol = float64(max(a.Rows, a.Cols)) * device.Epsilon[T]()
	}
	q := device.NewQueue[T](dev)
	defer q.Close()
	x, exponent, err := scale(q, device.Lend(q, a))
	if err != nil {
		return nil, err
	}
	k := min(a.Rows, a.Cols)
	f := &QRFactors[T]{Rank: k}
	basis, r := q.Alloc(a.Rows, k), q.Alloc(k, a.Cols)
	switch {
	case o.Pivot:
		err = f.pivot(ctx, q, x, basis, r)
	case a.Rows >= a.Cols:
		q.Copy(basis, x)
		q.QR(basis, r)
	default: // the square part, then what it makes of the rest
		q.Copy(basis, x.Slice(0, k, 0, k))
		q.QR(basis, r.Slice(0, k, 0, k))
		q.Gemm(device.Transp, device.NoTrans, 1, basis, x.Slice(0, k, k, a.Cols), 0, r.Slice(0, k, k, a.Cols))
	}
	if err := errors.Join(err, q.Sync(), ctx.Err()); err != nil {
		return nil, err
	}
	if err := f.orient(q, basis, r, o); err != nil {
		return nil, err
	}
	if err := f.certify(q, x, basis, r, o.Seed); err != nil {
		return nil, err
	}
	if exponent != 0 {
		multiply(q, r, exponent, r)
	}
	f.Q, f.R = device.NewDense[T](a.Rows, k), device.NewDense[T](k, a.Cols)
	q.Download(f.Q, basis)
	q.Download(f.R, r)
	if err := q.Sync(); err != nil {
		return nil, err
	}
	return f, device.CheckInput("R", f.R)
}

// pivot factors x with pivoting, in float64.
func (f *QRFactors[T]) pivot(ctx context.Context, q device.Queue[T], x, basis, r device.Matrix[T]) error {
	defer q.Scope()()
	m, n := x.Rows, x.Cols
	top := x
	if m > n {
		top = q.Alloc(n, n)
		q.Copy(basis, x)
		q.QR(basis, top)
	}
	host := device.NewDense[T](top.Rows, n)
	q.Download(host, top)
	if err := errors.Join(q.Sync(), ctx.Err()); err != nil {
		return err
	}
	p := pivotQR(columnsOf(device.Convert[float64](host)))
	f.Pivots = p.pivot
	k := len(p.diag)
	triangle := device.NewDense[T](k, n)
	for i := range k {
		for j := i; j < n; j++ {
			triangle.Set(i, j, T(math.Ldexp(p.r(i, j), p.c.e[j])))
		}
	}
	q.Upload(r, triangle)
	small := device.Convert[T](p.factor(k))
	if m <= n {
		q.Upload(basis, small)
		return q.Sync()
	}
	long := q.Alloc(m, n)
	q.Gemm(device.NoTrans, device.NoTrans, 1, basis, device.Lend(q, small), 0, long)
	q.Copy(basis, long)
	return q.Sync()
}

// orient makes the diagonal of R positive and reads the rank off it.
func (f *QRFactors[T]) orient(q device.Queue[T], basis, r device.Matrix[T], o QROptions) error {
	defer q.Scope()()
	k := r.Rows
	host := device.NewDense[T](k, k)
	q.Download(host, r.Slice(0, k, 0, k))
	if err := q.Sync(); err != nil {
		return err
	}
	signs := make([]T, k)
	for i := range signs {
		signs[i] = 1
		if host.At(i, i) < 0 {
			signs[i] = -1
		}
	}
	if o.Pivot {
		f.Rank = 0
		least := o.Tol * math.Abs(float64(host.At(0, 0)))
		for f.Rank < k && math.Abs(float64(host.At(f.Rank, f.Rank))) > least {
			f.Rank++
		}
	}
	d := q.Alloc(1, k)
	q.Upload(d, device.Vector(signs))
	q.ScaleBy(device.PerRow, d, r, r)
	q.ScaleBy(device.PerCol, d, basis, basis)
	return q.Sync()
}

func (f *QRFactors[T]) certify(q device.Queue[T], x, basis, r device.Matrix[T], seed uint64) error {
	defer q.Scope()()
	n := x.Cols
	t := newTally(q, 1+2*probed)
	lack := orthogonality(t, device.Transp, basis, seed, streamProbesU)
	ω, sorted := device.NewDense[T](n, probes), device.NewDense[T](n, probes)
	random, y, left := q.Alloc(n, probes), q.Alloc(r.Rows, probes), q.Alloc(x.Rows, probes)
	q.Random(device.Normal, seed, streamProbesA, random)
	q.Download(ω, random)
	if err := q.Sync(); err != nil {
		return err
	}
	for j := range n { // A·P·Pᵀ·ω
		from := j
		if f.Pivots != nil {
			from = f.Pivots[j]
		}
		copy(sorted.Row(j), ω.Row(from))
	}
	q.Gemm(device.NoTrans, device.NoTrans, 1, r, device.Lend(q, sorted), 0, y)
	q.Gemm(device.NoTrans, device.NoTrans, 1, x, random, 0, left)
	q.Gemm(device.NoTrans, device.NoTrans, -1, basis, y, 1, left)
	square, off := t.reduce(device.SumSquares, x), probe(t, left)
	if err := t.fetch(); err != nil {
		return err
	}
	estimate, _ := off()
	f.Certificate = QRCertificate{Orthogonality: lack(), Residual: relative(estimate, math.Sqrt(float64(square[0])))}
	return nil
}

// LeastSquares solves A·X ≈ B for the m×n matrix A that f factors and B (m×p).
// Where the rank is below n, X is the shortest solution for the leading Rank
// rows of R. It costs 4·m·k·p operations.
//
// Errors: those of bad input, *device.ArgumentError without pivoting if the
// triangle is singular to working accuracy, the failures of the device.
func (f *QRFactors[T]) LeastSquares(dev device.Device, b device.Dense[T]) (*Solution[T], error) {
	if err := device.CheckInput("right-hand side", b); err != nil {
		return nil, err
	}
	k, n := f.R.Rows, f.R.Cols
	if k == 0 || f.Q.Cols != k || f.Rank < 0 || f.Rank > k || f.Pivots != nil && len(f.Pivots) != n {
		return nil, device.Argument("factorization", "is not one that QR made")
	}
	if b.Rows != f.Q.Rows {
		return nil, &device.ShapeError{Op: "right-hand side", Detail: fmt.Sprintf("has %d rows, the matrix %d", b.Rows, f.Q.Rows)}
	}
	if f.Pivots == nil {
		most, least := 0.0, math.Inf(1)
		for i := range k {
			v := math.Abs(float64(f.R.At(i, i)))
			most, least = max(most, v), min(least, v)
		}
		if !(least > float64(max(f.Q.Rows, n))*device.Epsilon[T]()*most) {
			return nil, device.Argument("factorization", "has a singular triangle; use one with pivoting")
		}
	}
	q := device.NewQueue[T](dev)
	defer q.Close()
	s := &Solution[T]{X: device.NewDense[T](n, b.Cols), Residual: make([]float64, b.Cols), Rank: f.Rank}
	rest, squares := q.Alloc(b.Rows, b.Cols), q.Alloc(1, b.Cols)
	q.Upload(rest, b)
	if rank := f.Rank; rank > 0 {
		basis, c := device.Lend(q, f.Q.Slice(0, b.Rows, 0, rank)), q.Alloc(rank, b.Cols)
		q.Gemm(device.Transp, device.NoTrans, 1, basis, rest, 0, c)
		q.Gemm(device.NoTrans, device.NoTrans, -1, basis, c, 1, rest)
		x := q.Alloc(n, b.Cols)
		if rank == n {
			q.Copy(x, c)
			q.Trsm(device.Left, device.Upper, device.NoTrans, 1, device.Lend(q, f.R), x)
		} else { // R = Lᵀ·Zᵀ with orthonormal Z
			z, l := q.Alloc(n, rank), q.Alloc(rank, rank)
			q.Add(1, device.Transp, device.Lend(q, f.R.Slice(0, rank, 0, n)), 0, device.NoTrans, device.Matrix[T]{}, z)
			q.QR(z, l)
			q.Trsm(device.Left, device.Upper, device.Transp, 1, l, c)
			q.Gemm(device.NoTrans, device.NoTrans, 1, z, c, 0, x)
		}
		host := device.NewDense[T](n, b.Cols)
		q.Download(host, x)
		if err := q.Sync(); err != nil {
			return nil, err
		}
		for j := range n {
			to := j
			if f.Pivots != nil {
				to = f.Pivots[j]
			}
			copy(s.X.Row(to), host.Row(j))
		}
	}
	q.Reduce(device.SumSquares, device.PerCol, rest, squares)
	host := make([]T, b.Cols)
	q.Download(device.Vector(host), squares)
	if err := q.Sync(); err != nil {
		return nil, err
	}
	for j, v := range host {
		s.Residual[j] = math.Sqrt(float64(v))
	}
	return s, nil
}
