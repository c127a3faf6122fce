package sigmareparam

import (
	"math"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/optim"
)

// attention is softmax attention of several heads over samples of T tokens:
// for each sample and head P = softmax(Q·Kᵀ/√n), output P·V.
type attention[T device.Float] struct {
	samples, tokens, heads int
	query, key, value, out *linear[T]

	q, k, v, mixed     device.Matrix[T] // (samples·T)×d
	dq, dk, dv, dmixed device.Matrix[T]
	p, dp              device.Matrix[T] // (samples·heads·T)×T, a block for each sample and head
	entropies          device.Matrix[T] // 1×(samples·heads·T)
	dot                device.Matrix[T] // of that shape too
}

func newAttention[T device.Float](q device.Queue[T], samples, tokens, width, heads int) *attention[T] {
	a := &attention[T]{samples: samples, tokens: tokens, heads: heads}
	for _, l := range []**linear[T]{&a.query, &a.key, &a.value, &a.out} {
		*l = newLinear(q, width, width)
	}
	for _, m := range []*device.Matrix[T]{&a.q, &a.k, &a.v, &a.mixed, &a.dq, &a.dk, &a.dv, &a.dmixed} {
		*m = q.Alloc(samples*tokens, width)
	}
	rows := samples * heads * tokens
	a.p, a.dp = q.Alloc(rows, tokens), q.Alloc(rows, tokens)
	a.entropies, a.dot = q.Alloc(1, rows), q.Alloc(1, rows)
	return a
}

func (a *attention[T]) linears() []*linear[T] { return []*linear[T]{a.query, a.key, a.value, a.out} }

// scale of the logits.
func (a *attention[T]) scale() T { return T(1 / math.Sqrt(float64(a.q.Cols/a.heads))) }

// block returns the part of a sample and head of an activation.
func (a *attention[T]) block(m device.Matrix[T], sample, head int) device.Matrix[T] {
	n := m.Cols / a.heads
	return m.Slice(sample*a.tokens, (sample+1)*a.tokens, head*n, (head+1)*n)
}

// map calls f for every sample and head with its rows in p.
func (a *attention[T]) each(f func(sample, head int, lo, hi int)) {
	for s := range a.samples {
		for h := range a.heads {
			lo := (s*a.heads + h) * a.tokens
			f(s, h, lo, lo+a.tokens)
		}
	}
}

// forward adds the output for x to y.
func (a *attention[T]) forward(q device.Queue[T], x, y device.Matrix[T]) {
	const no, tr = device.NoTrans, device.Transp
	a.query.forward(q, x, a.q)
	a.key.forward(q, x, a.k)
	a.value.forward(q, x, a.v)
	a.each(func(s, h, lo, hi int) {
		q.Gemm(no, tr, a.scale(), a.block(a.q, s, h), a.block(a.k, s, h), 0, a.p.RowRange(lo, hi))
	})
	Entropies(q, a.p, a.p, a.entropies)
	a.each(func(s, h, lo, hi int) {
		q.Gemm(no, no, 1, a.p.RowRange(lo, hi), a.block(a.v, s, h), 0, a.block(a.mixed, s, h))
	})
	a.out.forward(q, a.mixed, a.dmixed) // whose memory is free in the forward pass
	q.Add(1, no, a.dmixed, 1, no, y, y)
}

// backward computes from the gradient dy of the output that of the input, dx.
func (a *attention[T]) backward(q device.Queue[T], dy, dx device.Matrix[T]) {
	const no, tr = device.NoTrans, device.Transp
	a.out.backward(q, dy, 0, a.dmixed)
	a.each(func(s, h, lo, hi int) {
		d := a.block(a.dmixed, s, h)
		q.Gemm(no, tr, 1, d, a.block(a.v, s, h), 0, a.dp.RowRange(lo, hi))
		q.Gemm(tr, no, 1, a.p.RowRange(lo, hi), d, 0, a.block(a.dv, s, h))
	})
	// Through the softmax: dL = P∘(dP - rows of ⟨P,dP⟩).
	q.Dot(device.PerRow, a.p, a.dp, a.dot)
	q.AddBy(device.PerRow, -1, a.dot, a.dp, a.dp)
	q.Mul(a.p, a.dp, a.dp)
	a.each(func(s, h, lo, hi int) {
		d := a.dp.RowRange(lo, hi)
		q.Gemm(no, no, a.scale(), d, a.block(a.k, s, h), 0, a.block(a.dq, s, h))
		q.Gemm(tr, no, a.scale(), d, a.block(a.q, s, h), 0, a.block(a.dk, s, h))
	})
	a.query.backward(q, a.dq, 0, dx)
	a.key.backward(q, a.dk, 1, dx)
	a.value.backward(q, a.dv, 1, dx)
}

// mlp is a layer of relu units between two linear ones.
type mlp[T device.Float] struct {
	in, out   *linear[T]
	hidden, δ device.Matrix[T] // rows×units
	y         device.Matrix[T] // rows×width
}

func newMLP[T device.Float](q device.Queue[T], rows, width, units int) *mlp[T] {
	return &mlp[T]{in: newLinear(q, units, width), out: newLinear(q, width, units),
		hidden: q.Alloc(rows, units), δ: q.Alloc(rows, units), y: q.Alloc(rows, width)}
}

func (m *mlp[T]) linears() []*linear[T] { return []*linear[T]{m.in, m.out} }

// forward adds the output for x to y.
func (m *mlp[T]) forward(q device.Queue[T], x, y device.Matrix[T]) {
	m.in.forward(q, x, m.hidden)
	q.Map(device.Relu, m.hidden, m.hidden)
	m.out.forward(q, m.hidden, m.y)
	q.Add(1, device.NoTrans, m.y, 1, device.NoTrans, y, y)
}

func (m *mlp[T]) backward(q device.Queue[T], dy, dx device.Matrix[T]) {
	m.out.backward(q, dy, 0, m.δ)
	q.Map(device.Step, m.hidden, m.hidden)
	q.Mul(m.δ, m.hidden, m.δ)
	m.in.backward(q, m.δ, 0, dx)
}

// parametersOf lists the parameters of layers.
func parametersOf[T device.Float](ls []*linear[T]) []optim.Parameter[T] {
	var ps []optim.Parameter[T]
	for _, l := range ls {
		ps = append(ps, l.parameters()...)
	}
	return ps
}
