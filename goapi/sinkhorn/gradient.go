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
func (r *Result[T]) GradX(dst device.Dense[T]) error { return r.gradient(dst, true) }

// GradY writes ∂OT/∂yⱼ into dst (m×d), see GradX.
func (r *Result[T]) GradY(dst device.Dense[T]) error { return r.gradient(dst, false) }

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

func (r *Result[T]) gradient(dst device.Dense[T], left bool) error {
	if r == nil || r.reduced == nil {
		return device.Argument("result", "is not one of Solve")
	}
	d := r.reduced
	c, err := r.points()
	if err != nil {
		return err
	}
	n, at := len(r.F), d.rows
	if !left {
		n, at = len(r.G), d.cols
	}
	if err := into(dst, n, c.x.Cols); err != nil {
		return err
	}
	q := r.dev.F64()
	defer q.Close()
	costs := widenCosts(q, d)
	x, y := device.Lend(q, c.x), device.Lend(q, c.y)
	φ, ψ := q.Alloc(1, d.n), q.Alloc(1, d.m)
	q.Upload(φ, device.Vector(r.φ))
	q.Upload(ψ, device.Vector(r.ψ))
	tile, slope := q.Alloc(costs.high, d.m), q.Alloc(costs.high, d.m)
	grad := q.Alloc(d.m, x.Cols)
	if left {
		grad = q.Alloc(d.n, x.Cols)
	}
	weight := q.Alloc(1, max(d.n, d.m))
	own := q.Alloc(grad.Rows, x.Cols)
	total := weight.Slice(0, 1, 0, d.m)
	part := q.Alloc(1, d.m)
	costs.each(func(lo, hi int, cost device.Matrix[float64]) {
		w := tile.RowRange(0, hi-lo)
		device.Gibbs(q, r.ε, φ.Slice(0, 1, lo, hi), ψ, cost, w)
		if c.inner == 0 {
			c.slopes(q, x.RowRange(lo, hi), y, w, slope.RowRange(0, hi-lo))
		}
		// ∂C/∂x = w·(x-y), or inner·y.
		if left {
			g := grad.RowRange(lo, hi)
			q.Gemm(device.NoTrans, device.NoTrans, 1, w, y, 0, g)
			q.Reduce(device.Sum, device.PerRow, w, weight.Slice(0, 1, lo, hi))
			return
		}
		q.Gemm(device.Transp, device.NoTrans, 1, w, x.RowRange(lo, hi), 1, grad)
		q.Reduce(device.Sum, device.PerCol, w, part)
		q.Add(1, device.NoTrans, total, 1, device.NoTrans, part, total)
	})
	if c.inner != 0 {
		q.Add(c.inner, device.NoTrans, grad, 0, device.NoTrans, device.Matrix[float64]{}, grad)
	} else {
		mine := x
		if !left {
			mine = y
		}
		q.ScaleBy(device.PerRow, weight.Slice(0, 1, 0, grad.Rows), mine, own)
		q.Add(1, device.NoTrans, own, -1, device.NoTrans, grad, grad)
	}
	host := device.NewDense[float64](grad.Rows, grad.Cols)
	q.Download(host, grad)
	if err := q.Sync(); err != nil {
		return err
	}
	scale := d.mass * c.scale
	for i := range host.Rows {
		to := dst.Row(index(at, i))
		for k, v := range host.Row(i) {
			to[k] = T(v * scale)
		}
	}
	return nil
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
