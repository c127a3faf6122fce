package svd

import (
	"cmp"
	"context"
	"errors"
	"math"
	"slices"

	"github.com/ritz-go/ritz/goapi/device"
)

// The projection of A on a Krylov space has as many columns as the space has
// dimensions, several times what is wanted of it. Its decomposition takes
// 8/3·l³ operations and more one after the other, which on a GPU is longer than
// all products with A. So only an eigenproblem of that size is left, half as
// much work, and the rest is products with as many columns as are wanted: the
// eigenvectors of the Gram matrix of the projection are its right singular
// vectors, their images its left ones times the values. Images that lack
// eps·σ₁/σᵢ of orthogonality are given it by a Cholesky factor, in the order of
// their sizes: each image is freed from what it has of larger ones, which moves
// it by eps·σ₁. Right vectors mix with what is not wanted by eps·σ₁²/σᵢ, eps
// being that of float64 for both types. Where the smallest wanted value is below
// this share of the largest, the projection is decomposed in full.
const (
	ritzShare       = 1e-3
	ritzShareSingle = 1e-5 // for which eps of float32 may not be too large either
)

// rayleighRitz returns the o.Rank largest singular values of B projected on a
// basis Q, with their vectors and certificate, from Q and its image BᵀQ, B
// being as for krylov: BᵀQ = Y·S·Wᵀ gives B ≈ (QW)·S·Yᵀ. square is ‖A‖_F². The
// factors live in the open scope of q.
func rayleighRitz[T device.Float](ctx context.Context, q device.Queue[T], a, basis, image device.Matrix[T], square float64, o Options) (*Factors[T], error) {
	t := newFactors(q, a, o.Rank, Both)
	t.Method = Randomized
	defer q.Scope()()
	l, long := basis.Cols, image.Rows
	y, wt := device.Room(q, long, o.Rank), device.Room(q, o.Rank, l)
	ok, err := leading(q, image, y, t.S, wt)
	if err == nil && !ok {
		k := min(l, long)
		s := q.Alloc(1, k)
		y, wt = device.Room(q, long, k), device.Room(q, k, l)
		err = decompose(ctx, q, image, y, s, wt)
		q.Copy(t.S, s.Slice(0, 1, 0, o.Rank))
	}
	if err := errors.Join(err, ctx.Err()); err != nil {
		return nil, err
	}
	t.assemble(q, basis, y, wt, acrossShort(a))
	return t, certifyTruncated(q, a, t, acrossShort(a), square, o.Seed)
}

// leading computes the largest singular values of x (m×l) and their vectors, as
// many as y (m×k), s and wt (k×l) hold. ok is false if they decay too much.
func leading[T device.Float](q device.Queue[T], x, y, s, wt device.Matrix[T]) (ok bool, err error) {
	l, k := x.Cols, s.Cols
	if k > min(x.Rows, l) {
		return false, nil
	}
	defer q.Scope()()
	vectors, err := gramVectors(q, x)
	if err != nil {
		return false, err
	}
	vectors = vectors.RowRange(l-k, l) // eigenvalues ascend
	images := device.Room(q, x.Rows, k)
	q.Gemm(device.NoTrans, device.Transp, 1, x, vectors, 0, images)
	t := newTally(q, k)
	squares := t.numbers(k, func(out device.Matrix[T]) { q.Reduce(device.SumSquares, device.PerCol, images, out) })
	if err := t.fetch(); err != nil {
		return false, err
	}
	share := ritzShare
	if device.Epsilon[T]() > 1e-10 {
		share = ritzShareSingle
	}
	least, most := float64(slices.Min(squares)), float64(slices.Max(squares))
	if !(least > share*share*most) || most-most != 0 {
		return false, nil
	}
	// Values of the images' norms are as good as those of a decomposition, but
	// neighbours can have changed places.
	order := make([]int, k)
	for i := range order {
		order[i] = k - 1 - i
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(squares[j], squares[i]) })
	sort, scaled, values := device.NewDense[T](k, k), device.NewDense[T](k, k), make([]T, k)
	for i, from := range order {
		norm := math.Sqrt(float64(squares[from]))
		values[i] = T(norm)
		sort.Set(i, from, 1)
		scaled.Set(from, i, T(1/norm))
	}
	permutation := device.Lend(q, sort)
	q.Upload(s, device.Vector(values))
	q.Gemm(device.NoTrans, device.NoTrans, 1, permutation, vectors, 0, wt)
	gram := device.Room(q, k, k)
	q.Gemm(device.NoTrans, device.NoTrans, 1, images, device.Lend(q, scaled), 0, y)
	q.Syrk(device.Transp, 1, y, 0, gram)
	q.Cholesky(gram)
	q.Trsm(device.Right, device.Lower, device.Transp, 1, gram, y)
	return true, nil
}

// gramVectors returns the eigenvectors of XᵀX, computed in float64, as rows in
// the ascending order of their eigenvalues.
func gramVectors[T device.Float](q device.Queue[T], x device.Matrix[T]) (device.Matrix[T], error) {
	l := x.Cols
	if d, ok := any(q).(device.Queue[float64]); ok {
		gram := device.Room(d, l, l)
		d.Syrk(device.Transp, 1, any(x).(device.Matrix[float64]), 0, gram)
		d.Eigh(gram, device.Room(d, 1, l))
		return any(gram).(device.Matrix[T]), nil
	}
	w := q.Device().F64()
	defer w.Close()
	vectors, gram := device.Room(q, l, l), device.Room(w, l, l)
	if err := gramInDouble(q, x, w, gram); err != nil {
		return vectors, err
	}
	w.Eigh(gram, device.Room(w, 1, l))
	return vectors, device.Recast(w, gram, q, vectors)
}

// gramInDouble computes XᵀX on a queue of float64 of the same device.
func gramInDouble[T device.Float](q device.Queue[T], x device.Matrix[T], w device.Queue[float64], gram device.Matrix[float64]) error {
	defer w.Scope()()
	const elements = 1 << 22 // that are in memory in both types
	rows := min(x.Rows, max(1, elements/x.Cols))
	wide := device.Room(w, rows, x.Cols)
	β := 0.0
	for lo := 0; lo < x.Rows; lo += rows {
		hi := min(lo+rows, x.Rows)
		part := wide.RowRange(0, hi-lo)
		if err := device.Recast(q, x.RowRange(lo, hi), w, part); err != nil {
			return err
		}
		w.Syrk(device.Transp, 1, part, β, gram)
		β = 1
	}
	return w.Sync()
}
