package polar

import (
	"context"
	"errors"
	"fmt"
	"math"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/rng"
	"github.com/ritz-go/ritz/tests/matrices"
)

var ctx = context.Background()

// sample is a matrix with its exact singular value decomposition, to float64.
type sample struct {
	a    *mat.Dense
	u, v *mat.Dense // m×s, n×s
	s    []float64
}

func withSpectrum(seed uint64, m, n int, s []float64) sample {
	ortho := func(stream uint64, r int) *mat.Dense {
		g := mat.NewDense(r, len(s), nil)
		rng.Normal(seed, stream, 0, g.RawMatrix().Data)
		var qr mat.QR
		var q mat.Dense
		qr.Factorize(g)
		qr.QTo(&q)
		return mat.DenseCopyOf(q.Slice(0, r, 0, len(s)))
	}
	x := sample{u: ortho(1, m), v: ortho(2, n), s: s, a: new(mat.Dense)}
	x.a = x.function(func(v float64) float64 { return v })
	return x
}

func gaussian(seed uint64, m, n int) sample {
	g := mat.NewDense(m, n, nil)
	rng.Normal(seed, 3, 0, g.RawMatrix().Data)
	var f mat.SVD
	f.Factorize(g, mat.SVDThin)
	x := sample{a: g, u: new(mat.Dense), v: new(mat.Dense), s: f.Values(nil)}
	f.UTo(x.u)
	f.VTo(x.v)
	return x
}

// function returns U·f(Σ)·Vᵀ.
func (x sample) function(f func(float64) float64) *mat.Dense {
	us := mat.DenseCopyOf(x.u)
	for j, v := range x.s {
		for i := range us.RawMatrix().Rows {
			us.Set(i, j, us.At(i, j)*f(v))
		}
	}
	var y mat.Dense
	y.Mul(us, x.v.T())
	return &y
}

func distance[T device.Float](q device.Dense[T], want *mat.Dense) float64 {
	var d mat.Dense
	d.Sub(device.ToMat(device.Convert[float64](q)), want)
	return mat.Norm(&d, 2)
}

var logspace = matrices.Logspace

var shapes = [][2]int{{64, 96}, {40, 40}, {90, 30}, {1, 5}, {5, 1}, {1, 1}}

// A fixed number of steps gives U·p(Σ/scale)·Vᵀ, for every scheme and shape.
func TestStepsActOnSingularValues(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		// Express multiplies rounding errors by up to its slope at 0, about
		// 1000: a few times 1000·eps·√64 = 1.8e-12 for float64.
		t.Run("f64", func(t *testing.T) { testSteps[float64](t, dev, 4e-12) })
		t.Run("f32", func(t *testing.T) { testSteps[float32](t, dev, 2e-4) })
	})
}

func testSteps[T device.Float](t *testing.T, dev device.Device, tol float64) {
	for _, shape := range shapes {
		x := gaussian(11, shape[0], shape[1])
		a := device.Convert[T](device.FromMat(x.a))
		for _, m := range []Method{Express, Muon, Cubic, Quintic} {
			r, err := Compute(ctx, dev, a, Options{Method: m, Steps: 5})
			if err != nil {
				t.Fatal(err)
			}
			if len(r.Steps) != 5 || r.Method != m {
				t.Fatalf("%s: %d steps of %s", m, len(r.Steps), r.Method)
			}
			if r.Scale < x.s[0]*(1-1e-6) {
				t.Errorf("%s %v: scale %v is below σ₁ = %v", m, shape, r.Scale, x.s[0])
			}
			if frobenius := mat.Norm(x.a, 2); m == Muon && math.Abs(r.Scale/frobenius-1) > 1e-6 {
				t.Errorf("muon divides by %v, not by the Frobenius norm %v", r.Scale, frobenius)
			}
			want := x.function(func(s float64) float64 { return Apply(r.Steps, s/r.Scale) })
			// The single singular value of a vector is scaled to 1, where
			// the derivative of the composed express steps is largest.
			allowed := tol
			if min(shape[0], shape[1]) == 1 {
				allowed *= 100
			}
			if d := distance(r.Q, want); d > allowed {
				t.Errorf("%s %v: off by %.3g", m, shape, d)
			}
		}
	}
}

