package hessian

import (
	"context"
	"errors"
	"math"
	"testing"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/nn"
	"github.com/ritz-go/ritz/goapi/spectrum"
	"github.com/ritz-go/ritz/tests/refusal"
)

// Every exported function refuses networks, data and options that are not.
func TestBadArguments(t *testing.T) {
	q := device.NewQueue[float64](device.Go())
	defer q.Close()
	nan, inf := math.NaN(), math.Inf(1)
	spoiled := func(v float64) device.Dense[float64] {
		x := normal[float64](1, 5, 3)
		x.Set(2, 1, v)
		return x
	}
	good := random[float64]([]int{3, 4, 2}, nn.Tanh)
	for name, c := range map[string]struct {
		net  *nn.Network[float64]
		data nn.Data[float64]
		o    Options
		want error
	}{
		"nil":         {nil, classified[float64](5, 3, 2), Options{}, device.ErrArgument},
		"zero value":  {&nn.Network[float64]{}, classified[float64](5, 3, 2), Options{}, device.ErrArgument},
		"parameters":  {&nn.Network[float64]{Architecture: good.Architecture, Theta: good.Theta[1:]}, classified[float64](5, 3, 2), Options{}, device.ErrShape},
		"no data":     {good, nn.Data[float64]{}, Options{}, device.ErrEmpty},
		"features":    {good, classified[float64](5, 4, 2), Options{}, device.ErrShape},
		"NaN":         {good, nn.Data[float64]{X: spoiled(nan), Labels: make([]int, 5)}, Options{}, device.ErrNotFinite},
		"Inf":         {good, nn.Data[float64]{X: spoiled(inf), Labels: make([]int, 5)}, Options{Kind: GGN}, device.ErrNotFinite},
		"labels":      {good, nn.Data[float64]{X: spoiled(0), Labels: []int{0, 1, 2, 0, 0}}, Options{}, device.ErrArgument},
		"targets":     {good, fitted[float64](5, 3, 3), Options{}, device.ErrShape},
		"kind":        {good, classified[float64](5, 3, 2), Options{Kind: "fim"}, device.ErrArgument},
		"cache limit": {good, classified[float64](5, 3, 2), Options{CacheLimit: -1}, device.ErrArgument},
	} {
		refuses(t, "MLP, "+name, c.want, func() error { _, err := MLP(ctx, q, c.net, c.data, c.o); return err })
	}
	one := random[float64]([]int{3, 2}, nn.Tanh)
	for name, c := range map[string]struct {
		net  *nn.Network[float64]
		x    device.Dense[float64]
		want error
	}{
		"nil":          {nil, spoiled(0), device.ErrArgument},
		"zero value":   {&nn.Network[float64]{}, spoiled(0), device.ErrArgument},
		"hidden layer": {good, spoiled(0), device.ErrArgument},
		"one class":    {random[float64]([]int{3, 1}, nn.Tanh), spoiled(0), device.ErrArgument},
		"no samples":   {one, device.Dense[float64]{}, device.ErrEmpty},
		"features":     {one, normal[float64](1, 5, 4), device.ErrShape},
		"NaN":          {one, spoiled(nan), device.ErrNotFinite},
		"stride":       {one, device.Dense[float64]{Rows: 2, Cols: 3, Stride: 2, Data: make([]float64, 9)}, device.ErrShape},
	} {
		refuses(t, "Softmax, "+name, c.want, func() error { _, err := Softmax(ctx, q, c.net, c.x); return err })
	}
	fail := func(context.Context, []float64, []float64) error { return nil }
	for name, c := range map[string]struct {
		gradient func(context.Context, []float64, []float64) error
		θ        []float64
		want     error
	}{
		"nil":   {nil, []float64{1}, device.ErrArgument},
		"empty": {fail, nil, device.ErrEmpty},
		"NaN":   {fail, []float64{nan}, device.ErrNotFinite},
		"Inf":   {fail, []float64{1, -inf}, device.ErrNotFinite},
	} {
		refuses(t, "FiniteDifference, "+name, c.want, func() error { _, err := FiniteDifference(c.gradient, c.θ); return err })
	}
	// A gradient that is not finite shows in the function that uses it.
	op, err := FiniteDifference(func(_ context.Context, dst, _ []float64) error { dst[0] = nan; return nil }, make([]float64, 20))
	if err != nil {
		t.Fatal(err)
	}
	refuses(t, "NaN gradient", device.ErrNotFinite, func() error {
		_, err := spectrum.Eigs(ctx, device.Go(), op, spectrum.EigsOptions{K: 1})
		return err
	})
}

