package device

// Derivatives along k directions at once, on their way through the elementwise
// parts of a network. They lie side by side: the derivative of an r×a matrix is
// r×(k·a), direction j in columns [j·a,(j+1)·a). Composed of basic operations
// these parts pass over such matrices, which are larger than the caches, up to
// eight times for each layer.

// TangentForwarder is implemented by queues with a one-pass TangentForward.
type TangentForwarder[T Float] interface {
	TryTangentForward(bias, s, u, y Matrix[T]) bool
}

// TangentForward computes, for s r×a and u and y r×(k·a),
//
//	u[i,j·a+t] ← u[i,j·a+t] + bias[j·a+t],  y[i,j·a+t] = s[i,t]·u[i,j·a+t]
//
// the derivatives of outputs φ(z) from those of z, up to the bias's own, where
// s = φ'(z). The zero Matrix for bias means none. u and y must not overlap.
func TangentForward[T Float](q Queue[T], bias, s, u, y Matrix[T]) {
	if f, ok := q.(TangentForwarder[T]); ok && f.TryTangentForward(bias, s, u, y) {
		return
	}
	if !bias.IsZero() {
		q.AddBy(PerCol, 1, bias, u, u)
	}
	for j := range panels(s, u) {
		q.Mul(s, panel(u, j, s.Cols), panel(y, j, s.Cols))
	}
}

// TangentBackwarder is implemented by queues with a one-pass TangentBackward.
type TangentBackwarder[T Float] interface {
	TryTangentBackward(s, c, u, e, sums Matrix[T]) bool
}

// TangentBackward computes, for s and c r×a and u and e r×(k·a),
//
//	e[i,j·a+t] ← s[i,t]·e[i,j·a+t] + c[i,t]·u[i,j·a+t]
//
// and adds the sums of the columns of the new e to the vector sums (k·a): the
// derivatives of the gradients of a layer's z and bias, from those of its
// outputs. Zero Matrices for c and u mean no second term, one for sums that they
// are not wanted. u may be overwritten. e must not overlap another matrix.
func TangentBackward[T Float](q Queue[T], s, c, u, e, sums Matrix[T]) {
	if f, ok := q.(TangentBackwarder[T]); ok && f.TryTangentBackward(s, c, u, e, sums) {
		return
	}
	defer q.Scope()()
	for j := range panels(s, e) {
		ej := panel(e, j, s.Cols)
		q.Mul(s, ej, ej)
		if !c.IsZero() {
			uj := panel(u, j, s.Cols)
			q.Mul(c, uj, uj)
			q.Add(1, NoTrans, ej, 1, NoTrans, uj, ej)
		}
	}
	if !sums.IsZero() {
		added := q.Alloc(sums.Rows, sums.Cols)
		q.Reduce(Sum, PerCol, e, added)
		q.Add(1, NoTrans, added, 1, NoTrans, sums, sums)
	}
}

// SoftmaxTangenter is implemented by queues with a one-pass SoftmaxTangent.
type SoftmaxTangenter[T Float] interface {
	TrySoftmaxTangent(p, u Matrix[T]) bool
}

// SoftmaxTangent computes, for p r×a and u r×(k·a),
//
//	u[i,j·a+t] ← p[i,t]·(u[i,j·a+t] - Σₛ p[i,s]·u[i,j·a+s])
//
// the derivatives of the softmax p of a matrix from those of the matrix. p and u
// must not overlap.
func SoftmaxTangent[T Float](q Queue[T], p, u Matrix[T]) {
	if f, ok := q.(SoftmaxTangenter[T]); ok && f.TrySoftmaxTangent(p, u) {
		return
	}
	defer q.Scope()()
	mean := q.Alloc(1, u.Rows)
	for j := range panels(p, u) {
		uj := panel(u, j, p.Cols)
		q.Dot(PerRow, p, uj, mean)
		q.AddBy(PerRow, -1, mean, uj, uj)
		q.Mul(p, uj, uj)
	}
}

// panels returns how many directions u has for a matrix like a, at least one so
// that wrong shapes come to the queue's notice.
func panels[T Float](a, u Matrix[T]) int { return max(1, u.Cols/max(1, a.Cols)) }

// panel returns direction j of u, which is a columns wide.
func panel[T Float](u Matrix[T], j, a int) Matrix[T] {
	return u.Slice(0, u.Rows, j*a, (j+1)*a)
}

// tangentRows is the number of rows whose sums TangentBackward adds in T before
// it goes on in float64. It does not depend on the threads.
const tangentRows = 64

// TangentBlock returns the rows [lo,hi), of so many, that block b of the sums of
// HostKernels.TangentBackward covers.
func TangentBlock(b, rows int) (lo, hi int) {
	return b * tangentRows, min((b+1)*tangentRows, rows)
}

// addBlocks adds the columns of partial to sums.
func addBlocks[T Float](partial Dense[T], sums []T) {
	parallelRows(partial.Cols, partial.Rows, func(_, lo, hi int) {
		for j := lo; j < hi; j++ {
			s := 0.0
			for i := range partial.Rows {
				s += float64(partial.Data[i*partial.Stride+j])
			}
			sums[j] += T(s)
		}
	})
}

// softmaxTangent is the loop of TrySoftmaxTangent.
func softmaxTangent[T Float](p, u Dense[T]) {
	parallelRows(u.Rows, 4*u.Cols, func(_, lo, hi int) { // four operations for each element
		for i := lo; i < hi; i++ {
			x, row := p.Row(i), u.Row(i)
			for ; len(row) >= len(x); row = row[len(x):] {
				y := row[:len(x)]
				mean := T(dotSlices(x, y))
				for t, v := range x {
					y[t] = v * (y[t] - mean)
				}
			}
		}
	})
}
