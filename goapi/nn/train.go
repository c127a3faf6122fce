package nn

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/bits"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/optim"
	"github.com/ritz-go/ritz/goapi/rng"
)

// TrainOptions of [Network.Train]. The zero value trains 10 epochs by Adam
// with batches of 128 samples and a learning rate of 10⁻³.
type TrainOptions struct {
	// Epochs is the number of passes over the data; 0 means 10.
	Epochs int
	// BatchSize is the number of samples of one step; 0 means 128. The
	// number of samples, or more, makes every step use all data.
	BatchSize int
	// Rule by which the parameters move; nil means optim.AdamW{}, which is
	// Adam. Rules for matrices, such as optim.Muon, move the weights of each
	// layer, and optim.AdamW{} the biases.
	Rule optim.Rule
	// Schedule is the factor of the learning rate at every step.
	Schedule optim.Schedule
	// Seed of the order of the samples, which is new in every epoch.
	Seed uint64
	// Progress, if not nil, is called after every epoch.
	Progress func(Epoch)
}

// Epoch reports one pass over the data.
type Epoch struct {
	Number, Of int     // 1 to Of
	Loss       float64 // mean over the samples, each taken just before the step that used it
}

func (o TrainOptions) complete(n int) (TrainOptions, error) {
	switch {
	case o.Epochs < 0:
		return o, device.Argument("epochs", "is %d, must not be negative", o.Epochs)
	case o.BatchSize < 0:
		return o, device.Argument("batch size", "is %d, must not be negative", o.BatchSize)
	}
	if o.Epochs == 0 {
		o.Epochs = 10
	}
	if o.BatchSize == 0 {
		o.BatchSize = 128
	}
	o.BatchSize = min(o.BatchSize, n)
	if o.Rule == nil {
		o.Rule = optim.AdamW{}
	}
	return o, nil
}

// Train minimizes the loss on data in random minibatches by Adam (Kingma and
// Ba 2015) or the rule of o, starting from and replacing the parameters of n,
// and returns the history of epochs. The same seed, data and device give the
// same result. An epoch costs 6·n·P operations.
//
// A loss that is no longer finite ends the training with an error that
// matches device.ErrNotConverged; the parameters are then those before the
// epoch in which that happened. When ctx ends, its error is returned and the
// parameters are those reached.
func (n *Network[T]) Train(ctx context.Context, dev device.Device, data Data[T], o TrainOptions) ([]Epoch, error) {
	if err := n.Check(); err != nil {
		return nil, err
	}
	if err := data.Check(n.Architecture); err != nil {
		return nil, err
	}
	o, err := o.complete(data.X.Rows)
	if err != nil {
		return nil, err
	}
	q := device.NewQueue[T](dev)
	defer q.Close()
	t, err := newTrainer(q, n, data, o)
	if err != nil {
		return nil, err
	}
	var history []Epoch
	reached := make([]T, len(n.Theta))
	for e := range o.Epochs {
		loss, err := t.epoch(ctx, uint64(e))
		if errors.Is(err, device.ErrNotFinite) { // a gradient
			return history, &device.NotConvergedError{Method: "training", Iterations: e + 1, Achieved: math.NaN()}
		}
		if err != nil && ctx.Err() == nil {
			return history, err
		}
		q.Download(device.Vector(reached), t.θ)
		if err := q.Sync(); err != nil {
			return history, err
		}
		finite := loss-loss == 0 && device.CheckInput("parameters", device.Vector(reached)) == nil
		if !finite {
			return history, &device.NotConvergedError{Method: "training", Iterations: e + 1, Achieved: loss}
		}
		copy(n.Theta, reached)
		if err != nil {
			return history, err
		}
		history = append(history, Epoch{Number: e + 1, Of: o.Epochs, Loss: loss})
		if o.Progress != nil {
			o.Progress(history[e])
		}
	}
	return history, nil
}

