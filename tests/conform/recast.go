package conform

import (
	"errors"
	"math"
	"slices"
	"testing"

	"github.com/ritz-go/ritz/goapi/device"
)

// Room gives memory of its own that can be written and read, until the scope
// ends.
func testRoom[T device.Float](t *testing.T, b *bench[T]) {
	for _, s := range [][2]int{{0, 3}, {1, 1}, {70, 80}, {1100, 1000}} {
		end := b.q.Scope()
		x, y := device.Room(b.q, s[0], s[1]), device.Room(b.q, s[0], s[1])
		a := b.random(s[0], s[1])
		b.q.Upload(x, a)
		b.q.Fill(7, y)
		got := device.NewDense[T](s[0], s[1])
		b.q.Download(got, x)
		if err := b.q.Sync(); err != nil || !slices.Equal(got.Data, a.Data) {
			t.Errorf("Room %d×%d: does not hold what was stored, %v", s[0], s[1], err)
		}
		end()
		b.q.Fill(1, x)
		if err := b.q.Sync(); s[0] > 0 && !errors.Is(err, device.ErrShape) {
			t.Errorf("Room %d×%d: use after the scope: %v", s[0], s[1], err)
		}
	}
}

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
	exact := 0.0
	for i := range rows {
		for _, v := range a.Row(i) {
			exact += float64(v) * float64(v)
		}
	}
	square, err := device.RecastSquares(b.q, b.put(a), w, dst)
	if err != nil || math.Abs(square-exact) > 4*b.eps*math.Sqrt(float64(rows*cols))*exact {
		t.Fatalf("RecastSquares %d×%d: %v, %v, want %v", rows, cols, square, err, exact)
	}
	again := device.NewDense[U](rows, cols)
	w.Download(again, dst)
	if err := w.Sync(); err != nil || !slices.Equal(again.Data, got.Data) {
		t.Fatalf("RecastSquares %d×%d rounds otherwise than Recast, %v", rows, cols, err)
	}
}
