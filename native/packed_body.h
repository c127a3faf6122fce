/* Products C = alpha*A*B' + beta*D of packed factors. The work is cut into
 * blocks of columns of A and B (of rows, if they are stored transposed). For
 * each of them the rows of A are packed in panels of MR, those of B in panels
 * of NR, each panel one group of words after the other; then C is computed in
 * blocks. A tile of MR x NR elements stays in registers, a panel of A in the
 * first-level cache and the panels of B of a block in the second. Of products
 * that are known to be symmetric only the lower triangle is computed and copied
 * to the upper one block by block. */

#if VBYTES == 64
#define MR 12
#elif VBYTES == 32
#define MR 6
#else
#define MR 4
#endif
#define NR (2 * LANES)

/* Panels that are packed together from what is stored by columns, so that the
 * reading of a row does not stop after a line or two. */
#define GROUP 8

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
#endif

/* What the factors are packed as: words of one element. A file that packs them
 * otherwise defines these and pack_words itself. */
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

/* The first w <= W words of what is stored by columns; zeros for the others. */
static inline __attribute__((always_inline)) void NAME(pack_words)(ptrdiff_t W, ptrdiff_t w, const REAL *a, ptrdiff_t lda, int more, WORD *out)
{
	(void)lda, (void)more;
#if VBYTES == 64
	for (ptrdiff_t r = 0; r < W; r += LANES)
		if (W - r >= LANES)
			store(out + r, w == W ? load(a + r) : (vec)load_first(first(w - r), a + r));
		else
			store_first(out + r, first(W - r), load_first(first(w - r), a + r));
#else
	for (ptrdiff_t r = 0; r < W; r++)
		out[r] = r < w ? a[r] : 0;
#endif
}
#endif

/* Packs one row of what is stored by columns, or as many as make a word: w
 * elements in panels of W, which are k words of W apart. more tells whether
 * there is another row for a word. */
static inline __attribute__((always_inline)) void NAME(pack_row)(ptrdiff_t W, ptrdiff_t w, ptrdiff_t k, const REAL *a, ptrdiff_t lda, int more, WORD *out)
{
	for (; w >= W; w -= W, a += W, out += k * W)
		NAME(pack_words)(W, W, a, lda, more, out);
	if (w > 0)
		NAME(pack_words)(W, w, a, lda, more, out);
}

/* Packs w columns, k elements each, in panels of W. */
static inline __attribute__((always_inline)) void NAME(pack_columns)(ptrdiff_t W, ptrdiff_t w, ptrdiff_t k, const REAL *a, ptrdiff_t lda, WORD *out)
{
	for (ptrdiff_t p = 0; p < k; p += PER_WORD, a += PER_WORD * lda, out += W)
		NAME(pack_row)(W, w, WORDS(k), a, lda, p + 1 < k, out);
}

