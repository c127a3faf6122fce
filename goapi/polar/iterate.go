package polar

import (
	"context"
	"errors"
	"math"

	"github.com/ritz-go/ritz/goapi/device"
)

// iterate runs an iteration of o.
func iterate[T device.Float](ctx context.Context, q device.Queue[T], a, out device.Matrix[T], o Options) (*Info, error) {
	defer q.Scope()()
	e := newEngine(q, a.Rows, a.Cols)
	e.iterates()
	return e.iterate(ctx, a, out, o, nil)
}

// iterate runs an iteration of o in the matrices of e, as prepared if that is not
// nil.
func (e *engine[T]) iterate(ctx context.Context, a, out device.Matrix[T], o Options, ready *prepared) (*Info, error) {
	q := e.q
	defer q.Scope()()
	info := &Info{Method: o.Method, Form: Standard, Scale: 1}
	if !o.NoCertificate {
		info.Certificate = new(Certificate)
	}
	unit, err := e.normalize(a, e.x)
	if err != nil {
		return nil, err
	}
	if unit == 0 { // no direction to keep
		q.Fill(0, out)
		if info.Certificate != nil {
			*info.Certificate = Certificate{math.Sqrt(float64(e.s)), 1}
		}
		return info, q.Sync()
	}
	if info.Certificate != nil {
		a = apart(q, a, out) // the certificate needs it afterwards
	}
	e.form(e.x)
	scale := 1 + 16*e.eps
	if o.Method == Turbo {
		e.balance()
		if info.Certificate != nil { // it is about this matrix
			a = q.Alloc(a.Rows, a.Cols)
			q.Copy(a, e.x)
		}
		unit = 1
	} else if scale, err = e.spectralBound(!o.Method.frobenius()); err != nil {
		return nil, err
	}
	finds := o.Method == Auto || o.Method == Newton || o.Method == Minimax || o.Method == Halley
	if finds {
		if scale, err = e.sharper(scale); err != nil {
			return nil, err
		}
	}
	info.Scale = unit * scale
	lower := o.Lower
	if lower == 0 && finds && o.Method != Newton {
		if lower, err = e.lower(scale); err != nil {
			return nil, err
		}
	}
	precision, exact := device.Round(q, o.Precision)
	defer exact()
	e.unit, e.exact = max(e.eps, precision.Unit()), exact
	e.coarsest = e.unit
	info.Precision = precision
	retry := precision != device.Exact && o.Error > 0
	if retry {
		o.Form = Standard // the Gram form loses too much by rounding
	}
	if ready == nil {
		p, err := newPlan(a.Rows, a.Cols, o, lower, e.unit)
		if err != nil {
			return nil, err
		}
		ready = &prepared{o, p, p.fixSteps(e.unit, e.eps, !o.NoCertificate)}
	}
	p := ready.plan
	info.Method = p.method
	work := p.afterNewton(a.Rows, a.Cols, o, lower, e.unit)
	// Elsewhere decompositions have not the speed of products.
	if _, ok := any(q).(device.Lender[float64]); ok && o.Method == Auto && p.dearer(a.Rows, a.Cols, lower, work != nil) {
		return bySVD(ctx, q, a, out)
	}
	if work != nil {
		err := e.newton(ctx, scale, info, work)
		if errors.Is(err, device.ErrNotPositiveDefinite) {
			return bySVD(ctx, q, a, out) // singular
		} else if err != nil {
			return nil, err
		}
		info.Method = Newton
		e.form(e.x)
		if scale, err = e.spectralBound(true); err != nil {
			return nil, err
		}
		if scale, err = e.sharper(scale); err != nil {
			return nil, err
		}
		after := o
		after.Method, after.Lower = Newton, 1/scale
		if p, err = newPlan(a.Rows, a.Cols, after, after.Lower, e.unit); err != nil {
			return nil, err
		}
	}
	done := true
	if f := ready.steps; f != nil {
		err = e.runFixed(ctx, p, f, out, scale, info)
	} else {
		done, err = run(ctx, e, p, out, o, scale, info)
	}
	again := func() (*Info, error) {
		exact()
		o.Precision = device.Exact
		info, err := iterate(ctx, q, a, out, o)
		if info != nil {
			info.Flops += e.flops
		}
		return info, err
	}
	switch {
	case retry && errors.Is(err, device.ErrNotFinite): // diverged
		return again()
	case p.method == Minimax && info.Method == Minimax && !p.fixed && o.Lower == 0 && (errors.Is(err, device.ErrNotFinite) || err == nil && !done):
		// A singular value is below the estimate of the smallest one, and out
		// of the range of the steps.
		o.Method = Newton
		return iterate(ctx, q, a, out, o)
	case (o.Method == Auto || o.Method == Newton) && errors.Is(err, device.ErrNotPositiveDefinite):
		return bySVD(ctx, q, a, out)
	case err != nil:
		return nil, err
	}
	info.Flops = e.flops
	if n := len(info.Restarts); n > 0 && info.Restarts[n-1] == info.Iterations { // the end is no restart
		info.Restarts = info.Restarts[:n-1]
	}
	if o.NoCertificate {
		return info, nil
	}
	if err = e.certify(a, out, info, o.Error, info.hidden(e.coarsest)); err != nil {
		return nil, err
	}
	if retry && !(info.Certificate.ErrorBound <= o.Error) {
		return again()
	}
	if (o.Method == Auto || o.Method == Newton) && (!done || info.Certificate.ErrorBound >= 1) {
		// Without full rank, to working accuracy: only the SVD completes the
		// factor to an orthogonal matrix.
		return bySVD(ctx, q, a, out)
	}
	switch bound := info.Certificate.ErrorBound; {
	case p.fixed:
	case !done:
		return info, &device.NotConvergedError{Method: "polar " + string(o.Method), Iterations: info.Iterations, Achieved: info.Certificate.Orthogonality, Wanted: o.Tol}
	case o.Error > 0 && bound > o.Error:
		return info, &device.NotConvergedError{Method: "polar " + string(o.Method), Iterations: info.Iterations, Achieved: bound, Wanted: o.Error}
	}
	return info, nil
}

