package spectrum

import (
	"context"
	"errors"
	"math"
	"testing"

	"gonum.org/v1/gonum/dsp/fourier"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/rng"
)

// Eight outliers over a bulk of 792 small eigenvalues. Full and partial
// re-orthogonalization find each outlier once; the bare recurrence finds
// copies as soon as the first Ritz value has converged (Paige's theorem), which
// shows that the test would see them.
func TestGhosts(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		d := outliers(800)
		run := func(steps int, r Reorthogonalization) (tri *Tridiagonal[float64], values []float64, loss float64) {
			q := dev.F64()
			defer q.Close()
			start := q.Alloc(1, 800)
			q.Random(device.Normal, 2, 0, start)
			tri, err := Lanczos(ctx, q, diagonal[float64](d), start, steps, r)
			if err != nil {
				t.Fatal(err)
			}
			values, _ = tri.Eigen()
			return tri, values, orthogonalityLoss(q, tri.Basis)
		}
		copies := func(values []float64) (n int) {
			for _, v := range values {
				if math.Abs(v-10) < 1e-6 {
					n++
				}
			}
			return n
		}
		for _, steps := range []int{20, 60, 120, 200} {
			for r, allowed := range map[Reorthogonalization]float64{FullReorth: 1e-13, PartialReorth: 1e-7} {
				tri, values, loss := run(steps, r)
				if loss > allowed {
					t.Errorf("%d steps, %v: orthogonality loss %.3g", steps, r, loss)
				}
				if n := copies(values); n != 1 {
					t.Errorf("%d steps, %v: %d copies of 10", steps, r, n)
				}
				// Errors are the squares of losses below √eps: partial
				// re-orthogonalization costs nothing of the values.
				for i, want := range d[:8] {
					if got := values[len(values)-1-i]; math.Abs(got/want-1) > 1e-12 {
						t.Errorf("%d steps, %v: λ%d = %v, want %v", steps, r, i+1, got, want)
					}
				}
				if r == PartialReorth && 2*tri.FullPasses >= steps {
					t.Errorf("%d of %d steps were re-orthogonalized", tri.FullPasses, steps)
				}
			}
		}
		for steps, least := range map[int]int{20: 2, 60: 5, 120: 10} {
			if _, values, _ := run(steps, NoReorth); copies(values) < least {
				t.Errorf("bare recurrence, %d steps: %d copies of 10, expected %d", steps, copies(values), least)
			}
		}
	})
}

// hartley returns Q·diag(d)·Qᵀ with Q = diag(random signs)·(discrete Hartley
// transform): for a diagonal operator Rademacher probes would be exact.
func hartley(d []float64) Operator[float64] {
	n := len(d)
	signs := make([]float64, n)
	rng.Rademacher(99, 0, 0, signs)
	fft, c := fourier.NewFFT(n), make([]complex128, n/2+1)
	transform := func(x []float64) { // symmetric and its own inverse
		fft.Coefficients(c, x)
		for k, z := range c {
			x[k] = (real(z) - imag(z)) / math.Sqrt(float64(n))
			if k > 0 {
				x[n-k] = (real(z) + imag(z)) / math.Sqrt(float64(n))
			}
		}
	}
	return Func(n, func(_ context.Context, dst, src []float64) error {
		for i, v := range src {
			dst[i] = signs[i] * v
		}
		transform(dst)
		for i := range dst {
			dst[i] *= d[i]
		}
		transform(dst)
		for i := range dst {
			dst[i] *= signs[i]
		}
		return nil
	})
}

