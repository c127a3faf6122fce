package svd

import (
	"context"
	"errors"
	"fmt"
	"math"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/tests/matrices"
)

var ctx = context.Background()

func normal[T device.Float](seed uint64, m, n int) device.Dense[T] {
	return matrices.Normal[T](seed, m, n)
}

func withSpectrum[T device.Float](seed uint64, m, n int, s []float64) device.Dense[T] {
	return matrices.WithSpectrum[T](seed, m, n, s)
}

var logspace = matrices.Logspace

// trueErrors computes in float64 what the certificate states.
func trueErrors[T device.Float](a device.Dense[T], r *Result[T]) (residual, orthU, orthV float64) {
	A, U, V := device.ToMat(device.Convert[float64](a)), device.ToMat(device.Convert[float64](r.U)), device.ToMat(device.Convert[float64](r.Vt))
	k := len(r.S)
	var us, usv, d mat.Dense
	us.CloneFrom(U)
	for j := range k {
		for i := range a.Rows {
			us.Set(i, j, us.At(i, j)*float64(r.S[j]))
		}
	}
	usv.Mul(&us, V)
	usv.Sub(A, &usv)
	residual = mat.Norm(&usv, 2) / max(mat.Norm(A, 2), math.SmallestNonzeroFloat64)
	gram := func(g mat.Matrix) float64 {
		d.Reset()
		d.CloneFrom(g)
		for i := range k {
			d.Set(i, i, d.At(i, i)-1)
		}
		return mat.Norm(&d, 2)
	}
	var g mat.Dense
	g.Mul(U.T(), U)
	orthU = gram(&g)
	g.Reset()
	g.Mul(V, V.T())
	return residual, orthU, gram(&g)
}

func both(t *testing.T, dev device.Device, f64 func(*testing.T, device.Device), f32 func(*testing.T, device.Device)) {
	t.Run("f64", func(t *testing.T) { f64(t, dev) })
	t.Run("f32", func(t *testing.T) { f32(t, dev) })
}

// The singular values of the lower triangle of ones are 1/(2 sin((2k-1)π/(4n+2))).
func TestTriangularOnes(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		both(t, dev, testTriangularOnes[float64], testTriangularOnes[float32])
	})
}

func testTriangularOnes[T device.Float](t *testing.T, dev device.Device) {
	for _, n := range []int{1, 2, 50, 200} {
		a := device.NewDense[T](n, n)
		for i := range n {
			for j := range i + 1 {
				a.Set(i, j, 1)
			}
		}
		for _, vectors := range []Vectors{Both, Left, Right, None} {
			r, err := Compute(ctx, dev, a, Options{Vectors: vectors})
			if err != nil {
				t.Fatal(err)
			}
			for k, s := range r.S {
				want := 1 / (2 * math.Sin(float64(2*k+1)*math.Pi/float64(4*n+2)))
				d := math.Abs(float64(s) - want)
				if d > 10*device.Epsilon[T]()*float64(r.S[0]) || d > r.Certificate.ErrorBound+2*device.Epsilon[T]()*want {
					t.Errorf("n=%d σ%d = %v, want %v; difference %.3g, certified %.3g", n, k+1, s, want, d, r.Certificate.ErrorBound)
				}
			}
		}
	}
}

var spectra = map[string]func(n int) []float64{
	"well conditioned": func(n int) []float64 { return logspace(n, 0, -1) },
	"κ=1e6":            func(n int) []float64 { return logspace(n, 0, -6) },
	"κ=1e14":           func(n int) []float64 { return logspace(n, 0, -14) },
	"cluster": func(n int) []float64 {
		s := make([]float64, n)
		for i := range s {
			s[i] = 1e-4
		}
		s[0] = 1
		return s
	},
	"half zero": func(n int) []float64 {
		s := logspace(n, 1, 0)
		clear(s[(n+1)/2:])
		return s
	},
	"huge": func(n int) []float64 { return logspace(n, 30, 28) },
	"tiny": func(n int) []float64 { return logspace(n, -28, -30) },
}

