package conform

import (
	"math"
	"testing"

	"github.com/ritz-go/ritz/goapi/device"
)

// Two steps of optimizers against the formulas in float64.
func testSteps[T device.Float](t *testing.T, b *bench[T]) {
	for _, s := range [][2]int{{1, 1}, {3, 8}, {17, 33}} {
		w, g, m, v := b.random(s[0], s[1]), b.random(s[0], s[1]), b.random(s[0], s[1]), b.random(s[0], s[1])
		for i, x := range v.Data {
			v.Data[i] = x * x
		}
		v.Data[0], g.Data[0], m.Data[0] = 0, 0, 0
		c := device.Adam[T]{Mean: 0.9, Square: 0.75, Keep: 0.99, Size: 0.125, Unbias: 1.5, Epsilon: 1e-3}
		dw, dg, dm, dv := b.put(w), b.put(g), b.put(m), b.put(v)
		device.AdamStep(b.q, c, dw, dg, dm, dv)
		mean := func(i, j int) float64 {
			return float64(c.Mean)*float64(m.At(i, j)) + (1-float64(c.Mean))*float64(g.At(i, j))
		}
		square := func(i, j int) float64 {
			return float64(c.Square)*float64(v.At(i, j)) + (1-float64(c.Square))*math.Pow(float64(g.At(i, j)), 2)
		}
		moved := func(i, j int) float64 {
			return float64(c.Keep)*float64(w.At(i, j)) - float64(c.Size)*mean(i, j)/(float64(c.Unbias)*math.Sqrt(square(i, j))+float64(c.Epsilon))
		}
		size := func(i, j int) float64 { return 1 + math.Abs(float64(m.At(i, j))) + math.Abs(float64(g.At(i, j))) }
		b.near("AdamStep: m", b.get(dm), mean, func(i, j int) float64 { return 4 * b.eps * size(i, j) })
		b.near("AdamStep: v", b.get(dv), square, func(i, j int) float64 { return 4 * b.eps * square(i, j) })
		b.near("AdamStep: w", b.get(dw), moved, func(i, j int) float64 {
			return 8 * b.eps * (math.Abs(float64(w.At(i, j))) + size(i, j)/(math.Sqrt(square(i, j))+1e-3))
		})

		for _, c := range []device.Momentum[T]{
			{KeepMean: 0.5, AddGradient: 1, KeepWeights: 1, AlongMean: -0.25},
			{Decay: 0.125, KeepMean: 0.875, AddGradient: 0.5, KeepWeights: 0.75, AlongGradient: -0.5, AlongMean: -0.25},
		} {
			dw, dg, dm := b.put(w), b.put(g), b.put(m)
			device.MomentumStep(b.q, c, dw, dg, dm)
			h := func(i, j int) float64 { return float64(g.At(i, j)) + float64(c.Decay)*float64(w.At(i, j)) }
			mean := func(i, j int) float64 {
				return float64(c.KeepMean)*float64(m.At(i, j)) + float64(c.AddGradient)*h(i, j)
			}
			tol := func(i, j int) float64 { return 8 * b.eps * (size(i, j) + math.Abs(float64(w.At(i, j)))) }
			b.near("MomentumStep: m", b.get(dm), mean, tol)
			b.near("MomentumStep: w", b.get(dw), func(i, j int) float64 {
				return float64(c.KeepWeights)*float64(w.At(i, j)) + float64(c.AlongGradient)*h(i, j) + float64(c.AlongMean)*mean(i, j)
			}, tol)
		}
	}
}
