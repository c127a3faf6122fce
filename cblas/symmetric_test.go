//go:build cgo

package cblas

import (
	"testing"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/rng"
	"github.com/ritz-go/ritz/native"
)

// Symmetric products, and all products of rounded numbers, are the same to the
// last bit for any number of threads.
func TestSymmetricProductsOfThreads(t *testing.T) {
	const n, l = 150, 700
	x, c := device.NewDense[float32](n, l), device.NewDense[float32](n, n)
	rng.Normal(1, 0, 0, x.Data)
	one, three := kernels[float32]{threads: 1}, kernels[float32]{threads: 3}
	same := func(name string, f func(k kernels[float32], out device.Dense[float32]) bool, rows, cols int) {
		a, b := device.NewDense[float32](rows, cols), device.NewDense[float32](rows, cols)
		if !f(one, a) || !f(three, b) {
			t.Skip("no kernel at this instruction level")
		}
		for i, v := range a.Data {
			if v != b.Data[i] {
				t.Fatalf("%s: element %d is %v and %v", name, i, v, b.Data[i])
			}
		}
	}
	for _, bf16 := range []bool{false, true} {
		if bf16 && !native.HasBF16() {
			break
		}
		one.bf16, three.bf16 = bf16, bf16
		same("Syrk", func(k kernels[float32], out device.Dense[float32]) bool { return k.symmetric(false, 1, x, x, 0, out) }, n, n)
		one.symmetric(false, 1, x, x, 0, c)
		same("SymProduct", func(k kernels[float32], out device.Dense[float32]) bool { return k.symmetric(true, 1, c, c, 0, out) }, n, n)
		same("SymApply", func(k kernels[float32], out device.Dense[float32]) bool { return k.SymApply(true, c, x, out) }, n, l)
		same("product", func(k kernels[float32], out device.Dense[float32]) bool {
			k.product(device.Transp, device.Transp, 1, x, c.Slice(0, 40, 0, n), 0, out)
			return true
		}, l, 40)
	}
}
