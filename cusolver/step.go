//go:build cgo && linux && !nocuda

package cusolver

import "github.com/ritz-go/ritz/goapi/device"

// The steps of optimizers, each in one pass over its matrices.

func (q *queue[T]) TryAdamStep(c device.Adam[T], w, g, m, v device.Matrix[T]) bool {
	if q.begin(device.CheckSame("AdamStep", w, g, m, v), w, g, m, v) {
		q.sweep("adam_step", w.Len(), c.Mean, c.Square, c.Keep, c.Size, c.Unbias, c.Epsilon, w.Rows, w.Cols,
			address(w), w.LD, address(g), g.LD, address(m), m.LD, address(v), v.LD)
	}
	return true
}

func (q *queue[T]) TryMomentumStep(c device.Momentum[T], w, g, m device.Matrix[T]) bool {
	if q.begin(device.CheckSame("MomentumStep", w, g, m), w, g, m) {
		q.sweep("momentum_step", w.Len(), c.Decay, c.KeepMean, c.AddGradient, c.KeepWeights, c.AlongGradient, c.AlongMean,
			w.Rows, w.Cols, address(w), w.LD, address(g), g.LD, address(m), m.LD)
	}
	return true
}

var (
	_ device.AdamStepper[float32]     = (*queue[float32])(nil)
	_ device.MomentumStepper[float32] = (*queue[float32])(nil)
)
