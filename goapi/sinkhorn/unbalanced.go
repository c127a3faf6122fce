package sinkhorn

import (
	"context"
	"math"

	"github.com/ritz-go/ritz/goapi/device"
)

// RelaxedOptions are the options of [Unbalanced] and [Partial] but what each
// of them has of its own. All but Epsilon have useful zero values.
type RelaxedOptions struct {
	// Epsilon is the strength ε > 0 of the regularisation, in units of the
	// costs.
	Epsilon float64
	// Tol is the error at which to stop: by how much, in L1 and relative to
	// the mass of A and B together, the marginals of the plan differ from
	// those that the potentials ask for. Default 1e-9, and 1e-5 for float32.
	Tol float64
	// MaxIterations limits the full iterations; default 10000.
	MaxIterations int
	// Memory limits the bytes of a stored cost matrix; default 2 GiB.
	Memory int64
	// Progress, if set, is called after every iteration.
	Progress func(iteration int, err float64)
}

func (o RelaxedOptions) complete() (RelaxedOptions, error) {
	all, err := Options{Epsilon: o.Epsilon, Tol: o.Tol, MaxIterations: o.MaxIterations, Memory: o.Memory}.complete()
	o.MaxIterations, o.Memory = all.MaxIterations, all.Memory
	return o, err
}

// UnbalancedOptions are the options of [Unbalanced].
type UnbalancedOptions struct {
	RelaxedOptions
	// RhoA and RhoB are the penalties ρ > 0 of the marginals, in units of
	// the costs; 0 makes the marginal a constraint. At least one is
	// positive: with two constraints the problem is that of [Solve].
	RhoA, RhoB float64
}

// RelaxedResult is the result of [Unbalanced] and [Partial].
type RelaxedResult[T device.Float] struct {
	// F (n) and G (m) are the potentials: the plan is
	// P[i,j] = A[i]·B[j]·exp((F[i]+G[j]-C[i,j])/Epsilon).
	F, G []T
	// Cost is ⟨C,P⟩ and Mass is Σ P.
	Cost, Mass float64
	// Objective is the value of the problem for the plan P, all its terms
	// included.
	Objective   float64
	Epsilon     float64
	Iterations  int
	History     []float64 // error of every iteration, see RelaxedOptions.Tol
	Converged   bool
	Certificate RelaxedCertificate

	dev     device.Device
	problem Problem[T]
	reduced *reduced[T]
	φ, ψ    []float64 // potentials with the logarithms of the masses
	ε       float64
}

// RelaxedCertificate bounds the errors of a [RelaxedResult]. It is computed in
// float64.
type RelaxedCertificate struct {
	// MarginalL1 is the error that Tol is about.
	MarginalL1 float64 `json:"marginal_l1"`
	// Gap is the difference between Objective and the value of the dual
	// problem for the potentials, which is no larger than the optimal value.
	Gap float64 `json:"gap"`
}

// Unbalanced computes
//
//	minimise ⟨C,P⟩ + ε·KL(P|a⊗b) + ρA·KL(P·1|a) + ρB·KL(Pᵀ·1|b)  over P ≥ 0
//
// with KL(p|q) = Σ p·log(p/q) - p + q. The masses of a and b may differ, and
// are not scaled. The iteration (Chizat, Peyré, Schmitzer, Vialard: Scaling
// algorithms for unbalanced optimal transport problems, 2018) takes the best
// translation of the potentials in every step (Séjourné, Vialard, Peyré: Faster
// unbalanced optimal transport, 2022), which makes large ρ as fast as the balanced
// problem, and is accelerated (Anderson: Iterative procedures for nonlinear
// integral equations, 1965). Its half steps are products with a stored kernel,
// two readings of n·m float32 numbers an iteration on a CPU, where o.Memory has
// room for one, and else soft minima in the log domain.
//
// Errors are as for [Solve]. Negative costs with penalties much smaller than
// they are ask for masses beyond all numbers, which is an error that matches
// [device.ErrNotFinite].
func Unbalanced[T device.Float](ctx context.Context, dev device.Device, p Problem[T], o UnbalancedOptions) (*RelaxedResult[T], error) {
	var err error
	if o.RelaxedOptions, err = o.RelaxedOptions.complete(); err != nil {
		return nil, err
	}
	if !(o.RhoA >= 0 && o.RhoB >= 0) || math.IsInf(o.RhoA+o.RhoB, 0) {
		return nil, device.Argument("RhoA, RhoB", "are %v and %v, must be finite and not negative", o.RhoA, o.RhoB)
	}
	if o.RhoA == 0 && o.RhoB == 0 {
		return nil, device.Argument("RhoA, RhoB", "are both 0, which makes both marginals constraints: use Solve")
	}
	return relaxed(ctx, dev, p, o.RelaxedOptions, func(r *reduced[T], ma, mb float64) relaxedMarginals {
		rho := func(ρ float64) float64 {
			if ρ == 0 {
				return math.Inf(1)
			}
			return max(ρ/r.unit, 1e-290) // less makes no difference to costs of unit size
		}
		return &penalties{a: scaledBy(r.a, ma), b: scaledBy(r.b, mb), ρa: rho(o.RhoA), ρb: rho(o.RhoB)}
	})
}

