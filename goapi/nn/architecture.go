package nn

import "github.com/ritz-go/ritz/goapi/device"

// Architecture describes a multilayer perceptron without its parameters.
type Architecture struct {
	// Sizes are the numbers of inputs, of units of each hidden layer, and of
	// outputs: at least two numbers, each at least 1.
	Sizes []int
	// Activation of the hidden layers, "" for Tanh.
	Activation Activation
}

// Layer says where the parameters of one layer lie in the flat vector:
// weights (Out×In, row-major) at [Weights,Bias), biases at [Bias,End).
type Layer struct {
	In, Out            int
	Weights, Bias, End int
}

// maxParameters is where the address space ends.
const maxParameters = 1 << 43

// Check returns a *device.ArgumentError unless a describes a network whose
// parameters can be counted.
func (a Architecture) Check() error {
	if len(a.Sizes) < 2 {
		return device.Argument("sizes", "%v must name at least the inputs and the outputs", a.Sizes)
	}
	total := 0
	for i, s := range a.Sizes {
		if s < 1 {
			return device.Argument("sizes", "%v: every layer must have at least 1 unit", a.Sizes)
		}
		if i > 0 && a.Sizes[i-1] > (maxParameters-total-s)/s {
			return device.Argument("sizes", "%v: too many parameters", a.Sizes)
		}
		if i > 0 {
			total += s * (a.Sizes[i-1] + 1)
		}
	}
	return a.Activation.check()
}

// Layers returns the layers in order: len(Sizes)-1 of them.
func (a Architecture) Layers() []Layer {
	ls := make([]Layer, max(0, len(a.Sizes)-1))
	at := 0
	for i := range ls {
		in, out := a.Sizes[i], a.Sizes[i+1]
		ls[i] = Layer{In: in, Out: out, Weights: at, Bias: at + in*out, End: at + in*out + out}
		at = ls[i].End
	}
	return ls
}

// Parameters returns the length of the parameter vector.
func (a Architecture) Parameters() int {
	n := 0
	for _, l := range a.Layers() {
		n = l.End
	}
	return n
}

// Inputs returns the number of features of a sample.
func (a Architecture) Inputs() int {
	if len(a.Sizes) == 0 {
		return 0
	}
	return a.Sizes[0]
}

// Outputs returns the number of outputs, the classes of a classifier.
func (a Architecture) Outputs() int {
	if len(a.Sizes) == 0 {
		return 0
	}
	return a.Sizes[len(a.Sizes)-1]
}

// LayerViews returns the weights (Out×In) and the biases (1×Out) of a layer
// as views of a 1×P parameter vector.
func LayerViews[T device.Float](θ device.Matrix[T], l Layer) (w, b device.Matrix[T]) {
	return θ.Slice(0, 1, l.Weights, l.Bias).Reshape(l.Out, l.In), θ.Slice(0, 1, l.Bias, l.End)
}
