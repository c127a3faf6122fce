package sinkhorn

import (
	"context"
	"math"

	"github.com/ritz-go/ritz/goapi/device"
)

// fewestClustered is the number of points of either cloud from which on
// clusters are worth while.
const fewestClustered = 4096

// clustered reports whether the problem is one between clouds that are not
// stored and whose points see a small part of the other cloud at ε. The queue
// must share its memory with the host, where the parts are put together: a
// device that is fast enough not to need this does not.
func (r *reduced[T]) clustered(q device.Queue[T], ε float64, o Options) bool {
	if _, host := q.(device.Lender[T]); !host || !r.clouds() || r.p != 2 || r.x.Cols > largestDimension ||
		min(r.n, r.m) < fewestClustered || fits[T](r.n, r.m, o.Memory) || o.Method != Auto && o.Method != Log {
		return false
	}
	reach := math.Sqrt(ε * math.Log(float64(r.m)/truncation(o.Tol)))
	return reach < math.Sqrt(r.hi)/4
}

// truncation returns the share of a sum that iterations to an error of tol may
// leave out.
func truncation(tol float64) float64 { return min(max(tol/1000, 0x1p-54), 1e-6) }

// multiscale solves a problem between clouds of many points in few dimensions
// at a small ε: first between the centres of clusters, whose potentials extend
// to all points, then with soft minima from the pairs that count (Schmitzer
// 2019; Feydy: Geometric data analysis, beyond convolutions, 2020).
type multiscale[T device.Float] struct {
	ctx  context.Context
	dev  device.Device
	o    Options
	r    *reduced[T] // of the caller
	ε    float64
	x, y *clusters[T]
	a, b []float64 // in the order of the clusters
	d    *descent[T]
}

func solveClustered[T device.Float](ctx context.Context, dev device.Device, q device.Queue[T], p Problem[T], r *reduced[T], ε float64, o Options) (*Result[T], error) {
	s := &multiscale[T]{ctx: ctx, dev: dev, o: o, r: r, ε: ε, x: newClusters(r.x), y: newClusters(r.y)}
	s.a, s.b = pick(r.a, s.x.order), pick(r.b, s.y.order)
	sorted := s.sorted()
	start := ε
	if r.warm != nil {
		sorted.warm = pick(r.warm, s.y.order)
	} else {
		var err error
		if start, sorted.warm, err = s.fromCentres(q); err != nil {
			return nil, err
		}
	}
	c := &costs[T]{q: q, n: r.n, m: r.m, truncated: newTruncated(q, s.x, s.y, truncation(o.Tol))}
	it := newIteration(q, c, sorted, noKernel)
	defer it.close()
	s.d = &descent[T]{
		ctx: ctx, s: it, relax: o.Relaxation, progress: o.Progress,
		left: o.MaxIterations, floor: 64 * device.Epsilon[T]() * (1 + r.hi/ε),
	}
	for e := start; ; e = max(e/4, ε) {
		it.setEpsilon(e)
		if e == ε {
			break
		}
		if err := s.d.run(coarse, min(coarseIterations, s.d.left/2)); err != nil {
			return nil, err
		}
	}
	if err := s.d.run(o.Tol, s.d.left); err != nil {
		return nil, err
	}
	ψ, err := it.potentials()
	if err != nil {
		return nil, err
	}
	wide := dev.F64()
	defer wide.Close()
	res, err := s.certified(wide, p, ψ)
	if err != nil {
		return nil, err
	}
	res.Iterations, res.History, res.Method = s.d.count, s.d.history, Log
	if res.Converged = res.Certificate.MarginalL1 <= o.Tol; !res.Converged {
		return res, &device.NotConvergedError{Method: "Sinkhorn's iteration", Iterations: s.d.count, Achieved: res.Certificate.MarginalL1, Wanted: o.Tol}
	}
	return res, nil
}

// sorted returns the problem in the order of the clusters.
func (s *multiscale[T]) sorted() *reduced[T] {
	return &reduced[T]{n: s.r.n, m: s.r.m, x: s.x.points, y: s.y.points, p: 2, a: s.a, b: s.b, unit: 1, mass: 1, hi: s.r.hi}
}

