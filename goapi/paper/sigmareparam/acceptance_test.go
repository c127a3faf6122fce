package sigmareparam

// The claims of Zhai et al. 2023, one test for each.

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"math"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/paper"
	"github.com/ritz-go/ritz/goapi/rng"
	"github.com/ritz-go/ritz/tests/devices"
	"github.com/ritz-go/ritz/tests/refusal"
)

func gaussian(seed uint64, r, c int) device.Dense[float64] {
	a := device.NewDense[float64](r, c)
	rng.Normal(seed, 0, 0, a.Data)
	return a
}

func norm2(a device.Dense[float64]) float64 {
	var f mat.SVD
	f.Factorize(device.ToMat(a), mat.SVDNone)
	return f.Values(nil)[0]
}

var (
	lengths = []int{2, 4, 16, 128}
	norms   = []float64{.1, .5, 1, 2, 4, 8, 16}
)

// Theorem 3.1, sharpness: one spike attains the bound.
func TestBoundIsAttainedByASpike(t *testing.T) {
	for _, n := range lengths {
		for _, σ := range norms {
			if d := math.Abs(entropy(spike(n, σ)) - EntropyLowerBound(n, σ)); d > 1e-12 {
				t.Errorf("T=%d, σ=%v: off by %.2g", n, σ, d)
			}
		}
	}
	for _, c := range []struct {
		n       int
		σ, want float64
	}{{16, 4, 1.01804}, {128, 8, .35889}} {
		if b := EntropyLowerBound(c.n, c.σ); math.Abs(b-c.want) > 5e-6 {
			t.Errorf("T=%d, σ=%v: %v", c.n, c.σ, b)
		}
	}
}

// Theorem 3.1: no logits of that norm have less entropy, neither several
// spikes nor what a minimizer finds from random starts.
func TestNoLogitsFallBelowTheBound(t *testing.T) {
	for _, n := range []int{4, 16} {
		for _, σ := range norms {
			bound := EntropyLowerBound(n, σ)
			for k := 1; k < n; k++ {
				u := make([]float64, n)
				for i := range u {
					u[i] = -float64(k) / float64(n)
					if i < k {
						u[i]++
					}
				}
				if e := entropy(onSphere(u, σ)); e < bound-1e-12 {
					t.Errorf("T=%d, σ=%v, %d spikes: %v below %v", n, σ, k, e, bound)
				}
			}
		}
		for seed := range uint64(30) {
			σ := norms[seed%7]
			u := onSphere(gaussian(seed, 1, n).Data, σ)
			for range 300 { // of projected descent
				mean, sum := 0.0, 0.0
				for _, v := range u {
					sum += math.Exp(v)
					mean += v * math.Exp(v)
				}
				mean /= sum
				x := make([]float64, n)
				for i, v := range u {
					x[i] = v + 2*math.Exp(v)/sum*(v-mean) // the entropy's gradient is -p·(u - Σp·u)
				}
				u = onSphere(x, σ)
				if e := entropy(u); e < EntropyLowerBound(n, σ)-1e-12 {
					t.Fatalf("T=%d, σ=%v: descent found %v below %v", n, σ, e, EntropyLowerBound(n, σ))
				}
			}
		}
	}
}

// onSphere returns x with its mean removed and scaled to norm σ.
func onSphere(x []float64, σ float64) []float64 {
	mean, sum := 0.0, 0.0
	for _, v := range x {
		mean += v / float64(len(x))
	}
	u := make([]float64, len(x))
	for i, v := range x {
		u[i] = v - mean
		sum += u[i] * u[i]
	}
	for i := range u {
		u[i] *= σ / max(math.Sqrt(sum), 1e-300)
	}
	return u
}

