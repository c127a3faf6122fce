package spectrum

import (
	"context"

	"gonum.org/v1/gonum/mat"

	"github.com/ritz-go/ritz/goapi/device"
)

// TraceMethod names an estimator.
type TraceMethod string

const (
	Hutchinson TraceMethod = "hutchinson"
	HutchPP    TraceMethod = "hutch++"
	XTrace     TraceMethod = "xtrace"
	XNysTrace  TraceMethod = "xnystrace" // for operators that are positive semidefinite, or nearly so
	ExactTrace TraceMethod = "exact"     // the unit vectors, one after the other
)

// TraceOptions are the options of Trace.
type TraceOptions struct {
	// Method; "" means XTrace, or with a Target the one that a pilot of 16
	// products finds to be the cheapest.
	Method TraceMethod

	// Budget is the number of products; 0 means 100, or with a Target 2000,
	// which then is the most. From the dimension on, and below 8 dimensions
	// with any budget, the trace is computed exactly.
	Budget int

	// Target, if not 0, is the standard error to reach relative to the
	// trace.
	Target float64

	Seed uint64

	// Progress, if not nil, is called after each application, of at most 16
	// vectors, with the number of products made and of the most that there
	// will be.
	Progress func(done, total int)

	// State is where to go on from after an interruption. It takes what the
	// estimator keeps itself: all products, or for Hutchinson and ExactTrace
	// a number of each.
	State State
}

func (o TraceOptions) complete() (TraceOptions, error) {
	if o.Method == "" && o.Target == 0 {
		o.Method = XTrace
	}
	if o.Budget == 0 {
		if o.Budget = 100; o.Target != 0 {
			o.Budget = 2000
		}
	}
	least := map[TraceMethod]int{"": 16, Hutchinson: 1, HutchPP: 6, XTrace: 4, XNysTrace: 2, ExactTrace: 1}
	minimum, known := least[o.Method]
	if o.Target != 0 {
		minimum = least[""]
	}
	switch {
	case !known:
		return o, device.Argument("method", "is %q, must be hutchinson, hutch++, xtrace, xnystrace or exact", string(o.Method))
	case o.Target != 0 && !(o.Target > 0 && o.Target < 1):
		return o, device.Argument("target", "is %v, must be between 0 and 1", o.Target)
	case o.Target != 0 && o.Method == HutchPP:
		return o, device.Argument("target", "does not go with hutch++, whose products have to be planned at once; use xtrace")
	case o.Budget < minimum:
		return o, device.Argument("budget", "is %d, at least %d products are needed", o.Budget, minimum)
	}
	return o, nil
}

// Trace estimates the trace of op. Hutchinson's error falls with the root of
// the budget; the others also exploit decaying eigenvalues. Memory: two to four
// vectors for each product but Hutchinson's.
//
// The samples of XTrace and XNysTrace share products: the error that they show
// as if they were independent is too small, and the jackknife over the probes,
// which leaves out one after the other, gives one that is too large. StdErr is
// a geometric mean of both, with weights for which it is right within a fifth
// or so from 20 samples on, for spectra from flat to geometric; for a geometric
// one known to many digits it can be twice too large.
//
// Errors: *device.ArgumentError, also for an operator that is seen not to be
// symmetric, or for XNysTrace not to be positive on the span of the probes;
// *device.NotFiniteError; the operator's own; *device.NotConvergedError with
// the estimate if the Budget does not reach the Target.
func Trace[T device.Float](ctx context.Context, dev device.Device, op Operator[T], o TraceOptions) (Estimate, error) {
	if err := checkOperator(op); err != nil {
		return Estimate{}, err
	}
	o, err := o.complete()
	if err != nil {
		return Estimate{}, err
	}
	q := device.NewQueue[T](dev)
	defer q.Close()
	op, exponent := sized(op)
	t := &tracer[T]{ctx: ctx, q: q, op: op, n: op.Dim(), seed: o.Seed, progress: o.Progress, most: o.Budget}
	var e Estimate
	err = t.resumable(o.State, "trace", map[string]any{
		"method": string(o.Method), "budget": o.Budget, "target": o.Target, "seed": o.Seed}, func() (err error) {
		e, err = t.estimate(o)
		return err
	})
	e = e.unscale(exponent)
	if x := e.Value; err == nil && x-x != 0 {
		return Estimate{}, &device.NotFiniteError{Name: "the trace", Value: x}
	}
	return e, err
}

