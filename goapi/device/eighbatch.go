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

// EighBatch decomposes one matrix after the other in float64 by Householder
// reflections and implicit QL steps.
func (GoKernels[T]) EighBatch(n int, a, w, vt, checks []T) bool {
	if n > maxBatch {
		return false
	}
	parallelRows(len(checks)/4, 10*n*n*n, func(_, lo, hi int) {
		s := newSmallEigen(n)
		for i := lo; i < hi; i++ {
			var vectors []T
			if vt != nil {
				vectors = vt[i*n*n : (i+1)*n*n]
			}
			eighSmall(s, a[i*n*n:(i+1)*n*n], w[i*n:(i+1)*n], vectors, checks[i*4:(i+1)*4])
		}
	})
	return true
}

// eighSmall decomposes one matrix; vt may be missing.
func eighSmall[T Float](s *smallEigen, a, w, vt, checks []T) {
	n, nan := s.n, T(math.NaN())
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
	// Two factors, as one may be no number.
	fraction, exponent := math.Frexp(largest)
	first := math.Ldexp(1, -exponent/2)
	second := math.Ldexp(1, exponent/2-exponent)
	worst := 0.0
	for r := range n {
		for c := range r + 1 {
			x, y := float64(a[r*n+c])*first*second, float64(a[c*n+r])*first*second
			worst = max(worst, math.Abs(x-y))
			s.a[c*n+r] = x/2 + y/2
		}
	}
	if worst > 2*float64(n)*Epsilon[T]()*fraction {
		fail(BatchNotSymmetric)
		return
	}
	copy(s.whole, s.a)
	s.tridiagonalize()
	if vt != nil {
		s.reflections()
	}
	checks[0], checks[1], checks[2], checks[3] = nan, nan, 0, BatchDone
	if !s.diagonalize(vt != nil) {
		checks[3] = BatchNotConverged
	}
	order := ascendingBy(s.d)
	for r, i := range order {
		w[r] = T(math.Ldexp(s.d[i], exponent)) + 0 // no -0
	}
	if vt == nil {
		return
	}
	roundTo[T](s.d) // what is checked is what the caller gets
	for r, i := range order {
		v := s.v[i*n : (i+1)*n]
		low, high := v[0], v[0]
		for _, x := range v {
			low, high = min(low, x), max(high, x)
		}
		sign := 1.0
		if -low > high {
			sign = -1
		}
		for c, x := range v {
			vt[r*n+c] = T(sign*x) + 0
			v[c] = float64(vt[r*n+c])
		}
	}
	residual, loss, norm := s.errors()
	checks[0], checks[1], checks[2] = T(residual), T(loss), T(norm)
}

// smallEigen decomposes symmetric n×n matrices whose largest element is about
// 1, one after the other.
type smallEigen struct {
	n        int
	a, whole []float64 // row by row, the upper triangle; whole is not changed
	v        []float64 // its rows are the vectors
	d, e, τ  []float64 // the tridiagonal matrix, e[n-1] = 0; factors of reflections
	w        []float64
}

func newSmallEigen(n int) *smallEigen {
	room := make([]float64, 3*n*n+4*n)
	part := func(size int) []float64 {
		x := room[:size:size]
		room = room[size:]
		return x
	}
	return &smallEigen{n, part(n * n), part(n * n), part(n * n), part(n), part(n), part(n), part(n)}
}

// tridiagonalize makes d and e of a, whose rows become the vectors of the
// reflections beyond the diagonal.
func (s *smallEigen) tridiagonalize() {
	n := s.n
	for k := range n {
		s.d[k], s.e[k], s.τ[k] = s.a[k*n+k], 0, 0
		v := s.a[k*n+k+1 : (k+1)*n]
		if len(v) == 0 {
			return
		}
		if s.e[k], s.τ[k] = householder(v); s.τ[k] == 0 {
			continue
		}
		w := s.w[:len(v)]
		clear(w)
		for i := range v { // the upper triangle of the rest times v
			row := s.a[(k+1+i)*n+k+1+i : (k+2+i)*n]
			sum, x := row[0]*v[i], v[i]
			tail, y := v[i+1:][:len(row)-1], w[i+1:][:len(row)-1]
			for c, b := range row[1:] {
				sum += b * tail[c]
				y[c] += b * x
			}
			w[i] += sum
		}
		γ := s.τ[k] * s.τ[k] * inner(v, w) / 2
		for i, x := range v {
			w[i] = s.τ[k]*w[i] - γ*x
		}
		for i, x := range v {
			row, y := s.a[(k+1+i)*n+k+1+i:(k+2+i)*n], w[i]
			vi, wi := v[i:][:len(row)], w[i:][:len(row)]
			for c := range row {
				row[c] -= x*wi[c] + y*vi[c]
			}
		}
	}
}

