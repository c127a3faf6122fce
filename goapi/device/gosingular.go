package device

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/blas"
)

// singularTree decomposes a bidiagonal matrix whose largest element is about 1
// (Gu, Eisenstat: A divide-and-conquer algorithm for the bidiagonal SVD, 1995):
// d becomes the singular values, in no order, and rows i of u and v their
// vectors. A part of the matrix of n rows has n columns or, before others, one
// more, and then row n of its block of v is the direction it takes to 0.
// u and v are zero before.
type singularTree struct {
	d, e   []float64
	u, v   Dense[float64]
	merge  merger
	sl, sr Dense[float64] // for the vectors of the secular equations
}

// solve decomposes rows [lo,hi), with columns [lo,hi+more).
func (t *singularTree) solve(lo, hi, more int) {
	if hi-lo <= 1 {
		t.leaf(lo, hi, more)
		return
	}
	mid := (lo + hi - 1) / 2 // the row that is cut out
	bothHalves(hi-lo, func() { t.solve(lo, mid, 1) }, func() { t.solve(mid+1, hi, more) })
	t.join(lo, mid, hi, more)
}

// leaf decomposes no or one row.
func (t *singularTree) leaf(lo, hi, more int) {
	for i := range hi - lo + more {
		t.v.Set(lo+i, lo+i, 1)
	}
	if lo == hi {
		return
	}
	t.u.Set(lo, lo, 1)
	d := t.d[lo]
	if more == 1 {
		if r := length(d, t.e[lo]); r > 0 {
			rotateRows(t.v.Slice(lo, lo+2, lo, lo+2), 0, 1, d/r, t.e[lo]/r)
			t.d[lo] = r
		}
	} else if d < 0 {
		t.d[lo] = -d
		t.v.Set(lo, lo, -1)
	}
}

// join makes the decomposition of rows [lo,hi) of those of the rows around
// mid. With their vectors, these are a matrix of the values d and a row z, in
// the place of row mid.
func (t *singularTree) join(lo, mid, hi, more int) {
	n, row := hi-lo, mid-lo
	d := t.d[lo:hi]
	u, v := t.u.Slice(lo, hi, lo, hi), t.v.Slice(lo, hi+more, lo, hi+more)
	α, β := t.d[mid], t.e[mid]
	d[row] = 0
	u.Set(row, row, 1)
	size := max(maxAbs(d), math.Abs(α), math.Abs(β))
	if size == 0 {
		return
	}
	z, kind := make([]float64, n), make([]int, n)
	for r := range n {
		d[r] /= size
		if r <= row {
			z[r] = α / size * v.At(r, row)
		} else {
			z[r], kind[r] = β/size*v.At(r, row+1), inSecond
		}
	}
	if more == 1 { // one direction of the two that the halves take to 0 stays
		last := β / size * v.At(n, row+1)
		if τ := length(z[row], last); τ > 0 {
			rotateRows(v, row, n, z[row]/τ, last/τ)
			z[row] = τ
		}
		kind[row] = inBoth
	}
	// Deflation, as of eigenvalues; the row itself stays in any case. Small
	// values are lifted by as much, so that it must not show in a rank.
	tol := 2 * epsilon64 * max(maxAbs(d), math.Abs(α)/size, math.Abs(β)/size)
	if math.Abs(z[row]) <= tol {
		z[row] = tol
	}
	kept := make([]int, 1, n)
	kept[0] = row
	last := -1
	for _, r := range ascendingBy(d) {
		if r == row || math.Abs(z[r]) <= tol {
			continue
		}
		switch {
		case last < 0:
		case d[r]-d[last] > tol:
			kept = append(kept, last)
		default:
			τ := length(z[r], z[last])
			c, s := z[r]/τ, -z[last]/τ
			z[r], z[last] = τ, 0
			rotateRows(u, last, r, c, s)
			rotateRows(v, last, r, c, s)
			if kind[r] != kind[last] {
				kind[r] = inBoth
			}
		}
		last = r
	}
	if last >= 0 {
		kept = append(kept, last)
	}
	k := len(kept)
	f := secular{by: t.merge.by, c: 1, z: make([]float64, k), d: make([]float64, k), squares: true}
	for j, r := range kept {
		f.z[j], f.d[j] = z[r], d[r]
	}
	if k > 1 {
		f.d[1] = max(f.d[1], tol/2)
	}
	column, first, second := kinds(kept, kind)
	origin, offset := make([]int, k), make([]float64, k)
	sl, sr := square(t.sl, lo, k, k), square(t.sr, lo, k, k)
	f.roots(origin, offset, sr)
	parallelRows(k, 8*k, func(_, lo, hi int) {
		x, y := make([]float64, k), make([]float64, k)
		for i := lo; i < hi; i++ {
			δ := sr.Row(i)
			for j, gap := range δ {
				q := f.z[j] / gap
				x[column[j]], y[column[j]] = f.d[j]*q, q
			}
			x[column[0]] = -1
			normalizeTo(sl.Row(i), x)
			normalizeTo(δ, y)
		}
	})
	rows := append([]int(nil), kept...)
	t.merge.combine(lo, row+1, u, rows, column, first, second, sl)
	t.merge.combine(lo, row+1, v, kept, column, first, second, sr)
	for r := range d {
		d[r] *= size
	}
	for i, r := range kept {
		p := f.d[origin[i]]
		d[r] = size * (p + offset[i]/(p+math.Sqrt(p*p+offset[i])))
	}
}

