package dynamicalstability

import (
	"context"
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/rng"
)

// Regression is a diagonal network with the samples that it is fitted to.
type Regression struct {
	Net Diagonal
	X   device.Dense[float64] // n×d
	Y   []float64             // n
}

// Descent describes a run of gradient descent or SGD.
type Descent struct {
	Step  float64 // η, constant
	Batch int     // samples in a step, drawn without replacement; n means gradient descent
	Steps int     // at most

	// Loss at which the run ends; 0 means 1e-14.
	Loss float64

	Seed uint64
}

// Run is what a descent came to.
type Run struct {
	Net       Diagonal
	Steps     int
	Loss      float64 // (1/2n)·Σ(f(xᵢ)-yᵢ)² over all samples
	Converged bool    // the loss fell to the limit
	Diverged  bool    // a parameter passed 1000 or was not finite

	// Trace, Frobenius and Sharpness are those of AᵀA/n at the end, A the
	// gradients.
	Trace, Frobenius, Sharpness float64
}

// checkEvery is the number of epochs between two looks at the loss over all
// samples.
const checkEvery = 10

// Descend runs gradient descent or SGD from the parameters of r.Net, which are
// left as they are. It works on the processor that called it: a step of a
// single sample is too little work to hand to a device.
//
// Errors: those of bad input, and that of ctx. A run that neither converged
// nor diverged is no error.
func (r Regression) Descend(ctx context.Context, d Descent) (*Run, error) {
	if err := r.Net.checkInputs(r.X); err != nil {
		return nil, err
	}
	n, dim := r.X.Rows, r.X.Cols
	if err := device.CheckInput("targets", device.Vector(r.Y)); err != nil {
		return nil, err
	}
	if d.Loss == 0 {
		d.Loss = 1e-14
	}
	switch {
	case len(r.Y) != n:
		return nil, device.Argument("targets", "are %d for %d samples", len(r.Y), n)
	case !(d.Step > 0) || math.IsInf(d.Step, 0):
		return nil, device.Argument("step", "is %v, must be positive", d.Step)
	case d.Batch < 1 || d.Batch > n:
		return nil, device.Argument("batch", "is %d, must be between 1 and the %d samples", d.Batch, n)
	case d.Steps < 1:
		return nil, device.Argument("steps", "is %d, must be at least 1", d.Steps)
	case !(d.Loss > 0):
		return nil, device.Argument("loss", "is %v, must be positive", d.Loss)
	}
	run := &Run{Net: Diagonal{append([]float64(nil), r.Net.Alpha...), append([]float64(nil), r.Net.Beta...)}}
	α, β := run.Net.Alpha, run.Net.Beta
	order, uniform := make([]int, n), make([]float64, d.Batch)
	for i := range order {
		order[i] = i
	}
	g := make([]float64, dim) // Σ r·x over the batch
	epoch := max(1, n/d.Batch)
	for run.Steps < d.Steps {
		if run.Steps%(checkEvery*epoch) == 0 {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			if run.Loss = r.loss(run.Net); run.Loss <= d.Loss {
				run.Converged = true
				break
			}
			if !bounded(α) || !bounded(β) {
				run.Diverged = true
				break
			}
		}
		if d.Batch < n {
			rng.Uniform(d.Seed, uint64(run.Steps), 0, uniform)
		}
		for k := range g {
			g[k] = 0
		}
		for b := range d.Batch {
			if d.Batch < n { // the first steps of a shuffle
				j := b + int(uniform[b]*float64(n-b))
				order[b], order[j] = order[j], order[b]
			}
			i := order[b]
			residual := -r.Y[i]
			x := r.X.Row(i)
			for k, v := range x {
				residual += v * (α[k]*α[k] - β[k]*β[k])
			}
			floats.AddScaled(g, residual, x)
		}
		floats.Scale(2*d.Step/float64(d.Batch), g)
		for k, v := range g {
			α[k] *= 1 - v
			β[k] *= 1 + v
		}
		run.Steps++
	}
	run.Loss = r.loss(run.Net)
	run.Converged = run.Converged || run.Loss <= d.Loss
	run.Diverged = run.Diverged || !bounded(α) || !bounded(β)
	if run.Diverged {
		return run, nil
	}
	return run, r.sharpness(run)
}

func (r Regression) loss(m Diagonal) float64 {
	w := m.Weights()
	sum := 0.0
	for i, y := range r.Y {
		e := floats.Dot(w, r.X.Row(i)) - y
		sum += e * e
	}
	return sum / float64(2*len(r.Y))
}

// sharpness fills in the figures of AᵀA/n from AAᵀ/n, which has the same
// eigenvalues but zeros.
func (r Regression) sharpness(run *Run) error {
	a, err := run.Net.Gradients(r.X)
	if err != nil {
		return err
	}
	n := a.Rows
	gram := mat.NewSymDense(n, nil)
	square := 0.0
	for i := range n {
		for j := range i + 1 {
			v := floats.Dot(a.Row(i), a.Row(j)) / float64(n)
			gram.SetSym(i, j, v)
			square += v * v
			if j < i {
				square += v * v
			}
		}
		run.Trace += gram.At(i, i)
	}
	var eig mat.EigenSym
	if !eig.Factorize(gram, false) {
		return device.ErrNotConverged
	}
	run.Frobenius, run.Sharpness = math.Sqrt(square), slices.Max(eig.Values(nil))
	return nil
}

// bounded reports whether all parameters are finite and at most 1000.
func bounded(x []float64) bool {
	for _, v := range x {
		if !(math.Abs(v) <= 1000) {
			return false
		}
	}
	return true
}
