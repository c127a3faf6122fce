package svd

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/ritz-go/ritz/cblas"
	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/rng"
	"github.com/ritz-go/ritz/tests/devices"
	"github.com/ritz-go/ritz/tests/matrices"
)

// symmetricStack has count symmetric matrices of normal numbers.
func symmetricStack[T device.Float](seed uint64, count, n int) []T {
	a := stackOf[T](seed, count, n, n)
	for i := range count {
		mirrorLower(a[i*n*n:(i+1)*n*n], n)
	}
	return a
}

func mirrorLower[T device.Float](a []T, n int) {
	for r := range n {
		for c := range r {
			a[c*n+r] = a[r*n+c]
		}
	}
}

func eighBatch[T device.Float](t *testing.T, dev device.Device, a []T, count, n int, o EighBatchOptions) *EighBatchResult[T] {
	t.Helper()
	r, err := EighBatch(ctx, dev, a, count, n, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// symmetricKinds are matrices from easy to spiteful, each with a scale.
func symmetricKinds[T device.Float](n int) map[string]device.Dense[T] {
	kinds := map[string]device.Dense[T]{
		"zero":     device.NewDense[T](n, n),
		"identity": matrices.Filled[T](n, n, func(i, j int) float64 { return map[bool]float64{true: 1}[i == j] }),
		"equal":    matrices.Filled[T](n, n, func(int, int) float64 { return 7 }),
		"exchange": matrices.Filled[T](n, n, func(i, j int) float64 { return map[bool]float64{true: 1}[i+j == n-1] }),
		"Hilbert":  matrices.Hilbert[T](n),
		"second difference": matrices.Filled[T](n, n, func(i, j int) float64 {
			return []float64{2, -1, 0}[min(2, max(i-j, j-i))]
		}),
		"graded down": matrices.Filled[T](n, n, func(i, j int) float64 { return math.Pow(10, -float64(i+j)) * math.Cos(float64(i*j)) }),
		"graded up":   matrices.Filled[T](n, n, func(i, j int) float64 { return math.Pow(10, float64(i+j-2*n)) * math.Cos(float64(i*j)) }),
		"arrow": matrices.Filled[T](n, n, func(i, j int) float64 {
			return map[bool]float64{true: 1 / float64(1+i+j)}[i == j || i == 0 || j == 0]
		}),
	}
	w := make([]float64, n)
	for name, f := range map[string]func(i int) float64{
		"normal":         func(i int) float64 { return math.Sin(float64(3 * i * i)) },
		"repeated":       func(i int) float64 { return float64(i % 2) },
		"deficient":      func(i int) float64 { return float64(max(0, i-n/2)) },
		"cluster":        func(i int) float64 { return 1 + 10*device.Epsilon[T]()*float64(i) },
		"plus and minus": func(i int) float64 { return float64(1 - i%2*2) },
		"geometric":      func(i int) float64 { return math.Pow(0.1, float64(i)) },
		"negative":       func(i int) float64 { return -1 - float64(i) },
	} {
		for i := range w {
			w[i] = f(i)
		}
		kinds[name] = matrices.Symmetric[T](91, w)
	}
	base := kinds["normal"]
	for name, e := range matrices.Scales[T]() {
		kinds["normal "+name] = matrices.Scaled[T](device.Convert[float64](base), e)
	}
	for _, a := range kinds { // rounding of denormal numbers can spoil symmetry
		mirrorLower(a.Data, n)
	}
	return kinds
}

// Residual, orthogonality, order, signs and the certificate of every kind of
// matrix at every size; the values are those of LAPACK's algorithm in gonum
// within the certified error.
func TestEighBatch(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		both(t, dev, testEighBatch[float64], testEighBatch[float32])
	})
}

