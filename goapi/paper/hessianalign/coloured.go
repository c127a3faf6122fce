package hessianalign

import (
	"context"
	"fmt"
	"math"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/nn"
	"github.com/ritz-go/ritz/goapi/optim"
	"github.com/ritz-go/ritz/goapi/paper"
	"github.com/ritz-go/ritz/goapi/rng"
)

// Coloured MNIST (Arjovsky et al. 2019), as in the paper's experiment: the
// colour of a digit predicts its noisy binary label better than the digit does,
// but in the test domain it predicts the opposite.
const (
	labelNoise = 0.25
	// pixels of an image reduced to 14×14, in two colours.
	pixels = 2 * 14 * 14
)

// colourNoise is how often the colour is not that of the label, in the two
// training domains and in the test domain.
var colourNoise = [3]float64{0.2, 0.1, 0.9}

// Settings of the training in the authors' code.
const (
	learningRate = 4.898536566546834e-4
	shrinkage    = 0.00110794568
	anneal       = 190 // steps before the penalty takes over
	takeover     = 91257.18613115903
	steps        = 501
)

// environment is a domain of coloured images.
type environment struct {
	x      device.Dense[float32]
	labels []int
}

// coloured makes the environments: the training images alternate between the
// first two, n to each, and the test images are the third.
func coloured(train, test nn.Data[float32], n int, seed uint64) [3]environment {
	var all [3]environment
	for e := range all {
		data, first, stride, count := train, e, 2, n
		if e == 2 {
			data, first, stride, count = test, 0, 1, len(test.Labels)
		}
		env := environment{x: device.NewDense[float32](count, pixels), labels: make([]int, count)}
		noise := make([]float64, 2*count)
		rng.Uniform(seed, uint64(100+e), 0, noise)
		for i := range count {
			at := first + i*stride
			label := 0
			if data.Labels[at] < 5 {
				label = 1
			}
			if noise[2*i] < labelNoise {
				label = 1 - label
			}
			colour := label
			if noise[2*i+1] < colourNoise[e] {
				colour = 1 - label
			}
			env.labels[i] = label
			image, row := data.X.Row(at), env.x.Row(i)
			for y := range 14 {
				for x := range 14 {
					row[colour*196+14*y+x] = image[2*28*y+2*x]
				}
			}
		}
		all[e] = env
	}
	return all
}

// training is a perceptron 392–h–h–1 on the training environments.
type training struct {
	ctx     context.Context
	q       device.Queue[float32]
	net     nn.Architecture
	θ, g    device.Matrix[float32]
	work    device.Matrix[float32] // 1×P, a part of the gradient
	head    device.Matrix[float32] // 1×(h+1), weights and bias of the last layer
	dHead   device.Matrix[float32]
	x       []device.Matrix[float32]
	passes  []*nn.Pass[float32]
	domains []*Domain[float32]
	dz      []device.Matrix[float32]
}

// outcome is what a training came to.
type outcome struct {
	train, test float64 // accuracies
	distance    float64 // ‖H₀-H₁‖_F/‖H₀‖_F of the head
}

// train trains with a penalty and evaluates.
func train(ctx context.Context, dev device.Device, all [3]environment, hidden int, p Penalty, seed uint64) (*outcome, error) {
	net, err := nn.New[float32]([]int{pixels, hidden, hidden, 1}, nn.Relu, seed)
	if err != nil {
		return nil, err
	}
	initialize(net, seed)
	q := device.NewQueue[float32](dev)
	defer q.Close()
	t := &training{
		ctx: ctx, q: q, net: net.Architecture, θ: q.Alloc(1, len(net.Theta)), g: q.Alloc(1, len(net.Theta)), work: q.Alloc(1, len(net.Theta)),
		head: q.Alloc(1, hidden+1), dHead: q.Alloc(1, hidden+1),
	}
	q.Upload(t.θ, device.Vector(net.Theta))
	for _, env := range all {
		x := q.Alloc(env.x.Rows, env.x.Cols)
		q.Upload(x, env.x)
		m, err := NewDomain(q, hidden, env.labels, 1)
		if err != nil {
			return nil, err
		}
		t.x, t.domains = append(t.x, x), append(t.domains, m)
		t.passes = append(t.passes, nn.NewPass(q, t.net, x.Rows, nn.Deltas))
		t.dz = append(t.dz, q.Alloc(x.Rows, hidden))
	}
	adam, err := optim.New(q, optim.Group[float32]{Rule: optim.AdamW{LearningRate: learningRate}, Parameters: []optim.Parameter[float32]{{Value: t.θ, Gradient: t.g}}})
	if err != nil {
		return nil, err
	}
	for step := range steps {
		weight := 1.0
		if step >= anneal && p.Kind != None {
			weight = takeover
		}
		if err := t.gradient(p, weight); err != nil {
			return nil, fmt.Errorf("step %d: %w", step, err)
		}
		if err := adam.Step(ctx); err != nil {
			return nil, fmt.Errorf("step %d: %w", step, err)
		}
	}
	return t.evaluate()
}

