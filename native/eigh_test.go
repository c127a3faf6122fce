//go:build cgo

package native

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/ritz-go/ritz/goapi/device"
)

// symmetric is a stack of symmetric matrices and its decompositions.
type symmetric[T Float] struct {
	count, n         int
	a, w, vt, checks []T
}

func newSymmetric[T Float](count, n int) *symmetric[T] {
	return &symmetric[T]{count, n, make([]T, count*n*n), make([]T, count*n), make([]T, count*n*n), make([]T, count*4)}
}

func (s *symmetric[T]) matrix(i int) []T { return s.a[i*s.n*s.n : (i+1)*s.n*s.n] }

func (s *symmetric[T]) run() { EighBatch(s.count, s.n, s.a, s.w, s.vt, s.checks) }

// fillSymmetric makes the kinds of jacobi_test.go symmetric by their lower
// triangle.
func fillSymmetric[T Float](r *rand.Rand, kind string, n int, a []T) {
	fillKind(r, kind, n, n, a)
	for i := range n {
		for j := range i {
			if kind == "wildly graded" { // D·A·D
				a[i*n+j] *= T(math.Pow(10, 6*math.Sin(float64(7*j))-6*math.Cos(float64(5*j))))
			}
			a[j*n+i] = a[i*n+j]
		}
	}
}

// verify holds the decomposition of matrix i against its definition, in
// float64.
func (s *symmetric[T]) verify(t *testing.T, i int, what string) {
	t.Helper()
	n := s.n
	a, w, vt, c := s.matrix(i), s.w[i*n:(i+1)*n], s.vt[i*n*n:(i+1)*n*n], s.checks[i*4:(i+1)*4]
	if c[3] != SVDDone {
		t.Fatalf("%s: status %v", what, c[3])
	}
	// The reflections and about 2n rows of rotations, whose rounding errors
	// add up like random ones.
	tol := 10 * eps[T]() * float64(n+4)
	largest := max(math.Abs(float64(w[0])), math.Abs(float64(w[n-1])))
	_, e := math.Frexp(largest)
	scale := func(x T) float64 { return math.Ldexp(float64(x), -e) }
	rest, whole, loss := 0.0, 0.0, 0.0
	for p := range n {
		for q := range n {
			x, g := scale(a[p*n+q]), 0.0
			whole += x * x
			for k := range n {
				x -= float64(vt[k*n+p]) * scale(w[k]) * float64(vt[k*n+q])
				g += float64(vt[p*n+k]) * float64(vt[q*n+k])
			}
			rest += x * x
			if p == q {
				g--
			}
			loss += g * g
		}
	}
	rest, whole, loss = math.Sqrt(rest), math.Sqrt(whole), math.Sqrt(loss)
	if !(rest <= tol*whole) || !(loss <= tol) {
		t.Errorf("%s: residual %.3g of %.3g, orthogonality %.3g, allowed %.3g", what, rest, whole, loss, tol)
	}
	// The checks are sums in T of n products each. The sums of a denormal
	// matrix are not those of what it is scaled to, which has more digits.
	root := math.Sqrt(float64(n))
	if slack := 4 * eps[T]() * root; largest > 0 && !(math.Abs(float64(c[0])-rest/whole) <= slack) && !denormal(T(largest)*T(eps[T]())) {
		t.Errorf("%s: residual %.3g is reported as %.3g", what, rest/whole, c[0])
	}
	if slack := eps[T]() * root * (float64(n)/4 + 3); !(math.Abs(float64(c[1])-loss) <= slack) {
		t.Errorf("%s: orthogonality %.3g is reported as %.3g", what, loss, c[1])
	}
	if norm := whole / math.Ldexp(largest, -e); largest > 0 && !(math.Abs(float64(c[2])-norm) <= 1e-5*norm) && !denormal(T(largest)*T(eps[T]())) || largest == 0 && c[2] != 0 {
		t.Errorf("%s: ‖A‖/max|w| = %.6g is reported as %.6g", what, norm, c[2])
	}
	for j := range n {
		if j > 0 && !(w[j] >= w[j-1]) {
			t.Errorf("%s: values %v are not ascending", what, w)
		}
		lo, hi := vt[j*n], vt[j*n]
		for _, x := range vt[j*n : (j+1)*n] {
			lo, hi = min(lo, x), max(hi, x)
		}
		if -lo > hi {
			t.Errorf("%s: vector %d has the largest entry %v", what, j, lo)
		}
	}
}

func denormal[T Float](x T) bool {
	if eps[T]() > 1e-10 {
		return math.Abs(float64(x)) < 0x1p-126
	}
	return math.Abs(float64(x)) < 0x1p-1022
}

func TestEighBatch(t *testing.T) {
	atEveryLevel(t, func(t *testing.T) {
		t.Run("f32", testEighBatch[float32])
		t.Run("f64", testEighBatch[float64])
	})
}

