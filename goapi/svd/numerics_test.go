package svd

import (
	"errors"
	"fmt"
	"math"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/ritz-go/ritz/goapi/device"
)

// difficult are matrices at the edges of the number type T: its range, its
// precision, and shapes. Values are given for float64 and converted.
func difficult[T device.Float]() map[string]device.Dense[T] {
	single := device.Epsilon[T]() > 1e-10
	list := map[string]device.Dense[T]{}
	for name, e := range map[string][2]int{ // exponents of two for float64 and float32
		"scale 1e150":      {498, 60},
		"scale 1e-150":     {-498, -60},
		"scale 1e300":      {996, 110},
		"scale 1e-300":     {-996, -110},
		"largest numbers":  {1020, 124},
		"denormal numbers": {-1060, -138},
	} {
		exponent := e[0]
		if single {
			exponent = e[1]
		}
		for _, shape := range [][2]int{{30, 20}, {20, 20}, {60, 20}, {20, 60}} {
			a := normal[float64](31, shape[0], shape[1])
			for i, v := range a.Data { // float32 goes through float64 exactly
				a.Data[i] = math.Ldexp(v, exponent)
			}
			list[fmt.Sprintf("%s %v", name, shape)] = device.Convert[T](a)
		}
	}
	graded := func(m, n int, decades float64) device.Dense[T] {
		a := normal[float64](32, m, n)
		for i := range m {
			for j := range n {
				a.Set(i, j, a.At(i, j)*math.Pow(10, -decades*(float64(i)/float64(m)+float64(j)/float64(n))))
			}
		}
		return device.Convert[T](a)
	}
	list["graded"] = graded(40, 25, 10)
	list["graded tall"] = graded(90, 25, 10)
	list["graded wide"] = graded(25, 90, 10)
	if !single {
		list["graded to underflow"] = graded(40, 25, 200)
	}
	deficient := logspace(20, 0, -1)
	clear(deficient[7:])
	list["rank 7"] = withSpectrum[T](33, 40, 20, deficient)
	list["rank 1"] = withSpectrum[T](34, 20, 30, append([]float64{3}, make([]float64, 19)...))
	for _, n := range []int{1, 2, 17} {
		list[fmt.Sprintf("1×%d", n)] = normal[T](35, 1, n)
		list[fmt.Sprintf("%d×1", n)] = normal[T](36, n, 1)
		equal := device.NewDense[T](n, n+3)
		for i := range equal.Data {
			equal.Data[i] = 7
		}
		list[fmt.Sprintf("all equal %d", n)] = equal
		list[fmt.Sprintf("all equal %d transposed", n)] = equal.T()
		list[fmt.Sprintf("identity %d", n)] = device.NewDense[T](n, n)
		for i := range n {
			list[fmt.Sprintf("identity %d", n)].Set(i, i, 1)
		}
	}
	smallest, largest := math.SmallestNonzeroFloat64, math.MaxFloat64
	if single {
		smallest, largest = math.SmallestNonzeroFloat32, math.MaxFloat32
	}
	tiny, huge := T(smallest), T(largest/8)
	mixed := normal[T](37, 20, 12)
	mixed.Set(3, 4, tiny)
	mixed.Set(5, 1, 0)
	list["one denormal entry"] = mixed
	mixed = mixed.Clone()
	mixed.Set(7, 2, huge)
	list["one huge entry"] = mixed
	least := device.NewDense[T](5, 4)
	for i := range least.Data {
		least.Data[i] = tiny
	}
	list["least numbers"] = least
	list["a least number"] = device.Vector([]T{tiny})
	list["a largest number"] = device.Vector([]T{-8 * huge})
	list["zero"] = device.NewDense[T](6, 4)
	return list
}

// unscaled returns a/2^e in float64 with entries near 1, and e.
func unscaled[T device.Float](a device.Dense[T]) (device.Dense[float64], int) {
	b := device.Convert[float64](a)
	largest := 0.0
	for _, v := range b.Data {
		largest = max(largest, math.Abs(v))
	}
	_, e := math.Frexp(largest)
	for i, v := range b.Data {
		b.Data[i] = math.Ldexp(v, -e)
	}
	return b, e
}

// Whatever the matrix, the decomposition is accurate to a few n·eps·σ₁ and
// its certificate is true, both against a decomposition in float64 of the
// matrix scaled to the middle of the range.
func TestDifficultMatrices(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		both(t, dev, testDifficult[float64], testDifficult[float32])
	})
}

func testDifficult[T device.Float](t *testing.T, dev device.Device) {
	for name, a := range difficult[T]() {
		b, e := unscaled(a)
		var ref mat.SVD
		if !ref.Factorize(device.ToMat(b), mat.SVDNone) {
			t.Fatal("no reference")
		}
		want := ref.Values(nil)
		for _, o := range []Options{{}, {ValuesOnly: true}, {Rank: 1}, {Rank: 1, Method: Randomized, PowerIterations: 1, Oversampling: 1}} {
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
	least := math.SmallestNonzeroFloat64
	if eps > 1e-10 {
		least = math.SmallestNonzeroFloat32
	}
	grain := math.Ldexp(least, -e)
	bound := math.Ldexp(r.Certificate.ErrorBound, -e)
	if !(r.Certificate.ErrorBound >= 0) {
		t.Errorf("%s: error bound %v", name, r.Certificate.ErrorBound)
	}
	reference := 20 * 0x1p-52 * want[0] * math.Sqrt(n) // of the reference itself
	for i, s := range r.S {
		d := math.Abs(math.Ldexp(float64(s), -e) - want[i])
		if d > 20*n*eps*want[0]+grain && r.Method == Full {
			t.Errorf("%s: σ%d is off by %.3g of %.3g", name, i+1, d, want[0])
		}
		if d > bound+reference && r.Method == Full {
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
