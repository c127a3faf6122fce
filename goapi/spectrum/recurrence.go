package spectrum

import (
	"context"
	"fmt"
	"math"

	"github.com/ritz-go/ritz/goapi/device"
)

// recurrence advances the Lanczos recurrences of several start vectors in
// lockstep: they share the operator's applications and most other passes over
// their vectors.
type recurrence[T device.Float] struct {
	q      device.Queue[T]
	op     Operator[T]
	reorth Reorthogonalization
	known  device.Matrix[T] // orthonormal rows to stay orthogonal to; may be empty
	beside float64          // the largest magnitude of their eigenvalues

	n, probes, steps int
	// basis holds the vectors of step j in row j modulo its number of rows,
	// one probe after the other, so that each probe's basis is a matrix of
	// its own with longer strides.
	basis         device.Matrix[T]
	w, product, c device.Matrix[T]
	along         device.Matrix[T] // coefficients on known
	numbers       device.Matrix[T] // of every probe the diagonal entry and the square of the residual
	host          device.Dense[T]  // what numbers held

	j        int // steps done
	products int // by all recurrences that were not at their end
	runs     []run
	done     int // runs at their end
}

// run is the recurrence of one start vector.
type run struct {
	α, β   []float64 // β between the vectors of the steps made
	last   float64   // norm of the residual after the last step
	passes int       // steps that were re-orthogonalized against all vectors
	ended  bool      // the Krylov space is invariant
	loss   *loss
}

// newRecurrence normalizes the rows of start, which stay as they are; runs of
// rows that are zero have no step. keep is
// how many vectors of each probe are kept: two, or all steps, which
// re-orthogonalization needs. first is the number of the first probe among
// those of all groups.
func newRecurrence[T device.Float](q device.Queue[T], op Operator[T], start device.Matrix[T], known device.Matrix[T], steps, keep, first int, reorth Reorthogonalization) (*recurrence[T], error) {
	if err := q.Sync(); err != nil { // no memory for start
		return nil, err
	}
	n, p := op.Dim(), start.Rows
	r := &recurrence[T]{q: q, op: op, reorth: reorth, known: known, n: n, probes: p, steps: min(steps, n-known.Rows)}
	r.basis = q.Alloc(min(keep, max(r.steps, 2)), p*n)
	r.w, r.product = q.Alloc(p, n), q.Alloc(p, n)
	r.c, r.along = q.Alloc(1, r.basis.Rows), q.Alloc(p, max(1, known.Rows))
	r.numbers, r.host = q.Alloc(2, p), device.NewDense[T](2, p)
	r.runs = make([]run, p)
	for i := range r.runs {
		r.runs[i].loss = newLoss(device.Epsilon[T](), n, uint64(first+i))
	}
	q.Copy(r.w, start)
	r.project()
	q.Reduce(device.SumSquares, device.PerRow, r.w, r.numbers.Row(1))
	q.Download(r.host, r.numbers)
	if err := q.Sync(); err != nil {
		return nil, err
	}
	sizes, err := r.norms(r.host.Row(1))
	if err != nil {
		return nil, err
	}
	for i, s := range sizes {
		switch {
		case s-s != 0:
			return nil, device.Argument("start", "vector %d is not finite", i)
		case s == 0:
			r.runs[i].ended = true
			r.done++
		}
	}
	r.store(0, sizes)
	return r, q.Sync()
}

// vectors returns the vectors of step j, one in each row.
func (r *recurrence[T]) vectors(j int) device.Matrix[T] {
	row := r.basis.Row(j % r.basis.Rows)
	row.Rows, row.Cols, row.LD = r.probes, r.n, r.n
	return row
}

// of returns the first count vectors of a probe.
func (r *recurrence[T]) of(probe, count int) device.Matrix[T] {
	return r.basis.Slice(0, count, probe*r.n, (probe+1)*r.n)
}

// project removes from w what lies along known.
func (r *recurrence[T]) project() {
	if r.known.Rows == 0 {
		return
	}
	r.q.Gemm(device.NoTrans, device.Transp, 1, r.w, r.known, 0, r.along)
	r.q.Gemm(device.NoTrans, device.NoTrans, -1, r.along, r.known, 1, r.w)
}

