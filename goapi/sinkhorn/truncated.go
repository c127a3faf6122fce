package sinkhorn

import (
	"math"

	"github.com/ritz-go/ritz/goapi/device"
)

// truncated computes soft minima between two clustered clouds with the costs
// ‖x-y‖² from the pairs that count: for each block of points it leaves out the
// leaves of the other cloud whose terms, by bounds from their boxes and their
// largest potential, cannot make up more than a share δ of any of its sums
// (Schmitzer: Stabilized sparse scaling algorithms for entropy regularized
// transport problems, 2019).
type truncated[T device.Float] struct {
	q    device.Queue[T]
	side [2]*clusters[T]
	seen [2][]float64 // of each block, the least -soft minimum when last seen
	δ    float64

	least, most []float64 // bounds of potentials in the leaves
	points, v   []T       // what was gathered
}

func newTruncated[T device.Float](q device.Queue[T], x, y *clusters[T], δ float64) *truncated[T] {
	t := &truncated[T]{q: q, side: [2]*clusters[T]{x, y}, δ: δ}
	for k, c := range t.side {
		t.seen[k] = make([]float64, len(c.blocks))
		for l := range t.seen[k] {
			t.seen[k][l] = math.Inf(-1)
		}
	}
	return t
}

// leafBounds sets least and most to the bounds of v in the leaves of a side.
func (t *truncated[T]) leafBounds(c *clusters[T], v []T) {
	t.least, t.most = grow(t.least, len(c.leaves)), grow(t.most, len(c.leaves))
	for l, b := range c.leaves {
		lo, hi := v[b.first], v[b.first]
		for _, x := range v[b.first+1 : b.end] {
			lo, hi = min(lo, x), max(hi, x)
		}
		t.least[l], t.most[l] = float64(lo), float64(hi)
	}
}

// floor returns a number that -soft minima of the block are no less than: what
// any leaf gives them.
func (t *truncated[T]) floor(b *box, c *clusters[T], ε float64) float64 {
	best := math.Inf(-1)
	for l := range c.leaves {
		leaf := &c.leaves[l]
		best = max(best, t.least[l]-b.farthest(leaf)+ε*leaf.log)
	}
	return best
}

// gather collects the points and potentials of the leaves of c whose terms may
// exceed floor by more than -depth in a row of block b, with the ranges of
// their numbers.
func (t *truncated[T]) gather(b *box, c *clusters[T], v []T, floor, depth, ε float64) (ranges [][2]int) {
	d := c.points.Cols
	t.points, t.v = t.points[:0], t.v[:0]
	for l := range c.leaves {
		leaf := &c.leaves[l]
		if t.most[l]-b.nearest(leaf)+ε*leaf.log < floor-depth {
			continue
		}
		if k := len(ranges) - 1; k >= 0 && ranges[k][1] == leaf.first {
			ranges[k][1] = leaf.end
		} else {
			ranges = append(ranges, [2]int{leaf.first, leaf.end})
		}
		t.points = append(t.points, c.points.Data[leaf.first*d:leaf.end*d]...)
		t.v = append(t.v, v[leaf.first:leaf.end]...)
	}
	return ranges
}

// softMin computes the soft minima of side k, 0 for those of the rows, from the
// potentials v of the other one.
func (t *truncated[T]) softMin(k int, ε T, v, out device.Matrix[T]) {
	to, from := t.side[k], t.side[1-k]
	host := make([]T, v.Len())
	t.q.Download(device.Vector(host), v)
	t.leafBounds(from, host)
	depth := float64(ε) * math.Log(float64(len(from.leaves))/t.δ)
	values := make([]T, blockLeaves*leafPoints)
	for l := range to.blocks {
		b := &to.blocks[l]
		part := out.Slice(0, 1, b.first, b.end)
		floor := t.seen[k][l] - float64(ε) // a guess
		if math.IsInf(floor, 0) {
			floor = t.floor(b, from, float64(ε))
		}
		for {
			end := t.q.Scope()
			t.gather(b, from, host, floor, depth, float64(ε))
			x := device.Lend(t.q, to.points.Slice(b.first, b.end, 0, to.points.Cols))
			y := device.Lend(t.q, device.Dense[T]{Rows: len(t.v), Cols: to.points.Cols, Stride: to.points.Cols, Data: t.points})
			device.SoftMinPoints(t.q, 2, ε, x, y, device.Lend(t.q, device.Vector(t.v)), part)
			t.q.Download(device.Vector(values[:b.end-b.first]), part)
			end()
			// What was left out is less than δ times exp(floor/ε).
			least := math.Inf(1)
			for _, s := range values[:b.end-b.first] {
				least = min(least, -float64(s))
			}
			t.seen[k][l] = least
			if least >= floor || math.IsNaN(least) || math.IsInf(least, 0) {
				break
			}
			floor = least // a lower bound for certain: terms are missing
		}
	}
}

