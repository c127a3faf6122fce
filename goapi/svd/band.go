package svd

import (
	"context"
	"math"

	"github.com/ritz-go/ritz/goapi/device"
)

// Singular values without vectors come in two stages: to a band matrix by
// products of matrices, then to two diagonals inside the cache. A reduction to
// two diagonals at once makes half of its operations as products with vectors,
// for which the matrix comes from memory twice for each column (Großer and
// Lang, Parallel Computing 1999).

// bandLeast is the least number of columns for it.
const bandLeast = 256

// bandValues computes the singular values of a (m×n, m ≥ n), which it
// destroys. done is false on devices without the kernels for it.
func bandValues(ctx context.Context, q device.Queue[float64], a, s device.Matrix[float64]) (done bool, err error) {
	f, ok := q.(device.BandValuer)
	if !ok || a.Cols < bandLeast || f.BandWidth() == 0 {
		return false, nil
	}
	band, err := reduceToBand(ctx, q, f.BandWidth(), a)
	if err != nil {
		return false, err
	}
	values, ok := f.TryBandValues(band)
	if !ok {
		return false, nil
	}
	if err := q.Sync(); err != nil {
		return false, err
	}
	q.Upload(s, device.Vector(values))
	return true, q.Sync()
}

// reduceToBand reduces a to an upper matrix with w superdiagonals that has the
// same singular values, in the form that TryBandValues wants. Reflections
// clear w columns below the diagonal, then w rows right of the band, and so
// on; what is left of the matrix is updated once for both:
//
//	(I - V·T·Vᵀ)ᵀ·A·(I - Y·Z·Yᵀ) = A - V·W - X·Yᵀ, W = Tᵀ·Vᵀ·A, X = (A·Y - V·(W·Y))·Z
func reduceToBand(ctx context.Context, q device.Queue[float64], w int, a device.Matrix[float64]) (device.Dense[float64], error) {
	defer q.Scope()()
	m, n := a.Rows, a.Cols
	band := device.NewDense[float64](n, w+1)
	none := device.Matrix[float64]{}
	both, other := q.Alloc(m, 2*w), q.Alloc(2*w, n) // [V X] and [W; Yᵀ]
	long, wy := q.Alloc(n, w), q.Alloc(w, w)
	rows := device.NewDense[float64](w, 2*w)
	k := 0
	for ; n-k > 2*w; k += w {
		if err := ctx.Err(); err != nil {
			return band, err
		}
		end := q.Scope()
		left := n - k - w
		v, r := both.Slice(k, m, 0, w), q.Alloc(w, w)
		t, err := reflections(q, a.Slice(k, m, k, k+w), v, r)
		if err != nil {
			return band, err
		}
		right := a.Slice(k, m, k+w, n)
		wide := other.Slice(0, w, 0, left)
		c := q.Alloc(w, left)
		q.Gemm(device.Transp, device.NoTrans, 1, v, right, 0, c)
		q.Gemm(device.Transp, device.NoTrans, 1, t, c, 0, wide)
		top := right.RowRange(0, w)
		q.Gemm(device.NoTrans, device.NoTrans, -1, v.RowRange(0, w), wide, 1, top)

		panel, y, l := q.Alloc(left, w), long.RowRange(0, left), q.Alloc(w, w)
		q.Add(1, device.Transp, top, 0, device.NoTrans, none, panel)
		z, err := reflections(q, panel, y, l)
		if err != nil {
			return band, err
		}
		q.Download(rows.Slice(0, w, 0, w), r)
		q.Download(rows.Slice(0, w, w, 2*w), l)
		if err := q.Sync(); err != nil {
			return band, err
		}
		for i := range w {
			for j := i; j < w; j++ {
				band.Set(k+i, j-i, rows.At(i, j))
			}
			for j := 0; j <= i; j++ { // the transpose of l
				band.Set(k+i, w+j-i, rows.At(j, w+i))
			}
		}

		rest, vr := a.Slice(k+w, m, k+w, n), v.RowRange(w, m-k)
		x := both.Slice(k+w, m, w, 2*w)
		xz := q.Alloc(m-k-w, w)
		q.Gemm(device.NoTrans, device.NoTrans, 1, rest, y, 0, xz)
		q.Gemm(device.NoTrans, device.NoTrans, 1, wide, y, 0, wy)
		q.Gemm(device.NoTrans, device.NoTrans, -1, vr, wy, 1, xz)
		q.Gemm(device.NoTrans, device.NoTrans, 1, xz, z, 0, x)
		q.Add(1, device.Transp, y, 0, device.NoTrans, none, other.Slice(w, 2*w, 0, left))
		q.Gemm(device.NoTrans, device.NoTrans, -1, both.Slice(k+w, m, 0, 2*w), other.Slice(0, 2*w, 0, left), 1, rest)
		err = q.Sync()
		end()
		if err != nil {
			return band, err
		}
	}
	corner, small := q.Alloc(m-k, n-k), q.Alloc(n-k, n-k)
	q.Copy(corner, a.Slice(k, m, k, n))
	q.QR(corner, small)
	last := device.NewDense[float64](n-k, n-k)
	q.Download(last, small)
	if err := q.Sync(); err != nil {
		return band, err
	}
	narrow(last, w)
	for i := range last.Rows {
		copy(band.Row(k+i), last.Row(i)[i:min(i+w+1, last.Cols)])
	}
	return band, nil
}

