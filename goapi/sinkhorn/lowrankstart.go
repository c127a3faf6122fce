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
	m := &means[T]{
		x: x, w: w, parts: blocks(x.Rows, k*x.Cols+8),
		centre: device.NewDense[float64](k, x.Cols), distance: device.NewDense[float64](x.Rows, k), group: make([]int, x.Rows),
	}
	u := make([]float64, k)
	rng.Uniform(seed, 2*stream, 0, u)
	m.seed(u)
	for range lloyd {
		m.move()
		m.measure(0, k)
		if !m.regroup() {
			break
		}
	}
	return m.group, m.distance
}

// means is the state of k-means.
type means[T device.Float] struct {
	x        device.Dense[T]
	w        []float64
	parts    int // for threads
	centre   device.Dense[float64]
	distance device.Dense[float64] // squared, of points from centres
	group    []int
}

// measure sets the distances from the centres [lo,hi).
func (m *means[T]) measure(lo, hi int) {
	inParallel(m.x.Rows, m.parts, func(_, first, end int) {
		for i := first; i < end; i++ {
			row, to := m.x.Row(i), m.distance.Row(i)
			for c := lo; c < hi; c++ {
				sum := 0.0
				for l, v := range m.centre.Row(c) {
					e := float64(row[l]) - v
					sum += e * e
				}
				to[c] = sum
			}
		}
	})
}

// seed draws the centres by uniform numbers u, each with probabilities in the
// ratios of the squared distances from those before.
func (m *means[T]) seed(u []float64) {
	near := make([]float64, m.x.Rows) // squared distance to the nearest centre
	for i := range near {
		near[i] = 1
	}
	for c := range u {
		total := 0.0
		for i, v := range near {
			total += m.w[i] * v
		}
		at, left := 0, u[c]*total
		for i, v := range near {
			if v > 0 && m.w[i] > 0 {
				at = i
				if left -= m.w[i] * v; left < 0 {
					break
				}
			}
		}
		for l, v := range m.x.Row(at) {
			m.centre.Row(c)[l] = float64(v)
		}
		m.measure(c, c+1)
		for i := range near {
			if v := m.distance.At(i, c); c == 0 || v < near[i] {
				near[i], m.group[i] = v, c
			}
		}
	}
}

// move puts the centres where the means of their groups are.
func (m *means[T]) move() {
	k, d := m.centre.Rows, m.centre.Cols
	sums, mass := device.NewDense[float64](k, d), make([]float64, k)
	for i, g := range m.group {
		mass[g] += m.w[i]
		to := sums.Row(g)
		for l, v := range m.x.Row(i) {
			to[l] += m.w[i] * float64(v)
		}
	}
	for c := range k {
		if mass[c] > 0 {
			for l, v := range sums.Row(c) {
				m.centre.Row(c)[l] = v / mass[c]
			}
		}
	}
}

// regroup puts points into the groups of their nearest centres and reports
// whether one has moved.
func (m *means[T]) regroup() (moved bool) {
	for i := range m.group {
		best := m.group[i]
		for c, v := range m.distance.Row(i) {
			if v < m.distance.At(i, best) {
				best = c
			}
		}
		moved = moved || best != m.group[i]
		m.group[i] = best
	}
	return moved
}
