package svd

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/ritz-go/ritz/goapi/device"
)

// EighOptions are the options of Eigh. The zero value computes all eigenvalues
// and eigenvectors.
type EighOptions struct {
	// First and Last choose the eigenvalues number First to Last-1, counted
	// from 0 for the smallest one; Last = 0 means up to the largest. All of
	// them are computed in any case.
	First, Last int

	// ValuesOnly leaves out Vt, at the same cost.
	ValuesOnly bool

	// Seed of the certificate's probes.
	Seed uint64
}

// Eigen is a symmetric eigendecomposition A = Vtᵀ·diag(Values)·Vt, or the
// chosen part of one.
type Eigen[T device.Float] struct {
	Values      []T             // k eigenvalues, ascending
	Vt          device.Dense[T] // k×n, row i belongs to Values[i]; empty with ValuesOnly
	Method      Method          // Direct, or Jacobi if that failed
	Failed      []Attempt
	Certificate EigenCertificate
}

// EigenCertificate says how far an eigendecomposition can be off. It is that
// of all eigenvalues, whichever were chosen, from ten random vectors as in
// [Certificate].
type EigenCertificate struct {
	Residual      float64 // ‖A - Vtᵀ·diag(Values)·Vt‖_F/‖A‖_F, estimated
	Orthogonality float64 // bound of ‖Vt·Vtᵀ - I‖₂
	ErrorBound    float64 // bound of |Values[i] - λᵢ| for all i
}

// Eigh computes the eigenvalues and eigenvectors of the symmetric n×n matrix
// a, by the device's divide and conquer method (syevd with OpenBLAS, QR
// iteration should it fail) and, should that fail, by one-sided Jacobi
// rotations of A + ‖A‖·I. The entry of largest magnitude in each eigenvector
// is positive. It costs about 9·n³ operations.
//
// Rounding errors may make a differ from its transpose by n·eps times its
// largest entry; the mean of both is decomposed.
//
// Errors: *device.ShapeError if a is not square, device.ErrEmpty,
// *device.NotFiniteError, also if an eigenvalue overflows,
// *device.ArgumentError for a matrix that is not symmetric or a range that is
// empty, *device.NotConvergedError if both methods fail, and that of ctx, which
// is looked at between stages.
func Eigh[T device.Float](ctx context.Context, dev device.Device, a device.Dense[T], o EighOptions) (*Eigen[T], error) {
	if err := device.CheckInput("matrix", a); err != nil {
		return nil, err
	}
	n := a.Rows
	if a.Cols != n {
		return nil, &device.ShapeError{Op: "matrix", Detail: fmt.Sprintf("is %d×%d, not square", n, a.Cols)}
	}
	if o.Last == 0 {
		o.Last = n
	}
	if o.First < 0 || o.Last > n || o.First >= o.Last {
		return nil, device.Argument("range", "[%d:%d] of eigenvalues must not be empty and lie in [0:%d]", o.First, o.Last, n)
	}
	if err := checkSymmetric(a); err != nil {
		return nil, err
	}
	q := device.NewQueue[T](dev)
	defer q.Close()
	scaled, exponent, err := scale(q, device.Lend(q, a))
	if err != nil {
		return nil, err
	}
	x := q.Alloc(n, n)
	q.Add(0.5, device.NoTrans, scaled, 0.5, device.Transp, scaled, x)
	r := &Eigen[T]{}
	vt, w := q.Alloc(n, n), q.Alloc(1, n)
	for _, by := range []Method{Direct, Jacobi} {
		if err = errors.Join(q.Sync(), ctx.Err()); err != nil {
			return nil, err
		}
		if by == Direct {
			q.Copy(vt, x)
			q.Eigh(vt, w)
			err = q.Sync()
		} else {
			err = eighByJacobi(ctx, q, x, vt, w)
		}
		if err == nil {
			err = r.certify(q, x, vt, w, o.Seed)
		}
		if err == nil {
			r.Method = by
			break
		}
		if !errors.Is(err, device.ErrNotConverged) {
			return nil, err
		}
		r.Failed = append(r.Failed, Attempt{by, err})
	}
	if err != nil {
		return nil, err
	}
	values := w.Slice(0, 1, o.First, o.Last)
	if exponent != 0 {
		multiply(q, values, exponent, values)
		c := Certificate{ErrorBound: r.Certificate.ErrorBound}
		c.unscale(exponent, device.Epsilon[T]())
		r.Certificate.ErrorBound = c.ErrorBound
	}
	r.Values = make([]T, o.Last-o.First)
	q.Download(device.Vector(r.Values), values)
	if !o.ValuesOnly {
		rows := vt.RowRange(o.First, o.Last)
		fixSigns(q, device.Matrix[T]{}, rows)
		r.Vt = device.NewDense[T](rows.Rows, n)
		q.Download(r.Vt, rows)
	}
	if err := q.Sync(); err != nil {
		return nil, err
	}
	return r, device.CheckInput("eigenvalues", device.Vector(r.Values))
}

