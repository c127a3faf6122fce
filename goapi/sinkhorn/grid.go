package sinkhorn

import (
	"math"

	"github.com/ritz-go/ritz/goapi/device"
)

// grid computes soft minima between the points of two regular grids, whose costs
// are sums over the axes, one axis at a time: N points on d axes take
// d·N^(1+1/d) exponentials or multiply-adds, where the N×N costs would take N²
// (Solomon et al.: Convolutional Wasserstein distances, 2015).
type grid[T device.Float] struct {
	q    device.Queue[T]
	axes []gridAxis[T]
	n, m int // points

	a, b device.Matrix[T] // room for what is between the axes
	ε    T                // of the kernels
}

// gridAxis holds the costs (n×m) along an axis and their kernel exp(-cost/ε),
// and both transposed.
type gridAxis[T device.Float] struct {
	cost, kernel [2]device.Matrix[T]
	top          float64 // the largest cost
}

// Directions: the soft minima of the rows of the costs, or of their columns.
const (
	ofRows = 0
	ofCols = 1
)

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

func newGrid[T device.Float](q device.Queue[T], axes []device.Dense[float64]) *grid[T] {
	g := &grid[T]{q: q, n: 1, m: 1}
	room := 1
	for _, c := range axes {
		g.n, g.m, room = g.n*c.Rows, g.m*c.Cols, room*max(c.Rows, c.Cols)
		g.axes = append(g.axes, newGridAxis(q, c))
	}
	g.a, g.b = q.Alloc(1, room), q.Alloc(1, room)
	return g
}

func newGridAxis[T device.Float](q device.Queue[T], c device.Dense[float64]) (x gridAxis[T]) {
	x.cost[ofRows], x.cost[ofCols] = q.Alloc(c.Rows, c.Cols), q.Alloc(c.Cols, c.Rows)
	x.kernel[ofRows], x.kernel[ofCols] = q.Alloc(c.Rows, c.Cols), q.Alloc(c.Cols, c.Rows)
	q.Upload(x.cost[ofRows], device.Convert[T](c))
	q.Add(1, device.Transp, x.cost[ofRows], 0, device.NoTrans, device.Matrix[T]{}, x.cost[ofCols])
	for _, v := range c.Data {
		x.top = max(x.top, v)
	}
	return x
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

func (x *gridAxis[T]) build(q device.Queue[T], ε T) {
	for side, c := range x.cost {
		q.Add(-1/ε, device.NoTrans, c, 0, device.NoTrans, device.Matrix[T]{}, x.kernel[side])
		q.Map(device.Exp, x.kernel[side], x.kernel[side])
	}
}

// weigh makes the kernel of an axis cost·exp(-cost/ε), and the costs those with
// that kernel.
func (x *gridAxis[T]) weigh(q device.Queue[T], ε T) {
	defer q.Scope()()
	for side, c := range x.cost {
		q.Mul(c, x.kernel[side], x.kernel[side])
		log := q.Alloc(c.Rows, c.Cols)
		q.Map(device.Log, c, log)
		q.Add(1, device.NoTrans, c, -ε, device.NoTrans, log, c) // +Inf for 0
	}
}

func (g *grid[T]) rows(ε T, ψ, out device.Matrix[T]) { g.along(ofRows, ε, ψ, out) }
func (g *grid[T]) cols(ε T, φ, out device.Matrix[T]) { g.along(ofCols, ε, φ, out) }

func (g *grid[T]) along(side int, ε T, v, out device.Matrix[T]) {
	q := g.q
	if ε != g.ε && ε > 0 {
		for k := range g.axes {
			g.axes[k].build(q, ε)
		}
		g.ε = ε
	}
	defer q.Scope()()
	size := v.Len()
	part := func(m device.Matrix[T], rows, cols int) device.Matrix[T] {
		return m.Slice(0, 1, 0, rows*cols).Reshape(rows, cols)
	}
	q.Copy(part(g.a, 1, size), v)
	for k := len(g.axes) - 1; k >= 0; k-- {
		x := &g.axes[k]
		c := x.cost[side]
		rest := size / c.Cols
		in, to := part(g.a, rest, c.Cols), part(g.b, rest, c.Rows)
		if ε > 0 && x.top/float64(ε) <= deepest[T]() {
			g.multiply(ε, x.kernel[1-side], in, to)
		} else {
			for r := range in.Rows {
				device.SoftMin(q, device.PerRow, ε, c, in.Row(r), to.Row(r))
			}
		}
		// The axis becomes the first one, so that the next is the last; the
		// minima are the next potentials with the other sign.
		sign := T(-1)
		if k == 0 {
			sign = 1
		}
		q.Add(sign, device.Transp, to, 0, device.NoTrans, device.Matrix[T]{}, part(g.a, c.Rows, rest))
		size = rest * c.Rows
	}
	q.Copy(out, part(g.a, 1, size))
}

// multiply computes the soft minima along an axis by a product with its kernel.
func (g *grid[T]) multiply(ε T, kernel, in, out device.Matrix[T]) {
	q := g.q
	defer q.Scope()()
	shift := q.Alloc(in.Rows, 1)
	q.Reduce(device.Max, device.PerRow, in, shift)
	q.Map(device.InfToZero, shift, shift) // a row without mass
	q.AddBy(device.PerRow, -1, shift, in, in)
	q.Add(1/ε, device.NoTrans, in, 0, device.NoTrans, device.Matrix[T]{}, in)
	q.Map(device.Exp, in, in)
	q.Gemm(device.NoTrans, device.NoTrans, 1, in, kernel, 0, out)
	q.Map(device.Log, out, out)
	q.Add(-ε, device.NoTrans, out, 0, device.NoTrans, device.Matrix[T]{}, out)
	q.AddBy(device.PerRow, -1, shift, out, out)
}
