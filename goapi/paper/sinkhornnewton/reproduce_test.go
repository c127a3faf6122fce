package sinkhornnewton

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"testing"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/matio"
	"github.com/ritz-go/ritz/goapi/paper"
	"github.com/ritz-go/ritz/goapi/sinkhorn"
)

func near(t testing.TB, what string, got, want, tol float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tol) {
		t.Errorf("%s is %.16g, want %.16g (off by %.2g, allowed %.2g)", what, got, want, math.Abs(got-want), tol)
	}
}

func solve(t testing.TB, dev device.Device, p sinkhorn.Problem[float64], o sinkhorn.Options) *sinkhorn.Result[float64] {
	t.Helper()
	r, err := sinkhorn.Solve(t.Context(), dev, p, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Random assignment at η = 1200: values of independent implementations, which
// agree to 3e-15, and exact costs by the Hungarian method.
var assignments = []struct{ cost, potential, exact, costSharp float64 }{
	{0.0035638215094, -0.0022915488568940, 0.0033484113785, 0.003358822240},
	{0.0034329753499, -0.0023955645743757, 0.0032118031336, 0.003220330894},
	{0.0034789729809, -0.0023596221686982, 0.0032640511179, 0.003274105512},
}

// Table 1: random assignment takes 20 plain iterations and at most 9 of
// Newton's steps, with 4n elements instead of a mass at most a few more.
func TestAssignmentTakesFewSteps(t *testing.T) {
	dev := fastDevice(t)
	for k, want := range assignments {
		p := Assignment(uint32(k+1), 500)
		r := solve(t, dev, p, Options(20))
		if len(r.Newton) > 9 || r.Iterations != 20+len(r.Newton) || !(r.Certificate.MarginalL1 < 1e-12) {
			t.Errorf("problem %d: %d steps, %d iterations, error %v", k+1, len(r.Newton), r.Iterations, r.Certificate.MarginalL1)
		}
		near(t, "cost", r.Cost, want.cost, 1e-12)
		f := 0.0
		for i, x := range r.F {
			// Entropic potentials: ε·log of both masses more.
			f += (x + r.G[i] + 2*math.Log(1./500)/eta) / 500
		}
		near(t, "potential", f, want.potential, 1e-15)

		o := Options(20)
		o.Newton.Kept = 4 * 500
		r = solve(t, dev, p, o)
		if len(r.Newton) > 14 {
			t.Errorf("problem %d: %d steps with 4n elements", k+1, len(r.Newton))
		}
	}
}

// Table 1: at most 1/100 of the iterations of plain Sinkhorn, which in two of
// the problems needs more than 7000 to 1e-12.
func TestFewerIterationsThanSinkhorn(t *testing.T) {
	dev := fastDevice(t)
	for k := range assignments {
		p := Assignment(uint32(k+1), 500)
		newton := solve(t, dev, p, Options(20))
		p.Warm = make([]float64, 500)
		o := sinkhorn.Options{Epsilon: 1. / eta, Tol: 1e-12, Method: sinkhorn.Scaling, Relaxation: 1, MaxIterations: 100 * newton.Iterations}
		plain, err := sinkhorn.Solve(t.Context(), dev, p, o)
		if !errors.Is(err, device.ErrNotConverged) || plain.Iterations < 100*newton.Iterations {
			t.Errorf("problem %d: %d iterations against %d of plain Sinkhorn, %v", k+1, newton.Iterations, plain.Iterations, err)
		}
	}
}

// The entropic cost is above that of the best assignment by log(n)/η at most.
func TestAboveTheExactAssignment(t *testing.T) {
	dev := fastDevice(t)
	for k, want := range assignments {
		r := solve(t, dev, Assignment(uint32(k+1), 500), Options(20))
		if d := r.Cost - want.exact; d < 0 || d > math.Log(500)/eta {
			t.Errorf("problem %d: %v above the exact cost", k+1, d)
		}
		if c := r.Certificate; c.Lower > want.exact+1e-13 || c.Upper < want.exact {
			t.Errorf("problem %d: %v does not enclose %v", k+1, c, want.exact)
		}
	}
}

// Theorem 1: after 20 iterations few elements hold nearly all of the mass.
func TestApproximateSparsity(t *testing.T) {
	s, err := approximateSparsity(t.Context(), fastDevice(t))
	if err != nil {
		t.Fatal(err)
	}
	for k, want := range []float64{0.92227, 0.98953, 0.99991, 1} {
		near(t, "mass", s.mass[k], want, 1e-4)
	}
}

// f never falls in either stage, and the last errors fall superlinearly.
func TestMonotoneAndSuperlinear(t *testing.T) {
	dev := fastDevice(t)
	p := Assignment(1, 500)
	last := math.Inf(-1)
	rising := func(what string, f float64) {
		t.Helper()
		if f < last-4e-15*math.Abs(last) {
			t.Errorf("%s: f falls from %.17g to %.17g", what, last, f)
		}
		last = f
	}
	for k := 1; k <= 20; k++ {
		o := Options(k)
		o.MaxIterations = k
		r, err := sinkhorn.Solve(t.Context(), dev, p, o)
		if !errors.Is(err, device.ErrNotConverged) {
			t.Fatal(err)
		}
		rising("Sinkhorn", r.Objective+2*math.Log(1./500)/eta)
	}
	r := solve(t, dev, p, Options(20))
	for _, s := range r.Newton {
		rising("Newton", s.Dual)
	}
	h := r.History
	for k := len(h) - 3; k < len(h)-1; k++ {
		if h[k] < 1e-3 && h[k+1] > 1e-15 && h[k+1] > math.Pow(h[k], 1.2) {
			t.Errorf("errors %.3g, %.3g", h[k], h[k+1])
		}
	}
}

// Two densities on the line, whose exact distances are known.
func TestDensities(t *testing.T) {
	normal := func(m, s float64) func(float64) float64 {
		return func(t float64) float64 {
			return math.Exp(-(t-m)*(t-m)/(2*s*s)) / s
		}
	}
	mix := func(t float64) float64 { return .4*normal(.6, .05)(t) + .6*normal(.8, .08)(t) }
	dev := fastDevice(t)
	for _, c := range []struct{ power, cost, exact float64 }{{1, 0.418413972908, 0.418413972896}, {2, 0.176187392151, 0.175780824806}} {
		r := solve(t, dev, Densities(200, normal(.3, .1), mix, c.power), Options(20))
		near(t, "cost", r.Cost, c.cost, 1e-11)
		if len(r.Newton) > 20 {
			t.Errorf("power %g: %d steps", c.power, len(r.Newton))
		}
		if r.Certificate.Lower > c.exact+1e-11 {
			t.Errorf("power %g: lower bound %v above the exact %v", c.power, r.Certificate.Lower, c.exact)
		}
	}
}

// Pairs of the first six training images.
func TestDigits(t *testing.T) {
	file, err := matio.Open("../../../tests/data/mnist-train-first-6.npy")
	if err != nil {
		t.Fatal(err)
	}
	images, err := matio.Read[float64](file, 0)
	if err != nil {
		t.Fatal(err)
	}
	dev := fastDevice(t)
	for k, want := range []map[Ground]float64{
		{SquaredL2: 0.011350236706, L1: 0.100778264552},
		{SquaredL2: 0.045725979071, L1: 0.214258684247},
		{SquaredL2: 0.015762503310, L1: 0.111550882020},
	} {
		for g, cost := range want {
			p, err := Images(images.Data[2*k*784:(2*k+1)*784], images.Data[(2*k+1)*784:(2*k+2)*784], 28, g)
			if err != nil {
				t.Fatal(err)
			}
			r := solve(t, dev, p, Options(20))
			near(t, "cost", r.Cost, cost, 1e-11)
			if len(r.Newton) > 60 {
				t.Errorf("pair %d, cost %d: %d steps", k, g, len(r.Newton))
			}
			auto := solve(t, dev, p, sinkhorn.Options{Epsilon: 1. / eta, Tol: 1e-11})
			near(t, "automatic cost", auto.Cost, cost, 1e-10)
		}
	}
}

// Small ε: η = 10⁴, where the method of the paper is far from done after 200
// steps.
func TestSharpAssignment(t *testing.T) {
	dev := fastDevice(t)
	for k, want := range assignments {
		o := Options(20)
		o.Epsilon = 1e-4
		r := solve(t, dev, Assignment(uint32(k+1), 500), o)
		near(t, "cost", r.Cost, want.costSharp, 1e-12)
		if len(r.Newton) > 100 {
			t.Errorf("%d steps", len(r.Newton))
		}
	}
}

// Large ε: the first stage is enough, and the automatic choice stays with it.
func TestEasyAssignment(t *testing.T) {
	dev := fastDevice(t)
	for _, η := range []float64{10, 100} {
		for k := range assignments {
			p := Assignment(uint32(k+1), 500)
			for _, m := range []sinkhorn.Method{sinkhorn.Auto, sinkhorn.Newton} {
				if r := solve(t, dev, p, sinkhorn.Options{Epsilon: 1 / η, Tol: 1e-12, Method: m}); len(r.Newton) > 1 || r.Iterations > 40 {
					t.Errorf("η = %g, %s: %d of %d iterations are Newton's", η, m, len(r.Newton), r.Iterations)
				}
			}
		}
	}
}

func TestReproduce(t *testing.T) {
	if testing.Short() {
		t.Skip("a minute on a busy machine")
	}
	parts := 0
	r, err := Reproduce(t.Context(), fastDevice(t), paper.Options{Data: "../../../tests/data", Progress: func(int, int, string) { parts++ }})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Tables) != 2 || len(r.Tables[0].Rows) != 3 || len(r.Claims) != 4 || len(r.Charts) != 1 || parts != 4 {
		t.Fatalf("%+v, %d parts", r, parts)
	}
	for _, c := range r.Claims {
		if !c.Holds && c.Statement != "and in less time" {
			t.Errorf("%s: %s", c.Statement, c.Figures)
		}
	}
	if _, err := json.Marshal(r); err != nil {
		t.Error(err)
	}
}

func TestRefused(t *testing.T) {
	_, err := Reproduce(t.Context(), device.Go(), paper.Options{})
	if missing := (*paper.DataError)(nil); !errors.As(err, &missing) {
		t.Errorf("without data: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Reproduce(ctx, device.Go(), paper.Options{Data: "../../../tests/data"}); !errors.Is(err, context.Canceled) {
		t.Errorf("with a context that has ended: %v", err)
	}
	if _, err := Images(make([]float64, 4), make([]float64, 5), 2, L1); !errors.Is(err, device.ErrShape) {
		t.Errorf("images of two sizes: %v", err)
	}
	if _, err := Images(make([]float64, 4), []float64{1, 0, 0, 0}, 2, L1); !errors.Is(err, device.ErrArgument) {
		t.Errorf("a black image: %v", err)
	}
}
