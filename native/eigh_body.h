/* Eigendecompositions of many small symmetric matrices by Householder
 * tridiagonalization and implicit QL steps. A vector holds the same element of
 * LANES matrices, as in jacobi_body.h: element (i,j) of a group of n×n
 * matrices is the vector at p + (j*n + i)*LANES. Lanes never mix: every lane
 * has an unreduced block of its own that it works on, and one that is done is
 * left as it is. */

#if DOUBLE
#define UNIT 0x1p-53   /* rounding unit */
#define TINY 0x1p-800  /* squares below count as zero; entries are up to 2 */
#define RANGE 0x1p500
#else
#define UNIT 0x1p-24f
#define TINY 0x1p-100f
#define RANGE 0x1p60f
#endif

/* The statuses of package native. */
#define STATUS_OK 0
#define STATUS_NOT_FINITE 1
#define STATUS_NOT_CONVERGED 2
#define STATUS_NOT_SYMMETRIC 3

#define AT(p, ld, i, j) ((p) + ((j) * (ld) + (i)) * LANES)

/* size elements of each of the matrices at a, which are size apart, to as many
 * vectors at b; zeros in lanes without a matrix. */
static void NAME(gather_lanes)(ptrdiff_t lanes, ptrdiff_t size, const REAL *a, REAL *b)
{
#if VBYTES == 64
	for (ptrdiff_t at = 0; at < size; at += LANES) {
		NAME(block) r;
#pragma GCC unroll 16
		for (ptrdiff_t l = 0; l < LANES; l++)
			if (l < lanes)
#if DOUBLE
				r[l] = _mm512_maskz_loadu_pd(NAME(first)(size - at), a + l * size + at);
			else
				r[l] = _mm512_setzero_pd();
#else
				r[l] = _mm512_maskz_loadu_epi32(NAME(first)(size - at), a + l * size + at);
			else
				r[l] = _mm512_setzero_si512();
#endif
		NAME(transpose)(r);
#pragma GCC unroll 16
		for (ptrdiff_t l = 0; l < LANES; l++)
			if (at + l < size)
				store(b + (at + l) * LANES, (vec)r[l]);
	}
#else
	for (ptrdiff_t at = 0; at < size; at++) {
		vec x = {0};
		if (lanes == LANES) /* unrolled */
			for (ptrdiff_t l = 0; l < LANES; l++)
				x[l] = a[l * size + at];
		else
			for (ptrdiff_t l = 0; l < lanes; l++)
				x[l] = a[l * size + at];
		store(b + at * LANES, x);
	}
#endif
}

/* The column x of n vectors as the row place[l] of the matrix of lane l, the
 * matrices being n×n at out. */
static void NAME(scatter_lanes)(ptrdiff_t lanes, ptrdiff_t n, const REAL *x, const INT *place, REAL *out)
{
#if VBYTES == 64
	for (ptrdiff_t at = 0; at < n; at += LANES) {
		NAME(block) r;
#pragma GCC unroll 16
		for (ptrdiff_t l = 0; l < LANES; l++)
			r[l] = (__typeof__(r[l]))(at + l < n ? load(x + (at + l) * LANES) : (vec){0});
		NAME(transpose)(r);
#pragma GCC unroll 16
		for (ptrdiff_t l = 0; l < LANES; l++)
			if (l < lanes)
#if DOUBLE
				_mm512_mask_storeu_pd(out + (l * n + place[l]) * n + at, NAME(first)(n - at), r[l]);
#else
				_mm512_mask_storeu_epi32(out + (l * n + place[l]) * n + at, NAME(first)(n - at), r[l]);
#endif
	}
#else
	for (ptrdiff_t l = 0; l < lanes; l++) {
		REAL *row = out + (l * n + place[l]) * n;
		for (ptrdiff_t i = 0; i < n; i++)
			row[i] = x[i * LANES + l];
	}
#endif
}

