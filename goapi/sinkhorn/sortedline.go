package sinkhorn

import (
	"context"
	"math"
	"slices"

	"github.com/ritz-go/ritz/goapi/device"
)

// line returns the points of a problem on the line whose cost |x-y|^power is
// convex; ok tells whether it is one.
func (r *reduced[T]) line() (x, y []float64, exponent float64, ok bool) {
	cx, cy, p := r.x, r.y, float64(r.p)
	if s, is := r.source.(*power[T]); is {
		cx, cy, p = s.x, s.y, s.p
	}
	if cx.Cols != 1 || p < 1 {
		return nil, nil, 0, false
	}
	column := func(c device.Dense[T]) []float64 {
		v := make([]float64, c.Rows)
		for i := range v {
			v[i] = float64(c.At(i, 0))
		}
		return v
	}
	return column(cx), column(cy), p, true
}

// sorted solves a problem on the line: the plan that keeps the order is
// optimal for convex costs, and the potentials follow from the costs along its
// staircase, on which they are tight.
func sorted(ctx context.Context, a, b, x, y []float64, p float64) (*exact, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	cost := func(i, j int) float64 {
		d := math.Abs(x[i] - y[j])
		switch p {
		case 1:
			return d
		case 2:
			return d * d
		}
		return math.Pow(d, p)
	}
	is, js := ranks(x), ranks(y)
	wa, wb, total := inUnits(a, b)
	e := &exact{f: make([]float64, len(a)), g: make([]float64, len(b))}
	unit := 1 / float64(total)
	size := 0.0
	i, j := 0, 0
	e.g[js[0]] = cost(is[0], js[0])
	for {
		s, t := is[i], js[j]
		c := cost(s, t)
		size = max(size, math.Abs(e.f[s]), math.Abs(e.g[t]), c)
		if δ := min(wa[s], wb[t]); δ > 0 {
			e.plan = append(e.plan, Entry[float64]{s, t, float64(δ) * unit})
			e.cost += float64(δ) * unit * c
			wa[s] -= δ
			wb[t] -= δ
		}
		// One step on the staircase at a time, also where both are used up.
		switch {
		case i+1 < len(is) && (wa[s] == 0 || j+1 == len(js)):
			i++
			e.f[is[i]] = cost(is[i], t) - e.g[t]
		case j+1 < len(js):
			j++
			e.g[js[j]] = cost(s, js[j]) - e.f[s]
		default:
			// Each step rounded a cost (the power to an ulp or two) and a
			// difference.
			e.slack = 4 * float64(len(a)+len(b)) * size * device.Epsilon[float64]()
			return e, nil
		}
	}
}

// ranks lists the numbers of points by their place on the line.
func ranks(x []float64) []int {
	at := make([]int, len(x))
	for k := range at {
		at[k] = k
	}
	slices.SortStableFunc(at, func(i, j int) int { return sign(x[i] - x[j]) })
	return at
}

func sign(x float64) int {
	switch {
	case x < 0:
		return -1
	case x > 0:
		return 1
	}
	return 0
}
