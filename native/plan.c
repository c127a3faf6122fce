#include "plan.h"

#ifdef __x86_64__
#define AT(name, type) (level == 2 ? ritz_##name##_##type##_v4 : level == 1 ? ritz_##name##_##type##_v3 : ritz_##name##_##type##_base)
#else
#define AT(name, type) ((void)level, ritz_##name##_##type##_base)
#endif

#define DOORS(type, real)                                                      \
	ptrdiff_t ritz_log_step_##type(int level, ptrdiff_t m, ptrdiff_t n,        \
		real eps, const real *c, ptrdiff_t ldc, const real *g, const real *a,  \
		real *f, real *s, real least, ptrdiff_t room, int32_t *cols,           \
		real *vals, int64_t *ends, real *work)                                 \
	{                                                                          \
		return AT(log_step, type)(m, n, eps, c, ldc, g, a, f, s, least, room,  \
			cols, vals, ends, work);                                           \
	}                                                                          \
	void ritz_softmin_points_##type(int level, ptrdiff_t m, ptrdiff_t n,       \
		ptrdiff_t d, int p, int products, real eps, const real *x,             \
		ptrdiff_t ldx, const real *y, ptrdiff_t ldy, const real *g, real *out, \
		real *work)                                                            \
	{                                                                          \
		AT(softmin_points, type)(m, n, d, p, products, eps, x, ldx, y, ldy, g, \
			out, work);                                                        \
	}

DOORS(f32, float)
DOORS(f64, double)
