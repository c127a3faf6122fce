#include "narrow.h"

#ifdef __x86_64__
#define AT(name) (level == 2 ? ritz_##name##_f64_v4 : level == 1 ? ritz_##name##_f64_v3 : ritz_##name##_f64_base)
#else
#define AT(name) ((void)level, ritz_##name##_f64_base)
#endif

void ritz_narrow_gibbs_f64(int level, ptrdiff_t m, ptrdiff_t n, double eps,
	const double *f, const double *g, const double *c, ptrdiff_t ldc, float *out, ptrdiff_t ldo)
{
	AT(narrow_gibbs)(m, n, eps, f, g, c, ldc, out, ldo);
}

void ritz_narrow_scaling_f64(int level, ptrdiff_t m, ptrdiff_t n, const float *k,
	ptrdiff_t ldk, const double *a, const double *v, double *u, double *s)
{
	AT(narrow_scaling)(m, n, k, ldk, a, v, u, s);
}
