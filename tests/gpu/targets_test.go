package gpu

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/hessian"
	"github.com/ritz-go/ritz/goapi/nn"
	"github.com/ritz-go/ritz/goapi/polar"
	"github.com/ritz-go/ritz/goapi/rng"
	"github.com/ritz-go/ritz/goapi/svd"
	"github.com/ritz-go/ritz/tests/devices"
)

// The problems of the plan in README.md. All data are on the GPU before and
// after; compare.py has torch's times for problems of the same names.

func BenchmarkTargets(b *testing.B) {
	b.Run("NewtonSchulz", newtonSchulz)
	b.Run("Randomized", func(b *testing.B) { both(b, randomized[float32], randomized[float64]) })
	b.Run("SVD", fullSVD)
	b.Run("Clouds", clouds)
	b.Run("Hessian", hessianProducts)
	b.Run("Certificates", func(b *testing.B) { both(b, certificates[float32], certificates[float64]) })
	b.Run("Scaling", scaling)
}

// newtonSchulz takes five steps of a square matrix.
func newtonSchulz(b *testing.B) {
	o := openOn[float32](b)
	n := o.side(8192, 64, 6)
	x, y := o.normal(n, n), o.q.Alloc(n, n)
	for _, p := range []device.Precision{device.BF16, device.FP16, device.TF32, device.Exact} {
		b.Run(fmt.Sprintf("%v/n=%d", p, n), func(b *testing.B) {
			// Of the products by themselves, 2n³ each.
			o.measure(b, 5*3*2*float64(n)*float64(n)*float64(n), "GFLOP/s", func() {
				if _, err := polar.Orthogonalize(b.Context(), o.q, x, y, polar.Options{Method: polar.Muon, Precision: p, NoCertificate: true}); err != nil {
					b.Fatal(err)
				}
			})
		})
	}
}

// randomized computes 128 singular values of a matrix of rank 256 whose values
// 1/(1+i) are known, and reports the largest error, relative to the largest.
func randomized[T device.Float](b *testing.B) {
	o := openOn[T](b)
	n, rank, k := o.side(16384, 96, 2), devices.Size(o.dev, 256, 24), devices.Size(o.dev, 128, 8)
	a := o.q.Alloc(n, n)
	values := make([]T, rank)
	for i := range values {
		values[i] = 1 / T(1+i)
	}
	func() {
		defer o.q.Scope()()
		u, v, r, s := o.normal(n, rank), o.q.Alloc(n, rank), o.q.Alloc(rank, rank), o.q.Alloc(1, rank)
		o.q.Random(device.Normal, 2, 0, v)
		o.q.QR(u, r)
		o.q.QR(v, r)
		o.q.Upload(s, device.Vector(values))
		o.q.ScaleBy(device.PerCol, s, u, u)
		o.q.Gemm(device.NoTrans, device.Transp, 1, u, v, 0, a)
	}()
	b.Run(fmt.Sprintf("n=%d/k=%d", n, k), func(b *testing.B) {
		worst := 0.0
		solve(b, func() error {
			defer o.q.Scope()()
			f, err := svd.Factor(b.Context(), o.q, a, svd.Options{Method: svd.Randomized, Rank: k})
			if err != nil {
				return err
			}
			got := make([]T, k)
			o.q.Download(device.Vector(got), f.S)
			err = o.q.Sync()
			worst = 0
			for i, x := range got {
				worst = max(worst, math.Abs(float64(x-values[i])))
			}
			return err
		})
		b.ReportMetric(1e9*worst, "error-1e-9")
	})
}

// fullSVD computes all values and vectors.
func fullSVD(b *testing.B) {
	o := openOn[float64](b)
	n := o.side(4096, 40, 12)
	a := o.normal(n, n)
	b.Run(fmt.Sprintf("n=%d", n), func(b *testing.B) {
		solve(b, func() error {
			defer o.q.Scope()()
			_, err := svd.Factor(b.Context(), o.q, a, svd.Options{})
			return err
		})
	})
}

// clouds takes ten iterations of Sinkhorn's between clouds of points, two soft
// minima each.
func clouds(b *testing.B) {
	o := openOn[float32](b)
	n, d := devices.Size(o.dev, 50000, 80), 64
	x, y, f, g := o.normal(n, d), o.q.Alloc(n, d), o.q.Alloc(1, n), o.q.Alloc(1, n)
	o.q.Random(device.Normal, 3, 0, y)
	ε := float32(d) / 10
	b.Run(fmt.Sprintf("n=%d/d=%d", n, d), func(b *testing.B) {
		o.measure(b, 20*2*float64(d)*float64(n)*float64(n), "GFLOP/s", func() {
			for range 10 {
				device.SoftMinPoints(o.q, 2, ε, x, y, g, f)
				device.SoftMinPoints(o.q, 2, ε, y, x, f, g)
			}
		})
	})
}

