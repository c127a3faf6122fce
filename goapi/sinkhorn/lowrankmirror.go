package sinkhorn

import (
	"context"
	"math"
	"slices"

	"github.com/ritz-go/ritz/goapi/device"
)

// mirror is the mirror descent for plans of low rank.
type mirror[T device.Float] struct {
	ctx      context.Context
	q        device.Queue[T]
	c        *factors[T]
	d        *reduced[T]
	rank     int
	limit    int
	spread   float64 // of the costs
	progress func(int, float64)

	now, next lowRankPoint[T]
	effort    int // iterations of the last projection
	left      side[T]
	right     side[T]
	small     device.Matrix[T] // 1×rank
	one       device.Matrix[T]
}

// lowRankPoint is a point of the descent: logarithms of Q (n×rank) and R
// (m×rank), C·R·diag(1/g) and Cᵀ·Q·diag(1/g), which are the gradients with
// respect to Q and R, and the logarithms of g.
type lowRankPoint[T device.Float] struct {
	logQ, logR   device.Matrix[T]
	gradQ, gradR device.Matrix[T]
	logG         []float64
	mean         []float64 // cost of each group per mass: -∂/∂g
	cost         float64
}

// side is what the projection needs of one of the factors: the kernel K
// (n×rank) with the scalings u and v of its rows and columns.
type side[T device.Float] struct {
	weights, k    device.Matrix[T]
	u, v, s       device.Matrix[T]
	shift, logU   device.Matrix[T] // 1×n
	depth         device.Matrix[T]
	hostV, hostS  []float64 // v and Kᵀ·u
	top           []float64 // logarithm of what the columns were divided by
	buffer        []T
	log, min, dot device.Matrix[T]
	root, square  device.Matrix[T] // 1/√weights; rank×rank
	logarithms    device.Matrix[T] // of the point that is projected
}

func newMirror[T device.Float](ctx context.Context, q device.Queue[T], c *factors[T], d *reduced[T], rank int) *mirror[T] {
	s := &mirror[T]{ctx: ctx, q: q, c: c, d: d, rank: rank, small: q.Alloc(1, rank), one: q.Alloc(1, 1)}
	for _, p := range []*lowRankPoint[T]{&s.now, &s.next} {
		p.logQ, p.gradQ = q.Alloc(d.n, rank), q.Alloc(d.n, rank)
		p.logR, p.gradR = q.Alloc(d.m, rank), q.Alloc(d.m, rank)
		p.logG, p.mean = make([]float64, rank), make([]float64, rank)
	}
	s.left.alloc(q, d.a, rank)
	s.right.alloc(q, d.b, rank)
	return s
}

func (e *side[T]) alloc(q device.Queue[T], w []float64, rank int) {
	n := len(w)
	e.weights, e.u, e.shift, e.logU, e.min = q.Alloc(1, n), q.Alloc(1, n), q.Alloc(1, n), q.Alloc(1, n), q.Alloc(1, n)
	e.k, e.log = q.Alloc(n, rank), q.Alloc(n, rank)
	e.v, e.s, e.dot = q.Alloc(1, rank), q.Alloc(1, rank), q.Alloc(1, 1)
	e.hostV, e.hostS, e.top, e.buffer = make([]float64, rank), make([]float64, rank), make([]float64, rank), make([]T, rank)
	e.depth = q.Alloc(1, n)
	q.Fill(depth, e.depth)
	e.root, e.square = q.Alloc(1, n), q.Alloc(rank, rank)
	upload(q, e.weights, w, func(x float64) float64 { return x })
	upload(q, e.root, w, func(x float64) float64 { return 1 / math.Sqrt(x) })
}

// descended is where a descent has ended, in the unit of the reduced problem.
type descended[T device.Float] struct {
	q, r      device.Dense[T]
	cost, gap float64
	count     int
	history   []float64
}

