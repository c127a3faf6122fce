package conform

import (
	"testing"

	"github.com/ritz-go/ritz/goapi/device"
)

// testNarrow compares operations on kernels of float32 with those on the same
// numbers in T.
func testNarrow[T device.Float](t *testing.T, b *bench[T]) {
	q, ok := b.q.(device.NarrowScaler[T])
	w := b.q.Device().F32()
	defer w.Close()
	if one := b.q.Alloc(1, 1); !ok || !q.TryNarrowGibbs(1, one, one, one, w.Alloc(1, 1)) {
		t.Skip("the device has no kernels in float32 beside this type")
	}
	for _, s := range [][2]int{{1, 1}, {1, 33}, {33, 1}, {9, 17}, {40, 300}, {300, 40}} {
		r, c := s[0], s[1]
		const ε = 0.4
		C, f, g := b.put(b.random(r, c)), b.put(b.random(1, r)), b.put(b.random(1, c))
		k, wide := w.Alloc(r, c), b.blank(r, c)
		if !q.TryNarrowGibbs(T(ε), f, g, C, k) {
			t.Fatalf("NarrowGibbs of %d×%d is refused", r, c)
		}
		device.Gibbs(b.q, T(ε), f, g, C, wide)
		want := b.get(wide)
		rounded := device.NewDense[float32](r, c)
		w.Download(rounded, k)
		if err := w.Sync(); err != nil {
			t.Fatal(err)
		}
		b.near("NarrowGibbs", device.Convert[T](rounded), func(i, j int) float64 { return float64(want.At(i, j)) },
			func(i, j int) float64 { return 0x1p-23 * float64(want.At(i, j)) })

		a, v := b.put(b.positive(1, r)), b.put(b.positive(1, c))
		u, s, wantU, wantS := b.blank(1, r), b.blank(1, c), b.blank(1, r), b.blank(1, c)
		if !q.TryNarrowScalingStep(k, a, v, u, s) {
			t.Fatalf("NarrowScalingStep of %d×%d is refused", r, c)
		}
		device.ScalingStep(b.q, b.put(device.Convert[T](rounded)), a, v, wantU, wantS)
		x, y := b.get(wantU), b.get(wantS)
		relative := b.eps * float64(r+c+8)
		b.near("NarrowScalingStep: u", b.get(u), func(_, i int) float64 { return float64(x.At(0, i)) }, func(_, i int) float64 { return relative * float64(x.At(0, i)) })
		b.near("NarrowScalingStep: s", b.get(s), func(_, j int) float64 { return float64(y.At(0, j)) }, func(_, j int) float64 { return relative * float64(y.At(0, j)) })
	}
}

// positive returns random numbers in [0.1,1.1).
func (b *bench[T]) positive(r, c int) device.Dense[T] {
	a := b.random(r, c)
	for i, x := range a.Data {
		a.Data[i] = 0.1 + x*x/(1+x*x)
	}
	return a
}
