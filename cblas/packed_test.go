//go:build cgo

package cblas

import (
	"math"
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
		same("Syrk", func(k kernels[float32], out device.Dense[float32]) bool {
			return k.symmetric(false, 1, x, x, 0, out, 0, out)
		}, n, n)
		one.symmetric(false, 1, x, x, 0, c, 0, c)
		same("SymProduct", func(k kernels[float32], out device.Dense[float32]) bool {
			return k.symmetric(true, 1, c, c, 0, out, 0, out)
		}, n, n)
		same("SymApply", func(k kernels[float32], out device.Dense[float32]) bool { return k.SymApply(true, c, x, out) }, n, l)
		same("product", func(k kernels[float32], out device.Dense[float32]) bool {
			k.product(device.Transp, device.Transp, 1, x, c.Slice(0, 40, 0, n), 0, out)
			return true
		}, l, 40)
	}
}

// Products with more columns than are computed together, at the ends of chunks.
func TestProductInChunks(t *testing.T) {
	const m, n, depth = 5, 2*chunkCols + 7, 9
	k := kernels[float64]{threads: 2}
	if !k.packs(leastPacked) {
		t.Skip("no kernel at this instruction level")
	}
	near := func(name string, i, j int, got, want float64) {
		t.Helper()
		if !(math.Abs(got-want) <= 8*depth*0x1p-52) {
			t.Fatalf("%s: element %d, %d is %v, want %v", name, i, j, got, want)
		}
	}
	a, b := device.NewDense[float64](m, depth), device.NewDense[float64](n, depth)
	rng.Uniform(1, 0, 0, a.Data)
	rng.Uniform(2, 0, 0, b.Data)
	dot := func(x, y []float64) (sum float64) {
		for p := range x {
			sum += x[p] * y[p]
		}
		return sum
	}
	for _, transposed := range []device.Trans{device.NoTrans, device.Transp} {
		x := b
		if transposed == device.NoTrans {
			x = b.T()
		}
		c := device.NewDense[float64](m, n)
		k.product(device.NoTrans, transposed, 1, a, x, 0, c)
		for i := range m {
			for j := range n {
				near("product", i, j, c.Data[i*c.Stride+j], dot(a.Row(i), b.Row(j)))
			}
		}
	}
	c := device.NewDense[float64](n, n)
	k.symmetric(false, 1, b, b, 0, c, 1, c)
	for i := 0; i < n; i += 11 {
		for j := 0; j < n; j += 7 {
			want := dot(b.Row(i), b.Row(j))
			if i == j {
				want++
			}
			near("symmetric product", i, j, c.Data[i*c.Stride+j], want)
		}
	}
}
