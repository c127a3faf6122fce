package spectrum

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/ritz-go/ritz/goapi/device"
)

// shift is not symmetric.
func shift[T device.Float](n int) Operator[T] {
	return Func(n, func(_ context.Context, dst, src []T) error {
		copy(dst, src[1:])
		dst[n-1] = 0
		return nil
	})
}

// constant returns products that hold v in one place.
func constant[T device.Float](n int, v float64) Operator[T] {
	return Func(n, func(_ context.Context, dst, src []T) error {
		clear(dst)
		dst[n/2] = T(v)
		return nil
	})
}

// wrong is an operator of the caller's own whose products have another shape.
type wrong[T device.Float] struct{ n int }

func (w wrong[T]) Dim() int { return w.n }
func (w wrong[T]) Apply(_ context.Context, q device.Queue[T], dst, src device.Matrix[T]) error {
	q.Copy(dst.Slice(0, dst.Rows, 0, w.n-1), src)
	return nil
}

// Every function that takes an operator refuses bad ones.
func TestBadOperators(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		t.Run("f64", func(t *testing.T) { testBadOperators[float64](t, dev) })
		t.Run("f32", func(t *testing.T) { testBadOperators[float32](t, dev) })
	})
}

func testBadOperators[T device.Float](t *testing.T, dev device.Device) {
	own := errors.New("no product today")
	q := device.NewQueue[T](dev)
	defer q.Close()
	start := q.Alloc(1, 30)
	q.Fill(1, start)
	for name, c := range map[string]struct {
		op   Operator[T]
		want error
	}{
		"nil":                 {nil, device.ErrArgument},
		"nil function":        {Func[T](30, nil), device.ErrArgument},
		"affine of nil":       {Affine[T](nil, 2, 1), device.ErrArgument},
		"affine of nil twice": {Affine(Affine[T](nil, 2, 1), 1, 1), device.ErrArgument},
		"affine, no function": {Affine(Func[T](30, nil), 2, 1), device.ErrArgument},
		"no dimension":        {diagonal[T](nil), device.ErrEmpty},
		"sum with nil":        {Sum(diagonal[T](outliers(30)), nil), device.ErrArgument},
		"sum of two sizes":    {Sum(diagonal[T](outliers(30)), diagonal[T](outliers(31))), device.ErrShape},
		"negative dimension":  {Func(-3, func(context.Context, []T, []T) error { return nil }), device.ErrEmpty},
		"NaN product":         {constant[T](30, math.NaN()), device.ErrNotFinite},
		"infinite product":    {constant[T](30, math.Inf(1)), device.ErrNotFinite},
		"NaN scale":           {Affine(diagonal[T](outliers(30)), T(math.NaN()), 0), device.ErrNotFinite},
		"infinite shift":      {Affine(diagonal[T](outliers(30)), 1, T(math.Inf(1))), device.ErrNotFinite},
		"own error":           {Func(30, func(context.Context, []T, []T) error { return own }), own},
		"own error, affine":   {Affine(Func(30, func(context.Context, []T, []T) error { return own }), 1, 2), own},
		"wrong shape":         {wrong[T]{30}, device.ErrShape},
		"not symmetric":       {shift[T](30), device.ErrArgument},
		"huge dimension":      {Func(1<<60, func(context.Context, []T, []T) error { return nil }), device.ErrShape},
	} {
		if name != "not symmetric" { // one start vector sees nothing of that
			refuses(t, "Lanczos, "+name, c.want, func() error {
				v := start
				if name == "huge dimension" {
					v = q.Alloc(1, 29)
				}
				_, err := Lanczos(ctx, q, c.op, v, 5, FullReorth)
				return err
			})
		}
		refuses(t, "Eigs, "+name, c.want, func() error { _, err := Eigs(ctx, dev, c.op, EigsOptions{K: 2}); return err })
		refuses(t, "SLQ, "+name, c.want, func() error { _, err := SLQ(ctx, dev, c.op, SLQOptions{Probes: 3, Steps: 5}); return err })
		refuses(t, "KPM, "+name, c.want, func() error { _, err := KPM(ctx, dev, c.op, KPMOptions{Moments: 6, Probes: 3}); return err })
		refuses(t, "LOBPCG, "+name, c.want, func() error {
			_, err := LOBPCG(ctx, dev, c.op, nil, device.Dense[T]{}, LOBPCGOptions{K: 2})
			return err
		})
		refuses(t, "Diag, "+name, c.want, func() error { _, err := Diag(ctx, dev, c.op, DiagOptions{Budget: 12}); return err })
		refuses(t, "planned trace, "+name, c.want, func() error { _, err := Trace(ctx, dev, c.op, TraceOptions{Target: 0.1}); return err })
		for _, m := range []TraceMethod{Hutchinson, HutchPP, XTrace, XNysTrace} {
			for _, budget := range []int{12, 100} {
				if name == "huge dimension" && budget == 100 {
					continue // the same again
				}
				refuses(t, string(m)+", "+name, c.want, func() error {
					_, err := Trace(ctx, dev, c.op, TraceOptions{Method: m, Budget: budget})
					return err
				})
			}
		}
		if c.want == device.ErrArgument && name != "not symmetric" || c.want == device.ErrEmpty {
			refuses(t, "Restrict, "+name, c.want, func() error { _, err := Restrict(c.op, 0, 1); return err })
		}
	}
}

