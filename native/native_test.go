package native

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"
)

func eps[T Float]() float64 {
	var zero T
	if _, ok := any(zero).(float32); ok {
		return 0x1p-23
	}
	return 0x1p-52
}

// atEveryLevel runs f at all levels of this processor and restores the best.
func atEveryLevel(t *testing.T, f func(t *testing.T)) {
	best := Level()
	defer SetLevel(best)
	for _, l := range Levels() {
		if !SetLevel(l) {
			t.Fatalf("level %s is listed but cannot be set", l)
		}
		t.Run(l, f)
	}
	if SetLevel("v9") {
		t.Error("level v9 exists")
	}
}

func random[T Float](r *rand.Rand, n int, scale float64) []T {
	x := make([]T, n)
	for i := range x {
		x[i] = T(scale * r.NormFloat64())
	}
	return x
}

// Lengths on both sides of every vector width and strip size.
var lengths = []int{1, 2, 3, 4, 7, 8, 9, 15, 16, 17, 31, 33, 63, 65, 255, 256, 257, 300, 1000}

func TestKernelsMatchPlainGo(t *testing.T) {
	atEveryLevel(t, func(t *testing.T) {
		t.Run("f32", testKernels[float32])
		t.Run("f64", testKernels[float64])
	})
}

func testKernels[T Float](t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	nan := T(math.NaN())
	for _, m := range []int{1, 7, 8, 9, 20} {
		for _, n := range lengths {
			ldc := n + 3
			for _, ε := range []float64{1, 0.05} {
				c := random[T](r, m*ldc, 1)
				f, g := random[T](r, m, 1), random[T](r, n, 1)
				g[n/2] = T(math.Inf(-1))
				compare := func(what string, tol float64, got, want []T) {
					t.Helper()
					for i := range want {
						a, b := float64(got[i]), float64(want[i])
						if a != b && !(math.IsNaN(a) && math.IsNaN(b)) && !(math.Abs(a-b) <= tol*max(1, math.Abs(b))) {
							t.Fatalf("%s m=%d n=%d ε=%v: element %d is %v, want %v", what, m, n, ε, i, a, b)
						}
					}
				}
				// The exponent (g-C)/ε carries a rounding error of eps·8/ε,
				// which ε·log turns back into 8·eps; sums add √n·eps.
				tol := eps[T]() * (16 + 2*math.Sqrt(float64(n)))
				got, want := make([]T, m), make([]T, m)
				SoftMinRows(m, n, T(ε), c, ldc, g, got)
				softMinRowsGo(m, n, T(ε), c, ldc, g, want)
				compare("SoftMinRows", tol, got, want)

				got, want = make([]T, n), make([]T, n)
				SoftMinCols(m, n, T(ε), c, ldc, f, got)
				softMinColsGo(m, n, T(ε), c, ldc, f, want)
				compare("SoftMinCols", tol, got, want)

				got, want = make([]T, m), make([]T, m)
				MinRows(m, n, c, ldc, g, got)
				minRowsGo(m, n, c, ldc, g, want)
				compare("MinRows", 0, got, want)
				got, want = random[T](r, n, 1), make([]T, n)
				copy(want, got)
				MinCols(m, n, c, ldc, f, got)
				minColsGo(m, n, c, ldc, f, want)
				compare("MinCols", 0, got, want)

				a, b := random[T](r, m*ldc, 1), random[T](r, m*ldc, 1)
				copy(b, a) // what stands between the rows must stay
				Gibbs(m, n, T(ε), f, g, c, ldc, a, ldc)
				gibbsGo(m, n, T(ε), f, g, c, ldc, b, ldc)
				for i := range a {
					// Relative error of the exponential of an exponent up to 10/ε.
					d := math.Abs(float64(a[i]) - float64(b[i]))
					if a[i] != b[i] && !(d <= eps[T]()*(4+20/ε)*math.Abs(float64(b[i]))+smallestNormal[T]()) {
						t.Fatalf("Gibbs m=%d n=%d: element %d is %v, want %v", m, n, i, a[i], b[i])
					}
				}

				k := make([]T, m*ldc)
				for i := range k {
					k[i] = T(r.Float64())
				}
				weights := random[T](r, m, 1)
				weights[0] = 0
				for j := range n {
					k[j] = 0 // row 0 and its weight are zero: 0/0 = 0
				}
				v := make([]T, n)
				for j := range v {
					v[j] = T(0.5 + r.Float64())
				}
				u1, u2, s1, s2 := make([]T, m), make([]T, m), make([]T, n), make([]T, n)
				ScalingStep(m, n, k, ldc, weights, v, u1, s1)
				scalingStepGo(m, n, k, ldc, weights, v, u2, s2)
				compare("ScalingStep u", eps[T]()*float64(n+8), u1, u2)
				// u can be as large as |a|/min row sum; s adds m such terms.
				size := 1.0
				for _, x := range u2 {
					size += math.Abs(float64(x))
				}
				compare("ScalingStep s", eps[T]()*float64(n+m+8)*size, s1, s2)
			}
			testProducts[T](t, r, m, n)
			d := 1 + n%5
			x, yt := random[T](r, m*(d+1), 1), random[T](r, d*n, 1)
			for p := 1; p <= 2; p++ {
				a, b := make([]T, m*(n+1)), make([]T, m*(n+1))
				PairwiseCost(m, n, d, p, x, d+1, yt, a, n+1)
				pairwiseCostGo(m, n, d, p, x, d+1, yt, b, n+1)
				for i := range a {
					if d := math.Abs(float64(a[i]) - float64(b[i])); d > 8*eps[T]()*float64(b[i]) {
						t.Fatalf("PairwiseCost p=%d: %v, want %v", p, a[i], b[i])
					}
				}
			}
		}
	}
	testMinNaN[T](t, r)
	// NaN reaches exactly the rows and columns that hold it; a row without
	// terms gives +Inf.
	c := random[T](r, 20*40, 1)
	c[5*40+17] = nan
	g, f := random[T](r, 40, 1), random[T](r, 20, 1)
	rows, cols := make([]T, 20), make([]T, 40)
	SoftMinRows(20, 40, 1, c, 40, g, rows)
	SoftMinCols(20, 40, 1, c, 40, f, cols)
	for i, v := range rows {
		if (v != v) != (i == 5) {
			t.Errorf("row %d of SoftMinRows is %v; NaN stands in row 5", i, v)
		}
	}
	for j, v := range cols {
		if (v != v) != (j == 17) {
			t.Errorf("column %d of SoftMinCols is %v; NaN stands in column 17", j, v)
		}
	}
	for j := range g {
		g[j] = T(math.Inf(-1))
	}
	SoftMinRows(1, 40, 1, c, 40, g, rows[:1])
	if !math.IsInf(float64(rows[0]), 1) {
		t.Errorf("soft minimum over nothing is %v", rows[0])
	}
	for i := range f {
		f[i] = T(math.Inf(-1))
	}
	SoftMinCols(5, 40, 1, c, 40, f[:5], cols)
	if !math.IsInf(float64(cols[0]), 1) {
		t.Errorf("soft minimum over nothing is %v", cols[0])
	}
}

