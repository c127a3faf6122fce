package sinkhorn

import (
	"context"
	"fmt"
	"math"

	"github.com/ritz-go/ritz/goapi/device"
)

// Grid gives the costs Σₖ |xₖ-yₖ|^p, p > 0, between the points of two grids: the
// points of a grid have all combinations of the coordinates along its axes, x[k]
// and y[k] along axis k, in row-major order. For p = 2 that is the squared
// distance. Two images, for example, have the coordinates of their rows and of
// their columns.
//
// [Solve] computes soft minima between grids one axis at a time, in float64,
// and forms neither costs nor kernel: N points in d dimensions take
// O(d·N^(1+1/d)) operations an iteration and O(N) memory. The methods [Scaling]
// and [Newton], and everything but Solve, use the costs themselves.
func Grid[T device.Float](x, y [][]float64, p float64) Source[T] {
	g := &gridCosts[T]{}
	if g.wrong = checkAxes(x, y, p); g.wrong != nil {
		g.Source = Func[T](0, 0, nil)
		return g
	}
	n, m := 1, 1
	for k := range x {
		c := device.NewDense[float64](len(x[k]), len(y[k]))
		for i, u := range x[k] {
			for j, v := range y[k] {
				c.Set(i, j, math.Pow(math.Abs(u-v), p))
			}
		}
		g.axes = append(g.axes, c)
		n, m = n*c.Rows, m*c.Cols
	}
	axes := g.axes
	g.Source = Func(n, m, func(lo, hi int, dst device.Dense[T]) {
		at := make([]int, len(axes))
		sums := []float64{0}
		var next []float64
		for i := lo; i < hi; i++ {
			for k, left := len(axes)-1, i; k >= 0; k-- {
				at[k], left = left%axes[k].Rows, left/axes[k].Rows
			}
			sums = append(sums[:0], 0)
			for k, c := range axes {
				next = next[:0]
				for _, s := range sums {
					for _, v := range c.Row(at[k]) {
						next = append(next, s+v)
					}
				}
				sums, next = next, sums
			}
			for j, s := range sums {
				dst.Row(i - lo)[j] = T(s)
			}
		}
	})
	return g
}

// gridCosts are the costs between grids, as those of a function, and along the
// axes.
type gridCosts[T device.Float] struct {
	Source[T]
	axes  []device.Dense[float64]
	wrong error
}

func (g *gridCosts[T]) check() error { return g.wrong }

func checkAxes(x, y [][]float64, p float64) error {
	switch {
	case len(x) != len(y):
		return &device.ShapeError{Op: "y", Detail: fmt.Sprintf("has %d axes, x has %d", len(y), len(x))}
	case len(x) == 0:
		return fmt.Errorf("a grid without axes: %w", device.ErrEmpty)
	case !(p > 0 && p <= 64):
		return device.Argument("p", "is %v, must be positive and at most 64", p)
	}
	for _, side := range []struct {
		name string
		axes [][]float64
	}{{"x", x}, {"y", y}} {
		points := 1
		for k, v := range side.axes {
			if err := device.CheckInput(fmt.Sprintf("%s, axis %d,", side.name, k), device.Vector(v)); err != nil {
				return err
			}
			if points *= len(v); points > 1<<40 {
				return &device.ShapeError{Op: side.name, Detail: "has more than 2^40 points"}
			}
		}
	}
	return nil
}

