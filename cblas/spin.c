#include <stdlib.h>
#include "lapack.h"

/* OpenBLAS's own functions, none of them in its headers: weak, so that another
 * BLAS, or a build that does not export them, links and is left alone. */
void openblas_read_env(void) __attribute__((weak));
int blas_thread_shutdown_(void) __attribute__((weak));
int blas_thread_init(void) __attribute__((weak));

int ritz_blas_limit_spinning(const char *exponent)
{
	if (!openblas_read_env || !blas_thread_shutdown_ || !blas_thread_init ||
	    getenv("OPENBLAS_THREAD_TIMEOUT") || setenv("OPENBLAS_THREAD_TIMEOUT", exponent, 1))
		return 0;
	/* The limit is read when threads start. */
	openblas_read_env();
	blas_thread_shutdown_();
	blas_thread_init();
	unsetenv("OPENBLAS_THREAD_TIMEOUT");
	return 1;
}
