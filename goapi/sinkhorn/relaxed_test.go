package sinkhorn

import (
	"context"
	"errors"
	"math"
	"testing"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/tests/refusal"
)

func one(v float64) device.Dense[float64] { return device.Vector([]float64{v}) }

// One point on each side has a closed form.
func TestUnbalancedScalar(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		for _, x := range []struct{ a, b, c, ε, ρ, want float64 }{
			{1, 2, .3, .1, .5, 1.1111027688316793},
			{.5, .5, 1, .05, .2, 0.0501676061608578},
		} {
			r, err := Unbalanced(context.Background(), dev, Problem[float64]{Cost: one(x.c), A: []float64{x.a}, B: []float64{x.b}},
				UnbalancedOptions{RelaxedOptions: RelaxedOptions{Epsilon: x.ε, Tol: 1e-15}, RhoA: x.ρ, RhoB: x.ρ})
			if err != nil && !errors.Is(err, device.ErrNotConverged) {
				t.Fatal(err)
			}
			near(t, "mass", r.Mass, x.want, 1e-14)
			near(t, "cost", r.Cost, x.want*x.c, 1e-14)
			kl := func(p, q float64) float64 { return p*math.Log(p/q) - p + q }
			p := x.want
			near(t, "objective", r.Objective, p*x.c+x.ε*kl(p, x.a*x.b)+x.ρ*(kl(p, x.a)+kl(p, x.b)), 1e-14)
			near(t, "gap", r.Certificate.Gap, 0, 1e-14)
		}
	})
}

// relaxedPlan returns the plan of a result that converged, with its sums.
func relaxedPlan[T device.Float](t *testing.T, r *RelaxedResult[T], err error) (p device.Dense[T], rows, cols []float64) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	p = device.NewDense[T](len(r.F), len(r.G))
	if err := r.Plan(p); err != nil {
		t.Fatal(err)
	}
	rows, cols = sums(p)
	mass := 0.0
	for _, x := range rows {
		mass += x
	}
	near(t, "mass", r.Mass, mass, 1e-11+16*device.Epsilon[T]()*(1+mass))
	if !(r.Certificate.Gap > -1e-9 && r.Certificate.Gap < 1e-7) {
		t.Errorf("gap %v", r.Certificate.Gap)
	}
	return p, rows, cols
}

// The plan satisfies the conditions of optimality, P·1 = a·exp(-f/ρ) or a; large
// penalties make it that of the balanced problem; one half may be constrained.
func TestUnbalanced(t *testing.T) {
	const n, m, ε = 25, 35, .02
	x, y := square(31, 40, 1)
	c := distances(x, y, 2).Slice(0, n, 0, m).Clone()
	a, b := rising(n), rising(m)
	a[4], b[0] = 0, 0
	for i := range a {
		a[i] *= 1.7
	}
	onDevices(t, func(t *testing.T, dev device.Device) {
		for _, ρ := range [][2]float64{{.3, .3}, {.05, 2}, {0, .4}, {.4, 0}, {1e4, 1e4}, {1e-3, 1e-3}} {
			r, err := Unbalanced(context.Background(), dev, Problem[float64]{Cost: c, A: a, B: b},
				UnbalancedOptions{RelaxedOptions: RelaxedOptions{Epsilon: ε, Tol: 1e-11}, RhoA: ρ[0], RhoB: ρ[1]})
			_, rows, cols := relaxedPlan(t, r, err)
			if r.Iterations > 400 {
				t.Errorf("ρ = %v: %d iterations", ρ, r.Iterations)
			}
			for i, p := range rows {
				want := a[i]
				if ρ[0] > 0 {
					want *= math.Exp(-r.F[i] / ρ[0])
				}
				near(t, "row", p, want, 1e-10)
			}
			for j, p := range cols {
				want := b[j]
				if ρ[1] > 0 {
					want *= math.Exp(-r.G[j] / ρ[1])
				}
				near(t, "column", p, want, 1e-10)
			}
		}
		same := rising(n)
		balanced := must(t, dev, Problem[float64]{Cost: c, A: same, B: b}, Options{Epsilon: ε, Normalize: true})
		r, err := Unbalanced(context.Background(), dev, Problem[float64]{Cost: c, A: same, B: b},
			UnbalancedOptions{RelaxedOptions: RelaxedOptions{Epsilon: ε}, RhoA: 1e7, RhoB: 1e7})
		relaxedPlan(t, r, err)
		near(t, "cost for large ρ", r.Cost, balanced.Cost, 1e-3*balanced.Cost)
		// float32 finds the same.
		single, err := Unbalanced(context.Background(), dev, Problem[float32]{Cost: device.Convert[float32](c), A: convert[float32](same), B: convert[float32](b)},
			UnbalancedOptions{RelaxedOptions: RelaxedOptions{Epsilon: ε, Tol: 1e-8}, RhoA: .1, RhoB: .1})
		relaxedPlan(t, single, err)
		double, err := Unbalanced(context.Background(), dev, Problem[float64]{Cost: c, A: same, B: b},
			UnbalancedOptions{RelaxedOptions: RelaxedOptions{Epsilon: ε}, RhoA: .1, RhoB: .1})
		relaxedPlan(t, double, err)
		near(t, "float32", single.Objective, double.Objective, 1e-6)
	})
}

