package sinkhorn

import (
	"context"
	"errors"
	"math"
	"slices"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/rng"
)

// quadratic is the outer iteration for a Gromov–Wasserstein coupling. log P of
// the plan is kept beside P: a proximal term needs it where P underflows.
type quadratic[T device.Float] struct {
	ctx      context.Context
	q        device.Queue[T]
	w        *spaces[T]
	ε        float64
	limit    int
	progress func(int, float64)

	x, y     *factors[T] // costs within the spaces
	linear   device.Matrix[T]
	inner    *iteration[T]    // whose stored costs are the gradient
	p, log   device.Matrix[T] // plan and its logarithm
	old      device.Matrix[T]
	oldLog   device.Matrix[T]
	product  device.Matrix[T] // CX·P·CY
	one      device.Matrix[T]
	sx, sy   []float64 // Σₖ CX[i,k]²·a[k], and of the other space
	constant float64   // Σ a·sx + Σ b·sy
	entropy  float64   // Σ a·log a + Σ b·log b
}

func newQuadratic[T device.Float](ctx context.Context, q device.Queue[T], w *spaces[T], ε float64) *quadratic[T] {
	n, m := len(w.a), len(w.b)
	s := &quadratic[T]{ctx: ctx, q: q, w: w, ε: ε, x: w.x.factors(q), y: w.y.factors(q), one: q.Alloc(1, 1)}
	s.p, s.old, s.product = q.Alloc(n, m), q.Alloc(n, m), q.Alloc(n, m)
	s.log, s.oldLog = q.Alloc(n, m), q.Alloc(n, m)
	if !absent(w.linear) {
		s.linear = device.Lend(q, w.linear)
	}
	c := &costs[T]{q: q, n: n, m: m, high: n, stored: q.Alloc(n, m)}
	s.inner = newIteration(q, c, &reduced[T]{n: n, m: m, a: w.a, b: w.b, unit: 1}, exactKernel)
	s.sx, s.sy = make([]float64, n), make([]float64, m)
	for _, v := range slices.Concat(w.a, w.b) {
		s.entropy += v * math.Log(v)
	}
	return s
}

// factors returns what multiplies by the costs of the space.
func (s space[T]) factors(q device.Queue[T]) *factors[T] {
	if !absent(s.cost) {
		return &factors[T]{q: q, cost: device.Lend(q, s.cost)}
	}
	a, b := squares(s.points, s.points)
	f := &factors[T]{q: q, a: q.Alloc(a.Rows, a.Cols), b: q.Alloc(b.Rows, b.Cols)}
	q.Upload(f.a, device.Convert[T](a))
	q.Upload(f.b, device.Convert[T](b))
	return f
}

// between computes out = CX·P·CY.
func between[T device.Float](q device.Queue[T], x, y *factors[T], p, out device.Matrix[T]) {
	defer q.Scope()()
	half := q.Alloc(p.Rows, p.Cols)
	x.times(p, half)
	if !y.cost.IsZero() {
		q.Gemm(device.NoTrans, device.NoTrans, 1, half, y.cost, 0, out)
		return
	}
	thin := q.Alloc(p.Rows, y.a.Cols)
	q.Gemm(device.NoTrans, device.NoTrans, 1, half, y.b, 0, thin)
	q.Gemm(device.NoTrans, device.Transp, 1, thin, y.a, 0, out)
}

// meanSquares computes Σₖ C[i,k]²·w[k] of a space in tiles of rows.
func (s space[T]) meanSquares(q device.Queue[float64], w, out []float64) error {
	n := len(w)
	defer q.Scope()()
	high := tileRows(n, n)
	tile, weights, sums := q.Alloc(high, n), q.Alloc(n, 1), q.Alloc(n, 1)
	q.Upload(weights, device.Dense[float64]{Rows: n, Cols: 1, Stride: 1, Data: w})
	var x device.Matrix[float64]
	if absent(s.cost) {
		x = q.Alloc(n, s.points.Cols)
		q.Upload(x, device.Convert[float64](s.points))
	}
	for lo := 0; lo < n; lo += high {
		hi := min(n, lo+high)
		part := tile.RowRange(0, hi-lo)
		if absent(s.cost) {
			device.PairwiseCost(q, 2, x.RowRange(lo, hi), x, part)
		} else {
			q.Upload(part, device.Convert[float64](s.cost.Slice(lo, hi, 0, n)))
		}
		q.Map(device.Square, part, part)
		q.Gemm(device.NoTrans, device.NoTrans, 1, part, weights, 0, sums.RowRange(lo, hi))
	}
	q.Download(device.Dense[float64]{Rows: n, Cols: 1, Stride: 1, Data: out}, sums)
	return q.Sync()
}