func TestSpectra(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		both(t, dev, testSpectra[float64], testSpectra[float32])
	})
}

func testSpectra[T device.Float](t *testing.T, dev device.Device) {
	eps := device.Epsilon[T]()
	for _, shape := range [][2]int{{40, 40}, {60, 50}, {200, 30}, {30, 200}, {50, 60}, {1, 7}, {7, 1}} {
		for name, spectrum := range spectra {
			k := min(shape[0], shape[1])
			s := spectrum(k)
			a := withSpectrum[T](7, shape[0], shape[1], s)
			r, err := Compute(ctx, dev, a, Options{})
			if err != nil {
				t.Fatalf("%v %s: %v", shape, name, err)
			}
			residual, orthU, orthV := trueErrors(a, r)
			c := r.Certificate
			// Measured errors are 5 to 15 eps; √n leaves room for the dimension.
			limit := 10 * eps * math.Sqrt(float64(max(shape[0], shape[1]))+10)
			if residual > limit || orthU > limit || orthV > limit {
				t.Errorf("%v %s: residual %.3g, orthogonality %.3g and %.3g, allowed %.3g", shape, name, residual, orthU, orthV, limit)
			}
			if c.OrthogonalityU < orthU/math.Sqrt(float64(k)) || c.OrthogonalityV < orthV/math.Sqrt(float64(k)) {
				t.Errorf("%v %s: certified orthogonality %.3g, %.3g is below the true %.3g, %.3g (Frobenius)", shape, name, c.OrthogonalityU, c.OrthogonalityV, orthU, orthV)
			}
			// The probe itself rounds: a few eps.
			if c.Residual > 10*residual+4*eps || c.Residual < residual/10-4*eps {
				t.Errorf("%v %s: certified residual %.3g, true %.3g", shape, name, c.Residual, residual)
			}
			for i, got := range r.S {
				// Making the matrix rounded it to T.
				if d := math.Abs(float64(got) - s[i]); d > c.ErrorBound+2*eps*s[0]*math.Sqrt(float64(k)) {
					t.Errorf("%v %s: σ%d is off by %.3g, certified %.3g", shape, name, i+1, d, c.ErrorBound)
				}
			}
			// As tight as the singular values deserve: within 1000·√n·eps of σ₁.
			if c.ErrorBound > 100*limit*s[0] {
				t.Errorf("%v %s: error bound %.3g is useless", shape, name, c.ErrorBound)
			}
		}
	}
}

// Values of many independent matrices against gonum's decomposition: the
// error bound must hold for every seed.
func TestErrorBoundHolds(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		for seed := range uint64(100) {
			a := normal[float32](seed, 25, 20)
			r, err := Compute(ctx, dev, a, Options{Seed: seed})
			if err != nil {
				t.Fatal(err)
			}
			var ref mat.SVD
			ref.Factorize(device.ToMat(device.Convert[float64](a)), mat.SVDNone)
			worst := 0.0
			for i, want := range ref.Values(nil) {
				worst = max(worst, math.Abs(float64(r.S[i])-want))
			}
			if worst > r.Certificate.ErrorBound {
				t.Errorf("seed %d: values are off by %.3g, certified %.3g", seed, worst, r.Certificate.ErrorBound)
			}
		}
	})
}

func TestRandomized(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		both(t, dev, testRandomized[float64], testRandomized[float32])
	})
}

