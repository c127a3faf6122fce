package hessian

import (
	"context"
	"fmt"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/nn"
	"github.com/ritz-go/ritz/goapi/spectrum"
)

// Kind names a curvature matrix; the package documentation defines them.
type Kind string

const (
	Hessian    Kind = "hessian"
	GGN        Kind = "ggn"
	Fisher     Kind = "fisher"
	TrueFisher Kind = "true-fisher"
)

// Options of [MLP]. The zero value asks for the Hessian.
type Options struct {
	// Kind of matrix, "" for Hessian.
	Kind Kind
	// WeightDecay is the factor λ of a term ½λ·‖θ‖² of the loss, whose
	// Hessian λ·I is added to the matrix, of whichever kind.
	WeightDecay float64
	// CacheLimit is the largest number of bytes that the activations and
	// derivatives of all samples may take; 0 means 1 GiB. Beyond it they are
	// computed anew for every product.
	CacheLimit int64
}

func (o Options) complete() (Options, error) {
	switch o.Kind {
	case "":
		o.Kind = Hessian
	case Hessian, GGN, Fisher:
	case TrueFisher:
		// The mean over the model's labels of g·gᵀ with g = Jᵀ·(p - e_label)
		// is Jᵀ·(diag(p) - p·pᵀ)·J, that over normal targets is Jᵀ·J.
		o.Kind = GGN
	default:
		return o, device.Argument("kind", "is %q, must be hessian, ggn, fisher or true-fisher", string(o.Kind))
	}
	if !(o.WeightDecay >= 0 && o.WeightDecay < 1e30) {
		return o, device.Argument("weight decay", "is %v, must be a number from 0", o.WeightDecay)
	}
	if o.CacheLimit < 0 {
		return o, device.Argument("cache limit", "is %d bytes, must not be negative", o.CacheLimit)
	}
	if o.CacheLimit == 0 {
		o.CacheLimit = 1 << 30
	}
	return o, nil
}

// Network is the operator of a multilayer perceptron, of all its parameters
// or of some.
type Network[T device.Float] struct {
	arch   nn.Architecture
	layers []nn.Layer
	part   part // the parameters that directions have
	kind   Kind
	decay  T
	θ      device.Matrix[T] // 1×P, all parameters
	data   samples[T]
	cached *nn.Pass[T] // over all samples; nil: recompute for each product
}

var _ spectrum.Operator[float32] = (*Network[float32])(nil)

// MLP returns the operator of the mean loss of net on data. The data, the
// parameters and the cached derivatives live in the open scope of q; the
// operator can be used with every queue of the same device while that is
// open, by several goroutines too. Later changes of net and data have no
// effect.
//
// A product with k directions costs about 12·k·n·P operations for the
// Hessian, 8·k·n·P for the Gauss-Newton matrix and 4·k·n·P for the empirical
// Fisher matrix, of which the first layer, which nothing precedes, has only
// 4 instead of 12 or 8. [Network.Memory] tells what it takes.
//
// Errors: those of [nn.Network.Check] and [nn.Data.Check],
// *device.ArgumentError for options, device.ErrNotFinite if the loss
// overflows, the error of ctx.
func MLP[T device.Float](ctx context.Context, q device.Queue[T], net *nn.Network[T], data nn.Data[T], o Options) (*Network[T], error) {
	o, err := o.complete()
	if err != nil {
		return nil, err
	}
	if err := net.Check(); err != nil {
		return nil, err
	}
	if err := data.Check(net.Architecture); err != nil {
		return nil, err
	}
	return newNetwork(ctx, q, net, held[T]{data.Upload(q, net.Architecture)}, o)
}

// newNetwork makes the operator for checked arguments. For GGN and
// CrossEntropy the targets may be missing.
func newNetwork[T device.Float](ctx context.Context, q device.Queue[T], net *nn.Network[T], data samples[T], o Options) (*Network[T], error) {
	arch := net.Architecture
	arch.Sizes = append([]int(nil), arch.Sizes...)
	m := &Network[T]{
		arch: arch, layers: arch.Layers(),
		kind:  o.Kind,
		decay: T(o.WeightDecay),
		θ:     q.Alloc(1, len(net.Theta)),
		data:  data,
	}
	m.part = wholePart(m.layers, 0, len(m.layers)-1)
	q.Upload(m.θ, device.Vector(net.Theta))
	if _, stays := data.(held[T]); stays && m.passBytes(data.count()) <= o.CacheLimit {
		m.cached = nn.NewPass(q, arch, data.count(), m.need())
	}
	return m, m.linearize(ctx, q)
}

// passBytes returns the bytes of a pass over n samples.
func (m *Network[T]) passBytes(n int) int64 {
	return int64(nn.PassSize(m.arch, m.need())) * int64(n) * bytes[T]()
}

// linearize runs the passes over all samples, filling the cache if there is
// one, and reports whether everything stayed finite.
func (m *Network[T]) linearize(ctx context.Context, q device.Queue[T]) error {
	defer q.Scope()()
	sum := q.Alloc(1, 1)
	host := make([]T, 1)
	return m.data.each(ctx, q, m.chunkRows(1), true, func(b nn.Batch[T], lo, hi int) error {
		defer q.Scope()()
		p := m.pass(q, b, lo, hi, true)
		q.Reduce(device.Sum, device.Whole, p.Out, sum)
		q.Download(device.Vector(host), sum)
		if err := q.Sync(); err != nil {
			return err
		}
		if v := float64(host[0]); v-v != 0 {
			return fmt.Errorf("outputs of the network for samples %d to %d: %w", lo, hi-1, device.ErrNotFinite)
		}
		return nil
	})
}

