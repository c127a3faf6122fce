package svd

import (
	"errors"
	"fmt"
	"math"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/ritz-go/ritz/goapi/device"
)

func spectrumOf(t *testing.T, m, n int, s ...float64) *Spectrum {
	t.Helper()
	p, err := NewSpectrum(s, m, n)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// near checks a relative error.
func near(t *testing.T, what string, got, want, tol float64) {
	t.Helper()
	if got != want && !(math.Abs(got-want) <= tol*math.Abs(want)) {
		t.Errorf("%s is %.16g, want %.16g", what, got, want)
	}
}

func triangularOnes(n int) (device.Dense[float64], []float64) {
	a, s := device.NewDense[float64](n, n), make([]float64, n)
	for i := range n {
		for j := range i + 1 {
			a.Set(i, j, 1)
		}
		s[i] = 1 / (2 * math.Sin(float64(2*i+1)*math.Pi/float64(4*n+2)))
	}
	return a, s
}

// The triangle of ones has ‖A‖_F² = n(n+1)/2, and its inverse is known.
func TestMeasuresOfTriangularOnes(t *testing.T) {
	const n = 512
	_, s := triangularOnes(n)
	p := spectrumOf(t, n, n, s...)
	near(t, "nuclear norm", p.Nuclear(), 1377.3131684122, 1e-13)
	near(t, "spectral norm", p.Spectral(), 326.2677610454, 1e-12)
	near(t, "Frobenius norm", p.Frobenius(), math.Sqrt(n*(n+1)/2), 1e-13)
	near(t, "condition", p.Condition(), s[0]*2*math.Sin((2*n-1)*math.Pi/(4*n+2)), 1e-13)
	near(t, "stable rank", p.StableRank(), n*(n+1)/2/s[0]/s[0], 1e-12)
	if p.Rank(0) != n || p.Rank(1) != 171 { // σ_k > 1: sin < 1/2, (2k-1)/(4n+2) < 1/6
		t.Errorf("rank %d, above 1: %d", p.Rank(0), p.Rank(1))
	}
	onDevices(t, func(t *testing.T, dev device.Device) {
		a, _ := triangularOnes(n)
		r, err := Compute(ctx, dev, a, Options{Vectors: None})
		if err != nil {
			t.Fatal(err)
		}
		q, err := NewSpectrum(r.S, n, n)
		if err != nil {
			t.Fatal(err)
		}
		near(t, "computed nuclear norm", q.Nuclear(), 1377.3131684122, 1e-13)
	})
}

// Condition numbers of Hilbert matrices are tabulated; of order 14 (condition
// 5e17) eleven singular values stand out from rounding.
func TestHilbert(t *testing.T) {
	for n, condition := range map[int]float64{3: 524.0567775860608, 5: 476607.2502419338, 8: 15257575538.072489} {
		a := device.NewDense[float64](n, n)
		for i := range n {
			for j := range n {
				a.Set(i, j, 1/float64(i+j+1))
			}
		}
		r, err := Compute(ctx, device.Go(), a, Options{})
		if err != nil {
			t.Fatal(err)
		}
		p, err := NewSpectrum(r.S, n, n)
		if err != nil {
			t.Fatal(err)
		}
		// The smallest value is known to eps·σ₁: relative to κ·eps.
		near(t, fmt.Sprintf("condition for n=%d", n), p.Condition(), condition, 10*0x1p-52*condition)
		if p.Rank(0) != n {
			t.Errorf("n=%d: rank %d", n, p.Rank(0))
		}
	}
	const n = 14
	a := device.NewDense[float64](n, n)
	for i := range n {
		for j := range n {
			a.Set(i, j, 1/float64(i+j+1))
		}
	}
	r, err := Compute(ctx, device.Go(), a, Options{})
	if err != nil {
		t.Fatal(err)
	}
	p, err := NewSpectrum(r.S, n, n)
	if err != nil || p.Rank(0) != 11 || p.Rank(1e-3) != 4 {
		t.Errorf("n=14: rank %d, above 1e-3 %d, %v", p.Rank(0), p.Rank(1e-3), err)
	}
}

func TestNorms(t *testing.T) {
	p := spectrumOf(t, 5, 4, 4, 3, 0)
	for q, want := range map[float64]float64{1: 7, 2: 5, 3: math.Cbrt(91), math.Inf(1): 4, 200: 4} {
		got, err := p.Schatten(q)
		if err != nil {
			t.Fatal(err)
		}
		near(t, fmt.Sprintf("Schatten norm %v", q), got, want, 1e-15)
	}
	for k, want := range []float64{4, 7, 7} {
		got, err := p.KyFan(k + 1)
		if err != nil {
			t.Fatal(err)
		}
		near(t, fmt.Sprintf("Ky Fan norm %d", k+1), got, want, 1e-15)
	}
	for k, want := range [][2]float64{{4, 5}, {3, 3}, {0, 0}, {0, 0}, {0, 0}} {
		s, f, err := p.TailError(k)
		if err != nil || s != want[0] || math.Abs(f-want[1]) > 1e-15 {
			t.Errorf("rank %d leaves %v, %v, want %v (%v)", k, s, f, want, err)
		}
	}
	near(t, "stable rank", p.StableRank(), 25./16, 1e-15)
	near(t, "effective rank", p.EffectiveRank(), 7*math.Pow(4, -4./7)*math.Pow(3, -3./7), 1e-15)
	if p.Rank(0) != 2 || p.Rank(3) != 1 || p.Rank(4) != 0 || !math.IsInf(p.Condition(), 1) {
		t.Errorf("ranks %d, %d, %d, condition %v", p.Rank(0), p.Rank(3), p.Rank(4), p.Condition())
	}
	equal := spectrumOf(t, 9, 7, 2, 2, 2, 2, 2, 2, 2)
	near(t, "effective rank of equal values", equal.EffectiveRank(), 7, 1e-14)
	near(t, "stable rank of equal values", equal.StableRank(), 7, 1e-14)
	if zero := spectrumOf(t, 2, 2, 0, 0); zero.Rank(0) != 0 || zero.StableRank() != 0 || zero.EffectiveRank() != 0 || zero.Nuclear() != 0 || !math.IsInf(zero.Condition(), 1) {
		t.Error("measures of the zero matrix")
	}
	// Squares of these are out of range.
	near(t, "huge Frobenius norm", spectrumOf(t, 2, 2, 4e300, 3e300).Frobenius(), 5e300, 1e-15)
	near(t, "tiny Frobenius norm", spectrumOf(t, 2, 2, 4e-300, 3e-300).Frobenius(), 5e-300, 1e-15)
	// Float32 noise is not rank in float32.
	p32, err := NewSpectrum([]float32{1, 1e-8}, 2, 2)
	if err != nil || p32.Rank(0) != 1 || spectrumOf(t, 2, 2, 1, 1e-8).Rank(0) != 2 {
		t.Error("the tolerance does not follow the type")
	}
}

func TestPowerLaw(t *testing.T) {
	s := make([]float64, 200)
	for i := range s {
		s[i] = 3 * math.Pow(float64(i+1), -1.25)
	}
	l, err := spectrumOf(t, 300, 200, s...).PowerLaw(0)
	if err != nil || l.Count != 200 || l.StdErr > 1e-14 {
		t.Errorf("%+v, %v", l, err)
	}
	near(t, "exponent", l.Exponent, 1.25, 1e-13)
	near(t, "scale", l.Scale, 3, 1e-13)
	// A floor cuts the noise off.
	noisy := append(append([]float64{}, s[:50]...), make([]float64, 50)...)
	for i := range noisy[50:] {
		noisy[50+i] = 1e-3
	}
	if l, err = spectrumOf(t, 100, 100, noisy...).PowerLaw(1e-2); err != nil || l.Count != 50 {
		t.Errorf("%+v, %v", l, err)
	}
	near(t, "exponent above the floor", l.Exponent, 1.25, 1e-13)
	// Three points: slope and its standard error by hand. With x = ln i and
	// y = (2, 1, 1): Sxx = Σx² - (Σx)²/3.
	l, err = spectrumOf(t, 3, 3, math.Exp(2), math.E, math.E).PowerLaw(0)
	x2, x3 := math.Log(2), math.Log(3)
	mean := (x2 + x3) / 3
	sxx := mean*mean + (x2-mean)*(x2-mean) + (x3-mean)*(x3-mean)
	slope := (-mean*2 + (x2 - mean) + (x3 - mean)) / sxx
	rest := 0.0
	for i, y := range []float64{2, 1, 1} {
		d := y - 4./3 - slope*(math.Log(float64(i+1))-mean)
		rest += d * d
	}
	if err != nil || l.Count != 3 {
		t.Fatalf("%+v, %v", l, err)
	}
	near(t, "exponent of three", l.Exponent, -slope, 1e-14)
	near(t, "standard error of three", l.StdErr, math.Sqrt(rest/sxx), 1e-14)
	if l, err = spectrumOf(t, 3, 3, 1, 0.5).PowerLaw(0); err != nil || math.Abs(l.Exponent-1) > 1e-15 || l.StdErr == l.StdErr {
		t.Errorf("two values: %+v, %v", l, err)
	}
	for _, floor := range []float64{0.9, -1, math.NaN()} {
		if _, err := spectrumOf(t, 3, 3, 1, 0.5).PowerLaw(floor); !errors.Is(err, device.ErrArgument) {
			t.Errorf("floor %v: %v", floor, err)
		}
	}
}

func TestMeasuresBadInput(t *testing.T) {
	for name, c := range map[string]struct {
		s    []float64
		want error
	}{
		"empty":     {nil, device.ErrShape},
		"too many":  {[]float64{3, 2, 1}, device.ErrShape},
		"NaN":       {[]float64{math.NaN()}, device.ErrNotFinite},
		"Inf":       {[]float64{math.Inf(1), 1}, device.ErrNotFinite},
		"negative":  {[]float64{1, -1}, device.ErrArgument},
		"ascending": {[]float64{1, 2}, device.ErrArgument},
	} {
		if _, err := NewSpectrum(c.s, 2, 5); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	p := spectrumOf(t, 4, 4, 2, 1)
	for _, q := range []float64{0.5, 0, -1, math.NaN()} {
		if _, err := p.Schatten(q); !errors.Is(err, device.ErrArgument) {
			t.Errorf("Schatten norm %v: %v", q, err)
		}
	}
	for _, k := range []int{0, 3} {
		if _, err := p.KyFan(k); !errors.Is(err, device.ErrArgument) {
			t.Errorf("Ky Fan norm %d: %v", k, err)
		}
	}
	if _, _, err := p.TailError(-1); !errors.Is(err, device.ErrArgument) {
		t.Errorf("rank -1: %v", err)
	}
}

func TestPseudoInverse(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		both(t, dev, testPseudoInverse[float64], testPseudoInverse[float32])
	})
}

