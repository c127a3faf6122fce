package hessian

import (
	"context"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/nn"
)

// Head is the operator of a softmax classifier without hidden layers. With
// x̃ = (x, 1) and p the softmax of the outputs, class-major,
//
//	H = mean of (diag(p) - p·pᵀ) ⊗ x̃·x̃ᵀ
//
// It does not depend on the labels, is positive semidefinite and of rank at
// most (classes-1)·(inputs+1), since adding the same vector to the weights of
// all classes changes nothing. It is at once the Hessian of the mean
// cross-entropy, its Gauss-Newton matrix and the Fisher information.
type Head[T device.Float] struct{ *Network[T] }

// Softmax returns the operator for the classifier net, which must have no
// hidden layer, on the samples x (n×inputs). Products with k directions are
// two matrix products, 4·k·n·P operations. Memory and errors are those of
// [MLP].
func Softmax[T device.Float](ctx context.Context, q device.Queue[T], net *nn.Network[T], x device.Dense[T]) (Head[T], error) {
	if err := net.Check(); err != nil {
		return Head[T]{}, err
	}
	if err := nn.CheckFeatures(net.Architecture, x); err != nil {
		return Head[T]{}, err
	}
	if len(net.Sizes) != 2 || net.Outputs() < 2 {
		return Head[T]{}, device.Argument("sizes", "%v are not those of a softmax classifier: inputs and at least 2 classes", net.Sizes)
	}
	b := nn.Batch[T]{X: q.Alloc(x.Rows, x.Cols), Loss: nn.CrossEntropy}
	q.Upload(b.X, x)
	o, err := Options{Kind: GGN}.complete()
	if err != nil {
		return Head[T]{}, err
	}
	m, err := newNetwork(ctx, q, net, held[T]{b}, o)
	return Head[T]{m}, err
}

// Diagonal computes the exact diagonal of the matrix, mean of p∘(1-p) ⊗ x̃∘x̃,
// into dst (1×Dim), by one matrix product of 2·n·P operations.
func (h Head[T]) Diagonal(ctx context.Context, q device.Queue[T], dst device.Matrix[T]) error {
	if err := checkBlocks(h.Dim(), dst, dst); err != nil {
		return err
	}
	if dst.Rows != 1 {
		return device.CheckVector("Diagonal", dst, h.Dim())
	}
	defer q.Scope()()
	rows, α := h.chunkRows(1), T(1/float64(h.data.count()))
	w, bias := nn.LayerViews(dst, h.layers[0])
	q.Fill(0, dst)
	return h.data.each(ctx, q, rows, false, func(b nn.Batch[T], lo, hi int) error {
		h.addDiagonal(q, α, b, lo, hi, w, bias)
		return nil
	})
}

func (h Head[T]) addDiagonal(q device.Queue[T], α T, b nn.Batch[T], lo, hi int, w, bias device.Matrix[T]) {
	defer q.Scope()()
	const no = device.NoTrans
	p := h.pass(q, b, lo, hi, false)
	x := p.Inputs[0]
	variance, square, sum := q.Alloc(hi-lo, p.Out.Cols), q.Alloc(hi-lo, x.Cols), q.Alloc(1, p.Out.Cols)
	q.Mul(p.Out, p.Out, variance)
	q.Add(1, no, p.Out, -1, no, variance, variance)
	q.Mul(x, x, square)
	q.Gemm(device.Transp, no, α, variance, square, 1, w)
	q.Reduce(device.Sum, device.PerCol, variance, sum)
	q.Add(α, no, sum, 1, no, bias, bias)
}
