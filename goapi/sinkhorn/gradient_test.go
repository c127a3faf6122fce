package sinkhorn

import (
	"context"
	"math"
	"slices"
	"testing"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/tests/refusal"
)

// gradientProblems are problems of 12 and 9 points whose costs depend on them.
func gradientProblems(x, y device.Dense[float64]) map[string]Problem[float64] {
	return map[string]Problem[float64]{
		"distance":         {X: x, Y: y, P: 1},
		"squared distance": {X: x, Y: y},
		"power 1.5":        {Source: Power(x, y, 1.5)},
		"power 3":          {Source: Power(x, y, 3)},
		"inner product":    {Source: InnerProduct(x, y)},
	}
}

// The envelope gradients are the central differences of the value, for points
// and for weights, points without mass included.
func TestEnvelopeGradient(t *testing.T) {
	const ε, h = .05, 1e-5
	x, y := square(41, 12, 1)
	y = y.Slice(0, 9, 0, 2).Clone()
	a, b := rising(12), rising(9)
	a[11], a[2], b[4] = a[11]+a[2], 0, 0
	onDevices(t, func(t *testing.T, dev device.Device) {
		for name, p := range gradientProblems(x, y) {
			o := Options{Epsilon: ε, Tol: 1e-13, Normalize: true}
			value := func(x, y device.Dense[float64], a []float64) float64 {
				p := gradientProblems(x, y)[name]
				p.A, p.B = a, b
				return must(t, dev, p, o).Objective
			}
			p.A, p.B = a, b
			r := must(t, dev, p, o)
			gx, gy := device.NewDense[float64](12, 2), device.NewDense[float64](9, 2)
			if err := r.GradX(gx); err != nil {
				t.Fatal(err)
			}
			if err := r.GradY(gy); err != nil {
				t.Fatal(err)
			}
			moved := func(d device.Dense[float64], i, k int, by float64) device.Dense[float64] {
				d = d.Clone()
				d.Set(i, k, d.At(i, k)+by)
				return d
			}
			for _, at := range [][2]int{{0, 0}, {2, 1}, {5, 1}, {11, 0}} {
				i, k := at[0], at[1]
				diff := (value(moved(x, i, k, h), y, a) - value(moved(x, i, k, -h), y, a)) / (2 * h)
				near(t, name+": gradient of x", gx.At(i, k), diff, 1e-8)
				i = min(i, 8)
				diff = (value(x, moved(y, i, k, h), a) - value(x, moved(y, i, k, -h), a)) / (2 * h)
				near(t, name+": gradient of y", gy.At(i, k), diff, 1e-8)
			}
			shifted := func(by float64) []float64 {
				a := slices.Clone(a)
				a[3], a[7] = a[3]+by, a[7]-by
				return a
			}
			grad := r.GradA()
			diff := (value(x, y, shifted(h)) - value(x, y, shifted(-h))) / (2 * h)
			near(t, name+": gradient of a", grad[3]-grad[7], diff, 1e-8)
		}
	})
}

// The implicit product with the Hessian is the central difference of the
// gradient.
func TestImplicitHessian(t *testing.T) {
	const ε, h = .1, 1e-5
	x, y := square(42, 14, 1)
	y = y.Slice(0, 10, 0, 2).Clone()
	a, b := rising(14), rising(10)
	b[2] = 0
	z := device.Dense[float64]{Rows: 14, Cols: 2, Stride: 2, Data: lcg(43, 28)}
	onDevices(t, func(t *testing.T, dev device.Device) {
		o := Options{Epsilon: ε, Tol: 1e-14, Normalize: true}
		gradient := func(by float64) device.Dense[float64] {
			moved := x.Clone()
			for k := range moved.Data {
				moved.Data[k] += by * z.Data[k]
			}
			r, g := solveAny(t, dev, Problem[float64]{X: moved, Y: y, A: a, B: b}, o), device.NewDense[float64](14, 2)
			if err := r.GradX(g); err != nil {
				t.Fatal(err)
			}
			return g
		}
		up, down := gradient(h), gradient(-h)
		r, got := solveAny(t, dev, Problem[float64]{X: x, Y: y, A: a, B: b}, o), device.NewDense[float64](14, 2)
		if err := r.HessianX(context.Background(), z, got, 1e-12); err != nil {
			t.Fatal(err)
		}
		for k, v := range got.Data {
			near(t, "Hessian", v, (up.Data[k]-down.Data[k])/(2*h), 1e-7)
		}
		refuses(t, "tol", device.ErrArgument, func() error { return r.HessianX(context.Background(), z, got, 2) })
		refuses(t, "shape", device.ErrShape, func() error { return r.HessianX(context.Background(), y, got, 0) })
		refuses(t, "shape of dst", device.ErrShape, func() error { return r.HessianX(context.Background(), z, y, 0) })
		refuses(t, "ended context", context.Canceled, func() error { return r.HessianX(refusal.After(0), z, got, 0) })
		dense := must(t, dev, Problem[float64]{Cost: distances(x, y, 2)}, Options{Epsilon: ε})
		refuses(t, "no points", device.ErrArgument, func() error { return dense.HessianX(context.Background(), z, got, 0) })
		refuses(t, "no points", device.ErrArgument, func() error { return dense.GradX(got) })
		refuses(t, "shape", device.ErrShape, func() error { return r.GradY(got) })
	})
}

