package svd

import (
	"fmt"
	"math"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/rng"
	"github.com/ritz-go/ritz/tests/devices"
	"github.com/ritz-go/ritz/tests/matrices"
)

// size returns the size of a problem for dev: full on OpenBLAS and GPUs, unless
// tests are to be short; plain for pure Go, and a quarter of that for a GPU
// that is emulated.
func size(dev device.Device, full, plain int) int {
	if dev.Info().Backend == "pure Go" || testing.Short() {
		full = plain
	}
	return devices.Size(dev, full, max(1, plain/4))
}

// spectralNorm returns ‖a‖₂, computed on dev.
func spectralNorm(t *testing.T, dev device.Device, a device.Dense[float64]) float64 {
	t.Helper()
	r, err := Compute(ctx, dev, a, Options{Method: Direct, Vectors: None})
	if err != nil {
		t.Fatal(err)
	}
	return r.S[0]
}

// spectralErrors returns ‖A - U·S·Vᵀ‖₂/σ₁ and ‖UᵀU - I‖₂, ‖VᵀV - I‖₂ by
// products on dev in float64. a may be tall, not wide.
func spectralErrors[T device.Float](t *testing.T, dev device.Device, a device.Dense[T], r *Result[T]) (residual, u, v float64) {
	t.Helper()
	q := dev.F64()
	defer q.Close()
	lend := func(x device.Dense[T]) device.Matrix[float64] { return device.Lend(q, device.Convert[float64](x)) }
	k, n := len(r.S), a.Cols
	U, Vt := lend(r.U), lend(r.Vt)
	rest, us, s := q.Alloc(a.Rows, n), q.Alloc(a.Rows, k), lend(device.Vector(r.S))
	q.Copy(rest, lend(a))
	q.ScaleBy(device.PerCol, s, U, us)
	q.Gemm(device.NoTrans, device.NoTrans, -1, us, Vt, 1, rest)
	norm := func(t0 device.Trans, x device.Matrix[float64], unit float64) float64 { // ‖xᵀx - unit·I‖₂
		size := x.Cols
		if t0 == device.NoTrans {
			size = x.Rows
		}
		g, host := q.Alloc(size, size), device.NewDense[float64](size, size)
		q.Syrk(t0, 1, x, 0, g)
		q.AddDiag(-unit, g)
		q.Download(host, g)
		if err := q.Sync(); err != nil {
			t.Fatal(err)
		}
		return spectralNorm(t, dev, host)
	}
	return math.Sqrt(norm(device.Transp, rest, 0)) / float64(r.S[0]), norm(device.Transp, U, 1), norm(device.NoTrans, Vt, 1)
}

// cosines returns the first k columns of the discrete cosine transform of
// length m, which are orthonormal.
func cosines(m, k int) device.Dense[float64] {
	table := make([]float64, 4*m) // cos(π·i/2m) has the period 4m
	for i := range table {
		table[i] = math.Cos(math.Pi * float64(i) / float64(2*m))
	}
	return matrices.Filled[float64](m, k, func(i, j int) float64 {
		if j == 0 {
			return 1 / math.Sqrt(float64(m))
		}
		return math.Sqrt(2/float64(m)) * table[(2*i+1)*j%(4*m)]
	})
}

// madeOn returns a matrix with the singular values s, computed on dev. Its
// singular vectors are cosines, in an order that looks like none.
func madeOn[T device.Float](t *testing.T, dev device.Device, m, n int, s []float64) device.Dense[T] {
	t.Helper()
	q := dev.F64()
	defer q.Close()
	u, a := q.Alloc(m, len(s)), q.Alloc(m, n)
	mixed := make([]float64, len(s))
	for j := range s {
		mixed[j] = s[(j*7919+3)%len(s)] // a prime that divides none of the lengths here
	}
	q.Upload(u, cosines(m, len(s)))
	q.ScaleBy(device.PerCol, device.Lend(q, device.Vector(mixed)), u, u)
	q.Gemm(device.NoTrans, device.Transp, 1, u, device.Lend(q, cosines(n, len(s))), 0, a)
	host := device.NewDense[float64](m, n)
	q.Download(host, a)
	if err := q.Sync(); err != nil {
		t.Fatal(err)
	}
	if same, ok := any(host).(device.Dense[T]); ok {
		return same
	}
	return device.Convert[T](host)
}

