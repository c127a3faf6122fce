/* Singular value decompositions of many small matrices by one-sided Jacobi
 * rotations. A vector holds the same element of LANES matrices: element (i,j)
 * of a group of m×n matrices is the vector at p + (j*m + i)*LANES. Lanes never
 * mix, and a lane that has converged is left as it is, so that the result of a
 * matrix does not depend on its neighbours. */

#if DOUBLE
#define EPS 0x1p-52
#define TOP 200   /* exponent of the largest entry after scaling */
#define TINY 1.0  /* columns with a smaller square count as zero */
#define RANGE 0x1p500
#else
#define EPS 0x1p-23f
#define TOP 19
#define TINY 0x1p-42f
#define RANGE 0x1p60f
#endif
#define SWEEPS 30

#ifdef __x86_64__
#if VBYTES == 64 && DOUBLE
#define SQRT(x) _mm512_sqrt_pd((__m512d)(x))
#elif VBYTES == 64
#define SQRT(x) _mm512_sqrt_ps((__m512)(x))
#elif VBYTES == 32 && DOUBLE
#define SQRT(x) _mm256_sqrt_pd((__m256d)(x))
#elif VBYTES == 32
#define SQRT(x) _mm256_sqrt_ps((__m256)(x))
#elif DOUBLE
#define SQRT(x) _mm_sqrt_pd((__m128d)(x))
#else
#define SQRT(x) _mm_sqrt_ps((__m128)(x))
#endif
#endif

/* The statuses of package native. */
#define STATUS_OK 0
#define STATUS_NOT_FINITE 1
#define STATUS_NOT_CONVERGED 2

#define AT(p, ld, i, j) ((p) + ((j) * (ld) + (i)) * LANES)

/* The compiler makes calls of a loop over __builtin_sqrt. */
static inline vec NAME(vsqrt)(vec x)
{
#if defined(__x86_64__)
	return (vec)SQRT(x);
#else
	for (ptrdiff_t l = 0; l < LANES; l++)
		x[l] = DOUBLE ? __builtin_sqrt(x[l]) : __builtin_sqrtf(x[l]);
	return x;
#endif
}

static inline vec NAME(vabs)(vec x) { return (vec)((ivec)x & ~(ivec)set((REAL)-0.0)); }

/* |x| with the sign of y */
static inline vec NAME(vsign)(vec x, vec y)
{
	const ivec sign = (ivec)set((REAL)-0.0);
	return (vec)(((ivec)x & ~sign) | ((ivec)y & sign));
}

/* Whether a lane of a mask is set. The compiler takes the lanes one by one. */
static inline int NAME(any)(ivec mask)
{
#if !defined __x86_64__
	INT s = 0;
	for (ptrdiff_t l = 0; l < LANES; l++)
		s |= mask[l];
	return s != 0;
#elif VBYTES == 64
	return _mm512_test_epi32_mask((__m512i)mask, (__m512i)mask) != 0;
#elif VBYTES == 32
	return _mm256_movemask_ps((__m256)mask) != 0;
#else
	return _mm_movemask_ps((__m128)mask) != 0;
#endif
}

/* The order of the sums is that of rotate, to the bit. */
static vec NAME(dot)(ptrdiff_t m, const REAL *x, const REAL *y)
{
	vec s0 = {0}, s1 = {0}, s2 = {0}, s3 = {0};
	ptrdiff_t i = 0;
	for (; i + 4 <= m; i += 4, x += 4 * LANES, y += 4 * LANES) {
		s0 += load(x) * load(y);
		s1 += load(x + LANES) * load(y + LANES);
		s2 += load(x + 2 * LANES) * load(y + 2 * LANES);
		s3 += load(x + 3 * LANES) * load(y + 3 * LANES);
	}
	for (; i < m; i++, x += LANES, y += LANES)
		s0 += load(x) * load(y);
	return (s0 + s1) + (s2 + s3);
}

/* Rotates the columns x and y and returns the product of the new x and z.
 * Corrections of x and y instead of x*c - y*s leave them as they are for
 * s = 0 and round less for small angles (Rutishauser). */
