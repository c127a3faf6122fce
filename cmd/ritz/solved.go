package main

import (
	"context"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/sinkhorn"
)

// solved is what the kinds of transport problems have in common.
type solved[T device.Float] struct {
	n, m        int
	f, g        []T // potentials, if there are any
	cost        float64
	method      string
	iterations  int
	history     []float64
	measures    map[string]float64
	certificate map[string]any
	plan        func(dst device.Dense[T]) error
	exact       []sinkhorn.Entry[T] // the plan if it is sparse
	lowRank     *sinkhorn.LowRankResult[T]
}

// bounds makes the certificate of a cost between bounds.
func bounds(k sinkhorn.Certificate) map[string]any {
	return certificate("marginal_l1", k.MarginalL1, "gap", k.Gap, "lower", k.Lower, "upper", k.Upper)
}

// solve solves the problem of the kind that the flags choose. The result may
// come with an error that it has not converged.
func solve[T device.Float](ctx context.Context, dev device.Device, t *transport, seed uint64, p sinkhorn.Problem[T]) (s solved[T], err error) {
	relaxed := sinkhorn.RelaxedOptions{Epsilon: t.options.Epsilon, Tol: t.options.Tol, MaxIterations: t.options.MaxIterations}
	switch {
	case t.exact:
		r, err := sinkhorn.Exact(ctx, dev, p, sinkhorn.ExactOptions{Normalize: t.options.Normalize})
		if err != nil {
			return s, err
		}
		return solved[T]{
			n: len(r.F), m: len(r.G), f: r.F, g: r.G, cost: r.Cost, method: "exact", exact: r.Plan.Entries, plan: r.Plan.Dense,
			measures:    map[string]float64{"pivots": float64(r.Pivots), "entries of the plan": float64(len(r.Plan.Entries))},
			certificate: bounds(r.Certificate),
		}, nil
	case t.rank != 0:
		r, err := sinkhorn.SolveLowRank(ctx, dev, p, sinkhorn.LowRankOptions{
			Rank: t.rank, Tol: t.options.Tol, MaxIterations: t.options.MaxIterations, Seed: seed, Normalize: t.options.Normalize,
		})
		if r == nil {
			return s, err
		}
		return solved[T]{
			n: r.Q.Rows, m: r.R.Rows, cost: r.Cost, method: "low rank", iterations: r.Iterations, history: r.History, plan: r.Plan, lowRank: r,
			measures:    map[string]float64{"rank": float64(len(r.G))},
			certificate: certificate("marginal_l1", r.Certificate.MarginalL1, "gap", r.Certificate.Gap, "upper", r.Certificate.Upper),
		}, err
	case t.divergence:
		r, err := sinkhorn.Divergence(ctx, dev, p, t.options)
		if r == nil {
			return s, err
		}
		s = of(r.Cross)
		s.cost = r.Value
		s.measures["self x"], s.measures["self y"] = r.SelfX.Objective, r.SelfY.Objective
		s.certificate = certificate("marginal_l1", r.Cross.Certificate.MarginalL1, "error_bound", r.Error)
		s.method = "divergence"
		return s, err
	case len(t.unbalanced) > 0:
		o := sinkhorn.UnbalancedOptions{RelaxedOptions: relaxed, RhoA: t.unbalanced[0], RhoB: t.unbalanced[len(t.unbalanced)-1]}
		r, err := sinkhorn.Unbalanced(ctx, dev, p, o)
		return ofRelaxed(r, "unbalanced"), err
	case t.partial != 0:
		r, err := sinkhorn.Partial(ctx, dev, p, sinkhorn.PartialOptions{RelaxedOptions: relaxed, Mass: t.partial})
		return ofRelaxed(r, "partial"), err
	}
	r, err := sinkhorn.Solve(ctx, dev, p, t.options)
	if r == nil {
		return s, err
	}
	return of(r), err
}

func of[T device.Float](r *sinkhorn.Result[T]) solved[T] {
	return solved[T]{
		n: len(r.F), m: len(r.G), f: r.F, g: r.G, cost: r.Cost, method: string(r.Method), iterations: r.Iterations, history: r.History, plan: r.Plan,
		measures:    map[string]float64{"objective": r.Objective, "epsilon": r.Epsilon},
		certificate: bounds(r.Certificate),
	}
}

func ofRelaxed[T device.Float](r *sinkhorn.RelaxedResult[T], method string) (s solved[T]) {
	if r == nil {
		return s
	}
	return solved[T]{
		n: len(r.F), m: len(r.G), f: r.F, g: r.G, cost: r.Cost, method: method, iterations: r.Iterations, history: r.History, plan: r.Plan,
		measures:    map[string]float64{"objective": r.Objective, "epsilon": r.Epsilon, "mass": r.Mass},
		certificate: certificate("marginal_l1", r.Certificate.MarginalL1, "gap", r.Certificate.Gap),
	}
}

// negligible is the share of the largest entry of a plan up to which entries
// are left out of a sparse one.
const negligible = 1e-6

// entries returns the plan without negligible entries.
func (s *solved[T]) entries() ([]sinkhorn.Entry[T], error) {
	if s.exact != nil {
		return s.exact, nil
	}
	plan := device.NewDense[T](s.n, s.m)
	if err := s.plan(plan); err != nil {
		return nil, err
	}
	var most T
	for _, v := range plan.Data {
		most = max(most, v)
	}
	var list []sinkhorn.Entry[T]
	for i := range plan.Rows {
		for j, v := range plan.Row(i) {
			if v > negligible*most {
				list = append(list, sinkhorn.Entry[T]{I: i, J: j, Mass: v})
			}
		}
	}
	return list, nil
}

// save writes potentials or factors, and the plan.
func (s *solved[T]) save(c *common, out *outcome, sparse bool) error {
	if err := s.saveParts(c, out); err != nil {
		return err
	}
	return s.savePlan(c, out, sparse)
}

// savePlan writes the plan, the entries that matter if sparse.
func (s *solved[T]) savePlan(c *common, out *outcome, sparse bool) error {
	switch {
	case sparse:
		list, err := s.entries()
		if err != nil {
			return err
		}
		table := make([]float64, 0, 3*len(list))
		for _, e := range list {
			table = append(table, float64(e.I), float64(e.J), float64(e.Mass))
		}
		return save(c, out, "entries.npy", []int{len(list), 3}, table)
	case s.n*s.m <= maxPlan:
		plan := device.NewDense[T](s.n, s.m)
		if err := s.plan(plan); err != nil {
			return err
		}
		return saveMatrix(c, out, "plan.npy", plan)
	}
	return nil
}

// saveParts writes the potentials or the factors of the plan.
func (s *solved[T]) saveParts(c *common, out *outcome) error {
	if r := s.lowRank; r != nil {
		if err := saveMatrix(c, out, "Q.npy", r.Q); err != nil {
			return err
		}
		if err := saveMatrix(c, out, "R.npy", r.R); err != nil {
			return err
		}
		return save(c, out, "G.npy", []int{len(r.G)}, r.G)
	}
	if err := save(c, out, "f.npy", []int{s.n}, s.f); err != nil {
		return err
	}
	return save(c, out, "g.npy", []int{s.m}, s.g)
}
