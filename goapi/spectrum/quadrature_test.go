package spectrum

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/ritz-go/ritz/goapi/device"
)

// As many steps as there are eigenvalues make a sign vector on a diagonal
// operator exact, and with it everything that is read off the measure.
func TestExactMeasure(t *testing.T) {
	d := []float64{-2, -1, 0, 0.5, 0.5, 1, 3, 7}
	s, err := SLQ(ctx, device.Go(), diagonal[float64](d), SLQOptions{Probes: 3, Steps: 8})
	if err != nil {
		t.Fatal(err)
	}
	near := func(name string, got Estimate, err error, want float64) {
		t.Helper()
		if err != nil || math.Abs(got.Value-want) > 1e-12*max(1, math.Abs(want)) || got.StdErr > 1e-12 {
			t.Errorf("%s: %+v, %v; want %v", name, got, err, want)
		}
	}
	near("trace", s.Sum(identity), nil, 9)
	near("count", s.Count(0.25, 2), nil, 3)
	near("count at the ends", s.Count(-2-1e-9, 7+1e-9), nil, 8)
	near("empty interval", s.Count(2, 0), nil, 0)
	nuclear, err := s.Schatten(1)
	near("nuclear norm", nuclear, err, 15)
	frobenius, err := s.Schatten(2)
	near("Frobenius norm", frobenius, err, math.Sqrt(64.5))
	_, err = s.LogDet()
	if err == nil || !(strings.Contains(err.Error(), "-2") || strings.Contains(err.Error(), "-1.99999")) {
		t.Errorf("log-determinant: %v, should name the Ritz value -2", err)
	}
	refuses(t, "log-determinant", device.ErrArgument, func() error { return err })
	for _, p := range []float64{0, 0.5, -1, math.NaN(), math.Inf(1)} {
		refuses(t, "Schatten", device.ErrArgument, func() error { _, err := s.Schatten(p); return err })
	}
	refuses(t, "nil function", device.ErrArgument, func() error { _, err := s.Trace(nil); return err })
	var empty Quadrature
	refuses(t, "no nodes", device.ErrArgument, func() error { _, err := empty.LogDet(); return err })
	refuses(t, "no nodes", device.ErrArgument, func() error { _, err := empty.Schatten(2); return err })
	positive, err := SLQ(ctx, device.Go(), Affine(diagonal[float64](d), 1, 3), SLQOptions{Probes: 3, Steps: 8})
	if err != nil {
		t.Fatal(err)
	}
	logdet, err := positive.LogDet()
	near("log-determinant", logdet, err, sumOf(d, func(x float64) float64 { return math.Log(x + 3) }))
}

// The bias says how much five steps fewer would change.
func TestTruncationBias(t *testing.T) {
	d := outliers(400)
	for _, steps := range []int{6, 12, 30} {
		s, err := SLQ(ctx, device.Go(), diagonal[float64](d), SLQOptions{Probes: 2, Steps: steps})
		if err != nil {
			t.Fatal(err)
		}
		f := func(x float64) float64 { return math.Exp(-10 * x) }
		e, want := s.Sum(f), sumOf(d, f)
		// The probes make no error here.
		if math.Abs(e.Value-want) > e.Bias+1e-9*want {
			t.Errorf("%d steps: error %.3g, bias %.3g", steps, e.Value-want, e.Bias)
		}
	}
}

