package svd

import (
	"math"

	"github.com/ritz-go/ritz/goapi/device"
)

// pivotedQR is A·P = Q·R by Householder reflections, the column with the
// largest remainder next (Businger and Golub, 1965). Each reflection changes a
// column relative to its own size: columns of very different sizes lose
// nothing to each other.
type pivotedQR struct {
	c     columns   // R above the diagonal, reflectors below it, in the order of the pivots
	pivot []int     // column j of A·P is column pivot[j] of A
	diag  []float64 // diagonal of R, mantissas
	τ     []float64
}

// pivotQR factors the matrix with the columns c, which it takes over.
func pivotQR(c columns) *pivotedQR {
	n, m := len(c.x), len(c.x[0])
	k := min(m, n)
	f := &pivotedQR{c: c, pivot: make([]int, n), diag: make([]float64, k), τ: make([]float64, k)}
	left, first := make([]float64, n), make([]float64, n) // norms of the remainders, now and when last computed
	for j, s := range c.norms2() {
		f.pivot[j] = j
		left[j] = math.Sqrt(s)
		first[j] = left[j]
	}
	for i := range k {
		best := i
		for j := i + 1; j < n; j++ {
			if compare(left[j], c.e[j], left[best], c.e[best]) > 0 {
				best = j
			}
		}
		c.x[i], c.x[best] = c.x[best], c.x[i]
		c.e[i], c.e[best] = c.e[best], c.e[i]
		f.pivot[i], f.pivot[best] = f.pivot[best], f.pivot[i]
		left[best], first[best] = left[i], first[i]
		v := c.x[i][i:]
		β, τ := reflector(v)
		f.diag[i], f.τ[i] = β, τ
		inParallel(n-i-1, 4*(m-i), func(j int) {
			j += i + 1
			x := c.x[j][i:]
			if τ != 0 {
				axpy(-τ*dot(v, x), v, x)
			}
			if left[j] == 0 {
				return
			}
			// LAPACK's update (working note 176): while the remainder has
			// not shrunk to rounding errors of what it was.
			r := x[0] / left[j]
			rest := max(0, 1-r*r)
			if q := left[j] / first[j]; rest*q*q > 0x1p-26 {
				left[j] *= math.Sqrt(rest)
				return
			}
			left[j] = math.Sqrt(dot(x[1:], x[1:]))
			first[j] = left[j]
		})
	}
	return f
}

// reflector turns x into the v of I - τ·v·vᵀ, v[0] = 1, which maps x to
// (β, 0, …).
func reflector(x []float64) (β, τ float64) {
	square := dot(x[1:], x[1:])
	if square == 0 { // or so small against the column that nothing is lost
		β = x[0]
		x[0] = 1
		clear(x[1:])
		return β, 0
	}
	β = -math.Copysign(math.Sqrt(x[0]*x[0]+square), x[0])
	τ = (β - x[0]) / β
	scale := 1 / (x[0] - β)
	x[0] = 1
	for i := 1; i < len(x); i++ {
		x[i] *= scale
	}
	return β, τ
}

// r returns element (i,j) of R, i ≤ j, without the exponent of column j.
func (f *pivotedQR) r(i, j int) float64 {
	if i == j {
		return f.diag[i]
	}
	return f.c.x[j][i]
}

// multiply computes Q·x for each x.
func (f *pivotedQR) multiply(xs [][]float64) {
	inParallel(len(xs), 4*len(f.τ)*len(f.c.x[0]), func(j int) {
		for i := len(f.τ) - 1; i >= 0; i-- {
			if f.τ[i] != 0 {
				v, x := f.c.x[i][i:], xs[j][i:]
				axpy(-f.τ[i]*dot(v, x), v, x)
			}
		}
	})
}

// factor returns the first k columns of Q.
func (f *pivotedQR) factor(k int) device.Dense[float64] {
	q := newColumns(len(f.c.x[0]), k)
	for j, x := range q.x {
		x[j] = 1
	}
	f.multiply(q.x)
	return q.dense()
}
