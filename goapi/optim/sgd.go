package optim

import (
	"context"

	"github.com/ritz-go/ritz/goapi/device"
)

// SGD is gradient descent with momentum μ, dampening τ and a decay λ that is
// added to the gradient:
//
//	H = G + λ·W,  M ← μ·M + (1-τ)·H,  W ← W - η·M
//
// The first step takes M = H. With Nesterov, W ← W - η·(H + μ·M) instead;
// without momentum, W ← W - η·H. A step passes over 5 arrays the size of the
// weights, 3 without momentum, and once more over the gradient.
type SGD struct {
	LearningRate float64 // η; 0 means 10⁻³
	Momentum     float64 // μ; 0 means none
	Dampening    float64 // τ; needs momentum
	Nesterov     bool    // needs momentum and no dampening
	WeightDecay  float64 // λ; 0 means none
}

func (r SGD) complete() (Rule, error) {
	r.LearningRate = orDefault(r.LearningRate, 1e-3)
	err := first(checkRate(r.LearningRate), checkShare("momentum", r.Momentum), checkDecay(r.WeightDecay))
	switch {
	case err != nil:
		return nil, err
	case !(r.Dampening >= 0 && r.Dampening <= 1):
		return nil, device.Argument("dampening", "is %v, must be between 0 and 1", r.Dampening)
	case r.Dampening > 0 && r.Momentum == 0:
		return nil, device.Argument("dampening", "is %v without momentum", r.Dampening)
	case r.Nesterov && (r.Momentum == 0 || r.Dampening != 0):
		return nil, device.Argument("nesterov", "needs momentum and no dampening")
	}
	return r, nil
}

func (r SGD) rate() float64 { return r.LearningRate }
func (SGD) name() string    { return "sgd" }

type sgd[T device.Float] struct {
	plain[T]
	rule     SGD
	momentum device.Matrix[T] // zero Matrix without
}

func newSGD[T device.Float](q device.Queue[T], r SGD, p *parameter[T]) mover[T] {
	m := &sgd[T]{plain: plain[T]{p}, rule: r}
	if r.Momentum > 0 {
		m.momentum = q.Alloc(p.w.Rows, p.w.Cols)
	}
	return m
}

func (m *sgd[T]) limit() float64 { return squarable[T]() }

func (m *sgd[T]) move(_ context.Context, q device.Queue[T], s stride[T]) error {
	r := m.rule
	if r.Momentum == 0 {
		q.Add(T(-s.rate), device.NoTrans, m.p.g, T(1-s.rate*r.WeightDecay), device.NoTrans, m.p.w, m.p.w)
		return nil
	}
	c := device.Momentum[T]{
		Decay:       T(r.WeightDecay),
		KeepMean:    T(r.Momentum),
		AddGradient: T(1 - r.Dampening),
		KeepWeights: 1,
		AlongMean:   T(-s.rate),
	}
	if s.number == 1 {
		c.AddGradient = 1
	}
	if r.Nesterov {
		c.AlongGradient, c.AlongMean = T(-s.rate), T(-s.rate*r.Momentum)
	}
	device.MomentumStep(q, c, m.p.w, m.p.g, m.momentum)
	return nil
}

func (m *sgd[T]) state() []slot[T] {
	if m.momentum.IsZero() {
		return nil
	}
	return []slot[T]{{"momentum", m.momentum}}
}
