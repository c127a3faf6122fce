package conform

import (
	"testing"

	"github.com/ritz-go/ritz/goapi/device"
)

// Products of rounded elements are off by no more than their rounding, and
// exact again afterwards.
func testPrecision[T device.Float](t *testing.T, b *bench[T]) {
	const n, k = 40, 70
	a, c := b.random(n, k), b.random(k, n)
	da, dc := b.put(a), b.put(c)
	want, size := product(at(a), at(c), k)
	squares, norms := product(at(a), op(device.Transp, a), k)
	even := b.random(n, n)
	for i := range n {
		for j := range i {
			even.Set(i, j, even.At(j, i))
		}
	}
	applied, appliedSize := product(at(even), at(a), n)
	squared, squaredSize := product(at(even), at(even), n)
	within := func(unit float64, size func(i, j int) float64) func(i, j int) float64 {
		return func(i, j int) float64 { return (2.01*unit + float64(k)*b.eps) * size(i, j) }
	}
	for _, p := range []device.Precision{device.Exact, device.TF32, device.BF16, device.FP16} {
		got, end := device.Round(b.q, p)
		if got != device.Exact && (got != p || b.eps < 1e-10) {
			t.Fatalf("asked for %v, got %v", p, got)
		}
		x, g := b.blank(n, n), b.blank(n, n)
		b.q.Gemm(device.NoTrans, device.NoTrans, 1, da, dc, 0, x)
		b.q.Fill(1, g)
		b.q.Syrk(device.NoTrans, 2, da, 0.5, g)
		y, z := b.blank(n, k), b.blank(n, n)
		device.SymApply(b.q, device.Left, b.put(even), da, y)
		device.SymProduct(b.q, b.put(even), b.put(even), z)
		end()
		hx, hg := b.get(x), b.get(g)
		b.near("Gemm in "+p.String(), hx, want, within(got.Unit(), size))
		b.near("Syrk in "+p.String(), hg, func(i, j int) float64 { return 2*squares(i, j) + 0.5 }, func(i, j int) float64 {
			return 2*within(got.Unit(), norms)(i, j) + b.eps
		})
		b.near("SymApply in "+p.String(), b.get(y), applied, within(got.Unit(), appliedSize))
		b.near("SymProduct in "+p.String(), b.get(z), squared, within(got.Unit(), squaredSize))
		off := 0.0
		for i := range n {
			for j := range n {
				off = max(off, float64(hx.At(i, j))-want(i, j))
				if hg.At(i, j) != hg.At(j, i) {
					t.Fatalf("Syrk in %v is not symmetric", p)
				}
			}
		}
		if got != device.Exact && off < 10*b.eps {
			t.Errorf("nothing was rounded in %v", got)
		}
		b.q.Gemm(device.NoTrans, device.NoTrans, 1, da, dc, 0, x)
		b.near("Gemm after "+p.String(), b.get(x), want, within(0, size))
	}
}
