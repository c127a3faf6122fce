package sinkhorn

import (
	"context"
	"fmt"
	"math"

	"github.com/ritz-go/ritz/goapi/device"
)

// LowRankOptions are the options of [SolveLowRank]. All but Rank have useful
// zero values.
type LowRankOptions struct {
	// Rank is the nonnegative rank r ≥ 1 of the plan, the number of groups
	// that the mass goes through; more than min(n,m) is as good as that.
	Rank int
	// Tol is the Gap of the certificate, relative to the spread of the
	// costs, at which to stop. Default 5e-5, and 1e-4 for float32.
	Tol float64
	// MaxIterations limits the steps of the mirror descent; default 1000.
	MaxIterations int
	// Starts is the number of clusterings to start from, of which the best
	// result is returned; default 1.
	Starts int
	// Seed chooses the clusterings.
	Seed uint64
	// Normalize scales A and B to the sum 1 each. Without it, sums that
	// differ are an error.
	Normalize bool
	// Memory limits the bytes of the cost matrix where the costs have no
	// factors; default 2 GiB.
	Memory int64
	// Progress, if set, is called after every step with the gap relative to
	// the spread of the costs.
	Progress func(iteration int, gap float64)
}

func (o LowRankOptions) complete() (LowRankOptions, error) {
	switch {
	case o.Rank < 1:
		return o, device.Argument("Rank", "is %d, must be positive", o.Rank)
	case !(o.Tol >= 0) || o.Tol > 1e300:
		return o, device.Argument("Tol", "is %v, must not be negative", o.Tol)
	case o.MaxIterations < 0:
		return o, device.Argument("MaxIterations", "is %d, must not be negative", o.MaxIterations)
	case o.Starts < 0:
		return o, device.Argument("Starts", "is %d, must not be negative", o.Starts)
	case o.Memory < 0:
		return o, device.Argument("Memory", "is %d, must not be negative", o.Memory)
	}
	if o.MaxIterations == 0 {
		o.MaxIterations = 1000
	}
	if o.Starts == 0 {
		o.Starts = 1
	}
	if o.Memory == 0 {
		o.Memory = 2 << 30
	}
	return o, nil
}

// LowRankResult is the result of [SolveLowRank].
type LowRankResult[T device.Float] struct {
	// Q (n×r), R (m×r) and G (r) make the plan P = Q·diag(1/G)·Rᵀ. Q has
	// the row sums A, R has the row sums B, and both have the column sums G.
	Q, R device.Dense[T]
	G    []T
	// Cost is ⟨C,P⟩.
	Cost        float64
	Iterations  int       // of the best start
	History     []float64 // cost after every step, of the best start
	Converged   bool
	Certificate LowRankCertificate
}

// LowRankCertificate bounds the errors of a plan of low rank. It is computed in
// float64.
type LowRankCertificate struct {
	// MarginalL1 is ‖P·1-A‖₁ + ‖Pᵀ·1-B‖₁ over the mass, for P of the factors
	// as they are returned.
	MarginalL1 float64 `json:"marginal_l1"`
	// Upper is no less than the optimal cost without regularisation and
	// without a limit of the rank: the cost of a plan that meets the
	// marginals, moved up by a bound of its rounding errors.
	Upper float64 `json:"upper"`
	// Gap bounds the gain of first order: no change of Q, R and G that keeps
	// their constraints lowers the linearised cost by more (the Frank–Wolfe
	// gap, from a solution of its dual). At a local minimum it is 0.
	Gap float64 `json:"gap"`
}

