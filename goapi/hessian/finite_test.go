package hessian

import (
	"context"
	"errors"
	"math"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/nn"
)

func TestFiniteDifference(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		t.Run("float64", func(t *testing.T) { finiteDifference[float64](t, dev, 1e-9) })
		t.Run("float32", func(t *testing.T) { finiteDifference[float32](t, dev, 2e-3) })
	})
}

func finiteDifference[T device.Float](t *testing.T, dev device.Device, tol float64) {
	q := device.NewQueue[T](dev)
	defer q.Close()
	net, data := random[T]([]int{4, 5, 3}, nn.Tanh), classified[T](9, 4, 3)
	exact, err := MLP(ctx, q, net, data, Options{})
	if err != nil {
		t.Fatal(err)
	}
	at := *net
	op, err := FiniteDifference(func(ctx context.Context, dst, θ []T) error {
		at.Theta = θ
		_, g, err := at.Gradient(ctx, dev, data)
		copy(dst, g)
		return err
	}, net.Theta)
	if err != nil {
		t.Fatal(err)
	}
	// The length of a direction must not matter, and 0 must give 0.
	for _, length := range []float64{1, 1e-30, 1e30} {
		v := normal[T](6, 3, op.Dim())
		for i := range v.Data {
			v.Data[i] *= T(length)
		}
		clear(v.Row(1))
		want := device.Convert[float64](product(t, q, exact, v))
		got := product(t, q, op, v)
		if e := distance(got, device.ToMat(want)); !(e <= tol) {
			t.Errorf("length %g: off by %.2g", length, e)
		}
		if mat.Norm(device.ToMat(device.Convert[float64](got)).RowView(1), 2) != 0 {
			t.Error("the product with 0 is not 0")
		}
	}
}

func TestFiniteDifferenceErrors(t *testing.T) {
	own := errors.New("no gradient here")
	fail := func(context.Context, []float64, []float64) error { return own }
	op, err := FiniteDifference(fail, []float64{1, 2})
	if err != nil {
		t.Fatal(err)
	}
	q := device.NewQueue[float64](device.Go())
	v := q.Alloc(1, 2)
	q.Fill(1, v)
	if err := op.Apply(ctx, q, q.Alloc(1, 2), v); !errors.Is(err, own) {
		t.Errorf("%v, want the gradient's own error", err)
	}
	for name, c := range map[string]struct {
		gradient func(context.Context, []float64, []float64) error
		θ        []float64
		want     error
	}{
		"nil":   {nil, []float64{1}, device.ErrArgument},
		"empty": {fail, nil, device.ErrEmpty},
		"NaN":   {fail, []float64{math.NaN()}, device.ErrNotFinite},
	} {
		if _, err := FiniteDifference(c.gradient, c.θ); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}
