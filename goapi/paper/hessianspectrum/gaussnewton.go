package hessianspectrum

import (
	"context"
	"fmt"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/nn"
	"github.com/ritz-go/ritz/goapi/svd"
)

// GaussNewton returns the n·C largest eigenvalues of the Gauss–Newton matrix of
// the mean loss, ascending; all others are zero. With Λᵢ = SᵢSᵢᵀ they are those of
// the Gram matrix of the rows SᵢᵀJᵢ/√n. Entry (i,c),(j,d) of it is a sum over the
// layers of (δ·δ')·(h·h' + 1), inner products of backpropagated columns of S and
// of the layers' inputs, so that no Jacobian is formed.
//
// It costs 2·(n·C)²·units operations for the Gram matrix and 9·(n·C)³ for its
// eigenvalues, and (n·C)² numbers of memory twice. n·C must not exceed [Limit].
//
// Errors: those of nn.Network.Check and nn.Data.Check, *device.ArgumentError
// beyond the limit, device.ErrNotFinite if the loss overflows.
func GaussNewton[T device.Float](ctx context.Context, dev device.Device, net *nn.Network[T], data nn.Data[T]) ([]float64, error) {
	if err := net.Check(); err != nil {
		return nil, err
	}
	if err := data.Check(net.Architecture); err != nil {
		return nil, err
	}
	n, c := data.X.Rows, net.Outputs()
	if n > Limit/c {
		return nil, device.Argument("data", "are %d samples with %d outputs, more than the %d rows of a matrix formed here", n, c, Limit)
	}
	gram, err := gramMatrix(ctx, dev, net, data)
	if err != nil {
		return nil, err
	}
	e, err := svd.Eigh(ctx, dev, gram, svd.EighOptions{ValuesOnly: true})
	if err != nil {
		return nil, err
	}
	values := make([]float64, len(e.Values))
	for i, v := range e.Values {
		values[i] = float64(v)
	}
	return values, nil
}

func gramMatrix[T device.Float](ctx context.Context, dev device.Device, net *nn.Network[T], data nn.Data[T]) (device.Dense[T], error) {
	const no, tr = device.NoTrans, device.Transp
	q := device.NewQueue[T](dev)
	defer q.Close()
	n, c, layers := data.X.Rows, net.Outputs(), net.Layers()
	θ := q.Alloc(1, len(net.Theta))
	q.Upload(θ, device.Vector(net.Theta))
	batch := data.Upload(q, net.Architecture)
	pass := nn.NewPass(q, net.Architecture, n, nn.Deltas)
	pass.Forward(q, θ, batch.X)
	pass.Evaluate(q, batch, q.Alloc(1, 1))
	// Row c·n+i of δ[l] is what column c of Sᵢ becomes in layer l.
	δ := make([]device.Matrix[T], len(layers))
	for l, layer := range layers {
		δ[l] = q.Alloc(c*n, layer.Out)
	}
	last := len(layers) - 1
	for k := range c {
		if err := ctx.Err(); err != nil {
			return device.Dense[T]{}, err
		}
		seed(q, batch.Loss, pass.Out, k, pass.Deltas[last])
		pass.BackwardFrom(q, θ, last)
		for l := range layers {
			q.Copy(δ[l].RowRange(k*n, (k+1)*n), pass.Deltas[l])
		}
	}
	gram, part := q.Alloc(c*n, c*n), q.Alloc(c*n, c*n)
	inputs, ones := q.Alloc(n, n), q.Alloc(n, 1)
	q.Fill(1, ones)
	for l := range layers {
		if err := ctx.Err(); err != nil {
			return device.Dense[T]{}, err
		}
		q.Syrk(no, 1, δ[l], 0, part)
		q.Syrk(no, 1, pass.Inputs[l], 0, inputs)
		q.AddBy(device.PerRow, 1, ones, inputs, inputs) // of the biases
		for i := range c {
			for j := range c {
				block := part.Slice(i*n, (i+1)*n, j*n, (j+1)*n)
				q.Mul(block, inputs, block)
			}
		}
		q.Add(T(1/float64(n)), no, part, 1, no, gram, gram)
	}
	// The two triangles differ by rounding alone.
	q.Add(0.5, no, gram, 0.5, tr, gram, part)
	host := device.NewDense[T](c*n, c*n)
	q.Download(host, part)
	if err := q.Sync(); err != nil {
		return host, err
	}
	if err := device.CheckInput("Gram matrix", host); err != nil {
		return host, fmt.Errorf("outputs of the network: %w", err)
	}
	return host, nil
}

// seed stores column k of S in each row of δ: √p_k·(e_k - p) for a softmax with
// probabilities p, e_k for the squared error.
func seed[T device.Float](q device.Queue[T], loss nn.Loss, p device.Matrix[T], k int, δ device.Matrix[T]) {
	defer q.Scope()()
	n := p.Rows
	one := q.Alloc(n, 1)
	q.Fill(1, one)
	q.Fill(0, δ)
	if loss == nn.CrossEntropy {
		q.Add(-1, device.NoTrans, p, 0, device.NoTrans, device.Matrix[T]{}, δ)
	}
	column := δ.Slice(0, n, k, k+1)
	q.Add(1, device.NoTrans, column, 1, device.NoTrans, one, column)
	if loss == nn.CrossEntropy {
		root := q.Alloc(n, 1)
		q.Map(device.Sqrt, p.Slice(0, n, k, k+1), root)
		q.ScaleBy(device.PerRow, root, δ, δ)
	}
}