/* Brings the largest entry of each lane of f (n×n) between 1 and 2 by two
 * powers of two, which back and back2 undo, and takes the mean of each lane and
 * its transpose, of which the lower triangle is stored. Lanes that hold a NaN
 * or an infinity, bad, and those that are not symmetric become zero. */
static void NAME(symmetrize)(ptrdiff_t n, REAL *f, ivec *bad, ivec *skew, vec *back, vec *back2)
{
	const vec range = set(RANGE), half = set((REAL)0.5);
	vec largest = {0}, nothing = {0}, worst = {0};
	for (ptrdiff_t i = 0; i < n * n; i++) {
		vec x = load(f + i * LANES);
		nothing += x - x; /* 0, and NaN from a NaN or an infinity on */
		largest = NAME(vmax)(NAME(vabs)(x), largest);
	}
	*bad = nothing != (vec){0};
	/* The first factor makes the largest entry a normal number, of which
	 * the second brings the exponent to 0. */
	ivec none = (largest == (vec){0}) | *bad;
	vec first = select(largest > range, 1 / range, select(largest < 1 / range, range, set(1)));
	first = select(none, set(1), first);
	ivec exponent = (ivec)(largest * first) >> MANTISSA;
	vec second = select(none, set(1), (vec)((2 * BIAS - exponent) << MANTISSA));
	*back = 1 / second;
	*back2 = 1 / first;
	largest = largest * first * second;
	for (ptrdiff_t j = 0; j < n; j++)
		for (ptrdiff_t i = j; i < n; i++) {
			vec x = load(AT(f, n, i, j)) * first * second, y = load(AT(f, n, j, i)) * first * second;
			store(AT(f, n, i, j), half * x + half * y);
			worst = NAME(vmax)(NAME(vabs)(x - y), worst);
		}
	*skew = ~*bad & (worst > 4 * n * UNIT * largest);
	ivec wrong = *bad | *skew;
	if (NAME(any)(wrong))
		for (ptrdiff_t i = 0; i < n * n; i++)
			store(f + i * LANES, select(wrong, (vec){0}, load(f + i * LANES)));
}

/* Makes the first column x of what is left to reduce (m+1 rows, the diagonal
 * first) that of a tridiagonal matrix: the element below the diagonal goes to
 * e, the vector of the reflection I - tau*v*v', v[0] = 1, to where x was. A
 * column that counts as zero further below is not reflected. */
static vec NAME(reflect_below)(ptrdiff_t m, REAL *x, REAL *e)
{
	REAL *v = x + LANES;
	vec head = load(v), below = NAME(dot)(m - 1, v + LANES, v + LANES);
	ivec some = below > set(TINY);
	vec beta = -NAME(vsign)(NAME(vsqrt)(head * head + below), head);
	vec tau = select(some, (beta - head) / beta, (vec){0});
	vec inv = select(some, 1 / (head - beta), (vec){0});
	store(e, select(some, beta, head));
	store(v, set(1));
	for (ptrdiff_t i = 1; i < m; i++)
		store(v + i * LANES, load(v + i * LANES) * inv);
	return tau;
}

/* s -= v*w' + w*v' on and below the diagonal of the columns from j on of s,
 * of which there are m with leading dimension ld, and p += s*u of what comes
 * out, u and p beginning with column j. */
