package svd

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"gonum.org/v1/gonum/mat"

	"github.com/ritz-go/ritz/cblas"
	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/rng"
	"github.com/ritz-go/ritz/tests/devices"
)

func stackOf[T device.Float](seed uint64, count, m, n int) []T {
	a := make([]T, count*m*n)
	rng.Normal(seed, 100, 0, a)
	return a
}

func batch[T device.Float](t *testing.T, dev device.Device, a []T, count, m, n int, o BatchOptions) *BatchResult[T] {
	t.Helper()
	r, err := Batch(ctx, dev, a, count, m, n, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// identical reports whether x and y are the same to the bit; NaN equals NaN.
func identical[T device.Float](x, y []T) bool {
	for i, v := range x {
		if math.Float64bits(float64(v)) != math.Float64bits(float64(y[i])) && (v == v || y[i] == y[i]) {
			return false
		}
	}
	return len(x) == len(y)
}

// Bad and special matrices among 8192 leave the others as they are; position
// and number of threads do not matter.
func TestBatchIndependence(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		both(t, dev, testBatchIndependence[float64], testBatchIndependence[float32])
	})
}

func testBatchIndependence[T device.Float](t *testing.T, dev device.Device) {
	const n = 16
	count := devices.Size(dev, 8192, 200)
	if dev.Info().Name == "go" {
		count = 700 // more than a block
	}
	clean := stackOf[T](3, count, n, n)
	a := append([]T(nil), clean...)
	kind := map[int]string{}
	for i, k := range []string{"NaN", "zero", "rank 1", "NaN", "zero", "rank 1", "NaN", "zero", "rank 1"} {
		at := (i*i*83 + 5) % count
		kind[at] = k
		x := a[at*n*n : (at+1)*n*n]
		for j := range x {
			switch k {
			case "NaN":
				x[n+i] = T(math.NaN())
			case "zero":
				x[j] = 0
			case "rank 1":
				x[j] = T(math.Sin(float64(1+j/n)) * math.Cos(float64(j%n)))
			}
		}
	}
	if len(kind) != 9 {
		t.Fatal("the places of the special matrices coincide")
	}
	r, want := batch(t, dev, a, count, n, n, BatchOptions{}), batch(t, dev, clean, count, n, n, BatchOptions{})
	eps := device.Epsilon[T]()
	for i := range count {
		u, s, vt := r.Matrix(i)
		switch kind[i] {
		case "":
			wu, ws, wvt := want.Matrix(i)
			if r.Status[i] != Done || r.ErrorBound[i] != want.ErrorBound[i] || !identical(u.Data, wu.Data) || !identical(s, ws) || !identical(vt.Data, wvt.Data) {
				t.Fatalf("matrix %d changed with its neighbours", i)
			}
		case "NaN":
			if r.Status[i] != NotFinite || s[0] == s[0] || u.Data[5] == u.Data[5] || vt.Data[0] == vt.Data[0] || r.ErrorBound[i] == r.ErrorBound[i] {
				t.Errorf("NaN: status %v, σ₁ = %v, error bound %v", r.Status[i], s[0], r.ErrorBound[i])
			}
		default:
			if r.Status[i] != Done {
				t.Errorf("%s: status %v", kind[i], r.Status[i])
			}
			if kind[i] == "zero" && (s[0] != 0 || r.ErrorBound[i] != 0) {
				t.Errorf("zero: σ₁ = %v ± %v", s[0], r.ErrorBound[i])
			}
			if kind[i] == "rank 1" && float64(s[1]) > 10*eps*float64(s[0]) {
				t.Errorf("rank 1: values %v", s[:2])
			}
			x := device.Dense[T]{Rows: n, Cols: n, Stride: n, Data: a[i*n*n : (i+1)*n*n]}
			_, orthU, orthV := trueErrors(x, &Result[T]{U: u, S: s, Vt: vt})
			if orthU > 100*eps || orthV > 100*eps {
				t.Errorf("%s: orthogonality %.3g, %.3g", kind[i], orthU, orthV)
			}
		}
	}
	limit := looser(dev) * eps
	if c := r.Certificate; !(c.Residual < 20*limit) || !(c.OrthogonalityU < 200*limit) || !(c.OrthogonalityV < 200*limit) || !(c.ErrorBound < 1000*limit) {
		t.Errorf("certificate %+v", c)
	}
	// A batch with another beginning puts every matrix elsewhere.
	shifted := batch(t, dev, a[7*n*n:], count-7, n, n, BatchOptions{})
	if !identical(shifted.U, r.U[7*n*n:]) || !identical(shifted.S, r.S[7*n:]) || !identical(shifted.Vt, r.Vt[7*n*n:]) {
		t.Error("results depend on the position in the batch")
	}
	if dev.Info().Name == "cpu" {
		for _, threads := range []int{1, 3} {
			d, err := cblas.Open(cblas.Options{Threads: threads})
			if err != nil {
				t.Fatal(err)
			}
			if other := batch(t, d, a, count, n, n, BatchOptions{}); !identical(other.U, r.U) || !identical(other.S, r.S) || !identical(other.Vt, r.Vt) {
				t.Errorf("results of %d threads differ", threads)
			}
		}
	}
}

