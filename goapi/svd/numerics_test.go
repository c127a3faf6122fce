package svd

import (
	"errors"
	"fmt"
	"math"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/tests/matrices"
)

// Whatever the matrix, the decomposition is accurate to a few n·eps·σ₁ and
// its certificate is true, both against a decomposition in float64 of the
// matrix scaled to the middle of the range.
func TestDifficultMatrices(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		both(t, dev, testDifficult[float64], testDifficult[float32])
	})
}

func testDifficult[T device.Float](t *testing.T, dev device.Device) {
	for name, a := range matrices.Difficult[T]() {
		b, e := matrices.Unscaled(a)
		var ref mat.SVD
		if !ref.Factorize(device.ToMat(b), mat.SVDNone) {
			t.Fatal("no reference")
		}
		want := ref.Values(nil)
		for _, o := range []Options{{}, {Vectors: None}, {Rank: 1}, {Rank: 1, Method: Randomized, PowerIterations: 1, Oversampling: 1}} {
			r, err := Compute(ctx, dev, a, o)
			if overflows[T](want[0], e) {
				if !errors.Is(err, device.ErrNotFinite) {
					t.Errorf("%s %+v: σ₁ is not a number of the type, error %v", name, o, err)
				}
				continue
			}
			if err != nil {
				t.Errorf("%s %+v: %v", name, o, err)
				continue
			}
			checkDifficult(t, fmt.Sprintf("%s %+v", name, o), b, e, want, r)
		}
	}
}

func overflows[T device.Float](σ float64, e int) bool {
	return math.IsInf(float64(T(math.Ldexp(σ, e))), 0)
}

// checkDifficult compares r with the values want of b = a/2^e.
func checkDifficult[T device.Float](t *testing.T, name string, b device.Dense[float64], e int, want []float64, r *Result[T]) {
	t.Helper()
	eps, n := device.Epsilon[T](), float64(max(b.Rows, b.Cols))
	// Half a unit in the last place of a denormal value; none elsewhere.
	grain := math.Ldexp(matrices.Least[T](), -e)
	bound := math.Ldexp(r.Certificate.ErrorBound, -e)
	if !(r.Certificate.ErrorBound >= 0) {
		t.Errorf("%s: error bound %v", name, r.Certificate.ErrorBound)
	}
	reference := 20 * 0x1p-52 * want[0] * math.Sqrt(n) // of the reference itself
	for i, s := range r.S {
		d := math.Abs(math.Ldexp(float64(s), -e) - want[i])
		if d > 20*n*eps*want[0]+grain && r.Method.full() {
			t.Errorf("%s: σ%d is off by %.3g of %.3g", name, i+1, d, want[0])
		}
		if d > bound+reference && r.Method.full() {
			t.Errorf("%s: σ%d is off by %.3g, certified %.3g", name, i+1, d, bound)
		}
	}
	if len(r.U.Data) == 0 {
		return
	}
	scaled := &Result[float64]{U: device.Convert[float64](r.U), Vt: device.Convert[float64](r.Vt), S: make([]float64, len(r.S))}
	for i, s := range r.S {
		scaled.S[i] = math.Ldexp(float64(s), -e)
	}
	residual, orthU, orthV := trueErrors(b, scaled)
	c, k := r.Certificate, math.Sqrt(float64(len(r.S)))
	if limit := 20 * n * eps; orthU > limit || orthV > limit {
		t.Errorf("%s: orthogonality %.3g and %.3g", name, orthU, orthV)
	}
	if c.OrthogonalityU < orthU/k-8*0x1p-52 || c.OrthogonalityV < orthV/k-8*0x1p-52 {
		t.Errorf("%s: certified orthogonality %.3g, %.3g below the true %.3g, %.3g", name, c.OrthogonalityU, c.OrthogonalityV, orthU, orthV)
	}
	noise := 10*n*eps + grain*k/max(want[0], grain)
	if c.Residual > 10*residual+noise || c.Residual < residual/10-noise {
		t.Errorf("%s: certified residual %.3g, true %.3g", name, c.Residual, residual)
	}
	if len(r.S) == len(want) && residual > noise {
		t.Errorf("%s: residual %.3g", name, residual)
	}
}
