package spectrum

import (
	"errors"
	"math"
	"testing"

	"github.com/ritz-go/ritz/goapi/device"
)

// LOBPCG finds what Eigs finds, at both ends, for both types.
func TestLOBPCGFindsOutliers(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		t.Run("f64", func(t *testing.T) { testLOBPCG[float64](t, dev, 1e-9) })
		t.Run("f32", func(t *testing.T) { testLOBPCG[float32](t, dev, 1e-4) })
	})
}

func testLOBPCG[T device.Float](t *testing.T, dev device.Device, tol float64) {
	d := outliers(200)
	for which, sign := range map[Which]float64{LargestAlgebraic: 1, SmallestAlgebraic: -1} {
		op := Affine(diagonal[T](d), T(sign), 0)
		e, err := LOBPCG(ctx, dev, op, nil, device.Dense[T]{}, LOBPCGOptions{K: 5, Which: which})
		if err != nil {
			t.Fatalf("%s: %v", which, err)
		}
		for i, v := range e.Values {
			if math.Abs(v-sign*d[i]) > tol*10 {
				t.Errorf("%s: value %d is %v, want %v", which, i, v, sign*d[i])
			}
			if e.Residuals[i] < math.Abs(v-sign*d[i])-10*device.Epsilon[T]() {
				t.Errorf("%s: residual %v, error %v", which, e.Residuals[i], math.Abs(v-sign*d[i]))
			}
		}
		checkVectors(t, dev, op, e)
	}
}

// A diagonal with a small perturbation: the inverse of the diagonal makes the
// smallest eigenvalues as easy as those of a well conditioned operator.
func TestPreconditioner(t *testing.T) {
	const n = 300
	q := device.Go().F64()
	defer q.Close()
	d, inverse := make([]float64, n), make([]float64, n)
	for i := range d {
		d[i] = math.Pow(10, 4*float64(i)/n)
		inverse[i] = 1 / d[i]
	}
	diag, err := DiagonalMatrix(q, d)
	if err != nil {
		t.Fatal(err)
	}
	op := Sum(diag, Affine(laplacian[float64](n), 0.1, 0))
	pre, err := DiagonalMatrix(q, inverse)
	if err != nil {
		t.Fatal(err)
	}
	o := LOBPCGOptions{K: 3, Which: SmallestAlgebraic}
	with, err := LOBPCG(ctx, device.Go(), op, pre, device.Dense[float64]{}, o)
	if err != nil {
		t.Fatal(err)
	}
	want, err := Eigs(ctx, device.Go(), op, EigsOptions{K: 3, Which: SmallestAlgebraic, Basis: 150, MaxProducts: 3000})
	if err != nil {
		t.Fatal(err)
	}
	for i := range with.Values {
		if math.Abs(with.Values[i]-want.Values[i]) > 1e-6 {
			t.Errorf("value %d: %v, want %v", i, with.Values[i], want.Values[i])
		}
	}
	o.MaxProducts = 4 * with.Products
	if _, err := LOBPCG(ctx, device.Go(), op, nil, device.Dense[float64]{}, o); !errors.Is(err, device.ErrNotConverged) {
		t.Errorf("%d products with the preconditioner, but %d do without: %v", with.Products, o.MaxProducts, err)
	}
}

// Starts from the wanted vectors of a nearby operator take fewer products.
func TestWarmStarts(t *testing.T) {
	const n = 400
	near := func(ε float64) Operator[float64] {
		return Sum(laplacian[float64](n), Affine(diagonal[float64](outliers(n)), ε, 0))
	}
	before, err := Eigs(ctx, device.Go(), near(0), EigsOptions{K: 4, Tol: 1e-6})
	if err != nil {
		t.Fatal(err)
	}
	after := near(1e-5)
	want, err := Eigs(ctx, device.Go(), after, EigsOptions{K: 4, Tol: 1e-6})
	if err != nil {
		t.Fatal(err)
	}
	for name, run := range map[string]func() (*Eigen[float64], error){
		"Eigs": func() (*Eigen[float64], error) {
			return EigsFrom(ctx, device.Go(), after, before.Vectors, EigsOptions{K: 4, Tol: 1e-6})
		},
		"Eigs, block": func() (*Eigen[float64], error) {
			return EigsFrom(ctx, device.Go(), after, before.Vectors, EigsOptions{K: 4, Block: 4, Tol: 1e-6})
		},
		"LOBPCG": func() (*Eigen[float64], error) {
			return LOBPCG(ctx, device.Go(), after, nil, before.Vectors, LOBPCGOptions{K: 4, Tol: 1e-6})
		},
	} {
		got, err := run()
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for i, v := range got.Values {
			if math.Abs(v-want.Values[i]) > 1e-6 {
				t.Errorf("%s: value %d is %v, want %v", name, i, v, want.Values[i])
			}
		}
		t.Logf("%s: %d products, %d from a random start", name, got.Products, want.Products)
		if 2*got.Products > want.Products {
			t.Errorf("%s: %d products, %d from a random start", name, got.Products, want.Products)
		}
	}
}

