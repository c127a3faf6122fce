package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/matio"
	"github.com/ritz-go/ritz/goapi/nn"
)

// classifier are the flags that describe the network and its data.
type classifier struct {
	data, labels, weights string
	model, activation     string
	hidden                []int
	training
	scale       float64
	stream      bool
	kind        string
	layer       int
	perLayer    bool
	checkpoints []string
	decay       float64
}

func newHessian(c *common) *cobra.Command {
	var n classifier
	var a analysis
	cmd := &cobra.Command{
		Use:   "hessian --data FILE --labels FILE (--train EPOCHS | --weights FILE.npz | --checkpoint FILE.npz...)",
		Short: "Spectrum of the Hessian of a classifier's loss",
		Long: `Computes eigenvalues, spectral density and trace of the Hessian, the
Gauss-Newton matrix or a Fisher matrix of the mean cross-entropy of a softmax
classifier or a multilayer perceptron, without forming the matrix: of all
parameters, of one layer (--layer), or of all and of each layer (--per-layer).
The matrix fisher is the empirical one, with the labels of the data, true-fisher
that with the labels which the network itself would draw.

The network is trained, by Adam or another --optimizer, or read from an .npz
file with W1, b1, W2, b2, … (each W outputs×inputs). With -o DIR it writes
weights.npz, values.npy, vectors.npy and density.csv. Several checkpoints, as
--checkpoint a.npz b.npz, and --per-layer print one table and draw one picture;
with -o the files of each part are in a folder of its own.

With --stream the samples are read from their file for every product and never
held in memory, so that the file may be larger than that: .npy in C order, .npz,
safetensors or IDX. Products with several directions at a time (--block, traces,
densities) read it once for all of them.

With --state DIR a run that is interrupted goes on from there, to the same
numbers, when it is started again; only --train begins anew.`,
		Example: `  ritz hessian --data images.gz --labels labels.gz --scale 0.00392157 --model softmax --train 5 --top 10 --trace
  ritz hessian --data X.npy --labels y.npy --model mlp --hidden 128 --activation tanh --weights W.npz --kind ggn --density
  ritz hessian --data X.npy --labels y.npy --model mlp --train 5 --optimizer muon --learning-rate 0.01 --top 5
  ritz hessian --data huge.npy --labels y.npy --weights W.npz --stream --density --state run
  ritz hessian --data X.npy --labels y.npy --model mlp --per-layer --top 3 --which BE --density --plot layers.svg --checkpoint 1.npz 2.npz`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 && len(n.checkpoints) == 0 {
				return usagef("%q is no flag; files without one are further ones of --checkpoint", args[0])
			}
			n.checkpoints = append(n.checkpoints, args...)
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			in, err := locate(n.data, "")
			if err != nil {
				return err
			}
			if c.precision(in) == "f32" {
				return runHessian[float32](cmd.Context(), c, in, n, a)
			}
			return runHessian[float64](cmd.Context(), c, in, n, a)
		},
	}
	c.flags(cmd, n.check, n.training.check, a.check)
	f := cmd.Flags()
	f.StringVar(&n.data, "data", "", "`FILE` of samples, one in each row (needed)")
	f.StringVar(&n.labels, "labels", "", "`FILE` of the class numbers of the samples (needed)")
	f.Float64Var(&n.scale, "scale", 1, "factor for the samples, such as 1/255 for pixels")
	choices(cmd, &n.model, "model", "softmax", "", "softmax", "mlp")
	f.IntSliceVar(&n.hidden, "hidden", []int{128}, "widths of the hidden layers of mlp")
	choices(cmd, &n.activation, "activation", "tanh", "of mlp:", "tanh", "relu", "gelu", "softplus", "sine")
	f.BoolVar(&n.stream, "stream", false, "read the samples from their file for every product instead of holding them in memory")
	n.training.flags(cmd)
	f.StringVar(&n.weights, "weights", "", "read the weights from this .npz `FILE` (default: train)")
	f.StringArrayVar(&n.checkpoints, "checkpoint", nil, "read the weights from this .npz `FILE` and those that follow, each a row of the table (default: none)")
	choices(cmd, &n.kind, "kind", "hessian", "", "hessian", "ggn", "fisher", "true-fisher")
	f.Float64Var(&n.decay, "weight-decay", 0, "factor of a term ½λ‖θ‖² of the loss (default 0)")
	f.IntVar(&n.layer, "layer", -1, "block of one layer, counted from 0 (-1: all parameters)")
	f.BoolVar(&n.perLayer, "per-layer", false, "analyze also the block of each layer")
	a.flags(cmd)
	return cmd
}

// kindNames are the values of --kind in words.
var kindNames = map[string]string{"hessian": "Hessian", "ggn": "Gauss–Newton matrix", "fisher": "empirical Fisher matrix", "true-fisher": "Fisher matrix"}

