package dynamicalstability_test

import (
	"context"
	"fmt"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/paper/dynamicalstability"
)

// Three samples whose gradients are orthogonal: SGD with single samples needs
// steps three times smaller than gradient descent.
func ExampleAnalyze() {
	a := device.NewDense[float64](3, 3)
	for i := range 3 {
		a.Set(i, i, 2)
	}
	for _, batch := range []int{1, 2, 3} {
		t, err := dynamicalstability.Analyze(context.Background(), device.Go(), a, batch, dynamicalstability.Options{})
		if err != nil {
			panic(err)
		}
		fmt.Printf("batch %d: SGD %.3f, gradient descent %.3f\n", batch, t.SGD, t.GD)
	}
	// Output:
	// batch 1: SGD 0.500, gradient descent 1.500
	// batch 2: SGD 1.000, gradient descent 1.500
	// batch 3: SGD 1.500, gradient descent 1.500
}
