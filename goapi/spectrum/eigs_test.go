package spectrum

import (
	"context"
	"errors"
	"math"
	"slices"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/rng"
)

var ctx = context.Background()

// diagonal is the operator diag(d): its eigenpairs are known.
func diagonal[T device.Float](d []float64) Operator[T] {
	return Func(len(d), func(_ context.Context, dst, src []T) error {
		for i, v := range src {
			dst[i] = T(d[i]) * v
		}
		return nil
	})
}

// outliers is a spectrum of eight outliers over a bulk of small values.
func outliers(n int) []float64 {
	d := make([]float64, n)
	x, u := make([]float64, n), make([]float64, n)
	rng.Normal(17, 0, 0, x)
	rng.Uniform(17, 1, 0, u)
	for i := range d {
		d[i] = 0.05 * x[i] * u[i]
	}
	copy(d, []float64{10, 8, 5, 3, 2, 1.5, 1.2, 1})
	return d
}

func TestEigsFindsOutliers(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		d := outliers(800)
		e, err := Eigs(ctx, dev, diagonal[float64](d), EigsOptions{K: 8, Basis: 26})
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range e.Values {
			if math.Abs(v-d[i]) > 1e-12*d[0] || math.Abs(v-d[i]) > e.Residuals[i]+1e-13 {
				t.Errorf("λ%d = %v, want %v (residual %.2g)", i+1, v, d[i], e.Residuals[i])
			}
			if e.Residuals[i] > 1e-9 {
				t.Errorf("residual %d is %.3g", i, e.Residuals[i])
			}
		}
		// Deflated power iteration takes 81 products for three digits here.
		if e.Products > 40 {
			t.Errorf("%d products", e.Products)
		}
	})
}

func TestEigsSlowDecay(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		d := make([]float64, 800)
		for i := range d {
			d[i] = 1 / math.Sqrt(float64(i+1))
		}
		e, err := Eigs(ctx, dev, diagonal[float64](d), EigsOptions{K: 8, Basis: 26})
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range e.Values {
			if math.Abs(v-d[i]) > 1e-12 {
				t.Errorf("λ%d = %v, want %v", i+1, v, d[i])
			}
		}
		if e.Products > 74 { // half of what deflated power iteration takes
			t.Errorf("%d products", e.Products)
		}
	})
}

// laplacian has the eigenvalues 2-2cos(kπ/(n+1)).
func laplacian[T device.Float](n int) Operator[T] {
	return Func(n, func(_ context.Context, dst, src []T) error {
		for i, v := range src {
			dst[i] = 2 * v
			if i > 0 {
				dst[i] -= src[i-1]
			}
			if i+1 < n {
				dst[i] -= src[i+1]
			}
		}
		return nil
	})
}

func laplacianValue(n, k int) float64 { return 2 - 2*math.Cos(float64(k)*math.Pi/float64(n+1)) }

func TestEigsEndsOfTheSpectrum(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		const n = 400
		shifted := Affine(laplacian[float64](n), 1, -3) // from -3 to 1
		for _, c := range []struct {
			op    Operator[float64]
			which Which
			want  []float64
		}{
			{laplacian[float64](n), LargestAlgebraic, []float64{laplacianValue(n, n), laplacianValue(n, n-1), laplacianValue(n, n-2), laplacianValue(n, n-3)}},
			{laplacian[float64](n), SmallestAlgebraic, []float64{laplacianValue(n, 1), laplacianValue(n, 2), laplacianValue(n, 3), laplacianValue(n, 4)}},
			{shifted, LargestMagnitude, []float64{laplacianValue(n, 1) - 3, laplacianValue(n, 2) - 3, laplacianValue(n, 3) - 3, laplacianValue(n, 4) - 3}},
			{shifted, BothEnds, []float64{laplacianValue(n, n) - 3, laplacianValue(n, n-1) - 3, laplacianValue(n, 2) - 3, laplacianValue(n, 1) - 3}},
		} {
			e, err := Eigs(ctx, dev, c.op, EigsOptions{K: 4, Which: c.which, Basis: 40, Tol: 1e-8, MaxProducts: 3000})
			if err != nil {
				t.Fatalf("%s: %v", c.which, err)
			}
			for i, v := range e.Values {
				// Values are accurate to the square of the residual over the gap.
				if math.Abs(v-c.want[i]) > 1e-9 {
					t.Errorf("%s: value %d is %v, want %v", c.which, i, v, c.want[i])
				}
			}
			if e.Products > 1300 {
				t.Errorf("%s: %d products", c.which, e.Products)
			}
			checkVectors(t, dev, c.op, e)
		}
	})
}

