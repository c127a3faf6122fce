package conform

import (
	"math"
	"testing"

	"github.com/ritz-go/ritz/goapi/device"
)

func testAdd[T device.Float](t *testing.T, b *bench[T]) {
	none := device.Matrix[T]{}
	for _, r := range []int{1, 8, 33, 70} {
		for _, c := range []int{1, 9, 65} {
			for _, tA := range bothTrans {
				for _, tB := range bothTrans {
					A, B := b.random(flip(tA, r, c)), b.random(flip(tB, r, c))
					m := b.blank(r, c)
					b.q.Add(2, tA, b.put(A), -0.5, tB, b.put(B), m)
					fa, fb := op(tA, A), op(tB, B)
					b.near("Add", b.get(m), func(i, j int) float64 { return 2*fa(i, j) - 0.5*fb(i, j) },
						func(i, j int) float64 { return 2 * b.eps * (2*math.Abs(fa(i, j)) + math.Abs(fb(i, j))) })
				}
				A := b.random(flip(tA, r, c))
				m := b.blank(r, c)
				b.q.Add(3, tA, b.put(A), 7, device.NoTrans, none, m)
				fa := op(tA, A)
				b.near("Add of one term", b.get(m), func(i, j int) float64 { return 3 * fa(i, j) },
					func(i, j int) float64 { return b.eps * 3 * math.Abs(fa(i, j)) })
			}
			A, B := b.random(r, c), b.random(r, c)
			m := b.put(A)
			b.q.Add(1, device.NoTrans, m, 2, device.NoTrans, b.put(B), m)
			b.near("Add onto its first term", b.get(m), func(i, j int) float64 { return float64(A.At(i, j)) + 2*float64(B.At(i, j)) },
				constant(20*b.eps))
			m = b.put(B)
			b.q.Add(1, device.NoTrans, b.put(A), 2, device.NoTrans, m, m)
			b.near("Add onto its second term", b.get(m), func(i, j int) float64 { return float64(A.At(i, j)) + 2*float64(B.At(i, j)) },
				constant(20*b.eps))
		}
	}
	m := b.put(b.random(9, 9))
	before := b.get(m)
	b.q.AddDiag(2.5, m)
	b.near("AddDiag", b.get(m), func(i, j int) float64 { return float64(before.At(i, j)) + 2.5*identity(i, j) }, constant(5*b.eps))
	b.q.Fill(7, m)
	b.near("Fill", b.get(m), constant(7), constant(0))
}

func testElementwise[T device.Float](t *testing.T, b *bench[T]) {
	for _, r := range sizes {
		A, B := b.random(r, 33), b.random(r, 33)
		A.Set(0, 0, 0)
		B.Set(0, 0, 0)
		m := b.blank(r, 33)
		b.q.Mul(b.put(A), b.put(B), m)
		b.near("Mul", b.get(m), func(i, j int) float64 { return float64(A.At(i, j) * B.At(i, j)) }, constant(0))
		b.q.Div(b.put(A), b.put(B), m)
		b.near("Div", b.get(m), func(i, j int) float64 {
			if i == 0 && j == 0 {
				return 0
			}
			return float64(A.At(i, j)) / float64(B.At(i, j))
		}, func(i, j int) float64 { return b.eps * math.Abs(float64(A.At(i, j))/float64(B.At(i, j))) })
		in := b.put(A)
		b.q.Mul(in, in, in)
		b.near("Mul onto itself", b.get(in), func(i, j int) float64 { return float64(A.At(i, j) * A.At(i, j)) }, constant(0))
	}
}

// mathFunc is the reference for Map and its relative error in units of eps.
var mathFunc = map[device.Func]struct {
	f    func(float64) float64
	ulps float64
}{
	device.Abs:    {math.Abs, 0},
	device.Square: {func(x float64) float64 { return x * x }, 1},
	device.Sqrt:   {math.Sqrt, 1},
	device.Inv:    {func(x float64) float64 { return 1 / x }, 1},
	device.Exp:    {math.Exp, 2},
	device.Log:    {math.Log, 3},
	device.Tanh:   {math.Tanh, 4},
	device.Relu:   {func(x float64) float64 { return max(x, 0) }, 0},
	device.Step: {func(x float64) float64 {
		if x > 0 {
			return 1
		}
		return 0
	}, 0},
	device.Gelu:       {func(x float64) float64 { return x / 2 * math.Erfc(-x/math.Sqrt2) }, 16},
	device.GeluPrime:  {func(x float64) float64 { return math.Erfc(-x/math.Sqrt2)/2 + x*density(x) }, 16},
	device.GeluSecond: {func(x float64) float64 { return (2 - x*x) * density(x) }, 16},
	device.InfToZero:  {func(x float64) float64 { return x }, 0},
	device.Softplus:   {func(x float64) float64 { return max(x, 0) + math.Log1p(math.Exp(-math.Abs(x))) }, 8},
	device.Logistic:   {func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }, 8},
	device.Sin:        {math.Sin, 4},
	device.Cos:        {math.Cos, 4},
}

