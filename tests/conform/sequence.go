package conform

import (
	"testing"

	"github.com/ritz-go/ritz/goapi/device"
)

// A sequence does the same in every run, whether the queue records it or not,
// with temporary matrices, changing arguments, and operations that cannot be
// recorded.
func testSequence[T device.Float](t *testing.T, b *bench[T]) {
	a, sums := b.random(7, 9), b.blank(7, 1)
	x, y := b.put(a), b.blank(7, 9)
	want := a.Clone()
	fill := b.q.Alloc(7, 9)
	s := device.NewSequence(b.q)
	step := func(α T) {
		defer b.q.Scope()()
		tmp := b.q.Alloc(7, 9) // zeros in every run
		b.q.Add(α, device.NoTrans, x, 1, device.NoTrans, tmp, y)
		b.q.Fill(1, tmp)
		b.q.Add(1, device.NoTrans, y, 1, device.NoTrans, tmp, x)
		b.q.Reduce(device.Sum, device.PerRow, x, sums)
		b.q.Reduce(device.Sum, device.Whole, x, b.q.Alloc(1, 1))
	}
	for run, α := range []T{0.5, 0.5, 0.5, 0.5, -0.25, -0.25, -0.25, 0.5, 0.5} {
		s.Run(α, func() { step(α) })
		for i := range want.Data {
			want.Data[i] = α*want.Data[i] + 1
		}
		if run == 2 { // between two runs anything may happen
			b.q.Fill(3, fill)
			if err := b.q.Sync(); err != nil {
				t.Fatal(err)
			}
		}
	}
	// A product with a power of two and a sum with 1 may round differently
	// once, if they are contracted.
	b.near("a sequence", b.get(x), at(want), constant(8*b.eps))

	host := device.NewDense[T](1, 1)
	unrecorded := device.NewSequence(b.q)
	for range 4 {
		unrecorded.Run(0, func() {
			b.q.Add(2, device.NoTrans, x, 0, device.NoTrans, device.Matrix[T]{}, x)
			b.q.Download(host, x.Slice(0, 1, 0, 1))
		})
	}
	b.near("a sequence with a download", b.get(x), func(i, j int) float64 { return 16 * float64(want.At(i, j)) }, constant(200*b.eps))
	if want := 16 * want.At(0, 0); float64(host.At(0, 0)-want) > 200*b.eps {
		t.Errorf("the last download is %v, want %v", host.At(0, 0), want)
	}
}
