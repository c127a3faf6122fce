package sigmareparam

import (
	"context"
	"math"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/optim"
)

// variant is a way to keep a transformer stable.
type variant string

const (
	plainNet   variant = "no normalization"
	preNorm    variant = "pre-LN"
	reparamNet variant = "σReparam"
)

// shape of a vision transformer: tokens are square patches of an image.
type shape struct {
	tokens, patch        int // patches, and numbers in one
	width, heads, layers int
	classes              int
}

// model is a transformer for samples images at a time, with its gradients.
type model[T device.Float] struct {
	shape
	samples int
	embed   *linear[T]
	place   optim.Parameter[T] // T×width, added to the tokens of every image
	layers  []*layer[T]
	last    *norm[T]
	head    *linear[T]

	repeat, pool     device.Matrix[T] // constant: (samples·T)×T, samples×(samples·T)
	states           []device.Matrix[T]
	δ, inner         device.Matrix[T] // gradients of a state, and behind a normalization
	mean, dmean      device.Matrix[T] // samples×width
	scores, dscores  device.Matrix[T] // samples×classes
	largest, sum, at device.Matrix[T] // 1×samples
	one              device.Matrix[T] // 1×1
}

// layer is a block of a transformer.
type layer[T device.Float] struct {
	before, between *norm[T]
	attention       *attention[T]
	mlp             *mlp[T]
	middle          device.Matrix[T]
}

// newModel makes a model with random weights: of variance 2/(in+out), or for
// σReparam of standard deviation 0.1 with γ = 1.
func newModel[T device.Float](ctx context.Context, q device.Queue[T], s shape, v variant, samples int, seed uint64) (*model[T], error) {
	rows := samples * s.tokens
	m := &model[T]{shape: s, samples: samples,
		embed: newLinear(q, s.width, s.patch), head: newLinear(q, s.classes, s.width),
		place:  optim.Parameter[T]{Value: q.Alloc(s.tokens, s.width), Gradient: q.Alloc(s.tokens, s.width)},
		repeat: q.Alloc(rows, s.tokens), pool: q.Alloc(samples, rows),
		δ: q.Alloc(rows, s.width), inner: q.Alloc(rows, s.width),
		mean: q.Alloc(samples, s.width), dmean: q.Alloc(samples, s.width),
		scores: q.Alloc(samples, s.classes), dscores: q.Alloc(samples, s.classes),
		largest: q.Alloc(1, samples), sum: q.Alloc(1, samples), at: q.Alloc(1, samples), one: q.Alloc(1, 1)}
	normal := func() *norm[T] {
		if v != preNorm {
			return nil
		}
		return newNorm(q, rows, s.width)
	}
	for range s.layers {
		m.layers = append(m.layers, &layer[T]{before: normal(), between: normal(), middle: q.Alloc(rows, s.width),
			attention: newAttention(q, samples, s.tokens, s.width, s.heads), mlp: newMLP(q, rows, s.width, 2*s.width)})
	}
	m.last = normal()
	for range s.layers + 1 {
		m.states = append(m.states, q.Alloc(rows, s.width))
	}
	one := device.NewDense[T](s.tokens, s.tokens)
	share := device.NewDense[T](1, s.tokens)
	for i := range s.tokens {
		one.Set(i, i, 1)
		share.Set(0, i, T(1/float64(s.tokens)))
	}
	for i := range samples {
		q.Upload(m.repeat.RowRange(i*s.tokens, (i+1)*s.tokens), one)
		q.Upload(m.pool.Slice(i, i+1, i*s.tokens, (i+1)*s.tokens), share)
	}
	q.Random(device.Normal, seed, 0, m.place.Value)
	q.Add(0.1, device.NoTrans, m.place.Value, 0, device.NoTrans, device.Matrix[T]{}, m.place.Value)
	for i, l := range m.linears() {
		deviation := math.Sqrt(2 / float64(l.w.Rows+l.w.Cols))
		if v == reparamNet {
			deviation = 0.1
		}
		l.start(q, deviation, seed, uint64(i+1))
		if v == reparamNet {
			if err := l.reparametrize(ctx, q); err != nil {
				return nil, err
			}
		}
	}
	return m, q.Sync()
}

