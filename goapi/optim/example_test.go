package optim_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/optim"
)

// A training loop: weights and gradients stand on the device, where the caller
// computes the gradients.
func ExampleOptimizer() {
	ctx := context.Background()
	q := device.NewQueue[float64](device.Go())
	defer q.Close()
	// f(w) = ½‖w - target‖², whose gradient is w - target.
	w, g, target := q.Alloc(1, 3), q.Alloc(1, 3), q.Alloc(1, 3)
	q.Upload(target, device.Vector([]float64{1, -2, 0.5}))
	o, err := optim.New(q, optim.Group[float64]{
		Rule:       optim.AdamW{LearningRate: 0.1},
		Schedule:   optim.Schedule{WarmUp: 10, Decay: 190, Shape: optim.Cosine},
		Parameters: []optim.Parameter[float64]{{Name: "w", Value: w, Gradient: g}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for range 200 {
		q.Add(1, device.NoTrans, w, -1, device.NoTrans, target, g)
		if err := o.Step(ctx); err != nil {
			fmt.Println(err)
			return
		}
	}
	x := make([]float64, 3)
	q.Download(device.Vector(x), w)
	fmt.Printf("%.3f %.3f %.3f, %v\n", x[0], x[1], x[2], q.Sync())
	// Output: 1.000 -2.000 0.500, <nil>
}

// Muon for matrices and AdamW for the rest, with a checkpoint from which a
// second optimizer goes on.
func ExampleOptimizer_Save() {
	ctx := context.Background()
	q := device.NewQueue[float32](device.Go())
	defer q.Close()
	start := func() (*optim.Optimizer[float32], func() error, device.Matrix[float32]) {
		w, gw := q.Alloc(4, 3), q.Alloc(4, 3)
		b, gb := q.Alloc(1, 4), q.Alloc(1, 4)
		q.Random(device.Normal, 1, 0, w)
		o, err := optim.New(q,
			optim.Group[float32]{Rule: optim.Muon{}, Parameters: []optim.Parameter[float32]{{Name: "weight", Value: w, Gradient: gw}}},
			optim.Group[float32]{Rule: optim.AdamW{}, Parameters: []optim.Parameter[float32]{{Name: "bias", Value: b, Gradient: gb}}})
		if err != nil {
			fmt.Println(err)
		}
		step := func() error {
			q.Copy(gw, w) // the gradient of ½‖W‖²
			q.Fill(1, gb)
			return o.Step(ctx)
		}
		return o, step, w
	}
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "checkpoint.safetensors")

	first, step, w := start()
	fmt.Println(step(), step(), first.Save(path), step())
	second, step, v := start()
	fmt.Println(second.Load(path), second.Steps(), step())

	a, b := device.NewDense[float32](4, 3), device.NewDense[float32](4, 3)
	q.Download(a, w)
	q.Download(b, v)
	fmt.Println(q.Sync(), fmt.Sprint(a.Data) == fmt.Sprint(b.Data))
	// Output:
	// <nil> <nil> <nil> <nil>
	// <nil> 2 <nil>
	// <nil> true
}
