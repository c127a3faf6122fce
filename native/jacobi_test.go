//go:build cgo

package native

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/ritz-go/ritz/goapi/device"
)

// batch is a stack of matrices and its decompositions.
type batch[T Float] struct {
	count, m, n         int
	a, u, s, vt, checks []T
}

func newBatch[T Float](count, m, n int) *batch[T] {
	k := min(m, n)
	return &batch[T]{count: count, m: m, n: n, a: make([]T, count*m*n), u: make([]T, count*m*k),
		s: make([]T, count*k), vt: make([]T, count*k*n), checks: make([]T, count*4)}
}

func (b *batch[T]) matrix(i int) []T { return b.a[i*b.m*b.n : (i+1)*b.m*b.n] }

func (b *batch[T]) run() { SVDBatch(b.count, b.m, b.n, b.a, b.u, b.s, b.vt, b.checks) }

// kinds of matrices, from easy to spiteful.
var kinds = []string{"normal", "graded columns", "graded rows", "rank 1", "zero", "equal", "orthogonal", "huge", "tiny", "NaN", "Inf", "repeated columns", "zero column", "subnormal",
	"wildly graded", "signs", "Kahan", "nearly orthogonal", "Hilbert"}

func fillKind[T Float](r *rand.Rand, kind string, m, n int, a []T) {
	copy(a, random[T](r, m*n, 1))
	top, bottom := 0x1p1000, 0x1p-1000
	if eps[T]() > 1e-10 {
		top, bottom = 0x1p120, 0x1p-120
	}
	for i := range m {
		for j := range n {
			x := &a[i*n+j]
			switch kind {
			case "graded columns":
				*x *= T(math.Pow(10, -float64(j)/3))
			case "graded rows":
				*x *= T(math.Pow(10, -float64(m-i)/2))
			case "rank 1":
				*x = T(math.Sin(float64(i+1)) * math.Cos(float64(j)))
			case "zero":
				*x = 0
			case "equal":
				*x = 3
			case "orthogonal":
				*x = 0
				if i == (j+1)%n {
					*x = -2
				}
			case "huge":
				*x = T(float64(*x) * top)
			case "tiny":
				*x = T(float64(*x) * bottom)
			case "subnormal":
				*x = T(float64(int(*x*3)) * bottom * bottom) // 0 in both types
				if i == 0 && j == 0 {
					*x = T(math.SmallestNonzeroFloat64)
					if eps[T]() > 1e-10 {
						*x = T(math.SmallestNonzeroFloat32)
					}
				}
			case "repeated columns":
				*x = a[i*n+j%2*(n-1)/max(1, n-1)]
			case "wildly graded":
				*x *= T(math.Pow(10, 6*math.Sin(float64(7*i))+6*math.Cos(float64(5*j))))
			case "signs": // integers: exact dependencies and equal values
				*x = T(math.Copysign(1, float64(*x)))
			case "Kahan": // triangular, and no column looks dependent
				switch {
				case i == j:
					*x = T(math.Pow(0.8, float64(i)))
				case i < j:
					*x = T(-0.6 * math.Pow(0.8, float64(i)))
				default:
					*x = 0
				}
			case "nearly orthogonal": // a cluster of values
				*x *= T(1e3 * eps[T]())
				if i == j {
					*x++
				}
			case "Hilbert":
				*x = T(1 / float64(i+j+1))
			case "zero column":
				if j == n/2 {
					*x = 0
				}
			}
		}
	}
	switch kind {
	case "NaN":
		a[m*n/2] = T(math.NaN())
	case "Inf":
		a[m*n-1] = T(math.Inf(-1))
	}
}

