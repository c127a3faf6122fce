package spectrum

import (
	"context"
	"math"

	"github.com/ritz-go/ritz/goapi/device"
)

// SLQOptions are the options of SLQ.
type SLQOptions struct {
	Probes int    // random start vectors; 0 means 10
	Steps  int    // Lanczos steps for each; 0 means 80, never above the dimension
	Seed   uint64 // of the probes

	// Memory bounds the bytes of the Lanczos bases, which are kept for
	// re-orthogonalization; probes that do not fit together run one group
	// after the other. 0 means 1 GiB.
	Memory uint64

	// Progress, if not nil, is called after each group of probes.
	Progress func(done, total int)
}

func (o SLQOptions) complete() (SLQOptions, error) {
	switch {
	case o.Probes < 0:
		return o, device.Argument("probes", "is %d, must not be negative", o.Probes)
	case o.Steps < 0:
		return o, device.Argument("steps", "is %d, must not be negative", o.Steps)
	}
	if o.Probes == 0 {
		o.Probes = 10
	}
	if o.Steps == 0 {
		o.Steps = 80
	}
	if o.Memory == 0 {
		o.Memory = 1 << 30
	}
	return o, nil
}

// Quadrature approximates the spectral measure of an operator: for each probe
// z, the nodes are Ritz values and Σ weights·f(nodes) ≈ zᵀf(H)z/zᵀz. For
// polynomials f of degree below twice the steps it is exact.
type Quadrature struct {
	Dim      int
	Nodes    [][]float64 // for each probe, ascending
	Weights  [][]float64 // for each probe, summing to 1
	Products int
}

// SLQ runs stochastic Lanczos quadrature with Rademacher probes and full
// re-orthogonalization. All probes of a group share the operator's
// applications. Errors: *device.ArgumentError, also for an operator that two
// probes see not to be symmetric; *device.NotFiniteError if a product, or its
// square, is not finite; the operator's own and that of ctx.
func SLQ[T device.Float](ctx context.Context, dev device.Device, op Operator[T], o SLQOptions) (*Quadrature, error) {
	if err := checkOperator(op); err != nil {
		return nil, err
	}
	o, err := o.complete()
	if err != nil {
		return nil, err
	}
	q := device.NewQueue[T](dev)
	defer q.Close()
	n := op.Dim()
	size := 4.0
	if device.Epsilon[T]() < 1e-10 {
		size = 8
	}
	group := int(max(1, min(float64(o.Probes), float64(o.Memory)/(float64(min(o.Steps, n))*float64(n)*size))))
	result := &Quadrature{Dim: n}
	for lo := 0; lo < o.Probes; lo += group {
		hi := min(lo+group, o.Probes)
		if err := slqGroup(ctx, q, op, o, lo, hi, result); err != nil {
			return nil, err
		}
		if o.Progress != nil {
			o.Progress(hi, o.Probes)
		}
	}
	return result, nil
}

func slqGroup[T device.Float](ctx context.Context, q device.Queue[T], op Operator[T], o SLQOptions, lo, hi int, result *Quadrature) error {
	defer q.Scope()()
	start := q.Alloc(hi-lo, op.Dim())
	for p := lo; p < hi; p++ { // a stream each: grouping changes nothing
		q.Random(device.Rademacher, o.Seed, uint64(p), start.Row(p-lo))
	}
	ts, err := lockstep(ctx, q, op, start, o.Steps, FullReorth)
	if err != nil {
		return err
	}
	for _, t := range ts {
		nodes, vectors := t.Eigen()
		weights := make([]float64, len(nodes))
		for i := range weights {
			weights[i] = vectors.At(0, i) * vectors.At(0, i)
		}
		result.Nodes = append(result.Nodes, nodes)
		result.Weights = append(result.Weights, weights)
		result.Products += t.Products
	}
	return nil
}

// Sum estimates the sum of f over all eigenvalues, tr f(H). It is NaN without
// f or nodes.
func (q *Quadrature) Sum(f func(float64) float64) Estimate {
	if f == nil || len(q.Nodes) == 0 {
		return Estimate{math.NaN(), math.NaN(), q.Products}
	}
	samples := make([]float64, len(q.Nodes))
	for p, nodes := range q.Nodes {
		for i, θ := range nodes {
			samples[p] += float64(q.Dim) * q.Weights[p][i] * f(θ)
		}
	}
	return meanOf(samples, q.Products)
}

// Range returns the smallest and the largest node.
func (q *Quadrature) Range() (lo, hi float64) {
	lo, hi = math.Inf(1), math.Inf(-1)
	for _, nodes := range q.Nodes {
		for _, θ := range nodes {
			lo, hi = min(lo, θ), max(hi, θ)
		}
	}
	return lo, hi
}

// CDF estimates the fraction of eigenvalues that are at most t, unsmoothed.
func (q *Quadrature) CDF(t float64) Estimate {
	return q.Sum(func(θ float64) float64 {
		if θ <= t {
			return 1
		}
		return 0
	}).over(float64(q.Dim))
}

func (e Estimate) over(n float64) Estimate {
	return Estimate{e.Value / n, e.StdErr / n, e.Products}
}

// Density evaluates at the points of grid the density of eigenvalues, of
// integral 1, smoothed by a normal distribution of width σ. Anything but a
// positive σ means the range of the nodes divided by twice their number for a
// probe. Without nodes the density is 0.
func (q *Quadrature) Density(grid []float64, σ float64) []float64 {
	density := make([]float64, len(grid))
	if len(q.Nodes) == 0 {
		return density
	}
	if !(σ > 0) {
		lo, hi := q.Range()
		σ = (hi - lo) / float64(2*len(q.Nodes[0]))
		if σ == 0 {
			σ = max(math.Abs(hi), 1) * 1e-3
		}
	}
	for p, nodes := range q.Nodes {
		for i, θ := range nodes {
			w := q.Weights[p][i] / (σ * math.Sqrt(2*math.Pi) * float64(len(q.Nodes)))
			for k, t := range grid {
				z := (t - θ) / σ
				density[k] += w * math.Exp(-z*z/2)
			}
		}
	}
	return density
}
