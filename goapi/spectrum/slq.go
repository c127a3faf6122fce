package spectrum

import (
	"context"
	"math"

	"gonum.org/v1/gonum/mat"

	"github.com/ritz-go/ritz/goapi/device"
)

// SLQOptions are the options of SLQ and DeflatedSLQ.
type SLQOptions struct {
	Probes int    // random start vectors; 0 means 10
	Steps  int    // Lanczos steps for each; 0 means 80, never above the dimension
	Seed   uint64 // of the probes

	// Reorth keeps the Lanczos vectors orthogonal; the zero value is
	// PartialReorth.
	Reorth Reorthogonalization

	// Memory bounds the bytes of the Lanczos bases; 0 means 1 GiB. Probes
	// whose bases do not fit together run one group after the other. Where
	// not even one fits, nothing is kept but what the bare recurrence needs,
	// five vectors for each probe: the nodes then hold copies of converged
	// eigenvalues, which share their weight, and the measure converges more
	// slowly.
	Memory uint64

	// Progress, if not nil, is called after each step with the number of
	// products made and of all.
	Progress func(done, total int)

	// State is where to go on from after an interruption.
	State State
}

func (o SLQOptions) complete() (SLQOptions, error) {
	switch {
	case o.Probes < 0:
		return o, device.Argument("probes", "is %d, must not be negative", o.Probes)
	case o.Steps < 0:
		return o, device.Argument("steps", "is %d, must not be negative", o.Steps)
	}
	if o.Probes == 0 {
		o.Probes = 10
	}
	if o.Steps == 0 {
		o.Steps = 80
	}
	if o.Memory == 0 {
		o.Memory = 1 << 30
	}
	return o, o.Reorth.check()
}

// width is the size of a number in bytes.
func width[T device.Float]() float64 {
	if device.Epsilon[T]() < 1e-10 {
		return 8
	}
	return 4
}

// plan returns how many probes run together, how many vectors of each are
// kept, and how they are re-orthogonalized, within the memory.
func (o SLQOptions) plan(n int, width float64) (group, keep int, reorth Reorthogonalization) {
	room := float64(o.Memory) / (float64(n) * width) // vectors
	keep, reorth = min(o.Steps, n), o.Reorth
	if reorth == NoReorth || room < float64(keep+3) {
		keep, reorth = 2, NoReorth
	}
	return int(max(1, min(float64(o.Probes), room/float64(keep+3)))), keep, reorth
}

// SLQ runs stochastic Lanczos quadrature (Ubaru, Chen and Saad, SIAM J. Matrix
// Anal. 2017) with Rademacher probes. All probes of a group advance together:
// each application of the operator takes one vector of each. Below 8 dimensions
// probes are normal: of so few random signs two would often be the same, and
// their samples no sign of the error. Cost: Probes·Steps
// products. Errors: *device.ArgumentError, also for an operator that two
// probes see not to be symmetric; *device.NotFiniteError if a product, or its
// square, is not finite; the operator's own and that of ctx.
func SLQ[T device.Float](ctx context.Context, dev device.Device, op Operator[T], o SLQOptions) (*Quadrature, error) {
	if err := checkOperator(op); err != nil {
		return nil, err
	}
	q := device.NewQueue[T](dev)
	defer q.Close()
	return slq(ctx, q, op, device.Matrix[T]{}, nil, o)
}

// DeflatedSLQ is SLQ on what the eigenpairs known leave: their values enter
// the quadrature exactly, and the probes stay orthogonal to their vectors, so
// that outliers, which dominate the variance, do not disturb the rest. The
// error of the result is that of the probes, plus an error of the order of the
// pairs' residuals. Probes are normal, for which the estimates are unbiased.
func DeflatedSLQ[T device.Float](ctx context.Context, dev device.Device, op Operator[T], known *Eigen[T], o SLQOptions) (*Quadrature, error) {
	if err := checkOperator(op); err != nil {
		return nil, err
	}
	if known == nil || len(known.Values) == 0 || len(known.Values) != known.Vectors.Rows {
		return nil, device.Argument("known pairs", "have no values, or not one for each vector")
	}
	if err := device.CheckInput("known vectors", known.Vectors); err != nil {
		return nil, err
	}
	if err := device.CheckInput("known values", device.Vector(known.Values)); err != nil {
		return nil, err
	}
	if known.Vectors.Cols != op.Dim() || known.Vectors.Rows >= op.Dim() {
		return nil, &device.ShapeError{Op: "known vectors", Detail: "are not fewer than the operator's dimension, or not as long"}
	}
	q := device.NewQueue[T](dev)
	defer q.Close()
	v := q.Alloc(known.Vectors.Rows, known.Vectors.Cols)
	q.Upload(v, known.Vectors)
	stream := uint64(0)
	l, err := orthonormalizeRows(q, v.RowRange(0, 0), v, 0, o.Seed^0xdef1a7e, &stream)
	if err != nil {
		return nil, err
	}
	for i := range known.Vectors.Rows {
		if size := mat.Norm(l.RowView(i), 2); !(l.At(i, i) > 0.99*size) {
			return nil, device.Argument("known vectors", "are not orthogonal: vector %d has much in common with those before it", i)
		}
	}
	return slq(ctx, q, op, v, known.Values, o)
}

