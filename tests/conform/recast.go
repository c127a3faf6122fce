package conform

import (
	"testing"

	"github.com/ritz-go/ritz/goapi/device"
)

// Recast rounds to the other type as Go does, views and empty matrices
// included, and copies to the same type.
func testRecast[T device.Float](t *testing.T, b *bench[T]) {
	for _, s := range [][2]int{{0, 3}, {1, 1}, {7, 5}, {300, 170}} {
		recastTo[float32](t, b, s[0], s[1])
		recastTo[float64](t, b, s[0], s[1])
	}
}

func recastTo[U, T device.Float](t *testing.T, b *bench[T], rows, cols int) {
	t.Helper()
	w := device.NewQueue[U](b.q.Device())
	defer w.Close()
	a, dst := b.random(rows, cols), w.Alloc(rows, cols+2).Slice(0, rows, 1, cols+1)
	if err := device.Recast(b.q, b.put(a), w, dst); err != nil {
		t.Fatal(err)
	}
	got := device.NewDense[U](rows, cols)
	w.Download(got, dst)
	if err := w.Sync(); err != nil {
		t.Fatal(err)
	}
	for i := range rows {
		for j := range cols {
			if want := U(a.At(i, j)); got.At(i, j) != want {
				t.Fatalf("Recast %d×%d: (%d,%d) is %v, not %v", rows, cols, i, j, got.At(i, j), want)
			}
		}
	}
}
