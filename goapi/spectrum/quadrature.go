package spectrum

import (
	"math"

	"github.com/ritz-go/ritz/goapi/device"
)

// Quadrature approximates the spectral measure of an operator: for each probe
// z, the nodes are Ritz values and Σ weights·f(nodes) ≈ zᵀf(H)z/zᵀz. For
// polynomials f of degree below twice the steps it is exact.
type Quadrature struct {
	Dim      int
	Exact    []float64   // eigenvalues that are known and not in the measure
	Nodes    [][]float64 // for each probe, ascending
	Weights  [][]float64 // for each probe, summing to 1
	Products int

	// Alpha and Beta are the entries of the tridiagonal matrices.
	Alpha, Beta [][]float64

	steps int // after which a recurrence ended that was not at its end
}

// add appends the quadrature of one probe.
func (q *Quadrature) add(α, β []float64) {
	nodes, weights := gauss(α, β)
	q.Nodes, q.Weights = append(q.Nodes, nodes), append(q.Weights, weights)
	q.Alpha, q.Beta = append(q.Alpha, α), append(q.Beta, β)
}

// gauss returns the nodes and weights of a tridiagonal matrix (Golub and
// Welsch, Math. Comp. 1969).
func gauss(α, β []float64) (nodes, weights []float64) {
	nodes, weights = tridiagonalRow(α, β, 0)
	for i, w := range weights {
		weights[i] = w * w
	}
	return nodes, weights
}

// rest is the number of eigenvalues that the measure stands for.
func (q *Quadrature) rest() float64 { return float64(q.Dim - len(q.Exact)) }

// Sum estimates the sum of f over all eigenvalues, tr f(H), with the standard
// error over the probes. Its Bias compares the result with that of five steps
// less, or of one: it falls fast for smooth f, and says how much of the error no
// number of probes would take away. It is 0 where the recurrences came to their
// end, and NaN where they had one step only. Without f or nodes, or where f is
// not a number, the value is NaN; [Quadrature.Trace] says where.
func (q *Quadrature) Sum(f func(float64) float64) Estimate {
	e := q.sum(f)
	if f == nil || len(q.Alpha) != len(q.Nodes) {
		return e
	}
	change, unknown := 0.0, false // of the integral of f
	for p, α := range q.Alpha {
		m := len(α)
		switch {
		case m < q.steps || m >= q.Dim-len(q.Exact): // the Krylov space was invariant
			continue
		case m < 2:
			unknown = true
			continue
		}
		less := max(1, m-5)
		if len(q.Beta[p]) < less {
			return e
		}
		nodes, weights := gauss(α[:less], q.Beta[p])
		change += measure(f, q.Nodes[p], q.Weights[p]) - measure(f, nodes, weights)
	}
	if unknown {
		e.Bias = math.NaN()
	} else if bias := math.Abs(q.rest() * change / float64(len(q.Alpha))); bias-bias == 0 {
		e.Bias = bias // nodes of fewer steps may lie where f is not defined
	}
	return e
}

// measure is the integral of f.
func measure(f func(float64) float64, nodes, weights []float64) float64 {
	sum := 0.0
	for i, θ := range nodes {
		if weights[i] != 0 { // rounding may put others where f is not defined
			sum += weights[i] * f(θ)
		}
	}
	return sum
}

// sum is Sum without the bias.
func (q *Quadrature) sum(f func(float64) float64) Estimate {
	if f == nil || len(q.Nodes) == 0 {
		return Estimate{Value: math.NaN(), StdErr: math.NaN(), Products: q.Products}
	}
	samples := make([]float64, len(q.Nodes))
	for p, nodes := range q.Nodes {
		samples[p] = q.rest() * measure(f, nodes, q.Weights[p])
	}
	e := meanOf(samples, q.Products)
	for _, λ := range q.Exact {
		e.Value += f(λ)
	}
	return e
}

// Trace is Sum for functions that are not defined everywhere: a node where f
// is not finite is an *device.ArgumentError that names it.
func (q *Quadrature) Trace(f func(float64) float64) (Estimate, error) {
	if f == nil {
		return Estimate{}, device.Argument("function", "is nil")
	}
	if len(q.Nodes) == 0 {
		return Estimate{}, device.Argument("quadrature", "has no nodes")
	}
	check := func(kind string, x float64) error {
		if y := f(x); y-y != 0 {
			return device.Argument("function", "is %v at the %s %v", y, kind, x)
		}
		return nil
	}
	for _, λ := range q.Exact {
		if err := check("eigenvalue", λ); err != nil {
			return Estimate{}, err
		}
	}
	for p, nodes := range q.Nodes {
		for i, θ := range nodes {
			if q.Weights[p][i] == 0 {
				continue
			}
			if err := check("Ritz value", θ); err != nil {
				return Estimate{}, err
			}
		}
	}
	return q.Sum(f), nil
}