// looser is by how much the bounds of the certificate may exceed those of a
// kernel that computes the errors in full: elsewhere ten random vectors bound
// them, with a factor of 8, and once more of the spread of their lengths.
func looser(dev device.Device) float64 {
	q := dev.F64()
	defer q.Close()
	if _, ok := q.(device.BatchSVDer[float64]); ok {
		return 1
	}
	return 16
}

// Ten thousand matrices of every shape up to 12×12 against gonum's SVD.
func TestBatchAgainstGonum(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		both(t, dev, testBatchAgainstGonum[float64], testBatchAgainstGonum[float32])
	})
}

func testBatchAgainstGonum[T device.Float](t *testing.T, dev device.Device) {
	const largest = 12
	each := devices.Size(dev, 70, 2) // 144 shapes: 10080 matrices
	eps := device.Epsilon[T]()
	for m := 1; m <= largest; m++ {
		for n := 1; n <= largest; n++ {
			a := stackOf[T](uint64(100*m+n), each, m, n)
			for i := range a { // every third matrix is graded
				if i/(m*n)%3 == 0 {
					a[i] *= T(math.Pow(10, -float64(i%n)/2))
				}
			}
			r := batch(t, dev, a, each, m, n, BatchOptions{})
			for i := range each {
				u, s, vt := r.Matrix(i)
				x := device.Dense[T]{Rows: m, Cols: n, Stride: n, Data: a[i*m*n : (i+1)*m*n]}
				var ref mat.SVD
				if !ref.Factorize(device.ToMat(device.Convert[float64](x)), mat.SVDNone) {
					t.Fatal("gonum's SVD failed")
				}
				for j, want := range ref.Values(nil) {
					// gonum's values are off by a few float64 eps themselves.
					if d := math.Abs(float64(s[j]) - want); !(d <= r.ErrorBound[i]+20*0x1p-52*float64(s[0])) {
						t.Fatalf("%d×%d matrix %d: σ%d is off by %.3g, certified %.3g", m, n, i, j+1, d, r.ErrorBound[i])
					}
				}
				residual, orthU, orthV := trueErrors(x, &Result[T]{U: u, S: s, Vt: vt})
				// LAPACK bounds its errors by a small multiple of the dimension.
				if limit := max(40, 6*float64(max(m, n))) * eps; r.Status[i] != Done || residual > limit || orthU > limit || orthV > limit || r.ErrorBound[i] > 5*looser(dev)*limit*float64(s[0]) {
					t.Fatalf("%d×%d matrix %d: %v, residual %.3g, orthogonality %.3g and %.3g, bound %.3g", m, n, i, r.Status[i], residual, orthU, orthV, r.ErrorBound[i])
				}
			}
		}
	}
}

// The singular values of the lower triangle of ones are known.
func TestBatchTriangularOnes(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		both(t, dev, testBatchTriangularOnes[float64], testBatchTriangularOnes[float32])
	})
}

