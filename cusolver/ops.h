/* Products and factorizations, as Go calls them. Matrices are column-major,
 * as the libraries see them; type is RZ_R_32F or RZ_R_64F. */
#ifndef RZ_OPS_H
#define RZ_OPS_H

#include "rz.h"

/* wide: the sizes ask for the functions with 64-bit integers. */
enum {
	RZ_NARROW = 0,
	RZ_INDEX = 1,    /* every size fits 32 bits, an index into a matrix does not */
	RZ_DIMENSION = 2 /* a size does not fit */
};

/* C = alpha·op(A)·op(B) + beta·C, C m×n */
rz_status rz_gemm(rz_queue *q, int type, int wide, int ta, int tb, int64_t m, int64_t n, int64_t k,
	double alpha, uint64_t a, int64_t lda, uint64_t b, int64_t ldb, double beta, uint64_t c, int64_t ldc);

/* The same in float, with inputs rounded as the compute type says. */
rz_status rz_gemm_rounded(rz_queue *q, int compute, int wide, int ta, int tb, int64_t m, int64_t n, int64_t k,
	double alpha, uint64_t a, int64_t lda, uint64_t b, int64_t ldb, double beta, uint64_t c, int64_t ldc);

/* The triangle uplo of C = alpha·op(A)·op(A)ᵀ + beta·C, C n×n */
rz_status rz_syrk(rz_queue *q, int type, int wide, int uplo, int trans, int64_t n, int64_t k,
	double alpha, uint64_t a, int64_t lda, double beta, uint64_t c, int64_t ldc);

/* B = alpha·op(A)⁻¹·B or alpha·B·op(A)⁻¹, B m×n */
rz_status rz_trsm(rz_queue *q, int type, int wide, int side, int uplo, int trans, int64_t m, int64_t n,
	double alpha, uint64_t a, int64_t lda, uint64_t b, int64_t ldb);

/* Workspace of a factorization. A call with sized = 0 only fills in the two
 * sizes; one with sized = 1 works with device_bytes of memory at device. */
typedef struct {
	int sized;
	uint64_t device;
	size_t device_bytes;
	size_t host_bytes;
} rz_work;

/* Each factorization stores LAPACK's info in int number slot of q->info. */

rz_status rz_potrf(rz_queue *q, int type, int uplo, int64_t n, uint64_t a, int64_t lda, rz_work *w, int slot);

rz_status rz_geqrf(rz_queue *q, int type, int64_t m, int64_t n, uint64_t a, int64_t lda, uint64_t tau,
	rz_work *w, int slot);

/* Q, m×n, from the n reflectors that geqrf left in A */
rz_status rz_orgqr(rz_queue *q, int type, int m, int n, uint64_t a, int lda, uint64_t tau, rz_work *w, int slot);

/* Eigenvectors replace A column by column, or with vectors = 0 nothing that is
 * of use. */
rz_status rz_syevd(rz_queue *q, int type, int vectors, int uplo, int64_t n, uint64_t a, int64_t lda, uint64_t eigenvalues,
	rz_work *w, int slot);

/* m ≥ n; U is m×n and VT n×n; vectors = 0 asks for the values alone. */
rz_status rz_gesvd(rz_queue *q, int type, int vectors, int64_t m, int64_t n, uint64_t a, int64_t lda,
	uint64_t s, uint64_t u, int64_t ldu, uint64_t vt, int64_t ldvt, rz_work *w, int slot);

/* The same by polar decompositions, with V in place of VT. Singular values
 * near zero make it move all of them by *shift. It waits for the stream. */
rz_status rz_gesvdp(rz_queue *q, int type, int64_t m, int64_t n, uint64_t a, int64_t lda,
	uint64_t s, uint64_t u, int64_t ldu, uint64_t v, int64_t ldv, rz_work *w, int slot, double *shift);

#endif
