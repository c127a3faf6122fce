package spectrum

import (
	"context"
	"errors"
	"fmt"
	"math"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/rng"
)

// randomSymmetric returns (G+Gᵀ)/2·2^e for normal G.
func randomSymmetric[T device.Float](seed uint64, n, e int) device.Dense[T] {
	g, a := device.NewDense[float64](n, n), device.NewDense[T](n, n)
	rng.Normal(seed, 0, 0, g.Data)
	for i := range n {
		for j := range n {
			a.Set(i, j, T(math.Ldexp((g.At(i, j)+g.At(j, i))/2, e)))
		}
	}
	return a
}

// difficult are symmetric matrices at the edges of the number type T.
func difficult[T device.Float]() map[string]device.Dense[T] {
	single := device.Epsilon[T]() > 1e-10
	list := map[string]device.Dense[T]{}
	for name, e := range map[string][2]int{ // exponents of two for float64 and float32
		"scale 1e150":      {498, 60},
		"scale 1e-150":     {-498, -60},
		"scale 1e300":      {996, 110},
		"scale 1e-300":     {-996, -110},
		"denormal numbers": {-1060, -138},
	} {
		exponent := e[0]
		if single {
			exponent = e[1]
		}
		for _, n := range []int{12, 60} {
			list[fmt.Sprintf("%s %d", name, n)] = randomSymmetric[T](51, n, exponent)
		}
	}
	graded := randomSymmetric[T](52, 60, 0)
	for i := range 60 {
		for j := range 60 {
			graded.Set(i, j, T(float64(graded.At(i, j))*math.Pow(10, -8*float64(i+j)/59)))
		}
	}
	list["graded"] = graded
	// B·Bᵀ with 60×7 normal B, in float64 and then rounded.
	b := mat.NewDense(60, 7, nil)
	rng.Normal(53, 0, 0, b.RawMatrix().Data)
	var deficient mat.Dense
	deficient.Mul(b, b.T())
	list["rank 7"] = device.Convert[T](device.FromMat(&deficient))
	for _, n := range []int{1, 2, 60} {
		equal, identity := device.NewDense[T](n, n), device.NewDense[T](n, n)
		for i := range equal.Data {
			equal.Data[i] = 7
		}
		for i := range n {
			identity.Set(i, i, -2)
		}
		list[fmt.Sprintf("all equal %d", n)] = equal
		list[fmt.Sprintf("-2·identity %d", n)] = identity
		list[fmt.Sprintf("zero %d", n)] = device.NewDense[T](n, n)
	}
	smallest, largest := math.SmallestNonzeroFloat64, math.MaxFloat64/16
	if single {
		smallest, largest = math.SmallestNonzeroFloat32, math.MaxFloat32/16
	}
	one := randomSymmetric[T](54, 60, 0)
	one.Set(3, 4, T(smallest))
	one.Set(4, 3, T(smallest))
	list["one denormal entry"] = one
	one = one.Clone()
	one.Set(5, 5, T(largest))
	list["one huge entry"] = one
	list["largest number"] = device.Vector([]T{T(largest)})
	list["least number"] = device.Vector([]T{T(-smallest)})
	return list
}

// Against a decomposition in float64 of the matrix scaled to the middle of the
// range: the values are eigenvalues within the stated residuals, and those are
// the true ones.
func TestDifficultMatrices(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		t.Run("f64", func(t *testing.T) { testDifficult[float64](t, dev) })
		t.Run("f32", func(t *testing.T) { testDifficult[float32](t, dev) })
	})
}

func testDifficult[T device.Float](t *testing.T, dev device.Device) {
	for name, a := range difficult[T]() {
		n, top := a.Rows, 0.0
		for _, v := range a.Data {
			top = max(top, math.Abs(float64(v)))
		}
		_, e := math.Frexp(top)
		b := mat.NewSymDense(n, nil)
		for i := range n {
			for j := i; j < n; j++ {
				b.SetSym(i, j, math.Ldexp(float64(a.At(i, j)), -e))
			}
		}
		want, _ := eigh(b)
		q := device.NewQueue[T](dev)
		op, err := Symmetric(q, a)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, o := range []EigsOptions{{K: min(n, 3)}, {K: min(n, 3), Which: SmallestAlgebraic}, {K: min(n, 2), Which: LargestMagnitude, Block: 2}} {
			o.MaxProducts = 3000
			label := fmt.Sprintf("%s %s", name, o.Which)
			r, err := Eigs(ctx, dev, op, o)
			if err != nil {
				if r != nil || !errors.Is(err, device.ErrNotFinite) {
					t.Errorf("%s: %v", label, err)
				} else if size := max(math.Abs(want[0]), math.Abs(want[n-1])); !math.IsInf(float64(T(math.Ldexp(size*float64(n), e))), 0) {
					t.Errorf("%s: in range, but %v", label, err)
				}
				continue
			}
			checkDifficult(t, label, b, e, want, o, r)
		}
		q.Close()
	}
}

