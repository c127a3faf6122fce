package nn

import (
	"context"
	"errors"
	"math"
	"math/cmplx"
	"slices"
	"testing"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/optim"
	"github.com/ritz-go/ritz/goapi/rng"
)

var (
	ctx         = context.Background()
	activations = []Activation{"", Tanh, Relu, Gelu, Softplus, Sine, Identity}
)

func normal[T device.Float](seed uint64, m, n int) device.Dense[T] {
	a := device.NewDense[T](m, n)
	rng.Normal(seed, 77, 0, a.Data)
	return a
}

// classified returns n random samples with labels.
func classified[T device.Float](n, features, classes int) Data[T] {
	d := Data[T]{X: normal[T](3, n, features), Labels: make([]int, n)}
	for i := range d.Labels {
		d.Labels[i] = int(rng.Uint64(4, 0, uint64(i)) % uint64(classes))
	}
	return d
}

// fitted returns n random samples with targets.
func fitted[T device.Float](n, features, outputs int) Data[T] {
	return Data[T]{X: normal[T](3, n, features), Targets: normal[T](5, n, outputs)}
}

// random returns a network with random weights and biases, so that no term of
// a derivative vanishes.
func random[T device.Float](t *testing.T, sizes []int, a Activation) *Network[T] {
	t.Helper()
	n, err := New[T](sizes, a, 1)
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range normal[T](9, 1, len(n.Theta)).Data {
		n.Theta[i] += v / 5
	}
	return n
}

// referenceOutputs is the network in complex numbers, written as plain loops.
func referenceOutputs(a Architecture, θ []complex128, x []float64) []complex128 {
	h := make([]complex128, len(x))
	for i, v := range x {
		h[i] = complex(v, 0)
	}
	at := 0
	for l := 1; l < len(a.Sizes); l++ {
		in, out := a.Sizes[l-1], a.Sizes[l]
		z := make([]complex128, out)
		for o := range z {
			z[o] = θ[at+in*out+o]
			for i := range in {
				z[o] += θ[at+o*in+i] * h[i]
			}
			if l < len(a.Sizes)-1 {
				z[o] = referenceActivation(a.Activation, z[o])
			}
		}
		h, at = z, at+in*out+out
	}
	return h
}

// referenceActivation has the right value and, for tiny imaginary parts, the
// right derivative.
func referenceActivation(a Activation, z complex128) complex128 {
	switch a {
	case Relu:
		if real(z) > 0 {
			return z
		}
		return 0
	case Gelu:
		x := real(z)
		cdf := complex(0.5*math.Erfc(-x/math.Sqrt2), imag(z)*math.Exp(-x*x/2)/math.Sqrt(2*math.Pi))
		return z * cdf
	case Softplus:
		return cmplx.Log(1 + cmplx.Exp(z))
	case Sine:
		return cmplx.Sin(z)
	case Identity:
		return z
	}
	return cmplx.Tanh(z)
}

func referenceLoss(a Architecture, θ []complex128, d Data[float64]) complex128 {
	var total complex128
	for i := range d.X.Rows {
		z := referenceOutputs(a, θ, d.X.Row(i))
		if d.Labels != nil {
			var sum complex128
			for _, v := range z {
				sum += cmplx.Exp(v)
			}
			total += cmplx.Log(sum) - z[d.Labels[i]]
			continue
		}
		for j, v := range z {
			e := v - complex(d.Targets.At(i, j), 0)
			total += e * e / 2
		}
	}
	return total / complex(float64(d.X.Rows), 0)
}

// referenceGradient differentiates referenceLoss by the complex step, which
// has no truncation and no cancellation error.
func referenceGradient(a Architecture, θ []float64, d Data[float64]) (loss float64, g []float64) {
	const step = 1e-30
	c := make([]complex128, len(θ))
	for i, v := range θ {
		c[i] = complex(v, 0)
	}
	g = make([]float64, len(θ))
	for i := range c {
		c[i] += complex(0, step)
		l := referenceLoss(a, c, d)
		loss, g[i] = real(l), imag(l)/step
		c[i] = complex(θ[i], 0)
	}
	return loss, g
}

