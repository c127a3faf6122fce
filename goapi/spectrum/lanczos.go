package spectrum

import (
	"context"
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"

	"github.com/ritz-go/ritz/goapi/device"
)

// Reorthogonalization says what Lanczos does against the loss of
// orthogonality that rounding causes as soon as a Ritz value converges.
type Reorthogonalization int

const (
	// PartialReorth makes a new vector orthogonal to all before it when a
	// recurrence for the loss says that it exceeds √(eps/steps), which keeps T
	// as accurate as FullReorth does.
	PartialReorth Reorthogonalization = iota
	// FullReorth does so in every step.
	FullReorth
	// NoReorth is the bare recurrence, which needs two vectors of memory:
	// converged eigenvalues reappear as copies, that share the weight of
	// the original in a quadrature. Rounding decides where, so that numbers
	// of different devices agree to fewer digits.
	NoReorth
)

func (r Reorthogonalization) check() error {
	if r < PartialReorth || r > NoReorth {
		return device.Argument("re-orthogonalization", "%d does not exist", int(r))
	}
	return nil
}

// Tridiagonal is the result of m steps of Lanczos: V·H·Vᵀ = T with the
// orthonormal rows of V.
type Tridiagonal[T device.Float] struct {
	Alpha      []float64        // m diagonal entries of T
	Beta       []float64        // m-1 off-diagonal entries
	Last       float64          // the norm of the residual after the last step
	Basis      device.Matrix[T] // V, m×n on the device
	FullPasses int              // steps that were re-orthogonalized against all of V
	Products   int
}

// Eigen returns the Ritz values, ascending, and the eigenvectors of T in
// columns; NaN if an entry of T is not finite.
func (t *Tridiagonal[T]) Eigen() ([]float64, *mat.Dense) {
	m := len(t.Alpha)
	if m == 0 || len(t.Beta) < m-1 {
		return nil, new(mat.Dense)
	}
	values, z := append([]float64(nil), t.Alpha...), make([]float64, m*m)
	for i := range m {
		z[i*m+i] = 1
	}
	if !tridiagonalEigen(values, append([]float64(nil), t.Beta[:m-1]...), z, m) {
		for i := range values {
			values[i] = math.NaN()
		}
		return values, mat.NewDense(m, m, nil)
	}
	return values, mat.DenseCopyOf(mat.NewDense(m, m, z).T())
}

// Residuals returns ‖H·y-θ·y‖₂ for each Ritz pair in the order of Eigen, up to
// rounding: some eigenvalue of H lies within it of θ.
func (t *Tridiagonal[T]) Residuals() []float64 {
	m := len(t.Alpha)
	if m == 0 || len(t.Beta) < m-1 {
		return nil
	}
	_, r := tridiagonalRow(t.Alpha, t.Beta, m-1)
	for i := range r {
		r[i] = math.Abs(r[i]) * t.Last
	}
	return r
}

// Lanczos runs at most steps steps from the 1×n vector start, which need not
// be of unit length; it belongs to q, as does the basis of the result. It
// stops early when the Krylov space is invariant. One vector does not show
// whether op is symmetric. Errors: *device.ShapeError for start,
// *device.ArgumentError, *device.NotFiniteError if a product, or its square,
// is not finite; the operator's own and that of ctx.
func Lanczos[T device.Float](ctx context.Context, q device.Queue[T], op Operator[T], start device.Matrix[T], steps int, r Reorthogonalization) (*Tridiagonal[T], error) {
	if err := checkStart(op, start, steps, 1); err != nil {
		return nil, err
	}
	if err := r.check(); err != nil {
		return nil, err
	}
	steps = min(steps, op.Dim())
	rec, err := newRecurrence(q, op, start, device.Matrix[T]{}, steps, steps, 0, r)
	if err != nil {
		return nil, err
	}
	if rec.done > 0 {
		return nil, device.Argument("start", "is zero")
	}
	for rec.more() {
		if err := rec.step(ctx); err != nil {
			return nil, err
		}
	}
	return rec.tridiagonal(0), q.Sync()
}

// checkStart checks the arguments of a recurrence with rows start vectors.
func checkStart[T device.Float](op Operator[T], start device.Matrix[T], steps, rows int) error {
	if err := checkOperator(op); err != nil {
		return err
	}
	if steps < 1 {
		return device.Argument("steps", "is %d, must be at least 1", steps)
	}
	if err := device.CheckMatrix("start", start); err != nil {
		return err
	}
	if start.Rows != rows || start.Cols != op.Dim() {
		return &device.ShapeError{Op: "start", Detail: fmt.Sprintf("is %d×%d, must be %d×%d", start.Rows, start.Cols, rows, op.Dim())}
	}
	return nil
}