// testProducts compares with sums in float64; n·eps·Σ|terms| bounds the
// rounding errors of sums in any order.
func testProducts[T Float](t *testing.T, r *rand.Rand, m, n int) {
	t.Helper()
	lda := n + 2
	a, x, z := random[T](r, m*lda, 1), random[T](r, n, 1), random[T](r, m, 1)
	check := func(what string, got []T, terms int, term func(i, k int) float64) {
		t.Helper()
		for i, g := range got {
			sum, size := 0.0, 0.0
			for k := range terms {
				sum += term(i, k)
				size += math.Abs(term(i, k))
			}
			if d := math.Abs(float64(g) - sum); !(d <= eps[T]()*float64(terms)*size) {
				t.Fatalf("%s m=%d n=%d: element %d is %v, want %v", what, m, n, i, g, sum)
			}
		}
	}
	y := make([]T, m)
	MatVec(m, n, a, lda, x, y)
	check("MatVec", y, n, func(i, k int) float64 { return float64(a[i*lda+k]) * float64(x[k]) })
	y = make([]T, n)
	y[0] = 3
	VecMat(m, n, a, lda, z, y)
	check("VecMat", y, m+1, func(j, k int) float64 {
		if k == m {
			return []float64{3, 0}[min(j, 1)]
		}
		return float64(z[k]) * float64(a[k*lda+j])
	})
	if m > 1 {
		return // the symmetric product depends on n alone
	}
	a = random[T](r, n*lda, 1) // the upper triangle must not be read
	y = make([]T, n)
	for lo := 0; lo < n; lo += 7 {
		SymVec(lo, min(n, lo+7), a, lda, x, y)
	}
	check("SymVec", y, n, func(i, k int) float64 { return float64(a[max(i, k)*lda+min(i, k)]) * float64(x[k]) })
}

