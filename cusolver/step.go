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

// TryScaledSums leaves three numbers for each block and joins those. The number
// of blocks depends on the shape alone, so that every GPU adds in the same
// order.
func (q *queue[T]) TryScaledSums(α T, a device.Matrix[T], β T, b, out device.Matrix[T]) bool {
	if !q.begin(device.CheckScaledSums(a, b, out), a, b, out) {
		return true
	}
	if a.Len() == 0 {
		q.Fill(0, out)
		return true
	}
	defer q.Scope()()
	blocks := min(1024, (a.Len()+16*threads-1)/(16*threads))
	partial, ok := q.scratch(3 * 8 * blocks)
	if ok {
		q.launch("power_sums", blocks, α, β, a.Rows, a.Cols, address(a), a.LD, address(b), b.LD, partial)
		q.launch("power_final", 1, blocks, partial, address(out), step(out))
	}
	return true
}

var (
	_ device.ScaledSummer[float32]    = (*queue[float32])(nil)
	_ device.AdamStepper[float32]     = (*queue[float32])(nil)
	_ device.MomentumStepper[float32] = (*queue[float32])(nil)
)
