package sigmareparam

import (
	"context"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/optim"
)

// linear is a layer y = x·Ŵᵀ + b on rows of tokens.
type linear[T device.Float] struct {
	w, b, gw, gb device.Matrix[T] // weights out×in, bias 1×out, and gradients
	x            device.Matrix[T] // the input of the last forward pass
	reparam      *Reparam[T]      // nil for Ŵ = W
	ggamma       device.Matrix[T]
}

func newLinear[T device.Float](q device.Queue[T], out, in int) *linear[T] {
	return &linear[T]{w: q.Alloc(out, in), b: q.Alloc(1, out), gw: q.Alloc(out, in), gb: q.Alloc(1, out)}
}

// start fills in random weights of a standard deviation, in stream of seed.
func (l *linear[T]) start(q device.Queue[T], deviation float64, seed, stream uint64) {
	q.Random(device.Normal, seed, stream, l.w)
	q.Add(T(deviation), device.NoTrans, l.w, 0, device.NoTrans, device.Matrix[T]{}, l.w)
}

// reparametrize replaces W by Ŵ with γ = 1.
func (l *linear[T]) reparametrize(ctx context.Context, q device.Queue[T]) error {
	var err error
	l.ggamma = q.Alloc(1, 1)
	l.reparam, err = New(ctx, q, l.w, q.Alloc(1, 1), GammaOne)
	return err
}

// weights returns Ŵ.
func (l *linear[T]) weights() device.Matrix[T] {
	if l.reparam != nil {
		return l.reparam.Effective
	}
	return l.w
}

func (l *linear[T]) forward(q device.Queue[T], x, y device.Matrix[T]) {
	l.x = x
	q.Gemm(device.NoTrans, device.Transp, 1, x, l.weights(), 0, y)
	q.AddBy(device.PerCol, 1, l.b, y, y)
}

// backward computes the gradients of the parameters and adds that of the input
// to β·dx, unless dx is the zero Matrix.
func (l *linear[T]) backward(q device.Queue[T], dy device.Matrix[T], β T, dx device.Matrix[T]) {
	q.Gemm(device.Transp, device.NoTrans, 1, dy, l.x, 0, l.gw)
	q.Reduce(device.Sum, device.PerCol, dy, l.gb)
	if l.reparam != nil {
		l.reparam.Backward(q, l.gw, l.gw, l.ggamma)
	}
	if !dx.IsZero() {
		q.Gemm(device.NoTrans, device.NoTrans, 1, dy, l.weights(), β, dx)
	}
}

// parameters lists what is trained.
func (l *linear[T]) parameters() []optim.Parameter[T] {
	ps := []optim.Parameter[T]{{Value: l.w, Gradient: l.gw}, {Value: l.b, Gradient: l.gb}}
	if l.reparam != nil {
		ps = append(ps, optim.Parameter[T]{Value: l.reparam.Gamma, Gradient: l.ggamma})
	}
	return ps
}

// norm is layer normalization without parameters: rows of mean 0 and variance
// 1. nil is the identity.
type norm[T device.Float] struct {
	y        device.Matrix[T] // the last output
	inverse  device.Matrix[T] // 1×rows, of the standard deviations
	sum, dot device.Matrix[T] // 1×rows
	epsilon  device.Matrix[T] // 1×rows
}

func newNorm[T device.Float](q device.Queue[T], rows, cols int) *norm[T] {
	n := &norm[T]{y: q.Alloc(rows, cols), inverse: q.Alloc(1, rows), sum: q.Alloc(1, rows), dot: q.Alloc(1, rows), epsilon: q.Alloc(1, rows)}
	q.Fill(1e-5, n.epsilon)
	return n
}

// forward returns the normalized rows, or x itself for nil.
func (n *norm[T]) forward(q device.Queue[T], x device.Matrix[T]) device.Matrix[T] {
	if n == nil {
		return x
	}
	share := 1 / T(x.Cols)
	q.Reduce(device.Sum, device.PerRow, x, n.sum)
	q.AddBy(device.PerRow, -share, n.sum, x, n.y)
	q.Reduce(device.SumSquares, device.PerRow, n.y, n.inverse)
	q.Add(share, device.NoTrans, n.inverse, 1, device.NoTrans, n.epsilon, n.inverse)
	q.Map(device.Sqrt, n.inverse, n.inverse)
	q.Map(device.Inv, n.inverse, n.inverse)
	q.ScaleBy(device.PerRow, n.inverse, n.y, n.y)
	return n.y
}

// backward adds to dx the gradient that dy, which it overwrites, causes at the
// input.
func (n *norm[T]) backward(q device.Queue[T], dy, dx device.Matrix[T]) {
	if n != nil {
		share := 1 / T(dy.Cols)
		q.Reduce(device.Sum, device.PerRow, dy, n.sum)
		q.Dot(device.PerRow, dy, n.y, n.dot)
		q.AddBy(device.PerRow, -share, n.sum, dy, dy)
		// dy - y·mean(dy∘y): y is not needed any more.
		q.ScaleBy(device.PerRow, n.dot, n.y, n.y)
		q.Add(-share, device.NoTrans, n.y, 1, device.NoTrans, dy, dy)
		q.ScaleBy(device.PerRow, n.inverse, dy, dy)
	}
	q.Add(1, device.NoTrans, dy, 1, device.NoTrans, dx, dx)
}
