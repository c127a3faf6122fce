package conform

import (
	"math"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/ritz-go/ritz/goapi/device"
)

// Singular values of band matrices, on devices that have a kernel for them.
func testBand[T device.Float](t *testing.T, b *bench[T]) {
	f, ok := b.q.(device.BandValuer)
	if !ok || f.BandWidth() == 0 {
		return
	}
	w := f.BandWidth()
	for _, n := range []int{1, 2, w, w + 1, 3*w + 5} {
		a, full := device.Convert[float64](b.random(n, w+1)), mat.NewDense(n, n, nil)
		for i := range n {
			for j, x := range a.Row(i)[:min(w+1, n-i)] {
				full.Set(i, i+j, x)
			}
		}
		var reference mat.SVD
		if !reference.Factorize(full, mat.SVDNone) {
			t.Fatal("no reference")
		}
		got, ok := f.TryBandValues(a)
		if err := b.q.Sync(); err != nil || !ok || len(got) != n {
			t.Fatalf("n=%d: %d values, %v, %v", n, len(got), ok, err)
		}
		for i, want := range reference.Values(nil) {
			if d := math.Abs(got[i] - want); !(d <= 20*float64(n)*0x1p-52*reference.Values(nil)[0]) {
				t.Errorf("n=%d: σ%d = %v, want %v", n, i+1, got[i], want)
			}
		}
	}
	if _, ok := f.TryBandValues(device.NewDense[float64](3, w)); !ok || b.q.Sync() == nil {
		t.Error("a band of a wrong width was taken")
	}
}
