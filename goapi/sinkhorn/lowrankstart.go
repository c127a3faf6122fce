package sinkhorn

import (
	"math"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/rng"
)

// cluster sets s.next to a start: the points of the first side in groups of
// similar costs, and the other side divided among the groups by an entropic
// transport, both somewhat blurred.
func (s *mirror[T]) cluster(dev device.Device, seed, stream uint64) error {
	features, err := s.features(seed, stream)
	if err != nil {
		return err
	}
	group, distance := kMeans(features, s.d.a, s.rank, seed, stream)
	// Q: the logarithms fall with the squared distance from the centre of a
	// group in units of the mean over points of the least one.
	logQ := device.NewDense[T](s.d.n, s.rank)
	mean := 0.0
	for i, w := range s.d.a {
		mean += w * distance.At(i, group[i])
	}
	if mean == 0 {
		mean = 1
	}
	mass := make([]float64, s.rank)
	member := device.NewDense[T](s.d.n, s.rank) // groups, as a matrix of weights
	for i, w := range s.d.a {
		for k, v := range distance.Row(i) {
			logQ.Set(i, k, T(-min(v/mean, 50)))
		}
		mass[group[i]] += w
		member.Set(i, group[i], T(w))
	}
	q := s.q
	q.Upload(s.next.logQ, logQ)
	// R: costs of the groups to the points of the other side.
	q.Upload(s.left.k, member)
	s.c.timesT(s.left.k, s.next.gradR)
	least := 1 / (16 * float64(s.rank)) // an empty group may fill up
	total := 0.0
	for k, w := range mass {
		mass[k] = max(w, least)
		total += mass[k]
	}
	for k := range mass {
		s.next.logG[k] = math.Log(mass[k] / total)
	}
	upload(q, s.small, mass, func(x float64) float64 { return 1 / x })
	q.ScaleBy(device.PerCol, s.small, s.next.gradR, s.next.gradR)
	costs := device.NewDense[T](s.d.m, s.rank)
	q.Download(costs, s.next.gradR)
	if err := q.Sync(); err != nil {
		return err
	}
	// The blur of a transport with ε a 64th of the spread of the costs.
	spread := 0.0
	for j := range costs.Rows {
		lo, hi := math.Inf(1), math.Inf(-1)
		for _, v := range costs.Row(j) {
			lo, hi = min(lo, float64(v)), max(hi, float64(v))
		}
		spread = max(spread, hi-lo)
	}
	if spread == 0 {
		spread = 1
	}
	q.Add(T(-64/spread), device.NoTrans, s.next.gradR, 0, device.NoTrans, device.Matrix[T]{}, s.next.logR)
	return nil
}

// features returns vectors of the points of the first side that are near each
// other where their costs are similar.
func (s *mirror[T]) features(seed, stream uint64) (device.Dense[T], error) {
	switch r := s.d; {
	case r.clouds():
		return r.x, nil
	default:
		if p, ok := r.source.(*product[T]); ok {
			return p.a, nil
		}
		if p, ok := r.source.(*power[T]); ok {
			return p.x, nil
		}
	}
	// Random combinations of the costs keep the distances between rows.
	const sketch = 8
	Ω := device.NewDense[T](s.d.m, sketch)
	rng.Normal(seed, 2*stream+1, 0, Ω.Data)
	q := s.q
	defer q.Scope()()
	dΩ, out := q.Alloc(s.d.m, sketch), q.Alloc(s.d.n, sketch)
	q.Upload(dΩ, Ω)
	s.c.times(dΩ, out)
	host := device.NewDense[T](s.d.n, sketch)
	q.Download(host, out)
	return host, q.Sync()
}

// lloyd is the number of iterations of k-means: a start need not be better.
const lloyd = 10

// kMeans divides weighted points into groups around k centres (Lloyd: Least
// squares quantization in PCM, 1982), seeded far from each other (Arthur,
// Vassilvitskii: k-means++, 2007), and returns the group of each point and its
// squared distances from the centres (n×k).
func kMeans[T device.Float](x device.Dense[T], w []float64, k int, seed, stream uint64) (group []int, distance device.Dense[float64]) {
	n, d := x.Rows, x.Cols
	centre, distance := device.NewDense[float64](k, d), device.NewDense[float64](n, k)
	group = make([]int, n)
	parts := blocks(n, k*d+8)
	measure := func(lo, hi int) { // to the centres [lo,hi)
		inParallel(n, parts, func(_, first, end int) {
			for i := first; i < end; i++ {
				row, to := x.Row(i), distance.Row(i)
				for c := lo; c < hi; c++ {
					sum := 0.0
					for l, v := range centre.Row(c) {
						e := float64(row[l]) - v
						sum += e * e
					}
					to[c] = sum
				}
			}
		})
	}
	u := make([]float64, k)
	rng.Uniform(seed, 2*stream, 0, u)
	near := make([]float64, n) // squared distance to the nearest centre
	for i := range near {
		near[i] = 1
	}
	for c := range k {
		total := 0.0
		for i, v := range near {
			total += w[i] * v
		}
		at, left := 0, u[c]*total
		for i, v := range near {
			if v > 0 && w[i] > 0 {
				at = i
				if left -= w[i] * v; left < 0 {
					break
				}
			}
		}
		for l, v := range x.Row(at) {
			centre.Row(c)[l] = float64(v)
		}
		measure(c, c+1)
		for i := range near {
			if v := distance.At(i, c); c == 0 || v < near[i] {
				near[i], group[i] = v, c
			}
		}
	}
	mass := make([]float64, k)
	for range lloyd {
		sums := device.NewDense[float64](k, d)
		clear(mass)
		for i, g := range group {
			mass[g] += w[i]
			to := sums.Row(g)
			for l, v := range x.Row(i) {
				to[l] += w[i] * float64(v)
			}
		}
		for c := range k {
			if mass[c] > 0 {
				for l, v := range sums.Row(c) {
					centre.Row(c)[l] = v / mass[c]
				}
			}
		}
		measure(0, k)
		moved := false
		for i := range group {
			best := group[i]
			for c, v := range distance.Row(i) {
				if v < distance.At(i, best) {
					best = c
				}
			}
			moved = moved || best != group[i]
			group[i] = best
		}
		if !moved {
			break
		}
	}
	return group, distance
}
