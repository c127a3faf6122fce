package hessian_test

import (
	"context"
	"fmt"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/hessian"
	"github.com/ritz-go/ritz/goapi/nn"
	"github.com/ritz-go/ritz/goapi/spectrum"
)

// The largest eigenvalues of the Hessian of a small network.
func ExampleMLP() {
	data := nn.Data[float64]{
		X:      device.Dense[float64]{Rows: 4, Cols: 2, Stride: 2, Data: []float64{0, 0, 0, 1, 1, 0, 1, 1}},
		Labels: []int{0, 1, 1, 0},
	}
	net, err := nn.New[float64]([]int{2, 3, 2}, nn.Tanh, 1)
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, dev := context.Background(), device.Go()
	q := device.NewQueue[float64](dev)
	defer q.Close()
	op, err := hessian.MLP(ctx, q, net, data, hessian.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	e, err := spectrum.Eigs(ctx, dev, op, spectrum.EigsOptions{K: 2})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%d parameters, largest eigenvalues %.3f\n", op.Dim(), e.Values)
	// Output: 17 parameters, largest eigenvalues [1.725 0.388]
}

// The exact diagonal of the Hessian of a softmax classifier: two classes,
// one feature, all weights zero, so that both classes have probability 1/2.
func ExampleHead_Diagonal() {
	net, err := nn.FromWeights("", []nn.Weights[float64]{{W: device.NewDense[float64](2, 1), B: make([]float64, 2)}})
	if err != nil {
		fmt.Println(err)
		return
	}
	q := device.NewQueue[float64](device.Go())
	defer q.Close()
	op, err := hessian.Softmax(context.Background(), q, net, device.Vector([]float64{2, 4}).T())
	if err != nil {
		fmt.Println(err)
		return
	}
	d, host := q.Alloc(1, op.Dim()), make([]float64, op.Dim())
	if err := op.Diagonal(context.Background(), q, d); err != nil {
		fmt.Println(err)
		return
	}
	q.Download(device.Vector(host), d)
	if err := q.Sync(); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(host) // ¼·mean(x²) for the weights, ¼ for the biases
	// Output: [2.5 2.5 0.25 0.25]
}