// checkVectors compares the residuals and the orthonormality of the vectors
// with products made here.
func checkVectors[T device.Float](t *testing.T, dev device.Device, op Operator[T], e *Eigen[T]) {
	t.Helper()
	q := device.NewQueue[T](dev)
	defer q.Close()
	k, n := e.Vectors.Rows, e.Vectors.Cols
	v, hv := q.Alloc(k, n), q.Alloc(k, n)
	q.Upload(v, e.Vectors)
	if err := op.Apply(ctx, q, hv, v); err != nil {
		t.Fatal(err)
	}
	image := device.NewDense[T](k, n)
	q.Download(image, hv)
	if err := q.Sync(); err != nil {
		t.Fatal(err)
	}
	largest := 0.0
	for _, x := range e.Values {
		largest = max(largest, math.Abs(x))
	}
	eps := device.Epsilon[T]() * math.Sqrt(float64(n))
	for i := range k {
		r := 0.0
		for j, x := range image.Row(i) {
			r = math.Hypot(r, float64(x)-e.Values[i]*float64(e.Vectors.At(i, j)))
		}
		// Images go through every restart; each adds rounding errors.
		if math.Abs(r-e.Residuals[i]) > 500*eps*largest {
			t.Errorf("residual %d is %.3g, stated %.3g", i, r, e.Residuals[i])
		}
		for j := range i + 1 {
			dot := 0.0
			for c, x := range e.Vectors.Row(i) {
				dot += float64(x) * float64(e.Vectors.At(j, c))
			}
			if i == j {
				dot--
			}
			if math.Abs(dot) > 20*eps {
				t.Errorf("vectors %d and %d: inner product off by %.3g", i, j, dot)
			}
		}
	}
}

func TestEigsDenseMatrix(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		t.Run("f64", func(t *testing.T) { testDense[float64](t, dev) })
		t.Run("f32", func(t *testing.T) { testDense[float32](t, dev) })
	})
}

func testDense[T device.Float](t *testing.T, dev device.Device) {
	for _, n := range []int{1, 2, 5, 30, 120} {
		g := device.NewDense[T](n, n)
		rng.Normal(5, uint64(n), 0, g.Data)
		sym := mat.NewSymDense(n, nil)
		for i := range n {
			for j := range i + 1 {
				x := (g.At(i, j) + g.At(j, i)) / 2
				g.Set(i, j, x)
				g.Set(j, i, x)
				sym.SetSym(i, j, float64(x))
			}
		}
		want, _ := eigh(sym)
		q := device.NewQueue[T](dev)
		op, err := Symmetric(q, g)
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range []int{1, 2, 3} {
			k := min(n, 4)
			e, err := Eigs(ctx, dev, op, EigsOptions{K: k, Block: b, MaxProducts: 5000})
			if err != nil {
				t.Fatalf("n=%d block %d: %v", n, b, err)
			}
			for i, v := range e.Values {
				if d := math.Abs(v - want[n-1-i]); d > e.Residuals[i]+100*device.Epsilon[T]()*math.Sqrt(float64(n)) {
					t.Errorf("n=%d block %d: λ%d off by %.3g, residual %.3g", n, b, i+1, d, e.Residuals[i])
				}
			}
			checkVectors(t, dev, op, e)
		}
		q.Close()
	}
}

