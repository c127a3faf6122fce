package nn

import "github.com/ritz-go/ritz/goapi/device"

// Need says which quantities a [Pass] keeps; each includes those before it.
type Need int

const (
	Outputs    Need = iota // hₗ and z_L
	Slopes                 // φ'(zₗ)
	Deltas                 // δₗ
	Curvatures             // (∂loss/∂hₗ)∘φ”(zₗ)
)

// Pass holds what the forward and the backward pass over some samples
// compute, one sample in each row. Index l of the slices means layer l,
// counted from 0; there are L layers and L-1 hidden ones.
//
// Call Forward, then Evaluate, then Backward, as far as they are needed.
type Pass[T device.Float] struct {
	// Inputs[l] is the input of layer l: Inputs[0] the samples, the others
	// the outputs of the hidden layers.
	Inputs []device.Matrix[T]
	// Z is the output of the network.
	Z device.Matrix[T]
	// Out is softmax(Z) for CrossEntropy and Z-Y for SquaredError.
	Out device.Matrix[T]
	// Slopes[l] is φ'(zₗ) of hidden layer l; absent for Identity, where it is 1.
	Slopes []device.Matrix[T]
	// Deltas[l] is the derivative of a sample's own loss (not divided by the
	// number of samples) with respect to zₗ.
	Deltas []device.Matrix[T]
	// Curvatures[l] is the derivative of a sample's loss with respect to hₗ
	// times φ”(zₗ), of hidden layer l; absent where φ” = 0.
	Curvatures []device.Matrix[T]

	activation Activation
	layers     []Layer
	need       Need
	before     []device.Matrix[T] // zₗ, for activations whose slope needs it
}

// NewPass allocates a pass over rows samples in the open scope of q.
func NewPass[T device.Float](q device.Queue[T], a Architecture, rows int, need Need) *Pass[T] {
	ls := a.Layers()
	hidden := max(0, len(ls)-1)
	p := &Pass[T]{
		activation: a.Activation,
		layers:     ls,
		need:       need,
		Inputs:     make([]device.Matrix[T], hidden+1),
		Z:          q.Alloc(rows, a.Outputs()),
		Out:        q.Alloc(rows, a.Outputs()),
	}
	perUnit := func(n int, wanted bool) []device.Matrix[T] {
		if !wanted {
			return nil
		}
		ms := make([]device.Matrix[T], n)
		for l := range ms {
			ms[l] = q.Alloc(rows, ls[l].Out)
		}
		return ms
	}
	copy(p.Inputs[1:], perUnit(hidden, true))
	p.before = perUnit(hidden, a.Activation.keepsInput() && need >= Slopes)
	p.Slopes = perUnit(hidden, a.Activation != Identity && need >= Slopes)
	p.Deltas = perUnit(len(ls), need >= Deltas)
	p.Curvatures = perUnit(hidden, a.Activation.curved() && need >= Curvatures)
	return p
}

// PassSize returns how many numbers a pass keeps for each sample, not
// counting the sample itself.
func PassSize(a Architecture, need Need) int {
	hidden := 0
	for l, s := range a.Sizes {
		if l > 0 && l < len(a.Sizes)-1 {
			hidden += s
		}
	}
	arrays := 1
	for _, kept := range []bool{
		a.Activation.keepsInput() && need >= Slopes,
		a.Activation != Identity && need >= Slopes,
		need >= Deltas,
		a.Activation.curved() && need >= Curvatures,
	} {
		if kept {
			arrays++
		}
	}
	outputs := 2
	if need >= Deltas {
		outputs = 3
	}
	return arrays*hidden + outputs*a.Outputs()
}

// fits reports whether θ is a 1×P vector for the layers of the pass.
func (p *Pass[T]) fits(θ device.Matrix[T]) bool {
	n := len(p.layers)
	return n > 0 && θ.Rows == 1 && θ.Cols == p.layers[n-1].End
}

// refuse makes q fail with device.ErrShape: the parameters do not fit, or the
// pass keeps nothing of what is asked for.
func refuse[T device.Float](q device.Queue[T]) { q.Fill(0, device.Matrix[T]{}) }

