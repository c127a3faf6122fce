package svd_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"gonum.org/v1/gonum/mat"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/matio"
	"github.com/ritz-go/ritz/goapi/svd"
)

// The leading singular values of a matrix in a file, of which no more is held
// in memory than the budget allows.
func ExampleStream() {
	const m, n = 4000, 50
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "A.npy")
	data := make([]float32, m*n)
	for i := range n { // the singular values 1, 1/2, 1/3, …
		data[i*n+i] = 1 / float32(i+1)
	}
	if err := matio.Write(path, matio.Array[float32]{Shape: []int{m, n}, Data: data}); err != nil {
		fmt.Println(err)
		return
	}

	file, err := matio.Open(path)
	if err != nil {
		fmt.Println(err)
		return
	}
	rows, err := matio.Rows[float32](file, 0, 0, -1)
	if err != nil {
		fmt.Println(err)
		return
	}
	r, err := svd.Stream(context.Background(), device.Go(), rows, svd.StreamOptions{Rank: 3, Memory: 8 << 20})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%.3f, U %d×%d\n", r.S, r.U.Rows, r.U.Cols)
	// Output: [1.000 0.500 0.333], U 4000×3
}

// From gonum and back.
func ExampleCompute_gonum() {
	a := mat.NewDense(4, 3, []float64{
		2, 0, 0,
		0, 3, 0,
		0, 0, 1,
		0, 0, 0,
	})
	r, err := svd.Compute(context.Background(), device.Go(), device.FromMat(a), svd.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	var product, back mat.Dense
	product.Mul(device.ToMat(r.U), mat.NewDiagDense(len(r.S), r.S))
	back.Mul(&product, device.ToMat(r.Vt))
	fmt.Printf("%.4f, equal %v\n", r.S, mat.EqualApprox(a, &back, 1e-14))
	// Output: [3.0000 2.0000 1.0000], equal true
}
