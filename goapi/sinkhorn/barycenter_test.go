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

// The soft minima of a grid, axis by axis, are those of its dense costs, by
// products and in the log domain, with points that have no mass.
func TestGridIsDense(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		for _, shape := range [][]int{{12, 9}, {7}, {3, 4, 5}, {1, 6}} {
			q := dev.F64()
			defer q.Close()
			n := 1
			axes := make([]device.Dense[float64], len(shape))
			for k, s := range shape {
				n *= s
				axes[k] = axisCost(s, .1, 2)
			}
			dense := device.NewDense[float64](n, n)
			for i := range n {
				for j := range n {
					a, b, c := i, j, 0.0
					for k := len(shape) - 1; k >= 0; k-- {
						c += axes[k].At(a%shape[k], b%shape[k])
						a, b = a/shape[k], b/shape[k]
					}
					dense.Set(i, j, c)
				}
			}
			ψ := lcg(3, n)
			if n > 8 {
				for j := range 9 { // a line without mass, and more
					ψ[j] = math.Inf(-1)
				}
			}
			in, got, want, c := q.Alloc(1, n), q.Alloc(1, n), q.Alloc(1, n), q.Alloc(n, n)
			q.Upload(in, device.Vector(ψ))
			q.Upload(c, dense)
			g := newGrid[float64](q, axes)
			for _, ε := range []float64{1, .05, 1e-4, 0} {
				g.rows(ε, in, got)
				device.SoftMin(q, device.PerRow, ε, c, in, want)
				x, y := make([]float64, n), make([]float64, n)
				q.Download(device.Vector(x), got)
				q.Download(device.Vector(y), want)
				if err := q.Sync(); err != nil {
					t.Fatal(err)
				}
				for i := range x {
					near(t, "soft minimum", x[i], y[i], 1e-13)
				}
			}
		}
	})
}

// normalOn returns a normal density on n points of [0,1].
func normalOn(n int, mean, σ float64) []float64 {
	w := make([]float64, n)
	for i := range w {
		x := (float64(i)/float64(n) - mean) / σ
		w[i] = math.Exp(-x * x / 2)
	}
	return w
}

func moments(b []float64) (mean, variance float64) {
	for j, v := range b {
		mean += v * float64(j) / float64(len(b))
	}
	for j, v := range b {
		d := float64(j)/float64(len(b)) - mean
		variance += v * d * d
	}
	return mean, variance
}

// The barycentre of normal distributions has the mean of their means. With
// debiasing its variance is theirs, without it is larger by ε/2.
func TestBarycenterOfNormals(t *testing.T) {
	const n, σ, ε = 200, .05, .002
	a := device.NewDense[float64](2, n)
	copy(a.Row(0), normalOn(n, .3, σ))
	copy(a.Row(1), normalOn(n, .6, σ))
	cost := axisCost(n, 1./n, 2)
	dev := devices.Real(t)
	for k, debiased := range []bool{false, true} {
		var first []float64
		for _, p := range []BarycenterProblem[float64]{
			{Measures: a, Shape: []int{n}, Weights: []float64{1, 2}},
			{Measures: a, Cost: cost, Weights: []float64{1, 2}},
		} {
			r, err := Barycenter(context.Background(), dev[len(dev)-1], p, BarycenterOptions{RelaxedOptions{Epsilon: ε, Tol: []float64{1e-9, 1e-6}[k]}, debiased})
			if err != nil {
				t.Fatal(err)
			}
			mean, variance := moments(r.B)
			near(t, "mean", mean, .5, 1e-6)
			want := σ*σ + ε/2
			if debiased {
				want = σ * σ
			}
			near(t, "variance", variance, want, 1e-4*want)
			// Σ λ·OT = λ₁·λ₂·distance² for normals of one variance.
			if l, x := r.Certificate.Lower, 2./9*.09; !(l <= x && l > .8*x) {
				t.Errorf("lower bound %v of %v", l, x)
			}
			if first == nil {
				first = r.B
				continue
			}
			for j, v := range r.B {
				near(t, "barycentre on a grid", first[j], v, 1e-9)
			}
		}
	}
}

