package sinkhorn

import (
	"context"
	"fmt"
	"math"

	"github.com/ritz-go/ritz/goapi/device"
)

// GromovProblem asks for a plan between two spaces whose points cannot be
// compared with each other, only among themselves. Exactly one of CostX and X
// is given, and one of CostY and Y.
type GromovProblem[T device.Float] struct {
	// CostX (n×n) and CostY (m×m) are symmetric matrices of distances,
	// similarities or costs within each space.
	CostX, CostY device.Dense[T]
	// X (n×d) and Y (m×e) are points, one in a row, with their squared
	// distances within each space. d and e may differ.
	X, Y device.Dense[T]
	// Linear (n×m) holds costs between the spaces for the fused problem, or
	// is the zero Dense.
	Linear device.Dense[T]
	// Alpha is the share 0 < α ≤ 1 of the quadratic part of the fused
	// problem; 0 stands for ½ with Linear and 1 without.
	Alpha float64
	// A (n) and B (m) are the masses: not negative, with the same positive
	// sum. nil is the uniform distribution.
	A, B []T
}

// GromovOptions are the options of [Gromov]. All but Epsilon have useful zero
// values.
type GromovOptions struct {
	// Epsilon is the strength ε > 0 of the regularisation, in units of the
	// squares of CostX and CostY (and of Linear).
	Epsilon float64
	// Tol is the Stationarity of the certificate at which to stop. Default
	// 1e-7, and 1e-4 for float32.
	Tol float64
	// MaxIterations limits the outer iterations of a start; default 500.
	MaxIterations int
	// Starts is the number of starts, of which the best result is returned:
	// from the plan of the points' mean costs, from the product of the
	// masses, and then from random plans. Default 2.
	Starts int
	// Seed chooses the random plans.
	Seed uint64
	// Normalize scales A and B to the sum 1 each. Without it, sums that
	// differ are an error.
	Normalize bool
	// Progress, if set, is called after every outer iteration.
	Progress func(iteration int, stationarity float64)
}

func (o GromovOptions) complete() (GromovOptions, error) {
	all, err := Options{Epsilon: o.Epsilon, Tol: o.Tol, MaxIterations: o.MaxIterations}.complete()
	if err != nil {
		return o, err
	}
	if o.Starts < 0 {
		return o, device.Argument("Starts", "is %d, must not be negative", o.Starts)
	}
	if o.Starts == 0 {
		o.Starts = 2
	}
	if o.MaxIterations = all.MaxIterations; o.MaxIterations == 10000 {
		o.MaxIterations = 500
	}
	return o, nil
}

// GromovResult is the result of [Gromov].
type GromovResult[T device.Float] struct {
	// Plan (n×m) meets both marginals.
	Plan device.Dense[T]
	// Value is α·Quadratic + (1-α)·Linear, the value of the problem without
	// its regularisation for Plan: Quadratic is Σ (CX[i,k]-CY[j,l])²·P[i,j]·P[k,l]
	// over the mass, Linear is ⟨Linear,P⟩.
	Value, Quadratic, Linear float64
	// Objective is Value + ε·KL(P|a⊗b) of the plan before it was rounded.
	Objective   float64
	Iterations  int       // of the best start
	History     []float64 // objective after every iteration, of the best start
	Converged   bool
	Certificate GromovCertificate
}

// GromovCertificate bounds the errors of a [GromovResult]. All but the
// stationarity is computed in float64.
type GromovCertificate struct {
	// MarginalL1 is ‖P·1-a‖₁ + ‖Pᵀ·1-b‖₁ over the mass for the plan before it
	// was rounded onto the marginals.
	MarginalL1 float64 `json:"marginal_l1"`
	// Stationarity is ‖P-P′‖₁ over the mass, where P′ is the plan of entropic
	// transport for the gradient at P. It is 0 where the regularised problem
	// is stationary.
	Stationarity float64 `json:"stationarity"`
	// Lower and Upper enclose the minimum of the problem without
	// regularisation. Upper is Value and a bound of its rounding errors; Lower
	// compares the points by their mean costs only (the first lower bound of
	// Mémoli: Gromov–Wasserstein distances and the metric approach to object
	// matching, 2011).
	Lower float64 `json:"lower"`
	Upper float64 `json:"upper"`
}