// The plan carries the mass and no more than the marginals; a point that is
// not used to the full has the largest potential. All of the mass is the
// balanced problem.
func TestPartial(t *testing.T) {
	const n, m, ε = 25, 35, .01
	x, y := square(32, 40, 1)
	c := distances(x, y, 2).Slice(0, n, 0, m).Clone()
	a, b := rising(n), rising(m)
	for j := range b {
		b[j] *= 1.5
	}
	onDevices(t, func(t *testing.T, dev device.Device) {
		before := 0.0
		for _, mass := range []float64{.05, .3, .7, .95} {
			r, err := Partial(context.Background(), dev, Problem[float64]{Cost: c, A: a, B: b},
				PartialOptions{RelaxedOptions: RelaxedOptions{Epsilon: ε, Tol: 1e-11}, Mass: mass})
			_, rows, cols := relaxedPlan(t, r, err)
			near(t, "mass", r.Mass, mass, 1e-11)
			top := math.Inf(-1)
			for _, f := range r.F {
				top = max(top, f)
			}
			for i, p := range rows {
				if p > a[i]+1e-10 || p < a[i]-1e-8 && r.F[i] < top-1e-9 {
					t.Errorf("row %d: %v of %v, potential %v of %v", i, p, a[i], r.F[i], top)
				}
			}
			for j, p := range cols {
				if p > b[j]+1e-10 || p < b[j]-1e-8 && r.G[j] < -1e-9 {
					t.Errorf("column %d: %v of %v, potential %v", j, p, b[j], r.G[j])
				}
			}
			if r.Cost < before {
				t.Errorf("cost %v of mass %v, less than %v of less", r.Cost, mass, before)
			}
			before = r.Cost
		}
	})
	flat := rising(m)
	r, err := Partial(context.Background(), device.Go(), Problem[float64]{Cost: c, A: a, B: flat},
		PartialOptions{RelaxedOptions: RelaxedOptions{Epsilon: ε}, Mass: 1})
	relaxedPlan(t, r, err)
	near(t, "cost of all", r.Cost, must(t, device.Go(), Problem[float64]{Cost: c, A: a, B: flat}, Options{Epsilon: ε}).Cost, 1e-7)
}

