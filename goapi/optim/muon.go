package optim

import (
	"context"
	"errors"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/polar"
)

// Muon moves weight matrices by orthogonalized momentum (Jordan 2024):
//
//	M ← μ·M + (1-μ)·G,  N = (1-μ)·G + μ·M
//	W ← (1-η·λ)·W - η·s·polar(N)
//
// with s the factor of the scale rule. Where the momentum is kept as
// M ← μ·M + G elsewhere, N differs by a factor that its polar factor does not
// see. A zero N leaves the decay alone. Vectors, embeddings and output layers
// are better left to AdamW.
//
// With Rows, NorMuon's second average (Li et al. 2025) makes rows even: for
// Y = polar(N), in each row i of a block
//
//	vᵢ ← β₂·vᵢ + (1-β₂)·meanⱼ(Yᵢⱼ²),  Yᵢⱼ ← Yᵢⱼ / (√vᵢ + 10⁻⁸)
//
// and then Y is brought back to the Frobenius norm that it had.
//
// The cost is that of the polar factors (see [polar.Compute]); for each a few
// numbers are read from the device, in the default before and after its steps.
type Muon struct {
	LearningRate float64   // η; 0 means 0.02
	Momentum     float64   // μ; 0 means 0.95
	Heavy        bool      // N = M, without Nesterov's look ahead
	WeightDecay  float64   // λ; 0 means none
	Scale        ScaleRule // "" means Tall
	Rows         bool      // NorMuon
	Beta2        float64   // of NorMuon; 0 means 0.95

	// Polar chooses how the polar factor is computed; the zero value means
	// the five steps of polar.Muon. A factor that did not reach the tolerance
	// of other methods is used as it is.
	Polar polar.Options
}

func (r Muon) complete() (Rule, error) {
	r.LearningRate = orDefault(r.LearningRate, 0.02)
	r.Momentum = orDefault(r.Momentum, 0.95)
	if r.Scale == "" {
		r.Scale = Tall
	}
	if r.Polar.Method == "" {
		r.Polar.Method = polar.Muon
	}
	r.Polar.NoCertificate = r.Polar.Fixed()
	if r.Polar.H {
		return nil, device.Argument("polar", "asks for the symmetric factor, which has no use here")
	}
	if r.Beta2 != 0 && !r.Rows {
		return nil, device.Argument("beta2", "is %v, but there is no average of rows", r.Beta2)
	}
	r.Beta2 = orDefault(r.Beta2, 0.95)
	return r, first(checkRate(r.LearningRate), checkShare("momentum", r.Momentum), checkShare("beta2", r.Beta2),
		checkDecay(r.WeightDecay), r.Scale.check())
}

func (r Muon) rate() float64 { return r.LearningRate }
func (Muon) name() string    { return "muon" }

type muon[T device.Float] struct {
	plain[T]
	rule     Muon
	momentum device.Matrix[T]
	work     *scratch[T]
	factors  []*polar.Orthogonalizer[T] // of each block
	rows     []device.Matrix[T]         // vᵢ of each block, with Rows
	even     *rowNorms[T]
}

func newMuon[T device.Float](q device.Queue[T], r Muon, p *parameter[T], work *scratch[T]) (mover[T], error) {
	if err := p.matrix("Muon"); err != nil {
		return nil, err
	}
	if err := checkPolar(q, r.Polar); err != nil {
		return nil, err
	}
	m := &muon[T]{plain: plain[T]{p}, rule: r, momentum: q.Alloc(p.w.Rows, p.w.Cols), work: work}
	work.need(p.w.Len())
	for _, b := range p.blocks {
		z, err := work.orthogonalizer(b.rows(), b.cols(), r.Polar)
		if err != nil {
			return nil, err
		}
		m.factors = append(m.factors, z)
	}
	if r.Rows {
		for _, b := range p.blocks {
			m.rows = append(m.rows, q.Alloc(b.rows(), 1))
		}
		m.even = newRowNorms(q, p.blocks[0].rows())
	}
	return m, nil
}

// checkPolar tries options on a matrix of one element.
func checkPolar[T device.Float](q device.Queue[T], o polar.Options) error {
	defer q.Scope()()
	one := q.Alloc(1, 1)
	q.Fill(1, one)
	if _, err := polar.Orthogonalize(context.Background(), q, one, one, o); !errors.Is(err, device.ErrNotConverged) {
		return err
	}
	return nil
}

func (m *muon[T]) move(ctx context.Context, q device.Queue[T], s stride[T]) error {
	const no = device.NoTrans
	r, p, μ := m.rule, m.p, T(m.rule.Momentum)
	n := m.work.matrix(p.w.Rows, p.w.Cols)
	q.Add(1-μ, no, p.g, μ, no, m.momentum, m.momentum)
	if r.Heavy {
		q.Copy(n, m.momentum)
	} else {
		q.Add(1-μ, no, p.g, μ, no, m.momentum, n)
	}
	for i, b := range p.blocks {
		y := of(b, n)
		if _, err := m.factors[i].Orthogonalize(ctx, y, y); err != nil && !errors.Is(err, device.ErrNotConverged) {
			return err
		}
		if r.Rows {
			m.even.apply(q, T(r.Beta2), m.rows[i], y)
		}
		w := of(b, p.w)
		q.Add(T(-s.rate*r.Scale.factor(b)), no, y, T(1-s.rate*r.WeightDecay), no, w, w)
	}
	return nil
}

func (m *muon[T]) state() []slot[T] {
	slots := []slot[T]{{"momentum", m.momentum}}
	for i, v := range m.rows {
		slots = append(slots, slot[T]{blockName("rows", i), v})
	}
	return slots
}

// rowNorms is the workspace of NorMuon's row step for blocks of one height.
type rowNorms[T device.Float] struct {
	squares, scale, epsilon, ones, factor device.Matrix[T] // rows×1
	before, after                         device.Matrix[T] // 1×1
}

func newRowNorms[T device.Float](q device.Queue[T], rows int) *rowNorms[T] {
	e := &rowNorms[T]{before: q.Alloc(1, 1), after: q.Alloc(1, 1)}
	for _, v := range []*device.Matrix[T]{&e.squares, &e.scale, &e.epsilon, &e.ones, &e.factor} {
		*v = q.Alloc(rows, 1)
	}
	q.Fill(1e-8, e.epsilon)
	q.Fill(1, e.ones)
	return e
}

// apply updates the averages v and divides the rows of y by their roots. The
// norms before and after follow from the sums of squares of the rows, so that
// y is read once more only.
func (e *rowNorms[T]) apply(q device.Queue[T], β2 T, v, y device.Matrix[T]) {
	const no = device.NoTrans
	q.Reduce(device.SumSquares, device.PerRow, y, e.squares)
	q.Reduce(device.Sum, device.Whole, e.squares, e.before)
	q.Add((1-β2)/T(y.Cols), no, e.squares, β2, no, v, v)
	q.Map(device.Sqrt, v, e.scale)
	q.Add(1, no, e.scale, 1, no, e.epsilon, e.scale)
	q.Map(device.Inv, e.scale, e.scale)
	q.Mul(e.scale, e.scale, e.factor)
	q.Dot(device.Whole, e.factor, e.squares, e.after)
	q.Div(e.before, e.after, e.after) // 0/0 = 0 for a zero y
	q.Map(device.Sqrt, e.after, e.after)
	q.Gemm(no, no, 1, e.ones, e.after, 0, e.factor)
	q.Mul(e.scale, e.factor, e.scale)
	q.ScaleBy(device.PerRow, e.scale, y, y)
}
