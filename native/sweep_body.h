/* x = tau*(A*v + x), c += A*e1 - x, y += A'*c: each row is read once for all
 * three, and is in the first-level cache when it is needed again. */
#if DOUBLE

void EXPAND3(ritz_sweep, _, LEVEL)(ptrdiff_t m, ptrdiff_t n, const double *a, ptrdiff_t lda,
	const double *v, double tau, double *x, double *c, double *y)
{
	ptrdiff_t whole = n - n % LANES, i = 0;
	for (; i + 4 <= m; i += 4, a += 4 * lda) {
		const double *a0 = a, *a1 = a + lda, *a2 = a1 + lda, *a3 = a2 + lda;
		vec s0 = {0}, s1 = {0}, s2 = {0}, s3 = {0};
		ptrdiff_t j = 0;
		for (; j < whole; j += LANES) {
			vec p = load(v + j);
			s0 += load(a0 + j) * p;
			s1 += load(a1 + j) * p;
			s2 += load(a2 + j) * p;
			s3 += load(a3 + j) * p;
		}
		double r0 = NAME(hsum)(s0), r1 = NAME(hsum)(s1), r2 = NAME(hsum)(s2), r3 = NAME(hsum)(s3);
		for (; j < n; j++) {
			r0 += a0[j] * v[j];
			r1 += a1[j] * v[j];
			r2 += a2[j] * v[j];
			r3 += a3[j] * v[j];
		}
		x[i] = tau * (r0 + x[i]);
		x[i + 1] = tau * (r1 + x[i + 1]);
		x[i + 2] = tau * (r2 + x[i + 2]);
		x[i + 3] = tau * (r3 + x[i + 3]);
		const double c0 = c[i] += a0[0] - x[i], c1 = c[i + 1] += a1[0] - x[i + 1],
			c2 = c[i + 2] += a2[0] - x[i + 2], c3 = c[i + 3] += a3[0] - x[i + 3];
		const vec w0 = set(c0), w1 = set(c1), w2 = set(c2), w3 = set(c3);
		for (j = 0; j < whole; j += LANES) {
			/* Rows are too short for the processor to see the stream. */
			__builtin_prefetch(a0 + 4 * lda + j);
			__builtin_prefetch(a1 + 4 * lda + j);
			__builtin_prefetch(a2 + 4 * lda + j);
			__builtin_prefetch(a3 + 4 * lda + j);
			store(y + j, load(y + j) + (w0 * load(a0 + j) + w1 * load(a1 + j)) +
				(w2 * load(a2 + j) + w3 * load(a3 + j)));
		}
		for (; j < n; j++)
			y[j] += (c0 * a0[j] + c1 * a1[j]) + (c2 * a2[j] + c3 * a3[j]);
	}
	for (; i < m; i++, a += lda) {
		vec s = {0};
		ptrdiff_t j = 0;
		for (; j < whole; j += LANES)
			s += load(a + j) * load(v + j);
		double r = NAME(hsum)(s);
		for (; j < n; j++)
			r += a[j] * v[j];
		x[i] = tau * (r + x[i]);
		const double ci = c[i] += a[0] - x[i];
		const vec w = set(ci);
		for (j = 0; j < whole; j += LANES)
			store(y + j, load(y + j) + w * load(a + j));
		for (; j < n; j++)
			y[j] += ci * a[j];
	}
}

#endif
