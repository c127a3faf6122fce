package hessian

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/nn"
	"github.com/ritz-go/ritz/goapi/spectrum"
	"github.com/ritz-go/ritz/tests/devices"
)

var ctx = context.Background()

// product applies op to the rows of v.
func product[T device.Float](t *testing.T, q device.Queue[T], op spectrum.Operator[T], v device.Dense[T]) device.Dense[T] {
	t.Helper()
	src, dst := q.Alloc(v.Rows, v.Cols), q.Alloc(v.Rows, v.Cols)
	q.Upload(src, v)
	q.Fill(T(math.NaN()), dst) // must be overwritten, not added to
	if err := op.Apply(ctx, q, dst, src); err != nil {
		t.Fatal(err)
	}
	out := device.NewDense[T](v.Rows, v.Cols)
	q.Download(out, dst)
	if err := q.Sync(); err != nil {
		t.Fatal(err)
	}
	return out
}

func identity[T device.Float](n int) device.Dense[T] {
	a := device.NewDense[T](n, n)
	for i := range n {
		a.Set(i, i, 1)
	}
	return a
}

// distance is the largest difference relative to the largest element of want.
func distance[T device.Float](got device.Dense[T], want mat.Matrix) float64 {
	diff, size := 0.0, 0.0
	for i := range got.Rows {
		for j := range got.Cols {
			d, w := math.Abs(float64(got.At(i, j))-want.At(i, j)), math.Abs(want.At(i, j))
			if d != d {
				return d
			}
			diff, size = max(diff, d), max(size, w)
		}
	}
	return diff / size
}

func exact(kind Kind, a nn.Architecture, θ []float64, d nn.Data[float64]) *mat.SymDense {
	switch kind {
	case GGN:
		return exactGGN(a, θ, d)
	case TrueFisher:
		return exactTrueFisher(a, θ, d)
	case Fisher:
		return exactFisher(a, θ, d)
	}
	return exactHessian(a, θ, d)
}

// Every kind, activation and loss against hyper-dual numbers; the block of
// all unit vectors gives the whole matrix at once. Also each layer's block.
func TestAgainstHyperDualNumbers(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		// Sums of some 10 terms over three layers, both ways.
		t.Run("float64", func(t *testing.T) { againstHyperDual[float64](t, dev, 2e-14) })
		t.Run("float32", func(t *testing.T) { againstHyperDual[float32](t, dev, 1e-5) })
	})
}

func againstHyperDual[T device.Float](t *testing.T, dev device.Device, tol float64) {
	for _, sizes := range [][]int{{4, 5, 3, 3}, {3, 2}, {2, 1, 1, 2}} {
		for _, a := range []nn.Activation{nn.Tanh, nn.Relu, nn.Gelu, nn.Softplus, nn.Sine, nn.Identity} {
			for name, data := range map[string]nn.Data[T]{
				"labels":  classified[T](7, sizes[0], sizes[len(sizes)-1]),
				"targets": fitted[T](7, sizes[0], sizes[len(sizes)-1]),
			} {
				net := random[T](sizes, a)
				θ := device.Convert[float64](device.Vector(net.Theta)).Data
				for _, kind := range []Kind{"", Hessian, GGN, Fisher, TrueFisher} {
					want := exact(kind, net.Architecture, θ, double(data))
					for _, limit := range []int64{0, 1} { // cached and recomputed
						label := fmt.Sprintf("%v %s %s %s, limit %d", sizes, a, name, kind, limit)
						q := device.NewQueue[T](dev)
						op, err := MLP(ctx, q, net, data, Options{Kind: kind, CacheLimit: limit})
						if err != nil {
							t.Fatal(err)
						}
						if (op.cached == nil) != (limit == 1) {
							t.Errorf("%s: the limit has no effect", label)
						}
						if op.Dim() != len(θ) {
							t.Fatalf("%s: dimension %d, want %d", label, op.Dim(), len(θ))
						}
						if e := distance(product(t, q, op, identity[T](op.Dim())), want); !(e <= tol) {
							t.Errorf("%s: off by %.2g", label, e)
						}
						for l, layer := range net.Layers() {
							block, err := op.Layer(l)
							if err != nil {
								t.Fatal(err)
							}
							part := want.SliceSym(layer.Weights, layer.End)
							if e := distance(product(t, q, block, identity[T](block.Dim())), part); !(e <= 2*tol) {
								t.Errorf("%s, layer %d: off by %.2g", label, l, e)
							}
						}
						q.Close()
					}
				}
			}
		}
	}
}

