/* Symmetric products, see symmetric_body.h. */
#ifndef RITZ_SYMMETRIC_H
#define RITZ_SYMMETRIC_H
#include <stddef.h>

#define RITZ_SYMMETRIC(level, type, real)                                      \
	void ritz_sym_pack_##type##_##level(ptrdiff_t lo, ptrdiff_t hi,            \
		ptrdiff_t k, const real *b, ptrdiff_t ldb, int transposed, real *out); \
	void ritz_sym_rows_##type##_##level(ptrdiff_t lo, ptrdiff_t hi,            \
		ptrdiff_t k, const real *a, ptrdiff_t lda, int transposed,             \
		const real *b, real alpha, real beta, const real *d, ptrdiff_t ldd,    \
		real gamma, real *c, ptrdiff_t ldc, int last, real *work);             \
	void ritz_sym_apply_##type##_##level(ptrdiff_t lo, ptrdiff_t hi,           \
		ptrdiff_t n, ptrdiff_t k, const real *a, ptrdiff_t lda,                \
		int transposed, const real *b, real alpha, real beta, real *c,         \
		ptrdiff_t ldc, real *work);

#define RITZ_SYMMETRIC_LEVEL(level)                                            \
	RITZ_SYMMETRIC(level, f32, float)                                          \
	RITZ_SYMMETRIC(level, f64, double)

RITZ_SYMMETRIC_LEVEL(base)
#ifdef __x86_64__
RITZ_SYMMETRIC_LEVEL(v3)
RITZ_SYMMETRIC_LEVEL(v4)
/* Factors rounded to bfloat16 as they are packed; sums of float. */
RITZ_SYMMETRIC(v4, bf16, float)
int ritz_has_bf16(void);
#endif

#define RITZ_SYMMETRIC_DOORS(type, real)                                       \
	void ritz_sym_pack_##type(int level, ptrdiff_t lo, ptrdiff_t hi,           \
		ptrdiff_t k, const real *b, ptrdiff_t ldb, int transposed, real *out); \
	void ritz_sym_rows_##type(int level, ptrdiff_t lo, ptrdiff_t hi,           \
		ptrdiff_t k, const real *a, ptrdiff_t lda, int transposed,             \
		const real *b, real alpha, real beta, const real *d, ptrdiff_t ldd,    \
		real gamma, real *c, ptrdiff_t ldc, int last, real *work);             \
	void ritz_sym_apply_##type(int level, ptrdiff_t lo, ptrdiff_t hi,          \
		ptrdiff_t n, ptrdiff_t k, const real *a, ptrdiff_t lda,                \
		int transposed, const real *b, real alpha, real beta, real *c,         \
		ptrdiff_t ldc, real *work);

RITZ_SYMMETRIC_DOORS(f32, float)
RITZ_SYMMETRIC_DOORS(f64, double)

#endif
