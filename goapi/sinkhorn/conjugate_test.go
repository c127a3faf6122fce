package sinkhorn

import (
	"context"
	"math"
	"testing"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/tests/devices"
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

// Whatever a kernel of float32 hides is found and made up for, on every device.
func TestSmallRandomProblems(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		u := lcg(91, 41*41)
		step := devices.Size(dev, 3, 13)
		for n := 1; n <= 40; n += step {
			for m := 1; m <= 40; m += step + 1 {
				for _, gaussian := range []bool{false, true} {
					c := device.NewDense[float64](n, m)
					for k := range c.Data {
						c.Data[k] = u[(k+7*n+m)%len(u)]
						if gaussian {
							c.Data[k] = math.Sqrt(-2*math.Log(c.Data[k]+1e-9)) * math.Cos(2*math.Pi*u[(3*k+n)%len(u)])
						}
					}
					for _, ε := range []float64{.5, .05} {
						for _, tol := range []float64{1e-9, 1e-12} {
							r, err := Solve(context.Background(), dev, Problem[float64]{Cost: c}, Options{Epsilon: ε, Tol: tol})
							if err != nil || !(r.Certificate.MarginalL1 <= tol) {
								t.Fatalf("%d×%d, gaussian %v, ε = %v, tolerance %v: %v", n, m, gaussian, ε, tol, err)
							}
						}
					}
				}
			}
		}
	})
}
