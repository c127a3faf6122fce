package nn_test

import (
	"context"
	"fmt"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/nn"
	"github.com/ritz-go/ritz/goapi/optim"
)

// A network with one hidden layer learns the exclusive or.
func ExampleNetwork_Train() {
	data := nn.Data[float64]{
		X:      device.Dense[float64]{Rows: 4, Cols: 2, Stride: 2, Data: []float64{0, 0, 0, 1, 1, 0, 1, 1}},
		Labels: []int{0, 1, 1, 0},
	}
	net, err := nn.New[float64]([]int{2, 8, 2}, nn.Tanh, 1)
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, dev := context.Background(), device.Go()
	if _, err := net.Train(ctx, dev, data, nn.TrainOptions{Epochs: 200, Rule: optim.AdamW{LearningRate: 0.05}}); err != nil {
		fmt.Println(err)
		return
	}
	m, err := net.Evaluate(ctx, dev, data)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("accuracy %.0f%%, loss below 0.01: %v\n", 100*m.Accuracy, m.Loss < 0.01)
	// Output: accuracy 100%, loss below 0.01: true
}
