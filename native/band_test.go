package native

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gonum.org/v1/gonum/mat"
)

// A band matrix and the bidiagonal one that it is reduced to have the same
// singular values, at every level, for sizes around those of the band.
func TestBidiagonalize(t *testing.T) {
	atEveryLevel(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(31, 32))
		for _, n := range []int{1, 2, 3, Band - 1, Band, Band + 1, Band + 2, 2*Band + 1, 150} {
			for _, width := range []int{0, 1, 2, 7, Band} {
				a := make([]float64, n*(Band+1))
				dense := mat.NewDense(n, n, nil)
				for i := range n {
					for j := range min(Band+1, n-i) {
						if j <= width {
							a[i*(Band+1)+j] = r.NormFloat64()
							if i%5 == 4 { // rows of zeros
								a[i*(Band+1)+j] = 0
							}
						}
						dense.Set(i, i+j, a[i*(Band+1)+j])
					}
				}
				d, e := make([]float64, n), make([]float64, n-1)
				Bidiagonalize(a, d, e)
				reduced := mat.NewDense(n, n, nil)
				for i := range n {
					reduced.Set(i, i, d[i])
					if i < n-1 {
						reduced.Set(i, i+1, e[i])
					}
				}
				want, got := values(t, dense), values(t, reduced)
				for i, σ := range want {
					if diff := math.Abs(σ - got[i]); !(diff <= 10*float64(n)*0x1p-52*want[0]) {
						t.Fatalf("n=%d, %d superdiagonals: σ%d = %v, want %v", n, width, i+1, got[i], σ)
					}
				}
			}
		}
	})
}

func values(t *testing.T, a mat.Matrix) []float64 {
	var f mat.SVD
	if !f.Factorize(a, mat.SVDNone) {
		t.Fatal("no reference")
	}
	return f.Values(nil)
}

// The levels agree with plain Go but for rounding.
func TestBidiagonalizeAsInGo(t *testing.T) {
	atEveryLevel(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(33, 34))
		const n = 100
		a := make([]float64, (n+2*Band)*bandRow)
		for i := range n {
			for j := range min(Band+1, n-i) {
				a[i*bandRow+Band+j] = r.NormFloat64()
			}
		}
		b := slices.Clone(a)
		bidiagonalize(n, a)
		bidiagonalizeGo(n, b)
		for i, x := range a {
			if d := math.Abs(x - b[i]); !(d <= 1e-10) { // of one reduction; others may differ more
				t.Fatalf("element %d is %v, in Go %v", i, x, b[i])
			}
		}
	})
}
