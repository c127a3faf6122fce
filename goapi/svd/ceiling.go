package svd

import (
	"math"

	"github.com/ritz-go/ritz/goapi/device"
)

// ceiling bounds ‖A‖₂ from above by what the passes of a block Krylov method
// compute anyway. With w normal vectors ω that know nothing of A, and
// M = A·(AᵀA)^p,
//
//	‖A‖₂^(2p+1) = ‖M‖₂ ≤ α·√(2/π)·max‖M·ω‖ but for a chance of α^-w,
//
// here 10⁻¹⁰, as for probes of a residual. Where these overestimate a norm by
// the root of the dimension, this does by the (2p+1)-th root of that: with p
// powers of AᵀA all singular values but those near the largest have faded.
//
// The vectors (AᵀA)^i·Ω are followed by their coordinates in the basis of the
// Krylov space, w columns of which each block adds.
type ceiling struct {
	w       int
	product []device.Dense[float64] // Qᵀ·(AᵀA·Qⱼ) for the blocks Qⱼ so far
	at      device.Dense[float64]   // coordinates of (AᵀA)^i·ω·2^-size
	size    []int                   // for each ω
	power   int                     // i
}

// add takes in the coordinates of AᵀA·Qⱼ in the basis with the block that this
// added, or in that block alone if it is all that is kept.
func (c *ceiling) add(h device.Dense[float64], alone bool) {
	if c.power++; c.power == 1 { // of AᵀA·Ω
		c.w, c.at, c.size = h.Cols, h, make([]int, h.Cols)
		c.rescale()
		return
	}
	if alone {
		c.product = nil
	}
	c.product = append(c.product, h)
	next := device.NewDense[float64](h.Rows, c.w)
	for j, p := range c.product {
		for r := range p.Rows {
			row := next.Row(r)
			for k, x := range p.Row(r) {
				axpy(x, c.at.Row(j*c.w+k), row)
			}
		}
	}
	c.at = next
	c.rescale()
}

// rescale brings the largest coordinate of each vector into [1/2,1).
func (c *ceiling) rescale() {
	for j := range c.w {
		largest := 0.0
		for i := range c.at.Rows {
			largest = max(largest, math.Abs(c.at.At(i, j)))
		}
		if largest == 0 || largest-largest != 0 {
			continue
		}
		_, e := math.Frexp(largest)
		for i := range c.at.Rows {
			c.at.Set(i, j, math.Ldexp(c.at.At(i, j), -e))
		}
		c.size[j] += e
	}
}

// bound returns the bound from A·Q = U·diag(s)·Wᵀ, Q being the basis. ‖A‖₂ is
// no less than s[0].
func (c *ceiling) bound(s []float64, wt device.Dense[float64]) float64 {
	if s[0] == 0 {
		return math.Inf(1)
	}
	most := math.Inf(-1) // logarithm of ‖M·ω‖
	squares, row := make([]float64, c.w), make([]float64, c.w)
	for i, σ := range s {
		clear(row)
		for k, x := range wt.Row(i) {
			axpy(σ/s[0]*x, c.at.Row(k), row)
		}
		for j, x := range row {
			squares[j] += x * x
		}
	}
	for j, x := range squares {
		most = max(most, math.Log(x)/2+float64(c.size[j])*math.Ln2+math.Log(s[0]))
	}
	factor := 10/float64(c.w)*math.Ln10 + math.Log(2/math.Pi)/2
	return max(s[0], math.Exp((factor+most)/float64(2*c.power+1)))
}