// checkDifficult compares r with the ascending eigenvalues want of b = a/2^e.
func checkDifficult[T device.Float](t *testing.T, name string, b *mat.SymDense, e int, want []float64, o EigsOptions, r *Eigen[T]) {
	t.Helper()
	n := len(want)
	eps, size := device.Epsilon[T](), max(math.Abs(want[0]), math.Abs(want[n-1]))
	tol := 1e-10
	if eps > 1e-10 {
		tol = 1e-5
	}
	// The last term is the distance of denormal numbers.
	rounding := 20*math.Sqrt(float64(n))*eps*size + 2*math.Ldexp(math.SmallestNonzeroFloat64, -e)
	for i, v := range r.Values {
		v, stated := math.Ldexp(v, -e), math.Ldexp(r.Residuals[i], -e)
		y, hy := make([]float64, n), mat.NewVecDense(n, nil)
		for j, c := range r.Vectors.Row(i) {
			y[j] = float64(c)
		}
		hy.MulVec(b, mat.NewVecDense(n, y))
		hy.AddScaledVec(hy, -v, mat.NewVecDense(n, y))
		if true := mat.Norm(hy, 2); true > stated+rounding || stated > true+rounding {
			t.Errorf("%s: residual %d is %.3g, stated %.3g", name, i+1, true, stated)
		}
		if length := mat.Norm(mat.NewVecDense(n, y), 2); math.Abs(length-1) > 20*eps {
			t.Errorf("%s: vector %d has length %v", name, i+1, length)
		}
		if stated > tol*size+rounding {
			t.Errorf("%s: residual %.3g of %.3g", name, stated, size)
		}
		nearest := want[n-1-i]
		switch o.Which {
		case SmallestAlgebraic:
			nearest = want[i]
		case LargestMagnitude:
			nearest = v
			off := math.Inf(1)
			for _, w := range want {
				if d := math.Abs(w - v); d < off {
					off, nearest = d, w
				}
			}
		}
		if d := math.Abs(v - nearest); d > stated+rounding {
			t.Errorf("%s: value %d is off by %.3g, residual %.3g", name, i+1, d, stated)
		}
	}
}

// rotated returns R·diag(d)·R·2^e with a random reflection R, and the products
// with it as an operator of the caller's own.
func rotated[T device.Float](q device.Queue[T], d []float64, e int, seed uint64) (matrix, closure Operator[T]) {
	n := len(d)
	u := make([]float64, n)
	rng.Normal(seed, 0, 0, u)
	square := 0.0
	for _, x := range u {
		square += x * x
	}
	r := mat.NewDense(n, n, nil)
	for i := range n {
		for j := range n {
			r.Set(i, j, -2*u[i]*u[j]/square)
		}
		r.Set(i, i, 1+r.At(i, i))
	}
	var a mat.Dense
	a.Mul(r, mat.NewDiagDense(n, d))
	a.Mul(&a, r)
	m := device.NewDense[T](n, n)
	for i := range n {
		for j := range n {
			m.Set(i, j, T(math.Ldexp((a.At(i, j)+a.At(j, i))/2, e)))
		}
	}
	matrix, err := Symmetric(q, m)
	if err != nil {
		panic(err)
	}
	return matrix, Func(n, func(_ context.Context, dst, src []T) error {
		for i := range dst {
			sum := 0.0
			for j, x := range m.Row(i) {
				sum += float64(x) * float64(src[j])
			}
			dst[i] = T(sum)
		}
		return nil
	})
}

// constants returns a spectrum of one value.
func constants(n int, v float64) []float64 {
	d := make([]float64, n)
	for i := range d {
		d[i] = v
	}
	return d
}

// powers returns 1, b, b², ….
func powers(n int, b float64) []float64 {
	d := make([]float64, n)
	for i := range d {
		d[i] = math.Pow(b, float64(i))
	}
	return d
}
