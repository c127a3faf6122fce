package native

// Float is the set of element types.
type Float interface{ float32 | float64 }

// Exp computes y = eˣ element by element. The error is at most 1 ulp in
// float64 and 1.5 ulp in float32; results that would be subnormal are 0. y
// may be x. It panics if the lengths differ, as do the other kernels for
// lengths that do not fit: their caller has checked shapes.
func Exp[T Float](x, y []T) {
	sameLength(len(x), len(y))
	if len(x) > 0 {
		exp(x, y)
	}
}

// Tanh computes y = tanh x element by element, to 2 ulp. y may be x.
func Tanh[T Float](x, y []T) {
	sameLength(len(x), len(y))
	if len(x) > 0 {
		tanh(x, y)
	}
}

// SoftMinRows computes out[i] = -ε·log Σⱼ exp((g[j] - C[i,j])/ε) for the rows
// of the m×n matrix c with leading dimension ldc.
func SoftMinRows[T Float](m, n int, ε T, c []T, ldc int, g, out []T) {
	fits(m, n, c, ldc)
	sameLength(len(g), n)
	sameLength(len(out), m)
	if m > 0 && n > 0 {
		softMinRows(m, n, ε, c, ldc, g, out)
	}
}

// SoftMinCols computes out[j] = -ε·log Σᵢ exp((g[i] - C[i,j])/ε) for the
// columns of the m×n matrix c.
func SoftMinCols[T Float](m, n int, ε T, c []T, ldc int, g, out []T) {
	fits(m, n, c, ldc)
	sameLength(len(g), m)
	sameLength(len(out), n)
	if m > 0 && n > 0 {
		softMinCols(m, n, ε, c, ldc, g, out)
	}
}

// MinRows computes out[i] = minⱼ (C[i,j] - g[j]) for the rows of the m×n
// matrix c: SoftMinRows for ε = 0.
func MinRows[T Float](m, n int, c []T, ldc int, g, out []T) {
	fits(m, n, c, ldc)
	sameLength(len(g), n)
	sameLength(len(out), m)
	if m > 0 && n > 0 {
		minRows(m, n, c, ldc, g, out)
	}
}

// MinCols lowers out[j] to minᵢ (C[i,j] - g[i]) for the columns of the m×n
// matrix c.
func MinCols[T Float](m, n int, c []T, ldc int, g, out []T) {
	fits(m, n, c, ldc)
	sameLength(len(g), m)
	sameLength(len(out), n)
	if m > 0 && n > 0 {
		minCols(m, n, c, ldc, g, out)
	}
}

// Gibbs computes out[i,j] = exp((f[i] + g[j] - C[i,j])/ε). out may be c.
func Gibbs[T Float](m, n int, ε T, f, g, c []T, ldc int, out []T, ldo int) {
	fits(m, n, c, ldc)
	fits(m, n, out, ldo)
	sameLength(len(f), m)
	sameLength(len(g), n)
	if m > 0 && n > 0 {
		gibbs(m, n, ε, f, g, c, ldc, out, ldo)
	}
}

// ScalingStep computes u = a/(K·v), with 0/0 = 0, and adds Kᵀ·u to s. K is
// read from memory once.
func ScalingStep[T Float](m, n int, k []T, ldk int, a, v, u, s []T) {
	fits(m, n, k, ldk)
	sameLength(len(a), m)
	sameLength(len(u), m)
	sameLength(len(v), n)
	sameLength(len(s), n)
	if m > 0 && n > 0 {
		scalingStep(m, n, k, ldk, a, v, u, s)
	}
}

// PairwiseCost computes out[i,j] = ‖xᵢ - yⱼ‖ᵖ, p = 1 or 2, for the m rows of
// x and the n columns of yt (d×n, contiguous): y transposed, so that vectors
// run over j.
func PairwiseCost[T Float](m, n, d, p int, x []T, ldx int, yt, out []T, ldo int) {
	fits(m, d, x, ldx)
	fits(m, n, out, ldo)
	sameLength(len(yt), d*n)
	if m > 0 && n > 0 && d > 0 {
		pairwiseCost(m, n, d, p, x, ldx, yt, out, ldo)
	}
}

// MatVec computes y = A·x for the m×n matrix a with leading dimension lda.
func MatVec[T Float](m, n int, a []T, lda int, x, y []T) {
	fits(m, n, a, lda)
	sameLength(len(x), n)
	sameLength(len(y), m)
	if m > 0 && n > 0 {
		matVec(m, n, a, lda, x, y)
	}
}

// VecMat adds Aᵀ·x to y for the m×n matrix a.
func VecMat[T Float](m, n int, a []T, lda int, x, y []T) {
	fits(m, n, a, lda)
	sameLength(len(x), m)
	sameLength(len(y), n)
	if m > 0 && n > 0 {
		vecMat(m, n, a, lda, x, y)
	}
}

// SymVec adds to y what the rows [lo,hi) of the lower triangle of the
// symmetric n×n matrix a, n = len(x), contribute to A·x: all ranges together
// give the product. Half of the matrix is read, once.
func SymVec[T Float](lo, hi int, a []T, lda int, x, y []T) {
	fits(hi, hi, a, lda)
	sameLength(len(x), len(y))
	if lo < 0 || hi > len(x) {
		panic("native: rows outside of the matrix")
	}
	if lo < hi {
		symVec(lo, hi, a, lda, x, y)
	}
}

func sameLength(n, m int) {
	if n != m {
		panic("native: vectors of different lengths")
	}
}

func fits[T Float](m, n int, a []T, ld int) {
	if m < 0 || n < 0 || ld < n || m > 0 && len(a) < (m-1)*ld+n {
		panic("native: a matrix does not fit its slice")
	}
}
