package svd

import (
	"fmt"
	"math"
	"testing"

	"github.com/ritz-go/ritz/goapi/device"
)

// The leading part of a projection by one eigenproblem and products is that of
// its decomposition, as long as its values do not decay below the share that a
// Gram matrix can tell; where they do it says so.
func TestLeading(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		both(t, dev, testLeading[float64], testLeading[float32])
	})
}

func testLeading[T device.Float](t *testing.T, dev device.Device) {
	const m, l, k = 90, 40, 12
	eps, share := device.Epsilon[T](), ritzShare
	if eps > 1e-10 {
		share = ritzShareSingle
	}
	down := func(last float64) []float64 { // σ of number k is last
		s := logspace(l, 0, math.Log10(last)*float64(l-1)/float64(k-1))
		return s
	}
	equal := down(0.1)
	for i := range 9 {
		equal[i] = 3
	}
	zeros := down(0.1)
	clear(zeros[k-1:])
	for name, c := range map[string]struct {
		s  []float64
		ok bool
	}{
		"slow": {down(0.3), true}, "near the share": {down(4 * share), true}, "equal": {equal, true},
		"below the share": {down(share / 4), false}, "zeros": {zeros, false}, "nothing": {make([]float64, l), false},
	} {
		a := withSpectrum[T](91, m, l, c.s)
		q := device.NewQueue[T](dev)
		defer q.Close()
		x := device.Lend(q, a)
		y, s, wt := q.Alloc(m, k), q.Alloc(1, k), q.Alloc(k, l)
		ok, err := leading(q, x, y, s, wt)
		if err != nil || ok != c.ok {
			t.Errorf("%s: %v, %v", name, ok, err)
			continue
		}
		if !ok {
			continue
		}
		f := &Factors[T]{U: y, S: s, Vt: wt}
		r, err := f.download(q)
		if err != nil {
			t.Fatal(err)
		}
		// Rounding errors alone: right vectors that mix have images that mix.
		limit := 30 * eps * math.Sqrt(m) * c.s[0]
		for i, σ := range r.S {
			if d := math.Abs(float64(σ) - c.s[i]); d > limit || i > 0 && σ > r.S[i-1] {
				t.Errorf("%s: σ%d = %v, off by %.3g, limit %.3g", name, i+1, σ, d, limit)
			}
		}
		_, u, v := trueErrors(a, r)
		if u > 30*eps*math.Sqrt(m) || v > 30*eps*math.Sqrt(m) {
			t.Errorf("%s: orthogonality %.3g and %.3g", name, u, v)
		}
		worst := 0.0
		for i := range m { // X·V - Y·S
			for j := range k {
				d := -float64(r.U.At(i, j)) * float64(r.S[j])
				for p := range l {
					d += float64(a.At(i, p)) * float64(r.Vt.At(j, p))
				}
				worst = max(worst, math.Abs(d))
			}
		}
		if worst > limit {
			t.Errorf("%s: X·V - Y·S has %.3g, limit %.3g", name, worst, limit)
		}
	}
}

// Values of a decaying spectrum are good to 1e-5 of their size whichever way
// the projection goes.
func TestRandomizedOfDecay(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		both(t, dev, testDecay[float64], testDecay[float32])
	})
}

func testDecay[T device.Float](t *testing.T, dev device.Device) {
	const k = 8
	eps := device.Epsilon[T]()
	for _, decades := range []float64{0.5, 2, 4, 7} { // over the wanted values
		spectrum := logspace(60, 0, -decades/(k-1)*59)
		for _, shape := range [][2]int{{110, 80}, {80, 110}} {
			a := withSpectrum[T](92, shape[0], shape[1], append(spectrum, make([]float64, 20)...))
			r, err := Compute(ctx, dev, a, Options{Method: Randomized, Rank: k, PowerIterations: 3})
			if err != nil {
				t.Fatal(err)
			}
			name := fmt.Sprintf("%v, %v decades", shape, decades)
			for i, s := range r.S {
				d := math.Abs(float64(s) - spectrum[i])
				if d > 1e-5*spectrum[i]+20*eps || d > r.Certificate.ErrorBound+20*eps {
					t.Errorf("%s: σ%d = %v, off by %.3g, certified %.3g", name, i+1, s, d, r.Certificate.ErrorBound)
				}
			}
		}
	}
}

// The Krylov space of zeros is what memory is found to hold: it may not show.
func TestRandomizedOfZeros(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		for _, a := range []device.Dense[float64]{normal[float64](93, 150, 110), device.NewDense[float64](150, 110)} {
			if a.At(0, 0) != 0 {
				for i := range a.Data {
					a.Data[i] *= 1e200
				}
			}
			r, err := Compute(ctx, dev, a, Options{Method: Randomized, Rank: 5})
			if err != nil {
				t.Fatal(err)
			}
			if a.At(0, 0) != 0 {
				continue
			}
			_, u, v := trueErrors(a, r)
			if r.S[0] != 0 || r.Certificate.ErrorBound != 0 || u > 1e-13 || v > 1e-13 {
				t.Errorf("σ₁ = %v, certified %v, orthogonality %.3g and %.3g", r.S[0], r.Certificate.ErrorBound, u, v)
			}
		}
	})
}
