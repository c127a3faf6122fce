package device

import (
	"cmp"
	"math"
	"slices"
)

const (
	maxSweeps = 30
	tiny      = 0x1p-400 // columns with a smaller square count as zero
)

// decomposition is that of one matrix B (m×n, m ≥ n) in float64, by columns:
// B = Σ left[j]·σ[j]·right[j]ᵀ.
type decomposition struct {
	left, right [][]float64
	σ           []float64
	converged   bool
}

// maxBatch is the largest dimension of the matrices in a batch, that of the
// SIMD kernels.
const maxBatch = 64

// SVDBatch decomposes one matrix after the other by one-sided Jacobi rotations
// in float64: the reference of the SIMD kernels.
func (GoKernels[T]) SVDBatch(m, n int, a, u, s, vt, checks []T) bool {
	if max(m, n) > maxBatch {
		return false
	}
	k := min(m, n)
	part := func(stack []T, at, size int) []T {
		if stack == nil {
			return nil
		}
		return stack[at*size : (at+1)*size]
	}
	parallelRows(len(checks)/4, 64*m*n*k, func(_, lo, hi int) {
		for i := lo; i < hi; i++ {
			svdSmall(m, n, part(a, i, m*n), part(u, i, m*k), part(s, i, k), part(vt, i, k*n), part(checks, i, 4))
		}
	})
	return true
}

// svdSmall decomposes one matrix; u and vt may be missing.
func svdSmall[T Float](m, n int, a, u, s, vt, checks []T) {
	nan := T(math.NaN())
	checks[0], checks[1], checks[2], checks[3] = nan, nan, nan, BatchDone
	largest := 0.0
	for _, x := range a {
		largest = max(largest, math.Abs(float64(x)))
	}
	if largest-largest != 0 {
		checks[3] = BatchNotFinite
		for _, x := range [][]T{u, s, vt} {
			for i := range x {
				x[i] = nan
			}
		}
		return
	}
	_, exponent := math.Frexp(largest)
	b := columns(max(m, n), min(m, n))
	for i := range m {
		for j := range n {
			x := math.Ldexp(float64(a[i*n+j]), -exponent)
			if m < n {
				b[i][j] = x
			} else {
				b[j][i] = x
			}
		}
	}
	d := jacobi(b)
	if !d.converged {
		checks[3] = BatchNotConverged
	}
	for j, σ := range d.σ {
		s[j] = T(math.Ldexp(σ, exponent))
	}
	if len(u) == 0 {
		return
	}
	// What is checked is what the caller gets.
	roundTo[T](d.σ)
	for j := range d.σ {
		roundTo[T](d.left[j])
		roundTo[T](d.right[j])
	}
	left, right := d.left, d.right // of A, from here on
	if m < n {
		left, right = right, left
	}
	for j := range right {
		if -slices.Min(right[j]) > slices.Max(right[j]) {
			scaleVector(-1, left[j])
			scaleVector(-1, right[j])
		}
		for i, x := range left[j] {
			u[i*len(left)+j] = T(x)
		}
		for i, x := range right[j] {
			vt[j*n+i] = T(x)
		}
	}
	checks[0] = T(d.residual(b))
	checks[1], checks[2] = T(orthogonalityLoss(left)), T(orthogonalityLoss(right))
}

// jacobi decomposes the matrix with the columns b, which it leaves alone.
// With the columns in descending order B = Q·R; rotations W of the columns of
// Rᵀ make them orthogonal, Rᵀ·W = Y, so that B = (Q·W)·Yᵀ. They need far fewer
// sweeps than rotations of B itself where its rows are of different sizes.
func jacobi(b [][]float64) decomposition {
	m, n := len(b[0]), len(b)
	x := columns(m, n)
	order := descending(columnLengths(b))
	for r, j := range order {
		copy(x[r], b[j])
	}
	reflectors := reflect(x)
	y, w := columns(n, n), columns(n, n)
	for j := range n {
		for i := j; i < n; i++ {
			y[j][i] = x[i][j]
		}
		w[j][j] = 1
	}
	d := decomposition{left: columns(m, n), right: columns(n, n), σ: make([]float64, n)}
	for sweep := 0; sweep < maxSweeps && !d.converged; sweep++ {
		d.converged = true
		for p := range n {
			for q := p + 1; q < n; q++ {
				if turn(y[p], y[q], w[p], w[q]) {
					d.converged = false
				}
			}
		}
	}
	σ := columnLengths(y)
	for r, j := range descending(σ) {
		d.σ[r] = σ[j]
		if σ[j] > 0 {
			scaleVector(1/σ[j], y[j])
			for i, c := range order {
				d.right[r][c] = y[j][i]
			}
		}
		copy(d.left[r], w[j])
		for i := n - 1; i >= 0; i-- {
			reflectors[i].apply(d.left[r])
		}
	}
	complete(d.right, d.σ)
	return d
}

