//go:build cgo

package cblas

import (
	"math"
	"testing"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/rng"
)

// Products with few columns or rows by our own kernel, which Gemm takes for
// matrices too large for a test, are those of the pure Go device.
func TestSkinny(t *testing.T) {
	t.Run("f32", testSkinny[float32])
	t.Run("f64", testSkinny[float64])
}

func testSkinny[T device.Float](t *testing.T) {
	k := kernels[T]{threads: 3}
	stream := uint64(0)
	random := func(rows, cols int) device.Dense[T] {
		a := device.NewDense[T](rows, cols+2).Slice(0, rows, 1, cols+1)
		stream++
		rng.Normal(1, stream, 0, a.Data)
		return a
	}
	shape := func(tr device.Trans, rows, cols int) device.Dense[T] {
		if tr == device.Transp {
			rows, cols = cols, rows
		}
		return random(rows, cols)
	}
	for _, s := range [][3]int{{300, 200, 10}, {130, 270, 64}, {65, 1000, 2}} {
		for _, tA := range []device.Trans{device.NoTrans, device.Transp} {
			for _, tB := range []device.Trans{device.NoTrans, device.Transp} {
				for _, β := range []T{0, 2} {
					m, depth, w := s[0], s[1], s[2]
					a, b := shape(tA, m, depth), shape(tB, depth, w)
					c := random(m, w)
					want := c.Clone()
					k.skinnyColumns(tA, tB, -0.5, a, b, β, c)
					k.GoKernels.Gemm(tA, tB, -0.5, a, b, β, want)
					compareSkinny(t, "columns", depth, c, want)

					a, b = shape(tA, w, depth), shape(tB, depth, m)
					c = random(w, m)
					want = c.Clone()
					k.skinnyRows(tA, tB, -0.5, a, b, β, c)
					k.GoKernels.Gemm(tA, tB, -0.5, a, b, β, want)
					compareSkinny(t, "rows", depth, c, want)
				}
			}
		}
	}
}

func compareSkinny[T device.Float](t *testing.T, what string, depth int, got, want device.Dense[T]) {
	t.Helper()
	// Both are sums of products of normal numbers, some √depth in size; 20
	// covers the largest of them.
	limit := 20 * device.Epsilon[T]() * float64(depth)
	for i := range want.Rows {
		for j := range want.Cols {
			if d := math.Abs(float64(got.At(i, j)) - float64(want.At(i, j))); !(d <= limit) {
				t.Fatalf("%s %d×%d: (%d,%d) is off by %g", what, want.Rows, want.Cols, i, j, d)
			}
		}
	}
}
