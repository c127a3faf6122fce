package hessianalign

import (
	"math"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/ritz-go/ritz/tests/matrices"
)

// Two quadratic risks with a common minimum: the largest excess of the target
// over the source on the sphere of radius δ is ½δ²·max(0, λ_max(H_T-H_S)), below
// the bound by the norm.
func TestTransferOfQuadratics(t *testing.T) {
	const n, δ = 12, 0.1
	definite := func(seed uint64) *mat.SymDense {
		a := matrices.Normal[float64](seed, n, n)
		h := mat.NewSymDense(n, nil)
		for i := range n {
			h.SymRankOne(h, 1.0/n, mat.NewVecDense(n, a.Row(i)))
		}
		return h
	}
	var difference mat.SymDense
	source, target := definite(1), definite(2)
	negative := mat.NewSymDense(n, nil)
	negative.ScaleSym(-1, source)
	difference.AddSym(target, negative)
	var eig mat.EigenSym
	eig.Factorize(&difference, false)
	w := eig.Values(nil)
	exact := δ * δ / 2 * math.Max(0, w[n-1])
	bound := δ * δ / 2 * math.Max(w[n-1], -w[0])
	// Ascent on the sphere, by steps v ← (I + c·(H_T-H_S))·v.
	v := mat.NewVecDense(n, matrices.Normal[float64](3, 1, n).Data)
	for range 5000 {
		var step mat.VecDense
		step.MulVec(&difference, v)
		v.AddScaledVec(v, 0.5, &step)
		v.ScaleVec(δ/mat.Norm(v, 2), v)
	}
	found := mat.Inner(v, &difference, v) / 2
	if math.Abs(found/exact-1) > 1e-8 || exact > bound {
		t.Errorf("largest transfer found %v, exact %v, bound %v", found, exact, bound)
	}
}
