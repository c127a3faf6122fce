//go:build cgo

package cblas

// #include "lapack.h"
import "C"

import (
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/lapack"
	"gonum.org/v1/gonum/lapack/gonum"

	"github.com/ritz-go/ritz/goapi/device"
)

// Lapack is gonum's LAPACK with its costly routines done by the LAPACK inside
// OpenBLAS: Dgesvd (by divide and conquer, gesdd), Dsyev
// (by divide and conquer, syevd), Dgeqrf, Dgelqf, Dorgqr, Dorglq and Dpotrf.
// As in gonum, wrong arguments panic. Matrices are row-major; what is computed
// is the counterpart for the transpose, see the package documentation.
type Lapack struct{ gonum.Implementation }

func require(ok bool, what string) {
	if !ok {
		panic("lapack: " + what)
	}
}

// checkMatrix panics unless a is an m×n matrix with leading dimension lda.
func checkMatrix(m, n int, a []float64, lda int) {
	require(m >= 0, "m < 0")
	require(n >= 0, "n < 0")
	require(lda >= max(1, n), "bad leading dimension of A")
	require(m == 0 || n == 0 || len(a) >= (m-1)*lda+n, "insufficient length of a")
}

// factor checks the arguments of a QR or LQ factorization, or of the
// generation of its Q, and calls it with LAPACK's workspace rules. least is
// the smallest workspace, k the length of tau.
func factor(m, n, k, least int, a []float64, lda int, tau, work []float64, lwork int, call func(lwork C.int) C.int) {
	checkMatrix(m, n, a, lda)
	require(lwork == -1 || lwork >= max(1, least), "insufficient declared workspace length")
	require(len(work) >= max(1, lwork), "insufficient working memory")
	if min(m, n) == 0 {
		work[0] = 1
		return
	}
	require(lwork == -1 || len(tau) >= k, "insufficient length of tau")
	defer enter()()
	if info := call(C.int(lwork)); info != 0 {
		panic("lapack: argument refused by LAPACK")
	}
}

// Dgeqrf computes the QR factorization of the m×n matrix A.
func (Lapack) Dgeqrf(m, n int, a []float64, lda int, tau, work []float64, lwork int) {
	factor(m, n, min(m, n), n, a, lda, tau, work, lwork, func(lwork C.int) C.int {
		return C.ritz_dgelqf(C.int(n), C.int(m), d(a), C.int(lda), d(tau), d(work), lwork)
	})
}

// Dgelqf computes the LQ factorization of the m×n matrix A.
func (Lapack) Dgelqf(m, n int, a []float64, lda int, tau, work []float64, lwork int) {
	factor(m, n, min(m, n), m, a, lda, tau, work, lwork, func(lwork C.int) C.int {
		return C.ritz_dgeqrf(C.int(n), C.int(m), d(a), C.int(lda), d(tau), d(work), lwork)
	})
}

// Dorgqr generates the m×n matrix Q with orthonormal columns of a product of
// k reflectors, as returned by Dgeqrf.
func (Lapack) Dorgqr(m, n, k int, a []float64, lda int, tau, work []float64, lwork int) {
	require(k >= 0 && k <= n && n <= m, "bad k or n > m")
	factor(m, n, k, n, a, lda, tau, work, lwork, func(lwork C.int) C.int {
		return C.ritz_dorglq(C.int(n), C.int(m), C.int(k), d(a), C.int(lda), d(tau), d(work), lwork)
	})
}

// Dorglq generates the m×n matrix Q with orthonormal rows of a product of k
// reflectors, as returned by Dgelqf.
func (Lapack) Dorglq(m, n, k int, a []float64, lda int, tau, work []float64, lwork int) {
	require(k >= 0 && k <= m && m <= n, "bad k or m > n")
	factor(m, n, k, m, a, lda, tau, work, lwork, func(lwork C.int) C.int {
		return C.ritz_dorgqr(C.int(n), C.int(m), C.int(k), d(a), C.int(lda), d(tau), d(work), lwork)
	})
}

// flipped returns the triangle that LAPACK sees.
func flipped(ul blas.Uplo) C.char {
	switch ul {
	case blas.Upper:
		return 'L'
	case blas.Lower:
		return 'U'
	}
	panic("lapack: illegal triangle")
}

// Dpotrf computes the Cholesky factorization of the n×n matrix A; ok is false
// if A is not positive definite.
func (Lapack) Dpotrf(ul blas.Uplo, n int, a []float64, lda int) (ok bool) {
	uplo := flipped(ul)
	checkMatrix(n, n, a, lda)
	if n == 0 {
		return true
	}
	defer enter()()
	return C.ritz_dpotrf(uplo, C.int(n), d(a), C.int(lda)) == 0
}

