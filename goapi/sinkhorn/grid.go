package sinkhorn

import (
	"math"

	"github.com/ritz-go/ritz/goapi/device"
)

// grid computes soft minima between all points of a regular grid, whose costs
// are sums over the axes, one axis at a time: N points on d axes take
// d·N^(1+1/d) exponentials or multiply-adds, where the N×N costs would take N²
// (Solomon et al.: Convolutional Wasserstein distances, 2015).
type grid[T device.Float] struct {
	q     device.Queue[T]
	shape []int
	costs []device.Matrix[T] // of each axis, symmetric
	top   []float64          // the largest of each
	n     int                // points

	a, b    device.Matrix[T]   // n elements
	kernels []device.Matrix[T] // exp(-cost/ε) of each axis for the last ε
	ε       T
}

// axisCost returns the costs along an axis of n points at a distance.
func axisCost(n int, step, p float64) device.Dense[float64] {
	c := device.NewDense[float64](n, n)
	for i := range n {
		for j := range n {
			c.Set(i, j, math.Pow(step*math.Abs(float64(i-j)), p))
		}
	}
	return c
}

func newGrid[T device.Float](q device.Queue[T], shape []int, axes []device.Dense[float64]) *grid[T] {
	g := &grid[T]{q: q, shape: shape, n: 1, costs: make([]device.Matrix[T], len(shape)), kernels: make([]device.Matrix[T], len(shape)), top: make([]float64, len(shape))}
	for k, s := range shape {
		g.n *= s
		g.costs[k], g.kernels[k] = q.Alloc(s, s), q.Alloc(s, s)
		q.Upload(g.costs[k], device.Convert[T](axes[k]))
		g.top[k] = largestOf(axes[k].Data)
	}
	g.a, g.b = q.Alloc(1, g.n), q.Alloc(1, g.n)
	return g
}

func largestOf(x []float64) float64 {
	top := 0.0
	for _, v := range x {
		top = max(top, v)
	}
	return top
}

// Exponents down to which kernels are used. A product with a kernel is right
// where what underflows, exp(-708) or exp(-87), is nothing beside its least
// entry times the largest factor, which is 1.
func deepest[T device.Float]() float64 {
	if device.Epsilon[T]() > 1e-10 {
		return 55
	}
	return 600
}

func (g *grid[T]) rows(ε T, ψ, out device.Matrix[T]) {
	q := g.q
	if ε != g.ε && ε > 0 {
		for k, c := range g.costs {
			q.Add(-1/ε, device.NoTrans, c, 0, device.NoTrans, device.Matrix[T]{}, g.kernels[k])
			q.Map(device.Exp, g.kernels[k], g.kernels[k])
		}
		g.ε = ε
	}
	defer q.Scope()()
	q.Copy(g.a, ψ)
	for k := len(g.shape) - 1; k >= 0; k-- {
		n := g.shape[k]
		in, to := g.a.Reshape(g.n/n, n), g.b.Reshape(g.n/n, n)
		if ε > 0 && g.top[k]/float64(ε) <= deepest[T]() {
			g.multiply(k, ε, in, to)
		} else {
			for r := range in.Rows {
				device.SoftMin(q, device.PerRow, ε, g.costs[k], in.Row(r), to.Row(r))
			}
		}
		// The axis becomes the first one, so that the next is the last; the
		// minima are the next potentials with the other sign.
		sign := T(-1)
		if k == 0 {
			sign = 1
		}
		q.Add(sign, device.Transp, to, 0, device.NoTrans, device.Matrix[T]{}, g.a.Reshape(n, g.n/n))
	}
	q.Copy(out, g.a)
}

// cols is rows: the costs are symmetric.
func (g *grid[T]) cols(ε T, φ, out device.Matrix[T]) { g.rows(ε, φ, out) }

// multiply computes the soft minima along axis k by a product with its kernel.
func (g *grid[T]) multiply(k int, ε T, in, out device.Matrix[T]) {
	q := g.q
	defer q.Scope()()
	shift := q.Alloc(in.Rows, 1)
	q.Reduce(device.Max, device.PerRow, in, shift)
	q.Map(device.InfToZero, shift, shift) // a row without mass
	q.AddBy(device.PerRow, -1, shift, in, in)
	q.Add(1/ε, device.NoTrans, in, 0, device.NoTrans, device.Matrix[T]{}, in)
	q.Map(device.Exp, in, in)
	q.Gemm(device.NoTrans, device.NoTrans, 1, in, g.kernels[k], 0, out)
	q.Map(device.Log, out, out)
	q.Add(-ε, device.NoTrans, out, 0, device.NoTrans, device.Matrix[T]{}, out)
	q.AddBy(device.PerRow, -1, shift, out, out)
}
