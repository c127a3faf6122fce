/* The doors of the kernels for plans and clouds. */
#ifndef RITZ_PLAN_H
#define RITZ_PLAN_H
#include <stddef.h>
#include <stdint.h>

#define RITZ_PLAN(suffix, real, level)                                         \
	ptrdiff_t ritz_log_step_##suffix(level ptrdiff_t m, ptrdiff_t n, real eps, \
		const real *c, ptrdiff_t ldc, const real *g, const real *a, real *f,   \
		real *s, real least, ptrdiff_t room, int32_t *cols, real *vals,        \
		int64_t *ends, real *work);                                            \
	void ritz_softmin_points_##suffix(level ptrdiff_t m, ptrdiff_t n,          \
		ptrdiff_t d, int p, int products, real eps, const real *x,             \
		ptrdiff_t ldx, const real *y, ptrdiff_t ldy, const real *g, real *out, \
		real *work);

#define RITZ_NO_LEVEL
#define RITZ_ANY_LEVEL int level,

RITZ_PLAN(f32_base, float, RITZ_NO_LEVEL)
RITZ_PLAN(f64_base, double, RITZ_NO_LEVEL)
#ifdef __x86_64__
RITZ_PLAN(f32_v3, float, RITZ_NO_LEVEL)
RITZ_PLAN(f64_v3, double, RITZ_NO_LEVEL)
RITZ_PLAN(f32_v4, float, RITZ_NO_LEVEL)
RITZ_PLAN(f64_v4, double, RITZ_NO_LEVEL)
#endif

/* The kernel of a level, 0 base, 1 v3, 2 v4. */
RITZ_PLAN(f32, float, RITZ_ANY_LEVEL)
RITZ_PLAN(f64, double, RITZ_ANY_LEVEL)

#endif
