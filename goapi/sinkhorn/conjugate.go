package sinkhorn

import (
	"math"

	"github.com/ritz-go/ritz/goapi/device"
)

// conjugate maximises the dual function of the scalings of the columns by
// nonlinear conjugate gradients (Concus, Golub, O'Leary: Numerical solution of
// nonlinear elliptic partial differential equations by a generalized conjugate
// gradient method, 1978; Polak, Ribière 1969), with Sinkhorn's step as the
// preconditioned gradient. The linearised iteration is self-adjoint with the
// weights b, so that conjugate gradients need no estimate of its spectrum and
// gain from eigenvalues that are few and apart, which an over-relaxed iteration
// does not.
//
// An iteration takes one step with the kernel, at a trial point in the
// direction p: the step length follows from how the gradient has changed on the
// way, and the gradient at the point of that length from the same secant.
//
// Vectors are in Go memory, as logarithms of the scalings relative to the
// kernel.
type conjugate[T device.Float] struct {
	s              *iteration[T]
	x, z, p        []float64 // point, Sinkhorn's step from it, direction
	y, zy          []float64 // trial point, Sinkhorn's step from it
	best           []float64
	b, logB        []float64 // target of the kernel
	host           []T
	α, zz          float64
	fresh, pending bool // no direction yet; the trial point is x itself
}

// Beyond this error Sinkhorn's own steps are better.
const wild = 0.5

func newConjugate[T device.Float](s *iteration[T]) (*conjugate[T], error) {
	m := s.ψ.Cols
	c := &conjugate[T]{s: s, host: make([]T, m), fresh: true}
	for _, v := range []*[]float64{&c.x, &c.z, &c.p, &c.y, &c.zy, &c.best, &c.b, &c.logB} {
		*v = make([]float64, m)
	}
	return c, c.anchor()
}

// anchor takes the kernel's target and the scalings of ψ.
func (c *conjugate[T]) anchor() error {
	s := c.s
	s.q.Download(device.Vector(c.host), s.target)
	if err := s.q.Sync(); err != nil {
		return err
	}
	for j, x := range c.host {
		c.b[j] = float64(x)
		c.logB[j] = math.Log(c.b[j])
	}
	s.add(T(1/s.ε), s.ψ, T(-1/s.ε), s.ψ0, s.v)
	s.q.Download(device.Vector(c.host), s.v)
	if err := s.q.Sync(); err != nil {
		return err
	}
	for j, x := range c.host {
		c.x[j] = float64(x)
	}
	return nil
}

// evaluate sets zy for the trial point y and returns its error.
func (c *conjugate[T]) evaluate() (float64, error) {
	s := c.s
	for j, x := range c.y {
		c.host[j] = T(x)
	}
	s.q.Upload(s.v, device.Vector(c.host))
	s.q.Map(device.Exp, s.v, s.v)
	s.scaleBy()
	s.q.Mul(s.v, s.s, s.s)
	s.q.Download(device.Vector(c.host), s.s)
	if err := s.q.Sync(); err != nil {
		return 0, err
	}
	e := 0.0
	for j, p := range c.host {
		e += math.Abs(float64(p) - c.b[j])
	}
	s.q.Map(device.Log, s.s, s.s)
	s.q.Download(device.Vector(c.host), s.s)
	for j, l := range c.host {
		c.zy[j] = c.logB[j] - float64(l)
	}
	return e, s.q.Sync()
}

// try makes one step with the kernel and returns the error at the trial point,
// which is then y.
func (c *conjugate[T]) try() (float64, error) {
	switch {
	case c.fresh || c.pending:
		copy(c.y, c.x)
	default:
		for j, x := range c.x {
			c.y[j] = x + c.α*c.p[j]
		}
	}
	return c.evaluate()
}

