package optim

import (
	"context"
	"hash/fnv"

	"github.com/ritz-go/ritz/goapi/device"
)

// Dion moves weight matrices (m×n) by an orthonormal update of low rank r, which
// one step of power iteration finds (Ahn, Xu, Abreu, Fan, Magakyan, Sharma,
// Wei, Zhang: Dion, 2025). With a basis Q (n×r) kept from step to step,
//
//	B = M + G,  P = orth(B·Q),  R = Bᵀ·P,  M ← B - (1-μ)·P·Rᵀ
//	Q ← R with columns of length 1,  W ← (1-η·λ)·W - η·s·P·Qᵀ
//
// so that what the update leaves out stays in the momentum. A column of R that
// is 0 keeps its column of Q. A step costs 8·m·n·r operations and the QR
// factorization of an m×r matrix.
type Dion struct {
	LearningRate float64   // η; 0 means 0.01
	Momentum     float64   // μ; 0 means 0.95
	WeightDecay  float64   // λ; 0 means none
	Rank         int       // r; 0 means a quarter of the smaller side, which it cannot exceed
	Scale        ScaleRule // "" means Spectral
	Seed         uint64    // of the first basis, with the name of the parameter
}

func (r Dion) complete() (Rule, error) {
	r.LearningRate = orDefault(r.LearningRate, 0.01)
	r.Momentum = orDefault(r.Momentum, 0.95)
	if r.Scale == "" {
		r.Scale = Spectral
	}
	if r.Rank < 0 {
		return nil, device.Argument("rank", "is %d, must be positive (0 for the default)", r.Rank)
	}
	return r, first(checkRate(r.LearningRate), checkShare("momentum", r.Momentum), checkDecay(r.WeightDecay), r.Scale.check())
}

func (r Dion) rate() float64 { return r.LearningRate }
func (Dion) name() string    { return "dion" }

type dion[T device.Float] struct {
	plain[T]
	rule     Dion
	momentum device.Matrix[T]
	basis    []device.Matrix[T] // Q of each block
	work     *lowRank[T]
}

// lowRank is the workspace for blocks of one shape.
type lowRank[T device.Float] struct {
	p, r, triangle  device.Matrix[T] // m×k, n×k, k×k
	norm, dead, one device.Matrix[T] // 1×k
}

func newDion[T device.Float](q device.Queue[T], r Dion, p *parameter[T]) (mover[T], error) {
	if err := p.matrix("Dion"); err != nil {
		return nil, err
	}
	b := p.blocks[0]
	side := min(b.rows(), b.cols())
	k := min(r.Rank, side)
	if k == 0 {
		k = max(1, side/4)
	}
	w := &lowRank[T]{p: q.Alloc(b.rows(), k), r: q.Alloc(b.cols(), k), triangle: q.Alloc(k, k),
		norm: q.Alloc(1, k), dead: q.Alloc(1, k), one: q.Alloc(1, k)}
	q.Fill(1, w.one)
	m := &dion[T]{plain: plain[T]{p}, rule: r, momentum: q.Alloc(p.w.Rows, p.w.Cols), work: w}
	name := fnv.New64a()
	name.Write([]byte(p.name))
	for i := range p.blocks {
		basis := q.Alloc(b.cols(), k)
		q.Random(device.Normal, r.Seed^name.Sum64(), uint64(i), basis)
		q.QR(basis, w.triangle)
		m.basis = append(m.basis, basis)
	}
	return m, nil
}

func (m *dion[T]) limit() float64 { return squarable[T]() }

func (m *dion[T]) move(_ context.Context, q device.Queue[T], s stride[T]) error {
	const no, tr = device.NoTrans, device.Transp
	r, w := m.rule, m.work
	q.Add(1, no, m.p.g, 1, no, m.momentum, m.momentum)
	for i, b := range m.p.blocks {
		mom, basis, weights := of(b, m.momentum), m.basis[i], of(b, m.p.w)
		q.Gemm(no, no, 1, mom, basis, 0, w.p)
		q.QR(w.p, w.triangle)
		q.Gemm(tr, no, 1, mom, w.p, 0, w.r)
		q.Gemm(no, tr, T(r.Momentum-1), w.p, w.r, 1, mom)
		w.unitColumns(q, basis)
		q.Gemm(no, tr, T(-s.rate*r.Scale.factor(b)), w.p, basis, T(1-s.rate*r.WeightDecay), weights)
	}
	return nil
}

// unitColumns makes the basis of r: its columns, divided by their lengths where
// these are not 0. Columns are divided by their largest entry before, so that
// squares neither overflow nor underflow.
func (w *lowRank[T]) unitColumns(q device.Queue[T], basis device.Matrix[T]) {
	const no = device.NoTrans
	for _, r := range []device.Reduction{device.MaxAbs, device.SumSquares} {
		q.Reduce(r, device.PerCol, w.r, w.norm)
		if r == device.SumSquares {
			q.Map(device.Sqrt, w.norm, w.norm)
		}
		q.Map(device.Inv, w.norm, w.norm)
		q.Map(device.InfToZero, w.norm, w.norm) // also where the inverse overflows
		q.ScaleBy(device.PerCol, w.norm, w.r, w.r)
	}
	q.Map(device.Step, w.norm, w.dead) // 1 for a column that is left
	q.Add(1, no, w.one, -1, no, w.dead, w.dead)
	q.ScaleBy(device.PerCol, w.dead, basis, basis)
	q.Add(1, no, w.r, 1, no, basis, basis)
}

func (m *dion[T]) state() []slot[T] {
	slots := []slot[T]{{"momentum", m.momentum}}
	for i, b := range m.basis {
		slots = append(slots, slot[T]{blockName("basis", i), b})
	}
	return slots
}