static void NAME(update_multiply)(ptrdiff_t m, ptrdiff_t j, ptrdiff_t ld, REAL *s, const REAL *v, const REAL *w,
	const REAL *u, REAL *p)
{
	u -= j * LANES;
	p -= j * LANES;
	for (; j + 1 < m; j += 2) {
		REAL *s0 = AT(s, ld, 0, j), *s1 = s0 + ld * LANES;
		const vec v0 = load(v + j * LANES), w0 = load(w + j * LANES), u0 = load(u + j * LANES);
		const vec v1 = load(v + (j + 1) * LANES), w1 = load(w + (j + 1) * LANES), u1 = load(u + (j + 1) * LANES);
		vec a = load(s0 + j * LANES) - 2 * v0 * w0;
		vec b = load(s0 + (j + 1) * LANES) - v1 * w0 - w1 * v0;
		vec c = load(s1 + (j + 1) * LANES) - 2 * v1 * w1;
		store(s0 + j * LANES, a);
		store(s0 + (j + 1) * LANES, b);
		store(s1 + (j + 1) * LANES, c);
		vec p0 = a * u0 + b * u1, p1 = b * u0 + c * u1;
		for (ptrdiff_t i = j + 2; i < m; i++) {
			vec vi = load(v + i * LANES), wi = load(w + i * LANES), ui = load(u + i * LANES);
			vec x = load(s0 + i * LANES) - vi * w0 - wi * v0;
			vec y = load(s1 + i * LANES) - vi * w1 - wi * v1;
			store(s0 + i * LANES, x);
			store(s1 + i * LANES, y);
			p0 += x * ui;
			p1 += y * ui;
			store(p + i * LANES, load(p + i * LANES) + x * u0 + y * u1);
		}
		store(p + j * LANES, load(p + j * LANES) + p0);
		store(p + (j + 1) * LANES, load(p + (j + 1) * LANES) + p1);
	}
	if (j < m) {
		vec a = load(AT(s, ld, j, j)) - 2 * load(v + j * LANES) * load(w + j * LANES);
		store(AT(s, ld, j, j), a);
		store(p + j * LANES, load(p + j * LANES) + a * load(u + j * LANES));
	}
}

/* The lower triangle of s (n×n) = Q*T*Q', T with the diagonal d and e below it
 * (e[n-1] = 0). s gets the vectors of the reflections below its diagonal, tau
 * their factors. A reflection is applied together with the product that the
 * next one needs: s is read and written once for each. Scratch: 4n vectors. */
static void NAME(tridiagonalize)(ptrdiff_t n, REAL *s, REAL *d, REAL *e, REAL *tau, REAL *scratch)
{
	REAL *p = scratch, *w = p + n * LANES, *zero = w + n * LANES;
	const REAL *v = zero;
	for (ptrdiff_t i = 0; i < n; i++) {
		store(w + i * LANES, (vec){0});
		store(zero + i * LANES, (vec){0});
	}
	for (ptrdiff_t k = 0; k < n; k++) {
		/* v and w of the reflection before belong to the rows from k on. */
		REAL *x = AT(s, n, k, k);
		const ptrdiff_t m = n - k - 1;
		vec v0 = load(v), w0 = load(w);
		for (ptrdiff_t i = 0; i <= m; i++)
			store(x + i * LANES, load(x + i * LANES) - load(v + i * LANES) * w0 - load(w + i * LANES) * v0);
		store(d + k * LANES, load(x));
		if (m < 1) {
			store(e + k * LANES, (vec){0});
			store(tau + k * LANES, (vec){0});
			break;
		}
		vec t = NAME(reflect_below)(m, x, e + k * LANES);
		store(tau + k * LANES, t);
		for (ptrdiff_t i = 0; i < m; i++)
			store(p + i * LANES, (vec){0});
		NAME(update_multiply)(m + 1, 1, n, x, v, w, x + LANES, p);
		v = x + LANES;
		vec g = t * t * NAME(dot)(m, p, v) * (REAL)0.5;
		for (ptrdiff_t i = 0; i < m; i++)
			store(w + i * LANES, t * load(p + i * LANES) - g * load(v + i * LANES));
	}
}