func TestTall(t *testing.T) {
	atEveryLevel(t, func(t *testing.T) {
		t.Run("f32", testTall[float32])
		t.Run("f64", testTall[float64])
	})
}

// testTall compares with sums in the plain order. Both sum m·n terms in
// float64; a float32 result is rounded once more.
func testTall[T Float](t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	for _, n := range []int{1, 2, 7, 8, 9, 16, 31, 33, 64, 70} {
		for _, m := range []int{n, 95, 96, 97, 300} {
			k, lda := max(1, n/2), n+1
			a := random[T](r, m*lda, 1)
			for _, x := range []Small{{}, NewSmall(n, n)} {
				for i := range x.Rows {
					for j := i; j < n; j++ {
						x.Data[i*x.LD+j] = r.NormFloat64() / float64(n)
					}
				}
				ax := make([]float64, m*n) // A·X
				for i := range m {
					tallRow(n, a[i*lda:], x.Data, x.LD, ax[i*n:(i+1)*n])
				}
				q := func(i, j int) float64 { return ax[i*n+j] }
				g, y := NewSmall(n, n), NewSmall(n, k)
				for i := range n {
					for j := range k {
						y.Data[i*y.LD+j] = r.NormFloat64()
					}
				}
				g.Data[0] = 5
				TallGram(m, n, a, lda, x, g, make([]float64, TallWork(n)))
				for i := range n {
					for j := i; j < n; j++ {
						want, size := 0.0, 0.0
						if i == 0 && j == 0 {
							want, size = 5, 5
						}
						for l := range m {
							want += q(l, i) * q(l, j)
							size += math.Abs(q(l, i) * q(l, j))
						}
						if d := math.Abs(g.Data[i*g.LD+j] - want); !(d <= 0x1p-52*float64(m+n+n)*(size+1)) {
							t.Fatalf("TallGram m=%d n=%d: (%d,%d) is off by %g", m, n, i, j, d)
						}
					}
				}
				u := make([]T, m*(k+2))
				c := TallCheck{W: make([]float64, n*TallProbes), Z: make([]float64, k*TallProbes),
					Gram: NewSmall(k, k), Squares: make([]float64, TallProbes)}
				for _, p := range [][]float64{c.W, c.Z} {
					for i := range p {
						p[i] = r.NormFloat64()
					}
				}
				TallMul(m, n, k, a, lda, x, y, u, k+2, c, make([]float64, TallWork(n)))
				testTallCheck(t, m, n, k, a, lda, u, k+2, c)
				plain := make([]T, m*(k+2))
				TallMul(m, n, k, a, lda, x, y, plain, k+2, TallCheck{}, make([]float64, TallWork(n)))
				if !slices.Equal(plain, u) {
					t.Fatalf("TallMul m=%d n=%d: another result without a check", m, n)
				}
				for i := range m {
					for j := range k + 2 {
						want, size := 0.0, 0.0
						for l := 0; l < n && j < k; l++ {
							want += q(i, l) * y.Data[l*y.LD+j]
							size += math.Abs(q(i, l) * y.Data[l*y.LD+j])
						}
						if d := math.Abs(float64(u[i*(k+2)+j]) - want); !(d <= (eps[T]()+0x1p-52*float64(2*n))*(size+1)) {
							t.Fatalf("TallMul m=%d n=%d: (%d,%d) is off by %g", m, n, i, j, d)
						}
					}
				}
			}
		}
	}
}

