package hessian_test

import (
	"context"
	"fmt"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/hessian"
	"github.com/ritz-go/ritz/goapi/spectrum"
)

// The largest eigenvalue of the Hessian of a function of which only the
// gradient is known, here of Rosenbrock's at its minimum.
func ExampleFiniteDifference() {
	gradient := func(_ context.Context, dst, θ []float64) error {
		x, y := θ[0], θ[1]
		dst[0] = -2*(1-x) - 400*x*(y-x*x)
		dst[1] = 200 * (y - x*x)
		return nil
	}
	h, err := hessian.FiniteDifference(gradient, []float64{1, 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	e, err := spectrum.Eigs(context.Background(), device.Go(), h, spectrum.EigsOptions{K: 1, Tol: 1e-6})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%.2f\n", e.Values)
	// Output: [1001.60]
}