func TestRelaxedRefuses(t *testing.T) {
	p := Problem[float64]{Cost: device.Dense[float64]{Rows: 2, Cols: 3, Stride: 3, Data: []float64{1, 2, 3, 4, 5, 6}}}
	ok := RelaxedOptions{Epsilon: 1}
	unbalanced := func(ctx context.Context, dev device.Device, p Problem[float64], o RelaxedOptions, ρa, ρb float64) func() error {
		return func() error {
			_, err := Unbalanced(ctx, dev, p, UnbalancedOptions{o, ρa, ρb})
			return err
		}
	}
	partial := func(mass float64) func() error {
		return func() error {
			_, err := Partial(context.Background(), device.Go(), p, PartialOptions{ok, mass})
			return err
		}
	}
	bg, dev := context.Background(), device.Go()
	refuses(t, "no ρ", device.ErrArgument, unbalanced(bg, dev, p, ok, 0, 0))
	refuses(t, "ρ < 0", device.ErrArgument, unbalanced(bg, dev, p, ok, -1, 1))
	refuses(t, "NaN", device.ErrArgument, unbalanced(bg, dev, p, ok, math.NaN(), 1))
	refuses(t, "infinite", device.ErrArgument, unbalanced(bg, dev, p, ok, math.Inf(1), 1))
	refuses(t, "no ε", device.ErrArgument, unbalanced(bg, dev, p, RelaxedOptions{}, 1, 1))
	refuses(t, "no problem", device.ErrEmpty, unbalanced(bg, dev, Problem[float64]{}, ok, 1, 1))
	refuses(t, "no device", device.ErrClosed, unbalanced(bg, nil, p, ok, 1, 1))
	refuses(t, "one iteration", device.ErrNotConverged, unbalanced(bg, dev, p, RelaxedOptions{Epsilon: .1, MaxIterations: 1}, 1, 1))
	for _, mass := range []float64{0, -1, 1.5, math.NaN(), math.Inf(1)} {
		refuses(t, "mass", device.ErrArgument, partial(mass))
	}
	refuses(t, "plan of nothing", device.ErrArgument, func() error { return new(RelaxedResult[float64]).Plan(p.Cost) })
	for looks := range 3 {
		refuses(t, "ended context", context.Canceled, unbalanced(refusal.After(looks), dev, p, RelaxedOptions{Epsilon: 1e-3}, 1, 1))
	}
}

// Negative costs and small penalties ask for more mass than there are numbers.
func TestUnbalancedMassOutOfRange(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		c := device.Dense[float64]{Rows: 2, Cols: 2, Stride: 2, Data: []float64{-1, 1, 2, -3}}
		o := UnbalancedOptions{RelaxedOptions: RelaxedOptions{Epsilon: 1e-4, MaxIterations: 50}, RhoA: 1e-4, RhoB: 1e-4}
		if _, err := Unbalanced(context.Background(), dev, Problem[float64]{Cost: c}, o); !errors.Is(err, device.ErrNotFinite) {
			t.Errorf("float64: %v", err)
		}
		o.Epsilon, o.RhoA, o.RhoB = .01, .01, .01 // e¹⁰⁰
		if _, err := Unbalanced(context.Background(), dev, Problem[float32]{Cost: device.Convert[float32](c)}, o); !errors.Is(err, device.ErrNotFinite) {
			t.Errorf("float32: %v", err)
		}
	})
}

// A penalty that is much larger than all costs leaves no negative gap behind.
func TestUnbalancedLargePenalty(t *testing.T) {
	x, y := square(33, 30, 1)
	c := distances(x, y, 2)
	onDevices(t, func(t *testing.T, dev device.Device) {
		for _, ρ := range []float64{1e6, 1e9, 1e12} {
			r, err := Unbalanced(context.Background(), dev, Problem[float64]{Cost: c},
				UnbalancedOptions{RelaxedOptions: RelaxedOptions{Epsilon: .05, Tol: 1e-12}, RhoA: ρ, RhoB: ρ})
			if err != nil && !errors.Is(err, device.ErrNotConverged) {
				t.Fatal(err)
			}
			// Marginals are wrong by some 1e-15, and cost ρ times their square.
			if g := r.Certificate.Gap; !(math.Abs(g) < 1e-13+ρ*1e-23) {
				t.Errorf("ρ = %g: gap %v", ρ, g)
			}
		}
	})
}
