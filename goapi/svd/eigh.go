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
	// from 0 for the smallest one; Last = 0 means up to the largest. The
	// values are all computed in any case, the vectors only if more than a
	// quarter of them is wanted.
	First, Last int

	// ValuesOnly leaves out Vt.
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

// EigenCertificate says how far an eigendecomposition can be off, from ten
// random vectors as in [Certificate].
//
// Where not all vectors are wanted, the residual is that of those which are, and
// the bound is not below max(n,10)·eps·‖A‖₂, which backward stable methods keep
// within: chosen vectors do not tell by themselves which numbers their values
// have. Without vectors that is all, and the other two are NaN.
type EigenCertificate struct {
	Residual      float64 // ‖A·Vtᵀ - Vtᵀ·diag(Values)‖_F/‖A‖_F, estimated
	Orthogonality float64 // bound of ‖Vt·Vtᵀ - I‖₂
	ErrorBound    float64 // bound of |Values[i] - λᵢ| for all i
}

// Eigh computes the eigenvalues and eigenvectors of the symmetric n×n matrix
// a, by the device's divide and conquer method (syevd with OpenBLAS, QR
// iteration should it fail) and, should that fail, by one-sided Jacobi
// rotations of A + ‖A‖·I. The entry of largest magnitude in each eigenvector
// is positive. It costs about 9·n³ operations; the eigenvalues alone, 4/3·n³, and
// 6·n² for each vector where no more than a quarter of them is wanted.
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
	w := q.Alloc(1, n)
	var vt device.Matrix[T] // the vectors that are wanted
	for _, by := range []Method{Direct, Jacobi} {
		if err = errors.Join(q.Sync(), ctx.Err()); err != nil {
			return nil, err
		}
		if by == Direct {
			vt, err = eighDirect(q, x, w, o)
		} else {
			vt, err = eighByJacobi(ctx, q, x, w, o)
		}
		if err == nil {
			err = r.certify(q, x, vt, w, o)
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
		fixSigns(q, device.Matrix[T]{}, vt)
		r.Vt = device.NewDense[T](vt.Rows, n)
		q.Download(r.Vt, vt)
	}
	if err := q.Sync(); err != nil {
		return nil, err
	}
	return r, device.CheckInput("eigenvalues", device.Vector(r.Values))
}

// eighDirect stores the eigenvalues of x in w and returns the eigenvectors that
// are wanted in rows, by the device's own method.
func eighDirect[T device.Float](q device.Queue[T], x, w device.Matrix[T], o EighOptions) (vt device.Matrix[T], err error) {
	n := x.Rows
	a := q.Alloc(n, n)
	q.Copy(a, x)
	switch count := o.Last - o.First; {
	case o.ValuesOnly:
		device.EighRange(q, a, w, vt, 0)
	case count == n:
		vt = a
		q.Eigh(a, w)
	default:
		vt = q.Alloc(count, n)
		device.EighRange(q, a, w, vt, o.First)
	}
	return vt, q.Sync()
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

// eighByJacobi is eighDirect by the decomposition of x + c·I, which is positive
// definite: its singular values are its eigenvalues.
func eighByJacobi[T device.Float](ctx context.Context, q device.Queue[T], x, w device.Matrix[T], o EighOptions) (device.Matrix[T], error) {
	n := x.Rows
	vt, none := q.Alloc(n, n), device.Matrix[T]{}
	defer q.Scope()()
	square, err := scalar(q, func(out device.Matrix[T]) { q.Reduce(device.SumSquares, device.Whole, x, out) })
	if err != nil {
		return none, err
	}
	c := 2 * math.Sqrt(square)
	shifted := q.Alloc(n, n)
	q.Copy(shifted, x)
	q.AddDiag(T(c), shifted)
	if _, err := jacobi(ctx, q, shifted, 0, none, w, vt); err != nil {
		return none, err
	}
	// Rayleigh quotients: the shift costs them no digits.
	xv, values, rows := q.Alloc(n, n), make([]T, n), device.NewDense[T](n, n)
	q.Gemm(device.NoTrans, device.NoTrans, 1, vt, x, 0, xv)
	q.Dot(device.PerRow, xv, vt, w)
	q.Download(device.Vector(values), w)
	q.Download(rows, vt)
	if err := q.Sync(); err != nil {
		return none, err
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
	if o.ValuesOnly {
		return none, q.Sync()
	}
	return vt.RowRange(o.First, o.Last), q.Sync()
}

// certify fills in the certificate, and returns an error that matches
// device.ErrNotConverged if it shows more than rounding errors.
func (r *Eigen[T]) certify(q device.Queue[T], x, vt, w device.Matrix[T], o EighOptions) error {
	defer q.Scope()()
	n := x.Rows
	c := &r.Certificate
	t := newTally(q, 2+2*probed)
	size := t.reduce(device.MaxAbs, w)
	usual := func() float64 { return float64(max(n, 10)) * device.Epsilon[T]() * float64(size[0]) }
	if vt.IsZero() {
		err := t.fetch()
		*c = EigenCertificate{Residual: math.NaN(), Orthogonality: math.NaN(), ErrorBound: usual()}
		return err
	}
	square := t.reduce(device.SumSquares, x)
	lack := orthogonality(t, device.NoTrans, vt, o.Seed, streamProbesV)
	// Times random vectors, A - Vtᵀ·Λ·Vt or, of some vectors, A·Vtᵀ - Vtᵀ·Λ.
	k, some := vt.Rows, vt.Rows < n
	ω, y, left := q.Alloc(n, probes), q.Alloc(k, probes), q.Alloc(n, probes)
	if some {
		q.Random(device.Normal, o.Seed, streamProbesA, y)
		q.Gemm(device.Transp, device.NoTrans, 1, vt, y, 0, ω)
	} else {
		q.Random(device.Normal, o.Seed, streamProbesA, ω)
		q.Gemm(device.NoTrans, device.NoTrans, 1, vt, ω, 0, y)
	}
	q.ScaleBy(device.PerRow, w.Slice(0, 1, o.First, o.First+k), y, y)
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
	if some {
		c.ErrorBound = max(c.ErrorBound, usual())
	}
	worst, allowed := max(relative(c.ErrorBound, largest), c.Orthogonality), 100*float64(n+10)*device.Epsilon[T]()
	if worst <= allowed {
		return nil
	}
	return &device.NotConvergedError{Method: "the eigendecomposition", Iterations: 1, Achieved: worst, Wanted: allowed}
}