// verify holds the decomposition of matrix i against its definition, in
// float64.
func (b *batch[T]) verify(t *testing.T, i int, what string) {
	t.Helper()
	m, n, k := b.m, b.n, min(b.m, b.n)
	a, u, s, vt, c := b.matrix(i), b.u[i*m*k:(i+1)*m*k], b.s[i*k:(i+1)*k], b.vt[i*k*n:(i+1)*k*n], b.checks[i*4:(i+1)*4]
	if c[3] != SVDDone {
		t.Fatalf("%s: status %v", what, c[3])
	}
	// Rotations of about 8 sweeps in each column, n of them in a sweep,
	// whose rounding errors add up like random ones; the largest seen is
	// 7·eps·√(mn).
	tol := 20 * eps[T]() * math.Sqrt(float64(m*n)+4)
	rest, whole := 0.0, 0.0
	_, e := math.Frexp(float64(s[0]))
	scale := func(x T) float64 { return math.Ldexp(float64(x), -e) }
	for r := range m {
		for q := range n {
			x := scale(a[r*n+q])
			whole += x * x
			for j := range k {
				x -= float64(u[r*k+j]) * scale(s[j]) * float64(vt[j*n+q])
			}
			rest += x * x
		}
	}
	rest, whole = math.Sqrt(rest), math.Sqrt(whole)
	if !(rest <= tol*whole) {
		t.Errorf("%s: residual %.3g of %.3g, allowed %.3g", what, rest, whole, tol)
	}
	if whole > 0 && !(math.Abs(float64(c[0])-rest/whole) <= 4*eps[T]()) {
		t.Errorf("%s: residual %.3g is reported as %.3g", what, rest/whole, c[0])
	}
	loss := func(get func(r, j int) T, rows int) float64 {
		sum := 0.0
		for j := range k {
			for l := range k {
				g := 0.0
				for r := range rows {
					g += float64(get(r, j)) * float64(get(r, l))
				}
				if j == l {
					g--
				}
				sum += g * g
			}
		}
		return math.Sqrt(sum)
	}
	for q, l := range []float64{loss(func(r, j int) T { return u[r*k+j] }, m), loss(func(r, j int) T { return vt[j*n+r] }, n)} {
		// The check is computed in T: each of its k² products is off by some
		// 0.3·eps, those of alike numbers by the sum of their errors.
		slack := 3 + 0.3*float64(k)
		if !strings.HasPrefix(what, "normal") && !strings.HasPrefix(what, "nearly") {
			slack += math.Sqrt(float64(k)) * float64([]int{m, n}[q]/4+3) / 2
		}
		if !(l <= tol) || !(math.Abs(float64(c[1+q])-l) <= eps[T]()*slack) {
			t.Errorf("%s: factor %d has orthogonality %.3g, reported %.3g, allowed %.3g", what, q, l, c[1+q], tol)
		}
	}
	for j := range k {
		if !(s[j] >= 0) || j > 0 && s[j] > s[j-1] {
			t.Errorf("%s: values %v are not descending", what, s)
		}
		lo, hi := vt[j*n], vt[j*n]
		for _, x := range vt[j*n : (j+1)*n] {
			lo, hi = min(lo, x), max(hi, x)
		}
		if -lo > hi {
			t.Errorf("%s: row %d of Vt has the largest entry %v", what, j, lo)
		}
	}
}

func TestSVDBatch(t *testing.T) {
	atEveryLevel(t, func(t *testing.T) {
		t.Run("f32", testSVDBatch[float32])
		t.Run("f64", testSVDBatch[float64])
	})
}