// store scales the rows of w to unit length and stores them as the vectors of
// step j, zeros for those without length.
func (r *recurrence[T]) store(j int, sizes []float64) {
	f := make([]T, r.probes)
	for i, s := range sizes {
		if s > 0 {
			f[i] = T(1 / s)
		}
	}
	r.scaled(f, r.w, r.vectors(j))
}

// scaled computes b = diag(f)·a.
func (r *recurrence[T]) scaled(f []T, a, b device.Matrix[T]) {
	if len(f) == 1 {
		r.q.Add(f[0], device.NoTrans, a, 0, device.NoTrans, device.Matrix[T]{}, b)
		return
	}
	defer r.q.Scope()()
	d := r.q.Alloc(1, len(f))
	r.q.Upload(d, device.Vector(f))
	r.q.ScaleBy(device.PerRow, d, a, b)
}

// subtract computes w -= diag(f)·v.
func (r *recurrence[T]) subtract(f []T, v device.Matrix[T]) {
	if len(f) == 1 {
		r.q.Add(1, device.NoTrans, r.w, -f[0], device.NoTrans, v, r.w)
		return
	}
	r.scaled(f, v, r.product)
	r.q.Add(1, device.NoTrans, r.w, -1, device.NoTrans, r.product, r.w)
}

// norms returns the norms of the rows of w, zeros for runs at their end, from
// the sums of squares if those can be trusted.
func (r *recurrence[T]) norms(squares []T) (sizes []float64, err error) {
	sizes = make([]float64, r.probes)
	for i, x := range squares {
		if r.runs[i].ended {
			continue
		}
		if sizes[i] = math.Sqrt(float64(x)); !regular[T](sizes[i]) {
			if sizes[i], err = norm(r.q, r.w.Row(i)); err != nil {
				return nil, err
			}
		}
	}
	return sizes, nil
}

// more reports whether a step is left.
func (r *recurrence[T]) more() bool { return r.j < r.steps && r.done < r.probes }

// step makes one step of every run that has not ended. If it fails for the
// end of ctx, it has done nothing.
func (r *recurrence[T]) step(ctx context.Context) error {
	q, v := r.q, r.vectors(r.j)
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := r.op.Apply(ctx, q, r.w, v); err != nil {
		return err
	}
	if r.j == 0 {
		if err := checkSymmetryBeside(q, r.w, v, r.beside); err != nil {
			return r.blame(ctx, err)
		}
	}
	r.project()
	f := make([]T, r.probes)
	if r.j > 0 {
		for i, run := range r.runs {
			if !run.ended {
				f[i] = T(run.β[r.j-1])
			}
		}
		r.subtract(f, r.vectors(r.j-1))
	}
	diagonal := r.numbers.Row(0)
	q.Dot(device.PerRow, r.w, v, diagonal)
	if r.probes == 1 {
		q.Gemm(device.NoTrans, device.NoTrans, -1, diagonal, v, 1, r.w)
	} else {
		q.ScaleBy(device.PerRow, diagonal, v, r.product)
		q.Add(1, device.NoTrans, r.w, -1, device.NoTrans, r.product, r.w)
	}
	q.Reduce(device.SumSquares, device.PerRow, r.w, r.numbers.Row(1))
	q.Download(r.host, r.numbers)
	if err := q.Sync(); err != nil {
		return err
	}
	sizes, err := r.norms(r.host.Row(1))
	if err != nil {
		return err
	}
	var again []int // which must be re-orthogonalized
	for i := range r.runs {
		if run := &r.runs[i]; !run.ended {
			α := float64(r.host.At(0, i))
			if x := α + sizes[i]; x-x != 0 {
				return r.blame(ctx, fmt.Errorf("step %d: %w", r.j+1, &device.NotFiniteError{Name: "the product or its square", Value: x}))
			}
			run.α = append(run.α, α)
			if r.reorth == FullReorth || r.reorth == PartialReorth && run.loss.exceeds(run.α, run.β, sizes[i]) {
				again = append(again, i)
			}
		}
	}
	if err := r.reorthogonalize(again, sizes); err != nil {
		return err
	}
	for i := range r.runs {
		if !r.runs[i].ended {
			r.products++
			r.finish(i, &sizes[i])
		}
	}
	r.j++
	if r.more() {
		r.store(r.j, sizes)
	}
	return nil
}