// distance is the largest difference relative to the largest element of want.
func distance[T device.Float](got []T, want []float64) float64 {
	diff, size := 0.0, 0.0
	for i, w := range want {
		diff, size = max(diff, math.Abs(float64(got[i])-w)), max(size, math.Abs(w))
	}
	return diff / size
}

func double[T device.Float](x []T) []float64 { return device.Convert[float64](device.Vector(x)).Data }

func doubleData[T device.Float](d Data[T]) Data[float64] {
	e := Data[float64]{X: device.Convert[float64](d.X), Labels: d.Labels}
	if d.Targets.Data != nil {
		e.Targets = device.Convert[float64](d.Targets)
	}
	return e
}

func TestGradient(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		// Every sum has some 10 terms of size 1, each with a few roundings.
		t.Run("float64", func(t *testing.T) { gradient[float64](t, dev, 1e-13) })
		t.Run("float32", func(t *testing.T) { gradient[float32](t, dev, 2e-5) })
	})
}

func gradient[T device.Float](t *testing.T, dev device.Device, tol float64) {
	for _, a := range activations {
		for _, sizes := range [][]int{{6, 7, 5, 4}, {6, 4}, {6, 1, 4}} {
			for name, d := range map[string]Data[T]{"labels": classified[T](9, 6, 4), "targets": fitted[T](9, 6, 4), "one sample": classified[T](1, 6, 4)} {
				n := random[T](t, sizes, a)
				wantLoss, want := referenceGradient(n.Architecture, double(n.Theta), doubleData(d))
				loss, g, err := n.Gradient(ctx, dev, d)
				if err != nil {
					t.Fatal(err)
				}
				if math.Abs(loss-wantLoss) > tol*max(1, wantLoss) {
					t.Errorf("%s %v %s: loss %v, want %v", a, sizes, name, loss, wantLoss)
				}
				if e := distance(g, want); !(e <= tol) {
					t.Errorf("%s %v %s: gradient is off by %.2g", a, sizes, name, e)
				}
			}
		}
	}
}

// More samples than fit one chunk, the last chunk incomplete: the gradient is
// the mean of those of the parts.
func TestGradientOfManyChunks(t *testing.T) {
	const n, cut = 2*chunkRows + 77, 300
	onDevices(t, func(t *testing.T, dev device.Device) {
		net, d := random[float64](t, []int{3, 4, 2}, Tanh), classified[float64](n, 3, 2)
		loss, g, err := net.Gradient(ctx, dev, d)
		if err != nil {
			t.Fatal(err)
		}
		wantLoss, want := 0.0, make([]float64, len(g))
		for lo := 0; lo < n; lo += cut {
			hi := min(lo+cut, n)
			l, part, err := net.Gradient(ctx, dev, Data[float64]{X: d.X.Slice(lo, hi, 0, 3), Labels: d.Labels[lo:hi]})
			if err != nil {
				t.Fatal(err)
			}
			share := float64(hi-lo) / n
			wantLoss += share * l
			for i, v := range part {
				want[i] += share * v
			}
		}
		if math.Abs(loss-wantLoss) > 1e-13 || distance(g, want) > 1e-12 {
			t.Errorf("loss %v, want %v; gradient off by %.2g", loss, wantLoss, distance(g, want))
		}
	})
}

func TestPredictAndEvaluate(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		for _, a := range activations {
			const n = chunkRows + 5
			net, d := random[float64](t, []int{3, 5, 4}, a), classified[float64](n, 3, 4)
			// A view with a stride must work like a compact matrix.
			wide := device.NewDense[float64](n, 7)
			for i := range n {
				copy(wide.Row(i)[2:], d.X.Row(i))
			}
			d.X = wide.Slice(0, n, 2, 5)
			z, err := net.Predict(ctx, dev, d.X)
			if err != nil {
				t.Fatal(err)
			}
			θ := make([]complex128, len(net.Theta))
			for i, v := range net.Theta {
				θ[i] = complex(v, 0)
			}
			right := 0
			for i := range n {
				want := make([]float64, 4)
				for j, v := range referenceOutputs(net.Architecture, θ, d.X.Row(i)) {
					want[j] = real(v)
				}
				if e := distance(z.Row(i), want); e > 1e-13 {
					t.Fatalf("%s: outputs of sample %d are off by %.2g", a, i, e)
				}
				if slices.Index(want, slices.Max(want)) == d.Labels[i] {
					right++
				}
			}
			m, err := net.Evaluate(ctx, dev, d)
			if err != nil {
				t.Fatal(err)
			}
			if want := float64(right) / n; m.Accuracy != want {
				t.Errorf("%s: accuracy %v, want %v", a, m.Accuracy, want)
			}
			if want := real(referenceLoss(net.Architecture, θ, d)); math.Abs(m.Loss-want) > 1e-13*want {
				t.Errorf("%s: loss %v, want %v", a, m.Loss, want)
			}
		}
	})
}