// solveGrid is [Solve] between grids. Points without mass stay: taken away they
// would leave no grid.
func solveGrid[T device.Float](ctx context.Context, dev device.Device, p Problem[T], g *gridCosts[T], o Options) (*Result[T], error) {
	n, m, err := check(p)
	if err != nil {
		return nil, err
	}
	r := &reduced[T]{n: n, m: m, unit: 1, source: g.Source}
	if r.a, r.b, r.mass, err = weights(p, n, m, o.Normalize); err != nil {
		return nil, err
	}
	axes, err := r.gridAxes(g)
	if err != nil {
		return nil, err
	}
	ε := o.Epsilon / r.unit
	if size := r.hi; ε == 0 || math.IsInf(1/ε, 0) || size/ε > 0.1/device.Epsilon[float64]() {
		return nil, device.Argument("Epsilon", "is %v, too far from the size %v of the costs for float64", o.Epsilon, size*r.unit)
	}
	spread := r.hi - r.lo
	o.Tol = tolerance[T](o.Tol, spread/ε)
	q := device.NewQueue[float64](dev)
	defer q.Close()
	c := &costs[float64]{q: q, n: n, m: m, grid: newGrid[float64](q, axes)}
	wide := &reduced[float64]{n: n, m: m, a: r.a, b: r.b, unit: r.unit}
	if p.Warm != nil {
		wide.warm = device.Convert[float64](device.Vector(p.Warm)).Data
	}
	s := newIteration(q, c, wide, noKernel)
	// The logarithm of no mass that still leaves differences of potentials
	// numbers.
	least := math.Exp(-deepest[float64]())
	upload(q, s.logA, r.a, func(x float64) float64 { return math.Log(max(x, least)) })
	upload(q, s.logB, r.b, func(x float64) float64 { return math.Log(max(x, least)) })
	d := &descent[float64]{
		ctx: ctx, s: s, relax: o.Relaxation, progress: o.Progress,
		left: o.MaxIterations, floor: 64 * device.Epsilon[float64]() * (1 + r.hi/ε),
	}
	if err := d.approachEpsilon(schedule(ε, spread, wide.warm != nil), r.lo, r.hi); err != nil {
		return nil, err
	}
	if err := d.run(o.Tol, d.left); err != nil {
		return nil, err
	}
	v := &gridCertifier[T]{r: r, h: newHalves[float64](q, c.grid, n, m), q: q, axes: axes, ε: ε}
	if v.ψ, err = s.potentials(); err != nil {
		return nil, err
	}
	res, err := v.finish(dev, p, o.Epsilon)
	if err != nil {
		return nil, err
	}
	res.Iterations, res.History, res.Method = d.count, d.history, Log
	if res.Converged = res.Certificate.MarginalL1 <= o.Tol; !res.Converged {
		return res, &device.NotConvergedError{Method: "Sinkhorn's iteration", Iterations: d.count, Achieved: res.Certificate.MarginalL1, Wanted: o.Tol}
	}
	return res, nil
}

// gridAxes sets the bounds and the unit of the costs and returns those along
// the axes in that unit.
func (r *reduced[T]) gridAxes(g *gridCosts[T]) ([]device.Dense[float64], error) {
	for _, c := range g.axes {
		lo, hi := math.Inf(1), 0.0
		for _, v := range c.Data {
			lo, hi = min(lo, v), max(hi, v)
		}
		r.lo, r.hi = r.lo+lo, r.hi+hi
	}
	if math.IsInf(r.hi, 0) {
		return nil, fmt.Errorf("the costs leave the range of float64: %w", device.ErrNotFinite)
	}
	if lo, hi := sizeLimits[float64](); r.hi == 0 || r.hi >= lo && r.hi <= hi {
		return g.axes, nil
	}
	r.unit = math.Ldexp(1, exponent(r.hi))
	r.source, _ = r.source.scaled(r.hi)
	r.lo, r.hi = r.lo/r.unit, r.hi/r.unit
	axes := make([]device.Dense[float64], len(g.axes))
	for k, c := range g.axes {
		axes[k] = c.Clone()
		for l := range c.Data {
			axes[k].Data[l] /= r.unit
		}
	}
	return axes, nil
}

// gridCertifier bounds the errors of a plan between grids from its potentials.
// Sums over rows and columns of the plan are soft minima.
type gridCertifier[T device.Float] struct {
	r    *reduced[T]
	h    *halves
	q    device.Queue[float64]
	axes []device.Dense[float64]
	ε    float64

	rounding
}

