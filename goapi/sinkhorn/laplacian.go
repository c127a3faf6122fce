package sinkhorn

import (
	"slices"

	"github.com/ritz-go/ritz/goapi/rng"
)

// factor approximates a graph's Laplacian matrix, with an excess on the
// diagonal, by a product U·D·Uᵀ of sparse triangular matrices. Vertices are
// eliminated as in Cholesky's factorization, those of low degree first; the
// clique that an elimination would leave among the k neighbours is replaced
// by a random tree of k-1 edges with the same expectation (Kyng, Sachdeva:
// Approximate Gaussian elimination for Laplacians, 2016; Gao, Kyng, Spielman:
// Robust and practical solution of Laplacian equations by approximate
// elimination, 2023). Trees are factored exactly, whatever the weights, and
// no cancellation occurs: all numbers are sums and products of weights.
type factor struct {
	n     int
	order []int32   // vertices as they were eliminated
	pivot []float64 // sum of weights at elimination, by position in order
	start []int     // of the neighbours, by position in order
	near  []int32   // neighbours at elimination
	part  []float64 // their weights over the pivot

	// Edges, each in the lists of both ends.
	head         []int32
	next         []int32
	to           []int32
	weight       []float64
	excess       []float64
	degree       []int32
	done         []bool
	buckets      [][]int32
	mark         []int32 // place of a vertex among the neighbours, or -1
	random       []float64
	drawn        int
	seed, stream uint64
}

// highDegree is the degree from which the order of elimination does not
// matter any more.
const highDegree = 64

// build factors the Laplacian of the bipartite graph with the weights s between
// rows 0…n-1 and columns n…n+m-1, with the excesses rows and cols (not
// negative) on the diagonal.
func (f *factor) build(s *sparse, rows, cols []float64, seed uint64) {
	f.reset(s.n+s.m, seed)
	copy(f.excess, rows)
	copy(f.excess[s.n:], cols)
	for i := range s.n {
		for k := s.rows.Start[i]; k < s.rows.Start[i+1]; k++ {
			f.connect(int32(i), int32(s.n)+s.rows.Col[k], s.rows.Val[k])
		}
	}
	for v := range f.n {
		f.file(int32(v))
	}
	for lowest := 0; len(f.order) < f.n; {
		for len(f.buckets[lowest]) == 0 {
			lowest++
		}
		last := len(f.buckets[lowest]) - 1
		v := f.buckets[lowest][last]
		f.buckets[lowest] = f.buckets[lowest][:last]
		if f.done[v] || int(min(f.degree[v], highDegree)) != lowest {
			continue // filed elsewhere since
		}
		f.eliminate(v)
		lowest = 0
	}
}

func (f *factor) reset(n int, seed uint64) {
	f.n, f.seed, f.stream, f.drawn = n, seed, 0, len(f.random)
	f.order, f.pivot, f.start = f.order[:0], f.pivot[:0], append(f.start[:0], 0)
	f.near, f.part = f.near[:0], f.part[:0]
	f.next, f.to, f.weight = f.next[:0], f.to[:0], f.weight[:0]
	f.head, f.mark = grow(f.head, n), grow(f.mark, n)
	f.excess, f.degree, f.done = grow(f.excess, n), grow(f.degree, n), grow(f.done, n)
	clear(f.degree)
	clear(f.done)
	for v := range n {
		f.head[v], f.mark[v] = -1, -1
	}
	if f.buckets == nil {
		f.buckets = make([][]int32, highDegree+1)
	}
	for d := range f.buckets {
		f.buckets[d] = f.buckets[d][:0]
	}
}

// connect adds an edge.
func (f *factor) connect(u, v int32, w float64) {
	e := int32(len(f.to))
	f.to = append(f.to, v, u)
	f.weight = append(f.weight, w, w)
	f.next = append(f.next, f.head[u], f.head[v])
	f.head[u], f.head[v] = e, e+1
	f.degree[u]++
	f.degree[v]++
}

// file puts v among those of its degree.
func (f *factor) file(v int32) {
	d := min(f.degree[v], highDegree)
	f.buckets[d] = append(f.buckets[d], v)
}

// neighbour is one neighbour of the vertex that is eliminated, with all edges
// between the two.
type neighbour struct {
	v     int32
	edges int32
	w     float64
}

func (f *factor) eliminate(v int32) {
	f.done[v] = true
	first := len(f.near)
	sum := f.excess[v]
	var room [64]neighbour
	around := room[:0]
	for e := f.head[v]; e >= 0; e = f.next[e] {
		u := f.to[e]
		if f.done[u] {
			continue
		}
		if f.mark[u] < 0 {
			f.mark[u] = int32(len(around))
			around = append(around, neighbour{v: u})
		}
		k := &around[f.mark[u]]
		k.w += f.weight[e]
		k.edges++
	}
	slices.SortFunc(around, func(x, y neighbour) int {
		switch {
		case x.w < y.w:
			return -1
		case x.w > y.w:
			return 1
		}
		return int(x.v - y.v)
	})
	for _, k := range around {
		f.mark[k.v] = -1
		sum += k.w
	}
	f.order, f.pivot = append(f.order, v), append(f.pivot, sum)
	for _, k := range around {
		f.near, f.part = append(f.near, k.v), append(f.part, k.w/sum)
		f.excess[k.v] += k.w / sum * f.excess[v]
		f.degree[k.v] -= k.edges
	}
	f.start = append(f.start, len(f.near))
	f.sample(around, sum)
	for _, u := range f.near[first:] {
		f.file(u)
	}
}

// sample joins each neighbour with one of those behind it, chosen with a
// probability proportional to its weight.
func (f *factor) sample(around []neighbour, sum float64) {
	// behind[k] would be the weight of the neighbours after k; from the end
	// it is a sum of positive numbers.
	behind := 0.0
	for k := len(around) - 2; k >= 0; k-- {
		behind += around[k+1].w
		w := around[k].w * (behind / sum)
		if w <= 0 {
			continue
		}
		target := f.draw() * behind
		j := len(around) - 1 // the heaviest are last and likeliest
		for target -= around[j].w; target > 0 && j > k+1; target -= around[j].w {
			j--
		}
		f.connect(around[k].v, around[j].v, w)
	}
}

// draw returns a random number of [0,1).
func (f *factor) draw() float64 {
	if f.drawn == len(f.random) {
		f.random = grow(f.random, 1024)
		rng.Uniform(f.seed, f.stream, 0, f.random)
		f.stream++
		f.drawn = 0
	}
	f.drawn++
	return f.random[f.drawn-1]
}

// solve overwrites x with the solution of U·D·Uᵀ·x = x.
func (f *factor) solve(x []float64) {
	for k, v := range f.order {
		r := x[v]
		for e := f.start[k]; e < f.start[k+1]; e++ {
			x[f.near[e]] += f.part[e] * r
		}
		if f.pivot[k] > 0 {
			x[v] = r / f.pivot[k]
		} else {
			x[v] = 0
		}
	}
	for k := len(f.order) - 1; k >= 0; k-- {
		sum := x[f.order[k]]
		for e := f.start[k]; e < f.start[k+1]; e++ {
			sum += f.part[e] * x[f.near[e]]
		}
		x[f.order[k]] = sum
	}
}