// Step sizes are relative to the largest spread of a row of the gradient.
const (
	firstStep = 30.0
	leastStep = 1e-6
	mostStep  = 1e4
	growth    = 1.5
)

// run descends from the logarithms in s.next until the gap is at most tol times
// the spread of the costs.
func (s *mirror[T]) run(tol float64) (*descended[T], error) {
	// The projection of the start makes it a point.
	if _, err := s.project(&s.next); err != nil {
		return nil, err
	}
	// What the projection leaves of the marginals changes the cost by no
	// more than that. Below, falling is no more than rounding.
	noise := s.inner() * s.spread
	if err := s.evaluate(&s.next); err != nil {
		return nil, err
	}
	e := &descended[T]{}
	for step, better := firstStep, true; ; {
		if better {
			s.now, s.next = s.next, s.now
			e.history = append(e.history, s.now.cost)
			e.gap = math.Inf(1)
		}
		size, err := s.gradientSize()
		if err != nil {
			return nil, err
		}
		if size == 0 {
			size = 1
		}
		γ := step / size
		s.advance(γ)
		met, err := s.project(&s.next)
		if err != nil {
			return nil, err
		}
		gap, err := s.gap(γ)
		if err != nil {
			return nil, err
		}
		e.gap = min(e.gap, gap) // one dual solution is as good as another
		if e.gap <= tol*s.spread || e.count == s.limit || step < leastStep {
			break
		}
		if err := s.ctx.Err(); err != nil {
			return nil, err
		}
		if err := s.evaluate(&s.next); err != nil {
			return nil, err
		}
		if better = met && s.next.cost <= s.now.cost+noise; !better {
			step /= 4
		} else if s.effort <= easy {
			step = min(step*growth, mostStep)
		}
		e.count++
		if s.progress != nil {
			s.progress(e.count, e.gap/s.spread)
		}
	}
	e.cost = s.now.cost
	var err error
	e.q, e.r, err = s.download()
	return e, err
}

// inner is the error of the marginals that the projection is satisfied with.
func (s *mirror[T]) inner() float64 { return 64 * math.Sqrt(float64(s.rank)) * device.Epsilon[T]() }

// download returns Q and R.
func (s *mirror[T]) download() (q, r device.Dense[T], err error) {
	q, r = device.NewDense[T](s.d.n, s.rank), device.NewDense[T](s.d.m, s.rank)
	s.q.Map(device.Exp, s.now.logQ, s.left.k)
	s.q.Map(device.Exp, s.now.logR, s.right.k)
	s.q.Download(q, s.left.k)
	s.q.Download(r, s.right.k)
	return q, r, s.q.Sync()
}

// evaluate computes gradients and cost of a point, whose Q and R are in the
// kernels.
func (s *mirror[T]) evaluate(p *lowRankPoint[T]) error {
	q := s.q
	s.c.times(s.right.k, p.gradQ)
	s.c.timesT(s.left.k, p.gradR)
	q.Dot(device.PerCol, s.left.k, p.gradQ, s.small)
	upload(q, s.left.v, p.logG, func(x float64) float64 { return math.Exp(-x) })
	q.ScaleBy(device.PerCol, s.left.v, p.gradQ, p.gradQ)
	q.ScaleBy(device.PerCol, s.left.v, p.gradR, p.gradR)
	if err := s.get(s.small, s.left.buffer, p.mean); err != nil {
		return err
	}
	p.cost = 0
	for k, v := range p.mean {
		g := math.Exp(p.logG[k])
		p.cost += v / g
		p.mean[k] = v / g / g
	}
	return nil
}

func (s *mirror[T]) get(from device.Matrix[T], buffer []T, to []float64) error {
	s.q.Download(device.Vector(buffer), from)
	if err := s.q.Sync(); err != nil {
		return err
	}
	for k, v := range buffer {
		to[k] = float64(v)
	}
	return nil
}