// The published size of the check: 6-7-5-4 to 1e-12, k batched directions
// like single ones to 1e-13, symmetric to 1e-14.
func TestProducts(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		net, data := random[float64]([]int{6, 7, 5, 4}, nn.Tanh), classified[float64](20, 6, 4)
		for _, kind := range []Kind{Hessian, GGN, Fisher} {
			q := device.NewQueue[float64](dev)
			op, err := MLP(ctx, q, net, data, Options{Kind: kind})
			if err != nil {
				t.Fatal(err)
			}
			p := op.Dim()
			h := product(t, q, op, identity[float64](p))
			if e := distance(h, exact(kind, net.Architecture, net.Theta, data)); e > 1e-14 {
				t.Errorf("%s: off by %.2g", kind, e)
			}
			if e := distance(h, device.ToMat(h).T()); e > 1e-15 {
				t.Errorf("%s: asymmetric by %.2g", kind, e)
			}
			v := normal[float64](6, 7, p)
			block := product(t, q, op, v)
			for j := range v.Rows {
				single := product(t, q, op, v.Slice(j, j+1, 0, p))
				if e := distance(single, device.ToMat(block.Slice(j, j+1, 0, p))); e > 1e-14 {
					t.Errorf("%s: direction %d alone differs by %.2g", kind, j, e)
				}
			}
			if kind != Hessian {
				if least := eigenvalues(h)[0]; least < -1e-14*mat.Norm(device.ToMat(h), 2) {
					t.Errorf("%s: eigenvalue %g", kind, least)
				}
			}
			q.Close()
		}
	})
}

func eigenvalues(h device.Dense[float64]) []float64 {
	var e mat.EigenSym
	e.Factorize(symmetric(device.ToMat(h), 1), false)
	return e.Values(nil)
}

// More samples than a chunk holds, the last chunk incomplete: the matrix is
// the mean of those of the parts. The operands are views with gaps.
func TestManyChunks(t *testing.T) {
	const n, cut = 2*maxChunkRows + 1003, 2500
	onDevices(t, func(t *testing.T, dev device.Device) {
		net, data := random[float64]([]int{3, 4, 2}, nn.Gelu), classified[float64](n, 3, 2)
		kinds := []Kind{Hessian, GGN, Fisher}
		for _, kind := range kinds[:devices.Size(dev, len(kinds), 1)] {
			for _, limit := range []int64{0, 1} {
				q := device.NewQueue[float64](dev)
				op, err := MLP(ctx, q, net, data, Options{Kind: kind, CacheLimit: limit})
				if err != nil {
					t.Fatal(err)
				}
				p := op.Dim()
				v := normal[float64](6, 3, p)
				want := mat.NewDense(3, p, nil)
				for lo := 0; lo < n; lo += cut {
					hi := min(lo+cut, n)
					part, err := MLP(ctx, q, net, nn.Data[float64]{X: data.X.Slice(lo, hi, 0, 3), Labels: data.Labels[lo:hi]}, Options{Kind: kind})
					if err != nil {
						t.Fatal(err)
					}
					hv := device.ToMat(product(t, q, part, v))
					hv.Scale(float64(hi-lo)/n, hv)
					want.Add(want, hv)
				}
				src, dst := q.Alloc(3, p+9).Slice(0, 3, 4, 4+p), q.Alloc(3, 2*p).Slice(0, 3, p-1, 2*p-1)
				q.Upload(src, v)
				if err := op.Apply(ctx, q, dst, src); err != nil {
					t.Fatal(err)
				}
				got := device.NewDense[float64](3, p)
				q.Download(got, dst)
				if err := q.Sync(); err != nil {
					t.Fatal(err)
				}
				if e := distance(got, want); !(e < 1e-13) {
					t.Errorf("%s, limit %d: off by %.2g", kind, limit, e)
				}
				q.Close()
			}
		}
	})
}

// Once made, an operator only reads what it holds.
func TestConcurrentProducts(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		q := device.NewQueue[float64](dev)
		defer q.Close()
		op, err := MLP(ctx, q, random[float64]([]int{6, 7, 5, 4}, nn.Tanh), classified[float64](200, 6, 4), Options{})
		if err != nil {
			t.Fatal(err)
		}
		v := normal[float64](6, 3, op.Dim())
		want := device.ToMat(product(t, q, op, v))
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				own := device.NewQueue[float64](dev)
				defer own.Close()
				src, dst, got := own.Alloc(3, op.Dim()), own.Alloc(3, op.Dim()), device.NewDense[float64](3, op.Dim())
				own.Upload(src, v)
				for range 10 {
					if err := op.Apply(ctx, own, dst, src); err != nil {
						t.Error(err)
					}
					own.Download(got, dst)
					if err := own.Sync(); err != nil {
						t.Error(err)
					}
					if e := distance(got, want); e > 1e-14 {
						t.Errorf("off by %.2g", e)
					}
				}
			})
		}
		wg.Wait()
	})
}

