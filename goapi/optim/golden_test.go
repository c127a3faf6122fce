package optim

import (
	"context"
	"fmt"
	"math"
	"testing"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/matio"
	"github.com/ritz-go/ritz/goapi/polar"
)

var ctx = context.Background()

// array reads an array of golden.npz as matrices: the last two dimensions.
func array[T device.Float](t *testing.T, name string) []device.Dense[T] {
	t.Helper()
	f, err := matio.Open("testdata/golden.npz")
	if err != nil {
		t.Fatal(err)
	}
	is, err := f.Find(name)
	if err != nil {
		t.Fatal(err)
	}
	a, err := matio.Read[T](f, is[0])
	if err != nil {
		t.Fatal(err)
	}
	k := len(a.Shape)
	rows, cols := a.Shape[k-2], a.Shape[k-1]
	var ms []device.Dense[T]
	for lo := 0; lo < len(a.Data); lo += rows * cols {
		ms = append(ms, device.Dense[T]{Rows: rows, Cols: cols, Stride: cols, Data: a.Data[lo : lo+rows*cols]})
	}
	return ms
}

// walk is an optimizer of one parameter.
type walk[T device.Float] struct {
	t    testing.TB
	q    device.Queue[T]
	o    *Optimizer[T]
	w, g device.Matrix[T]
}

func start[T device.Float](t testing.TB, dev device.Device, r Rule, w device.Dense[T], change func(*Group[T])) *walk[T] {
	t.Helper()
	q := device.NewQueue[T](dev)
	t.Cleanup(q.Close)
	k := &walk[T]{t: t, q: q, w: q.Alloc(w.Rows, w.Cols), g: q.Alloc(w.Rows, w.Cols)}
	q.Upload(k.w, w)
	g := Group[T]{Rule: r, Parameters: []Parameter[T]{{Name: "w", Value: k.w, Gradient: k.g}}}
	if change != nil {
		change(&g)
	}
	var err error
	if k.o, err = New(q, g); err != nil {
		t.Fatal(err)
	}
	return k
}

// step takes a step along g and returns the weights.
func (k *walk[T]) step(g device.Dense[T]) device.Dense[T] {
	k.t.Helper()
	k.q.Upload(k.g, g)
	if err := k.o.Step(ctx); err != nil {
		k.t.Fatal(err)
	}
	return k.weights()
}

func (k *walk[T]) weights() device.Dense[T] {
	k.t.Helper()
	w := device.NewDense[T](k.w.Rows, k.w.Cols)
	k.q.Download(w, k.w)
	if err := k.q.Sync(); err != nil {
		k.t.Fatal(err)
	}
	return w
}

// worst returns the largest difference, relative to the larger of 1 and the
// element.
func worst[T, U device.Float](a device.Dense[T], b device.Dense[U]) float64 {
	d := 0.0
	for i := range a.Rows {
		for j := range a.Cols {
			x, y := float64(a.At(i, j)), float64(b.At(i, j))
			e := math.Abs(x-y) / max(1, math.Abs(y))
			if !(e <= d) {
				d = e
			}
		}
	}
	return d
}

var goldenRules = []struct {
	name  string
	rule  Rule
	torch bool // computed in both types
	heads int
}{
	{"adamw", AdamW{LearningRate: 1e-2, WeightDecay: 0.1}, true, 0},
	{"adamw-betas", AdamW{LearningRate: 8e-3, Beta1: 0.8, Beta2: 0.95, Epsilon: 1e-10}, true, 0},
	{"sgd", SGD{LearningRate: 0.1, WeightDecay: 0.05}, true, 0},
	{"sgd-momentum", SGD{LearningRate: 0.1, Momentum: 0.9}, true, 0},
	{"sgd-nesterov", SGD{LearningRate: 0.1, Momentum: 0.9, Nesterov: true, WeightDecay: 0.05}, true, 0},
	{"sgd-dampening", SGD{LearningRate: 0.1, Momentum: 0.9, Dampening: 0.5, WeightDecay: 0.05}, true, 0},
	{"muon", Muon{LearningRate: 0.05, WeightDecay: 0.1}, false, 0},
	{"muon-wide", Muon{LearningRate: 0.05, WeightDecay: 0.1}, false, 0},
	{"muon-heavy", Muon{LearningRate: 0.05, Heavy: true}, false, 0},
	{"muon-match-adamw", Muon{LearningRate: 0.05, Scale: MatchAdamW}, false, 0},
	{"muon-spectral", Muon{LearningRate: 0.05, Scale: Spectral}, false, 0},
	{"muon-heads", Muon{LearningRate: 0.05}, false, 3},
	{"normuon", Muon{LearningRate: 0.05, WeightDecay: 0.1, Rows: true, Beta2: 0.9}, false, 0},
	{"auon", AuON{LearningRate: 0.05, WeightDecay: 0.1}, false, 0},
	{"auon-code", AuON{LearningRate: 0.05, WeightDecay: 0.1, Form: AuONCode}, false, 0},
	{"hybrid", AuON{LearningRate: 0.05, WeightDecay: 0.1, Steps: 1}, false, 0},
	{"hybrid-code", AuON{LearningRate: 0.05, WeightDecay: 0.1, Form: AuONCode, Steps: 5}, false, 0},
}

// Three steps are those of PyTorch (AdamW, SGD) and of the formulas.
func TestGolden(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		t.Run("f64", func(t *testing.T) { testGolden[float64](t, dev, 1e-13) })
		t.Run("f32", func(t *testing.T) { testGolden[float32](t, dev, 1e-6) })
	})
}

