package sinkhorn

import (
	"context"
	"fmt"
	"testing"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/tests/devices"
)

// Costs of n+n points of the unit square over their maximum, uniform weights,
// default tolerance.
func BenchmarkSolve(b *testing.B) {
	for _, n := range []int{1000, 2000} {
		x, y := square(7, n, 1.9)
		c := distances(x, y, 2)
		for _, ε := range []float64{.05, .01, .002} {
			for _, m := range []Method{Scaling, Log} {
				for _, dev := range devices.Real(b) {
					b.Run(fmt.Sprintf("%s/n=%d/ε=%g/%s", m, n, ε, dev.Info().Name), func(b *testing.B) {
						solve(b, dev, c, ε, m)
					})
				}
			}
		}
	}
}

func solve(b *testing.B, dev device.Device, c device.Dense[float64], ε float64, m Method) {
	for b.Loop() {
		r, err := Solve(context.Background(), dev, Problem[float64]{Cost: c}, Options{Epsilon: ε, Method: m})
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(r.Iterations), "iterations")
	}
}

// One iteration on a stored kernel reads it once; a product with one vector,
// which does nothing else, tells what the memory allows.
func BenchmarkScalingStep(b *testing.B) {
	b.Run("f64", scalingSteps[float64])
	b.Run("f32", scalingSteps[float32])
}

func scalingSteps[T device.Float](b *testing.B) {
	for _, n := range []int{1000, 2000, 4000} {
		q := device.NewQueue[T](fastDevice(b))
		k, a, v, u, s := q.Alloc(n, n), q.Alloc(1, n), q.Alloc(1, n), q.Alloc(1, n), q.Alloc(1, n)
		c, f := q.Alloc(n, 1), q.Alloc(n, 1)
		q.Random(device.Uniform, 1, 0, k)
		q.Fill(1, a)
		q.Fill(1, v)
		q.Fill(1, c)
		for name, step := range map[string]func(){
			"scaling": func() { device.ScalingStep(q, k, a, v, u, s) },
			"product": func() { q.Gemm(device.NoTrans, device.NoTrans, 1, k, c, 0, f) },
			"log":     func() { device.LogStep(q, 0.05, k, v, a, u, s) },
		} {
			b.Run(fmt.Sprintf("n=%d/%s", n, name), func(b *testing.B) {
				for b.Loop() {
					step()
				}
				bytes := 8.
				if device.Epsilon[T]() > 1e-10 {
					bytes = 4
				}
				b.ReportMetric(bytes*float64(n)*float64(n)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GB/s")
			})
		}
		q.Close()
	}
}
