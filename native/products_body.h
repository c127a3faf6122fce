/* Products of a matrix and one vector. The matrix is read from memory once,
 * which is all that counts; four rows at a time share what is read and written
 * of the vectors. */

/* y[i] = sum_j a[i,j]*x[j] */
void NAME(matvec)(ptrdiff_t m, ptrdiff_t n, const REAL *a, ptrdiff_t lda, const REAL *x, REAL *y)
{
	ptrdiff_t whole = n - n % LANES, i = 0;
	for (; i + 4 <= m; i += 4, a += 4 * lda) {
		const REAL *a0 = a, *a1 = a + lda, *a2 = a1 + lda, *a3 = a2 + lda;
		vec s0 = {0}, s1 = {0}, s2 = {0}, s3 = {0};
		ptrdiff_t j = 0;
		for (; j < whole; j += LANES) {
			vec v = load(x + j);
			s0 += load(a0 + j) * v;
			s1 += load(a1 + j) * v;
			s2 += load(a2 + j) * v;
			s3 += load(a3 + j) * v;
		}
		REAL r0 = NAME(hsum)(s0), r1 = NAME(hsum)(s1), r2 = NAME(hsum)(s2), r3 = NAME(hsum)(s3);
		for (; j < n; j++) {
			r0 += a0[j] * x[j];
			r1 += a1[j] * x[j];
			r2 += a2[j] * x[j];
			r3 += a3[j] * x[j];
		}
		y[i] = r0, y[i + 1] = r1, y[i + 2] = r2, y[i + 3] = r3;
	}
	for (; i < m; i++, a += lda) {
		vec s = {0};
		ptrdiff_t j = 0;
		for (; j < whole; j += LANES)
			s += load(a + j) * load(x + j);
		REAL r = NAME(hsum)(s);
		for (; j < n; j++)
			r += a[j] * x[j];
		y[i] = r;
	}
}

/* y[j] += sum_i x[i]*a[i,j] */
void NAME(vecmat)(ptrdiff_t m, ptrdiff_t n, const REAL *a, ptrdiff_t lda, const REAL *x, REAL *y)
{
	ptrdiff_t whole = n - n % LANES, i = 0;
	for (; i + 4 <= m; i += 4, a += 4 * lda) {
		const REAL *a0 = a, *a1 = a + lda, *a2 = a1 + lda, *a3 = a2 + lda;
		const REAL x0 = x[i], x1 = x[i + 1], x2 = x[i + 2], x3 = x[i + 3];
		const vec w0 = set(x0), w1 = set(x1), w2 = set(x2), w3 = set(x3);
		ptrdiff_t j = 0;
		for (; j < whole; j += LANES)
			store(y + j, load(y + j) + (w0 * load(a0 + j) + w1 * load(a1 + j)) +
				(w2 * load(a2 + j) + w3 * load(a3 + j)));
		for (; j < n; j++)
			y[j] += (x0 * a0[j] + x1 * a1[j]) + (x2 * a2[j] + x3 * a3[j]);
	}
	for (; i < m; i++, a += lda) {
		const REAL xi = x[i];
		const vec w = set(xi);
		ptrdiff_t j = 0;
		for (; j < whole; j += LANES)
			store(y + j, load(y + j) + w * load(a + j));
		for (; j < n; j++)
			y[j] += xi * a[j];
	}
}

/* Adds to y the part of the product with a symmetric matrix that its rows
 * [lo,hi) of the lower triangle give: y[i] += sum_{j<=i} a[i,j]*x[j] and
 * y[j] += a[i,j]*x[i] for j < i. a points to row 0. */
void NAME(symvec)(ptrdiff_t lo, ptrdiff_t hi, const REAL *a, ptrdiff_t lda, const REAL *x, REAL *y)
{
	ptrdiff_t i = lo;
	for (; i + 4 <= hi; i += 4) {
		const REAL *a0 = a + i * lda, *a1 = a0 + lda, *a2 = a1 + lda, *a3 = a2 + lda;
		const REAL x0 = x[i], x1 = x[i + 1], x2 = x[i + 2], x3 = x[i + 3];
		const vec w0 = set(x0), w1 = set(x1), w2 = set(x2), w3 = set(x3);
		vec s0 = {0}, s1 = {0}, s2 = {0}, s3 = {0};
		ptrdiff_t j = 0, whole = i - i % LANES;
		for (; j < whole; j += LANES) {
			vec v = load(x + j);
			/* Rows are too short for the processor to see the stream. */
			__builtin_prefetch(a0 + 4 * lda + j);
			__builtin_prefetch(a1 + 4 * lda + j);
			__builtin_prefetch(a2 + 4 * lda + j);
			__builtin_prefetch(a3 + 4 * lda + j);
			vec p0 = load(a0 + j), p1 = load(a1 + j), p2 = load(a2 + j), p3 = load(a3 + j);
			s0 += p0 * v;
			s1 += p1 * v;
			s2 += p2 * v;
			s3 += p3 * v;
			store(y + j, load(y + j) + (w0 * p0 + w1 * p1) + (w2 * p2 + w3 * p3));
		}
		REAL r0 = NAME(hsum)(s0), r1 = NAME(hsum)(s1), r2 = NAME(hsum)(s2), r3 = NAME(hsum)(s3);
		for (; j < i; j++) {
			r0 += a0[j] * x[j];
			r1 += a1[j] * x[j];
			r2 += a2[j] * x[j];
			r3 += a3[j] * x[j];
			y[j] += (x0 * a0[j] + x1 * a1[j]) + (x2 * a2[j] + x3 * a3[j]);
		}
		/* The 4×4 block on the diagonal. */
		y[i] += r0 + a0[i] * x0 + a1[i] * x1 + a2[i] * x2 + a3[i] * x3;
		y[i + 1] += r1 + a1[i] * x0 + a1[i + 1] * x1 + a2[i + 1] * x2 + a3[i + 1] * x3;
		y[i + 2] += r2 + a2[i] * x0 + a2[i + 1] * x1 + a2[i + 2] * x2 + a3[i + 2] * x3;
		y[i + 3] += r3 + a3[i] * x0 + a3[i + 1] * x1 + a3[i + 2] * x2 + a3[i + 3] * x3;
	}
	for (; i < hi; i++) {
		const REAL *p = a + i * lda;
		REAL r = p[i] * x[i];
		for (ptrdiff_t j = 0; j < i; j++) {
			r += p[j] * x[j];
			y[j] += x[i] * p[j];
		}
		y[i] += r;
	}
}
