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
func TallWork(n int) int { return 3 * TallTile * ((n + 7) &^ 7) }

// TallTile is the number of rows in a tile.
const TallTile = 96

// TallProbes is the number of vectors in a TallCheck.
const TallProbes = 8

// TallCheck collects what TallMul measures of its result U (m×k) as it is
// stored. The zero TallCheck measures nothing.
type TallCheck struct {
	W, Z    []float64 // n×TallProbes and k×TallProbes, given
	Gram    Small     // k×k; UᵀU is added to its upper triangle
	Squares []float64 // TallProbes sums, to which ‖A·w - U·z‖² is added
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
// n×n matrix x (the zero Small for the identity) and an n×k matrix y, and adds
// to what c collects.
func TallMul[T Float](m, n, k int, a []T, lda int, x, y Small, u []T, ldu int, c TallCheck, work []float64) {
	fits(m, n, a, lda)
	fits(m, k, u, ldu)
	small(x, n, n, true)
	small(y, n, k, false)
	sameLength(len(work), TallWork(max(n, k)))
	if c.Gram.Data != nil {
		small(c.Gram, k, k, false)
		sameLength(len(c.W), n*TallProbes)
		sameLength(len(c.Z), k*TallProbes)
		sameLength(len(c.Squares), TallProbes)
	}
	if m > 0 && n > 0 && k > 0 {
		tallMul(m, n, k, a, lda, x.Data, (n+7)&^7, y.Data, y.LD, u, ldu, c, work)
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
