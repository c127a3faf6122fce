package optim

import (
	"context"
	"math"

	"github.com/ritz-go/ritz/goapi/device"
)

// AdamW is Adam with decoupled weight decay (Kingma and Ba 2015; Loshchilov and
// Hutter 2019):
//
//	M ← β₁·M + (1-β₁)·G,  V ← β₂·V + (1-β₂)·G²
//	W ← (1-η·λ)·W - η·M/(1-β₁ᵗ) / (√(V/(1-β₂ᵗ)) + ε)
//
// A step passes over 7 arrays the size of the weights, and once more over the
// gradient for the look at it.
type AdamW struct {
	LearningRate float64 // η; 0 means 10⁻³
	Beta1        float64 // 0 means 0.9
	Beta2        float64 // 0 means 0.999
	Epsilon      float64 // ε; 0 means 10⁻⁸
	WeightDecay  float64 // λ; 0 means none, which makes it Adam
}

func (r AdamW) complete() (Rule, error) {
	r.LearningRate = orDefault(r.LearningRate, 1e-3)
	r.Beta1 = orDefault(r.Beta1, 0.9)
	r.Beta2 = orDefault(r.Beta2, 0.999)
	r.Epsilon = orDefault(r.Epsilon, 1e-8)
	if !(r.Epsilon >= leastEpsilon && r.Epsilon <= 1) {
		return nil, device.Argument("epsilon", "is %v, must be between %g and 1", r.Epsilon, leastEpsilon)
	}
	return r, first(checkRate(r.LearningRate), checkShare("beta1", r.Beta1), checkShare("beta2", r.Beta2), checkDecay(r.WeightDecay))
}

// leastEpsilon is a number of float32 beside which no square of a gradient is
// lost that the step could divide by.
const leastEpsilon = 1e-30

func (r AdamW) rate() float64 { return r.LearningRate }
func (AdamW) name() string    { return "adamw" }

type adamW[T device.Float] struct {
	plain[T]
	rule         AdamW
	mean, square device.Matrix[T]
}

func newAdamW[T device.Float](q device.Queue[T], r AdamW, p *parameter[T]) mover[T] {
	return &adamW[T]{plain[T]{p}, r, q.Alloc(p.w.Rows, p.w.Cols), q.Alloc(p.w.Rows, p.w.Cols)}
}

func (m *adamW[T]) limit() float64 { return squarable[T]() }

func (m *adamW[T]) move(_ context.Context, q device.Queue[T], s stride[T]) error {
	r, t := m.rule, float64(s.number)
	device.AdamStep(q, device.Adam[T]{
		Mean:    T(r.Beta1),
		Square:  T(r.Beta2),
		Keep:    T(1 - s.rate*r.WeightDecay),
		Size:    T(s.rate / (1 - math.Pow(r.Beta1, t))),
		Unbias:  T(1 / math.Sqrt(1-math.Pow(r.Beta2, t))),
		Epsilon: T(r.Epsilon),
	}, m.p.w, m.p.g, m.mean, m.square)
	return nil
}

func (m *adamW[T]) state() []slot[T] {
	return []slot[T]{{"mean", m.mean}, {"square", m.square}}
}
