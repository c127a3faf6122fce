package polar

import (
	"context"
	"math"

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
	skew := 0.0             // ‖(Q-Qᵀ)/2‖_F²
	for i := range a.Rows { // the mean with the transpose is no farther from the sign
		for j := range i {
			x, y := r.Q.At(i, j), r.Q.At(j, i)
			v := x/2 + y/2
			r.Q.Set(i, j, v)
			r.Q.Set(j, i, v)
			d := float64(x) - float64(y)
			skew += d * d / 2
		}
	}
	if c := r.Certificate; c != nil {
		// For Q = S + K with S symmetric and K skew, S² - K² is the mean of QQᵀ
		// and QᵀQ. Rounding moves S by no more than u·‖S‖_F.
		rounding := device.Epsilon[T]() / 2 * math.Sqrt(float64(a.Rows)*(1+c.Orthogonality))
		c.Orthogonality = (c.Orthogonality+skew)*(1+1e-12) + 2*rounding*math.Sqrt(1+c.Orthogonality)
		c.ErrorBound += rounding
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