// trainer is the state of a training.
type trainer[T device.Float] struct {
	q      device.Queue[T]
	o      TrainOptions
	x, y   device.Dense[T]  // all samples, in Go memory
	hx, hy device.Dense[T]  // samples of a batch, in Go memory
	b      Batch[T]         // and on the device
	θ      device.Matrix[T] // parameters, 1×P
	g      device.Matrix[T] // gradient, 1×P
	total  device.Matrix[T] // sum of the losses of an epoch
	pass   *Pass[T]
	order  []int

	optimizer *optim.Optimizer[T]
}

func newTrainer[T device.Float](q device.Queue[T], n *Network[T], data Data[T], o TrainOptions) (*trainer[T], error) {
	rows, in, out := o.BatchSize, n.Inputs(), n.Outputs()
	t := &trainer[T]{
		q: q, o: o,
		x: data.X, y: data.encoded(out),
		hx: device.NewDense[T](rows, in), hy: device.NewDense[T](rows, out),
		b:     Batch[T]{X: q.Alloc(rows, in), Y: q.Alloc(rows, out), Loss: data.Loss()},
		θ:     n.upload(q),
		g:     q.Alloc(1, len(n.Theta)),
		total: q.Alloc(1, 1),
		pass:  NewPass(q, n.Architecture, rows, Deltas),
		order: make([]int, data.X.Rows),
	}
	var err error
	t.optimizer, err = optim.New(q, t.groups(n.Layers())...)
	return t, err
}

// groups says which parameters move together. Rules that look at elements
// alone take all at once.
func (t *trainer[T]) groups(layers []Layer) []optim.Group[T] {
	group := func(r optim.Rule, p ...optim.Parameter[T]) optim.Group[T] {
		return optim.Group[T]{Rule: r, Schedule: t.o.Schedule, Parameters: p}
	}
	switch t.o.Rule.(type) {
	case optim.SGD, optim.AdamW:
		return []optim.Group[T]{group(t.o.Rule, optim.Parameter[T]{Name: "parameters", Value: t.θ, Gradient: t.g})}
	}
	weights, biases := group(t.o.Rule), group(optim.AdamW{})
	for l, layer := range layers {
		w, b := LayerViews(t.θ, layer)
		gw, gb := LayerViews(t.g, layer)
		weights.Parameters = append(weights.Parameters, optim.Parameter[T]{Name: fmt.Sprintf("W%d", l+1), Value: w, Gradient: gw})
		biases.Parameters = append(biases.Parameters, optim.Parameter[T]{Name: fmt.Sprintf("b%d", l+1), Value: b, Gradient: gb})
	}
	return []optim.Group[T]{weights, biases}
}

// epoch takes one step for every batch and returns the mean loss.
func (t *trainer[T]) epoch(ctx context.Context, number uint64) (float64, error) {
	shuffle(t.order, t.o.Seed, number)
	t.q.Fill(0, t.total)
	for lo := 0; lo < len(t.order); lo += t.o.BatchSize {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		rows := min(t.o.BatchSize, len(t.order)-lo)
		for i, s := range t.order[lo : lo+rows] {
			copy(t.hx.Row(i), t.x.Row(s))
			copy(t.hy.Row(i), t.y.Row(s))
		}
		b := t.b.Rows(0, rows)
		t.q.Upload(b.X, t.hx.Slice(0, rows, 0, t.hx.Cols))
		t.q.Upload(b.Y, t.hy.Slice(0, rows, 0, t.hy.Cols))
		t.pass.Rows(0, rows).step(t.q, t.θ, b, T(1/float64(rows)), 0, t.g, t.total)
		if err := t.optimizer.Step(ctx); err != nil {
			return 0, err
		}
	}
	loss, err := read(t.q, t.total)
	return loss / float64(len(t.order)), err
}

// Streams of random numbers: layers use 0, 1, …, epochs those from here.
const shuffleStream = 1 << 32

// shuffle makes order a random permutation (Fisher and Yates) that depends on
// seed and epoch alone.
func shuffle(order []int, seed, epoch uint64) {
	for i := range order {
		order[i] = i
	}
	for i := len(order) - 1; i > 0; i-- {
		// The high word of a product is uniform to within 2⁻⁶⁴·(i+1).
		j, _ := bits.Mul64(rng.Uint64(seed, shuffleStream+epoch, uint64(i)), uint64(i+1))
		order[i], order[j] = order[j], order[i]
	}
}