// columnLengths returns those of the columns x, 0 for columns that count as zero.
func columnLengths(x [][]float64) []float64 {
	l := make([]float64, len(x))
	for j, c := range x {
		if square := inner(c, c); square > tiny {
			l[j] = math.Sqrt(square)
		}
	}
	return l
}

// descending returns the order of the keys from the largest to the smallest.
func descending(key []float64) []int {
	order := make([]int, len(key))
	for j := range order {
		order[j] = j
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(key[j], key[i]) })
	return order
}

// reflector is I - factor·v·vᵀ for vectors from element at on.
type reflector struct {
	at     int
	factor float64
	v      []float64
}

func (r reflector) apply(x []float64) {
	x = x[r.at:]
	γ := r.factor * inner(r.v, x)
	for i, e := range r.v {
		x[i] -= γ * e
	}
}

// reflect makes the columns x upper triangular by reflections.
func reflect(x [][]float64) []reflector {
	rs := make([]reflector, len(x))
	for j, c := range x {
		v := slices.Clone(c[j:])
		rs[j] = reflector{at: j, v: v}
		square := inner(v, v)
		if square > tiny {
			v[0] += math.Copysign(math.Sqrt(square), v[0])
			rs[j].factor = 2 / inner(v, v)
		}
		for _, d := range x[j:] {
			rs[j].apply(d)
		}
	}
	return rs
}

// turn rotates the columns x and y, and v and w with them, so that x and y
// become orthogonal. It reports whether they were not, to rounding.
func turn(x, y, v, w []float64) bool {
	const eps = 0x1p-52
	α, β, γ := inner(x, x), inner(y, y), inner(x, y)
	if math.Abs(γ) <= eps*(2+math.Sqrt(float64(len(x))))*math.Sqrt(α)*math.Sqrt(β) || min(α, β) <= tiny {
		return false
	}
	d := β - α
	t := 2 * γ / (d + math.Copysign(math.Sqrt(d*d+4*γ*γ), d))
	r := math.Sqrt(1 + t*t)
	rotate(t/r, t/(1+r), x, y)
	rotate(t/r, t/(1+r), v, w)
	return true
}

// rotate rotates by the angle with sine s, the tangent of half of which is
// τ. Corrections instead of products with the cosine, which is often close to
// 1, keep rounding errors from piling up.
func rotate(s, τ float64, x, y []float64) {
	for i, a := range x {
		b := y[i]
		x[i], y[i] = a-s*(b+τ*a), b+s*(a-τ*b)
	}
}

// complete replaces the columns with σ = 0, the last ones, by unit vectors
// orthogonal to the others. Each starts from the axis that these hold least
// of.
func complete(x [][]float64, σ []float64) {
	for j := range x {
		if σ[j] > 0 {
			continue
		}
		axis, least := 0, math.Inf(1)
		for i := range x[j] {
			held := 0.0
			for _, c := range x[:j] {
				held += c[i] * c[i]
			}
			if held < least {
				axis, least = i, held
			}
		}
		x[j][axis] = 1
		for range 2 {
			for _, c := range x[:j] {
				γ := inner(c, x[j])
				for i, e := range c {
					x[j][i] -= γ * e
				}
			}
			scaleVector(1/math.Sqrt(inner(x[j], x[j])), x[j])
		}
	}
}

// residual returns the Frobenius norm of what is left of b, relative to that
// of b.
func (d *decomposition) residual(b [][]float64) float64 {
	rest, whole := 0.0, 0.0
	for c, column := range b {
		for i, x := range column {
			whole += x * x
			for j, σ := range d.σ {
				x -= d.left[j][i] * σ * d.right[j][c]
			}
			rest += x * x
		}
	}
	if whole == 0 {
		return 0
	}
	return math.Sqrt(rest / whole)
}

// orthogonalityLoss returns ‖XᵀX - I‖ for the columns x.
func orthogonalityLoss(x [][]float64) float64 {
	sum := 0.0
	for i, c := range x {
		for j, d := range x {
			g := inner(c, d)
			if i == j {
				g--
			}
			sum += g * g
		}
	}
	return math.Sqrt(sum)
}

// roundTo rounds x to T.
func roundTo[T Float](x []float64) {
	for i, v := range x {
		x[i] = float64(T(v))
	}
}

func columns(m, n int) [][]float64 {
	x := make([][]float64, n)
	for j := range x {
		x[j] = make([]float64, m)
	}
	return x
}

func inner(x, y []float64) float64 {
	s := 0.0
	for i, a := range x {
		s += a * y[i]
	}
	return s
}

func scaleVector(α float64, x []float64) {
	for i := range x {
		x[i] *= α
	}
}
