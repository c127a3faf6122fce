package svd

import (
	"context"
	"math"
	"slices"

	"github.com/ritz-go/ritz/goapi/device"
)

// The eigenvectors of AᵀA are the right singular vectors of A, and matrix
// products give the rest: for spectra that do not decay much this takes about
// half the time of a bidiagonalization, half of whose operations are
// matrix-vector products. Squaring loses the small singular values, so that
// only those above gramHead·σ₁ are taken from one Gram matrix; the rest of A,
// with these projected out, is treated the same way. Each level has a scale
// of its own, and errors stay near eps·σ₁/gramHead.
const (
	gramLevels = 6
	gramLeast  = 96 // smaller matrices gain nothing
)

// gramHead is the least share of σ₁ that is taken from one Gram matrix. With
// roundedHead, for what will be rounded to float32, one or two levels are all
// there is, and the loss of orthogonality, eps/roundedHead², needs no
// correction.
const (
	gramHead    = 0.03
	roundedHead = 1e-4
)

// gramSquare is the least mean of the squares of the singular values, in units
// of σ₁², for which Gram matrices are taken: that of values spread evenly, by
// their logarithms, over a factor of 28, none of which is left to a second
// level. It is 1/4 for a Gaussian matrix.
const gramSquare = 0.15

// gramShare is the share of the values that the first level may leave to the
// others, after which these take as long as the first one saves, unless Gram
// matrices are asked for.
const (
	gramShare     = 0.5
	gramLimitless = 1 << gramLevels
)

// suitsGram tells whether the singular values of a do not decay too much for
// Gram matrices, from ‖A‖_F and a few products with a vector, which bound σ₁
// from below.
func suitsGram(q device.Queue[float64], a device.Matrix[float64]) (bool, error) {
	defer q.Scope()()
	x, y, norms, host := q.Alloc(a.Cols, 1), q.Alloc(a.Rows, 1), q.Alloc(1, 3), make([]float64, 3)
	square := func(x device.Matrix[float64], i int) {
		q.Reduce(device.SumSquares, device.Whole, x, norms.Slice(0, 1, i, i+1))
	}
	square(a, 2)
	q.Random(device.Normal, 0, streamStart, x)
	for step := range 3 {
		if step > 0 { // squares of squares stay in range
			q.Add(1/math.Sqrt(host[1]), device.NoTrans, x, 0, device.NoTrans, device.Matrix[float64]{}, x)
		}
		q.Gemm(device.NoTrans, device.NoTrans, 1, a, x, 0, y)
		q.Gemm(device.Transp, device.NoTrans, 1, a, y, 0, x)
		square(y, 0)
		square(x, 1)
		q.Download(device.Vector(host), norms)
		if err := q.Sync(); err != nil {
			return false, err
		}
		if !(host[0] > 0 && host[1] > 0) {
			return false, nil
		}
	}
	largest := host[1] / host[0] // ‖Aᵀy‖²/‖y‖²
	return host[2] >= gramSquare*float64(a.Cols)*largest, nil
}

