#include "band.h"

void ritz_bidiagonalize(int level, ptrdiff_t n, double *a)
{
#ifdef __x86_64__
	if (level == 2) {
		ritz_bidiagonalize_v4(n, a);
		return;
	}
	if (level == 1) {
		ritz_bidiagonalize_v3(n, a);
		return;
	}
#endif
	(void)level;
	ritz_bidiagonalize_base(n, a);
}
