package svd

import (
	"math"
	"testing"

	"github.com/ritz-go/ritz/goapi/device"
)

// A decomposition to a tolerance meets it, says so truly, and takes hardly
// more than the least rank, which the known spectrum tells.
func TestTolerance(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		both(t, dev, testTolerance[float64], testTolerance[float32])
	})
}

func testTolerance[T device.Float](t *testing.T, dev device.Device) {
	polynomial := make([]float64, 220)
	for i := range polynomial {
		polynomial[i] = math.Pow(float64(i+1), -1.5)
	}
	low := append(logspace(12, 3, 0), make([]float64, 208)...)
	for name, c := range map[string]struct {
		shape    [2]int
		spectrum []float64
		tol      float64
	}{
		"by the difference":   {[2]int{260, 220}, polynomial, 0.05},
		"wide":                {[2]int{220, 260}, polynomial, 0.05},
		"exponential":         {[2]int{260, 220}, logspace(220, 0, -20), 1e-3},
		"directly":            {[2]int{260, 220}, logspace(220, 0, -40), 3e-4},
		"near rounding":       {[2]int{260, 220}, logspace(220, 0, -60), 200 * device.Epsilon[T]()},
		"exact rank":          {[2]int{260, 220}, low, 1e-4},
		"more than is cheap":  {[2]int{260, 220}, logspace(220, 0, -1), 0.01},
		"less than one value": {[2]int{260, 220}, append([]float64{1}, logspace(219, -3, -4)...), 0.9},
		"small":               {[2]int{50, 40}, logspace(40, 0, -8), 1e-3},
	} {
		a := withSpectrum[T](41, c.shape[0], c.shape[1], c.spectrum)
		square := 0.0
		for _, s := range c.spectrum {
			square += s * s
		}
		least, left := len(c.spectrum), 0.0
		for ; least > 1; least-- {
			if left += c.spectrum[least-1] * c.spectrum[least-1]; left > c.tol*c.tol*square {
				break
			}
		}
		for _, m := range []Method{Auto, Full, Randomized} {
			r, err := Compute(ctx, dev, a, Options{Tol: c.tol, Method: m, Seed: 3})
			if err != nil {
				t.Errorf("%s %s: %v", name, m, err)
				continue
			}
			residual, orthU, orthV := trueErrors(a, r)
			// What the factors themselves lack: as in TestSpectra, and twice
			// that for the Frobenius norm over up to 220 vectors.
			rounding := 20 * device.Epsilon[T]() * math.Sqrt(270)
			share := 0.01
			if residual*residual < 1e3*device.Epsilon[T]() {
				share = 0.1 // from ten probes
			}
			if residual > c.tol+rounding || math.Abs(residual-r.Certificate.Residual) > share*residual+rounding {
				t.Errorf("%s %s: true residual %.6g, certified %.6g, wanted %.3g", name, m, residual, r.Certificate.Residual, c.tol)
			}
			if orthU > rounding || orthV > rounding {
				t.Errorf("%s %s: orthogonality %.3g and %.3g", name, m, orthU, orthV)
			}
			if len(r.S) < least-1 || len(r.S) > least+2 {
				t.Errorf("%s %s: rank %d, the least is %d", name, m, len(r.S), least)
			}
			if want := r.S; r.U.Cols != len(want) || r.Vt.Rows != len(want) {
				t.Errorf("%s %s: %d values, U has %d columns, Vt %d rows", name, m, len(want), r.U.Cols, r.Vt.Rows)
			}
			if m == Auto { // one of the other two
				continue
			}
			values, err := Compute(ctx, dev, a, Options{Tol: c.tol, Method: m, Seed: 3, Vectors: None})
			if err != nil || len(values.S) != len(r.S) || len(values.U.Data) > 0 {
				t.Errorf("%s %s, values only: %d of %d, %v", name, m, len(values.S), len(r.S), err)
			}
		}
	}
	zero := device.NewDense[T](200, 210)
	if r, err := Compute(ctx, dev, zero, Options{Tol: 0.1}); err != nil || len(r.S) != 1 || r.S[0] != 0 {
		t.Errorf("zero matrix: %+v, %v", r, err)
	}
	a := normal[T](5, 30, 20)
	for name, o := range map[string]Options{
		"negative":      {Tol: -1},
		"NaN":           {Tol: math.NaN()},
		"one":           {Tol: 1},
		"under eps":     {Tol: device.Epsilon[T]()},
		"with rank":     {Tol: 0.1, Rank: 3},
		"other methods": {Tol: 0.1, Method: Lanczos},
	} {
		refuses(t, name, device.ErrArgument, func() error { _, err := Compute(ctx, dev, a, o); return err })
	}
	// Squares of these are out of range.
	e := 400
	if device.Epsilon[T]() > 1e-10 {
		e = 50
	}
	big, same := withSpectrum[T](41, 260, 220, logspace(220, 0, -20)), Options{Tol: 1e-3}
	want, err := Compute(ctx, dev, big, same)
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range big.Data {
		big.Data[i] = T(math.Ldexp(float64(v), e))
	}
	got, err := Compute(ctx, dev, big, same)
	if err != nil || len(got.S) != len(want.S) {
		t.Fatalf("scaled: rank %d, %d before, %v", len(got.S), len(want.S), err)
	}
	for i, s := range got.S {
		if d := math.Abs(math.Ldexp(float64(s), -e) - float64(want.S[i])); d > 100*device.Epsilon[T]() {
			t.Errorf("scaled: σ%d differs by %.3g", i+1, d)
		}
	}
}
