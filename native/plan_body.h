/* Rows of a transport plan from the potentials of its columns. */

/* e^x for x <= 0: vexp without what overflow asks for. */
static inline vec NAME(vexp_down)(vec x)
{
#if VBYTES == 64
	const vec magic = set(MAGIC);
	/* The maximum returns its second operand where one is a NaN. */
#if DOUBLE
	vec low = _mm512_max_pd(set(EXP_MIN - 2), x);
#else
	vec low = _mm512_max_ps(set(EXP_MIN - 2), x);
#endif
	vec k = (low * set((REAL)1.44269504088896340736) + magic) - magic;
	vec r = low - k * set((REAL)LN2_HI);
	r = r - k * set((REAL)LN2_LO);
	vec y = NAME(expm1_small)(r) + 1;
#if DOUBLE
	return _mm512_maskz_scalef_pd(_mm512_cmp_pd_mask(x, set(EXP_MIN), _CMP_NLT_UQ), y, k);
#else
	return _mm512_maskz_scalef_ps(_mm512_cmp_ps_mask(x, set(EXP_MIN), _CMP_NLT_UQ), y, k);
#endif
#else
	const vec magic = set(MAGIC), lo = set((REAL)EXP_MIN);
	ivec under = x < lo;
	x = select(under, lo, x);
	vec t = x * set((REAL)1.44269504088896340736) + magic;
	vec k = t - magic;
	vec scale = (vec)((((ivec)t - (ivec)magic) + BIAS) << MANTISSA);
	vec r = x - k * set((REAL)LN2_HI);
	r = r - k * set((REAL)LN2_LO);
	vec p = NAME(expm1_small)(r);
	vec y = p * scale + scale;
	return select(under, (vec){0}, y);
#endif
}

/* Whether a lane of the mask is set. */
static inline int NAME(any_lane)(ivec mask)
{
#if !defined __x86_64__
	int set = 0;
	for (ptrdiff_t l = 0; l < LANES; l++)
		set |= mask[l] != 0;
	return set;
#elif VBYTES == 64
	return _mm512_test_epi64_mask((__m512i)mask, (__m512i)mask) != 0;
#elif VBYTES == 32
	return _mm256_movemask_epi8((__m256i)mask) != 0;
#else
	return _mm_movemask_epi8((__m128i)mask) != 0;
#endif
}

/* t[j] = exp((t[j] - top)/eps), n a multiple of LANES; returns the sum. */
static inline REAL NAME(exp_row)(ptrdiff_t n, REAL top, REAL inv, REAL *t)
{
	const vec shift = set(top), scale = set(inv);
	vec s0 = {0}, s1 = {0};
	ptrdiff_t j = 0;
	for (; j + 2 * LANES <= n; j += 2 * LANES) {
		vec e0 = NAME(vexp_down)((load(t + j) - shift) * scale);
		vec e1 = NAME(vexp_down)((load(t + j + LANES) - shift) * scale);
		store(t + j, e0);
		store(t + j + LANES, e1);
		s0 += e0;
		s1 += e1;
	}
	if (j < n) {
		vec e0 = NAME(vexp_down)((load(t + j) - shift) * scale);
		store(t + j, e0);
		s0 += e0;
	}
	return NAME(hsum)(s0 + s1);
}

/* t = g - c, padded with -Inf to whole vectors; returns the maximum. */
static inline REAL NAME(slack_row)(ptrdiff_t n, const REAL *g, const REAL *c, REAL *t)
{
	const REAL minus_inf = -__builtin_inf();
	vec m0 = set(minus_inf), m1 = m0;
	ptrdiff_t j = 0;
	for (; j + 2 * LANES <= n; j += 2 * LANES) {
		vec t0 = load(g + j) - load(c + j), t1 = load(g + j + LANES) - load(c + j + LANES);
		m0 = NAME(vmax)(t0, m0);
		m1 = NAME(vmax)(t1, m1);
		store(t + j, t0);
		store(t + j + LANES, t1);
	}
	if (j + LANES <= n) {
		vec t0 = load(g + j) - load(c + j);
		m0 = NAME(vmax)(t0, m0);
		store(t + j, t0);
		j += LANES;
	}
	if (j < n) {
		vec t0 = NAME(load_part)(g + j, n - j, minus_inf) - NAME(load_part)(c + j, n - j, 0);
		m1 = NAME(vmax)(t0, m1);
		store(t + j, t0);
	}
	return NAME(hmax)(NAME(vmax)(m0, m1));
}

