package polar_test

import (
	"context"
	"fmt"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/polar"
	"github.com/ritz-go/ritz/goapi/rng"
)

// The weights of a model, orthogonalized together to a certified error. With
// polar.Options{Method: polar.Muon} it is the five steps of that optimizer.
func ExampleComputeBatch() {
	weights := []device.Dense[float32]{device.NewDense[float32](64, 32), device.NewDense[float32](32, 128)}
	for i, w := range weights {
		rng.Normal(1, uint64(i), 0, w.Data)
	}
	factors, err := polar.ComputeBatch(context.Background(), device.Go(), weights, polar.Options{Error: 1e-2})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, f := range factors {
		fmt.Printf("%d×%d, error at most 1e-2: %v\n", f.Q.Rows, f.Q.Cols, f.Certificate.ErrorBound <= 1e-2)
	}
	// Output:
	// 64×32, error at most 1e-2: true
	// 32×128, error at most 1e-2: true
}
