package device

// SymApplier is implemented by queues with a product by a symmetric matrix
// that several queues of one device can run at once.
type SymApplier[T Float] interface {
	TrySymApply(s Side, p, x, y Matrix[T]) bool
}

// SymApply computes Y = P·X (Left) or X·P (Right) for symmetric P. Both
// triangles of P must be there.
func SymApply[T Float](q Queue[T], s Side, p, x, y Matrix[T]) {
	if f, ok := q.(SymApplier[T]); ok && f.TrySymApply(s, p, x, y) {
		return
	}
	if s == Left {
		q.Gemm(NoTrans, NoTrans, 1, p, x, 0, y)
	} else {
		q.Gemm(NoTrans, NoTrans, 1, x, p, 0, y)
	}
}

// CheckSymApply checks the operands of SymApply.
func CheckSymApply[T Float](s Side, p, x, y Matrix[T]) error {
	if err := CheckSquare("SymApply", p); err != nil {
		return err
	}
	if err := CheckSame("SymApply", x, y); err != nil {
		return err
	}
	if n := x.Cols; s == Left && x.Rows != p.Rows || s == Right && n != p.Rows {
		return shapeError("SymApply", "P is %d×%d, X is %d×%d", p.Rows, p.Cols, x.Rows, n)
	}
	return nil
}

func (q *hostQueue[T]) TrySymApply(s Side, p, x, y Matrix[T]) bool {
	if !q.begin(CheckSymApply(s, p, x, y), p, x, y) || y.Len() == 0 {
		return true
	}
	return q.kernels.SymApply(s == Left, view(p), view(x), view(y))
}

// SymApply leaves the product to Gemm.
func (GoKernels[T]) SymApply(bool, Dense[T], Dense[T], Dense[T]) bool { return false }

var _ SymApplier[float32] = (*hostQueue[float32])(nil)
