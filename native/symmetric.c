#include "symmetric.h"

#ifdef __x86_64__
#define AT(name, type) (level == 2 ? ritz_##name##_##type##_v4 : level == 1 ? ritz_##name##_##type##_v3 : ritz_##name##_##type##_base)
#else
#define AT(name, type) ((void)level, ritz_##name##_##type##_base)
#endif

#define DOORS(type, real)                                                      \
	void ritz_sym_pack_##type(int level, ptrdiff_t lo, ptrdiff_t hi,           \
		ptrdiff_t k, const real *b, ptrdiff_t ldb, int transposed, real *out)  \
	{                                                                          \
		AT(sym_pack, type)(lo, hi, k, b, ldb, transposed, out);                \
	}                                                                          \
	void ritz_sym_rows_##type(int level, ptrdiff_t lo, ptrdiff_t hi,           \
		ptrdiff_t k, const real *a, ptrdiff_t lda, int transposed,             \
		const real *b, real alpha, real beta, const real *d, ptrdiff_t ldd,    \
		real gamma, real *c, ptrdiff_t ldc, int last, real *work)              \
	{                                                                          \
		AT(sym_rows, type)(lo, hi, k, a, lda, transposed, b, alpha, beta, d,   \
			ldd, gamma, c, ldc, last, work);                                   \
	}                                                                          \
	void ritz_sym_apply_##type(int level, ptrdiff_t lo, ptrdiff_t hi,          \
		ptrdiff_t n, ptrdiff_t k, const real *a, ptrdiff_t lda,                \
		int transposed, const real *b, real alpha, real beta, real *c,         \
		ptrdiff_t ldc, real *work)                                             \
	{                                                                          \
		AT(sym_apply, type)(lo, hi, n, k, a, lda, transposed, b, alpha, beta,  \
			c, ldc, work);                                                             \
	}

DOORS(f32, float)
DOORS(f64, double)
