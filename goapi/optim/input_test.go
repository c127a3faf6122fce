package optim

import (
	"context"
	"errors"
	"math"
	"testing"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/polar"
)

func TestBadArguments(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		t.Run("f64", func(t *testing.T) { testBadArguments[float64](t, dev) })
		t.Run("f32", func(t *testing.T) { testBadArguments[float32](t, dev) })
	})
}

func testBadArguments[T device.Float](t *testing.T, dev device.Device) {
	q := device.NewQueue[T](dev)
	defer q.Close()
	good := func() Parameter[T] { return Parameter[T]{Value: q.Alloc(4, 6), Gradient: q.Alloc(4, 6)} }
	with := func(change func(*Parameter[T])) Group[T] {
		p := good()
		change(&p)
		return Group[T]{Rule: Muon{}, Parameters: []Parameter[T]{p}}
	}
	rule := func(r Rule) Group[T] { return Group[T]{Rule: r, Parameters: []Parameter[T]{good()}} }
	plan := func(s Schedule) Group[T] {
		return Group[T]{Rule: SGD{}, Schedule: s, Parameters: []Parameter[T]{good()}}
	}
	nan, inf := math.NaN(), math.Inf(1)
	for name, c := range map[string]struct {
		g    Group[T]
		want error
	}{
		"no rule":        {Group[T]{Parameters: []Parameter[T]{good()}}, device.ErrArgument},
		"no parameters":  {Group[T]{Rule: SGD{}}, device.ErrEmpty},
		"zero value":     {Group[T]{}, device.ErrArgument},
		"a pointer":      {rule(nil), device.ErrArgument},
		"no value":       {with(func(p *Parameter[T]) { p.Value = device.Matrix[T]{} }), device.ErrShape},
		"no gradient":    {with(func(p *Parameter[T]) { p.Gradient = device.Matrix[T]{} }), device.ErrShape},
		"other gradient": {with(func(p *Parameter[T]) { p.Gradient = q.Alloc(6, 4) }), device.ErrShape},
		"no elements":    {with(func(p *Parameter[T]) { p.Value, p.Gradient = q.Alloc(0, 4), q.Alloc(0, 4) }), device.ErrEmpty},
		"beyond":         {with(func(p *Parameter[T]) { p.Value = p.Value.Slice(0, 5, 0, 6) }), device.ErrShape},
		"shape":          {with(func(p *Parameter[T]) { p.Shape = []int{4, 5} }), device.ErrShape},
		"shape 0":        {with(func(p *Parameter[T]) { p.Shape = []int{4, 6, 0} }), device.ErrShape},
		"negative shape": {with(func(p *Parameter[T]) { p.Shape = []int{-4, -6} }), device.ErrShape},
		"huge shape":     {with(func(p *Parameter[T]) { p.Shape = []int{1 << 32, 1 << 32} }), device.ErrShape},
		"empty shape":    {with(func(p *Parameter[T]) { p.Shape = []int{} }), device.ErrShape},
		"a vector":       {with(func(p *Parameter[T]) { p.Shape = []int{24} }), device.ErrShape},
		"strided with one": {with(func(p *Parameter[T]) {
			p.Value, p.Gradient = p.Value.Slice(0, 4, 0, 4), p.Gradient.Slice(0, 4, 0, 4)
			p.Shape = []int{2, 8}
		}), device.ErrShape},
		"blocks":            {with(func(p *Parameter[T]) { p.RowBlocks = 3 }), device.ErrShape},
		"negative blocks":   {with(func(p *Parameter[T]) { p.ColBlocks = -1 }), device.ErrArgument},
		"too many blocks":   {with(func(p *Parameter[T]) { p.ColBlocks = math.MaxInt }), device.ErrShape},
		"name of the state": {with(func(p *Parameter[T]) { p.Name = "optimizer/mean" }), device.ErrArgument},
		"blocks that fit":   {with(func(p *Parameter[T]) { p.RowBlocks, p.ColBlocks = 4, 6 }), nil},

		"SGD, negative rate":      {rule(SGD{LearningRate: -1}), device.ErrArgument},
		"SGD, NaN rate":           {rule(SGD{LearningRate: nan}), device.ErrArgument},
		"SGD, infinite rate":      {rule(SGD{LearningRate: inf}), device.ErrArgument},
		"SGD, momentum 1":         {rule(SGD{Momentum: 1}), device.ErrArgument},
		"SGD, momentum < 0":       {rule(SGD{Momentum: -.1}), device.ErrArgument},
		"SGD, dampening":          {rule(SGD{Momentum: .9, Dampening: 1.1}), device.ErrArgument},
		"SGD, dampening alone":    {rule(SGD{Dampening: .5}), device.ErrArgument},
		"SGD, nesterov alone":     {rule(SGD{Nesterov: true}), device.ErrArgument},
		"SGD, nesterov, dampened": {rule(SGD{Momentum: .9, Nesterov: true, Dampening: .1}), device.ErrArgument},
		"SGD, decay":              {rule(SGD{WeightDecay: -1}), device.ErrArgument},
		"AdamW, beta1":            {rule(AdamW{Beta1: 1}), device.ErrArgument},
		"AdamW, beta2":            {rule(AdamW{Beta2: nan}), device.ErrArgument},
		"AdamW, epsilon":          {rule(AdamW{Epsilon: -1e-8}), device.ErrArgument},
		"AdamW, decay":            {rule(AdamW{WeightDecay: inf}), device.ErrArgument},
		"AdamW, rate":             {rule(AdamW{LearningRate: -1}), device.ErrArgument},
		"Muon, momentum":          {rule(Muon{Momentum: 1}), device.ErrArgument},
		"Muon, scale":             {rule(Muon{Scale: "large"}), device.ErrArgument},
		"Muon, method":            {rule(Muon{Polar: polar.Options{Method: "power"}}), device.ErrArgument},
		"Muon, steps":             {rule(Muon{Polar: polar.Options{Steps: -1}}), device.ErrArgument},
		"Muon, H":                 {rule(Muon{Polar: polar.Options{H: true}}), device.ErrArgument},
		"Muon, beta2 alone":       {rule(Muon{Beta2: .9}), device.ErrArgument},
		"Muon, beta2":             {rule(Muon{Rows: true, Beta2: 1}), device.ErrArgument},
		"Muon, rate":              {rule(Muon{LearningRate: 1e31}), device.ErrArgument},
		"Dion, rank":              {rule(Dion{Rank: -1}), device.ErrArgument},
		"Dion, momentum":          {rule(Dion{Momentum: -1}), device.ErrArgument},
		"Dion, scale":             {rule(Dion{Scale: "x"}), device.ErrArgument},
		"Dion, a large rank":      {rule(Dion{Rank: 1000}), nil},
		"AuON, gamma":             {rule(AuON{Gamma: -1}), device.ErrArgument},
		"AuON, large gamma":       {rule(AuON{Gamma: 5}), device.ErrArgument},
		"AuON, NaN gamma":         {rule(AuON{Gamma: nan}), device.ErrArgument},
		"AuON, momentum":          {rule(AuON{Momentum: 1}), device.ErrArgument},
		"AuON, form":              {rule(AuON{Form: "print"}), device.ErrArgument},
		"AuON, steps":             {rule(AuON{Steps: -1}), device.ErrArgument},
		"AuON, scale":             {rule(AuON{Scale: "x"}), device.ErrArgument},
		"AuON, decay":             {rule(AuON{WeightDecay: -1}), device.ErrArgument},
		"AuON, rate":              {rule(AuON{LearningRate: -1}), device.ErrArgument},

		"schedule, shape":         {plan(Schedule{Shape: "square"}), device.ErrArgument},
		"schedule, warm-up":       {plan(Schedule{WarmUp: -1}), device.ErrArgument},
		"schedule, decay":         {plan(Schedule{Decay: -1}), device.ErrArgument},
		"schedule, final":         {plan(Schedule{Decay: 5, Final: 2}), device.ErrArgument},
		"schedule, NaN final":     {plan(Schedule{Decay: 5, Final: nan}), device.ErrArgument},
		"schedule, drop alone":    {plan(Schedule{Drop: .5}), device.ErrArgument},
		"schedule, no drop":       {plan(Schedule{Every: 5}), device.ErrArgument},
		"schedule, stairs, decay": {plan(Schedule{Every: 5, Drop: .5, Decay: 3}), device.ErrArgument},
	} {
		refuses(t, name, c.want, func() error {
			o, err := New(q, c.g)
			if (err == nil) != (o != nil) {
				t.Errorf("%s: optimizer %v with error %v", name, o, err)
			}
			return err
		})
	}
	twice := good()
	twice.Name = "w"
	refuses(t, "two of one name", device.ErrArgument, func() error {
		_, err := New(q, Group[T]{Rule: SGD{}, Parameters: []Parameter[T]{twice, twice}})
		return err
	})
	bad := good()
	q.Fill(T(nan), bad.Value.Slice(2, 3, 1, 2))
	refuses(t, "NaN in the weights", device.ErrNotFinite, func() error {
		_, err := New(q, Group[T]{Rule: SGD{}, Parameters: []Parameter[T]{bad}})
		return err
	})
	refuses(t, "no queue", device.ErrArgument, func() error { _, err := New[T](nil); return err })
	refuses(t, "no groups", device.ErrEmpty, func() error { _, err := New(q); return err })

	for name, o := range map[string]*Optimizer[T]{"nil": nil, "zero value": {}} {
		refuses(t, name+", Step", device.ErrArgument, func() error { return o.Step(ctx) })
		refuses(t, name+", Save", device.ErrArgument, func() error { return o.Save("x.safetensors") })
		refuses(t, name+", Load", device.ErrArgument, func() error { return o.Load("x.safetensors") })
		refuses(t, name+", rate", device.ErrArgument, func() error { return o.SetLearningRate(0, 1) })
		if o.Steps() != 0 || !math.IsNaN(o.LearningRate(0)) {
			t.Errorf("%s: %d steps, rate %v", name, o.Steps(), o.LearningRate(0))
		}
	}
	o, err := New(q, rule(SGD{}))
	if err != nil {
		t.Fatalf("the queue is unusable after errors: %v", err)
	}
	for _, group := range []int{-1, 1} {
		refuses(t, "no such group", device.ErrArgument, func() error { return o.SetLearningRate(group, 1) })
		if !math.IsNaN(o.LearningRate(group)) {
			t.Errorf("group %d has the rate %v", group, o.LearningRate(group))
		}
	}
	refuses(t, "rate", device.ErrArgument, func() error { return o.SetLearningRate(0, nan) })
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	refuses(t, "cancelled", context.Canceled, func() error { return o.Step(cancelled) })
}

