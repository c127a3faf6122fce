package device

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/blas/blas64"
)

// rangeTree is eigenTree for some or none of the vectors. All that a merge of two
// halves needs of their vectors are those elements that stand where the matrix
// was cut, so that the first and the last of each will do, and the eigenvalues
// cost n² operations. Where merges are kept, vectors of the whole are taken back
// through them, 4·n² operations each.
type rangeTree struct {
	by   *workspace
	d, e []float64
	ends Dense[float64]   // n×2, first and last element of each vector of its part
	s    []Dense[float64] // for the vectors of the secular equations, by depth
	keep bool
}

// mergedPart says how the vectors of rows [lo,hi) are made of those of their
// halves: rotated by pairs, then replaced by combinations.
type mergedPart struct {
	lo, mid, hi   int
	rotations     []rotation
	kept, made    []int // vector made[i] has the coefficients in row i of s of the vectors kept
	s             Dense[float64]
	first, second *mergedPart
}

type rotation struct {
	i, j int
	c, s float64
}

// newRangeTree takes the matrix with diagonal d and subdiagonal e.
func newRangeTree(by *workspace, d, e []float64, keep bool) *rangeTree {
	n := len(d)
	t := &rangeTree{by: by, d: d, e: e, ends: by.zeros(n, 2), keep: keep}
	for size := n; size > 1; size = (size + 1) / 2 {
		if keep || len(t.s) == 0 {
			t.s = append(t.s, by.matrix(n, size))
		} else {
			t.s = append(t.s, t.s[0])
		}
	}
	return t
}

// solve decomposes rows [lo,hi), which were cut out of the whole depth times.
func (t *rangeTree) solve(lo, hi, depth int) *mergedPart {
	if hi-lo <= 1 {
		t.ends.Set(lo, 0, 1)
		t.ends.Set(lo, 1, 1)
		return nil
	}
	p := &mergedPart{lo: lo, mid: (lo + hi) / 2, hi: hi}
	cut := math.Abs(t.e[p.mid-1])
	t.d[p.mid-1] -= cut
	t.d[p.mid] -= cut
	bothHalves(hi-lo, func() { p.first = t.solve(lo, p.mid, depth+1) }, func() { p.second = t.solve(p.mid, hi, depth+1) })
	t.join(p, depth)
	return p
}

// join makes the decomposition of a part of those of its halves.
func (t *rangeTree) join(p *mergedPart, depth int) {
	n, half := p.hi-p.lo, p.mid-p.lo
	d, ends := t.d[p.lo:p.hi], t.ends.Slice(p.lo, p.hi, 0, 2)
	ρ := 2 * math.Abs(t.e[p.mid-1])
	sign := math.Copysign(1, t.e[p.mid-1])
	z := make([]float64, n)
	for r := range n {
		x := ends.Row(r)
		if r < half {
			z[r], x[1] = x[1]/math.Sqrt2, 0
		} else {
			z[r], x[0] = sign*x[0]/math.Sqrt2, 0
		}
	}
	p.kept = deflate(ρ, d, z, func(i, j int, c, s float64) {
		rotateRows(ends, i, j, c, s)
		if t.keep {
			p.rotations = append(p.rotations, rotation{i, j, c, s})
		}
	})
	k := len(p.kept)
	if k == 0 {
		return
	}
	p.s = square(t.s[depth], p.lo, k, k)
	values := rankOne(t.by, ρ, d, z, p.kept, nil, p.s)
	p.made = slices.Clone(p.kept)
	slices.Sort(p.made)
	gathered := NewDense[float64](2, k)
	for j, r := range p.kept {
		gathered.Data[j], gathered.Data[k+j] = ends.At(r, 0), ends.At(r, 1)
	}
	product := NewDense[float64](2, k)
	parallelRows(k, 2*k, func(_, lo, hi int) {
		for i := lo; i < hi; i++ {
			row := blas64.Vector{N: k, Inc: 1, Data: p.s.Row(i)}
			for c := range 2 {
				product.Set(c, i, blas64.Dot(row, blas64.Vector{N: k, Inc: 1, Data: gathered.Row(c)}))
			}
		}
	})
	for i, r := range p.made {
		d[r] = values[i]
		ends.Set(r, 0, product.At(0, i))
		ends.Set(r, 1, product.At(1, i))
	}
}

// expand replaces the coefficients of vectors of the part in the columns of rows
// [lo,hi) of x by their elements. work has two matrices like x.
func (p *mergedPart) expand(by *workspace, x Dense[float64], work [2]Dense[float64]) {
	if p == nil {
		return
	}
	rows := x.Slice(p.lo, p.hi, 0, x.Cols)
	if k := len(p.kept); k > 0 {
		given, wanted := square(work[0], p.lo, k, x.Cols), square(work[1], p.lo, k, x.Cols)
		for i, r := range p.made {
			copy(given.Row(i), rows.Row(r))
		}
		scale(0, wanted)
		by.Product(Transp, NoTrans, 1, p.s, given, wanted)
		for j, r := range p.kept {
			copy(rows.Row(r), wanted.Row(j))
		}
	}
	for _, r := range slices.Backward(p.rotations) {
		rotateRows(rows, r.i, r.j, r.c, -r.s)
	}
	bothHalves(p.hi-p.lo, func() { p.first.expand(by, x, work) }, func() { p.second.expand(by, x, work) })
}

// tridiagonalRange returns the eigenvalues of the matrix with diagonal d and
// subdiagonal e, which it destroys, in ascending order, and the eigenvectors
// number [first,first+count) in rows.
func tridiagonalRange(by *workspace, d, e []float64, first, count int) (w []float64, v Dense[float64]) {
	n := len(d)
	largest := max(maxAbs(d), maxAbs(e))
	if largest > 0 {
		scaleVector(1/largest, d)
		scaleVector(1/largest, e)
	}
	t := newRangeTree(by, d, e, count > 0)
	whole := t.solve(0, n, 0)
	order := ascendingBy(d)
	w = make([]float64, n)
	for i, r := range order {
		w[i] = d[r] * largest
	}
	if count == 0 {
		return w, v
	}
	x := by.zeros(n, count)
	for j, r := range order[first : first+count] {
		x.Set(r, j, 1)
	}
	whole.expand(by, x, [2]Dense[float64]{by.matrix(n, count), by.matrix(n, count)})
	v = by.matrix(count, n)
	transpose(x, v)
	return w, v
}
