package conform

import (
	"math"
	"testing"

	"github.com/ritz-go/ritz/goapi/device"
)

// Matrices without elements are matrices: nothing fails, sums over nothing
// are 0, and what does not depend on them is left alone.
func testEmpty[T device.Float](t *testing.T, b *bench[T]) {
	q := b.q
	for _, s := range [][2]int{{0, 3}, {3, 0}, {0, 0}} {
		r, c := s[0], s[1]
		a, x, rows, cols := q.Alloc(r, c), q.Alloc(r, c), q.Alloc(1, r), q.Alloc(1, c)
		small, k := q.Alloc(c, c), min(r, c)
		for name, f := range map[string]func(){
			"Copy":         func() { q.Copy(x, a) },
			"Fill":         func() { q.Fill(1, a) },
			"Fill view":    func() { q.Fill(1, q.Alloc(4, 5).Slice(0, r, 1, 1+c)) },
			"Add":          func() { q.Add(1, device.NoTrans, a, 2, device.NoTrans, x, x) },
			"Map":          func() { q.Map(device.Exp, a, x) },
			"Mul":          func() { q.Mul(a, x, x) },
			"Div":          func() { q.Div(a, x, x) },
			"ScaleBy":      func() { q.ScaleBy(device.PerRow, rows, a, x) },
			"AddBy":        func() { q.AddBy(device.PerCol, 1, cols, a, x) },
			"Trsm":         func() { q.Trsm(device.Right, device.Lower, device.NoTrans, 1, small, a) },
			"Random":       func() { q.Random(device.Normal, 1, 1, a) },
			"Cholesky":     func() { q.Cholesky(q.Alloc(0, 0)) },
			"Eigh":         func() { q.Eigh(q.Alloc(0, 0), q.Alloc(1, 0)) },
			"EighRange":    func() { device.EighRange(q, q.Alloc(0, 0), q.Alloc(1, 0), q.Alloc(0, 0), 0) },
			"SVD":          func() { q.SVD(a, q.Alloc(r, k), q.Alloc(1, k), q.Alloc(k, c)) },
			"Gibbs":        func() { device.Gibbs(q, 1, rows, cols, a, x) },
			"PairwiseCost": func() { device.PairwiseCost(q, 2, a, small, q.Alloc(r, c)) },
		} {
			f()
			if err := q.Sync(); err != nil {
				t.Errorf("%s of %d×%d: %v", name, r, c, err)
			}
		}
		b.q.Syrk(device.Transp, 1, q.Alloc(0, c), 0, small)
		b.near("Syrk over nothing", b.get(small), zero, constant(0))
		min := b.blank(1, r)
		device.SoftMin(q, device.PerRow, 1, q.Alloc(r, 0), q.Alloc(1, 0), min)
		b.near("SoftMin of nothing", b.get(min), constant(math.Inf(1)), constant(0))
	}
}
