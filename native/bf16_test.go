package native

import (
	"math"
	"testing"
)

func TestToBF16(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	for _, c := range [][2]float32{
		{1, 1}, {0, 0}, {1 + 0x1p-7, 1 + 0x1p-7},
		{1 + 0x1p-8, 1}, {1 + 3*0x1p-8, 1 + 0x1p-6}, // halfway, to even
		{1 + 0x1p-8 + 0x1p-20, 1 + 0x1p-7}, {-1 - 0x1p-8 - 0x1p-20, -1 - 0x1p-7},
		{0x1p-127, 0}, {0x1p-126, 0x1p-126}, {math.MaxFloat32, inf}, {inf, inf}, {-inf, -inf},
	} {
		if got := ToBF16(c[0]); got != c[1] {
			t.Errorf("%x becomes %x, want %x", c[0], got, c[1])
		}
	}
	if x := ToBF16(nan); x == x {
		t.Errorf("NaN becomes %v", x)
	}
}
