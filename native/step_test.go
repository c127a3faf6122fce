package native

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestStepsMatchPlainGo(t *testing.T) {
	atEveryLevel(t, func(t *testing.T) {
		t.Run("f32", testSteps[float32])
		t.Run("f64", testSteps[float64])
	})
}

func testSteps[T Float](t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for _, n := range lengths {
		w, g, m, v := random[T](r, n+1, 1), random[T](r, n, 1), random[T](r, n+1, 1), random[T](r, n+1, 1)
		for i := range v {
			v[i] *= v[i]
		}
		g[0], m[0], v[0] = 0, 0, 0 // a step of 0/ε
		w[n], m[n], v[n] = 77, 77, 77
		near := func(what string, got, want []T, size float64) {
			t.Helper()
			for i := range want {
				if d := math.Abs(float64(got[i]) - float64(want[i])); !(d <= size*eps[T]()) {
					t.Fatalf("%s, n=%d: element %d is %v, want %v", what, n, i, got[i], want[i])
				}
			}
			if got[n] != 77 {
				t.Fatalf("%s, n=%d: wrote beyond the end", what, n)
			}
		}
		c := [6]T{0.9, 0.99, 0.999, 0.1, 3, 1e-3}
		w1, m1, v1 := slices.Clone(w), slices.Clone(m), slices.Clone(v)
		w2, m2, v2 := slices.Clone(w), slices.Clone(m), slices.Clone(v)
		Adam(c, w1[:n], g, m1[:n], v1[:n])
		adamGo(&c, w2[:n], g, m2[:n], v2[:n])
		near("m of Adam", m1, m2, 16)
		near("v of Adam", v1, v2, 64)
		// A quotient m/(ς√v+ε) of up to 4/10⁻³ has errors of its own size.
		near("w of Adam", w1, w2, 16+8*0.1*4e3)

		c = [6]T{0.1, 0.9, 0.2, 0.99, -0.3, -0.7}
		w1, m1 = slices.Clone(w), slices.Clone(m)
		w2, m2 = slices.Clone(w), slices.Clone(m)
		Momentum(c, w1[:n], g, m1[:n])
		momentumGo(&c, w2[:n], g, m2[:n])
		near("m of Momentum", m1, m2, 32)
		near("w of Momentum", w1, w2, 32)

		for _, b := range [][]T{nil, w[:n]} {
			for _, target := range []int{0, 1, 2} { // c apart, a, b
				got, want := slices.Clone(m), slices.Clone(m)
				x, y := slices.Clone(g), slices.Clone(b)
				combineGo(0.7, g, -1.3, b, want[:n])
				switch {
				case target == 1:
					got = append(x, 77)
					x = got[:n]
				case target == 2 && b != nil:
					got = append(y, 77)
					y = got[:n]
				}
				Combine(0.7, x, -1.3, y, got[:n])
				near("Combine", got, want, 0)
			}
			got, want := Powers(0.7, g, -1.3, b), powersGo(0.7, g, -1.3, b)
			for i := range want {
				if d := math.Abs(got[i] - want[i]); !(d <= 0x1p-52*float64(n+8)*want[i]) {
					t.Fatalf("Powers, n=%d: number %d is %v, want %v", n, i, got[i], want[i])
				}
			}
		}
		if got, want := MaxAbs(g), maxAbsGo(g); got != want {
			t.Fatalf("MaxAbs, n=%d: %v, want %v", n, got, want)
		}
		for _, bad := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
			for _, at := range []int{0, n / 2, n - 1} {
				x := slices.Clone(g)
				x[at] = T(bad)
				if got := MaxAbs(x); math.IsNaN(bad) != math.IsNaN(float64(got)) || math.IsInf(bad, 0) && !math.IsInf(float64(got), 1) {
					t.Fatalf("MaxAbs, n=%d: %v at %d gives %v", n, bad, at, got)
				}
				for _, b := range [][]T{nil, w[:n]} {
					if s := Powers(1, x, 1, b)[1]; s-s == 0 {
						t.Fatalf("Powers, n=%d: %v at %d gives %v", n, bad, at, s)
					}
				}
			}
		}
	}
}