func TestBadOptions(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		nan, inf := math.NaN(), math.Inf(1)
		good := diagonal[float64](outliers(50))
		for name, c := range map[string]struct {
			o    EigsOptions
			want error
		}{
			"k = 0":             {EigsOptions{}, device.ErrArgument},
			"k < 0":             {EigsOptions{K: -2}, device.ErrArgument},
			"k > n":             {EigsOptions{K: 51}, device.ErrArgument},
			"huge k":            {EigsOptions{K: math.MaxInt}, device.ErrArgument},
			"which":             {EigsOptions{K: 1, Which: "XX"}, device.ErrArgument},
			"Tol < 0":           {EigsOptions{K: 1, Tol: -1}, device.ErrArgument},
			"Tol 1":             {EigsOptions{K: 1, Tol: 1}, device.ErrArgument},
			"NaN Tol":           {EigsOptions{K: 1, Tol: nan}, device.ErrArgument},
			"infinite Tol":      {EigsOptions{K: 1, Tol: inf}, device.ErrArgument},
			"basis < 0":         {EigsOptions{K: 1, Basis: -1}, device.ErrArgument},
			"small basis":       {EigsOptions{K: 10, Basis: 11}, device.ErrArgument},
			"huge basis":        {EigsOptions{K: 1, Basis: math.MaxInt}, nil},
			"block < 0":         {EigsOptions{K: 1, Block: -1}, device.ErrArgument},
			"huge block":        {EigsOptions{K: 1, Block: math.MaxInt, Basis: 50}, nil},
			"products < 0":      {EigsOptions{K: 1, MaxProducts: -1}, device.ErrArgument},
			"one product":       {EigsOptions{K: 1, MaxProducts: 1}, device.ErrNotConverged},
			"k = n":             {EigsOptions{K: 50}, nil},
			"k = n, block of 7": {EigsOptions{K: 50, Block: 7}, nil},
		} {
			refuses(t, "Eigs, "+name, c.want, func() error { _, err := Eigs(ctx, dev, good, c.o); return err })
		}
		for name, o := range map[string]SLQOptions{"probes": {Probes: -1}, "steps": {Steps: -1}} {
			refuses(t, "SLQ, "+name, device.ErrArgument, func() error { _, err := SLQ(ctx, dev, good, o); return err })
		}
		for name, o := range map[string]SLQOptions{"no memory": {Probes: 2, Steps: 3, Memory: 1}, "all memory": {Probes: 2, Steps: 3, Memory: math.MaxUint64}, "more steps than dimensions": {Probes: 1, Steps: 1000}} {
			refuses(t, "SLQ, "+name, nil, func() error { _, err := SLQ(ctx, dev, good, o); return err })
		}
		for name, o := range map[string]TraceOptions{
			"method": {Method: "magic"}, "budget": {Budget: -1}, "hutchinson": {Method: Hutchinson, Budget: -1},
			"hutch++": {Method: HutchPP, Budget: 5}, "xtrace": {Budget: 3}, "xnystrace": {Method: XNysTrace, Budget: 1},
		} {
			refuses(t, "Trace, "+name, device.ErrArgument, func() error { _, err := Trace(ctx, dev, good, o); return err })
		}
		refuses(t, "huge budget", nil, func() error { _, err := Trace(ctx, dev, good, TraceOptions{Budget: math.MaxInt}); return err })

		q := dev.F64()
		defer q.Close()
		start, bad := q.Alloc(1, 50), q.Alloc(1, 50)
		q.Fill(1, start)
		q.Fill(nan, bad)
		huge := q.Alloc(1, 50)
		q.Fill(1e300, huge)
		for name, c := range map[string]struct {
			start device.Matrix[float64]
			steps int
			r     Reorthogonalization
			want  error
		}{
			"zero":          {q.Alloc(1, 50), 5, FullReorth, device.ErrArgument},
			"NaN":           {bad, 5, FullReorth, device.ErrArgument},
			"none":          {device.Matrix[float64]{}, 5, FullReorth, device.ErrShape},
			"no rows":       {q.Alloc(0, 50), 5, FullReorth, device.ErrShape},
			"two rows":      {q.Alloc(2, 50), 5, FullReorth, device.ErrShape},
			"short":         {q.Alloc(1, 49), 5, FullReorth, device.ErrShape},
			"column":        {q.Alloc(50, 1), 5, FullReorth, device.ErrShape},
			"beyond":        {start.Slice(0, 2, 0, 50), 5, FullReorth, device.ErrShape},
			"no steps":      {start, 0, FullReorth, device.ErrArgument},
			"negative":      {start, -7, FullReorth, device.ErrArgument},
			"unknown":       {start, 5, Reorthogonalization(7), device.ErrArgument},
			"negative kind": {start, 5, Reorthogonalization(-1), device.ErrArgument},
			"huge steps":    {start, math.MaxInt, FullReorth, nil},
			"huge vector":   {huge, 5, FullReorth, nil},
		} {
			refuses(t, "Lanczos, "+name, c.want, func() error { _, err := Lanczos(ctx, q, good, c.start, c.steps, c.r); return err })
		}
		for name, c := range map[string]struct {
			a    device.Dense[float64]
			want error
		}{
			"zero value":     {device.Dense[float64]{}, device.ErrEmpty},
			"not square":     {device.NewDense[float64](2, 3), device.ErrShape},
			"stride":         {device.Dense[float64]{Rows: 2, Cols: 2, Stride: 1, Data: make([]float64, 4)}, device.ErrShape},
			"short":          {device.Dense[float64]{Rows: 2, Cols: 2, Stride: 2, Data: make([]float64, 3)}, device.ErrShape},
			"NaN":            {device.Dense[float64]{Rows: 1, Cols: 1, Stride: 1, Data: []float64{nan}}, device.ErrNotFinite},
			"Inf":            {device.Dense[float64]{Rows: 2, Cols: 2, Stride: 2, Data: []float64{1, inf, inf, 1}}, device.ErrNotFinite},
			"not symmetric":  {device.Dense[float64]{Rows: 2, Cols: 2, Stride: 2, Data: []float64{1, 2, 3, 4}}, device.ErrArgument},
			"by little":      {device.Dense[float64]{Rows: 2, Cols: 2, Stride: 2, Data: []float64{1, 1e-9, 0, 1}}, device.ErrArgument},
			"huge, by sign":  {device.Dense[float64]{Rows: 2, Cols: 2, Stride: 2, Data: []float64{1, 1.7e308, -1.7e308, 1}}, device.ErrArgument},
			"last off block": {offByOne(130), device.ErrArgument},
		} {
			refuses(t, "Symmetric, "+name, c.want, func() error { _, err := Symmetric(q, c.a); return err })
		}
		for _, r := range [][2]int{{-1, 3}, {0, 51}, {3, 3}, {5, 2}, {50, 50}, {0, math.MaxInt}, {math.MinInt, 1}} {
			refuses(t, "Restrict", device.ErrArgument, func() error { _, err := Restrict(good, r[0], r[1]); return err })
		}
		// Blocks of the wrong shape, straight to the operators.
		dense, err := Symmetric(q, device.Dense[float64]{Rows: 2, Cols: 2, Stride: 2, Data: []float64{2, 1, 1, 2}})
		if err != nil {
			t.Fatal(err)
		}
		part, err := Restrict(dense, 0, 1)
		if err != nil {
			t.Fatal(err)
		}
		for name, op := range map[string]Operator[float64]{
			"dense": dense, "affine": Affine(dense, 2, 1), "restricted": part, "closure": good, "no function": Func[float64](2, nil),
		} {
			for _, s := range [][4]int{{1, 7, 1, 7}, {1, 2, 1, 9}, {2, 9, 1, 9}} {
				refuses(t, name, errAny, func() error {
					defer q.Scope()()
					err := op.Apply(ctx, q, q.Alloc(s[0], s[1]), q.Alloc(s[2], s[3]))
					return some(errors.Join(err, q.Sync()))
				})
			}
		}
	})
}

