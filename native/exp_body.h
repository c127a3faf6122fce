/* The exponential and the hyperbolic tangent. */

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

/* e^r - 1 for |r| <= ln2/2. */
static inline vec NAME(expm1_small)(vec r)
{
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
	return NAME(expm1_small)(r);
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
