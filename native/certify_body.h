/* What certificates of transport plans are made of. */

/* Costs of pairs that are forbidden, +Inf, meet no mass: as numbers they give
 * 0 with it. */
static inline vec NAME(load_finite)(const REAL *c)
{
	return NAME(vmin)(load(c), set(DOUBLE ? __DBL_MAX__ : __FLT_MAX__));
}

/* log_step without entries that adds sum_i P[i,j]*c[i,j] to costs[j] as well:
 * the costs are still in the cache. work has room for four rows of whole
 * vectors. */
void NAME(plan_costs)(ptrdiff_t m, ptrdiff_t n, REAL eps, const REAL *c,
	ptrdiff_t ldc, const REAL *g, const REAL *a, REAL *f, REAL *s, REAL *costs, REAL *work)
{
	const REAL inv = 1 / eps, most = DOUBLE ? __DBL_MAX__ : __FLT_MAX__;
	const ptrdiff_t padded = (n + LANES - 1) / LANES * LANES, whole = n - n % LANES;
	for (ptrdiff_t i0 = 0; i0 < m; i0 += 4, c += 4 * ldc) {
		ptrdiff_t rows = m - i0 < 4 ? m - i0 : 4;
		const REAL *k[4];
		REAL *t[4], w[4] = {0};
		for (ptrdiff_t r = 0; r < 4; r++) {
			k[r] = c + (r < rows ? r : 0) * ldc;
			t[r] = work + (r < rows ? r : 0) * padded;
		}
		for (ptrdiff_t r = 0; r < rows; r++) {
			REAL top = NAME(slack_row)(n, g, k[r], t[r]);
			if (!(top > -__builtin_inf()))
				top = 0;
			REAL sum = NAME(exp_row)(padded, top, inv, t[r]);
			REAL ai = a[i0 + r];
			w[r] = NAME(ratio)(ai, sum);
			f[i0 + r] = eps * (REAL)(__builtin_log(ai) - __builtin_log(sum)) - top;
		}
		const vec w0 = set(w[0]), w1 = set(w[1]), w2 = set(w[2]), w3 = set(w[3]);
		ptrdiff_t j = 0;
		for (; j < whole; j += LANES) {
			vec p0 = w0 * load(t[0] + j), p1 = w1 * load(t[1] + j);
			vec p2 = w2 * load(t[2] + j), p3 = w3 * load(t[3] + j);
			store(s + j, load(s + j) + ((p0 + p1) + (p2 + p3)));
			store(costs + j, load(costs + j) +
				((p0 * NAME(load_finite)(k[0] + j) + p1 * NAME(load_finite)(k[1] + j)) +
				(p2 * NAME(load_finite)(k[2] + j) + p3 * NAME(load_finite)(k[3] + j))));
		}
		for (; j < n; j++)
			for (ptrdiff_t r = 0; r < rows; r++) {
				REAL p = w[r] * t[r][j];
				s[j] += p;
				costs[j] += p * (k[r][j] < most ? k[r][j] : most);
			}
	}
}

/* f[i] = min_j (c[i,j] - g[j]), then h[j] = min(h[j], min_i (c[i,j] - f[i])),
 * in one reading of c, and d[i] = sum_j c[i,j]*w[j] without the infinite
 * costs. A NaN in c or g reaches f and h. w and d may both be null. */
void NAME(min_transform)(ptrdiff_t m, ptrdiff_t n, const REAL *c, ptrdiff_t ldc,
	const REAL *g, const REAL *w, REAL *f, REAL *h, REAL *d)
{
	const REAL inf = __builtin_inf();
	const ptrdiff_t whole = n - n % LANES;
	for (ptrdiff_t i0 = 0; i0 < m; i0 += 4, c += 4 * ldc) {
		ptrdiff_t rows = m - i0 < 4 ? m - i0 : 4;
		const REAL *k[4];
		for (ptrdiff_t r = 0; r < 4; r++)
			k[r] = c + (r < rows ? r : 0) * ldc;
		for (ptrdiff_t r = 0; r < rows; r++) {
			vec low = set(inf), sum = {0};
			ivec bad = {0}; /* lanes that met a NaN, which comparisons drop */
			ptrdiff_t j = 0;
			for (; j < whole; j += LANES) {
				vec x = load(k[r] + j), t = x - load(g + j);
				low = NAME(vmin)(t, low);
				bad |= t != t;
				if (w)
					sum += select(x < set(inf), x, (vec){0}) * load(w + j);
			}
			REAL least = inf, total = NAME(hsum)(sum);
			int nan = 0;
			for (ptrdiff_t l = 0; l < LANES; l++) {
				least = low[l] < least ? low[l] : least;
				nan |= bad[l] != 0;
			}
			for (; j < n; j++) {
				REAL x = k[r][j], t = x - g[j];
				least = t < least ? t : least;
				nan |= t != t;
				if (w && x < inf)
					total += x * w[j];
			}
			f[i0 + r] = nan ? (REAL)__builtin_nan("") : least;
			if (w)
				d[i0 + r] = total;
		}
		const vec f0 = set(f[i0]), f1 = set(f[i0 + (rows > 1 ? 1 : 0)]);
		const vec f2 = set(f[i0 + (rows > 2 ? 2 : 0)]), f3 = set(f[i0 + (rows > 3 ? 3 : 0)]);
		ptrdiff_t j = 0;
		for (; j < whole; j += LANES) {
			vec t0 = load(k[0] + j) - f0, t1 = load(k[1] + j) - f1;
			vec t2 = load(k[2] + j) - f2, t3 = load(k[3] + j) - f3;
			vec old = load(h + j);
			/* A NaN stays and is taken. */
			old = select((old <= t0) | (old != old), old, t0);
			old = select((old <= t1) | (old != old), old, t1);
			old = select((old <= t2) | (old != old), old, t2);
			store(h + j, select((old <= t3) | (old != old), old, t3));
		}
		for (; j < n; j++)
			for (ptrdiff_t r = 0; r < rows; r++) {
				REAL t = k[r][j] - f[i0 + r];
				if (!(h[j] <= t) && h[j] == h[j])
					h[j] = t;
			}
	}
}