static vec NAME(rotate)(ptrdiff_t m, vec s, vec tau, REAL *x, REAL *y, const REAL *z)
{
	vec s0 = {0}, s1 = {0}, s2 = {0}, s3 = {0};
	ptrdiff_t i = 0;
#define STEP(sum, k)                                                           \
	{                                                                          \
		vec a = load(x + (k) * LANES), b = load(y + (k) * LANES);              \
		vec c = a - s * (b + tau * a);                                         \
		store(x + (k) * LANES, c);                                             \
		store(y + (k) * LANES, b + s * (a - tau * b));                         \
		sum += c * load(z + (k) * LANES);                                      \
	}
	for (; i + 4 <= m; i += 4, x += 4 * LANES, y += 4 * LANES, z += 4 * LANES) {
		STEP(s0, 0)
		STEP(s1, 1)
		STEP(s2, 2)
		STEP(s3, 3)
	}
	for (; i < m; i++, x += LANES, y += LANES, z += LANES)
		STEP(s0, 0)
#undef STEP
	return (s0 + s1) + (s2 + s3);
}

/* Applies the rotations of the columns p and q, q = p+1, ..., n-1, to v, whose
 * rows are contiguous. Four elements of column p stay in registers. */
static void NAME(rotate_row)(ptrdiff_t n, ptrdiff_t p, const REAL *s, const REAL *tau, REAL *v)
{
	const ptrdiff_t row = n * LANES;
	ptrdiff_t i = 0;
	for (; i + 4 <= n; i += 4, v += 4 * row) {
		REAL *x = v + p * LANES;
		vec a0 = load(x), a1 = load(x + row), a2 = load(x + 2 * row), a3 = load(x + 3 * row);
		for (ptrdiff_t q = p + 1; q < n; q++) {
			REAL *y = v + q * LANES;
			vec sq = load(s + q * LANES), tq = load(tau + q * LANES);
			vec b0 = load(y), b1 = load(y + row), b2 = load(y + 2 * row), b3 = load(y + 3 * row);
			store(y, b0 + sq * (a0 - tq * b0));
			store(y + row, b1 + sq * (a1 - tq * b1));
			store(y + 2 * row, b2 + sq * (a2 - tq * b2));
			store(y + 3 * row, b3 + sq * (a3 - tq * b3));
			a0 = a0 - sq * (b0 + tq * a0);
			a1 = a1 - sq * (b1 + tq * a1);
			a2 = a2 - sq * (b2 + tq * a2);
			a3 = a3 - sq * (b3 + tq * a3);
		}
		store(x, a0);
		store(x + row, a1);
		store(x + 2 * row, a2);
		store(x + 3 * row, a3);
	}
	for (; i < n; i++, v += row) {
		vec a = load(v + p * LANES);
		for (ptrdiff_t q = p + 1; q < n; q++) {
			REAL *y = v + q * LANES;
			vec sq = load(s + q * LANES), tq = load(tau + q * LANES), b = load(y);
			store(y, b + sq * (a - tq * b));
			a = a - sq * (b + tq * a);
		}
		store(v + p * LANES, a);
	}
}

/* Makes the n columns of x (m×n) orthogonal and applies the same rotations to
 * the columns of v (n×n, its rows contiguous), if it is there. Returns the
 * lanes that still rotated in the last sweep. Scratch: 3n vectors. */
