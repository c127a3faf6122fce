package sinkhorn

import (
	"context"
	"fmt"
	"math"

	"github.com/ritz-go/ritz/goapi/device"
)

// HessianX writes into dst (n×d) the product of the Hessian of OT_ε with
// respect to the points X and the direction z (n×d), for the costs ‖x-y‖² of
// the points of a problem. How the potentials follow the points is the solution
// of the linear system
//
//	⎡diag(P·1)  P         ⎤ ⎡df⎤   ⎡(P∘dC)·1 ⎤
//	⎣Pᵀ         diag(Pᵀ·1)⎦ ⎣dg⎦ = ⎣(P∘dC)ᵀ·1⎦,  dC[i,j] = 2·⟨xᵢ-yⱼ,zᵢ⟩,
//
// by conjugate gradients on its Schur complement, to the relative residual tol
// (0 stands for 1e-10). It holds the plan, n·m float64, in device memory, which
// must still be open.
func (r *Result[T]) HessianX(ctx context.Context, z, dst device.Dense[T], tol float64) error {
	if r == nil || r.reduced == nil {
		return device.Argument("result", "is not one of Solve")
	}
	c, err := r.points()
	if err != nil {
		return err
	}
	if c.power != 2 {
		return device.Argument("problem", "has costs that are not ‖x-y‖²")
	}
	if !(tol >= 0 && tol < 1) {
		return device.Argument("tol", "is %v, must be in [0,1)", tol)
	}
	if tol == 0 {
		tol = 1e-10
	}
	if err := device.CheckInput("z", z); err != nil {
		return err
	}
	if z.Rows != len(r.F) || z.Cols != c.x.Cols {
		return &device.ShapeError{Op: "z", Detail: fmt.Sprintf("is %d×%d, the points %d×%d", z.Rows, z.Cols, len(r.F), c.x.Cols)}
	}
	if err := into(dst, z.Rows, z.Cols); err != nil {
		return err
	}
	h, err := newResponse(r, c)
	if err != nil {
		return err
	}
	defer h.q.Close()
	dir := device.Convert[float64](pickRows(z, r.reduced.rows))
	out, err := h.apply(ctx, dir, tol)
	if err != nil {
		return err
	}
	for i := range out.Rows {
		to := dst.Row(index(r.reduced.rows, i))
		for k, v := range out.Row(i) {
			to[k] = T(v * r.reduced.mass)
		}
	}
	return nil
}

// response is what the potentials' response to moving points needs.
type response struct {
	q          device.Queue[float64]
	ε          float64
	x, y       device.Dense[float64]
	plan       device.Matrix[float64]
	rows, cols []float64 // sums of the plan
}

func newResponse[T device.Float](r *Result[T], c cloudsOf) (*response, error) {
	d, q := r.reduced, r.dev.F64()
	h := &response{q: q, ε: r.ε, x: c.x, y: c.y, rows: make([]float64, d.n), cols: make([]float64, d.m)}
	h.plan = q.Alloc(d.n, d.m)
	φ, ψ, rows, cols := q.Alloc(1, d.n), q.Alloc(1, d.m), q.Alloc(1, d.n), q.Alloc(1, d.m)
	q.Upload(φ, device.Vector(r.φ))
	q.Upload(ψ, device.Vector(r.ψ))
	widenCosts(q, d).gibbs(r.ε, φ, ψ, h.plan)
	q.Reduce(device.Sum, device.PerRow, h.plan, rows)
	q.Reduce(device.Sum, device.PerCol, h.plan, cols)
	q.Download(device.Vector(h.rows), rows)
	q.Download(device.Vector(h.cols), cols)
	if err := q.Sync(); err != nil {
		q.Close()
		return nil, err
	}
	return h, nil
}

// times returns P·v, or Pᵀ·v, for the columns of v.
func (h *response) times(t device.Trans, v device.Dense[float64]) (device.Dense[float64], error) {
	defer h.q.Scope()()
	rows := h.plan.Rows
	if t == device.Transp {
		rows = h.plan.Cols
	}
	in, out := h.q.Alloc(v.Rows, v.Cols), h.q.Alloc(rows, v.Cols)
	h.q.Upload(in, v)
	h.q.Gemm(t, device.NoTrans, 1, h.plan, in, 0, out)
	host := device.NewDense[float64](rows, v.Cols)
	h.q.Download(host, out)
	return host, h.q.Sync()
}

func column(v []float64) device.Dense[float64] {
	return device.Dense[float64]{Rows: len(v), Cols: 1, Stride: 1, Data: v}
}

