/* Derivatives along k directions side by side, through the elementwise parts of
 * a layer, each array touched once. Row i of an r x (k*a) matrix shares row i of
 * the r x a matrices s and c among the directions. */

/* u += bias, y = s*u; bias may be null. */
void NAME(tangent_forward)(ptrdiff_t rows, ptrdiff_t k, ptrdiff_t a, const REAL *bias,
	const REAL *s, ptrdiff_t lds, REAL *u, ptrdiff_t ldu, REAL *y, ptrdiff_t ldy)
{
	for (ptrdiff_t i = 0; i < rows; i++) {
		const REAL *si = s + i * lds, *b = bias;
		REAL *ui = u + i * ldu, *yi = y + i * ldy;
		for (ptrdiff_t j = 0; j < k; j++, ui += a, yi += a) {
			ptrdiff_t t = 0;
			if (b) {
				for (; t + LANES <= a; t += LANES) {
					vec x = load(ui + t) + load(b + t), w = load(si + t);
					store(ui + t, x);
					store(yi + t, w * x);
				}
				for (; t < a; t++) {
					ui[t] += b[t];
					yi[t] = si[t] * ui[t];
				}
				b += a;
				continue;
			}
			for (; t + LANES <= a; t += LANES)
				store(yi + t, load(si + t) * load(ui + t));
			for (; t < a; t++)
				yi[t] = si[t] * ui[t];
		}
	}
}

/* e = s*e + c*u, sums = the sums of the columns of e; c may be null. */
void NAME(tangent_backward)(ptrdiff_t rows, ptrdiff_t k, ptrdiff_t a, const REAL *s, ptrdiff_t lds,
	const REAL *c, ptrdiff_t ldc, const REAL *u, ptrdiff_t ldu, REAL *e, ptrdiff_t lde, REAL *sums)
{
	for (ptrdiff_t t = 0; t < k * a; t++)
		sums[t] = 0;
	for (ptrdiff_t i = 0; i < rows; i++) {
		const REAL *si = s + i * lds;
		REAL *ei = e + i * lde, *sum = sums;
		if (!c) {
			for (ptrdiff_t j = 0; j < k; j++, ei += a, sum += a) {
				ptrdiff_t t = 0;
				for (; t + LANES <= a; t += LANES) {
					vec x = load(si + t) * load(ei + t), p = load(sum + t);
					store(ei + t, x);
					store(sum + t, p + x);
				}
				for (; t < a; t++) {
					ei[t] *= si[t];
					sum[t] += ei[t];
				}
			}
			continue;
		}
		const REAL *ci = c + i * ldc, *ui = u + i * ldu;
		for (ptrdiff_t j = 0; j < k; j++, ei += a, ui += a, sum += a) {
			ptrdiff_t t = 0;
			for (; t + LANES <= a; t += LANES) {
				vec x = load(si + t) * load(ei + t) + load(ci + t) * load(ui + t), p = load(sum + t);
				store(ei + t, x);
				store(sum + t, p + x);
			}
			for (; t < a; t++) {
				ei[t] = si[t] * ei[t] + ci[t] * ui[t];
				sum[t] += ei[t];
			}
		}
	}
}
