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

func newBlockReflector(by *workspace, v Dense[float64], τ []float64) blockReflector {
	k := v.Rows
	gram, t := NewDense[float64](k, k), NewDense[float64](k, k)
	by.Product(NoTrans, Transp, 1, v, v, gram)
	triangleOf(by, gram, τ, t, NewDense[float64](k, k))
	return blockReflector{v, t}
}

// triangleOf stores T, of which the part above the diagonal of two halves of
// the reflections is -T₁·(V₁·V₂ᵀ)·T₂.
func triangleOf(by *workspace, gram Dense[float64], τ []float64, t, work Dense[float64]) {
	const least = 16
	k := gram.Rows
	if k > least {
		h := k / 2
		part := func(m Dense[float64], i0, i1, j0, j1 int) Dense[float64] { return m.Slice(i0, i1, j0, j1) }
		t1, t2, w := part(t, 0, h, 0, h), part(t, h, k, h, k), part(work, 0, h, h, k)
		triangleOf(by, part(gram, 0, h, 0, h), τ[:h], t1, part(work, 0, h, 0, h))
		triangleOf(by, part(gram, h, k, h, k), τ[h:], t2, part(work, h, k, h, k))
		by.Product(NoTrans, NoTrans, -1, t1, part(gram, 0, h, h, k), w)
		by.Product(NoTrans, NoTrans, 1, w, t2, part(t, 0, h, h, k))
		return
	}
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
}

// apply multiplies the rows of C by the block reflector from the right, or by
// its transpose. work has 2·C.Rows·v.Rows elements.
func (b blockReflector) apply(by *workspace, t Trans, c Dense[float64], work []float64) {
	k := b.v.Rows
	work = work[:2*c.Rows*k]
	clear(work)
	cv := Dense[float64]{Rows: c.Rows, Cols: k, Stride: k, Data: work[:c.Rows*k]}
	cvt := Dense[float64]{Rows: c.Rows, Cols: k, Stride: k, Data: work[c.Rows*k:]}
	by.Product(NoTrans, Transp, 1, c, b.v, cv)
	by.Product(NoTrans, t, 1, cv, b.t, cvt)
	by.Product(NoTrans, NoTrans, -1, cvt, b.v, c)
}

// Reflections are H₀·H₁·…, Hᵢ = I - τᵢ·v·vᵀ with the vector v in row i of V,
// which is zero before its element i+Shift.
type Reflections struct {
	V     Dense[float64]
	Tau   []float64
	Shift int
}

func newReflections(by *workspace, count, n, shift int) Reflections {
	return Reflections{by.zeros(count, n), make([]float64, count), shift}
}

// apply overwrites the rows xᵀ of C by (H₀·H₁·…·x)ᵀ. If triangular is set, row
// i is zero before its element i+Shift, so that the reflections before Hᵢ
// leave it alone.
func (h Reflections) apply(by *workspace, c Dense[float64], triangular bool) {
	work := by.matrix(2*reflectorBlock, c.Rows).Data
	for i0 := (len(h.Tau) - 1) / reflectorBlock * reflectorBlock; i0 >= 0; i0 -= reflectorBlock {
		i1, from, first := min(i0+reflectorBlock, len(h.Tau)), i0+h.Shift, 0
		if i0 == i1 {
			continue
		}
		if triangular {
			first = i0
		}
		newBlockReflector(by, h.V.Slice(i0, i1, from, h.V.Cols), h.Tau[i0:i1]).
			apply(by, Transp, c.Slice(first, c.Rows, from, c.Cols), work)
	}
}

// factorQR returns the factors R and Q of A (m×n, m ≥ n), of which it gets
// and destroys the transpose.
func factorQR(by *workspace, at Dense[float64]) (r Dense[float64], q Reflections) {
	n, m := at.Rows, at.Cols
	r, q = NewDense[float64](n, n), newReflections(by, n, m, 0)
	dots, work := make([]float64, reducedBlock), make([]float64, 2*n*reducedBlock)
	for j0 := 0; j0 < n; j0 += reducedBlock {
		j1 := min(j0+reducedBlock, n)
		for j := j0; j < j1; j++ {
			x := at.Row(j)
			for i, v := range x[:j] {
				r.Set(i, j, v)
			}
			v := q.V.Row(j)[j:]
			copy(v, x[j:])
			β, τ := householder(v)
			r.Set(j, j, β)
			q.Tau[j] = τ
			rest := at.Slice(j+1, j1, j, m)
			dotRows(rest, v, dots)
			parallelRows(rest.Rows, rest.Cols, func(_, lo, hi int) {
				for i := lo; i < hi; i++ {
					blas64.Axpy(-τ*dots[i], blas64.Vector{N: len(v), Inc: 1, Data: v}, blas64.Vector{N: len(v), Inc: 1, Data: rest.Row(i)})
				}
			})
		}
		if j1 < n {
			newBlockReflector(by, q.V.Slice(j0, j1, j0, m), q.Tau[j0:j1]).apply(by, NoTrans, at.Slice(j1, n, j0, m), work)
		}
	}
	return r, q
}