static ivec NAME(jacobi)(ptrdiff_t m, ptrdiff_t n, REAL *x, REAL *v, REAL *scratch)
{
	REAL *square = scratch, *sine = square + n * LANES, *tau = sine + n * LANES;
	const REAL tol = EPS * (2 + __builtin_sqrt((double)m));
	const vec tol2 = set(tol * tol), tiny = set(TINY);
	ivec active = {0};
	for (int sweep = 0; sweep < SWEEPS; sweep++) {
		active = (ivec){0};
		for (ptrdiff_t j = 0; j < n; j++)
			store(square + j * LANES, NAME(dot)(m, AT(x, m, 0, j), AT(x, m, 0, j)));
		for (ptrdiff_t p = 0; p + 1 < n; p++) {
			REAL *xp = AT(x, m, 0, p);
			vec alpha = load(square + p * LANES);
			vec g = NAME(dot)(m, xp, AT(x, m, 0, p + 1));
			ivec rotated = {0};
			for (ptrdiff_t q = p + 1; q < n; q++) {
				REAL *xq = AT(x, m, 0, q);
				const REAL *next = AT(x, m, 0, q + 1 < n ? q + 1 : q);
				vec beta = load(square + q * LANES);
				ivec turn = (g * g > tol2 * (alpha * beta)) & (alpha > tiny) & (beta > tiny);
				if (!NAME(any)(turn)) {
					store(sine + q * LANES, (vec){0});
					store(tau + q * LANES, (vec){0});
					if (q + 1 < n)
						g = NAME(dot)(m, xp, next);
					continue;
				}
				rotated |= turn;
				vec d = beta - alpha, g2 = 2 * g;
				vec t = g2 / (d + NAME(vsign)(NAME(vsqrt)(d * d + g2 * g2), d));
				t = select(turn, t, (vec){0});
				vec r = NAME(vsqrt)(1 + t * t);
				vec s = t / r, u = t / (1 + r);
				store(sine + q * LANES, s);
				store(tau + q * LANES, u);
				alpha = alpha - t * g;
				store(square + q * LANES, beta + t * g);
				g = NAME(rotate)(m, s, u, xp, xq, next);
			}
			if (v && NAME(any)(rotated))
				NAME(rotate_row)(n, p, sine, tau, v);
			active |= rotated;
		}
		if (!NAME(any)(active))
			break;
	}
	return active;
}

/* x -= f*v*(v'x) for v with a 1 in place of its first element. */
static void NAME(reflect_column)(ptrdiff_t m, vec f, const REAL *v, REAL *x)
{
	vec w = f * (load(x) + NAME(dot)(m - 1, v + LANES, x + LANES));
	store(x, load(x) - w);
	for (ptrdiff_t i = 1; i < m; i++)
		store(x + i * LANES, load(x + i * LANES) - w * load(v + i * LANES));
}

/* x = Q*R by Householder reflections: R on and above the diagonal, below it
 * the vectors of the reflections without their leading 1, whose factors go to
 * factor. A column that counts as zero below the diagonal is not reflected. */
static void NAME(reflect)(ptrdiff_t m, ptrdiff_t n, REAL *x, REAL *factor)
{
	for (ptrdiff_t j = 0; j < n; j++) {
		REAL *v = AT(x, m, j, j);
		vec head = load(v), below = NAME(dot)(m - j - 1, v + LANES, v + LANES);
		ivec some = below > set(TINY);
		vec beta = -NAME(vsign)(NAME(vsqrt)(head * head + below), head);
		vec f = select(some, (beta - head) / beta, (vec){0});
		vec inv = select(some, 1 / (head - beta), (vec){0});
		store(factor + j * LANES, f);
		store(v, select(some, beta, head));
		for (ptrdiff_t i = 1; i < m - j; i++)
			store(v + i * LANES, load(v + i * LANES) * inv);
		for (ptrdiff_t k = j + 1; k < n; k++)
			NAME(reflect_column)(m - j, f, v, AT(x, m, j, k));
	}
}

/* left (m×n) = Q * [w; 0], w being n×n and Q that of reflect. */
static void NAME(apply_reflections)(ptrdiff_t m, ptrdiff_t n, const REAL *x, const REAL *factor,
	const REAL *w, REAL *left)
{
	for (ptrdiff_t k = 0; k < n; k++) {
		for (ptrdiff_t i = 0; i < n; i++)
			store(AT(left, m, i, k), load(AT(w, n, k, i)));
		for (ptrdiff_t i = n; i < m; i++)
			store(AT(left, m, i, k), (vec){0});
		for (ptrdiff_t j = n - 1; j >= 0; j--)
			NAME(reflect_column)(m - j, load(factor + j * LANES), AT(x, m, j, j), AT(left, m, j, k));
	}
}

/* y = R', R being what reflect left in x. */
static void NAME(transpose_triangle)(ptrdiff_t m, ptrdiff_t n, const REAL *x, REAL *y)
{
	for (ptrdiff_t j = 0; j < n; j++)
		for (ptrdiff_t i = 0; i < n; i++)
			store(AT(y, n, i, j), i < j ? (vec){0} : load(AT(x, m, j, i)));
}

