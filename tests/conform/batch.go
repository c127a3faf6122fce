package conform

import (
	"math"
	"testing"

	"github.com/ritz-go/ritz/goapi/device"
)

// Batches of decompositions in views, on devices that have a kernel for them:
// every product is the matrix again, what is not finite is flagged, and values
// alone are the same values.
func testSVDBatch[T device.Float](t *testing.T, b *bench[T]) {
	f, ok := b.q.(device.BatchSVDer[T])
	if !ok {
		return
	}
	const count = 5
	for _, s := range [][2]int{{1, 1}, {4, 2}, {3, 9}, {20, 20}, {33, 5}} {
		m, n, k := s[0], s[1], min(s[0], s[1])
		a := b.random(count, m*n)
		clear(a.Row(1))
		a.Set(3, m*n/2, T(math.NaN()))
		u, σ, vt, checks := b.blank(count, m*k), b.blank(count, k), b.blank(count, k*n), b.blank(count, 4)
		if !f.TrySVDBatch(m, n, b.put(a), u, σ, vt, checks) {
			continue // not of views
		}
		alone, rest := b.blank(count, k), b.blank(count, 4)
		f.TrySVDBatch(m, n, b.put(a), device.Matrix[T]{}, alone, device.Matrix[T]{}, rest)
		hu, hσ, hvt, hc := b.get(u), b.get(σ), b.get(vt), b.get(checks)
		b.near("values alone", b.get(alone), at(hσ), func(i, _ int) float64 { return 4 * b.eps * float64(hσ.At(i, 0)) })
		for i := range count {
			matrix := func(x device.Dense[T], cols int) func(r, c int) float64 {
				return func(r, c int) float64 { return float64(x.At(i, r*cols+c)) }
			}
			want := float64(device.BatchDone)
			if i == 3 {
				want = device.BatchNotFinite
			}
			if got := float64(hc.At(i, 3)); got != want {
				t.Fatalf("SVDBatch %d×%d: status %v of matrix %d, want %v", m, n, got, i, want)
			}
			if i == 3 {
				if v := hσ.At(i, 0); v == v {
					t.Fatalf("SVDBatch %d×%d: value %v of a matrix with NaN", m, n, v)
				}
				continue
			}
			scaled := func(r, j int) float64 { return matrix(hu, k)(r, j) * float64(hσ.At(i, j)) }
			back, _ := product(scaled, matrix(hvt, n), k)
			if d := frobenius(m, n, back, matrix(a, n)); !(d <= 30*float64(m+n)*b.eps*float64(hσ.At(i, 0))) {
				t.Fatalf("SVDBatch %d×%d: matrix %d is off by %.3g", m, n, i, d)
			}
			utu, _ := product(func(p, r int) float64 { return matrix(hu, k)(r, p) }, matrix(hu, k), m)
			if d := frobenius(k, k, utu, identity); !(d <= 30*float64(m+n)*b.eps) {
				t.Fatalf("SVDBatch %d×%d: U of matrix %d is off by %.3g", m, n, i, d)
			}
		}
	}
}

// The same of symmetric matrices; those that are not are flagged as well.
func testEighBatch[T device.Float](t *testing.T, b *bench[T]) {
	f, ok := b.q.(device.BatchEigher[T])
	if !ok {
		return
	}
	const count = 6
	for _, n := range []int{1, 2, 5, 16, 17, 33} {
		a := b.random(count, n*n)
		for i := range count {
			for r := range n {
				for c := range r {
					a.Set(i, c*n+r, a.At(i, r*n+c))
				}
			}
		}
		clear(a.Row(1))
		a.Set(3, n*n/2, T(math.NaN()))
		statuses := []float64{device.BatchDone, device.BatchDone, device.BatchDone, device.BatchNotFinite, device.BatchDone, device.BatchDone}
		if n > 1 {
			a.Set(4, 1, a.At(4, 1)+1)
			statuses[4] = device.BatchNotSymmetric
		}
		w, vt, checks := b.blank(count, n), b.blank(count, n*n), b.blank(count, 4)
		if !f.TryEighBatch(n, b.put(a), w, vt, checks) {
			continue // not of views
		}
		alone, rest := b.blank(count, n), b.blank(count, 4)
		f.TryEighBatch(n, b.put(a), alone, device.Matrix[T]{}, rest)
		hw, hvt, hc := b.get(w), b.get(vt), b.get(checks)
		largest := func(i int) float64 { return max(math.Abs(float64(hw.At(i, 0))), math.Abs(float64(hw.At(i, n-1)))) }
		b.near("values alone", b.get(alone), at(hw), func(i, _ int) float64 { return 4 * b.eps * largest(i) })
		for i, want := range statuses {
			if got := float64(hc.At(i, 3)); got != want {
				t.Fatalf("EighBatch n=%d: status %v of matrix %d, want %v", n, got, i, want)
			}
			if want != device.BatchDone {
				if v := hw.At(i, 0); v == v {
					t.Fatalf("EighBatch n=%d: value %v of a matrix with status %v", n, v, want)
				}
				continue
			}
			vectors := func(r, c int) float64 { return float64(hvt.At(i, r*n+c)) }
			turned := func(r, c int) float64 { return vectors(c, r) }
			back, _ := product(func(r, c int) float64 { return vectors(c, r) * float64(hw.At(i, c)) }, vectors, n)
			if d := frobenius(n, n, back, func(r, c int) float64 { return float64(a.At(i, r*n+c)) }); !(d <= 30*float64(n)*b.eps*largest(i)) {
				t.Fatalf("EighBatch n=%d: matrix %d is off by %.3g", n, i, d)
			}
			vvt, _ := product(vectors, turned, n)
			if d := frobenius(n, n, vvt, identity); !(d <= 30*float64(n)*b.eps) {
				t.Fatalf("EighBatch n=%d: V of matrix %d is off by %.3g", n, i, d)
			}
			for j := range n - 1 {
				if hw.At(i, j) > hw.At(i, j+1) {
					t.Fatalf("EighBatch n=%d: values of matrix %d are not ascending", n, i)
				}
			}
		}
	}
}
