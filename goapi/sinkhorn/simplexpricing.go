package sinkhorn

import (
	"cmp"
	"context"
	"math"
	"runtime"
	"slices"
	"sync"

	"github.com/ritz-go/ritz/goapi/device"
)

// simplex solves a transport problem exactly: the network simplex method on
// a list of promising arcs, to which arcs of negative reduced cost are added
// until the whole matrix has none.
type simplex[T device.Float] struct {
	ctx   context.Context
	cost  device.Dense[T]
	bar   float64 // cost of a forbidden arc, in place of +Inf
	u, v  []float64
	tree  *tree
	list  []arc
	known []map[int32]struct{} // columns of the list, for each row

	pivots   int
	progress func(pivots int, cost float64) // nil for none
}

type arc struct {
	i, j int32
	cost float64
}

// shortlist is the number of arcs of each source in the first list.
const shortlist = 12

// newSimplex makes the first list and a first plan from it, both by the costs
// reduced by the potentials g of the sinks.
func newSimplex[T device.Float](ctx context.Context, cost device.Dense[T], bar float64, a, b []int64, g []float64) *simplex[T] {
	n, m := cost.Rows, cost.Cols
	s := &simplex[T]{ctx: ctx, cost: cost, bar: bar, tree: newTree(n, m)}
	s.u, s.v = s.tree.pot[:n], s.tree.pot[n:n+m]
	reduced := s.nearest(g)
	s.plant(a, b, reduced, g)
	s.tree.price(s.at)
	return s
}

// at returns a cost.
func (s *simplex[T]) at(i, j int) float64 {
	c := float64(s.cost.At(i, j))
	if math.IsInf(c, 1) {
		return s.bar
	}
	return c
}

// nearest makes the list of the arcs of least reduced cost of each row and of
// each column, and returns those costs.
func (s *simplex[T]) nearest(g []float64) []float64 {
	n, m := s.cost.Rows, s.cost.Cols
	k := min(shortlist, m)
	rows := make([]arc, n*k) // cost: reduced by g and by the row's least
	parts := blocks(n, m)
	least := make([][]arc, parts) // of each column
	inParallel(n, parts, func(part, lo, hi int) {
		best := make([]arc, m)
		for j := range best {
			best[j] = arc{-1, int32(j), math.Inf(1)}
		}
		near := make([]arc, 0, k)
		reduced := make([]float64, m)
		for i := lo; i < hi; i++ {
			near = near[:0]
			limit := math.Inf(1)
			for j, c := range s.cost.Row(i) {
				r := float64(c) - g[j]
				reduced[j] = r
				if r >= limit {
					continue
				}
				at := len(near)
				if at < k {
					near = append(near, arc{})
				} else {
					at--
				}
				for at > 0 && near[at-1].cost > r {
					near[at] = near[at-1]
					at--
				}
				near[at] = arc{int32(i), int32(j), r}
				if len(near) == k {
					limit = near[k-1].cost
				}
			}
			if len(near) == 0 {
				continue // all forbidden
			}
			f := near[0].cost
			for j, r := range reduced {
				if r-f < best[j].cost {
					best[j] = arc{int32(i), int32(j), r - f}
				}
			}
			for l, a := range near {
				a.cost -= f
				rows[i*k+l] = a
			}
			for l := len(near); l < k; l++ {
				rows[i*k+l].i = -1
			}
		}
		least[part] = best
	})
	s.known = make([]map[int32]struct{}, n)
	var reduced []float64
	add := func(a arc) {
		if a.i < 0 || !s.note(a.i, a.j) {
			return
		}
		reduced = append(reduced, a.cost)
		a.cost = s.at(int(a.i), int(a.j))
		s.list = append(s.list, a)
	}
	for _, a := range rows {
		add(a)
	}
	for j := range m {
		a := least[0][j]
		for _, other := range least[1:] {
			if other[j].cost < a.cost {
				a = other[j]
			}
		}
		add(a)
	}
	return reduced
}

// note reports whether arc (i,j) is new.
func (s *simplex[T]) note(i, j int32) bool {
	if s.known[i] == nil {
		s.known[i] = make(map[int32]struct{}, 2*shortlist)
	}
	if _, old := s.known[i][j]; old {
		return false
	}
	s.known[i][j] = struct{}{}
	return true
}

// plant makes the tree of a greedy plan: arcs of the list by rising reduced
// cost first, then for what is left of a source the best of what is left.
func (s *simplex[T]) plant(a, b []int64, reduced, g []float64) {
	n, m := s.cost.Rows, s.cost.Cols
	a, b = slices.Clone(a), slices.Clone(b)
	var used []arc // with what it carries in place of the cost
	var flow []int64
	send := func(i, j int32) {
		if δ := min(a[i], b[j]); δ > 0 {
			a[i] -= δ
			b[j] -= δ
			used, flow = append(used, arc{i: i, j: j}), append(flow, δ)
		}
	}
	order := make([]int32, len(s.list))
	for k := range order {
		order[k] = int32(k)
	}
	slices.SortFunc(order, func(x, y int32) int {
		if c := cmp.Compare(reduced[x], reduced[y]); c != 0 {
			return c
		}
		return cmp.Compare(x, y)
	})
	for _, k := range order {
		send(s.list[k].i, s.list[k].j)
	}
	var open []int32 // sinks
	for j, w := range b {
		if w > 0 {
			open = append(open, int32(j))
		}
	}
	for i := range a {
		row := s.cost.Row(i)
		for a[i] > 0 {
			at, least := 0, math.Inf(1)
			for k, j := range open {
				if r := float64(row[j]) - g[j]; r < least {
					at, least = k, r
				}
			}
			j := open[at]
			send(int32(i), j)
			if b[j] == 0 {
				open[at] = open[len(open)-1]
				open = open[:len(open)-1]
			}
		}
	}
	s.grow(used, flow, n, m)
}