// planCosts is that of costs: potentials of the plan with the row sums a, and
// sums and costs of its columns.
func (t *truncated[T]) planCosts(ε T, ψ, a, φ, sums, spent device.Matrix[T]) {
	q, x, y := t.q, t.side[0], t.side[1]
	t.softMin(0, ε, ψ, φ) // sets what is seen to what is there
	host := make([]T, ψ.Len())
	q.Download(device.Vector(host), ψ)
	t.leafBounds(y, host)
	depth := float64(ε) * math.Log(float64(len(y.leaves))/t.δ)
	q.Fill(0, sums)
	q.Fill(0, spent)
	for l := range x.blocks {
		b := &x.blocks[l]
		end := q.Scope()
		ranges := t.gather(b, y, host, t.seen[0][l], depth, float64(ε))
		m := len(t.v)
		points := device.Lend(q, device.Dense[T]{Rows: m, Cols: x.points.Cols, Stride: x.points.Cols, Data: t.points})
		c, part, cost := q.Alloc(b.end-b.first, m), q.Alloc(1, m), q.Alloc(1, m)
		device.PairwiseCost(q, 2, device.Lend(q, x.points.Slice(b.first, b.end, 0, x.points.Cols)), points, c)
		device.PlanCosts(q, ε, c, device.Lend(q, device.Vector(t.v)), a.Slice(0, 1, b.first, b.end), φ.Slice(0, 1, b.first, b.end), part, cost)
		at := 0
		for _, r := range ranges {
			n := r[1] - r[0]
			for _, add := range [][2]device.Matrix[T]{{part, sums}, {cost, spent}} {
				to := add[1].Slice(0, 1, r[0], r[1])
				q.Add(1, device.NoTrans, to, 1, device.NoTrans, add[0].Slice(0, 1, at, at+n), to)
			}
			at += n
		}
		end()
	}
}

// minimum computes the minima of side k, 0 for those of the rows, of the costs
// less the potentials v of the other one. It leaves nothing out: a leaf is not
// looked at only where its bounds exclude that it holds a minimum.
func (t *truncated[T]) minimum(k int, v, out device.Matrix[T]) {
	q, to, from := t.q, t.side[k], t.side[1-k]
	host := make([]T, v.Len())
	q.Download(device.Vector(host), v)
	t.leafBounds(from, host)
	for l := range to.blocks {
		b := &to.blocks[l]
		end := q.Scope()
		t.gather(b, from, host, t.floor(b, from, 0), 0, 0)
		x := device.Lend(q, to.points.Slice(b.first, b.end, 0, to.points.Cols))
		y := device.Lend(q, device.Dense[T]{Rows: len(t.v), Cols: to.points.Cols, Stride: to.points.Cols, Data: t.points})
		c := q.Alloc(b.end-b.first, len(t.v))
		device.PairwiseCost(q, 2, x, y, c)
		device.SoftMin(q, device.PerRow, 0, c, device.Lend(q, device.Vector(t.v)), out.Slice(0, 1, b.first, b.end))
		end()
	}
}

// transport computes d = C·w from the moments of w.
func (t *truncated[T]) transport(w, d device.Matrix[T]) {
	x, y := t.side[0].points, t.side[1].points
	host := make([]T, w.Len())
	t.q.Download(device.Vector(host), w)
	// Relative to the middle of the points, which costs the fewest digits.
	all := t.side[0].leaves[0]
	for _, c := range t.side {
		for _, b := range c.leaves {
			for k := range all.lo {
				all.lo[k], all.hi[k] = min(all.lo[k], b.lo[k]), max(all.hi[k], b.hi[k])
			}
		}
	}
	mass, square := 0.0, 0.0
	var mean [largestDimension]float64
	for j, v := range host {
		mass += float64(v)
		for k, c := range y.Row(j) {
			e := float64(c) - (all.lo[k]+all.hi[k])/2
			mean[k] += float64(v) * e
			square += float64(v) * e * e
		}
	}
	out := make([]T, x.Rows)
	for i := range out {
		sum := square
		for k, c := range x.Row(i) {
			e := float64(c) - (all.lo[k]+all.hi[k])/2
			sum += e * (mass*e - 2*mean[k])
		}
		out[i] = T(sum)
	}
	t.q.Upload(d, device.Vector(out))
}
