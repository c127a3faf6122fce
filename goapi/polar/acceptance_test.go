package polar

import (
	"math"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/ritz-go/ritz/goapi/device"
)

// boxMuller returns an m×n matrix of normal variates that any language
// reproduces: s ← 1664525·s + 1013904223 mod 2³², u = s/2³², and pairs of u
// by √(-2·log(1-u₁))·(cos 2πu₂, sin 2πu₂), row by row.
func boxMuller(seed uint32, m, n int) sample {
	next := func() float64 {
		seed = 1664525*seed + 1013904223
		return float64(seed) / (1 << 32)
	}
	v := make([]float64, m*n+1)
	for i := 0; i < m*n; i += 2 {
		r := math.Sqrt(-2 * math.Log(1-next()))
		sin, cos := math.Sincos(2 * math.Pi * next())
		v[i], v[i+1] = r*cos, r*sin
	}
	x := sample{a: mat.NewDense(m, n, v[:m*n]), u: new(mat.Dense), v: new(mat.Dense)}
	var f mat.SVD
	f.Factorize(x.a, mat.SVDThin)
	x.s = f.Values(nil)
	f.UTo(x.u)
	f.VTo(x.v)
	return x
}

// k steps on A give U·p(Σ/scale)·Vᵀ, p the composition of the scalar steps.
func TestStepsOfReproducibleMatrix(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		t.Run("f64", func(t *testing.T) { stepsOfReproducibleMatrix[float64](t, dev) })
		t.Run("f32", func(t *testing.T) { stepsOfReproducibleMatrix[float32](t, dev) })
	})
}

func stepsOfReproducibleMatrix[T device.Float](t *testing.T, dev device.Device) {
	for _, shape := range [][2]int{{64, 96}, {64, 64}, {96, 64}} {
		x := boxMuller(11, shape[0], shape[1])
		a := device.Convert[T](device.FromMat(x.a))
		for _, m := range []Method{Express, Muon, Cubic, Quintic} {
			r, err := Compute(ctx, dev, a, Options{Method: m, Form: Standard, Steps: 5})
			if err != nil {
				t.Fatal(err)
			}
			tol := 1e-12
			if device.Epsilon[T]() > 1e-10 {
				tol = 1e-5
				if m == Express {
					// Rounding A to float32 alone moves the smallest
					// singular values by eps·σ₁, and the steps multiply
					// them by the product of their slopes at 0, a thousand.
					tol = 2 * device.Epsilon[T]()
					for _, c := range r.Steps {
						tol *= c.A
					}
				}
			}
			want := x.function(func(s float64) float64 { return Apply(r.Steps, s/r.Scale) })
			if d := distance(r.Q, want); d > tol {
				t.Errorf("%v %s: off by %.3g, allowed %.3g", shape, m, d, tol)
			}
			if frobenius := mat.Norm(x.a, 2); m == Muon && math.Abs(r.Scale/frobenius-1) > 1e-6 {
				t.Errorf("muon divides by %v, not by the Frobenius norm %v", r.Scale, frobenius)
			}
		}
	}
}

// The largest |1-p(σ)| over [lower,1], to the digits given; 0 stands for
// rounding errors alone. The table of the Polar Express goes on with Taylor's
// step.
func TestDeviationTable(t *testing.T) {
	express, _, err := ExpressCoefficients(1e-3, 8, ExpressOptions{Cushion: 0.02407327424182761})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name  string
		first []Coefficients
		rest  Coefficients
		want  map[float64]map[int]float64 // lower, steps
	}{
		{"cubic", nil, Taylor3, map[float64]map[int]float64{
			.1: {5: .34, 8: 1.7e-3}, .01: {5: .92, 8: .75, 10: .47},
			1e-3: {5: .99, 8: .97, 10: .94, 12: .87}, 1e-4: {8: 1, 10: .99, 12: .99}}},
		{"quintic", nil, Taylor5, map[float64]map[int]float64{
			.1: {5: 4.2e-3, 8: 0}, .01: {5: .77, 8: .057, 10: 2e-10},
			1e-3: {5: .98, 8: .85, 10: .50, 12: .019}, 1e-4: {8: .99, 10: .95, 12: .81}}},
		{"muon", nil, MuonStep, map[float64]map[int]float64{
			.1: {5: .318, 8: .318}, .01: {5: .318, 8: .318, 10: .318},
			1e-3: {5: .529, 8: .318, 10: .318, 12: .318}, 1e-4: {8: .318, 10: .318, 12: .318}}},
		{"express", express, Taylor5, map[float64]map[int]float64{
			.1: {5: .124, 8: 0}, .01: {5: .124, 8: 0, 10: 0},
			1e-3: {5: .124, 8: 0}, 1e-4: {8: .39, 10: 3e-3, 12: 0}}},
	} {
		for lower, row := range c.want {
			for k, want := range row {
				steps := append([]Coefficients(nil), c.first[:min(k, len(c.first))]...)
				for len(steps) < k {
					steps = append(steps, c.rest)
				}
				worst := 0.0
				for i := range 100001 { // dense near the lower end
					x := math.Pow(lower, 1-float64(i)/100000)
					worst = max(worst, math.Abs(1-Apply(steps, x)))
				}
				switch {
				case want == 0:
					if worst > 1e-15 {
						t.Errorf("%s, %d steps on [%v,1]: %.3g", c.name, k, lower, worst)
					}
				// One unit of the second digit where the table has two.
				case math.Abs(worst/want-1) > 0.02 && !(want == 2e-10 || want == 3e-3) || math.Abs(worst/want-1) > 0.2:
					t.Errorf("%s, %d steps on [%v,1]: %.4g, want %.3g", c.name, k, lower, worst, want)
				}
			}
		}
	}
}