// grow makes the tree from the arcs of a forest. A node of each component
// that is a source becomes a child of the root.
func (s *simplex[T]) grow(used []arc, flow []int64, n, m int) {
	// Arcs by node, in lists.
	head := make([]int32, n+m)
	for k := range head {
		head[k] = -1
	}
	next := make([]int32, 2*len(used))
	for k, a := range used {
		next[2*k], head[a.i] = head[a.i], int32(2*k)
		next[2*k+1], head[n+int(a.j)] = head[n+int(a.j)], int32(2*k+1)
	}
	root := int32(n + m)
	var stack []int32
	visit := func(x int32) {
		for stack = append(stack[:0], x); len(stack) > 0; {
			x := stack[len(stack)-1]
			stack = stack[:len(stack)-1]
			for e := head[x]; e >= 0; e = next[e] {
				a := used[e/2]
				y := a.i
				if e%2 == 0 {
					y = int32(n) + a.j
				}
				if s.tree.node[y].parent == nobody {
					s.tree.link(y, x, flow[e/2])
					stack = append(stack, y)
				}
			}
		}
	}
	for i := range int32(n) {
		if s.tree.node[i].parent == nobody {
			s.tree.link(i, root, 0)
			visit(i)
		}
	}
}

// solve pivots until no arc has a negative reduced cost beyond rounding
// errors.
func (s *simplex[T]) solve() error {
	for {
		if err := s.exhaust(); err != nil {
			return err
		}
		s.tree.price(s.at)
		if err := s.exhaust(); err != nil {
			return err
		}
		if !s.extend() {
			s.report()
			return nil
		}
	}
}

// report tells the caller how far the plan has come.
func (s *simplex[T]) report() {
	if s.progress == nil {
		return
	}
	cost := 0.0
	s.tree.arcs(func(i, j int, flow int64) {
		if flow > 0 {
			cost += float64(flow) * s.at(i, j)
		}
	})
	s.progress(s.pivots, cost)
}

// improves reports whether the reduced cost r of an arc is less than 0 by more
// than the potentials may be wrong.
func improves(r, c, u, v float64) bool {
	return r < -16*0x1p-52*(math.Abs(c)+math.Abs(u)+math.Abs(v))
}

// exhaust pivots on arcs of the list until none improves. It looks at the list
// in blocks and takes the best of a block.
func (s *simplex[T]) exhaust() error {
	block := max(32, int(math.Sqrt(float64(len(s.list)))))
	for idle, at := 0, 0; idle < len(s.list); {
		hi := min(at+block, len(s.list))
		best, r := -1, 0.0
		for k, a := range s.list[at:hi] {
			if x := a.cost - s.u[a.i] - s.v[a.j]; x < r {
				best, r = at+k, x
			}
		}
		idle += hi - at
		if at = hi; at == len(s.list) {
			at = 0
		}
		if best < 0 {
			continue
		}
		a := s.list[best]
		if !improves(r, a.cost, s.u[a.i], s.v[a.j]) {
			continue
		}
		idle = 0
		s.tree.pivot(a.i, int32(s.tree.n)+a.j, r, int32(s.pivots))
		if s.pivots++; s.pivots%1024 == 0 {
			if err := s.ctx.Err(); err != nil {
				return err
			}
			s.report()
		}
	}
	return s.ctx.Err()
}

// extend adds to the list what improves outside of it: for each row the most
// negative arcs. It reports whether there was any.
func (s *simplex[T]) extend() bool {
	const most = 4 // of a row
	n, m := s.cost.Rows, s.cost.Cols
	found := make([][most]arc, n)
	inParallel(n, blocks(n, m), func(_, lo, hi int) {
		for i := lo; i < hi; i++ {
			u, near := s.u[i], 0
			v := s.v
			row := s.cost.Row(i)
			v = v[:len(row)]
			limit := u
			for j, c := range row {
				r := float64(c) - v[j]
				if r >= limit || !improves(r-u, float64(c), u, v[j]) {
					continue
				}
				at := near
				if near < most {
					near++
				} else {
					at--
				}
				for at > 0 && found[i][at-1].cost > r {
					found[i][at] = found[i][at-1]
					at--
				}
				found[i][at] = arc{int32(i), int32(j), r}
				if near == most {
					limit = found[i][most-1].cost
				}
			}
			for k := near; k < most; k++ {
				found[i][k].i = -1
			}
		}
	})
	grown := false
	for i := range found {
		for _, a := range found[i] {
			if a.i >= 0 && s.note(a.i, a.j) {
				a.cost = s.at(int(a.i), int(a.j))
				s.list = append(s.list, a)
				grown = true
			}
		}
	}
	return grown
}

// blocks returns the number of goroutines for n rows of m elements.
func blocks(n, m int) int {
	return max(1, min(runtime.GOMAXPROCS(0), n, n*m/(1<<15)))
}

// inParallel splits [0,n) evenly.
func inParallel(n, parts int, do func(part, lo, hi int)) {
	if parts == 1 {
		do(0, 0, n)
		return
	}
	var wg sync.WaitGroup
	for p := range parts {
		wg.Go(func() { do(p, p*n/parts, (p+1)*n/parts) })
	}
	wg.Wait()
}