func testBatchTriangularOnes[T device.Float](t *testing.T, dev device.Device) {
	for _, n := range []int{1, 2, 3, 10, 33, 50, 64, 70} { // 70 goes one by one
		const count = 3
		a := make([]T, count*n*n)
		for i := range a {
			if i%n <= i/n%n {
				a[i] = 1
			}
		}
		for _, vectors := range []Vectors{Both, Left, Right, None} {
			r := batch(t, dev, a, count, n, n, BatchOptions{Vectors: vectors})
			for i := range count {
				_, s, _ := r.Matrix(i)
				for k, σ := range s {
					want := 1 / (2 * math.Sin(float64(2*k+1)*math.Pi/float64(4*n+2)))
					d := math.Abs(float64(σ) - want)
					if d > 10*device.Epsilon[T]()*float64(s[0]) || d > r.ErrorBound[i]+2*device.Epsilon[T]()*want {
						t.Errorf("n=%d σ%d = %v, want %v; certified %.3g", n, k+1, σ, want, r.ErrorBound[i])
					}
				}
			}
			if vectors.left() == (r.U == nil) || vectors.right() == (r.Vt == nil) || (vectors == None) != math.IsNaN(r.Certificate.Residual) {
				t.Errorf("n=%d, vectors %s: U has %d elements, Vt %d, residual %v", n, vectors, len(r.U), len(r.Vt), r.Certificate.Residual)
			}
		}
	}
}

// bare hides everything of a device but what every device has.
type bare struct{ device.Device }

func (b bare) F32() device.Queue[float32] {
	return struct{ device.Queue[float32] }{b.Device.F32()}
}
func (b bare) F64() device.Queue[float64] {
	return struct{ device.Queue[float64] }{b.Device.F64()}
}

// One by one, as on devices without a kernel, the results are the same to
// rounding.
func TestBatchOneByOne(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		both(t, dev, testBatchOneByOne[float64], testBatchOneByOne[float32])
	})
}

func testBatchOneByOne[T device.Float](t *testing.T, dev device.Device) {
	for _, shape := range [][2]int{{1, 1}, {5, 3}, {3, 5}, {20, 20}, {64, 10}} {
		m, n := shape[0], shape[1]
		const count = 9
		a := stackOf[T](17, count, m, n)
		a[4*m*n] = T(math.Inf(1))
		clear(a[5*m*n : 6*m*n])
		for _, o := range []BatchOptions{{}, {Vectors: None}} {
			r, one := batch(t, dev, a, count, m, n, o), batch(t, bare{dev}, a, count, m, n, o)
			for i := range count {
				if r.Status[i] != one.Status[i] || (r.Status[i] == NotFinite) != (i == 4) {
					t.Errorf("matrix %d: status %v, one by one %v", i, r.Status[i], one.Status[i])
				}
				if i == 4 {
					continue
				}
				u, s, vt := r.Matrix(i)
				u1, s1, vt1 := one.Matrix(i)
				for j := range s {
					if d := math.Abs(float64(s[j] - s1[j])); d > r.ErrorBound[i]+one.ErrorBound[i] {
						t.Errorf("%d×%d matrix %d: σ%d is %v, one by one %v", m, n, i, j+1, s[j], s1[j])
					}
				}
				if i == 5 || o.Vectors == None {
					continue // any vectors do for the zero matrix
				}
				// Vectors of random matrices of this size are known to
				// eps·σ₁/gap; 1e5 is beyond every gap here.
				for j, x := range u.Data {
					if d := math.Abs(float64(x - u1.Data[j])); d > 1e5*device.Epsilon[T]() {
						t.Fatalf("%d×%d matrix %d: U differs by %.3g", m, n, i, d)
					}
				}
				for j, x := range vt.Data {
					if d := math.Abs(float64(x - vt1.Data[j])); d > 1e5*device.Epsilon[T]() {
						t.Fatalf("%d×%d matrix %d: Vt differs by %.3g", m, n, i, d)
					}
				}
			}
		}
	}
}

func TestBatchTransposeAndScaling(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		const count, m, n = 20, 9, 5
		a := stackOf[float64](23, count, m, n)
		at := make([]float64, len(a))
		for i := range count {
			for r := range m {
				for c := range n {
					at[i*m*n+c*m+r] = a[i*m*n+r*n+c]
				}
			}
		}
		r, rt := batch(t, dev, a, count, m, n, BatchOptions{}), batch(t, dev, at, count, n, m, BatchOptions{})
		if !identical(r.S, rt.S) {
			t.Error("the values of the transposed matrices differ")
		}
		for i := range count {
			u, _, _ := r.Matrix(i)
			_, _, vt := rt.Matrix(i)
			for j := range n {
				sign := math.Copysign(1, u.At(0, j)*vt.At(j, 0))
				for k := range m {
					if u.At(k, j) != sign*vt.At(j, k) {
						t.Fatalf("matrix %d: U and the Vt of the transpose differ in vector %d", i, j)
					}
				}
			}
		}
		for _, e := range []int{900, -900} {
			b := make([]float64, len(a))
			for i, x := range a {
				b[i] = math.Ldexp(x, e)
			}
			rb := batch(t, dev, b, count, m, n, BatchOptions{})
			for i, s := range rb.S {
				if math.Ldexp(s, -e) != r.S[i] {
					t.Fatalf("scaled by 2^%d: value %d is %v, want %v", e, i, math.Ldexp(s, -e), r.S[i])
				}
			}
			if !identical(rb.U, r.U) || !identical(rb.Vt, r.Vt) {
				t.Errorf("scaled by 2^%d: vectors differ", e)
			}
		}
	})
}

