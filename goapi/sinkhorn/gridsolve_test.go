package sinkhorn

import (
	"context"
	"errors"
	"math"
	"testing"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/tests/devices"
	"github.com/ritz-go/ritz/tests/refusal"
)

// axis returns n coordinates of [0,1).
func axis(n int, step float64) []float64 {
	x := make([]float64, n)
	for i := range x {
		x[i] = step * float64(i)
	}
	return x
}

// image returns n weights, some of them zero.
func image(seed uint32, n int) []float64 {
	w := lcg(seed, n)
	for k, v := range w {
		if w[k] = v * v; v < .2 {
			w[k] = 0
		}
	}
	return w
}

// Between grids of several shapes and exponents, the same result as with
// stored costs: potentials, bounds, plan.
func TestGridCosts(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		for number, test := range []struct {
			x, y [][]float64
			p    float64
		}{
			{[][]float64{axis(7, .1), axis(6, .15)}, [][]float64{axis(5, .2), axis(8, .12)}, 2},
			{[][]float64{axis(6, .1), axis(6, .1)}, [][]float64{axis(6, .1), axis(6, .1)}, 1},
			{[][]float64{axis(30, .03)}, [][]float64{{0, .1, .5, .55, .9}}, 1.5},
			{[][]float64{axis(3, .3), axis(4, .2), axis(2, .7)}, [][]float64{axis(2, .3), axis(3, .2), axis(5, .1)}, 2},
			{[][]float64{{1}, {2}}, [][]float64{{3}, {4}}, 2},
		} {
			source := Grid[float64](test.x, test.y, test.p)
			n, m := source.Size()
			c := device.NewDense[float64](n, m)
			source.(*gridCosts[float64]).Source.(*function[float64]).compute(0, n, c)
			a, b := image(uint32(number), n), image(uint32(number)+7, m)
			a[0], b[m-1] = .5, .5
			for _, factor := range []float64{.1, 1e-3} {
				if factor < .01 && devices.Size(dev, 0, 1) == 1 {
					continue
				}
				o := Options{Epsilon: factor * (largest(c) + .01), Tol: 1e-11, Normalize: true}
				want := must(t, dev, Problem[float64]{Cost: c, A: a, B: b}, o)
				r := must(t, dev, Problem[float64]{Source: source, A: a, B: b}, o)
				near(t, "objective", r.Objective, want.Objective, 1e-10)
				near(t, "cost", r.Cost, want.Cost, 1e-9)
				near(t, "lower bound", r.Certificate.Lower, want.Certificate.Lower, 1e-8)
				shift := r.F[0] - want.F[0]
				for i := range r.F {
					near(t, "potential f", r.F[i]-shift, want.F[i], 1e-7)
				}
				for j := range r.G {
					near(t, "potential g", r.G[j]+shift, want.G[j], 1e-7)
				}
				exact := mustExact(t, dev, Problem[float64]{Source: source, A: a, B: b})
				if k := r.Certificate; k.Lower > exact.Certificate.Upper || k.Upper < exact.Certificate.Lower {
					t.Errorf("%+v does not enclose the exact cost %v", k, exact.Cost)
				}
				plan := device.NewDense[float64](n, m)
				if err := r.Plan(plan); err != nil {
					t.Fatal(err)
				}
				rows, cols := sums(plan)
				wa, _ := widen(a, n)
				wb, _ := widen(b, m)
				spent := 0.0
				for k, v := range plan.Data {
					spent += v * c.Data[k]
				}
				near(t, "marginals of the plan", l1(rows, wa)+l1(cols, wb), 0, 1e-12)
				near(t, "cost of the plan", spent, r.Cost, 1e-12)
			}
			single := Grid[float32](test.x, test.y, test.p)
			o := Options{Epsilon: .1 * (largest(c) + .01), Normalize: true}
			want := must(t, dev, Problem[float64]{Source: source, A: a, B: b}, o)
			near(t, "float32", must(t, dev, Problem[float32]{Source: single, A: convert[float32](a), B: convert[float32](b)}, o).Objective, want.Objective, 1e-6)
			o.Method = Scaling
			near(t, "scaling", must(t, dev, Problem[float64]{Source: source, A: a, B: b}, o).Objective, want.Objective, 1e-8)
		}
	})
}

