//go:build cgo

package cblas

import (
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/gonum"
)

// BLAS is gonum's BLAS with the real operations of level 2 and 3 done by
// OpenBLAS. Level 1 stays in Go: a call into C costs more than most of its
// operations. All calls pass the gate that keeps too many goroutines out of
// OpenBLAS.
type BLAS struct{ gonum.Implementation }

// Sgemv calls OpenBLAS.
func (BLAS) Sgemv(tA blas.Transpose, m, n int, alpha float32, a []float32, lda int, x []float32, incX int, beta float32, y []float32, incY int) {
	defer enter()()
	openBLAS.Sgemv(tA, m, n, alpha, a, lda, x, incX, beta, y, incY)
}

// Dgemv calls OpenBLAS.
func (BLAS) Dgemv(tA blas.Transpose, m, n int, alpha float64, a []float64, lda int, x []float64, incX int, beta float64, y []float64, incY int) {
	defer enter()()
	openBLAS.Dgemv(tA, m, n, alpha, a, lda, x, incX, beta, y, incY)
}

// Sger calls OpenBLAS.
func (BLAS) Sger(m, n int, alpha float32, x []float32, incX int, y []float32, incY int, a []float32, lda int) {
	defer enter()()
	openBLAS.Sger(m, n, alpha, x, incX, y, incY, a, lda)
}

// Dger calls OpenBLAS.
func (BLAS) Dger(m, n int, alpha float64, x []float64, incX int, y []float64, incY int, a []float64, lda int) {
	defer enter()()
	openBLAS.Dger(m, n, alpha, x, incX, y, incY, a, lda)
}

// Ssymv calls OpenBLAS.
func (BLAS) Ssymv(ul blas.Uplo, n int, alpha float32, a []float32, lda int, x []float32, incX int, beta float32, y []float32, incY int) {
	defer enter()()
	openBLAS.Ssymv(ul, n, alpha, a, lda, x, incX, beta, y, incY)
}

// Dsymv calls OpenBLAS.
func (BLAS) Dsymv(ul blas.Uplo, n int, alpha float64, a []float64, lda int, x []float64, incX int, beta float64, y []float64, incY int) {
	defer enter()()
	openBLAS.Dsymv(ul, n, alpha, a, lda, x, incX, beta, y, incY)
}

// Strmv calls OpenBLAS.
func (BLAS) Strmv(ul blas.Uplo, tA blas.Transpose, d blas.Diag, n int, a []float32, lda int, x []float32, incX int) {
	defer enter()()
	openBLAS.Strmv(ul, tA, d, n, a, lda, x, incX)
}

// Dtrmv calls OpenBLAS.
func (BLAS) Dtrmv(ul blas.Uplo, tA blas.Transpose, d blas.Diag, n int, a []float64, lda int, x []float64, incX int) {
	defer enter()()
	openBLAS.Dtrmv(ul, tA, d, n, a, lda, x, incX)
}

// Strsv calls OpenBLAS.
func (BLAS) Strsv(ul blas.Uplo, tA blas.Transpose, d blas.Diag, n int, a []float32, lda int, x []float32, incX int) {
	defer enter()()
	openBLAS.Strsv(ul, tA, d, n, a, lda, x, incX)
}

// Dtrsv calls OpenBLAS.
func (BLAS) Dtrsv(ul blas.Uplo, tA blas.Transpose, d blas.Diag, n int, a []float64, lda int, x []float64, incX int) {
	defer enter()()
	openBLAS.Dtrsv(ul, tA, d, n, a, lda, x, incX)
}

// Ssyr calls OpenBLAS.
func (BLAS) Ssyr(ul blas.Uplo, n int, alpha float32, x []float32, incX int, a []float32, lda int) {
	defer enter()()
	openBLAS.Ssyr(ul, n, alpha, x, incX, a, lda)
}

// Dsyr calls OpenBLAS.
func (BLAS) Dsyr(ul blas.Uplo, n int, alpha float64, x []float64, incX int, a []float64, lda int) {
	defer enter()()
	openBLAS.Dsyr(ul, n, alpha, x, incX, a, lda)
}

// Ssyr2 calls OpenBLAS.
func (BLAS) Ssyr2(ul blas.Uplo, n int, alpha float32, x []float32, incX int, y []float32, incY int, a []float32, lda int) {
	defer enter()()
	openBLAS.Ssyr2(ul, n, alpha, x, incX, y, incY, a, lda)
}

