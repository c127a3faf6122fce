package native

import (
	"math"
	"math/rand/v2"
	"testing"
)

// At every level a sweep is what loops in Go make it.
func TestSweep(t *testing.T) {
	atEveryLevel(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(43, 44))
		random := func(n int) []float64 {
			x := make([]float64, n)
			for i := range x {
				x[i] = r.NormFloat64()
			}
			return x
		}
		for _, m := range []int{1, 3, 4, 5, 8, 21} {
			for _, n := range []int{1, 2, 7, 8, 9, 40, 67} {
				lda := n + 3
				a, v, x, c, y := random(m*lda), random(n), random(m), random(m), random(n)
				wantX, wantC, wantY := append([]float64(nil), x...), append([]float64(nil), c...), append([]float64(nil), y...)
				Sweep(m, n, a, lda, v, 0.7, x, c, y)
				sweepGo(m, n, a, lda, v, 0.7, wantX, wantC, wantY)
				for what, p := range map[string][2][]float64{"x": {x, wantX}, "c": {c, wantC}, "y": {y, wantY}} {
					for i, got := range p[0] {
						if d := math.Abs(got - p[1][i]); !(d <= 1e-15*float64((m+10)*(n+10))) {
							t.Fatalf("%d×%d: %s[%d] = %v, want %v", m, n, what, i, got, p[1][i])
						}
					}
				}
			}
		}
	})
}
