package hessian

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/matio"
	"github.com/ritz-go/ritz/goapi/nn"
	"github.com/ritz-go/ritz/goapi/spectrum"
	"github.com/ritz-go/ritz/goapi/svd"
	"github.com/ritz-go/ritz/tests/devices"
	"github.com/ritz-go/ritz/tests/refusal"
)

// rowsOf writes x to a file and returns it as a source.
func rowsOf(t *testing.T, x device.Dense[float64]) svd.RowBlocks[float64] {
	t.Helper()
	path := filepath.Join(t.TempDir(), "x.npy")
	if err := matio.Write(path, matio.Array[float64]{Shape: []int{x.Rows, x.Cols}, Data: x.Data}); err != nil {
		t.Fatal(err)
	}
	f, err := matio.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := matio.Rows[float64](f, 0, 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// Products with samples from a file are those with samples in memory, also in
// several chunks, for every kind and for layers.
func TestStreamed(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		n := devices.Size(dev, maxChunkRows+77, 150)
		net := random[float64]([]int{3, 4, 2}, nn.Sine)
		for name, data := range map[string]nn.Data[float64]{"labels": classified[float64](n, 3, 2), "targets": fitted[float64](n, 3, 2)} {
			source := rowsOf(t, data.X)
			for _, kind := range []Kind{Hessian, GGN, Fisher} {
				q := device.NewQueue[float64](dev)
				want, err := MLP(ctx, q, net, data, Options{Kind: kind, WeightDecay: 0.1})
				if err != nil {
					t.Fatal(err)
				}
				got, err := Stream(ctx, q, net, source, nn.Data[float64]{Labels: data.Labels, Targets: data.Targets}, Options{Kind: kind, WeightDecay: 0.1})
				if err != nil {
					t.Fatal(err)
				}
				v := normal[float64](6, 3, got.Dim())
				if e := distance(product(t, q, got, v), device.ToMat(product(t, q, want, v))); !(e < 1e-14) {
					t.Errorf("%s, %s: off by %.2g", name, kind, e)
				}
				layer, err := got.Layer(1)
				if err != nil {
					t.Fatal(err)
				}
				same, err := want.Layer(1)
				if err != nil {
					t.Fatal(err)
				}
				v = normal[float64](6, 2, layer.Dim())
				if e := distance(product(t, q, layer, v), device.ToMat(product(t, q, same, v))); !(e < 1e-14) {
					t.Errorf("%s, %s, layer 1: off by %.2g", name, kind, e)
				}
				q.Close()
			}
		}
	})
}

// blocks is a source that the caller makes: batches of its own sizes.
type blocks struct {
	sizes, cols int
	list        [][]float64
}

func (b blocks) Dims() (m, n int) { return b.sizes, b.cols }
func (b blocks) Each(_ context.Context, _ int, f func(first int, data []float64) error) error {
	first := 0
	for _, data := range b.list {
		if err := f(first, data); err != nil {
			return err
		}
		first += len(data) / b.cols
	}
	return nil
}

// Batches of any size make up the operator of all samples.
func TestStreamOfBatches(t *testing.T) {
	q := device.NewQueue[float64](device.Go())
	defer q.Close()
	net, data := random[float64]([]int{3, 4, 2}, nn.Tanh), classified[float64](10, 3, 2)
	part := func(lo, hi int) []float64 { return data.X.Data[3*lo : 3*hi] }
	op, err := Stream(ctx, q, net, blocks{10, 3, [][]float64{part(0, 1), part(1, 8), part(8, 10)}}, nn.Data[float64]{Labels: data.Labels}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	h := exactHessian(net.Architecture, net.Theta, data)
	if e := distance(product(t, q, op, identity[float64](op.Dim())), h); e > 1e-13 {
		t.Errorf("off by %.2g", e)
	}
}

func TestBadSources(t *testing.T) {
	q := device.NewQueue[float64](device.Go())
	defer q.Close()
	net, data := random[float64]([]int{3, 4, 2}, nn.Tanh), classified[float64](10, 3, 2)
	labels := nn.Data[float64]{Labels: data.Labels}
	part := func(lo, hi int) []float64 { return data.X.Data[3*lo : 3*hi] }
	bad := append([]float64(nil), data.X.Data...)
	bad[17] /= 0 * bad[17]
	var none svd.RowBlocks[float64]
	for name, c := range map[string]struct {
		x    svd.RowBlocks[float64]
		d    nn.Data[float64]
		o    Options
		want error
	}{
		"none":        {none, labels, Options{}, device.ErrArgument},
		"X":           {blocks{10, 3, [][]float64{part(0, 10)}}, data, Options{}, device.ErrArgument},
		"features":    {svd.Rows(normal[float64](1, 10, 4)), labels, Options{}, device.ErrShape},
		"no samples":  {blocks{0, 3, nil}, nn.Data[float64]{Labels: []int{}}, Options{}, device.ErrEmpty},
		"labels":      {svd.Rows(data.X), nn.Data[float64]{Labels: data.Labels[1:]}, Options{}, device.ErrShape},
		"no targets":  {svd.Rows(data.X), nn.Data[float64]{}, Options{}, device.ErrEmpty},
		"kind":        {svd.Rows(data.X), labels, Options{Kind: "fim"}, device.ErrArgument},
		"ends early":  {blocks{10, 3, [][]float64{part(0, 9)}}, labels, Options{}, device.ErrShape},
		"too many":    {blocks{10, 3, [][]float64{part(0, 10), part(0, 1)}}, labels, Options{}, device.ErrShape},
		"odd block":   {blocks{10, 3, [][]float64{part(0, 9), {1, 2}}}, labels, Options{}, device.ErrShape},
		"not finite":  {blocks{10, 3, [][]float64{bad}}, labels, Options{}, device.ErrNotFinite},
		"file of NaN": {rowsOf(t, device.Dense[float64]{Rows: 10, Cols: 3, Stride: 3, Data: bad}), labels, Options{}, device.ErrNotFinite},
	} {
		refuses(t, name, c.want, func() error { _, err := Stream(ctx, q, net, c.x, c.d, c.o); return err })
	}
	op, err := Stream(ctx, q, net, svd.Rows(data.X), labels, Options{})
	if err != nil {
		t.Fatal(err)
	}
	v := q.Alloc(1, op.Dim())
	refuses(t, "cancelled", context.Canceled, func() error { return op.Apply(refusal.After(0), q, q.Alloc(1, op.Dim()), v) })
}

// The spectrum of a network on samples that are never in memory together.
func TestSpectrumOfStream(t *testing.T) {
	dev := device.Go()
	q := device.NewQueue[float64](dev)
	defer q.Close()
	net, data := random[float64]([]int{3, 4, 2}, nn.Tanh), classified[float64](40, 3, 2)
	op, err := Stream(ctx, q, net, rowsOf(t, data.X), nn.Data[float64]{Labels: data.Labels}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	e, err := spectrum.Eigs(ctx, dev, op, spectrum.EigsOptions{K: 2})
	if err != nil {
		t.Fatal(err)
	}
	all := eigenvalues(product(t, q, op, identity[float64](op.Dim())))
	for i, v := range e.Values {
		if d := v - all[len(all)-1-i]; d > 1e-9 || d < -1e-9 {
			t.Errorf("eigenvalue %d is %v, want %v", i, v, all[len(all)-1-i])
		}
	}
}
