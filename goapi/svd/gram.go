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

// gramMean is the least geometric mean of the singular values, in units of
// σ₁, for which Gram matrices are taken: that of values spread evenly, by their
// logarithms, over a factor of 600, of which less than a half are left to the
// second level.
const gramMean = 0.04

// suitsGram tells whether the singular values of a do not decay too much for
// Gram matrices, in a tenth of the time of the decomposition at most. The
// product of the diagonal of the Cholesky factor of AᵀA is that of the singular
// values, and a few steps of the power method bound σ₁ from below.
func suitsGram(q device.Queue[float64], a device.Matrix[float64]) (bool, error) {
	defer q.Scope()()
	n := a.Cols
	l, x, y := q.Alloc(n, n), q.Alloc(n, 1), q.Alloc(n, 1)
	q.Syrk(device.Transp, 1, a, 0, l)
	q.Random(device.Normal, 0, streamStart, x)
	before, square := 0.0, 0.0
	for range 4 {
		q.Gemm(device.NoTrans, device.NoTrans, 1, l, x, 0, y)
		norms, host := q.Alloc(1, 2), make([]float64, 2)
		q.Reduce(device.SumSquares, device.Whole, x, norms.Slice(0, 1, 0, 1))
		q.Reduce(device.SumSquares, device.Whole, y, norms.Slice(0, 1, 1, 2))
		q.Download(device.Vector(host), norms)
		if err := q.Sync(); err != nil {
			return false, err
		}
		if before, square = host[0], host[1]; !(before > 0 && square > 0) {
			return false, nil
		}
		q.Add(1/math.Sqrt(square), device.NoTrans, y, 0, device.NoTrans, device.Matrix[float64]{}, x)
	}
	largest := math.Sqrt(math.Sqrt(square / before))
	if ok, err := factorPositive(q, l); !ok {
		return false, err
	}
	d, err := diagonal(q, l)
	if err != nil {
		return false, err
	}
	sum := 0.0
	for _, v := range d {
		sum += math.Log(v / largest)
	}
	return sum >= float64(n)*math.Log(gramMean), nil
}

// decomposeGram computes the thin decomposition of a (m×n, m ≥ n) from Gram
// matrices; a level takes values of at least head times its largest. ok is
// false if the singular values decay too slowly towards zero
// for it; u, s and vt are then not set.
func decomposeGram(ctx context.Context, q device.Queue[float64], head float64, a, u, s, vt device.Matrix[float64]) (ok bool, err error) {
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
			polish(q, l)
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

// polish makes a Newton–Schulz step, which squares the loss of orthogonality
// of the rows of l. It is eps/gramHead² after a Gram matrix.
func polish(q device.Queue[float64], l device.Matrix[float64]) {
	defer q.Scope()()
	e, clean := q.Alloc(l.Rows, l.Rows), q.Alloc(l.Rows, l.Cols)
	q.Syrk(device.NoTrans, -0.5, l, 0, e)
	q.AddDiag(1.5, e)
	q.Gemm(device.NoTrans, device.NoTrans, 1, e, l, 0, clean)
	q.Copy(l, clean)
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
