package device

// Fused operations. Each is an interface that a queue may implement and a
// function that uses it and otherwise composes the same result from the basic
// operations. A method that returns false has done nothing: the shape does
// not suit its kernel.

// SoftMinner is implemented by queues with a one-pass SoftMin.
type SoftMinner[T Float] interface {
	TrySoftMin(x Axis, ε T, c, g, out Matrix[T]) bool
}

// SoftMin computes, for x = PerRow with g of C.Cols elements,
//
//	out[i] = -ε·log Σⱼ exp((g[j] - C[i,j])/ε)
//
// and for x = PerCol, with g of C.Rows elements, the same over the rows i for
// each column j. It is the log-domain half step of Sinkhorn's iteration. An
// element -Inf of g drops its term; a sum without terms gives +Inf. ε = 0
// stands for the limit, the minimum of C[i,j] - g[j].
func SoftMin[T Float](q Queue[T], x Axis, ε T, c, g, out Matrix[T]) {
	if f, ok := q.(SoftMinner[T]); ok && f.TrySoftMin(x, ε, c, g, out) {
		return
	}
	defer q.Scope()()
	other := PerCol
	if x == PerCol {
		other = PerRow
	}
	e := q.Alloc(c.Rows, c.Cols)
	if ε == 0 {
		q.AddBy(other, -1, g, c, e)
		q.Reduce(Min, x, e, out)
		return
	}
	shift := q.Alloc(1, out.Len())
	sum := q.Alloc(1, out.Len())
	q.Add(-1, NoTrans, c, 0, NoTrans, Matrix[T]{}, e)
	q.AddBy(other, 1, g, e, e)
	q.Reduce(Max, x, e, shift)
	q.Map(InfToZero, shift, shift) // -Inf - (-Inf) would be NaN
	q.AddBy(x, -1, shift, e, e)
	q.Add(1/ε, NoTrans, e, 0, NoTrans, Matrix[T]{}, e)
	q.Map(Exp, e, e)
	q.Reduce(Sum, x, e, sum)
	q.Map(Log, sum, sum)
	q.Add(-ε, NoTrans, sum, -1, NoTrans, shift, sum)
	q.Copy(out, sum)
}

// GibbsKernels is implemented by queues with a one-pass Gibbs kernel.
type GibbsKernels[T Float] interface {
	TryGibbs(ε T, f, g, c, out Matrix[T]) bool
}

// Gibbs computes out[i,j] = exp((f[i] + g[j] - C[i,j])/ε). out may be C.
func Gibbs[T Float](q Queue[T], ε T, f, g, c, out Matrix[T]) {
	if k, ok := q.(GibbsKernels[T]); ok && k.TryGibbs(ε, f, g, c, out) {
		return
	}
	q.Add(-1, NoTrans, c, 0, NoTrans, Matrix[T]{}, out)
	q.AddBy(PerRow, 1, f, out, out)
	q.AddBy(PerCol, 1, g, out, out)
	q.Add(1/ε, NoTrans, out, 0, NoTrans, Matrix[T]{}, out)
	q.Map(Exp, out, out)
}

// Scaler is implemented by queues that read K once for ScalingStep.
type Scaler[T Float] interface {
	TryScalingStep(k, a, v, u, s Matrix[T]) bool
}

// ScalingStep computes u = a/(K·v) with 0/0 = 0, then s = Kᵀ·u: one row
// update and the sums of the column update of Sinkhorn's scaling iteration.
// a and u have K.Rows elements, v and s have K.Cols. s must not be v.
func ScalingStep[T Float](q Queue[T], k, a, v, u, s Matrix[T]) {
	if f, ok := q.(Scaler[T]); ok && f.TryScalingStep(k, a, v, u, s) {
		return
	}
	defer q.Scope()()
	vc, uc, ac := q.Alloc(k.Cols, 1), q.Alloc(k.Rows, 1), q.Alloc(k.Rows, 1)
	q.Copy(vc, v)
	q.Copy(ac, a)
	q.Gemm(NoTrans, NoTrans, 1, k, vc, 0, uc)
	q.Div(ac, uc, uc)
	q.Copy(u, uc)
	q.Gemm(Transp, NoTrans, 1, k, uc, 0, vc)
	q.Copy(s, vc)
}

// PairCoster is implemented by queues with a direct PairwiseCost.
type PairCoster[T Float] interface {
	TryPairwiseCost(p int, x, y, out Matrix[T]) bool
}

