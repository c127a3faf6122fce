package optim

import (
	"fmt"
	"testing"
	"time"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/tests/devices"
)

// BenchmarkStep measures steps on one 4096×4096 matrix of float32. The metric
// "of-bandwidth" is the rate at which a step moves the bytes that it cannot do
// without, as a share of the best rate at which simple passes over the same
// arrays move theirs, in the same run.
func BenchmarkStep(b *testing.B) {
	const side = 4096
	for _, dev := range devices.Real(b) {
		q := device.NewQueue[float32](dev)
		defer q.Close()
		w, g := q.Alloc(side, side), q.Alloc(side, side)
		q.Random(device.Normal, 1, 1, w)
		q.Random(device.Normal, 1, 2, g)
		for _, c := range []struct {
			name  string
			rule  Rule
			bytes float64 // of an element
		}{
			{"sgd", SGD{}, 12 + 4},                       // g w; w and the look at g
			{"sgd-momentum", SGD{Momentum: 0.9}, 20 + 4}, // g m w; m w and the look
			{"adamw", AdamW{}, 28 + 4},                   // g m v w; m v w and the look
			{"auon", AuON{}, 28},                         // g m; g m w; m w
		} {
			b.Run(fmt.Sprintf("%s/%s/f32/%d", c.name, dev.Info().Name, side), func(b *testing.B) {
				defer q.Scope()()
				limit := bandwidth(b, q, side)
				o, err := New(q, Group[float32]{Rule: c.rule, Parameters: []Parameter[float32]{{Value: w, Gradient: g}}})
				if err != nil {
					b.Fatal(err)
				}
				step := func() {
					if err := o.Step(ctx); err != nil {
						b.Fatal(err)
					}
					if err := q.Sync(); err != nil {
						b.Fatal(err)
					}
				}
				step()
				for b.Loop() {
					step()
				}
				rate := c.bytes * side * side / (float64(b.Elapsed().Nanoseconds()) / float64(b.N))
				b.ReportMetric(rate, "GB/s")
				b.ReportMetric(limit, "limit-GB/s")
				b.ReportMetric(rate/limit, "of-bandwidth")
			})
		}
	}
}

// bandwidth returns the best rate, in GB/s, of a copy, a sum of two arrays onto
// one of them, and a reduction. (A copy may avoid the reading of its target.)
func bandwidth(b *testing.B, q device.Queue[float32], side int) float64 {
	defer q.Scope()()
	x, y, one := q.Alloc(side, side), q.Alloc(side, side), q.Alloc(1, 1)
	q.Fill(1, x) // memory that was never written costs nothing to read
	q.Fill(1, y)
	best := 0.0
	for _, c := range []struct {
		bytes float64
		run   func()
	}{
		{8, func() { q.Copy(y, x) }},
		{12, func() { q.Add(0.5, device.NoTrans, x, 0.5, device.NoTrans, y, y) }},
		{4, func() { q.Reduce(device.Sum, device.Whole, x, one) }},
	} {
		for range 4 {
			start := time.Now()
			c.run()
			if err := q.Sync(); err != nil {
				b.Fatal(err)
			}
			best = max(best, c.bytes*float64(side*side)/float64(time.Since(start).Nanoseconds()))
		}
	}
	return best
}
