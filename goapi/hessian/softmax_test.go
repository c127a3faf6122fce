package hessian

import (
	"errors"
	"math"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/nn"
	"github.com/ritz-go/ritz/goapi/rng"
	"github.com/ritz-go/ritz/goapi/spectrum"
	"github.com/ritz-go/ritz/tests/devices"
)

// head is the problem of the published check: 200 samples of 12 features,
// 5 classes, weights of size 1/2.
func head[T device.Float](t *testing.T, q device.Queue[T]) (Head[T], *nn.Network[T], nn.Data[T]) {
	t.Helper()
	net, data := random[T]([]int{12, 5}, ""), classified[T](200, 12, 5)
	rng.Normal(8, 0, 0, net.Theta)
	for i := range net.Theta {
		net.Theta[i] /= 2
	}
	op, err := Softmax(ctx, q, net, data.X)
	if err != nil {
		t.Fatal(err)
	}
	return op, net, data
}

// The closed form against second derivatives of the mean cross-entropy; it is
// positive semidefinite of rank (classes-1)·(features+1) and equals the
// Gauss-Newton matrix and the Hessian for whatever labels.
func TestSoftmaxClosedForm(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		q := device.NewQueue[float64](dev)
		defer q.Close()
		op, net, data := head(t, q)
		want := exactHessian(net.Architecture, net.Theta, data)
		h := product(t, q, op, identity[float64](op.Dim()))
		if e := distance(h, want); e > 1e-14 {
			t.Errorf("off by %.2g", e)
		}
		values := eigenvalues(h)
		rank := 0
		for _, v := range values {
			if v > 1e-10*values[len(values)-1] {
				rank++
			}
		}
		if values[0] < -1e-14 || rank != 4*13 {
			t.Errorf("smallest eigenvalue %g, rank %d, want 0 and 52", values[0], rank)
		}
		for _, kind := range []Kind{Hessian, GGN} {
			general, err := MLP(ctx, q, net, data, Options{Kind: kind})
			if err != nil {
				t.Fatal(err)
			}
			if e := distance(product(t, q, general, identity[float64](op.Dim())), want); e > 1e-14 {
				t.Errorf("%s: off by %.2g", kind, e)
			}
		}
	})
}

// Seven directions in one call like seven calls, and H·g = ‖g‖·∇‖g‖.
func TestSoftmaxProducts(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		q := device.NewQueue[float64](dev)
		defer q.Close()
		op, net, data := head(t, q)
		v := normal[float64](6, 7, op.Dim())
		block := product(t, q, op, v)
		for j := range v.Rows {
			row := v.Slice(j, j+1, 0, v.Cols)
			if e := distance(product(t, q, op, row), device.ToMat(block.Slice(j, j+1, 0, v.Cols))); e > 1e-14 {
				t.Errorf("direction %d alone differs by %.2g", j, e)
			}
		}

		gradient := func() []float64 {
			_, g, err := net.Gradient(ctx, dev, data)
			if err != nil {
				t.Fatal(err)
			}
			return g
		}
		g := gradient()
		hg := product(t, q, op, device.Vector(g))
		want := mat.NewDense(1, len(g), nil)
		const step = 1e-5
		for i := range g {
			at := net.Theta[i]
			net.Theta[i] = at + step
			above := norm(gradient())
			net.Theta[i] = at - step
			want.Set(0, i, norm(g)*(above-norm(gradient()))/(2*step))
			net.Theta[i] = at
		}
		// Truncation step² and rounding eps/step.
		if e := distance(hg, want); e > 1e-8 {
			t.Errorf("H·g is off by %.2g", e)
		}
	})
}

// The exact diagonal, and Hutchinson's estimate of it, whose variance must be
// the one that theory gives.
func TestSoftmaxDiagonal(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		t.Run("float64", func(t *testing.T) { diagonal[float64](t, dev, 1e-14) })
		t.Run("float32", func(t *testing.T) { diagonal[float32](t, dev, 1e-6) })
	})
}