/* order[r*LANES + l] = the column of lane l with the r-th largest key; equal
 * keys stay in order. */
static void NAME(rank)(ptrdiff_t n, const REAL *key, int32_t *order)
{
	for (ptrdiff_t j = 0; j < n; j++) {
		vec x = load(key + j * LANES);
		ivec r = {0}; /* minus the number of columns before j */
		for (ptrdiff_t k = 0; k < j; k++)
			r += load(key + k * LANES) >= x;
		for (ptrdiff_t k = j + 1; k < n; k++)
			r += load(key + k * LANES) > x;
		for (ptrdiff_t l = 0; l < LANES; l++)
			order[-r[l] * LANES + l] = j;
	}
}

/* Divides the columns of x (m×n) by their lengths, which go to sigma. Those
 * that count as zero become zero. */
static void NAME(normalize)(ptrdiff_t m, ptrdiff_t n, REAL *x, REAL *sigma)
{
	for (ptrdiff_t j = 0; j < n; j++) {
		REAL *c = AT(x, m, 0, j);
		vec square = NAME(dot)(m, c, c);
		ivec some = square > set(TINY);
		vec length = select(some, NAME(vsqrt)(square), (vec){0});
		vec inv = select(some, 1 / length, (vec){0});
		store(sigma + j * LANES, length);
		for (ptrdiff_t i = 0; i < m; i++)
			store(c + i * LANES, load(c + i * LANES) * inv);
	}
}

/* Replaces the zero columns of one lane of x (m×n), those with sigma = 0, by
 * unit vectors orthogonal to all others. Each starts from the axis that the
 * others hold least of, so that at least 1/m of its square is left. */
static void NAME(complete_lane)(ptrdiff_t m, ptrdiff_t n, const REAL *sigma, REAL *x)
{
	REAL held[64];
	char there[64];
	for (ptrdiff_t i = 0; i < m; i++)
		held[i] = 0;
	for (ptrdiff_t j = 0; j < n; j++) {
		there[j] = sigma[j * LANES] > 0;
		for (ptrdiff_t i = 0; there[j] && i < m; i++)
			held[i] += *AT(x, m, i, j) * *AT(x, m, i, j);
	}
	for (ptrdiff_t j = 0; j < n; j++) {
		if (there[j])
			continue;
		ptrdiff_t axis = 0;
		for (ptrdiff_t i = 1; i < m; i++)
			axis = held[i] < held[axis] ? i : axis;
		*AT(x, m, axis, j) = 1;
		for (int pass = 0; pass < 2; pass++) { /* twice is enough */
			for (ptrdiff_t k = 0; k < n; k++) {
				REAL g = 0;
				if (!there[k])
					continue;
				for (ptrdiff_t i = 0; i < m; i++)
					g += *AT(x, m, i, k) * *AT(x, m, i, j);
				for (ptrdiff_t i = 0; i < m; i++)
					*AT(x, m, i, j) -= g * *AT(x, m, i, k);
			}
			REAL square = 0;
			for (ptrdiff_t i = 0; i < m; i++)
				square += *AT(x, m, i, j) * *AT(x, m, i, j);
			REAL inv = 1 / (REAL)__builtin_sqrt(square);
			for (ptrdiff_t i = 0; i < m; i++)
				*AT(x, m, i, j) *= inv;
		}
		for (ptrdiff_t i = 0; i < m; i++)
			held[i] += *AT(x, m, i, j) * *AT(x, m, i, j);
		there[j] = 1;
	}
}

static void NAME(complete)(ptrdiff_t m, ptrdiff_t n, const REAL *sigma, REAL *x)
{
	for (ptrdiff_t l = 0; l < LANES; l++) {
		int all = 1;
		for (ptrdiff_t j = 0; j < n; j++)
			all &= sigma[j * LANES + l] > 0;
		if (!all)
			NAME(complete_lane)(m, n, sigma + l, x + l);
	}
}

/* Flips the singular vectors so that the entry of largest magnitude in the
 * columns of v (mv×n) is positive. */
