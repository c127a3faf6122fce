package polar

import (
	"errors"
	"fmt"
	"math"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/tests/matrices"
)

// difficult are matrices of full rank at the edges of the number type T.
func difficult[T device.Float]() map[string]device.Dense[T] {
	list := map[string]device.Dense[T]{}
	for _, scale := range []string{"scale 1e150", "scale 1e-150", "scale 1e18", "scale 1e-18", "largest numbers", "least normal numbers"} {
		e, ok := matrices.Scales[T]()[scale]
		if !ok { // of the other type
			continue
		}
		for _, shape := range [][2]int{{12, 20}, {16, 16}, {20, 12}} {
			list[fmt.Sprintf("%s %v", scale, shape)] = matrices.Scaled[T](device.FromMat(boxMuller(41, shape[0], shape[1]).a), e)
		}
	}
	graded := device.FromMat(boxMuller(42, 24, 12).a).Clone()
	for i := range graded.Rows {
		for j := range graded.Row(i) {
			graded.Set(i, j, graded.At(i, j)*math.Pow(10, -3*float64(j)/11))
		}
	}
	list["graded"] = device.Convert[T](graded)
	list["graded wide"] = list["graded"].T()
	for _, n := range []int{1, 2, 17} {
		a := device.FromMat(boxMuller(43, 1, n).a)
		list[fmt.Sprintf("1×%d", n)] = device.Convert[T](a)
		list[fmt.Sprintf("%d×1", n)] = device.Convert[T](a).T()
		identity := device.NewDense[T](n, n)
		for i := range n {
			identity.Set(i, i, -3)
		}
		list[fmt.Sprintf("-3·identity %d", n)] = identity
	}
	list["denormal numbers"] = device.NewDense[T](3, 4)
	for i := range 3 {
		list["denormal numbers"].Set(i, i, T(matrices.Least[T]()*float64(i+1)))
	}
	return list
}

// The factor is that of a decomposition in float64 of the matrix scaled to
// the middle of the range, and the certificate is true.
func TestDifficultMatrices(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		t.Run("f64", func(t *testing.T) { testDifficult[float64](t, dev) })
		t.Run("f32", func(t *testing.T) { testDifficult[float32](t, dev) })
	})
}

func testDifficult[T device.Float](t *testing.T, dev device.Device) {
	eps := device.Epsilon[T]()
	for name, a := range difficult[T]() {
		b, e := matrices.Unscaled(a)
		x := sample{a: device.ToMat(b), u: new(mat.Dense), v: new(mat.Dense)}
		var f mat.SVD
		f.Factorize(x.a, mat.SVDThin)
		x.s = f.Values(nil)
		f.UTo(x.u)
		f.VTo(x.v)
		want := x.function(func(float64) float64 { return 1 })
		side := float64(len(x.s))
		κ := x.s[0] / x.s[len(x.s)-1]
		for _, o := range []Options{{}, {Method: SVD}, {Method: Express}, {Method: Quintic}, {H: true}} {
			label := fmt.Sprintf("%s %+v", name, o)
			r, err := Compute(ctx, dev, a, o)
			if errors.Is(err, device.ErrNotFinite) && math.IsInf(float64(T(math.Ldexp(x.s[0]*math.Sqrt(side), e))), 0) {
				continue // σ₁, or H, is no number of the type
			}
			if err != nil {
				t.Errorf("%s: %v", label, err)
				continue
			}
			var d mat.Dense
			q := device.ToMat(device.Convert[float64](r.Q))
			d.Sub(q, want)
			if e := spectralNorm(&d); e > r.Certificate.ErrorBound+4*0x1p-52*κ*side || e > 1000*eps*κ*side {
				t.Errorf("%s: polar error %.3g, certified %.3g", label, e, r.Certificate.ErrorBound)
			}
			checkLoss(t, label, r.Q, r.Certificate)
			if e := loss(r.Q); e > 8*side*eps {
				t.Errorf("%s: orthogonality %.3g", label, e)
			}
			if s := math.Ldexp(r.Scale, -e); !(s >= x.s[0]*(1-4*side*eps) && s <= 4*x.s[0]*math.Sqrt(side)) {
				t.Errorf("%s: scale 2^%d·%.3g, largest singular value 2^%d·%.3g", label, e, s, e, x.s[0])
			}
			if o.H {
				h := device.Convert[float64](r.H)
				for i, v := range h.Data {
					h.Data[i] = math.Ldexp(v, -e)
				}
				var qh mat.Dense
				qh.Mul(q, device.ToMat(h))
				qh.Sub(&qh, x.a)
				if e := mat.Norm(&qh, 2); e > 100*side*eps*x.s[0] && name != "denormal numbers" {
					t.Errorf("%s: A differs from QH by %.3g of %.3g", label, e, x.s[0])
				}
			}
		}
	}
}

// H can be too large for the number type where A and Q are not.
func TestSymmetricFactorOverflow(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		const m = math.MaxFloat64
		a := device.Dense[float64]{Rows: 2, Cols: 2, Stride: 2, Data: []float64{m, m, m, -m}}
		r, err := Compute(ctx, dev, a, Options{})
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range r.Q.Data {
			if want := a.Data[i] / m / math.Sqrt2; math.Abs(v-want) > 1e-15 {
				t.Errorf("element %d of the factor is %v, want %v", i, v, want)
			}
		}
		if _, err := Compute(ctx, dev, a, Options{H: true}); !errors.Is(err, device.ErrNotFinite) {
			t.Errorf("H overflows, error %v", err)
		}
	})
}

// Without full rank the factor is not unique and the certificate says so.
func TestDeficientCertificates(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		t.Run("f64", func(t *testing.T) { testDeficient[float64](t, dev) })
		t.Run("f32", func(t *testing.T) { testDeficient[float32](t, dev) })
	})
}

func testDeficient[T device.Float](t *testing.T, dev device.Device) {
	s := logspace(10, 0, -1)
	clear(s[6:])
	equal := device.NewDense[T](5, 7)
	for i := range equal.Data {
		equal.Data[i] = 7
	}
	for name, a := range map[string]device.Dense[T]{
		"rank 6":    device.Convert[T](device.FromMat(withSpectrum(44, 10, 15, s).a)),
		"all equal": equal,
		"zero row":  device.NewDense[T](2, 3),
	} {
		if name == "zero row" {
			a.Set(1, 1, 4)
		}
		for _, m := range []Method{Auto, SVD, Express, Quintic, Cubic, Muon} {
			r, err := Compute(ctx, dev, a, Options{Method: m})
			if err != nil && !errors.Is(err, device.ErrNotConverged) {
				t.Errorf("%s %s: %v", name, m, err)
				continue
			}
			checkLoss(t, fmt.Sprint(name, " ", m), r.Q, r.Certificate)
			q := device.ToMat(device.Convert[float64](r.Q))
			// Rounding errors may fill null directions with something
			// orthonormal, but that is not determined by A.
			if bound := r.Certificate.ErrorBound; bound < 1 && r.Method == SVD && device.Epsilon[T]() > 1e-10 {
				// It is determined by what rounding to float32 has left, and
				// decompositions are in float64.
				var d mat.Dense
				d.Sub(q, device.ToMat(exactPolar(device.Convert[float64](a), 1e-14)))
				if e := spectralNorm(&d); e > bound {
					t.Errorf("%s %s: error %.3g, certified %.3g", name, m, e, bound)
				}
			} else if bound < 1 {
				t.Errorf("%s %s: error bound %.3g of a factor that is not unique", name, m, r.Certificate.ErrorBound)
			}
		}
	}
}
