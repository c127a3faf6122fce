package sinkhorn

import (
	"context"
	"errors"
	"math"
	"slices"

	"github.com/ritz-go/ritz/goapi/device"
)

// DivergenceResult is the result of [Divergence].
type DivergenceResult[T device.Float] struct {
	// Value is S_ε, at least 0.
	Value float64
	// GradA (n) and GradB (m) are the gradients with respect to the
	// weights, for changes that keep their sums; GradX (n×d) and GradY
	// (m×d) those with respect to the points.
	GradA, GradB []T
	GradX, GradY device.Dense[T]
	// Cross, SelfX and SelfY are the three problems.
	Cross, SelfX, SelfY *Result[T]
	// Error bounds the error of Value that the marginals of the three
	// plans leave.
	Error float64
}

// Divergence computes the Sinkhorn divergence
//
//	S_ε(α,β) = OT_ε(α,β) - ½·OT_ε(α,α) - ½·OT_ε(β,β)
//
// between two weighted clouds and its gradients (Genevay, Peyré, Cuturi:
// Learning generative models with Sinkhorn divergences, 2018; Feydy et al.:
// Interpolating between optimal transport and MMD, 2019). Unlike OT_ε it is 0
// for equal measures, exactly so here, and positive otherwise for the costs
// ‖x-y‖ and ‖x-y‖². The costs must be those of the points X and Y of p or of
// [Power].
//
// The symmetric problems are solved by the averaged iteration f ← ½(f + T(f)),
// whose errors shrink by half and more in every step, accelerated. Errors are as for
// [Solve]; if one of the three problems does not reach the tolerance the result
// is returned with the error.
func Divergence[T device.Float](ctx context.Context, dev device.Device, p Problem[T], o Options) (*DivergenceResult[T], error) {
	n, m, err := check(p)
	if err != nil {
		return nil, err
	}
	x, y := p.X, p.Y
	selfOf := func(x device.Dense[T]) Problem[T] { return Problem[T]{X: x, Y: x, P: p.P} }
	if s, ok := p.Source.(*power[T]); ok {
		x, y = s.x, s.y
		selfOf = func(x device.Dense[T]) Problem[T] { return Problem[T]{Source: Power(x, x, s.p)} }
	} else if p.Source != nil || !absent(p.Cost) {
		return nil, device.Argument("problem", "needs points, or a source made by Power")
	}
	d := &DivergenceResult[T]{}
	var failure error
	solve := func(p Problem[T], symmetric bool) *Result[T] {
		if err != nil {
			return nil
		}
		var r *Result[T]
		if symmetric {
			r, err = selfTransport(ctx, dev, p, o)
		} else {
			r, err = Solve(ctx, dev, p, o)
		}
		if errors.Is(err, device.ErrNotConverged) {
			failure, err = err, nil
		}
		return r
	}
	ofX, ofY := selfOf(x), selfOf(y)
	ofX.A, ofX.B, ofY.A, ofY.B = p.A, p.A, p.B, p.B
	d.SelfX = solve(ofX, true)
	if same(x, y) && (n == m && slices.Equal(p.A, p.B)) {
		// One measure: the three problems are one.
		d.Cross, d.SelfY = d.SelfX, d.SelfX
	} else {
		d.SelfY = solve(ofY, true)
		d.Cross = solve(p, false)
	}
	if err != nil {
		return nil, err
	}
	d.Value = d.Cross.Objective - (d.SelfX.Objective+d.SelfY.Objective)/2
	for _, r := range []*Result[T]{d.Cross, d.SelfX, d.SelfY} {
		// Moving the mass that is wrong changes the value by no more than
		// the potentials differ, which costs bound.
		d.Error += r.Certificate.MarginalL1 * 2 * (r.reduced.hi - r.reduced.lo) * r.reduced.unit * r.reduced.mass
		d.Error += 64 * device.Epsilon[float64]() * math.Abs(r.Objective)
	}
	d.Value = max(d.Value, 0)
	less := func(u, v []T) []T {
		w := make([]T, len(u))
		for k := range u {
			w[k] = u[k] - v[k]
		}
		return centred(w)
	}
	d.GradA, d.GradB = less(d.Cross.F, d.SelfX.F), less(d.Cross.G, d.SelfY.F)
	d.GradX, d.GradY = device.NewDense[T](n, x.Cols), device.NewDense[T](m, x.Cols)
	if err := d.Cross.gradients(&d.GradX, &d.GradY); err != nil {
		return nil, err
	}
	// OT(α,α) depends on its points twice, which ½ makes up for.
	for _, g := range []struct {
		of   device.Dense[T]
		self *Result[T]
	}{{d.GradX, d.SelfX}, {d.GradY, d.SelfY}} {
		own := device.NewDense[T](g.of.Rows, g.of.Cols)
		if err := g.self.GradX(own); err != nil {
			return nil, err
		}
		for k, v := range own.Data {
			g.of.Data[k] -= v
		}
	}
	return d, failure
}

func same[T device.Float](x, y device.Dense[T]) bool {
	if x.Rows != y.Rows {
		return false
	}
	for i := range x.Rows {
		if !slices.Equal(x.Row(i), y.Row(i)) {
			return false
		}
	}
	return true
}
