#include "eigh.h"

#ifdef __x86_64__
#define AT(name) (level == 2 ? name##_v4 : level == 1 ? name##_v3 : name##_base)
#else
#define AT(name) ((void)level, name##_base)
#endif

#define DOOR(type, real)                                                       \
	void ritz_eigh_batch_##type(int level, ptrdiff_t count, ptrdiff_t n,       \
		const real *a, real *w, real *vt, real *checks, real *work)            \
	{                                                                          \
		AT(ritz_eigh_batch_##type)(count, n, a, w, vt, checks, work);          \
	}

DOOR(f32, float)
DOOR(f64, double)
