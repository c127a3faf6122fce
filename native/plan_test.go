package native

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
)

func TestPlanKernelsMatchPlainGo(t *testing.T) {
	atEveryLevel(t, func(t *testing.T) {
		t.Run("f32", testPlanKernels[float32])
		t.Run("f64", testPlanKernels[float64])
	})
}

// within checks that got is want up to tol times the larger of 1 and |want|.
func within[T Float](t *testing.T, what string, tol float64, got, want []T) {
	t.Helper()
	for i := range want {
		a, b := float64(got[i]), float64(want[i])
		if a != b && !(math.IsNaN(a) && math.IsNaN(b)) && !(math.Abs(a-b) <= tol*max(1, math.Abs(b))) {
			t.Fatalf("%s: element %d is %v, want %v", what, i, a, b)
		}
	}
}

func testPlanKernels[T Float](t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for _, m := range []int{1, 3, 4, 5, 8, 21} {
		for _, n := range lengths {
			for _, ε := range []float64{1, 0.05} {
				ldc := n + 3
				c, g, a := random[T](r, m*ldc, 1), random[T](r, n, 1), make([]T, m)
				g[n/2] = T(math.Inf(-1))
				c[n/3] = T(math.Inf(1))
				for i := range a {
					a[i] = T(r.Float64())
				}
				a[m/2] = 0
				name := fmt.Sprintf("%d×%d, ε = %v", m, n, ε)
				f, s := make([]T, m), make([]T, n)
				wantF, wantS := make([]T, m), make([]T, n)
				var got, want Entries[T]
				least := T(1e-3)
				LogStep(m, n, T(ε), c, ldc, g, a, f, s, least, &got)
				logStepGo(m, n, T(ε), c, ldc, g, a, wantF, wantS, least, newEntries[T](m, &want))
				// Exponents of up to 8/ε carry errors of eps·8/ε, which ε·log
				// turns back into 8·eps.
				within(t, "LogStep "+name+": f", eps[T]()*(16+2*math.Sqrt(float64(n))), f, wantF)
				within(t, "LogStep "+name+": sums", eps[T]()*(40/ε+float64(n+m)), s, wantS)
				compareEntries(t, name, got, want, n, float64(least), eps[T]()*(40/ε+float64(n)))

				s2 := make([]T, n)
				LogStep(m, n, T(ε), c, ldc, g, a, f, s2, 0, nil)
				within(t, "LogStep "+name+" without entries", 0, s2, s)
			}
		}
	}
	for _, m := range []int{1, 5, 6, 7, 40} {
		for _, n := range []int{1, 17, 100, 1023, 1024, 1025, 2500} {
			for _, d := range []int{1, 2, 5, 33} {
				ldx, ldy := d+1, d+2
				x, y, g := random[T](r, m*ldx, 1), random[T](r, n*ldy, 1), random[T](r, n, 1)
				g[n/2] = T(math.Inf(-1))
				if m > 5 {
					x[5*ldx] = T(math.NaN())
				}
				for p := 1; p <= 2; p++ {
					for _, products := range []bool{false, true}[:p] {
						for _, ε := range []float64{1, 0.05} {
							got, want := make([]T, m), make([]T, m)
							SoftMinPoints(m, n, d, p, products, T(ε), x, ldx, y, ldy, g, got)
							softMinPointsGo(m, n, d, p, T(ε), x, ldx, y, ldy, g, want)
							within(t, fmt.Sprintf("SoftMinPoints %d, %d in %d dimensions, p = %d, products %v, ε = %v", m, n, d, p, products, ε),
								eps[T]()*(float64(16+20*d)+2*math.Sqrt(float64(n))), got, want)
						}
					}
				}
			}
		}
	}
}

func newEntries[T Float](m int, e *Entries[T]) *Entries[T] {
	e.Ends = make([]int64, m)
	return e
}

// compareEntries allows entries to differ that are within tol of the threshold.
func compareEntries[T Float](t *testing.T, name string, got, want Entries[T], n int, least, tol float64) {
	t.Helper()
	dense := func(e Entries[T]) []float64 {
		d, k := make([]float64, len(e.Ends)*n), 0
		for i, end := range e.Ends {
			for ; k < int(end); k++ {
				d[i*n+int(e.Cols[k])] = float64(e.Vals[k])
			}
		}
		if k != len(e.Cols) || k != len(e.Vals) {
			t.Fatalf("%s: %d entries up to the last row, of %d", name, k, len(e.Cols))
		}
		return d
	}
	d, w := dense(got), dense(want)
	for i := range w {
		if (d[i] == 0) != (w[i] == 0) && math.Abs(max(d[i], w[i])-least) <= tol*least {
			continue
		}
		if !(math.Abs(d[i]-w[i]) <= tol*w[i]) {
			t.Fatalf("%s: entry %d is %v, want %v", name, i, d[i], w[i])
		}
	}
}

