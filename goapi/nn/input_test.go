package nn

import (
	"context"
	"errors"
	"math"
	"testing"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/optim"
	"github.com/ritz-go/ritz/tests/refusal"
)

// Networks that no one can have, in every function that takes one.
func TestBadNetworks(t *testing.T) {
	d := classified[float64](5, 3, 2)
	weights := make([]float64, 26)
	for name, c := range map[string]struct {
		net  *Network[float64]
		want error
	}{
		"nil":              {nil, device.ErrArgument},
		"zero value":       {&Network[float64]{}, device.ErrArgument},
		"no parameters":    {&Network[float64]{Architecture: Architecture{Sizes: []int{3, 4, 2}}}, device.ErrShape},
		"one size":         {&Network[float64]{Architecture{Sizes: []int{3}}, weights}, device.ErrArgument},
		"size 0":           {&Network[float64]{Architecture{Sizes: []int{3, 0, 2}}, weights}, device.ErrArgument},
		"negative size":    {&Network[float64]{Architecture{Sizes: []int{3, -4, 2}}, weights}, device.ErrArgument},
		"huge sizes":       {&Network[float64]{Architecture{Sizes: []int{1 << 28, 1 << 28}}, weights}, device.ErrArgument},
		"activation":       {&Network[float64]{Architecture{Sizes: []int{3, 4, 2}, Activation: "step"}, weights}, device.ErrArgument},
		"other parameters": {&Network[float64]{Architecture{Sizes: []int{3, 5, 2}}, weights}, device.ErrShape},
	} {
		dev := device.Go()
		refuses(t, "Check, "+name, c.want, func() error { return c.net.Check() })
		refuses(t, "Predict, "+name, c.want, func() error { _, err := c.net.Predict(ctx, dev, d.X); return err })
		refuses(t, "Evaluate, "+name, c.want, func() error { _, err := c.net.Evaluate(ctx, dev, d); return err })
		refuses(t, "Gradient, "+name, c.want, func() error { _, _, err := c.net.Gradient(ctx, dev, d); return err })
		refuses(t, "Train, "+name, c.want, func() error { _, err := c.net.Train(ctx, dev, d, TrainOptions{}); return err })
		refuses(t, "Weights, "+name, nil, func() error {
			if w := c.net.Weights(); len(w) != 0 {
				t.Errorf("%s: weights of %d layers", name, len(w))
			}
			return nil
		})
		if c.net == nil {
			continue
		}
		a := c.net.Architecture
		refuses(t, "Architecture, "+name, nil, func() error {
			a.Inputs()
			a.Outputs()
			a.Layers()
			a.Parameters()
			for need := Outputs; need <= Curvatures; need++ {
				PassSize(a, need)
			}
			return nil
		})
		if errors.Is(a.Check(), device.ErrArgument) {
			refuses(t, "Data.Check, "+name, device.ErrArgument, func() error { return d.Check(a) })
			refuses(t, "CheckFeatures, "+name, device.ErrArgument, func() error { return CheckFeatures(a, d.X) })
			refuses(t, "New, "+name, device.ErrArgument, func() error { _, err := New[float64](a.Sizes, a.Activation, 1); return err })
		}
	}
	nan := math.NaN()
	w := random[float64](t, []int{3, 4, 2}, Tanh).Weights()
	for name, c := range map[string]struct {
		activation Activation
		layers     []Weights[float64]
		want       error
	}{
		"none":       {Tanh, nil, device.ErrEmpty},
		"zero value": {Tanh, []Weights[float64]{{}}, device.ErrEmpty},
		"chain":      {Tanh, []Weights[float64]{w[0], w[0]}, device.ErrShape},
		"biases":     {Tanh, []Weights[float64]{{W: w[0].W, B: w[0].B[1:]}}, device.ErrShape},
		"no biases":  {Tanh, []Weights[float64]{{W: w[0].W}}, device.ErrShape},
		"NaN bias":   {Tanh, []Weights[float64]{{W: w[0].W, B: []float64{0, 0, 0, nan}}}, device.ErrNotFinite},
		"Inf weight": {Tanh, []Weights[float64]{{W: device.Vector([]float64{math.Inf(1)}), B: []float64{0}}}, device.ErrNotFinite},
		"stride":     {Tanh, []Weights[float64]{{W: device.Dense[float64]{Rows: 2, Cols: 2, Stride: 1, Data: make([]float64, 9)}, B: []float64{0, 0}}}, device.ErrShape},
		"activation": {"step", w, device.ErrArgument},
	} {
		refuses(t, "FromWeights, "+name, c.want, func() error { _, err := FromWeights(c.activation, c.layers); return err })
	}
}

