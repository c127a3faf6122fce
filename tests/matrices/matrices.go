// Package matrices makes the matrices that decompositions are tested on.
package matrices

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/rng"
)

// Normal returns an m×n matrix of independent standard normal numbers.
func Normal[T device.Float](seed uint64, m, n int) device.Dense[T] {
	a := device.NewDense[T](m, n)
	rng.Normal(seed, 100, 0, a.Data)
	return a
}

// Logspace returns n numbers from 10^from to 10^to with equal ratios.
func Logspace(n int, from, to float64) []float64 {
	s := make([]float64, n)
	for i := range s {
		s[i] = math.Pow(10, from+(to-from)*float64(i)/float64(max(1, n-1)))
	}
	return s
}

// Orthonormal returns the m×n orthonormal factor of a random matrix, m ≥ n.
func Orthonormal(seed uint64, m, n int) *mat.Dense {
	var qr mat.QR
	var q mat.Dense
	qr.Factorize(device.ToMat(Normal[float64](seed, m, n)))
	qr.QTo(&q)
	return mat.DenseCopyOf(q.Slice(0, m, 0, n))
}

// WithSpectrum returns Q₁·diag(s)·Q₂ᵀ with random orthonormal Q₁ and Q₂.
func WithSpectrum[T device.Float](seed uint64, m, n int, s []float64) device.Dense[T] {
	u, v := Orthonormal(seed, m, len(s)), Orthonormal(seed+1, n, len(s))
	for i := range m {
		for j := range s {
			u.Set(i, j, u.At(i, j)*s[j])
		}
	}
	var a mat.Dense
	a.Mul(u, v.T())
	return device.Convert[T](device.FromMat(&a))
}

// Symmetric returns Q·diag(w)·Qᵀ with a random orthogonal Q.
func Symmetric[T device.Float](seed uint64, w []float64) device.Dense[T] {
	n := len(w)
	q := Orthonormal(seed, n, n)
	a := device.NewDense[T](n, n)
	for i := range n {
		for j := range i + 1 {
			sum := 0.0
			for l, λ := range w {
				sum += q.At(i, l) * λ * q.At(j, l)
			}
			a.Set(i, j, T(sum))
			a.Set(j, i, T(sum))
		}
	}
	return a
}

// Filled returns the m×n matrix of f(i,j).
func Filled[T device.Float](m, n int, f func(i, j int) float64) device.Dense[T] {
	a := device.NewDense[T](m, n)
	for i := range m {
		for j := range n {
			a.Set(i, j, T(f(i, j)))
		}
	}
	return a
}

// Graded returns a normal m×n matrix whose rows and whose columns each fall
// by so many decades.
func Graded[T device.Float](seed uint64, m, n int, rows, cols float64) device.Dense[T] {
	a := Normal[float64](seed, m, n)
	return Filled[T](m, n, func(i, j int) float64 {
		return a.At(i, j) * math.Pow(10, -rows*float64(i)/float64(m)) * math.Pow(10, -cols*float64(j)/float64(n))
	})
}

// Kahan returns the n×n triangle diag(1, s, s², …)·(I - c·N), N strictly upper
// ones, s = sin θ, c = cos θ: its columns look independent long after they are
// not.
func Kahan[T device.Float](n int, θ float64) device.Dense[T] {
	s, c := math.Sincos(θ)
	return Filled[T](n, n, func(i, j int) float64 {
		switch {
		case j < i:
			return 0
		case j == i:
			return math.Pow(s, float64(i))
		}
		return -c * math.Pow(s, float64(i))
	})
}

// Hilbert returns the n×n matrix 1/(i+j+1).
func Hilbert[T device.Float](n int) device.Dense[T] {
	return Filled[T](n, n, func(i, j int) float64 { return 1 / float64(i+j+1) })
}

// Vandermonde returns the powers 0 to n-1 of m points from -1 to 1.
func Vandermonde[T device.Float](m, n int) device.Dense[T] {
	return Filled[T](m, n, func(i, j int) float64 {
		return math.Pow(2*float64(i)/float64(max(1, m-1))-1, float64(j))
	})
}

// Scaled returns a·2^e, computed in float64.
func Scaled[T device.Float](a device.Dense[float64], e int) device.Dense[T] {
	return Filled[T](a.Rows, a.Cols, func(i, j int) float64 { return math.Ldexp(a.At(i, j), e) })
}