// What is known takes its part out of the error: outliers that dominate the
// trace cost nothing, and the density has them as lines.
func TestDeflationTakesOutliersAway(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		const n = 300
		d := outliers(n)
		op := hartley(d)
		top, err := Eigs(ctx, dev, op, EigsOptions{K: 8})
		if err != nil {
			t.Fatal(err)
		}
		o := SLQOptions{Probes: 6, Steps: 20, Seed: 8}
		plain, err := SLQ(ctx, dev, op, o)
		if err != nil {
			t.Fatal(err)
		}
		deflated, err := DeflatedSLQ(ctx, dev, op, top, o)
		if err != nil {
			t.Fatal(err)
		}
		square := func(x float64) float64 { return x * x }
		before, after, want := plain.Sum(square), deflated.Sum(square), sumOf(d, square)
		if after.StdErr > before.StdErr/100 || math.Abs(after.Value-want) > 4*after.StdErr {
			t.Errorf("tr H² = %v ± %v with deflation, %v ± %v without, is %v", after.Value, after.StdErr, before.Value, before.StdErr, want)
		}
		for p, nodes := range deflated.Nodes {
			if hi := nodes[len(nodes)-1]; hi > 0.9 {
				t.Errorf("probe %d has a node %v", p, hi)
			}
		}
		if c := deflated.Count(0.9, 11); math.Abs(c.Value-8) > 1e-9 {
			t.Errorf("%v eigenvalues above 0.9", c.Value)
		}
		if c := deflated.CDF(11); math.Abs(c.Value-1) > 1e-12 {
			t.Errorf("CDF at the end: %v", c.Value)
		}
		grid := make([]float64, 4001)
		for i := range grid {
			grid[i] = -1 + 12*float64(i)/4000
		}
		mass := 0.0
		density, stdErr := deflated.DensityErr(grid, 0.02)
		for i, y := range density {
			mass += y * 12 / 4000
			if !(stdErr[i] >= 0) {
				t.Errorf("standard error %v", stdErr[i])
			}
		}
		if math.Abs(mass-1) > 1e-6 {
			t.Errorf("mass %v", mass)
		}
		for name, known := range map[string]*Eigen[float64]{"nil": nil, "none": {}, "no vectors": {Values: []float64{1}}} {
			refuses(t, name, device.ErrArgument, func() error { _, err := DeflatedSLQ(ctx, dev, op, known, o); return err })
		}
		refuses(t, "too short", device.ErrShape, func() error {
			_, err := DeflatedSLQ(ctx, dev, diagonal[float64](d[:200]), top, o)
			return err
		})
	})
}

// A bound on memory changes how probes are grouped, not the numbers; below one
// basis the bare recurrence gives the same measure to the accuracy of a
// quadrature whose steps have been repeated.
func TestQuadratureWithinMemory(t *testing.T) {
	const n = 500
	d := outliers(n)
	o := SLQOptions{Probes: 4, Steps: 40, Seed: 2}
	whole, err := SLQ(ctx, device.Go(), hartley(d), o)
	if err != nil {
		t.Fatal(err)
	}
	o.Memory = 45 * n * 8
	grouped, err := SLQ(ctx, device.Go(), hartley(d), o)
	if err != nil {
		t.Fatal(err)
	}
	for p := range whole.Nodes {
		for i, θ := range whole.Nodes[p] {
			if math.Abs(grouped.Nodes[p][i]-θ) > 1e-13*10 {
				t.Fatalf("probe %d: node %d is %v in groups, %v together", p, i, grouped.Nodes[p][i], θ)
			}
		}
	}
	o.Memory = 1
	bare, err := SLQ(ctx, device.Go(), hartley(d), o)
	if err != nil {
		t.Fatal(err)
	}
	f := func(x float64) float64 { return math.Exp(-x) }
	if a, b := whole.Sum(f).Value, bare.Sum(f).Value; math.Abs(a-b) > 1e-10*a {
		t.Errorf("tr exp(-H) is %v with whole bases, %v with none", a, b)
	}
	refuses(t, "Eigs without memory", device.ErrArgument, func() error {
		_, err := Eigs(ctx, device.Go(), diagonal[float64](d), EigsOptions{K: 4, Memory: 1000})
		return err
	})
	refuses(t, "Eigs, basis beyond memory", device.ErrArgument, func() error {
		_, err := Eigs(ctx, device.Go(), diagonal[float64](d), EigsOptions{K: 4, Basis: 30, Memory: 20 * 16 * n})
		return err
	})
	e, err := Eigs(ctx, device.Go(), diagonal[float64](d), EigsOptions{K: 4, Memory: 12 * 16 * n, MaxProducts: 3000})
	if err != nil || math.Abs(e.Values[3]-3) > 1e-9 || e.Restarts == 0 {
		t.Errorf("Eigs in little memory: %+v, %v", e, err)
	}
}

