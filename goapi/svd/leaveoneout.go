package svd

import (
	"math"

	"github.com/ritz-go/ritz/goapi/device"
)

// LeaveOneOut estimates from the sketch Y = A·Ω alone, Ω n×l with independent
// standard normal entries and l ≤ m, the error ‖A - Q·Qᵀ·A‖_F that an
// orthonormal basis Q of l-1 such columns leaves: each column of Y is tested
// on what the others span (Epperly and Tropp, SIAM J. Sci. Comput. 2024). The
// square of the estimate is unbiased. It costs a QR factorization of Y, which
// is not changed, and needs no look at A.
func LeaveOneOut[T device.Float](q device.Queue[T], y device.Matrix[T]) (float64, error) {
	if err := device.CheckMatrix("sketch", y); err != nil {
		return 0, err
	}
	l := y.Cols
	if l < 1 || l > y.Rows {
		return 0, device.Argument("sketch", "is %d×%d, must have at least 1 column and no more than rows", y.Rows, l)
	}
	defer q.Scope()()
	scaled, e, err := scale(q, y)
	if err != nil {
		return 0, err
	}
	basis, r := q.Alloc(y.Rows, l), device.NewDense[T](l, l)
	rest := q.Alloc(l, l)
	q.Copy(basis, scaled)
	q.QR(basis, rest)
	q.Download(r, rest)
	if err := q.Sync(); err != nil {
		return 0, err
	}
	sum := 0.0
	for _, row := range inverseRows(r) {
		sum += 1 / (row * row) // 0 for a column that the others span
	}
	return math.Ldexp(math.Sqrt(sum/float64(l)), e), nil
}

// inverseRows returns the norms of the rows of R⁻¹ for an upper triangle;
// infinite for a singular one.
func inverseRows[T device.Float](r device.Dense[T]) []float64 {
	l := r.Rows
	x := device.NewDense[float64](l, l)
	norms := make([]float64, l)
	for i := l - 1; i >= 0; i-- {
		d := float64(r.At(i, i))
		if d == 0 {
			// The others span this column. Rows above go on without it.
			norms[i] = math.Inf(1)
			continue
		}
		row := x.Row(i)
		row[i] = 1 / d
		for c := i + 1; c < l; c++ {
			f := float64(r.At(i, c)) / d
			for j, v := range x.Row(c) {
				row[j] -= f * v
			}
		}
		norms[i] = norm2(row)
	}
	return norms
}