// The four equations of Penrose, which no other matrix satisfies, and the
// normal equations of least squares.
func testPseudoInverse[T device.Float](t *testing.T, dev device.Device) {
	eps := device.Epsilon[T]()
	for _, c := range []struct{ m, n, rank int }{{8, 5, 5}, {5, 8, 5}, {6, 6, 6}, {9, 7, 3}, {7, 9, 3}, {1, 1, 1}} {
		s := make([]float64, min(c.m, c.n))
		copy(s, logspace(c.rank, 0, -1))
		a := withSpectrum[T](41, c.m, c.n, s)
		r, err := Compute(ctx, dev, a, Options{})
		if err != nil {
			t.Fatal(err)
		}
		x, rank, err := PseudoInverse(dev, r, 0)
		if err != nil || rank != c.rank || x.Rows != c.n || x.Cols != c.m {
			t.Fatalf("%+v: %d×%d of rank %d, %v", c, x.Rows, x.Cols, rank, err)
		}
		A, X := device.ToMat(device.Convert[float64](a)), device.ToMat(device.Convert[float64](x))
		var ax, xa, axa, xax mat.Dense
		ax.Mul(A, X)
		xa.Mul(X, A)
		axa.Mul(&ax, A)
		xax.Mul(&xa, X)
		// ‖A‖ = 1, ‖X‖ = 10: products of the two are off by 10·eps·√mn.
		tol := 200 * eps * math.Sqrt(float64(c.m*c.n))
		for what, d := range map[string]float64{
			"AXA - A": distance(&axa, A), "(XAX - X)/100": distance(&xax, X) / 100,
			"AX - (AX)ᵀ": distance(&ax, ax.T()), "XA - (XA)ᵀ": distance(&xa, xa.T()),
		} {
			if !(d <= tol) {
				t.Errorf("%+v: %s is %.3g", c, what, d)
			}
		}
		b := normal[T](43, c.m, 3)
		l, err := LeastSquares(dev, r, b, 0)
		if err != nil || l.Rank != c.rank {
			t.Fatalf("%+v: rank %d, %v", c, l.Rank, err)
		}
		var want, rest mat.Dense
		B := device.ToMat(device.Convert[float64](b))
		want.Mul(X, B) // the shortest solution
		if d := distance(&want, device.ToMat(device.Convert[float64](l.X))); !(d <= 10*tol) {
			t.Errorf("%+v: solution is off by %.3g", c, d)
		}
		rest.Mul(A, &want)
		rest.Sub(B, &rest)
		for j, got := range l.Residual {
			if d := math.Abs(got - mat.Norm(rest.ColView(j), 2)); !(d <= 10*tol) {
				t.Errorf("%+v: residual %d is %v, off by %.3g", c, j, got, d)
			}
		}
	}
	r, err := Compute(ctx, dev, device.NewDense[T](3, 2), Options{})
	if err != nil {
		t.Fatal(err)
	}
	x, rank, err := PseudoInverse(dev, r, 0)
	if err != nil || rank != 0 || x.Rows != 2 || x.Cols != 3 || x.At(1, 2) != 0 {
		t.Errorf("zero matrix: %+v of rank %d, %v", x, rank, err)
	}
	l, err := LeastSquares(dev, r, device.Dense[T]{Rows: 3, Cols: 1, Stride: 1, Data: []T{2, 0, 0}}, 0)
	if err != nil || l.Rank != 0 || l.X.At(0, 0) != 0 || l.Residual[0] != 2 {
		t.Errorf("zero matrix: %+v, %v", l, err)
	}
	diagonal := device.Dense[T]{Rows: 2, Cols: 2, Stride: 2, Data: []T{4, 0, 0, 0.5}}
	if r, err = Compute(ctx, dev, diagonal, Options{}); err != nil {
		t.Fatal(err)
	}
	if x, rank, err = PseudoInverse(dev, r, 0.2); err != nil || rank != 1 || x.At(0, 0) != 0.25 || x.At(1, 1) != 0 {
		t.Errorf("rcond 0.2: %v of rank %d, %v", x.Data, rank, err)
	}
	values, err := Compute(ctx, dev, diagonal, Options{Vectors: None})
	if err != nil {
		t.Fatal(err)
	}
	_, _, err1 := PseudoInverse(dev, values, 0)
	_, _, err2 := PseudoInverse(dev, r, 1)
	_, _, err3 := PseudoInverse(dev, r, -0.1)
	_, err4 := LeastSquares(dev, r, device.NewDense[T](2, 1), math.NaN())
	for i, err := range []error{err1, err2, err3, err4} {
		if !errors.Is(err, device.ErrArgument) {
			t.Errorf("bad argument %d: %v", i, err)
		}
	}
	if _, err := LeastSquares(dev, r, device.NewDense[T](3, 1), 0); !errors.Is(err, device.ErrShape) {
		t.Errorf("wrong shape: %v", err)
	}
}

