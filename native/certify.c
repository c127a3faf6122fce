#include "certify.h"

#ifdef __x86_64__
#define AT(name, type) (level == 2 ? ritz_##name##_##type##_v4 : level == 1 ? ritz_##name##_##type##_v3 : ritz_##name##_##type##_base)
#else
#define AT(name, type) ((void)level, ritz_##name##_##type##_base)
#endif

#define DOORS(type, real)                                                      \
	void ritz_plan_costs_##type(int level, ptrdiff_t m, ptrdiff_t n, real eps, \
		const real *c, ptrdiff_t ldc, const real *g, const real *a, real *f,   \
		real *s, real *costs, real *work)                                      \
	{                                                                          \
		AT(plan_costs, type)(m, n, eps, c, ldc, g, a, f, s, costs, work);      \
	}                                                                          \
	void ritz_min_transform_##type(int level, ptrdiff_t m, ptrdiff_t n,        \
		const real *c, ptrdiff_t ldc, const real *g, const real *w, real *f,   \
		real *h, real *d)                                                      \
	{                                                                          \
		AT(min_transform, type)(m, n, c, ldc, g, w, f, h, d);                  \
	}

DOORS(f32, float)
DOORS(f64, double)