/* z = Q of tridiagonalize. */
static void NAME(form_reflections)(ptrdiff_t n, const REAL *s, const REAL *tau, REAL *z)
{
	for (ptrdiff_t i = 0; i < n * n; i++)
		store(z + i * LANES, set(i % (n + 1) == 0));
	for (ptrdiff_t k = n - 3; k >= 0; k--) {
		const REAL *v = AT(s, n, k + 1, k);
		const ptrdiff_t m = n - k - 1;
		const vec t = load(tau + k * LANES);
		REAL *x = AT(z, n, k + 1, k + 1);
		store(x, 1 - t);
		for (ptrdiff_t i = 1; i < m; i++)
			store(x + i * LANES, -t * load(v + i * LANES));
		ptrdiff_t c = 1;
		for (; c + 1 < m; c += 2) { /* whose first elements are 0 */
			REAL *y0 = x + c * n * LANES, *y1 = y0 + n * LANES;
			vec g0 = {0}, g1 = {0}, h0 = {0}, h1 = {0};
			ptrdiff_t i = 1;
			for (; i + 1 < m; i += 2) {
				vec a = load(v + i * LANES), b = load(v + (i + 1) * LANES);
				g0 += a * load(y0 + i * LANES);
				g1 += a * load(y1 + i * LANES);
				h0 += b * load(y0 + (i + 1) * LANES);
				h1 += b * load(y1 + (i + 1) * LANES);
			}
			if (i < m) {
				g0 += load(v + i * LANES) * load(y0 + i * LANES);
				g1 += load(v + i * LANES) * load(y1 + i * LANES);
			}
			g0 = t * (g0 + h0);
			g1 = t * (g1 + h1);
			store(y0, -g0);
			store(y1, -g1);
			for (i = 1; i < m; i++) {
				vec a = load(v + i * LANES);
				store(y0 + i * LANES, load(y0 + i * LANES) - g0 * a);
				store(y1 + i * LANES, load(y1 + i * LANES) - g1 * a);
			}
		}
		if (c < m) {
			REAL *y = x + c * n * LANES;
			vec g = t * NAME(dot)(m - 1, v + LANES, y + LANES);
			store(y, -g);
			for (ptrdiff_t i = 1; i < m; i++)
				store(y + i * LANES, load(y + i * LANES) - g * load(v + i * LANES));
		}
	}
}

/* The first unreduced block of each lane: rows lo to hi of the tridiagonal
 * matrix, and what the shift needs of it. */
typedef struct {
	ivec some, lo, hi;
	vec d0, d1, e0, last; /* d[lo], d[lo+1], e[lo], d[hi] */
} NAME(unreduced);

/* Sets to zero what counts as zero below the diagonal from row *from on, which
 * moves to the first row with something left in any lane. */
static NAME(unreduced) NAME(next_block)(ptrdiff_t n, ptrdiff_t *from, const REAL *d, REAL *e)
{
	NAME(unreduced) b = {.e0 = set(1)};
	ivec closed = {0};
	ptrdiff_t first = n;
	vec di = load(d + *from * LANES);
	for (ptrdiff_t i = *from; i + 1 < n; i++) {
		vec x = load(e + i * LANES), next = load(d + (i + 1) * LANES), square = x * x;
		/* As in LAPACK's steqr: relative to the diagonal, so that graded
		 * matrices keep their small eigenvalues. */
		ivec small = square <= UNIT * UNIT * NAME(vabs)(di * next) + set(TINY);
		store(e + i * LANES, select(small, (vec){0}, x));
		ivec start = ~small & ~b.some;
		b.lo = (start & (ivec){0} + (INT)i) | (~start & b.lo);
		b.d0 = select(start, di, b.d0);
		b.d1 = select(start, next, b.d1);
		b.e0 = select(start, x, b.e0);
		b.some |= start;
		closed |= b.some & small;
		ivec open = b.some & ~closed;
		b.hi = (open & (ivec){0} + (INT)(i + 1)) | (~open & b.hi);
		b.last = select(open, next, b.last);
		if (first == n && NAME(any)(b.some))
			first = i;
		di = next;
	}
	*from = first;
	return b;
}

