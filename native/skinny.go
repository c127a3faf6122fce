package native

// SkinnyWidth is the largest number of columns of the products below.
const SkinnyWidth = 64

// PackSkinny copies B (k×w), or the transpose of what is stored as w×k, to
// rows of a multiple of 16 elements, zero behind w, as the products below want
// it.
func PackSkinny[T Float](transposed bool, k, w int, b []T, ldb int) (packed []T, ld int) {
	ld = (w + 15) &^ 15
	packed = make([]T, k*ld)
	if !transposed {
		for l := range k {
			copy(packed[l*ld:l*ld+w], b[l*ldb:])
		}
		return packed, ld
	}
	for j := range w {
		for l, v := range b[j*ldb : j*ldb+k] {
			packed[l*ld+j] = v
		}
	}
	return packed, ld
}

// SkinnyMul computes C = α·A·B + β·C for A m×k and B k×w, w ≤ SkinnyWidth,
// packed with rows of ldb. With β = 0, C is not read.
func SkinnyMul[T Float](m, w, k int, α T, a []T, lda int, b []T, ldb int, β T, c []T, ldc int) {
	fits(m, k, a, lda)
	fits(m, w, c, ldc)
	packedFits(k, w, b, ldb)
	if m > 0 && w > 0 {
		skinnyMul(m, w, k, α, a, lda, b, ldb, β, c, ldc)
	}
}

// SkinnyTransMul computes C = α·Aᵀ·B + β·C for A m×n and B m×w, packed.
func SkinnyTransMul[T Float](m, n, w int, α T, a []T, lda int, b []T, ldb int, β T, c []T, ldc int) {
	fits(m, n, a, lda)
	fits(n, w, c, ldc)
	packedFits(m, w, b, ldb)
	if n > 0 && w > 0 {
		skinnyTransMul(m, n, w, α, a, lda, b, ldb, β, c, ldc, make([]T, n*ldb+64*512))
	}
}

func packedFits[T Float](k, w int, b []T, ldb int) {
	if w > SkinnyWidth || ldb != (w+15)&^15 || len(b) != k*ldb {
		panic("native: a factor that is not packed")
	}
}
