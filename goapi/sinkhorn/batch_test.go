package sinkhorn

import (
	"context"
	"math"
	"slices"
	"testing"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/tests/refusal"
)

// A problem of a batch has the result of Solve, and bit by bit the one that it
// has alone.
func TestBatch(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		batches[float64](t, dev, 1e-9)
		batches[float32](t, dev, 1e-5)
	})
}

func batches[T device.Float](t *testing.T, dev device.Device, tol float64) {
	const count, n, m = 40, 12, 9
	u := lcg(71, count*(n*m+n+m))
	costs, a, b := convert[T](u[:count*n*m]), convert[T](u[count*n*m:count*n*(m+1)]), convert[T](u[count*n*(m+1):])
	for k := range count {
		if k%5 == 0 {
			a[k*n+3], b[k*m] = 0, 0
		}
		if k%7 == 0 {
			costs[k*n*m] = T(math.Inf(1))
		}
	}
	for _, ε := range []float64{1, .05, .002} {
		o := Options{Epsilon: ε, Normalize: true, MaxIterations: 20000}
		r, err := Batch(context.Background(), dev, costs, count, n, m, a, b, o)
		if err != nil {
			t.Fatal(err)
		}
		slack := 2 * max(tol, device.Epsilon[T]()/ε) // of the error relative to the mass
		for k := range count {
			c, wa, wb := costs[k*n*m:(k+1)*n*m], a[k*n:(k+1)*n], b[k*m:(k+1)*m]
			one := must(t, device.Go(), Problem[T]{Cost: device.Dense[T]{Rows: n, Cols: m, Stride: m, Data: c}, A: wa, B: wb}, o)
			near(t, "cost", r.Cost[k], one.Cost, 4*tol+slack*one.Cost)
			near(t, "objective", r.Objective[k], one.Objective, 4*tol+slack*one.Cost)
			near(t, "potential", float64(r.F.At(k, 3)-r.F.At(k, 0)), float64(one.F[3]-one.F[0]), 1e4*tol)
			if !(r.MarginalL1[k] <= max(tol, 1e-4)) {
				t.Errorf("error %v", r.MarginalL1[k])
			}
			if k%8 == 0 {
				single, err := Batch(context.Background(), dev, c, 1, n, m, wa, wb, o)
				if err != nil {
					t.Fatal(err)
				}
				if !slices.Equal(single.F.Row(0), r.F.Row(k)) || !slices.Equal(single.G.Row(0), r.G.Row(k)) || single.Cost[0] != r.Cost[k] {
					t.Errorf("problem %d alone differs", k)
				}
			}
		}
	}
}

func TestBatchRefuses(t *testing.T) {
	c := []float64{1, 2, 3, 4, 5, 6, 7, math.NaN()}
	run := func(ctx context.Context, costs []float64, count, n, m int, a []float64, o Options) func() error {
		return func() error {
			_, err := Batch(ctx, device.Go(), costs, count, n, m, a, nil, o)
			return err
		}
	}
	bg, ok := context.Background(), Options{Epsilon: 1}
	refuses(t, "NaN", device.ErrNotFinite, run(bg, c, 2, 2, 2, nil, ok))
	refuses(t, "empty", device.ErrEmpty, run(bg, nil, 0, 2, 2, nil, ok))
	refuses(t, "shape", device.ErrShape, run(bg, c, 3, 2, 2, nil, ok))
	refuses(t, "weights", device.ErrShape, run(bg, c[:4], 1, 2, 2, c[:3], ok))
	refuses(t, "masses", device.ErrArgument, run(bg, c[:4], 1, 2, 2, []float64{1, -1}, ok))
	refuses(t, "no ε", device.ErrArgument, run(bg, c[:4], 1, 2, 2, nil, Options{}))
	refuses(t, "iterations", device.ErrNotConverged, run(bg, []float64{1, 2, 3, 9}, 1, 2, 2, []float64{1, 3}, Options{Epsilon: 1, MaxIterations: 1, Tol: 1e-15}))
	refuses(t, "ended context", context.Canceled, run(refusal.After(0), c[:4], 1, 2, 2, nil, ok))
}

func BenchmarkBatch(b *testing.B) {
	const count, n = 10000, 32
	costs, dev := lcg(5, count*n*n), fastDevice(b)
	for b.Loop() {
		r, err := Batch(context.Background(), dev, costs, count, n, n, nil, nil, Options{Epsilon: .05})
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(r.Iterations[0]), "iterations")
	}
}
