/* Decompositions for the stand-in of cuSOLVER. LAPACK computes them; what the
 * libraries do not promise is made different from LAPACK: every second pair of
 * singular vectors and every second eigenvector changes its sign. */
#ifndef FAKECUDA_SPECTRAL_H
#define FAKECUDA_SPECTRAL_H

#include <cmath>
#include <limits>

#include "dense.h"

namespace spectral {

template <class T> constexpr T nan() { return std::numeric_limits<T>::quiet_NaN(); }

/* k = min(m,n) singular values, descending; u is m×m (full) or m×k, v is n×n
 * or n×k, both column-major and packed. */
template <class T> struct SVD {
	int info = 0; /* > 0: not converged, all numbers are NaN */
	int64_t m, n, k, columns_u, columns_v;
	std::vector<T> s, u, v;
};

template <class T> bool finite(const std::vector<T> &a)
{
	for (T x : a)
		if (!std::isfinite(x))
			return false;
	return true;
}

template <class T> SVD<T> svd(bool vectors, bool full, int64_t m, int64_t n, const T *a, int64_t lda)
{
	SVD<T> r;
	r.m = m, r.n = n, r.k = m < n ? m : n;
	r.columns_u = full ? m : r.k, r.columns_v = full ? n : r.k;
	r.s.assign(r.k, nan<T>());
	r.u.assign(vectors ? m * r.columns_u : 0, nan<T>());
	r.v.assign(vectors ? n * r.columns_v : 0, nan<T>());
	std::vector<T> w = dense::copy(m, n, a, lda), vt(r.v.size(), nan<T>());
	if (r.k == 0)
		return r;
	if (!finite(w)) {
		r.info = int(r.k);
		return r;
	}
	r.info = dense::gesdd(!vectors ? 'N' : full ? 'A' : 'S', int(m), int(n), w.data(), int(m), r.s.data(), r.u.data(), int(m), vt.data(), int(r.columns_v));
	if (!vectors)
		return r;
	for (int64_t j = 0; j < r.columns_v; j++)
		for (int64_t i = 0; i < n; i++)
			r.v[j * n + i] = (j < r.k && j % 2 ? -1 : 1) * vt[i * r.columns_v + j];
	for (int64_t j = 1; j < r.k; j += 2)
		for (int64_t i = 0; i < m; i++)
			r.u[j * m + i] *= -1;
	return r;
}

/* transposed returns the n×m transpose of an m×n packed matrix, nothing of
 * nothing. */
template <class T> std::vector<T> transposed(int64_t m, int64_t n, const std::vector<T> &a)
{
	std::vector<T> to(a.size());
	for (int64_t j = 0; !a.empty() && j < n; j++)
		for (int64_t i = 0; i < m; i++)
			to[i * n + j] = a[j * m + i];
	return to;
}

/* Eigenvalues, ascending, and eigenvectors in the columns of v. */
template <class T> struct Eigen {
	int info = 0;
	std::vector<T> w, v;
};

template <class T> Eigen<T> eigen(bool vectors, bool upper, int64_t n, const T *a, int64_t lda)
{
	Eigen<T> r;
	r.w.assign(n, nan<T>());
	std::vector<T> seen(size_t(n) * n);
	for (int64_t j = 0; j < n; j++) /* one triangle only */
		for (int64_t i = upper ? 0 : j; i < (upper ? j + 1 : n); i++)
			seen[j * n + i] = a[j * lda + i];
	r.v = seen;
	if (n == 0)
		return r;
	if (finite(seen))
		r.info = dense::syevd(vectors ? 'V' : 'N', upper ? 'U' : 'L', int(n), r.v.data(), int(n), r.w.data());
	else
		r.info = int(n);
	if (!vectors || !finite(seen))
		r.v.assign(r.v.size(), nan<T>());
	for (int64_t j = 1; j < n; j += 2)
		for (int64_t i = 0; i < n; i++)
			r.v[j * n + i] *= -1;
	return r;
}

} // namespace spectral

#endif
