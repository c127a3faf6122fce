package hessian

import (
	"errors"
	"math"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/nn"
)

// The matrix of any parameters is that of all of them, cut, for ranges within
// a layer, across layers, with layers left out, and of all.
func TestSubset(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		net, data := random[float64]([]int{3, 4, 4, 2}, nn.Softplus), classified[float64](9, 3, 2)
		layers := net.Layers()
		p := len(net.Theta)
		for _, kind := range []Kind{Hessian, GGN, Fisher} {
			want := exact(kind, net.Architecture, net.Theta, data)
			q := device.NewQueue[float64](dev)
			op, err := MLP(ctx, q, net, data, Options{Kind: kind})
			if err != nil {
				t.Fatal(err)
			}
			biases := []Range{}
			for _, l := range layers {
				biases = append(biases, Range{l.Bias, l.End})
			}
			for name, ranges := range map[string][]Range{
				"all":              {{0, p}},
				"one":              {{7, 8}},
				"biases":           biases,
				"within":           {{2, 5}, {5, 6}, {9, 13}},
				"across":           {{layers[0].Bias - 2, layers[1].Weights + 3}},
				"first and last":   {{1, 4}, {layers[2].Weights, p}},
				"two whole layers": {{layers[1].Weights, p}},
				"last":             {{layers[2].Weights + 1, p - 1}},
			} {
				part, err := op.Subset(ranges...)
				if err != nil {
					t.Fatal(err)
				}
				var at []int
				for _, r := range ranges {
					for i := r.Lo; i < r.Hi; i++ {
						at = append(at, i)
					}
				}
				cut := mat.NewDense(len(at), len(at), nil)
				for i, a := range at {
					for j, b := range at {
						cut.Set(i, j, want.At(a, b))
					}
				}
				if part.Dim() != len(at) {
					t.Fatalf("%s, %s: dimension %d, want %d", kind, name, part.Dim(), len(at))
				}
				if e := distance(product(t, q, part, identity[float64](len(at))), cut); !(e <= 1e-13) {
					t.Errorf("%s, %s: off by %.2g", kind, name, e)
				}
				layer, err := part.Layer(1)
				if err != nil || layer.Dim() != layers[1].End-layers[1].Weights {
					t.Errorf("%s: the layer of a subset: %v", name, err)
				}
			}
			q.Close()
		}
	})
}

// A decay adds its multiple of the identity, to a subset too.
func TestWeightDecay(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		net, data := random[float64]([]int{3, 4, 2}, nn.Sine), fitted[float64](6, 3, 2)
		for _, kind := range []Kind{Hessian, GGN, Fisher} {
			q := device.NewQueue[float64](dev)
			op, err := MLP(ctx, q, net, data, Options{Kind: kind, WeightDecay: 0.25})
			if err != nil {
				t.Fatal(err)
			}
			want := exact(kind, net.Architecture, net.Theta, data)
			for i := range op.Dim() {
				want.SetSym(i, i, want.At(i, i)+0.25)
			}
			if e := distance(product(t, q, op, identity[float64](op.Dim())), want); !(e <= 1e-13) {
				t.Errorf("%s: off by %.2g", kind, e)
			}
			part, err := op.Subset(Range{5, 12})
			if err != nil {
				t.Fatal(err)
			}
			if e := distance(product(t, q, part, identity[float64](7)), want.SliceSym(5, 12)); !(e <= 1e-13) {
				t.Errorf("%s: a subset is off by %.2g", kind, e)
			}
			q.Close()
		}
	})
}

func TestBadSubsets(t *testing.T) {
	q := device.NewQueue[float64](device.Go())
	defer q.Close()
	net := random[float64]([]int{3, 4, 2}, nn.Tanh)
	op, err := MLP(ctx, q, net, classified[float64](5, 3, 2), Options{})
	if err != nil {
		t.Fatal(err)
	}
	for name, ranges := range map[string][]Range{
		"empty range": {{3, 3}}, "backwards": {{5, 3}}, "negative": {{-1, 3}}, "beyond": {{3, op.Dim() + 1}},
		"overlap": {{0, 5}, {4, 8}}, "order": {{5, 6}, {1, 2}}, "extreme": {{math.MinInt, math.MaxInt}},
	} {
		refuses(t, name, device.ErrArgument, func() error { _, err := op.Subset(ranges...); return err })
	}
	refuses(t, "nothing", device.ErrEmpty, func() error { _, err := op.Subset(); return err })
	var none *Network[float64]
	refuses(t, "nil", device.ErrArgument, func() error { _, err := none.Subset(Range{0, 1}); return err })
	refuses(t, "zero value", device.ErrArgument, func() error { _, err := new(Network[float64]).Subset(Range{0, 1}); return err })
	for _, λ := range []float64{-1, math.NaN(), math.Inf(1)} {
		_, err := MLP(ctx, q, net, classified[float64](5, 3, 2), Options{WeightDecay: λ})
		if !errors.Is(err, device.ErrArgument) {
			t.Errorf("weight decay %v: %v", λ, err)
		}
	}
}
