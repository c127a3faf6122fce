package sinkhorn

import "github.com/ritz-go/ritz/goapi/device"

// tileElements is the size of a tile of costs: small enough that the passes
// over one tile find it in the cache, large enough for several threads.
const tileElements = 1 << 18

// costs hands out the cost matrix of a reduced problem on the device: whole if
// it is stored there, otherwise in tiles of rows.
type costs[T device.Float] struct {
	q    device.Queue[T]
	n, m int
	high int // rows of a tile

	stored device.Matrix[T]                        // all costs, or zero
	x, y   device.Matrix[T]                        // clouds, or zero
	p      int                                     // their exponent
	tile   device.Matrix[T]                        // what fill writes
	fill   func(lo, hi int, tile device.Matrix[T]) // used unless stored
	grid   *grid[T]                                // computes all soft minima, or nil
	// truncated computes all soft minima from the pairs that count, or is nil.
	truncated *truncated[T]
}

func tileRows(n, m int) int { return min(n, max(1, tileElements/m)) }

// newCosts takes the costs to the device, or the points, and computes the
// costs if they take no more than memory bytes.
func newCosts[T device.Float](q device.Queue[T], r *reduced[T], memory int64) *costs[T] {
	c := &costs[T]{q: q, n: r.n, m: r.m, high: tileRows(r.n, r.m)}
	if !r.clouds() && r.source == nil {
		c.stored = device.Lend(q, r.cost)
		return c
	}
	if r.source != nil {
		c.fill = r.source.filler(q)
	} else {
		c.pairs(r.p, r.x, r.y)
	}
	if fits[T](r.n, r.m, memory) {
		all := q.Alloc(r.n, r.m)
		c.fill(0, r.n, all)
		c.stored = all
	} else {
		c.tile = q.Alloc(c.high, r.m)
	}
	return c
}

// widenCosts is newCosts on a float64 queue for the certificate: it stores
// one tile only.
func widenCosts[T device.Float](q device.Queue[float64], r *reduced[T]) *costs[float64] {
	c := &costs[float64]{q: q, n: r.n, m: r.m, high: tileRows(r.n, r.m)}
	c.tile = q.Alloc(c.high, c.m)
	if r.source != nil {
		c.fill = r.source.widen().filler(q)
		return c
	}
	if r.clouds() {
		c.pairs(r.p, device.Convert[float64](r.x), device.Convert[float64](r.y))
		return c
	}
	host := device.NewDense[float64](c.high, r.m)
	c.fill = func(lo, hi int, tile device.Matrix[float64]) {
		for i := lo; i < hi; i++ {
			row := host.Row(i - lo)
			for j, v := range r.cost.Row(i) {
				row[j] = float64(v)
			}
		}
		q.Upload(tile, host.Slice(0, hi-lo, 0, r.m))
	}
	return c
}

// pairs makes the distances between points the source of c.
func (c *costs[T]) pairs(p int, x, y device.Dense[T]) {
	c.p, c.x, c.y = p, c.q.Alloc(x.Rows, x.Cols), c.q.Alloc(y.Rows, y.Cols)
	c.q.Upload(c.x, x)
	c.q.Upload(c.y, y)
	c.fill = func(lo, hi int, tile device.Matrix[T]) {
		device.PairwiseCost(c.q, p, c.x.RowRange(lo, hi), c.y, tile)
	}
}

// online reports whether the costs are distances that are not stored.
func (c *costs[T]) online() bool { return c.stored.IsZero() && !c.x.IsZero() }

// onePass reports whether logStep is faster than softMin.
func (c *costs[T]) onePass() bool {
	_, fused := c.q.(device.LogStepper[T])
	return fused && !c.online() && c.grid == nil && c.truncated == nil
}

// fits reports whether n·m elements of T take no more than memory bytes.
func fits[T device.Float](n, m int, memory int64) bool {
	size := int64(8)
	if device.Epsilon[T]() > 1e-10 {
		size = 4
	}
	return int64(n) <= memory/size/int64(m)
}

