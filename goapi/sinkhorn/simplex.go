package sinkhorn

// tree is a spanning tree of the network of a transport problem: nodes 0 to
// n-1 are the sources, n to n+m-1 the sinks and n+m the root, whose only arcs
// come from sources and never carry anything. Every other arc goes from a
// source to a sink, so that the kind of a node tells the direction of the arc
// to its parent: up for a source, down for a sink.
//
// The tree is strongly feasible: an arc without flow points up. The choice of
// the arc that leaves in pivot keeps it so, which rules out cycling
// (Cunningham: A network simplex method, 1976).
type tree struct {
	n    int // sources
	node []node
	// pot holds u of the sources and v of the sinks with u+v = cost on the
	// arcs of the tree.
	pot []float64
	// stack serves the walks through subtrees.
	stack []int32
}

type node struct {
	parent            int32
	first, next, prev int32 // children are a list; -1 ends it
	mark              int32 // number of the pivot that passed here last
	flow              int64 // on the arc to the parent
}

const nobody = -1

func newTree(n, m int) *tree {
	t := &tree{n: n, node: make([]node, n+m+1), pot: make([]float64, n+m+1)}
	for k := range t.node {
		t.node[k] = node{parent: nobody, first: nobody, next: nobody, prev: nobody, mark: nobody}
	}
	return t
}

// link makes child, which has no parent, a child of parent.
func (t *tree) link(child, parent int32, flow int64) {
	c, p := &t.node[child], &t.node[parent]
	c.parent, c.flow = parent, flow
	c.prev, c.next = nobody, p.first
	if p.first != nobody {
		t.node[p.first].prev = child
	}
	p.first = child
}

// cut takes child from its parent.
func (t *tree) cut(child int32) {
	c := &t.node[child]
	if c.prev != nobody {
		t.node[c.prev].next = c.next
	} else {
		t.node[c.parent].first = c.next
	}
	if c.next != nobody {
		t.node[c.next].prev = c.prev
	}
	c.parent = nobody
}

// pivot brings the arc from source s to sink t into the tree. Its reduced
// cost r is negative. number is different for every pivot.
func (t *tree) pivot(s, to int32, r float64, number int32) {
	join := t.join(s, to, number)
	// Flow runs from the join down to s, over the new arc to the sink, and
	// up again. The arc to leave is the last one on this way that limits it.
	const most = 1<<63 - 1
	δ, leaving, below := int64(most), s, true // below: s hangs below the leaving arc
	for x := s; x != join; x = t.node[x].parent {
		if int(x) < t.n && t.node[x].flow < δ {
			δ, leaving = t.node[x].flow, x
		}
	}
	for x := to; x != join; x = t.node[x].parent {
		if int(x) >= t.n && t.node[x].flow <= δ {
			δ, leaving, below = t.node[x].flow, x, false
		}
	}
	if δ > 0 {
		for x := s; x != join; x = t.node[x].parent {
			if int(x) < t.n {
				t.node[x].flow -= δ
			} else {
				t.node[x].flow += δ
			}
		}
		for x := to; x != join; x = t.node[x].parent {
			if int(x) < t.n {
				t.node[x].flow += δ
			} else {
				t.node[x].flow -= δ
			}
		}
	}
	child, parent := s, to
	if !below {
		child, parent = to, s
	}
	t.hang(child, leaving, parent, δ)
	// What hangs below the new arc moves by r on the side of child.
	t.shift(child, r)
}

// join returns the lowest common ancestor of x and y.
func (t *tree) join(x, y, number int32) int32 {
	for {
		if x != nobody {
			if t.node[x].mark == number {
				return x
			}
			t.node[x].mark = number
			x = t.node[x].parent
		}
		if y != nobody {
			if t.node[y].mark == number {
				return y
			}
			t.node[y].mark = number
			y = t.node[y].parent
		}
	}
}

// hang cuts the arc above leaving, makes child the root of the subtree that
// came off, which holds it, and links it to parent with a flow.
func (t *tree) hang(child, leaving, parent int32, flow int64) {
	for x := child; ; {
		up, old := t.node[x].parent, t.node[x].flow
		t.cut(x)
		t.link(x, parent, flow)
		if x == leaving {
			return
		}
		parent, flow, x = x, old, up
	}
}

// shift adds r to the potentials of the subtree of top that are of its kind
// and subtracts it from the others.
func (t *tree) shift(top int32, r float64) {
	if int(top) >= t.n {
		r = -r // of a source
	}
	stack := append(t.stack[:0], top)
	for len(stack) > 0 {
		x := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if int(x) < t.n {
			t.pot[x] += r
		} else {
			t.pot[x] -= r
		}
		for c := t.node[x].first; c != nobody; c = t.node[c].next {
			stack = append(stack, c)
		}
	}
	t.stack = stack
}

// price computes the potentials anew, without the rounding errors of many
// shifts, from the costs of the arcs of the tree.
func (t *tree) price(cost func(i, j int) float64) {
	root := int32(len(t.node) - 1)
	stack := append(t.stack[:0], root)
	t.pot[root] = 0
	for len(stack) > 0 {
		x := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		for c := t.node[x].first; c != nobody; c = t.node[c].next {
			switch {
			case x == root:
				t.pot[c] = 0
			case int(c) < t.n:
				t.pot[c] = cost(int(c), int(x)-t.n) - t.pot[x]
			default:
				t.pot[c] = cost(int(x), int(c)-t.n) - t.pot[x]
			}
			stack = append(stack, c)
		}
	}
	t.stack = stack
}

// arcs calls do for every arc of the tree but those to the root.
func (t *tree) arcs(do func(i, j int, flow int64)) {
	root := int32(len(t.node) - 1)
	for x := range root {
		switch p := t.node[x].parent; {
		case p == root:
		case int(x) < t.n:
			do(int(x), int(p)-t.n, t.node[x].flow)
		default:
			do(int(p), int(x)-t.n, t.node[x].flow)
		}
	}
}