// check checks the flags that exclude or need each other.
func (n *classifier) check() error {
	switch {
	case n.data == "" || n.labels == "":
		return usagef("--data and --labels are needed")
	case len(n.checkpoints) > 0 && (n.weights != "" || n.epochs != 0):
		return usagef("--checkpoint does not go with --train or --weights")
	case len(n.checkpoints) == 0 && (n.weights == "") == (n.epochs == 0):
		return usagef("give either --train EPOCHS, --weights FILE or --checkpoint FILE")
	case n.perLayer && n.layer >= 0:
		return usagef("--layer and --per-layer exclude each other")
	case !(n.decay >= 0 && n.decay < 1e30):
		return usagef("--weight-decay is %v, must be a number from 0", n.decay)
	case n.stream && n.epochs != 0:
		return usagef("--stream does not go with --train, which needs the samples in memory; give --weights or --checkpoint")
	case n.layer < -1:
		return usagef("--layer is %d, must be a layer, counted from 0, or -1 for all", n.layer)
	}
	return nil
}

func runHessian[T device.Float](ctx context.Context, c *common, in *input, n classifier, a analysis) error {
	dev, err := c.open(a.state)
	if err != nil {
		return err
	}
	defer dev.Close()
	data, err := readSamples[T](in, n)
	if err != nil {
		return err
	}
	rows, _ := data.dims()
	st := &series[T]{ctx: ctx, c: c, dev: dev, data: data, n: n, a: a}
	if len(n.checkpoints) > 0 || n.perLayer {
		return st.run(c.precision(in))
	}
	net, err := network[T](n, data, c.seed)
	if err != nil {
		return err
	}
	out := c.begin("hessian", dev, c.precision(in), rows, net.Parameters())
	if err := st.train(net, out); err != nil {
		return err
	}
	if out.Measures, err = data.evaluate(ctx, dev, net); err != nil {
		return err
	}
	q := device.NewQueue[T](dev)
	defer q.Close()
	op, err := data.operator(ctx, q, net, n)
	if err != nil {
		return err
	}
	if n.layer >= 0 {
		if op, err = op.Layer(n.layer); err != nil {
			return err
		}
	}
	out.Shape[1] = op.Dim()
	vectors, failure := analyze(ctx, c, dev, op, a, out)
	if failure != nil && !notConverged(failure) {
		return failure
	}
	if c.output != "" {
		if err := saveWeights(c, out, net); err != nil {
			return err
		}
	}
	if err := saveAnalysis(c, out, vectors); err != nil {
		return err
	}
	return c.finish(out, drawAnalysis(out, "Spectrum of the "+kindNames[n.kind]+" ("+n.model+")"), failure)
}

// network makes the network that the flags describe, with random weights or
// those of a file.
func network[T device.Float](n classifier, data samples[T], seed uint64) (*nn.Network[T], error) {
	if n.weights != "" {
		layers, err := readWeights[T](n.weights)
		if err != nil {
			return nil, err
		}
		return nn.FromWeights(nn.Activation(n.activation), layers)
	}
	_, inputs := data.dims()
	sizes := []int{inputs}
	switch n.model {
	case "softmax":
	case "mlp":
		sizes = append(sizes, n.hidden...)
	default:
		return nil, usagef("--model is %q, must be softmax or mlp", n.model)
	}
	return nn.New[T](append(sizes, slices.Max(data.Labels)+1), nn.Activation(n.activation), seed)
}

func saveWeights[T device.Float](c *common, out *outcome, net *nn.Network[T]) error {
	if err := os.MkdirAll(c.output, 0o777); err != nil {
		return err
	}
	path := filepath.Join(c.output, "weights.npz")
	out.Outputs["weights"] = path
	return matio.WriteAll(path, weightArrays(net))
}

// weightArrays returns W1, b1, W2, b2, … of a network.
func weightArrays[T device.Float](net *nn.Network[T]) []matio.Named[T] {
	var arrays []matio.Named[T]
	for l, w := range net.Weights() {
		clone := w.W.Clone()
		arrays = append(arrays,
			matio.Named[T]{Name: fmt.Sprintf("W%d", l+1), Array: matio.Array[T]{Shape: []int{clone.Rows, clone.Cols}, Data: clone.Data}},
			matio.Named[T]{Name: fmt.Sprintf("b%d", l+1), Array: matio.Array[T]{Shape: []int{len(w.B)}, Data: w.B}})
	}
	return arrays
}

// readWeights reads W1, b1, W2, b2, … from an .npz file.
func readWeights[T device.Float](path string) ([]nn.Weights[T], error) {
	var layers []nn.Weights[T]
	for l := 1; ; l++ {
		w, err := locate(path, fmt.Sprintf("W%d", l))
		if err != nil {
			if l > 1 {
				return layers, nil
			}
			return nil, err
		}
		b, err := locate(path, fmt.Sprintf("b%d", l))
		if err != nil {
			return nil, err
		}
		var layer nn.Weights[T]
		if layer.W, err = matrix[T](w); err != nil {
			return nil, err
		}
		bias, err := array[T](b)
		if err != nil {
			return nil, err
		}
		layer.B = bias.Data
		layers = append(layers, layer)
	}
}
