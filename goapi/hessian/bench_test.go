package hessian

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/nn"
	"github.com/ritz-go/ritz/tests/devices"
)

// A product of the Hessian with 8 directions in float32. "of-gemm" is the
// share that its operations have of the rate of products of square matrices of
// order 2048 before and after it, the median.
func BenchmarkProduct(b *testing.B) {
	for _, dev := range devices.Real(b)[1:] {
		for _, c := range []struct {
			sizes []int
			n     int
		}{{[]int{784, 128, 10}, 2000}, {[]int{784, 512, 10}, 2000}, {[]int{784, 512, 512, 10}, 10000}} {
			b.Run(fmt.Sprintf("%s/%v×%d", dev.Info().Backend, c.sizes, c.n), func(b *testing.B) {
				benchmarkProduct(b, dev, c.sizes, c.n, 8)
			})
		}
	}
}

func benchmarkProduct(b *testing.B, dev device.Device, sizes []int, n, k int) {
	q := dev.F32()
	defer q.Close()
	net, err := nn.New[float32](sizes, nn.Tanh, 1)
	if err != nil {
		b.Fatal(err)
	}
	op, err := MLP(ctx, q, net, classified[float32](n, sizes[0], 10), Options{})
	if err != nil {
		b.Fatal(err)
	}
	src, dst := q.Alloc(k, op.Dim()), q.Alloc(k, op.Dim())
	q.Random(device.Normal, 9, 0, src)
	flops := 0.0 // two products of matrices in the first layer, six in others
	for l, layer := range net.Layers() {
		units := 6
		if l == 0 {
			units = 2
		}
		flops += 2 * float64(units*k*n) * float64(layer.In*layer.Out)
	}
	square := q.Alloc(2048, 2048)
	q.Random(device.Normal, 1, 0, square)
	out := q.Alloc(2048, 2048)
	seconds := func(f func() error) float64 {
		start := time.Now()
		if err := f(); err != nil {
			b.Fatal(err)
		}
		if err := q.Sync(); err != nil {
			b.Fatal(err)
		}
		return time.Since(start).Seconds()
	}
	product := func() error { return op.Apply(ctx, q, dst, src) }
	gemm := func() error {
		q.Gemm(device.NoTrans, device.NoTrans, 1, square, square, 0, out)
		return nil
	}
	seconds(product)
	seconds(gemm)
	var shares []float64
	for b.Loop() { // a product of matrices before and one after each
		before, taken, after := seconds(gemm), seconds(product), seconds(gemm)
		rate := 2 * 2048 * 2048 * 2048 / ((before + after) / 2)
		shares = append(shares, flops/taken/rate)
		b.ReportMetric(flops/taken/1e9, "GFLOP/s")
	}
	slices.Sort(shares)
	b.ReportMetric(shares[len(shares)/2], "of-gemm")
}