/* f[i] = eps*log(a[i]/sum_j exp((g[j] - c[i,j])/eps)), so that row i of the
 * plan P[i,j] = exp((f[i] + g[j] - c[i,j])/eps) sums to a[i], and s[j] +=
 * sum_i P[i,j]. Four rows at a time, which stay in the cache from the reading
 * of c to the sums; one exponential for an element.
 *
 * With cols, the elements from least on go to cols and vals, row by row, and
 * the number of those up to the end of row i to ends[i]; room is the length of
 * cols and vals, beyond which elements are only counted. work has room for
 * four rows of whole vectors. Returns the number of elements. */
ptrdiff_t NAME(log_step)(ptrdiff_t m, ptrdiff_t n, REAL eps, const REAL *c,
	ptrdiff_t ldc, const REAL *g, const REAL *a, REAL *f, REAL *s, REAL least,
	ptrdiff_t room, int32_t *cols, REAL *vals, int64_t *ends, REAL *work)
{
	const REAL inv = 1 / eps;
	const ptrdiff_t padded = (n + LANES - 1) / LANES * LANES, whole = n - n % LANES;
	ptrdiff_t count = 0;
	for (ptrdiff_t i0 = 0; i0 < m; i0 += 4) {
		ptrdiff_t rows = m - i0 < 4 ? m - i0 : 4;
		REAL *t[4], w[4] = {0};
		for (ptrdiff_t r = 0; r < 4; r++)
			t[r] = work + (r < rows ? r : 0) * padded;
		for (ptrdiff_t r = 0; r < rows; r++, c += ldc) {
			REAL top = NAME(slack_row)(n, g, c, t[r]);
			/* Without any term the sum is 0, with a NaN it is NaN. */
			if (!(top > -__builtin_inf()))
				top = 0;
			REAL sum = NAME(exp_row)(padded, top, inv, t[r]);
			REAL ai = a[i0 + r];
			w[r] = NAME(ratio)(ai, sum);
			f[i0 + r] = eps * (REAL)(__builtin_log(ai) - __builtin_log(sum)) - top;
		}
		const vec w0 = set(w[0]), w1 = set(w[1]), w2 = set(w[2]), w3 = set(w[3]);
		ptrdiff_t j = 0;
		for (; j < whole; j += LANES)
			store(s + j, load(s + j) + ((w0 * load(t[0] + j) + w1 * load(t[1] + j)) +
				(w2 * load(t[2] + j) + w3 * load(t[3] + j))));
		for (; j < n; j++)
			s[j] += (w[0] * t[0][j] + w[1] * t[1][j]) + (w[2] * t[2][j] + w[3] * t[3][j]);
		if (!cols)
			continue;
		for (ptrdiff_t r = 0; r < rows; r++) {
			const vec wr = set(w[r]), low = set(least);
			for (j = 0; j < padded; j += LANES) {
				vec p = wr * load(t[r] + j);
				if (!NAME(any_lane)(p >= low))
					continue;
				for (ptrdiff_t l = 0; l < LANES && j + l < n; l++)
					if (p[l] >= least) {
						if (count < room) {
							cols[count] = (int32_t)(j + l);
							vals[count] = p[l];
						}
						count++;
					}
			}
			ends[i0 + r] = count;
		}
	}
	return count;
}
