/* Reduces an upper band matrix to an upper bidiagonal one by reflections. The
 * one that clears a row behind its superdiagonal fills a block below the
 * diagonal; of that only the first column is cleared at once, and of what this
 * fills only the first row, and so on to the end of the matrix: what is left
 * of the blocks has room in the stored rows, and the next rows clear it (Haidar,
 * Kurzak and Luszczek, SC 2013). A block and its neighbours stay in the
 * first-level cache.
 *
 * Reflections always have BAND elements: the matrix is followed by 2*BAND
 * rows of zeros. */
#if DOUBLE

#define LD (BAND_ROW - 1) /* of the matrix inside the stored rows */
#define GROUP (8 * LANES)

static inline double NAME(lanesum)(vec x)
{
#if VBYTES == 64
	x += __builtin_shuffle(x, (ivec){4, 5, 6, 7, 0, 1, 2, 3});
	x += __builtin_shuffle(x, (ivec){2, 3, 0, 1, 6, 7, 4, 5});
	return x[0] + x[1];
#elif VBYTES == 32
	x += __builtin_shuffle(x, (ivec){2, 3, 0, 1});
	return x[0] + x[1];
#else
	return x[0] + x[1];
#endif
}

/* Makes of x the vector v of the reflection I - tau*v*v' that takes x to
 * beta*e1. Returns tau. */
static double NAME(reflection)(double *x, double *beta)
{
	vec s = {0};
	for (ptrdiff_t i = 0; i < BAND; i += LANES)
		s += load(x + i) * load(x + i);
	double alpha = x[0], square = NAME(lanesum)(s), rest = 0;
	x[0] = 0;
	s = (vec){0};
	for (ptrdiff_t i = 0; i < BAND; i += LANES)
		s += load(x + i) * load(x + i);
	rest = NAME(lanesum)(s);
	*beta = alpha;
	if (rest == 0)
		return 0;
	double norm = __builtin_sqrt(square);
	*beta = alpha > 0 ? -norm : norm;
	vec scale = set(1 / (alpha - *beta));
	for (ptrdiff_t i = 0; i < BAND; i += LANES)
		store(x + i, load(x + i) * scale);
	x[0] = 1;
	return (*beta - alpha) / *beta;
}

/* A -= tau*v*(v'*A) for A with BAND rows and 2*BAND columns. */
static void NAME(reflect_left)(double *a, const double *v, double tau)
{
	for (ptrdiff_t g = 0; g < 2 * BAND; g += GROUP) {
		vec s[8] = {{0}};
		for (ptrdiff_t r = 0; r < BAND; r++) {
			vec x = set(v[r]);
			for (int j = 0; j < 8; j++)
				s[j] += x * load(a + r * LD + g + j * LANES);
		}
		for (int j = 0; j < 8; j++)
			s[j] *= tau;
		for (ptrdiff_t r = 0; r < BAND; r++) {
			vec x = set(v[r]);
			for (int j = 0; j < 8; j++) {
				double *p = a + r * LD + g + j * LANES;
				store(p, load(p) - x * s[j]);
			}
		}
	}
}

/* A -= tau*(A*v)*v' for A with rows and BAND columns. */
static void NAME(reflect_right)(ptrdiff_t rows, double *a, const double *v, double tau)
{
	vec x[BAND * sizeof(double) / VBYTES];
	for (ptrdiff_t j = 0; j < BAND / LANES; j++)
		x[j] = load(v + j * LANES);
	for (ptrdiff_t r = 0; r < rows; r++, a += LD) {
		vec s = {0};
		for (ptrdiff_t j = 0; j < BAND / LANES; j++)
			s += load(a + j * LANES) * x[j];
		vec d = set(tau * NAME(lanesum)(s));
		for (ptrdiff_t j = 0; j < BAND / LANES; j++)
			store(a + j * LANES, load(a + j * LANES) - d * x[j]);
	}
}

void EXPAND3(ritz_bidiagonalize, _, LEVEL)(ptrdiff_t n, double *a)
{
	a += BAND; /* element (i,j) is at i*LD + j */
	double v[BAND], beta;
	for (ptrdiff_t i = 0; i + 1 < n; i++) {
		ptrdiff_t row = i;
		for (ptrdiff_t c = i + 1; c < n; row = c, c += BAND) {
			double *p = a + row * LD + c;
			for (ptrdiff_t k = 0; k < BAND; k++) {
				v[k] = p[k];
				p[k] = 0;
			}
			double tau = NAME(reflection)(v, &beta);
			p[0] = beta;
			if (tau != 0)
				NAME(reflect_right)(c + BAND - 1 - row, p + LD, v, tau);
			p = a + c * LD + c;
			for (ptrdiff_t k = 0; k < BAND; k++)
				v[k] = p[k * LD];
			tau = NAME(reflection)(v, &beta);
			if (tau == 0)
				continue;
			NAME(reflect_left)(p, v, tau);
			p[0] = beta;
			for (ptrdiff_t k = 1; k < BAND; k++)
				p[k * LD] = 0;
		}
	}
}

#undef LD
#undef GROUP
#endif