func (t *tracer[T]) estimate(o TraceOptions) (e Estimate, err error) {
	if o.Target > 0 && o.Method != ExactTrace {
		return t.plan(o)
	}
	switch {
	case o.Budget >= t.n || t.n < fewest || o.Method == ExactTrace:
		return t.exact()
	case o.Method == Hutchinson:
		e, err = t.hutchinson(o.Budget)
	case o.Method == HutchPP:
		e, err = t.hutchPP(o.Budget / 3)
	case o.Method == XTrace:
		e, err = t.xtrace(o.Budget / 2)
	default:
		e, err = t.xnys(o.Budget)
	}
	e.Method = o.Method
	return e, err
}

// tracer holds what the estimators share.
type tracer[T device.Float] struct {
	ctx      context.Context
	q        device.Queue[T]
	op       Operator[T]
	n        int
	seed     uint64
	products int
	progress func(done, total int)
	most     int // products
	record   record[T]
}

// fewest is the dimension below which estimates are not worth their error: of so
// few random signs two probes may be the same, and agree by that.
const fewest = 8

// fewDimensions returns the law of probes: signs, unless they are too few.
func fewDimensions(n int) device.Distribution {
	if n < fewest {
		return device.Normal
	}
	return device.Rademacher
}

// block is how many vectors an application takes at most.
const block = 16

// random returns k random rows.
func (t *tracer[T]) random(d device.Distribution, stream uint64, k int) device.Matrix[T] {
	x := t.q.Alloc(k, t.n)
	t.q.Random(d, t.seed, stream, x)
	return x
}

// apply returns the products with the rows of x.
func (t *tracer[T]) apply(x device.Matrix[T]) (device.Matrix[T], error) {
	y := t.q.Alloc(x.Rows, t.n)
	return y, t.applyTo(x, y)
}

// applyTo stores the products with the rows of x in those of y, which stay as
// they are until the estimate is there.
func (t *tracer[T]) applyTo(x, y device.Matrix[T]) error {
	first := t.products == 0
	for lo := 0; lo < x.Rows; lo += block {
		hi := min(lo+block, x.Rows)
		if err := t.product(x.RowRange(lo, hi), y.RowRange(lo, hi)); err != nil {
			return err
		}
	}
	if first {
		return checkSymmetry(t.q, y, x)
	}
	return nil
}

// product makes the products of a block, or has them from an earlier call.
func (t *tracer[T]) product(x, y device.Matrix[T]) error {
	if t.record.replay(t.q, y) {
		t.products += y.Rows
		return nil
	}
	if err := apply(t.ctx, t.q, t.op, y, x, &t.products); err != nil {
		return err
	}
	t.record.made = append(t.record.made, y)
	return t.done()
}

// done is called after each application.
func (t *tracer[T]) done() error {
	if t.progress != nil {
		t.progress(t.products, max(t.products, t.most))
	}
	return t.record.kept.due(t.q, t.walk)
}

// host downloads a small matrix in float64.
func (t *tracer[T]) host(a device.Matrix[T]) (*mat.Dense, error) {
	d := device.NewDense[T](a.Rows, a.Cols)
	t.q.Download(d, a)
	if err := t.q.Sync(); err != nil {
		return nil, err
	}
	// The products were finite, their inner products can overflow.
	if err := device.CheckInput("inner products", d); err != nil {
		return nil, err
	}
	return device.ToMat(device.Convert[float64](d)), nil
}

// inner returns x·yᵀ for blocks of rows.
func (t *tracer[T]) inner(x, y device.Matrix[T]) (*mat.Dense, error) {
	defer t.q.Scope()()
	c := t.q.Alloc(x.Rows, y.Rows)
	t.q.Gemm(device.NoTrans, device.Transp, 1, x, y, 0, c)
	return t.host(c)
}

// rowDots returns the inner products of corresponding rows.
func (t *tracer[T]) rowDots(x, y device.Matrix[T]) ([]float64, error) {
	defer t.q.Scope()()
	d := t.q.Alloc(1, x.Rows)
	t.q.Dot(device.PerRow, x, y, d)
	h, err := t.host(d)
	if err != nil {
		return nil, err
	}
	return h.RawRowView(0), nil
}

