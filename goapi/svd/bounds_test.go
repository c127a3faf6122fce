package svd

import (
	"math"
	"testing"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/rng"
	"github.com/ritz-go/ritz/tests/devices"
)

// The stated bounds hold in (far more than) 99.9 % of 2000 runs on small
// matrices of all kinds, whatever the seed.
func TestBoundsHold(t *testing.T) {
	t.Run("f64", func(t *testing.T) { testBoundsHold[float64](t) })
	t.Run("f32", func(t *testing.T) { testBoundsHold[float32](t) })
}

func testBoundsHold[T device.Float](t *testing.T) {
	const runs = 2000
	eps := device.Epsilon[T]()
	dev := device.Go()
	broken := map[string]int{}
	for run := range runs {
		var x [4]float64
		rng.Uniform(5, uint64(run), 0, x[:])
		m, n := 6+int(x[0]*20), 6+int(x[1]*12)
		k := min(m, n)
		spectrum := logspace(k, 3*x[3], 3*x[3]-8*x[2])
		a := withSpectrum[T](uint64(run), m, n, spectrum)
		making := 20 * eps * spectrum[0] // rounding of the matrix and the products that made it
		seed, rank := uint64(run), 1+run%3

		for name, passes := range map[string]int{"single pass": 1, "two passes": 2} {
			r, err := Stream(ctx, dev, Rows(a), StreamOptions{Rank: rank, Passes: passes, Oversampling: 1, Seed: seed})
			if err != nil {
				t.Fatal(err)
			}
			for i, s := range r.S {
				if math.Abs(float64(s)-spectrum[i]) > r.Certificate.ErrorBound+making {
					broken[name]++
					break
				}
			}
		}
		// Of k different exact values, here the nearest ones.
		r, err := Compute(ctx, dev, a, Options{Rank: 1, Method: Randomized, PowerIterations: 1, Oversampling: 1, Seed: seed})
		if err != nil {
			t.Fatal(err)
		}
		if nearest(spectrum, float64(r.S[0])) > r.Certificate.ErrorBound+making {
			broken["randomized"]++
		}
		tol := math.Pow(10, -1-3*x[2])
		r, err = Compute(ctx, dev, a, Options{Tol: tol, Method: Randomized, Seed: seed})
		if err != nil {
			t.Fatal(err)
		}
		if residual, _, _ := trueErrors(a, r); residual > tol+20*eps {
			broken["tolerance"]++
		}
	}
	for name, count := range broken {
		if count > runs/1000 {
			t.Errorf("%s: the bound was broken in %d of %d runs", name, count, runs)
		}
	}
}

func nearest(list []float64, x float64) float64 {
	d := math.Inf(1)
	for _, v := range list {
		d = min(d, math.Abs(v-x))
	}
	return d
}

// Most of a decaying spectrum with noise comes within 1e-6 of the best
// possible error by default, and by its residuals the bound is true for every
// seed.
func TestTopOfNoise(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		const m, n, k = 300, 200, 10
		spectrum := make([]float64, n)
		for i := range spectrum {
			spectrum[i] = 1 / float64(i+1)
			if i >= 50 {
				spectrum[i] = 1e-4
			}
		}
		best := 0.0
		for _, s := range spectrum[k:] {
			best += s * s
		}
		a := withSpectrum[float64](111, m, n, spectrum)
		norm := 0.0
		for _, s := range spectrum {
			norm += s * s
		}
		for seed := range uint64(size(dev, 200, 40)) {
			r, err := Compute(ctx, dev, a, Options{Rank: k, Method: Randomized, Seed: seed})
			if err != nil {
				t.Fatal(err)
			}
			if r.Method != Randomized {
				t.Fatalf("method %s", r.Method)
			}
			rest := norm
			for _, s := range r.S {
				rest -= s * s
			}
			if excess := math.Sqrt(rest/best) - 1; excess > 1e-6 {
				t.Errorf("seed %d: error is %.3g above the best", seed, excess)
			}
			if d := math.Abs(r.Certificate.Residual - math.Sqrt(rest/norm)); d > 1e-9 {
				t.Errorf("seed %d: certified residual off by %.3g", seed, d)
			}
			for i, s := range r.S {
				if d := nearest(spectrum, s); d > r.Certificate.ErrorBound+1e-14 {
					t.Errorf("seed %d: σ%d off by %.3g, certified %.3g", seed, i+1, d, r.Certificate.ErrorBound)
				}
			}
		}
	})
}