// An eigenvalue of multiplicity four: a single vector can see one copy, a
// block of four sees all.
func TestMultiplicity(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		d := make([]float64, 400)
		rng.Uniform(3, 0, 0, d)
		for i := range d {
			d[i] *= 0.05
		}
		copy(d[100:], []float64{5, 5, 5, 5})
		e, err := Eigs(ctx, dev, diagonal[float64](d), EigsOptions{K: 5, Block: 4, Basis: 20, Tol: 1e-6, MaxProducts: 5000})
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range e.Values[:4] {
			if math.Abs(v-5) > 1e-6 {
				t.Errorf("copy %d is %v", i+1, v)
			}
		}
		if e.Values[4] > 0.06 {
			t.Errorf("fifth value %v is a copy too many", e.Values[4])
		}
		q := dev.F64()
		defer q.Close()
		start := q.Alloc(1, 400)
		q.Random(device.Normal, 1, 0, start)
		tri, err := Lanczos(ctx, q, diagonal[float64](d), start, 8, FullReorth)
		if err != nil {
			t.Fatal(err)
		}
		values, _ := tri.Eigen()
		copies := 0
		for _, v := range values {
			if math.Abs(v-5) < 1e-6 {
				copies++
			}
		}
		if copies != 1 {
			t.Errorf("a single vector found %d copies in 8 steps, want 1", copies)
		}
	})
}

func TestEigsInvariantSubspace(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		// Rank three: the Krylov space closes after four steps.
		d := make([]float64, 100)
		copy(d[10:], []float64{3, 2, 1})
		e, err := Eigs(ctx, dev, diagonal[float64](d), EigsOptions{K: 5})
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range []float64{3, 2, 1, 0, 0} {
			if math.Abs(e.Values[i]-want) > 1e-12 {
				t.Errorf("value %d is %v, want %v", i, e.Values[i], want)
			}
		}
		zero, err := Eigs(ctx, dev, diagonal[float64](make([]float64, 50)), EigsOptions{K: 2})
		if err != nil || zero.Values[0] != 0 {
			t.Errorf("zero operator: %v, %v", zero, err)
		}
	})
}

func TestEigsNotConverged(t *testing.T) {
	e, err := Eigs(ctx, device.Go(), laplacian[float64](2000), EigsOptions{K: 3, MaxProducts: 60})
	if !errors.Is(err, device.ErrNotConverged) || e == nil || len(e.Values) != 3 {
		t.Fatalf("%v, %v", e, err)
	}
	for i, v := range e.Values {
		near := math.Inf(1)
		for k := 1; k <= 2000; k++ {
			near = min(near, math.Abs(v-laplacianValue(2000, k)))
		}
		if near > e.Residuals[i] {
			t.Errorf("no eigenvalue within the residual %.3g of %v", e.Residuals[i], v)
		}
	}
}