// means computes the mean squares of both spaces.
func (s *quadratic[T]) means() error {
	q := s.q.Device().F64()
	defer q.Close()
	err := errors.Join(s.w.x.meanSquares(q, s.w.a, s.sx), s.w.y.meanSquares(q, s.w.b, s.sy))
	for i, v := range s.sx {
		s.constant += s.w.a[i] * v
	}
	for j, v := range s.sy {
		s.constant += s.w.b[j] * v
	}
	return err
}

// start stores the costs of the first plan of start number k.
func (s *quadratic[T]) start(k int, seed uint64) {
	c := s.inner.c.stored
	host := device.NewDense[T](c.Rows, c.Cols)
	switch k {
	case 0: // by the mean costs of the points
		for i, x := range s.sx {
			for j, y := range s.sy {
				d := math.Sqrt(x) - math.Sqrt(y)
				host.Set(i, j, T(s.w.α*d*d))
			}
		}
	case 1: // the product of the masses
	default:
		rng.Uniform(seed, uint64(k), 0, host.Data)
		size := T(s.w.size())
		for l := range host.Data {
			host.Data[l] *= size
		}
	}
	s.q.Upload(c, host)
	if !s.linear.IsZero() && k != 1 {
		s.q.Add(T(1-s.w.α), device.NoTrans, s.linear, 1, device.NoTrans, c, c)
	}
	s.q.Fill(0, s.inner.ψ)
}

// coupled is where a start has ended.
type coupled[T device.Float] struct {
	plan      device.Dense[T]
	objective float64
	moved     float64 // stationarity
	count     int
	history   []float64
}

// Accuracies of the inner solutions: a share of how far the plan last moved,
// between limits.
const (
	innerShare = 0.05
	loosest    = 1e-2
	sharpen    = 0.7  // at least, from step to step
	innerLimit = 2000 // iterations of one
)

// run iterates from the costs in s.inner until plan and Sinkhorn plan of its
// gradient differ by tol.
func (s *quadratic[T]) run(tol float64) (*coupled[T], error) {
	q, w := s.q, s.w
	e := &coupled[T]{moved: math.Inf(1)}
	tightest := max(tol/10, 16*device.Epsilon[T]())
	if err := s.transport(s.ε, loosest); err != nil {
		return nil, err
	}
	var err error
	if e.objective, err = s.value(); err != nil {
		return nil, err
	}
	e.history = append(e.history, e.objective)
	noise := 64 * device.Epsilon[T]() * (s.constant + w.size())
	goal, before := loosest, loosest // of the next and of the last step
	good := q.Alloc(1, s.inner.ψ.Cols)
	for λ := 0.0; e.count < s.limit; {
		if err := s.ctx.Err(); err != nil {
			return nil, err
		}
		q.Copy(good, s.inner.ψ)
		moved, err := s.step(λ, goal)
		if err != nil {
			return nil, err
		}
		value, err := s.value()
		if err != nil {
			return nil, err
		}
		e.count++
		// How far a step with a proximal term moves says as much about a
		// longer one.
		moved *= (s.ε + λ) / s.ε
		slack := noise + (goal+before)*w.size()
		if s.progress != nil {
			s.progress(e.count, moved)
		}
		if value > e.objective+slack {
			s.back()
			q.Copy(s.inner.ψ, good)
			if λ = max(2*λ, s.ε); λ > 1e6*s.ε {
				break
			}
			goal = max(tightest, goal*sharpen)
			continue
		}
		if λ *= 0.9; λ < s.ε/16 {
			λ = 0
		}
		e.objective, e.moved = value, moved
		e.history = append(e.history, value)
		if moved <= tol && goal <= max(tol/4, 2*tightest) {
			if λ == 0 {
				break
			}
			// The long step, to be certain.
			if e.moved, err = s.step(0, tightest); err != nil {
				return nil, err
			}
			if s.back(); e.moved <= tol {
				break
			}
		}
		before, goal = goal, max(tightest, min(goal*sharpen, innerShare*moved))
	}
	e.plan = device.NewDense[T](s.p.Rows, s.p.Cols)
	q.Download(e.plan, s.p)
	return e, q.Sync()
}