var errAny = errors.New("any error")

// some makes every error match errAny.
func some(err error) error {
	if err == nil {
		return nil
	}
	return errAny
}

func offByOne(n int) device.Dense[float64] {
	a := device.NewDense[float64](n, n)
	a.Set(n-1, n-2, 1)
	return a
}

// Results that nobody filled have no values, but no panic either.
func TestEmptyResults(t *testing.T) {
	refuses(t, "Tridiagonal", nil, func() error {
		var empty Tridiagonal[float64]
		if values, _ := empty.Eigen(); len(values) != 0 {
			t.Errorf("values %v of nothing", values)
		}
		broken := Tridiagonal[float64]{Alpha: []float64{1, 2, 3}}
		broken.Eigen()
		nan := Tridiagonal[float64]{Alpha: []float64{1, math.NaN()}, Beta: []float64{math.Inf(1)}}
		if values, _ := nan.Eigen(); len(values) != 2 || !math.IsNaN(values[0]) {
			t.Errorf("values %v of NaN", values)
		}
		return nil
	})
	refuses(t, "Quadrature", nil, func() error {
		var empty Quadrature
		lo, hi := empty.Range()
		if lo <= hi {
			t.Errorf("range [%v,%v] of nothing", lo, hi)
		}
		if e := empty.Sum(math.Exp); !math.IsNaN(e.Value) {
			t.Errorf("sum %v of nothing", e)
		}
		empty.CDF(1)
		if d := empty.Density([]float64{1, 2}, 0); len(d) != 2 || d[0] != 0 {
			t.Errorf("density %v of nothing", d)
		}
		s, err := SLQ(ctx, device.Go(), diagonal[float64](outliers(30)), SLQOptions{Probes: 2, Steps: 5})
		if err != nil {
			return err
		}
		if e := s.Sum(nil); !math.IsNaN(e.Value) {
			t.Errorf("sum %v of no function", e)
		}
		if e := s.Sum(func(float64) float64 { return math.NaN() }); !math.IsNaN(e.Value) {
			t.Errorf("sum %v of NaN", e)
		}
		if c := s.CDF(math.NaN()); c.Value != 0 {
			t.Errorf("CDF at NaN is %v", c)
		}
		for _, σ := range []float64{0, -1, math.NaN()} {
			for _, v := range s.Density([]float64{0, 1}, σ) {
				if !(v >= 0) {
					t.Errorf("density %v for σ = %v", v, σ)
				}
			}
		}
		s.Density(nil, 1)
		return nil
	})
}