// The triangle of ones of dimension 50, 512 and, on OpenBLAS and GPUs, 2048
// has the singular values 1/(2 sin((2k-1)π/(4n+2))), to 1e-14·σ₁ in float64
// and 2e-6·σ₁ in float32, by every method.
func TestSingularValuesOfTriangularOnes(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		triangularOnesBy[float64](t, dev, 1e-14)
		triangularOnesBy[float32](t, dev, 2e-6)
	})
}

func triangularOnesBy[T device.Float](t *testing.T, dev device.Device, tol float64) {
	for _, n := range []int{50, size(dev, 512, 160), size(dev, 2048, 100)} {
		if n > 512 && device.Epsilon[T]() > 1e-10 {
			continue // the same computation as in float64
		}
		ones, want := triangularOnes(n)
		a := device.Convert[T](ones)
		methods := []Method{Direct, Gram, Tall, Jacobi}
		if n > 512 {
			methods = []Method{Full} // each method would take seconds
		}
		for _, m := range methods {
			vectors := Both
			if n > 160 {
				vectors = None
			}
			r, err := Compute(ctx, dev, a, Options{Method: m, Vectors: vectors})
			if err != nil {
				t.Fatal(err)
			}
			worst := 0.0
			for i, σ := range r.S {
				worst = max(worst, math.Abs(float64(σ)-want[i])/want[0])
			}
			if worst > tol || worst*want[0] > r.Certificate.ErrorBound+device.Epsilon[T]()*want[0] {
				t.Errorf("n=%d, %s: off by %.3g·σ₁, certified %.3g", n, m, worst, r.Certificate.ErrorBound/want[0])
			}
			if p, err := NewSpectrum(r.S, n, n); err != nil || n == 512 && (math.Abs(p.Nuclear()-1377.3131684122) > 1377*tol || math.Abs(p.Spectral()-326.2677610454) > 326*tol+1e-10) {
				t.Errorf("n=512, %s: nuclear norm %.14g, σ₁ %.14g, %v", m, p.Nuclear(), p.Spectral(), err)
			}
		}
	}
}

// Residual ≤ 5e-14·σ₁, orthogonality ≤ 2e-14 and values to 1e-14·σ₁ in the
// spectral norm for every kind of spectrum and every method (float32: 2e-7,
// 1e-6 and 3e-7, tall a few times more). Dimension 1024 on OpenBLAS and GPUs for full, 160 for each
// method and for pure Go; the emulator has less.
func TestEverySpectrumByEveryMethod(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		n := size(dev, 160, 160)
		for _, m := range []Method{Full, Direct, Gram, Tall, Jacobi} {
			everySpectrum[float64](t, dev, n, m, 5e-14, 2e-14, 1e-14)
			if m == Tall { // its QR is float32
				everySpectrum[float32](t, dev, n, m, 1e-6, 3e-6, 3e-7)
			} else {
				everySpectrum[float32](t, dev, n, m, 2e-7, 1e-6, 3e-7)
			}
		}
		if large := size(dev, 1024, 160); large != n {
			everySpectrum[float64](t, dev, large, Full, 5e-14, 2e-14, 1e-14)
			everySpectrum[float32](t, dev, large, Full, 2e-7, 1e-6, 3e-7)
		}
	})
}