// step replaces the plan by that of entropic transport for its gradient, with a
// proximal term of the strength λ, and returns by how much it differs from the
// plan before, which is kept.
func (s *quadratic[T]) step(λ, goal float64) (moved float64, err error) {
	q, c := s.q, s.inner.c.stored
	// The gradient, but for what belongs to rows and columns alone.
	q.Add(T(-4*s.w.α), device.NoTrans, s.product, 0, device.NoTrans, device.Matrix[T]{}, c)
	if !s.linear.IsZero() {
		q.Add(1, device.NoTrans, c, T(1-s.w.α), device.NoTrans, s.linear, c)
	}
	if λ > 0 {
		q.Add(1, device.NoTrans, c, T(-λ), device.NoTrans, s.log, c)
	}
	q.Copy(s.old, s.p)
	s.log, s.oldLog = s.oldLog, s.log
	if err := s.transport(s.ε+λ, goal); err != nil {
		return 0, err
	}
	return s.change()
}

// back undoes a step, but for the potentials.
func (s *quadratic[T]) back() {
	s.q.Copy(s.p, s.old)
	s.log, s.oldLog = s.oldLog, s.log
	between(s.q, s.x, s.y, s.p, s.product)
}

// transport replaces the plan by that of entropic transport with ε and the
// costs in s.inner, up to the error goal, and computes the product with it.
func (s *quadratic[T]) transport(ε, goal float64) error {
	q, it := s.q, s.inner
	// A proximal term leaves the potentials of a stationary plan as they are.
	it.ε = ε
	it.setEpsilon(ε)
	d := &descent[T]{ctx: s.ctx, s: it, left: innerLimit, floor: 64 * device.Epsilon[T]() * (1 + s.w.size()/ε)}
	if err := d.run(goal, innerLimit); err != nil {
		return err
	}
	it.c.softMinRows(T(ε), it.ψ, it.εa, it.φ)
	q.Add(T(-1/ε), device.NoTrans, it.c.stored, 0, device.NoTrans, device.Matrix[T]{}, s.log)
	q.AddBy(device.PerRow, T(1/ε), it.φ, s.log, s.log)
	q.AddBy(device.PerCol, T(1/ε), it.ψ, s.log, s.log)
	q.Map(device.Exp, s.log, s.p)
	between(q, s.x, s.y, s.p, s.product)
	return q.Sync()
}

// change returns ‖P-old‖₁. It writes over the gradient.
func (s *quadratic[T]) change() (float64, error) {
	c := s.inner.c.stored
	s.q.Add(1, device.NoTrans, s.p, -1, device.NoTrans, s.old, c)
	s.q.Reduce(device.SumAbs, device.Whole, c, s.one)
	return s.number(nil)
}

// number downloads what s.one holds.
func (s *quadratic[T]) number(err error) (float64, error) {
	var x [1]T
	s.q.Download(device.Vector(x[:]), s.one)
	return float64(x[0]), errors.Join(err, s.q.Sync())
}

// value returns the objective of the plan.
func (s *quadratic[T]) value() (float64, error) {
	s.q.Dot(device.Whole, s.p, s.product, s.one)
	cross, err := s.number(nil)
	value := s.w.α * (s.constant - 2*cross)
	if !s.linear.IsZero() {
		s.q.Dot(device.Whole, s.p, s.linear, s.one)
		var spent float64
		spent, err = s.number(err)
		value += (1 - s.w.α) * spent
	}
	s.q.Dot(device.Whole, s.p, s.log, s.one)
	inside, err := s.number(err)
	return value + s.ε*(inside-s.entropy), err
}