func distance(a, b mat.Matrix) float64 {
	var d mat.Dense
	d.Sub(a, b)
	return mat.Norm(&d, 2)
}

func TestSubspaceAngles(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		both(t, dev, testSubspaceAngles[float64], testSubspaceAngles[float32])
	})
}

// Two spaces with the given angles, hidden by a rotation of the whole space
// and a mixing of each basis.
func testSubspaceAngles[T device.Float](t *testing.T, dev device.Device) {
	eps := device.Epsilon[T]()
	want := []float64{0, 1e-9, 1e-5, 0.3, math.Pi / 4, 1, math.Pi/2 - 1e-6, math.Pi / 2}
	const m = 20
	k := len(want)
	rotation := device.ToMat(device.Convert[float64](withSpectrum[float64](51, m, m, logspace(m, 0, 0))))
	mix := func(seed uint64, p int) *mat.Dense {
		return device.ToMat(withSpectrum[float64](seed, p, p, logspace(p, 0, -1)))
	}
	a, b := mat.NewDense(m, k, nil), mat.NewDense(m, k+2, nil)
	for i, θ := range want {
		a.Set(i, i, 1)
		b.Set(i, i, math.Cos(θ))
		b.Set(k+i, i, math.Sin(θ))
	}
	// Two more directions, which the first space has nothing of, make the
	// second one larger.
	b.Set(2*k, k, 1)
	b.Set(2*k+1, k+1, 1)
	turned := func(x *mat.Dense, seed uint64) device.Dense[T] {
		_, p := x.Dims()
		var y, z mat.Dense
		y.Mul(rotation, x)
		z.Mul(&y, mix(seed, p))
		return device.Convert[T](device.FromMat(&z))
	}
	A, B := turned(a, 61), turned(b, 63)
	for _, pair := range [][2]device.Dense[T]{{A, B}, {B, A}} {
		got, err := SubspaceAngles(ctx, dev, pair[0], pair[1])
		if err != nil || len(got) != k {
			t.Fatalf("%v, %v", got, err)
		}
		for i, θ := range want {
			// Rounding the bases, of condition 10, moves the spaces by about
			// 10·eps·√m.
			if d := math.Abs(got[i] - θ); !(d <= 100*eps) {
				t.Errorf("angle %d is %.17g, want %.17g; difference %.3g", i, got[i], θ, d)
			}
		}
	}
	// A dependent column adds nothing.
	double := device.NewDense[T](m, 2)
	single := device.NewDense[T](m, 1)
	for i := range m {
		single.Set(i, 0, A.At(i, 0))
		double.Set(i, 0, A.At(i, 0))
		double.Set(i, 1, 2*A.At(i, 0))
	}
	got, err := SubspaceAngles(ctx, dev, double, single)
	if err != nil || len(got) != 1 || got[0] > 20*eps {
		t.Errorf("a space and itself: %v, %v", got, err)
	}
	_, err = SubspaceAngles(ctx, dev, device.NewDense[T](m, 2), single)
	if !errors.Is(err, device.ErrArgument) {
		t.Errorf("zero basis: %v", err)
	}
	_, err = SubspaceAngles(ctx, dev, device.NewDense[T](m, 0), single)
	if !errors.Is(err, device.ErrEmpty) {
		t.Errorf("empty basis: %v", err)
	}
	_, err = SubspaceAngles(ctx, dev, single.Slice(0, m-1, 0, 1), single)
	if !errors.Is(err, device.ErrShape) {
		t.Errorf("different lengths: %v", err)
	}
	single.Set(3, 0, T(math.NaN()))
	_, err = SubspaceAngles(ctx, dev, double, single)
	if !errors.Is(err, device.ErrNotFinite) {
		t.Errorf("NaN: %v", err)
	}
}
