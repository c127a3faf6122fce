package device

// Entries are elements of a matrix picked row by row: row i holds those from
// Start[i] to Start[i+1]. They are in Go memory.
type Entries[T Float] struct {
	Start []int // one more than there are rows, the first is 0
	Col   []int32
	Val   []T
}

// Reset empties e for the rows to come and keeps its memory.
func (e *Entries[T]) Reset() {
	e.Start, e.Col, e.Val = append(e.Start[:0], 0), e.Col[:0], e.Val[:0]
}

// LogStepper is implemented by queues that take one exponential an element
// for LogStep and read the costs once.
type LogStepper[T Float] interface {
	TryLogStep(ε T, c, g, a, f, s Matrix[T], least T, e *Entries[T]) bool
}

// LogStep is one iteration of Sinkhorn's in the log domain: for the potentials
// g of the columns it computes those of the rows,
//
//	f[i] = ε·log(a[i]/Σⱼ exp((g[j] - C[i,j])/ε))
//
// with which row i of the plan P[i,j] = exp((f[i]+g[j]-C[i,j])/ε) sums to
// a[i] > 0, and the sums s[j] of its columns. a and f have C.Rows elements, g
// and s have C.Cols. s must not be g. ε > 0. The sums of columns that no row
// comes near underflow to zero.
func LogStep[T Float](q Queue[T], ε T, c, g, a, f, s Matrix[T]) {
	logStep(q, ε, c, g, a, f, s, 0, nil)
}

// LogStepEntries is LogStep and appends to e, row by row, the elements of the
// plan that are at least least > 0.
func LogStepEntries[T Float](q Queue[T], ε T, c, g, a, f, s Matrix[T], least T, e *Entries[T]) {
	logStep(q, ε, c, g, a, f, s, least, e)
}

func logStep[T Float](q Queue[T], ε T, c, g, a, f, s Matrix[T], least T, e *Entries[T]) {
	if k, ok := q.(LogStepper[T]); ok && k.TryLogStep(ε, c, g, a, f, s, least, e) {
		return
	}
	defer q.Scope()()
	n := c.Rows
	φ, αlog := q.Alloc(1, n), q.Alloc(1, n)
	SoftMin(q, PerRow, ε, c, g, φ)
	q.Copy(αlog, a)
	q.Map(Log, αlog, αlog)
	q.Add(1, NoTrans, φ, ε, NoTrans, αlog, φ)
	rows := min(n, max(1, costTile/max(1, c.Cols)))
	plan := q.Alloc(rows, c.Cols)
	sum, part := q.Alloc(1, c.Cols), q.Alloc(1, c.Cols)
	var host Dense[T]
	if e != nil {
		host = NewDense[T](rows, c.Cols)
	}
	for lo := 0; lo < n; lo += rows {
		hi := min(lo+rows, n)
		p := plan.RowRange(0, hi-lo)
		Gibbs(q, ε, φ.Slice(0, 1, lo, hi), g, c.RowRange(lo, hi), p)
		q.Reduce(Sum, PerCol, p, part)
		q.Add(1, NoTrans, sum, 1, NoTrans, part, sum)
		if e != nil {
			q.Download(host.Slice(0, hi-lo, 0, c.Cols), p)
			e.pick(host.Slice(0, hi-lo, 0, c.Cols), least)
		}
	}
	q.Copy(f, φ)
	q.Copy(s, sum)
}

// pick appends the elements of the rows of p from least on.
func (e *Entries[T]) pick(p Dense[T], least T) {
	for i := range p.Rows {
		for j, v := range p.Row(i) {
			if v >= least {
				e.Col, e.Val = append(e.Col, int32(j)), append(e.Val, v)
			}
		}
		e.Start = append(e.Start, len(e.Col))
	}
}

// CheckLogStep checks the operands of LogStep.
func CheckLogStep[T Float](c, g, a, f, s Matrix[T]) error {
	if err := CheckMatrix("LogStep", c); err != nil {
		return err
	}
	for _, w := range []Matrix[T]{a, f} {
		if err := CheckVector("LogStep", w, c.Rows); err != nil {
			return err
		}
	}
	for _, w := range []Matrix[T]{g, s} {
		if err := CheckVector("LogStep", w, c.Cols); err != nil {
			return err
		}
	}
	return nil
}

func (q *hostQueue[T]) TryLogStep(ε T, c, g, a, f, s Matrix[T], least T, e *Entries[T]) bool {
	if !q.begin(CheckLogStep(c, g, a, f, s), c, g, a, f, s) || c.Len() == 0 {
		return q.failure != nil
	}
	vg, ok1 := vector(g)
	va, ok2 := vector(a)
	vf, ok3 := vector(f)
	vs, ok4 := vector(s)
	return ok1 && ok2 && ok3 && ok4 && q.kernels.LogStep(ε, view(c), vg, va, vf, vs, least, e)
}

func (GoKernels[T]) LogStep(T, Dense[T], []T, []T, []T, []T, T, *Entries[T]) bool { return false }

var _ LogStepper[float32] = (*hostQueue[float32])(nil)