func testRandomized[T device.Float](t *testing.T, dev device.Device) {
	const k, rank = 200, 15
	s := make([]float64, k)
	for i := range s {
		s[i] = 1 / float64(i+1)
	}
	eps := device.Epsilon[T]()
	for _, shape := range [][2]int{{400, 300}, {300, 400}, {2000, 200}} {
		a := withSpectrum[T](3, shape[0], shape[1], s)
		tail := 0.0
		for _, x := range s[rank:] {
			tail += x * x
		}
		whole := 0.0
		for _, x := range s {
			whole += x * x
		}
		best := math.Sqrt(tail / whole)
		for seed := range uint64(2) {
			r, err := Compute(ctx, dev, a, Options{Rank: rank, Method: Randomized, Seed: seed, PowerIterations: 3})
			if err != nil {
				t.Fatal(err)
			}
			if r.Method != Randomized || r.U.Cols != rank || r.Vt.Rows != rank || len(r.S) != rank {
				t.Fatalf("%v: method %s, %d values, U has %d columns", shape, r.Method, len(r.S), r.U.Cols)
			}
			residual, orthU, orthV := trueErrors(a, r)
			if residual/best-1 > 1e-5+20*eps {
				t.Errorf("%v seed %d: error is %.8f of the best", shape, seed, residual/best)
			}
			if limit := 10 * eps * math.Sqrt(float64(shape[0]+shape[1])); orthU > limit || orthV > limit {
				t.Errorf("%v: orthogonality %.3g, %.3g", shape, orthU, orthV)
			}
			if d := math.Abs(r.Certificate.Residual/residual - 1); d > 1e-6+1e4*eps {
				t.Errorf("%v: certified residual %.8g, true %.8g", shape, r.Certificate.Residual, residual)
			}
			for i, x := range r.S {
				if d := math.Abs(float64(x) - s[i]); d > r.Certificate.ErrorBound+20*eps {
					t.Errorf("%v: σ%d is off by %.3g, certified %.3g", shape, i+1, d, r.Certificate.ErrorBound)
				}
			}
			if r.Certificate.ErrorBound > 0.02 {
				t.Errorf("%v: error bound %.3g is useless", shape, r.Certificate.ErrorBound)
			}
		}
	}
	// A matrix of the requested rank is found exactly.
	a := withSpectrum[T](5, 300, 250, logspace(6, 0, -1))
	r, err := Compute(ctx, dev, a, Options{Rank: 6, Method: Randomized})
	if err != nil {
		t.Fatal(err)
	}
	if r.Certificate.Residual > 100*eps || r.Certificate.ErrorBound > 1000*eps {
		t.Errorf("exact rank: certificate %+v", r.Certificate)
	}
}

func TestChoice(t *testing.T) {
	for _, c := range []struct {
		m, n int
		o    Options
		want Method
	}{
		{1000, 1000, Options{}, Full},
		{1000, 1000, Options{Rank: 10}, Randomized},
		{1000, 1000, Options{Rank: 100}, Full},
		{10000, 784, Options{Rank: 30}, Randomized},
		{20, 20, Options{Rank: 2, Method: Randomized}, Full},
		{1000, 1000, Options{Rank: 10, Method: Full}, Full},
	} {
		o, err := c.o.complete(c.m, c.n)
		if err != nil || o.Method != c.want {
			t.Errorf("%d×%d %+v: %s, %v; want %s", c.m, c.n, c.o, o.Method, err, c.want)
		}
	}
}