// Theorem 3.1 on attention: entropy ≥ bound from centred rows ≥ from ‖L‖₂ ≥
// from the norms of weights and tokens.
func TestBoundsOfRandomAttention(t *testing.T) {
	devices.On(t, func(t *testing.T, dev device.Device) {
		for seed := range uint64(devices.Size(dev, 5, 1)) {
			x, wk, wq := gaussian(seed, 32, 16), gaussian(seed+10, 16, 8), gaussian(seed+20, 16, 8)
			for _, m := range []device.Dense[float64]{x, wk, wq} {
				for i := range m.Data {
					m.Data[i] *= 0.25
				}
			}
			least, n, err := leastEntropy(t.Context(), dev, x, wk, wq, 1/math.Sqrt(8))
			if err != nil {
				t.Fatal(err)
			}
			b1, b2, b3 := EntropyLowerBound(32, n.Centered), EntropyLowerBound(32, n.Spectral), EntropyLowerBound(32, n.Product)
			if least < b1 || b1 < b2 || b2 < b3 || b3 <= 0 {
				t.Errorf("%v ≥ %v ≥ %v ≥ %v does not hold", least, b1, b2, b3)
			}
			want := norm2(x)
			var kq mat.Dense
			kq.Mul(device.ToMat(wk), device.ToMat(wq).T())
			if p := want * want * mat.Norm(&kq, 2) / math.Sqrt(8); n.Product < p*(1-1e-12) && n.Product < norm2(device.FromMat(&kq))*want*want/math.Sqrt(8)*(1-1e-12) {
				t.Errorf("product of norms %v, want %v", n.Product, p)
			}
		}
	})
}

// The bound falls like T·σ·e^-σ.
func TestBoundDecaysExponentially(t *testing.T) {
	const n, σ = 128, 20.
	β := math.Exp(-σ * math.Sqrt(n/(n-1.)))
	if r := EntropyLowerBound(n, σ) / ((n - 1) * β * (1 + σ*math.Sqrt(n/(n-1.)))); math.Abs(r-1) > 1e-6 {
		t.Errorf("ratio to the asymptotic formula %v", r)
	}
	for _, n := range []int{2, 1000} {
		if b := EntropyLowerBound(n, 0); math.Abs(b-math.Log(float64(n))) > 1e-12 {
			t.Errorf("σ = 0: %v", b)
		}
		if b := EntropyLowerBound(n, 1e6); b != 0 {
			t.Errorf("σ = 10⁶: %v", b)
		}
	}
}

// Power iteration never exceeds the spectral norm and comes near it; while W
// drifts, one step for each update is enough from an exact start.
func TestPowerIterationFollowsTheNorm(t *testing.T) {
	devices.On(t, func(t *testing.T, dev device.Device) {
		q := device.NewQueue[float64](dev)
		defer q.Close()
		host := gaussian(1, 24, 36)
		w := q.Alloc(24, 36)
		q.Upload(w, host)
		r, err := New(t.Context(), q, w, q.Alloc(1, 1), GammaOne)
		if err != nil {
			t.Fatal(err)
		}
		exact := norm2(host)
		σ := func() float64 {
			s, err := Sigmas(q, r)
			if err != nil {
				t.Fatal(err)
			}
			return s[0]
		}
		if s := σ(); math.Abs(s/exact-1) > 1e-13 {
			t.Errorf("exact start: %v, want %v", s, exact)
		}
		q.Random(device.Normal, 3, 0, r.U) // and from a random one
		before := 0.0
		for range 400 {
			r.Step(q)
			s := σ()
			if s > exact*(1+1e-14) || s < before*(1-1e-14) {
				t.Fatalf("σ = %v after %v; the norm is %v", s, before, exact)
			}
			before = s
		}
		if before < exact*(1-1e-6) {
			t.Errorf("400 steps reached %v of %v", before, exact)
		}
		if top, err := r.UpperBound(q); err != nil || top < exact || top > 6*exact {
			t.Errorf("upper bound %v of %v, error %v", top, exact, err)
		}
		noise := gaussian(4, 24, 36)
		for k := range devices.Size(dev, 500, 50) {
			for i := range host.Data {
				host.Data[i] += 1e-3 * noise.Data[(i+37*k)%len(noise.Data)] * math.Abs(host.Data[i])
			}
			q.Upload(w, host)
			r.Step(q)
			if n := norm2(host); k%10 == 0 && (σ() < n*(1-1e-3) || σ() > n*(1+1e-14)) {
				t.Fatalf("update %d: σ = %v, the norm is %v", k, σ(), n)
			}
		}
	})
}