func TestEigsBadInput(t *testing.T) {
	good := diagonal[float64](outliers(50))
	for name, c := range map[string]struct {
		op   Operator[float64]
		o    EigsOptions
		want error
	}{
		"k = 0":     {good, EigsOptions{}, device.ErrArgument},
		"k > n":     {good, EigsOptions{K: 51}, device.ErrArgument},
		"which":     {good, EigsOptions{K: 1, Which: "XX"}, device.ErrArgument},
		"tolerance": {good, EigsOptions{K: 1, Tol: -1}, device.ErrArgument},
		"basis":     {good, EigsOptions{K: 10, Basis: 11}, device.ErrArgument},
		"block":     {good, EigsOptions{K: 1, Block: -1}, device.ErrArgument},
		"nil":       {nil, EigsOptions{K: 1}, device.ErrArgument},
		"empty":     {diagonal[float64](nil), EigsOptions{K: 1}, device.ErrEmpty},
		"not symmetric": {Func(30, func(_ context.Context, dst, src []float64) error {
			copy(dst, src[1:])
			dst[29] = 0
			return nil
		}), EigsOptions{K: 1}, device.ErrArgument},
		"NaN product": {Func(30, func(_ context.Context, dst, src []float64) error {
			dst[0] = math.NaN()
			return nil
		}), EigsOptions{K: 1}, device.ErrNotFinite},
	} {
		if _, err := Eigs(ctx, device.Go(), c.op, c.o); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	if _, err := Eigs(ctx, device.Go(), diagonal[float32](outliers(50)), EigsOptions{K: 1, Tol: 1e-9}); !errors.Is(err, device.ErrArgument) {
		t.Errorf("float32 with tolerance 1e-9: %v", err)
	}
	failing := errors.New("disk gone")
	op := Func(30, func(context.Context, []float64, []float64) error { return failing })
	if _, err := Eigs(ctx, device.Go(), op, EigsOptions{K: 1}); !errors.Is(err, failing) {
		t.Errorf("error of the operator: %v", err)
	}
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := Eigs(cancelled, device.Go(), good, EigsOptions{K: 1}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	q := device.Go().F64()
	if _, err := Symmetric(q, device.Dense[float64]{Rows: 2, Cols: 2, Stride: 2, Data: []float64{1, 2, 3, 4}}); !errors.Is(err, device.ErrArgument) {
		t.Errorf("matrix that is not symmetric: %v", err)
	}
	if _, err := Symmetric(q, device.NewDense[float64](2, 3)); !errors.Is(err, device.ErrShape) {
		t.Errorf("matrix that is not square: %v", err)
	}
}

func TestRestrict(t *testing.T) {
	d := outliers(40)
	op, err := Restrict(diagonal[float64](d), 1, 20)
	if err != nil {
		t.Fatal(err)
	}
	e, err := Eigs(ctx, device.Go(), op, EigsOptions{K: 2})
	if err != nil || math.Abs(e.Values[0]-8) > 1e-10 {
		t.Errorf("largest of the block: %v, %v", e, err)
	}
	if _, err := Restrict(op, 5, 40); !errors.Is(err, device.ErrArgument) {
		t.Errorf("range too long: %v", err)
	}
}

// The last block of a space that leaves room for less than a block is narrow:
// residuals are those of its vectors.
func TestEigsNarrowBlock(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		d := make([]float64, 12)
		for i := range d { // ±1, ±2, …
			d[i] = float64(i/2+1) * float64(1-2*(i%2))
		}
		q := dev.F64()
		defer q.Close()
		for seed := range uint64(8) {
			op, _ := rotated(q, d, 0, seed)
			for _, which := range []Which{LargestAlgebraic, SmallestAlgebraic, BothEnds} {
				for _, basis := range []int{10, 11} {
					e, err := Eigs(ctx, dev, op, EigsOptions{K: 6, Which: which, Block: 2, Basis: basis, Seed: seed})
					if err != nil {
						t.Fatal(err)
					}
					for i, r := range e.Residuals {
						if r > 1.1e-10*6 {
							t.Errorf("%s, basis %d, seed %d: residual %d is %.3g", which, basis, seed, i, r)
						}
					}
				}
			}
		}
	})
}

// A start at eigenvectors that are not the wanted ones does not hide those, not
// even where the tolerance is large.
func TestEigsFromOtherEigenvectors(t *testing.T) {
	testOtherEigenvectors[float64](t)
	testOtherEigenvectors[float32](t)
}

func testOtherEigenvectors[T device.Float](t *testing.T) {
	missed := 0
	for seed := range uint64(200) {
		d := make([]float64, 5)
		rng.Uniform(seed, 0, 0, d)
		start := device.NewDense[T](1, len(d))
		start.Set(0, int(seed%5), 1)
		e, err := EigsFrom(ctx, device.Go(), diagonal[T](d), start, EigsOptions{K: 1, Seed: seed})
		if err != nil {
			t.Fatal(err)
		}
		if math.Abs(e.Values[0]-slices.Max(d)) > 1e-4 {
			missed++
		}
	}
	if missed > 6 { // two close to one another
		t.Errorf("%T: %d of 200 are not the largest", T(0), missed)
	}
}