func testGolden[T device.Float](t *testing.T, dev device.Device, tol float64) {
	for _, c := range goldenRules {
		t.Run(c.name, func(t *testing.T) {
			name, tol := c.name, tol
			if c.torch {
				name = fmt.Sprintf("%s-%d", c.name, bits[T]())
			} else if tol < 1e-10 {
				// Newton–Schulz steps amplify rounding errors by up to 3.4445⁵.
				tol = 1e-12
			}
			want := array[T](t, name)
			k := start(t, dev, c.rule, oriented(array[T](t, "weights")[0], want[0]), func(g *Group[T]) { g.Parameters[0].RowBlocks = c.heads })
			for s, g := range array[T](t, "gradients") {
				got := k.step(oriented(g, want[0]))
				if d := worst(got, want[s]); d > tol {
					t.Fatalf("step %d is off by %.2g", s+1, d)
				}
			}
		})
	}
}

func bits[T device.Float]() int {
	if device.Epsilon[T]() > 1e-10 {
		return 32
	}
	return 64
}

// oriented returns a, or its transpose if that has the shape of like.
func oriented[T device.Float](a, like device.Dense[T]) device.Dense[T] {
	if a.Rows != like.Rows {
		return a.T()
	}
	return a
}

// Dion from a given basis.
func TestGoldenDion(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		t.Run("f64", func(t *testing.T) { testGoldenDion[float64](t, dev, 2e-15) })
		t.Run("f32", func(t *testing.T) { testGoldenDion[float32](t, dev, 4e-7) })
	})
}

func testGoldenDion[T device.Float](t *testing.T, dev device.Device, tol float64) {
	want := array[T](t, "dion")
	k := start(t, dev, Dion{LearningRate: 0.05, Momentum: 0.9, WeightDecay: 0.1, Rank: 2}, array[T](t, "weights")[0], nil)
	k.q.Upload(k.o.groups[0].movers[0].(*dion[T]).basis[0], array[T](t, "basis")[0])
	for s, g := range array[T](t, "gradients") {
		if d := worst(k.step(g), want[s]); d > tol {
			t.Fatalf("step %d is off by %.2g", s+1, d)
		}
	}
}

// A convolution [6,2,1,2] moves like the matrix 6×4 of the same elements, and
// matrices cut out of larger ones like contiguous ones.
func TestShapesAndViews(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		weights, gradients := array[float64](t, "weights")[0], array[float64](t, "gradients")
		for _, r := range []Rule{SGD{Momentum: 0.9}, AdamW{}, Muon{}, Muon{Rows: true}, Dion{}, AuON{}, AuON{Steps: 1}} {
			plain := start(t, dev, r, weights, nil)
			flat := start(t, dev, r, device.Vector(weights.Data), func(g *Group[float64]) { g.Parameters[0].Shape = []int{6, 2, 1, 2} })
			q := device.NewQueue[float64](dev)
			defer q.Close()
			frame, gframe := q.Alloc(8, 9), q.Alloc(9, 7)
			q.Fill(math.NaN(), frame)
			q.Fill(math.NaN(), gframe)
			view := &walk[float64]{t: t, q: q, w: frame.Slice(1, 7, 2, 6), g: gframe.Slice(2, 8, 1, 5)}
			q.Upload(view.w, weights)
			q.Fill(0, view.g)
			var err error
			if view.o, err = New(q, Group[float64]{Rule: r, Parameters: []Parameter[float64]{{Name: "w", Value: view.w, Gradient: view.g}}}); err != nil {
				t.Fatal(err)
			}
			for _, g := range gradients {
				want := plain.step(g)
				if d := worst(flat.step(device.Vector(g.Data)), device.Vector(want.Data)); d != 0 {
					t.Errorf("%T: a convolution is off by %.2g", r, d)
				}
				// A view takes other paths through libraries.
				if d := worst(view.step(g), want); d > 1e-13 {
					t.Errorf("%T: a view is off by %.2g", r, d)
				}
			}
		}
	})
}

// Blocks move like parameters of their own.
func TestBlocks(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		weights, gradients := array[float64](t, "weights")[0], array[float64](t, "gradients")
		for _, r := range []Rule{Muon{}, Muon{Rows: true}, AuON{}, AuON{Form: AuONCode}, AuON{Steps: 2}} {
			whole := start(t, dev, r, weights, func(g *Group[float64]) { g.Parameters[0].RowBlocks, g.Parameters[0].ColBlocks = 3, 2 })
			for i := range 3 {
				for j := range 2 {
					part := func(m device.Dense[float64]) device.Dense[float64] { return m.Slice(2*i, 2*i+2, 2*j, 2*j+2) }
					single := start(t, dev, r, part(weights), nil)
					for _, g := range gradients {
						single.step(part(g))
					}
					if i+j == 0 {
						for _, g := range gradients {
							whole.step(g)
						}
					}
					if d := worst(part(whole.weights()), single.weights()); d > 1e-13 {
						t.Errorf("%T: block (%d,%d) is off by %.2g", r, i, j, d)
					}
				}
			}
		}
	})
}

// Muon takes any polar factor: a converged one gives an orthogonal update.
func TestMuonPolar(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		g := array[float64](t, "gradients")[0]
		for _, o := range []polar.Options{{Method: polar.Auto}, {Method: polar.SVD}, {Method: polar.Cubic}} {
			k := start(t, dev, Muon{LearningRate: 1, Scale: Unscaled, Polar: o}, device.NewDense[float64](6, 4), nil)
			w := k.step(g)
			for i := range 4 {
				for j := range 4 {
					dot := 0.0
					for l := range 6 {
						dot += w.At(l, i) * w.At(l, j)
					}
					if want := map[bool]float64{true: 1}[i == j]; math.Abs(dot-want) > 1e-13 {
						t.Fatalf("%s: UᵀU has %v at (%d,%d)", o.Method, dot, i, j)
					}
				}
			}
		}
	})
}
