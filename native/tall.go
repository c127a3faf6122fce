package native

// A Small is an n×k matrix of float64 with rows padded by zeros to a multiple
// of eight elements, as the kernels for tall matrices want them.
type Small struct {
	Rows, Cols int
	LD         int
	Data       []float64
}

// NewSmall returns a zero matrix.
func NewSmall(rows, cols int) Small {
	ld := (cols + 7) &^ 7
	return Small{rows, cols, ld, make([]float64, rows*ld)}
}

// TallWork returns how many elements of workspace TallGram and TallMul need
// for matrices with up to n columns.
func TallWork(n int) int {
	const tile = 96
	return 2 * tile * ((n + 7) &^ 7)
}

// TallGram adds (A·X)ᵀ(A·X) to the upper triangle of the n×n matrix g, for a
// tall m×n matrix a and an upper triangular n×n matrix x; the zero Small
// stands for the identity. A is read once and A·X never stored. Two calls with
// the same rows compute the same A·X to the bit, and so does TallMul.
func TallGram[T Float](m, n int, a []T, lda int, x, g Small, work []float64) {
	fits(m, n, a, lda)
	small(x, n, n, true)
	small(g, n, n, false)
	sameLength(len(work), TallWork(n))
	if m > 0 && n > 0 {
		tallGram(m, n, a, lda, x.Data, g.Data, g.LD, work)
	}
}

// TallMul computes U = (A·X)·Y for a tall m×n matrix a, an upper triangular
// n×n matrix x (the zero Small for the identity) and an n×k matrix y.
func TallMul[T Float](m, n, k int, a []T, lda int, x, y Small, u []T, ldu int, work []float64) {
	fits(m, n, a, lda)
	fits(m, k, u, ldu)
	small(x, n, n, true)
	small(y, n, k, false)
	sameLength(len(work), TallWork(max(n, k)))
	if m > 0 && n > 0 && k > 0 {
		tallMul(m, n, k, a, lda, x.Data, (n+7)&^7, y.Data, y.LD, u, ldu, work)
	}
}

func small(s Small, rows, cols int, optional bool) {
	if optional && s.Data == nil {
		return
	}
	if s.Rows != rows || s.Cols != cols || s.LD != (cols+7)&^7 || len(s.Data) != rows*s.LD {
		panic("native: a small matrix of a wrong shape")
	}
}
