package device

import (
	"math"

	"gonum.org/v1/gonum/blas/blas64"
)

// reflectorBlock vectors make one block reflector.
const reflectorBlock = 64

// householder overwrites x by v, v₀ = 1, so that H = I - τ·v·vᵀ takes x to
// (β, 0, …). What is of squares below 2⁻⁹⁰⁰ counts as zero: matrices are
// scaled, so that this is far below rounding.
func householder(x []float64) (β, τ float64) {
	α := x[0]
	x[0] = 1
	tail := x[1:]
	square := blas64.Dot(blas64.Vector{N: len(tail), Inc: 1, Data: tail}, blas64.Vector{N: len(tail), Inc: 1, Data: tail})
	if square < 0x1p-900 {
		clear(tail)
		return α, 0
	}
	β = -math.Copysign(math.Sqrt(α*α+square), α)
	blas64.Scal(1/(α-β), blas64.Vector{N: len(tail), Inc: 1, Data: tail})
	return β, (β - α) / β
}

// blockReflector is H₀·H₁·… = I - Vᵀ·T·V, where the rows of V are the vectors
// of the reflections and T is upper triangular (Schreiber, Van Loan 1989).
type blockReflector struct{ v, t Dense[float64] }

func newBlockReflector(v Dense[float64], τ []float64) blockReflector {
	k := v.Rows
	gram, t := NewDense[float64](k, k), NewDense[float64](k, k)
	product(NoTrans, Transp, 1, v, v, gram, true)
	for j := range k {
		t.Set(j, j, τ[j])
		for i := range j {
			s := 0.0
			for p := i; p < j; p++ {
				s += t.At(i, p) * gram.At(j, p)
			}
			t.Set(i, j, -τ[j]*s)
		}
	}
	return blockReflector{v, t}
}

// apply multiplies the rows of C by the block reflector from the right, or by
// its transpose.
func (b blockReflector) apply(t Trans, c Dense[float64]) {
	k := b.v.Rows
	cv, cvt := NewDense[float64](c.Rows, k), NewDense[float64](c.Rows, k)
	product(NoTrans, Transp, 1, c, b.v, cv, false)
	product(NoTrans, t, 1, cv, b.t, cvt, false)
	product(NoTrans, NoTrans, -1, cvt, b.v, c, false)
}

// reflections are H₀·H₁·…: the vector of Hᵢ is row i of v, zero before its
// element i+shift.
type reflections struct {
	v     Dense[float64]
	τ     []float64
	shift int
}

// apply overwrites the rows xᵀ of C by (H₀·H₁·…·x)ᵀ. If triangular is set, row
// i is zero before its element i+shift, so that the reflections before Hᵢ
// leave it alone.
func (h reflections) apply(c Dense[float64], triangular bool) {
	for i0 := (len(h.τ) - 1) / reflectorBlock * reflectorBlock; i0 >= 0; i0 -= reflectorBlock {
		i1, from, first := min(i0+reflectorBlock, len(h.τ)), i0+h.shift, 0
		if i0 == i1 {
			continue
		}
		if triangular {
			first = i0
		}
		newBlockReflector(h.v.Slice(i0, i1, from, h.v.Cols), h.τ[i0:i1]).apply(Transp, c.Slice(first, c.Rows, from, c.Cols))
	}
}

// factorQR returns the factors R and Q of A (m×n, m ≥ n), of which it gets
// and destroys the transpose.
func factorQR(at Dense[float64]) (r Dense[float64], q reflections) {
	n, m := at.Rows, at.Cols
	r, q = NewDense[float64](n, n), reflections{v: NewDense[float64](n, m), τ: make([]float64, n)}
	dots := make([]float64, reducedBlock)
	for j0 := 0; j0 < n; j0 += reducedBlock {
		j1 := min(j0+reducedBlock, n)
		for j := j0; j < j1; j++ {
			x := at.Row(j)
			for i, v := range x[:j] {
				r.Set(i, j, v)
			}
			v := q.v.Row(j)[j:]
			copy(v, x[j:])
			β, τ := householder(v)
			r.Set(j, j, β)
			q.τ[j] = τ
			rest := at.Slice(j+1, j1, j, m)
			dotRows(rest, v, dots)
			parallelRows(rest.Rows, rest.Cols, func(_, lo, hi int) {
				for i := lo; i < hi; i++ {
					blas64.Axpy(-τ*dots[i], blas64.Vector{N: len(v), Inc: 1, Data: v}, blas64.Vector{N: len(v), Inc: 1, Data: rest.Row(i)})
				}
			})
		}
		if j1 < n {
			newBlockReflector(q.v.Slice(j0, j1, j0, m), q.τ[j0:j1]).apply(NoTrans, at.Slice(j1, n, j0, m))
		}
	}
	return r, q
}