// Rows returns the view of samples [lo,hi).
func (p *Pass[T]) Rows(lo, hi int) *Pass[T] {
	rows := func(ms []device.Matrix[T]) []device.Matrix[T] {
		vs := make([]device.Matrix[T], len(ms))
		for i, m := range ms {
			if !m.IsZero() {
				vs[i] = m.RowRange(lo, hi)
			}
		}
		return vs
	}
	v := *p
	v.Inputs, v.Slopes, v.Deltas = rows(p.Inputs), rows(p.Slopes), rows(p.Deltas)
	v.Curvatures, v.before = rows(p.Curvatures), rows(p.before)
	v.Z, v.Out = p.Z.RowRange(lo, hi), p.Out.RowRange(lo, hi)
	return &v
}

// Forward computes Inputs, Z and Slopes for the samples x (rows×inputs) and
// the parameters θ (1×P). x is kept, not copied.
func (p *Pass[T]) Forward(q device.Queue[T], θ, x device.Matrix[T]) {
	if !p.fits(θ) {
		refuse(q)
		return
	}
	p.Inputs[0] = x
	last := len(p.layers) - 1
	for l, layer := range p.layers {
		w, b := LayerViews(θ, layer)
		z := p.Z
		if l < last {
			z = p.Inputs[l+1]
		}
		q.Gemm(device.NoTrans, device.Transp, 1, p.Inputs[l], w, 0, z)
		q.AddBy(device.PerCol, 1, b, z, z)
		if l == last {
			return
		}
		h := z
		if len(p.before) > 0 {
			z = p.before[l]
			q.Copy(z, h)
		}
		apply(q, p.activation, z, h)
		if len(p.Slopes) > 0 {
			slope(q, p.activation, z, h, p.Slopes[l])
		}
	}
}

// Backward computes Deltas, and Curvatures if they are kept, after Forward
// and Evaluate.
func (p *Pass[T]) Backward(q device.Queue[T], θ device.Matrix[T], b Batch[T]) {
	last := len(p.layers) - 1
	if !p.fits(θ) || len(p.Deltas) == 0 {
		refuse(q)
		return
	}
	if b.Loss == CrossEntropy {
		q.Add(1, device.NoTrans, p.Out, -1, device.NoTrans, b.Y, p.Deltas[last])
	} else {
		q.Copy(p.Deltas[last], p.Out)
	}
	p.BackwardFrom(q, θ, last)
}

// BackwardFrom computes Deltas[l-1], …, Deltas[0], and Curvatures if they are
// kept, from Deltas[l], which may be that of any function of layer l's outputs,
// after Forward.
func (p *Pass[T]) BackwardFrom(q device.Queue[T], θ device.Matrix[T], l int) {
	if !p.fits(θ) || l < 0 || l >= len(p.Deltas) {
		refuse(q)
		return
	}
	for l--; l >= 0; l-- {
		w, _ := LayerViews(θ, p.layers[l+1])
		p.throughLayer(q, w, l)
	}
}

// throughLayer computes Deltas[l] from Deltas[l+1]; w are the weights between.
func (p *Pass[T]) throughLayer(q device.Queue[T], w device.Matrix[T], l int) {
	δ := p.Deltas[l]
	q.Gemm(device.NoTrans, device.NoTrans, 1, p.Deltas[l+1], w, 0, δ)
	if p.activation == Identity {
		return
	}
	if len(p.Curvatures) == 0 {
		q.Mul(δ, p.Slopes[l], δ)
		return
	}
	defer q.Scope()()
	e := q.Alloc(δ.Rows, δ.Cols)
	q.Copy(e, δ)
	q.Mul(e, p.Slopes[l], δ)
	z := device.Matrix[T]{}
	if len(p.before) > 0 {
		z = p.before[l]
	}
	curvature(q, p.activation, z, p.Inputs[l+1], p.Slopes[l], e, δ, p.Curvatures[l])
}

// Gradient computes g = α·(sum of the samples' gradients) + β·g, g 1×P, after
// Backward. With β = 0, g is not read.
func (p *Pass[T]) Gradient(q device.Queue[T], α, β T, g device.Matrix[T]) {
	defer q.Scope()()
	if !p.fits(g) || len(p.Deltas) == 0 {
		refuse(q)
		return
	}
	for l, layer := range p.layers {
		w, b := LayerViews(g, layer)
		q.Gemm(device.Transp, device.NoTrans, α, p.Deltas[l], p.Inputs[l], β, w)
		sum := q.Alloc(1, layer.Out)
		q.Reduce(device.Sum, device.PerCol, p.Deltas[l], sum)
		if β == 0 {
			q.Add(α, device.NoTrans, sum, 0, device.NoTrans, device.Matrix[T]{}, b)
		} else {
			q.Add(α, device.NoTrans, sum, β, device.NoTrans, b, b)
		}
	}
}
