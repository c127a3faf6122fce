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

// So are the points y of clouds cut, into whole tiles.
func TestPiecesOfClouds(t *testing.T) {
	for _, c := range []struct{ n, m, points, height, count int }{
		{1, 1, 64, 256, 1}, {10, 0, 64, 1, 1}, {100, 600, 32, 768, 1}, {1000, 1000, 32, 512, 2}, {50000, 50000, 64, 5120, 10},
		{32, 1000000, 32, 4096, 245}, {1000000, 50000, 64, 50176, 1},
	} {
		p := cutClouds(c.n, c.m, c.points)
		if p.height != c.height || p.count != c.count || (p.count-1)*p.height >= max(1, c.m) || p.count*p.height < c.m {
			t.Errorf("%d and %d: %+v, want %d of %d", c.n, c.m, p, c.count, c.height)
		}
	}
}