func TestBarycenter(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		// Images with black pixels: the barycentre of one is its blur, and
		// that of float32 images the same.
		a := device.NewDense[float64](3, 6*8)
		for k, u := range lcg(8, 3*48) {
			a.Data[k] = max(0, u-.6)
		}
		o := BarycenterOptions{RelaxedOptions: RelaxedOptions{Epsilon: .01, Tol: 1e-7}}
		r, err := Barycenter(context.Background(), dev, BarycenterProblem[float64]{Measures: a, Shape: []int{6, 8}}, o)
		if err != nil {
			t.Fatal(err)
		}
		single, err := Barycenter(context.Background(), dev, BarycenterProblem[float32]{Measures: device.Convert[float32](a), Shape: []int{6, 8}}, o)
		if err != nil {
			t.Fatal(err)
		}
		sum := 0.0
		for j, v := range r.B {
			sum += v
			near(t, "float32", float64(single.B[j]), v, 1e-5)
		}
		near(t, "mass", sum, 1, 1e-14)
	})
	good := device.Dense[float64]{Rows: 2, Cols: 2, Stride: 2, Data: []float64{1, 2, 3, 4}}
	with := func(v float64) device.Dense[float64] {
		d := good.Clone()
		d.Data[1] = v
		return d
	}
	zero := device.NewDense[float64](2, 2)
	for name, test := range map[string]struct {
		p    BarycenterProblem[float64]
		want error
	}{
		"nothing":      {BarycenterProblem[float64]{}, device.ErrEmpty},
		"no costs":     {BarycenterProblem[float64]{Measures: good}, device.ErrArgument},
		"both":         {BarycenterProblem[float64]{Measures: good, Cost: good, Shape: []int{2}}, device.ErrArgument},
		"NaN":          {BarycenterProblem[float64]{Measures: with(math.NaN()), Cost: good}, device.ErrNotFinite},
		"NaN cost":     {BarycenterProblem[float64]{Measures: good, Cost: with(math.NaN())}, device.ErrNotFinite},
		"negative":     {BarycenterProblem[float64]{Measures: with(-1), Cost: good}, device.ErrArgument},
		"no mass":      {BarycenterProblem[float64]{Measures: zero, Cost: good}, device.ErrArgument},
		"shape":        {BarycenterProblem[float64]{Measures: good, Shape: []int{3}}, device.ErrShape},
		"empty shape":  {BarycenterProblem[float64]{Measures: good, Shape: []int{}}, device.ErrShape},
		"no points":    {BarycenterProblem[float64]{Measures: good, Shape: []int{2, 0}}, device.ErrShape},
		"weights":      {BarycenterProblem[float64]{Measures: good, Cost: good, Weights: []float64{1}}, device.ErrShape},
		"zero weight":  {BarycenterProblem[float64]{Measures: good, Cost: good, Weights: []float64{1, 0}}, device.ErrArgument},
		"cost's shape": {BarycenterProblem[float64]{Measures: good, Cost: device.NewDense[float64](3, 2)}, device.ErrShape},
	} {
		refuses(t, name, test.want, func() error {
			_, err := Barycenter(context.Background(), device.Go(), test.p, BarycenterOptions{RelaxedOptions: RelaxedOptions{Epsilon: 1}})
			return err
		})
	}
	refuses(t, "no device", device.ErrClosed, func() error {
		_, err := Barycenter(context.Background(), nil, BarycenterProblem[float64]{Measures: good, Cost: good}, BarycenterOptions{RelaxedOptions: RelaxedOptions{Epsilon: 1}})
		return err
	})
	for looks := range 1 {
		refuses(t, "ended context", context.Canceled, func() error {
			_, err := Barycenter(refusal.After(looks), device.Go(), BarycenterProblem[float64]{Measures: good, Cost: good}, BarycenterOptions{RelaxedOptions: RelaxedOptions{Epsilon: .01}})
			return err
		})
	}
	r, err := Barycenter(context.Background(), device.Go(), BarycenterProblem[float64]{Measures: good, Cost: good}, BarycenterOptions{RelaxedOptions: RelaxedOptions{Epsilon: .01, MaxIterations: 1, Tol: 1e-15}})
	if !errors.Is(err, device.ErrNotConverged) || r == nil || r.Converged {
		t.Errorf("%v, %v", r, err)
	}
}
