package conform

import (
	"testing"

	"github.com/ritz-go/ritz/goapi/device"
)

// Derivatives along directions side by side, by the kernels of the device and
// by composition: rows, directions, columns of each.
func testTangents[T device.Float](t *testing.T, b *bench[T]) {
	for _, s := range [][3]int{{1, 1, 1}, {3, 2, 5}, {70, 3, 17}, {200, 2, 130}, {130, 1, 40}} {
		for _, q := range []device.Queue[T]{b.q, basic[T]{b.q}} {
			for _, second := range []bool{false, true} {
				b.tangentForward(q, s[0], s[1], s[2], second)
				b.tangentBackward(q, s[0], s[1], s[2], second)
			}
			b.softmaxTangent(q, s[0], s[1], s[2])
		}
	}
	none, wide := b.q.Alloc(0, 3), b.q.Alloc(0, 6)
	device.TangentForward(b.q, device.Matrix[T]{}, none, wide, wide)
	device.TangentBackward(b.q, none, none, wide, wide, b.q.Alloc(1, 6))
	device.SoftmaxTangent(b.q, none, wide)
	if err := b.q.Sync(); err != nil {
		t.Error(err)
	}
}

func (b *bench[T]) tangentForward(q device.Queue[T], rows, k, a int, biased bool) {
	s, u, bias := b.random(rows, a), b.random(rows, k*a), b.random(1, k*a)
	um, y, bm := b.put(u), b.blank(rows, k*a), device.Matrix[T]{}
	if biased {
		bm = b.put(bias)
	} else {
		clear(bias.Data)
	}
	device.TangentForward(q, bm, b.put(s), um, y)
	sum := func(i, j int) float64 { return float64(u.At(i, j)) + float64(bias.At(0, j)) }
	b.near("TangentForward: u", b.get(um), sum, constant(8*b.eps))
	b.near("TangentForward: y", b.get(y),
		func(i, j int) float64 { return float64(s.At(i, j%a)) * sum(i, j) }, constant(64*b.eps))
}

func (b *bench[T]) tangentBackward(q device.Queue[T], rows, k, a int, curved bool) {
	s, c, u, e := b.random(rows, a), b.random(rows, a), b.random(rows, k*a), b.random(rows, k*a)
	sums := b.random(1, k*a)
	cm, um, em, sm := device.Matrix[T]{}, device.Matrix[T]{}, b.put(e), b.put(sums)
	if curved {
		cm, um = b.put(c), b.put(u)
	} else {
		clear(c.Data)
	}
	device.TangentBackward(q, b.put(s), cm, um, em, sm)
	want := func(i, j int) float64 {
		return float64(s.At(i, j%a))*float64(e.At(i, j)) + float64(c.At(i, j%a))*float64(u.At(i, j))
	}
	b.near("TangentBackward: e", b.get(em), want, constant(64*b.eps))
	b.near("TangentBackward: sums", b.get(sm), func(_, j int) float64 {
		total := float64(sums.At(0, j))
		for i := range rows {
			total += want(i, j)
		}
		return total
	}, constant(64*b.eps*float64(rows)))
	// Without the sums, on what it was given.
	em = b.put(e)
	if curved {
		um = b.put(u)
	}
	device.TangentBackward(q, b.put(s), cm, um, em, device.Matrix[T]{})
	b.near("TangentBackward without sums", b.get(em), want, constant(64*b.eps))
}

func (b *bench[T]) softmaxTangent(q device.Queue[T], rows, k, a int) {
	p, u := b.random(rows, a), b.random(rows, k*a)
	um := b.put(u)
	device.SoftmaxTangent(q, b.put(p), um)
	b.near("SoftmaxTangent", b.get(um), func(i, j int) float64 {
		mean := 0.0
		for t := range a {
			mean += float64(p.At(i, t)) * float64(u.At(i, j/a*a+t))
		}
		return float64(p.At(i, j%a)) * (float64(u.At(i, j)) - mean)
	}, constant(256*float64(a)*b.eps))
}
