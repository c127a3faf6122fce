package nn

import (
	"fmt"
	"math"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/rng"
)

// Network is a multilayer perceptron with its parameters in Go memory.
type Network[T device.Float] struct {
	Architecture
	Theta []T // all parameters, see [Layer] for their places
}

// Weights are the parameters of one layer.
type Weights[T device.Float] struct {
	W device.Dense[T] // out×in
	B []T             // out
}

// New returns a network with random weights and zero biases. Weights are
// normal with variance 2/(in+out) (Glorot and Bengio 2010), for relu and gelu
// 2/in (He et al. 2015), and depend on seed alone.
func New[T device.Float](sizes []int, activation Activation, seed uint64) (*Network[T], error) {
	n := &Network[T]{Architecture: Architecture{Sizes: append([]int(nil), sizes...), Activation: activation}}
	if err := n.Architecture.Check(); err != nil {
		return nil, err
	}
	n.Theta = make([]T, n.Parameters())
	for l, layer := range n.Layers() {
		variance := 2 / float64(layer.In+layer.Out)
		if activation == Relu || activation == Gelu {
			variance = 2 / float64(layer.In)
		}
		w := n.Theta[layer.Weights:layer.Bias]
		rng.Normal(seed, uint64(l), 0, w)
		for i := range w {
			w[i] *= T(math.Sqrt(variance))
		}
	}
	return n, nil
}

// FromWeights returns the network with the given layers; the parameters are
// copied.
func FromWeights[T device.Float](activation Activation, layers []Weights[T]) (*Network[T], error) {
	if len(layers) == 0 {
		return nil, fmt.Errorf("network without layers: %w", device.ErrEmpty)
	}
	n := &Network[T]{Architecture: Architecture{Sizes: []int{layers[0].W.Cols}, Activation: activation}}
	for l, w := range layers {
		if err := device.CheckInput(fmt.Sprintf("weights of layer %d", l), w.W); err != nil {
			return nil, err
		}
		if w.W.Cols != n.Outputs() {
			return nil, &device.ShapeError{Op: "weights", Detail: fmt.Sprintf("layer %d has %d inputs, the one before %d outputs", l, w.W.Cols, n.Outputs())}
		}
		if len(w.B) != w.W.Rows {
			return nil, &device.ShapeError{Op: "weights", Detail: fmt.Sprintf("layer %d has %d biases for %d outputs", l, len(w.B), w.W.Rows)}
		}
		n.Sizes = append(n.Sizes, w.W.Rows)
		for i := range w.W.Rows {
			n.Theta = append(n.Theta, w.W.Row(i)...)
		}
		n.Theta = append(n.Theta, w.B...)
	}
	return n, n.Check()
}

// Weights returns views of the parameters of every layer, nil if their number
// is not that of the architecture.
func (n *Network[T]) Weights() []Weights[T] {
	if n == nil || n.Architecture.Check() != nil || len(n.Theta) != n.Parameters() {
		return nil
	}
	ws := make([]Weights[T], 0, len(n.Sizes)-1)
	for _, l := range n.Layers() {
		ws = append(ws, Weights[T]{
			W: device.Dense[T]{Rows: l.Out, Cols: l.In, Stride: l.In, Data: n.Theta[l.Weights:l.Bias]},
			B: n.Theta[l.Bias:l.End],
		})
	}
	return ws
}

// Check reports whether the architecture is valid and the parameters are
// finite and as many as it has.
func (n *Network[T]) Check() error {
	if n == nil {
		return device.Argument("network", "is nil")
	}
	if err := n.Architecture.Check(); err != nil {
		return err
	}
	if len(n.Theta) != n.Parameters() {
		return &device.ShapeError{Op: "parameters", Detail: fmt.Sprintf("there are %d, layers %v need %d", len(n.Theta), n.Sizes, n.Parameters())}
	}
	return device.CheckInput("parameters", device.Vector(n.Theta))
}

// upload copies the parameters to a 1×P matrix.
func (n *Network[T]) upload(q device.Queue[T]) device.Matrix[T] {
	θ := q.Alloc(1, len(n.Theta))
	q.Upload(θ, device.Vector(n.Theta))
	return θ
}
