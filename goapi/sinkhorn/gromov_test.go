package sinkhorn

import (
	"context"
	"errors"
	"math"
	"strconv"
	"testing"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/tests/devices"
	"github.com/ritz-go/ritz/tests/refusal"
)

// mustGromov solves and checks what every result promises, by the definition
// of the value with its four sums.
func mustGromov[T device.Float](t *testing.T, dev device.Device, p GromovProblem[T], o GromovOptions) *GromovResult[T] {
	t.Helper()
	r, err := Gromov(context.Background(), dev, p, o)
	if err != nil {
		t.Fatal(err)
	}
	cx, cy := device.Convert[float64](p.CostX), device.Convert[float64](p.CostY)
	if absent(p.CostX) {
		x := device.Convert[float64](p.X)
		cx = distances(x, x, 2)
	}
	if absent(p.CostY) {
		y := device.Convert[float64](p.Y)
		cy = distances(y, y, 2)
	}
	n, m := cx.Rows, cy.Rows
	a, mass := widen(p.A, n)
	b, _ := widen(p.B, m)
	rows, cols := sums(r.Plan)
	quadratic, linear := 0.0, 0.0
	for i := range n {
		near(t, "row of the plan", rows[i], a[i]*mass, 100*device.Epsilon[T]()*mass)
		for j := range m {
			pij := float64(r.Plan.At(i, j)) / mass
			if !absent(p.Linear) {
				linear += pij * float64(p.Linear.At(i, j))
			}
			for k := range n {
				for l := range m {
					d := cx.At(i, k) - cy.At(j, l)
					quadratic += d * d * pij * float64(r.Plan.At(k, l)) / mass
				}
			}
		}
	}
	for j := range m {
		near(t, "column of the plan", cols[j], b[j]*mass, 100*device.Epsilon[T]()*mass)
	}
	size := max(largest(cx), largest(cy))
	size *= size * mass
	near(t, "quadratic part", r.Quadratic, quadratic*mass, 64*device.Epsilon[T]()*size)
	near(t, "linear part", r.Linear, linear*mass, 64*device.Epsilon[T]()*(size+mass*largestAbs(p.Linear)))
	k := r.Certificate
	if !(k.Lower <= r.Value && r.Value <= k.Upper) || !r.Converged {
		t.Errorf("value %v, certificate %+v", r.Value, k)
	}
	for i, v := range r.History[1:] {
		if v > r.History[i]+.05*size {
			t.Errorf("the objective rises from %v to %v in step %d", r.History[i], v, i)
		}
	}
	return r
}

// gromovClouds are the clouds of testdata/make.py.
func gromovClouds() GromovProblem[float64] {
	const n, m = 30, 36
	return GromovProblem[float64]{
		X: device.Dense[float64]{Rows: n, Cols: 2, Stride: 2, Data: lcg(3, 2*n)},
		Y: device.Dense[float64]{Rows: m, Cols: 3, Stride: 3, Data: lcg(5, 3*m)},
		B: rising(m),
	}
}

// POT's couplings, from the product of the masses, and the same iteration for
// the fused problem.
func TestGromovAgainstPOT(t *testing.T) {
	g := golden(t)
	p := gromovClouds()
	fused := p
	fused.Linear = distances(p.X, p.Y.Slice(0, 36, 0, 2), 2)
	onDevices(t, func(t *testing.T, dev device.Device) {
		for key, v := range g.Gromov {
			want, ok := v.(map[string]any)
			if !ok {
				continue
			}
			ε, err := strconv.ParseFloat(key, 64)
			if err != nil {
				t.Fatal(err)
			}
			r := mustGromov(t, dev, p, GromovOptions{Epsilon: ε, Tol: 1e-9})
			objective := want["gw"].(float64) + ε*want["kl"].(float64)
			// Another start may find a better minimum.
			if r.Objective > objective+1e-8 {
				t.Errorf("ε = %v: objective %v, POT finds %v", ε, r.Objective, objective)
			}
			if ε == .1 {
				near(t, "value", r.Value, want["gw"].(float64), 1e-7)
			}
			costs := p
			costs.X, costs.CostX = device.Dense[float64]{}, distances(p.X, p.X, 2)
			costs.Y, costs.CostY = device.Dense[float64]{}, distances(p.Y, p.Y, 2)
			near(t, "objective of stored costs", mustGromov(t, dev, costs, GromovOptions{Epsilon: ε, Tol: 1e-9}).Objective, r.Objective, 1e-9)
			single := GromovProblem[float32]{X: device.Convert[float32](p.X), Y: device.Convert[float32](p.Y), B: convert[float32](p.B)}
			near(t, "float32", mustGromov(t, dev, single, GromovOptions{Epsilon: ε}).Objective, r.Objective, 1e-3)
		}
		for key, want := range g.Fused {
			α, err := strconv.ParseFloat(key, 64)
			if err != nil {
				t.Fatal(err)
			}
			q := fused
			q.Alpha = α
			r := mustGromov(t, dev, q, GromovOptions{Epsilon: .05, Tol: 1e-9})
			if objective := α*want["gw"] + (1-α)*want["linear"] + .05*want["kl"]; r.Objective > objective+1e-8 {
				t.Errorf("α = %v: objective %v, the plain iteration finds %v", α, r.Objective, objective)
			}
		}
	})
}

