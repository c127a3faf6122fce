/* The terms z[j]^2/(gaps[j]-eta) of a secular equation and their derivatives,
 * those before and from `split` on apart. A lane adds up terms from the far end
 * towards split, where they are largest; what is not a whole vector stands
 * there. The sums of the magnitudes of partial sums bound the rounding errors.
 * delta gets the denominators. */
#if DOUBLE

/* Adds the term of element j. */
#define TERM(j, sum, slope, sizes)                                             \
	do {                                                                       \
		delta[j] = gaps[j] - eta;                                              \
		double r = z[j] / delta[j], p = z[j] * r;                              \
		sum += p;                                                              \
		slope += r * r;                                                        \
		sizes += sum < 0 ? -sum : sum;                                         \
	} while (0)

void EXPAND3(ritz_secular, _, LEVEL)(ptrdiff_t n, ptrdiff_t split, const double *z,
	const double *gaps, double eta, double *delta, double *out)
{
	const vec shift = set(eta);
	vec s = {0}, d = {0}, e = {0};
	ptrdiff_t j = 0;
	for (; j + LANES <= split; j += LANES) {
		vec x = load(gaps + j) - shift, w = load(z + j);
		store(delta + j, x);
		vec r = w / x;
		s += w * r;
		d += r * r;
		e -= s; /* negative terms */
	}
	double sum = NAME(hsum)(s), slope = NAME(hsum)(d), size = NAME(hsum)(e);
	for (; j < split; j++)
		TERM(j, sum, slope, size);
	out[0] = sum;
	out[2] = slope;

	s = d = e = (vec){0};
	for (j = n; j - LANES >= split; ) {
		j -= LANES;
		vec x = load(gaps + j) - shift, w = load(z + j);
		store(delta + j, x);
		vec r = w / x;
		s += w * r;
		d += r * r;
		e += s;
	}
	sum = NAME(hsum)(s);
	slope = NAME(hsum)(d);
	size += NAME(hsum)(e);
	while (j > split) {
		j--;
		TERM(j, sum, slope, size);
	}
	out[1] = sum;
	out[3] = slope;
	out[4] = size;
}

#undef TERM
#endif
