package polar_test

import (
	"context"
	"fmt"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/polar"
)

func ExampleCompute() {
	a := device.Dense[float64]{Rows: 2, Cols: 2, Stride: 2, Data: []float64{
		0, -2,
		5, 0,
	}}
	r, err := polar.Compute(context.Background(), device.Go(), a, polar.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%.3f\n%.3f\n", r.Q.Row(0), r.Q.Row(1))
	fmt.Println("certified to 1e-11:", r.Certificate.ErrorBound < 1e-11)
	// Output:
	// [0.000 -1.000]
	// [1.000 0.000]
	// certified to 1e-11: true
}

func ExampleExpressCoefficients() {
	steps, deviation, _ := polar.ExpressCoefficients(0.1, 4, polar.ExpressOptions{})
	fmt.Printf("%.6f\n", steps[0])
	fmt.Printf("0.1 becomes %.4f, all of [0.1,1] lies within %.1e of 1\n", polar.Apply(steps, 0.1), deviation)
	// Output:
	// {5.603695 -13.883690 9.733413}
	// 0.1 becomes 1.0000, all of [0.1,1] lies within 2.3e-12 of 1
}
