package sinkhorn

import (
	"context"
	"errors"
	"math"
	"testing"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/tests/refusal"
)

func TestInvalid(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	c := device.Dense[float64]{Rows: 2, Cols: 3, Stride: 3, Data: []float64{1, 2, 3, 4, 5, 6}}
	with := func(v float64) device.Dense[float64] {
		d := c.Clone()
		d.Data[4] = v
		return d
	}
	x := device.Dense[float64]{Rows: 2, Cols: 1, Stride: 1, Data: []float64{0, 1}}
	ok := Options{Epsilon: 1}
	for name, test := range map[string]struct {
		p    Problem[float64]
		o    Options
		want error
	}{
		"nothing":            {Problem[float64]{}, ok, device.ErrEmpty},
		"costs and points":   {Problem[float64]{Cost: c, X: x, Y: x}, ok, device.ErrArgument},
		"one cloud":          {Problem[float64]{X: x}, ok, device.ErrEmpty},
		"dimensions":         {Problem[float64]{X: x, Y: c}, ok, device.ErrShape},
		"P":                  {Problem[float64]{X: x, Y: x, P: 3}, ok, device.ErrArgument},
		"NaN cost":           {Problem[float64]{Cost: with(nan)}, ok, device.ErrNotFinite},
		"cost -Inf":          {Problem[float64]{Cost: with(-inf)}, ok, device.ErrNotFinite},
		"NaN point":          {Problem[float64]{X: x, Y: device.Dense[float64]{Rows: 1, Cols: 1, Stride: 1, Data: []float64{nan}}}, ok, device.ErrNotFinite},
		"empty costs":        {Problem[float64]{Cost: device.Dense[float64]{Rows: 0, Cols: 3, Stride: 3, Data: []float64{}}}, ok, device.ErrEmpty},
		"short data":         {Problem[float64]{Cost: device.Dense[float64]{Rows: 3, Cols: 3, Stride: 3, Data: c.Data}}, ok, device.ErrShape},
		"length of A":        {Problem[float64]{Cost: c, A: []float64{1}}, ok, device.ErrShape},
		"length of B":        {Problem[float64]{Cost: c, B: []float64{.5, .5}}, ok, device.ErrShape},
		"length of Warm":     {Problem[float64]{Cost: c, Warm: []float64{.5, .5}}, ok, device.ErrShape},
		"NaN in Warm":        {Problem[float64]{Cost: c, Warm: []float64{0, 0, nan}}, ok, device.ErrNotFinite},
		"negative weight":    {Problem[float64]{Cost: c, A: []float64{1.5, -.5}}, ok, device.ErrArgument},
		"NaN weight":         {Problem[float64]{Cost: c, A: []float64{1, nan}}, ok, device.ErrNotFinite},
		"no mass":            {Problem[float64]{Cost: c, A: []float64{0, 0}}, ok, device.ErrArgument},
		"no mass normalised": {Problem[float64]{Cost: c, A: []float64{0, 0}}, Options{Epsilon: 1, Normalize: true}, device.ErrArgument},
		"unequal masses":     {Problem[float64]{Cost: c, A: []float64{1, 1}, B: []float64{1, 1, 1}}, ok, device.ErrArgument},
		"infinite mass":      {Problem[float64]{Cost: c, A: []float64{1e308, 1e308}}, ok, device.ErrArgument},
		"no ε":               {Problem[float64]{Cost: c}, Options{}, device.ErrArgument},
		"negative ε":         {Problem[float64]{Cost: c}, Options{Epsilon: -1}, device.ErrArgument},
		"NaN ε":              {Problem[float64]{Cost: c}, Options{Epsilon: nan}, device.ErrArgument},
		"infinite ε":         {Problem[float64]{Cost: c}, Options{Epsilon: inf}, device.ErrArgument},
		"ε below rounding":   {Problem[float64]{Cost: c}, Options{Epsilon: 1e-20}, device.ErrArgument},
		"Tol":                {Problem[float64]{Cost: c}, Options{Epsilon: 1, Tol: -1}, device.ErrArgument},
		"NaN Tol":            {Problem[float64]{Cost: c}, Options{Epsilon: 1, Tol: nan}, device.ErrArgument},
		"MaxIterations":      {Problem[float64]{Cost: c}, Options{Epsilon: 1, MaxIterations: -1}, device.ErrArgument},
		"Method":             {Problem[float64]{Cost: c}, Options{Epsilon: 1, Method: "exact"}, device.ErrArgument},
		"Relaxation 2":       {Problem[float64]{Cost: c}, Options{Epsilon: 1, Relaxation: 2}, device.ErrArgument},
		"Relaxation 0.5":     {Problem[float64]{Cost: c}, Options{Epsilon: 1, Relaxation: .5}, device.ErrArgument},
		"Memory":             {Problem[float64]{Cost: c}, Options{Epsilon: 1, Memory: -1}, device.ErrArgument},
	} {
		t.Run(name, func(t *testing.T) {
			if r, err := Solve(context.Background(), device.Go(), test.p, test.o); !errors.Is(err, test.want) || r != nil {
				t.Errorf("error %v, want %v", err, test.want)
			}
		})
	}
}

