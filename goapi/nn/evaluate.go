package nn

import (
	"context"
	"math"

	"github.com/ritz-go/ritz/goapi/device"
)

// Samples are passed through a network in chunks, which bounds the memory
// and keeps a chunk's activations in the cache between two products.
const chunkRows = 1024

// Metrics say how well a network does on some data.
type Metrics struct {
	Loss     float64 // mean over the samples
	Accuracy float64 // share of samples whose largest output is that of the label; NaN without labels
}

// Predict returns the outputs z_L (n×outputs) for the samples x (n×inputs).
// The cost is 2·n·P operations.
func (n *Network[T]) Predict(ctx context.Context, dev device.Device, x device.Dense[T]) (device.Dense[T], error) {
	if err := n.Check(); err != nil {
		return device.Dense[T]{}, err
	}
	if err := CheckFeatures(n.Architecture, x); err != nil {
		return device.Dense[T]{}, err
	}
	z := device.NewDense[T](x.Rows, n.Outputs())
	q := device.NewQueue[T](dev)
	defer q.Close()
	θ, rows := n.upload(q), min(chunkRows, x.Rows)
	pass, chunk := NewPass(q, n.Architecture, rows, Outputs), q.Alloc(rows, x.Cols)
	err := chunks(ctx, x.Rows, func(lo, hi int) error {
		p, c := pass.Rows(0, hi-lo), chunk.RowRange(0, hi-lo)
		q.Upload(c, x.Slice(lo, hi, 0, x.Cols))
		p.Forward(q, θ, c)
		q.Download(z.Slice(lo, hi, 0, z.Cols), p.Z)
		return q.Sync()
	})
	return z, err
}

// Evaluate returns the loss and the accuracy of the network on data. The cost
// is 2·n·P operations.
func (n *Network[T]) Evaluate(ctx context.Context, dev device.Device, data Data[T]) (*Metrics, error) {
	if err := n.Check(); err != nil {
		return nil, err
	}
	if err := data.Check(n.Architecture); err != nil {
		return nil, err
	}
	q := device.NewQueue[T](dev)
	defer q.Close()
	θ, b, total := n.upload(q), data.Upload(q, n.Architecture), q.Alloc(1, 1)
	pass := NewPass(q, n.Architecture, min(chunkRows, data.X.Rows), Outputs)
	z := device.NewDense[T](min(chunkRows, data.X.Rows), n.Outputs())
	loss, right := 0.0, 0
	err := chunks(ctx, data.X.Rows, func(lo, hi int) error {
		p, c := pass.Rows(0, hi-lo), b.Rows(lo, hi)
		p.Forward(q, θ, c.X)
		q.Fill(0, total)
		p.Evaluate(q, c, total)
		q.Download(z.Slice(0, hi-lo, 0, z.Cols), p.Z)
		s, err := read(q, total)
		loss += s
		for i := lo; i < hi && data.Labels != nil; i++ {
			if argmax(z.Row(i-lo)) == data.Labels[i] {
				right++
			}
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return metrics(loss, right, data), nil
}

func metrics[T device.Float](loss float64, right int, data Data[T]) *Metrics {
	n := float64(data.X.Rows)
	m := &Metrics{Loss: loss / n, Accuracy: float64(right) / n}
	if data.Labels == nil {
		m.Accuracy = math.NaN()
	}
	return m
}

// Gradient returns the loss on data and its gradient with respect to the
// parameters. The cost is 6·n·P operations.
func (n *Network[T]) Gradient(ctx context.Context, dev device.Device, data Data[T]) (loss float64, g []T, err error) {
	if err := n.Check(); err != nil {
		return 0, nil, err
	}
	if err := data.Check(n.Architecture); err != nil {
		return 0, nil, err
	}
	q := device.NewQueue[T](dev)
	defer q.Close()
	θ, b, total := n.upload(q), data.Upload(q, n.Architecture), q.Alloc(1, 1)
	sum := q.Alloc(1, len(n.Theta))
	pass := NewPass(q, n.Architecture, min(chunkRows, data.X.Rows), Deltas)
	err = chunks(ctx, data.X.Rows, func(lo, hi int) error {
		p, c := pass.Rows(0, hi-lo), b.Rows(lo, hi)
		q.Fill(0, total)
		p.step(q, θ, c, T(1/float64(data.X.Rows)), 1, sum, total)
		s, err := read(q, total)
		loss += s
		return err
	})
	if err != nil {
		return 0, nil, err
	}
	g = make([]T, len(n.Theta))
	q.Download(device.Vector(g), sum)
	return loss / float64(data.X.Rows), g, q.Sync()
}

// step runs the whole pass over b: g = α·(sum of gradients) + β·g, and the
// sum of the losses is added to total.
func (p *Pass[T]) step(q device.Queue[T], θ device.Matrix[T], b Batch[T], α, β T, g, total device.Matrix[T]) {
	p.Forward(q, θ, b.X)
	p.Evaluate(q, b, total)
	p.Backward(q, θ, b)
	p.Gradient(q, α, β, g)
}

// chunks calls f for consecutive ranges of [0,n), looking at ctx before each.
func chunks(ctx context.Context, n int, f func(lo, hi int) error) error {
	for lo := 0; lo < n; lo += chunkRows {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := f(lo, min(lo+chunkRows, n)); err != nil {
			return err
		}
	}
	return nil
}

// read returns the element of a 1×1 matrix.
func read[T device.Float](q device.Queue[T], a device.Matrix[T]) (float64, error) {
	v := make([]T, 1)
	q.Download(device.Vector(v), a)
	return float64(v[0]), q.Sync()
}

// argmax returns the place of the first largest element.
func argmax[T device.Float](x []T) int {
	best := 0
	for i, v := range x {
		if v > x[best] {
			best = i
		}
	}
	return best
}
