package spectrum

import (
	"math"
	"sort"
)

// tridiagonalEigen replaces d, the diagonal of a symmetric tridiagonal
// matrix, by its eigenvalues in ascending order, and destroys e, the entries
// beside the diagonal. z holds r numbers for each column of the matrix of
// eigenvectors: on entry those of some rows of the identity, on return those
// rows of the eigenvectors. With one row that costs O(n²), with all O(n³). It
// reports whether the iteration converged, which it does for finite numbers.
//
// It is the implicit QR iteration with Wilkinson's shift (Golub and Van Loan,
// Matrix Computations, section 8.3).
func tridiagonalEigen(d, e, z []float64, r int) bool {
	n := len(d)
	norm := 0.0
	for i, x := range d {
		norm = max(norm, math.Abs(x))
		if i+1 < n {
			norm = max(norm, math.Abs(e[i]))
		}
	}
	if norm-norm != 0 {
		return false
	}
	const eps = 0x1p-53
	small := func(i int) bool {
		return math.Abs(e[i]) <= eps*(math.Abs(d[i])+math.Abs(d[i+1])) || math.Abs(e[i]) <= eps*eps*norm
	}
	for hi, steps := n-1, 0; hi > 0; {
		if small(hi - 1) {
			e[hi-1] = 0
			hi--
			steps = 0
			continue
		}
		lo := hi - 1
		for lo > 0 && !small(lo-1) {
			lo--
		}
		if steps++; steps > 100 {
			return false
		}
		qrSweep(d, e, z, r, lo, hi)
	}
	if !sort.Float64sAreSorted(d) {
		sort.Sort(&columns{d, z, r})
	}
	return true
}

// qrSweep applies one shifted QR step to the rows and columns lo to hi.
func qrSweep(d, e, z []float64, r, lo, hi int) {
	half, b := (d[hi-1]-d[hi])/2, e[hi-1]
	shift := d[hi] - b*(b/(half+math.Copysign(math.Hypot(half, b), half)))
	x, y := d[lo]-shift, e[lo]
	for k := lo; k < hi; k++ {
		ρ := math.Sqrt(x*x + y*y)
		if !(ρ > 0x1p-500 && ρ < 0x1p500) { // squares out of range
			ρ = math.Hypot(x, y)
		}
		c, s := 1.0, 0.0
		if ρ > 0 {
			c, s = x/ρ, y/ρ
		}
		if k > lo {
			e[k-1] = ρ
		}
		p, q, o := d[k], d[k+1], e[k]
		// The trace is kept: what one entry gains the other loses.
		gain := s * (s*(q-p) + 2*c*o)
		d[k], d[k+1] = p+gain, q-gain
		e[k] = c*s*(q-p) + (c*c-s*s)*o
		if k+1 < hi {
			x, y = e[k], s*e[k+1]
			e[k+1] *= c
		}
		u, v := z[k*r:(k+1)*r], z[(k+1)*r:(k+2)*r]
		for i, f := range u {
			g := v[i]
			u[i], v[i] = c*f+s*g, c*g-s*f
		}
	}
}

// columns sorts eigenvalues and what is known of their vectors.
type columns struct {
	d, z []float64
	r    int
}

func (c *columns) Len() int           { return len(c.d) }
func (c *columns) Less(i, j int) bool { return c.d[i] < c.d[j] }
func (c *columns) Swap(i, j int) {
	c.d[i], c.d[j] = c.d[j], c.d[i]
	for k := range c.r {
		c.z[i*c.r+k], c.z[j*c.r+k] = c.z[j*c.r+k], c.z[i*c.r+k]
	}
}

// tridiagonalRow returns the eigenvalues, ascending, of the tridiagonal matrix
// of α and β and one row of its eigenvectors, NaN if a number is not finite.
func tridiagonalRow(α, β []float64, row int) (values, entries []float64) {
	n := len(α)
	values, entries = append([]float64(nil), α...), make([]float64, n)
	entries[row] = 1
	if !tridiagonalEigen(values, append([]float64(nil), β[:n-1]...), entries, 1) {
		for i := range values {
			values[i], entries[i] = math.NaN(), math.NaN()
		}
	}
	return values, entries
}

// tridiagonalize returns an orthogonal matrix z, n×n by rows, and α and β such
// that zᵀ·diag(θ)·z is tridiagonal with these entries and zᵀ·b = last·eₙ: a
// diagonal matrix with a border, as a restart leaves it, becomes the
// tridiagonal matrix of a Lanczos recurrence. It reflects column by column
// from the last one.
func tridiagonalize(θ, b []float64) (z [][]float64, α, β []float64, last float64) {
	n := len(θ)
	a, z := make([][]float64, n), make([][]float64, n)
	for i := range n {
		a[i], z[i] = make([]float64, n), make([]float64, n)
		a[i][i], z[i][i] = θ[i], 1
	}
	p := make([]float64, n)
	// reflect maps x onto ±‖x‖ times the last unit vector of its length and
	// applies the reflection to a and z.
	reflect := func(x []float64) float64 {
		m := len(x)
		largest := 0.0
		for _, v := range x {
			largest = max(largest, math.Abs(v))
		}
		if largest == 0 {
			return 0
		}
		size := 0.0
		for _, v := range x {
			size += v / largest * (v / largest)
		}
		size = largest * math.Sqrt(size)
		if m == 1 {
			return x[0]
		}
		u := make([]float64, m)
		copy(u, x)
		image := -math.Copysign(size, x[m-1])
		u[m-1] -= image
		square := 0.0
		for i := range u {
			u[i] /= largest
			square += u[i] * u[i]
		}
		// A ← (I-2uuᵀ/uᵀu)·A·(I-2uuᵀ/uᵀu), Z ← Z·(I-2uuᵀ/uᵀu)
		dot := 0.0
		for i := range m {
			s := 0.0
			for j := range m {
				s += a[i][j] * u[j]
			}
			p[i] = 2 * s / square
			dot += p[i] * u[i]
		}
		for i := range m {
			p[i] -= dot / square * u[i]
		}
		for i := range m {
			for j := range m {
				a[i][j] -= u[i]*p[j] + p[i]*u[j]
			}
		}
		for i := range n {
			s := 0.0
			for j := range m {
				s += z[i][j] * u[j]
			}
			for j := range m {
				z[i][j] -= 2 * s / square * u[j]
			}
		}
		return image
	}
	last = reflect(b)
	α, β = make([]float64, n), make([]float64, max(n-1, 0))
	for i := n - 1; i >= 1; i-- {
		x := make([]float64, i)
		for j := range i {
			x[j] = a[j][i]
		}
		// The column above the diagonal entry i is reflected within the
		// leading i coordinates, which changes nothing below.
		β[i-1] = reflect(x)
	}
	for i := range n {
		α[i] = a[i][i]
	}
	return z, α, β, last
}