// Gromov computes entropic Gromov–Wasserstein couplings, with the quadratic
// loss:
//
//	minimise α·Σ (CX[i,k]-CY[j,l])²·P[i,j]·P[k,l] + (1-α)·⟨M,P⟩ + ε·KL(P|a⊗b)
//	over P ≥ 0, P·1 = a, Pᵀ·1 = b
//
// (Peyré, Cuturi, Solomon: Gromov–Wasserstein averaging of kernel and distance
// matrices, 2016; fused: Vayer, Chapel, Flamary, Tavenard, Courty: Fused
// Gromov–Wasserstein distance for structured objects, 2020). Each outer
// iteration is an entropic transport for the gradient at the last plan, solved
// from the last potentials and only as far as the plan still moves. A step that
// does not lower the objective, which costs that are not conditionally negative
// can bring about, is taken again with a proximal term. The minimum is a local
// one.
//
// An outer iteration takes two products with CX and CY, O(n²m + nm²); with
// points, whose squared distances have rank d+2, O(nm·(d+e)) beside the
// scalings. Five matrices of n·m elements are in device memory.
//
// Errors are as for [Solve].
func Gromov[T device.Float](ctx context.Context, dev device.Device, p GromovProblem[T], o GromovOptions) (*GromovResult[T], error) {
	o, err := o.complete()
	if err != nil {
		return nil, err
	}
	w, err := p.reduce(o.Normalize)
	if err != nil {
		return nil, err
	}
	ε := o.Epsilon / w.unit
	if size := w.size(); T(ε) == 0 || T(1/ε) == 0 || size/ε > 0.1/device.Epsilon[T]() {
		return nil, device.Argument("Epsilon", "is %v, too far from the size %v of the costs for the number type", o.Epsilon, size*w.unit)
	}
	if o.Tol == 0 {
		if o.Tol = 1e-7; device.Epsilon[T]() > 1e-10 {
			o.Tol = 1e-4
		}
	}
	q := device.NewQueue[T](dev)
	defer q.Close()
	s := newQuadratic(ctx, q, w, ε)
	s.progress, s.limit = o.Progress, o.MaxIterations
	if err := s.means(); err != nil {
		return nil, err
	}
	best, err := bestStart(o.Starts, func(k int) (*coupled[T], error) {
		s.start(k, o.Seed)
		return s.run(o.Tol)
	}, func(e *coupled[T]) float64 { return e.objective })
	if err != nil {
		return nil, err
	}
	res, err := best.finish(ctx, dev, s)
	if err != nil {
		return nil, err
	}
	if !(best.moved <= o.Tol) {
		return res, &device.NotConvergedError{Method: "the iteration for the Gromov–Wasserstein coupling", Iterations: best.count, Achieved: best.moved, Wanted: o.Tol}
	}
	res.Converged = true
	return res, nil
}

// spaces is a checked problem without the points that carry no mass, with
// weights of sum 1 and costs of about unit size.
type spaces[T device.Float] struct {
	x, y       space[T]
	linear     device.Dense[T]
	α          float64
	rows, cols []int
	a, b       []float64
	n, m       int // of the caller
	unit, mass float64
}

// space is one of the two: costs, or points with their squared distances.
type space[T device.Float] struct {
	cost, points device.Dense[T]
}

func (s space[T]) size() int { return max(s.cost.Rows, s.points.Rows) }

func (p GromovProblem[T]) reduce(normalize bool) (*spaces[T], error) {
	w := &spaces[T]{x: space[T]{p.CostX, p.X}, y: space[T]{p.CostY, p.Y}, linear: p.Linear, α: p.Alpha}
	if err := w.x.check("CostX", "X"); err != nil {
		return nil, err
	}
	if err := w.y.check("CostY", "Y"); err != nil {
		return nil, err
	}
	w.n, w.m = w.x.size(), w.y.size()
	fused := !absent(p.Linear)
	if fused {
		if err := device.CheckInput("Linear", p.Linear); err != nil {
			return nil, err
		}
		if p.Linear.Rows != w.n || p.Linear.Cols != w.m {
			return nil, &device.ShapeError{Op: "Linear", Detail: fmt.Sprintf("is %d×%d between %d and %d points", p.Linear.Rows, p.Linear.Cols, w.n, w.m)}
		}
	}
	switch {
	case !(w.α >= 0 && w.α <= 1):
		return nil, device.Argument("Alpha", "is %v, must be in (0,1]", w.α)
	case !fused && w.α != 0 && w.α != 1:
		return nil, device.Argument("Alpha", "is %v without costs between the spaces", w.α)
	case w.α == 0 && fused:
		w.α = .5
	case w.α == 0:
		w.α = 1
	}
	if err := checkVector("A", p.A, w.n, 0); err != nil {
		return nil, err
	}
	if err := checkVector("B", p.B, w.m, 0); err != nil {
		return nil, err
	}
	a, b, mass, err := weights(Problem[T]{A: p.A, B: p.B}, w.n, w.m, normalize)
	if err != nil {
		return nil, err
	}
	w.mass, w.rows, w.cols = mass, positive(a), positive(b)
	w.a, w.b = pick(a, w.rows), pick(b, w.cols)
	w.x, w.y = w.x.pick(w.rows), w.y.pick(w.cols)
	if fused {
		w.linear = pickColumns(pickRows(w.linear, w.rows), w.cols)
	}
	return w, w.rescale()
}

