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

/* Registers hold ROWS×COLS vectors of a product, 24 or 12 of them. */
#define COLS 3
#if VBYTES == 64
#define ROWS 8
#else
#define ROWS 4
#endif

/* What is to be read from memory next: the kernels fetch it while they
 * compute, a line for each step of a sum. */
typedef struct { const char *at, *end; } NAME(ahead);
#define LINE 64

/* c (rows×cols vectors) = or += sum over l < k of a[i,l]*b[l,j], with
 * a[i,l] at a[i*ai + l*al]. The sum is formed before it is added: rounding
 * errors then grow with the rows of a tile and the number of tiles, not with
 * their product. */
#define MICRO(name, rows, cols)                                                \
	static void NAME(name)(ptrdiff_t k, const double *a, ptrdiff_t ai,         \
		ptrdiff_t al, const double *b, ptrdiff_t ldb, double *c, ptrdiff_t ldc, \
		int add, const char *next)                                             \
	{                                                                          \
		dvec s[rows][cols];                                                    \
		for (int i = 0; i < rows; i++)                                         \
			for (int j = 0; j < cols; j++)                                     \
				s[i][j] = (dvec){0};                                           \
		for (ptrdiff_t l = 0; l < k; l++, a += al, b += ldb, next += LINE) {   \
			__builtin_prefetch(next, 0, 2);                                    \
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

MICRO(micro_3, ROWS, 3)
MICRO(micro_2, ROWS, 2)
MICRO(micro_1, ROWS, 1)
MICRO(row_3, 1, 3)
MICRO(row_2, 1, 2)
MICRO(row_1, 1, 1)

/* cols vectors of the rows of C: whole blocks of ROWS, then single ones. */
static void NAME(tile_strip)(ptrdiff_t rows, int cols, ptrdiff_t k, const double *a,
	ptrdiff_t ai, ptrdiff_t al, const double *b, ptrdiff_t ldb, double *c, ptrdiff_t ldc,
	int add, NAME(ahead) *next)
{
	for (ptrdiff_t i = 0; i < rows;) {
		if (i + ROWS <= rows) {
			(cols == 3 ? NAME(micro_3) : cols == 2 ? NAME(micro_2) : NAME(micro_1))
				(k, a + i * ai, ai, al, b, ldb, c + i * ldc, ldc, add, next->at);
			i += ROWS;
		} else {
			(cols == 3 ? NAME(row_3) : cols == 2 ? NAME(row_2) : NAME(row_1))
				(k, a + i * ai, ai, al, b, ldb, c + i * ldc, ldc, add, next->at);
			i++;
		}
		if (next->at < next->end)
			next->at += LINE * k;
	}
}

/* C (m×n) = A·B, n a multiple of DLANES. With triangle, B is upper triangular:
 * only its first j+1 rows count for column j. */
static void NAME(tile_product)(ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, const double *a,
	ptrdiff_t lda, const double *b, ptrdiff_t ldb, double *c, ptrdiff_t ldc, int triangle,
	NAME(ahead) *next)
{
	for (ptrdiff_t j = 0; j < n;) {
		ptrdiff_t left = (n - j) / DLANES;
		int cols = left == 4 ? 2 : left > COLS ? COLS : (int)left;
		ptrdiff_t end = j + cols * DLANES;
		NAME(tile_strip)(m, cols, triangle && end < k ? end : k, a, lda, 1, b + j, ldb, c + j, ldc, 0, next);
		j = end;
	}
}

/* Adds to the blocks of C (n×n) on and above the diagonal those of A'A, A with
 * k rows and ld ≥ n columns, zero behind n. */
static void NAME(tile_gram)(ptrdiff_t k, ptrdiff_t n, const double *a, ptrdiff_t ld, double *c,
	NAME(ahead) *next)
{
	for (ptrdiff_t j = 0; j < ld;) {
		ptrdiff_t left = (ld - j) / DLANES;
		int cols = left == 4 ? 2 : left > COLS ? COLS : (int)left;
		ptrdiff_t end = j + cols * DLANES, high = j < n ? j : n;
		NAME(tile_strip)(high, cols, k, a, 1, ld, a + j, ld, c + j, ld, 1, next);
		/* The diagonal: rows of DLANES, each with the vectors from its own on. */
		for (ptrdiff_t i = j; i < end; i += DLANES)
			NAME(tile_strip)(n - i < DLANES ? n - i : DLANES, (int)((end - i) / DLANES), k,
				a + i, 1, ld, a + i, ld, c + i * ld + i, ld, 1, next);
		j = end;
	}
}

/* Rows of a tile. */
#define TILE 96

/* The tile behind the one at a. */
static NAME(ahead) NAME(behind)(const REAL *a, ptrdiff_t lda)
{
	const char *next = (const char *)(a + TILE * lda);
	return (NAME(ahead)){next, next + TILE * lda * (ptrdiff_t)sizeof(REAL)};
}

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

/* G += (A·X)'(A·X), upper triangle; without x, G += A'A. ld, a multiple of 8,
 * is the leading dimension of g and x, whose rows are zero behind n. work has
 * room for two tiles. */
void NAME(tall_gram)(ptrdiff_t m, ptrdiff_t n, const REAL *a, ptrdiff_t lda,
	const double *x, double *g, ptrdiff_t ld, double *work)
{
	double *t = work, *p = work + TILE * ld;
	for (; m > 0; m -= TILE, a += TILE * lda) {
		ptrdiff_t rows = m < TILE ? m : TILE;
		const double *q = t;
		NAME(ahead) next = NAME(behind)(a, lda);
		NAME(widen)(rows, n, a, lda, t, ld);
		if (x) {
			NAME(tile_product)(rows, ld, n, t, ld, x, ld, p, ld, 1, &next);
			q = p;
		}
		NAME(tile_gram)(rows, n, q, ld, g, &next);
	}
}

/* Stores a tile as rows of U and replaces it by what was stored. A result that
 * does not fit the cache is written past it: nothing reads it soon, and lines
 * need not be fetched first. */
static void NAME(narrow)(ptrdiff_t rows, ptrdiff_t k, double *r, ptrdiff_t ld, REAL *u, ptrdiff_t ldu)
{
#if DOUBLE && VBYTES == 64
	if (k % 8 == 0 && ldu % 8 == 0 && (uintptr_t)u % 64 == 0) {
		for (ptrdiff_t i = 0; i < rows; i++, r += ld, u += ldu)
			for (ptrdiff_t j = 0; j < k; j += 8)
				_mm512_stream_pd(u + j, (__m512d)dload(r + j));
		return;
	}
#elif DOUBLE && VBYTES == 32
	if (k % 4 == 0 && ldu % 4 == 0 && (uintptr_t)u % 32 == 0) {
		for (ptrdiff_t i = 0; i < rows; i++, r += ld, u += ldu)
			for (ptrdiff_t j = 0; j < k; j += 4)
				_mm256_stream_pd(u + j, (__m256d)dload(r + j));
		return;
	}
#elif !DOUBLE && VBYTES == 64
	if (k % 8 == 0 && ldu % 8 == 0 && (uintptr_t)u % 32 == 0) {
		for (ptrdiff_t i = 0; i < rows; i++, r += ld, u += ldu)
			for (ptrdiff_t j = 0; j < k; j += 8) {
				__m256 x = _mm512_cvtpd_ps((__m512d)dload(r + j));
				_mm256_stream_ps(u + j, x);
				dstore(r + j, (dvec)_mm512_cvtps_pd(x));
			}
		return;
	}
#endif
	for (ptrdiff_t i = 0; i < rows; i++, r += ld, u += ldu)
		for (ptrdiff_t j = 0; j < k; j++) {
			u[j] = (REAL)r[j];
			r[j] = u[j];
		}
}

/* Columns of w and z below. */
#define PROBES 8

/* U = (A·X)·Y, or A·Y without x; Y is n×k with leading dimension ldy, a
 * multiple of 8, zero behind k. With g (k×k, leading dimension ldy), what is
 * stored of U is checked: G += U'U, upper triangle, and s gets the sums of
 * squares of the columns of A·W - U·Z added, W n×8 and Z k×8. work has room
 * for three tiles. */
void NAME(tall_mul)(ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, const REAL *a, ptrdiff_t lda,
	const double *x, ptrdiff_t ld, const double *y, ptrdiff_t ldy, REAL *u, ptrdiff_t ldu,
	double *g, const double *w, const double *z, double *s, double *work)
{
	const ptrdiff_t tile = TILE * (ld > ldy ? ld : ldy);
	double *t = work, *p = work + tile, *r = p + tile;
	for (; m > 0; m -= TILE, a += TILE * lda, u += TILE * ldu) {
		ptrdiff_t rows = m < TILE ? m : TILE;
		double *q = t;
		NAME(ahead) next = NAME(behind)(a, lda);
		NAME(widen)(rows, n, a, lda, t, ld);
		if (x) {
			NAME(tile_product)(rows, ld, n, t, ld, x, ld, p, ld, 1, &next);
			q = p;
		}
		NAME(tile_product)(rows, ldy, n, q, ld, y, ldy, r, ldy, 0, &next);
		NAME(narrow)(rows, k, r, ldy, u, ldu);
		if (!g)
			continue;
		NAME(tile_gram)(rows, k, r, ldy, g, &next);
		/* The tiles of A·X, then of A take the products with W and Z. */
		double *aw = p, *uz = t;
		NAME(tile_product)(rows, PROBES, n, t, ld, w, PROBES, aw, PROBES, 0, &next);
		NAME(tile_product)(rows, PROBES, k, r, ldy, z, PROBES, uz, PROBES, 0, &next);
		double sum[PROBES] = {0};
		for (ptrdiff_t i = 0; i < PROBES * rows; i += PROBES)
			for (int j = 0; j < PROBES; j++) {
				double d = aw[i + j] - uz[i + j];
				sum[j] += d * d;
			}
		for (int j = 0; j < PROBES; j++)
			s[j] += sum[j];
	}
#ifdef __x86_64__
	_mm_sfence();
#endif
}

#undef dvec
#undef DLANES
#undef dload
#undef dstore
#undef ROWS
#undef COLS
#undef MICRO
#undef LINE
#undef TILE
#undef PROBES