// Dsyev computes all eigenvalues and, if wanted, the eigenvectors of the
// symmetric n×n matrix A. The eigenvectors replace A, one in each column.
// The workspace may be as small as 3n-1; divide and conquer allocates its own.
func (Lapack) Dsyev(jobz lapack.EVJob, ul blas.Uplo, n int, a []float64, lda int, w, work []float64, lwork int) (ok bool) {
	require(jobz == lapack.EVNone || jobz == lapack.EVCompute, "bad EVJob")
	uplo := flipped(ul)
	checkMatrix(n, n, a, lda)
	require(lwork == -1 || lwork >= max(1, 3*n-1), "insufficient declared workspace length")
	require(len(work) >= max(1, lwork), "insufficient working memory")
	work[0] = float64(max(1, 3*n-1))
	if n == 0 || lwork == -1 {
		return true
	}
	require(len(w) >= n, "insufficient length of w")
	defer enter()()
	iwork := make([]int32, 3+5*n)
	info, err := workspace("syevd", func(work []float64, lwork C.int) C.int {
		return C.ritz_dsyevd(C.char(jobz), uplo, C.int(n), d(a), C.int(lda), d(w), d(work), lwork, i32(iwork), C.int(len(iwork)))
	})
	if jobz == lapack.EVCompute {
		for i := range n {
			for j := range i {
				a[i*lda+j], a[j*lda+i] = a[j*lda+i], a[i*lda+j]
			}
		}
	}
	return err == nil && info == 0
}

// Dgesvd computes the singular value decomposition of the m×n matrix A. The
// jobs are those of gonum's Dgesvd. The workspace may be as small as gonum
// allows; LAPACK's own is allocated.
func (Lapack) Dgesvd(jobU, jobVT lapack.SVDJob, m, n int, a []float64, lda int, s, u []float64, ldu int, vt []float64, ldvt int, work []float64, lwork int) (ok bool) {
	k := min(m, n)
	checkMatrix(m, n, a, lda)
	require(jobU != lapack.SVDOverwrite || jobVT != lapack.SVDOverwrite, "both jobU and jobVT are lapack.SVDOverwrite")
	require(ldu >= 1 && (jobU != lapack.SVDAll || ldu >= m) && (jobU != lapack.SVDStore || ldu >= k), "bad leading dimension of U")
	require(ldvt >= 1 && (jobVT != lapack.SVDAll && jobVT != lapack.SVDStore || ldvt >= n), "bad leading dimension of VT")
	least := max(1, 5*k, 3*k+max(m, n))
	require(lwork == -1 || lwork >= least || k == 0, "insufficient declared workspace length")
	require(len(work) >= max(1, lwork), "insufficient working memory")
	work[0] = float64(least)
	if lwork == -1 || k == 0 {
		return true
	}
	require(len(s) >= k, "insufficient length of s")
	defer enter()()
	// gesdd has one job for both sides: the wider of the two is computed, into
	// memory of its own where the caller's does not fit it.
	job := C.char('N')
	left := device.Dense[float64]{Rows: m, Stride: 1}
	right := device.Dense[float64]{Cols: n, Stride: 1}
	switch {
	case jobU == lapack.SVDAll || jobVT == lapack.SVDAll:
		job, left.Cols, right.Rows = 'A', m, n
	case jobU != lapack.SVDNone || jobVT != lapack.SVDNone:
		job, left.Cols, right.Rows = 'S', k, k
	}
	if job != 'N' {
		left, right = device.NewDense[float64](m, left.Cols), device.NewDense[float64](right.Rows, n)
	}
	saved := append([]float64(nil), a[:(m-1)*lda+n]...)
	M, N, ldl, ldr := C.int(m), C.int(n), C.int(left.Stride), C.int(right.Stride)
	iwork := make([]int32, 8*k)
	info, err := workspace("gesdd", func(work []float64, lwork C.int) C.int {
		return C.ritz_dgesdd(job, N, M, d(a), C.int(lda), d(s), d(right.Data), ldr, d(left.Data), ldl, d(work), lwork, i32(iwork))
	})
	if err == nil && info > 0 { // divide and conquer failed: QR iteration
		copy(a, saved)
		info, err = workspace("gesvd", func(work []float64, lwork C.int) C.int {
			return C.ritz_dgesvd(job, job, N, M, d(a), C.int(lda), d(s), d(right.Data), ldr, d(left.Data), ldl, d(work), lwork)
		})
	}
	if job != 'N' {
		cols, rows := k, k
		if jobU == lapack.SVDAll {
			cols = m
		}
		if jobVT == lapack.SVDAll {
			rows = n
		}
		deliver(jobU, left.Slice(0, m, 0, cols), u, ldu, a, lda)
		deliver(jobVT, right.Slice(0, rows, 0, n), vt, ldvt, a, lda)
	}
	return err == nil && info == 0
}

// deliver copies singular vectors to where the job wants them.
func deliver(job lapack.SVDJob, from device.Dense[float64], to []float64, ld int, a []float64, lda int) {
	switch job {
	case lapack.SVDNone:
		return
	case lapack.SVDOverwrite:
		to, ld = a, lda
	}
	for i := range from.Rows {
		copy(to[i*ld:i*ld+from.Cols], from.Row(i))
	}
}
