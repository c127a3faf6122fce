package polar

import (
	"context"
	"math"

	"github.com/ritz-go/ritz/goapi/device"
)

// autoSteps is how many steps auto takes before the SVD becomes cheaper.
const autoSteps = 24

// iterate runs the Newton–Schulz scheme of o.
func iterate[T device.Float](ctx context.Context, q device.Queue[T], a, out device.Matrix[T], o Options) (*Info, error) {
	defer q.Scope()()
	eps := device.Epsilon[T]()
	plan, err := newSchedule(o)
	if err != nil {
		return nil, err
	}
	p := newProducts(q, a)
	x, y := q.Alloc(a.Rows, a.Cols), q.Alloc(a.Rows, a.Cols)
	info := &Info{Method: o.Method, Scale: 1}
	if o.Method == Auto {
		info.Method = Express
	}

	unit, err := normalize(q, a, x)
	if err != nil {
		return nil, err
	}
	if unit == 0 { // no direction to keep
		q.Fill(0, out)
		s := float64(min(a.Rows, a.Cols))
		info.Certificate = Certificate{math.Sqrt(s), 1}
		return info, q.Sync()
	}
	p.form(x)
	p.square()
	scale, err := spectralBound(q, p, o.Method, eps)
	if err != nil {
		return nil, err
	}
	info.Scale = unit * scale

	limit := o.Steps
	if limit == 0 {
		limit = maxSteps
		if o.Method == Auto {
			limit = autoSteps
		}
	}
	floor := 4 * float64(min(a.Rows, a.Cols)) * eps // what rounding leaves
	amplification := 1.0
	var loss float64
	best := math.Inf(1)
	for k := 0; ; k++ {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		loss = math.Sqrt(float64(min(a.Rows, a.Cols))) // all of it may be missing
		if k > 0 {
			p.form(x)
			if loss, err = p.distance(); err != nil {
				return nil, err
			}
		}
		if math.IsNaN(loss) || math.IsInf(loss, 0) {
			return nil, &device.NotFiniteError{Name: "iterate", Value: loss}
		}
		// Without a number of steps: until the tolerance, or until
		// rounding stops the progress.
		if o.Steps == 0 && k > 0 && (loss <= o.Tol || loss <= floor && loss >= best/2) {
			break
		}
		if k == limit {
			break
		}
		if k > 0 {
			best = min(best, loss)
		}
		info.Losses = append(info.Losses, loss)
		c := plan.step(loss)
		info.Steps = append(info.Steps, c)
		amplification *= max(1, c.A)
		if k == 0 { // the division by scale is part of the coefficients
			c = Coefficients{c.A / scale, c.B / (scale * scale * scale), c.C / math.Pow(scale, 5)}
		} else if c.C != 0 {
			p.square()
		}
		p.step(c, x, y)
		x, y = y, x
	}

	converged := o.Steps > 0 || loss <= o.Tol
	if !converged && o.Method == Auto {
		return bySVD(ctx, q, a, out)
	}
	q.Copy(out, x)
	info.Certificate = Certificate{Orthogonality: loss, ErrorBound: loss + eps*amplification}
	if err := q.Sync(); err != nil {
		return nil, err
	}
	if !converged {
		return info, &device.NotConvergedError{Method: "polar " + string(o.Method), Iterations: len(info.Steps), Achieved: loss, Wanted: o.Tol}
	}
	return info, nil
}

// normalize stores in x the matrix a divided by a power of two that brings its
// largest entry near 1, and returns that power, or 0 for a zero matrix.
func normalize[T device.Float](q device.Queue[T], a, x device.Matrix[T]) (float64, error) {
	largest, err := scalar(q, func(out device.Matrix[T]) { q.Reduce(device.MaxAbs, device.Whole, a, out) })
	if err != nil || largest == 0 {
		return 0, err
	}
	if largest-largest != 0 {
		return 0, &device.NotFiniteError{Name: "matrix", Value: largest}
	}
	_, e := math.Frexp(largest)
	none := device.Matrix[T]{}
	half := -e / 2 // 2^-e itself may be out of range
	q.Add(T(math.Ldexp(1, half)), device.NoTrans, a, 0, device.NoTrans, none, x)
	q.Add(T(math.Ldexp(1, -e-half)), device.NoTrans, x, 0, device.NoTrans, none, x)
	return math.Ldexp(1, e), nil
}

// spectralBound returns an upper bound of ‖x‖₂ from the Gram matrix and its
// square, which the first step needs anyway: ‖G²‖_F^¼ (Gelfand's formula),
// at most the Frobenius norm, which muon divides by. A few eps more keep
// rounding from lifting singular values above 1.
func spectralBound[T device.Float](q device.Queue[T], p *products[T], m Method, eps float64) (float64, error) {
	trace := func(g device.Matrix[T]) (float64, error) { // Σ g² = tr G²
		return scalar(q, func(out device.Matrix[T]) { q.Reduce(device.SumSquares, device.Whole, g, out) })
	}
	if m == Muon {
		defer q.Scope()()
		// ‖x‖_F² = tr G, from G's diagonal by the product with the identity.
		eye := q.Alloc(p.gram.Rows, p.gram.Cols)
		q.AddDiag(1, eye)
		t, err := scalar(q, func(out device.Matrix[T]) { q.Dot(device.Whole, p.gram, eye, out) })
		return math.Sqrt(t), err
	}
	t, err := trace(p.sqr)
	return math.Pow(t, 1./8) * (1 + 16*eps), err
}
