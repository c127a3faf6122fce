//go:build cgo && linux && !nocuda

package cusolver

import "testing"

// The pieces cover the rows once, none is empty, and shapes of every kind have
// blocks enough but not too many sums to join.
func TestPieces(t *testing.T) {
	for _, c := range []struct{ rows, cols, height, count int }{
		{1, 1, 256, 1}, {256, 1, 256, 1}, {257, 5, 256, 2}, {1000000, 8, 3907, 256}, {1000000, 33, 3907, 256},
		{16384, 16384, 8192, 2}, {4096, 100000, 4096, 1}, {0, 3, 256, 0}, {3, 0, 256, 1},
	} {
		p := cut(c.rows, c.cols)
		if p.height != c.height || p.count != c.count || (p.count-1)*p.height >= max(1, c.rows) || p.count*p.height < c.rows {
			t.Errorf("%d×%d: %+v, want %d of %d", c.rows, c.cols, p, c.count, c.height)
		}
	}
}