// A rotated, moved and shuffled cloud is the same space: the coupling finds the
// permutation, and the value is 0.
func TestGromovFindsIsometry(t *testing.T) {
	const n = 12
	x := device.Dense[float64]{Rows: n, Cols: 2, Stride: 2, Data: lcg(8, 2*n)}
	y := device.NewDense[float64](n, 2)
	sin, cos := math.Sincos(1)
	for i := range n {
		to := y.Row(i * 7 % n)
		to[0], to[1] = 3+cos*x.At(i, 0)-sin*x.At(i, 1), sin*x.At(i, 0)+cos*x.At(i, 1)-5
	}
	onDevices(t, func(t *testing.T, dev device.Device) {
		r := mustGromov(t, dev, GromovProblem[float64]{X: x, Y: y}, GromovOptions{Epsilon: 2e-3})
		for i := range n {
			if v := r.Plan.At(i, i*7%n); v < .9/n {
				t.Errorf("point %d goes to its image with %v of its mass", i, v*n)
			}
		}
		if r.Value > 1e-3 || r.Certificate.Lower > r.Value || r.Certificate.Lower < -1e-9 {
			t.Errorf("value %v, certificate %+v", r.Value, r.Certificate)
		}
	})
}

// Distances that are not conditionally negative, where the plain iteration may
// swing; masses; points without mass; and scales.
func TestGromovCosts(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		n := devices.Size(dev, 16, 8)
		u := lcg(21, 2*n*n)
		cx, cy := device.NewDense[float64](n, n), device.NewDense[float64](n, n)
		for i := range n {
			for j := range i {
				a, b := u[i*n+j]-.5, u[n*n+i*n+j]-.5
				cx.Set(i, j, a)
				cx.Set(j, i, a)
				cy.Set(i, j, b)
				cy.Set(j, i, b)
			}
		}
		p := GromovProblem[float64]{CostX: cx, CostY: cy}
		o := GromovOptions{Epsilon: .02, MaxIterations: 3000}
		want := mustGromov(t, dev, p, o)
		for k, v := range want.History[1:] {
			if v > want.History[k]+.03*math.Pow(.8, float64(k)) {
				t.Errorf("the objective rises from %v to %v", want.History[k], v)
			}
		}
		heavy := p
		heavy.A, heavy.B = make([]float64, n), make([]float64, n)
		for i := range n {
			heavy.A[i], heavy.B[i] = 5/float64(n), 5/float64(n)
		}
		near(t, "value of mass 5", mustGromov(t, dev, heavy, o).Value, 5*want.Value, 1e-6)
		scaled := p
		scaled.CostX, scaled.CostY = cx.Clone(), cy.Clone()
		for k := range cx.Data {
			scaled.CostX.Data[k] *= 0x1p60
			scaled.CostY.Data[k] *= 0x1p60
		}
		o.Epsilon *= 0x1p120
		near(t, "value of scaled costs", mustGromov(t, dev, scaled, o).Value/0x1p120, want.Value, 1e-9)
		o.Epsilon = .02
		holes := p
		holes.A = make([]float64, n)
		for i := range n - 2 {
			holes.A[i] = 1 / float64(n-2)
		}
		part := p
		part.CostX = cx.Slice(0, n-2, 0, n-2)
		near(t, "value without two points", mustGromov(t, dev, holes, o).Value, mustGromov(t, dev, part, o).Value, 1e-9)
	})
}