// reorthogonalize makes some rows of w orthogonal to the vectors before them
// and corrects their norms. Twice is enough, and once if that left most of the
// vector (Daniel, Gragg, Kaufman and Stewart, Math. Comp. 1976). Vectors that
// are orthogonal to √eps only leave √eps of what a pass takes away: then it has
// to be as little for once to be enough.
func (r *recurrence[T]) reorthogonalize(rows []int, sizes []float64) error {
	q, squares := r.q, r.numbers.Row(1)
	most := 0.7
	if r.reorth == PartialReorth {
		most = 1 - 50*device.Epsilon[T]()
	}
	for _, i := range rows {
		r.runs[i].passes++
	}
	for pass := 0; pass < 2 && len(rows) > 0; pass++ {
		for _, i := range rows {
			row, before := r.w.Row(i), r.of(i, r.j+1)
			c, correction := r.c.Slice(0, 1, 0, r.j+1), r.product.Row(i)
			q.Gemm(device.NoTrans, device.Transp, 1, row, before, 0, c)
			q.Gemm(device.NoTrans, device.NoTrans, 1, c, before, 0, correction)
			q.Add(1, device.NoTrans, row, -1, device.NoTrans, correction, row)
			q.Reduce(device.SumSquares, device.Whole, row, squares.Slice(0, 1, i, i+1))
		}
		q.Download(r.host.Slice(1, 2, 0, r.probes), squares)
		if err := q.Sync(); err != nil {
			return err
		}
		left, err := r.norms(r.host.Row(1))
		if err != nil {
			return err
		}
		rest := rows[:0]
		for _, i := range rows {
			if !(left[i] > most*sizes[i]) {
				rest = append(rest, i)
			}
			sizes[i] = left[i]
		}
		rows = rest
	}
	return nil
}

// finish records the norm of the residual of run i after step j, or that the
// space is invariant. Then the norm becomes 0.
func (r *recurrence[T]) finish(i int, size *float64) {
	run := &r.runs[i]
	tiny := 1e-13
	if device.Epsilon[T]() > 1e-10 {
		tiny = 1e-6
	}
	largest := 0.0
	for k, a := range run.α {
		largest = max(largest, math.Abs(a))
		if k < len(run.β) {
			largest = max(largest, run.β[k])
		}
	}
	run.last = *size
	if !(*size > max(tiny*largest, device.Epsilon[T]()*r.beside)) {
		*size, run.ended = 0, true
		r.done++
	} else if r.j+1 < r.steps {
		run.β = append(run.β, *size)
	}
}

// blame looks for the reason of a failure: a product that is not finite, which
// it makes again, or else err.
func (r *recurrence[T]) blame(ctx context.Context, err error) error {
	products := r.products
	if again := apply(ctx, r.q, r.op, r.product, r.vectors(r.j), &products); again != nil {
		return again
	}
	return err
}

// tridiagonal is the result of run i.
func (r *recurrence[T]) tridiagonal(i int) *Tridiagonal[T] {
	run := &r.runs[i]
	t := &Tridiagonal[T]{Alpha: run.α, Beta: run.β, Last: run.last, FullPasses: run.passes, Products: len(run.α)}
	if r.basis.Rows >= len(run.α) {
		t.Basis = r.of(i, len(run.α))
	}
	return t
}

// walk visits the state between two steps.
func (r *recurrence[T]) walk(s stored[T]) {
	s.integer(&r.j)
	s.integer(&r.products)
	s.integer(&r.done)
	for i := range r.runs {
		run := &r.runs[i]
		s.numbers(&run.α)
		s.numbers(&run.β)
		rest := []float64{run.last}
		s.numbers(&rest)
		s.integer(&run.passes)
		flag(s, &run.ended)
		run.last = rest[0]
		keepLoss(run.loss, s)
	}
	if !r.more() {
		return
	}
	if r.reorth == NoReorth { // the last two
		for j := max(0, r.j-1); j <= r.j; j++ {
			s.matrix(r.vectors(j))
		}
		return
	}
	for j := range r.j + 1 {
		s.matrix(r.vectors(j))
	}
}
