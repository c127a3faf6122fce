//go:build cgo && linux && !nocuda

package cusolver

import "github.com/ritz-go/ritz/goapi/device"

// symmetricPanel is about how many rows of a symmetric product are computed at
// a time: as many as still let a product use the whole GPU.
const symmetricPanel = 1024

// TrySymProduct computes the lower triangle in p panels of rows, each as far
// as its diagonal block, and mirrors it: (p+1)/2p of the work of the product.
func (q *queue[T]) TrySymProduct(a, b, c device.Matrix[T]) bool {
	if !q.begin(device.CheckSymProduct(a, b, c), a, b, c) || c.Len() == 0 {
		return true
	}
	if c.Rows < 2*symmetricPanel {
		return false
	}
	q.lowerPanels(c, func(lo, hi int) {
		q.Gemm(device.NoTrans, device.NoTrans, 1, a.RowRange(lo, hi), b.Slice(0, b.Rows, 0, hi), 0, c.Slice(lo, hi, 0, hi))
	})
	return true
}

// lowerPanels calls compute for panels of rows of C, which computes their
// columns as far as the diagonal block, and mirrors the lower triangle.
func (q *queue[T]) lowerPanels(c device.Matrix[T], compute func(lo, hi int)) {
	for lo := 0; lo < c.Rows; {
		hi := panelEnd(c.Rows, lo)
		compute(lo, hi)
		lo = hi
	}
	if q.failure == nil {
		q.mirror(device.Lower, c)
	}
}

// panelEnd returns where the panel of an n×n matrix ends that begins at row
// lo: at a multiple of the tiles of a product, and no panel is a small rest.
func panelEnd(n, lo int) int {
	const tile = 128
	left := n - lo
	panels := max(1, left/symmetricPanel)
	if panels == 1 {
		return n
	}
	return lo + (left/panels+tile-1)/tile*tile
}

var _ device.Rounder = (*queue[float32])(nil)
var _ device.SymProducter[float32] = (*queue[float32])(nil)
