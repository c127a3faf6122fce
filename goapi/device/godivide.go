package device

import (
	"cmp"
	"math"
	"slices"
	"sync"

	"gonum.org/v1/gonum/blas/blas64"
)

// Divide and conquer (Cuppen 1981; Gu, Eisenstat 1995): a matrix is cut in two
// whose decompositions, with what was cut, give a diagonal matrix and a vector,
// the roots of whose secular equation are the values of the whole. Vectors are
// kept in rows, those of a part of the matrix in the square block of its rows
// and columns.
//
// Halves are cut down to single elements: iterations on larger parts would
// take about the same time.
const forkSize = 96 // halves of at least this size are worth a goroutine

// Where the vectors of a half lie, and those that were rotated with one of
// the other half.
const (
	inFirst = iota
	inBoth
	inSecond
)

// merger combines the vectors of two halves. Parts of the matrix use different
// rows of its memory.
type merger struct {
	by                *workspace
	gathered, product Dense[float64] // n×n
}

func newMerger(by *workspace, n int) merger {
	return merger{by, by.matrix(n, n), by.matrix(n, n)}
}

// square returns k×cols elements of m that belong to rows [lo, …) of it.
func square(m Dense[float64], lo, k, cols int) Dense[float64] {
	return Dense[float64]{Rows: k, Cols: cols, Stride: cols, Data: m.Data[lo*m.Stride:][:k*cols]}
}

// kinds sorts the kept rows by where they lie: column[j] is the place of row j
// in that order, and the first `first` rows lie in the first half, the last
// ones from `second` on in the second.
func kinds(kept []int, kind []int) (column []int, first, second int) {
	column = make([]int, len(kept))
	next := 0
	for _, k := range []int{inFirst, inBoth, inSecond} {
		for j, r := range kept {
			if kind[r] == k {
				column[j] = next
				next++
			}
		}
		switch k {
		case inFirst:
			first = next
		case inBoth:
			second = next
		}
	}
	return column, first, second
}

// combine replaces the kept rows of q, whose halves meet at column mid, by
// their products with the rows of s, whose columns are in the order of kinds.
// It sorts kept: the product with row j of s becomes row kept[j].
func (w merger) combine(lo, mid int, q Dense[float64], kept, column []int, first, second int, s Dense[float64]) {
	k := len(kept)
	gathered, out := square(w.gathered, lo, k, q.Cols), square(w.product, lo, k, q.Cols)
	parallelRows(k, q.Cols, func(_, lo, hi int) {
		for j := lo; j < hi; j++ {
			copy(gathered.Row(column[j]), q.Row(kept[j]))
		}
	})
	slices.Sort(kept)
	if k == q.Rows {
		out = q
	}
	scale(0, out)
	left, right := gathered.Slice(0, second, 0, mid), gathered.Slice(first, k, mid, q.Cols)
	w.by.Product(NoTrans, NoTrans, 1, s.Slice(0, k, 0, second), left, out.Slice(0, k, 0, mid))
	w.by.Product(NoTrans, NoTrans, 1, s.Slice(0, k, first, k), right, out.Slice(0, k, mid, q.Cols))
	if k == q.Rows {
		return
	}
	parallelRows(k, q.Cols, func(_, lo, hi int) {
		for j := lo; j < hi; j++ {
			copy(q.Row(kept[j]), out.Row(j))
		}
	})
}

// ascendingBy returns the indices of d in the order of its elements.
func ascendingBy(d []float64) []int {
	order := make([]int, len(d))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(i, j int) int { return cmp.Or(cmp.Compare(d[i], d[j]), cmp.Compare(i, j)) })
	return order
}

func rotateRows(q Dense[float64], i, j int, c, s float64) {
	blas64.Rot(blas64.Vector{N: q.Cols, Inc: 1, Data: q.Row(i)}, blas64.Vector{N: q.Cols, Inc: 1, Data: q.Row(j)}, c, s)
}

// eigenTree decomposes a symmetric tridiagonal matrix whose largest element is
// about 1: d becomes the eigenvalues, in no order, and row i of q the
// eigenvector of dᵢ. q is zero before.
type eigenTree struct {
	d, e  []float64
	q     Dense[float64]
	merge merger
	s     Dense[float64] // for the vectors of the secular equations
}

// solve decomposes rows [lo,hi).
func (t *eigenTree) solve(lo, hi int) {
	if hi-lo <= 1 {
		t.q.Set(lo, lo, 1)
		return
	}
	mid := (lo + hi) / 2
	// What is cut is |e|·vvᵀ, where v has 1 and the sign of e around mid.
	cut := math.Abs(t.e[mid-1])
	t.d[mid-1] -= cut
	t.d[mid] -= cut
	bothHalves(hi-lo, func() { t.solve(lo, mid) }, func() { t.solve(mid, hi) })
	t.join(lo, mid, hi)
}

// bothHalves calls two functions, at once if the parts of n rows are large.
func bothHalves(n int, first, second func()) {
	if n < 2*forkSize {
		first()
		second()
		return
	}
	var wg sync.WaitGroup
	wg.Go(first)
	second()
	wg.Wait()
}

// length is math.Hypot, but rounded to nearest where it can be: errors of
// rotations that all have one sign would add up.
func length(x, y float64) float64 {
	if square := x*x + y*y; square > 0x1p-900 && square < 0x1p900 {
		return math.Sqrt(square)
	}
	return math.Hypot(x, y)
}

