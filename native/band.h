/* The bidiagonalization of band matrices, see band_body.h. */
#ifndef RITZ_BAND_H
#define RITZ_BAND_H
#include <stddef.h>

/* Superdiagonals of the matrices, and elements of a stored row: those from
 * BAND to the left of the diagonal to 2*BAND - 1 to the right of it. */
#define BAND 32
#define BAND_ROW (3 * BAND)

void ritz_bidiagonalize_base(ptrdiff_t n, double *a);
#ifdef __x86_64__
void ritz_bidiagonalize_v3(ptrdiff_t n, double *a);
void ritz_bidiagonalize_v4(ptrdiff_t n, double *a);
#endif

void ritz_bidiagonalize(int level, ptrdiff_t n, double *a);

#endif