func TestNormalize(t *testing.T) {
	c := device.Dense[float64]{Rows: 2, Cols: 2, Stride: 2, Data: []float64{0, 1, 3, 0}}
	want := must(t, device.Go(), Problem[float64]{Cost: c, A: []float64{.25, .75}, B: []float64{.5, .5}}, Options{Epsilon: .1})
	got := must(t, device.Go(), Problem[float64]{Cost: c, A: []float64{2, 6}, B: []float64{7, 7}}, Options{Epsilon: .1, Normalize: true})
	near(t, "cost", got.Cost, want.Cost, 1e-15)
	// A side left out takes the mass of the other one.
	double := must(t, device.Go(), Problem[float64]{Cost: c, A: []float64{.5, 1.5}}, Options{Epsilon: .1})
	near(t, "cost of mass 2", double.Cost, 2*want.Cost, 1e-14)
	near(t, "upper bound of mass 2", double.Certificate.Upper, 2*want.Certificate.Upper, 1e-13)
}

// Points without mass change nothing but get potentials: those with which
// their row or column of the kernel sums to one.
func TestZeroWeights(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		zeroWeights[float64](t, dev, 1e-9)
		zeroWeights[float32](t, dev, 1e-3)
	})
}

func zeroWeights[T device.Float](t *testing.T, dev device.Device, tol float64) {
	const ε = .05
	x, y := square(12, 20, 1)
	c := distances(x, y, 2)
	a, b := make([]float64, 20), make([]float64, 20)
	var ra, rb []int
	for i := range 20 {
		if i%3 != 0 {
			a[i], ra = 1./13, append(ra, i)
		}
		if i%4 != 1 {
			b[i], rb = 1./15, append(rb, i)
		}
	}
	small := device.NewDense[T](len(ra), len(rb))
	for k, i := range ra {
		for l, j := range rb {
			small.Set(k, l, T(c.At(i, j)))
		}
	}
	want := must(t, dev, Problem[T]{Cost: small}, Options{Epsilon: ε})
	for _, p := range []Problem[T]{
		{Cost: device.Convert[T](c), A: convert[T](a), B: convert[T](b)},
		{X: device.Convert[T](x), Y: device.Convert[T](y), A: convert[T](a), B: convert[T](b), Warm: make([]T, 20)},
	} {
		r := must(t, dev, p, Options{Epsilon: ε})
		near(t, "cost", r.Cost, want.Cost, tol)
		plan := device.NewDense[T](20, 20)
		if err := r.Plan(plan); err != nil {
			t.Fatal(err)
		}
		rows, cols := sums(plan)
		if e := l1(rows, a) + l1(cols, b); e > 50*device.Epsilon[T]() {
			t.Errorf("marginals off by %v", e)
		}
		for i := range 20 {
			row, col := 0.0, 0.0
			for j := range 20 {
				row += b[j] * math.Exp((float64(r.F[i])+float64(r.G[j])-c.At(i, j))/ε)
				col += a[j] * math.Exp((float64(r.F[j])+float64(r.G[i])-c.At(j, i))/ε)
			}
			near(t, "row of the kernel", row, 1, 100*tol)
			near(t, "column of the kernel", col, 1, 100*tol)
		}
		f, g := r.EntropyPotentials()
		if !math.IsInf(float64(f[0]), -1) || !math.IsInf(float64(g[1]), -1) {
			t.Errorf("entropy potentials %v and %v of points without mass", f[0], g[1])
		}
	}
}

func TestShapes(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		shapes[float64](t, dev)
		shapes[float32](t, dev)
	})
}

func shapes[T device.Float](t *testing.T, dev device.Device) {
	for _, s := range [][2]int{{1, 1}, {1, 7}, {7, 1}, {2, 9}, {33, 5}} {
		n, m := s[0], s[1]
		c := device.Dense[T]{Rows: n, Cols: m, Stride: m + 2, Data: make([]T, n*(m+2))}
		for i := range n {
			for j := range m {
				c.Set(i, j, T(i*i+3*j)/T(n+m))
			}
		}
		for _, method := range []Method{Log, Scaling} {
			r := must(t, dev, Problem[T]{Cost: c}, Options{Epsilon: .5, Method: method})
			if len(r.F) != n || len(r.G) != m {
				t.Fatalf("%d×%d: %d and %d potentials", n, m, len(r.F), len(r.G))
			}
			// i²+3j is a sum of functions of i and j: every plan is optimal.
			want := 0.0
			for i := range n {
				for j := range m {
					want += float64(c.At(i, j)) / float64(n*m)
				}
			}
			near(t, "cost", r.Cost, want, 1e-5*(1+want))
		}
	}
	// Equal costs: the plan is a⊗b at once.
	r := must(t, dev, Problem[T]{Cost: device.NewDense[T](4, 5)}, Options{Epsilon: 1e-3})
	near(t, "cost", r.Cost, 0, 0)
}