func (s space[T]) check(costs, points string) error {
	switch {
	case absent(s.cost) && absent(s.points):
		return fmt.Errorf("the problem has neither %s nor %s: %w", costs, points, device.ErrEmpty)
	case !absent(s.cost) && !absent(s.points):
		return device.Argument(costs, "and %s are both given: give one of them", points)
	case absent(s.cost):
		return device.CheckInput(points, s.points)
	}
	if err := device.CheckInput(costs, s.cost); err != nil {
		return err
	}
	c := s.cost
	if c.Rows != c.Cols {
		return &device.ShapeError{Op: costs, Detail: fmt.Sprintf("is %d×%d, must be square", c.Rows, c.Cols)}
	}
	size := 0.0
	for i := range c.Rows {
		for _, v := range c.Row(i) {
			size = max(size, math.Abs(float64(v)))
		}
	}
	for i := range c.Rows {
		for j := range i {
			if d := math.Abs(float64(c.At(i, j)) - float64(c.At(j, i))); d > 64*device.Epsilon[T]()*size {
				return device.Argument(costs, "is not symmetric: %v and %v at (%d,%d)", c.At(i, j), c.At(j, i), i, j)
			}
		}
	}
	return nil
}

func (s space[T]) pick(at []int) space[T] {
	if absent(s.cost) {
		return space[T]{points: pickRows(s.points, at)}
	}
	return space[T]{cost: pickColumns(pickRows(s.cost, at), at)}
}

// size bounds the costs.
func (w *spaces[T]) size() float64 {
	c := max(w.x.largest(), w.y.largest())
	return max(4*w.α*c*c, (1-w.α)*largestAbs(w.linear))
}

func (s space[T]) largest() float64 {
	if absent(s.cost) {
		d := diameter(s.points, s.points)
		return d * d
	}
	return largestAbs(s.cost)
}

func largestAbs[T device.Float](a device.Dense[T]) float64 {
	most := 0.0
	for i := range a.Rows {
		for _, v := range a.Row(i) {
			most = max(most, math.Abs(float64(v)))
		}
	}
	return most
}

// rescale divides the costs within the spaces by a power of 4 near their size,
// and those between them by its square, which is then the unit of the values.
func (w *spaces[T]) rescale() error {
	root := 0.0 // of the largest cost
	for _, s := range []space[T]{w.x, w.y} {
		if absent(s.cost) {
			root = max(root, diameter(s.points, s.points))
		} else {
			root = max(root, math.Sqrt(largestAbs(s.cost)))
		}
	}
	w.unit = 1
	if root == 0 {
		return nil
	}
	e := exponent(root)
	if w.unit = math.Ldexp(1, 4*e); w.unit == 0 || math.IsInf(w.unit, 0) {
		return fmt.Errorf("the squares of the costs leave the range of float64: %w", device.ErrNotFinite)
	}
	scale := func(a device.Dense[T], power int) device.Dense[T] {
		if e == 0 || absent(a) {
			return a
		}
		b := a.Clone()
		for k, v := range b.Data {
			b.Data[k] = T(math.Ldexp(float64(v), -e*power))
		}
		return b
	}
	w.x = space[T]{scale(w.x.cost, 2), scale(w.x.points, 1)}
	w.y = space[T]{scale(w.y.cost, 2), scale(w.y.points, 1)}
	w.linear = scale(w.linear, 4)
	if !absent(w.linear) {
		return device.CheckInput("Linear, relative to the other costs,", w.linear)
	}
	return nil
}
