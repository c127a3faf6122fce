package conform

import (
	"testing"

	"github.com/ritz-go/ritz/goapi/device"
)

func testSymApply[T device.Float](t *testing.T, b *bench[T]) {
	for _, s := range [][2]int{{1, 1}, {3, 5}, {17, 9}, {64, 130}, {65, 64}, {300, 97}} {
		p, x := b.random(s[0], s[0]), b.random(s[0], s[1])
		for i := range s[0] {
			for j := range i {
				p.Set(i, j, p.At(j, i))
			}
		}
		y := b.blank(s[0], s[1])
		device.SymApply(b.q, device.Left, b.put(p), b.put(x), y)
		want, size := product(at(p), at(x), s[0])
		limit := func(i, j int) float64 { return b.eps * float64(s[0]) * size(i, j) }
		b.near("SymApply from the left", b.get(y), want, limit)
		y = b.blank(s[1], s[0])
		device.SymApply(b.q, device.Right, b.put(p), b.put(x.T()), y)
		want, size = product(op(device.Transp, x), at(p), s[0])
		b.near("SymApply from the right", b.get(y), want, limit)
	}
}