func TestBadData(t *testing.T) {
	net := random[float64](t, []int{3, 4, 2}, Gelu)
	x, nan := normal[float64](1, 5, 3), math.NaN()
	bad := x.Clone()
	bad.Set(1, 1, nan)
	for name, c := range map[string]struct {
		d    Data[float64]
		want error
	}{
		"zero value":      {Data[float64]{}, device.ErrEmpty},
		"no targets":      {Data[float64]{X: x}, device.ErrEmpty},
		"features":        {Data[float64]{X: normal[float64](1, 5, 4), Labels: make([]int, 5)}, device.ErrShape},
		"NaN":             {Data[float64]{X: bad, Labels: make([]int, 5)}, device.ErrNotFinite},
		"stride":          {Data[float64]{X: device.Dense[float64]{Rows: 2, Cols: 3, Stride: 2, Data: make([]float64, 9)}, Labels: make([]int, 2)}, device.ErrShape},
		"labels":          {Data[float64]{X: x, Labels: make([]int, 4)}, device.ErrShape},
		"no labels":       {Data[float64]{X: x, Labels: []int{}}, device.ErrShape},
		"label 2":         {Data[float64]{X: x, Labels: []int{0, 1, 2, 0, 0}}, device.ErrArgument},
		"label -1":        {Data[float64]{X: x, Labels: []int{0, 1, -1, 0, 0}}, device.ErrArgument},
		"both":            {Data[float64]{X: x, Labels: make([]int, 5), Targets: normal[float64](1, 5, 2)}, device.ErrArgument},
		"rows of targets": {Data[float64]{X: x, Targets: normal[float64](1, 4, 2)}, device.ErrShape},
		"targets":         {Data[float64]{X: x, Targets: normal[float64](1, 5, 3)}, device.ErrShape},
		"NaN targets":     {Data[float64]{X: x, Targets: device.Dense[float64]{Rows: 5, Cols: 2, Stride: 2, Data: []float64{nan, 0, 0, 0, 0, 0, 0, 0, 0, 0}}}, device.ErrNotFinite},
	} {
		dev := device.Go()
		refuses(t, "Check, "+name, c.want, func() error { return c.d.Check(net.Architecture) })
		refuses(t, "Evaluate, "+name, c.want, func() error { _, err := net.Evaluate(ctx, dev, c.d); return err })
		refuses(t, "Gradient, "+name, c.want, func() error { _, _, err := net.Gradient(ctx, dev, c.d); return err })
		refuses(t, "Train, "+name, c.want, func() error { _, err := net.Train(ctx, dev, c.d, TrainOptions{}); return err })
		refuses(t, "Upload, "+name, nil, func() error { // without Check: an error of the queue at most
			q := dev.F64()
			defer q.Close()
			c.d.Upload(q, net.Architecture).Rows(0, 99)
			c.d.Loss()
			if err := q.Sync(); err == nil && errors.Is(c.want, device.ErrArgument) && name != "both" {
				t.Errorf("%s: uploaded", name)
			}
			return nil
		})
	}
	for name, c := range map[string]struct {
		x    device.Dense[float64]
		want error
	}{"empty": {device.Dense[float64]{}, device.ErrEmpty}, "features": {normal[float64](1, 5, 4), device.ErrShape}, "NaN": {bad, device.ErrNotFinite}} {
		refuses(t, "Predict, "+name, c.want, func() error { _, err := net.Predict(ctx, device.Go(), c.x); return err })
	}
	d := classified[float64](5, 3, 2)
	for name, o := range map[string]TrainOptions{
		"epochs": {Epochs: -1}, "batch": {BatchSize: -1}, "rate": {Rule: optim.AdamW{LearningRate: -1}},
		"rate NaN": {Rule: optim.SGD{LearningRate: nan}}, "momentum": {Rule: optim.SGD{Momentum: 1.5}},
		"schedule": {Schedule: optim.Schedule{WarmUp: -1}},
	} {
		refuses(t, "Train, "+name, device.ErrArgument, func() error { _, err := net.Train(ctx, device.Go(), d, o); return err })
	}
	refuses(t, "huge batch", nil, func() error {
		_, err := net.Train(ctx, device.Go(), d, TrainOptions{Epochs: 1, BatchSize: math.MaxInt})
		return err
	})
}