// The route over Gram matrices, which only larger matrices take, on spectra
// with few and with many small singular values.
func TestGramRoute(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		q := dev.F64()
		defer q.Close()
		const n = 120
		few := logspace(n, 0, -1)
		for i, v := range []float64{1e-3, 1e-5, 1e-5, 1e-9, 1e-13, 0, 0} {
			few[n-7+i] = v
		}
		for name, s := range map[string][]float64{"few small": few, "flat": logspace(n, 0, 0), "decaying": logspace(n, 0, -12), "two decades": logspace(n, 0, -2)} {
			for _, m := range []int{n, 150} {
				x := withSpectrum[float64](21, m, n, s)
				a := q.Alloc(m, n)
				q.Upload(a, x)
				r, err := Compute(ctx, dev, x, Options{})
				if err != nil {
					t.Fatal(err)
				}
				residual, orthU, orthV := trueErrors(x, r)
				if residual > 2e-14 || orthU > 1e-13 || orthV > 1e-13 {
					t.Errorf("%s, m=%d: residual %.3g, orthogonality %.3g and %.3g", name, m, residual, orthU, orthV)
				}
				for i, v := range s {
					if d := math.Abs(r.S[i] - v); d > 1e-14*math.Sqrt(n) || d > r.Certificate.ErrorBound+1e-15*math.Sqrt(n) {
						t.Errorf("%s, m=%d: σ%d is off by %.3g, certified %.3g", name, m, i+1, d, r.Certificate.ErrorBound)
					}
				}
				// And by name, whatever suitsGram thinks of it.
				u, values, vt := q.Alloc(m, n), q.Alloc(1, n), q.Alloc(n, n)
				ok, err := decomposeGram(ctx, q, gramHead, gramLimitless, a, u, values, vt)
				if err != nil || !ok && name != "decaying" {
					t.Fatalf("%s: %v, %v", name, ok, err)
				}
				if !ok {
					continue
				}
				g := &Result[float64]{U: device.NewDense[float64](m, n), S: make([]float64, n), Vt: device.NewDense[float64](n, n)}
				q.Download(g.U, u)
				q.Download(device.Vector(g.S), values)
				q.Download(g.Vt, vt)
				residual, orthU, orthV = trueErrors(x, g)
				if residual > 2e-14 || orthU > 1e-13 || orthV > 1e-13 {
					t.Errorf("%s, m=%d, Gram: residual %.3g, orthogonality %.3g and %.3g", name, m, residual, orthU, orthV)
				}
				suits, err := suitsGram(q, a)
				if want := name == "flat" || name == "few small"; err != nil || suits != want {
					t.Errorf("%s: suitable %v, %v", name, suits, err)
				}
			}
		}
	})
}

func TestTruncatedFull(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		s := logspace(20, 0, -3)
		a := withSpectrum[float64](9, 40, 20, s)
		r, err := Compute(ctx, dev, a, Options{Rank: 4, Method: Full})
		if err != nil {
			t.Fatal(err)
		}
		residual, _, _ := trueErrors(a, r)
		if len(r.S) != 4 || r.U.Cols != 4 || r.Vt.Rows != 4 {
			t.Fatalf("shapes %d, %d, %d", len(r.S), r.U.Cols, r.Vt.Rows)
		}
		if c := r.Certificate; c.Residual < residual/3 || c.Residual > 3*residual || c.ErrorBound > 1e-12 {
			t.Errorf("certificate %+v, true residual %.3g", c, residual)
		}
	})
}

func TestTransposeScalingSigns(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		a := normal[float64](11, 30, 18)
		r, err := Compute(ctx, dev, a, Options{})
		if err != nil {
			t.Fatal(err)
		}
		for i := range r.Vt.Rows {
			largest := 0.0
			for _, v := range r.Vt.Row(i) {
				if math.Abs(v) > math.Abs(largest) {
					largest = v
				}
			}
			if largest < 0 {
				t.Errorf("row %d of Vt has the largest entry %v", i, largest)
			}
		}
		rt, err := Compute(ctx, dev, a.T(), Options{})
		if err != nil {
			t.Fatal(err)
		}
		for i, s := range r.S {
			if d := math.Abs(rt.S[i] - s); d > 50*0x1p-52*r.S[0] {
				t.Errorf("σ%d of the transpose differs by %.3g", i, d)
			}
		}
		for _, e := range []int{900, -900, 300, -340} {
			b := a.Clone()
			for i := range b.Data {
				b.Data[i] = math.Ldexp(b.Data[i], e)
			}
			rb, err := Compute(ctx, dev, b, Options{})
			if err != nil {
				t.Fatal(err)
			}
			for i, s := range r.S {
				if d := math.Abs(math.Ldexp(rb.S[i], -e) - s); d > 50*0x1p-52*r.S[0] {
					t.Errorf("scaled by 2^%d: σ%d differs by %.3g", e, i, d)
				}
			}
			if d := math.Ldexp(rb.Certificate.ErrorBound, -e); !(d < 1e-11) {
				t.Errorf("scaled by 2^%d: error bound %.3g of the original scale", e, d)
			}
		}
		zero, err := Compute(ctx, dev, device.NewDense[float64](5, 3), Options{})
		if err != nil || zero.S[0] != 0 || zero.Certificate.ErrorBound != 0 {
			t.Errorf("zero matrix: %v, %+v", err, zero)
		}
	})
}