#if VBYTES == 64
/* Packs w <= W rows, k elements each, as WORDS(k) groups of W. */
static inline __attribute__((always_inline)) void NAME(pack_panel)(ptrdiff_t W, ptrdiff_t w, ptrdiff_t k, const REAL *a, ptrdiff_t lda, WORD *out)
{
	ptrdiff_t p = 0;
	for (; w == W && p + PER_WORD * BLOCK <= k; p += PER_WORD * BLOCK, out += BLOCK * W)
		for (ptrdiff_t g = 0; g < W; g += BLOCK) {
			NAME(block) r;
#pragma GCC unroll 16
			for (int i = 0; i < BLOCK; i++)
				r[i] = g + i < W ? row_words(a + (g + i) * lda + p, PER_WORD * BLOCK) : r[0];
			transpose(r);
#pragma GCC unroll 16
			for (int i = 0; i < BLOCK; i++)
				if (W - g >= BLOCK)
					store_block(out + i * W + g, r[i]);
				else
					store_words(out + i * W + g, first(W - g), r[i]);
		}
	for (; p < k; p += PER_WORD * BLOCK, out += BLOCK * W)
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
static inline __attribute__((always_inline)) void NAME(pack_panel)(ptrdiff_t W, ptrdiff_t w, ptrdiff_t k, const REAL *a, ptrdiff_t lda, WORD *out)
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

/* Packs n rows of A, or columns of what is stored transposed, in panels of W. */
static inline __attribute__((always_inline)) void NAME(pack_factor)(ptrdiff_t W, ptrdiff_t n, ptrdiff_t k, const REAL *a, ptrdiff_t lda, int transposed, WORD *out)
{
	if (transposed)
		for (ptrdiff_t i = 0; i < n; i += GROUP * W)
			NAME(pack_columns)(W, n - i < GROUP * W ? n - i : GROUP * W, k, a + i, lda, out + i * WORDS(k));
	else
		for (ptrdiff_t i = 0; i < n; i += W)
			NAME(pack_panel)(W, n - i < W ? n - i : W, k, a + i * lda, lda, out + i * WORDS(k));
}

/* One tile of V vectors of columns; rows and columns beyond m and n, and above
 * the diagonal if that goes through it, are not stored. What is added and stored
 * at the end is on its way from memory from the beginning. */
static inline __attribute__((always_inline)) void NAME(tile_of)(const int V, ptrdiff_t words, const WORD *a, const WORD *b, REAL alpha, REAL beta, const REAL *d, ptrdiff_t ldd, REAL *c, ptrdiff_t ldc, ptrdiff_t m, ptrdiff_t n, ptrdiff_t below)
{
	vec s[MR][2];
	for (ptrdiff_t i = 0; i < m; i++) {
		__builtin_prefetch(c + i * ldc, 1);
		__builtin_prefetch(c + i * ldc + n - 1, 1);
		if (d && d != c) {
			__builtin_prefetch(d + i * ldd);
			__builtin_prefetch(d + i * ldd + n - 1);
		}
	}
#pragma GCC unroll 12
	for (int i = 0; i < MR; i++)
		s[i][0] = s[i][1] = (vec){0};
	for (ptrdiff_t p = 0; p < words; p++, a += MR, b += NR) {
		WORDVEC b0 = LOAD_WORDS(b), b1 = V == 2 ? LOAD_WORDS(b + LANES) : b0;
		__builtin_prefetch(b + 8 * NR);
		if (V == 2)
			__builtin_prefetch(b + 8 * NR + LANES);
#pragma GCC unroll 12
		for (int i = 0; i < MR; i++) {
			WORDVEC x = SET_WORDS(a[i]);
			s[i][0] = ADD_PRODUCT(s[i][0], x, b0);
			if (V == 2)
				s[i][1] = ADD_PRODUCT(s[i][1], x, b1);
		}
	}
	if (V == 2 && m == MR && n == NR && below >= NR - 1) {
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
#pragma GCC unroll 2
		for (int v = 0; v < V; v++, w -= LANES) {
			vec x = s[i][v] * set(alpha);
			if (d)
				x += (vec)load_first(first(w), d + i * ldd + v * LANES) * set(beta);
			store_first(c + i * ldc + v * LANES, first(w), x);
		}
	}
#else
	REAL t[MR][2 * VBYTES / sizeof(REAL)];
#pragma GCC unroll 12
	for (int i = 0; i < MR; i++)
		for (int v = 0; v < V; v++)
			store(t[i] + v * LANES, s[i][v]);
	for (ptrdiff_t i = 0; i < m; i++)
		for (ptrdiff_t j = 0; j < n && j <= below + i; j++)
			c[i * ldc + j] = alpha * t[i][j] + (d ? beta * d[i * ldd + j] : 0);
#endif
}

/* Not inlined, so that no register holds what only the end needs. */
static __attribute__((noinline)) void NAME(packed_tile)(ptrdiff_t words, const WORD *a, const WORD *b, REAL alpha, REAL beta, const REAL *d, ptrdiff_t ldd, REAL *c, ptrdiff_t ldc, ptrdiff_t m, ptrdiff_t n, ptrdiff_t below)
{
	NAME(tile_of)(2, words, a, b, alpha, beta, d, ldd, c, ldc, m, n, below);
}

/* Where no more than the first half of the columns is wanted, on the diagonal
 * and at the edge. */
static __attribute__((noinline)) void NAME(packed_half)(ptrdiff_t words, const WORD *a, const WORD *b, REAL alpha, REAL beta, const REAL *d, ptrdiff_t ldd, REAL *c, ptrdiff_t ldc, ptrdiff_t m, ptrdiff_t n, ptrdiff_t below)
{
	NAME(tile_of)(1, words, a, b, alpha, beta, d, ldd, c, ldc, m, n, below);
}

/* Copies what is below the diagonal in the rows [lo,hi) and the columns
 * [from,to) to the upper triangle. */
static void NAME(packed_mirror)(ptrdiff_t lo, ptrdiff_t hi, ptrdiff_t from, ptrdiff_t to, REAL *c, ptrdiff_t ldc)
{
#if VBYTES == 64
	enum { B = BLOCK };
#else
	enum { B = 16 };
	REAL t[B][B];
#endif
	for (ptrdiff_t j = from; j < to; j += B) {
		ptrdiff_t n = to - j < B ? to - j : B;
		for (ptrdiff_t i = lo; i < hi; i += B) {
			ptrdiff_t m = hi - i < B ? hi - i : B;
			if (m == B && n == B && j + B <= i) {
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
				for (ptrdiff_t y = 0; y < n && j + y < i + x; y++)
					c[(j + y) * ldc + i + x] = c[(i + x) * ldc + j + y];
		}
	}
}

/* The rows [lo,hi) and columns [from,to) of C for one block of k; a and b hold
 * all packed rows. With lower, only the lower triangle; with last besides, gamma
 * is added to the diagonal and the triangle copied. */
static void NAME(packed_block)(ptrdiff_t lo, ptrdiff_t hi, ptrdiff_t from, ptrdiff_t to, ptrdiff_t words, const WORD *a, const WORD *b, REAL alpha, REAL beta, const REAL *d, ptrdiff_t ldd, REAL gamma, REAL *c, ptrdiff_t ldc, int lower, int last)
{
	for (ptrdiff_t i = lo; i < hi; i += MR) {
		ptrdiff_t m = hi - i < MR ? hi - i : MR;
		for (ptrdiff_t j = from; j < to && !(lower && j >= i + m); j += NR) {
			ptrdiff_t n = to - j < NR ? to - j : NR;
			if (lower && i + m - j < n)
				n = i + m - j;
			(n > LANES ? NAME(packed_tile) : NAME(packed_half))(words, a + i * words, b + j * words, alpha, beta,
				d ? d + i * ldd + j : 0, ldd, c + i * ldc + j, ldc, m, n, lower ? i - j : NR);
		}
	}
	if (!(lower && last))
		return;
	for (ptrdiff_t i = lo > from ? lo : from; i < hi && i < to; i++)
		c[i * ldc + i] += gamma;
	NAME(packed_mirror)(lo, hi, from, to, c, ldc);
}

/* Packs the rows of A and B with numbers from lo on, as many as a block has. */
static void NAME(packed_rows)(const struct ritz_product *p, ptrdiff_t lo, ptrdiff_t at, ptrdiff_t k, const REAL *a, const REAL *b, WORD *left, WORD *right)
{
	ptrdiff_t m = p->m - lo < RITZ_PACK_ROWS ? p->m - lo : RITZ_PACK_ROWS;
	ptrdiff_t n = p->n - lo < RITZ_PACK_ROWS ? p->n - lo : RITZ_PACK_ROWS;
	if (m > 0)
		NAME(pack_factor)(MR, m, k, a + (p->ta ? at * p->lda + lo : lo * p->lda + at), p->lda, p->ta, left + lo * WORDS(k));
	if (n > 0)
		NAME(pack_factor)(NR, n, k, b + (p->tb ? at * p->ldb + lo : lo * p->ldb + at), p->ldb, p->tb, right + lo * WORDS(k));
}

/* What one worker does of a product, see packed.h. */
void NAME(product)(const struct ritz_product *p, const REAL *a, const REAL *b, const REAL *d, REAL *c, REAL *left, REAL *right, const int32_t *corners, int32_t *counters)
{
	ptrdiff_t rows[2] = { ritz_packed_rows(p->m) * WORDS(p->step), ritz_packed_rows(p->n) * WORDS(p->step) };
	for (;;) {
		struct ritz_task t = ritz_next_task(p, counters);
		if (t.number < 0)
			return;
		ptrdiff_t at = t.step * p->step, k = p->k - at < p->step ? p->k - at : p->step;
		WORD *l = (WORD *)left + t.step % 2 * rows[0], *r = (WORD *)right + t.step % 2 * rows[1];
		if (t.packs) {
			NAME(packed_rows)(p, t.number * RITZ_PACK_ROWS, at, k, a, b, l, r);
		} else {
			ptrdiff_t i = corners[2 * t.number], j = corners[2 * t.number + 1];
			int first = t.step == 0;
			NAME(packed_block)(i, i + RITZ_PACK_ROWS < p->m ? i + RITZ_PACK_ROWS : p->m, j, j + p->cols < p->n ? j + p->cols : p->n, WORDS(k), l, r,
				p->alpha, first ? p->beta : 1, first ? d : c, first ? p->ldd : p->ldc, p->gamma, c, p->ldc, p->lower, at + k == p->k);
		}
		ritz_task_done(p, counters, t);
	}
}

#undef MR
#undef NR
#undef GROUP
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
