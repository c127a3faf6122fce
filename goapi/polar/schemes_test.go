package polar

import (
	"errors"
	"math"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/rng"
	"github.com/ritz-go/ritz/tests/devices"
)

// The default table of Dion, digit by digit.
func TestDionReproducesPublishedTable(t *testing.T) {
	want := []Coefficients{
		{8.156554524902461, -22.48329292557795, 15.878769915207462},
		{4.042929935166739, -2.808917465908714, 0.5000178451051316},
		{3.8916678022926607, -2.772484153217685, 0.5060648178503393},
		{3.285753657755655, -2.3681294933425376, 0.46449024233003106},
		{2.3465413258596377, -1.7097828382687081, 0.42323551169305323},
	}
	for i, g := range DionSteps() {
		w := want[i]
		if d := math.Abs(g.A/w.A-1) + math.Abs(g.B/w.B-1) + math.Abs(g.C/w.C-1); d > 1e-12 {
			t.Errorf("step %d: %v, published %v", i+1, g, w)
		}
	}
}

// The closed form is the best cubic polynomial: it deviates by the same amount
// at both ends and at its maximum.
func TestCANSEquioscillates(t *testing.T) {
	for _, lower := range []float64{0.9, 0.1, 1e-3} {
		for n := 1; n <= 6; n++ {
			list, deviation, err := CANSCoefficients(lower, n)
			if err != nil {
				t.Fatal(err)
			}
			if d := Deviation(list, lower); math.Abs(d-deviation) > 1e-6*deviation+1e-14 {
				t.Errorf("lower %v, %d steps: deviation %.6g, stated %.6g", lower, n, d, deviation)
			}
		}
		p, _, _ := CANSCoefficients(lower, 1)
		top := math.Sqrt(-p[0].A / (3 * p[0].B))
		e := 1 - p[0].At(lower)
		if math.Abs(1-p[0].At(1)-e) > 1e-12 || math.Abs(p[0].At(top)-1-e) > 1e-12 {
			t.Errorf("lower %v: errors %.6g, %.6g, %.6g", lower, e, 1-p[0].At(1), p[0].At(top)-1)
		}
	}
	for _, lower := range []float64{0, -1, 2, math.NaN()} {
		if _, _, err := CANSCoefficients(lower, 3); !errors.Is(err, device.ErrArgument) {
			t.Errorf("lower %v: %v", lower, err)
		}
	}
	if _, _, err := CANSCoefficients(.1, 0); !errors.Is(err, device.ErrArgument) {
		t.Errorf("no steps: %v", err)
	}
}

// What the fixed schemes leave on an interval, to two digits.
func TestFixedSchemesOnAnInterval(t *testing.T) {
	for _, c := range []struct {
		o    Options
		want float64
	}{
		{Options{Method: You, Steps: 5, Lower: 0.1}, .0318},
		{Options{Method: You, Steps: 8, Lower: 0.1}, .0125},
		{Options{Method: You, Steps: 5, Lower: 1e-3}, .525},
		{Options{Method: You, Steps: 8, Lower: 1e-3}, .021},
		{Options{Method: You, Steps: 10, Lower: 1e-4}, .021},
		{Options{Method: Muon, Steps: 5, Lower: 0.1}, .318},
		{Options{Method: Express, Steps: 5, Lower: 1e-3}, .124},
	} {
		if d, err := DeviationOf(c.o); err != nil || math.Abs(d/c.want-1) > 0.03 {
			t.Errorf("%+v: %.4g, want %.3g (%v)", c.o, d, c.want, err)
		}
	}
}

// Every scheme with polynomial steps does what its polynomials say, in the
// standard form and in the Gram form, for all shapes.
func TestEverySchemeActsOnSingularValues(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		t.Run("f64", func(t *testing.T) { everyScheme[float64](t, dev) })
		t.Run("f32", func(t *testing.T) { everyScheme[float32](t, dev) })
	})
}

