package polar

import (
	"context"
	"errors"
	"math"
	"math/big"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/tests/refusal"
)

// definite returns V·diag(λ)·Vᵀ and the function of it.
func definite(seed uint64, λ []float64) (a *mat.Dense, function func(f func(float64) float64) *mat.Dense) {
	x := withSpectrum(seed, len(λ), len(λ), λ)
	x.v = x.u
	function = x.function
	a = function(func(v float64) float64 { return v })
	for i := range len(λ) {
		for j := range i {
			a.Set(j, i, a.At(i, j))
		}
	}
	return a, function
}

func TestInverseRoots(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		t.Run("f64", func(t *testing.T) { testInverseRoots[float64](t, dev) })
		t.Run("f32", func(t *testing.T) { testInverseRoots[float32](t, dev) })
	})
}

func testInverseRoots[T device.Float](t *testing.T, dev device.Device) {
	eps := device.Epsilon[T]()
	for _, digits := range []float64{0, 1, 3} {
		for _, scale := range []float64{1, 1e-20, 1e15} {
			λ := logspace(30, 0, -digits)
			for i := range λ {
				λ[i] *= scale
			}
			a, function := definite(uint64(digits)+50, λ)
			for _, p := range []int{1, 2, 3, 4, 7} {
				if scale != 1 && p > 2 {
					continue
				}
				want := function(func(v float64) float64 { return math.Pow(v, -1/float64(p)) })
				for _, m := range []RootMethod{RootAuto, RootNewton, RootEigen} {
					r, err := InverseRoot(ctx, dev, device.Convert[T](device.FromMat(a)), RootOptions{P: p, Method: m})
					if err != nil {
						t.Fatalf("κ=1e%v p=%d %s: %v", digits, p, m, err)
					}
					norm := math.Pow(λ[len(λ)-1], -1/float64(p))
					input := 4 * eps * math.Pow(10, digits) // rounding A to T alone
					if eps < 1e-10 {
						input += 30 * eps // that of the eigenvectors that A is made of
					}
					if d := distance(r.X, want) / norm; d > r.ErrorBound+input || r.ErrorBound > 300*30*eps*math.Pow(10, digits) {
						t.Errorf("κ=1e%v scale %v p=%d %s: relative error %.3g, certified %.3g", digits, scale, p, m, d, r.ErrorBound)
					}
				}
			}
		}
	}
}

// residual returns ‖XᵖA - I‖_F, from products of 200 bits.
func residual[T device.Float](x, a device.Dense[T], p int) float64 {
	n := a.Rows
	number := func(v float64) *big.Float { return new(big.Float).SetPrec(200).SetFloat64(v) }
	w := make([][]*big.Float, n)
	for i := range w {
		for j := range n {
			w[i] = append(w[i], number(float64(a.At(max(i, j), min(i, j)))))
		}
	}
	term := number(0)
	for range p {
		next := make([][]*big.Float, n)
		for i := range next {
			for j := range n {
				sum := number(0)
				for k := range n {
					sum.Add(sum, term.Mul(number(float64(x.At(i, k))), w[k][j]))
				}
				next[i] = append(next[i], sum)
			}
		}
		w = next
	}
	square := 0.0
	for i := range n {
		w[i][i].Sub(w[i][i], number(1))
		for j := range n {
			v, _ := w[i][j].Float64()
			square += v * v
		}
	}
	return math.Sqrt(square)
}

// The stated residual is never below the true one of the matrix returned.
func TestRootResidualIsABound(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		t.Run("f64", func(t *testing.T) { rootResidual[float64](t, dev) })
		t.Run("f32", func(t *testing.T) { rootResidual[float32](t, dev) })
	})
}

func rootResidual[T device.Float](t *testing.T, dev device.Device) {
	for _, n := range []int{1, 2, 9, 24} {
		for _, digits := range []float64{0, 2, 4} {
			for _, scale := range []float64{1, 3e-9} {
				λ := logspace(n, 0, -digits)
				for i := range λ {
					λ[i] *= scale
				}
				m, _ := definite(uint64(70+n), λ)
				a := device.Convert[T](device.FromMat(m))
				for _, p := range []int{1, 2, 3, 6} {
					r, err := InverseRoot(ctx, dev, a, RootOptions{P: p})
					if err != nil {
						t.Fatalf("n=%d κ=1e%v p=%d: %v", n, digits, p, err)
					}
					is := residual(r.X, a, p)
					// What rounding may hide of products in float64.
					floor := 200 * float64(p) * float64(n) * 0x1p-52 * math.Pow(10, digits)
					if r.Residual < is || r.Residual > 1.01*is+floor {
						t.Errorf("n=%d κ=1e%v scale %g p=%d %s: residual %.4g, certified %.4g, floor %.2g", n, digits, scale, p, r.Method, is, r.Residual, floor)
					}
				}
			}
		}
	}
}

// A^(-1/4) of condition 1e4 against the eigenvalues, and the number of steps
// of the coupled iteration.
func TestInverseFourthRoot(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		a, function := definite(60, logspace(100, 0, -4))
		r, err := InverseRoot(ctx, dev, device.FromMat(a), RootOptions{P: 4, Method: RootNewton})
		if err != nil {
			t.Fatal(err)
		}
		want := function(func(v float64) float64 { return math.Pow(v, -0.25) })
		if d := distance(r.X, want) / 10; d > 1e-12 || r.ErrorBound < d || r.Iterations > 16 {
			t.Errorf("relative error %.3g, certified %.3g, %d steps", d, r.ErrorBound, r.Iterations)
		}
		for i := range 100 {
			for j := range i {
				if r.X.At(i, j) != r.X.At(j, i) {
					t.Fatal("the root is not symmetric")
				}
			}
		}
	})
}