// Passes used out of order or for what they do not keep fail at Sync.
func TestBadPasses(t *testing.T) {
	net, d := random[float64](t, []int{3, 4, 2}, Tanh), classified[float64](5, 3, 2)
	q := device.Go().F64()
	defer q.Close()
	θ, b, g := net.upload(q), d.Upload(q, net.Architecture), q.Alloc(1, len(net.Theta))
	for name, f := range map[string]func(){
		"zero value, Forward":  func() { new(Pass[float64]).Forward(q, θ, b.X) },
		"zero value, Backward": func() { new(Pass[float64]).Backward(q, θ, b) },
		"zero value, Gradient": func() { new(Pass[float64]).Gradient(q, 1, 0, g) },
		"zero value, Evaluate": func() { new(Pass[float64]).Evaluate(q, b, q.Alloc(1, 1)) },
		"no layers":            func() { NewPass(q, Architecture{}, 5, Deltas).Forward(q, θ, b.X) },
		"negative rows":        func() { NewPass(q, net.Architecture, -5, Deltas) },
		"no deltas":            func() { NewPass(q, net.Architecture, 5, Slopes).Backward(q, θ, b) },
		"no deltas, Gradient":  func() { NewPass(q, net.Architecture, 5, Outputs).Gradient(q, 1, 0, g) },
		"too few rows":         func() { NewPass(q, net.Architecture, 4, Deltas).Forward(q, θ, b.X) },
		"rows beyond":          func() { NewPass(q, net.Architecture, 5, Deltas).Rows(3, 9).Forward(q, θ, b.X) },
		"parameters":           func() { NewPass(q, net.Architecture, 5, Deltas).Forward(q, θ.Slice(0, 1, 0, 9), b.X) },
		"no parameters":        func() { NewPass(q, net.Architecture, 5, Deltas).Forward(q, device.Matrix[float64]{}, b.X) },
		"curvature":            func() { LossCurvature(q, CrossEntropy, b.X, b.Y) },
	} {
		refuses(t, name, device.ErrShape, func() error { f(); return q.Sync() })
	}
	refuses(t, "views", nil, func() error {
		LayerViews(θ, Layer{In: -1, Out: 3, Weights: 99, Bias: 2, End: -5})
		LayerViews(device.Matrix[float64]{}, Layer{})
		return nil
	})
}

func TestClosedDevice(t *testing.T) {
	dev := device.Go()
	dev.Close()
	net, d := random[float64](t, []int{3, 4, 2}, Tanh), classified[float64](5, 3, 2)
	for name, dev := range map[string]device.Device{"closed": dev, "none": nil} {
		refuses(t, name, device.ErrClosed, func() error { _, err := net.Predict(ctx, dev, d.X); return err })
		refuses(t, name, device.ErrClosed, func() error { _, err := net.Evaluate(ctx, dev, d); return err })
		refuses(t, name, device.ErrClosed, func() error { _, _, err := net.Gradient(ctx, dev, d); return err })
		refuses(t, name, device.ErrClosed, func() error { _, err := net.Train(ctx, dev, d, TrainOptions{}); return err })
	}
}

// The context ends every function before the next chunk or batch.
func TestCancelledBetweenChunks(t *testing.T) {
	net, d := random[float64](t, []int{3, 4, 2}, Tanh), classified[float64](3*chunkRows, 3, 2)
	dev := device.Go()
	for looks := range 3 {
		for name, f := range map[string]func(ctx context.Context) error{
			"Predict":  func(ctx context.Context) error { _, err := net.Predict(ctx, dev, d.X); return err },
			"Evaluate": func(ctx context.Context) error { _, err := net.Evaluate(ctx, dev, d); return err },
			"Gradient": func(ctx context.Context) error { _, _, err := net.Gradient(ctx, dev, d); return err },
			"Train":    func(ctx context.Context) error { _, err := net.Train(ctx, dev, d, TrainOptions{Epochs: 2}); return err },
		} {
			c := refusal.After(looks)
			refuses(t, name, context.Canceled, func() error { return f(c) })
			if c.Late() > 2 {
				t.Errorf("%s looked %d times after the end", name, c.Late())
			}
		}
	}
}
