package sinkhorn

import (
	"math"
	"slices"

	"github.com/ritz-go/ritz/goapi/device"
)

// Result of [Solve].
type Result[T device.Float] struct {
	// F (n) and G (m) are the potentials in the KL form, in the units of
	// the costs: P[i,j] = A[i]·B[j]·exp((F[i]+G[j]-C[i,j])/Epsilon).
	F, G []T
	// Cost is ⟨C,P⟩ of the plan rounded onto the marginals, see [Result.Plan].
	Cost float64
	// Objective is Σ A·F + Σ B·G, the value of the regularised dual problem.
	// At convergence it is ⟨C,P⟩ + Epsilon·Σ P·log(P/(A⊗B)).
	Objective   float64
	Epsilon     float64
	Iterations  int       // full iterations, those at larger ε included
	History     []float64 // error of every iteration, see Options.Tol
	Method      Method    // Log, or Scaling or Newton if some iterations were such
	Newton      []NewtonStep
	Converged   bool
	Certificate Certificate

	dev     device.Device
	problem Problem[T]
	reduced *reduced[T]
	rounding
	ε float64 // Epsilon in the unit of reduced
}

// EntropyPotentials returns F + ε·log A and G + ε·log B, the potentials with
// P[i,j] = exp((f[i]+g[j]-C[i,j])/ε), -Inf for points without mass.
func (r *Result[T]) EntropyPotentials() (f, g []T) {
	if r == nil || r.reduced == nil { // not one of Solve
		return nil, nil
	}
	d := r.reduced
	nowhere := func(int) float64 { return math.Inf(-1) }
	shift := r.ε * math.Log(d.mass)
	return place[T](r.φ, d.rows, len(r.F), d.unit, shift, nowhere), place[T](r.ψ, d.cols, len(r.G), d.unit, 0, nowhere)
}

// place spreads the potentials v of the reduced problem over the n points of
// the whole one, adds shift and changes the unit. other gives the potentials
// of the points that at leaves out.
func place[T device.Float](v []float64, at []int, n int, unit, shift float64, other func(i int) float64) []T {
	w := make([]T, n)
	for i, k := 0, 0; i < n; i++ {
		var x float64
		if at == nil || k < len(at) && at[k] == i {
			x = v[k]
			k++
		} else {
			x = other(i)
		}
		w[i] = T((x + shift) * unit)
	}
	return w
}

// potentials sets F, G and Objective for a problem with n×m points.
func (r *Result[T]) potentials(n, m int) {
	d := r.reduced
	f, g := make([]float64, d.n), make([]float64, d.m)
	for i, x := range r.φ {
		f[i] = x - r.ε*math.Log(d.a[i])
		r.Objective += d.a[i] * f[i]
	}
	for j, x := range r.ψ {
		g[j] = x - r.ε*math.Log(d.b[j])
		r.Objective += d.b[j] * g[j]
	}
	// The reduced problem has mass 1. With masses M times as large A⊗B
	// grows by M², the plan by M.
	shift := -r.ε * math.Log(d.mass)
	r.Objective = (r.Objective + shift) * d.mass * d.unit
	// Points without mass get the potentials that the iteration would give
	// them.
	zeroRows, zeroCols := missing(d.rows, n), missing(d.cols, m)
	byRow, byCol := r.costsOf(zeroRows, d.cols, zeroRows), r.costsOf(d.rows, zeroCols, zeroCols)
	r.F = place[T](f, d.rows, n, d.unit, shift, func(i int) float64 {
		return softMin(r.ε, r.ψ, func(k int) float64 { return byRow(i, index(d.cols, k)) })
	})
	r.G = place[T](g, d.cols, m, d.unit, 0, func(j int) float64 {
		return softMin(r.ε, r.φ, func(k int) float64 { return byCol(index(d.rows, k), j) })
	})
}

// missing lists the numbers below n that the rising list at leaves out; nil
// leaves out none.
func missing(at []int, n int) []int {
	if at == nil {
		return nil
	}
	out := make([]int, 0, n-len(at))
	for i, k := 0, 0; i < n; i++ {
		if k < len(at) && at[k] == i {
			k++
		} else {
			out = append(out, i)
		}
	}
	return out
}

// costsOf returns the function that gives the costs between the points of two
// lists, in the unit of the reduced problem. It is not called if left, the list
// of points without mass, is empty. A source computes them all at once.
func (r *Result[T]) costsOf(rows, cols, left []int) func(i, j int) float64 {
	if r.reduced.source == nil || len(left) == 0 {
		return r.costAt
	}
	part := r.problem.Source.pick(rows, cols).widen()
	n, m := part.Size()
	q := r.dev.F64()
	defer q.Close()
	tile, take := device.Output(q, n, m)
	part.filler(q)(0, n, tile)
	c := take()
	if q.Sync() != nil {
		return func(int, int) float64 { return math.Inf(1) } // the potentials become 0
	}
	within := func(at []int, k int) int {
		if at != nil {
			k, _ = slices.BinarySearch(at, k)
		}
		return k
	}
	return func(i, j int) float64 { return c.At(within(rows, i), within(cols, j)) / r.reduced.unit }
}

// softMin returns -ε·log Σₖ exp((v[k]-cost(k))/ε).
func softMin(ε float64, v []float64, cost func(k int) float64) float64 {
	top, x := math.Inf(-1), make([]float64, len(v))
	for k := range v {
		x[k] = v[k] - cost(k)
		top = max(top, x[k])
	}
	if math.IsInf(top, -1) { // all pairs are forbidden
		return 0
	}
	sum := 0.0
	for _, t := range x {
		sum += math.Exp((t - top) / ε)
	}
	return -top - ε*math.Log(sum)
}

// index returns where element k of the reduced problem stands in the whole.
func index(at []int, k int) int {
	if at == nil {
		return k
	}
	return at[k]
}

// costAt returns the cost between points of the whole problem in the unit of
// the reduced one.
func (r *Result[T]) costAt(i, j int) float64 {
	p, d := &r.problem, r.reduced
	if !d.clouds() {
		return float64(p.Cost.At(i, j)) / d.unit
	}
	root := d.unit
	if d.p == 2 {
		root = math.Sqrt(root)
	}
	sum := 0.0
	for k, x := range p.X.Row(i) {
		e := (float64(x) - float64(p.Y.At(j, k))) / root
		sum += e * e
	}
	if d.p == 1 {
		return math.Sqrt(sum)
	}
	return sum
}
