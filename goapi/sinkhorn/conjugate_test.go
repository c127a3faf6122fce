package sinkhorn

import (
	"testing"

	"github.com/ritz-go/ritz/goapi/device"
)

// Conjugate gradients on a kernel of float32 reach errors that float32 does not
// know, in a quarter of the iterations of plain Sinkhorn's and in fewer than the
// over-relaxed iteration takes.
func TestConjugateGradients(t *testing.T) {
	dev := fastDevice(t)
	q := device.NewQueue[float64](dev)
	defer q.Close()
	if k := newNarrowKernel(q, 1, 1); k == nil {
		t.Skip("the device has no narrow kernels")
	} else {
		k.q.Close()
	}
	x, y := square(7, 300, 1.8)
	c := distances(x, y, 2)
	for _, ε := range []float64{.05, .01, .002} {
		o := Options{Epsilon: ε, Tol: 1e-12, Method: Scaling}
		r := must(t, dev, Problem[float64]{Cost: c}, o)
		if !(r.Certificate.MarginalL1 <= 1e-12) {
			t.Errorf("ε = %v: error %v", ε, r.Certificate.MarginalL1)
		}
		o.Relaxation = 1
		plain := must(t, dev, Problem[float64]{Cost: c}, o)
		if 3*r.Iterations > plain.Iterations || ε < .01 && 8*r.Iterations > plain.Iterations {
			t.Errorf("ε = %v: %d iterations, %d plain ones", ε, r.Iterations, plain.Iterations)
		}
		t.Logf("ε = %v: %d iterations, %d plain ones", ε, r.Iterations, plain.Iterations)
		near(t, "cost", r.Cost, plain.Cost, 1e-11)
	}
}