// initialize draws weights uniform on ±√(6/(in+out)) (Glorot and Bengio 2010)
// and sets biases to zero.
func initialize(net *nn.Network[float32], seed uint64) {
	for l, layer := range net.Layers() {
		w := net.Theta[layer.Weights:layer.Bias]
		rng.Uniform(seed, uint64(200+l), 0, w)
		bound := math.Sqrt(6 / float64(layer.In+layer.Out))
		for i := range w {
			w[i] = float32(bound * (2*float64(w[i]) - 1))
		}
	}
}

// forward computes the features of a domain.
func (t *training) forward(e int) {
	p := t.passes[e]
	p.Forward(t.q, t.θ, t.x[e])
	t.q.Copy(t.domains[e].Features(), p.Inputs[len(p.Inputs)-1])
}

// last returns the weights and the bias of the last layer in θ or its gradient.
func (t *training) last(θ device.Matrix[float32]) (w, b device.Matrix[float32]) {
	layers := t.net.Layers()
	return nn.LayerViews(θ, layers[len(layers)-1])
}

func (t *training) loadHead() {
	w, b := t.last(t.θ)
	t.q.Copy(t.head.Slice(0, 1, 0, w.Cols), w)
	t.q.Copy(t.head.Slice(0, 1, w.Cols, w.Cols+1), b)
}

// gradient computes the derivative of (risk + weight·penalty + shrinkage·‖θ‖²)
// divided by the weight if that exceeds 1, which keeps Adam's steps alike.
func (t *training) gradient(p Penalty, weight float64) error {
	q := t.q
	const no = device.NoTrans
	for e := range 2 {
		t.forward(e)
	}
	t.loadHead()
	scale := 1 / math.Max(1, weight)
	if _, err := Evaluate(t.ctx, q, p, t.domains[:2], t.head, scale, weight*scale, t.dHead, t.dz[:2]); err != nil {
		return err
	}
	q.Add(float32(2*shrinkage*scale), no, t.θ, 0, no, device.Matrix[float32]{}, t.g)
	for e := range 2 {
		pass := t.passes[e]
		top := len(pass.Deltas) - 1
		q.Fill(0, pass.Deltas[top]) // the head has its own derivative
		q.Mul(t.dz[e], pass.Slopes[top-1], pass.Deltas[top-1])
		pass.BackwardFrom(q, t.θ, top-1)
		pass.Gradient(q, 1, 1, t.g)
	}
	w, b := t.last(t.g)
	q.Add(1, no, t.dHead.Slice(0, 1, 0, w.Cols), 1, no, w, w)
	q.Add(1, no, t.dHead.Slice(0, 1, w.Cols, w.Cols+1), 1, no, b, b)
	return nil
}

// evaluate returns the accuracies and the distance of the Hessians.
func (t *training) evaluate() (*outcome, error) {
	t.loadHead()
	var r outcome
	for e, m := range t.domains {
		t.forward(e)
		if _, err := m.Evaluate(t.q, t.head); err != nil {
			return nil, err
		}
		accuracy, err := m.accuracy(t.q)
		if err != nil {
			return nil, err
		}
		if e < 2 {
			r.train += accuracy / 2
		} else {
			r.test = accuracy
		}
	}
	distance, norm, err := FrobeniusDistance(t.ctx, t.q, t.domains[0], t.domains[1])
	r.distance = distance / norm
	return &r, err
}

// accuracy returns the share of samples whose single logit has the sign of
// their label.
func (m *Domain[T]) accuracy(q device.Queue[T]) (float64, error) {
	n := m.logits.Rows
	logits, labels := device.NewDense[T](n, 1), device.NewDense[T](n, 1)
	q.Download(logits, m.logits)
	q.Download(labels, m.y)
	if err := q.Sync(); err != nil {
		return 0, err
	}
	right := 0
	for i, a := range logits.Data {
		if (a > 0) == (labels.Data[i] > 0) {
			right++
		}
	}
	return float64(right) / float64(n), nil
}

// Reproduce trains on Coloured MNIST with each penalty and compares accuracy
// and distance of the Hessians between the training domains.
func Reproduce(ctx context.Context, dev device.Device, o paper.Options) (*paper.Reproduction, error) {
	n, hidden, seeds := 4000, 128, 1
	if o.Full {
		n, hidden, seeds = 25000, 390, 1
	}
	return reproduce(ctx, dev, o, n, hidden, seeds)
}