// The sketch alone tells the error of its range, within 30 % in the mean of 50
// (the deviation of one is about a quarter).
func TestLeaveOneOut(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		both(t, dev, testLeaveOneOut[float64], testLeaveOneOut[float32])
	})
}

func testLeaveOneOut[T device.Float](t *testing.T, dev device.Device) {
	const m, n = 400, 300
	spectrum, square := make([]float64, n), 0.0
	for i := range spectrum {
		spectrum[i] = math.Pow(float64(i+1), -1.2)
		square += spectrum[i] * spectrum[i]
	}
	q := device.NewQueue[T](dev)
	defer q.Close()
	a := q.Alloc(m, n)
	q.Upload(a, withSpectrum[T](121, m, n, spectrum))
	for _, l := range []int{30, 60} {
		stated, exact := 0.0, 0.0
		for seed := range uint64(devices.Size(dev, 50, 15)) {
			end := q.Scope()
			Ω, y, basis, r, image := q.Alloc(n, l), q.Alloc(m, l), q.Alloc(m, l-1), q.Alloc(l-1, l-1), q.Alloc(l-1, n)
			q.Random(device.Normal, seed, 0, Ω)
			q.Gemm(device.NoTrans, device.NoTrans, 1, a, Ω, 0, y)
			e, err := LeaveOneOut(q, y)
			if err != nil {
				t.Fatal(err)
			}
			q.Copy(basis, y.Slice(0, m, 0, l-1))
			q.QR(basis, r)
			q.Gemm(device.Transp, device.NoTrans, 1, basis, a, 0, image)
			seen, err := scalar(q, func(out device.Matrix[T]) { q.Reduce(device.SumSquares, device.Whole, image, out) })
			if err != nil {
				t.Fatal(err)
			}
			stated, exact = stated+e*e, exact+square-seen
			end()
		}
		if ratio := stated / exact; ratio < 0.7 || ratio > 1.3 {
			t.Errorf("%d columns: squares of estimates %.4g, true %.4g", l, stated, exact)
		}
	}
	low, Ω := withSpectrum[T](122, 20, 15, append(logspace(3, 0, -1), make([]float64, 12)...)), normal[T](123, 15, 8)
	thin, gauss, y := q.Alloc(20, 15), q.Alloc(15, 8), q.Alloc(20, 8)
	q.Upload(thin, low)
	q.Upload(gauss, Ω)
	q.Gemm(device.NoTrans, device.NoTrans, 1, thin, gauss, 0, y)
	if e, err := LeaveOneOut(q, y); err != nil || e > 100*device.Epsilon[T]() {
		t.Errorf("rank 3: %v, %v", e, err)
	}
	zero := q.Alloc(5, 3)
	if e, err := LeaveOneOut(q, zero); err != nil || e != 0 {
		t.Errorf("zero: %v, %v", e, err)
	}
	refuses(t, "wide", device.ErrArgument, func() error { _, err := LeaveOneOut(q, q.Alloc(3, 5)); return err })
	refuses(t, "zero Matrix", device.ErrShape, func() error { _, err := LeaveOneOut(q, device.Matrix[T]{}); return err })
}

// Each triplet, converged or not, has an exact value within its residuals.
func TestTripletBounds(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		const m, n = 400, 300
		spectrum := make([]float64, n)
		for i := range spectrum {
			spectrum[i] = math.Pow(float64(i+1), -1.2)
		}
		a := withSpectrum[float64](131, m, n, spectrum)
		for _, products := range []int{150, 400, 0} {
			r, err := top(dev, a, TopOptions{Rank: 30, Basis: 60, MaxProducts: products})
			if r == nil || err != nil && products == 0 || err == nil && products == 150 {
				t.Fatalf("%d products: %v", products, err)
			}
			for i, s := range r.S {
				left, right := r.LeftResiduals[i], r.RightResiduals[i]
				if d := nearest(spectrum, s); d > math.Sqrt((left*left+right*right)/2)+1e-14 {
					t.Errorf("%d products: σ%d off by %.3g, residuals %.3g and %.3g", products, i+1, d, left, right)
				}
			}
		}
	})
}
