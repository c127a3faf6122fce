package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/hessian"
	"github.com/ritz-go/ritz/goapi/matio"
	"github.com/ritz-go/ritz/goapi/nn"
	"github.com/ritz-go/ritz/goapi/svd"
)

// samples are those of --data with the labels of --labels: in memory, or in
// the file, to be read for every product.
type samples[T device.Float] struct {
	nn.Data[T]
	source svd.RowBlocks[T] // nil if Data holds them
}

func readSamples[T device.Float](in *input, n classifier) (s samples[T], err error) {
	if n.stream {
		s.source, err = rowsOf[T](in)
	} else {
		s.X, err = matrix[T](in)
	}
	if errors.Is(err, device.ErrOutOfMemory) {
		err = fmt.Errorf("%w; --stream reads the samples for every product instead", err)
	}
	if err != nil {
		return s, err
	}
	if n.scale != 1 {
		factor := T(n.scale)
		for i := range s.X.Data {
			s.X.Data[i] *= factor
		}
		if s.source != nil {
			s.source = scaledRows[T]{s.source, factor}
		}
	}
	if s.Labels, err = labels(n.labels); err != nil {
		return s, err
	}
	if len(s.Labels) == 0 {
		return s, fmt.Errorf("%s: %w", n.labels, device.ErrEmpty)
	}
	if rows, _ := s.dims(); len(s.Labels) != rows {
		return s, &device.ShapeError{Op: "labels", Detail: fmt.Sprintf("%s holds %d for the %d samples of %s", n.labels, len(s.Labels), rows, in.file.Path)}
	}
	return s, nil
}

// dims returns the numbers of samples and of their features.
func (s samples[T]) dims() (rows, cols int) {
	if s.source != nil {
		return s.source.Dims()
	}
	return s.X.Rows, s.X.Cols
}

// evaluate returns loss and accuracy of a network.
func (s samples[T]) evaluate(ctx context.Context, dev device.Device, net *nn.Network[T]) (map[string]float64, error) {
	if s.source == nil {
		m, err := net.Evaluate(ctx, dev, s.Data)
		if err != nil {
			return nil, err
		}
		return map[string]float64{"loss": m.Loss, "accuracy": m.Accuracy}, nil
	}
	rows, cols := s.dims()
	if cols != net.Inputs() {
		return nil, &device.ShapeError{Op: "data", Detail: fmt.Sprintf("samples have %d features, the network has %d inputs", cols, net.Inputs())}
	}
	loss, accuracy := 0.0, 0.0
	const most = 4096 // rows at a time: the outputs of a layer are no larger
	err := s.source.Each(ctx, most, func(first int, block []T) error {
		many := len(block) / cols
		m, err := net.Evaluate(ctx, dev, nn.Data[T]{
			X:      device.Dense[T]{Rows: many, Cols: cols, Stride: cols, Data: block},
			Labels: s.Labels[first : first+many],
		})
		if err != nil {
			return fmt.Errorf("samples from row %d on: %w", first, err)
		}
		share := float64(many) / float64(rows)
		loss += m.Loss * share
		accuracy += m.Accuracy * share
		return nil
	})
	return map[string]float64{"loss": loss, "accuracy": accuracy}, err
}

// operator returns the curvature matrix of the flags.
func (s samples[T]) operator(ctx context.Context, q device.Queue[T], net *nn.Network[T], n classifier) (*hessian.Network[T], error) {
	o := hessian.Options{Kind: hessian.Kind(n.kind), WeightDecay: n.decay}
	switch {
	case s.source != nil:
		return hessian.Stream(ctx, q, net, s.source, s.Data, o)
	case len(net.Layers()) == 1 && o.Kind != hessian.Fisher && n.decay == 0:
		// The closed form; the other kinds are the same.
		head, err := hessian.Softmax(ctx, q, net, s.X)
		return head.Network, err
	}
	return hessian.MLP(ctx, q, net, s.Data, o)
}

// rowsOf returns the rows of an input as a source.
func rowsOf[T device.Float](in *input) (*matio.RowSource[T], error) {
	lo, hi := in.lo, in.hi
	if shape := in.file.Members[in.member].Shape; hi >= 0 && len(shape) > 0 {
		if hi = min(hi, shape[0]); lo >= hi {
			return nil, usagef("%s has no rows [%d:%d] in shape %v", in.file.Path, in.lo, in.hi, shape)
		}
	}
	source, err := matio.Rows[T](in.file, in.member, lo, hi)
	return source, usage(err)
}

// scaledRows are the rows of a source times a factor.
type scaledRows[T device.Float] struct {
	svd.RowBlocks[T]
	factor T
}

func (s scaledRows[T]) Each(ctx context.Context, most int, f func(first int, block []T) error) error {
	return s.RowBlocks.Each(ctx, most, func(first int, block []T) error {
		for i := range block { // which is ours until f returns
			block[i] *= s.factor
		}
		return f(first, block)
	})
}
