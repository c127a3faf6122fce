package matio_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/matio"
)

// A matrix is written for NumPy, and read back in single precision.
func ExampleRead() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "A.npy")
	if err := matio.Write(path, matio.Array[float64]{Shape: []int{2, 3}, Data: []float64{1, 2, 3, 4, 5, 6}}); err != nil {
		fmt.Println(err)
		return
	}
	file, err := matio.Open(path)
	if err != nil {
		fmt.Println(err)
		return
	}
	array, err := matio.Read[float32](file, 0)
	if err != nil {
		fmt.Println(err)
		return
	}
	a := device.DenseOf(array.Matrix())
	fmt.Println(file.Members[0].DType, a.Rows, a.Cols, a.Row(1))
	// Output: f8 2 3 [4 5 6]
}

// Files with several arrays are searched by name or pattern.
func ExampleFile_Find() {
	file, err := matio.Open("testdata/compressed.npz")
	if err != nil {
		fmt.Println(err)
		return
	}
	found, err := file.Find("s*")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, i := range found {
		fmt.Println(file.Members[i].Name, file.Members[i].Shape)
	}
	_, err = file.Find("third")
	fmt.Println(err)
	// Output:
	// second [5 7]
	// testdata/compressed.npz has no array "third"; it holds "first", "second"
}

// A matrix that is larger than memory is read some rows at a time.
func ExampleRows() {
	file, err := matio.Open("testdata/compressed.npz")
	if err != nil {
		fmt.Println(err)
		return
	}
	rows, err := matio.Rows[float64](file, 0, 0, -1)
	if err != nil {
		fmt.Println(err)
		return
	}
	m, n := rows.Dims()
	sum := 0.0
	err = rows.Each(context.Background(), 2, func(first int, block []float64) error {
		for _, x := range block {
			sum += x
		}
		return nil
	})
	fmt.Println(m, n, sum, err)
	// Output: 7 5 87.5 <nil>
}