// ∂W and ∂γ are the derivatives of ⟨G, γ·W/‖W‖₂⟩, and W does not change along
// itself: ⟨∂W, W⟩ = 0.
func TestGradientOfTheReparametrization(t *testing.T) {
	devices.On(t, func(t *testing.T, dev device.Device) {
		q := device.NewQueue[float64](dev)
		defer q.Close()
		w, g := gaussian(5, 7, 5), gaussian(6, 7, 5)
		wm, gm, dw, gamma, dgamma := q.Alloc(7, 5), q.Alloc(7, 5), q.Alloc(7, 5), q.Alloc(1, 1), q.Alloc(1, 1)
		q.Upload(wm, w)
		q.Upload(gm, g)
		r, err := New(t.Context(), q, wm, gamma, GammaOne)
		if err != nil {
			t.Fatal(err)
		}
		const γ = -1.7
		q.Fill(γ, gamma)
		for range 3000 { // to the exact vectors
			r.Step(q)
			if devices.Size(dev, 0, 1) == 1 {
				break // the start is exact enough
			}
		}
		r.Backward(q, gm, dw, dgamma)
		got, dγ := device.NewDense[float64](7, 5), make([]float64, 1)
		q.Download(got, dw)
		q.Download(device.Vector(dγ), dgamma)
		if err := q.Sync(); err != nil {
			t.Fatal(err)
		}
		f := func() float64 {
			s := 0.0
			for i := range w.Data {
				s += g.Data[i] * w.Data[i]
			}
			return γ * s / norm2(w)
		}
		if math.Abs(dγ[0]-f()/γ) > 1e-12 {
			t.Errorf("∂γ = %v, want %v", dγ[0], f()/γ)
		}
		along := 0.0
		for i := range w.Data {
			along += got.Data[i] * w.Data[i]
			const h = 1e-5
			was := w.Data[i]
			w.Data[i] = was + h
			up := f()
			w.Data[i] = was - h
			down := f()
			w.Data[i] = was
			if d := (up - down) / (2 * h); math.Abs(d-got.Data[i]) > 1e-6*max(1, math.Abs(d)) {
				t.Errorf("element %d: %v, differences give %v", i, got.Data[i], d)
			}
		}
		if math.Abs(along) > 1e-12 {
			t.Errorf("⟨∂W, W⟩ = %v", along)
		}
	})
}

// Ŵ does not depend on the size of W, and has the norm |γ|.
func TestInvariance(t *testing.T) {
	devices.On(t, func(t *testing.T, dev device.Device) {
		q := device.NewQueue[float64](dev)
		defer q.Close()
		var first device.Dense[float64]
		for _, c := range []float64{1, 1e-200, 1e200, 17} {
			w := gaussian(7, 9, 6)
			for i := range w.Data {
				w.Data[i] *= c
			}
			wm, gamma := q.Alloc(9, 6), q.Alloc(1, 1)
			q.Upload(wm, w)
			r, err := New(t.Context(), q, wm, gamma, GammaSigma)
			if err != nil {
				t.Fatal(err)
			}
			hat := device.NewDense[float64](9, 6)
			read := func() {
				q.Download(hat, r.Effective)
				if err := q.Sync(); err != nil {
					t.Fatal(err)
				}
			}
			read()
			for i, v := range hat.Data { // γ = σ
				if math.Abs(v-w.Data[i]) > 1e-13*math.Abs(c)*4 {
					t.Fatalf("c=%g: Ŵ = %v, W = %v", c, v, w.Data[i])
				}
			}
			q.Fill(-3, gamma)
			r.Refresh(q)
			read()
			if n := norm2(hat); math.Abs(n-3) > 1e-10 {
				t.Errorf("c=%g: ‖Ŵ‖ = %v", c, n)
			}
			if first.Data == nil {
				first = hat.Clone()
			}
			for i, v := range hat.Data {
				if math.Abs(v-first.Data[i]) > 1e-12 {
					t.Fatalf("c=%g: Ŵ = %v, was %v", c, v, first.Data[i])
				}
			}
		}
	})
}

// The proposition on Adam: its ideal update Δ = μ/√(μ²+n²) has a spectral norm
// of at least ‖Δ‖_F/√w, which grows with the width w.
func TestAdamUpdatesHaveLargeNorm(t *testing.T) {
	last := 0.0
	for _, w := range []int{16, 64, 144} {
		μ, n := gaussian(8, w, w), gaussian(9, w, w)
		d := device.NewDense[float64](w, w)
		noise := 0.0
		for i := range d.Data {
			square := μ.Data[i]*μ.Data[i] + n.Data[i]*n.Data[i]
			d.Data[i] = μ.Data[i] / math.Sqrt(square)
			noise += n.Data[i] * n.Data[i] / square
		}
		bound := math.Sqrt(float64(w)) * math.Sqrt(1-noise/float64(w*w))
		if f := mat.Norm(device.ToMat(d), 2) / math.Sqrt(float64(w)); math.Abs(f-bound) > 1e-12*bound {
			t.Errorf("w=%d: ‖Δ‖_F/√w = %v, the bound is %v", w, f, bound)
		}
		if s := norm2(d); s < bound || s < last {
			t.Errorf("w=%d: ‖Δ‖₂ = %v, the bound is %v", w, s, bound)
		}
		last = norm2(d)
	}
}