// SolveLowRank computes a plan of low nonnegative rank,
//
//	minimise ⟨C, Q·diag(1/g)·Rᵀ⟩  over Q ≥ 0, R ≥ 0, Q·1 = a, R·1 = b, Qᵀ·1 = Rᵀ·1 = g
//
// by mirror descent (Scetbon, Cuturi, Peyré: Low-rank Sinkhorn factorization,
// 2021): steps along the gradient in the logarithms of Q, R and g, each followed
// by a projection onto the constraints in the sense of Kullback and Leibler, by
// scalings of the rows and columns. The step size grows while the cost falls
// and is halved where it does not. It starts from groups of points with similar
// costs (k-means) and the best transport of these to the other side. The
// minimum that it finds is a local one.
//
// Costs of points ‖x-y‖², of [LowRank], [InnerProduct] and [Cosine] are
// factored with rank k ≤ d+2, which makes a step O((n+m)·r·(k+s)), s the number
// of scalings (a few dozen; O((n+m)·r²) where they converge slowly), and the
// memory O((n+m)·(r+k)): clouds of millions of points are no matter of n². Other
// costs are stored, and a step multiplies by them twice. Forbidden pairs are not
// possible.
//
// Errors are as for [Solve].
func SolveLowRank[T device.Float](ctx context.Context, dev device.Device, p Problem[T], o LowRankOptions) (*LowRankResult[T], error) {
	o, err := o.complete()
	if err != nil {
		return nil, err
	}
	if o.Tol == 0 {
		o.Tol = max(5e-5, min(1e-4, 1e3*device.Epsilon[T]()))
	}
	d, err := reduce(p, o.Normalize)
	if err != nil {
		return nil, err
	}
	if d.barred {
		return nil, device.Argument("Cost", "forbids pairs, which a plan of low rank cannot avoid")
	}
	q := device.NewQueue[T](dev)
	defer q.Close()
	f, err := newFactors(q, d, o.Memory)
	if err != nil {
		return nil, err
	}
	s := newMirror(ctx, q, f, d, min(o.Rank, d.n, d.m))
	s.progress, s.limit, s.spread = o.Progress, o.MaxIterations, max(d.hi-d.lo, math.SmallestNonzeroFloat64)
	best, err := bestStart(o.Starts, func(k int) (*descended[T], error) {
		if err := s.cluster(dev, o.Seed, uint64(k)); err != nil {
			return nil, err
		}
		return s.run(o.Tol)
	}, func(e *descended[T]) float64 { return e.cost })
	if err != nil {
		return nil, err
	}
	res, err := best.finish(dev, d, o.Memory)
	if err != nil {
		return nil, err
	}
	n, m := points(p)
	res.Q, res.R = spreadRows(res.Q, d.rows, n), spreadRows(res.R, d.cols, m)
	if achieved := best.gap / s.spread; !(achieved <= o.Tol) {
		return res, &device.NotConvergedError{Method: "the mirror descent", Iterations: best.count, Achieved: achieved, Wanted: o.Tol}
	}
	res.Converged = true
	return res, nil
}

// spreadRows puts the rows of a, those of the points with mass, where at says
// among n rows.
func spreadRows[T device.Float](a device.Dense[T], at []int, n int) device.Dense[T] {
	if at == nil {
		return a
	}
	w := device.NewDense[T](n, a.Cols)
	for k, i := range at {
		copy(w.Row(i), a.Row(k))
	}
	return w
}

// finish makes the factors meet their constraints and bounds the cost.
func (e *descended[T]) finish(dev device.Device, d *reduced[T], memory int64) (*LowRankResult[T], error) {
	x, y, g := e.joined(d)
	r := len(g)
	q := dev.F64()
	defer q.Close()
	f, err := newFactors(q, d.wide(), 2*memory)
	if err != nil {
		return nil, err
	}
	cost, err := costOfFactors(q, f, x, y, g)
	if err != nil {
		return nil, err
	}
	unit := d.unit * d.mass
	res := &LowRankResult[T]{
		Q: device.NewDense[T](d.n, r), R: device.NewDense[T](d.m, r), G: make([]T, r),
		Cost: cost * unit, Iterations: e.count, History: make([]float64, len(e.history)),
	}
	for k, v := range e.history {
		res.History[k] = v * unit
	}
	for k, v := range g {
		res.G[k] = T(v * d.mass)
	}
	scale := func(to device.Dense[T], from device.Dense[float64]) {
		for k, v := range from.Data {
			to.Data[k] = T(v * d.mass)
		}
	}
	scale(res.Q, x)
	scale(res.R, y)
	res.Certificate.MarginalL1 = marginalOf(res.Q, res.R, res.G, d.a, d.mass) + marginalOf(res.R, res.Q, res.G, d.b, d.mass)
	// Sums of n, m, k and r terms, in which the factors of squared distances
	// are up to 4 times as large as these.
	size := 4 * max(math.Abs(d.lo), math.Abs(d.hi))
	slack := 4 * float64(d.n+d.m+d.dim()+r+16) * device.Epsilon[float64]() * size
	res.Certificate.Upper = (cost + slack) * unit
	res.Certificate.Gap = e.gap * unit
	return res, nil
}

