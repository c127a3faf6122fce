package spectrum

import (
	"context"
	"errors"
	"math"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/rng"
)

// Relative root mean square errors over 40 seeds for n = 1024: the better
// methods must be better, and all of them near what the literature's
// implementations reach.
func TestTraceErrors(t *testing.T) {
	const n, repeats = 1024, 40
	geometric, algebraic, flat := make([]float64, n), make([]float64, n), make([]float64, n)
	for i := range n {
		geometric[i] = math.Pow(0.9, float64(i))
		algebraic[i] = 1 / float64((i+1)*(i+1))
		flat[i] = 1 + 2*float64(i)/(n-1)
	}
	// The eigenvectors are those of a Walsh-Hadamard transform with random
	// signs: for a diagonal operator Rademacher probes would be exact.
	signs := make([]float64, n)
	rng.Rademacher(99, 0, 0, signs)
	hadamard := func(x []float64) {
		for step := 1; step < n; step *= 2 {
			for i := 0; i < n; i += 2 * step {
				for j := i; j < i+step; j++ {
					a, b := x[j], x[j+step]
					x[j], x[j+step] = (a+b)/math.Sqrt2, (a-b)/math.Sqrt2
				}
			}
		}
	}
	rotate := func(d []float64) Operator[float64] {
		return Func(n, func(_ context.Context, dst, src []float64) error {
			for i, v := range src {
				dst[i] = signs[i] * v
			}
			hadamard(dst)
			for i := range dst {
				dst[i] *= d[i]
			}
			hadamard(dst)
			for i := range dst {
				dst[i] *= signs[i]
			}
			return nil
		})
	}
	rms := func(d []float64, m TraceMethod, budget int) float64 {
		want := 0.0
		for _, v := range d {
			want += v
		}
		square := 0.0
		for seed := range uint64(repeats) {
			e, err := Trace(ctx, device.Go(), rotate(d), TraceOptions{Method: m, Budget: budget, Seed: seed})
			if err != nil {
				t.Fatal(err)
			}
			if e.Products > budget {
				t.Errorf("%s used %d products of %d", m, e.Products, budget)
			}
			square += (e.Value/want - 1) * (e.Value/want - 1)
		}
		return math.Sqrt(square / repeats)
	}
	for _, c := range []struct {
		name   string
		d      []float64
		limits map[TraceMethod]float64 // twice the errors reported for budget 60
	}{
		{"0.9^i", geometric, map[TraceMethod]float64{Hutchinson: .084, HutchPP: .03, XTrace: .0138, XNysTrace: .0032}},
		{"1/i²", algebraic, map[TraceMethod]float64{Hutchinson: .22, HutchPP: .0042, XTrace: .0016, XNysTrace: .002}},
		{"flat", flat, map[TraceMethod]float64{Hutchinson: .01, HutchPP: .01, XTrace: .01, XNysTrace: .01}},
	} {
		errs := map[TraceMethod]float64{}
		for m, limit := range c.limits {
			errs[m] = rms(c.d, m, 60)
			if errs[m] > limit {
				t.Errorf("%s, %s: relative error %.3g, allowed %.3g", c.name, m, errs[m], limit)
			}
		}
		if c.name == "0.9^i" && !(errs[XNysTrace] < errs[XTrace] && errs[XTrace] < errs[HutchPP] && errs[HutchPP] < errs[Hutchinson]) {
			t.Errorf("%s: order of errors %v", c.name, errs)
		}
	}

	// Stated standard errors must be honest: the mean square of
	// (estimate - trace)/StdErr over 200 runs is near 1.
	// The samples of XTrace share products, so that for quickly decaying
	// eigenvalues the stated error is up to 1.6 times too small.
	for name, d := range map[string][]float64{"0.9^i": geometric, "1/i²": algebraic, "flat": flat} {
		want := 0.0
		for _, v := range d {
			want += v
		}
		z := 0.0
		for seed := range uint64(200) {
			e, err := Trace(ctx, device.Go(), rotate(d), TraceOptions{Budget: 60, Seed: 1000 + seed})
			if err != nil {
				t.Fatal(err)
			}
			z += math.Pow((e.Value-want)/e.StdErr, 2) / 200
		}
		t.Logf("%s: z-scores have standard deviation %.3f", name, math.Sqrt(z))
		if z = math.Sqrt(z); z < 0.85 || z > 1.7 {
			t.Errorf("XTrace, %s: z-scores have standard deviation %.3g", name, z)
		}
	}
}

