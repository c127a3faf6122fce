/* Kernels of entropic transport: costs, Gibbs kernels, scaling steps. */

/* out[i,j] = exp((f[i] + g[j] - c[i,j])/eps) */
void NAME(gibbs)(ptrdiff_t m, ptrdiff_t n, REAL eps, const REAL *f, const REAL *g,
	const REAL *c, ptrdiff_t ldc, REAL *out, ptrdiff_t ldo)
{
	const vec inv = set(1 / eps);
	for (ptrdiff_t i = 0; i < m; i++, c += ldc, out += ldo) {
		const vec fi = set(f[i]);
		ptrdiff_t j = 0;
		for (; j + LANES <= n; j += LANES)
			store(out + j, vexp((fi + load(g + j) - load(c + j)) * inv));
		if (j < n)
			NAME(store_part)(out + j, n - j, vexp((fi + NAME(load_part)(g + j, n - j, 0) -
				NAME(load_part)(c + j, n - j, 0)) * inv));
	}
}

static inline REAL NAME(ratio)(REAL a, REAL r) { return a == 0 && r == 0 ? 0 : a / r; }

/* Elements of a cache line. */
#define PER_LINE ((ptrdiff_t)(64 / sizeof(REAL)))

/* u = a/(K v) with 0/0 = 0, then s += K' u: each row of K is read from memory
 * once and from the cache the second time. Four rows at a time share the
 * reading of v and the reading and writing of s. */
void NAME(scaling)(ptrdiff_t m, ptrdiff_t n, const REAL *k, ptrdiff_t ldk,
	const REAL *a, const REAL *v, REAL *u, REAL *s)
{
	ptrdiff_t whole = n - n % LANES, i = 0;
	for (; i + 4 <= m; i += 4, k += 4 * ldk) {
		const REAL *k0 = k, *k1 = k + ldk, *k2 = k1 + ldk, *k3 = k2 + ldk;
		vec s0 = {0}, s1 = {0}, s2 = {0}, s3 = {0};
		ptrdiff_t j = 0;
		for (; j < whole; j += LANES) {
			vec x = load(v + j);
			s0 += load(k0 + j) * x;
			s1 += load(k1 + j) * x;
			s2 += load(k2 + j) * x;
			s3 += load(k3 + j) * x;
		}
		REAL r0 = NAME(hsum)(s0), r1 = NAME(hsum)(s1), r2 = NAME(hsum)(s2), r3 = NAME(hsum)(s3);
		for (; j < n; j++) {
			r0 += k0[j] * v[j];
			r1 += k1[j] * v[j];
			r2 += k2[j] * v[j];
			r3 += k3[j] * v[j];
		}
		u[i] = r0 = NAME(ratio)(a[i], r0);
		u[i + 1] = r1 = NAME(ratio)(a[i + 1], r1);
		u[i + 2] = r2 = NAME(ratio)(a[i + 2], r2);
		u[i + 3] = r3 = NAME(ratio)(a[i + 3], r3);
		const vec w0 = set(r0), w1 = set(r1), w2 = set(r2), w3 = set(r3);
		/* The next rows come from memory while these come from the
		 * cache. */
		const REAL *next = i + 8 <= m ? k + 4 * ldk : k;
		for (j = 0; j + PER_LINE <= whole; j += PER_LINE) {
			__builtin_prefetch(next + j, 0, 2);
			__builtin_prefetch(next + ldk + j, 0, 2);
			__builtin_prefetch(next + 2 * ldk + j, 0, 2);
			__builtin_prefetch(next + 3 * ldk + j, 0, 2);
			for (ptrdiff_t l = j; l < j + PER_LINE; l += LANES)
				store(s + l, load(s + l) + (w0 * load(k0 + l) + w1 * load(k1 + l)) +
					(w2 * load(k2 + l) + w3 * load(k3 + l)));
		}
		for (; j < whole; j += LANES)
			store(s + j, load(s + j) + (w0 * load(k0 + j) + w1 * load(k1 + j)) +
				(w2 * load(k2 + j) + w3 * load(k3 + j)));
		for (; j < n; j++)
			s[j] += (r0 * k0[j] + r1 * k1[j]) + (r2 * k2[j] + r3 * k3[j]);
	}
	for (; i < m; i++, k += ldk) {
		vec s0 = {0};
		ptrdiff_t j = 0;
		for (; j < whole; j += LANES)
			s0 += load(k + j) * load(v + j);
		REAL r = NAME(hsum)(s0);
		for (; j < n; j++)
			r += k[j] * v[j];
		u[i] = r = NAME(ratio)(a[i], r);
		const vec w = set(r);
		for (j = 0; j < whole; j += LANES)
			store(s + j, load(s + j) + w * load(k + j));
		for (; j < n; j++)
			s[j] += r * k[j];
	}
}

/* out[i,j] = |x_i - y_j|^p, p = 1 or 2; yt is d by n, y transposed. */
void NAME(paircost)(ptrdiff_t m, ptrdiff_t n, ptrdiff_t d, int p, const REAL *x,
	ptrdiff_t ldx, const REAL *yt, REAL *out, ptrdiff_t ldo)
{
	for (ptrdiff_t i = 0; i < m; i++, x += ldx, out += ldo) {
		ptrdiff_t j = 0;
		for (; j + 4 * LANES <= n; j += 4 * LANES) {
			vec s0 = {0}, s1 = {0}, s2 = {0}, s3 = {0};
			const REAL *y = yt + j;
			for (ptrdiff_t l = 0; l < d; l++, y += n) {
				const vec xl = set(x[l]);
				vec e0 = xl - load(y), e1 = xl - load(y + LANES);
				vec e2 = xl - load(y + 2 * LANES), e3 = xl - load(y + 3 * LANES);
				s0 += e0 * e0;
				s1 += e1 * e1;
				s2 += e2 * e2;
				s3 += e3 * e3;
			}
			store(out + j, s0);
			store(out + j + LANES, s1);
			store(out + j + 2 * LANES, s2);
			store(out + j + 3 * LANES, s3);
		}
		for (; j < n; j++) {
			REAL s = 0;
			for (ptrdiff_t l = 0; l < d; l++) {
				REAL e = x[l] - yt[l * n + j];
				s += e * e;
			}
			out[j] = s;
		}
		if (p == 1)
			for (j = 0; j < n; j++)
				out[j] = DOUBLE ? __builtin_sqrt(out[j]) : __builtin_sqrtf(out[j]);
	}
}
