package hessian

import (
	"fmt"
	"testing"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/nn"
	"github.com/ritz-go/ritz/goapi/spectrum"
	"github.com/ritz-go/ritz/tests/devices"
)

// numbersOf returns products of every kind of operator, and a density.
func numbersOf(t *testing.T, dev device.Device) map[string][]float64 {
	t.Helper()
	const n = 700
	q := dev.F64()
	defer q.Close()
	all := map[string][]float64{}
	data := classified[float64](n, 40, 5)
	add := func(name string, op spectrum.Operator[float64]) {
		v := device.NewDense[float64](9, op.Dim())
		src := q.Alloc(v.Rows, v.Cols)
		q.Random(device.Normal, 3, 0, src)
		q.Download(v, src)
		all[name] = product(t, q, op, v).Data
	}
	for _, activation := range []nn.Activation{nn.Tanh, nn.Gelu} {
		net, err := nn.New[float64]([]int{40, 150, 70, 5}, activation, 1)
		if err != nil {
			t.Fatal(err)
		}
		for _, kind := range []Kind{Hessian, GGN, Fisher} {
			for _, limit := range []int64{0, 1} {
				op, err := MLP(ctx, q, net, data, Options{Kind: kind, CacheLimit: limit})
				if err != nil {
					t.Fatal(err)
				}
				add(fmt.Sprint(kind, " ", activation, ", cache ", limit), op)
				if activation == nn.Tanh && kind == Hessian {
					s, err := spectrum.SLQ(ctx, dev, op, spectrum.SLQOptions{Probes: 3, Steps: 6, Seed: 5})
					if err != nil {
						t.Fatal(err)
					}
					all["density"] = append(s.Nodes[0], s.Weights[0]...)
				}
			}
		}
	}
	net, err := nn.New[float64]([]int{40, 5}, nn.Tanh, 1)
	if err != nil {
		t.Fatal(err)
	}
	head, err := Softmax(ctx, q, net, data.X)
	if err != nil {
		t.Fatal(err)
	}
	add("softmax", head)
	return all
}

// A seed gives the same numbers with any number of threads and on any device.
func TestSeedDecidesAlone(t *testing.T) { devices.SameNumbers(t, numbersOf) }