// A recurrence of few steps has a bias as well: none is said where it came to
// its end, and that it is not known where there was one step only.
func TestBiasOfFewSteps(t *testing.T) {
	d := powers(400, 0.97)
	want := sumOf(d, math.Exp)
	for steps := 2; steps <= 6; steps++ {
		s, err := SLQ(ctx, device.Go(), hartley(d), SLQOptions{Probes: 20, Steps: steps})
		if err != nil {
			t.Fatal(err)
		}
		e := s.Sum(math.Exp)
		if lo, hi := e.Interval(); !(lo <= want && want <= hi) || e.Bias == 0 {
			t.Errorf("%d steps: %v ± %v, bias %v; want %v", steps, e.Value, e.StdErr, e.Bias, want)
		}
	}
	one, err := SLQ(ctx, device.Go(), hartley(d), SLQOptions{Steps: 1})
	if err != nil {
		t.Fatal(err)
	}
	if e := one.Sum(math.Exp); !math.IsNaN(e.Bias) || math.IsNaN(e.Value) {
		t.Errorf("one step: %+v", e)
	}
	few := make([]float64, 400)
	copy(few, []float64{3, 3, -1})
	for _, steps := range []int{3, 8} { // the Krylov spaces have three dimensions
		s, err := SLQ(ctx, device.Go(), hartley(few), SLQOptions{Steps: steps})
		if err != nil {
			t.Fatal(err)
		}
		if e := s.Sum(math.Exp); steps == 8 && e.Bias != 0 || steps == 3 && !(e.Bias > 0) {
			t.Errorf("rank three, %d steps: bias %v", steps, e.Bias)
		}
	}
}

// Nodes without weight do not take part, where f is not defined either.
func TestNodesWithoutWeight(t *testing.T) {
	q := Quadrature{Dim: 2, Nodes: [][]float64{{-1e-20, 1}}, Weights: [][]float64{{0, 1}}}
	if e, err := q.LogDet(); err != nil || e.Value != 0 {
		t.Errorf("%+v, %v", e, err)
	}
}

// Known pairs beside which nothing is left but rounding errors are no sign of an
// operator that is not symmetric; what cannot be eigenpairs is refused.
func TestDeflatedQuadratureEdges(t *testing.T) {
	testDeflatedRankOne[float64](t, 0)
	testDeflatedRankOne[float64](t, -900)
	testDeflatedRankOne[float32](t, 0)
	testDeflatedRankOne[float32](t, -100)
	op := diagonal[float64](outliers(30))
	good, err := Eigs(ctx, device.Go(), op, EigsOptions{K: 2})
	if err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(e *Eigen[float64]){
		"twice the same": func(e *Eigen[float64]) { copy(e.Vectors.Row(1), e.Vectors.Row(0)) },
		"not orthogonal": func(e *Eigen[float64]) {
			for j, x := range e.Vectors.Row(0) {
				e.Vectors.Row(1)[j] += x
			}
		},
		"a zero vector": func(e *Eigen[float64]) { clear(e.Vectors.Row(1)) },
		"NaN value":     func(e *Eigen[float64]) { e.Values[0] = math.NaN() },
	} {
		e := Eigen[float64]{Values: slices.Clone(good.Values), Vectors: good.Vectors.Clone()}
		spoil(&e)
		want := device.ErrArgument
		if name == "NaN value" {
			want = device.ErrNotFinite
		}
		refuses(t, name, want, func() error {
			_, err := DeflatedSLQ(ctx, device.Go(), op, &e, SLQOptions{Probes: 2, Steps: 5})
			return err
		})
	}
}

func testDeflatedRankOne[T device.Float](t *testing.T, exponent int) {
	q := device.NewQueue[T](device.Go())
	defer q.Close()
	want := math.Ldexp(3, exponent)
	for n := 2; n < 20; n++ {
		d := make([]float64, n)
		d[0] = 3
		for _, op := range both(rotated(q, d, exponent, uint64(n))) {
			known, err := Eigs(ctx, device.Go(), op, EigsOptions{K: 1})
			if err != nil {
				t.Fatal(err)
			}
			s, err := DeflatedSLQ(ctx, device.Go(), op, known, SLQOptions{Probes: 3, Steps: n})
			if err != nil {
				t.Fatalf("%T, n = %d: %v", T(0), n, err)
			}
			if e := s.Sum(identity); math.Abs(e.Value-want) > 100*device.Epsilon[T]()*want*float64(n) {
				t.Errorf("%T, n = %d: trace %v, want %v", T(0), n, e.Value, want)
			}
		}
	}
}
