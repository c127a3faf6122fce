/* Products of a tall matrix with small ones, a tile of rows at a time. What is
 * computed from a tile stays in the cache: the tall matrix is read from memory
 * once and nothing as tall is written but a result. Sums and the small
 * matrices are double whatever the type of the tall one. */

typedef double NAME(dvec) __attribute__((vector_size(VBYTES)));
typedef double NAME(udvec) __attribute__((vector_size(VBYTES), aligned(sizeof(double)), may_alias));
#define dvec NAME(dvec)
#define DLANES ((ptrdiff_t)(VBYTES / sizeof(double)))
#define dload(p) (*(const NAME(udvec) *)(p))
#define dstore(p, x) (*(NAME(udvec) *)(p) = (x))

/* Registers hold ROWS×COLS vectors of a product: 12 or 24 accumulators. */
#define ROWS 6
#if VBYTES == 64
#define COLS 4
#else
#define COLS 2
#endif

/* c (rows×cols vectors) = or += sum over l < k of a[i,l]*b[l,j], with
 * a[i,l] at a[i*ai + l*al]. The sum is formed before it is added: rounding
 * errors then grow with the rows of a tile and the number of tiles, not with
 * their product. */
#define MICRO(name, rows, cols)                                                \
	static inline void NAME(name)(ptrdiff_t k, const double *a, ptrdiff_t ai,  \
		ptrdiff_t al, const double *b, ptrdiff_t ldb, double *c, ptrdiff_t ldc, \
		int add)                                                               \
	{                                                                          \
		dvec s[rows][cols];                                                    \
		for (int i = 0; i < rows; i++)                                         \
			for (int j = 0; j < cols; j++)                                     \
				s[i][j] = (dvec){0};                                           \
		for (ptrdiff_t l = 0; l < k; l++, a += al, b += ldb) {                 \
			dvec y[cols];                                                      \
			for (int j = 0; j < cols; j++)                                     \
				y[j] = dload(b + j * DLANES);                                  \
			for (int i = 0; i < rows; i++) {                                   \
				dvec x = a[i * ai] - (dvec){0};                                \
				for (int j = 0; j < cols; j++)                                 \
					s[i][j] += x * y[j];                                       \
			}                                                                  \
		}                                                                      \
		for (int i = 0; i < rows; i++)                                         \
			for (int j = 0; j < cols; j++) {                                   \
				if (add)                                                       \
					s[i][j] += dload(c + i * ldc + j * DLANES);                \
				dstore(c + i * ldc + j * DLANES, s[i][j]);                     \
			}                                                                  \
	}

MICRO(micro_full, ROWS, COLS)
MICRO(micro_row, 1, COLS)
MICRO(micro_col, ROWS, 1)
MICRO(micro_one, 1, 1)

/* C (m×n) = A·B or C += A·B, n a multiple of DLANES. With triangle > 0, B is
 * upper triangular: only its first j+1 rows count for column j. With
 * triangle < 0 only columns j ≥ i of C are wanted. */
static void NAME(tile_product)(ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, const double *a,
	ptrdiff_t ai, ptrdiff_t al, const double *b, ptrdiff_t ldb, double *c, ptrdiff_t ldc,
	int add, int triangle)
{
	const ptrdiff_t wide = COLS * DLANES;
	for (ptrdiff_t j = 0; j < n;) {
		int full = n - j >= wide;
		ptrdiff_t w = full ? wide : DLANES;
		ptrdiff_t depth = triangle > 0 && j + w < k ? j + w : k;
		ptrdiff_t rows = triangle < 0 && j + w < m ? j + w : m;
		ptrdiff_t i = 0;
		for (; i + ROWS <= rows; i += ROWS)
			(full ? NAME(micro_full) : NAME(micro_col))(depth, a + i * ai, ai, al,
				b + j, ldb, c + i * ldc + j, ldc, add);
		for (; i < rows; i++)
			(full ? NAME(micro_row) : NAME(micro_one))(depth, a + i * ai, ai, al,
				b + j, ldb, c + i * ldc + j, ldc, add);
		j += w;
	}
}

/* Rows of a tile. */
#define TILE 96

/* Copies rows of A to a tile of doubles, zero between n and ld. */
static void NAME(widen)(ptrdiff_t rows, ptrdiff_t n, const REAL *a, ptrdiff_t lda, double *t, ptrdiff_t ld)
{
	for (ptrdiff_t i = 0; i < rows; i++, a += lda, t += ld) {
		ptrdiff_t j = 0;
		for (; j < n; j++)
			t[j] = a[j];
		for (; j < ld; j++)
			t[j] = 0;
	}
}

/* The doubles of workspace that tall_gram and tall_mul need: two tiles. */
#define WORK(ld) (2 * TILE * (ld))

/* G += (A·X)'(A·X), upper triangle; without x, G += A'A. ld, a multiple of 8,
 * is the leading dimension of g and x, whose rows are zero behind n. */
void NAME(tall_gram)(ptrdiff_t m, ptrdiff_t n, const REAL *a, ptrdiff_t lda,
	const double *x, double *g, ptrdiff_t ld, double *work)
{
	double *t = work, *p = work + TILE * ld;
	for (; m > 0; m -= TILE, a += TILE * lda) {
		ptrdiff_t rows = m < TILE ? m : TILE;
		const double *q = t;
		NAME(widen)(rows, n, a, lda, t, ld);
		if (x) {
			NAME(tile_product)(rows, ld, n, t, ld, 1, x, ld, p, ld, 0, 1);
			q = p;
		}
		NAME(tile_product)(n, ld, rows, q, 1, ld, q, ld, g, ld, 1, -1);
	}
}

/* U = (A·X)·Y, or A·Y without x; Y is n×k with leading dimension ldy, a
 * multiple of 8, zero behind k. */
void NAME(tall_mul)(ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, const REAL *a, ptrdiff_t lda,
	const double *x, ptrdiff_t ld, const double *y, ptrdiff_t ldy, REAL *u, ptrdiff_t ldu, double *work)
{
	double *t = work, *p = work + TILE * (ld > ldy ? ld : ldy);
	for (; m > 0; m -= TILE, a += TILE * lda) {
		ptrdiff_t rows = m < TILE ? m : TILE;
		double *q = t, *r = p;
		NAME(widen)(rows, n, a, lda, t, ld);
		if (x) {
			NAME(tile_product)(rows, ld, n, t, ld, 1, x, ld, p, ld, 0, 1);
			q = p, r = t;
		}
		NAME(tile_product)(rows, ldy, n, q, ld, 1, y, ldy, r, ldy, 0, 0);
		for (ptrdiff_t i = 0; i < rows; i++, u += ldu)
			for (ptrdiff_t j = 0; j < k; j++)
				u[j] = (REAL)r[i * ldy + j];
	}
}

#undef dvec
#undef DLANES
#undef dload
#undef dstore
#undef ROWS
#undef COLS
#undef MICRO
#undef TILE
#undef WORK
