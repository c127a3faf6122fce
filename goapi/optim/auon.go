package optim

import (
	"context"
	"math"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/polar"
)

// AuONForm is a reading of the AuON optimizer.
type AuONForm string

const (
	// AuONPaper divides the normalized momentum.
	AuONPaper AuONForm = "paper"
	// AuONCode is what the authors' program does: it divides the momentum
	// itself, so that the size of the gradients remains.
	AuONCode AuONForm = "code"
)

// AuON moves weight matrices by bounded momentum (Maity 2025), without a matrix
// product unless Steps asks for it. With
//
//	M ← β·M + (1-β)·G,  Q = (1-β)·G + β·M,  X = Q/(‖Q‖_F + 10⁻⁷)
//	r = √(mean of cosh²(γ·Xᵢⱼ))
//
// the step is W ← (1-η·λ)·W - η·s·U with U = X/(r + 10⁻⁸) in the form of the
// paper and U = Q/(r + 10⁻⁸) in that of the code. As cosh² of numbers whose
// squares sum to 1 has the mean 1 + (γ² + …)/N over N elements, r is 1 to four
// digits for N ≥ 10⁴: for layers of real models AuON is momentum of Frobenius
// norm 1. Where ‖Q‖_F is not far above 10⁻⁷, the guard makes U shorter.
//
// With Steps > 0 it is Hybrid-AuON: X becomes the result of that many
// Newton–Schulz steps of polar.Muon, without a guard; r is that of this X, for
// the code's form of X divided by its norm; U = X/(r + 10⁻⁸) in both forms.
//
// Without Steps, a step passes over 7 arrays the size of the weights.
type AuON struct {
	LearningRate float64   // η; 0 means 0.055, the paper's for its language model
	Momentum     float64   // β; 0 means 0.95
	WeightDecay  float64   // λ; 0 means none
	Form         AuONForm  // "" means AuONPaper
	Gamma        float64   // γ, at most 4; 0 means 1, for the form of the code 1.5
	Steps        int       // 0 means AuON, more Hybrid-AuON: the paper has 1, its code 5
	Scale        ScaleRule // s; "" means Unscaled
}

func (r AuON) complete() (Rule, error) {
	r.LearningRate = orDefault(r.LearningRate, 0.055)
	r.Momentum = orDefault(r.Momentum, 0.95)
	if r.Scale == "" {
		r.Scale = Unscaled
	}
	switch r.Form {
	case "":
		r.Form = AuONPaper
	case AuONPaper, AuONCode:
	default:
		return nil, device.Argument("form", "is %q, must be paper or code", string(r.Form))
	}
	if r.Gamma == 0 {
		r.Gamma = 1
		if r.Form == AuONCode {
			r.Gamma = 1.5
		}
	}
	switch {
	case !(r.Gamma > 0 && r.Gamma <= 4):
		return nil, device.Argument("gamma", "is %v, must be above 0 and at most 4", r.Gamma)
	case r.Steps < 0 || r.Steps > 100:
		return nil, device.Argument("steps", "is %d, must be between 0 and 100", r.Steps)
	}
	return r, first(checkRate(r.LearningRate), checkShare("momentum", r.Momentum), checkDecay(r.WeightDecay), r.Scale.check())
}

func (r AuON) rate() float64 { return r.LearningRate }
func (AuON) name() string    { return "auon" }

// The numbers that keep quotients finite.
const (
	auonNormGuard = 1e-7
	auonGuard     = 1e-8
)

type auon[T device.Float] struct {
	p        *parameter[T]
	rule     AuON
	momentum device.Matrix[T]
	sums     device.Matrix[T]

	// Of the hybrid form.
	work   *scratch[T]
	factor *polar.Orthogonalizer[T] // of a block
}