/* x, y = c*x - s*y, s*x + c*y */
static inline void NAME(rotate_columns)(ptrdiff_t n, vec c, vec s, REAL *x, REAL *y)
{
	for (ptrdiff_t i = 0; i < n; i++) {
		vec a = load(x + i * LANES), b = load(y + i * LANES);
		store(x + i * LANES, c * a - s * b);
		store(y + i * LANES, s * a + c * b);
	}
}

/* One implicit QL step with Wilkinson's shift on the block of each lane (d, e
 * as in tridiagonalize), applied to the columns of z (n×n) if it is there. */
static void NAME(ql_step)(ptrdiff_t n, ptrdiff_t from, const NAME(unreduced) *b, REAL *d, REAL *e, REAL *z)
{
	ptrdiff_t end = from + 1; /* the last row of all blocks */
	while (NAME(any)(b->hi > (ivec){0} + (INT)end))
		end++;
	vec shift = (b->d1 - b->d0) / (2 * b->e0);
	shift = b->e0 / (shift + NAME(vsign)(NAME(vsqrt)(shift * shift + 1), shift));
	vec g = b->last - b->d0 + shift, s = set(1), c = s, p = {0}, next = load(d + end * LANES);
	for (ptrdiff_t i = end - 1; i >= from; i--) {
		const ivec at = (ivec){0} + (INT)i;
		const ivec on = b->some & (b->lo <= at) & (b->hi > at);
		vec x = load(e + i * LANES), di = load(d + i * LANES);
		vec f = s * x, h = c * x, square = f * f + g * g;
		/* Where both count as zero nothing is turned. */
		ivec turn = on & (square > set(TINY));
		vec r = NAME(vsqrt)(square), inv = 1 / r;
		vec sn = select(turn, f * inv, (vec){0}), cs = select(turn, g * inv, set(1));
		r = select(turn, r, g);
		ivec inside = on & (b->hi > at + 1);
		store(e + (i + 1) * LANES, select(inside, r, load(e + (i + 1) * LANES)));
		vec rest = next - p, t = (di - rest) * sn + 2 * cs * h;
		vec q = sn * t;
		store(d + (i + 1) * LANES, select(on, rest + q, next));
		vec bulge = cs * t - h;
		s = select(on, sn, s);
		c = select(on, cs, c);
		p = select(on, q, p);
		g = select(on, bulge, g);
		ivec last = on & (b->lo == at);
		next = select(last, di - p, di);
		store(d + i * LANES, next);
		store(e + i * LANES, select(last, g, x));
		if (z)
			NAME(rotate_columns)(n, cs, sn, AT(z, n, 0, i), AT(z, n, 0, i + 1));
	}
}

/* Makes e zero. Returns the lanes that did not converge. */
static ivec NAME(ql)(ptrdiff_t n, REAL *d, REAL *e, REAL *z)
{
	ptrdiff_t from = 0;
	NAME(unreduced) b = {0};
	for (ptrdiff_t step = 0; step <= 30 * n && n > 1; step++) {
		b = NAME(next_block)(n, &from, d, e);
		if (!NAME(any)(b.some))
			break;
		NAME(ql_step)(n, from, &b, d, e, z);
	}
	return b.some;
}

/* place[j*LANES + l] = the place of the key number j of lane l in ascending
 * order; equal keys stay in order. */
static void NAME(places)(ptrdiff_t n, const REAL *key, INT *place)
{
	for (ptrdiff_t j = 0; j < n; j++) {
		vec x = load(key + j * LANES);
		ivec r = {0}; /* minus the number of keys before j */
		for (ptrdiff_t k = 0; k < j; k++)
			r += load(key + k * LANES) <= x;
		for (ptrdiff_t k = j + 1; k < n; k++)
			r += load(key + k * LANES) < x;
		*(ivec *)(place + j * LANES) = -r;
	}
}

/* Turns the columns of z (n×n) so that their entry of largest magnitude is
 * positive. */