// Muon takes steps in pairs for wide and tall matrices in float64: any number
// of steps does what the polynomials say, and the losses are those of the
// singular values. 260 rows are enough for products by panels.
func TestPairedSteps(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		for _, shape := range [][2]int{{30, 60}, {70, 20}, {260, 520}} {
			x := gaussian(12, shape[0], shape[1])
			for steps := 1; steps <= 6; steps++ {
				if shape[0] > 100 && steps != 5 {
					continue
				}
				a := device.FromMat(x.a).Clone()
				r, err := Compute(ctx, dev, a, Options{Method: Muon, Steps: steps})
				if err != nil {
					t.Fatal(err)
				}
				if len(r.Steps) != steps || len(r.Losses) != steps {
					t.Fatalf("%d steps and %d losses, want %d", len(r.Steps), len(r.Losses), steps)
				}
				// The slope at 0 is 3.44⁶ = 1700 at most: that many eps.
				const tol = 4e-12
				for k := 1; k <= steps; k++ {
					var sum float64
					for _, s := range x.s {
						z := Apply(r.Steps[:k], s/r.Scale)
						sum += (z*z - 1) * (z*z - 1)
					}
					got := loss(r.Q)
					if k < steps {
						got = r.Losses[k]
					}
					if d := math.Abs(got - math.Sqrt(sum)); d > tol {
						t.Errorf("%v, %d steps: loss after step %d is off by %.3g", shape, steps, k, d)
					}
				}
				want := x.function(func(s float64) float64 { return Apply(r.Steps, s/r.Scale) })
				if d := distance(r.Q, want); d > tol {
					t.Errorf("%v, %d steps: off by %.3g", shape, steps, d)
				}
			}
		}
	})
}

func TestConverges(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		t.Run("f64", func(t *testing.T) { testConverges[float64](t, dev) })
		t.Run("f32", func(t *testing.T) { testConverges[float32](t, dev) })
	})
}

func testConverges[T device.Float](t *testing.T, dev device.Device) {
	eps := device.Epsilon[T]()
	for _, shape := range [][2]int{{48, 80}, {40, 40}, {90, 30}} {
		s := min(shape[0], shape[1])
		for _, κ := range []float64{1, 2, 4} { // decimal digits of the condition number
			x := withSpectrum(uint64(κ), shape[0], shape[1], logspace(s, 0.5, 0.5-κ))
			a := device.Convert[T](device.FromMat(x.a))
			want := x.function(func(float64) float64 { return 1 })
			for _, m := range []Method{Auto, Express, Cubic, Quintic, SVD} {
				r, err := Compute(ctx, dev, a, Options{Method: m})
				if err != nil {
					t.Fatalf("%s κ=1e%v: %v", m, κ, err)
				}
				// Rounding the input to T moves the factor by κ·eps too.
				d := distance(r.Q, want)
				if input := 4 * eps * math.Pow(10, κ); d > r.Certificate.ErrorBound+input {
					t.Errorf("%s %v κ=1e%v: error %.3g, certified %.3g", m, shape, κ, d, r.Certificate.ErrorBound)
				}
				if limit := 1000 * eps * math.Pow(10, κ) * float64(s); r.Certificate.ErrorBound > limit {
					t.Errorf("%s %v κ=1e%v: error bound %.3g is useless (above %.3g)", m, shape, κ, r.Certificate.ErrorBound, limit)
				}
				label := fmt.Sprintf("%s %v κ=1e%v", m, shape, κ)
				checkLoss(t, label, r.Q, r.Certificate)
				if e := loss(r.Q); e > 8*float64(s)*eps {
					t.Errorf("%s: orthogonality %.3g", label, e)
				}
			}
		}
	}
}

