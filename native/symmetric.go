package native

// SymWidth is the number of rows of B that are packed together at most: ranges
// of rows for SymPack begin at a multiple of it.
const SymWidth = 32

// SymRows is the number of rows of C that SymProduct computes at most in one
// call, a multiple of the heights of all tiles.
const SymRows = 48

// SymPacked returns the number of elements that n packed rows of k take.
func SymPacked(n, k int) int { return (n + SymWidth - 1) / SymWidth * SymWidth * k }

// SymPack packs the rows [lo,hi) of the n×k matrix b, or of bᵀ if transposed,
// for SymProduct. packed is that of all n rows; hi is n or a multiple of
// SymWidth.
func SymPack[T Float](lo, hi, k int, b []T, ldb int, transposed bool, packed []T) {
	if lo%SymWidth != 0 || len(packed) < SymPacked(hi, k) {
		panic("native: packed rows of a wrong size")
	}
	symFits(hi, k, b, ldb, transposed)
	if lo < hi && k > 0 {
		symPack(lo, hi, k, b, ldb, transposed, packed[lo*k:])
	}
}

// A SymTerm is what SymProduct adds to the product: Beta·D, which is not read
// if D is nil, and with Last Gamma on the diagonal. Last tells that no product
// is to be added to this one any more.
type SymTerm[T Float] struct {
	Beta  T
	D     []T
	LD    int
	Gamma T
	Last  bool
}

// SymProduct computes the rows [lo,hi) of the lower triangle of
// C = α·A·Bᵀ + β·D, symmetric, for A (or Aᵀ if transposed) with rows of k
// elements and B as packed. At the end the rows are copied to the columns
// [lo,hi) of the upper triangle. work has SymRows·k elements.
func SymProduct[T Float](lo, hi, k int, α T, a []T, lda int, transposed bool, packed []T, term SymTerm[T], c []T, ldc int, work []T) {
	checkSym(lo, hi, k, k, a, lda, transposed, packed, term, c, ldc, work)
	if lo < hi && k > 0 {
		symProduct(lo, hi, k, α, a, lda, transposed, packed, term, c, ldc, work)
	}
}

// checkSym panics if the rows, of k elements in the given number of words, do
// not fit.
func checkSym[T Float](lo, hi, k, words int, a []T, lda int, transposed bool, packed []T, term SymTerm[T], c []T, ldc int, work []T) {
	symFits(hi, k, a, lda, transposed)
	fits(hi, hi, c, ldc)
	if term.D != nil {
		fits(hi, hi, term.D, term.LD)
	}
	checkWork(lo, hi, hi, words, packed, work)
}

func checkWork[T Float](lo, hi, n, words int, packed, work []T) {
	if hi-lo > SymRows || len(work) < SymRows*words || len(packed) < SymPacked(n, words) {
		panic("native: workspace of a wrong size")
	}
}

func symFits[T Float](n, k int, a []T, ld int, transposed bool) {
	if transposed {
		n, k = k, n
	}
	fits(n, k, a, ld)
}

// PackedProduct computes the rows [lo,hi) of C = α·A·Bᵀ + β·C for A (or Aᵀ if
// transposed) with rows of k elements and the n packed rows of B. work has
// SymRows·k elements.
func PackedProduct[T Float](lo, hi, n, k int, α T, a []T, lda int, transposed bool, packed []T, β T, c []T, ldc int, work []T) {
	checkPacked(lo, hi, n, k, k, a, lda, transposed, packed, c, ldc, work)
	if lo < hi && n > 0 && k > 0 {
		packedProduct(lo, hi, n, k, α, a, lda, transposed, packed, β, c, ldc, work)
	}
}

func checkPacked[T Float](lo, hi, n, k, words int, a []T, lda int, transposed bool, packed, c []T, ldc int, work []T) {
	symFits(hi, k, a, lda, transposed)
	fits(hi, n, c, ldc)
	checkWork(lo, hi, n, words, packed, work)
}