// Muon's step never settles: the interval between the value p at its local
// minimum and the image of that value maps into itself.
func TestMuonPlateau(t *testing.T) {
	p := MuonStep
	at := math.Sqrt((-3*p.B + math.Sqrt(9*p.B*p.B-20*p.A*p.C)) / (10 * p.C))
	lo := p.At(at)
	hi := p.At(lo)
	if math.Abs(lo-.68183) > 1e-5 || math.Abs(hi-1.13436) > 1e-5 {
		t.Errorf("the plateau is [%.6f,%.6f]", lo, hi)
	}
	least, most := math.Inf(1), 0.0
	for i := range 100001 {
		x := 1e-3 + (1-1e-3)*float64(i)/100000
		for range 12 {
			x = p.At(x)
		}
		least, most = min(least, x), max(most, x)
	}
	if least < lo-1e-14 || most > hi+1e-14 || least > lo+1e-3 || most < hi-1e-2 {
		t.Errorf("twelve steps reach [%.6f,%.6f] of [%.6f,%.6f]", least, most, lo, hi)
	}
}

// Singular values over three decades, with a lower bound for the table that
// allows for the division by a bound of σ₁, 1.23 times too large here.
func TestAccuracyWithTheRightLowerBound(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		x := withSpectrum(5, 256, 384, logspace(256, 0, -3))
		want := x.function(func(float64) float64 { return 1 })
		t.Run("f64", func(t *testing.T) {
			accuracy[float64](t, dev, x, want, Options{Method: Express, Steps: 8, Lower: 8e-4}, 5e-13, 1e-14)
			accuracy[float64](t, dev, x, want, Options{Method: Quintic, Steps: 15}, 1e-12, 1e-14)
		})
		t.Run("f32", func(t *testing.T) {
			accuracy[float32](t, dev, x, want, Options{Method: Express, Steps: 8, Lower: 8e-4}, 2e-4, 2e-6)
		})
	})
}

// accuracy checks the spectral norms of Q - UVᵀ and QQᵀ - I.
func accuracy[T device.Float](t *testing.T, dev device.Device, x sample, want *mat.Dense, o Options, err, loss float64) {
	t.Helper()
	r, failed := Compute(ctx, dev, device.Convert[T](device.FromMat(x.a)), o)
	if failed != nil {
		t.Fatal(failed)
	}
	q := device.ToMat(device.Convert[float64](r.Q))
	var d, g mat.Dense
	d.Sub(q, want)
	if e := spectralNorm(&d); e > err {
		t.Errorf("%s: polar error %.3g, allowed %.3g", o.Method, e, err)
	}
	g.Mul(q, q.T())
	for i := range g.RawMatrix().Rows {
		g.Set(i, i, g.At(i, i)-1)
	}
	if e := spectralNorm(&g); e > loss {
		t.Errorf("%s: orthogonality %.3g, allowed %.3g", o.Method, e, loss)
	}
}

// A batch is bit for bit what single calls give; columns of zeros stay zero
// and change nothing; the rows of the factor follow those of the matrix.
func TestBatchPaddingPermutation(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		t.Run("f64", func(t *testing.T) { batchPaddingPermutation[float64](t, dev) })
		t.Run("f32", func(t *testing.T) { batchPaddingPermutation[float32](t, dev) })
	})
}

func batchPaddingPermutation[T device.Float](t *testing.T, dev device.Device) {
	const m, n, pad = 24, 40, 17
	var as []device.Dense[T]
	for i := range 5 {
		as = append(as, device.Convert[T](device.FromMat(boxMuller(uint32(i), m, n).a)))
	}
	for _, o := range []Options{{Method: Muon}, {Method: Express}, {}, {Method: SVD}} {
		batch, err := ComputeBatch(ctx, dev, as, o)
		if err != nil {
			t.Fatal(err)
		}
		for i, a := range as {
			one, err := Compute(ctx, dev, a, o)
			if err != nil {
				t.Fatal(err)
			}
			if d := largestDifference(one.Q, batch[i].Q); d != 0 {
				t.Errorf("%s: matrix %d alone differs by %.3g", o.Method, i, d)
			}
		}
		a, q := as[0], batch[0].Q
		padded := device.NewDense[T](m, n+pad)
		reversed := device.NewDense[T](m, n)
		for i := range m {
			copy(padded.Row(i), a.Row(i))
			copy(reversed.Row(i), a.Row(m-1-i))
		}
		// Sums in another order, times the slopes of the steps at 0.
		tol := 1e4 * device.Epsilon[T]()
		r, err := Compute(ctx, dev, padded, o)
		if err != nil {
			t.Fatal(err)
		}
		if d := largestDifference(r.Q.Slice(0, m, 0, n), q); d > tol {
			t.Errorf("%s: padding changes the factor by %.3g", o.Method, d)
		}
		for i := range m {
			for j, v := range r.Q.Row(i)[n:] {
				if math.Abs(float64(v)) > 0 && o.Method != SVD || math.Abs(float64(v)) > tol {
					t.Fatalf("%s: element %d of the padding of row %d is %v", o.Method, j, i, v)
				}
			}
		}
		if r, err = Compute(ctx, dev, reversed, o); err != nil {
			t.Fatal(err)
		}
		for i := range m {
			if d := largestDifference(r.Q.Slice(i, i+1, 0, n), q.Slice(m-1-i, m-i, 0, n)); d > tol {
				t.Errorf("%s: row %d of the permuted matrix is off by %.3g", o.Method, i, d)
			}
		}
	}
}

func largestDifference[T device.Float](a, b device.Dense[T]) float64 {
	d := 0.0
	for i := range a.Rows {
		for j, v := range a.Row(i) {
			d = max(d, math.Abs(float64(v)-float64(b.At(i, j))))
		}
	}
	return d
}