// each calls do with the costs of rows [lo,hi), tile by tile. do must not
// write into the tile.
func (c *costs[T]) each(do func(lo, hi int, tile device.Matrix[T])) {
	for lo := 0; lo < c.n; lo += c.high {
		hi := min(c.n, lo+c.high)
		tile := c.stored.RowRange(lo, hi)
		if c.stored.IsZero() {
			tile = c.tile.RowRange(0, hi-lo)
			c.fill(lo, hi, tile)
		}
		do(lo, hi, tile)
	}
}

// softMinRows computes φ[i] = add[i] - ε·log Σⱼ exp((ψ[j]-C[i,j])/ε), the
// minimum for ε = 0, all vectors being single rows. add may be the zero Matrix.
func (c *costs[T]) softMinRows(ε T, ψ, add, φ device.Matrix[T]) {
	switch {
	case c.grid != nil:
		c.grid.rows(ε, ψ, φ)
	case c.truncated != nil:
		c.truncated.softMin(0, ε, ψ, φ)
	case !c.stored.IsZero():
		device.SoftMin(c.q, device.PerRow, ε, c.stored, ψ, φ)
	case c.online() && ε > 0:
		device.SoftMinPoints(c.q, c.p, ε, c.x, c.y, ψ, φ)
	default:
		c.each(func(lo, hi int, tile device.Matrix[T]) {
			device.SoftMin(c.q, device.PerRow, ε, tile, ψ, φ.Slice(0, 1, lo, hi))
		})
	}
	c.plus(add, φ)
}

// rows and cols make c a transform.
func (c *costs[T]) rows(ε T, ψ, out device.Matrix[T]) {
	c.softMinRows(ε, ψ, device.Matrix[T]{}, out)
}

func (c *costs[T]) cols(ε T, φ, out device.Matrix[T]) {
	if !c.stored.IsZero() {
		device.SoftMin(c.q, device.PerCol, ε, c.stored, φ, out)
		return
	}
	defer c.q.Scope()()
	two, zero := c.q.Alloc(2, c.m), c.q.Alloc(1, 2)
	c.each(func(lo, hi int, tile device.Matrix[T]) {
		c.merge(ε, lo == 0, tile, φ.Slice(0, 1, lo, hi), two, zero, out)
	})
	c.q.Copy(out, two.Row(0))
}

// merge takes a tile into the soft minima over rows, which two holds in its
// first row: the soft minimum over all rows is that of the minima of tiles.
func (c *costs[T]) merge(ε T, first bool, tile, φ, two, zero, out device.Matrix[T]) {
	if first {
		device.SoftMin(c.q, device.PerCol, ε, tile, φ, two.Row(0))
		return
	}
	device.SoftMin(c.q, device.PerCol, ε, tile, φ, two.Row(1))
	device.SoftMin(c.q, device.PerCol, ε, two, zero, out)
	c.q.Copy(two.Row(0), out)
}

// softMin computes both half steps, φ = addRow + softmin(ψ) and then
// χ = addCol + softmin(φ), with one computation of the costs.
func (c *costs[T]) softMin(ε T, ψ, addRow, addCol, φ, χ device.Matrix[T]) {
	if !c.stored.IsZero() {
		c.softMinRows(ε, ψ, addRow, φ)
		device.SoftMin(c.q, device.PerCol, ε, c.stored, φ, χ)
		c.plus(addCol, χ)
		return
	}
	if c.grid != nil || c.truncated != nil {
		c.softMinRows(ε, ψ, addRow, φ)
		if c.grid != nil {
			c.grid.cols(ε, φ, χ)
		} else {
			c.truncated.softMin(1, ε, φ, χ)
		}
		c.plus(addCol, χ)
		return
	}
	if c.online() && ε > 0 {
		c.softMinRows(ε, ψ, addRow, φ)
		device.SoftMinPoints(c.q, c.p, ε, c.y, c.x, φ, χ)
		c.plus(addCol, χ)
		return
	}
	defer c.q.Scope()()
	two, zero := c.q.Alloc(2, c.m), c.q.Alloc(1, 2)
	c.each(func(lo, hi int, tile device.Matrix[T]) {
		part := φ.Slice(0, 1, lo, hi)
		device.SoftMin(c.q, device.PerRow, ε, tile, ψ, part)
		if !addRow.IsZero() {
			c.plus(addRow.Slice(0, 1, lo, hi), part)
		}
		c.merge(ε, lo == 0, tile, part, two, zero, χ)
	})
	c.q.Copy(χ, two.Row(0))
	c.plus(addCol, χ)
}

