package svd_test

import (
	"context"
	"fmt"

	"gonum.org/v1/gonum/mat"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/svd"
)

func ExampleCompute() {
	a := mat.NewDense(3, 2, []float64{
		3, 0,
		0, 4,
		0, 0,
	})
	r, err := svd.Compute(context.Background(), device.Go(), device.FromMat(a), svd.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("singular values %.0f\n", r.S)
	fmt.Printf("certified to 1e-13: %v\n", r.Certificate.ErrorBound < 1e-13)
	// Output:
	// singular values [4 3]
	// certified to 1e-13: true
}