static void NAME(fix_signs)(ptrdiff_t n, ptrdiff_t mv, REAL *v, ptrdiff_t mu, REAL *u)
{
	for (ptrdiff_t j = 0; j < n; j++) {
		REAL *a = AT(v, mv, 0, j), *b = AT(u, mu, 0, j);
		vec high = load(a), low = high;
		for (ptrdiff_t i = 1; i < mv; i++) {
			vec x = load(a + i * LANES);
			high = NAME(vmax)(x, high);
			low = NAME(vmin)(x, low);
		}
		ivec flip = (-low > high) & (ivec)set((REAL)-0.0);
		/* + 0 turns -0, whose sign depends on the neighbours, into 0. */
		for (ptrdiff_t i = 0; i < mv; i++)
			store(a + i * LANES, (vec)((ivec)load(a + i * LANES) ^ flip) + 0);
		for (ptrdiff_t i = 0; i < mu; i++)
			store(b + i * LANES, (vec)((ivec)load(b + i * LANES) ^ flip) + 0);
	}
}

/* ||X'X - I||_F for X m×n */
static vec NAME(orthogonality)(ptrdiff_t m, ptrdiff_t n, const REAL *x)
{
	vec diagonal = {0}, off = {0};
	for (ptrdiff_t j = 0; j < n; j++) {
		vec d = NAME(dot)(m, AT(x, m, 0, j), AT(x, m, 0, j)) - 1;
		diagonal += d * d;
		for (ptrdiff_t k = 0; k < j; k++) {
			vec g = NAME(dot)(m, AT(x, m, 0, j), AT(x, m, 0, k));
			off += g * g;
		}
	}
	return NAME(vsqrt)(diagonal + 2 * off);
}

/* ||B - L*diag(sigma)*R'||_F / ||B||_F for B m×n; 0 for B = 0. */
static vec NAME(residual)(ptrdiff_t m, ptrdiff_t n, const REAL *b, const REAL *left,
	const REAL *sigma, const REAL *right)
{
	vec rest = {0}, whole = {0};
	for (ptrdiff_t c = 0; c < n; c++) {
		const REAL *bc = AT(b, m, 0, c);
		ptrdiff_t i = 0;
		for (; i + 8 <= m; i += 8) {
			vec e[8];
			for (int k = 0; k < 8; k++) {
				e[k] = load(bc + (i + k) * LANES);
				whole += e[k] * e[k];
			}
			for (ptrdiff_t j = 0; j < n; j++) {
				vec w = load(sigma + j * LANES) * load(AT(right, n, c, j));
				for (int k = 0; k < 8; k++)
					e[k] -= load(AT(left, m, i + k, j)) * w;
			}
			for (int k = 0; k < 8; k++)
				rest += e[k] * e[k];
		}
		for (; i < m; i++) {
			vec e = load(bc + i * LANES);
			whole += e * e;
			for (ptrdiff_t j = 0; j < n; j++)
				e -= load(AT(left, m, i, j)) * (load(sigma + j * LANES) * load(AT(right, n, c, j)));
			rest += e * e;
		}
	}
	return select(whole > (vec){0}, NAME(vsqrt)(rest) / NAME(vsqrt)(whole), (vec){0});
}

/* Packs lanes matrices (m×n) into b, transposed if m < n, and multiplies each
 * by two powers of two so that its largest entry lies in [2^TOP, 2^(TOP+1));
 * back and back2 undo that. Lanes without a matrix are zero. So are those with
 * a NaN or an infinity, which are returned. */
static ivec NAME(pack)(ptrdiff_t lanes, ptrdiff_t m, ptrdiff_t n, const REAL *a, REAL *b, vec *back, vec *back2)
{
	const int wide = m < n;
	const vec range = set(RANGE);
	vec largest = {0};
	ivec bad = {0};
	for (ptrdiff_t i = 0; i < m; i++)
		for (ptrdiff_t j = 0; j < n; j++) {
			vec x = {0};
			const REAL *e = a + i * n + j;
			if (lanes == LANES) /* unrolled */
				for (ptrdiff_t l = 0; l < LANES; l++)
					x[l] = e[l * m * n];
			else
				for (ptrdiff_t l = 0; l < lanes; l++)
					x[l] = e[l * m * n];
			store(wide ? AT(b, n, j, i) : AT(b, m, i, j), x);
			bad |= x - x != (vec){0};
			largest = NAME(vmax)(NAME(vabs)(x), largest);
		}
	/* The first factor makes the largest entry a normal number, of which
	 * the second brings the exponent to TOP. */
	ivec none = largest == (vec){0};
	vec first = select(largest > range, 1 / range, select(largest < 1 / range, range, set(1)));
	first = select(none, set(1), first);
	ivec exponent = (ivec)(largest * first) >> MANTISSA;
	vec second = select(none, set(1), (vec)((TOP + 2 * BIAS - exponent) << MANTISSA));
	for (ptrdiff_t i = 0; i < m * n; i++)
		store(b + i * LANES, select(bad, (vec){0}, load(b + i * LANES) * first * second));
	*back = 1 / second;
	*back2 = 1 / first;
	return bad;
}

