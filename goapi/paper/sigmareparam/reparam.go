package sigmareparam

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/svd"
)

// ErrZeroNorm says that a weight matrix is 0, or so small that 1/σ overflows:
// it has no direction to divide by.
var ErrZeroNorm = errors.New("zero spectral norm")

// Reparam is a weight matrix Ŵ = (γ/σ)·W on a device. σ is the estimate
// vᵀ·W·u of the spectral norm, by power iteration: never above it but for
// rounding. W (out×in) and γ (1×1, of either sign) belong to the caller, who
// trains them; convolutions are matrices with a row for each output.
type Reparam[T device.Float] struct {
	W, Gamma device.Matrix[T]
	// U (in×1) and V (out×1) are unit vectors near the first singular
	// vectors; U is what must be saved with a model.
	U, V device.Matrix[T]
	// Sigma (1×1) and Effective (out×in) are σ and Ŵ of the last Step or
	// Refresh.
	Sigma, Effective device.Matrix[T]

	one                    device.Matrix[T] // out×1
	ratio, factor, inverse device.Matrix[T] // 1×1
	scale                  device.Matrix[T] // out×1: γ/σ
}

// Init says where γ starts.
type Init int

const (
	GammaOne   Init = iota // at 1
	GammaSigma             // at the spectral norm of W, so that Ŵ = W
)

// New returns the reparametrization of w with an exact start: u is the first
// right singular vector of w. It sets gamma by init and computes Effective.
// Memory is taken in the scope of q that is open.
//
// Errors: shapes that do not fit, weights that are not finite or 0
// (ErrZeroNorm), the errors of svd.Compute.
func New[T device.Float](ctx context.Context, q device.Queue[T], w, gamma device.Matrix[T], init Init) (*Reparam[T], error) {
	if q == nil {
		return nil, device.Argument("queue", "is nil")
	}
	if init != GammaOne && init != GammaSigma {
		return nil, device.Argument("init", "is %d, must be GammaOne or GammaSigma", int(init))
	}
	if err := first(q, device.CheckMatrix("weights", w), device.CheckVector("gamma", gamma, 1)); err != nil {
		return nil, err
	}
	if w.Len() == 0 {
		return nil, fmt.Errorf("weights are %d×%d: %w", w.Rows, w.Cols, device.ErrEmpty)
	}
	r := &Reparam[T]{W: w, Gamma: gamma, U: q.Alloc(w.Cols, 1), V: q.Alloc(w.Rows, 1), Effective: q.Alloc(w.Rows, w.Cols),
		one: q.Alloc(w.Rows, 1), scale: q.Alloc(w.Rows, 1)}
	for _, m := range []*device.Matrix[T]{&r.Sigma, &r.ratio, &r.factor, &r.inverse} {
		*m = q.Alloc(1, 1)
	}
	q.Fill(1, r.one)
	if err := r.start(ctx, q); err != nil {
		return nil, err
	}
	r.Step(q)
	if init == GammaOne {
		q.Fill(1, gamma)
	} else {
		q.Copy(gamma, r.Sigma)
	}
	r.Refresh(q)
	if _, err := Sigmas(q, r); err != nil {
		return nil, err
	}
	return r, nil
}

// start stores the first right singular vector of W in U.
func (r *Reparam[T]) start(ctx context.Context, q device.Queue[T]) error {
	defer q.Scope()()
	w := device.NewDense[T](r.W.Rows, r.W.Cols)
	q.Download(w, r.W)
	if err := q.Sync(); err != nil {
		return err
	}
	if err := device.CheckInput("weights", w); err != nil {
		return err
	}
	f, err := svd.Factor(ctx, q, r.W, svd.Options{})
	if err != nil {
		return err
	}
	q.Copy(r.U, f.Vt.Row(0))
	return q.Sync()
}

// first returns the failure of q, if it has one, or the first of the errors.
func first[T device.Float](q device.Queue[T], errs ...error) error {
	for _, err := range errs {
		if err == nil {
			continue
		}
		if failed := q.Sync(); failed != nil {
			return failed
		}
		return err
	}
	return nil
}

// Step makes one step of power iteration for the present W,
//
//	v ← W·u/‖W·u‖,  u ← Wᵀ·v/‖Wᵀ·v‖,  σ = vᵀ·W·u,
//
// and computes Effective. Nothing is read from the device: where W·u is 0,
// Effective becomes 0 and [Sigmas] tells. W is read four times.
func (r *Reparam[T]) Step(q device.Queue[T]) {
	const no, tr = device.NoTrans, device.Transp
	q.Gemm(no, no, 1, r.W, r.U, 0, r.V)
	r.unit(q, r.V)
	q.Gemm(tr, no, 1, r.W, r.V, 0, r.U)
	r.unit(q, r.U)
	r.Refresh(q)
}

