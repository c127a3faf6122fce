package sinkhorn

import (
	"context"
	"fmt"
	"math"

	"github.com/ritz-go/ritz/goapi/device"
)

// BarycenterProblem asks for the measure nearest to several others. Exactly
// one of Cost and Shape is given.
type BarycenterProblem[T device.Float] struct {
	// Measures (K×n) are the measures, one in a row, not negative; each is
	// scaled to the sum 1.
	Measures device.Dense[T]
	// Weights (K) are the shares λ of the measures, scaled to the sum 1;
	// nil is equal shares.
	Weights []float64
	// Cost (n×m) holds the costs between the points of the measures and
	// those of the barycentre, the same n = m points for Debiased.
	Cost device.Dense[T]
	// Shape is that of a grid, with n = Πₖ Shape[k] points in row-major
	// order, for measures and barycentre. The cost is the squared distance;
	// the longest axis has the length 1. The n×n costs are never formed.
	Shape []int
}

// BarycenterOptions are the options of [Barycenter].
type BarycenterOptions struct {
	// The error that Tol is about is Σ λₖ·‖Pₖᵀ·1-b‖₁, by how much the plans
	// of the measures disagree about the barycentre b, and with Debiased
	// also by how much the correction changes. That error falls with the
	// number of iterations only, not exponentially: its default is 1e-3.
	RelaxedOptions
	// Debiased takes the blur of the regularisation out of the barycentre
	// (Janati, Cuturi, Gramfort: Debiased Sinkhorn barycenters, 2020).
	Debiased bool
}

// BarycenterResult is the result of [Barycenter].
type BarycenterResult[T device.Float] struct {
	// B (m) is the barycentre, of sum 1.
	B           []T
	Iterations  int
	History     []float64 // error of every iteration
	Converged   bool
	Certificate BarycenterCertificate
}

// BarycenterCertificate bounds the errors of a barycentre.
type BarycenterCertificate struct {
	// MarginalL1 is the error that Tol is about.
	MarginalL1 float64 `json:"marginal_l1"`
	// Lower is no larger than Σ λₖ·OT(aₖ,b) without regularisation for any
	// b: the value of a feasible solution of the dual problem.
	Lower float64 `json:"lower"`
}

// Barycenter computes the regularised Wasserstein barycentre
//
//	minimise Σₖ λₖ·OT_ε(aₖ,b)  over b
//
// of K measures by iterative Bregman projections (Benamou, Carlier, Cuturi,
// Nenna, Peyré: Iterative Bregman projections for regularized transportation
// problems, 2015) in the log domain, with Anderson's acceleration. The
// regularisation is relative to the uniform measure. Here ε is in units of the
// costs. Errors are as for [Solve].
func Barycenter[T device.Float](ctx context.Context, dev device.Device, p BarycenterProblem[T], o BarycenterOptions) (*BarycenterResult[T], error) {
	var err error
	if o.RelaxedOptions, err = o.RelaxedOptions.complete(); err != nil {
		return nil, err
	}
	m, err := p.check(o.Debiased)
	if err != nil {
		return nil, err
	}
	b := &bregman{λ: make([]float64, p.Measures.Rows), m: m, n: p.Measures.Cols, debiased: o.Debiased, ε: o.Epsilon}
	total := 0.0
	for k := range b.λ {
		if b.λ[k] = 1; p.Weights != nil {
			b.λ[k] = p.Weights[k]
		}
		total += b.λ[k]
	}
	for k := range b.λ {
		b.λ[k] /= total
		a, _ := widen(p.Measures.Row(k), b.n)
		b.a = append(b.a, a)
	}
	q := device.NewQueue[float64](dev)
	defer q.Close()
	if p.Shape != nil {
		axes, longest := make([]device.Dense[float64], len(p.Shape)), 0
		for _, s := range p.Shape {
			longest = max(longest, s)
		}
		for k, s := range p.Shape {
			axes[k] = axisCost(s, 1/float64(longest), 2)
		}
		b.h = newHalves(q, newGrid[float64](q, axes), b.n, m)
	} else {
		c := &costs[float64]{q: q, n: b.n, m: m, high: tileRows(b.n, m)}
		c.stored = q.Alloc(b.n, m)
		q.Upload(c.stored, device.Convert[float64](p.Cost))
		b.h = newHalves[float64](q, c, b.n, m)
	}
	tol := tolerance[T](o.Tol, 0)
	if o.Debiased && o.Tol == 0 {
		tol = 1e-3
	}
	run := &fixedPoint{ctx: ctx, step: b.step, progress: o.Progress, left: o.MaxIterations, plain: o.Debiased}
	x := make([]float64, len(b.λ)*m)
	if o.Debiased {
		x = append(x, make([]float64, m)...)
	}
	b.prepare()
	if err := run.run(x, tol); err != nil {
		return nil, err
	}
	achieved, err := b.step(x, make([]float64, len(x)))
	if err != nil {
		return nil, err
	}
	res := &BarycenterResult[T]{B: make([]T, m), Iterations: run.count, History: run.history, Converged: achieved <= tol}
	sum := 0.0
	for _, v := range b.log {
		sum += math.Exp(v / b.ε)
	}
	for j, v := range b.log {
		res.B[j] = T(math.Exp(v/b.ε) / sum)
	}
	res.Certificate.MarginalL1 = achieved
	if res.Certificate.Lower, err = b.lower(x); err != nil {
		return nil, err
	}
	return res, run.notReached("the projections for the barycentre", achieved, tol)
}

