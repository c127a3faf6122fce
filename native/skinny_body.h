/* Products of a large matrix with a few columns. The library packs the large
 * matrix, which takes longer than the product itself; here it is read once,
 * in tiles whose sums stay in registers. */

#define ROWS 8

/* c (ROWS or one × cols vectors) += sum over l < k of a[i,l]*b[l,j], with
 * a[i,l] at a[i*ai + l*al]. */
#define MICRO(name, rows, cols)                                                \
	static void NAME(name)(ptrdiff_t k, const REAL *a, ptrdiff_t ai,           \
		ptrdiff_t al, const REAL *b, ptrdiff_t ldb, REAL *c)                   \
	{                                                                          \
		vec s[rows][cols];                                                     \
		for (int i = 0; i < rows; i++)                                         \
			for (int j = 0; j < cols; j++)                                     \
				s[i][j] = (vec){0};                                            \
		for (ptrdiff_t l = 0; l < k; l++, a += al, b += ldb) {                 \
			vec y[cols];                                                       \
			for (int j = 0; j < cols; j++)                                     \
				y[j] = load(b + j * LANES);                                    \
			for (int i = 0; i < rows; i++) {                                   \
				vec x = set(a[i * ai]);                                        \
				for (int j = 0; j < cols; j++)                                 \
					s[i][j] += x * y[j];                                       \
			}                                                                  \
		}                                                                      \
		for (int i = 0; i < rows; i++)                                         \
			for (int j = 0; j < cols; j++) {                                   \
				REAL *p = c + i * ldb + j * LANES;                             \
				store(p, load(p) + s[i][j]);                                   \
			}                                                                  \
	}

MICRO(skinny_1, ROWS, 1)
MICRO(skinny_row_1, 1, 1)
#if VBYTES == 64
/* 32 registers: up to 24 sums. */
#define COLS 3
MICRO(skinny_2, ROWS, 2)
MICRO(skinny_3, ROWS, 3)
MICRO(skinny_row_2, 1, 2)
MICRO(skinny_row_3, 1, 3)
#define PICK(kind, cols) ((cols) == 3 ? NAME(kind##_3) : (cols) == 2 ? NAME(kind##_2) : NAME(kind##_1))
#else
/* 16 registers: 8 sums. */
#define COLS 1
#define PICK(kind, cols) NAME(kind##_1)
#endif

/* C (m×ldb) += A·B for all columns, ldb a multiple of LANES. */
static void NAME(skinny_tile)(ptrdiff_t m, ptrdiff_t k, const REAL *a, ptrdiff_t ai, ptrdiff_t al,
	const REAL *b, ptrdiff_t ldb, REAL *c)
{
	for (ptrdiff_t i = 0; i < m;) {
		int whole = i + ROWS <= m;
		for (ptrdiff_t j = 0; j < ldb;) {
			ptrdiff_t left = (ldb - j) / LANES;
			int cols = left == COLS + 1 && COLS > 1 ? COLS - 1 : left > COLS ? COLS : (int)left;
			if (whole)
				PICK(skinny, cols)(k, a + i * ai, ai, al, b + j, ldb, c + i * ldb + j);
			else
				PICK(skinny_row, cols)(k, a + i * ai, ai, al, b + j, ldb, c + i * ldb + j);
			j += cols * LANES;
		}
		i += whole ? ROWS : 1;
	}
}

/* The first w columns of C = alpha·T + beta·C. Without beta, C is not read. */
static void NAME(skinny_out)(ptrdiff_t m, ptrdiff_t w, REAL alpha, const REAL *t, ptrdiff_t ldt,
	REAL beta, REAL *c, ptrdiff_t ldc)
{
	for (ptrdiff_t i = 0; i < m; i++, t += ldt, c += ldc)
		for (ptrdiff_t j = 0; j < w; j++)
			c[j] = beta == 0 ? alpha * t[j] : alpha * t[j] + beta * c[j];
}

#define TILE 96
#define DEPTH 256
#define HEIGHT 64
#define WIDTH 512

/* C (m×w) = alpha·A·B + beta·C, A m×k, B k×ldb with zeros behind w, ldb ≤ 64 a
 * multiple of 16. */
void NAME(skinny_mul)(ptrdiff_t m, ptrdiff_t w, ptrdiff_t k, REAL alpha, const REAL *a, ptrdiff_t lda,
	const REAL *b, ptrdiff_t ldb, REAL beta, REAL *c, ptrdiff_t ldc)
{
	REAL t[TILE * 64] __attribute__((aligned(64)));
	for (; m > 0; m -= TILE, a += TILE * lda, c += TILE * ldc) {
		ptrdiff_t rows = m < TILE ? m : TILE;
		for (ptrdiff_t i = 0; i < rows * ldb; i++)
			t[i] = 0;
		for (ptrdiff_t l = 0; l < k; l += DEPTH)
			NAME(skinny_tile)(rows, k - l < DEPTH ? k - l : DEPTH, a + l, lda, 1, b + l * ldb, ldb, t);
		NAME(skinny_out)(rows, w, alpha, t, ldb, beta, c, ldc);
	}
}

/* C (n×w) = alpha·A'·B + beta·C, A m×n, B m×ldb as above. work takes
 * n*ldb + 64*512 numbers: the sums, and a tile of A, which is copied so that
 * its rows are fetched in their order. */
void NAME(skinny_transmul)(ptrdiff_t m, ptrdiff_t n, ptrdiff_t w, REAL alpha, const REAL *a, ptrdiff_t lda,
	const REAL *b, ptrdiff_t ldb, REAL beta, REAL *c, ptrdiff_t ldc, REAL *work)
{
	REAL *tile = work + n * ldb;
	for (ptrdiff_t i = 0; i < n * ldb; i++)
		work[i] = 0;
	for (ptrdiff_t i = 0; i < m; i += HEIGHT) {
		ptrdiff_t rows = m - i < HEIGHT ? m - i : HEIGHT;
		for (ptrdiff_t j = 0; j < n; j += WIDTH) {
			ptrdiff_t cols = n - j < WIDTH ? n - j : WIDTH;
			for (ptrdiff_t r = 0; r < rows; r++)
				for (ptrdiff_t s = 0; s < cols; s++)
					tile[r * WIDTH + s] = a[(i + r) * lda + j + s];
			NAME(skinny_tile)(cols, rows, tile, 1, WIDTH, b + i * ldb, ldb, work + j * ldb);
		}
	}
	NAME(skinny_out)(n, w, alpha, work, ldb, beta, c, ldc);
}

#undef ROWS
#undef COLS
#undef MICRO
#undef PICK
#undef TILE
#undef DEPTH
#undef HEIGHT
#undef WIDTH