// Refresh computes Sigma and Effective for a W and γ that changed, without a
// step of power iteration: what inference does.
func (r *Reparam[T]) Refresh(q device.Queue[T]) {
	const no = device.NoTrans
	defer q.Scope()()
	wu := q.Alloc(r.V.Rows, 1)
	q.Gemm(no, no, 1, r.W, r.U, 0, wu)
	q.Dot(device.Whole, r.V, wu, r.Sigma)
	q.Map(device.Inv, r.Sigma, r.inverse)
	q.Map(device.InfToZero, r.inverse, r.inverse)
	q.Mul(r.Gamma, r.inverse, r.ratio)
	q.Gemm(no, no, 1, r.one, r.ratio, 0, r.scale)
	q.ScaleBy(device.PerRow, r.scale, r.W, r.Effective)
}

// unit divides a column by its largest entry and then by its length, so that no
// square overflows or underflows. A column of zeros remains.
func (r *Reparam[T]) unit(q device.Queue[T], x device.Matrix[T]) {
	for _, reduction := range []device.Reduction{device.MaxAbs, device.SumSquares} {
		q.Reduce(reduction, device.Whole, x, r.factor)
		if reduction == device.SumSquares {
			q.Map(device.Sqrt, r.factor, r.factor)
		}
		q.Map(device.Inv, r.factor, r.factor)
		q.Map(device.InfToZero, r.factor, r.factor)
		q.ScaleBy(device.PerCol, r.factor, x, x)
	}
}

// Backward computes, from the gradient g of a loss with respect to Ŵ, those
// with respect to W and γ, with u and v held constant:
//
//	∂W = (γ/σ)·(G - (⟨G,W⟩/σ)·v·uᵀ),  ∂γ = ⟨G,W⟩/σ
//
// dw (out×in) may be g; dgamma is 1×1.
func (r *Reparam[T]) Backward(q device.Queue[T], g, dw, dgamma device.Matrix[T]) {
	const no, tr = device.NoTrans, device.Transp
	defer q.Scope()()
	q.Dot(device.Whole, g, r.W, dgamma)
	q.Mul(dgamma, r.inverse, dgamma)
	q.ScaleBy(device.PerRow, r.scale, g, dw)
	c, v := q.Alloc(1, 1), q.Alloc(r.V.Rows, 1)
	q.Mul(dgamma, r.ratio, c)
	q.Gemm(no, no, -1, r.V, c, 0, v)
	q.Gemm(no, tr, 1, v, r.U, 1, dw)
}

// Sigmas returns the estimates σ of some matrices, in one transfer. One that is
// 0 is an error that matches ErrZeroNorm, one that is not finite one that
// matches device.ErrNotFinite; both name the place of the matrix.
func Sigmas[T device.Float](q device.Queue[T], rs ...*Reparam[T]) ([]float64, error) {
	if len(rs) == 0 {
		return nil, nil
	}
	defer q.Scope()()
	all, read := q.Alloc(1, len(rs)), make([]T, len(rs))
	for i, r := range rs {
		q.Copy(all.Slice(0, 1, i, i+1), r.Sigma)
	}
	q.Download(device.Vector(read), all)
	if err := q.Sync(); err != nil {
		return nil, err
	}
	σ := make([]float64, len(rs))
	for i, v := range read {
		σ[i] = float64(v)
		switch {
		case v-v != 0:
			return nil, &device.NotFiniteError{Name: fmt.Sprintf("spectral norm of matrix %d", i), Value: σ[i]}
		case v == 0:
			return nil, fmt.Errorf("matrix %d: %w", i, ErrZeroNorm)
		}
	}
	return σ, nil
}

// UpperBound returns a number that the spectral norm of W does not exceed but
// for rounding: the smaller of √(‖W‖₁·‖W‖_∞) and ‖W‖_F. Divided by it instead
// of σ, Ŵ has a norm of at most |γ| for certain.
func (r *Reparam[T]) UpperBound(q device.Queue[T]) (float64, error) {
	defer q.Scope()()
	columns, rows := q.Alloc(1, r.W.Cols), q.Alloc(1, r.W.Rows)
	three := q.Alloc(1, 3)
	q.Reduce(device.SumAbs, device.PerCol, r.W, columns)
	q.Reduce(device.SumAbs, device.PerRow, r.W, rows)
	q.Reduce(device.Max, device.Whole, columns, three.Slice(0, 1, 0, 1))
	q.Reduce(device.Max, device.Whole, rows, three.Slice(0, 1, 1, 2))
	q.Reduce(device.SumSquares, device.Whole, r.W, three.Slice(0, 1, 2, 3))
	read := make([]T, 3)
	q.Download(device.Vector(read), three)
	if err := q.Sync(); err != nil {
		return 0, err
	}
	return min(math.Sqrt(float64(read[0]))*math.Sqrt(float64(read[1])), math.Sqrt(float64(read[2]))), nil
}
