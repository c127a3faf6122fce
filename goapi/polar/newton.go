package polar

import (
	"context"
	"math"

	"github.com/ritz-go/ritz/goapi/device"
)

// qrWeight is the cost of a QR factorization in units of s²·l.
const qrWeight = 17

// inversion is the cost of an inverse of an s×s matrix, whose factorization is
// not as fast for small ones.
func inversion(s float64) float64 { return 4.5 * (1 + 256/s) * s * s * s }

// halved returns the ratio of the largest to the smallest singular value that a
// Newton step leaves of a ratio κ.
func halved(κ float64) float64 { r := math.Sqrt(κ); return (r + 1/r) / 2 }

// newton replaces x, whose singular values are at most scale, by what Newton's
// iteration X ← (μ·X + X⁻ᵀ/μ)/2 makes of it (Higham, 1986), with the μ that is
// best for the range of singular values (Byers and Xu, 2008): each step takes
// the root of their ratio. It goes on while that is cheaper than the steps that
// it saves, which work returns for a ratio. All singular values are then at
// least 1. Matrices that are not square are those of an orthonormal one with a
// triangle, which takes its place. Its error device.ErrNotPositiveDefinite says
// that x has no inverse to working accuracy.
func (e *engine[T]) newton(ctx context.Context, scale float64, info *Info, work func(lower float64) float64) error {
	defer e.q.Scope()()
	q, x := e.q, e.x
	var basis device.Matrix[T]
	if e.l > e.s {
		basis, x = q.Alloc(e.l, e.s), q.Alloc(e.s, e.s)
		e.upright(1, e.x, basis)
		q.QR(basis, x)
	}
	inverse := q.Alloc(e.s, e.s)
	low, high := 0., scale
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		device.Inverse(q, x, inverse)
		if low == 0 {
			norm, err := e.norm(inverse)
			if err != nil {
				return err
			}
			if low = 0.8 / norm; !(low > 2*float64(e.s)*e.eps*high/10) {
				return device.ErrNotPositiveDefinite
			}
		}
		μ := 1 / math.Sqrt(low*high)
		q.Add(T(μ/2), device.NoTrans, x, T(0.5/μ), device.Transp, inverse, x)
		e.flops += 2 * e.cube()
		info.Iterations++
		low, high = 1, halved(high/low)
		if next := halved(high); inversion(float64(e.s))+work(1/next) >= work(1/high) {
			break
		}
	}
	switch {
	case e.l == e.s:
	case e.left:
		q.Gemm(device.Transp, device.Transp, 1, x, basis, 0, e.x)
	default:
		q.Gemm(device.NoTrans, device.NoTrans, 1, basis, x, 0, e.x)
	}
	return q.Sync()
}

// norm estimates ‖a‖₂ from below, by a few steps of the power method.
func (e *engine[T]) norm(a device.Matrix[T]) (float64, error) {
	defer e.q.Scope()()
	v, w, norms := e.q.Alloc(e.s, outside), e.q.Alloc(e.s, outside), e.q.Alloc(1, outside)
	e.q.Random(device.Normal, 1, 2, v)
	most := 0.0
	for range inversions {
		e.q.Gemm(device.NoTrans, device.NoTrans, 1, a, v, 0, w)
		e.q.Gemm(device.Transp, device.NoTrans, 1, a, w, 0, v)
		largest, _, err := e.columns(w, norms)
		if err != nil {
			return 0, err
		}
		square, _, err := e.columns(v, norms)
		if err != nil {
			return 0, err
		}
		if most = square / largest; !(most > 0) || math.IsInf(most, 0) {
			return math.Inf(1), nil
		}
		e.q.Add(T(1/square), device.NoTrans, v, 0, device.NoTrans, device.Matrix[T]{}, v)
	}
	return most, nil
}