// Costs near the ends of the number range.
func TestScales(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		scales[float64](t, dev, []float64{1e-300, 1e-160, 1e160, 1e300}, 1e-8)
		scales[float32](t, dev, []float64{1e-36, 1e-20, 1e20, 1e36}, 1e-3)
	})
}

func scales[T device.Float](t *testing.T, dev device.Device, list []float64, tol float64) {
	x, y := square(13, 12, 1)
	c := distances(x, y, 2)
	want := must(t, dev, Problem[T]{Cost: device.Convert[T](c)}, Options{Epsilon: .02})
	for _, s := range list {
		scaled := device.NewDense[T](12, 12)
		for i, v := range c.Data {
			scaled.Data[i] = T(v * s)
		}
		r := must(t, dev, Problem[T]{Cost: scaled}, Options{Epsilon: .02 * s})
		near(t, "cost of scaled costs", r.Cost/s, want.Cost, tol*want.Cost)
		near(t, "objective of scaled costs", r.Objective/s, want.Objective, tol*want.Objective)
		warm := must(t, dev, Problem[T]{Cost: scaled, Warm: r.G}, Options{Epsilon: .02 * s})
		if warm.Iterations > window {
			t.Errorf("scale %g: %d iterations from the solution", s, warm.Iterations)
		}
		// Points whose squared distances have that scale.
		px, py := device.NewDense[T](12, 2), device.NewDense[T](12, 2)
		for i := range 24 {
			px.Data[i], py.Data[i] = T(x.Data[i]*math.Sqrt(s)), T(y.Data[i]*math.Sqrt(s))
		}
		r = must(t, dev, Problem[T]{X: px, Y: py}, Options{Epsilon: .02 * s})
		near(t, "cost of scaled points", r.Cost/s, want.Cost, tol*want.Cost)
	}
}

// What TestInvalid leaves out: shapes of all operands, float32, both methods.
func TestBadArguments(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		badArguments[float64](t, dev)
		badArguments[float32](t, dev)
	})
}