// Dsyr2 calls OpenBLAS.
func (BLAS) Dsyr2(ul blas.Uplo, n int, alpha float64, x []float64, incX int, y []float64, incY int, a []float64, lda int) {
	defer enter()()
	openBLAS.Dsyr2(ul, n, alpha, x, incX, y, incY, a, lda)
}

// Sgemm calls OpenBLAS.
func (BLAS) Sgemm(tA, tB blas.Transpose, m, n, k int, alpha float32, a []float32, lda int, b []float32, ldb int, beta float32, c []float32, ldc int) {
	defer enter()()
	openBLAS.Sgemm(tA, tB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
}

// Dgemm calls OpenBLAS.
func (BLAS) Dgemm(tA, tB blas.Transpose, m, n, k int, alpha float64, a []float64, lda int, b []float64, ldb int, beta float64, c []float64, ldc int) {
	defer enter()()
	openBLAS.Dgemm(tA, tB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
}

// Ssymm calls OpenBLAS.
func (BLAS) Ssymm(s blas.Side, ul blas.Uplo, m, n int, alpha float32, a []float32, lda int, b []float32, ldb int, beta float32, c []float32, ldc int) {
	defer enter()()
	openBLAS.Ssymm(s, ul, m, n, alpha, a, lda, b, ldb, beta, c, ldc)
}

// Dsymm calls OpenBLAS.
func (BLAS) Dsymm(s blas.Side, ul blas.Uplo, m, n int, alpha float64, a []float64, lda int, b []float64, ldb int, beta float64, c []float64, ldc int) {
	defer enter()()
	openBLAS.Dsymm(s, ul, m, n, alpha, a, lda, b, ldb, beta, c, ldc)
}

// Ssyrk calls OpenBLAS.
func (BLAS) Ssyrk(ul blas.Uplo, t blas.Transpose, n, k int, alpha float32, a []float32, lda int, beta float32, c []float32, ldc int) {
	defer enter()()
	openBLAS.Ssyrk(ul, t, n, k, alpha, a, lda, beta, c, ldc)
}

// Dsyrk calls OpenBLAS.
func (BLAS) Dsyrk(ul blas.Uplo, t blas.Transpose, n, k int, alpha float64, a []float64, lda int, beta float64, c []float64, ldc int) {
	defer enter()()
	openBLAS.Dsyrk(ul, t, n, k, alpha, a, lda, beta, c, ldc)
}

// Ssyr2k calls OpenBLAS.
func (BLAS) Ssyr2k(ul blas.Uplo, t blas.Transpose, n, k int, alpha float32, a []float32, lda int, b []float32, ldb int, beta float32, c []float32, ldc int) {
	defer enter()()
	openBLAS.Ssyr2k(ul, t, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
}

// Dsyr2k calls OpenBLAS.
func (BLAS) Dsyr2k(ul blas.Uplo, t blas.Transpose, n, k int, alpha float64, a []float64, lda int, b []float64, ldb int, beta float64, c []float64, ldc int) {
	defer enter()()
	openBLAS.Dsyr2k(ul, t, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
}

// Strmm calls OpenBLAS.
func (BLAS) Strmm(s blas.Side, ul blas.Uplo, tA blas.Transpose, d blas.Diag, m, n int, alpha float32, a []float32, lda int, b []float32, ldb int) {
	defer enter()()
	openBLAS.Strmm(s, ul, tA, d, m, n, alpha, a, lda, b, ldb)
}

// Dtrmm calls OpenBLAS.
func (BLAS) Dtrmm(s blas.Side, ul blas.Uplo, tA blas.Transpose, d blas.Diag, m, n int, alpha float64, a []float64, lda int, b []float64, ldb int) {
	defer enter()()
	openBLAS.Dtrmm(s, ul, tA, d, m, n, alpha, a, lda, b, ldb)
}

// Strsm calls OpenBLAS.
func (BLAS) Strsm(s blas.Side, ul blas.Uplo, tA blas.Transpose, d blas.Diag, m, n int, alpha float32, a []float32, lda int, b []float32, ldb int) {
	defer enter()()
	openBLAS.Strsm(s, ul, tA, d, m, n, alpha, a, lda, b, ldb)
}

// Dtrsm calls OpenBLAS.
func (BLAS) Dtrsm(s blas.Side, ul blas.Uplo, tA blas.Transpose, d blas.Diag, m, n int, alpha float64, a []float64, lda int, b []float64, ldb int) {
	defer enter()()
	openBLAS.Dtrsm(s, ul, tA, d, m, n, alpha, a, lda, b, ldb)
}
