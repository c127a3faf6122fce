/* Products that are known to be symmetric, of which only the lower triangle is
 * computed and the upper one copied: C = alpha*A*B' + beta*D + gamma*I for A
 * and B of n rows, when A*B' is symmetric. The work is cut into blocks of
 * columns of A and B (of rows, if they are stored transposed). For each of them
 * the rows of B are packed once, NR by NR; then the rows of C are computed in
 * blocks, each of which packs its rows of A. A tile of MR x NR elements stays
 * in registers. */

#if VBYTES == 64
#define MR 12
#elif VBYTES == 32
#define MR 6
#else
#define MR 4
#endif
#define NR (2 * LANES)

/* What the factors are packed as: words of one element. A file that packs them
 * otherwise defines these and sym_columns itself. */
#ifndef WORD
#define WORD REAL
#define WORDS(k) (k)
#define PER_WORD 1
#define WORDVEC vec
#define LOAD_WORDS load
#define SET_WORDS set
#define ADD_PRODUCT(s, x, y) ((s) + (x) * (y))
#if VBYTES == 64
#include "transpose_body.h"
#if DOUBLE
#define row_words(x, n) _mm512_maskz_loadu_pd(first(n), x)
#else
#define row_words(x, n) ((__m512i)_mm512_maskz_loadu_ps(first(n), x))
#endif
#endif

/* Packs what is stored by columns: w <= W of them, k rows. */
static inline __attribute__((always_inline)) void NAME(sym_columns)(ptrdiff_t W, ptrdiff_t w, ptrdiff_t k, const REAL *a, ptrdiff_t lda, WORD *out)
{
	for (ptrdiff_t p = 0; p < k; p++, out += W, a += lda) {
		if (w == W) {
			for (ptrdiff_t r = 0; r < W; r++)
				out[r] = a[r];
		} else {
			for (ptrdiff_t r = 0; r < W; r++)
				out[r] = r < w ? a[r] : 0;
		}
	}
}
#endif

#if VBYTES == 64
#if DOUBLE
#define store_words _mm512_mask_storeu_pd
#define load_block _mm512_loadu_pd
#define store_block _mm512_storeu_pd
#define load_first _mm512_maskz_loadu_pd
#define store_first(p, m, x) _mm512_mask_storeu_pd(p, m, (__m512d)(x))
#else
#define store_words _mm512_mask_storeu_epi32
#define load_block _mm512_loadu_si512
#define store_block _mm512_storeu_si512
#define load_first _mm512_maskz_loadu_ps
#define store_first(p, m, x) _mm512_mask_storeu_ps(p, m, (__m512)(x))
#endif
/* Packs w <= W rows, k elements each, as WORDS(k) groups of W. */
static inline __attribute__((always_inline)) void NAME(sym_group)(ptrdiff_t W, ptrdiff_t w, ptrdiff_t k, const REAL *a, ptrdiff_t lda, WORD *out)
{
	for (ptrdiff_t p = 0; p < k; p += PER_WORD * BLOCK, out += BLOCK * W)
		for (ptrdiff_t g = 0; g < W; g += BLOCK) {
			NAME(block) r;
#pragma GCC unroll 16
			for (int i = 0; i < BLOCK; i++)
				r[i] = row_words(a + (g + i < w ? g + i : 0) * lda + p, g + i < w ? k - p : 0);
			transpose(r);
			ptrdiff_t n = WORDS(k - p);
#pragma GCC unroll 16
			for (int i = 0; i < BLOCK; i++)
				if (i < n)
					store_words(out + i * W + g, first(W - g), r[i]);
		}
}
#else
static inline __attribute__((always_inline)) void NAME(sym_group)(ptrdiff_t W, ptrdiff_t w, ptrdiff_t k, const REAL *a, ptrdiff_t lda, WORD *out)
{
	for (ptrdiff_t p = 0; p < k; p += 16) { /* a cache line or two of each row at a time */
		ptrdiff_t end = p + 16 < k ? p + 16 : k;
		for (ptrdiff_t r = 0; r < W; r++) {
			const REAL *x = a + r * lda;
			if (r < w)
				for (ptrdiff_t i = p; i < end; i++)
					out[i * W + r] = x[i];
			else
				for (ptrdiff_t i = p; i < end; i++)
					out[i * W + r] = 0;
		}
	}
}
#endif