func testSVDBatch[T Float](t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	for _, shape := range [][2]int{{1, 1}, {1, 5}, {5, 1}, {2, 2}, {3, 2}, {2, 3}, {4, 4}, {7, 5}, {5, 8}, {9, 9}, {16, 16}, {17, 33}, {64, 3}, {3, 64}, {64, 64}, {40, 64}} {
		m, n := shape[0], shape[1]
		k := min(m, n)
		b, ref := newBatch[T](3*len(kinds)+1, m, n), newBatch[T](3*len(kinds)+1, m, n)
		for i := range b.count {
			fillKind(r, kinds[i%len(kinds)], m, n, b.matrix(i))
		}
		copy(ref.a, b.a)
		b.run()
		if !(device.GoKernels[T]{}).SVDBatch(m, n, ref.a, ref.u, ref.s, ref.vt, ref.checks) {
			t.Fatalf("no reference for %d×%d", m, n)
		}
		for i := range b.count {
			kind := kinds[i%len(kinds)]
			what := fmt.Sprintf("%s %d×%d, matrix %d", kind, m, n, i)
			if kind == "NaN" || kind == "Inf" {
				for _, x := range [][]T{b.s[i*k : (i+1)*k], b.u[i*m*k : (i+1)*m*k], b.vt[i*k*n : (i+1)*k*n], b.checks[i*4 : i*4+3]} {
					for _, v := range x {
						if v == v {
							t.Fatalf("%s: a result is %v", what, v)
						}
					}
				}
				if b.checks[i*4+3] != SVDNotFinite || ref.checks[i*4+3] != SVDNotFinite {
					t.Errorf("%s: status %v", what, b.checks[i*4+3])
				}
				continue
			}
			b.verify(t, i, what)
			ref.verify(t, i, what+" in Go")
			σ1 := float64(ref.s[i*k])
			for j := range k {
				// A backward stable algorithm: p(n)·eps·σ₁ with √(mn) for p.
				if d := math.Abs(float64(b.s[i*k+j]) - float64(ref.s[i*k+j])); !(d <= 10*eps[T]()*math.Sqrt(float64(m*n)+4)*σ1) {
					t.Errorf("%s: σ%d is %v, want %v", what, j+1, b.s[i*k+j], ref.s[i*k+j])
				}
			}
			if kind == "orthogonal" && m >= n && n > 1 && b.s[i*k+k-1] != 2 {
				t.Errorf("%s: values %v, want 2", what, b.s[i*k:(i+1)*k])
			}
		}
		values := make([]T, len(b.s))
		SVDBatch(b.count, m, n, b.a, nil, values, nil, b.checks)
		for i, v := range values {
			if v != b.s[i] && v == v {
				t.Fatalf("%d×%d: value %d is %v without vectors, %v with them", m, n, i, v, b.s[i])
			}
		}
	}
}

// The results of a matrix are the same to the bit wherever it stands.
func TestSVDBatchPosition(t *testing.T) {
	atEveryLevel(t, func(t *testing.T) {
		t.Run("f32", testSVDBatchPosition[float32])
		t.Run("f64", testSVDBatchPosition[float64])
	})
}

func testSVDBatchPosition[T Float](t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	for _, shape := range [][2]int{{4, 4}, {6, 3}, {5, 9}, {16, 16}, {23, 23}} {
		m, n := shape[0], shape[1]
		k := min(m, n)
		b := newBatch[T](4*len(kinds)+3, m, n)
		for i := range b.count {
			fillKind(r, kinds[i%len(kinds)], m, n, b.matrix(i))
		}
		b.run()
		same := func(what string, i int, got, want []T) {
			t.Helper()
			for j := range want {
				if math.Float64bits(float64(got[j])) != math.Float64bits(float64(want[j])) && want[j] == want[j] {
					t.Fatalf("%d×%d matrix %d (%s): %s has %v alone, %v in the batch", m, n, i, kinds[i%len(kinds)], what, got[j], want[j])
				}
			}
		}
		for i := range b.count {
			one := newBatch[T](1, m, n)
			copy(one.a, b.matrix(i))
			one.run()
			same("U", i, one.u, b.u[i*m*k:(i+1)*m*k])
			same("s", i, one.s, b.s[i*k:(i+1)*k])
			same("Vt", i, one.vt, b.vt[i*k*n:(i+1)*k*n])
			same("checks", i, one.checks, b.checks[i*4:(i+1)*4])
		}
	}
}

func TestStatusNumbers(t *testing.T) {
	if SVDDone != device.BatchDone || SVDNotFinite != device.BatchNotFinite || SVDNotConverged != device.BatchNotConverged || EighNotSymmetric != device.BatchNotSymmetric {
		t.Error("package device gives the statuses other numbers")
	}
}

func TestSVDBatchWrongLengthsPanic(t *testing.T) {
	for i, f := range []func(){
		func() { SVDBatch(1, 65, 2, make([]float64, 130), nil, make([]float64, 2), nil, make([]float64, 4)) },
		func() { SVDBatch(1, 0, 2, nil, nil, nil, nil, make([]float64, 4)) },
		func() { SVDBatch(2, 3, 2, make([]float64, 12), nil, make([]float64, 3), nil, make([]float64, 8)) },
		func() {
			SVDBatch(1, 3, 2, make([]float64, 6), make([]float64, 6), make([]float64, 2), nil, make([]float64, 4))
		},
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
