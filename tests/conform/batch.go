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