// gradientSize returns the largest spread of the gradient over the groups: what
// a row has in all of them changes nothing.
func (s *mirror[T]) gradientSize() (float64, error) {
	q := s.q
	size := spreadOf(s.now.mean)
	for _, side := range []struct {
		e    *side[T]
		grad device.Matrix[T]
	}{{&s.left, s.now.gradQ}, {&s.right, s.now.gradR}} {
		e := side.e
		q.Reduce(device.Max, device.PerRow, side.grad, e.shift)
		q.Reduce(device.Min, device.PerRow, side.grad, e.min)
		q.Add(1, device.NoTrans, e.shift, -1, device.NoTrans, e.min, e.min)
		q.Reduce(device.Max, device.Whole, e.min, s.one)
		var x [1]T
		q.Download(device.Vector(x[:]), s.one)
		size = max(size, float64(x[0]))
	}
	return size, q.Sync()
}

func spreadOf(x []float64) float64 {
	lo, hi := math.Inf(1), math.Inf(-1)
	for _, v := range x {
		lo, hi = min(lo, v), max(hi, v)
	}
	return hi - lo
}

// advance moves the logarithms from s.now along the gradient to s.next.
func (s *mirror[T]) advance(γ float64) {
	from, to := &s.now, &s.next
	s.q.Add(1, device.NoTrans, from.logQ, T(-γ), device.NoTrans, from.gradQ, to.logQ)
	s.q.Add(1, device.NoTrans, from.logR, T(-γ), device.NoTrans, from.gradR, to.logR)
	for k, v := range from.logG {
		to.logG[k] = v + γ*from.mean[k]
	}
}

// Scalings of a projection before Newton's method takes over, and limits.
const (
	scalings        = 24
	innerIterations = 64
	easy            = 40 // iterations up to which longer steps may follow
)

// leastGroup is the least mass of a group to start a projection from, of a
// total of 1.
const leastGroup = 1e-10

// project replaces the point by that of the constraints nearest to it in the
// sense of Kullback and Leibler. The dual problem is solved by turns for the
// scalings u of the rows of both factors and for those v of their columns
// together with g: given the column sums s of diag(u)·K, these are v = g/s with
// g³ = g₀·s·s′. Where this takes long Newton's method finds the 2·rank
// logarithms of v. project leaves Q and R in the kernels and log v in hostV, and
// reports whether it met the constraints.
func (s *mirror[T]) project(p *lowRankPoint[T]) (met bool, err error) {
	q := s.q
	for _, e := range s.sides(p) {
		e.prepare(q, e.logarithms)
		if err := s.get(e.s, e.buffer, e.top); err != nil {
			return false, err
		}
		copy(e.hostV, e.top)
		e.divide(q)
	}
	start := append([]float64(nil), p.logG...)
	top := slices.Max(start)
	for k := range start {
		start[k] = max(start[k]-top, math.Log(leastGroup))
	}
	goal := s.inner()
	off, err := s.sums(start, p.logG)
	s.effort = 0
	for ; err == nil && off > goal && s.effort < innerIterations; s.effort++ {
		k := s.effort
		if k%16 == 15 {
			if err := s.ctx.Err(); err != nil {
				return false, err
			}
		}
		if k >= scalings {
			before := off
			if off, err = s.newton(start, p.logG, off); err != nil || off < before {
				continue
			}
		}
		for j := range start {
			x, y := math.Log(s.left.hostS[j]), math.Log(s.right.hostS[j])
			g := (start[j] + x + y) / 3
			s.left.hostV[j], s.right.hostV[j] = g-x, g-y
		}
		off, err = s.sums(start, p.logG)
	}
	if err != nil {
		return false, err
	}
	for _, e := range s.sides(p) {
		e.scale(q)
		for j, t := range e.top { // by which the columns of K were divided
			e.hostV[j] -= t
		}
	}
	return off <= 64*goal, nil
}

// sides returns what belongs to Q and to R.
func (s *mirror[T]) sides(p *lowRankPoint[T]) [2]*side[T] {
	s.left.logarithms, s.right.logarithms = p.logQ, p.logR
	return [2]*side[T]{&s.left, &s.right}
}

