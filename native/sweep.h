/* One reading of a matrix for a column and a row of its bidiagonalization, see
 * sweep_body.h. */
#ifndef RITZ_SWEEP_H
#define RITZ_SWEEP_H
#include <stddef.h>

#define RITZ_SWEEP(suffix, level)                                              \
	void ritz_sweep##suffix(level ptrdiff_t m, ptrdiff_t n, const double *a,   \
		ptrdiff_t lda, const double *v, double tau, double *x, double *c,      \
		double *y);

RITZ_SWEEP(_base, )
#ifdef __x86_64__
RITZ_SWEEP(_v3, )
RITZ_SWEEP(_v4, )
#endif
#define RITZ_SWEEP_LEVEL int level,
RITZ_SWEEP(, RITZ_SWEEP_LEVEL)

#endif
