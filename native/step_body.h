/* Steps of optimizers, each in one pass over all arrays, and what they look at
 * before. */

/* The larger integers, lane by lane. */
static inline ivec NAME(imax)(ivec a, ivec b)
{
	ivec mask = a > b;
	return (mask & a) | (~mask & b);
}

/* The largest magnitude, by the bits without the sign, which are ordered like
 * the numbers, NaN above all. */
REAL NAME(maxabs)(ptrdiff_t n, const REAL *x)
{
	const ivec bits = ~((ivec){0} + ((INT)1 << (8 * sizeof(INT) - 1)));
	ivec m0 = {0}, m1 = {0}, m2 = {0}, m3 = {0};
	ptrdiff_t j = 0;
	for (; j + 4 * LANES <= n; j += 4 * LANES) {
		m0 = NAME(imax)((ivec)load(x + j) & bits, m0);
		m1 = NAME(imax)((ivec)load(x + j + LANES) & bits, m1);
		m2 = NAME(imax)((ivec)load(x + j + 2 * LANES) & bits, m2);
		m3 = NAME(imax)((ivec)load(x + j + 3 * LANES) & bits, m3);
	}
	for (; j < n; j += LANES) {
		ptrdiff_t lanes = n - j < LANES ? n - j : LANES;
		m0 = NAME(imax)((ivec)NAME(load_part)(x + j, lanes, 0) & bits, m0);
	}
	m0 = NAME(imax)(NAME(imax)(m0, m1), NAME(imax)(m2, m3));
	INT top = 0;
	for (ptrdiff_t l = 0; l < LANES; l++)
		top = m0[l] > top ? m0[l] : top;
	REAL out;
	__builtin_memcpy(&out, &top, sizeof out);
	return out;
}

/* m = b1*m + (1-b1)*g, v = b2*v + (1-b2)*g*g, w = keep*w - size*m/(unbias*sqrt(v) + eps)
 * for c = {b1, b2, keep, size, unbias, eps}. */
void NAME(adam)(ptrdiff_t n, const REAL *c, REAL *w, const REAL *g, REAL *m, REAL *v)
{
	const vec b1 = set(c[0]), b2 = set(c[1]), n1 = set(1 - c[0]), n2 = set(1 - c[1]);
	const vec keep = set(c[2]), size = set(c[3]), unbias = set(c[4]), eps = set(c[5]);
	for (ptrdiff_t j = 0; j < n; j += LANES) {
		ptrdiff_t lanes = n - j < LANES ? n - j : LANES;
		if (lanes == LANES) {
			/* All loads come first: arrays often lie a multiple of 4096
			 * bytes apart, where a load waits for the stores before it. */
			vec wj = load(w + j), x = load(g + j), mj = load(m + j), vj = load(v + j);
			mj = n1 * x + b1 * mj;
			vj = n2 * (x * x) + b2 * vj;
			store(m + j, mj);
			store(v + j, vj);
			store(w + j, keep * wj - size * (mj / (unbias * NAME(vsqrt)(vj) + eps)));
			continue;
		}
		/* The numbers beyond the end are 0 and give 0/eps. */
		vec x = NAME(load_part)(g + j, lanes, 0);
		vec mj = n1 * x + b1 * NAME(load_part)(m + j, lanes, 0);
		vec vj = n2 * (x * x) + b2 * NAME(load_part)(v + j, lanes, 0);
		NAME(store_part)(m + j, lanes, mj);
		NAME(store_part)(v + j, lanes, vj);
		NAME(store_part)(w + j, lanes, keep * NAME(load_part)(w + j, lanes, 0) -
			size * (mj / (unbias * NAME(vsqrt)(vj) + eps)));
	}
}

/* With h = g + decay*w: m = a*m + b*h, w = k*w + d*h + e*m for
 * c = {decay, a, b, k, d, e}. */