func everyScheme[T device.Float](t *testing.T, dev device.Device) {
	for i, shape := range [][2]int{{20, 50}, {24, 24}, {50, 20}, {1, 4}} {
		s := min(shape[0], shape[1])
		x := withSpectrum(uint64(70+i), shape[0], shape[1], logspace(s, 0.3, -0.7))
		a := device.Convert[T](device.FromMat(x.a))
		for _, m := range []Method{Express, Muon, You, Dion, CANS, Cubic, Quintic, Custom} {
			o := Options{Method: m, Steps: 5}
			if m == Custom {
				o.Coefficients = []Coefficients{{2, -1.5, 0.5}, {1.9, -1.3, 0.4}}
			}
			for _, f := range []Form{Standard, Gram, FormAuto} {
				o.Form = f
				r, err := Compute(ctx, dev, a, o)
				if err != nil {
					t.Fatalf("%s %s: %v", m, f, err)
				}
				want := x.function(func(v float64) float64 { return Apply(r.Steps, v/r.Scale) })
				// Rounding errors of the Gram matrix of a singular value σ
				// count by 1/σ² beside those of the steps.
				tol := 1e5 * device.Epsilon[T]()
				if d := distance(r.Q, want); d > tol {
					t.Errorf("%s %s %v: off by %.3g, allowed %.3g; restarts %v", m, f, shape, d, tol, r.Restarts)
				}
				if f == Standard && (r.Form != Standard || len(r.Restarts) > 0) || len(r.Steps) != 5 || r.Iterations != 5 {
					t.Errorf("%s %s: %d steps of form %s, restarts %v", m, f, len(r.Steps), r.Form, r.Restarts)
				}
			}
		}
	}
}

// Turbo-Muon is the polar factor of the matrix whose rows are scaled.
func TestTurboScalesRows(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		for _, shape := range [][2]int{{12, 30}, {30, 12}} {
			x := gaussian(80, shape[0], shape[1])
			small := x.a
			if shape[0] > shape[1] {
				small = mat.DenseCopyOf(x.a.T())
			}
			var g mat.Dense
			g.Mul(small, small.T())
			scaled := mat.DenseCopyOf(small)
			for i := range 12 {
				sum := 0.0
				for j := range 12 {
					sum += math.Abs(g.At(i, j))
				}
				for j := range 30 {
					scaled.Set(i, j, scaled.At(i, j)/math.Sqrt(sum))
				}
			}
			var f mat.SVD
			f.Factorize(scaled, mat.SVDThin)
			y := sample{u: new(mat.Dense), v: new(mat.Dense), s: f.Values(nil)}
			f.UTo(y.u)
			f.VTo(y.v)
			if y.s[0] > 1 {
				t.Fatalf("scaling leaves the norm %v", y.s[0])
			}
			r, err := Compute(ctx, dev, device.FromMat(x.a), Options{Method: Turbo})
			if err != nil {
				t.Fatal(err)
			}
			want := y.function(func(v float64) float64 { return Apply(TurboSteps, v) })
			if shape[0] > shape[1] {
				want = mat.DenseCopyOf(want.T())
			}
			if d := distance(r.Q, want); d > 1e-12 || len(r.Steps) != 4 {
				t.Errorf("%v: off by %.3g after %d steps", shape, d, len(r.Steps))
			}
		}
	})
}

// A PRISM step takes the coefficient with the least residual, and the
// iteration needs fewer steps than the classic ones.
func TestPrismFitsItsCoefficient(t *testing.T) {
	var inner [6][6]float64 // of one eigenvalue r: powers of r
	const r = 0.7
	for i := range inner {
		for j := range inner {
			inner[i][j] = math.Pow(r, float64(i+j))
		}
	}
	α := leastResidual(inner)
	g := 1 + r/2 + α*r*r
	if ρ := 1 - (1-r)*g*g; math.Abs(ρ) > 1e-6 {
		t.Errorf("α = %v leaves %.3g of the only eigenvalue", α, ρ)
	}
	onDevices(t, func(t *testing.T, dev device.Device) {
		a := device.NewDense[float64](64, 64)
		rng.Normal(81, 0, 0, a.Data)
		steps := map[Method]int{}
		for _, m := range []Method{Prism, Quintic, Cubic} {
			p, err := Compute(ctx, dev, a, Options{Method: m})
			if err != nil {
				t.Fatal(err)
			}
			steps[m] = p.Iterations
		}
		if !(steps[Prism] < steps[Quintic] && steps[Quintic] < steps[Cubic]) {
			t.Errorf("steps: %v", steps)
		}
	})
}

