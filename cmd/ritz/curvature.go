package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/hessian"
	"github.com/ritz-go/ritz/goapi/matio"
	"github.com/ritz-go/ritz/goapi/nn"
	"github.com/ritz-go/ritz/goapi/rng"
	"github.com/ritz-go/ritz/goapi/spectrum"
)

// hessianProblems are products with the Hessians of networks, and what is
// computed of them. Where the result depends on the network, the peers read it
// from a file in folder.
func hessianProblems(ctx context.Context, dev device.Device, folder string) []measurement {
	threads := dev.Info().Threads
	deep := productProblem[float32](ctx, dev, []int{784, 512, 512, 10}, 10000, 8)
	deep.peer = map[string]string{"torch Hv": fmt.Sprintf("hv 784,512,512,10 10000 8 %d", threads)}
	head := productProblem[float32](ctx, dev, []int{784, 10}, 60000, 32)
	head.library = map[string]func() error{"one at a time": oneAtATime(ctx, dev, []int{784, 10}, 60000, 32)}
	return append([]measurement{
		productProblem[float64](ctx, dev, []int{784, 128, 10}, 2000, 8),
		productProblem[float64](ctx, dev, []int{784, 512, 10}, 2000, 8),
		deep, head,
	}, trainedProblems(ctx, dev, folder)...)
}

// productProblem is a product with k directions.
func productProblem[T device.Float](ctx context.Context, dev device.Device, sizes []int, samples, k int) measurement {
	name := make([]string, len(sizes))
	flops := 0.0 // two products of matrices in the first layer, six in others
	for l, size := range sizes {
		name[l] = fmt.Sprint(size)
		if l == 1 {
			flops += 4 * float64(k*samples) * float64(sizes[0]*size)
		} else if l > 1 {
			flops += 12 * float64(k*samples) * float64(sizes[l-1]*size)
		}
	}
	product := lazily(func() func() error { return hessianProduct[T](ctx, dev, sizes, samples, k) })
	return measurement{
		name:  fmt.Sprintf("hessian %s, %d×%d%s", strings.Join(name, "–"), samples, k, suffix[T]()),
		flops: flops, single: suffix[T]() != "",
		run: func() error { return product()() },
	}
}

// oneAtATime is k products with one direction.
func oneAtATime(ctx context.Context, dev device.Device, sizes []int, samples, k int) func() error {
	product := lazily(func() func() error { return hessianProduct[float32](ctx, dev, sizes, samples, 1) })
	return func() error {
		for range k {
			if err := product()(); err != nil {
				return err
			}
		}
		return nil
	}
}

// hessianProduct returns the product of the Hessian of a network on random data
// with k directions. Its memory belongs to the device.
func hessianProduct[T device.Float](ctx context.Context, dev device.Device, sizes []int, samples, k int) func() error {
	failed := func(err error) func() error { return func() error { return err } }
	net, err := nn.New[T](sizes, nn.Tanh, 1)
	if err != nil {
		return failed(err)
	}
	data := nn.Data[T]{X: normal[T](8, samples, sizes[0]), Labels: make([]int, samples)}
	for i := range data.Labels {
		data.Labels[i] = i % sizes[len(sizes)-1]
	}
	q := device.NewQueue[T](dev)
	op, err := hessian.MLP(ctx, q, net, data, hessian.Options{})
	if err != nil {
		return failed(err)
	}
	src, dst := q.Alloc(k, op.Dim()), q.Alloc(k, op.Dim())
	q.Random(device.Normal, 9, 0, src)
	return func() error {
		if err := op.Apply(ctx, q, dst, src); err != nil {
			return err
		}
		return q.Sync()
	}
}

// trainedProblems are the spectral density and the leading eigenvalues of a
// trained 784–32–10 network on 1000 samples.
func trainedProblems(ctx context.Context, dev device.Device, folder string) []measurement {
	path := filepath.Join(folder, "network.npz")
	single := lazily(func() *trained[float32] { return newTrained[float32](ctx, dev, path) })
	double := lazily(func() *trained[float64] { return newTrained[float64](ctx, dev, path) })
	threads := dev.Info().Threads
	return []measurement{
		{
			name: "density 784–32–10, 10×80 f32",
			run: func() error {
				t := single()
				if t.err != nil {
					return t.err
				}
				_, err := spectrum.SLQ(ctx, dev, t.op, spectrum.SLQOptions{Probes: 10, Steps: 80, Seed: 1})
				return err
			},
			peer: map[string]string{"torch SLQ": fmt.Sprintf("slq %s 10 80 %d", path, threads)},
		},
		{
			name: "top 8 of 784–32–10, 1e-8",
			run: func() error {
				t := double()
				if t.err != nil {
					return t.err
				}
				_, err := spectrum.Eigs(ctx, dev, t.op, spectrum.EigsOptions{K: 8, Tol: 1e-8, Which: spectrum.LargestMagnitude, Seed: 1})
				return err
			},
			peer: map[string]string{"torch power, 1e-3": fmt.Sprintf("power %s 8 %d", path, threads)},
		},
	}
}

// trained is the Hessian of a trained network.
type trained[T device.Float] struct {
	op  *hessian.Network[T]
	err error
}

// newTrained trains the network, the same for both types, and writes it and its
// data to path for the peers.
func newTrained[T device.Float](ctx context.Context, dev device.Device, path string) *trained[T] {
	const samples, inputs, classes = 1000, 784, 10
	t := &trained[T]{}
	net, err := nn.New[float32]([]int{inputs, 32, classes}, nn.Tanh, 1)
	if err != nil {
		t.err = err
		return t
	}
	data := clusters(samples, inputs, classes)
	if _, t.err = net.Train(ctx, dev, data, nn.TrainOptions{Epochs: 5, Seed: 1}); t.err != nil {
		return t
	}
	y := make([]float32, samples)
	for i, c := range data.Labels {
		y[i] = float32(c)
	}
	arrays := append(weightArrays(net),
		matio.Named[float32]{Name: "X", Array: matio.Array[float32]{Shape: []int{samples, inputs}, Data: data.X.Data}},
		matio.Named[float32]{Name: "y", Array: matio.Array[float32]{Shape: []int{samples}, Data: y}})
	if t.err = matio.WriteAll(path, arrays); t.err != nil {
		return t
	}
	same, err := nn.New[T](net.Sizes, nn.Tanh, 1)
	if err != nil {
		t.err = err
		return t
	}
	for i, x := range net.Theta {
		same.Theta[i] = T(x)
	}
	own := nn.Data[T]{X: device.NewDense[T](samples, inputs), Labels: data.Labels}
	for i, x := range data.X.Data {
		own.X.Data[i] = T(x)
	}
	t.op, t.err = hessian.MLP(ctx, device.NewQueue[T](dev), same, own, hessian.Options{})
	return t
}

// clusters are samples like images: classes of them around sparse means,
// between 0 and 1.
func clusters(samples, inputs, classes int) nn.Data[float32] {
	means := normal[float32](11, classes, inputs)
	data := nn.Data[float32]{X: normal[float32](12, samples, inputs), Labels: make([]int, samples)}
	shift := make([]float32, samples)
	rng.Normal(13, 0, 0, shift)
	for i := range samples {
		c := i % classes
		data.Labels[i] = c
		row, mean := data.X.Row(i), means.Row(c)
		for j := range row {
			row[j] = min(max(0.3*mean[j]+0.3*row[j]+0.1*shift[i]-0.2, 0), 1)
		}
	}
	return data
}
