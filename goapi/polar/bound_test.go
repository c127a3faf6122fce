package polar

import (
	"errors"
	"math"
	"slices"
	"sync"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/rng"
	"github.com/ritz-go/ritz/tests/devices"
)

// spectrumCase is a matrix with random singular values and its factor.
type spectrumCase[T device.Float] struct {
	a    device.Dense[T]
	want *mat.Dense
	κ    float64
}

// spectrumCases returns n matrices of all shapes whose conditions are
// log-uniform in [1,1e10]; what rounding to T makes of them is what they are.
func spectrumCases[T device.Float](seed uint64, n int) []spectrumCase[T] {
	var cases []spectrumCase[T]
	u := make([]float64, 60)
	for i := range n {
		rng.Uniform(seed, uint64(i), 0, u)
		s, l := 1+int(u[0]*22), 1+int(u[1]*36)
		s, l = min(s, l), max(s, l)
		κ := math.Pow(10, 10*u[2])
		σ := make([]float64, s)
		for j := range σ {
			switch {
			case j == 0:
				σ[j] = 0.9
			case j == s-1:
				σ[j] = 0.9 / κ
			default:
				σ[j] = 0.9 * math.Pow(κ, -u[3+j])
			}
		}
		slices.Sort(σ)
		slices.Reverse(σ)
		if i%2 == 0 {
			s, l = l, s
		}
		c := spectrumCase[T]{a: device.Convert[T](device.FromMat(withSpectrum(seed+uint64(i), s, l, σ).a)), κ: κ}
		// Rounding may have lowered the smallest singular value.
		c.want = device.ToMat(exactPolar(device.Convert[float64](c.a), max(σ[len(σ)-1]/100, 1e-14)))
		cases = append(cases, c)
	}
	return cases
}

var (
	cases64 = sync.OnceValue(func() []spectrumCase[float64] { return spectrumCases[float64](100, 200) })
	cases32 = sync.OnceValue(func() []spectrumCase[float32] { return spectrumCases[float32](500, 200) })
)

// For random spectra with conditions up to 1e10 and all shapes, the error
// bound is never below the true polar error, and not more than 20 times above
// it in the median.
func TestErrorBoundOfRandomSpectra(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		t.Run("f64", func(t *testing.T) { errorBound(t, dev, cases64()) })
		t.Run("f32", func(t *testing.T) { errorBound(t, dev, cases32()) })
	})
}

func errorBound[T device.Float](t *testing.T, dev device.Device, cases []spectrumCase[T]) {
	cases = cases[:devices.Size(dev, len(cases), 12)]
	for _, o := range []Options{{}, {Method: SVD}, {Method: QDWH}, {Method: Newton}, {Method: Minimax}, {Method: Express}, {Method: Muon}, {Error: 0.2}} {
		var ratios []float64
		for i, c := range cases {
			r, err := Compute(ctx, dev, c.a, o)
			if err != nil && !errors.Is(err, device.ErrNotConverged) {
				t.Fatalf("%+v, case %d: %v", o, i, err)
			}
			var d mat.Dense
			d.Sub(device.ToMat(device.Convert[float64](r.Q)), c.want)
			e := spectralNorm(&d)
			bound := r.Certificate.ErrorBound
			if e > bound {
				t.Errorf("%+v, case %d, %d×%d, κ=%.2g: error %.3g, certified %.3g, orthogonality %.3g after %d steps of %s, %s, restarts %v", o, i, c.a.Rows, c.a.Cols, c.κ, e, bound, r.Certificate.Orthogonality, r.Iterations, r.Method, r.Form, r.Restarts)
			}
			// Where κ·eps is above 1 a certificate in T knows nothing, although
			// the factor may be right.
			if e > 0 && c.κ*device.Epsilon[T]() < 0.1 {
				ratios = append(ratios, bound/e)
			}
		}
		slices.Sort(ratios)
		median := ratios[len(ratios)/2]
		t.Logf("%+v: the bound is %.2f to %.1f times the error, %.1f in the median", o, ratios[0], ratios[len(ratios)-1], median)
		if median > 20 && len(cases) > 100 {
			t.Errorf("%+v: the bound is %.1f times the error in the median", o, median)
		}
	}
}