func TestClosedDevice(t *testing.T) {
	dev := device.Go()
	q := device.NewQueue[float32](dev)
	defer q.Close()
	g := Group[float32]{Rule: AdamW{}, Parameters: []Parameter[float32]{{Value: q.Alloc(2, 2), Gradient: q.Alloc(2, 2)}}}
	o, err := New(q, g)
	if err != nil {
		t.Fatal(err)
	}
	dev.Close()
	refuses(t, "Step", device.ErrClosed, func() error { return o.Step(ctx) })
	refuses(t, "New", device.ErrClosed, func() error { _, err := New(q, g); return err })
	refuses(t, "Save", device.ErrClosed, func() error { return o.Save(t.TempDir() + "/x.safetensors") })
}

// A gradient that is not finite is an error that names it; no weight, state
// or count changes, and the next step goes on as if it had not been.
func TestBadGradient(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		t.Run("f64", func(t *testing.T) { testBadGradient[float64](t, dev) })
		t.Run("f32", func(t *testing.T) { testBadGradient[float32](t, dev) })
	})
}

func testBadGradient[T device.Float](t *testing.T, dev device.Device) {
	m, undisturbed := newModel[T](t, dev, everyRule...), newModel[T](t, dev, everyRule...)
	m.step()
	undisturbed.step()
	before := m.all()
	for i, g := range m.g {
		for _, v := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
			for k, g := range m.g {
				m.q.Random(device.Normal, 77, uint64(k), g)
			}
			m.q.Fill(T(v), g.Slice(11, 12, 5, 6))
			err := m.o.Step(ctx)
			var bad *device.NotFiniteError
			if !errors.As(err, &bad) || bad.Name != "gradient of "+m.o.groups[i].parameters[0].name || bad.Row != 11 || bad.Col != 5 {
				t.Fatalf("%T, %v: %v", everyRule[i], v, err)
			}
			if !sameBits(m.all(), before) || m.o.Steps() != 1 {
				t.Fatalf("%T, %v: something has changed", everyRule[i], v)
			}
		}
	}
	m.step()
	undisturbed.step()
	if !sameBits(m.all(), undisturbed.all()) {
		t.Error("the next step differs from that of an undisturbed optimizer")
	}
}