// hessianProducts multiplies the Hessian of a network by blocks of directions.
// "of-gemm" is the share that the products of matrices within have of the rate
// of square ones.
func hessianProducts(b *testing.B) {
	o := openOn[float32](b)
	side := o.side(8192, 48, 2)
	x, y := o.normal(side, side), o.q.Alloc(side, side)
	gemm := func() { o.q.Gemm(device.NoTrans, device.NoTrans, 1, x, x, 0, y) }
	sizes := []int{devices.Size(o.dev, 784, 12), devices.Size(o.dev, 512, 9), devices.Size(o.dev, 512, 7), 10}
	n := devices.Size(o.dev, 4096, 20)
	net, err := nn.New[float32](sizes, nn.Tanh, 1)
	if err != nil {
		b.Fatal(err)
	}
	data := nn.Data[float32]{X: normal[float32](n, sizes[0]), Labels: make([]int, n)}
	for i := range data.Labels {
		data.Labels[i] = int(rng.Uint64(4, 0, uint64(i)) % 10)
	}
	op, err := hessian.MLP(b.Context(), o.q, net, data, hessian.Options{})
	if err != nil {
		b.Fatal(err)
	}
	for _, k := range []int{1, 16, devices.Size(o.dev, 64, 3)} {
		b.Run(fmt.Sprintf("k=%d", k), func(b *testing.B) {
			defer o.q.Scope()()
			src, dst := o.normal(k, op.Dim()), o.q.Alloc(k, op.Dim())
			flops := 0.0
			for l, layer := range net.Layers() {
				units := 6 // products, of which the first layer has two
				if l == 0 {
					units = 2
				}
				flops += 2 * float64(units*k*n) * float64(layer.In*layer.Out)
			}
			o.measure(b, flops, "GFLOP/s", func() {
				if err := op.Apply(b.Context(), o.q, dst, src); err != nil {
					b.Fatal(err)
				}
			})
			start := time.Now()
			gemm()
			gemm()
			if err := o.q.Sync(); err != nil {
				b.Fatal(err)
			}
			rate := 2 * 2 * math.Pow(float64(side), 3) / time.Since(start).Seconds()
			b.ReportMetric(flops*float64(b.N)/b.Elapsed().Seconds()/rate, "of-gemm")
		})
	}
}

// certificates measures what a certificate of a plan reads its costs for.
func certificates[T device.Float](b *testing.B) {
	o := openOn[T](b)
	n := o.side(16384, 64, 2)
	c, p, f, g := o.q.Alloc(n, n), o.q.Alloc(n, n), o.q.Alloc(1, n), o.q.Alloc(1, n)
	a, s, t := o.q.Alloc(1, n), o.q.Alloc(1, n), o.q.Alloc(1, n)
	o.q.Random(device.Uniform, 1, 0, c)
	o.q.Fill(1/T(n), a)
	matrix := float64(n*n) * bytesOf[T]()
	b.Run("costs", func(b *testing.B) {
		o.measure(b, 2*matrix, "GB/s", func() { device.PlanCosts(o.q, 0.1, c, g, a, f, s, t) })
	})
	b.Run("rows", func(b *testing.B) {
		o.measure(b, 3*matrix, "GB/s", func() { device.PlanRows(o.q, 0.1, c, g, a, p) })
	})
	b.Run("minima", func(b *testing.B) {
		o.measure(b, 2*matrix, "GB/s", func() { device.MinTransform(o.q, c, g, a, f, s, t) })
	})
}

// scaling takes a step of Sinkhorn's scaling iteration in float64, with a kernel
// of either type.
func scaling(b *testing.B) {
	o := openOn[float64](b)
	w := o.dev.F32()
	b.Cleanup(w.Close)
	n := o.side(16384, 64, 2)
	k, c := w.Alloc(n, n), o.q.Alloc(n, n)
	a, v, u, s := o.q.Alloc(1, n), o.q.Alloc(1, n), o.q.Alloc(1, n), o.q.Alloc(1, n)
	for _, x := range []device.Matrix[float64]{c, a, v} {
		o.q.Fill(1/float64(n), x)
	}
	narrow, ok := o.q.(device.NarrowScaler[float64])
	if !ok || !narrow.TryNarrowGibbs(1, u, s, c, k) {
		b.Skip("no kernels in float32")
	}
	b.Run("f32", func(b *testing.B) {
		o.measure(b, 2*4*float64(n*n), "GB/s", func() { narrow.TryNarrowScalingStep(k, a, v, u, s) })
	})
	b.Run("f64", func(b *testing.B) {
		o.measure(b, 2*8*float64(n*n), "GB/s", func() { device.ScalingStep(o.q, c, a, v, u, s) })
	})
}