func scaledBy(x []float64, by float64) []float64 {
	y := make([]float64, len(x))
	for k, v := range x {
		y[k] = v * by
	}
	return y
}

// penalties are the marginal penalties of the unbalanced problem. A half step
// damps the soft minimum S of the balanced one: f = κ·S, κ = ρ/(ρ+ε). The
// rows of the plan of (f,g) then sum to a·exp(-f/ρ), as the dual asks for.
type penalties struct {
	a, b   []float64 // masses
	ρa, ρb float64   // +Inf for a constraint
}

func damping(ρ, ε float64) float64 {
	if math.IsInf(ρ, 1) {
		return 1
	}
	return ρ / (ρ + ε)
}

// logWeighted returns log Σ w·exp(-x/ρ), the logarithm of the mass for ρ = ∞.
func logWeighted(w, x []float64, ρ float64) float64 {
	top := math.Inf(-1)
	for _, v := range x {
		top = max(top, -v/ρ)
	}
	s := 0.0
	for k, v := range x {
		s += w[k] * math.Exp(-v/ρ-top)
	}
	return top + math.Log(s)
}

// first is the half step on f for the soft minima S of the rows, with the best
// translation of both potentials. It moves g.
func (u *penalties) first(ε float64, s, g, f []float64) {
	λ := logWeighted(u.a, s, u.ρa+ε) - logWeighted(u.b, g, u.ρb)
	λ /= 1/(u.ρa+ε) + 1/u.ρb
	if math.IsNaN(λ) || math.IsInf(λ, 0) {
		λ = 0
	}
	κ := damping(u.ρa, ε)
	for i, v := range s {
		f[i] = κ * (v + λ)
	}
	for j := range g {
		g[j] -= λ
	}
}

// second is the half step on g, and returns the error of the columns of the
// plan of (f,g) for the soft minima t of the columns.
func (u *penalties) second(ε float64, t, g, next []float64) float64 {
	κ, e := damping(u.ρb, ε), 0.0
	for j, v := range t {
		next[j] = κ * v
		e += u.b[j] * math.Abs(math.Exp((g[j]-v)/ε)-math.Exp(-g[j]/u.ρb))
	}
	return e
}

// divergenceOf returns p·log(p/q) - p + q for q > 0 without the cancellation
// where p is near q, which a large ρ would blow up.
func divergenceOf(p, q float64) float64 {
	if p == 0 {
		return q
	}
	if d := (p - q) / q; math.Abs(d) < 0.5 {
		return p*math.Log1p(d) - (p - q)
	}
	return p*math.Log(p/q) - p + q
}

// value returns the primal and the dual value for sums of rows and columns of
// the plan of (f,g).
func (u *penalties) value(ε float64, f, g, rows, cols []float64) (primal, dual float64) {
	mass, ma, mb := 0.0, 0.0, 0.0
	side := func(w, x, sums []float64, ρ float64) {
		for k, p := range sums {
			primal += p * x[k]
			if math.IsInf(ρ, 1) {
				dual += w[k] * x[k]
				continue
			}
			primal += ρ * divergenceOf(p, w[k])
			dual -= ρ * w[k] * math.Expm1(-x[k]/ρ)
		}
	}
	side(u.a, f, rows, u.ρa)
	side(u.b, g, cols, u.ρb)
	for i := range rows {
		mass, ma = mass+rows[i], ma+u.a[i]
	}
	for j := range cols {
		mb += u.b[j]
	}
	return primal + ε*(ma*mb-mass), dual + ε*(ma*mb-mass)
}