// Bounds hold for a plan that is far from converged, masses scale, and scales
// do not matter.
func TestGridBounds(t *testing.T) {
	x := [][]float64{axis(9, .1), axis(8, .1)}
	a, b := image(3, 72), image(4, 72)
	source := Grid[float64](x, x, 2)
	exact := mustExact(t, device.Go(), Problem[float64]{Source: source, A: a, B: b})
	for _, its := range []int{1, 3, 20} {
		r, err := Solve(t.Context(), device.Go(), Problem[float64]{Source: source, A: a, B: b}, Options{Epsilon: 2e-3, MaxIterations: its, Normalize: true})
		if !errors.Is(err, device.ErrNotConverged) {
			t.Fatal(err)
		}
		if k := r.Certificate; k.Lower > exact.Certificate.Upper || k.Upper < exact.Certificate.Lower || math.IsNaN(k.Gap) {
			t.Errorf("%d iterations: %+v does not enclose %v", its, k, exact.Cost)
		}
	}
	o := Options{Epsilon: .01}
	for k := range a {
		a[k], b[k] = 3./72, 3./72
	}
	heavy := must(t, device.Go(), Problem[float64]{Source: source, A: a, B: b}, o)
	unit := must(t, device.Go(), Problem[float64]{Source: source}, o)
	near(t, "cost of mass 3", heavy.Cost, 3*unit.Cost, 1e-9)
	far := [][]float64{axis(9, .1*0x1p300), axis(8, .1*0x1p300)}
	o.Epsilon *= 0x1p600
	near(t, "scaled", must(t, device.Go(), Problem[float64]{Source: Grid[float64](far, far, 2)}, o).Cost/0x1p600, unit.Cost, 1e-12)
	warm := must(t, device.Go(), Problem[float64]{Source: source, Warm: unit.G}, Options{Epsilon: .01})
	if warm.Iterations > window {
		t.Errorf("%d iterations from the solution", warm.Iterations)
	}
}

func TestGridRefuses(t *testing.T) {
	x := [][]float64{{0, 1}, {0, 1, 2}}
	ok := Options{Epsilon: 1}
	for name, test := range map[string]struct {
		p    Problem[float64]
		o    Options
		want error
	}{
		"axes":      {Problem[float64]{Source: Grid[float64](x, x[:1], 2)}, ok, device.ErrShape},
		"no axes":   {Problem[float64]{Source: Grid[float64](nil, nil, 2)}, ok, device.ErrEmpty},
		"no points": {Problem[float64]{Source: Grid[float64]([][]float64{{}}, [][]float64{{1}}, 2)}, ok, device.ErrEmpty},
		"NaN":       {Problem[float64]{Source: Grid[float64]([][]float64{{math.NaN()}}, [][]float64{{1}}, 2)}, ok, device.ErrNotFinite},
		"exponent":  {Problem[float64]{Source: Grid[float64](x, x, 0)}, ok, device.ErrArgument},
		"overflow":  {Problem[float64]{Source: Grid[float64]([][]float64{{1e200}}, [][]float64{{-1e200}}, 2)}, ok, device.ErrNotFinite},
		"length":    {Problem[float64]{Source: Grid[float64](x, x, 2), A: []float64{1}}, ok, device.ErrShape},
		"no mass":   {Problem[float64]{Source: Grid[float64](x, x, 2), A: make([]float64, 6)}, ok, device.ErrArgument},
		"ε":         {Problem[float64]{Source: Grid[float64](x, x, 2)}, Options{Epsilon: 1e-20}, device.ErrArgument},
		"fine":      {Problem[float64]{Source: Grid[float64](x, x, 2)}, ok, nil},
		"one place": {Problem[float64]{Source: Grid[float64]([][]float64{{1, 1}}, [][]float64{{1, 1}}, 2)}, ok, nil},
	} {
		refuses(t, name, test.want, func() error {
			_, err := Solve(t.Context(), device.Go(), test.p, test.o)
			return err
		})
	}
	refuses(t, "no device", device.ErrClosed, func() error {
		_, err := Solve(t.Context(), nil, Problem[float64]{Source: Grid[float64](x, x, 2)}, ok)
		return err
	})
	late := refusal.After(1)
	big := [][]float64{axis(20, .05), axis(20, .05)}
	refuses(t, "ended context", context.Canceled, func() error {
		_, err := Solve(late, device.Go(), Problem[float64]{Source: Grid[float64](big, big, 2), A: image(1, 400), B: image(2, 400)}, Options{Epsilon: 1e-3, Normalize: true})
		return err
	})
	if late.Late() != 0 {
		t.Errorf("looked %d times after the end", late.Late())
	}
}

func BenchmarkGrid(b *testing.B) {
	dev := fastDevice(b)
	for _, side := range []int{64, 128, 256, 512} {
		x := [][]float64{axis(side, 1/float64(side)), axis(side, 1/float64(side))}
		p := Problem[float64]{Source: Grid[float64](x, x, 2), A: image(1, side*side), B: image(2, side*side)}
		b.Run(map[int]string{64: "64", 128: "128", 256: "256", 512: "512"}[side], func(b *testing.B) {
			for b.Loop() {
				r, err := Solve(b.Context(), dev, p, Options{Epsilon: 2e-3, Tol: 1e-6, Normalize: true})
				if err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(float64(r.Iterations), "iterations")
			}
		})
	}
}
