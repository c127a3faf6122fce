#include <stddef.h>
#include "lapack.h"

/* gfortran passes the length of every character argument at the end. */
#define DEFINE(p, real)                                                        \
	void p##gesdd_(char *, int *, int *, real *, int *, real *, real *, int *, \
		real *, int *, real *, int *, int *, int *, size_t);                   \
	void p##gesvd_(char *, char *, int *, int *, real *, int *, real *,        \
		real *, int *, real *, int *, real *, int *, int *, size_t, size_t);   \
	void p##syevd_(char *, char *, int *, real *, int *, real *, real *,       \
		int *, int *, int *, int *, size_t, size_t);                           \
	void p##sytrd_(char *, int *, real *, int *, real *, real *, real *, real *, \
		int *, int *, size_t);                                                 \
	void p##syev_(char *, char *, int *, real *, int *, real *, real *, int *, \
		int *, size_t, size_t);                                                \
	void p##geqrf_(int *, int *, real *, int *, real *, real *, int *, int *); \
	void p##gelqf_(int *, int *, real *, int *, real *, real *, int *, int *); \
	void p##orgqr_(int *, int *, int *, real *, int *, real *, real *, int *, int *); \
	void p##orglq_(int *, int *, int *, real *, int *, real *, real *, int *, int *); \
	void p##getrf_(int *, int *, real *, int *, int *, int *);                 \
	void p##getri_(int *, real *, int *, int *, real *, int *, int *);         \
	void p##potrf_(char *, int *, real *, int *, int *, size_t);               \
	void p##bdsqr_(char *, int *, int *, int *, int *, real *, real *, real *, \
		int *, real *, int *, real *, int *, real *, int *, size_t);           \
                                                                               \
	int ritz_##p##gesdd(char job, int m, int n, real *a, int lda, real *s,     \
		real *u, int ldu, real *vt, int ldvt, real *work, int lwork, int *iwork) \
	{                                                                          \
		int info;                                                              \
		p##gesdd_(&job, &m, &n, a, &lda, s, u, &ldu, vt, &ldvt, work, &lwork, iwork, &info, 1); \
		return info;                                                           \
	}                                                                          \
	int ritz_##p##gesvd(char jobu, char jobvt, int m, int n, real *a, int lda, \
		real *s, real *u, int ldu, real *vt, int ldvt, real *work, int lwork)  \
	{                                                                          \
		int info;                                                              \
		p##gesvd_(&jobu, &jobvt, &m, &n, a, &lda, s, u, &ldu, vt, &ldvt, work, &lwork, &info, 1, 1); \
		return info;                                                           \
	}                                                                          \
	int ritz_##p##syevd(char job, char uplo, int n, real *a, int lda, real *w, \
		real *work, int lwork, int *iwork, int liwork)                         \
	{                                                                          \
		int info;                                                              \
		p##syevd_(&job, &uplo, &n, a, &lda, w, work, &lwork, iwork, &liwork, &info, 1, 1); \
		return info;                                                           \
	}                                                                          \
	int ritz_##p##sytrd(char uplo, int n, real *a, int lda, real *d, real *e,  \
		real *tau, real *work, int lwork)                                      \
	{                                                                          \
		int info;                                                              \
		p##sytrd_(&uplo, &n, a, &lda, d, e, tau, work, &lwork, &info, 1);      \
		return info;                                                           \
	}                                                                          \
	int ritz_##p##syev(char job, char uplo, int n, real *a, int lda, real *w,  \
		real *work, int lwork)                                                 \
	{                                                                          \
		int info;                                                              \
		p##syev_(&job, &uplo, &n, a, &lda, w, work, &lwork, &info, 1, 1);      \
		return info;                                                           \
	}                                                                          \
	int ritz_##p##geqrf(int m, int n, real *a, int lda, real *tau, real *work, int lwork) \
	{                                                                          \
		int info;                                                              \
		p##geqrf_(&m, &n, a, &lda, tau, work, &lwork, &info);                  \
		return info;                                                           \
	}                                                                          \
	int ritz_##p##gelqf(int m, int n, real *a, int lda, real *tau, real *work, int lwork) \
	{                                                                          \
		int info;                                                              \
		p##gelqf_(&m, &n, a, &lda, tau, work, &lwork, &info);                  \
		return info;                                                           \
	}                                                                          \
	int ritz_##p##orgqr(int m, int n, int k, real *a, int lda, real *tau, real *work, int lwork) \
	{                                                                          \
		int info;                                                              \
		p##orgqr_(&m, &n, &k, a, &lda, tau, work, &lwork, &info);              \
		return info;                                                           \
	}                                                                          \
	int ritz_##p##orglq(int m, int n, int k, real *a, int lda, real *tau, real *work, int lwork) \
	{                                                                          \
		int info;                                                              \
		p##orglq_(&m, &n, &k, a, &lda, tau, work, &lwork, &info);              \
		return info;                                                           \
	}                                                                          \
	int ritz_##p##getrf(int n, real *a, int lda, int *pivots)                  \
	{                                                                          \
		int info;                                                              \
		p##getrf_(&n, &n, a, &lda, pivots, &info);                             \
		return info;                                                           \
	}                                                                          \
	int ritz_##p##getri(int n, real *a, int lda, int *pivots, real *work, int lwork) \
	{                                                                          \
		int info;                                                              \
		p##getri_(&n, a, &lda, pivots, work, &lwork, &info);                   \
		return info;                                                           \
	}                                                                          \
	int ritz_##p##potrf(char uplo, int n, real *a, int lda)                    \
	{                                                                          \
		int info;                                                              \
		p##potrf_(&uplo, &n, a, &lda, &info, 1);                               \
		return info;                                                           \
	}                                                                          \
	int ritz_##p##bdsqr(int n, real *d, real *e, real *work)                   \
	{                                                                          \
		int info, none = 0, one = 1;                                           \
		char uplo = 'U';                                                       \
		real unused;                                                           \
		p##bdsqr_(&uplo, &n, &none, &none, &none, d, e, &unused, &one, &unused, \
			&one, &unused, &one, work, &info, 1);                              \
		return info;                                                           \
	}

DEFINE(s, float)
DEFINE(d, double)

/* Weak, so that another BLAS can be linked in OpenBLAS's place. */
__attribute__((weak)) void openblas_set_num_threads(int n);
__attribute__((weak)) int openblas_get_num_threads(void);
__attribute__((weak)) char *openblas_get_corename(void);
__attribute__((weak)) char *openblas_get_config(void);

void ritz_blas_set_threads(int n)
{
	if (openblas_set_num_threads)
		openblas_set_num_threads(n);
}

int ritz_blas_threads(void)
{
	return openblas_get_num_threads ? openblas_get_num_threads() : 0;
}

const char *ritz_blas_core(void)
{
	return openblas_get_corename ? openblas_get_corename() : "";
}

const char *ritz_blas_config(void)
{
	return openblas_get_config ? openblas_get_config() : "";
}
