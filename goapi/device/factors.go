package device

import "math"

// FactorKernels are what the symmetric eigendecomposition and the singular
// value decomposition of CPU devices are made of, [Eigh] and [SVD]: all of
// their operations but some n², in float64.
type FactorKernels interface {
	// Product adds α·op(A)·op(B) to C.
	Product(tA, tB Trans, α float64, a, b, c Dense[float64])

	// Tridiagonalize returns the diagonal d and the subdiagonal e of QᵀAQ,
	// and Q, for a symmetric A that it may destroy, without looking above
	// the diagonal.
	Tridiagonalize(a Dense[float64]) (d, e []float64, q Reflections)

	// Sweep computes x ← τ·(A·v + x), c ← c + A·e₁ - x and Aᵀ·c, whose sums
	// over the blocks of rows of SweepBlock it stores in the rows of partial,
	// all from one reading of A.
	Sweep(a Dense[float64], v []float64, τ float64, x, c []float64, partial Dense[float64])

	// SecularSums stores gaps - η in δ and returns the sums of z²/δ and its
	// derivative over the elements before number split and from that on.
	SecularSums(split int, z, gaps []float64, η float64, δ []float64) SecularSums
}

// goFactors are the kernels of the pure Go device.
type goFactors struct{}

func (goFactors) Product(tA, tB Trans, α float64, a, b, c Dense[float64]) {
	product(tA, tB, α, a, b, c, false)
}
func (goFactors) Tridiagonalize(a Dense[float64]) (d, e []float64, q Reflections) {
	return tridiagonalize(a)
}

// workspace is what one decomposition works with: kernels, and memory that it
// borrows until the end.
type workspace struct {
	FactorKernels
	lent [][]float64
}

func newWorkspace(k FactorKernels) *workspace { return &workspace{FactorKernels: k} }

var workMemory reserve[float64]

// matrix returns one with any content.
func (w *workspace) matrix(rows, cols int) Dense[float64] {
	return w.lend(rows, cols, workMemory.takeAny(rows*cols))
}

func (w *workspace) zeros(rows, cols int) Dense[float64] {
	return w.lend(rows, cols, workMemory.take(rows*cols))
}

func (w *workspace) lend(rows, cols int, data []float64) Dense[float64] {
	w.lent = append(w.lent, data)
	return Dense[float64]{Rows: rows, Cols: cols, Stride: cols, Data: data}
}

func (w *workspace) end() {
	for _, data := range w.lent {
		workMemory.give(data)
	}
}

// Eigh decomposes a symmetric matrix by divide and conquer, looking at its lower
// triangle alone: the rows of a become the eigenvectors to the eigenvalues w,
// which ascend. An element that is no number is an error.
func Eigh(kernels FactorKernels, a Dense[float64], w []float64) error {
	if err := checkLower(a); err != nil {
		return err
	}
	by := newWorkspace(kernels)
	defer by.end()
	exponent := scaleToSafe(a, true)
	diagonal, below, q := by.Tridiagonalize(a)
	values, vectors := symmetricTridiagonal(by, diagonal, below)
	q.apply(by, vectors, false)
	copyRows(a, vectors)
	unscale(w, values, exponent)
	return nil
}

// eighRange is Eigh of finite elements for the eigenvectors number [first,
// first+vt.Rows) alone, which become the rows of vt, or none if vt.Data is nil.
func eighRange(kernels FactorKernels, a Dense[float64], w []float64, vt Dense[float64], first int) {
	by := newWorkspace(kernels)
	defer by.end()
	exponent := scaleToSafe(a, true)
	diagonal, below, q := by.Tridiagonalize(a)
	values, vectors := tridiagonalRange(by, diagonal, below, first, vt.Rows)
	if vt.Rows > 0 {
		q.apply(by, vectors, false)
		copyRows(vt, vectors)
	}
	unscale(w, values, exponent)
}

func unscale(w, values []float64, exponent int) {
	for i, v := range values {
		w[i] = math.Ldexp(v, exponent)
	}
}

// SVD computes the thin decomposition of a matrix of finite elements, which it
// destroys, by divide and conquer: u is m×k, s descends and vt is k×n, k the
// smaller of m and n.
func SVD(kernels FactorKernels, a, u Dense[float64], s []float64, vt Dense[float64]) {
	by := newWorkspace(kernels)
	defer by.end()
	exponent := scaleToSafe(a, false)
	wide := a.Rows < a.Cols
	if wide {
		b := by.matrix(a.Cols, a.Rows)
		transpose(a, b)
		a = b
	}
	values, left, right, _ := thinSVD(by, a, true)
	if wide {
		left, right = right, left
	}
	transpose(left, u)
	copyRows(vt, right)
	unscale(s, values, exponent)
}