func TestBatchCallers(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		const m, n = 6, 4
		count, callers := devices.Size(dev, 200, 4), devices.Size(dev, 50, 8)
		a := stackOf[float32](29, count, m, n)
		want := batch(t, dev, a, count, m, n, BatchOptions{})
		var wg sync.WaitGroup
		for range callers {
			wg.Go(func() {
				r, err := Batch(ctx, dev, a, count, m, n, BatchOptions{})
				if err != nil || !identical(r.U, want.U) || !identical(r.S, want.S) {
					t.Errorf("a caller among many got another result (error %v)", err)
				}
			})
		}
		wg.Wait()
	})
}

func TestBatchBadInput(t *testing.T) {
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	closed := device.Go()
	closed.Close()
	a := make([]float64, 24)
	for name, c := range map[string]struct {
		ctx         context.Context
		dev         device.Device
		count, m, n int
		want        error
	}{
		"negative count": {ctx, device.Go(), -1, 2, 3, device.ErrShape},
		"negative rows":  {ctx, device.Go(), 4, -2, -3, device.ErrShape},
		"no rows":        {ctx, device.Go(), 4, 0, 3, device.ErrEmpty},
		"no columns":     {ctx, device.Go(), 4, 2, 0, device.ErrEmpty},
		"too few":        {ctx, device.Go(), 5, 2, 3, device.ErrShape},
		"too many":       {ctx, device.Go(), 3, 2, 3, device.ErrShape},
		"overflow":       {ctx, device.Go(), 1 << 62, 1 << 62, 4, device.ErrShape},
		"cancelled":      {cancelled, device.Go(), 4, 2, 3, context.Canceled},
		"closed":         {ctx, closed, 4, 2, 3, device.ErrClosed},
	} {
		if _, err := Batch(c.ctx, c.dev, a, c.count, c.m, c.n, BatchOptions{}); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	for _, n := range []int{3, 1 << 40} {
		r, err := Batch(ctx, device.Go(), []float64{}, 0, n, n, BatchOptions{})
		if err != nil || len(r.S) != 0 || r.Certificate.ErrorBound != 0 {
			t.Errorf("no matrices of %d×%d: %v", n, n, err)
		}
	}
}

// The nominal number of operations is LAPACK's 22·n³; limit is the share of
// the speed of matrix products on the same device at the same time.
func BenchmarkBatch(b *testing.B) {
	onEvery(b, func(b *testing.B, dev device.Device) {
		b.Run("f32", func(b *testing.B) { benchmarkBatch[float32](b, dev) })
		b.Run("f64", func(b *testing.B) { benchmarkBatch[float64](b, dev) })
	})
}

func benchmarkBatch[T device.Float](b *testing.B, dev device.Device) {
	limit := productSpeed[T](b, dev)
	for _, n := range []int{2, 4, 8, 16, 32, 48, 64} {
		count := max(64, 1<<22/(n*n*n))
		if dev.Info().Name == "go" {
			count = max(8, count/64)
		}
		a := stackOf[T](1, count, n, n)
		run := func(dev device.Device, o BatchOptions) func(b *testing.B, count int) {
			return func(b *testing.B, count int) {
				if _, err := Batch(ctx, dev, a[:count*n*n], count, n, n, o); err != nil {
					b.Fatal(err)
				}
			}
		}
		for name, f := range map[string]func(b *testing.B, count int){
			"kernel":     run(dev, BatchOptions{}),
			"values":     run(dev, BatchOptions{Vectors: None}),
			"one by one": run(bare{dev}, BatchOptions{}),
			"library":    func(b *testing.B, count int) { library(b, dev, a, count, n) },
		} {
			some := count
			if name == "one by one" || name == "library" {
				some = max(8, count/16)
			}
			b.Run(fmt.Sprintf("%dx%d/%s", n, n, name), func(b *testing.B) {
				for b.Loop() {
					f(b, some)
				}
				each := b.Elapsed().Seconds() / float64(b.N) / float64(some)
				flops := 22 * float64(n*n*n) / each
				b.ReportMetric(1e6*each, "µs/matrix")
				b.ReportMetric(flops/1e9, "Gflop/s")
				b.ReportMetric(100*flops/limit, "%limit")
			})
		}
	}
}

// library decomposes with LAPACK, without certificates, from as many
// goroutines as there are processors.
func library[T device.Float](b *testing.B, dev device.Device, a []T, count, n int) {
	threads := runtime.GOMAXPROCS(0)
	var wg sync.WaitGroup
	for part := range threads {
		wg.Go(func() {
			q := device.NewQueue[T](dev)
			defer q.Close()
			x, u, s, vt := q.Alloc(n, n), q.Alloc(n, n), q.Alloc(1, n), q.Alloc(n, n)
			for i := part * count / threads; i < (part+1)*count/threads; i++ {
				q.Upload(x, device.Dense[T]{Rows: n, Cols: n, Stride: n, Data: a[i*n*n : (i+1)*n*n]})
				q.SVD(x, u, s, vt)
			}
			if err := q.Sync(); err != nil {
				b.Error(err)
			}
		})
	}
	wg.Wait()
}

// productSpeed returns the operations per second of a large matrix product.
func productSpeed[T device.Float](b *testing.B, dev device.Device) float64 {
	const n = 512
	q := device.NewQueue[T](dev)
	defer q.Close()
	x, y := q.Alloc(n, n), q.Alloc(n, n)
	q.Random(device.Normal, 1, 1, x)
	best := math.Inf(1)
	for range 10 {
		start := time.Now()
		q.Gemm(device.NoTrans, device.NoTrans, 1, x, x, 0, y)
		if err := q.Sync(); err != nil {
			b.Fatal(err)
		}
		best = min(best, time.Since(start).Seconds())
	}
	return 2 * n * n * n / best
}

// Again gives what Batch gives, in the memory of the result before, with
// whatever vectors, sizes with and without a kernel, and after matrices that
// are not finite.
func TestBatchAgain(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		for _, s := range [][3]int{{40, 4, 4}, {3, 5, 2}, {2, 70, 66}} {
			count, m, n := s[0], s[1], s[2]
			first, second := normal[float64](51, count, m*n), normal[float64](52, count, m*n)
			first.Data[len(first.Data)-1] = math.NaN()
			for _, v := range []Vectors{Both, Left, Right, None} {
				o := BatchOptions{Vectors: v}
				r, err := Batch(ctx, dev, first.Data, count, m, n, o)
				if err != nil {
					t.Fatal(err)
				}
				want, err := Batch(ctx, dev, second.Data, count, m, n, o)
				if err != nil {
					t.Fatal(err)
				}
				values := &r.S[0]
				if err := r.Again(ctx, dev, second.Data); err != nil {
					t.Fatal(err)
				}
				same := slices.Equal(r.U, want.U) && slices.Equal(r.S, want.S) && slices.Equal(r.Vt, want.Vt) &&
					slices.Equal(r.Status, want.Status) && slices.Equal(r.ErrorBound, want.ErrorBound)
				if !same || &r.S[0] != values || fmt.Sprint(r.Certificate) != fmt.Sprint(want.Certificate) {
					t.Errorf("%v, vectors %s: another result than that of Batch, or elsewhere", s, v)
				}
				if err := r.Again(ctx, dev, second.Data[1:]); !errors.Is(err, device.ErrShape) {
					t.Errorf("%v: a stack of another size: %v", s, err)
				}
			}
		}
		made := &BatchResult[float64]{Count: 1, M: 1, N: 1}
		for _, r := range []*BatchResult[float64]{nil, made} {
			if err := r.Again(ctx, dev, []float64{1}); !errors.Is(err, device.ErrArgument) {
				t.Errorf("a result that Batch has not made: %v", err)
			}
		}
	})
}