func everySpectrum[T device.Float](t *testing.T, dev device.Device, n int, m Method, residualTol, orthTol, valueTol float64) {
	low := logspace(n, 0, -1)
	clear(low[n/2:])
	cluster := logspace(n, -4, -4)
	cluster[0] = 1
	for name, s := range map[string][]float64{
		"gaussian": nil, "1e-2": logspace(n, 0, -2), "1e-4": logspace(n, 0, -4), "1e-6": logspace(n, 0, -6),
		"1e-10": logspace(n, 0, -10), "low rank": low, "cluster": cluster,
	} {
		if n > 512 && device.Epsilon[T]() > 1e-10 && name != "gaussian" && name != "1e-4" {
			continue // the same computation as in float64
		}
		a := normal[T](201, n, n)
		if s != nil {
			a = madeOn[T](t, dev, n, n, s)
		}
		r, err := Compute(ctx, dev, a, Options{Method: m})
		if err != nil {
			t.Fatal(err)
		}
		if residual, u, v := spectralErrors(t, dev, a, r); residual > residualTol || max(u, v) > orthTol {
			t.Errorf("n=%d, %s by %s (%s): residual %.3g, orthogonality %.3g and %.3g", n, name, m, r.Method, residual, u, v)
		}
		for i := range s {
			if d := math.Abs(float64(r.S[i])-s[i]) / s[0]; d > valueTol {
				t.Errorf("n=%d, %s by %s (%s): σ%d is off by %.3g", n, name, m, r.Method, i+1, d)
				break
			}
		}
	}
}

// Tall, 200,000×64 (3,000×32 on pure Go): condition 1e6 by products, 1e12 by
// reflections, both to working accuracy.
func TestTallIllConditioned(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		m, n := size(dev, 200000, 3000), size(dev, 64, 32)
		for decades, tol := range map[float64][2]float64{-6: {2e-14, 5e-14}, -12: {1e-13, 1e-13}} {
			a := madeOn[float64](t, dev, m, n, logspace(n, 0, decades))
			r, err := Compute(ctx, dev, a, Options{})
			if err != nil {
				t.Fatal(err)
			}
			if residual, u, v := spectralErrors(t, dev, a, r); r.Method != Tall || residual > tol[0] || max(u, v) > tol[1] {
				t.Errorf("%d×%d, condition 1e%g, by %s: residual %.3g, orthogonality %.3g and %.3g", m, n, -decades, r.Method, residual, u, v)
			}
		}
	})
}

// Rank 50 of 8,000×2,000 with σᵢ = 1/i for 400 values and 1e-4 behind them
// (rank 10 of 800×600 on pure Go): by default the error is within 1e-6 of the best, and the certificate
// holds. TestTopOfNoise does the same for 200 seeds on a small matrix.
func TestTopOfManyByDefault(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		m, n, k := size(dev, 8000, 800), size(dev, 2000, 600), size(dev, 50, 10)
		s, total, best := make([]float64, n), 0.0, 0.0
		for i := range s {
			s[i] = 1 / float64(i+1)
			if i >= n/5 {
				s[i] = 1e-4
			}
			total += s[i] * s[i]
			if i >= k {
				best += s[i] * s[i]
			}
		}
		a := madeOn[float64](t, dev, m, n, s)
		r, err := Compute(ctx, dev, a, Options{Rank: k})
		if err != nil {
			t.Fatal(err)
		}
		if r.Method != Randomized && n > 400 {
			t.Errorf("%d×%d, rank %d by %s", m, n, k, r.Method)
		}
		// ‖A - U·Uᵀ·A‖², with Uᵀ·A computed.
		q := dev.F64()
		defer q.Close()
		image := q.Alloc(k, n)
		q.Gemm(device.Transp, device.NoTrans, 1, device.Lend(q, r.U), device.Lend(q, a), 0, image)
		seen, err := scalar(q, func(out device.Matrix[float64]) { q.Reduce(device.SumSquares, device.Whole, image, out) })
		if err != nil {
			t.Fatal(err)
		}
		if excess := math.Sqrt((total-seen)/best) - 1; excess > 1e-6 {
			t.Errorf("%d×%d, rank %d: the error is %.3g above the best", m, n, k, excess)
		}
		if d := r.Certificate.Residual/math.Sqrt((total-seen)/total) - 1; math.Abs(d) > 1e-6 {
			t.Errorf("certified residual off by %.3g of itself", d)
		}
		for i, σ := range r.S {
			if d := nearest(s, σ); d > r.Certificate.ErrorBound+1e-13 {
				t.Errorf("σ%d off by %.3g, certified %.3g", i+1, d, r.Certificate.ErrorBound)
			}
		}
	})
}