// fromCentres solves the problem between the centres of the leaves, at an ε
// that does not see their size, and extends the potentials to the points.
func (s *multiscale[T]) fromCentres(q device.Queue[T]) (start float64, warm []T, err error) {
	size := 0.0 // mean squared diameter of a leaf
	for _, c := range []*clusters[T]{s.x, s.y} {
		for l := range c.leaves {
			size += c.leaves[l].farthest(&c.leaves[l]) / float64(len(c.leaves)) / 2
		}
	}
	start = s.ε
	for start < size {
		start *= 4
	}
	var p Problem[T]
	p.X, p.A = s.x.centroids(s.a)
	p.Y, p.B = s.y.centroids(s.b)
	r, err := Solve(s.ctx, s.dev, p, Options{Epsilon: start, Tol: 1e-3, MaxIterations: 500, Method: s.o.Method, Normalize: true, Memory: s.o.Memory})
	if r == nil {
		return 0, nil, err
	}
	for k := range r.F {
		r.F[k] += T(start * math.Log(float64(p.A[k])))
	}
	defer q.Scope()()
	out := q.Alloc(1, s.r.m)
	device.SoftMinPoints(q, 2, T(start), device.Lend(q, s.y.points), device.Lend(q, p.X), device.Lend(q, device.Vector(r.F)), out)
	warm = make([]T, s.r.m)
	q.Download(device.Vector(warm), out)
	return start, warm, q.Sync()
}

// wide returns the clusters with points in float64.
func (c *clusters[T]) wide() *clusters[float64] {
	if same, ok := any(c).(*clusters[float64]); ok {
		return same
	}
	return &clusters[float64]{points: device.Convert[float64](c.points), order: c.order, leaves: c.leaves, blocks: c.blocks}
}

// certified makes the result of the potentials ψ, iterates on in float64 where
// these do not reach the tolerance, and bounds the errors.
func (s *multiscale[T]) certified(q device.Queue[float64], p Problem[T], ψ []float64) (*Result[T], error) {
	n, m := s.r.n, s.r.m
	x, y := s.x.wide(), s.y.wide()
	t := newTruncated(q, x, y, 0x1p-54)
	plan := &clusteredPlan{q: q, t: t, a: s.a, b: s.b, ε: s.ε}
	if err := plan.rebuild(ψ); err != nil {
		return nil, err
	}
	if plan.marginal > s.o.Tol && s.d.left > 0 && !(s.d.stalled && device.Epsilon[T]() < 1e-10) {
		c := &costs[float64]{q: q, n: n, m: m, truncated: newTruncated(q, x, y, truncation(s.o.Tol))}
		it := newIteration(q, c, &reduced[float64]{n: n, m: m, a: s.a, b: s.b, unit: 1, warm: ψ}, noKernel)
		defer it.close()
		it.ε = s.ε // the potentials hold the logarithms of the weights for it
		it.setEpsilon(s.ε)
		fine := &descent[float64]{
			ctx: s.ctx, s: it, relax: s.o.Relaxation, progress: s.o.Progress,
			left: s.d.left, floor: 64 * device.Epsilon[float64]() * (1 + s.r.hi/s.ε), count: s.d.count, history: s.d.history,
		}
		for goal := s.o.Tol / 2; plan.marginal > s.o.Tol && fine.left > 0 && !fine.stalled && goal > s.o.Tol/16; goal /= 2 {
			if err := fine.run(goal, fine.left); err != nil {
				return nil, err
			}
			ψ, err := it.potentials()
			if err != nil {
				return nil, err
			}
			if err := plan.rebuild(ψ); err != nil {
				return nil, err
			}
		}
		s.d.count, s.d.left, s.d.history = fine.count, fine.left, fine.history
	}
	upper, lower, size, err := plan.bounds()
	if err != nil {
		return nil, err
	}
	// As in the certificate of stored costs.
	k := float64(n + m + s.r.x.Cols + 16)
	slack := 4 * k * device.Epsilon[float64]()
	unit := s.r.unit * s.r.mass
	res := &Result[T]{
		Cost: upper * unit, Epsilon: s.o.Epsilon,
		Certificate: Certificate{
			MarginalL1: plan.marginal,
			Upper:      (upper + slack*s.r.hi) * unit,
			Lower:      (lower - slack*(s.r.hi+size)) * unit,
		},
		dev: s.dev, problem: p, reduced: s.r, ε: s.ε,
		rounding: rounding{
			φ: unsorted(plan.φ, x.order), ψ: unsorted(plan.ψ, y.order), cols: unsorted(plan.cols, y.order), keep: 1,
			lackA: unsorted(plan.lackA, x.order), lackB: unsorted(plan.lackB, y.order), lack: plan.lack,
		},
	}
	res.Certificate.Gap = res.Certificate.Upper - res.Certificate.Lower
	res.potentials(points(p))
	return res, nil
}

