package native

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestSkinny(t *testing.T) {
	atEveryLevel(t, func(t *testing.T) {
		t.Run("f32", testSkinny[float32])
		t.Run("f64", testSkinny[float64])
	})
}

// testSkinny compares with sums in float64.
func testSkinny[T Float](t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for _, w := range []int{1, 3, 10, 16, 17, 48, 50, 64} {
		for _, s := range [][2]int{{1, 1}, {7, 9}, {8, 300}, {97, 33}, {200, 257}, {300, 520}} {
			m, n := s[0], s[1]
			lda, ldc := n+3, w+2
			a := random[T](r, m*lda, 1)
			for _, transposed := range []bool{false, true} {
				rows, depth := m, n
				at := func(i, l int) T { return a[i*lda+l] }
				if transposed {
					rows, depth = n, m
					at = func(i, l int) T { return a[l*lda+i] }
				}
				b := random[T](r, depth*w, 1)
				of := func(l, j int) T { return b[l*w+j] }
				packed, ldb := PackSkinny(false, depth, w, b, w)
				if m%2 == 0 { // stored as w×depth
					of = func(l, j int) T { return b[j*depth+l] }
					packed, ldb = PackSkinny(true, depth, w, b, depth)
				}
				for _, β := range []T{0, -0.5} {
					c := random[T](r, rows*ldc, 1)
					if β == 0 {
						for i := range c {
							c[i] = T(math.NaN())
						}
					}
					before := append([]T(nil), c...)
					if transposed {
						SkinnyTransMul(m, n, w, 2, a, lda, packed, ldb, β, c, ldc)
					} else {
						SkinnyMul(m, w, n, 2, a, lda, packed, ldb, β, c, ldc)
					}
					for i := range rows {
						for j := range w {
							want, size := 0.0, 0.0
							if β != 0 {
								want = float64(β) * float64(before[i*ldc+j])
								size = math.Abs(want)
							}
							for l := range depth {
								p := 2 * float64(at(i, l)) * float64(of(l, j))
								want += p
								size += math.Abs(p)
							}
							if d := math.Abs(float64(c[i*ldc+j]) - want); !(d <= eps[T]()*float64(depth+4)*size) {
								t.Fatalf("%d×%d, %d columns, transposed %v, β=%v: (%d,%d) is off by %g", m, n, w, transposed, β, i, j, d)
							}
						}
						if x, y := c[i*ldc+w], before[i*ldc+w]; x != y && (x == x || y == y) {
							t.Fatalf("%d×%d, %d columns: an element behind row %d was written", m, n, w, i)
						}
					}
				}
			}
		}
	}
}
