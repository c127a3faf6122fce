package spectrum

import (
	"context"
	"math"

	"gonum.org/v1/gonum/mat"

	"github.com/ritz-go/ritz/goapi/device"
)

// scaled is 2^e·A.
type scaled[T device.Float] struct {
	Operator[T]
	e int
}

func (s scaled[T]) Apply(ctx context.Context, q device.Queue[T], dst, src device.Matrix[T]) error {
	if err := s.Operator.Apply(ctx, q, dst, src); err != nil {
		return err
	}
	multiply(q, dst, s.e)
	return nil
}

// sized returns op/2^e. A matrix has its e so that squares of its numbers, and
// of what comes of them, are in the range of T; for others, whose products are
// not known, it is 0.
func sized[T device.Float](op Operator[T]) (Operator[T], int) {
	if d, ok := op.(dense[T]); ok {
		return dense[T]{a: d.a}, d.e
	}
	return op, 0
}

// unscale multiplies numbers by 2^e.
func unscale(e int, numbers ...[]float64) {
	if e == 0 {
		return
	}
	for _, x := range numbers {
		for i := range x {
			x[i] = math.Ldexp(x[i], e)
		}
	}
}

// multiply computes a = 2^e·a, in two steps: 2^e itself may be out of range.
func multiply[T device.Float](q device.Queue[T], a device.Matrix[T], e int) {
	for _, part := range []int{e / 2, e - e/2} {
		q.Add(T(math.Ldexp(1, part)), device.NoTrans, a, 0, device.NoTrans, device.Matrix[T]{}, a)
	}
}

// exponent returns e such that numbers of size largest become of size 1 by
// 2^-e, or 0 if the squares of such numbers, and of their rounding errors, are
// in the range of T as they are.
func exponent[T device.Float](largest float64) int {
	safe := 0x1p300
	if device.Epsilon[T]() > 1e-10 {
		safe = 0x1p30
	}
	if largest == 0 || largest <= safe && largest >= 1/safe {
		return 0
	}
	_, e := math.Frexp(largest)
	return e
}

// unscale gives the pairs of 2^-e·H the size of those of H.
func (r *Eigen[T]) unscale(e int) error {
	for i := range r.Values {
		r.Values[i] = math.Ldexp(r.Values[i], e)
		r.Residuals[i] = math.Ldexp(r.Residuals[i], e)
		if e < 0 { // a denormal value was rounded once more
			r.Residuals[i] += math.SmallestNonzeroFloat64
		}
		if v := r.Values[i]; v-v != 0 {
			return &device.NotFiniteError{Name: "an eigenvalue", Value: v}
		}
	}
	return nil
}

// dropped reports whether no more than limit was left of a row when l was
// made, see orthonormalizeRows.
func dropped(l *mat.Dense, limit float64) bool {
	rows, _ := l.Dims()
	for i := range rows {
		if l.At(i, i) <= limit {
			return true
		}
	}
	return false
}

// settled reports whether the wanted values have been the same in this call and
// the three before it. All residuals vanish in an invariant space, even if
// eigenvalues at the wanted end are missing from it; only the directions that
// come next, made of nothing but rounding errors or random numbers, can find
// them, and the first of them may hold little of what is missing.
func (s *space[T]) settled(values []float64) bool {
	same, largest := s.wanted != nil, 0.0
	for _, v := range values {
		largest = max(largest, math.Abs(v))
	}
	now := make([]float64, s.o.K)
	for k, i := range s.order(values)[:s.o.K] {
		now[k] = values[i]
		same = same && math.Abs(now[k]-s.wanted[k]) <= s.o.Tol*largest
	}
	s.wanted = now
	if s.calm++; !same {
		s.calm = 0
	}
	return s.calm >= 3
}
