package hessian

import (
	"context"
	"fmt"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/nn"
	"github.com/ritz-go/ritz/goapi/svd"
)

// samples are the data of an operator.
type samples[T device.Float] interface {
	count() int
	held() bool // on the device
	// each calls f for batches of at most rows samples, [lo,hi) of all, in
	// their order, looking at ctx before each. If check is set, the samples
	// must be finite.
	each(ctx context.Context, q device.Queue[T], rows int, check bool, f func(b nn.Batch[T], lo, hi int) error) error
}

// held are samples on the device, which were checked before.
type held[T device.Float] struct{ nn.Batch[T] }

func (h held[T]) count() int { return h.X.Rows }
func (h held[T]) held() bool { return true }

func (h held[T]) each(ctx context.Context, _ device.Queue[T], rows int, _ bool, f func(b nn.Batch[T], lo, hi int) error) error {
	for lo := 0; lo < h.X.Rows; lo += rows {
		if err := ctx.Err(); err != nil {
			return err
		}
		hi := min(lo+rows, h.X.Rows)
		b := h.Batch
		b.X = b.X.RowRange(lo, hi)
		if !b.Y.IsZero() {
			b.Y = b.Y.RowRange(lo, hi)
		}
		if err := f(b, lo, hi); err != nil {
			return err
		}
	}
	return nil
}

// streamed are samples that are read anew for every product.
type streamed[T device.Float] struct {
	x       svd.RowBlocks[T]
	targets nn.Data[T] // without X
	arch    nn.Architecture
}

func (s streamed[T]) count() int {
	n, _ := s.x.Dims()
	return n
}
func (s streamed[T]) held() bool { return false }

func (s streamed[T]) each(ctx context.Context, q device.Queue[T], rows int, check bool, f func(b nn.Batch[T], lo, hi int) error) error {
	n, cols := s.x.Dims()
	seen := 0
	err := s.x.Each(ctx, rows, func(first int, block []T) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		many := len(block) / cols
		if first != seen || many*cols != len(block) || first+many > n {
			return &device.ShapeError{Op: "samples", Detail: fmt.Sprintf("a block of %d numbers from row %d on, after %d of %d rows of %d", len(block), first, seen, n, cols)}
		}
		seen += many
		d := nn.Data[T]{X: device.Dense[T]{Rows: many, Cols: cols, Stride: cols, Data: block}}
		if check {
			if err := device.CheckInput(fmt.Sprintf("samples from row %d on", first), d.X); err != nil {
				return err
			}
		}
		if s.targets.Labels != nil {
			d.Labels = s.targets.Labels[first:seen]
		} else {
			d.Targets = s.targets.Targets.Slice(first, seen, 0, s.targets.Targets.Cols)
		}
		defer q.Scope()()
		if err := f(d.Upload(q, s.arch), first, seen); err != nil {
			return err
		}
		return q.Sync() // before block is used again
	})
	if err == nil && seen != n {
		err = &device.ShapeError{Op: "samples", Detail: fmt.Sprintf("the source ended after %d of %d rows", seen, n)}
	}
	return err
}

// Stream is [MLP] for samples that are not held in memory but read from their
// source block by block for every product, such as those of a file that
// [github.com/ritz-go/ritz/goapi/matio.Rows] reads, or batches that the caller
// makes. Each pass must give the same numbers. A product with many directions
// reads no more than one with a single one. Labels or targets are those of
// data, whose X must be empty.
//
// Errors: also *device.ShapeError if the source gives other rows than its Dims
// say, and those of the source.
func Stream[T device.Float](ctx context.Context, q device.Queue[T], net *nn.Network[T], x svd.RowBlocks[T], data nn.Data[T], o Options) (*Network[T], error) {
	o, err := o.complete()
	if err != nil {
		return nil, err
	}
	if err := net.Check(); err != nil {
		return nil, err
	}
	if x == nil {
		return nil, device.Argument("samples", "have no source")
	}
	if data.X.Data != nil {
		return nil, device.Argument("data", "holds samples in X beside those of the source")
	}
	n, cols := x.Dims()
	switch {
	case n < 1 || cols < 1:
		return nil, fmt.Errorf("samples are %d×%d: %w", n, cols, device.ErrEmpty)
	case cols != net.Inputs():
		return nil, &device.ShapeError{Op: "samples", Detail: fmt.Sprintf("they have %d features, the network has %d inputs", cols, net.Inputs())}
	}
	if err := data.CheckTargets(net.Architecture, n); err != nil {
		return nil, err
	}
	own := nn.Data[T]{Labels: append([]int(nil), data.Labels...)}
	if data.Labels == nil {
		own = nn.Data[T]{Targets: data.Targets.Clone()}
	}
	arch := net.Architecture
	arch.Sizes = append([]int(nil), arch.Sizes...)
	return newNetwork(ctx, q, net, streamed[T]{x, own, arch}, o)
}
