package sinkhorn

import (
	"context"
	"math"

	"github.com/ritz-go/ritz/goapi/device"
)

// deviceSystem solves the system of Newton's method (see system) by conjugate
// gradients that run on a device: nothing but the residual's size comes back,
// once for some iterations, which are recorded. The diagonal preconditions. It
// takes three to ten times as many iterations as the approximate factorization,
// whose substitutions, one unknown after the other, are no work for a GPU.
type deviceSystem struct {
	q          device.Queue[float64]
	s, st      *device.Sparse[float64] // S and its transpose
	inverseA   device.Matrix[float64]  // n×1: 1/a
	p, inverse device.Matrix[float64]  // m×1: p, and 1 over the diagonal of the system
	x, r, z    device.Matrix[float64]  // m×1
	d, w       device.Matrix[float64]  // m×1: direction, and its image
	u          device.Matrix[float64]  // n×1
	numbers    device.Matrix[float64]  // 1×4: ⟨r,z⟩, the same before, a factor, ‖r‖²
	sequence   *device.Sequence[float64]
	diagonal   []float64
}

const (
	stepsAtOnce = 8    // iterations between two looks at the residual
	mostSteps   = 1000 // iterations after which the factorization is the faster way
)

// prepare allocates for an n×m matrix on q. The memory lives as long as q.
func (c *deviceSystem) prepare(q device.Queue[float64], n, m int) {
	if c.q == q {
		return
	}
	*c = deviceSystem{q: q, sequence: device.NewSequence(q), numbers: q.Alloc(1, 4)}
	for _, v := range []*device.Matrix[float64]{&c.p, &c.inverse, &c.x, &c.r, &c.z, &c.d, &c.w} {
		*v = q.Alloc(m, 1)
	}
	c.inverseA, c.u = q.Alloc(n, 1), q.Alloc(n, 1)
}

// load brings a system to the device. ok is false if rounding has made its
// diagonal useless.
func (c *deviceSystem) load(s *sparse, a, p []float64, τ float64) (ok bool, err error) {
	c.diagonal = grow(c.diagonal, s.m)
	inverse, raised := make([]float64, s.n), make([]float64, s.m)
	for i, v := range a {
		inverse[i] = 1 / ((1 + τ) * v)
	}
	for j, v := range p {
		raised[j] = (1 + τ) * v
		x := raised[j]
		for k := s.colStart[j]; k < s.colStart[j+1]; k++ {
			x -= s.val[k] * s.val[k] * inverse[s.row[k]]
		}
		if !(x > 0) || math.IsInf(1/x, 0) {
			return false, nil
		}
		c.diagonal[j] = 1 / x
	}
	if c.s, err = device.SparseOf(s.n, s.m, s.rows); err != nil {
		return false, err
	}
	transposed := device.Entries[float64]{Start: s.colStart, Col: s.row, Val: s.val}
	if c.st, err = device.SparseOf(s.m, s.n, transposed); err != nil {
		return false, err
	}
	for _, v := range []struct {
		to   device.Matrix[float64]
		from []float64
	}{{c.inverseA, inverse}, {c.p, raised}, {c.inverse, c.diagonal}} {
		c.q.Upload(v.to, columnOf(v.from))
	}
	return true, nil
}

// columnOf returns x as a column.
func columnOf(x []float64) device.Dense[float64] {
	return device.Dense[float64]{Rows: len(x), Cols: 1, Stride: 1, Data: x}
}

// solve is system.solve, and returns 0 iterations where it has not reached tol.
func (c *deviceSystem) solve(ctx context.Context, q device.Queue[float64], s *sparse, a, p []float64, τ float64, rhs, x []float64, tol float64) (iterations int, err error) {
	c.prepare(q, s.n, s.m)
	defer func() {
		device.ForgetSparse(q, c.s) // the elements will change
		device.ForgetSparse(q, c.st)
	}()
	if ok, err := c.load(s, a, p, τ); !ok || err != nil {
		return 0, err
	}
	q.Fill(0, c.x)
	q.Upload(c.r, columnOf(rhs))
	q.Mul(c.inverse, c.r, c.z)
	q.Copy(c.d, c.z)
	q.Dot(device.Whole, c.r, c.z, c.number(0))
	goal := tol * math.Sqrt(dot(rhs, rhs))
	for iterations < mostSteps {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		c.sequence.Run(c.s, func() {
			for range stepsAtOnce {
				c.step()
			}
			q.Reduce(device.SumSquares, device.Whole, c.r, c.number(3))
		})
		iterations += stepsAtOnce
		square := make([]float64, 1)
		q.Download(device.Vector(square), c.number(3))
		if err := q.Sync(); err != nil {
			return 0, err
		}
		if size := math.Sqrt(square[0]); size-size != 0 {
			return 0, nil // singular to working precision
		} else if size <= goal {
			q.Download(columnOf(x), c.x)
			return iterations, q.Sync()
		}
	}
	return 0, nil
}

func (c *deviceSystem) number(i int) device.Matrix[float64] { return c.numbers.Slice(0, 1, i, i+1) }

// ratio stores number i over number j, or 0 for j = 0, as the factor.
func (c *deviceSystem) ratio(i, j int) {
	f := c.number(2)
	c.q.Map(device.Inv, c.number(j), f)
	c.q.Map(device.InfToZero, f, f)
	c.q.Mul(f, c.number(i), f)
}

// step is one iteration.
func (c *deviceSystem) step() {
	const no = device.NoTrans
	q, rz, before, f := c.q, c.number(0), c.number(1), c.number(2)
	device.SparseMul(q, 1, c.s, c.d, 0, c.u)
	q.Mul(c.u, c.inverseA, c.u)
	q.Mul(c.p, c.d, c.w)
	device.SparseMul(q, -1, c.st, c.u, 1, c.w)
	q.Dot(device.Whole, c.d, c.w, before)
	c.ratio(0, 1)
	q.Gemm(no, no, 1, c.d, f, 1, c.x)
	q.Gemm(no, no, -1, c.w, f, 1, c.r)
	q.Mul(c.inverse, c.r, c.z)
	q.Copy(before, rz)
	q.Dot(device.Whole, c.r, c.z, rz)
	c.ratio(0, 1)
	q.Gemm(no, no, 1, c.d, f, 0, c.w)
	q.Add(1, no, c.w, 1, no, c.z, c.d)
}