// LogDet estimates log det H of a positive definite operator. A Ritz value
// that is not positive is an *device.ArgumentError.
func (q *Quadrature) LogDet() (Estimate, error) { return q.Trace(math.Log) }

// Schatten estimates the Schatten p-norm (Σ|λ|^p)^(1/p), p ≥ 1: p = 1 is the
// nuclear norm, 2 the Frobenius norm.
func (q *Quadrature) Schatten(p float64) (Estimate, error) {
	if !(p >= 1) || math.IsInf(p, 0) {
		return Estimate{}, device.Argument("p", "is %v, must be a number from 1 on", p)
	}
	lo, hi := q.Range()
	_, k := math.Frexp(max(math.Abs(lo), math.Abs(hi))) // for powers within range
	e, err := q.Trace(func(x float64) float64 { return math.Pow(math.Abs(math.Ldexp(x, -k)), p) })
	if err != nil || e.Value == 0 {
		return e, err
	}
	root := math.Pow(e.Value, 1/p)
	slope := root / (p * e.Value)
	e.Value, e.StdErr, e.Bias = root, slope*e.StdErr, slope*e.Bias
	return e.unscale(k), nil
}

// Count estimates the number of eigenvalues in [lo,hi].
func (q *Quadrature) Count(lo, hi float64) Estimate {
	return q.Sum(func(θ float64) float64 {
		if lo <= θ && θ <= hi {
			return 1
		}
		return 0
	})
}

// Range returns the smallest and the largest node or known eigenvalue.
func (q *Quadrature) Range() (lo, hi float64) {
	lo, hi = math.Inf(1), math.Inf(-1)
	for _, nodes := range append([][]float64{q.Exact}, q.Nodes...) {
		for _, θ := range nodes {
			lo, hi = min(lo, θ), max(hi, θ)
		}
	}
	return lo, hi
}

// CDF estimates the fraction of eigenvalues that are at most t, unsmoothed.
func (q *Quadrature) CDF(t float64) Estimate {
	return q.sum(func(θ float64) float64 {
		if θ <= t {
			return 1
		}
		return 0
	}).over(float64(q.Dim))
}

// Width is the default width of Density: the range of the nodes divided by
// twice their number for a probe.
func (q *Quadrature) Width() float64 {
	if len(q.Nodes) == 0 {
		return 0
	}
	lo, hi := math.Inf(1), math.Inf(-1)
	for _, nodes := range q.Nodes {
		lo, hi = min(lo, nodes[0]), max(hi, nodes[len(nodes)-1])
	}
	if σ := (hi - lo) / float64(2*len(q.Nodes[0])); σ > 0 {
		return σ
	}
	if hi == 0 {
		return 1e-3
	}
	return math.Abs(hi) * 1e-3 // a single eigenvalue
}

// Density evaluates at the points of grid the density of eigenvalues, of
// integral 1, smoothed by a normal distribution of width σ. Anything but a
// positive σ means [Quadrature.Width]. Without nodes the density is 0.
func (q *Quadrature) Density(grid []float64, σ float64) []float64 {
	density, _ := q.DensityErr(grid, σ)
	return density
}

// DensityErr is Density with the standard error of each value over the
// probes, NaN if there is one only.
func (q *Quadrature) DensityErr(grid []float64, σ float64) (density, stdErr []float64) {
	density, stdErr = make([]float64, len(grid)), make([]float64, len(grid))
	if len(q.Nodes) == 0 {
		return density, stdErr
	}
	if !(σ > 0) {
		σ = q.Width()
	}
	bell := func(t, θ float64) float64 {
		z := (t - θ) / σ
		return math.Exp(-z*z/2) / (σ * math.Sqrt(2*math.Pi))
	}
	share, probes := q.rest()/float64(q.Dim), float64(len(q.Nodes))
	for k, t := range grid {
		square := 0.0
		for p, nodes := range q.Nodes {
			x := 0.0
			for i, θ := range nodes {
				x += share * q.Weights[p][i] * bell(t, θ)
			}
			// Running mean and sum of squared deviations (Welford).
			d := x - density[k]
			density[k] += d / float64(p+1)
			square += d * (x - density[k])
		}
		stdErr[k] = math.Sqrt(square / (probes - 1) / probes)
		for _, λ := range q.Exact {
			density[k] += bell(t, λ) / float64(q.Dim)
		}
	}
	return density, stdErr
}