// The context ends every function within one application.
func TestCancelledBetweenProducts(t *testing.T) {
	d := outliers(200)
	for name, f := range map[string]func(ctx context.Context, op Operator[float64]) error{
		"Eigs": func(ctx context.Context, op Operator[float64]) error {
			_, err := Eigs(ctx, device.Go(), op, EigsOptions{K: 3})
			return err
		},
		"SLQ": func(ctx context.Context, op Operator[float64]) error {
			_, err := SLQ(ctx, device.Go(), op, SLQOptions{Probes: 3, Steps: 10, Memory: 1})
			return err
		},
		"Hutchinson": func(ctx context.Context, op Operator[float64]) error {
			_, err := Trace(ctx, device.Go(), op, TraceOptions{Method: Hutchinson, Budget: 90})
			return err
		},
		"Hutch++": func(ctx context.Context, op Operator[float64]) error {
			_, err := Trace(ctx, device.Go(), op, TraceOptions{Method: HutchPP, Budget: 90})
			return err
		},
		"XTrace": func(ctx context.Context, op Operator[float64]) error {
			_, err := Trace(ctx, device.Go(), op, TraceOptions{Budget: 90})
			return err
		},
		"exact trace": func(ctx context.Context, op Operator[float64]) error {
			_, err := Trace(ctx, device.Go(), op, TraceOptions{Budget: 900})
			return err
		},
		"planned trace": func(ctx context.Context, op Operator[float64]) error {
			_, err := Trace(ctx, device.Go(), op, TraceOptions{Target: 1e-9})
			return err
		},
		"Diag": func(ctx context.Context, op Operator[float64]) error {
			_, err := Diag(ctx, device.Go(), op, DiagOptions{Budget: 30})
			return err
		},
		"KPM": func(ctx context.Context, op Operator[float64]) error {
			_, err := KPM(ctx, device.Go(), op, KPMOptions{})
			return err
		},
		"LOBPCG": func(ctx context.Context, op Operator[float64]) error {
			_, err := LOBPCG(ctx, device.Go(), op, nil, device.Dense[float64]{}, LOBPCGOptions{K: 3})
			return err
		},
		"ApplyFunction": func(ctx context.Context, op Operator[float64]) error {
			b := device.NewDense[float64](1, 200)
			b.Set(0, 7, 1)
			b.Set(0, 9, 1)
			_, err := ApplyFunction(ctx, device.Go(), op, math.Exp, b, FunctionOptions{Memory: 1})
			return err
		},
		"Lanczos": func(ctx context.Context, op Operator[float64]) error {
			q := device.Go().F64()
			defer q.Close()
			start := q.Alloc(1, 200)
			q.Fill(1, start)
			_, err := Lanczos(ctx, q, op, start, 20, FullReorth)
			return err
		},
	} {
		for _, after := range []int{0, 1} { // applications before the end
			cancelled, cancel := context.WithCancel(ctx)
			c := &cancelling{Operator: diagonal[float64](d), cancel: cancel, left: after}
			if after == 0 {
				cancel()
			}
			refuses(t, name, context.Canceled, func() error { return f(cancelled, c) })
			if c.late > 0 {
				t.Errorf("%s: %d applications after the context ended", name, c.late)
			}
			cancel()
		}
	}
}

