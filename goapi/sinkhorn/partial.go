package sinkhorn

import (
	"context"
	"math"
	"slices"

	"github.com/ritz-go/ritz/goapi/device"
)

// PartialOptions are the options of [Partial].
type PartialOptions struct {
	RelaxedOptions
	// Mass is the mass to transport, positive and less than that of A and
	// that of B (or equal to the smaller one).
	Mass float64
}

// Partial computes the best transport of a part of the mass:
//
//	minimise ⟨C,P⟩ + ε·KL(P|a⊗b)  over P ≥ 0, P·1 ≤ a, Pᵀ·1 ≤ b, Σ P = Mass
//
// (Caffarelli, McCann: Free boundaries in optimal transport, 2010; regularised
// by Benamou, Carlier, Cuturi, Nenna, Peyré: Iterative Bregman projections,
// 2015). It alternates between the potentials of both sides, each together
// with the multiplier of the mass. F and G of the result hold that multiplier:
// it is the largest element of F, and G is at most 0.
//
// Errors are as for [Solve].
func Partial[T device.Float](ctx context.Context, dev device.Device, p Problem[T], o PartialOptions) (*RelaxedResult[T], error) {
	var err error
	if o.RelaxedOptions, err = o.RelaxedOptions.complete(); err != nil {
		return nil, err
	}
	if _, _, err := check(p); err != nil {
		return nil, err
	}
	least := min(massOf(p.A), massOf(p.B))
	if !(o.Mass > 0 && o.Mass <= least*(1+16*device.Epsilon[T]())) {
		return nil, device.Argument("Mass", "is %v, must be positive and at most %v, the smaller of the masses", o.Mass, least)
	}
	return relaxed(ctx, dev, p, o.RelaxedOptions, func(r *reduced[T], ma, mb float64) relaxedMarginals {
		return &limits{a: scaledBy(r.a, ma), b: scaledBy(r.b, mb), mass: min(o.Mass, ma, mb)}
	})
}

// limits are the marginals of the partial problem. With the multiplier λ of
// the mass, f = min(λ,S) - λ for the soft minima S of the rows: rows carry no
// more than a, and all together the mass.
type limits struct {
	a, b []float64
	mass float64
	λ    float64 // of the last half step
}

// level returns λ with Σ w·min(1, exp((λ-s)/ε)) = mass. The sum rises with λ;
// between two values of s it is c·exp(λ/ε) + a constant.
func level(w, s []float64, ε, mass float64) float64 {
	order := make([]int, len(s))
	for k := range order {
		order[k] = k
	}
	slices.SortFunc(order, func(i, j int) int { return sign(s[i] - s[j]) })
	// rest[k] is Σ w·exp((s[k]-s)/ε) over the k-th point and those behind.
	rest := make([]float64, len(s)+1)
	for k := len(order) - 1; k >= 0; k-- {
		rest[k] = w[order[k]]
		if k+1 < len(order) {
			rest[k] += rest[k+1] * math.Exp((s[order[k]]-s[order[k+1]])/ε)
		}
	}
	full := 0.0
	for k, v := range order { // the points before v are full
		if λ := s[v] + ε*math.Log(max(mass-full, 0)/rest[k]); λ <= s[v] {
			return λ
		}
		full += w[v]
	}
	return s[order[len(order)-1]]
}

func (u *limits) first(ε float64, s, _, f []float64) {
	u.λ = level(u.a, s, ε, u.mass)
	for i, v := range s {
		f[i] = min(u.λ, v)
	}
}

func (u *limits) second(ε float64, t, g, next []float64) float64 {
	// t is for f with λ in it.
	shifted := make([]float64, len(t))
	for j, v := range t {
		shifted[j] = v + u.λ
	}
	λ, e := level(u.b, shifted, ε, u.mass), 0.0
	for j, v := range shifted {
		next[j] = min(0, v-λ)
		e += u.b[j] * math.Abs(math.Exp((g[j]-t[j])/ε)-math.Exp((min(λ, v)-v)/ε))
	}
	return e
}

func (u *limits) value(ε float64, f, g, rows, cols []float64) (primal, dual float64) {
	mass, ma, mb := 0.0, 0.0, 0.0
	for i, p := range rows {
		primal += p * f[i]
		dual += u.a[i] * (f[i] - u.λ)
		mass, ma = mass+p, ma+u.a[i]
	}
	for j, p := range cols {
		primal += p * g[j]
		dual += u.b[j] * min(0, g[j])
		mb += u.b[j]
	}
	rest := ε * (ma*mb - mass)
	return primal + rest, dual + u.λ*u.mass + rest
}