/* Writes the columns of x (m×n) in the given order to the matrices at out:
 * element i of column order[r] of lane l to out[l*size + i*row + r*col]. */
static void NAME(unpack)(ptrdiff_t lanes, ptrdiff_t m, ptrdiff_t n, const REAL *x, const int32_t *order,
	REAL *out, ptrdiff_t size, ptrdiff_t row, ptrdiff_t col)
{
	for (ptrdiff_t l = 0; l < lanes; l++)
		for (ptrdiff_t r = 0; r < n; r++) {
			const REAL *c = AT(x, m, 0, order[r * LANES + l]) + l;
			REAL *o = out + l * size + r * col;
			for (ptrdiff_t i = 0; i < m; i++)
				o[i * row] = c[i * LANES];
		}
}

/* The columns of b in descending order of length, in each lane. */
static void NAME(sort_columns)(ptrdiff_t m, ptrdiff_t n, const REAL *b, REAL *key, int32_t *order, REAL *x)
{
	for (ptrdiff_t j = 0; j < n; j++)
		store(key + j * LANES, NAME(dot)(m, AT(b, m, 0, j), AT(b, m, 0, j)));
	NAME(rank)(n, key, order);
	for (ptrdiff_t r = 0; r < n; r++)
		for (ptrdiff_t l = 0; l < LANES; l++) {
			const REAL *c = AT(b, m, 0, order[r * LANES + l]) + l;
			REAL *o = AT(x, m, 0, r) + l;
			for (ptrdiff_t i = 0; i < m; i++)
				o[i * LANES] = c[i * LANES];
		}
}

/* The identity matrix. */
static void NAME(identity)(ptrdiff_t n, REAL *w)
{
	for (ptrdiff_t i = 0; i < n * n; i++)
		store(w + i * LANES, set(i % (n + 1) == 0));
}

/* Row order[r] of right (n×n) = row r of a matrix with the given strides. */
static void NAME(unsort_rows)(ptrdiff_t n, const REAL *x, ptrdiff_t row, ptrdiff_t col, const int32_t *order, REAL *right)
{
	for (ptrdiff_t j = 0; j < n; j++)
		for (ptrdiff_t r = 0; r < n; r++)
			for (ptrdiff_t l = 0; l < LANES; l++)
				AT(right, n, order[r * LANES + l], j)[l] = x[(r * row + j * col) * LANES + l];
}

/* B = left*diag(sigma)*right' for the group of m×n matrices b, m >= n; with
 * right = 0 only sigma. Returns the lanes that did not converge. */
static ivec NAME(decompose)(ptrdiff_t m, ptrdiff_t n, const REAL *b, REAL *left, REAL *sigma, REAL *right,
	int32_t *order, REAL *w, REAL *scratch)
{
	REAL *y = w + n * n * LANES, *q = y + n * n * LANES, *factor = scratch + 3 * n * LANES;
	NAME(sort_columns)(m, n, b, scratch, order, left);
	if (right)
		NAME(identity)(n, w);
	else
		w = 0;
	/* left = Q*R, R' = y*w' with orthogonal columns y: B = (Q*w)*y'. */
	NAME(reflect)(m, n, left, factor);
	NAME(transpose_triangle)(m, n, left, y);
	ivec active = NAME(jacobi)(n, n, y, w, scratch);
	NAME(normalize)(n, n, y, sigma);
	if (right) {
		NAME(complete)(n, n, sigma, y);
		NAME(unsort_rows)(n, y, 1, n, order, right);
		for (ptrdiff_t i = 0; i < m * n; i++)
			store(q + i * LANES, load(left + i * LANES));
		NAME(apply_reflections)(m, n, q, factor, w, left);
	}
	return active;
}

