package conform

import (
	"math"
	"testing"

	"github.com/ritz-go/ritz/goapi/device"
)

// stepShapes include vectors longer than a chunk of a kernel.
var stepShapes = [][2]int{{1, 1}, {1, 100}, {9, 33}, {70, 50}, {1, 1<<15 + 7}}

// Steps of optimizers, by the kernels of the device and by composition, on
// views and on contiguous arrays.
func testSteps[T device.Float](t *testing.T, b *bench[T]) {
	whole := func(a device.Dense[T]) device.Matrix[T] {
		m := b.q.Alloc(a.Rows, a.Cols)
		b.q.Upload(m, a)
		return m
	}
	for _, s := range stepShapes {
		for _, put := range []func(device.Dense[T]) device.Matrix[T]{b.put, whole} {
			for _, q := range []device.Queue[T]{b.q, basic[T]{b.q}} {
				b.adamStep(q, s[0], s[1], put)
				b.momentumStep(q, s[0], s[1], put)
				b.scaledSums(q, s[0], s[1], put)
			}
		}
	}
	// Nothing to do for matrices without elements.
	none := b.q.Alloc(0, 3)
	device.AdamStep(b.q, device.Adam[T]{Epsilon: 1}, none, none, none, none)
	device.MomentumStep(b.q, device.Momentum[T]{}, none, none, none)
	if err := b.q.Sync(); err != nil {
		t.Error(err)
	}
}

func (b *bench[T]) adamStep(q device.Queue[T], r, c int, put func(device.Dense[T]) device.Matrix[T]) {
	w, g, m, v := b.random(r, c), b.random(r, c), b.random(r, c), b.random(r, c)
	for i := range v.Data {
		v.Data[i] *= v.Data[i]
	}
	g.Data[0], m.Data[0], v.Data[0] = 0, 0, 0
	a := device.Adam[T]{Mean: 0.9, Square: 0.99, Keep: 0.999, Size: 0.1, Unbias: 3, Epsilon: 0.01}
	wm, mm, vm := put(w), put(m), put(v)
	device.AdamStep(q, a, wm, put(g), mm, vm)
	mean := func(i, j int) float64 { return 0.9*float64(m.At(i, j)) + 0.1*float64(g.At(i, j)) }
	square := func(i, j int) float64 {
		return 0.99*float64(v.At(i, j)) + 0.01*float64(g.At(i, j))*float64(g.At(i, j))
	}
	b.near("AdamStep: m", b.get(mm), mean, constant(16*b.eps))
	// 1 - 0.99 is off by 100·eps of its own.
	b.near("AdamStep: v", b.get(vm), square, constant(64*b.eps))
	quotient := func(i, j int) float64 { return 0.1 * mean(i, j) / (3*math.Sqrt(square(i, j)) + 0.01) }
	b.near("AdamStep: w", b.get(wm),
		func(i, j int) float64 { return 0.999*float64(w.At(i, j)) - quotient(i, j) },
		// m can be the difference of numbers of size 4, over 0.01 at least.
		constant(b.eps*(16+0.1*16/0.01)))
}

func (b *bench[T]) momentumStep(q device.Queue[T], r, c int, put func(device.Dense[T]) device.Matrix[T]) {
	w, g, m := b.random(r, c), b.random(r, c), b.random(r, c)
	for _, p := range []device.Momentum[T]{
		{Decay: 0.1, KeepMean: 0.9, AddGradient: 0.2, KeepWeights: 0.99, AlongGradient: -0.3, AlongMean: -0.7},
		{KeepMean: 0.9, AddGradient: 1, KeepWeights: 1, AlongMean: -0.1},
	} {
		wm, mm := put(w), put(m)
		device.MomentumStep(q, p, wm, put(g), mm)
		h := func(i, j int) float64 { return float64(g.At(i, j)) + float64(p.Decay)*float64(w.At(i, j)) }
		mean := func(i, j int) float64 {
			return float64(p.KeepMean)*float64(m.At(i, j)) + float64(p.AddGradient)*h(i, j)
		}
		b.near("MomentumStep: m", b.get(mm), mean, constant(32*b.eps))
		b.near("MomentumStep: w", b.get(wm), func(i, j int) float64 {
			return float64(p.KeepWeights)*float64(w.At(i, j)) + float64(p.AlongGradient)*h(i, j) + float64(p.AlongMean)*mean(i, j)
		}, constant(32*b.eps))
	}
}

func (b *bench[T]) scaledSums(q device.Queue[T], r, c int, put func(device.Dense[T]) device.Matrix[T]) {
	x, y := b.random(r, c), b.random(r, c)
	sums := func(α float64, first device.Dense[T], β float64, second device.Dense[T]) [3]float64 {
		var s [3]float64
		at := func(i int) float64 {
			v := α * float64(first.Data[i])
			if second.Data != nil {
				v += β * float64(second.Data[i])
			}
			return v
		}
		for i := range first.Data {
			s[0] = math.Max(s[0], math.Abs(at(i)))
		}
		if s[0] == 0 {
			return s
		}
		for i := range first.Data {
			z := at(i) / s[0] * at(i) / s[0]
			s[1] += z
			s[2] += z * z
		}
		return s
	}
	check := func(what string, α float64, first device.Dense[T], β float64, second device.Dense[T], cancel float64) {
		out := b.blank(1, 3)
		sm := device.Matrix[T]{}
		if second.Data != nil {
			sm = put(second)
		}
		device.ScaledSums(q, T(α), put(first), T(β), sm, out)
		want := sums(float64(T(α)), first, float64(T(β)), second)
		b.near("ScaledSums"+what, b.get(out), func(_, j int) float64 { return want[j] },
			func(_, j int) float64 { return b.eps * ((16+4*math.Sqrt(float64(r*c)))*want[j] + cancel) })
	}
	// The largest of the sums may be the difference of numbers of size 4.
	check("", -0.7, x, 0.3, y, 8*float64(r*c))
	check(" of one", 1, x, 0, device.Dense[T]{}, 0)
	check(" of zeros", 1, device.NewDense[T](r, c), 0, device.Dense[T]{}, 0)
	for _, scale := range []float64{1e30, 1e-30, extreme[T]()} { // whose fourth powers are out of range
		z := x.Clone()
		for i := range z.Data {
			z.Data[i] *= T(scale)
		}
		want := sums(1, z, 0, device.Dense[T]{})
		out := b.blank(3, 1)
		device.ScaledSums(q, 1, put(z), 0, device.Matrix[T]{}, out)
		b.near("ScaledSums of large or small numbers", b.get(out), func(i, _ int) float64 { return want[i] },
			func(i, _ int) float64 { return (32 + 4*math.Sqrt(float64(r*c))) * b.eps * want[i] })
	}
	for _, bad := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		z := x.Clone()
		z.Data[len(z.Data)-1] = T(bad)
		out := b.blank(1, 3)
		device.ScaledSums(q, 1, put(z), 0.5, put(y), out)
		if v := b.get(out).Data[0]; v-v == 0 {
			b.t.Fatalf("ScaledSums: %v gives the largest magnitude %v", bad, v)
		}
	}
}

// extreme is a size whose squares are far out of the range of T.
func extreme[T device.Float]() float64 {
	if device.Epsilon[T]() > 1e-10 {
		return 1e-35
	}
	return 1e250
}
