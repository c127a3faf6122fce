package hessianspectrum

import (
	"context"
	"fmt"
	"math"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/nn"
	"github.com/ritz-go/ritz/goapi/optim"
	"github.com/ritz-go/ritz/goapi/rng"
)

// Descent are steps of constant size along the gradient of a batch.
type Descent struct {
	Step  float64
	Batch int // samples of a step, drawn with replacement; 0 means all, gradient descent
	Steps int
	Seed  uint64

	// Visit, if not nil, is called with the network before the first step
	// and after the steps that At names.
	At    []int
	Visit func(step int, net *nn.Network[float64]) error
}

// Run moves the parameters of net. Errors: those of bad input and of Visit;
// *device.NotConvergedError if the loss is no longer finite, with the step; that
// of ctx.
func (d Descent) Run(ctx context.Context, dev device.Device, net *nn.Network[float64], data nn.Data[float64]) error {
	if err := net.Check(); err != nil {
		return err
	}
	if err := data.Check(net.Architecture); err != nil {
		return err
	}
	n := data.X.Rows
	if d.Batch == 0 {
		d.Batch = n
	}
	switch {
	case !(d.Step > 0) || math.IsInf(d.Step, 0):
		return device.Argument("step", "is %v, must be positive", d.Step)
	case d.Batch < 1 || d.Batch > n:
		return device.Argument("batch", "is %d, must be between 1 and the %d samples", d.Batch, n)
	case d.Steps < 0:
		return device.Argument("steps", "are %d, must not be negative", d.Steps)
	}
	q := device.NewQueue[float64](dev)
	defer q.Close()
	θ, g := q.Alloc(1, len(net.Theta)), q.Alloc(1, len(net.Theta))
	q.Upload(θ, device.Vector(net.Theta))
	sgd, err := optim.New(q, optim.Group[float64]{Rule: optim.SGD{LearningRate: d.Step}, Parameters: []optim.Parameter[float64]{{Name: "parameters", Value: θ, Gradient: g}}})
	if err != nil {
		return err
	}
	batch := data.Upload(q, net.Architecture)
	pass := nn.NewPass(q, net.Architecture, d.Batch, nn.Deltas)
	samples := batch
	if d.Batch < n {
		samples = nn.Batch[float64]{X: q.Alloc(d.Batch, net.Inputs()), Y: q.Alloc(d.Batch, net.Outputs()), Loss: batch.Loss}
	}
	total, uniform := q.Alloc(1, 1), make([]float64, d.Batch)
	visit := func(step int) error {
		q.Download(device.Vector(net.Theta), θ)
		if err := q.Sync(); err != nil || d.Visit == nil {
			return err
		}
		return d.Visit(step, net)
	}
	if err := visit(0); err != nil {
		return err
	}
	at := d.At
	for step := 1; step <= d.Steps; step++ {
		if d.Batch < n {
			rng.Uniform(d.Seed, uint64(step), 0, uniform)
			for k, u := range uniform {
				i := int(u * float64(n))
				q.Copy(samples.X.Row(k), batch.X.Row(i))
				q.Copy(samples.Y.Row(k), batch.Y.Row(i))
			}
		}
		pass.Forward(q, θ, samples.X)
		pass.Evaluate(q, samples, total)
		pass.Backward(q, θ, samples)
		pass.Gradient(q, 1/float64(d.Batch), 0, g)
		if err := sgd.Step(ctx); err != nil {
			if ctx.Err() == nil {
				return fmt.Errorf("step %d: %w: %w", step, device.ErrNotConverged, err)
			}
			return err
		}
		for len(at) > 0 && at[0] <= step {
			at = at[1:]
			if err := visit(step); err != nil {
				return err
			}
		}
	}
	q.Download(device.Vector(net.Theta), θ)
	return q.Sync()
}
