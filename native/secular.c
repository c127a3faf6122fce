#include "secular.h"

void ritz_secular(int level, ptrdiff_t n, ptrdiff_t split, const double *z,
	const double *gaps, double eta, double *delta, double *out)
{
#ifdef __x86_64__
	if (level == 2) {
		ritz_secular_v4(n, split, z, gaps, eta, delta, out);
		return;
	}
	if (level == 1) {
		ritz_secular_v3(n, split, z, gaps, eta, delta, out);
		return;
	}
#endif
	(void)level;
	ritz_secular_base(n, split, z, gaps, eta, delta, out);
}
