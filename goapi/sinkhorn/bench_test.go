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