// Relative root mean square errors over 40 seeds, n = 800, against what the
// authors' algorithms reach for three spectra and three budgets.
func TestTraceErrorTable(t *testing.T) {
	const n, repeats = 800, 40
	geometric, algebraic, flat := make([]float64, n), make([]float64, n), make([]float64, n)
	rng.Uniform(4, 0, 0, flat)
	for i := range n {
		geometric[i] = math.Pow(0.9, float64(i))
		algebraic[i] = 1 / float64((i+1)*(i+1))
		flat[i] = 1 + 2*flat[i]
	}
	budgets := [3]int{30, 60, 120}
	for _, c := range []struct {
		name string
		d    []float64
		want map[TraceMethod][3]float64
	}{
		{"0.9^i", geometric, map[TraceMethod][3]float64{
			Hutchinson: {.063, .042, .032}, HutchPP: {.058, .015, .0017}, XTrace: {.045, .0069, 1.9e-4}, XNysTrace: {.020, .0016, 5.8e-6}}},
		{"1/i²", algebraic, map[TraceMethod][3]float64{
			Hutchinson: {.16, .11, .076}, HutchPP: {.0081, .0021, 4.5e-4}, XTrace: {.0044, 8e-4, 2e-4}, XNysTrace: {.0029, 9.8e-4, 2.2e-4}}},
		{"flat", flat, map[TraceMethod][3]float64{
			Hutchinson: {.005, .005, .005}, HutchPP: {.005, .005, .005}, XTrace: {.005, .005, .005}, XNysTrace: {.005, .005, .005}}},
	} {
		op, trace := hartley(c.d), 0.0
		for _, v := range c.d {
			trace += v
		}
		for b, budget := range budgets {
			errs := map[TraceMethod]float64{}
			for m, want := range c.want {
				square := 0.0
				for seed := range uint64(repeats) {
					e, err := Trace(ctx, device.Go(), op, TraceOptions{Method: m, Budget: budget, Seed: seed})
					if err != nil {
						t.Fatal(err)
					}
					square += (e.Value/trace - 1) * (e.Value/trace - 1)
				}
				errs[m] = math.Sqrt(square / repeats)
				limit := 2 * want[b]
				if c.name == "flat" { // an upper bound, not a result
					limit = want[b]
				}
				if errs[m] > limit {
					t.Errorf("%s, %s, %d products: relative error %.3g, reported %.3g", c.name, m, budget, errs[m], want[b])
				}
			}
			if c.name == "0.9^i" && !(errs[XNysTrace] < errs[XTrace] && errs[XTrace] < errs[HutchPP] && errs[HutchPP] < errs[Hutchinson]) {
				t.Errorf("%s, %d products: order of errors %v", c.name, budget, errs)
			}
		}
	}
}

// Standard errors are honest: (estimate - trace)/StdErr over 200 seeds. The
// samples of XTrace share products; where eigenvalues decay fast, the stated
// error may be somewhat too large.
func TestXTraceStandardErrors(t *testing.T) {
	const n = 800
	for name, f := range map[string]func(i int) float64{
		"0.9^i": func(i int) float64 { return math.Pow(0.9, float64(i)) },
		"1/i²":  func(i int) float64 { return 1 / float64((i+1)*(i+1)) },
		"flat":  func(i int) float64 { return 1 + 2*float64(i)/(n-1) },
	} {
		d, trace, z := make([]float64, n), 0.0, 0.0
		for i := range d {
			d[i] = f(i)
			trace += d[i]
		}
		op := hartley(d)
		for seed := range uint64(200) {
			e, err := Trace(ctx, device.Go(), op, TraceOptions{Budget: 60, Seed: 5000 + seed})
			if err != nil {
				t.Fatal(err)
			}
			z += math.Pow((e.Value-trace)/e.StdErr, 2) / 200
		}
		if z = math.Sqrt(z); z < 0.75 || z > 1.2 {
			t.Errorf("%s: z-scores have standard deviation %.3g", name, z)
		}
	}
}

// Forty probes of eighty steps pooled: Wasserstein distance, weights, and the
// first moment zᵀHz/zᵀz of each probe, which needs no step at all.
func TestPooledQuadrature(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		const n, probes, seed = 800, 40, 9
		d := outliers(n)
		s, err := SLQ(ctx, dev, diagonal[float64](d), SLQOptions{Probes: probes, Steps: 80, Seed: seed})
		if err != nil {
			t.Fatal(err)
		}
		lo, hi := s.Range()
		w1, width := 0.0, 1.02*(hi-lo)
		const grid = 10000
		for i := range grid {
			x := lo - 0.01*(hi-lo) + width*(float64(i)+0.5)/grid
			exact := 0.0
			for _, λ := range d {
				if λ <= x {
					exact += 1.0 / n
				}
			}
			w1 += math.Abs(s.CDF(x).Value-exact) * width / grid
		}
		if w1 > 1e-3*(hi-lo) {
			t.Errorf("Wasserstein distance %.3g of the range", w1/(hi-lo))
		}
		z := make([]float64, n)
		for p := range probes {
			rng.Rademacher(seed, uint64(p), 0, z)
			want, got, sum := 0.0, 0.0, 0.0
			for i, v := range z {
				want += v * d[i] * v / n
			}
			for i, θ := range s.Nodes[p] {
				got += s.Weights[p][i] * θ
				sum += s.Weights[p][i]
			}
			if math.Abs(sum-1) > 1e-12 || math.Abs(got-want) > 1e-12*d[0] {
				t.Errorf("probe %d: weights sum to %v, first moment %v, want %v", p, sum, got, want)
			}
		}
	})
}