// cancelling ends a context in its last application and counts those after it.
type cancelling struct {
	Operator[float64]
	cancel     func()
	left, late int
}

func (c *cancelling) Apply(ctx context.Context, q device.Queue[float64], dst, src device.Matrix[float64]) error {
	if c.left--; c.left == 0 {
		c.cancel()
	} else if c.left < 0 {
		c.late++
	}
	return c.Operator.Apply(context.Background(), q, dst, src)
}

func TestClosedDevice(t *testing.T) {
	dev := device.Go()
	q := dev.F64()
	start := q.Alloc(1, 30)
	q.Fill(1, start)
	dev.Close()
	op := diagonal[float64](outliers(30))
	for name, dev := range map[string]device.Device{"closed": dev, "none": nil} {
		refuses(t, name, device.ErrClosed, func() error { _, err := Eigs(ctx, dev, op, EigsOptions{K: 1}); return err })
		refuses(t, name, device.ErrClosed, func() error { _, err := SLQ(ctx, dev, op, SLQOptions{}); return err })
		for _, m := range []TraceMethod{Hutchinson, HutchPP, XTrace, XNysTrace} {
			refuses(t, name, device.ErrClosed, func() error { _, err := Trace(ctx, dev, op, TraceOptions{Method: m, Budget: 12}); return err })
		}
	}
	refuses(t, "Lanczos", device.ErrClosed, func() error { _, err := Lanczos(ctx, q, op, start, 3, FullReorth); return err })
	refuses(t, "Symmetric", device.ErrClosed, func() error { _, err := Symmetric(q, device.NewDense[float64](2, 2)); return err })
}