// run takes the steps of p and leaves the result in out. done is false if the
// iteration has not reached what o asks for.
func run[T device.Float](ctx context.Context, e *engine[T], p *plan, out device.Matrix[T], o Options, scale float64, info *Info) (done bool, err error) {
	floor := 4 * float64(e.s) * e.unit // what rounding leaves
	within := 1.0                      // amplification since the last restart
	best := math.Inf(1)
	loss := math.Sqrt(float64(e.s)) // all of it may be missing
	for k := 0; ; k++ {
		if err := ctx.Err(); err != nil {
			return false, err
		}
		if k > 0 {
			if loss, err = e.distance(); err != nil {
				return false, err
			}
		}
		if math.IsNaN(loss) || math.IsInf(loss, 0) {
			return false, &device.NotFiniteError{Name: "iterate", Value: loss}
		}
		if !p.fixed && k > 0 && e.unit == e.eps {
			// Until the tolerance, or until rounding stops the progress.
			enough := func() (bool, error) {
				switch {
				case o.Error == 0:
					done = loss <= o.Tol
					return done || loss <= floor && loss >= best/2, nil
				case loss > near && info.hidden(e.coarsest) > (1-nearly)*o.Error:
					// One more step, and the certificate sees the error itself.
				case loss < 0.9*o.Error: // ‖Q - UVᵀ‖₂ ≤ ‖QQᵀ - I‖₂ but for rounding
					done = true
				case k >= len(p.steps) && !e.pending && largest(info.taken)-1 < nearly*o.Error:
					most := 1 + nearly*o.Error
					done, err = e.above(1-nearly*o.Error, most*most)
				}
				return done || loss <= floor, err
			}
			ends, err := enough()
			if err != nil {
				return false, err
			}
			if ends && e.pending { // the Gram matrix may have lost accuracy
				e.restart()
				within = 1
				if loss, err = e.distance(); err != nil {
					return false, err
				}
				best = math.Inf(1)
				if ends, err = enough(); err != nil {
					return false, err
				}
			}
			if ends {
				e.q.Copy(out, e.x)
				return done || o.Error > 0, nil
			}
			best = min(best, loss)
		}
		if k == p.limit {
			if e.pending {
				e.restart()
			}
			if !same(e.x, out) {
				e.q.Copy(out, e.x)
			}
			return p.fixed, nil
		}
		info.Losses = append(info.Losses, loss)
		s, err := next(e, p, k, info.taken, loss, scale)
		if err != nil {
			return false, err
		}
		if !s.rational && s.series == nil {
			info.Steps = append(info.Steps, s.Coefficients)
		}
		info.Iterations++
		within *= s.slope()
		info.taken = append(info.taken, s)
		// Rounded products may lift singular values above 1, where the steps
		// could diverge; the polynomials are for a little more, then.
		switch room := 1 + 4*(e.unit-e.eps); {
		case k == 0: // the division by scale is part of the coefficients
			s = s.scaled(scale * room)
		case room > 1 && !s.rational:
			s = s.scaled(room)
		}
		cut := p.cuts(k, within, e.unit)
		if p.fixed && k+1 == p.limit {
			cut = true
			e.y = out
		}
		e.take(s, cut)
		if !cut {
			info.Form = Gram
			continue
		}
		if info.Form == Gram {
			info.Restarts = append(info.Restarts, k+1)
		}
		within = 1
		last := p.fixed && k+1 == p.limit
		if last && o.NoCertificate {
			return true, e.finite(out)
		}
		if (last || k+1 == len(p.steps)) && e.unit > e.eps { // steps that follow repair
			e.exact()
			if !last {
				e.unit = e.eps
				floor = 4 * float64(e.s) * e.eps
			}
		}
		e.form(e.x)
	}
}

// same reports whether two matrices begin at the same element.
func same[T device.Float](a, b device.Matrix[T]) bool { return a.Buf == b.Buf && a.Off == b.Off }