// sums scales the rows for the v of both sides, stores the logarithms of g and
// returns by how much the sums of the columns differ from g.
func (s *mirror[T]) sums(start, logG []float64) (off float64, err error) {
	q := s.q
	for _, e := range []*side[T]{&s.left, &s.right} {
		upload(q, e.v, e.hostV, math.Exp)
		device.ScalingStep(q, e.k, e.weights, e.v, e.u, e.s)
	}
	for _, e := range []*side[T]{&s.left, &s.right} {
		if err := s.get(e.s, e.buffer, e.hostS); err != nil {
			return 0, err
		}
	}
	for j := range logG {
		logG[j] = start[j] - s.left.hostV[j] - s.right.hostV[j]
		g := math.Exp(logG[j])
		for _, e := range []*side[T]{&s.left, &s.right} {
			off += math.Abs(math.Exp(e.hostV[j])*e.hostS[j] - g)
		}
	}
	return off, nil
}

// newton makes a step of Newton's method for the logarithms of v, if one lowers
// off, and returns the new off. The Hessian matrix of the dual function is
// [D+E-QᵀA⁻¹Q, E; E, D′+E-RᵀB⁻¹R] with the column sums D and D′ and E = diag(g).
func (s *mirror[T]) newton(start, logG []float64, off float64) (float64, error) {
	r := s.rank
	h, step := device.NewDense[float64](2*r, 2*r), make([]float64, 2*r)
	var before [2][]float64
	for l, e := range []*side[T]{&s.left, &s.right} {
		before[l] = append(before[l], e.hostV...)
		part, err := e.coupling(s.q)
		if err != nil {
			return off, err
		}
		for i := range r {
			g, sum := math.Exp(logG[i]), math.Exp(e.hostV[i])*e.hostS[i]
			row := h.Row(l*r + i)
			for j := range r {
				row[l*r+j] = -float64(part.At(i, j))
			}
			row[l*r+i] += sum + g
			row[(1-l)*r+i] = g
			step[l*r+i] = g - sum
		}
	}
	if !solveScaled(h, step, 16*float64(r)*device.Epsilon[T]()) {
		return off, nil
	}
	for t := 1.0; t > 1e-3; t /= 4 {
		for l, e := range []*side[T]{&s.left, &s.right} {
			for i := range r {
				e.hostV[i] = before[l][i] + t*step[l*r+i]
			}
		}
		if now, err := s.sums(start, logG); err != nil || now < off {
			return now, err
		}
	}
	copy(s.left.hostV, before[0])
	copy(s.right.hostV, before[1])
	return s.sums(start, logG)
}

// coupling returns QᵀA⁻¹Q for Q = diag(u)·K·diag(v).
func (e *side[T]) coupling(q device.Queue[T]) (device.Dense[T], error) {
	q.Mul(e.u, e.root, e.logU)
	q.ScaleBy(device.PerCol, e.v, e.k, e.log)
	q.ScaleBy(device.PerRow, e.logU, e.log, e.log)
	q.Syrk(device.Transp, 1, e.log, 0, e.square)
	host := device.NewDense[T](e.square.Rows, e.square.Cols)
	q.Download(host, e.square)
	return host, q.Sync()
}

