package polar

import (
	"cmp"
	"context"
	"math"
	"slices"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/svd"
)

// Decomposition is what [Decompose] reports as its method.
const Decomposition svd.Method = "polar"

// Decompose computes a singular value decomposition from the polar
// decomposition (Higham and Papadimitriou, Parallel Comput. 1994): A = Q·H by
// the Polar Express, H = V·S·Vᵀ by an eigendecomposition, U = Q·V. Almost all
// of it is matrix products, which suits GPUs and many cores; on a few cores
// the methods of package svd are faster.
//
// Options, result, errors and certificate are those of svd.Compute; o.Method
// and o.Tol must be zero. Where the iteration does not converge, as for
// rank-deficient matrices, which have no unique polar factor, the next methods
// of svd.Compute take over, and Result.Failed says so.
func Decompose[T device.Float](ctx context.Context, dev device.Device, a device.Dense[T], o svd.Options) (*svd.Result[T], error) {
	return svd.ComputeBy(ctx, dev, a, o, Decomposition, decompose[T])
}

// decompose is the svd.Way of Decompose.
func decompose[T device.Float](ctx context.Context, q device.Queue[T], a, u, s, vt device.Matrix[T]) error {
	defer q.Scope()()
	n := a.Cols
	factor, h, w := q.Alloc(a.Rows, n), q.Alloc(n, n), q.Alloc(1, n)
	if _, err := Orthogonalize(ctx, q, a, factor, Options{Method: Express}); err != nil {
		return err
	}
	symmetricFactor(q, a, factor, h)
	q.Eigh(h, w)
	values := make([]T, n)
	q.Download(device.Vector(values), w)
	if err := q.Sync(); err != nil {
		return err
	}
	// Rounding can leave eigenvalues near zero negative; the sign goes to U.
	order, signs := make([]int, n), make([]T, n)
	for i, λ := range values {
		order[i], signs[i] = i, 1
		if λ < 0 {
			values[i], signs[i] = -λ, -1
		}
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(values[j], values[i]) })
	sorted, sortedSigns := make([]T, n), make([]T, n)
	for r, i := range order {
		sorted[r], sortedSigns[r] = values[i], signs[i]
		if !vt.IsZero() {
			q.Copy(vt.Row(r), h.Row(i))
		}
	}
	if first := float64(sorted[0]); math.IsNaN(first) {
		return &device.NotConvergedError{Method: "the polar decomposition", Achieved: first}
	}
	q.Upload(s, device.Vector(sorted))
	if !u.IsZero() {
		q.Gemm(device.NoTrans, device.Transp, 1, factor, vt, 0, u)
		q.Upload(w, device.Vector(sortedSigns))
		q.ScaleBy(device.PerCol, w, u, u)
	}
	return q.Sync()
}
