/* The doors of the kernels on matrices of float beside numbers in double. */
#ifndef RITZ_NARROW_H
#define RITZ_NARROW_H
#include "plan.h"

#define RITZ_NARROW(suffix, level)                                             \
	void ritz_narrow_gibbs_##suffix(level ptrdiff_t m, ptrdiff_t n, double eps,\
		const double *f, const double *g, const double *c, ptrdiff_t ldc,      \
		float *out, ptrdiff_t ldo);                                            \
	void ritz_narrow_scaling_##suffix(level ptrdiff_t m, ptrdiff_t n,          \
		const float *k, ptrdiff_t ldk, const double *a, const double *v,       \
		double *u, double *s);

RITZ_NARROW(f64_base, RITZ_NO_LEVEL)
#ifdef __x86_64__
RITZ_NARROW(f64_v3, RITZ_NO_LEVEL)
RITZ_NARROW(f64_v4, RITZ_NO_LEVEL)
#endif
RITZ_NARROW(f64, RITZ_ANY_LEVEL)

#endif
