/* LAPACK's Fortran routines, called by value. Each returns info. */
#ifndef RITZ_LAPACK_H
#define RITZ_LAPACK_H

#define RITZ_LAPACK(p, real)                                                   \
	int ritz_##p##gesdd(char job, int m, int n, real *a, int lda, real *s,     \
		real *u, int ldu, real *vt, int ldvt, real *work, int lwork, int *iwork); \
	int ritz_##p##gesvd(char jobu, char jobvt, int m, int n, real *a, int lda, \
		real *s, real *u, int ldu, real *vt, int ldvt, real *work, int lwork); \
	int ritz_##p##syevd(char job, char uplo, int n, real *a, int lda, real *w, \
		real *work, int lwork, int *iwork, int liwork);                        \
	int ritz_##p##sytrd(char uplo, int n, real *a, int lda, real *d, real *e,  \
		real *tau, real *work, int lwork);                                     \
	int ritz_##p##syev(char job, char uplo, int n, real *a, int lda, real *w,  \
		real *work, int lwork);                                                \
	int ritz_##p##geqrf(int m, int n, real *a, int lda, real *tau, real *work, int lwork); \
	int ritz_##p##gelqf(int m, int n, real *a, int lda, real *tau, real *work, int lwork); \
	int ritz_##p##orgqr(int m, int n, int k, real *a, int lda, real *tau, real *work, int lwork); \
	int ritz_##p##orglq(int m, int n, int k, real *a, int lda, real *tau, real *work, int lwork); \
	int ritz_##p##getrf(int n, real *a, int lda, int *pivots);                 \
	int ritz_##p##getri(int n, real *a, int lda, int *pivots, real *work, int lwork); \
	int ritz_##p##potrf(char uplo, int n, real *a, int lda);                   \
	int ritz_##p##bdsqr(int n, real *d, real *e, real *work);

RITZ_LAPACK(s, float)
RITZ_LAPACK(d, double)

/* OpenBLAS's own functions; 0 or "" where another BLAS is linked. */
void ritz_blas_set_threads(int n);
int ritz_blas_threads(void);
const char *ritz_blas_core(void);
const char *ritz_blas_config(void);

/* Makes idle threads spin for 2^exponent ticks of the clock at most, unless
 * the environment says for how long. Returns whether it did. */
int ritz_blas_limit_spinning(const char *exponent);

#endif