// decomposeGram computes the thin decomposition of a (m×n, m ≥ n) from Gram
// matrices; a level takes values of at least head times its largest. ok is false
// if the singular values decay too slowly towards zero for it, or if the first
// level leaves more than share of them, or another one half of what the one
// before it may; u, s and vt are then not set.
func decomposeGram(ctx context.Context, q device.Queue[float64], head, share float64, a, u, s, vt device.Matrix[float64]) (ok bool, err error) {
	defer q.Scope()()
	m, n := a.Rows, a.Cols
	none := device.Matrix[float64]{}
	// Everything is kept in rows: left vectors, right vectors, values.
	left, right := q.Alloc(n, m), q.Alloc(n, n)
	values := make([]float64, 0, n)
	norms := make([]float64, n)
	var rest device.Matrix[float64] // what is left of Aᵀ, in the basis open
	var open device.Matrix[float64] // right vectors that are not yet decided
	for level := 0; len(values) < n; level++ {
		if err := ctx.Err(); err != nil {
			return false, err
		}
		if level == gramLevels {
			return false, nil
		}
		done := len(values)
		t := n - done
		vectors, squares := q.Alloc(t, t), q.Alloc(1, t)
		if level == 0 {
			q.Syrk(device.Transp, 1, a, 0, vectors)
		} else {
			q.Syrk(device.NoTrans, 1, rest, 0, vectors)
		}
		q.Eigh(vectors, squares)
		λ := make([]float64, t)
		q.Download(device.Vector(λ), squares)
		if err := q.Sync(); err != nil {
			return false, err
		}
		// Eigenvalues ascend: the head is at the end.
		top := math.Sqrt(max(0, λ[t-1]))
		if level > 0 && top <= 2*device.Epsilon[float64]()*math.Sqrt(float64(n))*values[0] {
			// The rest is zero to working accuracy: any orthonormal
			// directions will do.
			h := left.RowRange(done, n)
			q.Random(device.Normal, 0, streamStart, h)
			if err := completeRows(q, left.RowRange(0, done), h); err != nil {
				return false, err
			}
			q.Copy(right.RowRange(done, n), open)
			for i := t - 1; i >= 0; i-- {
				values = append(values, math.Sqrt(max(0, λ[i])))
			}
			break
		}
		first := 0
		for math.Sqrt(max(0, λ[first])) < head*top {
			first++
		}
		if float64(first) > math.Ldexp(share, -level)*float64(n) {
			return false, nil
		}
		h := t - first
		kept := vectors.RowRange(first, t)
		l := left.RowRange(done, done+h)
		if level == 0 {
			q.Gemm(device.NoTrans, device.Transp, 1, kept, a, 0, l)
			q.Copy(right.RowRange(0, h), kept)
		} else {
			q.Gemm(device.NoTrans, device.NoTrans, 1, kept, rest, 0, l)
			q.Gemm(device.NoTrans, device.NoTrans, 1, kept, open, 0, right.RowRange(done, done+h))
		}
		if err := normalizeRows(q, l, norms[:h]); err != nil {
			return false, err
		}
		values = append(values, norms[:h]...)
		if head > roundedHead {
			small := 0 // values whose vectors are not orthogonal enough
			for norms[small] < accurate*norms[h-1] {
				small++
			}
			polish(q, l, small)
		}
		if first == 0 {
			break
		}
		tail := vectors.RowRange(0, first)
		next, lack := q.Alloc(first, n), q.Alloc(first, m)
		if level == 0 {
			q.Copy(next, tail)
		} else {
			q.Gemm(device.NoTrans, device.NoTrans, 1, tail, open, 0, next)
		}
		open = next
		// Anew from A, so that errors of the levels do not add up.
		q.Gemm(device.NoTrans, device.Transp, 1, open, a, 0, lack)
		c := q.Alloc(first, done+h)
		known := left.RowRange(0, done+h)
		q.Gemm(device.NoTrans, device.Transp, 1, lack, known, 0, c)
		q.Gemm(device.NoTrans, device.NoTrans, -1, c, known, 1, lack)
		rest = lack
	}

	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int {
		switch {
		case values[i] > values[j]:
			return -1
		case values[i] < values[j]:
			return 1
		}
		return 0
	})
	sorted := q.Alloc(n, m)
	host := make([]float64, n)
	for i, from := range order {
		host[i] = values[from]
		q.Copy(sorted.Row(i), left.Row(from))
		q.Copy(vt.Row(i), right.Row(from))
	}
	q.Upload(s, device.Vector(host))
	q.Add(1, device.Transp, sorted, 0, device.NoTrans, none, u)
	return true, q.Sync()
}

// accurate is the share of the largest value of a level from which the left
// vectors of a Gram matrix are orthogonal to each other as they are: what two
// of them lack is eps·σ₁²/(σᵢ·σⱼ).
const accurate = 1.0 / 3

// polish makes a Newton–Schulz step for the first rows of l, so many of them,
// which squares what they lack of orthogonality to each other and to the rest,
// which stays.
func polish(q device.Queue[float64], l device.Matrix[float64], rows int) {
	if rows == 0 {
		return
	}
	defer q.Scope()()
	x, e, clean := l.RowRange(0, rows), q.Alloc(rows, l.Rows), q.Alloc(rows, l.Cols)
	q.Copy(clean, x)
	q.Gemm(device.NoTrans, device.Transp, 1, x, l, 0, e)
	among := e.Slice(0, rows, 0, rows)
	q.Add(0.5, device.NoTrans, among, 0, device.NoTrans, device.Matrix[float64]{}, among)
	q.AddDiag(-0.5, among)
	q.Gemm(device.NoTrans, device.NoTrans, -1, e, l, 1, clean)
	q.Copy(x, clean)
}

// normalizeRows divides the rows of x by their norms, which it stores.
func normalizeRows[T device.Float](q device.Queue[T], x device.Matrix[T], norms []T) error {
	defer q.Scope()()
	d := q.Alloc(1, len(norms))
	q.Reduce(device.SumSquares, device.PerRow, x, d)
	q.Map(device.Sqrt, d, d)
	q.Download(device.Vector(norms), d)
	q.Map(device.Inv, d, d)
	q.ScaleBy(device.PerRow, d, x, x)
	return q.Sync()
}

// completeRows makes the rows of x orthonormal and orthogonal to those of
// known.
func completeRows[T device.Float](q device.Queue[T], known, x device.Matrix[T]) error {
	defer q.Scope()()
	columns, basis := q.Alloc(known.Cols, known.Rows), q.Alloc(x.Cols, x.Rows)
	block := q.Alloc(x.Cols, x.Rows)
	none := device.Matrix[T]{}
	q.Add(1, device.Transp, known, 0, device.NoTrans, none, columns)
	q.Add(1, device.Transp, x, 0, device.NoTrans, none, block)
	if err := orthogonalize(q, columns, block, basis, q.Alloc(known.Rows, x.Rows)); err != nil {
		return err
	}
	q.Add(1, device.Transp, basis, 0, device.NoTrans, none, x)
	return q.Sync()
}