// reflections makes the rows of v the columns of the product of the
// reflections.
func (s *smallEigen) reflections() {
	n := s.n
	clear(s.v)
	for i := range n {
		s.v[i*n+i] = 1
	}
	for k := n - 3; k >= 0; k-- {
		if s.τ[k] == 0 {
			continue
		}
		u := s.a[k*n+k+1 : (k+1)*n]
		for r := k + 1; r < n; r++ {
			y := s.v[r*n+k+1 : (r+1)*n]
			γ := s.τ[k] * inner(u, y)
			for c, x := range u {
				y[c] -= γ * x
			}
		}
	}
}

// diagonalize makes e zero by implicit QL steps with Wilkinson's shift, and
// turns the rows of v with it. It reports whether no more than maxSweeps steps
// were taken for each value. An element of e is zero if it is small against its
// two neighbours in d, as in LAPACK's steqr, or far below rounding.
func (s *smallEigen) diagonalize(vectors bool) bool {
	n, d, e := s.n, s.d, s.e
	for lo, steps := 0, 0; lo < n-1; steps++ {
		hi := lo
		for hi < n-1 && e[hi]*e[hi] > 0x1p-106*math.Abs(d[hi]*d[hi+1])+0x1p-800 {
			hi++
		}
		if e[hi] = 0; hi == lo {
			lo++
			continue
		}
		if steps > maxSweeps*n {
			return false
		}
		shift := (d[lo+1] - d[lo]) / (2 * e[lo])
		g := d[hi] - d[lo] + e[lo]/(shift+math.Copysign(math.Sqrt(shift*shift+1), shift))
		sin, cos, p := 1.0, 1.0, 0.0
		for i := hi - 1; i >= lo; i-- {
			f, h := sin*e[i], cos*e[i]
			r := g
			if square := f*f + g*g; square > 0x1p-800 {
				r = math.Sqrt(square)
				sin, cos = f/r, g/r
			} else {
				sin, cos = 0, 1
			}
			if i+1 < hi {
				e[i+1] = r
			}
			rest := d[i+1] - p
			t := (d[i]-rest)*sin + 2*cos*h
			p = sin * t
			d[i+1] = rest + p
			g = cos*t - h
			if vectors {
				x, y := s.v[i*n:(i+1)*n], s.v[(i+1)*n:(i+2)*n]
				for c, a := range x {
					b := y[c]
					x[c], y[c] = cos*a-sin*b, sin*a+cos*b
				}
			}
		}
		d[lo] -= p
		e[lo] = g
	}
	return true
}

// errors returns ‖A - Vᵀ·diag(d)·V‖/‖A‖, ‖V·Vᵀ - I‖ and ‖A‖/max|d|.
func (s *smallEigen) errors() (residual, loss, norm float64) {
	n := s.n
	rest, square, off, largest := 0.0, 0.0, 0.0, 0.0
	for r := range n {
		largest = max(largest, math.Abs(s.d[r]))
		// Row r of Vᵀ·diag(d)·V, from the diagonal on.
		row := s.w[r:]
		copy(row, s.whole[r*n+r:(r+1)*n])
		for _, x := range row {
			square += 2 * x * x
		}
		square -= row[0] * row[0]
		for k, λ := range s.d {
			v := s.v[k*n+r : (k+1)*n][:len(row)]
			γ := λ * v[0]
			for c := range row {
				row[c] -= γ * v[c]
			}
		}
		rest += 2*inner(row, row) - row[0]*row[0]
		for c := range r {
			g := inner(s.v[r*n:(r+1)*n], s.v[c*n:(c+1)*n])
			off += 2 * g * g
		}
		g := inner(s.v[r*n:(r+1)*n], s.v[r*n:(r+1)*n]) - 1
		off += g * g
	}
	if square == 0 {
		return 0, math.Sqrt(off), 0
	}
	return math.Sqrt(rest / square), math.Sqrt(off), math.Sqrt(square) / largest
}
