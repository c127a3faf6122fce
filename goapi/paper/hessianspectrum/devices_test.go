package hessianspectrum

import (
	"context"
	"math"
	"testing"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/hessian"
	"github.com/ritz-go/ritz/goapi/nn"
	"github.com/ritz-go/ritz/goapi/svd"
	"github.com/ritz-go/ritz/tests/devices"
	"github.com/ritz-go/ritz/tests/refusal"
)

var (
	onDevices = devices.On
	refuses   = refusal.Expect
)

// problem is a small network with samples around so many centers.
func problem(t *testing.T, sizes []int, n int) (*nn.Network[float64], nn.Data[float64]) {
	t.Helper()
	data, err := Blobs(sizes[len(sizes)-1], sizes[0], n, 2, 1, 1)
	if err != nil {
		t.Fatal(err)
	}
	net, err := uniform(sizes, 2)
	if err != nil {
		t.Fatal(err)
	}
	return net, data
}

// assemble forms a curvature matrix.
func assemble(t *testing.T, dev device.Device, net *nn.Network[float64], data nn.Data[float64], kind hessian.Kind) device.Dense[float64] {
	t.Helper()
	q := device.NewQueue[float64](dev)
	defer q.Close()
	op, err := hessian.MLP(t.Context(), q, net, data, hessian.Options{Kind: kind})
	if err != nil {
		t.Fatal(err)
	}
	a, asymmetry, err := Assemble(t.Context(), dev, op)
	if err != nil || asymmetry > 1e-12 {
		t.Fatalf("asymmetry %v, %v", asymmetry, err)
	}
	return a
}

func eigenvalues(t *testing.T, a device.Dense[float64]) []float64 {
	t.Helper()
	e, err := svd.Eigh(context.Background(), device.Go(), a, svd.EighOptions{ValuesOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	return e.Values
}

func largest(a device.Dense[float64]) float64 {
	top := 0.0
	for _, v := range a.Data {
		top = max(top, math.Abs(v))
	}
	return top
}