// need says which part of the passes the products use.
func (m *Network[T]) need() nn.Need {
	switch m.kind {
	case GGN:
		return nn.Slopes
	case Fisher:
		return nn.Deltas
	}
	return nn.Curvatures
}

// pass returns the pass over samples [lo,hi), which b holds, computing it
// where there is no cache or compute is set.
func (m *Network[T]) pass(q device.Queue[T], b nn.Batch[T], lo, hi int, compute bool) *nn.Pass[T] {
	var p *nn.Pass[T]
	if m.cached != nil {
		p = m.cached.Rows(lo, hi)
		if !compute {
			p.Inputs[0] = b.X
			return p
		}
	} else {
		p = nn.NewPass(q, m.arch, hi-lo, m.need())
	}
	p.Forward(q, m.θ, b.X)
	p.Evaluate(q, b, device.Matrix[T]{})
	if m.need() >= nn.Deltas {
		p.Backward(q, m.θ, b)
	}
	return p
}

// Dim returns the number of parameters of the operator.
func (m *Network[T]) Dim() int {
	if m.Layers() == 0 {
		return 0
	}
	return m.part.dim
}

// Layers returns the number of layers of the network.
func (m *Network[T]) Layers() int {
	if m == nil {
		return 0
	}
	return len(m.layers)
}

// Apply computes dst = src·H for k×Dim blocks, one direction in each row. The
// blocks must not overlap. ctx is looked at between chunks of samples.
func (m *Network[T]) Apply(ctx context.Context, q device.Queue[T], dst, src device.Matrix[T]) error {
	if err := checkBlocks(m.Dim(), dst, src); err != nil || src.Rows == 0 {
		return err
	}
	defer q.Scope()()
	in, out := spreadRows(q, m.part, src), dst
	if m.part.whole() {
		q.Fill(0, dst)
	} else {
		out = q.Alloc(src.Rows, m.part.span())
	}
	k, rows := src.Rows, m.chunkRows(src.Rows)
	t := m.newTangents(q, m.groupSize(k), rows)
	ds := make([]*directions[T], m.groups(k))
	of := func(g int) (lo, hi int) { return g * k / len(ds), (g + 1) * k / len(ds) }
	for g := range ds {
		lo, hi := of(g)
		ds[g] = m.newDirections(q, out.RowRange(lo, hi), in.RowRange(lo, hi))
	}
	err := m.data.each(ctx, q, rows, false, func(b nn.Batch[T], lo, hi int) error {
		defer q.Scope()()
		p := m.pass(q, b, lo, hi, false)
		for _, d := range ds {
			m.addProduct(q, d, t, p, b.Loss)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for g, d := range ds {
		lo, hi := of(g)
		d.store(q, out.RowRange(lo, hi))
	}
	if !m.part.whole() {
		gatherRows(q, m.part, dst, out)
	}
	if m.decay != 0 {
		q.Add(m.decay, device.NoTrans, src, 1, device.NoTrans, dst, dst)
	}
	return nil
}

func (m *Network[T]) addProduct(q device.Queue[T], d *directions[T], t tangents[T], p *nn.Pass[T], loss nn.Loss) {
	if m.kind == Fisher {
		m.addFisher(q, d, t, p)
		return
	}
	m.addCurvature(q, d, t, p, loss)
}

// Memory returns how many bytes the operator holds from its making on, and how
// many more a product with k directions takes while it is computed, beyond
// its operands.
//
// Held are the samples with their one-hot labels or targets (not those of
// [Stream]), the parameters, and, up to Options.CacheLimit, the activations and
// derivatives: for each sample and hidden unit 4 numbers for the Hessian (3
// with relu, 5 with gelu, softplus and sine), 2 for the Gauss-Newton matrix and
// 3 for the empirical Fisher matrix. A product takes 2 blocks of k×Dim numbers,
// for the Hessian 4 but of the first layer, none for a single direction, and for
// each sample of a chunk 2 numbers for every direction of a group and unit.
func (m *Network[T]) Memory(k int) (held, product int64) {
	if m.Dim() == 0 || k < 1 {
		return 0, 0
	}
	size := bytes[T]()
	held = int64(m.layers[len(m.layers)-1].End) * size
	rows := int64(m.chunkRows(k))
	n := int64(m.data.count())
	sample := int64(m.arch.Inputs()+m.arch.Outputs()) * size
	if m.data.held() {
		held += n * sample
	} else {
		product += rows * sample
	}
	if m.cached != nil {
		held += m.passBytes(int(n))
	} else {
		product += m.passBytes(int(rows))
	}
	product += rows * int64(m.tangentSize(m.groupSize(k))) * size
	for g, n := 0, m.groups(k); g < n; g++ {
		product += m.blockSize((g+1)*k/n-g*k/n) * size
	}
	if !m.part.whole() {
		product += 2 * int64(k*m.part.span()) * size
	}
	return held, product
}

// bytes returns the size of an element.
func bytes[T device.Float]() int64 {
	if device.Epsilon[T]() > 1e-10 {
		return 4
	}
	return 8
}

// checkBlocks checks the operands of a product of an operator of dimension n.
func checkBlocks[T device.Float](n int, dst, src device.Matrix[T]) error {
	if n == 0 {
		return fmt.Errorf("operator without parameters: %w", device.ErrEmpty)
	}
	if err := device.CheckSame("Apply", dst, src); err != nil {
		return err
	}
	if src.Cols != n {
		return &device.ShapeError{Op: "Apply", Detail: fmt.Sprintf("directions have %d elements, the operator has dimension %d", src.Cols, n)}
	}
	return nil
}
