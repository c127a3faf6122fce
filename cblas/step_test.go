//go:build cgo

package cblas

import (
	"math"
	"testing"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/rng"
)

// Sums of squares of more elements than a kernel takes at a time, with rows apart
// and without: those of float64, whatever the number of threads, and with NaN.
func TestSumSquares(t *testing.T) {
	whole := device.NewDense[float32](300, 220)
	rng.Normal(1, 0, 0, whole.Data)
	for _, a := range []device.Dense[float32]{whole, whole.Slice(3, 290, 5, 200), whole.Slice(7, 8, 1, 2)} {
		want := 0.0
		for i := range a.Rows {
			for _, x := range a.Row(i) {
				want += float64(x) * float64(x)
			}
		}
		one, three := kernels[float32]{threads: 1}.SumSquares(a), kernels[float32]{threads: 3}.SumSquares(a)
		if one != three {
			t.Errorf("%d×%d: %v and %v with other threads", a.Rows, a.Cols, one, three)
		}
		if !(math.Abs(float64(one)-want) <= 0x1p-23*want) {
			t.Errorf("%d×%d: %v, want %v", a.Rows, a.Cols, one, want)
		}
	}
	whole.Data[40000] = float32(math.NaN())
	if x := (kernels[float32]{threads: 2}).SumSquares(whole); x == x {
		t.Errorf("%v with NaN", x)
	}
}