// reflections factors x (p×w, p ≥ w), which it leaves alone, as
// (I - V·T·Vᵀ)·[R; 0] and returns T. It takes an orthonormal basis of the
// columns, from products, and finds the reflections to it (Ballard et al.,
// IPDPS 2014): with signs S that keep the elimination from small pivots,
// Q - [S; 0] = V·U, T = -U·S·V₁⁻ᵀ.
func reflections(q device.Queue[float64], x, v, r device.Matrix[float64]) (t device.Matrix[float64], err error) {
	p, w := x.Rows, x.Cols
	t = q.Alloc(w, w)
	defer q.Scope()()
	if err := orthonormalize(q, x, v, r); err != nil {
		return t, err
	}
	top, signs := device.NewDense[float64](w, w), make([]float64, w)
	q.Download(top, v.RowRange(0, w))
	if err := q.Sync(); err != nil {
		return t, err
	}
	for i := range w { // to V₁ below the diagonal and U on and above it
		signs[i] = -math.Copysign(1, top.At(i, i))
		row := top.Row(i)
		row[i] -= signs[i]
		for l := i + 1; l < w; l++ {
			other := top.Row(l)
			other[i] /= row[i]
			for j := i + 1; j < w; j++ {
				other[j] -= other[i] * row[j]
			}
		}
	}
	lower, upper, us := device.NewDense[float64](w, w), device.NewDense[float64](w, w), device.NewDense[float64](w, w)
	for i := range w {
		copy(lower.Row(i), top.Row(i)[:i])
		lower.Set(i, i, 1)
		copy(upper.Row(i)[i:], top.Row(i)[i:])
		for j := i; j < w; j++ {
			us.Set(i, j, -upper.At(i, j)*signs[j])
		}
	}
	l := device.Lend(q, lower)
	q.Upload(t, us)
	q.Trsm(device.Right, device.Lower, device.Transp, 1, l, t)
	q.Copy(v.RowRange(0, w), l)
	q.Trsm(device.Right, device.Upper, device.NoTrans, 1, device.Lend(q, upper), v.RowRange(w, p))
	s := q.Alloc(1, w)
	q.Upload(s, device.Vector(signs))
	q.ScaleBy(device.PerRow, s, r, r)
	return t, q.Sync()
}

// narrow reduces a small upper triangle, in place, to one with w superdiagonals
// that has the same singular values.
func narrow(a device.Dense[float64], w int) {
	n := a.Rows
	v := make([]float64, n)
	// reflect makes of x the vector of the reflection that takes it to β·e₁.
	reflect := func(x []float64) (β, τ float64) {
		norm := 0.0
		for _, y := range x {
			norm += y * y
		}
		norm = math.Sqrt(norm)
		if norm == math.Abs(x[0]) {
			return x[0], 0
		}
		β = -math.Copysign(norm, x[0])
		τ = (β - x[0]) / β
		for k := len(x) - 1; k >= 0; k-- {
			x[k] /= x[0] - β
			if k == 0 {
				x[k] = 1
			}
		}
		return β, τ
	}
	for i := range n {
		if i > 0 { // column i below the diagonal
			x := v[:n-i]
			for k := range x {
				x[k] = a.At(i+k, i)
			}
			β, τ := reflect(x)
			for j := i + 1; j < n && τ != 0; j++ {
				s := 0.0
				for k, y := range x {
					s += y * a.At(i+k, j)
				}
				for k, y := range x {
					a.Set(i+k, j, a.At(i+k, j)-τ*s*y)
				}
			}
			for k := range x {
				a.Set(i+k, i, 0)
			}
			a.Set(i, i, β)
		}
		if i+w >= n {
			continue
		}
		x := v[:n-i-w]
		copy(x, a.Row(i)[i+w:])
		β, τ := reflect(x)
		for r := i + 1; r < n && τ != 0; r++ {
			row, s := a.Row(r)[i+w:], 0.0
			for k, y := range x {
				s += y * row[k]
			}
			for k, y := range x {
				row[k] -= τ * s * y
			}
		}
		clear(a.Row(i)[i+w:])
		a.Set(i, i+w, β)
	}
}
