package nn

import (
	"context"
	"errors"
	"math"
	"slices"
	"testing"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/optim"
)

// Adam on all data against its formulas, with the reference gradient.
func TestTrainIsAdam(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		const rate, steps = 0.02, 6
		n, d := random[float64](t, []int{3, 4, 2}, Gelu), classified[float64](8, 3, 2)
		θ := slices.Clone(n.Theta)
		m, v := make([]float64, len(θ)), make([]float64, len(θ))
		losses := make([]float64, steps)
		for s := range steps {
			loss, g := referenceGradient(n.Architecture, θ, d)
			losses[s] = loss
			for i := range θ {
				m[i] = 0.9*m[i] + 0.1*g[i]
				v[i] = 0.999*v[i] + 0.001*g[i]*g[i]
				mHat, vHat := m[i]/(1-math.Pow(0.9, float64(s+1))), v[i]/(1-math.Pow(0.999, float64(s+1)))
				θ[i] -= rate * mHat / (math.Sqrt(vHat) + 1e-8)
			}
		}
		history, err := n.Train(ctx, dev, d, TrainOptions{Epochs: steps, BatchSize: 1000, Rule: optim.AdamW{LearningRate: rate}})
		if err != nil {
			t.Fatal(err)
		}
		// A quotient m/√v of two small numbers can lose a few digits.
		if e := distance(n.Theta, θ); e > 1e-10 {
			t.Errorf("parameters are off by %.2g", e)
		}
		for s, h := range history {
			if math.Abs(h.Loss-losses[s]) > 1e-11 || h.Number != s+1 || h.Of != steps {
				t.Errorf("epoch %+v, want loss %v", h, losses[s])
			}
		}
	})
}

// The exclusive or, which no linear model separates, in batches of an
// incomplete last one.
func TestTrainXor(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		for _, a := range []Activation{Tanh, Relu, Gelu, Softplus, Sine} {
			const n = 203
			d := Data[float32]{X: normal[float32](2, n, 2), Labels: make([]int, n)}
			for i := range n {
				if (d.X.At(i, 0) > 0) != (d.X.At(i, 1) > 0) {
					d.Labels[i] = 1
				}
			}
			net, err := New[float32]([]int{2, 16, 2}, a, 1)
			if err != nil {
				t.Fatal(err)
			}
			calls := 0
			history, err := net.Train(ctx, dev, d, TrainOptions{Epochs: 60, BatchSize: 20, Rule: optim.AdamW{LearningRate: 0.03}, Progress: func(Epoch) { calls++ }})
			if err != nil {
				t.Fatal(err)
			}
			m, err := net.Evaluate(ctx, dev, d)
			if err != nil {
				t.Fatal(err)
			}
			if m.Accuracy < 0.97 || calls != 60 || len(history) != 60 || history[59].Loss > history[0].Loss/4 {
				t.Errorf("%s: accuracy %v, %d calls, loss from %v to %v", a, m.Accuracy, calls, history[0].Loss, history[len(history)-1].Loss)
			}
		}
	})
}

// Least squares without noise has its solution in the data.
func TestTrainLeastSquares(t *testing.T) {
	truth := random[float64](t, []int{3, 2}, Identity)
	x := normal[float64](8, 50, 3)
	y, err := truth.Predict(ctx, device.Go(), x)
	if err != nil {
		t.Fatal(err)
	}
	net, err := New[float64]([]int{3, 2}, Identity, 5)
	if err != nil {
		t.Fatal(err)
	}
	// Near the solution Adam's steps are about as long as its rate, however
	// small the gradient: how close it ends is decided by the last rate.
	for _, rate := range []float64{0.02, 1e-3, 1e-5} {
		if _, err := net.Train(ctx, device.Go(), Data[float64]{X: x, Targets: y}, TrainOptions{Epochs: 1000, BatchSize: 50, Rule: optim.AdamW{LearningRate: rate}}); err != nil {
			t.Fatal(err)
		}
	}
	if e := distance(net.Theta, truth.Theta); e > 1e-4 {
		t.Errorf("parameters are off by %.2g", e)
	}
	m, err := net.Evaluate(ctx, device.Go(), Data[float64]{X: x, Targets: y})
	if err != nil || !math.IsNaN(m.Accuracy) {
		t.Errorf("accuracy %v without labels, error %v", m.Accuracy, err)
	}
}

func TestTrainDependsOnSeed(t *testing.T) {
	train := func(seed uint64) []float64 {
		n := random[float64](t, []int{3, 4, 2}, Tanh)
		if _, err := n.Train(ctx, device.Go(), classified[float64](50, 3, 2), TrainOptions{Epochs: 3, BatchSize: 7, Seed: seed}); err != nil {
			t.Fatal(err)
		}
		return n.Theta
	}
	if !slices.Equal(train(1), train(1)) || slices.Equal(train(1), train(2)) {
		t.Error("the result does not depend on the seed alone")
	}
}

