/* Kernels of transport that are stored in float beside numbers in double. */
#if DOUBLE

/* The compiler's own conversion of vectors works on halves. */
static inline vec NAME(load_half)(const float *p)
{
#if !defined __x86_64__
	vec x;
	for (ptrdiff_t l = 0; l < LANES; l++)
		x[l] = p[l];
	return x;
#elif VBYTES == 64
	return _mm512_cvtps_pd(_mm256_loadu_ps(p));
#elif VBYTES == 32
	return _mm256_cvtps_pd(_mm_loadu_ps(p));
#else
	return (vec){p[0], p[1]};
#endif
}

static inline void NAME(store_half)(float *p, vec x)
{
#if !defined __x86_64__ || VBYTES == 16
	for (ptrdiff_t l = 0; l < LANES; l++)
		p[l] = (float)x[l];
#elif VBYTES == 64
	_mm256_storeu_ps(p, _mm512_cvtpd_ps(x));
#else
	_mm_storeu_ps(p, _mm256_cvtpd_ps(x));
#endif
}

/* out[i,j] = exp((f[i] + g[j] - c[i,j])/eps) */
void NAME(narrow_gibbs)(ptrdiff_t m, ptrdiff_t n, REAL eps, const REAL *f, const REAL *g,
	const REAL *c, ptrdiff_t ldc, float *out, ptrdiff_t ldo)
{
	const vec inv = set(1 / eps);
	for (ptrdiff_t i = 0; i < m; i++, c += ldc, out += ldo) {
		const vec fi = set(f[i]);
		ptrdiff_t j = 0;
		for (; j + LANES <= n; j += LANES)
			NAME(store_half)(out + j, vexp((fi + load(g + j) - load(c + j)) * inv));
		if (j < n) {
			vec x = vexp((fi + NAME(load_part)(g + j, n - j, 0) - NAME(load_part)(c + j, n - j, 0)) * inv);
			for (ptrdiff_t l = 0; j + l < n; l++)
				out[j + l] = (float)x[l];
		}
	}
}

/* scaling with a float K and sums in double. While a group of four rows, which
 * are in the cache, is added to s, the products of the next four with v are
 * taken, so that memory is read all the time. */
void NAME(narrow_scaling)(ptrdiff_t m, ptrdiff_t n, const float *k, ptrdiff_t ldk,
	const REAL *a, const REAL *v, REAL *u, REAL *s)
{
	const ptrdiff_t whole = n - n % LANES;
	vec d0 = {0}, d1 = {0}, d2 = {0}, d3 = {0};
	ptrdiff_t i = 0;
	if (m >= 4)
		for (ptrdiff_t j = 0; j < whole; j += LANES) {
			vec x = load(v + j);
			d0 += NAME(load_half)(k + j) * x;
			d1 += NAME(load_half)(k + ldk + j) * x;
			d2 += NAME(load_half)(k + 2 * ldk + j) * x;
			d3 += NAME(load_half)(k + 3 * ldk + j) * x;
		}
	for (; i + 4 <= m; i += 4, k += 4 * ldk) {
		const float *k0 = k, *k1 = k + ldk, *k2 = k1 + ldk, *k3 = k2 + ldk;
		REAL r0 = NAME(hsum)(d0), r1 = NAME(hsum)(d1), r2 = NAME(hsum)(d2), r3 = NAME(hsum)(d3);
		for (ptrdiff_t j = whole; j < n; j++) {
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
		d0 = d1 = d2 = d3 = (vec){0};
		ptrdiff_t j = 0;
		if (i + 8 <= m) {
			const float *n0 = k3 + ldk, *n1 = n0 + ldk, *n2 = n1 + ldk, *n3 = n2 + ldk;
			for (; j < whole; j += LANES) {
				vec x = load(v + j);
				d0 += NAME(load_half)(n0 + j) * x;
				d1 += NAME(load_half)(n1 + j) * x;
				d2 += NAME(load_half)(n2 + j) * x;
				d3 += NAME(load_half)(n3 + j) * x;
				store(s + j, load(s + j) + (w0 * NAME(load_half)(k0 + j) + w1 * NAME(load_half)(k1 + j)) +
					(w2 * NAME(load_half)(k2 + j) + w3 * NAME(load_half)(k3 + j)));
			}
		} else {
			for (; j < whole; j += LANES)
				store(s + j, load(s + j) + (w0 * NAME(load_half)(k0 + j) + w1 * NAME(load_half)(k1 + j)) +
					(w2 * NAME(load_half)(k2 + j) + w3 * NAME(load_half)(k3 + j)));
		}
		for (; j < n; j++)
			s[j] += (r0 * k0[j] + r1 * k1[j]) + (r2 * k2[j] + r3 * k3[j]);
	}
	for (; i < m; i++, k += ldk) {
		vec sum = {0};
		ptrdiff_t j = 0;
		for (; j < whole; j += LANES)
			sum += NAME(load_half)(k + j) * load(v + j);
		REAL r = NAME(hsum)(sum);
		for (; j < n; j++)
			r += k[j] * v[j];
		u[i] = r = NAME(ratio)(a[i], r);
		for (j = 0; j < whole; j += LANES)
			store(s + j, load(s + j) + set(r) * NAME(load_half)(k + j));
		for (; j < n; j++)
			s[j] += r * k[j];
	}
}

#endif