// bidiagonalSVD decomposes the upper bidiagonal matrix with diagonal d and
// superdiagonal e, which it destroys. It returns the singular values in
// descending order and both sets of vectors in rows.
func bidiagonalSVD(by *workspace, d, e []float64) (σ []float64, u, v Dense[float64]) {
	n := len(d)
	t := singularTree{d: d, e: e, u: by.zeros(n, n), v: by.zeros(n, n)}
	size := max(maxAbs(d), maxAbs(e))
	if size > 0 {
		scaleVector(1/size, d)
		scaleVector(1/size, e)
	}
	t.merge, t.sl, t.sr = newMerger(by, n), by.matrix(n, n), by.matrix(n, n)
	t.solve(0, n, 0)
	order := ascendingBy(d)
	slices.Reverse(order)
	σ = make([]float64, n)
	u, v = t.merge.gathered, t.merge.product
	parallelRows(n, 2*n, func(_, lo, hi int) {
		for i := lo; i < hi; i++ {
			copy(u.Row(i), t.u.Row(order[i]))
			copy(v.Row(i), t.v.Row(order[i]))
		}
	})
	for i, r := range order {
		σ[i] = d[r] * size
	}
	return σ, u, v
}

// bidiagonalValues is bidiagonalSVD without vectors, by LAPACK's dqds.
func bidiagonalValues(d, e []float64) (ok bool) {
	n := len(d)
	return goLAPACK.Dbdsqr(blas.Upper, n, 0, 0, 0, d, e, nil, 1, nil, 1, nil, 1, make([]float64, 4*n))
}

// thinSVD decomposes A (m×n, m ≥ n), which it destroys. Rows of left (n×m) and
// right (n×n) are the vectors; without vectors both are empty.
func thinSVD(by *workspace, a Dense[float64], vectors bool) (σ []float64, left, right Dense[float64], ok bool) {
	const tall = 2 // times the columns: rows that are worth a QR factorization first
	m, n := a.Rows, a.Cols
	if m >= tall*n && n > 1 {
		r, q := factorQR(by, a.T())
		σ, inner, right, ok := thinSVD(by, r, vectors)
		if !ok || !vectors {
			return σ, left, right, ok
		}
		left = widened(by, inner, m)
		q.apply(by, left, false)
		return σ, left, right, true
	}
	d, e, u, v := bidiagonalize(by, a)
	if !vectors {
		return d, left, right, bidiagonalValues(d, e)
	}
	σ, left, right = bidiagonalSVD(by, d, e)
	left = widened(by, left, m)
	u.apply(by, left, false)
	v.apply(by, right, false)
	return σ, left, right, true
}

// widened returns A with zero columns behind its own.
func widened(by *workspace, a Dense[float64], cols int) Dense[float64] {
	if a.Cols == cols {
		return a
	}
	b := by.zeros(a.Rows, cols)
	for i := range a.Rows {
		copy(b.Row(i), a.Row(i))
	}
	return b
}
