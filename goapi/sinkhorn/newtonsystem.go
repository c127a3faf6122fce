package sinkhorn

import "math"

// system is the linear system (diag(p) - Sᵀ·diag(a)⁻¹·S)·x = r of Newton's
// method, with both diagonals raised by a small part τ of themselves. It is
// the Schur complement in
//
//	⎡(1+τ)·diag(a)       -S      ⎤
//	⎣    -Sᵀ        (1+τ)·diag(p)⎦
//
// which is the Laplacian of the bipartite graph with the weights S, with an
// excess on the diagonal where S leaves something of the sums a and p out. τ
// lets parts of the graph that S does not connect move against each other.
type system struct {
	s          *sparse
	a, p       []float64 // raised
	factor     factor
	rows, cols []float64 // excesses
	u          []float64 // n elements
	r, z, d, q []float64 // m elements
	both       []float64 // n+m elements
}

func (y *system) build(s *sparse, a, p []float64, τ float64, seed uint64) {
	y.s = s
	y.a, y.p = grow(y.a, s.n), grow(y.p, s.m)
	for i, v := range a {
		y.a[i] = (1 + τ) * v
	}
	for j, v := range p {
		y.p[j] = (1 + τ) * v
	}
	y.rows, y.u = grow(y.rows, s.n), grow(y.u, s.n)
	y.cols, y.r, y.z, y.d, y.q = grow(y.cols, s.m), grow(y.r, s.m), grow(y.z, s.m), grow(y.d, s.m), grow(y.q, s.m)
	y.both = grow(y.both, s.n+s.m)
	excess(s.rows.Start, s.rows.Val, a, τ, y.rows)
	excess(s.colStart, s.val, p, τ, y.cols)
	y.factor.build(s, y.rows, y.cols, seed)
}

// excess computes what the sums of the elements leave of the whole sums, and
// adds τ of these.
func excess(start []int, val, whole []float64, τ float64, left []float64) {
	for i := range left {
		sum := 0.0
		for k := start[i]; k < start[i+1]; k++ {
			sum += val[k]
		}
		left[i] = max(0, whole[i]-sum) + τ*whole[i]
	}
}

// apply computes y = (diag(p) - Sᵀ·diag(a)⁻¹·S)·x.
func (y *system) apply(x, out []float64) {
	y.s.mul(x, y.u)
	for i, v := range y.u {
		y.u[i] = v / y.a[i]
	}
	y.s.mulTransposed(y.u, out)
	for j, v := range out {
		out[j] = y.p[j]*x[j] - v
	}
}

// precondition computes z = M⁻¹·r: the columns' part of the approximate
// solution for the right-hand side (0, r).
func (y *system) precondition() {
	clear(y.both[:y.s.n])
	copy(y.both[y.s.n:], y.r)
	y.factor.solve(y.both)
	copy(y.z, y.both[y.s.n:])
}

// solve runs conjugate gradients from zero until the residual is tol times as
// large as rhs, and returns the number of iterations. It stops early where the
// system turns out to be singular to working precision.
func (y *system) solve(rhs, x []float64, tol float64, limit int) int {
	clear(x)
	copy(y.r, rhs)
	goal := tol * math.Sqrt(dot(rhs, rhs))
	y.precondition()
	copy(y.d, y.z)
	rz := dot(y.r, y.z)
	for it := 0; it < limit; it++ {
		if math.Sqrt(dot(y.r, y.r)) <= goal {
			return it
		}
		y.apply(y.d, y.q)
		curvature := dot(y.d, y.q)
		if !(curvature > 0) || !(rz > 0) {
			return it
		}
		α := rz / curvature
		for j, d := range y.d {
			x[j] += α * d
			y.r[j] -= α * y.q[j]
		}
		y.precondition()
		before := rz
		rz = dot(y.r, y.z)
		for j, z := range y.z {
			y.d[j] = z + rz/before*y.d[j]
		}
	}
	return limit
}
