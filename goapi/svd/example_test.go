package svd_test

import (
	"context"
	"fmt"
	"math"

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

func ExampleBatch() {
	stack := []float64{ // three matrices of 2×2
		3, 0, 0, 4,
		1, 1, 1, 1,
		math.NaN(), 0, 0, 1,
	}
	r, err := svd.Batch(context.Background(), device.Go(), stack, 3, 2, 2, svd.BatchOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for i, status := range r.Status {
		_, s, _ := r.Matrix(i)
		fmt.Printf("%v: %.3f\n", status, s)
	}
	// Output:
	// done: [4.000 3.000]
	// done: [2.000 0.000]
	// not finite: [NaN NaN]
}

// Covariances of thousands of channels, say: all at once, each with a bound of
// its error. A matrix that is not symmetric does not stop the others.
func ExampleEighBatch() {
	stack := []float64{ // three matrices of 2×2
		2, 1, 1, 2,
		0, 3, 3, 0,
		1, 5, 0, 1,
	}
	r, err := svd.EighBatch(context.Background(), device.Go(), stack, 3, 2, svd.EighBatchOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for i, status := range r.Status {
		values, _ := r.Matrix(i)
		fmt.Printf("%v: %.3f\n", status, values)
	}
	_, vt := r.Matrix(0)
	fmt.Printf("eigenvector of %.0f: %.4f\n", r.Values[1], vt.Row(1))
	fmt.Println(r.Err())
	// Output:
	// done: [1.000 3.000]
	// done: [-3.000 3.000]
	// not symmetric: [NaN NaN]
	// eigenvector of 3: [0.7071 0.7071]
	// matrix 2 of the batch is not symmetric
}

func ExampleSpectrum() {
	p, err := svd.NewSpectrum([]float64{4, 3, 1e-17}, 5, 3)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("rank %d, nuclear norm %.0f, effective rank %.2f\n", p.Rank(0), p.Nuclear(), p.EffectiveRank())
	// Output: rank 2, nuclear norm 7, effective rank 1.98
}