// At a large rate a transformer without normalization collapses and diverges,
// and one with σReparam does not.
func TestCollapseAndItsCure(t *testing.T) {
	s := study{shape: shape{tokens: 16, patch: 49, width: 32, heads: 2, layers: 4, classes: 10}, batch: 32, steps: 100}
	var err error
	if s.train, s.test, err = paper.Digits[float32](paper.Options{Data: "../../../tests/data"}); err != nil {
		t.Fatal(err)
	}
	s.test.X, s.test.Labels = s.test.X.Slice(0, 256, 0, 784), s.test.Labels[:256]
	list := devices.Real(t)
	r, err := s.reproduce(t.Context(), list[min(1, len(list)-1)], paper.Options{}, []float64{3e-2})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Claims) != 5 || len(r.Tables) != 2 || len(r.Charts) != 2 {
		t.Fatalf("%d claims, %d tables, %d charts", len(r.Claims), len(r.Tables), len(r.Charts))
	}
	for _, c := range r.Claims {
		if !c.Holds {
			t.Errorf("%s: %s", c.Statement, c.Figures)
		}
	}
	if _, err := json.Marshal(r); err != nil {
		t.Error(err)
	}
}

func TestRefusals(t *testing.T) {
	nan := math.NaN()
	for name, bad := range refusal.Matrices(gaussian(1, 6, 6)) {
		refusal.Expect(t, "AttentionEntropy, "+name, bad.Want, func() error { _, err := AttentionEntropy(bad.A, nil); return err })
		refusal.Expect(t, "Norms, "+name, bad.Want, func() error {
			_, err := Norms(t.Context(), device.Go(), bad.A, gaussian(1, 6, 3), gaussian(1, 6, 3), 1)
			return err
		})
	}
	l := gaussian(1, 3, 4)
	refusal.Expect(t, "visible of another length", device.ErrShape, func() error { _, err := AttentionEntropy(l, []int{1}); return err })
	refusal.Expect(t, "visible too large", device.ErrArgument, func() error { _, err := AttentionEntropy(l, []int{1, 2, 5}); return err })
	refusal.Expect(t, "visible negative", device.ErrArgument, func() error { _, err := AttentionEntropy(l, []int{1, -2, 3}); return err })
	refusal.Expect(t, "weights of another shape", device.ErrShape, func() error {
		_, err := Norms(t.Context(), device.Go(), l, gaussian(1, 3, 2), gaussian(1, 4, 2), 1)
		return err
	})
	refusal.Expect(t, "scale", device.ErrArgument, func() error {
		_, err := Norms(t.Context(), device.Go(), l, gaussian(1, 4, 2), gaussian(1, 4, 2), nan)
		return err
	})
	for _, v := range []float64{EntropyLowerBound(0, 1), EntropyLowerBound(3, -1), EntropyLowerBound(3, nan)} {
		if v == v {
			t.Errorf("a bound of %v for what has none", v)
		}
	}
	if EntropyLowerBound(1, 5) != 0 || EntropyLowerBound(5, math.Inf(1)) != 0 {
		t.Error("bounds of one token and of an infinite norm")
	}
	refusal.Expect(t, "no data", fs.ErrNotExist, func() error {
		_, err := Reproduce(t.Context(), device.Go(), paper.Options{Data: t.TempDir()})
		return err
	})
	refusal.Expect(t, "cancelled", context.Canceled, func() error {
		_, err := Reproduce(refusal.After(3), device.Go(), paper.Options{Data: "../../../tests/data"})
		return err
	})

	q := device.NewQueue[float32](device.Go())
	defer q.Close()
	make := func(v float64) device.Matrix[float32] {
		w := q.Alloc(3, 4)
		q.Fill(float32(v), w)
		return w
	}
	for name, c := range map[string]struct {
		w, gamma device.Matrix[float32]
		init     Init
		want     error
	}{
		"zero":        {make(0), q.Alloc(1, 1), GammaOne, ErrZeroNorm},
		"NaN":         {make(nan), q.Alloc(1, 1), GammaOne, device.ErrNotFinite},
		"Inf":         {make(math.Inf(1)), q.Alloc(1, 1), GammaOne, device.ErrNotFinite},
		"zero Matrix": {device.Matrix[float32]{}, q.Alloc(1, 1), GammaOne, device.ErrShape},
		"empty":       {q.Alloc(0, 3), q.Alloc(1, 1), GammaOne, device.ErrEmpty},
		"gamma":       {make(1), q.Alloc(1, 2), GammaOne, device.ErrShape},
		"no gamma":    {make(1), device.Matrix[float32]{}, GammaOne, device.ErrShape},
		"init":        {make(1), q.Alloc(1, 1), 2, device.ErrArgument},
		"tiny":        {make(1e-37), q.Alloc(1, 1), GammaSigma, nil},
		"too tiny":    {make(1e-40), q.Alloc(1, 1), GammaSigma, ErrZeroNorm},
	} {
		refusal.Expect(t, "New, "+name, c.want, func() error {
			_, err := New(t.Context(), q, c.w, c.gamma, c.init)
			if failed := q.Sync(); failed != nil {
				t.Errorf("%s: the queue has failed: %v", name, failed)
			}
			return err
		})
	}
	refusal.Expect(t, "no queue", device.ErrArgument, func() error {
		_, err := New[float32](t.Context(), nil, make(1), q.Alloc(1, 1), GammaOne)
		return err
	})
	// A matrix that becomes 0 gives Ŵ = 0 and an error, not NaN.
	w := make(1)
	r, err := New(t.Context(), q, w, q.Alloc(1, 1), GammaOne)
	if err != nil {
		t.Fatal(err)
	}
	q.Fill(0, w)
	r.Step(q)
	if _, err := Sigmas(q, r); !errors.Is(err, ErrZeroNorm) {
		t.Errorf("a matrix that became 0: %v", err)
	}
	hat := device.NewDense[float32](3, 4)
	q.Download(hat, r.Effective)
	for _, v := range hat.Data {
		if v != 0 {
			t.Fatalf("Ŵ holds %v", v)
		}
	}
}

