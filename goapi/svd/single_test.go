package svd

import (
	"math"
	"slices"
	"testing"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/tests/matrices"
)

// Spectra that decay slowly, so that float32 is enough for the Krylov space,
// and fast, so that it is not: both give values to rounding errors of float64,
// whatever the size of the matrix, beyond the range of float32 too, and of wide
// matrices as of tall ones.
func TestRandomizedThroughSingle(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		const k = 4
		for name, s := range map[string][]float64{"slow": harmonic(60), "fast": logspace(60, 0, -30)} {
			a := withSpectrum[float64](31, 90, 60, s)
			o := Options{Rank: k, Method: Randomized, PowerIterations: 4, Oversampling: 6}
			plain, err := Compute(ctx, dev, a, o)
			if err != nil {
				t.Fatal(err)
			}
			for i, σ := range plain.S {
				if d := math.Abs(σ - s[i]); d > 1e-13 || d > plain.Certificate.ErrorBound+1e-15 {
					t.Errorf("%s: σ%d off by %.3g, certified %.3g", name, i+1, d, plain.Certificate.ErrorBound)
				}
			}
			if least := 0x1p-18; name == "fast" && plain.Certificate.ErrorBound > least*1e-3 {
				t.Errorf("%s: certified %.3g, no better than float32", name, plain.Certificate.ErrorBound)
			}
			wide, err := Compute(ctx, dev, a.T(), o)
			if err != nil {
				t.Fatal(err)
			}
			for i, σ := range wide.S {
				if math.Abs(σ-plain.S[i]) > 1e-13 {
					t.Errorf("%s: σ%d is %v, transposed %v", name, i+1, plain.S[i], σ)
				}
			}
			for _, e := range []int{-1000, -300, -40, 40, 300, 1000} {
				b := matrices.Filled[float64](90, 60, func(i, j int) float64 { return math.Ldexp(a.At(i, j), e) })
				r, err := Compute(ctx, dev, b, o)
				if err != nil {
					t.Fatal(err)
				}
				for i, σ := range r.S {
					if d := math.Abs(math.Ldexp(σ, -e) - s[i]); d > 1e-13 || d > math.Ldexp(r.Certificate.ErrorBound, -e)+1e-15 {
						t.Errorf("%s times 2^%d: σ%d off by %.3g, certified %.3g", name, e, i+1, d, math.Ldexp(r.Certificate.ErrorBound, -e))
					}
				}
			}
			again, err := Compute(ctx, dev, a, o)
			if err != nil || !slices.Equal(again.S, plain.S) || !slices.Equal(again.U.Data, plain.U.Data) {
				t.Errorf("%s: another run gives another result, %v", name, err)
			}
		}
	})
}

// A matrix of zeros, and what is not finite, by way of float32.
func TestRandomizedZeroAndNotFinite(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		a := device.NewDense[float64](40, 30)
		o := Options{Rank: 2, Method: Randomized, PowerIterations: 2, Oversampling: 2}
		r, err := Compute(ctx, dev, a, o)
		if err != nil || r.S[0] != 0 || r.S[1] != 0 || r.Certificate.ErrorBound > 1e-300 || r.Certificate.Residual != 0 {
			t.Errorf("zeros: %v, %+v", err, r)
		}
		for _, bad := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
			a.Set(17, 23, bad)
			_, err := Compute(ctx, dev, a, o)
			if e, ok := err.(*device.NotFiniteError); !ok || e.Row != 17 || e.Col != 23 {
				t.Errorf("%v: %v", bad, err)
			}
		}
	})
}

// harmonic returns 1, 1/2, 1/3 and so on.
func harmonic(n int) []float64 {
	s := make([]float64, n)
	for i := range s {
		s[i] = 1 / float64(i+1)
	}
	return s
}