// solveScaled replaces x by the solution of H·y = x for a symmetric positive
// semidefinite H, whose diagonal it scales to 1 and adds ridge to.
func solveScaled(h device.Dense[float64], x []float64, ridge float64) bool {
	n := len(x)
	d := make([]float64, n)
	for i := range d {
		if d[i] = 1 / math.Sqrt(h.At(i, i)); !(d[i] < math.Inf(1)) {
			return false
		}
	}
	for i := range n {
		for j := range n {
			h.Set(i, j, h.At(i, j)*d[i]*d[j])
		}
		h.Set(i, i, h.At(i, i)+ridge)
		x[i] *= d[i]
	}
	for j := range n { // Cholesky's factor, row by row
		for i := j; i < n; i++ {
			v := h.At(i, j) - dot(h.Row(i)[:j], h.Row(j)[:j])
			if i > j {
				h.Set(i, j, v/h.At(j, j))
				continue
			}
			if !(v > 0) {
				return false
			}
			h.Set(j, j, math.Sqrt(v))
		}
	}
	for i := range n {
		x[i] = (x[i] - dot(h.Row(i)[:i], x[:i])) / h.At(i, i)
	}
	for i := n - 1; i >= 0; i-- {
		x[i] /= h.At(i, i)
		for j := range i {
			x[j] -= h.At(i, j) * x[i]
		}
	}
	for i := range x {
		x[i] *= d[i]
	}
	return true
}

// prepare shifts the rows of the logarithms, which changes nothing, so that
// the largest of each is 0, and stores the largest of each column in s.
func (e *side[T]) prepare(q device.Queue[T], log device.Matrix[T]) {
	q.Reduce(device.Max, device.PerRow, log, e.shift)
	q.AddBy(device.PerRow, -1, e.shift, log, log)
	q.Reduce(device.Max, device.PerCol, log, e.s)
}

// divide makes the kernel, each column divided by its largest entry.
func (e *side[T]) divide(q device.Queue[T]) {
	upload(q, e.v, e.top, func(x float64) float64 { return x })
	q.AddBy(device.PerCol, -1, e.v, e.logarithms, e.logarithms)
	q.Map(device.Exp, e.logarithms, e.k)
}

// depth is how far below the largest entry of its row the logarithm of an entry
// may be. What is lower is no part of a sum, and would take many steps to come
// back when its turn comes.
const depth = 40

// scale replaces the kernel by diag(u)·K·diag(v), and the logarithms likewise,
// raised where they are too low.
func (e *side[T]) scale(q device.Queue[T]) {
	log := e.logarithms
	upload(q, e.v, e.hostV, func(x float64) float64 { return x })
	q.Map(device.Log, e.u, e.logU)
	q.AddBy(device.PerRow, 1, e.logU, log, log)
	q.AddBy(device.PerCol, 1, e.v, log, log)
	q.Reduce(device.Max, device.PerRow, log, e.shift)
	q.Add(1, device.NoTrans, e.shift, -1, device.NoTrans, e.depth, e.shift)
	q.AddBy(device.PerRow, -1, e.shift, log, log)
	q.Map(device.Relu, log, log)
	q.AddBy(device.PerRow, 1, e.shift, log, log)
	q.Map(device.Exp, log, e.k)
}

// gap returns a bound of how much the linearised cost at s.now may fall: the
// cost less the value of the dual solution that the scalings of the projection
// stand for, h = log(v)/γ, made feasible.
func (s *mirror[T]) gap(γ float64) (float64, error) {
	q := s.q
	value := 0.0
	h := make([]float64, s.rank)
	for i, side := range []struct {
		e    *side[T]
		grad device.Matrix[T]
	}{{&s.left, s.now.gradQ}, {&s.right, s.now.gradR}} {
		e := side.e
		for k, m := range s.now.mean {
			x, y := s.left.hostV[k]/γ, s.right.hostV[k]/γ
			lack := (m - x - y) / 2 // h+h′ must not be less than m
			if h[k] = x + lack; i == 1 {
				h[k] = y + lack
			}
		}
		upload(q, s.small, h, func(x float64) float64 { return x })
		q.AddBy(device.PerCol, -1, s.small, side.grad, e.log)
		q.Reduce(device.Min, device.PerRow, e.log, e.min)
		q.Dot(device.Whole, e.min, e.weights, e.dot)
		var x [1]T
		q.Download(device.Vector(x[:]), e.dot)
		value += float64(x[0])
	}
	return s.now.cost - value, q.Sync()
}