// testTallCheck compares what TallMul measured of its result u with u.
func testTallCheck[T Float](t *testing.T, m, n, k int, a []T, lda int, u []T, ldu int, c TallCheck) {
	t.Helper()
	at := func(i, j int) float64 { return float64(u[i*ldu+j]) }
	for i := range k {
		for j := i; j < k; j++ {
			want, size := 0.0, 0.0
			for l := range m {
				want += at(l, i) * at(l, j)
				size += math.Abs(at(l, i) * at(l, j))
			}
			if d := math.Abs(c.Gram.Data[i*c.Gram.LD+j] - want); !(d <= 0x1p-52*float64(m)*size) {
				t.Fatalf("TallMul m=%d n=%d: (%d,%d) of the check's Gram matrix is off by %g", m, n, i, j, d)
			}
		}
	}
	for p, got := range c.Squares {
		want, size := 0.0, 0.0
		for i := range m {
			d, s := 0.0, 0.0
			for j := range n {
				d += float64(a[i*lda+j]) * c.W[j*TallProbes+p]
				s += math.Abs(float64(a[i*lda+j]) * c.W[j*TallProbes+p])
			}
			for j := range k {
				d -= at(i, j) * c.Z[j*TallProbes+p]
				s += math.Abs(at(i, j) * c.Z[j*TallProbes+p])
			}
			want += d * d
			size += s * s
		}
		if d := math.Abs(got - want); !(d <= 0x1p-52*float64(m+2*n+2*k)*size) {
			t.Fatalf("TallMul m=%d n=%d: sum of squares %d of the check is off by %g", m, n, p, d)
		}
	}
}

// A NaN reaches the minima of its row and its column and no other.
func testMinNaN[T Float](t *testing.T, r *rand.Rand) {
	const m, n = 6, 41
	for _, at := range []int{0, 17, 33, 40} {
		c := random[T](r, m*n, 1)
		c[3*n+at] = T(math.NaN())
		rows, cols := make([]T, m), make([]T, n)
		for j := range cols {
			cols[j] = T(math.Inf(1))
		}
		MinRows(m, n, c, n, make([]T, n), rows)
		MinCols(m, n, c, n, make([]T, m), cols)
		for i, v := range rows {
			if (v != v) != (i == 3) {
				t.Errorf("minimum %d of the rows is %v; NaN stands in row 3", i, v)
			}
		}
		for j, v := range cols {
			if (v != v) != (j == at) {
				t.Errorf("minimum %d of the columns is %v; NaN stands in column %d", j, v, at)
			}
		}
	}
}

func TestElementaryFunctions(t *testing.T) {
	atEveryLevel(t, func(t *testing.T) {
		t.Run("f32", testElementary[float32])
		t.Run("f64", testElementary[float64])
	})
}