func testEighBatch[T device.Float](t *testing.T, dev device.Device) {
	sizes := []int{1, 2, 3, 4, 5, 8, 13, 16, 17, 32, 33}
	if dev.Info().Backend == "CUDA" {
		sizes = []int{1, 2, 3, 8, 17}
	}
	for _, n := range sizes {
		kinds := symmetricKinds[T](n)
		var names []string
		var a []T
		for name, x := range kinds {
			names, a = append(names, name), append(a, x.Data...)
		}
		for _, dev := range []device.Device{dev, bare{dev}} {
			r := eighBatch(t, dev, a, len(names), n, EighBatchOptions{})
			if err := r.Err(); err != nil {
				t.Errorf("n=%d: %v, %s", n, err, names[err.(*BatchError).Matrix])
				continue
			}
			alone := eighBatch(t, dev, a, len(names), n, EighBatchOptions{ValuesOnly: true})
			for i, name := range names {
				checkEigenpairs(t, fmt.Sprintf("%s n=%d", name, n), dev, kinds[name], r, alone, i)
			}
			if _, one := dev.(bare); n > 5 || one {
				break
			}
		}
	}
}

func checkEigenpairs[T device.Float](t *testing.T, name string, dev device.Device, a device.Dense[T], r, alone *EighBatchResult[T], i int) {
	t.Helper()
	n, eps := r.N, device.Epsilon[T]()
	b, e := matrices.Unscaled(a)
	var ref mat.EigenSym
	if !ref.Factorize(mat.NewSymDense(n, b.Data), false) {
		t.Fatal("no reference")
	}
	want := ref.Values(nil)
	values, vt := r.Matrix(i)
	one, _ := alone.Matrix(i)
	largest := max(math.Abs(want[0]), math.Abs(want[n-1]))
	grain := math.Ldexp(matrices.Least[T](), -e)
	scaled := func(x T) float64 { return math.Ldexp(float64(x), -e) }
	bound := math.Ldexp(r.ErrorBound[i], -e)
	if largest == 0 && bound != 0 {
		t.Errorf("%s: zero ± %.3g", name, bound)
	}
	if limit := max(60, 12*float64(n)) * looserEigh(dev) * eps * largest; bound > limit+2*grain {
		t.Errorf("%s: error bound %.3g, more than %.3g", name, bound, limit)
	}
	for j, v := range values {
		// gonum's values are off by some float64 eps themselves.
		d, own := math.Abs(scaled(v)-want[j]), 10*float64(n+4)*0x1p-52*largest
		if !(d <= bound+own) {
			t.Errorf("%s: λ%d is off by %.3g of %.3g, certified %.3g", name, j, d, largest, bound)
		}
		if d := math.Abs(scaled(one[j]) - want[j]); !(d <= math.Ldexp(alone.ErrorBound[i], -e)+own) {
			t.Errorf("%s: λ%d alone is off by %.3g, certified %.3g", name, j, d, math.Ldexp(alone.ErrorBound[i], -e))
		}
		if j > 0 && !(v >= values[j-1]) {
			t.Errorf("%s: values %v are not ascending", name, values)
		}
	}
	v := device.ToMat(device.Convert[float64](vt))
	var av, vv mat.Dense
	av.Mul(v, device.ToMat(b))
	vv.Mul(v, v.T())
	residual, loss := 0.0, 0.0
	for p := range n {
		for q := range n {
			residual = math.Hypot(residual, av.At(p, q)-scaled(values[p])*v.At(p, q))
			x := vv.At(p, q)
			if p == q {
				x--
			}
			loss = math.Hypot(loss, x)
		}
		if row := vt.Row(p); -slices.Min(row) > slices.Max(row) {
			t.Errorf("%s: the largest entry of eigenvector %d is negative", name, p)
		}
	}
	tol := max(40, 8*float64(n)) * eps
	if !(residual <= tol*largest+float64(n)*grain) || !(loss <= tol) {
		t.Errorf("%s: residual %.3g of %.3g, orthogonality %.3g", name, residual, largest, loss)
	}
	if c := r.Certificate; c.Orthogonality < loss/math.Sqrt(float64(n))-8*0x1p-52 {
		t.Errorf("%s: orthogonality %.3g, certified %.3g", name, loss, c.Orthogonality)
	}
}

