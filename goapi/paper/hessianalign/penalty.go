package hessianalign

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/ritz-go/ritz/goapi/device"
)

// Kind names what a penalty compares between the domains.
type Kind string

const (
	// None is empirical risk minimization: the mean risk alone.
	None Kind = "erm"
	// HGP is α·mean‖HₑGₑ-h‖² + β·mean‖Gₑ-Ḡ‖², h the product of Hessian and
	// gradient of the mean risk.
	HGP Kind = "hgp"
	// Diagonal is HGP's with the diagonal of Hₑ in place of HₑGₑ, exact, or with
	// Penalty.Probes by Hutchinson's estimate as in the paper.
	Diagonal Kind = "diagonal"
	// IGA is β·mean‖Gₑ-Ḡ‖² (Koyama and Yamaguchi 2020).
	IGA Kind = "iga"
	// Fish is -β·mean⟨Gₑ,G_f⟩ over the pairs of domains (Shi et al. 2022).
	Fish Kind = "fish"
	// IRM is α·mean(⟨W,Gₑ⟩²), the gradient by a factor of all logits
	// (Arjovsky et al. 2019).
	IRM Kind = "irm"
	// VREx is α times the variance of the risks (Krueger et al. 2021).
	VREx Kind = "vrex"
	// Fishr is α·mean‖vₑ-v̄‖², vₑ the variance of the samples' gradients (Rame et
	// al. 2022).
	Fishr Kind = "fishr"
	// CORAL is α·mean(‖μₑ-μ_f‖² + ‖Covₑ-Cov_f‖_F²) of the features over the pairs
	// of domains (Sun and Saenko 2016).
	CORAL Kind = "coral"
)

// Kinds lists the penalties.
var Kinds = []Kind{None, HGP, Diagonal, IGA, Fish, IRM, VREx, Fishr, CORAL}

// Penalty is added to the mean risk of the domains.
type Penalty struct {
	Kind Kind

	// Alpha and Beta are the factors of the terms of Kind. See [Recommended].
	Alpha, Beta float64

	// Probes, if positive, makes Diagonal an estimate from so many Rademacher
	// vectors. It costs as many products; the exact diagonal costs one.
	Probes int

	// MeanOfProducts takes h of HGP as the mean of HₑGₑ.
	MeanOfProducts bool

	// Detach takes h of HGP as a constant in the derivatives. Other means need
	// no such choice: their terms cancel.
	Detach bool

	// Seed of the probes.
	Seed uint64
}

// Recommended returns a penalty with the factors of the paper's experiments
// (HGP α = 1e-4, Diagonal α = 1e-3, both β = 5e-3), and 1 for the others.
func Recommended(kind Kind) Penalty {
	switch kind {
	case HGP:
		return Penalty{Kind: kind, Alpha: 1e-4, Beta: 5e-3, Detach: true}
	case Diagonal:
		return Penalty{Kind: kind, Alpha: 1e-3, Beta: 5e-3}
	}
	return Penalty{Kind: kind, Alpha: 1, Beta: 1}
}

// Evaluation is the value of a penalty.
type Evaluation struct {
	Risks   []float64 // of the domains
	Risk    float64   // their mean
	Penalty float64
}

// Evaluate evaluates every domain with the head w (C×D, the biases its last
// column) and the penalty. If dw is not zero, it becomes the derivative of
// risk·Risk + weight·Penalty with respect to w, and dz[e] that with respect to
// the n×d features of domain e.
//
// Errors: those of bad input, naming the domain; *device.NotFiniteError if a
// risk or the penalty is not finite; that of ctx.
func Evaluate[T device.Float](ctx context.Context, q device.Queue[T], p Penalty, domains []*Domain[T], w device.Matrix[T],
	risk, weight float64, dw device.Matrix[T], dz []device.Matrix[T]) (*Evaluation, error) {
	if err := check(p, domains, w, dw, dz); err != nil {
		return nil, err
	}
	defer q.Scope()()
	v := &Evaluation{}
	for e, m := range domains {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		r, err := m.Evaluate(q, w)
		if err != nil {
			return nil, fmt.Errorf("domain %d: %w", e, err)
		}
		v.Risks = append(v.Risks, r)
		v.Risk += r / float64(len(domains))
	}
	s := &study[T]{ctx: ctx, q: q, p: p, domains: domains, w: w, risks: make([]float64, len(domains))}
	for e := range s.risks {
		s.risks[e] = risk / float64(len(domains))
	}
	if !dw.IsZero() {
		s.dw = dw
		q.Fill(0, dw)
		for _, m := range domains {
			s.adjoints = append(s.adjoints, newAdjoint(q, m))
		}
	}
	var err error
	if v.Penalty, err = s.penalty(v.Risks, weight); err != nil {
		return nil, err
	}
	if sum := v.Risk + v.Penalty; math.IsNaN(sum) || math.IsInf(sum, 0) {
		return nil, &device.NotFiniteError{Name: "risk or penalty", Value: sum}
	}
	for e, a := range s.adjoints {
		a.finish(q, s.risks[e], w, dw, dz[e])
	}
	return v, q.Sync()
}

func check[T device.Float](p Penalty, domains []*Domain[T], w, dw device.Matrix[T], dz []device.Matrix[T]) error {
	switch {
	case !slices.Contains(Kinds, p.Kind):
		return device.Argument("kind", "is %q, must be one of %v", string(p.Kind), Kinds)
	case !(p.Alpha >= 0) || !(p.Beta >= 0) || math.IsInf(p.Alpha+p.Beta, 0):
		return device.Argument("factors", "are α = %v and β = %v, must not be negative", p.Alpha, p.Beta)
	case p.Probes < 0:
		return device.Argument("probes", "are %d, must not be negative", p.Probes)
	case len(domains) == 0:
		return fmt.Errorf("domains: %w", device.ErrEmpty)
	case len(domains) == 1 && p.Kind != None:
		return device.Argument("domains", "is one, but %q compares several", string(p.Kind))
	case !dw.IsZero() && len(dz) != len(domains):
		return &device.ShapeError{Op: "derivatives", Detail: fmt.Sprintf("there are %d for %d domains", len(dz), len(domains))}
	}
	for e, m := range domains {
		if m == nil {
			return device.Argument("domains", "number %d is nil", e)
		}
		if err := device.CheckSame(fmt.Sprintf("head on domain %d", e), w, m.g); err != nil {
			return err
		}
		if dw.IsZero() {
			continue
		}
		if err := device.CheckSame(fmt.Sprintf("derivative of the features of domain %d", e), dz[e], m.Features()); err != nil {
			return err
		}
	}
	if dw.IsZero() {
		return nil
	}
	return device.CheckSame("derivative of the head", dw, w)
}
