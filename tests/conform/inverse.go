package conform

import (
	"testing"

	"github.com/ritz-go/ritz/goapi/device"
)

// The residual of an inverse is held against that of the factorization, times
// the norm of the inverse; a singular matrix must not have a finite one.
func testInverse[T device.Float](t *testing.T, b *bench[T]) {
	for _, n := range []int{1, 2, 7, 64, 130} {
		for name, a := range b.matrices(n, n) {
			inverse := b.blank(n, n)
			device.Inverse(b.q, b.put(a), inverse)
			got := b.get(inverse)
			if name == "zero" {
				if v := got.At(0, 0); v-v == 0 {
					t.Errorf("the inverse of a zero matrix begins with %v", v)
				}
				continue
			}
			if name == "rank one" && n > 1 {
				continue // rounding decides
			}
			sum, _ := product(at(a), at(got), n)
			if d := frobenius(n, n, sum, identity); !(d <= b.tol(a)*frobenius(n, n, at(got), zero)) {
				t.Errorf("inverse of %s %d×%d: residual %.3g, allowed %.3g", name, n, n, d, b.tol(a)*frobenius(n, n, at(got), zero))
			}
		}
	}
}