// looserEigh is looser for eigendecompositions.
func looserEigh(dev device.Device) float64 {
	q := dev.F64()
	defer q.Close()
	if _, ok := q.(device.BatchEigher[float64]); ok {
		return 1
	}
	return 16
}

// Bad and special matrices among thousands leave the others as they are;
// position and number of threads do not matter.
func TestEighBatchIndependence(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		both(t, dev, testEighBatchIndependence[float64], testEighBatchIndependence[float32])
	})
}

func testEighBatchIndependence[T device.Float](t *testing.T, dev device.Device) {
	const n = 9
	count := devices.Size(dev, 4000, 150)
	clean := symmetricStack[T](3, count, n)
	a := slices.Clone(clean)
	want := map[int]BatchStatus{5: NotFinite, 21: NotSymmetric, 22: Done, 40: NotFinite, count - 1: NotSymmetric}
	a[5*n*n+3] = T(math.NaN()) // in the upper triangle
	a[21*n*n+n] += 1e-3
	clear(a[22*n*n : 23*n*n])
	a[40*n*n] = T(math.Inf(-1))
	a[len(a)-2] = -a[len(a)-2] + 1
	r, whole := eighBatch(t, dev, a, count, n, EighBatchOptions{}), eighBatch(t, dev, clean, count, n, EighBatchOptions{})
	for i := range count {
		values, vt := r.Matrix(i)
		status, special := want[i]
		if r.Status[i] != status {
			t.Fatalf("matrix %d is %v, want %v", i, r.Status[i], status)
		}
		switch {
		case !special:
			w, v := whole.Matrix(i)
			if r.ErrorBound[i] != whole.ErrorBound[i] || !identical(values, w) || !identical(vt.Data, v.Data) {
				t.Fatalf("matrix %d changed with its neighbours", i)
			}
		case status != Done:
			if values[0] == values[0] || vt.Data[n] == vt.Data[n] || r.ErrorBound[i] == r.ErrorBound[i] {
				t.Errorf("matrix %d is %v, and has values %v ± %v", i, status, values, r.ErrorBound[i])
			}
		case values[0] != 0 || values[n-1] != 0 || r.ErrorBound[i] != 0:
			t.Errorf("zero has the values %v ± %v", values, r.ErrorBound[i])
		}
	}
	shifted := eighBatch(t, dev, a[7*n*n:], count-7, n, EighBatchOptions{})
	if !identical(shifted.Values, r.Values[7*n:]) || !identical(shifted.Vt, r.Vt[7*n*n:]) {
		t.Error("results depend on the position in the batch")
	}
	err := r.Err()
	var e *BatchError
	if !errors.As(err, &e) || e.Matrix != 5 || e.Failed != 4 || !errors.Is(err, device.ErrNotFinite) || errors.Is(err, device.ErrArgument) {
		t.Errorf("the error of the batch: %v", err)
	}
	if err := shifted.Err(); !errors.Is(err, device.ErrArgument) {
		t.Errorf("the error of the batch without its beginning: %v", err)
	}
	if err := whole.Err(); err != nil {
		t.Errorf("the error of a batch without one: %v", err)
	}
	if dev.Info().Name == "cpu" {
		for _, threads := range []int{1, 3} {
			d, err := cblas.Open(cblas.Options{Threads: threads})
			if err != nil {
				t.Fatal(err)
			}
			if other := eighBatch(t, d, a, count, n, EighBatchOptions{}); !identical(other.Values, r.Values) || !identical(other.Vt, r.Vt) {
				t.Errorf("results of %d threads differ", threads)
			}
		}
	}
}