// joined returns factors X and Y, whose rows sum to the weights, and the sums g
// of the columns of Y, such that X·diag(1/g)·Yᵀ meets both marginals.
func (e *descended[T]) joined(d *reduced[T]) (x, y device.Dense[float64], g []float64) {
	wide := func(a device.Dense[T], w []float64) (device.Dense[float64], []float64) {
		x := device.Convert[float64](a)
		sums := make([]float64, x.Cols)
		for i, w := range w {
			row := x.Row(i)
			total := 0.0
			for _, v := range row {
				total += v
			}
			for k := range row {
				row[k] *= w / total
				sums[k] += row[k]
			}
		}
		return x, sums
	}
	x, gx := wide(e.q, d.a)
	y, gy := wide(e.r, d.b)
	// The column sums of both factors differ by what the projection has left.
	// A plan between the two, as near to the diagonal as can be, joins them:
	// X·diag(1/gx)·J·diag(1/gy)·Yᵀ with J of the row sums gx and the column
	// sums gy. The first three make the new X.
	lack := 0.0
	for k := range gx {
		lack += max(0, gy[k]-gx[k])
	}
	row := make([]float64, len(gx))
	for i := range x.Rows {
		old := x.Row(i)
		over := 0.0
		for k, v := range old {
			row[k] = v * min(1, gy[k]/gx[k])
			over += v * max(0, 1-gy[k]/gx[k])
		}
		for k := range old {
			old[k] = row[k]
			if lack > 0 {
				old[k] += over * max(0, gy[k]-gx[k]) / lack
			}
		}
	}
	return x, y, gy
}

// costOfFactors returns ⟨C, X·diag(1/g)·Yᵀ⟩.
func costOfFactors(q device.Queue[float64], f *factors[float64], x, y device.Dense[float64], g []float64) (float64, error) {
	defer q.Scope()()
	r := len(g)
	dx, dy, cy, sums := q.Alloc(x.Rows, r), q.Alloc(y.Rows, r), q.Alloc(x.Rows, r), q.Alloc(1, r)
	q.Upload(dx, x)
	q.Upload(dy, y)
	f.times(dy, cy)
	q.Dot(device.PerCol, dx, cy, sums)
	ω := make([]float64, r)
	q.Download(device.Vector(ω), sums)
	if err := q.Sync(); err != nil {
		return 0, err
	}
	cost := 0.0
	for k, v := range ω {
		cost += v / g[k]
	}
	return cost, nil
}

// marginalOf returns ‖Q·diag(1/g)·Rᵀ·1-mass·a‖₁ over the mass.
func marginalOf[T device.Float](q, r device.Dense[T], g []T, a []float64, mass float64) float64 {
	sums := make([]float64, len(g))
	for j := range r.Rows {
		for k, v := range r.Row(j) {
			sums[k] += float64(v)
		}
	}
	for k, v := range g {
		sums[k] /= float64(v)
	}
	off := 0.0
	for i, w := range a {
		s := 0.0
		for k, v := range q.Row(i) {
			s += float64(v) * sums[k]
		}
		off += math.Abs(s/mass - w)
	}
	return off
}

// wide returns r with costs in float64.
func (r *reduced[T]) wide() *reduced[float64] {
	w := &reduced[float64]{p: r.p, n: r.n, m: r.m, a: r.a, b: r.b, unit: r.unit, mass: r.mass, lo: r.lo, hi: r.hi}
	switch {
	case r.source != nil:
		w.source = r.source.widen()
	case r.clouds():
		w.x, w.y = device.Convert[float64](r.x), device.Convert[float64](r.y)
	default:
		w.cost = device.Convert[float64](r.cost)
	}
	return w
}

// Plan writes P = Q·diag(1/G)·Rᵀ into dst (n×m).
func (r *LowRankResult[T]) Plan(dst device.Dense[T]) error {
	if r == nil || r.G == nil {
		return device.Argument("result", "is not one of SolveLowRank")
	}
	if err := dst.Validate("dst"); err != nil {
		return err
	}
	if dst.Rows != r.Q.Rows || dst.Cols != r.R.Rows {
		return &device.ShapeError{Op: "dst", Detail: fmt.Sprintf("is %d×%d, the plan %d×%d", dst.Rows, dst.Cols, r.Q.Rows, r.R.Rows)}
	}
	inParallel(dst.Rows, blocks(dst.Rows, dst.Cols*len(r.G)), func(_, lo, hi int) {
		row := make([]float64, len(r.G))
		for i := lo; i < hi; i++ {
			for k, v := range r.Q.Row(i) {
				row[k] = float64(v) / float64(r.G[k])
			}
			to := dst.Row(i)
			for j := range to {
				s := 0.0
				for k, v := range r.R.Row(j) {
					s += row[k] * float64(v)
				}
				to[j] = T(s)
			}
		}
	})
	return nil
}
