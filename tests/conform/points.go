package conform

import (
	"math"
	"testing"

	"github.com/ritz-go/ritz/goapi/device"
)

// basic is a queue without its fused kernels.
type basic[T device.Float] struct{ device.Queue[T] }

// pointSoftMin returns the i-th soft minimum over all points in float64, and
// the size of what it was computed from.
func pointSoftMin[T device.Float](p int, ε float64, x, y, g device.Dense[T], i int) (value, size float64) {
	e := make([]float64, y.Rows)
	top, largest := math.Inf(-1), 0.0
	for j := range e {
		d := 0.0
		for k, v := range x.Row(i) {
			d = math.Hypot(d, float64(v)-float64(y.At(j, k)))
		}
		if p == 2 {
			d *= d
		}
		e[j] = float64(g.At(0, j)) - d
		top = math.Max(top, e[j]) // NaN propagates
		if !math.IsInf(e[j], 0) {
			largest = max(largest, d+math.Abs(e[j]))
		}
	}
	if math.IsInf(top, -1) {
		return math.Inf(1), 0
	}
	sum := 0.0
	for _, v := range e {
		sum += math.Exp((v - top) / ε)
	}
	return -ε*math.Log(sum) - top, largest
}

func testSoftMinPoints[T device.Float](t *testing.T, b *bench[T]) {
	for _, s := range [][3]int{{1, 1, 1}, {9, 33, 2}, {33, 9, 5}, {70, 150, 17}, {3, 300, 130}, {600, 500, 1}} {
		n, m, d := s[0], s[1], s[2]
		x, y, g := b.random(n, d), b.random(m, d), b.random(1, m)
		copy(y.Row(0), x.Row(0)) // a distance of exactly zero
		if m > 2 {
			g.Set(0, 1, T(math.Inf(-1)))
		}
		for p := 1; p <= 2; p++ {
			for _, ε := range []float64{2, 0.1} {
				b.softMinPoints(p, ε, x, y, g)
			}
		}
	}
	x, g := b.random(4, 3), b.random(1, 5)
	x.Set(2, 1, T(math.NaN())) // shows in its own element alone
	b.softMinPoints(2, 0.5, x, b.random(5, 3), g)
	for j := range g.Data {
		g.Data[j] = T(math.Inf(-1))
	}
	b.softMinPoints(2, 0.5, b.random(4, 3), b.random(5, 3), g)
	b.softMinPoints(2, 0.5, b.random(4, 3), device.NewDense[T](0, 3), device.NewDense[T](1, 0))
	b.softMinPoints(1, 0.5, device.NewDense[T](4, 0), device.NewDense[T](5, 0), b.random(1, 5))
}

// softMinPoints compares the kernel of the queue and the composition of basic
// operations with a float64 loop.
func (b *bench[T]) softMinPoints(p int, ε float64, x, y, g device.Dense[T]) {
	b.t.Helper()
	// A cost is rounded d+3 times, g-C once more, a sum of m terms √m times;
	// the soft minimum passes errors of its terms on at most once.
	want := make([]float64, x.Rows)
	tol := make([]float64, x.Rows)
	for i := range want {
		v, size := pointSoftMin(p, ε, x, y, g, i)
		want[i] = v
		tol[i] = b.eps * (float64(x.Cols+8)*size + ε*(10+math.Sqrt(float64(y.Rows))))
	}
	for _, q := range []device.Queue[T]{b.q, basic[T]{b.q}} {
		for _, gm := range b.vectors(g) {
			for _, out := range []device.Matrix[T]{b.blank(1, x.Rows), b.blank(x.Rows, 1)} {
				device.SoftMinPoints(q, p, T(ε), b.put(x), b.put(y), gm, out)
				b.near("SoftMinPoints "+shapeName(x.Rows, y.Rows, x.Cols), b.get(out),
					func(i, j int) float64 { return want[max(i, j)] }, func(i, j int) float64 { return tol[max(i, j)] })
			}
		}
	}
}