// The Gram form is the standard form to 1e-9 for Muon's five steps with a
// restart after the second.
func TestGramFormIsStandardForm(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		for _, shape := range [][2]int{{64, 96}, {96, 64}, {64, 64}} {
			a := device.FromMat(boxMuller(11, shape[0], shape[1]).a)
			want, err := Compute(ctx, dev, a, Options{Method: Muon, Form: Standard})
			if err != nil {
				t.Fatal(err)
			}
			for _, restarts := range [][]int{{2}, {1, 3}, {}} {
				r, err := Compute(ctx, dev, a, Options{Method: Muon, Form: Gram, Restarts: restarts})
				if err != nil {
					t.Fatal(err)
				}
				if d := distance(r.Q, device.ToMat(want.Q)); d > 1e-9 {
					t.Errorf("%v, restarts %v: off by %.3g", shape, restarts, d)
				}
				for k, loss := range r.Losses {
					if d := math.Abs(loss - want.Losses[k]); d > 1e-9 {
						t.Errorf("%v, restarts %v: loss before step %d is off by %.3g", shape, restarts, k+1, d)
					}
				}
			}
		}
	})
}

// Without restarts rounding errors of float32 would ruin eight steps of the
// Polar Express: that is refused, and chosen restarts keep the accuracy.
func TestGramFormRefusesRuin(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		x := withSpectrum(5, 48, 64, logspace(48, 0, -3))
		a := device.Convert[float32](device.FromMat(x.a))
		o := Options{Method: Express, Steps: 8, Form: Gram, Restarts: []int{}}
		if _, err := Compute(ctx, dev, a, o); !errors.Is(err, device.ErrArgument) {
			t.Errorf("no restart: %v", err)
		}
		if _, err := Compute(ctx, dev, device.Convert[float64](a), o); err != nil {
			t.Errorf("float64 is exact enough: %v", err)
		}
		for _, restarts := range [][]int{nil, {2, 4}} {
			o.Restarts = restarts
			r, err := Compute(ctx, dev, a, o)
			if err != nil {
				t.Fatal(err)
			}
			if d := distance(r.Q, x.function(func(float64) float64 { return 1 })); d > 5e-3 || d > r.Certificate.ErrorBound*math.Sqrt(48) {
				t.Errorf("restarts %v: off by %.3g, certified %.3g", r.Restarts, d, r.Certificate.ErrorBound)
			}
			if r.Form != Gram || len(r.Restarts) == 0 {
				t.Errorf("form %s, restarts %v", r.Form, r.Restarts)
			}
		}
	})
}

// QDWH for condition 1e14: at most six iterations, an orthogonal Q, and a
// symmetric positive semidefinite H with A = Q·H.
func TestQDWHOfCondition1e14(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		for _, shape := range [][2]int{{60, 60}, {80, 50}, {50, 80}} {
			n := min(shape[0], shape[1])
			x := withSpectrum(90, shape[0], shape[1], logspace(n, 0, -14))
			for _, m := range []Method{QDWH, Newton} {
				r, err := Compute(ctx, dev, device.FromMat(x.a), Options{Method: m, H: shape[0] >= shape[1]})
				if err != nil {
					t.Fatal(err)
				}
				if m == QDWH && r.Iterations > 6 || m == Newton && r.Iterations > 14 {
					t.Errorf("%s: %d iterations", m, r.Iterations)
				}
				if r.Method != m || r.Certificate.Orthogonality > 1e-13 {
					t.Errorf("%s: %s, orthogonality %.3g", m, r.Method, r.Certificate.Orthogonality)
				}
				if shape[0] < shape[1] {
					continue
				}
				var d mat.Dense
				d.Mul(device.ToMat(r.Q), device.ToMat(r.H))
				d.Sub(&d, x.a)
				limit := 6e-15
				if m == Newton { // an inverse of condition 1e14 was part of it
					limit = 3e-14
				}
				if e := mat.Norm(&d, 2); e > limit {
					t.Errorf("%s %v: ‖A-QH‖ = %.3g", m, shape, e)
				}
				sym := mat.NewSymDense(n, nil)
				for i := range n {
					for j := range i + 1 {
						sym.SetSym(i, j, r.H.At(i, j))
					}
				}
				var eig mat.EigenSym
				eig.Factorize(sym, false)
				if least := eig.Values(nil)[0]; least < -4e-15 {
					t.Errorf("%s: H has the eigenvalue %.3g", m, least)
				}
			}
		}
	})
}