func checkSymmetric[T device.Float](a device.Dense[T]) error {
	largest, worst, row, col := 0.0, 0.0, 0, 0
	for i := range a.Rows {
		for j, v := range a.Row(i)[:i+1] {
			x, y := float64(v), float64(a.At(j, i))
			largest = max(largest, math.Abs(x), math.Abs(y))
			if d := math.Abs(x/2 - y/2); d > worst {
				worst, row, col = d, i, j
			}
		}
	}
	if worst > float64(a.Rows)*device.Epsilon[T]()*largest {
		return device.Argument("matrix", "is not symmetric: it holds %v at row %d, column %d and %v at row %d, column %d",
			a.At(row, col), row, col, a.At(col, row), col, row)
	}
	return nil
}

// eighByJacobi decomposes x + c·I, which is positive definite: its singular
// values are its eigenvalues.
func eighByJacobi[T device.Float](ctx context.Context, q device.Queue[T], x, vt, w device.Matrix[T]) error {
	defer q.Scope()()
	n := x.Rows
	square, err := scalar(q, func(out device.Matrix[T]) { q.Reduce(device.SumSquares, device.Whole, x, out) })
	if err != nil {
		return err
	}
	c := 2 * math.Sqrt(square)
	shifted := q.Alloc(n, n)
	q.Copy(shifted, x)
	q.AddDiag(T(c), shifted)
	if _, err := jacobi(ctx, q, shifted, 0, device.Matrix[T]{}, w, vt); err != nil {
		return err
	}
	// Rayleigh quotients: the shift costs them no digits.
	xv, values, rows := q.Alloc(n, n), make([]T, n), device.NewDense[T](n, n)
	q.Gemm(device.NoTrans, device.NoTrans, 1, vt, x, 0, xv)
	q.Dot(device.PerRow, xv, vt, w)
	q.Download(device.Vector(values), w)
	q.Download(rows, vt)
	if err := q.Sync(); err != nil {
		return err
	}
	order := make([]int, n)
	for i := range order {
		order[i] = n - 1 - i
	}
	slices.SortStableFunc(order, func(i, j int) int {
		switch {
		case values[i] < values[j]:
			return -1
		case values[i] > values[j]:
			return 1
		}
		return 0
	})
	sorted, ascending := rows.Clone(), make([]T, n)
	for i, from := range order {
		copy(sorted.Row(i), rows.Row(from))
		ascending[i] = values[from]
	}
	q.Upload(vt, sorted)
	q.Upload(w, device.Vector(ascending))
	return q.Sync()
}

// certify fills in the certificate of all eigenvalues, and returns an error
// that matches device.ErrNotConverged if it shows more than rounding errors.
func (r *Eigen[T]) certify(q device.Queue[T], x, vt, w device.Matrix[T], seed uint64) error {
	defer q.Scope()()
	n := x.Rows
	c := &r.Certificate
	t := newTally(q, 2+2*probed)
	size, square := t.reduce(device.MaxAbs, w), t.reduce(device.SumSquares, x)
	lack := orthogonality(t, device.NoTrans, vt, seed, streamProbesV)
	ω, y, left := q.Alloc(n, probes), q.Alloc(n, probes), q.Alloc(n, probes)
	q.Random(device.Normal, seed, streamProbesA, ω)
	q.Gemm(device.NoTrans, device.NoTrans, 1, vt, ω, 0, y)
	q.ScaleBy(device.PerRow, w, y, y)
	q.Gemm(device.NoTrans, device.NoTrans, 1, x, ω, 0, left)
	q.Gemm(device.Transp, device.NoTrans, -1, vt, y, 1, left)
	off := probe(t, left)
	if err := t.fetch(); err != nil {
		return err
	}
	estimate, bound := off()
	largest := float64(size[0])
	c.Orthogonality = lack()
	c.Residual = relative(estimate, math.Sqrt(float64(square[0])))
	c.ErrorBound = bound + largest*c.Orthogonality
	worst, allowed := max(relative(c.ErrorBound, largest), c.Orthogonality), 100*float64(n+10)*device.Epsilon[T]()
	if worst <= allowed {
		return nil
	}
	return &device.NotConvergedError{Method: "the eigendecomposition", Iterations: 1, Achieved: worst, Wanted: allowed}
}
