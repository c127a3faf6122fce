package svd

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"slices"
	"testing"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/tests/devices"
	"github.com/ritz-go/ritz/tests/matrices"
)

// preciseValues returns the singular values of a by textbook one-sided Jacobi
// rotations with 320 bits, descending.
func preciseValues[T device.Float](a device.Dense[T]) []*big.Float {
	const bits = 320
	if a.Rows < a.Cols {
		a = a.T()
	}
	number := func() *big.Float { return new(big.Float).SetPrec(bits) }
	x := make([][]*big.Float, a.Cols)
	for j := range x {
		x[j] = make([]*big.Float, a.Rows)
		for i := range x[j] {
			x[j][i] = number().SetFloat64(float64(a.At(i, j)))
		}
	}
	dot := func(u, v []*big.Float) *big.Float {
		s, p := number(), number()
		for i := range u {
			s.Add(s, p.Mul(u[i], v[i]))
		}
		return s
	}
	one := number().SetInt64(1)
	for rotated := true; rotated; {
		rotated = false
		for p := range x {
			for q := range p {
				α, β, γ := dot(x[p], x[p]), dot(x[q], x[q]), dot(x[p], x[q])
				// γ² against 2^-240·α·β
				small := number().Mul(α, β)
				small.SetMantExp(small, -240)
				if number().Mul(γ, γ).Cmp(small) <= 0 {
					continue
				}
				rotated = true
				ζ := number().Sub(β, α)
				ζ.Quo(ζ, number().Mul(γ, number().SetInt64(2)))
				root := number().Sqrt(number().Add(one, number().Mul(ζ, ζ)))
				t := number().Quo(one, root.Add(root, number().Abs(ζ)))
				if ζ.Sign() < 0 {
					t.Neg(t)
				}
				c := number().Quo(one, number().Sqrt(number().Add(one, number().Mul(t, t))))
				s := number().Mul(c, t)
				for i, u := range x[p] {
					v := x[q][i]
					x[p][i] = number().Sub(number().Mul(c, u), number().Mul(s, v))
					x[q][i] = number().Add(number().Mul(s, u), number().Mul(c, v))
				}
			}
		}
	}
	σ := make([]*big.Float, len(x))
	for j := range x {
		σ[j] = number().Sqrt(dot(x[j], x[j]))
	}
	slices.SortFunc(σ, func(a, b *big.Float) int { return b.Cmp(a) })
	return σ
}

// offBy returns |got - want|/want.
func offBy(got float64, want *big.Float) float64 {
	d := new(big.Float).SetPrec(320).SetFloat64(got)
	d.Sub(d, want)
	d.Quo(d, want)
	e, _ := d.Float64()
	return math.Abs(e)
}

// scaled returns diag(rows)·B·diag(cols) for a well-conditioned B, with
// exponents of two from -e to e in no order, exactly.
func scaledBothSides[T device.Float](seed uint64, m, n, rows, cols int) device.Dense[T] {
	b := device.Convert[float64](device.Convert[T](withSpectrum[float64](seed, m, n, logspace(min(m, n), 0, -1))))
	power := func(i, n, e int) int {
		if n == 1 {
			return e
		}
		return -e + 2*e*(7*i%n)/(n-1) // 7 and n have no common factor below
	}
	return matrices.Filled[T](m, n, func(i, j int) float64 {
		return math.Ldexp(b.At(i, j), power(i, m, rows)+power(j, n, cols))
	})
}

// A = B·D: every singular value is accurate relative to itself, over hundreds
// of decades, and within RelativeBound; LAPACK's divide and conquer loses the
// small ones.
func TestJacobiIsRelativelyAccurate(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		both(t, dev, testRelativeAccuracy[float64], testRelativeAccuracy[float32])
	})
}