func TestBadInput(t *testing.T) {
	q := device.NewQueue[float64](device.Go())
	net, data := random[float64]([]int{3, 4, 2}, nn.Tanh), classified[float64](5, 3, 2)
	for name, c := range map[string]struct {
		spoil func(n *nn.Network[float64], d *nn.Data[float64], o *Options)
		want  error
	}{
		"label":   {func(_ *nn.Network[float64], d *nn.Data[float64], _ *Options) { d.Labels = []int{0, 1, 2, 0, 0} }, device.ErrArgument},
		"labels":  {func(_ *nn.Network[float64], d *nn.Data[float64], _ *Options) { d.Labels = d.Labels[1:] }, device.ErrShape},
		"samples": {func(_ *nn.Network[float64], d *nn.Data[float64], _ *Options) { d.X = device.Dense[float64]{} }, device.ErrEmpty},
		"features": {func(_ *nn.Network[float64], d *nn.Data[float64], _ *Options) {
			d.X = normal[float64](1, 5, 2)
		}, device.ErrShape},
		"NaN": {func(_ *nn.Network[float64], d *nn.Data[float64], _ *Options) {
			d.X = d.X.Clone()
			d.X.Data[2] = math.NaN()
		}, device.ErrNotFinite},
		"parameters": {func(n *nn.Network[float64], _ *nn.Data[float64], _ *Options) { n.Theta = n.Theta[1:] }, device.ErrShape},
		"kind":       {func(_ *nn.Network[float64], _ *nn.Data[float64], o *Options) { o.Kind = "fim" }, device.ErrArgument},
		"cache":      {func(_ *nn.Network[float64], _ *nn.Data[float64], o *Options) { o.CacheLimit = -1 }, device.ErrArgument},
		"overflow": {func(n *nn.Network[float64], _ *nn.Data[float64], _ *Options) {
			n.Theta = append([]float64(nil), n.Theta...)
			for i := range n.Theta {
				n.Theta[i] = 1.7e308
			}
		}, device.ErrNotFinite},
	} {
		n, d, o := *net, data, Options{}
		c.spoil(&n, &d, &o)
		if _, err := MLP(ctx, q, &n, d, o); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}

	op, err := MLP(ctx, q, net, data, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for name, shapes := range map[string][4]int{"too short": {2, 5, 2, 5}, "rows": {2, op.Dim(), 3, op.Dim()}} {
		err := op.Apply(ctx, q, q.Alloc(shapes[0], shapes[1]), q.Alloc(shapes[2], shapes[3]))
		if !errors.Is(err, device.ErrShape) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := op.Apply(ctx, q, q.Alloc(0, op.Dim()), q.Alloc(0, op.Dim())); err != nil {
		t.Errorf("no directions: %v", err)
	}
	for _, l := range []int{-1, op.Layers()} {
		if _, err := op.Layer(l); !errors.Is(err, device.ErrArgument) {
			t.Errorf("layer %d: %v", l, err)
		}
	}
	stop, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := MLP(stop, q, net, data, Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled MLP: %v", err)
	}
	if err := op.Apply(stop, q, q.Alloc(1, op.Dim()), q.Alloc(1, op.Dim())); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled Apply: %v", err)
	}
}

// Changes of the arguments after the call must not reach the operator.
func TestOperatorKeepsItsData(t *testing.T) {
	q := device.NewQueue[float64](device.Go())
	net, data := random[float64]([]int{3, 4, 2}, nn.Tanh), classified[float64](5, 3, 2)
	op, err := MLP(ctx, q, net, data, Options{CacheLimit: 1})
	if err != nil {
		t.Fatal(err)
	}
	v := normal[float64](6, 1, op.Dim())
	before := product(t, q, op, v)
	net.Theta[0], data.X.Data[0], net.Sizes[1] = 7, 7, 9
	if e := distance(product(t, q, op, v), device.ToMat(before)); e != 0 {
		t.Errorf("the product changed by %.2g", e)
	}
}