// The ratios of LAPACK's test suite: ‖A - U·S·Vᵀ‖/(‖A‖·max(m,n)·eps),
// ‖UᵀU - I‖/(m·eps), ‖VᵀV - I‖/(n·eps), all below 10, and S in order, for every
// difficult matrix, type and method.
func TestLAPACKRatios(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		both(t, dev, testRatios[float64], testRatios[float32])
	})
}

func testRatios[T device.Float](t *testing.T, dev device.Device) {
	eps := device.Epsilon[T]()
	list := matrices.Difficult[T]()
	list["300×5"] = normal[T](231, 300, 5)
	list["5×300"] = normal[T](232, 5, 300)
	for name, a := range list {
		b, e := matrices.Unscaled(a)
		k := min(a.Rows, a.Cols)
		for _, o := range []Options{{Method: Full}, {Method: Direct}, {Method: Gram}, {Method: Tall}, {Method: Jacobi},
			{Method: Lanczos, Rank: k}, {Method: Randomized, Rank: max(1, k/8), PowerIterations: 1, Oversampling: 1}} {
			r, err := Compute(ctx, dev, a, o)
			if overflows[T](mat.Norm(device.ToMat(b), 2)*2, e) && err != nil {
				continue // σ₁ can be no number of the type; TestDifficultMatrices knows which
			}
			if err != nil {
				t.Errorf("%s by %s: %v", name, o.Method, err)
				continue
			}
			scaled := &Result[float64]{U: device.Convert[float64](r.U), Vt: device.Convert[float64](r.Vt), S: make([]float64, len(r.S))}
			for i, s := range r.S {
				scaled.S[i] = math.Ldexp(float64(s), -e)
				if s < 0 || i > 0 && s > r.S[i-1] {
					t.Errorf("%s by %s: σ%d = %v out of order", name, o.Method, i+1, s)
				}
			}
			residual, u, v := trueErrors(b, scaled)
			m, n := float64(a.Rows), float64(a.Cols)
			grain := math.Ldexp(matrices.Least[T](), -e) * math.Sqrt(float64(k)) // of denormal values
			if ratio := (residual - grain) / (max(m, n) * eps); len(r.S) == k && ratio > 10 {
				t.Errorf("%s by %s (%s): residual ratio %.3g", name, o.Method, r.Method, ratio)
			}
			if ru, rv := u/(max(m, n)*eps), v/(max(m, n)*eps); ru > 10 || rv > 10 {
				t.Errorf("%s by %s (%s): orthogonality ratios %.3g and %.3g", name, o.Method, r.Method, ru, rv)
			}
		}
	}
}

// Ten thousand random small matrices of either type (on the emulator fewer), by
// all methods in turn, have the singular values of gonum's SVD.
func TestTenThousandAgainstGonum(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		both(t, dev, testAgainstGonum[float64], testAgainstGonum[float32])
	})
}