func TestLOBPCGBadInput(t *testing.T) {
	good := diagonal[float64](outliers(50))
	none := device.Dense[float64]{}
	for name, o := range map[string]LOBPCGOptions{
		"k = 0": {}, "k too large": {K: 17}, "guard": {K: 10, Guard: 7}, "negative guard": {K: 1, Guard: -1}, "which": {K: 1, Which: LargestMagnitude},
		"tolerance": {K: 1, Tol: 1}, "products": {K: 1, MaxProducts: -1},
	} {
		refuses(t, name, device.ErrArgument, func() error { _, err := LOBPCG(ctx, device.Go(), good, nil, none, o); return err })
	}
	o := LOBPCGOptions{K: 2}
	refuses(t, "not symmetric", device.ErrArgument, func() error {
		_, err := LOBPCG(ctx, device.Go(), shift[float64](50), nil, none, o)
		return err
	})
	refuses(t, "NaN", device.ErrNotFinite, func() error {
		_, err := LOBPCG(ctx, device.Go(), constant[float64](50, math.NaN()), nil, none, o)
		return err
	})
	refuses(t, "preconditioner", device.ErrShape, func() error {
		_, err := LOBPCG(ctx, device.Go(), good, diagonal[float64](outliers(49)), none, o)
		return err
	})
	refuses(t, "NaN of the preconditioner", device.ErrNotFinite, func() error {
		_, err := LOBPCG(ctx, device.Go(), good, constant[float64](50, math.NaN()), none, o)
		return err
	})
	refuses(t, "start", device.ErrShape, func() error {
		_, err := LOBPCG(ctx, device.Go(), good, nil, device.NewDense[float64](1, 49), o)
		return err
	})
	refuses(t, "few products", device.ErrNotConverged, func() error {
		_, err := LOBPCG(ctx, device.Go(), laplacian[float64](50), nil, none, LOBPCGOptions{K: 2, MaxProducts: 8})
		return err
	})
	refuses(t, "zero operator", nil, func() error {
		_, err := LOBPCG(ctx, device.Go(), diagonal[float64](make([]float64, 50)), nil, none, o)
		return err
	})
	for name, start := range map[string]device.Dense[float64]{"zero": device.NewDense[float64](2, 50)} {
		refuses(t, "Eigs from "+name, device.ErrArgument, func() error {
			_, err := EigsFrom(ctx, device.Go(), good, start, EigsOptions{K: 2})
			return err
		})
	}
}

// The null space of an operator has no size of its own: residuals are small
// beside that of the operator.
func TestLOBPCGFindsTheNullSpace(t *testing.T) {
	testNullSpace[float64](t)
	testNullSpace[float32](t)
}

func testNullSpace[T device.Float](t *testing.T) {
	q := device.NewQueue[T](device.Go())
	defer q.Close()
	for _, n := range []int{3, 4, 30} {
		d := make([]float64, n)
		d[0] = 3
		for _, op := range both(rotated(q, d, 0, uint64(n))) {
			e, err := LOBPCG(ctx, device.Go(), op, nil, device.Dense[T]{}, LOBPCGOptions{K: 1, Which: SmallestAlgebraic})
			if err != nil {
				t.Fatalf("%T, n = %d: %v", T(0), n, err)
			}
			limit := 40 * device.Epsilon[T]()
			if math.Abs(e.Values[0]) > limit || e.Residuals[0] > limit {
				t.Errorf("%T, n = %d: value %v, residual %v", T(0), n, e.Values[0], e.Residuals[0])
			}
		}
	}
}
