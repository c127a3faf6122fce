package gpu

import (
	"fmt"
	"math"
	"testing"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/polar"
	"github.com/ritz-go/ritz/goapi/rng"
	"github.com/ritz-go/ritz/goapi/sinkhorn"
	"github.com/ritz-go/ritz/goapi/spectrum"
	"github.com/ritz-go/ritz/goapi/svd"
	"github.com/ritz-go/ritz/tests/devices"
)

// Times are wall times of work that is waited for. What is in host memory is
// sent to the GPU and back within the time.

// on is a queue of the GPU with matrices of random numbers.
type on[T device.Float] struct {
	dev device.Device
	q   device.Queue[T]
}

func openOn[T device.Float](b *testing.B) on[T] {
	dev := open(b)
	q := device.NewQueue[T](dev)
	b.Cleanup(q.Close)
	return on[T]{dev, q}
}

// side returns how many rows the square matrices of a measurement have: n, or
// half of that and so on, so that three fifths of the GPU's memory hold so many of
// them; with the emulator so many as given. compare.py counts in the same way.
func (o on[T]) side(n, emulated, matrices int) int {
	return fitting(o.dev.Info().Memory, devices.Size(o.dev, n, emulated), matrices*int(bytesOf[T]()))
}

func fitting(memory uint64, n, bytes int) int {
	for n > 64 && 5*uint64(bytes)*uint64(n)*uint64(n) > 3*memory {
		n /= 2
	}
	return n
}

func (o on[T]) normal(m, n int) device.Matrix[T] {
	a := o.q.Alloc(m, n)
	o.q.Random(device.Normal, 1, 0, a)
	return a
}