static void NAME(turn_columns)(ptrdiff_t n, REAL *z)
{
	for (ptrdiff_t j = 0; j < n; j++, z += n * LANES) {
		vec high = load(z), low = high;
		for (ptrdiff_t i = 1; i < n; i++) {
			vec x = load(z + i * LANES);
			high = NAME(vmax)(x, high);
			low = NAME(vmin)(x, low);
		}
		ivec flip = (-low > high) & (ivec)set((REAL)-0.0);
		/* + 0 turns -0, whose sign depends on the neighbours, into 0. */
		for (ptrdiff_t i = 0; i < n; i++)
			store(z + i * LANES, (vec)((ivec)load(z + i * LANES) ^ flip) + 0);
	}
}

/* ||A - Z*diag(d)*Z'||_F, A being the lower triangle a, and the squares of the
 * norm of A. Scratch: n vectors. */
static vec NAME(eigen_residual)(ptrdiff_t n, const REAL *a, const REAL *z, const REAL *d, REAL *scratch, vec *whole)
{
	vec diagonal = {0}, below = {0}, on = {0}, off = {0};
	for (ptrdiff_t j = 0; j < n; j++) {
		vec s = {0};
		for (ptrdiff_t k = 0; k < n; k++) {
			vec x = load(AT(z, n, j, k)), y = x * load(d + k * LANES);
			store(scratch + k * LANES, y);
			s += x * y;
		}
		const REAL *x = AT(a, n, 0, j);
		vec e = load(x + j * LANES);
		on += e * e;
		e -= s;
		diagonal += e * e;
		ptrdiff_t i = j + 1;
#define ROWS(R)                                                                \
	for (; i + R <= n; i += R) {                                               \
		vec r[R];                                                              \
		for (int q = 0; q < R; q++) {                                          \
			r[q] = load(x + (i + q) * LANES);                                  \
			off += r[q] * r[q];                                                \
		}                                                                      \
		for (ptrdiff_t k = 0; k < n; k++) {                                    \
			vec y = load(scratch + k * LANES);                                 \
			for (int q = 0; q < R; q++)                                        \
				r[q] -= load(AT(z, n, i + q, k)) * y;                          \
		}                                                                      \
		for (int q = 0; q < R; q++)                                            \
			below += r[q] * r[q];                                              \
	}
		ROWS(8)
		ROWS(4)
		ROWS(1)
	}
	*whole = on + 2 * off;
	return NAME(vsqrt)(diagonal + 2 * below);
}

/* ||Z'Z - I||_F */
static vec NAME(eigen_orthogonality)(ptrdiff_t n, const REAL *z)
{
	vec diagonal = {0}, off = {0};
	for (ptrdiff_t j = 0; j < n; j++) {
		const REAL *x = AT(z, n, 0, j);
		vec s = NAME(dot)(n, x, x) - 1;
		diagonal += s * s;
		ptrdiff_t i = j + 1;
#define COLUMNS(C)                                                             \
	for (; i + C <= n; i += C) {                                               \
		vec g[C];                                                              \
		for (int q = 0; q < C; q++)                                            \
			g[q] = (vec){0};                                                   \
		for (ptrdiff_t k = 0; k < n; k++) {                                    \
			vec y = load(x + k * LANES);                                       \
			for (int q = 0; q < C; q++)                                        \
				g[q] += load(AT(z, n, k, i + q)) * y;                          \
		}                                                                      \
		for (int q = 0; q < C; q++)                                            \
			off += g[q] * g[q];                                                \
	}
		COLUMNS(8)
		COLUMNS(4)
		COLUMNS(1)
	}
	return NAME(vsqrt)(diagonal + 2 * off);
}