// join makes the decomposition of rows [lo,hi) of those of both halves.
func (t *eigenTree) join(lo, mid, hi int) {
	n := hi - lo
	d, q := t.d[lo:hi], t.q.Slice(lo, hi, lo, hi)
	ρ := 2 * math.Abs(t.e[mid-1])
	sign := math.Copysign(1, t.e[mid-1])
	z, kind := make([]float64, n), make([]int, n)
	for r := range n {
		if lo+r < mid {
			z[r] = q.At(r, mid-lo-1) / math.Sqrt2
		} else {
			z[r], kind[r] = sign*q.At(r, mid-lo)/math.Sqrt2, inSecond
		}
	}
	kept := deflate(ρ, d, z, func(i, j int, c, s float64) {
		rotateRows(q, i, j, c, s)
		if kind[i] != kind[j] {
			kind[j] = inBoth
		}
	})
	if len(kept) == 0 {
		return
	}
	column, first, second := kinds(kept, kind)
	s := square(t.s, lo, len(kept), len(kept))
	values := rankOne(t.merge.by, ρ, d, z, kept, column, s)
	t.merge.combine(lo, mid-lo, q, kept, column, first, second, s)
	for i, r := range kept {
		d[r] = values[i]
	}
}

// deflate takes out of D + ρ·zzᵀ what is decomposed as it is: small elements of
// z, and all but one of those that belong to equal elements of d, which
// rotations of rows make small. It returns the others in the order of d.
func deflate(ρ float64, d, z []float64, rotate func(i, j int, c, s float64)) (kept []int) {
	tol := 16 * epsilon64 * max(maxAbs(d), maxAbs(z))
	kept = make([]int, 0, len(d))
	last := -1
	for _, r := range ascendingBy(d) {
		if ρ*math.Abs(z[r]) <= tol {
			continue
		}
		if last < 0 {
			last = r
			continue
		}
		τ := length(z[r], z[last])
		c, s := z[r]/τ, -z[last]/τ
		if math.Abs((d[r]-d[last])*c*s) > tol {
			kept = append(kept, last)
			last = r
			continue
		}
		z[r], z[last] = τ, 0
		rotate(last, r, c, s)
		d[last], d[r] = d[last]*c*c+d[r]*s*s, d[last]*s*s+d[r]*c*c
		last = r
	}
	if last >= 0 {
		kept = append(kept, last)
	}
	return kept
}

// rankOne decomposes the kept rows and columns of D + ρ·zzᵀ: it returns the
// eigenvalues in ascending order and stores the eigenvectors in the rows of s,
// element j in column[j], or in column j if that is nil.
func rankOne(by *workspace, ρ float64, d, z []float64, kept, column []int, s Dense[float64]) (values []float64) {
	k := len(kept)
	f := secular{by: by, c: 1 / ρ, z: make([]float64, k), d: make([]float64, k)}
	for j, r := range kept {
		f.z[j], f.d[j] = z[r], d[r]
	}
	origin := make([]int, k)
	values = make([]float64, k)
	f.roots(origin, values, s)
	parallelRows(k, 4*k, func(_, lo, hi int) {
		v := make([]float64, k)
		for i := lo; i < hi; i++ {
			δ := s.Row(i)
			if column == nil {
				for j, x := range δ {
					v[j] = f.z[j] / x
				}
			} else {
				for j, x := range δ {
					v[column[j]] = f.z[j] / x
				}
			}
			normalizeTo(δ, v)
		}
	})
	for i, k := range origin {
		values[i] += f.d[k]
	}
	return values
}

// normalizeTo stores v/‖v‖ in x.
func normalizeTo(x, v []float64) {
	square := blas64.Dot(blas64.Vector{N: len(v), Inc: 1, Data: v}, blas64.Vector{N: len(v), Inc: 1, Data: v})
	if !(square > 0x1p-900 && square < 0x1p900) {
		norm := blas64.Nrm2(blas64.Vector{N: len(v), Inc: 1, Data: v})
		for j, y := range v {
			x[j] = y / norm
		}
		return
	}
	inverse := 1 / math.Sqrt(square)
	for j, y := range v {
		x[j] = inverse * y
	}
}

// symmetricTridiagonal decomposes the matrix with diagonal d and subdiagonal
// e, which it destroys. It returns the eigenvalues in ascending order and the
// eigenvectors in rows.
func symmetricTridiagonal(by *workspace, d, e []float64) (w []float64, q Dense[float64]) {
	n := len(d)
	t := eigenTree{d: d, e: e, q: by.zeros(n, n)}
	largest := max(maxAbs(d), maxAbs(e))
	if largest > 0 {
		scaleVector(1/largest, d)
		scaleVector(1/largest, e)
	}
	t.merge, t.s = newMerger(by, n), by.matrix(n, n)
	t.solve(0, n)
	sorted := t.merge.product
	w = make([]float64, n)
	order := ascendingBy(d)
	parallelRows(n, n, func(_, lo, hi int) {
		for i := lo; i < hi; i++ {
			copy(sorted.Row(i), t.q.Row(order[i]))
		}
	})
	for i, r := range order {
		w[i] = d[r] * largest
	}
	return w, sorted
}
