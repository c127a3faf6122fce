package sinkhorn

import (
	"math"
	"testing"
)

// Feeds the estimator with the errors of a linear iteration of known λ.
func TestRelaxationFindsOptimum(t *testing.T) {
	for _, λ := range []float64{.5, .9, .99, .999} {
		r := newRelaxation(0)
		x, δ := 0.1, 0.0
		for range 40 {
			var errs []float64
			for range window {
				errs = append(errs, math.Abs(x))
				δ = -r.ω*r.ω*(1-λ)*x + (r.ω-1)*(r.ω-1)*δ
				x += δ
			}
			if r.observe(errs); r.ω > 1 {
				break
			}
		}
		near(t, "ω", r.ω, 2/(1+math.Sqrt(1-λ)), 1e-6)
	}
}

func TestRelaxationRetreats(t *testing.T) {
	r := newRelaxation(1.9)
	falling := []float64{.08, .07, .06, .05, .04, .03, .02, .01}
	if v := r.observe(falling); v != carryOn || r.ω != 1.9 {
		t.Errorf("fixed ω became %v, verdict %v", r.ω, v)
	}
	rising := []float64{.02, .03, .04, .05, .06, .07, .08, .09}
	if v := r.observe(rising); v != goBack || r.ω != 1 {
		t.Errorf("ω = %v, verdict %v after divergence", r.ω, v)
	}
	if v := r.observe([]float64{math.NaN()}); v != goBack {
		t.Errorf("verdict %v on NaN", v)
	}
	r = relaxation{ω: 1.9, age: 1, best: .01}
	if v := r.observe([]float64{.010, .011, .012, .012, .012, .012, .011, .0101}); v != forget || r.ω != 1 {
		t.Errorf("ω = %v, verdict %v on a swing", r.ω, v)
	}
}