// finish rounds the plan onto the marginals and bounds the value.
func (e *coupled[T]) finish(ctx context.Context, dev device.Device, s *quadratic[T]) (*GromovResult[T], error) {
	w := s.w
	n, m := len(w.a), len(w.b)
	p := device.Convert[float64](e.plan)
	marginal := roundOnto(p, w.a, w.b)
	q := dev.F64()
	defer q.Close()
	dp, product, one := q.Alloc(n, m), q.Alloc(n, m), q.Alloc(1, 2)
	q.Upload(dp, p)
	between(q, w.x.wide().factors(q), w.y.wide().factors(q), dp, product)
	q.Dot(device.Whole, dp, product, one.Slice(0, 1, 0, 1))
	if !absent(w.linear) {
		linear := q.Alloc(n, m)
		q.Upload(linear, device.Convert[float64](w.linear))
		q.Dot(device.Whole, dp, linear, one.Slice(0, 1, 1, 2))
	}
	var sums [2]float64
	q.Download(device.Vector(sums[:]), one)
	if err := q.Sync(); err != nil {
		return nil, err
	}
	quadraticPart := s.constant - 2*sums[0]
	value := w.α*quadraticPart + (1-w.α)*sums[1]
	unit := w.unit * w.mass
	res := &GromovResult[T]{
		Plan: device.NewDense[T](w.n, w.m), Value: value * unit, Quadratic: quadraticPart * unit, Linear: sums[1] * unit,
		Objective: e.objective * unit, Iterations: e.count, History: make([]float64, len(e.history)),
	}
	for k, v := range e.history {
		res.History[k] = v * unit
	}
	for i := range n {
		to := res.Plan.Row(index(w.rows, i))
		for j, v := range p.Row(i) {
			to[index(w.cols, j)] = T(v * w.mass)
		}
	}
	k := &res.Certificate
	k.MarginalL1, k.Stationarity = marginal, e.moved
	// Sums of n+m terms, twice; the factors of squared distances are up to 4
	// times as large as these, in both products.
	slack := 64 * float64(n+m+w.x.points.Cols+w.y.points.Cols+16) * device.Epsilon[float64]() * (s.constant + w.size())
	k.Upper = (value + slack) * unit
	lower, err := s.lower(ctx, dev)
	k.Lower = (lower - slack) * unit
	return res, err
}

func (s space[T]) wide() space[float64] {
	var w space[float64]
	if absent(s.cost) {
		w.points = device.Convert[float64](s.points)
	} else {
		w.cost = device.Convert[float64](s.cost)
	}
	return w
}

// roundOnto makes the plan p meet the marginals (Altschuler, Weed, Rigollet
// 2017) and returns by how much it did not.
func roundOnto(p device.Dense[float64], a, b []float64) float64 {
	off := 0.0
	cols := make([]float64, p.Cols)
	for i := range p.Rows {
		sum := 0.0
		for _, v := range p.Row(i) {
			sum += v
		}
		off += math.Abs(sum - a[i])
		f := min(1, a[i]/sum)
		for j, v := range p.Row(i) {
			cols[j] += v
			p.Row(i)[j] = f * v
		}
	}
	for j, v := range cols {
		off += math.Abs(v - b[j])
	}
	clear(cols)
	for i := range p.Rows {
		for j, v := range p.Row(i) {
			cols[j] += v
		}
	}
	lackB, lack := make([]float64, p.Cols), 0.0
	for j, v := range cols {
		cols[j] = min(1, b[j]/v)
		lackB[j] = b[j] - v*cols[j]
		lack += lackB[j]
	}
	for i := range p.Rows {
		row, sum := p.Row(i), 0.0
		for j := range row {
			row[j] *= cols[j]
			sum += row[j]
		}
		if lackA := max(0, a[i]-sum); lack > 0 {
			for j := range row {
				row[j] += lackA * lackB[j] / lack
			}
		}
	}
	return off
}

// lower bounds the minimum from below. By Minkowski's inequality point i and
// point j differ, whatever the plan, by at least the difference of the roots of
// their mean squares.
func (s *quadratic[T]) lower(ctx context.Context, dev device.Device) (float64, error) {
	w := s.w
	x, y := make([]float64, len(s.sx)), make([]float64, len(s.sy))
	for i, v := range s.sx {
		x[i] = math.Sqrt(v)
	}
	for j, v := range s.sy {
		y[j] = math.Sqrt(v)
	}
	if absent(w.linear) {
		e, err := sorted(ctx, w.a, w.b, x, y, 2)
		if err != nil {
			return 0, err
		}
		return dot(w.a, e.f) + dot(w.b, e.g) - e.slack, nil
	}
	c := device.NewDense[float64](len(x), len(y))
	lo, hi := math.Inf(1), math.Inf(-1)
	for i := range x {
		for j := range y {
			d := x[i] - y[j]
			v := w.α*d*d + (1-w.α)*float64(w.linear.At(i, j))
			c.Set(i, j, v)
			lo, hi = min(lo, v), max(hi, v)
		}
	}
	r, err := Solve(ctx, dev, Problem[float64]{Cost: c, A: w.a, B: w.b}, Options{Epsilon: max((hi-lo)/500, 1e-300), Tol: 1e-4, Normalize: true})
	if r == nil {
		return 0, err
	}
	return r.Certificate.Lower, nil
}