func TestRidge(t *testing.T) {
	λ := logspace(20, 0, -2)
	λ[19] = 0
	a, function := definite(61, λ)
	if _, err := InverseRoot(ctx, device.Go(), device.FromMat(a), RootOptions{}); err != nil && !errors.Is(err, device.ErrNotPositiveDefinite) {
		t.Errorf("singular: %v", err)
	}
	r, err := InverseRoot(ctx, device.Go(), device.FromMat(a), RootOptions{P: 4, Ridge: 1e-4})
	if err != nil {
		t.Fatal(err)
	}
	if r.Scale < 1 || r.Scale > 1.5 {
		t.Errorf("the norm bound of a matrix of norm 1 is %v", r.Scale)
	}
	want := function(func(v float64) float64 { return math.Pow(v+1e-4*r.Scale, -0.25) })
	if d := distance(r.X, want) / 10; d > r.ErrorBound || d > 1e-10 {
		t.Errorf("relative error %.3g, certified %.3g", d, r.ErrorBound)
	}
}

func TestSign(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		t.Run("f64", func(t *testing.T) { testSign[float64](t, dev, 1e-11) })
		t.Run("f32", func(t *testing.T) { testSign[float32](t, dev, 3e-3) })
	})
}

func testSign[T device.Float](t *testing.T, dev device.Device, limit float64) {
	λ := logspace(30, 0, -3)
	for i := range λ {
		if i%3 == 0 {
			λ[i] = -λ[i]
		}
	}
	a, function := definite(62, λ)
	want := function(func(v float64) float64 { return math.Copysign(1, v) })
	eps := device.Epsilon[T]()
	for _, m := range []Method{Auto, QDWH, SVD, Quintic, Muon} {
		r, err := Sign(ctx, dev, device.Convert[T](device.FromMat(a)), Options{Method: m})
		if err != nil {
			t.Fatal(err)
		}
		var difference mat.Dense
		difference.Sub(device.ToMat(device.Convert[float64](r.Q)), want)
		// Rounding a to T alone turns the smallest eigenvectors.
		if d := spectralNorm(&difference); d > r.Certificate.ErrorBound+2e3*eps || d > limit && m != Muon {
			t.Errorf("%s: off by %.3g, certified %.3g", m, d, r.Certificate.ErrorBound)
		}
		if e, got := loss(r.Q), r.Certificate.Orthogonality; got < e || got > 1.1*e+120*eps {
			t.Errorf("%s: orthogonality %.3g, certified %.3g", m, e, got)
		}
		for i := range 30 {
			for j := range i {
				if r.Q.At(i, j) != r.Q.At(j, i) {
					t.Fatal("the sign is not symmetric")
				}
			}
		}
	}
}

func TestBadRootArguments(t *testing.T) {
	good := device.NewDense[float64](3, 3)
	for i := range 3 {
		good.Set(i, i, 2)
	}
	negative := good.Clone()
	negative.Set(1, 1, -1)
	nan := good.Clone()
	nan.Set(1, 0, math.NaN())
	for name, c := range map[string]struct {
		a    device.Dense[float64]
		o    RootOptions
		want error
	}{
		"good":         {good, RootOptions{}, nil},
		"empty":        {device.Dense[float64]{}, RootOptions{}, device.ErrEmpty},
		"not square":   {device.NewDense[float64](2, 3), RootOptions{}, device.ErrArgument},
		"NaN":          {nan, RootOptions{}, device.ErrNotFinite},
		"negative":     {negative, RootOptions{}, device.ErrNotPositiveDefinite},
		"zero":         {device.NewDense[float64](2, 2), RootOptions{}, device.ErrNotPositiveDefinite},
		"root":         {good, RootOptions{P: -1}, device.ErrArgument},
		"large root":   {good, RootOptions{P: 65}, device.ErrArgument},
		"ridge":        {good, RootOptions{Ridge: -1}, device.ErrArgument},
		"NaN ridge":    {good, RootOptions{Ridge: math.NaN()}, device.ErrArgument},
		"tolerance":    {good, RootOptions{Tol: math.Inf(1)}, device.ErrArgument},
		"method":       {good, RootOptions{Method: "svd"}, device.ErrArgument},
		"negative, by": {negative, RootOptions{Method: RootNewton}, device.ErrNotPositiveDefinite},
		"eigenvalues":  {negative, RootOptions{Method: RootEigen}, device.ErrNotPositiveDefinite},
	} {
		refuses(t, name, c.want, func() error { _, err := InverseRoot(ctx, device.Go(), c.a, c.o); return err })
	}
	refuses(t, "cancelled", context.Canceled, func() error {
		_, err := InverseRoot(refusal.After(0), device.Go(), good, RootOptions{})
		return err
	})
	for name, c := range map[string]struct {
		a device.Dense[float64]
		o Options
	}{"sign of a rectangle": {device.NewDense[float64](2, 3), Options{}}, "sign with H": {good, Options{H: true}}, "sign by turbo": {good, Options{Method: Turbo}}} {
		refuses(t, name, device.ErrArgument, func() error { _, err := Sign(ctx, device.Go(), c.a, c.o); return err })
	}
}