// apply returns the Hessian of the reduced problem times z.
func (h *response) apply(ctx context.Context, z device.Dense[float64], tol float64) (device.Dense[float64], error) {
	n, m, d := h.x.Rows, h.y.Rows, h.x.Cols
	none := device.Dense[float64]{}
	py, err := h.times(device.NoTrans, h.y)
	if err != nil {
		return none, err
	}
	// z with ⟨x,z⟩ behind, for one product.
	zx := device.NewDense[float64](n, d+1)
	for i := range n {
		copy(zx.Row(i), z.Row(i))
		zx.Set(i, d, dot(h.x.Row(i), z.Row(i)))
	}
	pz, err := h.times(device.Transp, zx)
	if err != nil {
		return none, err
	}
	left, right := make([]float64, n), make([]float64, m)
	for i := range left {
		left[i] = 2 * (zx.At(i, d)*h.rows[i] - dot(py.Row(i), z.Row(i)))
	}
	for j := range right {
		right[j] = 2 * (pz.At(j, d) - dot(h.y.Row(j), pz.Row(j)[:d]))
	}
	df, dg, err := h.potentials(ctx, left, right, tol)
	if err != nil {
		return none, err
	}
	// Σⱼ dP[i,j]·yⱼ with dP = P∘(df+dg-dC)/ε, coordinate by coordinate of
	// the part Σⱼ P[i,j]·⟨yⱼ,zᵢ⟩·yⱼ.
	out := device.NewDense[float64](n, d)
	scaled := device.NewDense[float64](m, d)
	for j := range m {
		for k, v := range h.y.Row(j) {
			scaled.Set(j, k, dg[j]*v)
		}
	}
	pgy, err := h.times(device.NoTrans, scaled)
	if err != nil {
		return none, err
	}
	moved := device.NewDense[float64](n, d)
	for l := range d {
		for j := range m {
			for k, v := range h.y.Row(j) {
				scaled.Set(j, k, h.y.At(j, l)*v)
			}
		}
		pyy, err := h.times(device.NoTrans, scaled)
		if err != nil {
			return none, err
		}
		for i := range n {
			for k, v := range pyy.Row(i) {
				moved.Row(i)[k] += 2 * z.At(i, l) * v
			}
		}
	}
	for i := range n {
		for k := range d {
			dpy := (df[i]*py.At(i, k) + pgy.At(i, k) - 2*zx.At(i, d)*py.At(i, k) + moved.At(i, k)) / h.ε
			out.Set(i, k, 2*(h.rows[i]*z.At(i, k)-dpy))
		}
	}
	return out, nil
}

// potentials solves the linear system by conjugate gradients on
// diag(Pᵀ1) - Pᵀ·diag(P1)⁻¹·P, scaled by its diagonal part. Constants are in
// its null space and stay out of the iteration.
func (h *response) potentials(ctx context.Context, left, right []float64, tol float64) (df, dg []float64, err error) {
	scaledLeft := make([]float64, len(left))
	over := func(x []float64) []float64 {
		for i, v := range x {
			scaledLeft[i] = v / h.rows[i]
		}
		return scaledLeft
	}
	pt, err := h.times(device.Transp, column(over(left)))
	if err != nil {
		return nil, nil, err
	}
	m := len(right)
	res, dg := make([]float64, m), make([]float64, m)
	for j := range res {
		res[j] = right[j] - pt.Data[j]
	}
	project := func(x []float64) { // onto the range: a sum of 0
		sum, mass := 0.0, 0.0
		for j, v := range x {
			sum, mass = sum+v, mass+h.cols[j]
		}
		for j := range x {
			x[j] -= sum / mass * h.cols[j]
		}
	}
	project(res)
	z, dir := make([]float64, m), make([]float64, m)
	precondition := func() float64 {
		for j, v := range res {
			z[j] = v / h.cols[j]
		}
		return dot(res, z)
	}
	ρ := precondition()
	start := ρ
	copy(dir, z)
	limit := 10*m + 100
	for k := 0; ρ > tol*tol*start; k++ {
		if err := ctx.Err(); err != nil {
			return nil, nil, err
		}
		if k == limit {
			return nil, nil, &device.NotConvergedError{Method: "conjugate gradients for the potentials", Iterations: k, Achieved: math.Sqrt(ρ / start), Wanted: tol}
		}
		pd, err := h.times(device.NoTrans, column(dir))
		if err != nil {
			return nil, nil, err
		}
		if pt, err = h.times(device.Transp, column(over(pd.Data))); err != nil {
			return nil, nil, err
		}
		for j, v := range dir {
			pt.Data[j] = h.cols[j]*v - pt.Data[j]
		}
		α := ρ / dot(dir, pt.Data)
		for j := range dg {
			dg[j] += α * dir[j]
			res[j] -= α * pt.Data[j]
		}
		project(res)
		old := ρ
		ρ = precondition()
		for j, v := range z {
			dir[j] = v + ρ/old*dir[j]
		}
	}
	pg, err := h.times(device.NoTrans, column(dg))
	if err != nil {
		return nil, nil, err
	}
	df = make([]float64, len(left))
	for i := range df {
		df[i] = (left[i] - pg.Data[i]) / h.rows[i]
	}
	return df, dg, nil
}
