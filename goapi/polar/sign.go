package polar

import (
	"context"

	"github.com/ritz-go/ritz/goapi/device"
)

// Sign returns the matrix sign function of the symmetric n×n matrix a:
// V·sign(Λ)·Vᵀ for a = V·Λ·Vᵀ, which is the polar factor of a. Only the lower
// triangle of a is read. The result is symmetric to the last bit; Info and
// errors are those of Compute, and the certificate's bounds hold for the
// result. A singular matrix has no sign; what becomes of the zero eigenvalues
// is not determined, and the error bound is 1 or more.
func Sign[T device.Float](ctx context.Context, dev device.Device, a device.Dense[T], o Options) (*Result[T], error) {
	if o.H {
		return nil, device.Argument("H", "is no part of the matrix sign function")
	}
	if o.Method == Turbo {
		return nil, device.Argument("method", "is turbo, which changes the answer")
	}
	if err := device.CheckInput("matrix", a); err != nil {
		return nil, err
	}
	if a.Rows != a.Cols {
		return nil, device.Argument("matrix", "is %d×%d, must be square", a.Rows, a.Cols)
	}
	s := symmetric(a)
	r, err := Compute(ctx, dev, s, o)
	if r == nil {
		return nil, err
	}
	for i := range a.Rows { // the mean with the transpose is no farther from the sign
		for j := range i {
			v := r.Q.At(i, j)/2 + r.Q.At(j, i)/2
			r.Q.Set(i, j, v)
			r.Q.Set(j, i, v)
		}
	}
	return r, err
}

// symmetric returns the symmetric matrix with the lower triangle of a.
func symmetric[T device.Float](a device.Dense[T]) device.Dense[T] {
	s := a.Clone()
	for i := range s.Rows {
		for j := range i {
			s.Set(j, i, s.At(i, j))
		}
	}
	return s
}