// qr returns orthonormal rows that span those of y, and R with yᵀ = qᵀ·R.
func (t *tracer[T]) qr(y device.Matrix[T]) (device.Matrix[T], *mat.Dense, error) {
	basis := t.q.Alloc(y.Rows, t.n)
	defer t.q.Scope()()
	tall, r := t.q.Alloc(t.n, y.Rows), t.q.Alloc(y.Rows, y.Rows)
	t.q.Add(1, device.Transp, y, 0, device.NoTrans, device.Matrix[T]{}, tall)
	t.q.QR(tall, r)
	t.q.Add(1, device.Transp, tall, 0, device.NoTrans, device.Matrix[T]{}, basis)
	h, err := t.host(r)
	return basis, h, err
}

// each makes the products of count vectors block by block, from the first that
// an earlier call did not come to, and hands them to take. None is kept.
func (t *tracer[T]) each(count int, vectors func(lo, hi int) device.Matrix[T], take func(x, y device.Matrix[T], lo int) error) error {
	r := &t.record
	t.products += r.taken
	t.most = max(t.most, t.products+count-r.taken)
	for lo := r.taken; lo < count; lo += block {
		err := func() error {
			defer t.q.Scope()()
			hi := min(lo+block, count)
			x, y := vectors(lo, hi), t.q.Alloc(hi-lo, t.n)
			first := t.products == 0
			if err := apply(t.ctx, t.q, t.op, y, x, &t.products); err != nil {
				return err
			}
			if first {
				if err := checkSymmetry(t.q, y, x); err != nil {
					return err
				}
			}
			if err := take(x, y, lo); err != nil {
				return err
			}
			r.taken = hi
			return nil
		}()
		if err == nil {
			err = t.done()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// signs returns the random vectors lo to hi.
func (t *tracer[T]) signs(lo, hi int) device.Matrix[T] {
	return t.random(device.Rademacher, uint64(lo), hi-lo)
}

// entries applies the operator to the unit vectors and returns the diagonal.
func (t *tracer[T]) entries() ([]float64, error) {
	d := &t.record.numbers
	err := t.each(t.n, func(lo, hi int) device.Matrix[T] {
		x := t.q.Alloc(hi-lo, t.n)
		t.q.AddDiag(1, x.Slice(0, hi-lo, lo, hi))
		return x
	}, func(x, y device.Matrix[T], lo int) error {
		part := device.NewDense[T](x.Rows, x.Rows)
		t.q.Download(part, y.Slice(0, x.Rows, lo, lo+x.Rows))
		if err := t.q.Sync(); err != nil {
			return err
		}
		for i := range x.Rows {
			*d = append(*d, float64(part.At(i, i)))
		}
		return nil
	})
	return *d, err
}

// exact is the sum of the diagonal.
func (t *tracer[T]) exact() (Estimate, error) {
	d, err := t.entries()
	sum := 0.0
	for _, x := range d {
		sum += x
	}
	return Estimate{Value: sum, Products: t.products, Method: ExactTrace}, err
}

func (t *tracer[T]) hutchinson(budget int) (Estimate, error) {
	samples := &t.record.numbers
	err := t.each(budget, t.signs, func(z, y device.Matrix[T], _ int) error {
		d, err := t.rowDots(z, y)
		*samples = append(*samples, d...)
		return err
	})
	return meanOf(*samples, t.products), err
}

// hutchPP computes the trace on the range of H·S exactly and estimates that of
// the rest, with k products for each of the three parts.
func (t *tracer[T]) hutchPP(k int) (Estimate, error) {
	y, err := t.apply(t.random(device.Rademacher, 0, k))
	if err != nil {
		return Estimate{}, err
	}
	basis, _, err := t.qr(y)
	if err != nil {
		return Estimate{}, err
	}
	image, err := t.apply(basis)
	if err != nil {
		return Estimate{}, err
	}
	part, err := t.rowDots(basis, image)
	if err != nil {
		return Estimate{}, err
	}
	known := 0.0
	for _, v := range part {
		known += v
	}
	g := t.random(device.Rademacher, 1, k)
	c := t.q.Alloc(k, k)
	for range 2 {
		t.q.Gemm(device.NoTrans, device.Transp, 1, g, basis, 0, c)
		t.q.Gemm(device.NoTrans, device.NoTrans, -1, c, basis, 1, g)
	}
	hg, err := t.apply(g)
	if err != nil {
		return Estimate{}, err
	}
	rest, err := t.rowDots(g, hg)
	if err != nil {
		return Estimate{}, err
	}
	e := meanOf(rest, t.products)
	e.Value += known
	return e, nil
}