func badArguments[T device.Float](t *testing.T, dev device.Device) {
	nan, inf := T(math.NaN()), T(math.Inf(1))
	c := device.Dense[T]{Rows: 2, Cols: 3, Stride: 3, Data: []T{1, 2, 3, 4, 5, 6}}
	x := device.Dense[T]{Rows: 2, Cols: 1, Stride: 1, Data: []T{0, 1}}
	with := func(d device.Dense[T], v T) device.Dense[T] {
		d = d.Clone()
		d.Data[1] = v
		return d
	}
	for name, test := range map[string]struct {
		p    Problem[T]
		want error
	}{
		"nothing":              {Problem[T]{}, device.ErrEmpty},
		"-Inf cost":            {Problem[T]{Cost: with(c, -inf)}, device.ErrNotFinite},
		"NaN cost, no weight":  {Problem[T]{Cost: with(c, nan), B: []T{1, 0, 0}}, device.ErrNotFinite},
		"stride of costs":      {Problem[T]{Cost: device.Dense[T]{Rows: 2, Cols: 3, Stride: 2, Data: c.Data}}, device.ErrShape},
		"negative rows":        {Problem[T]{Cost: device.Dense[T]{Rows: -2, Cols: 3, Stride: 3, Data: c.Data}}, device.ErrShape},
		"no columns":           {Problem[T]{Cost: device.Dense[T]{Rows: 2, Data: []T{}}}, device.ErrEmpty},
		"no data":              {Problem[T]{Cost: device.Dense[T]{Rows: 2, Cols: 3, Stride: 3}}, device.ErrShape},
		"stride of X":          {Problem[T]{X: device.Dense[T]{Rows: 2, Cols: 3, Stride: 2, Data: c.Data}, Y: c}, device.ErrShape},
		"short Y":              {Problem[T]{X: x, Y: device.Dense[T]{Rows: 3, Cols: 1, Stride: 1, Data: make([]T, 2)}}, device.ErrShape},
		"points of no length":  {Problem[T]{X: device.Dense[T]{Rows: 2, Data: []T{}}, Y: device.Dense[T]{Rows: 2, Data: []T{}}}, device.ErrEmpty},
		"Inf in X":             {Problem[T]{X: with(x, inf), Y: x}, device.ErrNotFinite},
		"only Y":               {Problem[T]{Y: x}, device.ErrEmpty},
		"costs and one cloud":  {Problem[T]{Cost: c, Y: x}, device.ErrArgument},
		"P < 0":                {Problem[T]{X: x, Y: x, P: -1}, device.ErrArgument},
		"Inf in A":             {Problem[T]{Cost: c, A: []T{1, inf}}, device.ErrNotFinite},
		"-Inf in Warm":         {Problem[T]{Cost: c, Warm: []T{0, -inf, 0}}, device.ErrNotFinite},
		"empty A":              {Problem[T]{Cost: c, A: []T{}}, device.ErrShape},
		"long B":               {Problem[T]{Cost: c, B: make([]T, 4)}, device.ErrShape},
		"zero masses":          {Problem[T]{Cost: c, A: []T{0, 0}, B: []T{0, 0, 0}}, device.ErrArgument},
		"negative B":           {Problem[T]{Cost: c, B: []T{1, 1, -1}}, device.ErrArgument},
		"masses differ":        {Problem[T]{Cost: c, A: []T{1, 1}, B: []T{1, 1, 0.9}}, device.ErrArgument},
		"a single weight each": {Problem[T]{Cost: c, A: []T{0, 3}, B: []T{0, 3, 0}}, nil},
	} {
		for _, m := range []Method{Log, Scaling, Newton, Auto} {
			refuses(t, name, test.want, func() error {
				r, err := Solve(context.Background(), dev, test.p, Options{Epsilon: 1, Method: m})
				if err != nil && r != nil {
					t.Errorf("%s: a result with %v", name, err)
				}
				return err
			})
		}
	}
	r := must(t, dev, Problem[T]{Cost: c}, Options{Epsilon: 1})
	for name, dst := range map[string]device.Dense[T]{
		"zero value": {}, "transposed": device.NewDense[T](3, 2), "short": {Rows: 2, Cols: 3, Stride: 3, Data: make([]T, 5)},
		"stride": {Rows: 2, Cols: 3, Stride: 2, Data: make([]T, 9)}, "negative": {Rows: -2, Cols: 3, Stride: 3},
	} {
		refuses(t, "Plan, "+name, device.ErrShape, func() error { return r.Plan(dst) })
		refuses(t, "RawPlan, "+name, device.ErrShape, func() error { return r.RawPlan(dst) })
	}
	var none *Result[T]
	for _, r := range []*Result[T]{none, {}} {
		refuses(t, "Plan of nothing", device.ErrArgument, func() error { return r.Plan(device.Dense[T]{}) })
		refuses(t, "RawPlan of nothing", device.ErrArgument, func() error { return r.RawPlan(device.NewDense[T](2, 3)) })
		refuses(t, "potentials of nothing", nil, func() error {
			if f, g := r.EntropyPotentials(); f != nil || g != nil {
				t.Errorf("potentials %v and %v of nothing", f, g)
			}
			return nil
		})
	}
}

func TestClosedDevice(t *testing.T) {
	dev := device.Go()
	c := device.Dense[float64]{Rows: 2, Cols: 3, Stride: 3, Data: []float64{1, 2, 3, 4, 5, 6}}
	r := must(t, dev, Problem[float64]{Cost: c}, Options{Epsilon: 1})
	dev.Close()
	refuses(t, "Plan", device.ErrClosed, func() error { return r.Plan(device.NewDense[float64](2, 3)) })
	refuses(t, "RawPlan", device.ErrClosed, func() error { return r.RawPlan(device.NewDense[float64](2, 3)) })
	for name, dev := range map[string]device.Device{"closed": dev, "none": nil} {
		for _, m := range []Method{Log, Scaling} {
			refuses(t, name, device.ErrClosed, func() error {
				_, err := Solve(context.Background(), dev, Problem[float64]{Cost: c}, Options{Epsilon: 1, Method: m})
				return err
			})
			refuses(t, name, device.ErrClosed, func() error {
				_, err := Solve(context.Background(), dev, Problem[float32]{X: device.NewDense[float32](3, 2), Y: device.NewDense[float32](3, 2)}, Options{Epsilon: 1, Method: m})
				return err
			})
		}
	}
}

// The context ends the iteration before the next window.
func TestCancelledBetweenWindows(t *testing.T) {
	x, y := square(6, 50, 1)
	for looks := range 5 {
		for _, m := range []Method{Log, Scaling} {
			c := refusal.After(looks)
			refuses(t, string(m), context.Canceled, func() error {
				_, err := Solve(c, device.Go(), Problem[float64]{X: x, Y: y}, Options{Epsilon: 1e-3, Method: m})
				return err
			})
			if c.Late() != 0 {
				t.Errorf("%s looked %d times after the end", m, c.Late())
			}
		}
	}
}
