package hessianalign

import (
	"fmt"
	"math"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/tests/devices"
	"github.com/ritz-go/ritz/tests/matrices"
)

// The closed forms of gradient and Hessian are the derivatives of the mean
// cross-entropy, for a softmax and for a single logit.
func TestGradientAndHessianAreDerivatives(t *testing.T) {
	for _, c := range []int{1, 2, 5} {
		t.Run(fmt.Sprint(c), func(t *testing.T) {
			onDevices(t, func(t *testing.T, dev device.Device) {
				b := newBench(t, dev, c, devices.Size(dev, 12, 4))
				m := b.domain(1, devices.Size(dev, 200, 20))
				h, g := b.dense(m), b.get(m.Gradient())
				const step = 1e-5
				slope, columns := device.NewDense[float64](c, b.w.Cols), device.NewDense[float64](h.Rows, h.Cols)
				for i := range c {
					for j := range b.w.Cols {
						b.nudge(b.w, i, j, step)
						up, above := b.evaluate(m), b.get(m.Gradient())
						b.nudge(b.w, i, j, -2*step)
						down, below := b.evaluate(m), b.get(m.Gradient())
						b.nudge(b.w, i, j, step)
						slope.Set(i, j, (up-down)/(2*step))
						for k := range above.Data {
							columns.Set(k, i*b.w.Cols+j, (above.Data[k]-below.Data[k])/(2*step))
						}
					}
				}
				b.near("gradient", g, slope, 1e-8)
				b.near("Hessian", h, columns, 1e-8)
			})
		})
	}
}

// The Hessian is positive semidefinite, of rank (C-1)·D, and does not depend on
// the labels.
func TestRankOfTheHessian(t *testing.T) {
	b := newBench(t, device.Go(), 5, 12)
	m := b.domain(1, 200)
	h := b.dense(m)
	sym := mat.NewSymDense(h.Rows, nil)
	for i := range h.Rows {
		for j := range i + 1 {
			sym.SetSym(i, j, h.At(i, j))
			if math.Abs(h.At(i, j)-h.At(j, i)) > 1e-14 {
				t.Errorf("entries %d,%d differ by %v", i, j, h.At(i, j)-h.At(j, i))
			}
		}
	}
	var eig mat.EigenSym
	eig.Factorize(sym, false)
	w := eig.Values(nil)
	rank := 0
	for _, λ := range w {
		if λ > 1e-10*w[len(w)-1] {
			rank++
		}
	}
	if rank != 52 || w[0] < -1e-14 {
		t.Errorf("rank %d, smallest eigenvalue %v", rank, w[0])
	}
	other := b.domain(1, 200)
	b.q.Fill(0, other.y)
	b.evaluate(other)
	b.near("Hessian with other labels", b.dense(other), h, 0)
}

// Seven directions in one call are seven calls; H·G is ‖G‖·∇‖G‖.
func TestStackedProducts(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		b := newBench(t, dev, 3, 6)
		m := b.domain(2, 50)
		v, all, one := b.q.Alloc(7*3, 7), b.q.Alloc(7*3, 7), b.q.Alloc(3, 7)
		b.q.Random(device.Normal, 1, 0, v)
		if err := m.Product(b.q, v, all); err != nil {
			t.Fatal(err)
		}
		for k := range 7 {
			if err := m.Product(b.q, v.RowRange(3*k, 3*k+3), one); err != nil {
				t.Fatal(err)
			}
			b.near("direction", b.get(one), b.get(all.RowRange(3*k, 3*k+3)), 1e-14)
		}
		if err := m.Product(b.q, m.Gradient(), one); err != nil {
			t.Fatal(err)
		}
		product := b.get(one)
		norm := func() float64 {
			b.evaluate(m)
			return mat.Norm(device.ToMat(b.get(m.Gradient())), 2)
		}
		size := norm()
		const h = 1e-5
		slope := device.NewDense[float64](3, 7)
		for i := range 3 {
			for j := range 7 {
				b.nudge(b.w, i, j, h)
				up := norm()
				b.nudge(b.w, i, j, -2*h)
				slope.Set(i, j, size*(up-norm())/(2*h))
				b.nudge(b.w, i, j, h)
			}
		}
		b.near("H·G", product, slope, 1e-8)
	})
}