// The operations that were counted are those of the formulas: 3·m²n + m³ for a
// step of the standard form, 3·m²n + 17·m³ for five steps of the Gram form, and
// 6·m²n + 14·m³ with one restart.
func TestOperationCounts(t *testing.T) {
	const m, n = 20, 50
	const square, cube = m * m * n, m * m * m
	a := device.FromMat(boxMuller(3, m, n).a)
	for _, c := range []struct {
		o    Options
		want float64
	}{
		{Options{Method: Muon, Form: Standard}, 15*square + 5*cube},
		{Options{Method: Muon, Form: Gram, Restarts: []int{}}, 3*square + 17*cube},
		{Options{Method: Muon, Form: Gram, Restarts: []int{2}}, 6*square + 14*cube},
		{Options{Method: Cubic, Steps: 4, Form: Standard}, 12 * square},
	} {
		r, err := Compute(ctx, device.Go(), a, c.o)
		if err != nil {
			t.Fatal(err)
		}
		// The Gram matrix of the result is for the certificate; a cubic
		// iteration squares the first one for a bound of the norm.
		got := r.Flops - square
		if c.o.Method == Cubic {
			got -= cube
		}
		if got != c.want {
			t.Errorf("%+v: %.0f operations, want %.0f", c.o, got, c.want)
		}
		if c.o.Method == Muon {
			if f := Cost(m, n, 5, c.o.Form, c.o.Restarts); f != c.want {
				t.Errorf("%+v: Cost is %.0f, want %.0f", c.o, f, c.want)
			}
		}
	}
}

// An error that is asked for is reached and certified, with the fewer
// operations the larger it is.
func TestErrorIsReached(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		for i, shape := range [][2]int{{30, 30}, {20, 80}, {80, 20}} {
			n := min(shape[0], shape[1])
			for _, κ := range []float64{2, 0.5, 4}[:devices.Size(dev, 3, 1)] {
				x := withSpectrum(uint64(300+i), shape[0], shape[1], logspace(n, 0, -κ))
				want := x.function(func(float64) float64 { return 1 })
				flops := map[float64]float64{}
				for _, e := range []float64{1e-10, 1e-6, 1e-2, 0.3} {
					for _, m := range []Method{Auto, Express, Quintic, CANS, Prism, Halley} {
						r, err := Compute(ctx, dev, device.FromMat(x.a), Options{Method: m, Error: e})
						if err != nil {
							t.Errorf("%s %v κ=1e%v error %v: %v", m, shape, κ, e, err)
							continue
						}
						var d mat.Dense
						d.Sub(device.ToMat(r.Q), want)
						if got := spectralNorm(&d); got > r.Certificate.ErrorBound || r.Certificate.ErrorBound > e {
							t.Errorf("%s %v κ=1e%v error %v: off by %.3g, certified %.3g", m, shape, κ, e, got, r.Certificate.ErrorBound)
						}
						if m == Auto {
							flops[e] = r.Flops
						}
					}
				}
				if flops[0.3] >= flops[1e-10] {
					t.Errorf("%v κ=1e%v: operations %v", shape, κ, flops)
				}
			}
		}
	})
}

// Matrices of a batch are worked on side by side; each result is that of the
// matrix alone, to the last bit, also where our own kernels for symmetric
// products take over.
func TestBatchSideBySide(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		t.Run("f64", func(t *testing.T) { batchSideBySide[float64](t, dev) })
		t.Run("f32", func(t *testing.T) { batchSideBySide[float32](t, dev) })
	})
}

func batchSideBySide[T device.Float](t *testing.T, dev device.Device) {
	shapes := [][2]int{{70, 100}, {130, 66}, {70, 100}, {10, 300}, {97, 97}, {70, 100}}
	var as []device.Dense[T]
	for i, s := range shapes[devices.Size(dev, 0, 3):] {
		a := device.NewDense[T](s[0], s[1])
		rng.Normal(uint64(i), 7, 0, a.Data)
		as = append(as, a)
	}
	for _, o := range []Options{{Method: Muon}, {Method: Muon, Form: Gram, Restarts: []int{2}}, {Error: 0.1}, {}} {
		batch, err := ComputeBatch(ctx, dev, as, o)
		if err != nil {
			t.Fatal(err)
		}
		for i, a := range as {
			one, err := Compute(ctx, dev, a, o)
			if err != nil {
				t.Fatal(err)
			}
			if d := largestDifference(one.Q, batch[i].Q); d != 0 || *one.Certificate != *batch[i].Certificate {
				t.Errorf("%+v: matrix %d alone differs by %.3g", o, i, d)
			}
		}
	}
}