// Without weights all classes are equally likely: the loss is log C, and the
// tie must not count as right for every label.
func TestEvaluateTie(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		net := random[float32](t, []int{2, 4}, "")
		clear(net.Theta)
		m, err := net.Evaluate(ctx, dev, Data[float32]{X: normal[float32](1, 4, 2), Labels: []int{0, 1, 2, 3}})
		if err != nil {
			t.Fatal(err)
		}
		if math.Abs(m.Loss-math.Log(4)) > 1e-6 || m.Accuracy != 0.25 {
			t.Errorf("loss %v and accuracy %v, want log 4 and 0.25", m.Loss, m.Accuracy)
		}
	})
}

// Outputs far beyond the range of exp: the softmax has to be shifted.
func TestHugeOutputs(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		net, err := FromWeights("", []Weights[float64]{{
			W: device.Dense[float64]{Rows: 3, Cols: 1, Stride: 1, Data: []float64{1e5, 0, -1e5}}, B: []float64{0, 0, 0}}})
		if err != nil {
			t.Fatal(err)
		}
		d := Data[float64]{X: device.Vector([]float64{1, -1, 1}).T(), Labels: []int{0, 0, 1}}
		loss, g, err := net.Gradient(ctx, dev, d)
		if err != nil {
			t.Fatal(err)
		}
		if want := 3e5 / 3.0; math.Abs(loss-want) > 1e-9 { // losses 0, 2e5 and 1e5
			t.Errorf("loss %v, want %v", loss, want)
		}
		// Mean of (p-y)·x: samples (0,0,0), (-1,0,1)·(-1), (1,-1,0).
		want := []float64{2. / 3, -1. / 3, -1. / 3, 0, -1. / 3, 1. / 3}
		if e := distance(g, want); e > 1e-15 {
			t.Errorf("gradient %v, want %v", g, want)
		}
	})
}

func TestNew(t *testing.T) {
	a, _ := New[float64]([]int{300, 200, 10}, Relu, 7)
	same, _ := New[float64]([]int{300, 200, 10}, Relu, 7)
	single, _ := New[float32]([]int{300, 200, 10}, Tanh, 7)
	other, _ := New[float64]([]int{300, 200, 10}, Relu, 8)
	if !slices.Equal(a.Theta, same.Theta) || slices.Equal(a.Theta, other.Theta) {
		t.Error("the parameters do not depend on the seed alone")
	}
	check := func(name string, w []float64, variance float64) {
		s := 0.0
		for _, v := range w {
			s += v * v
		}
		// Five standard errors of a variance estimate.
		if got, n := s/float64(len(w)), float64(len(w)); math.Abs(got/variance-1) > 5*math.Sqrt(2/n) {
			t.Errorf("%s: variance %v, want %v", name, got, variance)
		}
	}
	check("relu", a.Weights()[0].W.Data, 2./300)
	check("tanh", double(single.Weights()[0].W.Data), 2./500)
	check("tanh, last layer", double(single.Weights()[1].W.Data), 2./210)
	for _, w := range a.Weights() {
		if slices.Max(w.B) != 0 || slices.Min(w.B) != 0 {
			t.Error("biases are not zero")
		}
	}
}

func TestWeightsRoundTrip(t *testing.T) {
	n := random[float32](t, []int{3, 4, 2}, Gelu)
	ws := n.Weights()
	if ws[0].W.At(1, 2) != n.Theta[5] || ws[1].B[1] != n.Theta[len(n.Theta)-1] {
		t.Error("weights are not where the layout says")
	}
	m, err := FromWeights(Gelu, ws)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(m.Theta, n.Theta) || !slices.Equal(m.Sizes, n.Sizes) || m.Activation != Gelu {
		t.Errorf("%+v became %+v", n, m)
	}
	m.Theta[0]++
	if m.Theta[0] == n.Theta[0] {
		t.Error("FromWeights shares the parameters")
	}
}

