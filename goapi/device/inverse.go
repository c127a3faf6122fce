package device

// Inverter is implemented by queues that invert by an LU factorization.
type Inverter[T Float] interface {
	TryInverse(a, b Matrix[T]) bool
}

// Inverse computes B = A⁻¹ for an n×n matrix, B not overlapping A: from an LU
// factorization with partial pivoting in 2·n³ operations, or from a QR
// factorization where a device has no other. The inverse of a singular A has
// infinities or NaNs.
func Inverse[T Float](q Queue[T], a, b Matrix[T]) {
	if f, ok := q.(Inverter[T]); ok && f.TryInverse(a, b) {
		return
	}
	defer q.Scope()()
	n := a.Rows
	basis, r := q.Alloc(n, n), q.Alloc(n, n)
	q.Copy(basis, a)
	q.QR(basis, r)
	q.Add(1, Transp, basis, 0, NoTrans, Matrix[T]{}, b)
	q.Trsm(Left, Upper, NoTrans, 1, r, b)
}

// CheckInverse checks the operands of Inverse.
func CheckInverse[T Float](a, b Matrix[T]) error {
	if err := CheckSquare("Inverse", a); err != nil {
		return err
	}
	return CheckSame("Inverse", a, b)
}

func (q *hostQueue[T]) TryInverse(a, b Matrix[T]) bool {
	return !q.begin(CheckInverse(a, b), a, b) || b.Len() == 0 || q.kernels.Inverse(view(a), view(b))
}

// Inverse leaves it to the factorization by reflections.
func (GoKernels[T]) Inverse(a, b Dense[T]) bool { return false }

var _ Inverter[float64] = (*hostQueue[float64])(nil)