func (v *gridCertifier[T]) finish(dev device.Device, p Problem[T], epsilon float64) (*Result[T], error) {
	r, ε := v.r, v.ε
	n, m := r.n, r.m
	none := math.Inf(-1)
	f, g, t := make([]float64, n), make([]float64, m), make([]float64, m)
	for j, b := range r.b {
		if b == 0 {
			v.ψ[j] = none
		}
	}
	if err := v.h.rows(ε, v.ψ, f); err != nil {
		return nil, err
	}
	v.φ = make([]float64, n)
	for i, a := range r.a {
		v.φ[i] = f[i] + ε*math.Log(a)
	}
	if err := v.h.cols(ε, v.φ, t); err != nil {
		return nil, err
	}
	v.cols, v.lackA, v.lackB, v.keep = make([]float64, m), make([]float64, n), make([]float64, m), 1
	kept, left := make([]float64, m), make([]float64, m) // ψ + ε·log of cols and of 1-cols
	marginal := 0.0
	for j, b := range r.b {
		sum := math.Exp((v.ψ[j] - t[j]) / ε)
		marginal += math.Abs(sum - b)
		v.cols[j] = 1
		if sum > b {
			v.cols[j] = b / sum
		} else {
			v.lackB[j] = b - sum
			v.lack += b - sum
		}
		kept[j], left[j] = v.ψ[j]+ε*math.Log(v.cols[j]), v.ψ[j]+ε*math.Log(1-v.cols[j])
		if g[j] = t[j]; b > 0 {
			g[j] = v.ψ[j] - ε*math.Log(b)
		}
	}
	upper, err := v.upper(kept, left)
	if err != nil {
		return nil, err
	}
	lower, size, err := v.lower(g)
	if err != nil {
		return nil, err
	}
	// As in the certificate of stored costs; here sums over the plan also have
	// the relative errors of its exponents.
	k := float64(n + m + 16)
	exponents := 16 * float64(len(v.axes)) * (size + r.hi) / ε
	slack := 4 * device.Epsilon[float64]()
	unit := r.unit * r.mass
	res := &Result[T]{
		F: make([]T, n), G: make([]T, m), Cost: upper * unit, Epsilon: epsilon,
		Certificate: Certificate{
			MarginalL1: marginal,
			Upper:      (upper + slack*(k+exponents)*r.hi) * unit,
			Lower:      (lower - slack*k*(r.hi+size)) * unit,
		},
		dev: dev, problem: p, reduced: r, rounding: v.rounding, ε: ε,
	}
	res.Certificate.Gap = res.Certificate.Upper - res.Certificate.Lower
	shift := -ε * math.Log(r.mass)
	for i, x := range f {
		if a := r.a[i]; a > 0 {
			res.Objective += a * x
		}
		res.F[i] = T((x + shift) * r.unit)
	}
	for j, x := range g {
		if b := r.b[j]; b > 0 {
			res.Objective += b * x
		}
		res.G[j] = T(x * r.unit)
	}
	res.Objective = (res.Objective + shift) * unit
	return res, nil
}

// upper returns the cost of the rounded plan, axis by axis.
func (v *gridCertifier[T]) upper(kept, left []float64) (float64, error) {
	total := 0.0
	s := make([]float64, v.r.n)
	for k := range v.axes {
		end := v.q.Scope()
		weighted := newGrid[float64](v.q, v.axes)
		h := newHalves[float64](v.q, weighted, v.r.n, v.r.m)
		for l := range weighted.axes {
			weighted.axes[l].build(v.q, v.ε)
		}
		weighted.ε = v.ε
		weighted.axes[k].weigh(v.q, v.ε)
		err := h.rows(v.ε, kept, s)
		end()
		if err != nil {
			return 0, err
		}
		for i, x := range s {
			if v.r.a[i] > 0 {
				total += math.Exp((v.φ[i] - x) / v.ε)
			}
		}
	}
	if v.lack == 0 {
		return total, nil
	}
	if err := v.h.rows(v.ε, left, s); err != nil {
		return 0, err
	}
	for i, x := range s {
		if v.r.a[i] > 0 {
			v.lackA[i] = math.Exp((v.φ[i] - x) / v.ε)
		}
	}
	// Of lackA·lackBᵀ only the sums along each axis count.
	stepA, stepB := v.r.n, v.r.m
	for _, c := range v.axes {
		stepA, stepB = stepA/c.Rows, stepB/c.Cols
		rows, cols := make([]float64, c.Rows), make([]float64, c.Cols)
		for i, x := range v.lackA {
			rows[i/stepA%c.Rows] += x
		}
		for j, x := range v.lackB {
			cols[j/stepB%c.Cols] += x
		}
		for i, x := range rows {
			total += x * dot(c.Row(i), cols) / v.lack
		}
	}
	return total, nil
}

// lower returns the value of the c-transforms of g, and the largest absolute
// potential in it.
func (v *gridCertifier[T]) lower(g []float64) (value, size float64, err error) {
	only := func(w, x []float64) []float64 {
		y := append([]float64(nil), x...)
		for k := range y {
			if w[k] == 0 {
				y[k] = math.Inf(-1)
			}
		}
		return y
	}
	f, h := make([]float64, v.r.n), make([]float64, v.r.m)
	if err := v.h.rows(0, only(v.r.b, g), f); err != nil {
		return 0, 0, err
	}
	if err := v.h.cols(0, only(v.r.a, f), h); err != nil {
		return 0, 0, err
	}
	for _, side := range []struct{ w, x []float64 }{{v.r.a, f}, {v.r.b, h}} {
		for k, x := range side.x {
			if side.w[k] > 0 {
				value += side.w[k] * x
				size = max(size, math.Abs(x))
			}
		}
	}
	return value, size, nil
}