func TestBadInput(t *testing.T) {
	good := func() (*Network[float64], Data[float64]) {
		return random[float64](t, []int{3, 4, 2}, Tanh), classified[float64](5, 3, 2)
	}
	for name, c := range map[string]struct {
		spoil func(n *Network[float64], d *Data[float64])
		want  error
	}{
		"label too large":    {func(_ *Network[float64], d *Data[float64]) { d.Labels[4] = 2 }, device.ErrArgument},
		"label negative":     {func(_ *Network[float64], d *Data[float64]) { d.Labels[0] = -1 }, device.ErrArgument},
		"too few labels":     {func(_ *Network[float64], d *Data[float64]) { d.Labels = d.Labels[1:] }, device.ErrShape},
		"labels and targets": {func(_ *Network[float64], d *Data[float64]) { d.Targets = normal[float64](1, 5, 2) }, device.ErrArgument},
		"neither":            {func(_ *Network[float64], d *Data[float64]) { d.Labels = nil }, device.ErrEmpty},
		"targets shape": {func(_ *Network[float64], d *Data[float64]) {
			d.Labels, d.Targets = nil, normal[float64](1, 5, 3)
		}, device.ErrShape},
		"targets NaN": {func(_ *Network[float64], d *Data[float64]) {
			d.Labels, d.Targets = nil, normal[float64](1, 5, 2)
			d.Targets.Data[3] = math.NaN()
		}, device.ErrNotFinite},
		"no samples": {func(_ *Network[float64], d *Data[float64]) {
			d.X, d.Labels = device.Dense[float64]{Cols: 3, Stride: 3}, []int{}
		}, device.ErrEmpty},
		"features":       {func(_ *Network[float64], d *Data[float64]) { d.X = normal[float64](1, 5, 4) }, device.ErrShape},
		"NaN":            {func(_ *Network[float64], d *Data[float64]) { d.X.Data[7] = math.NaN() }, device.ErrNotFinite},
		"Inf":            {func(_ *Network[float64], d *Data[float64]) { d.X.Data[7] = math.Inf(1) }, device.ErrNotFinite},
		"short data":     {func(_ *Network[float64], d *Data[float64]) { d.X.Data = d.X.Data[:4] }, device.ErrShape},
		"parameters":     {func(n *Network[float64], _ *Data[float64]) { n.Theta = n.Theta[1:] }, device.ErrShape},
		"parameters Inf": {func(n *Network[float64], _ *Data[float64]) { n.Theta[1] = math.Inf(-1) }, device.ErrNotFinite},
		"activation":     {func(n *Network[float64], _ *Data[float64]) { n.Activation = "step" }, device.ErrArgument},
		"one size":       {func(n *Network[float64], _ *Data[float64]) { n.Sizes = n.Sizes[:1] }, device.ErrArgument},
		"zero size":      {func(n *Network[float64], _ *Data[float64]) { n.Sizes[1] = 0 }, device.ErrArgument},
	} {
		n, d := good()
		c.spoil(n, &d)
		if _, err := n.Evaluate(ctx, device.Go(), d); !errors.Is(err, c.want) {
			t.Errorf("%s: Evaluate gave %v, want %v", name, err, c.want)
		}
		if _, _, err := n.Gradient(ctx, device.Go(), d); !errors.Is(err, c.want) {
			t.Errorf("%s: Gradient gave %v, want %v", name, err, c.want)
		}
		if _, err := n.Train(ctx, device.Go(), d, TrainOptions{}); !errors.Is(err, c.want) {
			t.Errorf("%s: Train gave %v, want %v", name, err, c.want)
		}
	}
	one := random[float64](t, []int{3, 1}, "")
	if err := (Data[float64]{X: normal[float64](1, 2, 3), Labels: []int{0, 0}}).Check(one.Architecture); !errors.Is(err, device.ErrArgument) {
		t.Errorf("a classifier with one output gave %v", err)
	}
	for _, sizes := range [][]int{nil, {3}, {3, 0}, {-1, 2}, {1 << 40, 1 << 40}, {math.MaxInt, 2}} {
		if _, err := New[float32](sizes, "", 0); !errors.Is(err, device.ErrArgument) {
			t.Errorf("New(%v) gave %v", sizes, err)
		}
	}
	n, d := good()
	for name, o := range map[string]TrainOptions{
		"epochs": {Epochs: -1}, "batch": {BatchSize: -1}, "rate": {Rule: optim.SGD{LearningRate: -1}},
		"rate NaN": {Rule: optim.SGD{LearningRate: math.NaN()}}, "rate Inf": {Rule: optim.AdamW{LearningRate: math.Inf(1)}},
	} {
		if _, err := n.Train(ctx, device.Go(), d, o); !errors.Is(err, device.ErrArgument) {
			t.Errorf("%s: Train gave %v", name, err)
		}
	}
	if _, err := n.Predict(ctx, device.Go(), normal[float64](1, 5, 4)); !errors.Is(err, device.ErrShape) {
		t.Errorf("Predict gave %v", err)
	}
	w := n.Weights()
	for name, c := range map[string]struct {
		layers []Weights[float64]
		want   error
	}{
		"none":   {nil, device.ErrEmpty},
		"chain":  {[]Weights[float64]{w[0], w[0]}, device.ErrShape},
		"biases": {[]Weights[float64]{{W: w[0].W, B: w[0].B[1:]}}, device.ErrShape},
		"NaN":    {[]Weights[float64]{{W: w[0].W, B: []float64{0, 0, 0, math.NaN()}}}, device.ErrNotFinite},
	} {
		if _, err := FromWeights(Tanh, c.layers); !errors.Is(err, c.want) {
			t.Errorf("FromWeights, %s: %v, want %v", name, err, c.want)
		}
	}
}

