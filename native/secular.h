/* Sums of secular equations, see secular_body.h. */
#ifndef RITZ_SECULAR_H
#define RITZ_SECULAR_H
#include <stddef.h>

#define RITZ_SECULAR(suffix, level)                                            \
	void ritz_secular##suffix(level ptrdiff_t n, ptrdiff_t split,              \
		const double *z, const double *gaps, double eta, double *delta,        \
		double *out);

RITZ_SECULAR(_base, )
#ifdef __x86_64__
RITZ_SECULAR(_v3, )
RITZ_SECULAR(_v4, )
#endif
#define RITZ_AT_LEVEL int level,
RITZ_SECULAR(, RITZ_AT_LEVEL)

#endif