/* The eigendecompositions A = Z*diag(w)*Z' of count symmetric matrices (n×n,
 * one behind the other): w ascending, the rows of vt are the
 * columns of Z; vt = 0 leaves them out. checks gets four numbers for each
 * matrix: the residual relative to the norm of A and the loss of orthogonality
 * (Frobenius norms; NaN without vectors), the norm of A relative to the largest
 * magnitude in w (0 for A = 0), and the status. A matrix that is not finite or
 * not symmetric gives NaN everywhere. work holds 3*n*n + 8*n + 1 vectors. */
void NAME(eigh_batch)(ptrdiff_t count, ptrdiff_t n, const REAL *a, REAL *w, REAL *vt, REAL *checks, REAL *work)
{
	const REAL nan = __builtin_nan("");
	REAL *f = (REAL *)(((uintptr_t)work + VBYTES - 1) & ~(uintptr_t)(VBYTES - 1));
	REAL *s = f + n * n * LANES, *z = s + n * n * LANES, *d = z + n * n * LANES, *e = d + n * LANES;
	REAL *tau = e + n * LANES, *scratch = tau + n * LANES;
	INT *place = (INT *)(scratch + 4 * n * LANES);
	for (ptrdiff_t at = 0; at < count; at += LANES) {
		ptrdiff_t lanes = count - at < LANES ? count - at : LANES;
		vec back, back2, whole = {0};
		ivec bad, skew;
		NAME(gather_lanes)(lanes, n * n, a + at * n * n, f);
		NAME(symmetrize)(n, f, &bad, &skew, &back, &back2);
		for (ptrdiff_t i = 0; i < n * n; i++)
			store(s + i * LANES, load(f + i * LANES));
		NAME(tridiagonalize)(n, s, d, e, tau, scratch);
		if (vt)
			NAME(form_reflections)(n, s, tau, z);
		ivec active = NAME(ql)(n, d, e, vt ? z : 0);
		vec residual = set(nan), loss = residual, largest = {0};
		for (ptrdiff_t j = 0; j < n; j++)
			largest = NAME(vmax)(NAME(vabs)(load(d + j * LANES)), largest);
		if (vt) {
			residual = NAME(eigen_residual)(n, f, z, d, scratch, &whole);
			loss = NAME(eigen_orthogonality)(n, z);
		}
		vec norm = NAME(vsqrt)(whole);
		residual = select(whole > (vec){0}, residual / norm, residual);
		norm = select(largest > (vec){0}, norm / largest, (vec){0});
		NAME(places)(n, d, place);
		if (vt) {
			NAME(turn_columns)(n, z);
			for (ptrdiff_t j = 0; j < n; j++)
				NAME(scatter_lanes)(lanes, n, AT(z, n, 0, j), place + j * LANES, vt + at * n * n);
		}
		for (ptrdiff_t j = 0; j < n; j++) {
			vec x = load(d + j * LANES) * back * back2 + 0;
			for (ptrdiff_t l = 0; l < lanes; l++)
				w[(at + l) * n + place[j * LANES + l]] = x[l];
		}
		for (ptrdiff_t l = 0; l < lanes; l++) {
			REAL *c = checks + 4 * (at + l);
			c[0] = residual[l];
			c[1] = loss[l];
			c[2] = norm[l];
			c[3] = active[l] ? STATUS_NOT_CONVERGED : STATUS_OK;
			if (!bad[l] && !skew[l])
				continue;
			c[0] = c[1] = c[2] = nan;
			c[3] = bad[l] ? STATUS_NOT_FINITE : STATUS_NOT_SYMMETRIC;
			for (ptrdiff_t i = 0; i < n; i++)
				w[(at + l) * n + i] = nan;
			for (ptrdiff_t i = 0; vt && i < n * n; i++)
				vt[(at + l) * n * n + i] = nan;
		}
	}
}

#undef UNIT
#undef TINY
#undef RANGE
#undef STATUS_OK
#undef STATUS_NOT_FINITE
#undef STATUS_NOT_CONVERGED
#undef STATUS_NOT_SYMMETRIC
#undef AT
#undef ROWS
#undef COLUMNS
