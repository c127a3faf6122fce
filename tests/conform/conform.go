package conform

import (
	"fmt"
	"math"
	"testing"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/rng"
)

// Run runs the whole suite on dev in both element types.
func Run(t *testing.T, dev device.Device) {
	t.Run("f64", func(t *testing.T) { run[float64](t, dev) })
	t.Run("f32", func(t *testing.T) { run[float32](t, dev) })
}

func run[T device.Float](t *testing.T, dev device.Device) {
	for _, c := range []struct {
		name string
		test func(*testing.T, *bench[T])
	}{
		{"Transfer", testTransfer[T]},
		{"Gemm", testGemm[T]},
		{"GemmLarge", testGemmLarge[T]},
		{"Syrk", testSyrk[T]},
		{"Trsm", testTrsm[T]},
		{"Add", testAdd[T]},
		{"Elementwise", testElementwise[T]},
		{"Map", testMap[T]},
		{"Broadcast", testBroadcast[T]},
		{"Reduce", testReduce[T]},
		{"QR", testQR[T]},
		{"Cholesky", testCholesky[T]},
		{"Eigh", testEigh[T]},
		{"EighRange", testEighRange[T]},
		{"SVD", testSVD[T]},
		{"Random", testRandom[T]},
		{"SoftMin", testSoftMin[T]},
		{"Gibbs", testGibbs[T]},
		{"ScalingStep", testScalingStep[T]},
		{"PairwiseCost", testPairwiseCost[T]},
		{"SymMul", testSymMul[T]},
		{"SymProduct", testSymProduct[T]},
		{"SymApply", testSymApply[T]},
		{"Inverse", testInverse[T]},
		{"Lend", testLend[T]},
		{"Tall", testTall[T]},
		{"Band", testBand[T]},
		{"Sparse", testSparse[T]},
		{"Room", testRoom[T]},
		{"Recast", testRecast[T]},
		{"SoftMinPoints", testSoftMinPoints[T]},
		{"LogStep", testLogStep[T]},
		{"PlanCosts", testPlanCosts[T]},
		{"PlanRows", testPlanRows[T]},
		{"MinTransform", testMinTransform[T]},
		{"Narrow", testNarrow[T]},
		{"SVDBatch", testSVDBatch[T]},
		{"EighBatch", testEighBatch[T]},
		{"Sequence", testSequence[T]},
		{"Precision", testPrecision[T]},
		{"Steps", testSteps[T]},
		{"Tangents", testTangents[T]},
		{"Empty", testEmpty[T]},
		{"Failure", testFailure[T]},
		{"Shapes", testShapes[T]},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := &bench[T]{t: t, q: device.NewQueue[T](dev), eps: device.Epsilon[T]()}
			defer b.q.Close()
			c.test(t, b)
		})
	}
}

// bench is a queue under test with what the tests need around it.
type bench[T device.Float] struct {
	t      *testing.T
	q      device.Queue[T]
	eps    float64
	stream uint64
}

// sizes are small, odd, and on both sides of the widths of vector registers.
var sizes = []int{1, 2, 3, 7, 8, 9, 17, 33, 130}

// random returns an r×c host matrix of normal numbers.
func (b *bench[T]) random(r, c int) device.Dense[T] {
	b.stream++
	a := device.NewDense[T](r, c)
	rng.Normal(2024, b.stream, 0, a.Data)
	return a
}

// put uploads a into a view inside a larger matrix, so that the leading
// dimension exceeds the number of columns. What surrounds the view is NaN: an
// operation that reads beyond its operand shows.
func (b *bench[T]) put(a device.Dense[T]) device.Matrix[T] {
	frame := b.q.Alloc(a.Rows+2, a.Cols+3)
	b.q.Fill(T(math.NaN()), frame)
	m := frame.Slice(1, 1+a.Rows, 2, 2+a.Cols)
	b.q.Upload(m, a)
	return m
}

// blank returns an r×c device view filled with NaN.
func (b *bench[T]) blank(r, c int) device.Matrix[T] {
	a := device.NewDense[T](r, c)
	for i := range a.Data {
		a.Data[i] = T(math.NaN())
	}
	return b.put(a)
}

// get downloads m and fails the test if the queue has failed.
func (b *bench[T]) get(m device.Matrix[T]) device.Dense[T] {
	b.t.Helper()
	a := device.NewDense[T](m.Rows, m.Cols)
	b.q.Download(a, m)
	if err := b.q.Sync(); err != nil {
		b.t.Fatal(err)
	}
	return a
}

// near fails unless every element of got is within tol of want.
func (b *bench[T]) near(what string, got device.Dense[T], want func(i, j int) float64, tol func(i, j int) float64) {
	b.t.Helper()
	for i := range got.Rows {
		for j := range got.Cols {
			g, w := float64(got.At(i, j)), want(i, j)
			if g == w || math.IsNaN(g) && math.IsNaN(w) {
				continue
			}
			if d := math.Abs(g - w); !(d <= tol(i, j)) {
				b.t.Fatalf("%s: element (%d,%d) is %v, want %v (difference %.3g, allowed %.3g)", what, i, j, g, w, d, tol(i, j))
			}
		}
	}
}

func constant(x float64) func(int, int) float64 { return func(int, int) float64 { return x } }

func at[T device.Float](a device.Dense[T]) func(i, j int) float64 {
	return func(i, j int) float64 { return float64(a.At(i, j)) }
}

// op returns op(A) as a function of the indices.
func op[T device.Float](t device.Trans, a device.Dense[T]) func(i, j int) float64 {
	if t == device.Transp {
		return func(i, j int) float64 { return float64(a.At(j, i)) }
	}
	return at(a)
}

func flip(t device.Trans, r, c int) (int, int) {
	if t == device.Transp {
		return c, r
	}
	return r, c
}

// product returns Σₖ a(i,k)·b(k,j) and Σₖ |a(i,k)·b(k,j)|, to which the
// rounding errors of any order of summation are proportional.
func product(a, b func(i, j int) float64, n int) (sum, size func(i, j int) float64) {
	of := func(f func(float64) float64) func(i, j int) float64 {
		return func(i, j int) float64 {
			s := 0.0
			for k := range n {
				s += f(a(i, k) * b(k, j))
			}
			return s
		}
	}
	return of(func(x float64) float64 { return x }), of(math.Abs)
}

// frobenius returns ‖A - B‖_F for functions on an r×c grid.
func frobenius(r, c int, a, b func(i, j int) float64) float64 {
	s := 0.0
	for i := range r {
		for j := range c {
			d := a(i, j) - b(i, j)
			s = math.Hypot(s, d)
		}
	}
	return s
}

func identity(i, j int) float64 {
	if i == j {
		return 1
	}
	return 0
}

func zero(int, int) float64 { return 0 }

func shapeName(dims ...int) string { return fmt.Sprint(dims) }