// PairwiseCost computes out[i,j] = ‖xᵢ - yⱼ‖₂^p for the rows of x (n×d) and
// y (m×d), p = 1 or 2.
func PairwiseCost[T Float](q Queue[T], p int, x, y, out Matrix[T]) {
	if f, ok := q.(PairCoster[T]); ok && f.TryPairwiseCost(p, x, y, out) {
		return
	}
	defer q.Scope()()
	// Differences, one coordinate at a time: the expansion
	// |x|²+|y|²-2⟨x,y⟩ would lose small distances to cancellation.
	diff := q.Alloc(out.Rows, out.Cols)
	q.Fill(0, out)
	for k := range x.Cols {
		q.Fill(0, diff)
		q.AddBy(PerRow, 1, x.Slice(0, x.Rows, k, k+1), diff, diff)
		q.AddBy(PerCol, -1, y.Slice(0, y.Rows, k, k+1), diff, diff)
		q.Map(Square, diff, diff)
		q.Add(1, NoTrans, out, 1, NoTrans, diff, out)
	}
	if p == 1 {
		q.Map(Sqrt, out, out)
	}
}

// SymMuler is implemented by queues that read only half of a symmetric matrix
// for a product.
type SymMuler[T Float] interface {
	TrySymMul(a, x, y Matrix[T]) bool
}

// SymMul computes Y = X·A for symmetric A: A applied to each row of X. Both
// triangles of A must be there, for devices without a kernel.
func SymMul[T Float](q Queue[T], a, x, y Matrix[T]) {
	if f, ok := q.(SymMuler[T]); ok && f.TrySymMul(a, x, y) {
		return
	}
	q.Gemm(NoTrans, NoTrans, 1, x, a, 0, y)
}

// SymProducter is implemented by queues that compute only half of a product
// that is known to be symmetric.
type SymProducter[T Float] interface {
	TrySymProduct(a, b, c Matrix[T]) bool
}

// SymProduct computes C = A·B for symmetric A and B that commute, as the
// polynomials of one matrix do, so that C is symmetric. Both triangles of A
// and B must be there and both of C are written.
func SymProduct[T Float](q Queue[T], a, b, c Matrix[T]) {
	if f, ok := q.(SymProducter[T]); ok && f.TrySymProduct(a, b, c) {
		return
	}
	q.Gemm(NoTrans, NoTrans, 1, a, b, 0, c)
}

// PointSoftMinner is implemented by queues with a SoftMinPoints that stores
// no costs.
type PointSoftMinner[T Float] interface {
	TrySoftMinPoints(p int, ε T, x, y, g, out Matrix[T]) bool
}

// costTile is the number of costs that SoftMinPoints stores at a time where
// there is no kernel for it.
const costTile = 1 << 18

// SoftMinPoints computes, for the rows of x (n×d) and y (m×d) and p = 1 or 2,
//
//	out[i] = -ε·log Σⱼ exp((g[j] - ‖xᵢ-yⱼ‖₂^p)/ε)
//
// which is SoftMin along the rows of PairwiseCost, without the n×m costs. An
// element -Inf of g drops its term; a sum without terms gives +Inf. ε > 0.
// out must not overlap an input. Where there is no kernel for it, the costs
// are computed in tiles of rows: 1 MiB of float32 or 2 MiB of float64, or one
// row of costs if that is more.
func SoftMinPoints[T Float](q Queue[T], p int, ε T, x, y, g, out Matrix[T]) {
	if f, ok := q.(PointSoftMinner[T]); ok && f.TrySoftMinPoints(p, ε, x, y, g, out) {
		return
	}
	defer q.Scope()()
	rows := min(x.Rows, max(1, costTile/max(1, y.Rows)))
	tile := q.Alloc(rows, y.Rows)
	φ := q.Alloc(1, x.Rows)
	for lo := 0; lo < x.Rows; lo += rows {
		hi := min(lo+rows, x.Rows)
		c := tile.RowRange(0, hi-lo)
		PairwiseCost(q, p, x.RowRange(lo, hi), y, c)
		SoftMin(q, PerRow, ε, c, g, φ.Slice(0, 1, lo, hi))
	}
	q.Copy(out, φ)
}

// BatchSVDer is implemented by queues that decompose many small matrices at
// once. Package svd takes the matrices one by one elsewhere.
type BatchSVDer[T Float] interface {
	// TrySVDBatch decomposes the matrices A (m×n) that are the rows of a
	// (count×(m·n)): A = U·diag(S)·Vᵀ, the rows of u (count×(m·k)), s
	// (count×k, descending) and vt (count×(k·n)), k = min(m,n). The entry of
	// largest magnitude in each row of Vᵀ is positive. Zero matrices for u
	// and vt leave the vectors out.
	//
	// The rows of checks (count×4) get ‖A - U·diag(S)·Vᵀ‖/‖A‖, ‖UᵀU - I‖,
	// ‖VᵀV - I‖ (Frobenius norms, NaN without vectors) and 0, or
	// BatchNotFinite or BatchNotConverged, which are no failures of the
	// queue. What is not finite has NaN as its results and does not touch
	// the others.
	TrySVDBatch(m, n int, a, u, s, vt, checks Matrix[T]) bool
}

// Statuses of a matrix in TrySVDBatch and TryEighBatch.
const (
	BatchDone         = 0
	BatchNotFinite    = 1
	BatchNotConverged = 2
	BatchNotSymmetric = 3 // TryEighBatch alone
)