func (p BarycenterProblem[T]) check(debiased bool) (m int, err error) {
	if err := device.CheckInput("Measures", p.Measures); err != nil {
		return 0, err
	}
	n := p.Measures.Cols
	for k := range p.Measures.Rows {
		if err := checkVector(fmt.Sprintf("Measures, row %d,", k), p.Measures.Row(k), n, 0); err != nil {
			return 0, err
		}
		if _, sum := widen(p.Measures.Row(k), n); !(sum > 0) || math.IsInf(sum, 0) {
			return 0, device.Argument("Measures", "has the sum %v in row %d", sum, k)
		}
	}
	if p.Weights != nil {
		if len(p.Weights) != p.Measures.Rows {
			return 0, &device.ShapeError{Op: "Weights", Detail: fmt.Sprintf("%d elements for %d measures", len(p.Weights), p.Measures.Rows)}
		}
		for k, w := range p.Weights {
			if !(w > 0) || math.IsInf(w, 0) {
				return 0, device.Argument("Weights", "is %v at index %d, must be positive", w, k)
			}
		}
	}
	switch {
	case (p.Shape == nil) == absent(p.Cost):
		return 0, device.Argument("Cost, Shape", "are both given or both missing: give one of them")
	case p.Shape != nil:
		points := 1
		for _, s := range p.Shape {
			if s < 1 || points > n {
				return 0, &device.ShapeError{Op: "Shape", Detail: fmt.Sprintf("%v is not that of %d points", p.Shape, n)}
			}
			points *= s
		}
		if points != n || len(p.Shape) == 0 {
			return 0, &device.ShapeError{Op: "Shape", Detail: fmt.Sprintf("%v is not that of %d points", p.Shape, n)}
		}
		return n, nil
	}
	if err := device.CheckInput("Cost", p.Cost); err != nil {
		return 0, err
	}
	if p.Cost.Rows != n || debiased && p.Cost.Cols != n {
		return 0, &device.ShapeError{Op: "Cost", Detail: fmt.Sprintf("is %d×%d for measures of %d points", p.Cost.Rows, p.Cost.Cols, n)}
	}
	return p.Cost.Cols, nil
}

// bregman is the state of the projections. Its iterates are the potentials ψₖ
// on the side of the barycentre, in the entropy form and one after the other,
// and behind them that of the debiasing measure.
type bregman struct {
	h        *halves
	a        [][]float64
	λ        []float64
	n, m     int
	ε        float64
	debiased bool

	εa   [][]float64
	φ, s []float64
	t    [][]float64
	log  []float64 // ε·log b
	kd   []float64
}

func (b *bregman) prepare() {
	b.φ, b.s, b.log, b.kd = make([]float64, b.n), make([]float64, b.n), make([]float64, b.m), make([]float64, b.m)
	for _, a := range b.a {
		l := make([]float64, b.n)
		for i, v := range a {
			l[i] = b.ε * math.Log(v)
		}
		b.εa, b.t = append(b.εa, l), append(b.t, make([]float64, b.m))
	}
}

func (b *bregman) step(x, next []float64) (float64, error) {
	clear(b.log)
	d := x[len(b.λ)*b.m:]
	copy(b.log, d) // of nothing if not debiased
	for k, λ := range b.λ {
		ψ, t := x[k*b.m:(k+1)*b.m], b.t[k]
		if err := b.h.rows(b.ε, ψ, b.s); err != nil {
			return 0, err
		}
		for i, v := range b.s {
			b.φ[i] = b.εa[k][i] + v
		}
		if err := b.h.cols(b.ε, b.φ, t); err != nil {
			return 0, err
		}
		for j, v := range t {
			b.log[j] -= λ * v
		}
	}
	e := 0.0
	for k, λ := range b.λ {
		for j, v := range b.t[k] {
			ψ := x[k*b.m+j]
			e += λ * math.Abs(math.Exp((ψ-v)/b.ε)-math.Exp(b.log[j]/b.ε))
			next[k*b.m+j] = b.log[j] + v
		}
	}
	if b.debiased {
		if err := b.h.rows(b.ε, d, b.kd); err != nil {
			return 0, err
		}
		for j, v := range d {
			to := (v + b.log[j] + b.kd[j]) / 2
			next[len(b.λ)*b.m+j] = to
			e += math.Exp(b.log[j]/b.ε) * math.Abs(to-v) / b.ε
		}
	}
	return e, nil
}

// lower returns Σ λₖ·⟨aₖ,fₖ⟩ with the best fₖ for potentials gₖ whose weighted
// sum is 0, so that b does not matter, less a bound of its rounding errors.
func (b *bregman) lower(x []float64) (float64, error) {
	mean, g := make([]float64, b.m), make([]float64, b.m)
	for k, λ := range b.λ {
		for j := range mean {
			mean[j] += λ * x[k*b.m+j]
		}
	}
	value, size := 0.0, 0.0
	for k, λ := range b.λ {
		for j := range g {
			g[j] = x[k*b.m+j] - mean[j]
			size = max(size, math.Abs(g[j]))
		}
		if err := b.h.rows(0, g, b.s); err != nil {
			return 0, err
		}
		for i, v := range b.s {
			value += λ * b.a[k][i] * v
			size = max(size, math.Abs(v))
		}
	}
	return value - 8*float64(b.n+b.m+len(b.λ)+16)*device.Epsilon[float64]()*size, nil
}