// Entropies of masks and of extreme logits.
func TestAttentionEntropy(t *testing.T) {
	l := device.Dense[float64]{Rows: 4, Cols: 4, Stride: 4, Data: []float64{
		1, 2, 3, 4,
		1e300, 0, -1e300, 5,
		0, 0, 0, 0,
		-700, 700, 700, -700,
	}}
	got, err := AttentionEntropy(l, nil)
	if err != nil {
		t.Fatal(err)
	}
	// softmax(1..4) by hand.
	sum, dot := 0.0, 0.0
	for v := 1.; v <= 4; v++ {
		sum += math.Exp(v)
		dot += v * math.Exp(v)
	}
	for i, want := range []float64{math.Log(sum) - dot/sum, 0, math.Log(4), math.Log(2)} {
		if math.Abs(got[i]-want) > 1e-13 {
			t.Errorf("row %d: %v, want %v", i, got[i], want)
		}
	}
	got, err = AttentionEntropy(l, []int{1, 0, 3, 3})
	for i, want := range []float64{0, 0, math.Log(3), math.Log(2)} {
		if err != nil || math.Abs(got[i]-want) > 1e-13 {
			t.Errorf("row %d with a mask: %v, want %v, error %v", i, got[i], want, err)
		}
	}
	devices.On(t, func(t *testing.T, dev device.Device) {
		q := device.NewQueue[float64](dev)
		defer q.Close()
		masked := l.Clone()
		masked.Data[0], masked.Data[3] = math.Inf(-1), math.Inf(-1)
		m, out := q.Alloc(4, 4), q.Alloc(1, 4)
		q.Upload(m, masked)
		Entropies(q, m, m, out)
		e, p := make([]float64, 4), device.NewDense[float64](4, 4)
		q.Download(device.Vector(e), out)
		q.Download(p, m)
		if err := q.Sync(); err != nil {
			t.Fatal(err)
		}
		two := math.Log(1+math.E) - math.E/(1+math.E)
		for i, want := range []float64{two, 0, math.Log(4), math.Log(2)} {
			if math.Abs(e[i]-want) > 1e-13 {
				t.Errorf("row %d: %v, want %v", i, e[i], want)
			}
			if s := p.At(i, 0) + p.At(i, 1) + p.At(i, 2) + p.At(i, 3); math.Abs(s-1) > 1e-14 {
				t.Errorf("row %d of the softmax sums to %v", i, s)
			}
		}
	})
}
