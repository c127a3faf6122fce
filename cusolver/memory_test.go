//go:build cgo && linux && !nocuda

package cusolver

import "testing"

func TestSizeClasses(t *testing.T) {
	before := 0
	for n := 1; n < 1<<40; n += 1 + n/37 {
		size := roundUp(n)
		if size < n || roundUp(size) != size || size < before {
			t.Fatalf("%d bytes take %d, after %d", n, size, before)
		}
		if n > 1<<12 && size-n > n/8 {
			t.Fatalf("%d bytes take %d: more than an eighth is wasted", n, size)
		}
		before = size
	}
}