func TestGromovRefuses(t *testing.T) {
	x := device.Dense[float64]{Rows: 3, Cols: 2, Stride: 2, Data: []float64{0, 1, 1, 0, 2, 2}}
	c := distances(x, x, 2)
	skew := c.Clone()
	skew.Set(0, 1, 7)
	ok := GromovOptions{Epsilon: 1}
	for name, test := range map[string]struct {
		p    GromovProblem[float64]
		o    GromovOptions
		want error
	}{
		"nothing":        {GromovProblem[float64]{}, ok, device.ErrEmpty},
		"one side":       {GromovProblem[float64]{X: x}, ok, device.ErrEmpty},
		"both kinds":     {GromovProblem[float64]{X: x, CostX: c, Y: x}, ok, device.ErrArgument},
		"not symmetric":  {GromovProblem[float64]{CostX: skew, Y: x}, ok, device.ErrArgument},
		"not square":     {GromovProblem[float64]{CostX: x, Y: x}, ok, device.ErrShape},
		"NaN":            {GromovProblem[float64]{CostX: device.Vector([]float64{math.NaN()}), Y: x}, ok, device.ErrNotFinite},
		"infinite point": {GromovProblem[float64]{X: device.Vector([]float64{math.Inf(1)}), Y: x}, ok, device.ErrNotFinite},
		"linear shape":   {GromovProblem[float64]{X: x, Y: x, Linear: x}, ok, device.ErrShape},
		"linear NaN":     {GromovProblem[float64]{X: x, Y: device.Vector([]float64{1}), Linear: device.Dense[float64]{Rows: 3, Cols: 1, Stride: 1, Data: []float64{1, math.NaN(), 2}}}, ok, device.ErrNotFinite},
		"alpha":          {GromovProblem[float64]{X: x, Y: x, Linear: c, Alpha: 1.5}, ok, device.ErrArgument},
		"alpha alone":    {GromovProblem[float64]{X: x, Y: x, Alpha: .5}, ok, device.ErrArgument},
		"length of A":    {GromovProblem[float64]{X: x, Y: x, A: []float64{1}}, ok, device.ErrShape},
		"negative B":     {GromovProblem[float64]{X: x, Y: x, B: []float64{1, 1, -1}}, ok, device.ErrArgument},
		"masses":         {GromovProblem[float64]{X: x, Y: x, A: []float64{1, 1, 1}, B: []float64{1, 1, 2}}, ok, device.ErrArgument},
		"no ε":           {GromovProblem[float64]{X: x, Y: x}, GromovOptions{}, device.ErrArgument},
		"tiny ε":         {GromovProblem[float64]{X: x, Y: x}, GromovOptions{Epsilon: 1e-20}, device.ErrArgument},
		"tolerance":      {GromovProblem[float64]{X: x, Y: x}, GromovOptions{Epsilon: 1, Tol: -1}, device.ErrArgument},
		"iterations":     {GromovProblem[float64]{X: x, Y: x}, GromovOptions{Epsilon: 1, MaxIterations: -1}, device.ErrArgument},
		"starts":         {GromovProblem[float64]{X: x, Y: x}, GromovOptions{Epsilon: 1, Starts: -1}, device.ErrArgument},
		"one point":      {GromovProblem[float64]{X: device.Vector([]float64{1}), Y: x}, ok, nil},
		"equal points":   {GromovProblem[float64]{X: device.NewDense[float64](3, 2), Y: device.NewDense[float64](2, 2)}, ok, nil},
		"many starts":    {GromovProblem[float64]{X: x, Y: x}, GromovOptions{Epsilon: 1, Starts: 5}, nil},
	} {
		refuses(t, name, test.want, func() error {
			r, err := Gromov(t.Context(), device.Go(), test.p, test.o)
			if (r == nil) != (err != nil) {
				t.Errorf("%s: error %v, result: %v", name, err, r != nil)
			}
			return err
		})
	}
	p := gromovClouds()
	for looks := range 4 {
		late := refusal.After(looks)
		refuses(t, "ended context", context.Canceled, func() error {
			_, err := Gromov(late, device.Go(), p, GromovOptions{Epsilon: .01})
			return err
		})
		if late.Late() != 0 {
			t.Errorf("looked %d times after the end", late.Late())
		}
	}
	seen := 0
	r, err := Gromov(t.Context(), device.Go(), p, GromovOptions{Epsilon: .01, MaxIterations: 2, Starts: 1, Progress: func(k int, moved float64) {
		if seen++; seen != k || !(moved >= 0) {
			t.Errorf("call %d says %d, %v", seen, k, moved)
		}
	}})
	if !errors.Is(err, device.ErrNotConverged) || r == nil || r.Converged || seen != 2 {
		t.Errorf("%d calls: %v", seen, err)
	}
	refuses(t, "no device", device.ErrClosed, func() error {
		_, err := Gromov(t.Context(), nil, p, GromovOptions{Epsilon: 1})
		return err
	})
}

func BenchmarkGromov(b *testing.B) {
	dev := fastDevice(b)
	p := GromovProblem[float64]{X: cloud[float64](1, 500, 2), Y: cloud[float64](2, 500, 3)}
	for b.Loop() {
		r, err := Gromov(context.Background(), dev, p, GromovOptions{Epsilon: .02, Starts: 1, Tol: 1e-6})
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(r.Iterations), "iterations")
	}
}
