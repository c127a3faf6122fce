/* Soft minima over the distances between two clouds of points, which are
 * never stored: a tile of points of the second cloud stays in the cache while
 * all points of the first one pass. */

/* Columns of a tile. */
#define TILE 1024
/* Registers hold the products of POINTS points and PANEL vectors of them. */
#define POINTS 6
#if VBYTES == 64
#define PANEL 4
#else
#define PANEL 2
#endif
#define WIDE (PANEL * LANES)

/* Takes the tile t of one row, with -Inf where there is nothing, into the
 * running maximum and the sum of exponentials relative to it. */
static inline void NAME(take_tile)(ptrdiff_t n, REAL high, REAL inv, REAL *t, REAL *top, REAL *sum)
{
	const REAL minus_inf = -__builtin_inf();
	REAL now = high > *top ? high : *top;
	REAL shift = now > minus_inf ? now : 0;
	/* The first tile meets an empty sum; exp(-Inf) = 0. */
	REAL old = *sum == 0 ? 0 : *sum * NAME(vexp_down)(set((*top - shift) * inv))[0];
	*sum = old + NAME(exp_row)(n, shift, inv, t);
	*top = now;
}

/* t[j] = g[j] - |x - y_j|^p over a tile of w columns, yt being its
 * coordinates one after the other, TILE apart; returns the maximum. */
static inline REAL NAME(direct_row)(ptrdiff_t w, ptrdiff_t d, int p, const REAL *x,
	const REAL *yt, const REAL *g, REAL *t)
{
	vec high = set(-__builtin_inf());
	for (ptrdiff_t j = 0; j < w; j += 2 * LANES) {
		vec s0 = {0}, s1 = {0};
		const REAL *y = yt + j;
		for (ptrdiff_t l = 0; l < d; l++, y += TILE) {
			const vec xl = set(x[l]);
			vec e0 = xl - load(y), e1 = xl - load(y + LANES);
			s0 += e0 * e0;
			s1 += e1 * e1;
		}
		if (p == 1)
			for (ptrdiff_t l = 0; l < LANES; l++) {
				s0[l] = DOUBLE ? __builtin_sqrt(s0[l]) : __builtin_sqrtf(s0[l]);
				s1[l] = DOUBLE ? __builtin_sqrt(s1[l]) : __builtin_sqrtf(s1[l]);
			}
		s0 = load(g + j) - s0;
		s1 = load(g + j + LANES) - s1;
		high = NAME(vmax)(NAME(vmax)(s0, s1), high);
		store(t + j, s0);
		store(t + j + LANES, s1);
	}
	return NAME(hmax)(high);
}

/* t[r][j] = g[j] + <x_r, y_j> for POINTS points x_r and a tile of w columns in
 * panels of WIDE columns; high[r] becomes the maximum. */
static inline void NAME(product_rows)(ptrdiff_t w, ptrdiff_t d, const REAL *x, ptrdiff_t ldx,
	const REAL *panels, const REAL *g, REAL *t, REAL *high)
{
	vec top[POINTS];
	for (int r = 0; r < POINTS; r++)
		top[r] = set(-__builtin_inf());
	for (ptrdiff_t j = 0; j < w; j += WIDE) {
		const REAL *y = panels + j * d;
		vec s[POINTS][PANEL];
		for (int r = 0; r < POINTS; r++)
			for (int k = 0; k < PANEL; k++)
				s[r][k] = load(g + j + k * LANES);
		for (ptrdiff_t l = 0; l < d; l++, y += WIDE) {
			vec v[PANEL];
			for (int k = 0; k < PANEL; k++)
				v[k] = load(y + k * LANES);
			for (int r = 0; r < POINTS; r++) {
				const vec xl = set(x[r * ldx + l]);
				for (int k = 0; k < PANEL; k++)
					s[r][k] += xl * v[k];
			}
		}
		for (int r = 0; r < POINTS; r++)
			for (int k = 0; k < PANEL; k++) {
				top[r] = NAME(vmax)(s[r][k], top[r]);
				store(t + r * TILE + j + k * LANES, s[r][k]);
			}
	}
	for (int r = 0; r < POINTS; r++)
		high[r] = NAME(hmax)(top[r]);
}

/* out[i] = -eps*log(sum_j exp((g[j] - |x_i - y_j|^p)/eps)) for m points x and
 * n points y in d coordinates. With products, p = 2 is computed as
 * |x|^2 + |y|^2 - 2<x,y>, whose rounding errors are relative to |x|^2 + |y|^2;
 * otherwise from differences.
 * work: 2*m + (d + 1 + POINTS)*TILE + POINTS*d elements. */
void NAME(softmin_points)(ptrdiff_t m, ptrdiff_t n, ptrdiff_t d, int p, int products, REAL eps,
	const REAL *x, ptrdiff_t ldx, const REAL *y, ptrdiff_t ldy, const REAL *g, REAL *out, REAL *work)
{
	const REAL inv = 1 / eps, minus_inf = -__builtin_inf();
	REAL *top = work, *sum = top + m, *gt = sum + m, *yt = gt + TILE, *t = yt + d * TILE;
	REAL *xs = t + POINTS * TILE;
	for (ptrdiff_t i = 0; i < m; i++)
		top[i] = minus_inf, sum[i] = 0;
	for (ptrdiff_t j0 = 0; j0 < n; j0 += TILE) {
		ptrdiff_t columns = n - j0 < TILE ? n - j0 : TILE;
		/* Columns that are not there are dropped by their potential. */
		ptrdiff_t w = (columns + WIDE - 1) / WIDE * WIDE;
		for (ptrdiff_t j = 0; j < w; j++) {
			int there = j < columns;
			const REAL *yj = y + (j0 + (there ? j : 0)) * ldy;
			REAL square = 0;
			REAL *to = products ? yt + j / WIDE * WIDE * d + j % WIDE : yt + j;
			ptrdiff_t step = products ? WIDE : TILE;
			for (ptrdiff_t l = 0; l < d; l++) {
				to[l * step] = there ? yj[l] : 0;
				square += yj[l] * yj[l];
			}
			gt[j] = !there ? minus_inf : products ? g[j0 + j] - square : g[j0 + j];
		}
		if (!products) {
			for (ptrdiff_t i = 0; i < m; i++) {
				REAL high = NAME(direct_row)(w, d, p, x + i * ldx, yt, gt, t);
				NAME(take_tile)(w, high, inv, t, top + i, sum + i);
			}
			continue;
		}
		for (ptrdiff_t i = 0; i < m; i += POINTS) {
			ptrdiff_t rows = m - i < POINTS ? m - i : POINTS;
			REAL high[POINTS];
			for (ptrdiff_t r = 0; r < POINTS; r++)
				for (ptrdiff_t l = 0; l < d; l++)
					xs[r * d + l] = 2 * x[(i + (r < rows ? r : 0)) * ldx + l];
			NAME(product_rows)(w, d, xs, d, yt, gt, t, high);
			for (ptrdiff_t r = 0; r < rows; r++)
				NAME(take_tile)(w, high[r], inv, t + r * TILE, top + i + r, sum + i + r);
		}
	}
	for (ptrdiff_t i = 0; i < m; i++) {
		REAL square = 0;
		if (products)
			for (ptrdiff_t l = 0; l < d; l++)
				square += x[i * ldx + l] * x[i * ldx + l];
		out[i] = square - eps * (REAL)__builtin_log(sum[i]) - (top[i] > minus_inf ? top[i] : 0);
	}
}
#undef TILE
#undef POINTS
#undef PANEL
#undef WIDE
