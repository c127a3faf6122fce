package dynamicalstability

import (
	"context"
	"math"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/spectrum"
	"github.com/ritz-go/ritz/goapi/svd"
)

// Options of Analyze. The zero value is usable.
type Options struct {
	// Tol is the relative residual of the eigenproblem of the exact
	// threshold; 0 means 1e-10 (float32: 1e-5).
	Tol float64

	// Seed of the start of the eigensolver.
	Seed uint64
}

// Thresholds are the largest step sizes at which a minimum is stable, +Inf
// where every step size is.
type Thresholds struct {
	Batch int

	// GD is 2/λ_max(H), the threshold of gradient descent.
	GD float64
	// SGD is the exact threshold of SGD in mean square. The true one lies
	// within a factor of 1 ± SGDError of it.
	SGD, SGDError float64
	// Moment is a necessary bound of SGD for this batch size, at least SGD.
	Moment float64
	// TraceBound is 2/tr H, at least Moment for Batch = 1.
	TraceBound float64

	// Rank is the numerical rank of the gradients, the number of eigenvalues
	// of H that are not zero to rounding.
	Rank int
	// Trace, Frobenius and Sharpness are tr H, ‖H‖_F and λ_max(H).
	Trace, Frobenius, Sharpness float64

	Products int // with the operator of the pencil
}

// Stable reports whether gradient descent and SGD stay near the minimum at the
// step size η.
func (t *Thresholds) Stable(η float64) (gd, sgd bool) { return η <= t.GD, η <= t.SGD }

// Analyze computes the thresholds for the gradients of the model at a minimum,
// the rows of the n×P matrix a, and batches of so many of the n samples, 1 to n.
//
// Where the model does not fit the samples, AᵀA/n is the Gauss-Newton matrix
// and not the Hessian; see [Interpolates].
//
// The cost is an SVD of a, and 4·n·r² + 2·r³ operations for each of about 20
// products with the pencil, r the rank; nothing of size P² or r⁴ is formed.
//
// Errors: those of bad input (shape, empty, NaN, batch), *device.NotConvergedError
// with the thresholds reached if the eigenproblem did not converge.
func Analyze[T device.Float](ctx context.Context, dev device.Device, a device.Dense[T], batch int, o Options) (*Thresholds, error) {
	if err := device.CheckInput("gradients", a); err != nil {
		return nil, err
	}
	n := a.Rows
	if batch < 1 || batch > n {
		return nil, device.Argument("batch", "is %d, must be between 1 and the %d samples", batch, n)
	}
	f, err := svd.Compute(ctx, dev, a, svd.Options{})
	if err != nil {
		return nil, err
	}
	t := &Thresholds{Batch: batch}
	σ := float64(f.S[0])
	cut := float64(max(n, a.Cols)) * device.Epsilon[T]() * σ
	for t.Rank < len(f.S) && float64(f.S[t.Rank]) > cut {
		t.Rank++
	}
	if t.Rank == 0 { // no sample moves the model
		inf := math.Inf(1)
		t.GD, t.SGD, t.Moment, t.TraceBound = inf, inf, inf, inf
		return t, nil
	}
	// From here on the gradients are those in the basis of the right singular
	// vectors, divided by σ₁, so that fourth powers neither overflow nor vanish.
	q := device.NewQueue[T](dev)
	defer q.Close()
	s := device.NewDense[T](1, t.Rank)
	λ := make([]float64, t.Rank) // eigenvalues of H/σ₁²
	for i := range λ {
		ratio := float64(f.S[i]) / σ
		s.Data[i] = T(ratio)
		λ[i] = ratio * ratio / float64(n)
		t.Trace += λ[i]
		t.Frobenius += λ[i] * λ[i]
	}
	scaled := device.NewDense[T](n, t.Rank)
	fourth := 0.0 // Σ‖aᵢ‖⁴/n
	for i := range n {
		norm := 0.0
		for j := range t.Rank {
			x := f.U.At(i, j) * s.Data[j]
			scaled.Set(i, j, x)
			norm += float64(x) * float64(x)
		}
		fourth += norm * norm / float64(n)
	}
	p := share(n, batch)
	t.Moment = 2 * t.Trace / ((1-p)*t.Frobenius + p*fourth)
	t.Sharpness = λ[0]
	t.Frobenius = math.Sqrt(t.Frobenius)

	op, err := newPencil(q, scaled, λ, p)
	if err != nil {
		return nil, err
	}
	top, failure := spectrum.Eigs(ctx, dev, op, spectrum.EigsOptions{K: 1, Tol: o.Tol, Seed: o.Seed})
	if top == nil {
		return nil, failure
	}
	// A Ritz value is never above the largest eigenvalue, and within the
	// residual of an eigenvalue.
	t.SGD, t.SGDError = 2/top.Values[0], top.Residuals[0]/top.Values[0]
	t.Products = top.Products
	t.unscale(σ)
	return t, failure
}

// unscale turns the figures of A/σ into those of A.
func (t *Thresholds) unscale(σ float64) {
	// One factor at a time: σ² may overflow where the quotient does not.
	over := func(x float64) float64 { return x / σ / σ }
	t.TraceBound, t.GD = over(2/t.Trace), over(2/t.Sharpness)
	t.SGD, t.Moment = over(t.SGD), over(t.Moment)
	t.Trace, t.Frobenius, t.Sharpness = t.Trace*σ*σ, t.Frobenius*σ*σ, t.Sharpness*σ*σ
}

// share returns p: the part of the second moment of a batch's gradient that is
// that of single samples, 1 for single samples and 0 for all of them.
func share(n, batch int) float64 {
	if n == 1 {
		return 0
	}
	return float64(n-batch) / (float64(batch) * float64(n-1))
}

// Interpolates reports whether residuals f(xᵢ;θ)-yᵢ are those of a minimum with
// loss zero: whether (1/2n)·Σr² is at most tol.
func Interpolates(residuals []float64, tol float64) bool {
	sum := 0.0
	for _, r := range residuals {
		sum += r * r
	}
	return sum <= 2*tol*float64(len(residuals))
}
