package device

import "math"

// BatchEigher is implemented by queues that compute the eigendecompositions of
// many small symmetric matrices at once. Package svd takes the matrices one by
// one elsewhere.
type BatchEigher[T Float] interface {
	// TryEighBatch decomposes the symmetric n×n matrices A that are the rows
	// of a (count×n²): A = Vᵀ·diag(W)·V, the rows of w (count×n, ascending)
	// and vt (count×n²; row i of V belongs to value i). The entry of largest
	// magnitude in each row of V is positive. A zero matrix for vt leaves the
	// vectors out. What is decomposed is the mean of A and Aᵀ.
	//
	// The rows of checks (count×4) get ‖A - Vᵀ·diag(W)·V‖/‖A‖ and ‖V·Vᵀ - I‖
	// (Frobenius norms, NaN without vectors), ‖A‖/max|W| (0 for A = 0 and
	// without vectors) and 0, or BatchNotFinite, BatchNotConverged or, for a
	// matrix that differs from its transpose by more than 2·n·eps times its
	// largest entry, BatchNotSymmetric; these are no failures of the queue.
	// What is not finite or not symmetric has NaN as its results and does not
	// touch the others.
	TryEighBatch(n int, a, w, vt, checks Matrix[T]) bool
}

// CheckEighBatch checks the operands of BatchEigher.
func CheckEighBatch[T Float](n int, a, w, vt, checks Matrix[T]) error {
	shapes := []struct {
		x     Matrix[T]
		width int
	}{{a, n * n}, {w, n}, {checks, 4}, {vt, n * n}}
	if vt.IsZero() {
		shapes = shapes[:3]
	}
	for _, c := range shapes {
		if err := CheckMatrix("EighBatch", c.x); err != nil {
			return err
		}
		if n < 1 || c.x.Rows != a.Rows || c.x.Cols != c.width {
			return shapeError("EighBatch", "%d×%d does not hold what belongs to %d matrices of %d×%d", c.x.Rows, c.x.Cols, a.Rows, n, n)
		}
	}
	return nil
}

func (q *hostQueue[T]) TryEighBatch(n int, a, w, vt, checks Matrix[T]) bool {
	if !q.begin(CheckEighBatch(n, a, w, vt, checks), a, w, vt, checks) || a.Rows == 0 {
		return true
	}
	for _, x := range []Matrix[T]{a, w, vt, checks} {
		if x.LD != x.Cols && x.Rows > 1 {
			return false
		}
	}
	return q.kernels.EighBatch(n, view(a).Data, view(w).Data, view(vt).Data, view(checks).Data)
}

var _ BatchEigher[float32] = (*hostQueue[float32])(nil)

// EighBatch decomposes one matrix after the other by two-sided Jacobi rotations
// in float64: the reference of the SIMD kernels.
func (GoKernels[T]) EighBatch(n int, a, w, vt, checks []T) bool {
	if n > maxBatch {
		return false
	}
	parallelRows(len(checks)/4, 40*n*n*n, func(_, lo, hi int) {
		j := newSymmetricJacobi(n)
		for i := lo; i < hi; i++ {
			var vectors []T
			if vt != nil {
				vectors = vt[i*n*n : (i+1)*n*n]
			}
			eighSmall(j, a[i*n*n:(i+1)*n*n], w[i*n:(i+1)*n], vectors, checks[i*4:(i+1)*4])
		}
	})
	return true
}

// eighSmall decomposes one matrix; vt may be missing.
func eighSmall[T Float](j *symmetricJacobi, a, w, vt, checks []T) {
	n, nan := j.n, T(math.NaN())
	fail := func(status T) {
		checks[0], checks[1], checks[2], checks[3] = nan, nan, nan, status
		for _, x := range [][]T{w, vt} {
			for i := range x {
				x[i] = nan
			}
		}
	}
	largest := 0.0
	for _, x := range a {
		largest = max(largest, math.Abs(float64(x)))
	}
	if largest-largest != 0 {
		fail(BatchNotFinite)
		return
	}
	_, exponent := math.Frexp(largest)
	scaled := func(r, c int) float64 { return math.Ldexp(float64(a[r*n+c]), -exponent) }
	worst := 0.0
	for r := range n {
		for c := range r + 1 {
			x, y := scaled(r, c), scaled(c, r)
			worst = max(worst, math.Abs(x-y))
			j.a[r*n+c] = x/2 + y/2
			j.a[c*n+r] = j.a[r*n+c]
		}
	}
	if worst > 2*float64(n)*Epsilon[T]()*math.Ldexp(largest, -exponent) {
		fail(BatchNotSymmetric)
		return
	}
	copy(j.whole, j.a)
	converged := j.run(vt != nil)
	order := j.ascending()
	for r, c := range order {
		w[r] = T(math.Ldexp(j.d[c], exponent))
	}
	checks[0], checks[1], checks[2], checks[3] = nan, nan, 0, BatchDone
	if !converged {
		checks[3] = BatchNotConverged
	}
	if vt == nil {
		return
	}
	for r, c := range order {
		v := j.v[c*n : (c+1)*n]
		roundTo[T](v) // what is checked is what the caller gets
		low, high := v[0], v[0]
		for _, x := range v {
			low, high = min(low, x), max(high, x)
		}
		if -low > high {
			scaleVector(-1, v)
		}
		for i, x := range v {
			vt[r*n+i] = T(x) + 0 // no -0
		}
	}
	roundTo[T](j.d)
	residual, loss, norm := j.errors()
	checks[0], checks[1], checks[2] = T(residual), T(loss), T(norm)
}