// Products with blocks that do not fit, and operators that nobody made.
func TestBadBlocks(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		q, other := device.NewQueue[float64](dev), device.NewQueue[float64](dev)
		defer q.Close()
		other.Close()
		op, err := MLP(ctx, q, random[float64]([]int{3, 4, 2}, nn.Tanh), classified[float64](5, 3, 2), Options{})
		if err != nil {
			t.Fatal(err)
		}
		head, err := Softmax(ctx, q, random[float64]([]int{3, 2}, nn.Tanh), normal[float64](1, 5, 3))
		if err != nil {
			t.Fatal(err)
		}
		part, err := op.Layer(1)
		if err != nil {
			t.Fatal(err)
		}
		n := op.Dim()
		v, w := q.Alloc(2, n), q.Alloc(2, n)
		for name, c := range map[string]struct{ dst, src device.Matrix[float64] }{
			"no dst":     {device.Matrix[float64]{}, v},
			"no src":     {w, device.Matrix[float64]{}},
			"rows":       {q.Alloc(1, n), v},
			"short":      {q.Alloc(2, n-1), q.Alloc(2, n-1)},
			"transposed": {q.Alloc(n, 2), q.Alloc(n, 2)},
			"beyond":     {w, v.Slice(0, 2, 1, n+1)},
			"negative":   {w.Slice(2, 0, 0, n), v.Slice(2, 0, 0, n)},
		} {
			refuses(t, "Apply, "+name, device.ErrShape, func() error { return errors.Join(op.Apply(ctx, q, c.dst, c.src), q.Sync()) })
		}
		refuses(t, "Apply of a layer", device.ErrShape, func() error { return part.Apply(ctx, q, w, v) })
		refuses(t, "no directions", nil, func() error { return op.Apply(ctx, q, q.Alloc(0, n), q.Alloc(0, n)) })
		for _, l := range []int{-1, 2, math.MaxInt, math.MinInt} {
			refuses(t, "Layer", device.ErrArgument, func() error { _, err := op.Layer(l); return err })
		}
		d := head.Dim()
		for name, dst := range map[string]device.Matrix[float64]{"none": {}, "short": q.Alloc(1, d-1), "column": q.Alloc(d, 1), "two rows": q.Alloc(2, d)} {
			refuses(t, "Diagonal, "+name, device.ErrShape, func() error { return head.Diagonal(ctx, q, dst) })
		}
		cancelled, cancel := context.WithCancel(ctx)
		cancel()
		refuses(t, "Apply, cancelled", context.Canceled, func() error { return op.Apply(cancelled, q, w, v) })
		refuses(t, "Diagonal, cancelled", context.Canceled, func() error { return head.Diagonal(cancelled, q, q.Alloc(1, d)) })
		refuses(t, "Apply, closed queue", device.ErrClosed, func() error { return errors.Join(op.Apply(ctx, other, w, v), other.Sync()) })

		var none *Network[float64]
		var empty Network[float64]
		var nobody Head[float64]
		for name, op := range map[string]*Network[float64]{"nil": none, "zero value": &empty, "of no head": nobody.Network} {
			refuses(t, name, device.ErrEmpty, func() error {
				if op.Dim() != 0 || op.Layers() != 0 {
					t.Errorf("%s: dimension %d, %d layers", name, op.Dim(), op.Layers())
				}
				return op.Apply(ctx, q, w, v)
			})
			refuses(t, name, device.ErrArgument, func() error { _, err := op.Layer(0); return err })
			refuses(t, name, device.ErrEmpty, func() error {
				_, err := spectrum.Eigs[float64](ctx, dev, op, spectrum.EigsOptions{K: 1})
				return err
			})
		}
		refuses(t, "Diagonal of nothing", device.ErrEmpty, func() error { return nobody.Diagonal(ctx, q, v) })
		if err := op.Apply(ctx, q, w, v); err != nil || q.Sync() != nil {
			t.Errorf("the operator is unusable after errors: %v", err)
		}
	})
}

func TestClosedDevice(t *testing.T) {
	dev := device.Go()
	q := device.NewQueue[float64](dev)
	dev.Close()
	refuses(t, "MLP", device.ErrClosed, func() error {
		_, err := MLP(ctx, q, random[float64]([]int{3, 4, 2}, nn.Tanh), classified[float64](5, 3, 2), Options{})
		return err
	})
	refuses(t, "Softmax", device.ErrClosed, func() error {
		_, err := Softmax(ctx, q, random[float64]([]int{3, 2}, nn.Tanh), normal[float64](1, 5, 3))
		return err
	})
}

// The context ends a construction or a product before the next chunk.
func TestCancelledBetweenChunks(t *testing.T) {
	q := device.NewQueue[float64](device.Go())
	defer q.Close()
	net, data := random[float64]([]int{3, 4, 2}, nn.Tanh), classified[float64](3*maxChunkRows, 3, 2)
	op, err := MLP(ctx, q, net, data, Options{})
	if err != nil {
		t.Fatal(err)
	}
	v := q.Alloc(1, op.Dim())
	for looks := range 3 {
		c := refusal.After(looks)
		refuses(t, "MLP", context.Canceled, func() error { _, err := MLP(c, q, net, data, Options{}); return err })
		if c.Late() != 0 {
			t.Errorf("MLP looked %d times after the end", c.Late())
		}
		c = refusal.After(looks)
		refuses(t, "Apply", context.Canceled, func() error { return op.Apply(c, q, q.Alloc(1, op.Dim()), v) })
		if c.Late() != 0 {
			t.Errorf("Apply looked %d times after the end", c.Late())
		}
	}
}