// Singular values over three decades, errors in the spectral norm: eight
// steps of the published table, and fifteen of Taylor's.
func TestAccuracyOverThreeDecades(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		x := withSpectrum(5, 256, 384, logspace(256, 0, -3))
		want := x.function(func(float64) float64 { return 1 })
		check := func(name string, q *mat.Dense, bound, err, loss float64) {
			t.Helper()
			var d, g mat.Dense
			d.Sub(q, want)
			g.Mul(q, q.T())
			for i := range 256 {
				g.Set(i, i, g.At(i, i)-1)
			}
			if e := spectralNorm(&d); e > err || e > bound {
				t.Errorf("%s: polar error %.3g, allowed %.3g, certified %.3g", name, e, err, bound)
			}
			if e := spectralNorm(&g); e > loss {
				t.Errorf("%s: orthogonality %.3g, allowed %.3g", name, e, loss)
			}
		}
		a := device.FromMat(x.a)
		a32 := device.Convert[float32](a)
		r, err := Compute(ctx, dev, a, Options{Method: Express, Steps: 8})
		if err != nil {
			t.Fatal(err)
		}
		// The division by a bound of σ₁ puts the smallest singular values below
		// the 1e-3 that the table is made for.
		check("express f64", device.ToMat(r.Q), r.Certificate.ErrorBound, 1e-12, 1e-12)
		if r, err = Compute(ctx, dev, a, Options{Method: Quintic, Steps: 15}); err != nil {
			t.Fatal(err)
		}
		check("quintic f64", device.ToMat(r.Q), r.Certificate.ErrorBound, 1e-12, 2e-14)
		r32, err := Compute(ctx, dev, a32, Options{Method: Express, Steps: 8})
		if err != nil {
			t.Fatal(err)
		}
		check("express f32", device.ToMat(device.Convert[float64](r32.Q)), r32.Certificate.ErrorBound, 4e-4, 4e-6)
	})
}

func spectralNorm(a *mat.Dense) float64 {
	var f mat.SVD
	f.Factorize(a, mat.SVDNone)
	return f.Values(nil)[0]
}

func TestRankDeficient(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		s := logspace(20, 0, -1)
		clear(s[15:])
		x := withSpectrum(6, 20, 30, s)
		a := device.FromMat(x.a)
		r, err := Compute(ctx, dev, a, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if r.Method != SVD || r.Certificate.Orthogonality > 1e-13 || r.Certificate.ErrorBound < 1 {
			t.Errorf("auto: method %s, certificate %+v", r.Method, *r.Certificate)
		}
		var failed *device.NotConvergedError
		r, err = Compute(ctx, dev, a, Options{Method: Muon, Steps: 12})
		if err != nil || r.Certificate.ErrorBound < 1 {
			t.Errorf("muon: %v, certificate %+v", err, *r.Certificate)
		}
		// Exact zeros stay zero; what remains is the partial isometry. Null
		// directions hold rounding errors, which cubic steps only grow by 1.5.
		r, err = Compute(ctx, dev, a, Options{Method: Cubic, Steps: 20})
		if err != nil {
			t.Fatal(err)
		}
		want := x.function(func(v float64) float64 {
			if v == 0 {
				return 0
			}
			return 1
		})
		if d := distance(r.Q, want); d > 1e-10 {
			t.Errorf("partial isometry is off by %.3g", d)
		}
		zero, err := Compute(ctx, dev, device.NewDense[float64](4, 6), Options{})
		if err != nil || zero.Certificate.ErrorBound < 1 {
			t.Errorf("zero matrix: %v, %+v", err, zero)
		}
		for _, v := range zero.Q.Data {
			if v != 0 {
				t.Fatalf("zero matrix gives %v", v)
			}
		}
		// κ = 1e14 needs more steps than there are.
		r, err = Compute(ctx, dev, device.FromMat(withSpectrum(7, 20, 20, logspace(20, 0, -14)).a), Options{Method: Cubic, Tol: 1e-30})
		if !errors.As(err, &failed) || !errors.Is(err, device.ErrNotConverged) || r == nil || len(r.Q.Data) == 0 {
			t.Errorf("unreachable tolerance: %v", err)
		}
	})
}

func TestSymmetricFactor(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		x := gaussian(8, 30, 20)
		r, err := Compute(ctx, dev, device.FromMat(x.a), Options{H: true})
		if err != nil {
			t.Fatal(err)
		}
		var d mat.Dense
		d.Mul(device.ToMat(r.Q), device.ToMat(r.H))
		d.Sub(&d, x.a)
		if e := mat.Norm(&d, 2); e > 1e-12 {
			t.Errorf("‖A-QH‖ = %.3g", e)
		}
		var eig mat.EigenSym
		sym := mat.NewSymDense(20, nil)
		for i := range 20 {
			for j := range 20 {
				if r.H.At(i, j) != r.H.At(j, i) {
					t.Fatal("H is not symmetric")
				}
				sym.SetSym(i, j, r.H.At(i, j))
			}
		}
		eig.Factorize(sym, false)
		if least := eig.Values(nil)[0]; least < -1e-13 {
			t.Errorf("H has the eigenvalue %.3g", least)
		}
	})
}