// The diagonal by one product is that of the dense Hessian; Hutchinson's
// estimate has the variance Σ_{j≠i} Hᵢⱼ²/m.
func TestDiagonal(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		b := newBench(t, dev, 3, 5)
		m := b.domain(3, 60)
		h := b.dense(m)
		want := device.NewDense[float64](3, 6)
		for i := range want.Data {
			want.Data[i] = h.At(i, i)
		}
		d := b.q.Alloc(3, 6)
		if err := m.Diagonal(b.q, d); err != nil {
			t.Fatal(err)
		}
		b.near("diagonal", b.get(d), want, 1e-14)

		const probes = 40
		repeats := devices.Size(dev, 400, 20)
		observed, expected := 0.0, 0.0
		for r := range repeats {
			if err := m.EstimateDiagonal(t.Context(), b.q, probes, uint64(r), d); err != nil {
				t.Fatal(err)
			}
			for i, x := range b.get(d).Data {
				observed += (x - want.Data[i]) * (x - want.Data[i]) / float64(repeats)
			}
		}
		for i := range h.Rows {
			for j := range h.Cols {
				if i != j {
					expected += h.At(i, j) * h.At(i, j) / probes
				}
			}
		}
		// The entries are correlated: the relative deviation of their sum over
		// 400 repeats is about 0.07.
		if ratio := observed / expected; math.Abs(ratio-1) > 5/math.Sqrt(float64(repeats)) {
			t.Errorf("variance is %v of what it should be", ratio)
		}
	})
}

// The distances without a Hessian are those of dense ones, for domains of
// different sizes.
func TestDistances(t *testing.T) {
	for _, c := range []int{1, 4} {
		onDevices(t, func(t *testing.T, dev device.Device) {
			b := newBench(t, dev, c, 5)
			first, second := b.domain(4, devices.Size(dev, 1500, 100)), b.domain(5, 150)
			h, other := b.dense(first), b.dense(second)
			var difference mat.Dense
			difference.Sub(device.ToMat(h), device.ToMat(other))
			distance, norm, err := FrobeniusDistance(t.Context(), b.q, first, second)
			if err != nil {
				t.Fatal(err)
			}
			if want := mat.Norm(&difference, 2); math.Abs(distance/want-1) > 1e-11 {
				t.Errorf("Frobenius distance %v, want %v", distance, want)
			}
			if want := mat.Norm(device.ToMat(h), 2); math.Abs(norm/want-1) > 1e-12 {
				t.Errorf("Frobenius norm %v, want %v", norm, want)
			}
			spectral, residual, err := SpectralDistance(t.Context(), dev, first, second, 1)
			if err != nil {
				t.Fatal(err)
			}
			var s mat.SVD
			s.Factorize(&difference, mat.SVDNone)
			if want := s.Values(nil)[0]; math.Abs(spectral/want-1) > 1e-9 || residual > 1e-9*want {
				t.Errorf("spectral distance %v ± %v, want %v", spectral, residual, want)
			}
			bound, err := TransferBound(t.Context(), dev, first, second, 0.1, 1)
			if err != nil || math.Abs(bound/(0.005*spectral)-1) > 1e-8 {
				t.Errorf("transfer bound %v, %v", bound, err)
			}
			if same, _, err := FrobeniusDistance(t.Context(), b.q, first, first); err != nil || same > 1e-7*norm {
				t.Errorf("distance of a domain from itself: %v, %v", same, err)
			}
		})
	}
}

// The variance of the samples' gradients, from those gradients.
func TestGradientVariance(t *testing.T) {
	b := newBench(t, device.Go(), 3, 4)
	m := b.domain(6, 30)
	x, excess := b.get(m.x), b.get(m.excess)
	want := matrices.Filled[float64](3, 5, func(i, j int) float64 {
		var sum, squares float64
		for k := range 30 {
			g := excess.At(k, i) * x.At(k, j)
			sum += g / 30
			squares += g * g / 30
		}
		return squares - sum*sum
	})
	v := b.q.Alloc(3, 5)
	if err := m.GradientVariance(b.q, v); err != nil {
		t.Fatal(err)
	}
	b.near("variance", b.get(v), want, 1e-13)
}

// Logits of ±1000 saturate the softmax and leave everything finite.
func TestSaturatedLogits(t *testing.T) {
	for _, c := range []int{1, 3} {
		b := newBench(t, device.Go(), c, 4)
		m := b.domain(7, 20)
		b.q.Add(1000, device.NoTrans, b.w, 0, device.NoTrans, device.Matrix[float64]{}, b.w)
		if risk := b.evaluate(m); math.IsNaN(risk) || math.IsInf(risk, 0) {
			t.Errorf("%d outputs: risk %v", c, risk)
		}
		h := b.dense(m)
		if err := device.CheckInput("Hessian", h); err != nil {
			t.Error(err)
		}
	}
}
