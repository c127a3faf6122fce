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
	Hessian Kind = "hessian"
	GGN     Kind = "ggn"
	Fisher  Kind = "fisher"
)

// Options of [MLP]. The zero value asks for the Hessian.
type Options struct {
	// Kind of matrix, "" for Hessian.
	Kind Kind
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
	default:
		return o, device.Argument("kind", "is %q, must be hessian, ggn or fisher", string(o.Kind))
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
// or of one layer's.
type Network[T device.Float] struct {
	arch   nn.Architecture
	layers []nn.Layer
	// The parameters that directions have are those of layers first to last.
	first, last int
	kind        Kind
	θ           device.Matrix[T] // 1×P, all parameters
	batch       nn.Batch[T]
	cached      *nn.Pass[T] // over all samples; nil: recompute for each product
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
// 4 instead of 12 or 8. It needs memory for 4 blocks of k×P numbers beyond
// the operands, and a few MiB for each chunk of samples.
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
	return newNetwork(ctx, q, net, data.Upload(q, net.Architecture), o)
}

// newNetwork makes the operator for checked arguments. For GGN and
// CrossEntropy the targets may be missing.
func newNetwork[T device.Float](ctx context.Context, q device.Queue[T], net *nn.Network[T], batch nn.Batch[T], o Options) (*Network[T], error) {
	arch := net.Architecture
	arch.Sizes = append([]int(nil), arch.Sizes...)
	m := &Network[T]{
		arch: arch, layers: arch.Layers(), last: len(arch.Sizes) - 2,
		kind:  o.Kind,
		θ:     q.Alloc(1, len(net.Theta)),
		batch: batch,
	}
	q.Upload(m.θ, device.Vector(net.Theta))
	size := int64(nn.PassSize(arch, m.need())) * int64(batch.X.Rows) * bytes[T]()
	if size <= o.CacheLimit {
		m.cached = nn.NewPass(q, arch, batch.X.Rows, m.need())
	}
	return m, m.linearize(ctx, q)
}

// linearize runs the passes over all samples, filling the cache if there is
// one, and reports whether everything stayed finite.
func (m *Network[T]) linearize(ctx context.Context, q device.Queue[T]) error {
	defer q.Scope()()
	sum := q.Alloc(1, 1)
	host := make([]T, 1)
	n := m.batch.X.Rows
	rows := m.chunkRows(1)
	for lo := 0; lo < n; lo += rows {
		if err := ctx.Err(); err != nil {
			return err
		}
		hi := min(lo+rows, n)
		end := q.Scope()
		p := m.chunk(q, lo, hi, true)
		q.Reduce(device.Sum, device.Whole, p.Out, sum)
		q.Download(device.Vector(host), sum)
		end()
		if err := q.Sync(); err != nil {
			return err
		}
		if v := float64(host[0]); v-v != 0 {
			return fmt.Errorf("outputs of the network for samples %d to %d: %w", lo, hi-1, device.ErrNotFinite)
		}
	}
	return nil
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

// chunk returns the pass over samples [lo,hi), computing it where there is no
// cache or compute is set.
func (m *Network[T]) chunk(q device.Queue[T], lo, hi int, compute bool) *nn.Pass[T] {
	b := m.batch
	b.X = b.X.RowRange(lo, hi)
	if !b.Y.IsZero() {
		b.Y = b.Y.RowRange(lo, hi)
	}
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
	return m.layers[m.last].End - m.layers[m.first].Weights
}

// Layers returns the number of layers of the network.
func (m *Network[T]) Layers() int {
	if m == nil {
		return 0
	}
	return len(m.layers)
}

// Layer returns the diagonal block of the matrix that belongs to the
// parameters of layer l, counted from 0. It shares the memory of m. Products
// skip what the other layers alone would need.
func (m *Network[T]) Layer(l int) (*Network[T], error) {
	if l < 0 || l >= m.Layers() {
		return nil, device.Argument("layer", "is %d, must be at least 0 and below %d", l, m.Layers())
	}
	block := *m
	block.first, block.last = l, l
	return &block, nil
}

// Apply computes dst = src·H for k×Dim blocks, one direction in each row. The
// blocks must not overlap. ctx is looked at between chunks of samples.
func (m *Network[T]) Apply(ctx context.Context, q device.Queue[T], dst, src device.Matrix[T]) error {
	if err := checkBlocks(m.Dim(), dst, src); err != nil || src.Rows == 0 {
		return err
	}
	defer q.Scope()()
	d := m.newDirections(q, src)
	n, rows := m.batch.X.Rows, m.chunkRows(src.Rows)
	for lo := 0; lo < n; lo += rows {
		if err := ctx.Err(); err != nil {
			return err
		}
		m.addProduct(q, d, lo, min(lo+rows, n))
	}
	d.store(q, T(1/float64(n)), dst)
	return nil
}

func (m *Network[T]) addProduct(q device.Queue[T], d *directions[T], lo, hi int) {
	defer q.Scope()()
	p := m.chunk(q, lo, hi, false)
	if m.kind == Fisher {
		m.addFisher(q, d, p)
		return
	}
	m.addCurvature(q, d, p)
}

// A chunk's arrays for all directions should fit the caches, but its products
// should stay large.
const (
	chunkBytes   = 4 << 20
	minChunkRows = 128
	maxChunkRows = 4096
)

// chunkRows returns the number of samples that are multiplied at a time.
func (m *Network[T]) chunkRows(k int) int {
	widest := 1
	for _, l := range m.layers[m.first:] {
		widest = max(widest, l.Out)
	}
	rows := chunkBytes / (k * widest * int(bytes[T]()))
	return min(max(rows, minChunkRows), maxChunkRows, m.batch.X.Rows)
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
