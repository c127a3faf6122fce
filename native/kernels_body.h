/* The kernels, for one element type and one instruction level. The file that
 * includes this one defines
 *   REAL     float or double
 *   INT      the signed integer of the same size
 *   NAME(f)  the function's full name
 *   VBYTES   bytes of a vector register
 *   DOUBLE   1 for double, 0 for float
 * Vectors are those of the compiler's extension, so that the operations are
 * the ones written here and not what an optimiser finds. */

typedef REAL NAME(vec) __attribute__((vector_size(VBYTES)));
typedef REAL NAME(uvec) __attribute__((vector_size(VBYTES), aligned(sizeof(REAL)), may_alias));
typedef INT NAME(ivec) __attribute__((vector_size(VBYTES)));
#define vec NAME(vec)
#define uvec NAME(uvec)
#define ivec NAME(ivec)
#define LANES ((ptrdiff_t)(VBYTES / sizeof(REAL)))

static inline vec NAME(load)(const REAL *p) { return *(const uvec *)p; }
static inline void NAME(store)(REAL *p, vec x) { *(uvec *)p = x; }
static inline vec NAME(set)(REAL x) { return x - (vec){0}; }

/* mask ? a : b, lane by lane */
static inline vec NAME(select)(ivec mask, vec a, vec b)
{
	return (vec)((mask & (ivec)a) | (~mask & (ivec)b));
}

/* The first n lanes from memory, the others set to fill. */
static inline vec NAME(load_part)(const REAL *p, ptrdiff_t n, REAL fill)
{
	REAL t[VBYTES / sizeof(REAL)];
	for (ptrdiff_t i = 0; i < LANES; i++)
		t[i] = i < n ? p[i] : fill;
	return NAME(load)(t);
}

static inline void NAME(store_part)(REAL *p, ptrdiff_t n, vec x)
{
	for (ptrdiff_t i = 0; i < n; i++)
		p[i] = x[i];
}

static inline REAL NAME(hsum)(vec x)
{
	REAL s = 0;
	for (ptrdiff_t i = 0; i < LANES; i++)
		s += x[i];
	return s;
}

static inline REAL NAME(hmax)(vec x)
{
	REAL m = x[0];
	for (ptrdiff_t i = 1; i < LANES; i++)
		m = x[i] > m ? x[i] : m;
	return m;
}

/* The larger one; b where one of the two is NaN. */
static inline vec NAME(vmax)(vec a, vec b) { return NAME(select)(a > b, a, b); }

#define set NAME(set)
#define load NAME(load)
#define store NAME(store)
#define select NAME(select)

#if DOUBLE
#define MAGIC 0x1.8p52
#define MANTISSA 52
#define BIAS 1023
#define LN2_HI 0x1.62e42fefa38p-1 /* 11 zero bits at the end: k*LN2_HI is exact */
#define LN2_LO 0x1.ef35793c7673p-45
#define EXP_MIN (-708.39641853226408)
#define EXP_MAX 710.0
#define TANH_MAX 44.0
#else
#define MAGIC 0x1.8p23f
#define MANTISSA 23
#define BIAS 127
#define LN2_HI 0x1.62e4p-1f
#define LN2_LO 0x1.7f7d1cp-20f
#define EXP_MIN (-87.3365447505531f)
#define EXP_MAX 89.0f
#define TANH_MAX 22.0f
#endif

/* Writes x = k*ln2 + r, |r| <= ln2/2, and returns e^r - 1. *scale times
 * *twice becomes 2^k; the two are there because 2^k itself overflows for the
 * largest results. */
static inline vec NAME(reduced)(vec x, vec *scale, vec *twice)
{
	const vec magic = set(MAGIC);
	/* Adding the magic number rounds to an integer, which then stands in
	 * the low bits. */
	vec t = x * set((REAL)1.44269504088896340736) + magic;
	vec k = t - magic;
	ivec positive = k > (vec){0}; /* -1 where true */
	*scale = (vec)((((ivec)t - (ivec)magic) + positive + BIAS) << MANTISSA);
	*twice = select(positive, set(2), set(1));
	vec r = x - k * set((REAL)LN2_HI);
	r = r - k * set((REAL)LN2_LO);
	/* Taylor's series; the first term left out is below eps/8. */
#if DOUBLE
	vec p = set(1. / 6227020800);
	p = p * r + 1. / 479001600;
	p = p * r + 1. / 39916800;
	p = p * r + 1. / 3628800;
	p = p * r + 1. / 362880;
	p = p * r + 1. / 40320;
	p = p * r + 1. / 5040;
	p = p * r + 1. / 720;
	p = p * r + 1. / 120;
#else
	vec p = set(1.f / 5040);
	p = p * r + 1.f / 720;
	p = p * r + 1.f / 120;
#endif
	p = p * r + (REAL)(1. / 24);
	p = p * r + (REAL)(1. / 6);
	p = p * r + (REAL).5;
	return p * (r * r) + r;
}

/* e^x: at most 1 ulp (f64), 1.5 ulp (f32) off; 0 below EXP_MIN, where the
 * result would be subnormal; +Inf above the largest number; NaN for NaN. */
static inline vec NAME(vexp)(vec x)
{
	vec scale, twice;
	vec lo = set((REAL)EXP_MIN), hi = set((REAL)EXP_MAX);
	ivec under = x < lo;
	x = select(x > hi, hi, x);
	x = select(under, lo, x);
	vec p = NAME(reduced)(x, &scale, &twice);
	vec y = (p * scale + scale) * twice;
	return select(under, (vec){0}, y);
}

/* tanh x = m/(m+2) with m = e^2|x| - 1. */
static inline vec NAME(vtanh)(vec x)
{
	const ivec sign = (ivec)set((REAL)-0.0);
	vec a = (vec)((ivec)x & ~sign) * 2;
	vec hi = set((REAL)TANH_MAX);
	a = select(a > hi, hi, a);
	vec scale, twice;
	vec p = NAME(reduced)(a, &scale, &twice);
	scale = scale * twice;
	vec m = p * scale + (scale - 1);
	vec y = m / (m + 2);
	return (vec)((ivec)y | ((ivec)x & sign));
}

#define vexp NAME(vexp)

void NAME(exp)(ptrdiff_t n, const REAL *x, REAL *y)
{
	ptrdiff_t j = 0;
	for (; j + LANES <= n; j += LANES)
		store(y + j, vexp(load(x + j)));
	if (j < n)
		NAME(store_part)(y + j, n - j, vexp(NAME(load_part)(x + j, n - j, 0)));
}

void NAME(tanh)(ptrdiff_t n, const REAL *x, REAL *y)
{
	ptrdiff_t j = 0;
	for (; j + LANES <= n; j += LANES)
		store(y + j, NAME(vtanh)(load(x + j)));
	if (j < n)
		NAME(store_part)(y + j, n - j, NAME(vtanh)(NAME(load_part)(x + j, n - j, 0)));
}

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
		for (j = 0; j < whole; j += LANES)
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

#undef vec
#undef uvec
#undef ivec
#undef LANES
#undef set
#undef load
#undef store
#undef select
#undef vexp
#undef MAGIC
#undef MANTISSA
#undef BIAS
#undef LN2_HI
#undef LN2_LO
#undef EXP_MIN
#undef EXP_MAX
#undef TANH_MAX