func testRelativeAccuracy[T device.Float](t *testing.T, dev device.Device) {
	eps := device.Epsilon[T]()
	wide, widest := 498, 1015 // 2^±498 = 1e±150
	if eps > 1e-10 {
		wide, widest = 50, 120
	}
	for name, a := range map[string]device.Dense[T]{
		"columns":              scaledBothSides[T](71, 10, 10, 0, wide),
		"columns, whole range": scaledBothSides[T](72, 12, 12, 0, widest),
		"rows":                 scaledBothSides[T](73, 10, 10, wide, 0),
		"tall, columns":        scaledBothSides[T](74, 40, 8, 0, wide),
		"wide, rows":           scaledBothSides[T](75, 8, 40, wide, 0),
		"one column":           scaledBothSides[T](76, 9, 1, 0, widest),
		"nothing scaled":       scaledBothSides[T](77, 11, 9, 0, 0),
	} {
		want := preciseValues(a)
		for _, vectors := range []Vectors{Both, Left, Right, None} {
			r, err := Compute(ctx, dev, a, Options{Method: Jacobi, Vectors: vectors})
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			bound := r.Certificate.RelativeBound
			if !(bound > 0 && bound < 1e-11+2*eps) {
				t.Errorf("%s, %s: relative bound %.3g", name, vectors, bound)
			}
			worst := 0.0
			for i, w := range want {
				worst = max(worst, offBy(float64(r.S[i]), w))
			}
			if worst > bound || worst > 100*float64(len(want))*0x1p-52+eps {
				t.Errorf("%s, %s: a value is off by %.3g of itself, certified %.3g", name, vectors, worst, bound)
			}
			if vectors == Both {
				b, e := matrices.Unscaled(a)
				checkDifficult(t, name, b, e, doubles(want, e), r)
			}
		}
		if name == "columns" || name == "rows" {
			r, err := Compute(ctx, dev, a, Options{Method: Direct})
			if err != nil {
				t.Fatal(err)
			}
			if last := len(want) - 1; offBy(float64(r.S[last]), want[last]) < 1e-2 {
				t.Errorf("%s: direct is accurate to %.3g; the test shows nothing", name, offBy(float64(r.S[last]), want[last]))
			}
		}
	}
}

// doubles returns x/2^e.
func doubles(x []*big.Float, e int) []float64 {
	d := make([]float64, len(x))
	for i, v := range x {
		d[i], _ = new(big.Float).SetMantExp(v, -e).Float64()
	}
	return d
}

// Larger than a block of columns, and in parallel: the same as the direct
// decomposition to rounding, and the same for any number of threads.
func TestJacobiLarger(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		both(t, dev, testJacobiLarger[float64], testJacobiLarger[float32])
	})
}

func testJacobiLarger[T device.Float](t *testing.T, dev device.Device) {
	n := devices.Size(dev, 150, 70)
	eps := device.Epsilon[T]()
	zeros := logspace(n, 0, -3)
	clear(zeros[n-9:])
	for name, s := range map[string][]float64{"decaying": logspace(n, 0, -12), "flat": logspace(n, 0, 0), "rank-deficient": zeros} {
		for _, m := range []int{n, n + 30} {
			a := withSpectrum[T](78, m, n, s)
			r, err := Compute(ctx, dev, a, Options{Method: Jacobi})
			if err != nil {
				t.Fatal(err)
			}
			if residual, u, v := trueErrors(a, r); residual > 10*math.Sqrt(float64(n))*eps || max(u, v) > 10*float64(n)*eps {
				t.Errorf("%s, m=%d: residual %.3g, orthogonality %.3g and %.3g", name, m, residual, u, v)
			}
			for i, σ := range s {
				if d := math.Abs(float64(r.S[i]) - σ); d > r.Certificate.ErrorBound+eps*math.Sqrt(float64(n)) {
					t.Errorf("%s: σ%d is off by %.3g, certified %.3g", name, i+1, d, r.Certificate.ErrorBound)
				}
			}
		}
	}
	exact := device.NewDense[T](n, n) // of rank 2, exactly
	for i := range n {
		for j := range n {
			exact.Set(i, j, T(1+i%2*(j%3)))
		}
	}
	r, err := Compute(ctx, dev, exact, Options{Method: Jacobi})
	if err != nil {
		t.Fatal(err)
	}
	if residual, u, v := trueErrors(exact, r); residual > 10*math.Sqrt(float64(n))*eps || max(u, v) > 10*float64(n)*eps || r.Certificate.RelativeBound != 0 {
		t.Errorf("rank 2: residual %.3g, orthogonality %.3g and %.3g, relative bound %v", residual, u, v, r.Certificate.RelativeBound)
	}
}

func TestJacobiOverflow(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		a := matrices.Filled[float64](3, 3, func(int, int) float64 { return math.MaxFloat64 })
		if _, err := Compute(ctx, dev, a, Options{Method: Jacobi}); !errors.Is(err, device.ErrNotFinite) {
			t.Errorf("σ₁ = 3·MaxFloat64: error %v", err)
		}
	})
}

func ExampleCompute_jacobi() {
	// Columns of sizes from 1e-60 to 1: the smallest singular value is known
	// to as many digits as the largest.
	a := device.Dense[float64]{Rows: 3, Cols: 3, Stride: 3, Data: []float64{
		1, 2e-30, 2e-60,
		2, 1e-30, 1e-60,
		2, 2e-30, 3e-60,
	}}
	r, err := Compute(ctx, device.Go(), a, Options{Method: Jacobi, Vectors: None})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%.10g\naccurate to %.0e of each: %v\n", r.S, 1e-13, r.Certificate.RelativeBound < 1e-13)
	// Output:
	// [3 1.374368542e-30 7.276068751e-61]
	// accurate to 1e-13 of each: true
}
