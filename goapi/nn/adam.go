package nn

import (
	"math"

	"github.com/ritz-go/ritz/goapi/device"
)

// Adam's decay rates and the number that keeps its quotient finite, as
// recommended by Kingma and Ba (2015).
const (
	decayMean   = 0.9
	decaySquare = 0.999
	adamEpsilon = 1e-8
)

// adam is the state of the optimizer. All vectors are 1×P.
type adam[T device.Float] struct {
	rate         float64
	steps        int
	mean, square device.Matrix[T] // moving averages of g and g²
	epsilon      device.Matrix[T] // adamEpsilon everywhere
	work         device.Matrix[T]
}

func newAdam[T device.Float](q device.Queue[T], p int, rate float64) *adam[T] {
	a := &adam[T]{rate: rate, mean: q.Alloc(1, p), square: q.Alloc(1, p), epsilon: q.Alloc(1, p), work: q.Alloc(1, p)}
	q.Fill(adamEpsilon, a.epsilon)
	return a
}

// step moves θ against the gradient g.
func (a *adam[T]) step(q device.Queue[T], θ, g device.Matrix[T]) {
	const no = device.NoTrans
	a.steps++
	unbiasMean := 1 / (1 - math.Pow(decayMean, float64(a.steps)))
	unbiasSquare := 1 / (1 - math.Pow(decaySquare, float64(a.steps)))
	q.Add(1-decayMean, no, g, decayMean, no, a.mean, a.mean)
	q.Mul(g, g, a.work)
	q.Add(1-decaySquare, no, a.work, decaySquare, no, a.square, a.square)
	q.Map(device.Sqrt, a.square, a.work)
	q.Add(T(math.Sqrt(unbiasSquare)), no, a.work, 1, no, a.epsilon, a.work)
	q.Div(a.mean, a.work, a.work)
	q.Add(T(-a.rate*unbiasMean), no, a.work, 1, no, θ, θ)
}