// XTrace and XNysTrace against their definitions: for each probe, the trace
// of the approximation from the other probes plus the estimate of the rest
// from this one.
func TestLeaveOneOutDefinitions(t *testing.T) {
	const n, k = 40, 6
	h := mat.NewSymDense(n, nil)
	for i := range n {
		for j := i; j < n; j++ {
			x := 0.0
			for l := range n { // positive definite, decaying
				x += math.Pow(0.7, float64(l)) * math.Cos(float64((i+1)*(l+1))) * math.Cos(float64((j+1)*(l+1)))
			}
			h.SetSym(i, j, x)
		}
	}
	op := Func(n, func(_ context.Context, dst, src []float64) error {
		var y mat.VecDense
		y.MulVec(h, mat.NewVecDense(n, src))
		copy(dst, y.RawVector().Data)
		return nil
	})
	for _, m := range []TraceMethod{XTrace, XNysTrace} {
		budget := k
		if m == XTrace {
			budget = 2 * k
		}
		got, err := Trace(ctx, device.Go(), op, TraceOptions{Method: m, Budget: budget, Seed: 4})
		if err != nil {
			t.Fatal(err)
		}
		q := device.Go().F64()
		tr := &tracer[float64]{ctx: ctx, q: q, op: op, n: n, seed: 4}
		rows, err := tr.sphere(k)
		if err != nil {
			t.Fatal(err)
		}
		ω, err := tr.host(rows)
		if err != nil {
			t.Fatal(err)
		}
		mean := 0.0
		for i := range k {
			others := mat.NewDense(n, k-1, nil)
			for j, c := 0, 0; j < k; j++ {
				if j != i {
					others.SetCol(c, ω.RawRowView(j))
					c++
				}
			}
			var y mat.Dense
			y.Mul(h, others)
			var rest mat.Dense // H - Ĥ, or (I-QQᵀ)H(I-QQᵀ)
			known := 0.0
			basis := func(x *mat.Dense) *mat.Dense {
				var f mat.QR
				var full mat.Dense
				f.Factorize(x)
				f.QTo(&full)
				return mat.DenseCopyOf(full.Slice(0, n, 0, k-1))
			}
			// The probe's part outside the span of the others, rescaled to
			// the norm that the sphere has in the remaining dimensions.
			var outside *mat.Dense
			if m == XTrace {
				b := basis(&y)
				var p mat.Dense
				p.Mul(b, b.T())
				for j := range n {
					for l := range n {
						x := -p.At(j, l)
						if j == l {
							x++
						}
						p.Set(j, l, x)
					}
				}
				rest.Product(&p, h, &p)
				known = mat.Trace(h) - mat.Trace(&rest)
				outside = &p
			} else {
				var core, inverse, nys mat.Dense
				core.Mul(others.T(), &y)
				if err := inverse.Inverse(&core); err != nil {
					t.Fatal(err)
				}
				nys.Product(&y, &inverse, y.T())
				rest.Sub(h, &nys)
				known = mat.Trace(&nys)
				b := basis(others)
				var p mat.Dense
				p.Mul(b, b.T())
				for j := range n {
					for l := range n {
						x := -p.At(j, l)
						if j == l {
							x++
						}
						p.Set(j, l, x)
					}
				}
				outside = &p
			}
			probe := mat.NewVecDense(n, ω.RawRowView(i))
			var part, image mat.VecDense
			part.MulVec(outside, probe)
			image.MulVec(&rest, probe)
			scale := float64(n-k+1) / mat.Dot(&part, &part)
			mean += (known + scale*mat.Dot(probe, &image)) / k
		}
		if math.Abs(got.Value/mean-1) > 1e-10 {
			t.Errorf("%s: %.15g, by definition %.15g", m, got.Value, mean)
		}
	}
}

func TestTraceExactAndBadInput(t *testing.T) {
	d := outliers(60)
	want := 0.0
	for _, v := range d {
		want += v
	}
	e, err := Trace(ctx, device.Go(), diagonal[float64](d), TraceOptions{})
	if err != nil || math.Abs(e.Value-want) > 1e-12 || e.StdErr != 0 || e.Products != 60 {
		t.Errorf("small operator: %+v, %v; want exactly %v", e, err, want)
	}
	for _, o := range []TraceOptions{{Method: "magic"}, {Budget: -1}, {Method: HutchPP, Budget: 5}, {Method: XTrace, Budget: 3}} {
		if _, err := Trace(ctx, device.Go(), diagonal[float64](d), o); !errors.Is(err, device.ErrArgument) {
			t.Errorf("%+v: %v", o, err)
		}
	}
	indefinite := make([]float64, 200)
	for i := range indefinite {
		indefinite[i] = float64(i) - 100
	}
	if _, err := Trace(ctx, device.Go(), diagonal[float64](indefinite), TraceOptions{Method: XNysTrace, Budget: 30}); !errors.Is(err, device.ErrArgument) {
		t.Errorf("XNysTrace of an indefinite operator: %v", err)
	}
	low := make([]float64, 300)
	copy(low, []float64{3, 2, 1})
	for _, m := range []TraceMethod{HutchPP, XTrace, XNysTrace} {
		e, err := Trace(ctx, device.Go(), diagonal[float64](low), TraceOptions{Method: m, Budget: 60})
		if err != nil || math.Abs(e.Value-6) > 1e-6 {
			t.Errorf("%s of rank three: %+v, %v", m, e, err)
		}
	}
}
