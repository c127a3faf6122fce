package native

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestTangentsMatchPlainGo(t *testing.T) {
	atEveryLevel(t, func(t *testing.T) {
		t.Run("f32", testTangents[float32])
		t.Run("f64", testTangents[float64])
	})
}

func testTangents[T Float](t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for _, s := range [][3]int{{1, 1, 1}, {3, 2, 7}, {5, 3, 16}, {64, 1, 33}, {9, 4, 100}} {
		rows, k, a := s[0], s[1], s[2]
		lds, ldu := a+1, k*a+3
		factor, second := random[T](r, rows*lds, 1), random[T](r, rows*lds, 1)
		bias := random[T](r, k*a, 1)
		u, e := random[T](r, rows*ldu, 1), random[T](r, rows*ldu, 1)
		near := func(what string, got, want []T, size float64) {
			t.Helper()
			for i := range want {
				if d := math.Abs(float64(got[i]) - float64(want[i])); !(d <= size*eps[T]()) {
					t.Fatalf("%s, %v: element %d is %v, want %v", what, s, i, got[i], want[i])
				}
			}
		}
		for _, b := range [][]T{nil, bias} {
			u1, u2, y1, y2 := slices.Clone(u), slices.Clone(u), slices.Clone(e), slices.Clone(e)
			TangentForward(rows, k, a, b, factor, lds, u1, ldu, y1, ldu)
			tangentForwardGo(rows, k, a, b, factor, lds, u2, ldu, y2, ldu)
			near("u", u1, u2, 16) // columns behind k·a count, too
			near("y", y1, y2, 64)
		}
		for _, c := range [][]T{nil, second} {
			e1, e2, s1, s2 := slices.Clone(e), slices.Clone(e), slices.Clone(bias), slices.Clone(bias)
			TangentBackward(rows, k, a, factor, lds, c, lds, u, ldu, e1, ldu, s1)
			tangentBackwardGo(rows, k, a, factor, lds, c, lds, u, ldu, e2, ldu, s2)
			near("e", e1, e2, 64)
			near("sums", s1, s2, 64*float64(rows+1))
		}
	}
}
