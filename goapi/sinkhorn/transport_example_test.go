package sinkhorn_test

import (
	"context"
	"fmt"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/sinkhorn"
)

// Transport without regularization: the cheapest way to move two points of the
// plane to two others.
func ExampleExact() {
	p := sinkhorn.Problem[float64]{
		X: device.DenseOf(2, 2, []float64{0, 0, 1, 0}),
		Y: device.DenseOf(2, 2, []float64{1, 1, 0, 1}),
		P: 1,
	}
	r, err := sinkhorn.Exact(context.Background(), device.Go(), p, sinkhorn.ExactOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("cost %.3f\n", r.Cost)
	for _, e := range r.Plan.Entries {
		fmt.Printf("%.1f from %d to %d\n", e.Mass, e.I, e.J)
	}
	// Output:
	// cost 1.000
	// 0.5 from 0 to 1
	// 0.5 from 1 to 0
}

// How the cost changes as the points of the first cloud move.
func ExampleResult_GradX() {
	x := device.DenseOf(1, 2, []float64{0, 0})
	y := device.DenseOf(2, 2, []float64{1, 0, 1, 2})
	dev := device.Go()
	r, err := sinkhorn.Solve(context.Background(), dev, sinkhorn.Problem[float64]{X: x, Y: y}, sinkhorn.Options{Epsilon: 0.1})
	if err != nil {
		fmt.Println(err)
		return
	}
	gradient := device.NewDense[float64](1, 2)
	if err := r.GradX(gradient); err != nil { // while dev is open
		fmt.Println(err)
		return
	}
	fmt.Printf("%.3f\n", gradient.Row(0)) // 2·(x - mean of y)
	// Output: [-2.000 -2.000]
}
