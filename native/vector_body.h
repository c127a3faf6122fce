/* Vectors and what all kernels do with them. */

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
static inline vec NAME(vmax)(vec a, vec b)
{
#if !defined __x86_64__
	return NAME(select)(a > b, a, b);
#elif VBYTES == 64 && DOUBLE
	return _mm512_max_pd(a, b);
#elif VBYTES == 64
	return _mm512_max_ps(a, b);
#elif VBYTES == 32 && DOUBLE
	return _mm256_max_pd(a, b);
#elif VBYTES == 32
	return _mm256_max_ps(a, b);
#elif DOUBLE
	return _mm_max_pd(a, b);
#else
	return _mm_max_ps(a, b);
#endif
}

#define set NAME(set)
#define load NAME(load)
#define store NAME(store)
#define select NAME(select)