// Curvatures are the derivative of the loss by the outputs of a hidden layer
// times φ”, deltas the same times φ'.
func TestCurvatures(t *testing.T) {
	bell := func(z float64) float64 { return math.Exp(-z*z/2) / math.Sqrt(2*math.Pi) }
	sigmoid := func(z float64) float64 { return 1 / (1 + math.Exp(-z)) }
	for a, φ := range map[Activation]struct{ first, second func(z float64) float64 }{
		Tanh: {
			func(z float64) float64 { return 1 - math.Tanh(z)*math.Tanh(z) },
			func(z float64) float64 { return -2 * math.Tanh(z) * (1 - math.Tanh(z)*math.Tanh(z)) }},
		Gelu: {
			func(z float64) float64 { return math.Erfc(-z/math.Sqrt2)/2 + z*bell(z) },
			func(z float64) float64 { return (2 - z*z) * bell(z) }},
		Softplus: {sigmoid, func(z float64) float64 { return sigmoid(z) * sigmoid(-z) }},
		Sine:     {math.Cos, func(z float64) float64 { return -math.Sin(z) }},
	} {
		onDevices(t, func(t *testing.T, dev device.Device) {
			n, data := random[float64](t, []int{4, 5, 3}, a), classified[float64](6, 4, 3)
			q := dev.F64()
			defer q.Close()
			θ, b := n.upload(q), data.Upload(q, n.Architecture)
			p := NewPass(q, n.Architecture, 6, Curvatures)
			p.Forward(q, θ, b.X)
			p.Evaluate(q, b, device.Matrix[float64]{})
			p.Backward(q, θ, b)
			δ, c := device.NewDense[float64](6, 5), device.NewDense[float64](6, 5)
			q.Download(δ, p.Deltas[0])
			q.Download(c, p.Curvatures[0])
			if err := q.Sync(); err != nil {
				t.Fatal(err)
			}
			first := n.Weights()[0]
			for i := range 6 {
				for j := range 5 {
					z := first.B[j]
					for k, x := range data.X.Row(i) {
						z += first.W.At(j, k) * x
					}
					e := δ.At(i, j) / φ.first(z)
					if want := e * φ.second(z); math.Abs(c.At(i, j)-want) > 1e-13*(1+math.Abs(e)) {
						t.Errorf("%s, z = %v: %v, want %v", a, z, c.At(i, j), want)
					}
				}
			}
		})
	}
}
