package hessianalign

import (
	"context"
	"fmt"

	"github.com/ritz-go/ritz/goapi/device"
)

// Product computes H·V for k directions of C×D, stacked as kC×D, into out,
// after Evaluate: two matrix products, 4·k·n·C·D operations.
func (m *Domain[T]) Product(q device.Queue[T], v, out device.Matrix[T]) error {
	if err := m.checkStack("directions", v, out); err != nil {
		return err
	}
	defer q.Scope()()
	u := q.Alloc(m.x.Rows, v.Rows)
	m.weigh(q, v, u)
	q.Gemm(device.Transp, device.NoTrans, T(1/float64(m.x.Rows)), u, m.x, 0, out)
	return nil
}

// weigh computes S = P∘(U - rowsum(P∘U)), U = X·Vᵀ, for each direction of the
// stack. For a single logit the sum over the only class makes it p(1-p)·u.
func (m *Domain[T]) weigh(q device.Queue[T], v, s device.Matrix[T]) {
	defer q.Scope()()
	q.Gemm(device.NoTrans, device.Transp, 1, m.x, v, 0, s)
	mean := q.Alloc(m.x.Rows, 1)
	for _, b := range m.blocks(s) {
		q.Dot(device.PerRow, m.p, b, mean)
		q.AddBy(device.PerRow, -1, mean, b, b)
		q.Mul(m.p, b, b)
	}
}

// blocks returns the views of the columns of a stack, C for each direction.
func (m *Domain[T]) blocks(s device.Matrix[T]) []device.Matrix[T] {
	c := m.y.Cols
	views := make([]device.Matrix[T], s.Cols/c)
	for i := range views {
		views[i] = s.Slice(0, s.Rows, i*c, (i+1)*c)
	}
	return views
}

func (m *Domain[T]) checkStack(name string, v, out device.Matrix[T]) error {
	if err := device.CheckSame(name, v, out); err != nil {
		return err
	}
	if v.Cols != m.x.Cols || v.Rows%m.y.Cols != 0 || v.Rows == 0 {
		return &device.ShapeError{Op: name, Detail: fmt.Sprintf("%d×%d is no stack of %d×%d", v.Rows, v.Cols, m.y.Cols, m.x.Cols)}
	}
	return nil
}

// Diagonal computes the diagonal of H, C×D, into out, after Evaluate: one
// matrix product, and exact.
func (m *Domain[T]) Diagonal(q device.Queue[T], out device.Matrix[T]) error {
	if err := device.CheckSame("diagonal", out, m.g); err != nil {
		return err
	}
	defer q.Scope()()
	square, variance := q.Alloc(m.x.Rows, m.x.Cols), q.Alloc(m.x.Rows, m.y.Cols)
	m.variance(q, variance)
	q.Mul(m.x, m.x, square)
	q.Gemm(device.Transp, device.NoTrans, T(1/float64(m.x.Rows)), variance, square, 0, out)
	return nil
}

// variance computes P∘(1-P).
func (m *Domain[T]) variance(q device.Queue[T], out device.Matrix[T]) {
	q.Mul(m.p, m.p, out)
	q.Add(1, device.NoTrans, m.p, -1, device.NoTrans, out, out)
}

// probeBlock is the number of probes that share two matrix products.
const probeBlock = 16

// EstimateDiagonal computes Hutchinson's estimate of the diagonal, the mean of
// z∘(H·z) over Rademacher vectors z, into out (C×D), after Evaluate. Its
// variance is Σ_{j≠i} Hᵢⱼ²/probes for entry i. [Domain.Diagonal] is exact and
// costs no more than a probe; this is for comparison.
func (m *Domain[T]) EstimateDiagonal(ctx context.Context, q device.Queue[T], probes int, seed uint64, out device.Matrix[T]) error {
	if probes < 1 {
		return device.Argument("probes", "are %d, must be at least 1", probes)
	}
	if err := device.CheckSame("diagonal", out, m.g); err != nil {
		return err
	}
	q.Fill(0, out)
	return m.eachProbe(ctx, q, probes, seed, func(z device.Matrix[T]) error {
		defer q.Scope()()
		hz := q.Alloc(z.Rows, z.Cols)
		if err := m.Product(q, z, hz); err != nil {
			return err
		}
		q.Mul(z, hz, hz)
		m.addBlocks(q, T(1/float64(probes)), hz, out)
		return nil
	})
}

// eachProbe calls f for the probes in stacks.
func (m *Domain[T]) eachProbe(ctx context.Context, q device.Queue[T], probes int, seed uint64, f func(z device.Matrix[T]) error) error {
	defer q.Scope()()
	c := m.y.Cols
	all := q.Alloc(min(probes, probeBlock)*c, m.x.Cols)
	for lo := 0; lo < probes; lo += probeBlock {
		if err := ctx.Err(); err != nil {
			return err
		}
		z := all.RowRange(0, min(probeBlock, probes-lo)*c)
		q.Random(device.Rademacher, seed, uint64(lo/probeBlock), z)
		if err := f(z); err != nil {
			return err
		}
	}
	return nil
}

// addBlocks adds α times the sum of the C×D matrices of a stack to out.
func (m *Domain[T]) addBlocks(q device.Queue[T], α T, stack, out device.Matrix[T]) {
	c := m.y.Cols
	for lo := 0; lo < stack.Rows; lo += c {
		q.Add(α, device.NoTrans, stack.RowRange(lo, lo+c), 1, device.NoTrans, out, out)
	}
}

// mulBlocks stores α·d∘z in out, for each C×D matrix z of a stack.
func (m *Domain[T]) mulBlocks(q device.Queue[T], α T, d, stack, out device.Matrix[T]) {
	c := m.y.Cols
	for lo := 0; lo < stack.Rows; lo += c {
		o := out.RowRange(lo, lo+c)
		q.Mul(d, stack.RowRange(lo, lo+c), o)
		q.Add(α, device.NoTrans, o, 0, device.NoTrans, device.Matrix[T]{}, o)
	}
}

// GradientVariance computes the variance of a sample's gradient, entry by
// entry, into out (C×D), after Evaluate: one matrix product.
func (m *Domain[T]) GradientVariance(q device.Queue[T], out device.Matrix[T]) error {
	if err := device.CheckSame("gradient variance", out, m.g); err != nil {
		return err
	}
	defer q.Scope()()
	square, excess := q.Alloc(m.x.Rows, m.x.Cols), q.Alloc(m.x.Rows, m.y.Cols)
	mean := q.Alloc(m.g.Rows, m.g.Cols)
	q.Mul(m.x, m.x, square)
	q.Mul(m.excess, m.excess, excess)
	q.Gemm(device.Transp, device.NoTrans, T(1/float64(m.x.Rows)), excess, square, 0, out)
	q.Mul(m.g, m.g, mean)
	q.Add(1, device.NoTrans, out, -1, device.NoTrans, mean, out)
	return nil
}
