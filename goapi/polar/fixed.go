package polar

import (
	"context"
	"errors"
	"math"

	"github.com/ritz-go/ritz/goapi/device"
)

// fixedSteps are the steps of a plan that does not look at what they make.
type fixedSteps struct {
	steps    []step // the first one for x divided by the scale
	cut      []bool
	measured bool // the Gram matrix of the result is wanted
}

// fixSteps returns the steps of p, or nil if they depend on the iterates. The
// first of them is not yet divided by the scale. Rounded products may lift
// singular values above 1, where the steps could diverge; the polynomials are
// for a little more, then.
func (p *plan) fixSteps(unit, eps float64, measured bool) *fixedSteps {
	if !p.fixed || len(p.steps) != p.limit {
		return nil
	}
	f, within := &fixedSteps{make([]step, 0, p.limit), make([]bool, 0, p.limit), measured}, 1.0
	for k, s := range p.steps {
		if s.rational || s.series != nil {
			return nil
		}
		within *= s.slope()
		if room := 1 + 4*(unit-eps); room > 1 && k > 0 {
			s = s.scaled(room)
		}
		cut := p.cuts(k, within, unit) || k+1 == p.limit
		if cut {
			within = 1
		}
		f.steps, f.cut = append(f.steps, s), append(f.cut, cut)
	}
	return f
}

// takeFixed takes the steps from number from to before number to, the first of
// all being first, and stores the squares of the losses after each in e.losses
// if they are measured.
func (e *engine[T]) takeFixed(ctx context.Context, f *fixedSteps, first step, from, to int) error {
	for k := from; k < to; k++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		last := k+1 == len(f.steps)
		s := f.steps[k]
		if k == 0 {
			s = first
		}
		e.take(s, f.cut[k])
		if !f.measured {
			if f.cut[k] && !last {
				e.form(e.x)
			}
			continue
		}
		if last && e.unit > e.eps {
			e.exact()
		}
		if f.cut[k] {
			e.form(e.x)
		}
		e.q.Copy(e.kept, diagonal(e.gram)) // 1 less and 1 more would round it
		e.q.AddDiag(-1, e.gram)
		e.q.Reduce(device.SumSquares, device.Whole, e.gram, e.losses.Slice(0, 1, k, k+1))
		e.q.Copy(diagonal(e.gram), e.kept)
	}
	return nil
}

// runFixed is run for such steps. It waits for the device once, at the end.
func (e *engine[T]) runFixed(ctx context.Context, p *plan, f *fixedSteps, out device.Matrix[T], scale float64, info *Info) error {
	n := len(f.steps)
	first := p.steps[0].scaled(scale * (1 + 4*(e.unit-e.eps))) // the division by scale is part of the coefficients
	alone := n - 1                                             // steps before the last, which stores its result in out
	if e.recorded != nil {
		alone = 1
	} else if f.measured && e.losses.IsZero() {
		e.losses, e.kept = e.q.Alloc(1, n), e.q.Alloc(e.s, 1)
	}
	if err := e.takeFixed(ctx, f, first, 0, alone); err != nil {
		return err
	}
	if e.recorded != nil {
		e.recorded.take(e, f)
		e.q.Copy(out, e.x)
	} else {
		e.y = out
		if err := e.takeFixed(ctx, f, first, n-1, n); err != nil {
			return err
		}
	}
	info.Steps, info.taken = make([]Coefficients, n), p.steps
	for k, s := range p.steps {
		info.Steps[k] = s.Coefficients
		switch {
		case !f.cut[k]:
			info.Form = Gram
		case info.Form == Gram:
			info.Restarts = append(info.Restarts, k+1)
		}
	}
	info.Iterations = n
	if !f.measured {
		return e.finite(out)
	}
	squares := make([]T, n)
	e.q.Download(device.Vector(squares), e.losses.Slice(0, 1, 0, n))
	if err := e.q.Sync(); err != nil {
		return err
	}
	info.Losses = append(make([]float64, 0, n), math.Sqrt(float64(e.s))) // all of it may be missing
	for k, x := range squares {
		loss := math.Sqrt(float64(x))
		if loss-loss != 0 {
			return &device.NotFiniteError{Name: "iterate", Value: loss}
		}
		if k+1 < n {
			info.Losses = append(info.Losses, loss)
		}
	}
	return nil
}