// logStep computes, as device.LogStepEntries does, the potentials φ whose plan
// has the row sums a, and the sums of the columns of that plan; e may be nil.
func (c *costs[T]) logStep(ε T, ψ, a, φ, sums device.Matrix[T], least T, e *device.Entries[T]) {
	do := func(lo, hi int, tile, s device.Matrix[T]) {
		rows, part := a.Slice(0, 1, lo, hi), φ.Slice(0, 1, lo, hi)
		if e == nil {
			device.LogStep(c.q, ε, tile, ψ, rows, part, s)
		} else {
			device.LogStepEntries(c.q, ε, tile, ψ, rows, part, s, least, e)
		}
	}
	if !c.stored.IsZero() {
		do(0, c.n, c.stored, sums)
		return
	}
	defer c.q.Scope()()
	part := c.q.Alloc(1, c.m)
	c.each(func(lo, hi int, tile device.Matrix[T]) {
		if lo == 0 {
			do(lo, hi, tile, sums)
			return
		}
		do(lo, hi, tile, part)
		c.q.Add(1, device.NoTrans, sums, 1, device.NoTrans, part, sums)
	})
}

// planCosts computes, as device.PlanCosts does, the potentials φ whose plan has
// the row sums a, and the sums and costs of the columns of that plan.
func (c *costs[T]) planCosts(ε T, ψ, a, φ, sums, spent device.Matrix[T]) {
	if !c.stored.IsZero() {
		device.PlanCosts(c.q, ε, c.stored, ψ, a, φ, sums, spent)
		return
	}
	defer c.q.Scope()()
	part, cost := c.q.Alloc(1, c.m), c.q.Alloc(1, c.m)
	c.q.Fill(0, sums)
	c.q.Fill(0, spent)
	c.each(func(lo, hi int, tile device.Matrix[T]) {
		device.PlanCosts(c.q, ε, tile, ψ, a.Slice(0, 1, lo, hi), φ.Slice(0, 1, lo, hi), part, cost)
		c.plus(part, sums)
		c.plus(cost, spent)
	})
}

// minTransform computes, as device.MinTransform does, f = min(C-g), then
// h = min(C-f), and d = C·w.
func (c *costs[T]) minTransform(g, w, f, h, d device.Matrix[T]) {
	if !c.stored.IsZero() {
		device.MinTransform(c.q, c.stored, g, w, f, h, d)
		return
	}
	defer c.q.Scope()()
	two, zero := c.q.Alloc(2, c.m), c.q.Alloc(1, 2)
	c.each(func(lo, hi int, tile device.Matrix[T]) {
		low := two.Row(1)
		if lo == 0 {
			low = two.Row(0)
		}
		device.MinTransform(c.q, tile, g, w, f.Slice(0, 1, lo, hi), low, d.Slice(0, 1, lo, hi))
		if lo > 0 {
			device.SoftMin(c.q, device.PerCol, 0, two, zero, h)
			c.q.Copy(two.Row(0), h)
		}
	})
	c.q.Copy(h, two.Row(0))
}

func (c *costs[T]) plus(add, v device.Matrix[T]) {
	if !add.IsZero() {
		c.q.Add(1, device.NoTrans, v, 1, device.NoTrans, add, v)
	}
}

// gibbs stores exp((φ[i]+ψ[j]-C[i,j])/ε) in k.
func (c *costs[T]) gibbs(ε T, φ, ψ, k device.Matrix[T]) {
	if !c.stored.IsZero() {
		device.Gibbs(c.q, ε, φ, ψ, c.stored, k)
		return
	}
	c.each(func(lo, hi int, tile device.Matrix[T]) {
		// Gibbs wants f as a vector of the tile's rows.
		device.Gibbs(c.q, ε, φ.Slice(0, 1, lo, hi), ψ, tile, k.RowRange(lo, hi))
	})
}