// symmetricJacobi diagonalizes symmetric n×n matrices by rotations of rows and
// columns, each of which makes an element zero (Jacobi, 1846; with the updates
// of Rutishauser, Numerische Mathematik 1966). Rotations are left out where the
// element is small against its two diagonal elements, so that small eigenvalues
// of scaled diagonally dominant matrices are accurate relative to themselves
// (Barlow and Demmel, SIAM J. Numer. Anal. 1990).
type symmetricJacobi struct {
	n           int
	a, whole, v []float64 // row by row; the rows of v are the vectors
	d           []float64
}

func newSymmetricJacobi(n int) *symmetricJacobi {
	return &symmetricJacobi{n, make([]float64, n*n), make([]float64, n*n), make([]float64, n*n), make([]float64, n)}
}

// run diagonalizes a into d and, with vectors, v. It reports whether that took
// no more than maxSweeps.
func (j *symmetricJacobi) run(vectors bool) bool {
	n := j.n
	if clear(j.v); vectors {
		for i := range n {
			j.v[i*n+i] = 1
		}
	}
	converged := false
	for sweep := 0; sweep < maxSweeps && !converged; sweep++ {
		converged = true
		for p := range n {
			for q := p + 1; q < n; q++ {
				if j.turn(p, q, vectors) {
					converged = false
				}
			}
		}
	}
	for i := range n {
		j.d[i] = j.a[i*n+i]
	}
	return converged
}

// turn makes the elements (p,q) and (q,p) of a zero, p < q. It reports whether
// they were not, to rounding.
func (j *symmetricJacobi) turn(p, q int, vectors bool) bool {
	n := j.n
	rp, rq := j.a[p*n:(p+1)*n], j.a[q*n:(q+1)*n]
	α, β, γ := rp[p], rq[q], rp[q]
	// Below 2^-500 of the largest element nothing is left but zeros.
	if math.Abs(γ) <= 0x1p-53*math.Sqrt(math.Abs(α))*math.Sqrt(math.Abs(β)) || math.Abs(γ) < 0x1p-500 {
		rp[q], rq[p] = 0, 0
		return false
	}
	h := (β - α) / (2 * γ)
	t := 1 / (h + math.Copysign(math.Hypot(h, 1), h))
	c := 1 / math.Sqrt(1+t*t)
	s := t * c
	τ := s / (1 + c)
	for i := range n {
		if i != p && i != q {
			x, y := rp[i], rq[i]
			rp[i], rq[i] = x-s*(y+τ*x), y+s*(x-τ*y)
			j.a[i*n+p], j.a[i*n+q] = rp[i], rq[i]
		}
	}
	rp[p], rq[q] = α-t*γ, β+t*γ
	rp[q], rq[p] = 0, 0
	if vectors {
		rotate(s, τ, j.v[p*n:(p+1)*n], j.v[q*n:(q+1)*n])
	}
	return true
}

// ascending returns the order of d from the smallest to the largest value.
func (j *symmetricJacobi) ascending() []int {
	negative := make([]float64, j.n)
	for i, x := range j.d {
		negative[i] = -x
	}
	return descending(negative)
}

// errors returns ‖A - Vᵀ·diag(d)·V‖/‖A‖, ‖V·Vᵀ - I‖ and ‖A‖/max|d|.
func (j *symmetricJacobi) errors() (residual, loss, norm float64) {
	n := j.n
	rest, square, off, largest := 0.0, 0.0, 0.0, 0.0
	for r := range n {
		largest = max(largest, math.Abs(j.d[r]))
		for c := range r + 1 {
			x, twice := j.whole[r*n+c], 2.0
			g := inner(j.v[r*n:(r+1)*n], j.v[c*n:(c+1)*n])
			if r == c {
				twice = 1
				g--
			}
			square += twice * x * x
			for k, λ := range j.d {
				x -= j.v[k*n+r] * λ * j.v[k*n+c]
			}
			rest += twice * x * x
			off += twice * g * g
		}
	}
	if square == 0 {
		return 0, math.Sqrt(off), 0
	}
	return math.Sqrt(rest / square), math.Sqrt(off), math.Sqrt(square) / largest
}
