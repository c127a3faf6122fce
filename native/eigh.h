/* Eigendecompositions of many small symmetric matrices, see eigh_body.h. */
#ifndef RITZ_EIGH_H
#define RITZ_EIGH_H
#include <stddef.h>

#define RITZ_EIGH(type, real, suffix, ...)                                     \
	void ritz_eigh_batch_##type##suffix(__VA_ARGS__ ptrdiff_t count, ptrdiff_t n, \
		const real *a, real *w, real *vt, real *checks, real *work);

#define RITZ_EIGH_BOTH(suffix, ...)                                            \
	RITZ_EIGH(f32, float, suffix, __VA_ARGS__)                                 \
	RITZ_EIGH(f64, double, suffix, __VA_ARGS__)

RITZ_EIGH_BOTH(_base, )
#ifdef __x86_64__
RITZ_EIGH_BOTH(_v3, )
RITZ_EIGH_BOTH(_v4, )
#endif
#define RITZ_EIGH_LEVEL int level,
RITZ_EIGH_BOTH(, RITZ_EIGH_LEVEL)

#endif
