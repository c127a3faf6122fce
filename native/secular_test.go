package native

import (
	"math"
	"math/rand/v2"
	"testing"
)

// Sums of secular equations agree at every level with those in any order, but
// for as much rounding as they say themselves.
func TestSecular(t *testing.T) {
	atEveryLevel(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(41, 42))
		for _, n := range []int{2, 7, 8, 9, 16, 33, 100} {
			for _, split := range []int{0, 1, n / 2, n - 1, n} {
				z, gaps, δ, want := make([]float64, n), make([]float64, n), make([]float64, n), make([]float64, n)
				const η = 0.25
				for j := range z {
					z[j], gaps[j] = r.NormFloat64(), float64(j-split+1)
				}
				got, plain := secular(split, z, gaps, η, δ), secularGo(split, z, gaps, η, want)
				for j, x := range δ {
					if x != want[j] {
						t.Fatalf("n=%d: δ%d = %v, want %v", n, j, x, want[j])
					}
				}
				far := func(a, b float64) bool {
					return !(math.Abs(a-b) <= 0x1p-52*(8*(got.Behind-got.Before)+got.Size+got.BeforeSlope+got.BehindSlope))
				}
				if far(got.Before, plain.Before) || far(got.Behind, plain.Behind) ||
					far(got.BeforeSlope, plain.BeforeSlope) || far(got.BehindSlope, plain.BehindSlope) {
					t.Fatalf("n=%d, split=%d: %v, want %v", n, split, got, plain)
				}
				if !(got.Size <= plain.Size*(1+1e-14) && got.Size >= (plain.Behind-plain.Before)*(1-1e-14)) {
					t.Fatalf("n=%d, split=%d: partial sums of %v, one after the other of %v", n, split, got.Size, plain.Size)
				}
			}
		}
	})
}