func newAuON[T device.Float](q device.Queue[T], r AuON, p *parameter[T], work *scratch[T]) (mover[T], error) {
	if err := p.matrix("AuON"); err != nil {
		return nil, err
	}
	m := &auon[T]{p: p, rule: r, momentum: q.Alloc(p.w.Rows, p.w.Cols), work: work, sums: q.Alloc(1, looks)}
	if r.Steps > 0 {
		work.need(p.w.Len())
		b := p.blocks[0]
		var err error
		if m.factor, err = work.orthogonalizer(b.rows(), b.cols(), polar.Options{Method: polar.Muon, Steps: r.Steps, NoCertificate: true}); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func (m *auon[T]) limit() float64 {
	if m.rule.Form == AuONCode && m.rule.Steps == 0 {
		return squarable[T]()
	}
	return largest[T]()
}

// direct reports whether the step is a multiple of Q for the whole matrix, so
// that a single look at it is enough.
func (m *auon[T]) direct() bool { return m.rule.Steps == 0 && len(m.p.blocks) == 1 }

// look sees the momentum Q that the gradient leads to, of which it is a
// combination: no gradient that is not finite escapes.
func (m *auon[T]) look(q device.Queue[T], out device.Matrix[T]) {
	if !m.direct() {
		plain[T]{m.p}.look(q, out)
		return
	}
	g, k := m.shares()
	device.ScaledSums(q, T(g), m.p.g, T(k), m.momentum, out)
}

// shares returns the factors of G and of the old M in Q.
func (m *auon[T]) shares() (g, old float64) {
	β := m.rule.Momentum
	return (1 - β) * (1 + β), β * β
}

func (m *auon[T]) move(ctx context.Context, q device.Queue[T], s stride[T]) error {
	β := m.rule.Momentum
	if m.direct() {
		u, err := m.size(q, m.p.g, m.momentum, s.seen)
		if err != nil {
			return err
		}
		α := -s.rate * m.rule.Scale.factor(m.p.blocks[0]) * u
		device.MomentumStep(q, device.Momentum[T]{
			KeepMean:      T(β),
			AddGradient:   T(1 - β),
			KeepWeights:   T(1 - s.rate*m.rule.WeightDecay),
			AlongGradient: T(α * (1 - β)),
			AlongMean:     T(α * β),
		}, m.p.w, m.p.g, m.momentum)
		return nil
	}
	for _, b := range m.p.blocks {
		if err := m.moveBlock(ctx, q, b, s); err != nil {
			return err
		}
	}
	const no = device.NoTrans
	q.Add(T(1-β), no, m.p.g, T(β), no, m.momentum, m.momentum)
	return nil
}

// moveBlock moves the weights of a block, of which the momentum is still that
// of the step before.
func (m *auon[T]) moveBlock(ctx context.Context, q device.Queue[T], b block, s stride[T]) error {
	const no = device.NoTrans
	g, w, old := of(b, m.p.g), of(b, m.p.w), of(b, m.momentum)
	shareG, shareM := m.shares()
	step, keep := s.rate*m.rule.Scale.factor(b), T(1-s.rate*m.rule.WeightDecay)
	if m.rule.Steps == 0 {
		device.ScaledSums(q, T(shareG), g, T(shareM), old, m.sums)
		seen, err := readVector(q, m.sums)
		if err != nil {
			return err
		}
		u, err := m.size(q, g, old, seen)
		if err != nil {
			return err
		}
		q.Add(T(-step*u*shareG), no, g, keep, no, w, w)
		q.Add(T(-step*u*shareM), no, old, 1, no, w, w)
		return nil
	}
	x := m.work.matrix(b.rows(), b.cols())
	q.Add(T(shareG), no, g, T(shareM), no, old, x)
	if _, err := m.factor.Orthogonalize(ctx, x, x); err != nil {
		return err
	}
	device.ScaledSums(q, 1, x, 0, device.Matrix[T]{}, m.sums)
	seen, err := readVector(q, m.sums)
	if err != nil {
		return err
	}
	scale := m.rule.Gamma
	if m.rule.Form == AuONCode {
		scale /= frobenius(seen) + auonNormGuard
	}
	r, err := coshMean(q, 1, x, 0, device.Matrix[T]{}, scale, seen)
	if err != nil {
		return err
	}
	q.Add(T(-step/(r+auonGuard)), no, x, keep, no, w, w)
	return nil
}

// size returns u with U = u·Q, for the sums over Q made of g and the momentum
// before the step.
func (m *auon[T]) size(q device.Queue[T], g, old device.Matrix[T], seen []T) (float64, error) {
	norm := frobenius(seen) + auonNormGuard
	shareG, shareM := m.shares()
	r, err := coshMean(q, shareG, g, shareM, old, m.rule.Gamma/norm, seen)
	if err != nil {
		return 0, err
	}
	if m.rule.Form == AuONCode {
		norm = 1
	}
	return 1 / (norm * (r + auonGuard)), nil
}

// frobenius returns the Frobenius norm from the sums of device.ScaledSums.
func frobenius[T device.Float](sums []T) float64 {
	return float64(sums[0]) * math.Sqrt(float64(sums[1]))
}

// coshMean returns √(mean of cosh²(z)) for the elements z of
// c·(α·A + β·B), of which sums holds what device.ScaledSums says of α·A + β·B.
//
// cosh²z - 1 = sinh²z = z² + z⁴/3 + 2·z⁶/45 + …: the first two sums are enough
// where the rest, which is largest if all of Σz⁴ sits in elements of the
// largest magnitude, is below rounding. Otherwise sinh²z is summed.
func coshMean[T device.Float](q device.Queue[T], α float64, a device.Matrix[T], β float64, b device.Matrix[T], c float64, sums []T) (float64, error) {
	n := float64(a.Len())
	top := c * float64(sums[0])
	if top == 0 || sums[1] == 0 {
		return 1, nil
	}
	second, fourth := top*top*float64(sums[1]), top*top*top*top*float64(sums[2])
	sinh := math.Sinh(top)
	// The rest of the series for the largest magnitude, as a share of z⁴.
	rest := (sinh*sinh - top*top - top*top*top*top/3) / (top * top * top * top)
	if top < 0.1 { // the difference would be rounding errors
		rest = 2. / 45 * top * top * 1.01
	}
	mean := (second + fourth/3) / n
	if rest*fourth/n > device.Epsilon[T]()/4 {
		sum, err := sinhSquares(q, α*c, a, β*c, b)
		if err != nil {
			return 0, err
		}
		mean = sum / n
	}
	return math.Sqrt(1 + mean), nil
}

// sinhSquares returns Σ sinh²(z) over the elements z of α·A + β·B, by
// sinh z = 2·t/(1-t²) with t = tanh(z/2), which keeps small z exact.
func sinhSquares[T device.Float](q device.Queue[T], α float64, a device.Matrix[T], β float64, b device.Matrix[T]) (float64, error) {
	const no = device.NoTrans
	defer q.Scope()()
	t, u, ones, sum := q.Alloc(a.Rows, a.Cols), q.Alloc(a.Rows, a.Cols), q.Alloc(a.Rows, 1), q.Alloc(1, 1)
	q.Fill(1, ones)
	q.Add(T(α/2), no, a, T(β/2), no, b, t)
	q.Map(device.Tanh, t, t)
	q.Mul(t, t, u)
	q.Add(-1, no, u, 0, no, device.Matrix[T]{}, u)
	q.AddBy(device.PerRow, 1, ones, u, u)
	q.Div(t, u, t)
	q.Reduce(device.SumSquares, device.Whole, t, sum)
	v, err := readVector(q, sum)
	return 4 * float64(v[0]), err
}

// readVector returns the elements of a row.
func readVector[T device.Float](q device.Queue[T], m device.Matrix[T]) ([]T, error) {
	v := make([]T, m.Cols)
	q.Download(device.Vector(v), m)
	return v, q.Sync()
}

func (m *auon[T]) state() []slot[T] { return []slot[T]{{"momentum", m.momentum}} }