func density(x float64) float64 { return math.Exp(-x*x/2) / math.Sqrt(2*math.Pi) }

func testMap[T device.Float](t *testing.T, b *bench[T]) {
	for f, ref := range mathFunc {
		for _, c := range []int{1, 7, 8, 9, 16, 17, 1000} {
			A := b.random(3, c)
			for j := range c { // one row over a wide range
				A.Set(2, j, T(15*float64(A.At(2, j))))
				if f == device.Sqrt || f == device.Log {
					for i := range 3 {
						A.Set(i, j, max(A.At(i, j), -A.At(i, j)))
					}
				}
			}
			m := b.put(A)
			b.q.Map(f, m, m)
			b.near("Map", b.get(m), func(i, j int) float64 { return ref.f(float64(A.At(i, j))) },
				func(i, j int) float64 {
					// Absolute eps for functions that cross zero away from 0.
					w := math.Abs(ref.f(float64(A.At(i, j))))
					if f == device.GeluPrime || f == device.GeluSecond || f == device.Gelu || f == device.Sin || f == device.Cos {
						w = max(w, 1)
					}
					if f == device.Log {
						w = max(w, b.eps)
					}
					return ref.ulps * b.eps * w
				})
		}
	}
	inf := T(math.Inf(1))
	nan := T(math.NaN())
	special := device.Vector([]T{nan, inf, -inf, 0})
	for f, want := range map[device.Func][4]float64{
		device.Exp:       {math.NaN(), math.Inf(1), 0, 1},
		device.Log:       {math.NaN(), math.Inf(1), math.NaN(), math.Inf(-1)},
		device.Tanh:      {math.NaN(), 1, -1, 0},
		device.Inv:       {math.NaN(), 0, 0, math.Inf(1)},
		device.Relu:      {math.NaN(), math.Inf(1), 0, 0},
		device.Step:      {math.NaN(), 1, 0, 0},
		device.InfToZero: {math.NaN(), 0, 0, 0},
		device.Softplus:  {math.NaN(), math.Inf(1), 0, math.Ln2},
		device.Logistic:  {math.NaN(), 1, 0, 0.5},
		device.Sin:       {math.NaN(), math.NaN(), math.NaN(), 0},
		device.Cos:       {math.NaN(), math.NaN(), math.NaN(), 1},
		device.Abs:       {math.NaN(), math.Inf(1), math.Inf(1), 0},
		device.Sqrt:      {math.NaN(), math.Inf(1), math.NaN(), 0},
	} {
		m := b.put(special)
		b.q.Map(f, m, m)
		got := b.get(m).Row(0)
		for j, w := range want {
			if g := float64(got[j]); g != float64(T(w)) && !(math.IsNaN(g) && math.IsNaN(w)) {
				t.Errorf("function %d of %v is %v, want %v", f, special.Data[j], g, w)
			}
		}
	}
}

// vectors returns v as a row and as a strided column.
func (b *bench[T]) vectors(v device.Dense[T]) []device.Matrix[T] {
	return []device.Matrix[T]{b.put(v), b.put(v.T())}
}

func testBroadcast[T device.Float](t *testing.T, b *bench[T]) {
	for _, r := range sizes {
		for _, c := range []int{1, 9, 40} {
			A := b.random(r, c)
			for _, x := range []device.Axis{device.PerRow, device.PerCol} {
				n := r
				if x == device.PerCol {
					n = c
				}
				v := b.random(1, n)
				pick := func(i, j int) float64 {
					if x == device.PerRow {
						return float64(v.At(0, i))
					}
					return float64(v.At(0, j))
				}
				for _, d := range b.vectors(v) {
					m := b.blank(r, c)
					b.q.ScaleBy(x, d, b.put(A), m)
					b.near("ScaleBy", b.get(m), func(i, j int) float64 { return float64(T(pick(i, j)) * A.At(i, j)) }, constant(0))
					in := b.put(A)
					b.q.AddBy(x, -2, d, in, in)
					b.near("AddBy", b.get(in), func(i, j int) float64 { return float64(A.At(i, j)) - 2*pick(i, j) },
						func(i, j int) float64 { return b.eps * (math.Abs(float64(A.At(i, j))) + 4*math.Abs(pick(i, j))) })
				}
			}
		}
	}
}

