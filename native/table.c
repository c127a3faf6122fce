#include "table.h"

#ifdef __x86_64__
#define AT(name, type) (level == 2 ? ritz_##name##_##type##_v4 : level == 1 ? ritz_##name##_##type##_v3 : ritz_##name##_##type##_base)
#else
#define AT(name, type) ((void)level, ritz_##name##_##type##_base)
#endif

#define DOORS(type, real)                                                      \
	void ritz_exp_##type(int level, ptrdiff_t n, const real *x, real *y)       \
	{                                                                          \
		AT(exp, type)(n, x, y);                                                \
	}                                                                          \
	void ritz_tanh_##type(int level, ptrdiff_t n, const real *x, real *y)      \
	{                                                                          \
		AT(tanh, type)(n, x, y);                                               \
	}                                                                          \
	void ritz_softmin_rows_##type(int level, ptrdiff_t m, ptrdiff_t n,         \
		real eps, const real *c, ptrdiff_t ldc, const real *g, real *out)      \
	{                                                                          \
		AT(softmin_rows, type)(m, n, eps, c, ldc, g, out);                     \
	}                                                                          \
	void ritz_softmin_cols_##type(int level, ptrdiff_t m, ptrdiff_t n,         \
		real eps, const real *c, ptrdiff_t ldc, const real *g, real *out)      \
	{                                                                          \
		AT(softmin_cols, type)(m, n, eps, c, ldc, g, out);                     \
	}                                                                          \
	void ritz_min_rows_##type(int level, ptrdiff_t m, ptrdiff_t n,             \
		const real *c, ptrdiff_t ldc, const real *g, real *out)                \
	{                                                                          \
		AT(min_rows, type)(m, n, c, ldc, g, out);                              \
	}                                                                          \
	void ritz_min_cols_##type(int level, ptrdiff_t m, ptrdiff_t n,             \
		const real *c, ptrdiff_t ldc, const real *g, real *out)                \
	{                                                                          \
		AT(min_cols, type)(m, n, c, ldc, g, out);                              \
	}                                                                          \
	void ritz_gibbs_##type(int level, ptrdiff_t m, ptrdiff_t n, real eps,      \
		const real *f, const real *g, const real *c, ptrdiff_t ldc,            \
		real *out, ptrdiff_t ldo)                                              \
	{                                                                          \
		AT(gibbs, type)(m, n, eps, f, g, c, ldc, out, ldo);                    \
	}                                                                          \
	void ritz_scaling_##type(int level, ptrdiff_t m, ptrdiff_t n,              \
		const real *k, ptrdiff_t ldk, const real *a, const real *v,            \
		real *u, real *s)                                                      \
	{                                                                          \
		AT(scaling, type)(m, n, k, ldk, a, v, u, s);                           \
	}                                                                          \
	void ritz_paircost_##type(int level, ptrdiff_t m, ptrdiff_t n,             \
		ptrdiff_t d, int p, const real *x, ptrdiff_t ldx, const real *yt,      \
		real *out, ptrdiff_t ldo)                                              \
	{                                                                          \
		AT(paircost, type)(m, n, d, p, x, ldx, yt, out, ldo);                  \
	}                                                                          \
	void ritz_matvec_##type(int level, ptrdiff_t m, ptrdiff_t n,               \
		const real *a, ptrdiff_t lda, const real *x, real *y)                  \
	{                                                                          \
		AT(matvec, type)(m, n, a, lda, x, y);                                  \
	}                                                                          \
	void ritz_vecmat_##type(int level, ptrdiff_t m, ptrdiff_t n,               \
		const real *a, ptrdiff_t lda, const real *x, real *y)                  \
	{                                                                          \
		AT(vecmat, type)(m, n, a, lda, x, y);                                  \
	}                                                                          \
	void ritz_symvec_##type(int level, ptrdiff_t lo, ptrdiff_t hi,             \
		const real *a, ptrdiff_t lda, const real *x, real *y)                  \
	{                                                                          \
		AT(symvec, type)(lo, hi, a, lda, x, y);                                \
	}                                                                          \
	void ritz_tall_gram_##type(int level, ptrdiff_t m, ptrdiff_t n,            \
		const real *a, ptrdiff_t lda, const double *x, double *g,              \
		ptrdiff_t ld, double *work)                                            \
	{                                                                          \
		AT(tall_gram, type)(m, n, a, lda, x, g, ld, work);                     \
	}                                                                          \
	void ritz_tall_mul_##type(int level, ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, \
		const real *a, ptrdiff_t lda, const double *x, ptrdiff_t ld,           \
		const double *y, ptrdiff_t ldy, real *u, ptrdiff_t ldu, double *g,     \
		const double *w, const double *z, double *s, double *work)             \
	{                                                                          \
		AT(tall_mul, type)(m, n, k, a, lda, x, ld, y, ldy, u, ldu, g, w, z, s, work); \
	}                                                                          \
	void ritz_tangent_forward_##type(int level, ptrdiff_t rows, ptrdiff_t k,   \
		ptrdiff_t a, const real *bias, const real *s, ptrdiff_t lds, real *u,  \
		ptrdiff_t ldu, real *y, ptrdiff_t ldy)                                 \
	{                                                                          \
		AT(tangent_forward, type)(rows, k, a, bias, s, lds, u, ldu, y, ldy);   \
	}                                                                          \
	void ritz_tangent_backward_##type(int level, ptrdiff_t rows, ptrdiff_t k,  \
		ptrdiff_t a, const real *s, ptrdiff_t lds, const real *c,              \
		ptrdiff_t ldc, const real *u, ptrdiff_t ldu, real *e, ptrdiff_t lde,   \
		real *sums)                                                            \
	{                                                                          \
		AT(tangent_backward, type)(rows, k, a, s, lds, c, ldc, u, ldu, e, lde, sums); \
	}                                                                          \
	real ritz_maxabs_##type(int level, ptrdiff_t n, const real *x)             \
	{                                                                          \
		return AT(maxabs, type)(n, x);                                         \
	}                                                                          \
	void ritz_adam_##type(int level, ptrdiff_t n, const real *c, real *w,      \
		const real *g, real *m, real *v)                                       \
	{                                                                          \
		AT(adam, type)(n, c, w, g, m, v);                                      \
	}                                                                          \
	void ritz_momentum_##type(int level, ptrdiff_t n, const real *c, real *w,  \
		const real *g, real *m)                                                \
	{                                                                          \
		AT(momentum, type)(n, c, w, g, m);                                     \
	}                                                                          \
	void ritz_combine_##type(int level, ptrdiff_t n, real p, const real *a,    \
		real q, const real *b, real *c)                                        \
	{                                                                          \
		AT(combine, type)(n, p, a, q, b, c);                                   \
	}                                                                          \
	void ritz_powers_##type(int level, ptrdiff_t n, double p, const real *a,   \
		double q, const real *b, double *out)                                  \
	{                                                                          \
		AT(powers, type)(n, p, a, q, b, out);                                  \
	}                                                                          \
	void ritz_skinny_mul_##type(int level, ptrdiff_t m, ptrdiff_t w,           \
		ptrdiff_t k, real alpha, const real *a, ptrdiff_t lda, const real *b,  \
		ptrdiff_t ldb, real beta, real *c, ptrdiff_t ldc)                      \
	{                                                                          \
		AT(skinny_mul, type)(m, w, k, alpha, a, lda, b, ldb, beta, c, ldc);    \
	}                                                                          \
	void ritz_skinny_transmul_##type(int level, ptrdiff_t m, ptrdiff_t n,      \
		ptrdiff_t w, real alpha, const real *a, ptrdiff_t lda, const real *b,  \
		ptrdiff_t ldb, real beta, real *c, ptrdiff_t ldc, real *work)          \
	{                                                                          \
		AT(skinny_transmul, type)(m, n, w, alpha, a, lda, b, ldb, beta, c, ldc, work); \
	}                                                                          \
	void ritz_svd_batch_##type(int level, ptrdiff_t count, ptrdiff_t m,        \
		ptrdiff_t n, const real *a, real *u, real *s, real *vt, real *checks,  \
		real *work)                                                            \
	{                                                                          \
		AT(svd_batch, type)(count, m, n, a, u, s, vt, checks, work);           \
	}

DOORS(f32, float)
DOORS(f64, double)