void NAME(momentum)(ptrdiff_t n, const REAL *c, REAL *w, const REAL *g, REAL *m)
{
	const vec decay = set(c[0]), a = set(c[1]), b = set(c[2]), k = set(c[3]), d = set(c[4]), e = set(c[5]);
	ptrdiff_t j = 0;
	for (; j + LANES <= n; j += LANES) {
		vec x = load(w + j), h = load(g + j) + decay * x;
		vec mj = a * load(m + j) + b * h;
		store(m + j, mj);
		store(w + j, k * x + d * h + e * mj);
	}
	for (; j < n; j++) {
		REAL h = g[j] + c[0] * w[j];
		m[j] = c[1] * m[j] + c[2] * h;
		w[j] = c[3] * w[j] + c[4] * h + c[5] * m[j];
	}
}

/* c = p*a + q*b, or p*a without b; c may be one of the two. */
__attribute__((optimize("fp-contract=off"))) void NAME(combine)(ptrdiff_t n, REAL p, const REAL *a, REAL q, const REAL *b, REAL *c)
{
	vec pv = (vec){0} + p, qv = (vec){0} + q;
	ptrdiff_t j = 0;
	if (!b) {
		for (; j + LANES <= n; j += LANES)
			*(uvec *)(c + j) = pv * *(const uvec *)(a + j);
		for (; j < n; j++)
			c[j] = p * a[j];
		return;
	}
	for (; j + 2 * LANES <= n; j += 2 * LANES) {
		vec x0 = *(const uvec *)(a + j), x1 = *(const uvec *)(a + j + LANES);
		vec y0 = *(const uvec *)(b + j), y1 = *(const uvec *)(b + j + LANES);
		*(uvec *)(c + j) = pv * x0 + qv * y0;
		*(uvec *)(c + j + LANES) = pv * x1 + qv * y1;
	}
	for (; j < n; j++)
		c[j] = p * a[j] + q * b[j];
}

/* The largest square, the sum of squares and the sum of fourth powers of
 * x = p*a + q*b, or p*a if b is null, in double. Where an x is no number or
 * infinite, so is the sum of squares. */
typedef double NAME(dvec) __attribute__((vector_size(VBYTES)));
typedef int64_t NAME(lvec) __attribute__((vector_size(VBYTES)));
#define dvec NAME(dvec)
#define lvec NAME(lvec)
#define DLANES ((ptrdiff_t)(VBYTES / sizeof(double)))

static inline dvec NAME(wide)(const REAL *p)
{
#if DOUBLE
	return load(p);
#else
	typedef float half __attribute__((vector_size(VBYTES / 2)));
	typedef float uhalf __attribute__((vector_size(VBYTES / 2), aligned(4), may_alias));
	return __builtin_convertvector((half) * (const uhalf *)p, dvec);
#endif
}

static inline dvec NAME(dmax)(dvec a, dvec b)
{
	lvec mask = a > b;
	return (dvec)((mask & (lvec)a) | (~mask & (lvec)b));
}

void NAME(powers)(ptrdiff_t n, double p, const REAL *a, double q, const REAL *b, double *out)
{
	const dvec pv = p - (dvec){0}, qv = q - (dvec){0};
	dvec t0 = {0}, t1 = {0}, s0 = {0}, s1 = {0}, f0 = {0}, f1 = {0};
	ptrdiff_t j = 0;
	for (; j + 2 * DLANES <= n; j += 2 * DLANES) {
		dvec x0 = pv * NAME(wide)(a + j), x1 = pv * NAME(wide)(a + j + DLANES);
		if (b) {
			x0 += qv * NAME(wide)(b + j);
			x1 += qv * NAME(wide)(b + j + DLANES);
		}
		x0 *= x0;
		x1 *= x1;
		t0 = NAME(dmax)(x0, t0);
		t1 = NAME(dmax)(x1, t1);
		s0 += x0;
		s1 += x1;
		f0 += x0 * x0;
		f1 += x1 * x1;
	}
	t0 = NAME(dmax)(t0, t1);
	s0 += s1;
	f0 += f1;
	double top = 0, sum = 0, fourth = 0;
	for (ptrdiff_t l = 0; l < DLANES; l++) {
		top = t0[l] > top ? t0[l] : top;
		sum += s0[l];
		fourth += f0[l];
	}
	for (; j < n; j++) {
		double x = p * a[j] + (b ? q * b[j] : 0);
		x *= x;
		top = x > top ? x : top;
		sum += x;
		fourth += x * x;
	}
	out[0] = top;
	out[1] = sum;
	out[2] = fourth;
}
#undef dvec
#undef lvec
#undef DLANES