// The divergence of equal measures is 0 to the bit, of others positive and
// symmetric; a translation of x by t has OT(x,x+t) - OT(x,x) = |t|²; its
// gradients are central differences.
func TestDivergence(t *testing.T) {
	const ε, h = .05, 1e-5
	x, y := square(44, 20, 1)
	y = y.Slice(0, 15, 0, 2).Clone()
	a, b := rising(20), rising(15)
	onDevices(t, func(t *testing.T, dev device.Device) {
		divergence := func(p Problem[float64]) *DivergenceResult[float64] {
			d, err := Divergence(context.Background(), dev, p, Options{Epsilon: ε, Tol: 1e-12})
			if err != nil {
				t.Fatal(err)
			}
			return d
		}
		for _, power := range []int{1, 2} {
			if d := divergence(Problem[float64]{X: x, Y: x.Clone(), A: a, B: a, P: power}); d.Value != 0 {
				t.Errorf("S(α,α) = %v", d.Value)
			}
			there := divergence(Problem[float64]{X: x, Y: y, A: a, B: b, P: power})
			back := divergence(Problem[float64]{X: y, Y: x, A: b, B: a, P: power})
			if !(there.Value > 0 && there.Error < 1e-10) {
				t.Errorf("S = %v ± %v", there.Value, there.Error)
			}
			near(t, "S(β,α)", back.Value, there.Value, 1e-11)
			near(t, "gradient of x", back.GradY.At(3, 1), there.GradX.At(3, 1), 1e-9)
			moved := func(by float64) float64 {
				x := x.Clone()
				x.Set(3, 1, x.At(3, 1)+by)
				return divergence(Problem[float64]{X: x, Y: y, A: a, B: b, P: power}).Value
			}
			near(t, "gradient of x", there.GradX.At(3, 1), (moved(h)-moved(-h))/(2*h), 1e-8)
			weighed := func(by float64) float64 {
				a := slices.Clone(a)
				a[3], a[9] = a[3]+by, a[9]-by
				return divergence(Problem[float64]{X: x, Y: y, A: a, B: b, P: power}).Value
			}
			near(t, "gradient of a", there.GradA[3]-there.GradA[9], (weighed(h)-weighed(-h))/(2*h), 1e-8)
		}
		far := x.Clone()
		for i := range far.Rows {
			far.Row(i)[0] += .3
			far.Row(i)[1] -= .4
		}
		d := divergence(Problem[float64]{X: x, Y: far, A: a, B: a})
		near(t, "value for a translation", d.Value, .25, 1e-12)
		near(t, "OT for a translation", d.Cross.Objective-d.SelfX.Objective, .25, 1e-12)
		single, err := Divergence(context.Background(), dev, Problem[float32]{X: device.Convert[float32](x), Y: device.Convert[float32](far)}, Options{Epsilon: ε})
		if err != nil {
			t.Fatal(err)
		}
		near(t, "float32", single.Value, .25, 1e-6)
		if d := divergence(Problem[float64]{Source: Power(x, y, 1.5)}); !(d.Value > 0) || math.IsNaN(d.GradX.At(0, 0)) {
			t.Errorf("power 1.5: %v", d.Value)
		}
		for name, p := range map[string]Problem[float64]{
			"costs": {Cost: distances(x, y, 2)}, "cosine": {Source: Cosine(x, y)}, "nothing": {},
		} {
			want := device.ErrArgument
			if name == "nothing" {
				want = device.ErrEmpty
			}
			refuses(t, name, want, func() error {
				_, err := Divergence(context.Background(), dev, p, Options{Epsilon: ε})
				return err
			})
		}
		refuses(t, "few iterations", device.ErrNotConverged, func() error {
			_, err := Divergence(context.Background(), dev, Problem[float64]{X: x, Y: y}, Options{Epsilon: .001, MaxIterations: 2})
			return err
		})
	})
}
