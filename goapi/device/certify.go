package device

// Operations that certificates of transport plans are made of.

// PlanCoster is implemented by queues that find the costs of a plan in the
// pass that finds its sums.
type PlanCoster[T Float] interface {
	TryPlanCosts(ε T, c, g, a, f, s, t Matrix[T]) bool
}

// PlanCosts is LogStep that also computes the costs of the plan, column by
// column: t[j] = Σᵢ P[i,j]·C[i,j], where a cost +Inf counts 0. t has C.Cols
// elements and must be none of the others. The rows of the plan that s and t
// belong to sum to a whatever the rounding errors of f.
func PlanCosts[T Float](q Queue[T], ε T, c, g, a, f, s, t Matrix[T]) {
	if k, ok := q.(PlanCoster[T]); ok && k.TryPlanCosts(ε, c, g, a, f, s, t) {
		return
	}
	defer q.Scope()()
	n := c.Rows
	φ, w := q.Alloc(1, n), q.Alloc(1, n)
	SoftMin(q, PerRow, ε, c, g, φ)
	q.Copy(w, a)
	q.Map(Log, w, w)
	q.Add(1, NoTrans, φ, ε, NoTrans, w, φ)
	q.Copy(w, a)
	rows := min(n, max(1, costTile/max(1, c.Cols)))
	plan, cost := q.Alloc(rows, c.Cols), q.Alloc(rows, c.Cols)
	sum, spent, part := q.Alloc(1, c.Cols), q.Alloc(1, c.Cols), q.Alloc(1, c.Cols)
	got := q.Alloc(1, rows)
	for lo := 0; lo < n; lo += rows {
		hi := min(lo+rows, n)
		p, x, r := plan.RowRange(0, hi-lo), cost.RowRange(0, hi-lo), got.Slice(0, 1, 0, hi-lo)
		q.Copy(r, w.Slice(0, 1, lo, hi))
		PlanRows(q, ε, c.RowRange(lo, hi), g, r, p)
		q.Reduce(Sum, PerCol, p, part)
		q.Add(1, NoTrans, sum, 1, NoTrans, part, sum)
		q.Map(InfToZero, c.RowRange(lo, hi), x)
		q.Mul(p, x, p)
		q.Reduce(Sum, PerCol, p, part)
		q.Add(1, NoTrans, spent, 1, NoTrans, part, spent)
	}
	q.Copy(f, φ)
	q.Copy(s, sum)
	q.Copy(t, spent)
}

// PlanRower is implemented by queues with a PlanRows in fewer passes.
type PlanRower[T Float] interface {
	TryPlanRows(ε T, c, g, a, p Matrix[T]) bool
}

// PlanRows computes the plan whose sums and costs PlanCosts finds, for some of
// the rows: p[i,j] = a[i]·exp((g[j]-C[i,j])/ε)/Σⱼ exp((g[j]-C[i,j])/ε). Large
// numbers cancel before a row potential could bring its rounding errors in. p
// must not be c.
func PlanRows[T Float](q Queue[T], ε T, c, g, a, p Matrix[T]) {
	if k, ok := q.(PlanRower[T]); ok && k.TryPlanRows(ε, c, g, a, p) {
		return
	}
	defer q.Scope()()
	r := q.Alloc(1, c.Rows)
	q.Add(-1, NoTrans, c, 0, NoTrans, Matrix[T]{}, p)
	q.AddBy(PerCol, 1, g, p, p)
	q.Reduce(Max, PerRow, p, r)
	q.Map(InfToZero, r, r)
	q.AddBy(PerRow, -1, r, p, p)
	q.Add(1/ε, NoTrans, p, 0, NoTrans, Matrix[T]{}, p)
	q.Map(Exp, p, p)
	q.Reduce(Sum, PerRow, p, r)
	q.Div(a, r, r)
	q.ScaleBy(PerRow, r, p, p)
}

// MinTransformer is implemented by queues that read the costs once for
// MinTransform.
type MinTransformer[T Float] interface {
	TryMinTransform(c, g, w, f, h, d Matrix[T]) bool
}

