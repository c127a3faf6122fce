package device_test

import (
	"fmt"

	"gonum.org/v1/gonum/mat"

	"github.com/ritz-go/ritz/goapi/device"
)

// Matrices of gonum are views, in both directions. What is no *mat.Dense, such
// as a symmetric or transposed one, is copied to one first.
func ExampleFromMat() {
	a := mat.NewDense(2, 2, []float64{1, 2, 3, 4})
	view := device.FromMat(a)
	view.Set(0, 0, 10)
	fmt.Println(a.At(0, 0), device.ToMat(view).At(1, 0))

	h := mat.NewSymDense(2, []float64{1, 2, 2, 5})
	fmt.Println(device.FromMat(mat.DenseCopyOf(h)).Data)

	half := device.Convert[float32](view) // a copy
	fmt.Println(half.Row(0))
	// Output:
	// 10 3
	// [1 2 2 5]
	// [10 2]
}

func ExampleDenseOf() {
	a := device.DenseOf(2, 3, []float32{1, 2, 3, 4, 5, 6})
	fmt.Println(a.At(1, 0), a.Slice(0, 2, 1, 3).Row(1))
	// Output: 4 [5 6]
}

// Operations on a queue run on the device, without copies between them; a
// failure of one is the error of the next Sync.
func ExampleQueue() {
	dev := device.Go()
	defer dev.Close()
	q := device.NewQueue[float64](dev)
	defer q.Close()

	a, gram := q.Alloc(3, 2), q.Alloc(2, 2)
	q.Upload(a, device.DenseOf(3, 2, []float64{1, 2, 3, 4, 5, 6}))
	q.Gemm(device.Transp, device.NoTrans, 1, a, a, 0, gram)
	out := device.NewDense[float64](2, 2)
	q.Download(out, gram)
	if err := q.Sync(); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(out.Data)
	// Output: [35 44 44 56]
}