// Orthogonalizer computes polar factors of matrices of one shape, one after the
// other. With a fixed number of steps it keeps the matrices of the iteration
// instead of allocating them each time, but for large ones on GPUs. Where the
// queue records operations (see device.Recorder), it launches all steps but the
// first as a whole from its second matrix on: to launch them one by one would
// take longer than the work. Results are those of [Orthogonalize] to the bit.
type Orthogonalizer[T device.Float] struct {
	q          device.Queue[T]
	o          Options
	rows, cols int
	engine     *engine[T] // as it is before an iteration; nil: nothing is kept
	prepared   *prepared  // nil if it depends on the matrix
}

// prepared are options and a plan that do not depend on the matrix.
type prepared struct {
	o     Options
	plan  *plan
	steps *fixedSteps
}

// recorded are the steps of an engine that are recorded.
type recorded[T device.Float] struct {
	sequence *device.Sequence[T]
	after    engine[T] // what the engine is after the steps
	flops    float64   // of the steps
}

// NewOrthogonalizer returns an Orthogonalizer for m×n matrices on q. What it
// keeps belongs to the open scope of q: twice the matrix and up to four squares
// of its smaller side. Errors: device.ErrEmpty for a shape without elements and
// those of the options.
func NewOrthogonalizer[T device.Float](q device.Queue[T], m, n int, o Options) (*Orthogonalizer[T], error) {
	if m < 1 || n < 1 {
		return nil, device.ErrEmpty
	}
	full, err := o.complete(min(m, n), device.Epsilon[T]())
	if err != nil {
		return nil, err
	}
	z := &Orthogonalizer[T]{q: q, o: o, rows: m, cols: n}
	if !o.Fixed() || full.Precision != device.Exact {
		return z, nil
	}
	eps := device.Epsilon[T]()
	p, err := newPlan(m, n, full, 0, eps)
	if err != nil {
		return nil, err
	}
	f := p.fixSteps(eps, eps, !full.NoCertificate)
	if f == nil {
		return z, nil
	}
	z.prepared = &prepared{full, p, f}
	_, records := q.(device.Recorder)
	if records && !small(m, n) { // such a device hands out memory at no cost
		return z, nil
	}
	end := q.Scope()
	e := newEngine(q, m, n)
	e.iterates()
	for _, cut := range f.cut {
		if !cut {
			e.more()
		}
	}
	if f.measured {
		e.losses, e.kept = q.Alloc(1, p.limit), q.Alloc(e.s, 1)
	}
	if records {
		e.recorded = &recorded[T]{sequence: device.NewSequence(q)}
	}
	switch err := q.Sync(); {
	case err == nil:
		z.engine = e
	case !errors.Is(err, device.ErrOutOfMemory):
		return nil, err
	default:
		end() // it can do without
	}
	return z, nil
}

// Orthogonalize stores the polar factor of a in out, as the function
// [Orthogonalize] does. Both are m×n.
func (z *Orthogonalizer[T]) Orthogonalize(ctx context.Context, a, out device.Matrix[T]) (*Info, error) {
	if z.prepared == nil || a.Rows != z.rows || a.Cols != z.cols || device.CheckSame("Orthogonalize", a, out) != nil {
		return Orthogonalize(ctx, z.q, a, out, z.o)
	}
	if z.engine != nil {
		e := *z.engine
		return e.iterate(ctx, a, out, z.prepared.o, z.prepared)
	}
	defer z.q.Scope()()
	e := newEngine(z.q, a.Rows, a.Cols)
	e.iterates()
	return e.iterate(ctx, a, out, z.prepared.o, z.prepared)
}

// take takes all steps of f but the first.
func (r *recorded[T]) take(e *engine[T], f *fixedSteps) {
	before := e.flops
	r.sequence.Run(f.measured, func() {
		run := *e
		defer run.q.Scope()()
		run.takeFixed(context.Background(), f, step{}, 1, len(f.steps))
		r.after, r.flops = run, run.flops-before
	})
	*e = r.after
	e.flops = before + r.flops
}