func diagonal[T device.Float](t *testing.T, dev device.Device, tol float64) {
	q := device.NewQueue[T](dev)
	defer q.Close()
	op, net, data := head(t, q)
	h := exactHessian(net.Architecture, device.Convert[float64](device.Vector(net.Theta)).Data, double(data))
	p := op.Dim()
	d, got := q.Alloc(1, p), device.NewDense[T](1, p)
	if err := op.Diagonal(ctx, q, d); err != nil {
		t.Fatal(err)
	}
	q.Download(got, d)
	if err := q.Sync(); err != nil {
		t.Fatal(err)
	}
	want := mat.NewDense(1, p, nil)
	for i := range p {
		want.Set(0, i, h.At(i, i))
	}
	if e := distance(got, want); !(e <= tol) {
		t.Errorf("diagonal is off by %.2g", e)
	}

	const probes = 20
	repeats := devices.Size(dev, 400, 20)
	z := device.NewDense[T](probes*repeats, p)
	rng.Rademacher(21, 0, 0, z.Data)
	hz := product(t, q, op, z)
	measured, theory := 0.0, 0.0
	for i := range p {
		for r := range repeats {
			mean := 0.0
			for s := r * probes; s < (r+1)*probes; s++ {
				mean += float64(z.At(s, i)*hz.At(s, i)) / probes
			}
			measured += (mean - h.At(i, i)) * (mean - h.At(i, i)) / float64(repeats)
		}
		for j := range p {
			if j != i {
				theory += h.At(i, j) * h.At(i, j) / probes
			}
		}
	}
	// The error of a measured variance is proportional to 1/√repeats.
	if ratio := measured / theory; math.Abs(ratio-1) > 2/math.Sqrt(float64(repeats)) {
		t.Errorf("variance of Hutchinson's estimate is %.3f of what it should be", ratio)
	}
	if err := op.Diagonal(ctx, q, q.Alloc(2, p)); !errors.Is(err, device.ErrShape) {
		t.Errorf("diagonal of two rows: %v", err)
	}
}

// Saturated outputs add nothing, and nothing overflows.
func TestSoftmaxSaturated(t *testing.T) {
	q := device.NewQueue[float32](device.Go())
	defer q.Close()
	net := random[float32]([]int{2, 3}, "")
	for i := range net.Theta {
		net.Theta[i] *= 1e4
	}
	op, err := Softmax(ctx, q, net, normal[float32](1, 30, 2))
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range product(t, q, op, identity[float32](op.Dim())).Data {
		if !(math.Abs(float64(v)) < 1e-2) {
			t.Errorf("element %v", v)
		}
	}
}

// The eigenvalues that package spectrum finds are those of the matrix.
func TestSoftmaxSpectrum(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		q := device.NewQueue[float64](dev)
		defer q.Close()
		op, net, data := head(t, q)
		var e mat.EigenSym
		e.Factorize(exactHessian(net.Architecture, net.Theta, data), false)
		values := e.Values(nil)
		got, err := spectrum.Eigs(ctx, dev, op, spectrum.EigsOptions{K: 3})
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range got.Values {
			if want := values[len(values)-1-i]; math.Abs(float64(v)-want) > 1e-8*values[len(values)-1] {
				t.Errorf("eigenvalue %d is %v, want %v", i, v, want)
			}
		}
	})
}

func TestSoftmaxBadInput(t *testing.T) {
	q := device.NewQueue[float64](device.Go())
	x := normal[float64](1, 4, 3)
	for name, c := range map[string]struct {
		sizes []int
		x     device.Dense[float64]
		want  error
	}{
		"hidden layer": {[]int{3, 4, 2}, x, device.ErrArgument},
		"one class":    {[]int{3, 1}, x, device.ErrArgument},
		"features":     {[]int{2, 2}, x, device.ErrShape},
		"no samples":   {[]int{3, 2}, device.Dense[float64]{}, device.ErrEmpty},
		"Inf":          {[]int{3, 2}, device.Dense[float64]{Rows: 1, Cols: 3, Stride: 3, Data: []float64{0, math.Inf(1), 0}}, device.ErrNotFinite},
	} {
		if _, err := Softmax(ctx, q, random[float64](c.sizes, ""), c.x); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}