func testAgainstGonum[T device.Float](t *testing.T, dev device.Device) {
	methods := []Method{Auto, Full, Direct, Gram, Tall, Jacobi}
	eps, scales := device.Epsilon[T](), 1000.0 // powers of two
	if eps > 1e-10 {
		scales = 120
	}
	draw := make([]float64, 6)
	for i := range devices.Size(dev, 10000, 100) {
		rng.Uniform(241, uint64(i), 0, draw)
		m, n := 1+int(10*draw[0]), 1+int(10*draw[1])
		a := normal[T](uint64(1000+i), m, n)
		for j, x := range a.Data {
			switch int(4 * draw[2]) {
			case 0: // scaled
				a.Data[j] = T(math.Ldexp(float64(x), int(scales*(draw[3]-0.5))))
			case 1: // many zeros
				if math.Abs(float64(x)) < 1 {
					a.Data[j] = 0
				}
			case 2: // integers, of low rank often
				a.Data[j] = T(math.Round(float64(x)))
			}
		}
		var ref mat.SVD
		if !ref.Factorize(device.ToMat(device.Convert[float64](a)), mat.SVDNone) {
			t.Fatal("no reference")
		}
		want := ref.Values(nil)
		o := Options{Method: methods[i%len(methods)], Vectors: []Vectors{Both, None, Left, Right}[i/len(methods)%4]}
		r, err := Compute(ctx, dev, a, o)
		if err != nil {
			t.Fatalf("case %d, %d×%d, %+v: %v", i, m, n, o, err)
		}
		// Backward stable methods, with the reference's own errors.
		limit := 30 * float64(max(m, n)) * eps * want[0]
		for j, s := range r.S {
			if d := math.Abs(float64(s) - want[j]); d > r.Certificate.ErrorBound+50*eps*want[0] || d > limit {
				t.Fatalf("case %d, %d×%d, %+v: σ%d = %v, gonum has %v, certified %.3g", i, m, n, o, j+1, s, want[j], r.Certificate.ErrorBound)
			}
		}
	}
}

// Of 2,000 truncated decompositions of random spectra by each method (on the
// emulator fewer), at most 1 in 1,000 misses the stated bound.
func TestTruncatedBoundsHold(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		runs := devices.Size(dev, 2000, 20)
		missed := map[string]int{}
		draw := make([]float64, 3)
		for i := range runs {
			seed := uint64(i)
			rng.Uniform(251, seed, 0, draw)
			s := logspace(20, 0, -4*draw[0]*draw[0])
			if draw[1] < 0.3 { // a gap, and a flat tail behind it
				for j := 4; j < len(s); j++ {
					s[j] = s[4] * draw[2]
				}
			}
			if i%50 == 0 {
				clear(s[10:])
			}
			a := withSpectrum[float64](uint64(260+i%20), 26, 20, s)
			tail := 0.0
			for _, x := range s[3:] {
				tail += x * x
			}
			r, err := Compute(ctx, dev, a, Options{Rank: 3, Method: Randomized, PowerIterations: 1, Oversampling: 2, Seed: seed})
			if err != nil {
				t.Fatal(err)
			}
			whole := tail + s[0]*s[0] + s[1]*s[1] + s[2]*s[2]
			for _, σ := range r.S {
				if nearest(s, σ) > r.Certificate.ErrorBound+1e-14 {
					missed["randomized"]++
				}
			}
			if r.Certificate.Residual < math.Sqrt(tail/whole)*(1-1e-9)-1e-9 { // none is better than the best
				missed["randomized, residual"]++
			}
			tol := 0.02 + 0.5*draw[1]
			r, err = Compute(ctx, dev, a, Options{Tol: tol, Seed: seed, Method: []Method{Full, Randomized}[i%2]})
			if err != nil {
				t.Fatal(err)
			}
			if residual, _, _ := trueErrors(a, r); residual*mat.Norm(device.ToMat(a), 2) > tol*math.Sqrt(whole)*(1+1e-10) {
				missed["tolerance"]++
			}
			r, err = Stream(ctx, dev, Rows(a), StreamOptions{Rank: 3, Passes: 1 + i%3, Oversampling: 2, Seed: seed})
			if err != nil {
				t.Fatal(err)
			}
			for j, σ := range r.S {
				if math.Abs(σ-s[j]) > r.Certificate.ErrorBound+1e-14 {
					missed[fmt.Sprintf("stream, %d passes", 1+i%3)]++
				}
			}
		}
		for name, n := range missed {
			if n*1000 > runs {
				t.Errorf("%s: %d of %d runs miss the bound", name, n, runs)
			}
		}
	})
}
