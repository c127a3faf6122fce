package auon

import (
	"context"
	"time"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/nn"
	"github.com/ritz-go/ritz/goapi/optim"
	"github.com/ritz-go/ritz/goapi/rng"
)

// sizes of the network: two hidden layers.
var sizes = []int{784, 256, 256, 10}

// study is what all runs have in common.
type study struct {
	train, test nn.Data[float32]
	epochs      int
	seed        uint64
}

// batch is the number of samples of a step; what an epoch leaves over is left out.
const batch = 128

func (s study) steps() int { return s.epochs * (s.train.X.Rows / batch) }

// run is what came out of one training.
type run struct {
	rate     float64
	losses   []float64 // of the batch of each step, before the step
	accuracy float64   // on the test set
	seconds  float64
}

// tail returns the mean loss of the last tenth of the steps.
func (r run) tail() float64 {
	n := max(1, len(r.losses)/10)
	sum := 0.0
	for _, v := range r.losses[len(r.losses)-n:] {
		sum += v
	}
	return sum / float64(n)
}

// trainer holds a training on a device.
type trainer struct {
	study
	q      device.Queue[float32]
	net    *nn.Network[float32]
	θ, g   device.Matrix[float32] // 1×P
	pass   *nn.Pass[float32]
	x, y   device.Dense[float32] // of a batch
	b      nn.Batch[float32]
	losses device.Matrix[float32] // steps×1, sums over the batch
	o      *optim.Optimizer[float32]
}

// run trains a new network, hidden moving the weights of the hidden layers.
func (s study) run(ctx context.Context, dev device.Device, hidden optim.Rule) (*run, error) {
	if s.steps() == 0 {
		return nil, device.Argument("data", "of %d samples are not enough for a step of %d", s.train.X.Rows, batch)
	}
	net, err := nn.New[float32](sizes, nn.Relu, s.seed)
	if err != nil {
		return nil, err
	}
	q := device.NewQueue[float32](dev)
	defer q.Close()
	t, err := s.trainer(q, net, hidden)
	if err != nil {
		return nil, err
	}
	start := time.Now()
	for step := range s.steps() {
		if err := t.step(ctx, step); err != nil {
			return nil, err
		}
	}
	sums := make([]float32, s.steps())
	q.Download(device.Dense[float32]{Rows: len(sums), Cols: 1, Stride: 1, Data: sums}, t.losses)
	q.Download(device.Vector(net.Theta), t.θ)
	if err := q.Sync(); err != nil {
		return nil, err
	}
	r := &run{seconds: time.Since(start).Seconds()}
	for _, v := range sums {
		r.losses = append(r.losses, float64(v)/batch)
	}
	m, err := net.Evaluate(ctx, dev, s.test)
	if err != nil {
		return nil, err
	}
	r.accuracy = m.Accuracy
	return r, nil
}

func (s study) trainer(q device.Queue[float32], net *nn.Network[float32], hidden optim.Rule) (*trainer, error) {
	p := net.Parameters()
	t := &trainer{study: s, q: q, net: net, θ: q.Alloc(1, p), g: q.Alloc(1, p), losses: q.Alloc(s.steps(), 1)}
	q.Upload(t.θ, device.Vector(net.Theta))
	t.pass = nn.NewPass(q, net.Architecture, batch, nn.Deltas)
	t.x, t.y = device.NewDense[float32](batch, net.Inputs()), device.NewDense[float32](batch, net.Outputs())
	t.b = nn.Batch[float32]{X: q.Alloc(batch, net.Inputs()), Y: q.Alloc(batch, net.Outputs()), Loss: nn.CrossEntropy}
	falling := optim.Schedule{Decay: s.steps()}
	matrices := optim.Group[float32]{Rule: hidden, Schedule: falling}
	others := optim.Group[float32]{Rule: optim.AdamW{Beta2: 0.99, WeightDecay: decay}, Schedule: falling}
	layers := net.Layers()
	for i, l := range layers {
		w, b := nn.LayerViews(t.θ, l)
		gw, gb := nn.LayerViews(t.g, l)
		weights := optim.Parameter[float32]{Value: w, Gradient: gw}
		if i < len(layers)-1 {
			matrices.Parameters = append(matrices.Parameters, weights)
		} else {
			others.Parameters = append(others.Parameters, weights)
		}
		others.Parameters = append(others.Parameters, optim.Parameter[float32]{Value: b, Gradient: gb})
	}
	var err error
	t.o, err = optim.New(q, matrices, others)
	return t, err
}

func (t *trainer) step(ctx context.Context, step int) error {
	t.gather(step)
	t.q.Upload(t.b.X, t.x)
	t.q.Upload(t.b.Y, t.y)
	t.pass.Forward(t.q, t.θ, t.b.X)
	t.pass.Evaluate(t.q, t.b, t.losses.Row(step))
	t.pass.Backward(t.q, t.θ, t.b)
	t.pass.Gradient(t.q, 1./batch, 0, t.g)
	return t.o.Step(ctx)
}

// gather collects the samples of a step in Go memory. Each is drawn anew, with
// replacement, by its own random number: every method sees the same ones.
func (t *trainer) gather(step int) {
	clear(t.y.Data)
	for i := range batch {
		k := int(rng.Uint64(t.seed, samples, uint64(step*batch+i)) % uint64(t.train.X.Rows))
		copy(t.x.Row(i), t.train.X.Row(k))
		t.y.Set(i, t.train.Labels[k], 1)
	}
}

// samples is the stream of random numbers of the samples; the layers have 0, 1, …
const samples = 1 << 32
