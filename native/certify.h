/* The doors of the kernels for certificates of plans. */
#ifndef RITZ_CERTIFY_H
#define RITZ_CERTIFY_H
#include "plan.h"

#define RITZ_CERTIFY(suffix, real, level)                                      \
	void ritz_plan_costs_##suffix(level ptrdiff_t m, ptrdiff_t n, real eps,    \
		const real *c, ptrdiff_t ldc, const real *g, const real *a, real *f,   \
		real *s, real *costs, real *work);                                     \
	void ritz_min_transform_##suffix(level ptrdiff_t m, ptrdiff_t n,           \
		const real *c, ptrdiff_t ldc, const real *g, const real *w, real *f,   \
		real *h, real *d);

RITZ_CERTIFY(f32_base, float, RITZ_NO_LEVEL)
RITZ_CERTIFY(f64_base, double, RITZ_NO_LEVEL)
#ifdef __x86_64__
RITZ_CERTIFY(f32_v3, float, RITZ_NO_LEVEL)
RITZ_CERTIFY(f64_v3, double, RITZ_NO_LEVEL)
RITZ_CERTIFY(f32_v4, float, RITZ_NO_LEVEL)
RITZ_CERTIFY(f64_v4, double, RITZ_NO_LEVEL)
#endif

RITZ_CERTIFY(f32, float, RITZ_ANY_LEVEL)
RITZ_CERTIFY(f64, double, RITZ_ANY_LEVEL)

#endif