func testElementary[T Float](t *testing.T) {
	lo, hi, smallest := -708.0, 709.4, 0x1p-1022 // Go's own Exp overflows at 709.5 on amd64
	if eps[T]() > 1e-10 {
		lo, hi, smallest = -87.3, 88.7, 0x1p-126
	}
	r := rand.New(rand.NewPCG(3, 4))
	x := make([]T, 20001)
	for i := range x {
		x[i] = T(lo + (hi-lo)*r.Float64())
		if i%3 == 0 {
			x[i] = T(r.NormFloat64() * math.Pow(10, -8*r.Float64()))
		}
	}
	y := make([]T, len(x))
	Exp(x, y)
	worst := 0.0
	for i, v := range x {
		// Float64 results are held against 100-bit ones on a sample: the
		// standard library's own error is up to 1 ulp.
		var want float64
		if eps[T]() < 1e-10 {
			if i%20 != 0 {
				continue
			}
			e := bigExp(float64(v))
			d, _ := new(big.Float).Sub(e, big.NewFloat(float64(y[i]))).Float64()
			want, _ = e.Float64()
			worst = max(worst, math.Abs(d)/ulp[T](want))
			continue
		}
		if want = math.Exp(float64(v)); want >= smallest {
			worst = max(worst, math.Abs(float64(y[i])-want)/ulp[T](want))
		}
	}
	limit := 1.0
	if Level() == "go" {
		limit = 1.5 // the standard library, not ours
	}
	if eps[T]() > 1e-10 {
		limit = 1.5
	}
	if worst > limit {
		t.Errorf("exp is up to %.3f ulp off, want at most %v", worst, limit)
	}
	t.Logf("exp: %.3f ulp", worst)

	Tanh(x, y)
	worst = 0
	for i, v := range x {
		want := math.Tanh(float64(v))
		worst = max(worst, math.Abs(float64(y[i])-want)/ulp[T](want))
	}
	if worst > 3 { // of which the reference may have 1
		t.Errorf("tanh is up to %.3f ulp off", worst)
	}
	t.Logf("tanh: %.3f ulp", worst)

	inf := T(math.Inf(1))
	for f, cases := range map[string][][2]float64{
		"exp":  {{math.Inf(1), math.Inf(1)}, {math.Inf(-1), 0}, {math.NaN(), math.NaN()}, {0, 1}, {-1e4, 0}, {1e4, math.Inf(1)}},
		"tanh": {{math.Inf(1), 1}, {math.Inf(-1), -1}, {math.NaN(), math.NaN()}, {0, 0}, {1e4, 1}},
	} {
		for _, c := range cases {
			in, out := []T{T(c[0]), 1, inf}, make([]T, 3)
			if f == "exp" {
				Exp(in, out)
			} else {
				Tanh(in, out)
			}
			if g := float64(out[0]); g != c[1] && !(math.IsNaN(g) && math.IsNaN(c[1])) {
				t.Errorf("%s(%v) = %v", f, c[0], g)
			}
		}
	}
}

// smallestNormal is where the C kernels flush to zero.
func smallestNormal[T Float]() float64 {
	if eps[T]() > 1e-10 {
		return 0x1p-126
	}
	return 0x1p-1022
}

func ulp[T Float](x float64) float64 {
	_, e := math.Frexp(x)
	return math.Ldexp(eps[T](), e-1)
}

// bigExp returns eˣ to about 100 bits, by Taylor's series of x/2¹² and
// squaring.
func bigExp(x float64) *big.Float {
	const prec, halvings = 160, 12
	r := new(big.Float).SetPrec(prec).SetFloat64(x)
	r.SetMantExp(r, -halvings)
	sum := new(big.Float).SetPrec(prec).SetInt64(1)
	term := new(big.Float).SetPrec(prec).SetInt64(1)
	for k := int64(1); k < 60; k++ {
		term.Mul(term, r)
		term.Quo(term, new(big.Float).SetInt64(k))
		sum.Add(sum, term)
	}
	for range halvings {
		sum.Mul(sum, sum)
	}
	return sum
}

func TestWrongLengthsPanic(t *testing.T) {
	for i, f := range []func(){
		func() { Exp(make([]float64, 3), make([]float64, 2)) },
		func() { SoftMinRows(2, 3, 1, make([]float64, 5), 3, make([]float64, 3), make([]float64, 2)) },
		func() { SoftMinCols(2, 3, 1, make([]float64, 6), 2, make([]float64, 2), make([]float64, 3)) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("call %d did not panic", i)
				}
			}()
			f()
		}()
	}
}

func BenchmarkKernels(b *testing.B) {
	const n = 2000
	r := rand.New(rand.NewPCG(5, 6))
	c := make([]float64, n*n)
	for i := range c {
		c[i] = r.Float64()
	}
	g, out := make([]float64, n), make([]float64, n)
	v := random[float64](r, n, 1)
	best := Level()
	defer SetLevel(best)
	for _, l := range Levels() {
		SetLevel(l)
		for name, f := range map[string]func(){
			"SoftMinRows": func() { SoftMinRows(n, n, 0.01, c, n, g, out) },
			"SoftMinCols": func() { SoftMinCols(n, n, 0.01, c, n, g, out) },
			"ScalingStep": func() { ScalingStep(n, n, c, n, g, v, out, make([]float64, n)) },
		} {
			b.Run(fmt.Sprintf("%s/%s/f64/%dx%d", name, l, n, n), func(b *testing.B) {
				for b.Loop() {
					f()
				}
				b.ReportMetric(float64(b.N)*n*n/b.Elapsed().Seconds()/1e9, "Gelem/s")
			})
		}
	}
}
