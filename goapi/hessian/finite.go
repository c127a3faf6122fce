package hessian

import (
	"context"
	"math"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/spectrum"
)

// FiniteDifference returns the operator that multiplies the Hessian at θ by
// central differences of the gradient: for a direction v of length 1
//
//	H·v ≈ (g(θ+εv) - g(θ-εv)) / 2ε,  ε = ∛eps·(1+max|θ|)
//
// with eps the rounding unit of T, which balances the truncation error ε²
// against the rounding error eps/ε of a gradient that is accurate to working
// precision. Expect relative errors of about 1e-9 in float64 and 1e-4 in
// float32, and as much asymmetry. With an exact product use [spectrum.Func].
//
// gradient stores the gradient at its argument in dst and must not keep
// either. A product costs two calls for each direction. θ is copied. An
// operator must not be used by two goroutines at a time.
func FiniteDifference[T device.Float](gradient func(ctx context.Context, dst, θ []T) error, θ []T) (spectrum.Operator[T], error) {
	if gradient == nil {
		return nil, device.Argument("gradient", "is nil")
	}
	if err := device.CheckInput("parameters", device.Vector(θ)); err != nil {
		return nil, err
	}
	θ = append([]T(nil), θ...)
	largest := 0.0
	for _, t := range θ {
		largest = max(largest, math.Abs(float64(t)))
	}
	ε := math.Cbrt(device.Epsilon[T]()) * (1 + largest)
	at, below := make([]T, len(θ)), make([]T, len(θ))
	move := func(v []T, by float64) {
		for i, t := range θ {
			at[i] = T(float64(t) + by*float64(v[i]))
		}
	}
	return spectrum.Func(len(θ), func(ctx context.Context, dst, v []T) error {
		length := norm(v)
		if length == 0 {
			clear(dst)
			return nil
		}
		step := ε / length
		move(v, -step)
		if err := gradient(ctx, below, at); err != nil {
			return err
		}
		move(v, step)
		if err := gradient(ctx, dst, at); err != nil {
			return err
		}
		for i := range dst {
			dst[i] = T((float64(dst[i]) - float64(below[i])) / (2 * step))
		}
		return nil
	}), nil
}

// norm returns the Euclidean length of v, safe from overflow and underflow.
func norm[T device.Float](v []T) float64 {
	length := 0.0
	for _, x := range v {
		length = math.Hypot(length, float64(x))
	}
	return length
}