// clusteredPlan is the plan of potentials between clustered clouds without what
// truncated sums leave out, so little that it is below the rounding errors.
type clusteredPlan struct {
	q    device.Queue[float64]
	t    *truncated[float64]
	a, b []float64
	ε    float64

	rounding
	spent    []float64
	marginal float64
}

// rebuild makes the plan of ψ whose rows sum to a.
func (v *clusteredPlan) rebuild(ψ []float64) error {
	n, m, q := len(v.a), len(v.b), v.q
	defer q.Scope()()
	dψ, da, φ, sums, spent := q.Alloc(1, m), q.Alloc(1, n), q.Alloc(1, n), q.Alloc(1, m), q.Alloc(1, m)
	q.Upload(dψ, device.Vector(ψ))
	q.Upload(da, device.Vector(v.a))
	v.t.planCosts(v.ε, dψ, da, φ, sums, spent)
	v.rounding = rounding{φ: make([]float64, n), ψ: ψ, cols: make([]float64, m), lackA: make([]float64, n), lackB: make([]float64, m)}
	v.spent, v.marginal = make([]float64, m), 0
	total := make([]float64, m)
	q.Download(device.Vector(v.φ), φ)
	q.Download(device.Vector(total), sums)
	q.Download(device.Vector(v.spent), spent)
	if err := q.Sync(); err != nil {
		return err
	}
	for j, s := range total {
		v.marginal += math.Abs(s - v.b[j])
		v.cols[j] = 1
		if s > v.b[j] {
			v.cols[j] = v.b[j] / s
		} else {
			v.lackB[j] = v.b[j] - s
			v.lack += v.lackB[j]
		}
	}
	return nil
}

// bounds is that of the certifier.
func (v *clusteredPlan) bounds() (upper, lower, size float64, err error) {
	n, m, q := len(v.a), len(v.b), v.q
	defer q.Scope()()
	g, f, h := q.Alloc(1, m), q.Alloc(1, n), q.Alloc(1, m)
	upload(q, g, v.ψ, func(x float64) float64 { return x })
	start, left := make([]float64, m), make([]float64, m)
	for j, x := range v.ψ {
		start[j], left[j] = x-v.ε*math.Log(v.b[j]), x+v.ε*math.Log(1-v.cols[j])
	}
	q.Upload(g, device.Vector(start))
	v.t.minimum(0, g, f)
	v.t.minimum(1, f, h)
	hf, hh, lost, fill := make([]float64, n), make([]float64, m), make([]float64, n), make([]float64, n)
	q.Download(device.Vector(hf), f)
	q.Download(device.Vector(hh), h)
	if v.lack > 0 {
		q.Upload(g, device.Vector(left))
		v.t.softMin(0, v.ε, g, f)
		q.Download(device.Vector(lost), f)
		q.Upload(g, device.Vector(v.lackB))
		v.t.transport(g, f)
		q.Download(device.Vector(fill), f)
	}
	if err := q.Sync(); err != nil {
		return 0, 0, 0, err
	}
	for i, x := range hf {
		lower += v.a[i] * x
		size = max(size, math.Abs(x))
	}
	for j, x := range hh {
		lower += v.b[j] * x
		size = max(size, math.Abs(x))
		upper += v.spent[j] * v.cols[j]
	}
	if v.lack > 0 {
		for i := range v.lackA {
			v.lackA[i] = math.Exp((v.φ[i] - lost[i]) / v.ε)
			upper += v.lackA[i] * fill[i] / v.lack
		}
	}
	return upper, lower, size, nil
}