// Gradients of any size that is finite give finite weights, or an error for
// rules that cannot take them.
func TestExtremeGradients(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		t.Run("f64", func(t *testing.T) { testExtremeGradients[float64](t, dev, 1e308, 5e-324) })
		t.Run("f32", func(t *testing.T) { testExtremeGradients[float32](t, dev, 3e38, 1e-45) })
	})
}

func testExtremeGradients[T device.Float](t *testing.T, dev device.Device, huge, tiny float64) {
	for _, r := range everyRule {
		indifferent := true
		switch r := r.(type) {
		case SGD, AdamW, Dion:
			indifferent = false
		case AuON:
			indifferent = r.Form != AuONCode
		}
		for _, size := range []float64{huge, math.Sqrt(huge), math.Sqrt(tiny), tiny, 0} {
			m := newModel[T](t, dev, r)
			for k := range 3 {
				m.q.Fill(T(size), m.g[0])
				if k > 0 {
					m.q.Fill(T(-size), m.g[0].Row(k))
				}
				var want error
				if size == huge && !indifferent {
					want = device.ErrNotFinite
				}
				if err := m.o.Step(ctx); !errors.Is(err, want) {
					t.Fatalf("%+v, %g: %v", r, size, err)
				}
			}
			for _, v := range m.all() {
				if v-v != 0 {
					t.Fatalf("%+v, %g: %v", r, size, v)
				}
			}
		}
	}
}

