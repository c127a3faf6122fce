#include "sweep.h"

void ritz_sweep(int level, ptrdiff_t m, ptrdiff_t n, const double *a, ptrdiff_t lda,
	const double *v, double tau, double *x, double *c, double *y)
{
#ifdef __x86_64__
	if (level == 2) {
		ritz_sweep_v4(m, n, a, lda, v, tau, x, c, y);
		return;
	}
	if (level == 1) {
		ritz_sweep_v3(m, n, a, lda, v, tau, x, c, y);
		return;
	}
#endif
	(void)level;
	ritz_sweep_base(m, n, a, lda, v, tau, x, c, y);
}