func testReduce[T device.Float](t *testing.T, b *bench[T]) {
	kinds := map[device.Reduction]struct {
		start float64
		add   func(s, v float64) float64
	}{
		device.Sum:        {0, func(s, v float64) float64 { return s + v }},
		device.SumSquares: {0, func(s, v float64) float64 { return s + v*v }},
		device.SumAbs:     {0, func(s, v float64) float64 { return s + math.Abs(v) }},
		device.Max:        {math.Inf(-1), math.Max},
		device.Min:        {math.Inf(1), math.Min},
		device.MaxAbs:     {0, func(s, v float64) float64 { return math.Max(s, math.Abs(v)) }},
	}
	for _, s := range [][2]int{{1, 1}, {1, 130}, {130, 1}, {7, 33}, {33, 7}, {200, 300}, {700, 100}, {1100, 60}, {0, 4}, {4, 0}} {
		r, c := s[0], s[1]
		A := b.random(r, c)
		for kind, ref := range kinds {
			fold := func(rows, cols, i0, j0 int) float64 {
				x := ref.start
				for i := range rows {
					for j := range cols {
						x = ref.add(x, float64(A.At(i0+i, j0+j)))
					}
				}
				return x
			}
			// float64 accumulation, then one rounding; |terms| are below 25.
			tol := constant(float64(r*c+1)*25*0x1p-52 + b.eps*25*math.Sqrt(float64(r*c+1)))
			for _, out := range []device.Matrix[T]{b.blank(1, r), b.blank(r, 1)} {
				b.q.Reduce(kind, device.PerRow, b.put(A), out)
				b.near("Reduce rows", b.get(out), func(i, j int) float64 { return fold(1, c, max(i, j), 0) }, tol)
			}
			for _, out := range []device.Matrix[T]{b.blank(1, c), b.blank(c, 1)} {
				b.q.Reduce(kind, device.PerCol, b.put(A), out)
				b.near("Reduce columns", b.get(out), func(i, j int) float64 { return fold(r, 1, 0, max(i, j)) }, tol)
			}
			out := b.blank(1, 1)
			b.q.Reduce(kind, device.Whole, b.put(A), out)
			b.near("Reduce all", b.get(out), func(_, _ int) float64 { return fold(r, c, 0, 0) },
				constant(float64(r*c+1)*25*0x1p-52*float64(r*c+1)+b.eps*2*float64(r*c+1)))
		}
		b.dot(A, b.random(r, c))
	}
	A := b.random(5, 40)
	A.Set(3, 20, T(math.NaN()))
	for kind := range kinds {
		out := b.blank(1, 5)
		b.q.Reduce(kind, device.PerRow, b.put(A), out)
		for i, v := range b.get(out).Row(0) {
			if (v != v) != (i == 3) {
				t.Errorf("reduction %d of row %d is %v; NaN stands in row 3", kind, i, v)
			}
		}
	}
	// Float32 sums must not lose small terms: 2²⁴ + 1 + 1 + ….
	ones := device.NewDense[T](1, 1<<12)
	for j := range ones.Data {
		ones.Data[j] = 1
	}
	ones.Data[0] = 1 << 24
	out := b.blank(1, 1)
	b.q.Reduce(device.Sum, device.PerRow, b.put(ones), out)
	if got := float64(b.get(out).At(0, 0)); math.Abs(got-(1<<24+1<<12-1)) > 1 {
		t.Errorf("sum is %v, want %v: not accumulated in float64", got, 1<<24+1<<12-1)
	}
}

// dot tests Dot along every axis.
func (b *bench[T]) dot(A, B device.Dense[T]) {
	b.t.Helper()
	r, c := A.Rows, A.Cols
	sum := func(i0, i1, j0, j1 int) float64 {
		x := 0.0
		for i := i0; i < i1; i++ {
			for j := j0; j < j1; j++ {
				x += float64(A.At(i, j)) * float64(B.At(i, j))
			}
		}
		return x
	}
	for _, axis := range []struct {
		x    device.Axis
		n    int
		want func(i, j int) float64
	}{
		{device.PerRow, r, func(_, i int) float64 { return sum(i, i+1, 0, c) }},
		{device.PerCol, c, func(_, j int) float64 { return sum(0, r, j, j+1) }},
		{device.Whole, 1, func(_, _ int) float64 { return sum(0, r, 0, c) }},
	} {
		out := b.blank(1, axis.n)
		b.q.Dot(axis.x, b.put(A), b.put(B), out)
		// float64 accumulation, then one rounding; |terms| are below 25.
		b.near("Dot", b.get(out), axis.want, constant(float64(r*c+1)*25*0x1p-52+b.eps*25*math.Sqrt(float64(r*c+1))))
	}
}
