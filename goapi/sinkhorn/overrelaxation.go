package sinkhorn

import "math"

// relaxation chooses the ω of the over-relaxation from the errors.
//
// Near the solution an iteration with ω multiplies the error component of the
// eigenvalue λ of plain Sinkhorn by z with (z+ω-1)² = ω²·λ·z (Young). While z
// is real, that is while ω is below its optimum 2/(1+√(1-λ)), an observed z
// gives λ; above, all components turn and shrink by ω-1 only.
type relaxation struct {
	ω     float64
	fixed bool
	age   int     // windows since ω changed
	best  float64 // least error at the end of a window so far
}

// largestRelaxation bounds the estimate; it is the optimum for 1-λ = 2.5e-9.
const largestRelaxation = 1.9999

func newRelaxation(ω float64) relaxation {
	r := relaxation{ω: 1, best: math.Inf(1)}
	if ω != 0 {
		r.ω, r.fixed = ω, true
	}
	return r
}

// verdict is what a window of errors asks for.
type verdict int

const (
	carryOn verdict = iota
	forget          // the momentum, it carries the iteration the wrong way
	goBack          // to the last good ψ
)

// observe takes the errors of a window that ran with r.ω, and sets ω for the
// next one.
func (r *relaxation) observe(errs []float64) verdict {
	first, last := errs[0], errs[len(errs)-1]
	if math.IsNaN(last) || math.IsInf(last, 0) || last > 4*r.best && r.ω > 1 {
		// Also a fixed ω yields: it was too large.
		*r = relaxation{ω: 1, best: r.best}
		return goBack
	}
	r.best = min(r.best, last)
	r.age++
	if r.fixed || len(errs) < window || last > 0.5 {
		return carryOn
	}
	if last >= first {
		// The error swings: ω is too large, by an estimate from a time
		// when other components ruled. A change of ω may cause one such
		// window by itself.
		if r.ω > 1 && r.age > 1 {
			r.ω, r.age = 1, 0
			return forget
		}
		return carryOn
	}
	z := math.Pow(last/first, 1/float64(len(errs)-1))
	if r.ω == 1 {
		z = last / errs[len(errs)-2] // the slowest component rules at the end
	}
	if β := r.ω - 1; z > math.Pow(β, 0.8) && z < 1 {
		λ := min((z+β)*(z+β)/(r.ω*r.ω*z), 1)
		if ω := min(2/(1+math.Sqrt(1-λ)), largestRelaxation); ω > r.ω {
			r.ω, r.age = ω, 0
		}
	}
	return carryOn
}