func TestTrainCancelled(t *testing.T) {
	stop, cancel := context.WithCancel(ctx)
	n, start := random[float64](t, []int{3, 4, 2}, Tanh), random[float64](t, []int{3, 4, 2}, Tanh)
	history, err := n.Train(stop, device.Go(), classified[float64](50, 3, 2), TrainOptions{Progress: func(e Epoch) {
		if e.Number == 2 {
			cancel()
		}
	}})
	if !errors.Is(err, context.Canceled) || len(history) != 2 || slices.Equal(n.Theta, start.Theta) {
		t.Errorf("error %v after %d epochs", err, len(history))
	}
	if _, err := n.Evaluate(stop, device.Go(), classified[float64](50, 3, 2)); !errors.Is(err, context.Canceled) {
		t.Errorf("Evaluate gave %v", err)
	}
}

func TestTrainDiverges(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		n := random[float32](t, []int{3, 4, 2}, Relu)
		start := slices.Clone(n.Theta)
		_, err := n.Train(ctx, dev, classified[float32](50, 3, 2), TrainOptions{Rule: optim.AdamW{LearningRate: 1e29}, BatchSize: 10})
		if !errors.Is(err, device.ErrNotConverged) {
			t.Errorf("error %v", err)
		}
		if !slices.Equal(start, n.Theta) {
			t.Error("the parameters are not those before the first epoch")
		}
	})
}

func TestShuffle(t *testing.T) {
	const n, epochs = 5, 6000
	var counts [n][n]int
	order := make([]int, n)
	for e := range uint64(epochs) {
		shuffle(order, 3, e)
		seen := slices.Sorted(slices.Values(order))
		if !slices.Equal(seen, []int{0, 1, 2, 3, 4}) {
			t.Fatalf("%v is no permutation", order)
		}
		for i, v := range order {
			counts[i][v]++
		}
	}
	for i := range n {
		for v, c := range counts[i] {
			// Five standard deviations of a binomial count.
			if p := 1. / n; math.Abs(float64(c)-epochs*p) > 5*math.Sqrt(epochs*p*(1-p)) {
				t.Errorf("%d is at place %d in %d of %d permutations", v, i, c, epochs)
			}
		}
	}
}

// Momentum with a stepwise rate on minibatches against its formulas, with the
// reference gradient of each batch in the order of the epoch.
func TestTrainIsSGD(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		const rate, μ, decay, epochs, size = 0.05, 0.9, 1e-2, 3, 5
		n, d := random[float64](t, []int{3, 4, 2}, Softplus), classified[float64](12, 3, 2)
		θ := slices.Clone(n.Theta)
		m := make([]float64, len(θ))
		order := make([]int, 12)
		step := 0
		for e := range epochs {
			shuffle(order, 7, uint64(e))
			for lo := 0; lo < len(order); lo += size {
				var part Data[float64]
				for _, s := range order[lo:min(lo+size, len(order))] {
					part.X.Data = append(part.X.Data, d.X.Row(s)...)
					part.Labels = append(part.Labels, d.Labels[s])
				}
				part.X.Rows, part.X.Cols, part.X.Stride = len(part.Labels), 3, 3
				_, g := referenceGradient(n.Architecture, θ, part)
				factor := math.Pow(0.5, float64(step/4))
				for i := range θ {
					h := g[i] + decay*θ[i]
					m[i] = μ*m[i] + h
					θ[i] -= rate * factor * m[i]
				}
				step++
			}
		}
		_, err := n.Train(ctx, dev, d, TrainOptions{
			Epochs: epochs, BatchSize: size, Seed: 7,
			Rule:     optim.SGD{LearningRate: rate, Momentum: μ, WeightDecay: decay},
			Schedule: optim.Schedule{Every: 4, Drop: 0.5},
		})
		if err != nil {
			t.Fatal(err)
		}
		if e := distance(n.Theta, θ); e > 1e-12 {
			t.Errorf("parameters are off by %.2g", e)
		}
	})
}

// A rule for matrices moves the weights, and Adam the biases.
func TestTrainByMatrices(t *testing.T) {
	n, d := random[float64](t, []int{3, 6, 2}, Tanh), classified[float64](40, 3, 2)
	before := slices.Clone(n.Theta)
	if _, err := n.Train(ctx, device.Go(), d, TrainOptions{Epochs: 1, BatchSize: 40, Rule: optim.Muon{LearningRate: 0.1, Scale: optim.Unscaled}}); err != nil {
		t.Fatal(err)
	}
	for l, layer := range n.Layers() {
		sum := 0.0
		for i := layer.Weights; i < layer.Bias; i++ {
			sum += (n.Theta[i] - before[i]) * (n.Theta[i] - before[i])
		}
		// An orthogonal update has singular values near 1, as many as the
		// rank of the gradient: that of two classes is 1.
		if want := 0.1 * math.Sqrt(float64([]int{3, 1}[l])); math.Abs(math.Sqrt(sum)-want) > 0.4*want {
			t.Errorf("layer %d moved by %v, want about %v", l, math.Sqrt(sum), want)
		}
		for i := layer.Bias; i < layer.End; i++ { // Adam's first step
			if moved := math.Abs(n.Theta[i] - before[i]); math.Abs(moved-1e-3) > 1e-6 {
				t.Errorf("layer %d: a bias moved by %v", l, moved)
			}
		}
	}
}
