package device

// Transport kernels of float32 beside numbers of another type. A kernel in
// float32 is read in half the time of one in float64; what it lacks in
// precision an algorithm can make up for, see package sinkhorn.

// NarrowScaler is implemented by queues that iterate on such kernels. There is
// no composition for others: Gibbs and ScalingStep do the same with more bytes.
type NarrowScaler[T Float] interface {
	// TryNarrowGibbs is Gibbs with a result rounded to float32. out is of a
	// queue of the same device.
	TryNarrowGibbs(ε T, f, g, c Matrix[T], out Matrix[float32]) bool
	// TryNarrowScalingStep is ScalingStep with products and sums in T.
	TryNarrowScalingStep(k Matrix[float32], a, v, u, s Matrix[T]) bool
}

// CheckNarrowGibbs checks the operands of TryNarrowGibbs.
func CheckNarrowGibbs[T Float](f, g, c Matrix[T], out Matrix[float32]) error {
	if err := CheckGibbs(f, g, c, c); err != nil {
		return err
	}
	if out.Rows != c.Rows || out.Cols != c.Cols {
		return shapeError("NarrowGibbs", "%d×%d costs for a %d×%d kernel", c.Rows, c.Cols, out.Rows, out.Cols)
	}
	return CheckMatrix("NarrowGibbs", out)
}

// CheckNarrowScalingStep checks the operands of TryNarrowScalingStep.
func CheckNarrowScalingStep[T Float](k Matrix[float32], a, v, u, s Matrix[T]) error {
	if err := CheckMatrix("NarrowScalingStep", k); err != nil {
		return err
	}
	for _, w := range []Matrix[T]{a, u} {
		if err := CheckVector("NarrowScalingStep", w, k.Rows); err != nil {
			return err
		}
	}
	for _, w := range []Matrix[T]{v, s} {
		if err := CheckVector("NarrowScalingStep", w, k.Cols); err != nil {
			return err
		}
	}
	return nil
}

// beginNarrow is begin for an operation on k, of another queue, too.
func (q *hostQueue[T]) beginNarrow(check error, k Matrix[float32], ms ...Matrix[T]) bool {
	if _, ok := k.Buf.(*hostBuffer[float32]); !ok && k.Buf != nil && check == nil {
		check = errForeign
	}
	return q.begin(check, ms...)
}

func (q *hostQueue[T]) TryNarrowGibbs(ε T, f, g, c Matrix[T], out Matrix[float32]) bool {
	if !q.beginNarrow(CheckNarrowGibbs(f, g, c, out), out, f, g, c) || c.Len() == 0 {
		return true
	}
	v, ok := vectors(f, g)
	return ok && q.kernels.NarrowGibbs(ε, v[0], v[1], view(c), view(out))
}

func (q *hostQueue[T]) TryNarrowScalingStep(k Matrix[float32], a, v, u, s Matrix[T]) bool {
	if !q.beginNarrow(CheckNarrowScalingStep(k, a, v, u, s), k, a, v, u, s) || k.Len() == 0 {
		return q.failure != nil
	}
	x, ok := vectors(a, v, u, s)
	return ok && q.kernels.NarrowScalingStep(view(k), x[0], x[1], x[2], x[3])
}

func (GoKernels[T]) NarrowGibbs(T, []T, []T, Dense[T], Dense[float32]) bool    { return false }
func (GoKernels[T]) NarrowScalingStep(Dense[float32], []T, []T, []T, []T) bool { return false }

var _ NarrowScaler[float64] = (*hostQueue[float64])(nil)