// linears lists all linear layers.
func (m *model[T]) linears() []*linear[T] {
	ls := []*linear[T]{m.embed}
	for _, l := range m.layers {
		ls = append(append(ls, l.attention.linears()...), l.mlp.linears()...)
	}
	return append(ls, m.head)
}

func (m *model[T]) parameters() []optim.Parameter[T] {
	return append(parametersOf(m.linears()), m.place)
}

// reparams lists the reparametrized matrices.
func (m *model[T]) reparams() []*Reparam[T] {
	var rs []*Reparam[T]
	for _, l := range m.linears() {
		if l.reparam != nil {
			rs = append(rs, l.reparam)
		}
	}
	return rs
}

// forward computes the scores of images x ((samples·T)×patch).
func (m *model[T]) forward(q device.Queue[T], x device.Matrix[T]) {
	const no = device.NoTrans
	m.embed.forward(q, x, m.states[0])
	q.Gemm(no, no, 1, m.repeat, m.place.Value, 1, m.states[0])
	for i, l := range m.layers {
		q.Copy(l.middle, m.states[i])
		l.attention.forward(q, l.before.forward(q, m.states[i]), l.middle)
		q.Copy(m.states[i+1], l.middle)
		l.mlp.forward(q, l.between.forward(q, l.middle), m.states[i+1])
	}
	q.Gemm(no, no, 1, m.pool, m.last.forward(q, m.states[len(m.layers)]), 0, m.mean)
	m.head.forward(q, m.mean, m.scores)
}

// evaluate computes the mean cross-entropy for one-hot labels y and the
// gradient of the scores.
func (m *model[T]) evaluate(q device.Queue[T], y, loss device.Matrix[T]) {
	const no = device.NoTrans
	share := 1 / T(m.samples)
	q.Reduce(device.Max, device.PerRow, m.scores, m.largest)
	q.AddBy(device.PerRow, -1, m.largest, m.scores, m.scores)
	q.Dot(device.PerRow, m.scores, y, m.at)
	q.Map(device.Exp, m.scores, m.dscores)
	q.Reduce(device.Sum, device.PerRow, m.dscores, m.sum)
	q.Map(device.Inv, m.sum, m.largest)
	q.ScaleBy(device.PerRow, m.largest, m.dscores, m.dscores)
	q.Add(share, no, m.dscores, -share, no, y, m.dscores)
	q.Map(device.Log, m.sum, m.sum)
	q.Add(share, no, m.sum, -share, no, m.at, m.sum)
	q.Reduce(device.Sum, device.Whole, m.sum, loss)
}

// backward computes the gradients of all parameters after evaluate.
func (m *model[T]) backward(q device.Queue[T]) {
	const no, tr = device.NoTrans, device.Transp
	m.head.backward(q, m.dscores, 0, m.dmean)
	q.Fill(0, m.δ)
	q.Gemm(tr, no, 1, m.pool, m.dmean, 0, m.inner)
	m.last.backward(q, m.inner, m.δ)
	for i := len(m.layers) - 1; i >= 0; i-- {
		l := m.layers[i]
		l.mlp.backward(q, m.δ, m.inner)
		l.between.backward(q, m.inner, m.δ)
		l.attention.backward(q, m.δ, m.inner)
		l.before.backward(q, m.inner, m.δ)
	}
	q.Gemm(tr, no, 1, m.repeat, m.δ, 0, m.place.Gradient)
	m.embed.backward(q, m.δ, 0, device.Matrix[T]{})
}

// entropy stores the mean entropy of the attention of each layer in out.
func (m *model[T]) entropy(q device.Queue[T], out device.Matrix[T]) {
	for i, l := range m.layers {
		e := l.attention.entropies
		q.Reduce(device.Sum, device.Whole, e, m.one)
		q.Add(1/T(e.Len()), device.NoTrans, m.one, 0, device.NoTrans, device.Matrix[T]{}, out.Slice(0, 1, i, i+1))
	}
}