/* Packs w <= W rows of A, or columns of what is stored transposed. */
static inline __attribute__((always_inline)) void NAME(sym_panel)(ptrdiff_t W, ptrdiff_t w, ptrdiff_t k, const REAL *a, ptrdiff_t lda, int transposed, WORD *out)
{
	if (transposed)
		NAME(sym_columns)(W, w, k, a, lda, out);
	else
		NAME(sym_group)(W, w, k, a, lda, out);
}

/* Rows lo, lo+NR, ... up to hi of B; out is where those of row lo go. */
void NAME(sym_pack)(ptrdiff_t lo, ptrdiff_t hi, ptrdiff_t k, const REAL *b, ptrdiff_t ldb, int transposed, REAL *out)
{
	for (ptrdiff_t j = lo; j < hi; j += NR, out += NR * WORDS(k))
		NAME(sym_panel)(NR, hi - j < NR ? hi - j : NR, k, transposed ? b + j : b + j * ldb, ldb, transposed, (WORD *)out);
}

/* One tile; rows and columns beyond m and n, and above the diagonal if that
 * goes through it, are not stored. Not inlined, so that no register holds what
 * only the end needs. */
static __attribute__((noinline)) void NAME(sym_tile)(ptrdiff_t words, const WORD *a, const WORD *b, REAL alpha, REAL beta, const REAL *d, ptrdiff_t ldd, REAL *c, ptrdiff_t ldc, ptrdiff_t m, ptrdiff_t n, ptrdiff_t below)
{
	vec s[MR][2];
#pragma GCC unroll 12
	for (int i = 0; i < MR; i++)
		s[i][0] = s[i][1] = (vec){0};
	for (ptrdiff_t p = 0; p < words; p++, a += MR, b += NR) {
		WORDVEC b0 = LOAD_WORDS(b), b1 = LOAD_WORDS(b + LANES);
#pragma GCC unroll 12
		for (int i = 0; i < MR; i++) {
			WORDVEC x = SET_WORDS(a[i]);
			s[i][0] = ADD_PRODUCT(s[i][0], x, b0);
			s[i][1] = ADD_PRODUCT(s[i][1], x, b1);
		}
	}
	if (m == MR && n == NR && below >= NR - 1) {
#pragma GCC unroll 12
		for (int i = 0; i < MR; i++) {
			vec x = s[i][0] * set(alpha), y = s[i][1] * set(alpha);
			if (d) {
				x += load(d + i * ldd) * set(beta);
				y += load(d + i * ldd + LANES) * set(beta);
			}
			store(c + i * ldc, x);
			store(c + i * ldc + LANES, y);
		}
		return;
	}
#if VBYTES == 64
#pragma GCC unroll 12
	for (int i = 0; i < MR; i++) {
		if (i >= m)
			break;
		ptrdiff_t w = below + i + 1 < n ? below + i + 1 : n;
		vec x = s[i][0] * set(alpha), y = s[i][1] * set(alpha);
		if (d) {
			x += (vec)load_first(first(w), d + i * ldd) * set(beta);
			y += (vec)load_first(first(w - LANES), d + i * ldd + LANES) * set(beta);
		}
		store_first(c + i * ldc, first(w), x);
		store_first(c + i * ldc + LANES, first(w - LANES), y);
	}
#else
	REAL t[MR][2 * VBYTES / sizeof(REAL)];
#pragma GCC unroll 12
	for (int i = 0; i < MR; i++) {
		store(t[i], s[i][0]);
		store(t[i] + LANES, s[i][1]);
	}
	for (ptrdiff_t i = 0; i < m; i++)
		for (ptrdiff_t j = 0; j < n && j <= below + i; j++)
			c[i * ldc + j] = alpha * t[i][j] + (d ? beta * d[i * ldd + j] : 0);
#endif
}