func TestScaleAndPermutation(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		x := gaussian(9, 12, 17)
		a := device.FromMat(x.a)
		r, err := Compute(ctx, dev, a, Options{})
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range []int{1000, -1000, 1, 60} {
			b := a.Clone()
			for i := range b.Data {
				b.Data[i] = math.Ldexp(b.Data[i], e)
			}
			s, err := Compute(ctx, dev, b, Options{})
			if err != nil {
				t.Fatal(err)
			}
			if d := distance(s.Q, device.ToMat(r.Q)); d != 0 {
				t.Errorf("scaling by 2^%d changes the factor by %.3g", e, d)
			}
		}
		reversed := device.NewDense[float64](12, 17)
		for i := range 12 {
			copy(reversed.Row(i), a.Row(11-i))
		}
		s, err := Compute(ctx, dev, reversed, Options{})
		if err != nil {
			t.Fatal(err)
		}
		for i := range 12 {
			for j, v := range s.Q.Row(i) {
				if d := math.Abs(v - r.Q.At(11-i, j)); d > 1e-13 {
					t.Fatalf("permuted rows differ by %.3g", d)
				}
			}
		}
	})
}

func TestBatchEqualsSingle(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		var as []device.Dense[float32]
		for i, s := range [][2]int{{8, 12}, {8, 12}, {20, 9}, {8, 12}} {
			as = append(as, device.Convert[float32](device.FromMat(gaussian(uint64(i), s[0], s[1]).a)))
		}
		batch, err := ComputeBatch(ctx, dev, as, Options{Method: Muon})
		if err != nil || len(batch) != len(as) {
			t.Fatal(len(batch), err)
		}
		for i, a := range as {
			one, err := Compute(ctx, dev, a, Options{Method: Muon})
			if err != nil {
				t.Fatal(err)
			}
			for j, v := range one.Q.Data {
				if v != batch[i].Q.Data[j] {
					t.Fatalf("matrix %d: batched and single results differ", i)
				}
			}
		}
	})
}

func TestInPlace(t *testing.T) {
	dev := device.Go()
	q := dev.F64()
	defer q.Close()
	x := gaussian(10, 10, 14)
	a := q.Alloc(10, 14)
	q.Upload(a, device.FromMat(x.a))
	if _, err := Orthogonalize(ctx, q, a, a, Options{}); err != nil {
		t.Fatal(err)
	}
	got := device.NewDense[float64](10, 14)
	q.Download(got, a)
	if d := distance(got, x.function(func(float64) float64 { return 1 })); d > 1e-12 {
		t.Errorf("in place: off by %.3g", d)
	}
}

func TestBadInput(t *testing.T) {
	good := device.FromMat(gaussian(1, 4, 5).a)
	with := func(v float64) device.Dense[float64] {
		a := good.Clone()
		a.Set(2, 2, v)
		return a
	}
	for name, c := range map[string]struct {
		a    device.Dense[float64]
		o    Options
		want error
	}{
		"NaN":       {with(math.NaN()), Options{}, device.ErrNotFinite},
		"Inf":       {with(math.Inf(-1)), Options{}, device.ErrNotFinite},
		"empty":     {device.NewDense[float64](0, 3), Options{}, device.ErrEmpty},
		"shape":     {device.Dense[float64]{Rows: 2, Cols: 2, Stride: 1, Data: make([]float64, 4)}, Options{}, device.ErrShape},
		"method":    {good, Options{Method: "lanczos"}, device.ErrArgument},
		"steps":     {good, Options{Steps: -1}, device.ErrArgument},
		"tolerance": {good, Options{Tol: -1}, device.ErrArgument},
		"NaN tol":   {good, Options{Tol: math.NaN()}, device.ErrArgument},
		"lower":     {good, Options{Lower: 2}, device.ErrArgument},
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
}
