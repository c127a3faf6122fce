package sinkhorn

import (
	"fmt"
	"math"

	"github.com/ritz-go/ritz/goapi/device"
)

// Gradients of the value OT_ε of the regularised problem, whose potentials are
// at hand: by the envelope theorem only what depends on the data directly
// counts.

// GradA returns ∂OT/∂a (n) for a change of the weights that keeps their sum: F
// less its mean.
func (r *Result[T]) GradA() []T { return centred(r.F) }

// GradB returns ∂OT/∂b (m), see GradA.
func (r *Result[T]) GradB() []T { return centred(r.G) }

func centred[T device.Float](x []T) []T {
	mean := 0.0
	for _, v := range x {
		mean += float64(v) / float64(len(x))
	}
	y := make([]T, len(x))
	for k, v := range x {
		y[k] = T(float64(v) - mean)
	}
	return y
}

// GradX writes ∂OT/∂xᵢ = Σⱼ P[i,j]·∂C(xᵢ,yⱼ)/∂xᵢ into dst (n×d). The costs must
// be those of the points X and Y, of [Power] or of [InnerProduct]. Where two
// points coincide and the cost has a kink, its slope counts as 0. It reads the
// points again and takes one exponential a pair; the device must still be
// open.
func (r *Result[T]) GradX(dst device.Dense[T]) error { return r.gradients(&dst, nil) }

// GradY writes ∂OT/∂yⱼ into dst (m×d), see GradX.
func (r *Result[T]) GradY(dst device.Dense[T]) error { return r.gradients(nil, &dst) }

// cloudsOf are the points behind the costs of a reduced problem. Gradients with
// respect to them are scale times smaller than those for the caller's.
type cloudsOf struct {
	x, y  device.Dense[float64]
	power float64 // cost ‖x-y‖^power, or
	inner float64 // cost inner·⟨x,y⟩ if not 0
	scale float64
}

func (r *Result[T]) points() (cloudsOf, error) {
	d := r.reduced
	wide := device.Convert[float64, T]
	switch s := d.source.(type) {
	case *power[T]:
		return cloudsOf{x: wide(s.x), y: wide(s.y), power: s.p, scale: math.Pow(d.unit, 1-1/s.p)}, nil
	case *product[T]:
		if s.shift == 0 {
			s := r.problem.Source.pick(d.rows, d.cols).(*product[T])
			return cloudsOf{x: wide(s.a), y: wide(s.b), inner: float64(s.factor), scale: 1}, nil
		}
	case nil:
		if d.clouds() {
			return cloudsOf{x: wide(d.x), y: wide(d.y), power: float64(d.p), scale: math.Pow(d.unit, 1-1/float64(d.p))}, nil
		}
	}
	return cloudsOf{}, device.Argument("problem", "has costs that are not those of points, of Power or of InnerProduct")
}

// into checks dst and clears it.
func into[T device.Float](dst device.Dense[T], rows, cols int) error {
	if err := dst.Validate("dst"); err != nil {
		return err
	}
	if dst.Rows != rows || dst.Cols != cols {
		return &device.ShapeError{Op: "dst", Detail: fmt.Sprintf("is %d×%d, the gradient %d×%d", dst.Rows, dst.Cols, rows, cols)}
	}
	for i := range dst.Rows {
		clear(dst.Row(i))
	}
	return nil
}

