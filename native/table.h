/* One table of kernels for each element type and level, and the doors through
 * which Go calls the kernels of one level. */
#ifndef RITZ_TABLE_H
#define RITZ_TABLE_H
#include "native.h"

#define RITZ_DOORS(type, real)                                                 \
	void ritz_exp_##type(int level, ptrdiff_t n, const real *x, real *y);      \
	void ritz_tanh_##type(int level, ptrdiff_t n, const real *x, real *y);     \
	void ritz_softmin_rows_##type(int level, ptrdiff_t m, ptrdiff_t n,         \
		real eps, const real *c, ptrdiff_t ldc, const real *g, real *out);     \
	void ritz_softmin_cols_##type(int level, ptrdiff_t m, ptrdiff_t n,         \
		real eps, const real *c, ptrdiff_t ldc, const real *g, real *out);     \
	void ritz_min_rows_##type(int level, ptrdiff_t m, ptrdiff_t n,             \
		const real *c, ptrdiff_t ldc, const real *g, real *out);               \
	void ritz_min_cols_##type(int level, ptrdiff_t m, ptrdiff_t n,             \
		const real *c, ptrdiff_t ldc, const real *g, real *out);               \
	void ritz_gibbs_##type(int level, ptrdiff_t m, ptrdiff_t n, real eps,      \
		const real *f, const real *g, const real *c, ptrdiff_t ldc,            \
		real *out, ptrdiff_t ldo);                                             \
	void ritz_scaling_##type(int level, ptrdiff_t m, ptrdiff_t n,              \
		const real *k, ptrdiff_t ldk, const real *a, const real *v,            \
		real *u, real *s);                                                     \
	void ritz_paircost_##type(int level, ptrdiff_t m, ptrdiff_t n,             \
		ptrdiff_t d, int p, const real *x, ptrdiff_t ldx, const real *yt,      \
		real *out, ptrdiff_t ldo);                                             \
	void ritz_matvec_##type(int level, ptrdiff_t m, ptrdiff_t n,               \
		const real *a, ptrdiff_t lda, const real *x, real *y);                 \
	void ritz_vecmat_##type(int level, ptrdiff_t m, ptrdiff_t n,               \
		const real *a, ptrdiff_t lda, const real *x, real *y);                 \
	void ritz_symvec_##type(int level, ptrdiff_t lo, ptrdiff_t hi,             \
		const real *a, ptrdiff_t lda, const real *x, real *y);                 \
	void ritz_tall_gram_##type(int level, ptrdiff_t m, ptrdiff_t n,            \
		const real *a, ptrdiff_t lda, const double *x, double *g,              \
		ptrdiff_t ld, double *work);                                           \
	void ritz_tall_mul_##type(int level, ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, \
		const real *a, ptrdiff_t lda, const double *x, ptrdiff_t ld,           \
		const double *y, ptrdiff_t ldy, real *u, ptrdiff_t ldu, double *g,     \
		const double *w, const double *z, double *s, double *work);            \
	void ritz_tangent_forward_##type(int level, ptrdiff_t rows, ptrdiff_t k,   \
		ptrdiff_t a, const real *bias, const real *s, ptrdiff_t lds, real *u,  \
		ptrdiff_t ldu, real *y, ptrdiff_t ldy);                                \
	void ritz_tangent_backward_##type(int level, ptrdiff_t rows, ptrdiff_t k,  \
		ptrdiff_t a, const real *s, ptrdiff_t lds, const real *c,              \
		ptrdiff_t ldc, const real *u, ptrdiff_t ldu, real *e, ptrdiff_t lde,   \
		real *sums);                                                           \
	real ritz_maxabs_##type(int level, ptrdiff_t n, const real *x);            \
	void ritz_adam_##type(int level, ptrdiff_t n, const real *c, real *w,      \
		const real *g, real *m, real *v);                                      \
	void ritz_momentum_##type(int level, ptrdiff_t n, const real *c, real *w,  \
		const real *g, real *m);                                               \
	void ritz_combine_##type(int level, ptrdiff_t n, real p, const real *a,    \
		real q, const real *b, real *c);                                       \
	void ritz_powers_##type(int level, ptrdiff_t n, double p, const real *a,   \
		double q, const real *b, double *out);                                 \
	void ritz_skinny_mul_##type(int level, ptrdiff_t m, ptrdiff_t w,  \
		ptrdiff_t k, real alpha, const real *a, ptrdiff_t lda, const real *b,  \
		ptrdiff_t ldb, real beta, real *c, ptrdiff_t ldc);                     \
	void ritz_skinny_transmul_##type(int level, ptrdiff_t m, ptrdiff_t n, \
		ptrdiff_t w, real alpha, const real *a, ptrdiff_t lda, const real *b,  \
		ptrdiff_t ldb, real beta, real *c, ptrdiff_t ldc, real *work);         \
	void ritz_svd_batch_##type(int level, ptrdiff_t count, ptrdiff_t m,        \
		ptrdiff_t n, const real *a, real *u, real *s, real *vt, real *checks,  \
		real *work);

RITZ_DOORS(f32, float)
RITZ_DOORS(f64, double)

#endif
