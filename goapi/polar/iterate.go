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
	postponed := false // the step before, to be done with this one
	for k := 0; ; k++ {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		loss = math.Sqrt(float64(min(a.Rows, a.Cols))) // all of it may be missing
		if k > 0 {
			if !postponed {
				p.form(x)
			}
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
		}
		p.polynomial(c, k == 0 && o.Method != Muon)
		if !postponed && pairs(o, a, k, limit) {
			// The Gram matrix of the next step is computed from that of this
			// one, whose rounding errors grow by A² on the way.
			p.postpone()
			postponed = true
			amplification *= max(1, c.A)
			continue
		}
		if postponed {
			p.join()
			postponed = false
		}
		if k+1 == o.Steps {
			y = out
		}
		p.apply(x, y)
		x, y = y, x
	}

	converged := o.Steps > 0 || loss <= o.Tol
	if !converged && o.Method == Auto {
		return bySVD(ctx, q, a, out)
	}
	if o.Steps == 0 {
		q.Copy(out, x)
	}
	info.Certificate = Certificate{Orthogonality: loss, ErrorBound: loss + eps*amplification}
	if err := q.Sync(); err != nil {
		return nil, err
	}
	if !converged {
		return info, &device.NotConvergedError{Method: "polar " + string(o.Method), Iterations: len(info.Steps), Achieved: loss, Wanted: o.Tol}
	}
	return info, nil
}

// pairs reports whether step k of n and the one after it are done by one
// product with the matrix. With s the smaller and l the larger side that takes
// 3·s²·l + 5·s³ operations instead of 6·s²·l + 2·s³, or 3·s²·l + 8·s³ without
// a kernel for symmetric products. Rounding errors of float64 grow by a tenth;
// those of float32 would by a third, and the other schemes amplify small
// singular values too much. An odd step is alone in the middle, where the
// growth would be largest.
func pairs[T device.Float](o Options, a device.Matrix[T], k, n int) bool {
	s, l := min(a.Rows, a.Cols), max(a.Rows, a.Cols)
	wide := l >= 2*s && device.Epsilon[T]() < 1e-10
	return o.Method == Muon && wide && k+1 < n && (k == 0 || (n-k)%2 == 0)
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
	if e > -100 && e < 100 {
		q.Add(T(math.Ldexp(1, -e)), device.NoTrans, a, 0, device.NoTrans, none, x)
		return math.Ldexp(1, e), nil
	}
	half := -e / 2 // 2^-e itself may be out of range
	q.Add(T(math.Ldexp(1, half)), device.NoTrans, a, 0, device.NoTrans, none, x)
	q.Add(T(math.Ldexp(1, -e-half)), device.NoTrans, x, 0, device.NoTrans, none, x)
	return math.Ldexp(1, e), nil
}

// spectralBound returns an upper bound of ‖x‖₂ from the Gram matrix: for muon
// the Frobenius norm √(tr G), for others ‖G²‖_F^¼ (Gelfand's formula), at most
// the Frobenius norm, with the square that it leaves for the first step. A few
// eps more keep rounding from lifting singular values above 1.
func spectralBound[T device.Float](q device.Queue[T], p *products[T], m Method, eps float64) (float64, error) {
	if m == Muon {
		t, err := scalar(q, func(out device.Matrix[T]) { q.Reduce(device.Sum, device.Whole, diagonal(p.gram), out) })
		return math.Sqrt(t), err
	}
	p.square()
	t, err := scalar(q, func(out device.Matrix[T]) { q.Reduce(device.SumSquares, device.Whole, p.sqr, out) }) // tr G⁴
	return math.Pow(t, 1./8) * (1 + 16*eps), err
}

// diagonal returns the diagonal of square g as a column.
func diagonal[T device.Float](g device.Matrix[T]) device.Matrix[T] {
	return device.Matrix[T]{Rows: g.Rows, Cols: 1, LD: g.LD + 1, Off: g.Off, Buf: g.Buf}
}