func BenchmarkPlanKernels(b *testing.B) {
	b.Run("f32", benchPlan[float32])
	b.Run("f64", benchPlan[float64])
}

func benchPlan[T Float](b *testing.B) {
	const n, rows = 4000, 400
	r := rand.New(rand.NewPCG(5, 6))
	c := make([]T, rows*n)
	for i := range c {
		c[i] = T(r.Float64())
	}
	g, a, f, s, out := make([]T, n), make([]T, rows), make([]T, rows), make([]T, n), make([]T, rows)
	x, y := random[T](r, rows*64, 1), random[T](r, n*64, 1)
	for i := range a {
		a[i] = 1. / rows
	}
	var e Entries[T]
	best := Level()
	defer SetLevel(best)
	for _, l := range Levels() {
		SetLevel(l)
		for name, f := range map[string]func(){
			"LogStep":                 func() { LogStep(rows, n, 0.01, c, n, g, a, f, s, 0, nil) },
			"LogStepEntries":          func() { LogStep(rows, n, 0.01, c, n, g, a, f, s, 1e-6, &e) },
			"SoftMinRows":             func() { SoftMinRows(rows, n, 0.01, c, n, g, out) },
			"SoftMinPoints/d=2":       func() { SoftMinPoints(rows, n, 2, 2, false, 0.01, x, 64, y, 64, g, out) },
			"SoftMinPoints/d=4":       func() { SoftMinPoints(rows, n, 4, 2, false, 0.01, x, 64, y, 64, g, out) },
			"SoftMinPoints/d=8":       func() { SoftMinPoints(rows, n, 8, 2, true, 0.01, x, 64, y, 64, g, out) },
			"SoftMinPoints/d=64":      func() { SoftMinPoints(rows, n, 64, 2, true, 0.01, x, 64, y, 64, g, out) },
			"SoftMinPoints/d=64/diff": func() { SoftMinPoints(rows, n, 64, 2, false, 0.01, x, 64, y, 64, g, out) },
		} {
			b.Run(name+"/"+l, func(b *testing.B) {
				for b.Loop() {
					f()
				}
				b.ReportMetric(float64(b.N)*rows*n/b.Elapsed().Seconds()/1e9, "Gelem/s")
			})
		}
	}
}

// The exponential in LogStep is that of Exp: 1 ulp in float64, 1.5 in float32.
// Beside one element of 1 all others are so small that the row sums to 1 to
// the last digit and the plan holds the exponentials themselves.
func TestPlanExponential(t *testing.T) {
	atEveryLevel(t, func(t *testing.T) {
		t.Run("f32", func(t *testing.T) { testPlanExponential[float32](t, -87.3, -36, 1.5) })
		t.Run("f64", func(t *testing.T) { testPlanExponential[float64](t, -708, -50, 1) })
	})
}

func testPlanExponential[T Float](t *testing.T, lo, hi, limit float64) {
	if Level() == "go" {
		limit = 1.5 // the standard library's
	}
	r := rand.New(rand.NewPCG(7, 8))
	x := make([]T, 4001)
	for j := range x[1:] {
		x[j+1] = T(lo + (hi-lo)*r.Float64())
	}
	s, f := make([]T, len(x)), make([]T, 1)
	LogStep(1, len(x), 1, make([]T, len(x)), len(x), x, []T{1}, f, s, 0, nil)
	if s[0] != 1 || math.Abs(float64(f[0])) > ulp[T](1)/4 { // pure Go sums in float64
		t.Fatalf("the row sums to %v, its potential is %v", s[0], f[0])
	}
	worst := 0.0
	for j := 1; j < len(x); j++ {
		e := bigExp(float64(x[j]))
		d, _ := new(big.Float).Sub(e, big.NewFloat(float64(s[j]))).Float64()
		want, _ := e.Float64()
		worst = max(worst, math.Abs(d)/ulp[T](want))
	}
	if worst > limit {
		t.Errorf("up to %.3f ulp off, want at most %v", worst, limit)
	}
	t.Logf("%.3f ulp", worst)
	// What is below the normal numbers is zero.
	tiny := []T{0, T(1.02 * lo), T(10 * lo), T(math.Inf(-1))}
	s = make([]T, len(tiny))
	LogStep(1, len(tiny), 1, make([]T, len(tiny)), len(tiny), tiny, []T{1}, f, s, 0, nil)
	for j, v := range s[2:] {
		if v != 0 {
			t.Errorf("exp(%v) is %v", tiny[j+2], v)
		}
	}
}