// Operators of any size that T can hold give a trace or a typed error.
func TestDifficultTraces(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		t.Run("f64", func(t *testing.T) {
			testDifficultTraces[float64](t, dev, []float64{1e-300, 1e-150, 1e150, 1e200, 1e305})
		})
		t.Run("f32", func(t *testing.T) { testDifficultTraces[float32](t, dev, []float64{1e-36, 1e-18, 1e18, 1e30, 1e37}) })
	})
}

func testDifficultTraces[T device.Float](t *testing.T, dev device.Device, scales []float64) {
	d := make([]float64, 100)
	trace := 0.0
	for i := range d {
		d[i] = math.Pow(.8, float64(i))
		trace += d[i]
	}
	for _, s := range scales {
		scaled := make([]float64, 100)
		for i := range d {
			scaled[i] = d[i] * s
		}
		op := diagonal[T](scaled)
		for _, m := range []TraceMethod{Hutchinson, HutchPP, XTrace, XNysTrace} {
			e, err := Trace(ctx, dev, op, TraceOptions{Method: m, Budget: 60})
			if err != nil {
				if !errors.Is(err, device.ErrNotFinite) && !errors.Is(err, device.ErrArgument) {
					t.Errorf("%s, scale %g: %v", m, s, err)
				}
				if s >= 1e-150 && s <= 1e18 { // in the middle of the range
					t.Errorf("%s, scale %g: %v", m, s, err)
				}
				continue
			}
			if off := math.Abs(e.Value/s - trace); !(off < 1e-2*trace) {
				t.Errorf("%s, scale %g: %v, want %v", m, s, e.Value/s, trace)
			}
		}
		r, err := SLQ(ctx, dev, op, SLQOptions{Probes: 4, Steps: 20})
		if err != nil {
			if !errors.Is(err, device.ErrNotFinite) && !errors.Is(err, device.ErrArgument) {
				t.Errorf("SLQ, scale %g: %v", s, err)
			}
			continue
		}
		if e := r.Sum(func(x float64) float64 { return x / s }); !(math.Abs(e.Value-trace) < 1e-2*trace) {
			t.Errorf("SLQ, scale %g: %v, want %v", s, e.Value, trace)
		}
	}
}

// A product that turns to NaN on the way is reported with its number, also
// where another product with the same vector would be finite.
func TestNaNAtALaterStep(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		for _, once := range []bool{true, false} {
			broken := func() Operator[float64] {
				calls := 0
				d := outliers(60)
				return Func(60, func(_ context.Context, dst, src []float64) error {
					calls++
					for i, v := range src {
						dst[i] = d[i] * v
					}
					if calls == 9 || calls > 9 && !once {
						dst[17] = math.NaN()
					}
					return nil
				})
			}
			q := dev.F64()
			defer q.Close()
			start := q.Alloc(1, 60)
			q.Fill(1, start)
			for name, run := range map[string]func() error{
				"Lanczos": func() error { _, err := Lanczos(ctx, q, broken(), start, 20, FullReorth); return err },
				"Eigs":    func() error { _, err := Eigs(ctx, dev, broken(), EigsOptions{K: 8}); return err },
				"Eigs, block": func() error {
					_, err := Eigs(ctx, dev, broken(), EigsOptions{K: 8, Block: 2})
					return err
				},
				"SLQ": func() error { _, err := SLQ(ctx, dev, broken(), SLQOptions{Probes: 3, Steps: 9}); return err },
				"KPM": func() error { _, err := KPM(ctx, dev, broken(), KPMOptions{Probes: 2, Lo: -1, Hi: 11}); return err },
				"LOBPCG": func() error {
					_, err := LOBPCG(ctx, dev, broken(), nil, device.Dense[float64]{}, LOBPCGOptions{K: 4})
					return err
				},
			} {
				refuses(t, name, device.ErrNotFinite, func() error {
					err := run()
					if err != nil && !strings.ContainsAny(err.Error(), "123456789") {
						t.Errorf("%s: %v does not say where", name, err)
					}
					return err
				})
			}
		}
	})
}
