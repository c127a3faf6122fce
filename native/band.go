package native

import "math"

// Band is the number of superdiagonals of the matrices of Bidiagonalize.
const Band = 32

// A stored row has the elements from Band to the left of the diagonal to
// 2·Band-1 to the right of it.
const bandRow = 3 * Band

// Bidiagonalize reduces an upper band matrix to an upper bidiagonal one with
// the same singular values: row i of a, of Band+1 elements, begins with the
// diagonal element. It stores the diagonal in d (n elements) and what stands
// right of it in e (n-1). It costs 8·n²·Band operations. Squares of the
// elements must be in range; those that are zero count as zero.
func Bidiagonalize(a []float64, d, e []float64) {
	n := len(d)
	sameLength(len(a), n*(Band+1))
	sameLength(len(e), max(0, n-1))
	if n == 0 {
		return
	}
	stored := make([]float64, (n+2*Band)*bandRow)
	for i := range n {
		copy(stored[i*bandRow+Band:], a[i*(Band+1):i*(Band+1)+min(Band+1, n-i)])
	}
	bidiagonalize(n, stored)
	for i := range d {
		d[i] = stored[i*bandRow+Band]
		if i < len(e) {
			e[i] = stored[i*bandRow+Band+1]
		}
	}
}

// bidiagonalizeGo does what band_body.h does.
func bidiagonalizeGo(n int, a []float64) {
	const ld = bandRow - 1
	a = a[Band:]
	var v [Band]float64
	for i := range n - 1 {
		row := i
		for c := i + 1; c < n; row, c = c, c+Band {
			p := a[row*ld+c:]
			copy(v[:], p)
			β, τ := reflection(&v)
			clear(p[:Band])
			p[0] = β
			for r := row + 1; τ != 0 && r < c+Band; r++ {
				x, s := a[r*ld+c:r*ld+c+Band], 0.0
				for k, y := range v {
					s += x[k] * y
				}
				for k, y := range v {
					x[k] -= τ * s * y
				}
			}
			p = a[c*ld+c:]
			for k := range v {
				v[k] = p[k*ld]
			}
			if β, τ = reflection(&v); τ == 0 {
				continue
			}
			var s [2 * Band]float64
			for r, y := range v {
				for k, x := range p[r*ld : r*ld+2*Band] {
					s[k] += x * y
				}
			}
			for r, y := range v {
				x := p[r*ld : r*ld+2*Band]
				for k := range x {
					x[k] -= τ * s[k] * y
				}
				x[0] = 0
			}
			p[0] = β
		}
	}
}

// reflection makes of v the vector of the reflection I - τ·v·vᵀ that takes v
// to β·e₁.
func reflection(v *[Band]float64) (β, τ float64) {
	rest := 0.0
	for _, x := range v[1:] {
		rest += x * x
	}
	α := v[0]
	if rest == 0 {
		return α, 0
	}
	β = -math.Copysign(math.Sqrt(α*α+rest), α)
	for k := range v {
		v[k] /= α - β
	}
	v[0] = 1
	return β, (β - α) / β
}