// advance moves x, after try has found the error e, and chooses the next
// direction.
func (c *conjugate[T]) advance(e, goal float64) {
	if c.fresh || c.pending {
		c.begin(e)
		return
	}
	var zp, pq, zq float64 // inner products with q = (z-zy)/α, the image of p
	for j, b := range c.b {
		q := (c.z[j] - c.zy[j]) / c.α
		zp += b * c.z[j] * c.p[j]
		pq += b * c.p[j] * q
	}
	if !(pq > 0) || !(zp > 0) || e > wild {
		copy(c.x, c.y)
		c.begin(e)
		return
	}
	// No more than a few times as far as it was looked.
	α := min(zp/pq, 4*c.α)
	zz, off := 0.0, 0.0
	for j, b := range c.b {
		q := (c.z[j] - c.zy[j]) / c.α
		next := c.zy[j] - (α-c.α)*q
		c.x[j] += α * c.p[j]
		zz += b * next * next
		zq += b * next * (next - c.z[j])
		off += b * math.Abs(next)
		c.z[j] = next
	}
	β := max(0, zq/c.zz)
	for j, z := range c.z {
		c.p[j] = z + β*c.p[j]
	}
	c.α, c.zz = α, zz
	c.pending = off <= goal/2 // x seems to be good enough
}

// begin starts anew in the direction of Sinkhorn's step from x, which zy is.
func (c *conjugate[T]) begin(e float64) {
	copy(c.z, c.zy)
	copy(c.p, c.zy)
	c.zz = 0
	for j, b := range c.b {
		c.zz += b * c.z[j] * c.z[j]
	}
	c.α, c.fresh, c.pending = 1, false, false
}

// store sets ψ of the iteration to the scalings x.
func (c *conjugate[T]) store(x []float64) {
	s := c.s
	for j, v := range x {
		c.host[j] = T(v)
	}
	s.q.Upload(s.t, device.Vector(c.host))
	s.add(T(s.ε), s.t, 1, s.ψ0, s.ψ)
}

// far reports whether the scalings have drifted away from the kernel.
func (c *conjugate[T]) far() bool {
	for _, x := range c.y {
		if math.Abs(x) > c.s.drift()/2 {
			return true
		}
	}
	return false
}

// conjugate runs conjugate gradients on the kernel to the error goal, for no
// more than limit iterations, and leaves the best ψ. It returns the number of
// iterations, and whether it came to an end: otherwise it went astray, and the
// heavy ball is to go on.
func (d *descent[T]) conjugate(goal float64, limit int) (count int, ended bool, err error) {
	s := d.s
	c, err := newConjugate(s)
	if err != nil {
		return 0, false, err
	}
	best, mark, idle, setbacks := math.Inf(1), math.Inf(1), 0, 0
	var errs []float64
	defer func() {
		if !math.IsInf(best, 1) {
			c.store(c.best)
		}
	}()
	for count < limit {
		if err := d.ctx.Err(); err != nil {
			return count, false, err
		}
		e, err := c.try()
		if err != nil {
			return count, false, err
		}
		count++
		d.count++
		d.left--
		d.history = append(d.history, e)
		errs = append(errs, e)
		if d.progress != nil && count%window == 0 {
			d.progress(d.count, e)
		}
		if math.IsNaN(e) || math.IsInf(e, 0) || e > 8*best {
			if setbacks++; setbacks > 3 || math.IsInf(best, 1) {
				return count, false, nil
			}
			copy(c.x, c.best)
			c.fresh, errs = true, errs[:0]
			continue
		}
		if e < best {
			best = e
			copy(c.best, c.y)
			if e <= goal {
				return count, true, nil
			}
		}
		if idle++; best < 0.9*mark {
			mark, idle = best, 0
		}
		if idle >= patience*window {
			// Rounding errors, or next to no progress.
			d.stalled = best < d.floor
			return count, d.stalled, nil
		}
		if len(errs) == window {
			if d.leave != nil && d.leave(errs) {
				return count, true, nil
			}
			errs = errs[:0]
		}
		if c.far() {
			c.store(c.y)
			s.c.softMinRows(T(s.ε), s.ψ, s.εa, s.φ)
			s.build()
			if err := c.anchor(); err != nil {
				return count, false, err
			}
			copy(c.best, c.x)
			c.fresh, best, mark = true, math.Inf(1), math.Inf(1)
			continue
		}
		c.advance(e, goal)
	}
	return count, true, nil
}
