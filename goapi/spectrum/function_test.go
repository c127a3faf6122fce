package spectrum

import (
	"errors"
	"math"
	"slices"
	"testing"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/rng"
)

// functionCases are functions that are analytic around the spectrum.
var functionCases = map[string]func(float64) float64{
	"exp":      math.Exp,
	"√(1+x²)":  func(x float64) float64 { return math.Sqrt(1 + x*x) },
	"1/(x-11)": func(x float64) float64 { return 1 / (x - 11) },
}

// functionErrors returns the relative errors of some steps for each vector,
// with the operator diag(d).
func functionErrors(t *testing.T, dev device.Device, f func(float64) float64, steps int, o FunctionOptions) (errs []float64, r *Function[float64]) {
	const n, k = 300, 3
	d := outliers(n)
	b := device.NewDense[float64](k, n)
	rng.Normal(11, 0, 0, b.Data)
	o.Steps = steps
	r, err := ApplyFunction(ctx, dev, diagonal[float64](d), f, b, o)
	if err != nil && !errors.Is(err, device.ErrNotConverged) {
		t.Fatal(err)
	}
	for i := range k {
		diff, size := 0.0, 0.0
		for j, λ := range d {
			want := f(λ) * b.At(i, j)
			diff += math.Pow(r.Vectors.At(i, j)-want, 2)
			size += want * want
		}
		errs = append(errs, math.Sqrt(diff/size))
		if r.Errors[i] < math.Sqrt(diff)-1e-12*math.Sqrt(size) {
			t.Errorf("error %.3g, estimated %.3g", math.Sqrt(diff), r.Errors[i])
		}
	}
	return errs, r
}

// Functions of an operator applied to vectors: 10 steps give 5e-6 and 20 steps
// 1e-12 for functions that are analytic around the spectrum.
func TestFunctionConvergence(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		for name, f := range functionCases {
			for steps, most := range map[int]float64{10: 5e-6, 20: 1e-12} {
				errs, _ := functionErrors(t, dev, f, steps, FunctionOptions{Tol: 1e-14})
				for _, e := range errs {
					if e > most {
						t.Errorf("%s, %d steps: relative error %.3g", name, steps, e)
					}
				}
			}
		}
	})
}

// Two passes with five vectors give what one with the whole basis gives.
func TestFunctionInTwoPasses(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		for name, f := range functionCases {
			errs, one := functionErrors(t, dev, f, 100, FunctionOptions{})
			again, two := functionErrors(t, dev, f, 100, FunctionOptions{Memory: 1})
			if one.Passes != 1 || two.Passes != 2 || two.Products != 2*one.Products {
				t.Errorf("%s: %d and %d passes, %d and %d products", name, one.Passes, two.Passes, one.Products, two.Products)
			}
			for i := range errs {
				if errs[i] > 1e-10 || again[i] > 1e-10 {
					t.Errorf("%s: errors %.3g and %.3g", name, errs[i], again[i])
				}
			}
		}
	})
}

// Invariant spaces, zero vectors and single dimensions end early; f outside of
// its domain is refused by the name of the Ritz value.
func TestFunctionEdges(t *testing.T) {
	d := outliers(50)
	unit := device.NewDense[float64](1, 50)
	unit.Set(0, 3, -2)
	r, err := ApplyFunction(ctx, device.Go(), diagonal[float64](d), math.Exp, unit, FunctionOptions{})
	if err != nil || r.Steps != 1 || math.Abs(r.Vectors.At(0, 3)+2*math.Exp(d[3])) > 1e-12 {
		t.Errorf("an eigenvector: %+v, %v", r, err)
	}
	for _, memory := range []uint64{0, 1} {
		for _, rows := range []int{1, 2} { // the second one is not zero
			b := device.NewDense[float64](rows, 50)
			if rows == 2 {
				b.Set(1, 3, -2)
			}
			r, err := ApplyFunction(ctx, device.Go(), diagonal[float64](d), math.Exp, b, FunctionOptions{Memory: memory})
			if err != nil || slices.ContainsFunc(r.Vectors.Row(0), func(x float64) bool { return x != 0 }) || r.Errors[0] != 0 {
				t.Errorf("a zero vector: %+v, %v", r, err)
			} else if rows == 2 && math.Abs(r.Vectors.At(1, 3)+2*math.Exp(d[3])) > 1e-12 {
				t.Errorf("beside a zero vector: %v", r.Vectors.Row(1))
			}
		}
	}
	full := device.NewDense[float64](1, 50)
	rng.Normal(1, 0, 0, full.Data)
	refuses(t, "few steps", device.ErrNotConverged, func() error {
		_, err := ApplyFunction(ctx, device.Go(), laplacian[float64](50), math.Exp, full, FunctionOptions{Steps: 3})
		return err
	})
	for name, c := range map[string]struct {
		f    func(float64) float64
		b    device.Dense[float64]
		o    FunctionOptions
		want error
	}{
		"nil":           {nil, full, FunctionOptions{}, device.ErrArgument},
		"log":           {func(x float64) float64 { return math.Log(x - 100) }, full, FunctionOptions{}, device.ErrArgument},
		"short vectors": {math.Exp, device.NewDense[float64](1, 49), FunctionOptions{}, device.ErrShape},
		"no vectors":    {math.Exp, device.Dense[float64]{}, FunctionOptions{}, device.ErrEmpty},
		"tolerance":     {math.Exp, full, FunctionOptions{Tol: 2}, device.ErrArgument},
		"NaN tolerance": {math.Exp, full, FunctionOptions{Tol: math.NaN()}, device.ErrArgument},
		"steps":         {math.Exp, full, FunctionOptions{Steps: -1}, device.ErrArgument},
	} {
		refuses(t, name, c.want, func() error {
			_, err := ApplyFunction(ctx, device.Go(), diagonal[float64](d), c.f, c.b, c.o)
			return err
		})
	}
}
