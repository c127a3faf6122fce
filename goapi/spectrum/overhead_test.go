package spectrum

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/tests/devices"
)

// cheap is an operator whose products take next to nothing: a diagonal.
type cheap struct {
	d     device.Matrix[float32]
	spent time.Duration
}

func (c *cheap) Dim() int { return c.d.Cols }
func (c *cheap) Apply(_ context.Context, q device.Queue[float32], dst, src device.Matrix[float32]) error {
	start := time.Now()
	q.ScaleBy(device.PerCol, c.d, src, dst)
	err := q.Sync()
	c.spent += time.Since(start)
	return err
}

// BenchmarkLanczosOverhead measures what is not the product, float32: in 100
// steps of 8 probes for 670,000 parameters, in 80 of 10 for 25,450.
func BenchmarkLanczosOverhead(b *testing.B) {
	b.Run("large", func(b *testing.B) { overhead(b, 670_000, 100, 8) })
	b.Run("small", func(b *testing.B) { overhead(b, 25_450, 80, 10) })
}

func overhead(b *testing.B, n, steps, probes int) {
	for _, dev := range devices.Real(b) {
		for name, reorth := range map[string]Reorthogonalization{"partial": PartialReorth, "full": FullReorth, "none": NoReorth} {
			b.Run(dev.Info().Name+"/"+name, func(b *testing.B) {
				q := dev.F32()
				defer q.Close()
				d := make([]float32, n)
				for i := range d { // a bulk and some outliers, as of a Hessian
					d[i] = float32(i%1000) / 1000 * 0.05
				}
				copy(d, []float32{10, 8, 5, 3, 2, 1.5, 1.2, 1})
				op := &cheap{d: q.Alloc(1, n)}
				q.Upload(op.d, device.Vector(d))
				b.ResetTimer()
				for range b.N {
					if _, err := SLQ(ctx, dev, op, SLQOptions{Probes: probes, Steps: steps, Reorth: reorth, Memory: 1 << 32}); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric((b.Elapsed()-op.spent).Seconds()/float64(b.N), "s-overhead")
				b.ReportMetric(op.spent.Seconds()/float64(b.N), "s-product")
			})
		}
	}
}

// BenchmarkSingleVector measures 80 steps of one bare recurrence, and a search
// for five eigenvalues, on a diagonal: nearly all is overhead.
func BenchmarkSingleVector(b *testing.B) {
	for _, n := range []int{2000, 25_450, 670_000} {
		for _, dev := range devices.Real(b) {
			q := dev.F32()
			d := make([]float32, n)
			for i := range d {
				d[i] = float32(i%1000) / 1000 * 0.05
			}
			copy(d, []float32{10, 8, 5, 3, 2, 1.5, 1.2, 1})
			op := &cheap{d: q.Alloc(1, n)}
			q.Upload(op.d, device.Vector(d))
			b.Run(fmt.Sprintf("%d/%s/lanczos", n, dev.Info().Name), func(b *testing.B) {
				for b.Loop() {
					if _, err := SLQ(ctx, dev, op, SLQOptions{Probes: 1, Steps: 80, Reorth: NoReorth}); err != nil {
						b.Fatal(err)
					}
				}
			})
			b.Run(fmt.Sprintf("%d/%s/eigs", n, dev.Info().Name), func(b *testing.B) {
				for b.Loop() {
					if _, err := Eigs(ctx, dev, op, EigsOptions{K: 5, Which: LargestMagnitude}); err != nil {
						b.Fatal(err)
					}
				}
			})
			q.Close()
		}
	}
}