// Without gradients there is decay alone, and no NaN.
func TestZeroGradient(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		for _, r := range []Rule{
			SGD{WeightDecay: .5, LearningRate: .1}, SGD{Momentum: .9, WeightDecay: .5, LearningRate: .1}, AdamW{WeightDecay: .5, LearningRate: .1},
			Muon{WeightDecay: .5, LearningRate: .1}, Muon{Rows: true, WeightDecay: .5, LearningRate: .1}, Dion{WeightDecay: .5, LearningRate: .1},
			AuON{WeightDecay: .5, LearningRate: .1}, AuON{WeightDecay: .5, LearningRate: .1, Form: AuONCode}, AuON{WeightDecay: .5, LearningRate: .1, Steps: 1},
		} {
			w := array[float64](t, "weights")[0]
			got := start(t, dev, r, w, nil).step(device.NewDense[float64](6, 4))
			for i := range got.Data {
				// Dion's update P·Qᵀ of a zero momentum is that of its last basis.
				if _, dion := r.(Dion); !dion && math.Abs(got.Data[i]-0.95*w.Data[i]) > 1e-15 || got.Data[i]-got.Data[i] != 0 {
					t.Fatalf("%+v: %v became %v", r, w.Data[i], got.Data[i])
				}
			}
		}
	})
}