func testEighBatch[T Float](t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	for _, n := range []int{1, 2, 3, 4, 5, 7, 8, 9, 16, 17, 33, 64, 101} {
		s, ref := newSymmetric[T](2*len(kinds)+1, n), newSymmetric[T](2*len(kinds)+1, n)
		for i := range s.count {
			fillSymmetric(r, kinds[i%len(kinds)], n, s.matrix(i))
		}
		if n > 1 {
			s.matrix(0)[1] += T(3 * float64(n) * eps[T]() * 10) // not symmetric
		}
		copy(ref.a, s.a)
		s.run()
		if n > 64 {
			for i := range s.count {
				if k := kinds[i%len(kinds)]; i > 0 && k != "NaN" && k != "Inf" {
					s.verify(t, i, fmt.Sprintf("%s n=%d, matrix %d", k, n, i))
				}
			}
			continue // which the reference leaves to others
		}
		if !(device.GoKernels[T]{}).EighBatch(n, ref.a, ref.w, ref.vt, ref.checks) {
			t.Fatalf("no reference for n=%d", n)
		}
		for i := range s.count {
			kind := kinds[i%len(kinds)]
			what := fmt.Sprintf("%s n=%d, matrix %d", kind, n, i)
			status := T(SVDDone)
			switch {
			case kind == "NaN" || kind == "Inf":
				status = SVDNotFinite
			case i == 0 && n > 1:
				status = EighNotSymmetric
			}
			if status != SVDDone {
				for _, x := range [][]T{s.w[i*n : (i+1)*n], s.vt[i*n*n : (i+1)*n*n], s.checks[i*4 : i*4+3]} {
					for _, v := range x {
						if v == v {
							t.Fatalf("%s: a result is %v", what, v)
						}
					}
				}
				if s.checks[i*4+3] != status || ref.checks[i*4+3] != status {
					t.Errorf("%s: status %v, in Go %v", what, s.checks[i*4+3], ref.checks[i*4+3])
				}
				continue
			}
			s.verify(t, i, what)
			ref.verify(t, i, what+" in Go")
			w := ref.w[i*n : (i+1)*n]
			largest := max(math.Abs(float64(w[0])), math.Abs(float64(w[n-1])))
			for j := range n {
				if d := math.Abs(float64(s.w[i*n+j]) - float64(w[j])); !(d <= 5*eps[T]()*float64(n+4)*largest) {
					t.Errorf("%s: λ%d is %v, want %v", what, j, s.w[i*n+j], w[j])
				}
			}
		}
		values := make([]T, len(s.w))
		EighBatch(s.count, n, s.a, values, nil, s.checks)
		for i, v := range values {
			if v != s.w[i] && v == v {
				t.Fatalf("n=%d: value %d is %v without vectors, %v with them", n, i, v, s.w[i])
			}
		}
	}
}

// The results of a matrix are the same to the bit wherever it stands.
func TestEighBatchPosition(t *testing.T) {
	atEveryLevel(t, func(t *testing.T) {
		t.Run("f32", testEighBatchPosition[float32])
		t.Run("f64", testEighBatchPosition[float64])
	})
}

func testEighBatchPosition[T Float](t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	for _, n := range []int{2, 4, 9, 16, 23} {
		s := newSymmetric[T](2*len(kinds)+3, n)
		for i := range s.count {
			fillSymmetric(r, kinds[i%len(kinds)], n, s.matrix(i))
		}
		s.run()
		same := func(what string, i int, got, want []T) {
			t.Helper()
			for j := range want {
				if math.Float64bits(float64(got[j])) != math.Float64bits(float64(want[j])) && want[j] == want[j] {
					t.Fatalf("n=%d matrix %d (%s): %s has %v alone, %v in the batch", n, i, kinds[i%len(kinds)], what, got[j], want[j])
				}
			}
		}
		for i := range s.count {
			one := newSymmetric[T](1, n)
			copy(one.a, s.matrix(i))
			one.run()
			same("w", i, one.w, s.w[i*n:(i+1)*n])
			same("Vt", i, one.vt, s.vt[i*n*n:(i+1)*n*n])
			same("checks", i, one.checks, s.checks[i*4:(i+1)*4])
		}
	}
}

func TestEighBatchWrongLengthsPanic(t *testing.T) {
	for i, f := range []func(){
		func() { EighBatch(1, 129, make([]float64, 129*129), make([]float64, 129), nil, make([]float64, 4)) },
		func() { EighBatch(1, 0, nil, nil, nil, make([]float64, 4)) },
		func() { EighBatch(2, 3, make([]float64, 18), make([]float64, 3), nil, make([]float64, 8)) },
		func() {
			EighBatch(1, 3, make([]float64, 9), make([]float64, 3), make([]float64, 6), make([]float64, 4))
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

func BenchmarkEighBatch(b *testing.B) {
	b.Run("f32", benchmarkEighBatch[float32])
	b.Run("f64", benchmarkEighBatch[float64])
}

func benchmarkEighBatch[T Float](b *testing.B) {
	r := rand.New(rand.NewPCG(7, 8))
	for _, n := range []int{2, 3, 4, 8, 16, 32, 64} {
		s := newSymmetric[T](max(64, 20000/n/16*16), n)
		for i := range s.count {
			fillSymmetric(r, "normal", n, s.matrix(i))
		}
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for b.Loop() {
				s.run()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(s.count), "ns/matrix")
		})
	}
}