// Scaling by a power of two changes nothing but the scale of the values.
func TestEighBatchScaling(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		const count, n = 20, 6
		a := symmetricStack[float64](23, count, n)
		r := eighBatch(t, dev, a, count, n, EighBatchOptions{})
		for _, e := range []int{900, -900} {
			b := make([]float64, len(a))
			for i, x := range a {
				b[i] = math.Ldexp(x, e)
			}
			s := eighBatch(t, dev, b, count, n, EighBatchOptions{})
			for i, w := range s.Values {
				if math.Ldexp(w, -e) != r.Values[i] {
					t.Fatalf("scaled by 2^%d: value %d is %v, want %v", e, i, math.Ldexp(w, -e), r.Values[i])
				}
			}
			if !identical(s.Vt, r.Vt) {
				t.Errorf("scaled by 2^%d: vectors differ", e)
			}
		}
	})
}

// Sizes beyond the kernels go one by one.
func TestEighBatchLarge(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		for _, s := range [][2]int{{2, 64}, {2, 65}, {9, 100}, {2, 130}} {
			count, n := devices.Size(dev, s[0], 2), s[1]
			if dev.Info().Backend == "CUDA" && n == 64 {
				continue // the emulator takes seconds
			}
			a := symmetricStack[float64](31, count, n)
			a[1] += 1
			r := eighBatch(t, dev, a, count, n, EighBatchOptions{})
			if r.Status[0] != NotSymmetric || r.Status[1] != Done {
				t.Fatalf("n=%d: %v", n, r.Status)
			}
			x := device.Dense[float64]{Rows: n, Cols: n, Stride: n, Data: a[n*n:]}
			checkEigenpairs(t, fmt.Sprintf("n=%d", n), bare{dev}, x, r, eighBatch(t, dev, a, count, n, EighBatchOptions{ValuesOnly: true}), 1)
		}
	})
}

// Again gives what EighBatch gives, in the memory of the result before.
func TestEighBatchAgain(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		for _, s := range [][2]int{{40, 4}, {2, 70}} {
			count, n := s[0], s[1]
			first, second := symmetricStack[float64](51, count, n), symmetricStack[float64](52, count, n)
			first[len(first)-1] = math.NaN()
			for _, o := range []EighBatchOptions{{}, {ValuesOnly: true}} {
				r, want := eighBatch(t, dev, first, count, n, o), eighBatch(t, dev, second, count, n, o)
				values := &r.Values[0]
				if err := r.Again(ctx, dev, second); err != nil {
					t.Fatal(err)
				}
				same := slices.Equal(r.Values, want.Values) && slices.Equal(r.Vt, want.Vt) && slices.Equal(r.Status, want.Status) &&
					slices.Equal(r.ErrorBound, want.ErrorBound) && (r.Vt == nil) == o.ValuesOnly
				if !same || &r.Values[0] != values || fmt.Sprint(r.Certificate) != fmt.Sprint(want.Certificate) {
					t.Errorf("%v, %+v: another result than that of EighBatch, or elsewhere", s, o)
				}
				if err := r.Again(ctx, dev, second[1:]); !errors.Is(err, device.ErrShape) {
					t.Errorf("%v: a stack of another size: %v", s, err)
				}
			}
		}
		made := &EighBatchResult[float64]{Count: 1, N: 1}
		for _, r := range []*EighBatchResult[float64]{nil, made} {
			if err := r.Again(ctx, dev, []float64{1}); !errors.Is(err, device.ErrArgument) {
				t.Errorf("a result that EighBatch has not made: %v", err)
			}
		}
	})
}