// MinTransform makes potentials that are feasible for the costs C of those of
// the columns, g: f[i] = minⱼ (C[i,j] - g[j]), and h[j] = minᵢ (C[i,j] - f[i]).
// It also computes d[i] = Σⱼ C[i,j]·w[j], where a cost +Inf counts 0. f and d
// have C.Rows elements, g, w and h have C.Cols; w and d may both be the zero
// Matrix. h and f must not be inputs.
func MinTransform[T Float](q Queue[T], c, g, w, f, h, d Matrix[T]) {
	if k, ok := q.(MinTransformer[T]); ok && k.TryMinTransform(c, g, w, f, h, d) {
		return
	}
	SoftMin(q, PerRow, 0, c, g, f)
	SoftMin(q, PerCol, 0, c, f, h)
	if w.IsZero() {
		return
	}
	defer q.Scope()()
	rows := min(c.Rows, max(1, costTile/max(1, c.Cols)))
	cost, wc, sums := q.Alloc(rows, c.Cols), q.Alloc(c.Cols, 1), q.Alloc(c.Rows, 1)
	q.Copy(wc, w)
	for lo := 0; lo < c.Rows; lo += rows {
		hi := min(lo+rows, c.Rows)
		x := cost.RowRange(0, hi-lo)
		q.Map(InfToZero, c.RowRange(lo, hi), x)
		q.Gemm(NoTrans, NoTrans, 1, x, wc, 0, sums.RowRange(lo, hi))
	}
	q.Copy(d, sums)
}

// CheckPlanCosts checks the operands of PlanCosts.
func CheckPlanCosts[T Float](c, g, a, f, s, t Matrix[T]) error {
	if err := CheckLogStep(c, g, a, f, s); err != nil {
		return err
	}
	return CheckVector("PlanCosts", t, c.Cols)
}

// CheckPlanRows checks the operands of PlanRows.
func CheckPlanRows[T Float](c, g, a, p Matrix[T]) error {
	if err := CheckSame("PlanRows", c, p); err != nil {
		return err
	}
	if err := CheckVector("PlanRows", a, c.Rows); err != nil {
		return err
	}
	return CheckVector("PlanRows", g, c.Cols)
}

// CheckMinTransform checks the operands of MinTransform.
func CheckMinTransform[T Float](c, g, w, f, h, d Matrix[T]) error {
	if err := CheckMatrix("MinTransform", c); err != nil {
		return err
	}
	cols, rows := []Matrix[T]{g, h}, []Matrix[T]{f}
	if !w.IsZero() || !d.IsZero() {
		cols, rows = append(cols, w), append(rows, d)
	}
	for _, v := range cols {
		if err := CheckVector("MinTransform", v, c.Cols); err != nil {
			return err
		}
	}
	for _, v := range rows {
		if err := CheckVector("MinTransform", v, c.Rows); err != nil {
			return err
		}
	}
	return nil
}

func (q *hostQueue[T]) TryPlanCosts(ε T, c, g, a, f, s, t Matrix[T]) bool {
	if !q.begin(CheckPlanCosts(c, g, a, f, s, t), c, g, a, f, s, t) || c.Len() == 0 {
		return q.failure != nil
	}
	v, ok := vectors(g, a, f, s, t)
	return ok && q.kernels.PlanCosts(ε, view(c), v[0], v[1], v[2], v[3], v[4])
}

func (q *hostQueue[T]) TryMinTransform(c, g, w, f, h, d Matrix[T]) bool {
	if !q.begin(CheckMinTransform(c, g, w, f, h, d), c, g, w, f, h, d) || c.Len() == 0 {
		return q.failure != nil
	}
	v, ok := vectors(g, w, f, h, d)
	return ok && q.kernels.MinTransform(view(c), v[0], v[1], v[2], v[3], v[4])
}

// vectors returns the elements of vectors and whether all are contiguous.
func vectors[T Float](ms ...Matrix[T]) (x [][]T, ok bool) {
	x, ok = make([][]T, len(ms)), true
	for k, m := range ms {
		var same bool
		x[k], same = vector(m)
		ok = ok && same
	}
	return x, ok
}

func (GoKernels[T]) PlanCosts(T, Dense[T], []T, []T, []T, []T, []T) bool { return false }
func (GoKernels[T]) MinTransform(Dense[T], []T, []T, []T, []T, []T) bool { return false }

var (
	_ PlanCoster[float32]     = (*hostQueue[float32])(nil)
	_ MinTransformer[float32] = (*hostQueue[float32])(nil)
)
