/* Minima and soft minima of rows and columns. */

/* out[i] = -eps*log(sum_j exp((g[j] - c[i,j])/eps)).
 * Two sweeps over a row, which is in the cache for the second. */
void NAME(softmin_rows)(ptrdiff_t m, ptrdiff_t n, REAL eps, const REAL *c,
	ptrdiff_t ldc, const REAL *g, REAL *out)
{
	const REAL minus_inf = -__builtin_inf();
	const vec inv = set(1 / eps);
	ptrdiff_t whole = n - n % LANES, rest = n - whole;
	for (ptrdiff_t i = 0; i < m; i++, c += ldc) {
		vec m0 = set(minus_inf), m1 = m0;
		ptrdiff_t j = 0;
		for (; j + 2 * LANES <= n; j += 2 * LANES) {
			m0 = NAME(vmax)(load(g + j) - load(c + j), m0);
			m1 = NAME(vmax)(load(g + j + LANES) - load(c + j + LANES), m1);
		}
		if (j + LANES <= n)
			m0 = NAME(vmax)(load(g + j) - load(c + j), m0);
		REAL top = NAME(hmax)(NAME(vmax)(m0, m1));
		for (j = whole; j < n; j++)
			top = g[j] - c[j] > top ? g[j] - c[j] : top;
		/* A row of -Inf alone sums to 0 with any finite shift; a NaN
		 * does not raise top but reaches the sum. */
		if (!(top > minus_inf))
			top = 0;
		const vec shift = set(top);
		vec s0 = {0}, s1 = {0};
		for (j = 0; j + 2 * LANES <= n; j += 2 * LANES) {
			s0 += vexp((load(g + j) - load(c + j) - shift) * inv);
			s1 += vexp((load(g + j + LANES) - load(c + j + LANES) - shift) * inv);
		}
		if (j + LANES <= n)
			s0 += vexp((load(g + j) - load(c + j) - shift) * inv);
		if (rest > 0)
			s1 += vexp((NAME(load_part)(g + whole, rest, minus_inf) -
				NAME(load_part)(c + whole, rest, 0) - shift) * inv);
		out[i] = -eps * (REAL)__builtin_log(NAME(hsum)(s0 + s1)) - top;
	}
}

/* out[j] = -eps*log(sum_i exp((g[i] - c[i,j])/eps)).
 * A strip of columns has a running maximum and sum, both rescaled once for
 * every eight rows, so that c is read once and exp called 9/8 times for an
 * element. */
#define STRIP 256
#define GROUP 8
void NAME(softmin_cols)(ptrdiff_t m, ptrdiff_t n, REAL eps, const REAL *c,
	ptrdiff_t ldc, const REAL *g, REAL *out)
{
	const REAL minus_inf = -__builtin_inf();
	const vec inv = set(1 / eps);
	REAL top[STRIP] __attribute__((aligned(64))), sum[STRIP] __attribute__((aligned(64)));
	for (ptrdiff_t j0 = 0; j0 < n; j0 += STRIP) {
		ptrdiff_t w = n - j0 < STRIP ? n - j0 : STRIP;
		for (ptrdiff_t j = 0; j < STRIP; j++)
			top[j] = minus_inf, sum[j] = 0;
		for (ptrdiff_t i0 = 0; i0 < m; i0 += GROUP) {
			ptrdiff_t rows = m - i0 < GROUP ? m - i0 : GROUP;
			for (ptrdiff_t j = 0; j < w; j += LANES) {
				ptrdiff_t lanes = w - j < LANES ? w - j : LANES;
				vec t[GROUP];
				vec old = load(top + j), high = old;
				for (ptrdiff_t i = 0; i < rows; i++) {
					const REAL *p = c + (i0 + i) * ldc + j0 + j;
					vec x = lanes == LANES ? load(p) : NAME(load_part)(p, lanes, 0);
					t[i] = set(g[i0 + i]) - x;
					high = NAME(vmax)(t[i], high);
				}
				vec shift = select(high > set(minus_inf), high, (vec){0});
				/* exp(-Inf) = 0 meets the empty sum at the start. */
				vec s = load(sum + j) * vexp((old - shift) * inv);
				for (ptrdiff_t i = 0; i < rows; i++)
					s += vexp((t[i] - shift) * inv);
				store(top + j, high);
				store(sum + j, s);
			}
		}
		for (ptrdiff_t j = 0; j < w; j++) {
			REAL shift = top[j] > minus_inf ? top[j] : 0;
			out[j0 + j] = -eps * (REAL)__builtin_log(sum[j]) - shift;
		}
	}
}
#undef STRIP
#undef GROUP

/* The smaller one; b where one of the two is NaN. */
static inline vec NAME(vmin)(vec a, vec b) { return NAME(select)(a < b, a, b); }

/* out[i] = min_j (c[i,j] - g[j]); NaN where a term is NaN, +Inf for none. */
void NAME(min_rows)(ptrdiff_t m, ptrdiff_t n, const REAL *c, ptrdiff_t ldc, const REAL *g, REAL *out)
{
	const REAL inf = __builtin_inf();
	for (ptrdiff_t i = 0; i < m; i++, c += ldc) {
		vec low0 = set(inf), low1 = low0;
		ivec bad0 = {0}, bad1 = {0}; /* lanes that met a NaN, which comparisons drop */
		ptrdiff_t j = 0;
		for (; j + 2 * LANES <= n; j += 2 * LANES) {
			vec t0 = load(c + j) - load(g + j), t1 = load(c + j + LANES) - load(g + j + LANES);
			low0 = NAME(vmin)(t0, low0);
			low1 = NAME(vmin)(t1, low1);
			bad0 |= t0 != t0;
			bad1 |= t1 != t1;
		}
		REAL low = inf;
		ivec bad = bad0 | bad1;
		low0 = NAME(vmin)(low0, low1);
		int nan = 0;
		for (ptrdiff_t l = 0; l < LANES; l++) {
			low = low0[l] < low ? low0[l] : low;
			nan |= bad[l] != 0;
		}
		for (; j < n; j++) {
			REAL t = c[j] - g[j];
			low = t < low ? t : low;
			nan |= t != t;
		}
		out[i] = nan ? (REAL)__builtin_nan("") : low;
	}
}

/* out[j] = min(out[j], min_i (c[i,j] - g[i])); a NaN stays. */
void NAME(min_cols)(ptrdiff_t m, ptrdiff_t n, const REAL *c, ptrdiff_t ldc, const REAL *g, REAL *out)
{
	for (ptrdiff_t i = 0; i < m; i++, c += ldc) {
		const vec gi = set(g[i]);
		ptrdiff_t j = 0;
		for (; j + LANES <= n; j += LANES) {
			vec t = load(c + j) - gi, old = load(out + j);
			/* old <= t is false for a NaN in either. */
			store(out + j, select((old <= t) | (old != old), old, t));
		}
		for (; j < n; j++) {
			REAL t = c[j] - g[i];
			if (!(out[j] <= t) && out[j] == out[j])
				out[j] = t;
		}
	}
}