func TestStridedInputIsLeftAlone(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		frame := normal[float64](13, 12, 15)
		before := frame.Clone()
		view := frame.Slice(1, 11, 2, 10)
		r1, err := Compute(ctx, dev, view, Options{})
		if err != nil {
			t.Fatal(err)
		}
		r2, err := Compute(ctx, dev, view.Clone(), Options{})
		if err != nil {
			t.Fatal(err)
		}
		for i := range r1.S {
			if r1.S[i] != r2.S[i] {
				t.Errorf("σ%d: %v from a view, %v from a copy", i, r1.S[i], r2.S[i])
			}
		}
		for i := range frame.Data {
			if frame.Data[i] != before.Data[i] {
				t.Fatal("the input was changed")
			}
		}
	})
}

func TestBadInput(t *testing.T) {
	good := normal[float64](1, 6, 5)
	with := func(v float64) device.Dense[float64] {
		a := good.Clone()
		a.Set(3, 2, v)
		return a
	}
	for name, c := range map[string]struct {
		a    device.Dense[float64]
		o    Options
		want error
	}{
		"NaN":          {with(math.NaN()), Options{}, device.ErrNotFinite},
		"+Inf":         {with(math.Inf(1)), Options{}, device.ErrNotFinite},
		"empty":        {device.NewDense[float64](0, 5), Options{}, device.ErrEmpty},
		"no columns":   {device.NewDense[float64](5, 0), Options{}, device.ErrEmpty},
		"short":        {device.Dense[float64]{Rows: 3, Cols: 3, Stride: 3, Data: make([]float64, 8)}, Options{}, device.ErrShape},
		"stride":       {device.Dense[float64]{Rows: 3, Cols: 3, Stride: 2, Data: make([]float64, 9)}, Options{}, device.ErrShape},
		"negative":     {device.Dense[float64]{Rows: -3, Cols: 3, Stride: 3}, Options{}, device.ErrShape},
		"rank":         {good, Options{Rank: 6}, device.ErrArgument},
		"rank < 0":     {good, Options{Rank: -1}, device.ErrArgument},
		"method":       {good, Options{Method: "svds"}, device.ErrArgument},
		"oversampling": {good, Options{Oversampling: -1}, device.ErrArgument},
		"power":        {good, Options{PowerIterations: -1}, device.ErrArgument},
	} {
		if _, err := Compute(ctx, device.Go(), c.a, c.o); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := Compute(cancelled, device.Go(), good, Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	dev := device.Go()
	dev.Close()
	if _, err := Compute(ctx, dev, good, Options{}); !errors.Is(err, device.ErrClosed) {
		t.Errorf("closed device: %v", err)
	}
}

func BenchmarkSVD(b *testing.B) {
	onEvery(b, func(b *testing.B, dev device.Device) {
		for _, c := range []struct {
			m, n int
			o    Options
		}{{512, 512, Options{}}, {1024, 1024, Options{}}, {10000, 500, Options{}}, {8000, 2000, Options{Rank: 50}}} {
			if dev.Info().Name == "go" && c.m > 512 {
				continue // minutes
			}
			a := normal[float64](1, c.m, c.n)
			b.Run(fmt.Sprintf("f64/%dx%d/rank%d", c.m, c.n, c.o.Rank), func(b *testing.B) {
				for b.Loop() {
					if _, err := Compute(ctx, dev, a, c.o); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	})
}
