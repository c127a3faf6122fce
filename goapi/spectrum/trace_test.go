package spectrum

import (
	"context"
	"errors"
	"math"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/ritz-go/ritz/goapi/device"
)

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
		sk := &sketch[float64]{tracer: tr, law: device.Normal}
		if err := sk.grow(k); err != nil {
			t.Fatal(err)
		}
		ω, err := tr.host(sk.ω)
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

// XDiag against its definition: for each vector of signs, the diagonal of the
// approximation from the others plus the estimate of the rest from this one.
func TestDiagonalLeaveOneOutDefinition(t *testing.T) {
	const n, k = 40, 6
	d := make([]float64, n)
	for i := range d {
		d[i] = math.Pow(-0.7, float64(i))
	}
	op := hartley(d)
	got, err := Diag(ctx, device.Go(), op, DiagOptions{Budget: 2 * k, Seed: 4})
	if err != nil {
		t.Fatal(err)
	}
	q := device.Go().F64()
	defer q.Close()
	tr := &tracer[float64]{ctx: ctx, q: q, op: op, n: n, seed: 4}
	sk := &sketch[float64]{tracer: tr, law: device.Rademacher}
	if err := sk.grow(k); err != nil {
		t.Fatal(err)
	}
	ω, err := tr.host(sk.ω)
	if err != nil {
		t.Fatal(err)
	}
	y, err := tr.host(sk.y)
	if err != nil {
		t.Fatal(err)
	}
	unit := q.Alloc(n, n)
	q.AddDiag(1, unit)
	images, err := tr.apply(unit)
	if err != nil {
		t.Fatal(err)
	}
	h, err := tr.host(images)
	if err != nil {
		t.Fatal(err)
	}
	mean := make([]float64, n)
	for i := range k {
		others := mat.NewDense(n, k-1, nil)
		for j, c := 0, 0; j < k; j++ {
			if j != i {
				others.SetCol(c, y.RawRowView(j))
				c++
			}
		}
		var f mat.QR
		var full, qh, part, rest mat.Dense
		f.Factorize(others)
		f.QTo(&full)
		basis := full.Slice(0, n, 0, k-1)
		qh.Mul(basis.T(), h)
		part.Mul(basis, &qh)
		rest.Sub(h, &part)
		var image mat.VecDense
		image.MulVec(&rest, mat.NewVecDense(n, ω.RawRowView(i)))
		for j := range n {
			mean[j] += (part.At(j, j) + ω.At(i, j)*image.AtVec(j)) / k
		}
	}
	for j, want := range mean {
		if math.Abs(got.Values[j]-want) > 1e-11 {
			t.Errorf("entry %d: %v, by definition %v", j, got.Values[j], want)
		}
	}
}

func TestDiagonalEdges(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		d := outliers(50)
		for _, m := range []TraceMethod{"", Hutchinson, ExactTrace} {
			for _, budget := range []int{20, 50, 1000} {
				if m == "" && budget < 50 {
					continue // knows nothing of that
				}
				e, err := Diag(ctx, dev, diagonal[float64](d), DiagOptions{Method: m, Budget: budget})
				if err != nil {
					t.Fatal(err)
				}
				for i, want := range d { // signs make a diagonal operator exact
					if math.Abs(e.Values[i]-want) > 1e-12 || e.StdErr[i] > 1e-12 {
						t.Errorf("%s, %d products: entry %d is %v ± %v, want %v", m, budget, i, e.Values[i], e.StdErr[i], want)
						break
					}
				}
			}
		}
		low := make([]float64, 50)
		low[4], low[9] = 2, 3
		e, err := Diag(ctx, dev, hartley(low), DiagOptions{Budget: 20})
		if err != nil {
			t.Fatal(err)
		}
		want, err := Diag(ctx, dev, hartley(low), DiagOptions{Method: ExactTrace})
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range want.Values {
			if math.Abs(e.Values[i]-v) > 1e-12 {
				t.Errorf("rank two: entry %d is %v, want %v", i, e.Values[i], v)
			}
		}
	})
	good := diagonal[float64](outliers(50))
	for name, o := range map[string]DiagOptions{"method": {Method: XNysTrace}, "budget": {Budget: 3}, "hutchinson": {Method: Hutchinson, Budget: 1}, "negative": {Budget: -1}} {
		refuses(t, name, device.ErrArgument, func() error { _, err := Diag(ctx, device.Go(), good, o); return err })
	}
	refuses(t, "not symmetric", device.ErrArgument, func() error {
		_, err := Diag(ctx, device.Go(), shift[float64](50), DiagOptions{Budget: 20})
		return err
	})
	refuses(t, "NaN", device.ErrNotFinite, func() error {
		_, err := Diag(ctx, device.Go(), constant[float64](50, math.NaN()), DiagOptions{Budget: 20})
		return err
	})
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

// Random signs of few dimensions may be the same: the products are then too few
// for their number, which says nothing about the rank of the operator.
func TestDiagonalFromDependentSigns(t *testing.T) {
	off := 0
	for seed := range uint64(300) {
		e, err := Diag(ctx, device.Go(), hartley(constants(9, 1)), DiagOptions{Budget: 8, Seed: seed})
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range e.Values {
			if math.Abs(v-1) > 1e-9 && e.StdErr[i] == 0 && e.Samples == 0 {
				off++
			}
		}
	}
	if off > 0 {
		t.Errorf("%d values without error are wrong", off)
	}
}

// Operators of few dimensions take all products, whatever the budget: so few
// signs would agree by chance.
func TestFewDimensionsAreExact(t *testing.T) {
	for n := 1; n < 8; n++ {
		d := powers(n, 0.5)
		want := sumOf(d, identity)
		for _, m := range []TraceMethod{Hutchinson, HutchPP, XTrace, XNysTrace} {
			e, err := Trace(ctx, device.Go(), hartley(d), TraceOptions{Method: m, Budget: 6})
			if err != nil || math.Abs(e.Value-want) > 1e-14 || e.StdErr != 0 || e.Products != n {
				t.Errorf("%s, n = %d: %+v, %v; want %v", m, n, e, err, want)
			}
		}
	}
}
