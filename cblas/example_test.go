package cblas_test

import (
	"fmt"

	"gonum.org/v1/gonum/mat"

	"github.com/ritz-go/ritz/cblas"
)

func ExampleUse() {
	cblas.Use() // once, at the start of the program
	var svd mat.SVD
	svd.Factorize(mat.NewDense(2, 2, []float64{0, 3, 4, 0}), mat.SVDThin)
	fmt.Printf("%.0f\n", svd.Values(nil))
	// Output: [4 3]
}