/* Copies the rows [lo,hi) of the lower triangle to the upper one. */
static void NAME(sym_mirror)(ptrdiff_t lo, ptrdiff_t hi, REAL *c, ptrdiff_t ldc)
{
#if VBYTES == 64
	enum { B = BLOCK };
#else
	enum { B = 16 };
	REAL t[B][B];
#endif
	for (ptrdiff_t i = lo; i < hi; i += B) {
		ptrdiff_t m = hi - i < B ? hi - i : B;
		for (ptrdiff_t j = 0; j < i + m; j += B) {
			if (m == B && j + B <= i) {
#if VBYTES == 64
				NAME(block) r;
#pragma GCC unroll 16
				for (int x = 0; x < B; x++)
					r[x] = load_block(c + (i + x) * ldc + j);
				transpose(r);
#pragma GCC unroll 16
				for (int y = 0; y < B; y++)
					store_block(c + (j + y) * ldc + i, r[y]);
#else
				for (int x = 0; x < B; x++)
					for (int y = 0; y < B; y++)
						t[y][x] = c[(i + x) * ldc + j + y];
				for (int y = 0; y < B; y++)
					for (int x = 0; x < B; x++)
						c[(j + y) * ldc + i + x] = t[y][x];
#endif
				continue;
			}
			for (ptrdiff_t x = 0; x < m; x++)
				for (ptrdiff_t y = 0; y < B && j + y < i + x; y++)
					c[(j + y) * ldc + i + x] = c[(i + x) * ldc + j + y];
		}
	}
}

/* The rows [lo,hi) of C for one block of k; b holds the packed rows of B. work
 * has room for hi-lo rows, rounded up to a multiple of MR, of k elements. With
 * last, gamma is added to the diagonal and the rows are copied to columns. */
void NAME(sym_rows)(ptrdiff_t lo, ptrdiff_t hi, ptrdiff_t k, const REAL *a, ptrdiff_t lda, int transposed, const REAL *b, REAL alpha, REAL beta, const REAL *d, ptrdiff_t ldd, REAL gamma, REAL *c, ptrdiff_t ldc, int last, REAL *work)
{
	for (ptrdiff_t i = lo; i < hi; i += MR)
		NAME(sym_panel)(MR, hi - i < MR ? hi - i : MR, k, transposed ? a + i : a + i * lda, lda, transposed, (WORD *)work + (i - lo) * WORDS(k));
	for (ptrdiff_t j = 0; j < hi; j += NR)
		for (ptrdiff_t i = lo; i < hi; i += MR) {
			ptrdiff_t m = hi - i < MR ? hi - i : MR;
			if (j > i + m - 1)
				continue;
			NAME(sym_tile)(WORDS(k), (WORD *)work + (i - lo) * WORDS(k), (const WORD *)b + j * WORDS(k), alpha, beta, d ? d + i * ldd + j : 0, ldd, c + i * ldc + j, ldc, m, NR, i - j);
		}
	if (!last)
		return;
	for (ptrdiff_t i = lo; i < hi; i++)
		c[i * ldc + i] += gamma;
	NAME(sym_mirror)(lo, hi, c, ldc);
}

/* The rows [lo,hi) of C = alpha*A*B' + beta*C for B with n rows, one block of k. */
void NAME(sym_apply)(ptrdiff_t lo, ptrdiff_t hi, ptrdiff_t n, ptrdiff_t k, const REAL *a, ptrdiff_t lda, int transposed, const REAL *b, REAL alpha, REAL beta, REAL *c, ptrdiff_t ldc, REAL *work)
{
	for (ptrdiff_t i = lo; i < hi; i += MR)
		NAME(sym_panel)(MR, hi - i < MR ? hi - i : MR, k, transposed ? a + i : a + i * lda, lda, transposed, (WORD *)work + (i - lo) * WORDS(k));
	for (ptrdiff_t j = 0; j < n; j += NR)
		for (ptrdiff_t i = lo; i < hi; i += MR) {
			REAL *x = c + i * ldc + j;
			NAME(sym_tile)(WORDS(k), (WORD *)work + (i - lo) * WORDS(k), (const WORD *)b + j * WORDS(k), alpha, beta, beta != 0 ? x : 0, ldc, x, ldc, hi - i < MR ? hi - i : MR, n - j < NR ? n - j : NR, NR);
		}
}

#undef MR
#undef NR
#undef WORD
#undef WORDS
#undef PER_WORD
#undef WORDVEC
#undef LOAD_WORDS
#undef SET_WORDS
#undef ADD_PRODUCT
#undef row_words
#undef store_words
#undef load_block
#undef store_block
#undef load_first
#undef store_first
#undef BLOCK
#undef first
#undef transpose