/* The thin decompositions of count matrices (m×n, row-major, one behind the
 * other) with 1 <= m, n <= 64: u is m×k, s has k elements, vt is k×n, k =
 * min(m,n); u = vt = 0 leaves them out. checks gets four numbers for each
 * matrix: relative residual, loss of orthogonality of u and of vt (Frobenius
 * norms; NaN without vectors), status. A matrix that is not finite gives NaN
 * everywhere. work holds 3*m*n + 3*k*k + 7*k + 1 vectors. */
void NAME(svd_batch)(ptrdiff_t count, ptrdiff_t m, ptrdiff_t n, const REAL *a,
	REAL *u, REAL *s, REAL *vt, REAL *checks, REAL *work)
{
	const ptrdiff_t rows = m < n ? n : m, k = m < n ? m : n;
	const REAL nan = __builtin_nan("");
	REAL *b = (REAL *)(((uintptr_t)work + VBYTES - 1) & ~(uintptr_t)(VBYTES - 1));
	REAL *left = b + rows * k * LANES, *right = left + rows * k * LANES;
	REAL *sigma = right + k * k * LANES, *scratch = sigma + k * LANES;
	int32_t *order = (int32_t *)(scratch + 4 * k * LANES);
	REAL *w = scratch + 6 * k * LANES;
	for (ptrdiff_t at = 0; at < count; at += LANES) {
		ptrdiff_t lanes = count - at < LANES ? count - at : LANES;
		vec back, back2;
		ivec bad = NAME(pack)(lanes, m, n, a + at * m * n, b, &back, &back2);
		ivec active = NAME(decompose)(rows, k, b, left, sigma, u ? right : 0, order, w, scratch);
		vec residual = set(nan), loss_left = residual, loss_right = residual;
		if (u) {
			residual = NAME(residual)(rows, k, b, left, sigma, right);
			loss_left = NAME(orthogonality)(rows, k, left);
			loss_right = NAME(orthogonality)(k, k, right);
		}
		NAME(rank)(k, sigma, order);
		if (u && m < n) {
			NAME(fix_signs)(k, rows, left, k, right);
			NAME(unpack)(lanes, k, k, right, order, u + at * m * k, m * k, k, 1);
			NAME(unpack)(lanes, rows, k, left, order, vt + at * k * n, k * n, 1, n);
		} else if (u) {
			NAME(fix_signs)(k, k, right, rows, left);
			NAME(unpack)(lanes, rows, k, left, order, u + at * m * k, m * k, k, 1);
			NAME(unpack)(lanes, k, k, right, order, vt + at * k * n, k * n, 1, n);
		}
		for (ptrdiff_t j = 0; j < k; j++)
			store(sigma + j * LANES, load(sigma + j * LANES) * back * back2);
		NAME(unpack)(lanes, 1, k, sigma, order, s + at * k, k, 1, 1);
		for (ptrdiff_t l = 0; l < lanes; l++) {
			REAL *c = checks + 4 * (at + l);
			c[0] = residual[l];
			c[1] = m < n ? loss_right[l] : loss_left[l];
			c[2] = m < n ? loss_left[l] : loss_right[l];
			c[3] = active[l] ? STATUS_NOT_CONVERGED : STATUS_OK;
			if (!bad[l])
				continue;
			c[0] = c[1] = c[2] = nan;
			c[3] = STATUS_NOT_FINITE;
			for (ptrdiff_t i = 0; i < k; i++)
				s[(at + l) * k + i] = nan;
			for (ptrdiff_t i = 0; u && i < m * k; i++)
				u[(at + l) * m * k + i] = nan;
			for (ptrdiff_t i = 0; u && i < k * n; i++)
				vt[(at + l) * k * n + i] = nan;
		}
	}
}

#undef EPS
#undef TOP
#undef TINY
#undef RANGE
#undef SWEEPS
#undef SQRT
#undef STATUS_OK
#undef STATUS_NOT_FINITE
#undef STATUS_NOT_CONVERGED
#undef AT