func slq[T device.Float](ctx context.Context, q device.Queue[T], op Operator[T], known device.Matrix[T], exact []float64, o SLQOptions) (*Quadrature, error) {
	o, err := o.complete()
	if err != nil {
		return nil, err
	}
	op, exponent := sized(op)
	n := op.Dim()
	group, keep, reorth := o.plan(n, width[T]())
	s := &sampling[T]{q: q, op: op, exponent: exponent, known: known, o: o, group: group, keep: keep, reorth: reorth,
		result: &Quadrature{Dim: n, Exact: append([]float64(nil), exact...), steps: o.Steps}}
	s.kept = newKeeper[T](o.State, "stochastic Lanczos quadrature", n, map[string]any{
		"probes": o.Probes, "steps": o.Steps, "seed": o.Seed, "group": group, "reorthogonalization": int(reorth), "known": exact})
	if _, err := s.kept.resume(ctx, q, op, s.walk); err != nil {
		return nil, err
	}
	if err := s.run(ctx); err != nil {
		return nil, s.kept.interrupted(ctx, err, q, s.walk)
	}
	err = s.kept.save(q, s.walk)
	for _, numbers := range [][][]float64{s.result.Nodes, s.result.Alpha, s.result.Beta} {
		unscale(exponent, numbers...)
	}
	return s.result, err
}

// sampling is a run of SLQ.
type sampling[T device.Float] struct {
	q           device.Queue[T]
	op          Operator[T]
	exponent    int // op is 2^-exponent times that of the caller
	known       device.Matrix[T]
	o           SLQOptions
	group, keep int
	reorth      Reorthogonalization
	lo          int            // first probe of the group
	now         *recurrence[T] // of the group, nil between groups
	end         func()         // its scope
	result      *Quadrature
	kept        *keeper[T]
}

// begin starts the recurrences of the group.
func (s *sampling[T]) begin() (err error) {
	s.end = s.q.Scope()
	start := s.q.Alloc(min(s.group, s.o.Probes-s.lo), s.op.Dim())
	law := fewDimensions(s.op.Dim())
	if s.known.Rows > 0 {
		law = device.Normal
	}
	for p := range start.Rows { // a stream each: grouping changes nothing
		s.q.Random(law, s.o.Seed, uint64(s.lo+p), start.Row(p))
	}
	if s.now, err = newRecurrence(s.q, s.op, start, s.known, s.o.Steps, s.keep, s.lo, s.reorth); err != nil {
		return err
	}
	s.now.beside = math.Ldexp(largestOf(s.result.Exact), -s.exponent)
	return nil
}

func (s *sampling[T]) run(ctx context.Context) error {
	for s.lo < s.o.Probes {
		if s.now == nil {
			if err := s.begin(); err != nil {
				return err
			}
		}
		for s.now.more() {
			if err := s.now.step(ctx); err != nil {
				return err
			}
			if s.o.Progress != nil {
				s.o.Progress(s.result.Products+s.now.products, s.o.Probes*s.now.steps)
			}
			if err := s.kept.due(s.q, s.walk); err != nil {
				return err
			}
		}
		for _, r := range s.now.runs {
			s.result.add(r.α, r.β)
		}
		s.result.Products += s.now.products
		s.lo += s.now.probes
		s.end()
		s.now = nil
		if err := s.q.Sync(); err != nil {
			return err
		}
	}
	return nil
}

// walk visits the state: the quadratures of finished groups and the
// recurrences of the one at work.
func (s *sampling[T]) walk(st stored[T]) {
	count, active := len(s.result.Alpha), 0
	if s.now != nil {
		active = 1
	}
	st.integer(&s.lo)
	st.integer(&s.result.Products)
	st.integer(&count)
	st.integer(&active)
	loading := count != len(s.result.Alpha)
	for p := range count {
		var α, β []float64
		if !loading {
			α, β = s.result.Alpha[p], s.result.Beta[p]
		}
		st.numbers(&α)
		st.numbers(&β)
		if loading {
			s.result.add(α, β)
		}
	}
	if active == 0 {
		return
	}
	if s.now == nil {
		if s.begin() != nil {
			return // the queue keeps its failure
		}
	}
	s.now.walk(st)
}
