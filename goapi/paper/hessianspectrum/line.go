package hessianspectrum

import (
	"context"
	"slices"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/nn"
)

// Point is the network at (1-t)·θ₀ + t·θ₁.
type Point struct {
	T, Loss, Accuracy float64
}

// Line evaluates networks on the line from one to another of the same
// architecture, at so many points, both ends among them.
func Line[T device.Float](ctx context.Context, dev device.Device, from, to *nn.Network[T], data nn.Data[T], points int) ([]Point, error) {
	for _, net := range []*nn.Network[T]{from, to} {
		if err := net.Check(); err != nil {
			return nil, err
		}
	}
	switch {
	case !slices.Equal(from.Sizes, to.Sizes) || from.Activation != to.Activation:
		return nil, &device.ShapeError{Op: "networks", Detail: "their architectures differ"}
	case points < 2:
		return nil, device.Argument("points", "are %d, must be at least 2", points)
	}
	between := &nn.Network[T]{Architecture: from.Architecture, Theta: make([]T, len(from.Theta))}
	var line []Point
	for i := range points {
		t := float64(i) / float64(points-1)
		for j := range between.Theta {
			between.Theta[j] = T((1-t)*float64(from.Theta[j]) + t*float64(to.Theta[j]))
		}
		m, err := between.Evaluate(ctx, dev, data)
		if err != nil {
			return nil, err
		}
		line = append(line, Point{T: t, Loss: m.Loss, Accuracy: m.Accuracy})
	}
	return line, nil
}

// Barrier returns by how much the loss on a line exceeds that of its worse end.
func Barrier(line []Point) float64 {
	if len(line) == 0 {
		return 0
	}
	ends := max(line[0].Loss, line[len(line)-1].Loss)
	barrier := 0.0
	for _, p := range line {
		barrier = max(barrier, p.Loss-ends)
	}
	return barrier
}