// gradients writes those of the sides that are not nil.
func (r *Result[T]) gradients(byX, byY *device.Dense[T]) error {
	if r == nil || r.reduced == nil {
		return device.Argument("result", "is not one of Solve")
	}
	d := r.reduced
	c, err := r.points()
	if err != nil {
		return err
	}
	q := r.dev.F64()
	defer q.Close()
	sides := []*sideGradient{}
	for k, dst := range []*device.Dense[T]{byX, byY} {
		if dst == nil {
			continue
		}
		n := len(r.F)
		if k == 1 {
			n = len(r.G)
		}
		if err := into(*dst, n, c.x.Cols); err != nil {
			return err
		}
		sides = append(sides, newSideGradient(q, c, k == 0))
	}
	costs := widenCosts(q, d)
	x, y := device.Lend(q, c.x), device.Lend(q, c.y)
	φ, ψ := q.Alloc(1, d.n), q.Alloc(1, d.m)
	q.Upload(φ, device.Vector(r.φ))
	q.Upload(ψ, device.Vector(r.ψ))
	tile, slope := q.Alloc(costs.high, d.m), q.Alloc(costs.high, d.m)
	costs.each(func(lo, hi int, cost device.Matrix[float64]) {
		w := tile.RowRange(0, hi-lo)
		device.Gibbs(q, r.ε, φ.Slice(0, 1, lo, hi), ψ, cost, w)
		if c.inner == 0 {
			c.slopes(q, x.RowRange(lo, hi), y, w, slope.RowRange(0, hi-lo))
		}
		for _, s := range sides {
			s.take(q, lo, hi, w)
		}
	})
	for _, s := range sides {
		dst, at := byX, d.rows
		if !s.left {
			dst, at = byY, d.cols
		}
		g, err := s.finish(q, c)
		if err != nil {
			return err
		}
		for i := range g.Rows {
			to := dst.Row(index(at, i))
			for k, v := range g.Row(i) {
				to[k] = T(v * d.mass * c.scale)
			}
		}
	}
	return nil
}

// sideGradient is the gradient with respect to the points of one side, as far as
// the tiles of the plan have come.
type sideGradient struct {
	left bool
	mine device.Dense[float64]  // points of the side
	by   device.Matrix[float64] // points of the other side, and ones behind them
	sums device.Matrix[float64] // of the plan times those
}

func newSideGradient(q device.Queue[float64], c cloudsOf, left bool) *sideGradient {
	s := &sideGradient{left: left, mine: c.x}
	other := c.y
	if !left {
		s.mine, other = c.y, c.x
	}
	d := other.Cols
	s.by, s.sums = q.Alloc(other.Rows, d+1), q.Alloc(s.mine.Rows, d+1)
	q.Fill(1, s.by)
	q.Upload(s.by.Slice(0, other.Rows, 0, d), other)
	return s
}

// take adds rows [lo,hi) of the plan w. ∂C/∂x is w·(x-y), or inner·y.
func (s *sideGradient) take(q device.Queue[float64], lo, hi int, w device.Matrix[float64]) {
	if s.left {
		q.Gemm(device.NoTrans, device.NoTrans, 1, w, s.by, 0, s.sums.RowRange(lo, hi))
	} else {
		q.Gemm(device.Transp, device.NoTrans, 1, w, s.by.RowRange(lo, hi), 1, s.sums)
	}
}

// finish returns the gradient from the sums that q holds.
func (s *sideGradient) finish(q device.Queue[float64], c cloudsOf) (device.Dense[float64], error) {
	sums := device.NewDense[float64](s.sums.Rows, s.sums.Cols)
	q.Download(sums, s.sums)
	d := s.mine.Cols
	for i := range sums.Rows {
		row := sums.Row(i)
		for k, x := range s.mine.Row(i) {
			if c.inner != 0 {
				row[k] *= c.inner
			} else {
				row[k] = row[d]*x - row[k]
			}
		}
	}
	return sums.Slice(0, sums.Rows, 0, d), q.Sync()
}

// slopes multiplies the plan in w by p·‖x-y‖^(p-2), with which x-y becomes the
// derivative of ‖x-y‖^p. scratch is as large as w.
func (c cloudsOf) slopes(q device.Queue[float64], x, y, w, scratch device.Matrix[float64]) {
	none := device.Matrix[float64]{}
	switch p := c.power; p {
	case 2:
	case 1:
		device.PairwiseCost(q, 1, x, y, scratch)
		q.Map(device.Inv, scratch, scratch)
		q.Map(device.InfToZero, scratch, scratch)
		q.Mul(w, scratch, w)
	default:
		device.PairwiseCost(q, 2, x, y, scratch)
		q.Map(device.Log, scratch, scratch)
		q.Add(p/2-1, device.NoTrans, scratch, 0, device.NoTrans, none, scratch)
		q.Map(device.Exp, scratch, scratch) // ∞ for coincident points and p < 2
		q.Map(device.InfToZero, scratch, scratch)
		q.Mul(w, scratch, w)
	}
	if c.power != 1 {
		q.Add(c.power, device.NoTrans, w, 0, device.NoTrans, none, w)
	}
}