// Four copies of an eigenvalue: eight steps of a single vector see one of
// them, four steps of a block of four see all.
func TestMultiplicityInFourBlockSteps(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		d := make([]float64, 400)
		rng.Normal(8, 0, 0, d)
		for i := range d {
			d[i] *= 0.02
		}
		copy(d[100:], []float64{5, 5, 5, 5})
		// Two more products see whether the operator is symmetric. Values are
		// as accurate as the square of the residual over the gap.
		e, err := Eigs(ctx, dev, diagonal[float64](d), EigsOptions{K: 4, Block: 4, Basis: 16, Tol: 1e-5, MaxProducts: 18})
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range e.Values {
			if math.Abs(v-5) > 1e-6 {
				t.Errorf("copy %d is %v", i+1, v)
			}
		}
		if e.Products > 18 {
			t.Errorf("%d products", e.Products)
		}
		checkVectors(t, dev, diagonal[float64](d), e)
	})
}

// The one-dimensional Laplacian, whose ends are crowded, within 1000 products.
func TestLaplacianBudget(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		const n = 400
		for which, at := range map[Which]func(i int) int{
			LargestAlgebraic:  func(i int) int { return n - i },
			SmallestAlgebraic: func(i int) int { return i + 1 },
		} {
			e, err := Eigs(ctx, dev, laplacian[float64](n), EigsOptions{K: 4, Which: which, Basis: 40, Tol: 1e-8, MaxProducts: 999})
			if err != nil {
				t.Fatalf("%s: %v", which, err)
			}
			for i, v := range e.Values {
				if want := laplacianValue(n, at(i)); math.Abs(v-want) > 1e-12 {
					t.Errorf("%s: value %d is %v, want %v", which, i+1, v, want)
				}
			}
		}
	})
}

// Out of products, Eigs returns the best pairs with their true residuals.
func TestNotConvergedPairs(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		t.Run("f64", func(t *testing.T) { notConvergedPairs[float64](t, dev) })
		t.Run("f32", func(t *testing.T) { notConvergedPairs[float32](t, dev) })
	})
}

func notConvergedPairs[T device.Float](t *testing.T, dev device.Device) {
	const n = 600
	op := laplacian[T](n)
	for _, which := range []Which{LargestAlgebraic, SmallestAlgebraic, LargestMagnitude, BothEnds} {
		for _, b := range []int{1, 3} {
			e, err := Eigs(ctx, dev, op, EigsOptions{K: 4, Which: which, Block: b, MaxProducts: 50})
			var failed *device.NotConvergedError
			if !errors.Is(err, device.ErrNotConverged) || !errors.As(err, &failed) || e == nil || len(e.Values) != 4 {
				t.Fatalf("%s, block %d: %v", which, b, err)
			}
			if failed.Iterations != e.Products || e.Products > 50 || !(failed.Achieved > failed.Wanted) {
				t.Errorf("%s, block %d: %d products, %+v", which, b, e.Products, failed)
			}
			checkVectors(t, dev, op, e)
			worst := 0.0
			for i, v := range e.Values {
				near := math.Inf(1)
				for k := 1; k <= n; k++ {
					near = min(near, math.Abs(v-laplacianValue(n, k)))
				}
				if near > e.Residuals[i]+20*device.Epsilon[T]() {
					t.Errorf("%s, block %d: no eigenvalue within the residual %.3g of %v", which, b, e.Residuals[i], v)
				}
				worst = max(worst, e.Residuals[i])
			}
			if worst < failed.Achieved || worst > 4*failed.Achieved { // relative to a value of 4 at most
				t.Errorf("%s, block %d: residuals up to %.3g, achieved %.3g", which, b, worst, failed.Achieved)
			}
		}
	}
}