// Unscaled returns a/2^e in float64 with entries near 1, and e.
func Unscaled[T device.Float](a device.Dense[T]) (device.Dense[float64], int) {
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

// Least returns the smallest number of type T, a denormal one.
func Least[T device.Float]() float64 {
	if device.Epsilon[T]() > 1e-10 {
		return math.SmallestNonzeroFloat32
	}
	return math.SmallestNonzeroFloat64
}

// Largest returns the largest number of type T.
func Largest[T device.Float]() float64 {
	if device.Epsilon[T]() > 1e-10 {
		return math.MaxFloat32
	}
	return math.MaxFloat64
}

// Scales returns exponents of two that bring matrices with entries near 1 to
// the edges of the range of T.
func Scales[T device.Float]() map[string]int {
	if device.Epsilon[T]() > 1e-10 {
		return map[string]int{"scale 1e18": 60, "scale 1e-18": -60, "scale 1e33": 110, "scale 1e-33": -110,
			"largest numbers": 124, "least normal numbers": -122, "denormal numbers": -138}
	}
	return map[string]int{"scale 1e150": 498, "scale 1e-150": -498, "scale 1e300": 996, "scale 1e-300": -996,
		"largest numbers": 1020, "least normal numbers": -1018, "denormal numbers": -1060}
}

// Difficult returns matrices at the edges of the number type T: its range, its
// precision, and shapes.
func Difficult[T device.Float]() map[string]device.Dense[T] {
	list := map[string]device.Dense[T]{}
	for name, e := range Scales[T]() {
		for _, shape := range [][2]int{{30, 20}, {20, 20}, {60, 20}, {20, 60}} {
			list[fmt.Sprintf("%s %v", name, shape)] = Scaled[T](Normal[float64](31, shape[0], shape[1]), e)
		}
	}
	list["random"] = Normal[T](30, 24, 20)
	list["graded"] = Graded[T](32, 40, 25, 10, 10)
	list["graded tall"] = Graded[T](32, 90, 25, 10, 10)
	list["graded wide"] = Graded[T](32, 25, 90, 10, 10)
	if device.Epsilon[T]() < 1e-10 {
		list["graded to underflow"] = Graded[T](32, 40, 25, 200, 200)
	}
	deficient := Logspace(20, 0, -1)
	clear(deficient[7:])
	list["rank 7"] = WithSpectrum[T](33, 40, 20, deficient)
	list["rank 1"] = WithSpectrum[T](34, 20, 30, append([]float64{3}, make([]float64, 19)...))
	cluster := Logspace(20, -4, -4)
	cluster[0] = 1
	list["clustered"] = WithSpectrum[T](38, 30, 20, cluster)
	list["Kahan"] = Kahan[T](30, 1.2)
	list["Hilbert"] = Hilbert[T](20)
	list["Vandermonde"] = Vandermonde[T](30, 20)
	for _, n := range []int{1, 2, 17} {
		list[fmt.Sprintf("1×%d", n)] = Normal[T](35, 1, n)
		list[fmt.Sprintf("%d×1", n)] = Normal[T](36, n, 1)
		equal := Filled[T](n, n+3, func(int, int) float64 { return 7 })
		list[fmt.Sprintf("all equal %d", n)] = equal
		list[fmt.Sprintf("all equal %d transposed", n)] = equal.T()
		identity := device.NewDense[T](n, n)
		for i := range n {
			identity.Set(i, i, 1)
		}
		list[fmt.Sprintf("identity %d", n)] = identity
	}
	tiny, huge := T(Least[T]()), T(Largest[T]()/8)
	mixed := Normal[T](37, 20, 12)
	mixed.Set(3, 4, tiny)
	mixed.Set(5, 1, 0)
	list["one denormal entry"] = mixed
	mixed = mixed.Clone()
	mixed.Set(7, 2, huge)
	list["one huge entry"] = mixed
	list["least numbers"] = Filled[T](5, 4, func(int, int) float64 { return float64(tiny) })
	list["a least number"] = device.Vector([]T{tiny})
	list["a largest number"] = device.Vector([]T{-8 * huge})
	list["zero"] = device.NewDense[T](6, 4)
	return list
}