// measure times work, which queues operations. amount is what one run does, in
// the unit: "GFLOP/s" of 1e9 operations, "GB/s" of 1e9 bytes.
func (o on[T]) measure(b *testing.B, amount float64, unit string, work func()) {
	b.Helper()
	work() // compiles kernels, takes workspace
	if err := o.q.Sync(); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		work()
		if err := o.q.Sync(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(amount/1e9/(b.Elapsed().Seconds()/float64(b.N)), unit)
}

func bytesOf[T device.Float]() float64 {
	if device.Epsilon[T]() > 1e-10 {
		return 4
	}
	return 8
}

// both runs a measurement for float32 and float64.
func both(b *testing.B, f32, f64 func(b *testing.B)) {
	b.Run("f32", f32)
	b.Run("f64", f64)
}

func BenchmarkCopy(b *testing.B)     { both(b, copying[float32], copying[float64]) }
func BenchmarkSum(b *testing.B)      { both(b, sums[float32], sums[float64]) }
func BenchmarkMap(b *testing.B)      { both(b, exponentials[float32], exponentials[float64]) }
func BenchmarkTransfer(b *testing.B) { both(b, transfers[float32], transfers[float64]) }
func BenchmarkGemm(b *testing.B)     { both(b, products[float32], products[float64]) }
func BenchmarkRounded(b *testing.B)  { roundedProducts(b) }
func BenchmarkSymmetric(b *testing.B) {
	both(b, symmetricProducts[float32], symmetricProducts[float64])
}
func BenchmarkBatch(b *testing.B) { both(b, batches[float32], batches[float64]) }
func BenchmarkSymmetricBatch(b *testing.B) {
	both(b, symmetricBatches[float32], symmetricBatches[float64])
}
func BenchmarkSoftMin(b *testing.B) { both(b, softMinima[float32], softMinima[float64]) }
func BenchmarkPoints(b *testing.B)  { both(b, points[float32], points[float64]) }

// roundedProducts times products on the tensor cores.
func roundedProducts(b *testing.B) {
	o := openOn[float32](b)
	n := o.side(8192, 64, 2)
	x, y := o.normal(n, n), o.q.Alloc(n, n)
	for _, p := range []device.Precision{device.TF32, device.BF16, device.FP16} {
		b.Run(fmt.Sprintf("%v/n=%d", p, n), func(b *testing.B) {
			_, end := device.Round(o.q, p)
			defer end()
			o.measure(b, 2*float64(n)*float64(n)*float64(n), "GFLOP/s", func() {
				o.q.Gemm(device.NoTrans, device.NoTrans, 1, x, x, 0, y)
			})
		})
	}
}

// symmetricProducts counts the operations of the full product.
func symmetricProducts[T device.Float](b *testing.B) {
	o := openOn[T](b)
	for _, n := range []int{o.side(4096, 64, 4), o.side(8192, 96, 4)} {
		x, y := o.normal(n, n), o.q.Alloc(n, n)
		b.Run(fmt.Sprintf("n=%d", n), func(b *testing.B) {
			o.measure(b, 2*float64(n)*float64(n)*float64(n), "GFLOP/s", func() { device.SymProduct(o.q, x, x, y) })
		})
	}
}

// batches counts LAPACK's 22·n³ operations for each matrix.
func batches[T device.Float](b *testing.B) {
	o := openOn[T](b)
	for _, n := range []int{4, 8, 16, 32, 64} {
		count := devices.Size(o.dev, 20000, 8)
		a := o.normal(count, n*n)
		u, s, vt, checks := o.q.Alloc(count, n*n), o.q.Alloc(count, n), o.q.Alloc(count, n*n), o.q.Alloc(count, 4)
		b.Run(fmt.Sprintf("n=%d/count=%d", n, count), func(b *testing.B) {
			o.measure(b, 22*float64(count)*float64(n*n*n), "GFLOP/s", func() {
				o.q.(device.BatchSVDer[T]).TrySVDBatch(n, n, a, u, s, vt, checks)
			})
		})
	}
}

// symmetricBatches counts LAPACK's 9·n³ operations for each matrix.
func symmetricBatches[T device.Float](b *testing.B) {
	o := openOn[T](b)
	for _, n := range []int{4, 8, 16, 32, 64} {
		count := devices.Size(o.dev, 20000, 8)
		host := device.NewDense[T](count, n*n)
		for i := range host.Data {
			r, c := i%(n*n)/n, i%n
			host.Data[i] = T(math.Sin(float64(i/(n*n)+1) * float64(r+c+r*c+1)))
		}
		a, w, vt, checks := o.q.Alloc(count, n*n), o.q.Alloc(count, n), o.q.Alloc(count, n*n), o.q.Alloc(count, 4)
		o.q.Upload(a, host)
		b.Run(fmt.Sprintf("n=%d/count=%d", n, count), func(b *testing.B) {
			o.measure(b, 9*float64(count)*float64(n*n*n), "GFLOP/s", func() {
				o.q.(device.BatchEigher[T]).TryEighBatch(n, a, w, vt, checks)
			})
		})
	}
}

func copying[T device.Float](b *testing.B) {
	o := openOn[T](b)
	n := o.side(16384, 64, 2)
	x, y := o.normal(n, n), o.q.Alloc(n, n)
	o.measure(b, 2*float64(n*n)*bytesOf[T](), "GB/s", func() { o.q.Copy(y, x) })
}

func sums[T device.Float](b *testing.B) {
	o := openOn[T](b)
	n := o.side(16384, 64, 1)
	x, rows, cols := o.normal(n, n), o.q.Alloc(n, 1), o.q.Alloc(1, n)
	b.Run("rows", func(b *testing.B) {
		o.measure(b, float64(n*n)*bytesOf[T](), "GB/s", func() { o.q.Reduce(device.Sum, device.PerRow, x, rows) })
	})
	b.Run("cols", func(b *testing.B) {
		o.measure(b, float64(n*n)*bytesOf[T](), "GB/s", func() { o.q.Reduce(device.Sum, device.PerCol, x, cols) })
	})
}

func exponentials[T device.Float](b *testing.B) {
	o := openOn[T](b)
	n := o.side(16384, 64, 2)
	x, y := o.normal(n, n), o.q.Alloc(n, n)
	o.measure(b, 2*float64(n*n)*bytesOf[T](), "GB/s", func() { o.q.Map(device.Exp, x, y) })
}

func transfers[T device.Float](b *testing.B) {
	o := openOn[T](b)
	n := o.side(8192, 64, 1)
	host, x := device.NewDense[T](n, n), o.normal(n, n)
	b.Run("up", func(b *testing.B) {
		o.measure(b, float64(n*n)*bytesOf[T](), "GB/s", func() { o.q.Upload(x, host) })
	})
	b.Run("down", func(b *testing.B) {
		o.measure(b, float64(n*n)*bytesOf[T](), "GB/s", func() { o.q.Download(host, x) })
	})
}

func products[T device.Float](b *testing.B) {
	o := openOn[T](b)
	for _, n := range []int{1024, 4096, 8192} {
		b.Run(fmt.Sprintf("n=%d", n), func(b *testing.B) {
			defer o.q.Scope()()
			n := o.side(n, 32, 3)
			x, y, z := o.normal(n, n), o.normal(n, n), o.q.Alloc(n, n)
			o.measure(b, 2*float64(n)*float64(n)*float64(n), "GFLOP/s", func() {
				o.q.Gemm(device.NoTrans, device.NoTrans, 1, x, y, 0, z)
			})
		})
	}
}

func softMinima[T device.Float](b *testing.B) {
	o := openOn[T](b)
	n := o.side(16384, 64, 1)
	c, g, out := o.normal(n, n), o.normal(1, n), o.q.Alloc(1, n)
	b.Run("rows", func(b *testing.B) {
		o.measure(b, float64(n*n)*bytesOf[T](), "GB/s", func() { device.SoftMin(o.q, device.PerRow, 0.1, c, g, out) })
	})
	b.Run("cols", func(b *testing.B) {
		o.measure(b, float64(n*n)*bytesOf[T](), "GB/s", func() { device.SoftMin(o.q, device.PerCol, 0.1, c, g, out) })
	})
	b.Run("few cols", func(b *testing.B) {
		defer o.q.Scope()()
		m := devices.Size(o.dev, 1<<22, 2200)
		c, g, out := o.normal(m, 32), o.normal(1, m), o.q.Alloc(1, 32)
		o.measure(b, float64(m*32)*bytesOf[T](), "GB/s", func() { device.SoftMin(o.q, device.PerCol, 0.1, c, g, out) })
	})
}

func points[T device.Float](b *testing.B) {
	o := openOn[T](b)
	for _, d := range []int{3, 64, 256} { // the two with many coordinates from products
		b.Run(fmt.Sprintf("d=%d", d), func(b *testing.B) {
			defer o.q.Scope()()
			n := devices.Size(o.dev, 50000, 64)
			x, y, g, out := o.normal(n, d), o.normal(n, d), o.normal(1, n), o.q.Alloc(n, 1)
			o.measure(b, 3*float64(d)*float64(n)*float64(n), "GFLOP/s", func() { device.SoftMinPoints(o.q, 2, T(d)/10, x, y, g, out) })
		})
	}
}

func normal[T device.Float](m, n int) device.Dense[T] {
	a := device.NewDense[float64](m, n)
	rng.Normal(1, 0, 0, a.Data)
	return device.Convert[T](a)
}

// solve times one whole call after a warm-up.
func solve(b *testing.B, call func() error) {
	b.Helper()
	if err := call(); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if err := call(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSVD(b *testing.B) {
	dev := open(b)
	for _, size := range [][3]int{{512, 512, 0}, {1024, 1024, 0}, {2048, 2048, 0}, {4096, 4096, 0}, {10000, 500, 0}, {8192, 8192, 50}} {
		b.Run(fmt.Sprintf("m=%d/n=%d/rank=%d", size[0], size[1], size[2]), func(b *testing.B) {
			m, n, rank := devices.Size(dev, size[0], 40), devices.Size(dev, size[1], 20), devices.Size(dev, size[2], 0)
			a := normal[float64](m, n)
			solve(b, func() error {
				_, err := svd.Compute(b.Context(), dev, a, svd.Options{Rank: rank})
				return err
			})
		})
	}
}

func BenchmarkPolar(b *testing.B) {
	dev := open(b)
	for _, n := range []int{1024, 2048, 4096} {
		for _, method := range []polar.Method{polar.Muon, polar.Auto} {
			n := devices.Size(dev, n, 24)
			b.Run(fmt.Sprintf("%s/n=%d/f32", method, n), func(b *testing.B) { factor(b, dev, normal[float32](n, n), method) })
			b.Run(fmt.Sprintf("%s/n=%d/f64", method, n), func(b *testing.B) { factor(b, dev, normal[float64](n, n), method) })
		}
	}
}

func factor[T device.Float](b *testing.B, dev device.Device, a device.Dense[T], method polar.Method) {
	solve(b, func() error {
		_, err := polar.Compute(b.Context(), dev, a, polar.Options{Method: method})
		return err
	})
}

func BenchmarkSpectrum(b *testing.B) {
	dev := open(b)
	n := devices.Size(dev, 8192, 40)
	h := normal[float64](n, n)
	for i := range n {
		for j := range i {
			h.Set(i, j, h.At(j, i))
		}
		h.Set(i, i, h.At(i, i)+float64(n)/float64(i+1)) // some eigenvalues stand out
	}
	q := dev.F64()
	b.Cleanup(q.Close)
	op, err := spectrum.Symmetric(q, h)
	if err != nil {
		b.Fatal(err)
	}
	solve(b, func() error {
		_, err := spectrum.Eigs(b.Context(), dev, op, spectrum.EigsOptions{K: 10, Tol: 1e-8})
		return err
	})
}

func BenchmarkSinkhorn(b *testing.B) {
	dev := open(b)
	n := devices.Size(dev, 8192, 24)
	x := device.NewDense[float64](n, 2)
	y := device.NewDense[float64](n, 2)
	rng.Uniform(6, 0, 0, x.Data)
	rng.Uniform(6, 1, 0, y.Data)
	for _, method := range []sinkhorn.Method{sinkhorn.Scaling, sinkhorn.Log} {
		for _, ε := range []float64{0.05, 0.01} {
			b.Run(fmt.Sprintf("%s/ε=%g", method, ε), func(b *testing.B) {
				iterations := 0
				solve(b, func() error {
					r, err := sinkhorn.Solve(b.Context(), dev, sinkhorn.Problem[float64]{X: x, Y: y},
						sinkhorn.Options{Epsilon: ε, Method: method})
					if err == nil {
						iterations = r.Iterations
					}
					return err
				})
				b.ReportMetric(float64(iterations), "iterations")
			})
		}
	}
}