func TestEighBatchBadInput(t *testing.T) {
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	closed := device.Go()
	closed.Close()
	a := make([]float64, 36)
	for name, c := range map[string]struct {
		ctx      context.Context
		dev      device.Device
		count, n int
		want     error
	}{
		"negative count": {ctx, device.Go(), -4, 3, device.ErrShape},
		"negative size":  {ctx, device.Go(), 4, -3, device.ErrShape},
		"no rows":        {ctx, device.Go(), 4, 0, device.ErrEmpty},
		"too few":        {ctx, device.Go(), 5, 3, device.ErrShape},
		"too many":       {ctx, device.Go(), 3, 3, device.ErrShape},
		"overflow":       {ctx, device.Go(), 4, 1 << 62, device.ErrShape},
		"cancelled":      {cancelled, device.Go(), 4, 3, context.Canceled},
		"closed":         {ctx, closed, 4, 3, device.ErrClosed},
	} {
		if _, err := EighBatch(c.ctx, c.dev, a, c.count, c.n, EighBatchOptions{}); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	for _, n := range []int{3, 1 << 40} {
		r, err := EighBatch(ctx, device.Go(), []float64{}, 0, n, EighBatchOptions{})
		if err != nil || len(r.Values) != 0 || r.Certificate.ErrorBound != 0 || r.Err() != nil {
			t.Errorf("no matrices of %d×%d: %v", n, n, err)
		}
	}
}

// Batch's errors name the matrix as well.
func TestBatchErrorNamesTheMatrix(t *testing.T) {
	a := make([]float32, 5*6)
	rng.Normal(1, 1, 0, a)
	a[3*6+1] = float32(math.NaN())
	r := batch(t, device.Go(), a, 5, 2, 3, BatchOptions{})
	var e *BatchError
	if err := r.Err(); !errors.As(err, &e) || e.Matrix != 3 || e.Failed != 1 || !errors.Is(err, device.ErrNotFinite) {
		t.Errorf("%v", err)
	}
}

// The nominal number of operations is LAPACK's 9·n³.
func BenchmarkEighBatch(b *testing.B) {
	onEvery(b, func(b *testing.B, dev device.Device) {
		b.Run("f32", func(b *testing.B) { benchmarkEighBatch[float32](b, dev) })
		b.Run("f64", func(b *testing.B) { benchmarkEighBatch[float64](b, dev) })
	})
}

func benchmarkEighBatch[T device.Float](b *testing.B, dev device.Device) {
	for _, n := range []int{4, 8, 16, 32, 64, 128} {
		count := max(16, 20000/n)
		if dev.Info().Name == "go" {
			count = max(8, count/16)
		}
		a := symmetricStack[T](1, count, n)
		for name, f := range map[string]func(b *testing.B, some int){
			"kernel":     func(b *testing.B, some int) { someEighBatch(b, dev, a, some, n, EighBatchOptions{}) },
			"values":     func(b *testing.B, some int) { someEighBatch(b, dev, a, some, n, EighBatchOptions{ValuesOnly: true}) },
			"one by one": func(b *testing.B, some int) { someEighBatch(b, bare{dev}, a, some, n, EighBatchOptions{}) },
			"gonum": func(b *testing.B, some int) {
				for i := range some {
					x := device.Dense[T]{Rows: n, Cols: n, Stride: n, Data: a[i*n*n : (i+1)*n*n]}
					var ref mat.EigenSym
					ref.Factorize(mat.NewSymDense(n, device.Convert[float64](x).Data), true)
				}
			},
		} {
			some := count
			if name == "one by one" || name == "gonum" {
				some = max(4, count/16)
			}
			b.Run(fmt.Sprintf("%dx%d/%s", n, n, name), func(b *testing.B) {
				for b.Loop() {
					f(b, some)
				}
				each := b.Elapsed().Seconds() / float64(b.N) / float64(some)
				b.ReportMetric(1e6*each, "µs/matrix")
				b.ReportMetric(9*float64(n*n*n)/each/1e9, "Gflop/s")
			})
		}
	}
}

func someEighBatch[T device.Float](b *testing.B, dev device.Device, a []T, count, n int, o EighBatchOptions) {
	if _, err := EighBatch(ctx, dev, a[:count*n*n], count, n, o); err != nil {
		b.Fatal(err)
	}
}
