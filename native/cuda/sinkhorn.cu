// Sinkhorn's scaling iteration on a row-major matrix:
//
//   gibbs          out[i,j] = exp((f[i] + g[j] - C[i,j])/ε); out may be C
//   scaling_rows   u[i] = a[i] / Σⱼ K[i,j]·v[j], with 0/0 = 0
//
// Memory bandwidth is the limit. The order of the sums depends on the shape
// alone.
//
// Origin: Cuturi, Sinkhorn distances: lightspeed computation of optimal
// transport, NeurIPS 2013.
#include "rt.h"

namespace rz {

template <class T>
RZ_FN void gibbs(T eps, i64 rows, i64 cols, const T *f, i64 incf, const T *g, i64 incg, const T *c, i64 ldc,
	T *out, i64 ldo)
{
	T inverse = 1 / eps;
	zip(false, rows, cols, c, ldc, c, ldc, out, ldo,
		[=](i64 i, i64 j, T x, T) { return exp((f[i * incf] + g[j * incg] - x) * inverse); });
}

// The share of thread me of n in the product of a row of K and v.
template <bool ALIGNED, class T> RZ_FN T row_product(const T *k, const T *v, i64 incv, i64 cols, int me, int n)
{
	T s[4] = {0, 0, 0, 0};
	i64 whole = cols / 4 * 4;
	for (i64 j = 4 * me; j < whole; j += 4 * n) {
		T x[4], y[4];
		load_four<ALIGNED>(k + j, 1, x);
		load_four<ALIGNED>(v + j * incv, incv, y);
#pragma unroll
		for (int l = 0; l < 4; l++)
			s[l] += x[l] * y[l];
	}
	if (whole + me < cols) // at most three terms are left
		s[0] += k[whole + me] * v[(whole + me) * incv];
	return (s[0] + s[1]) + (s[2] + s[3]);
}

template <class T> RZ_FN T ratio(T a, T r) { return a == 0 && r == 0 ? 0 : a / r; }

template <bool ALIGNED, class T>
RZ_FN void scaling_rows_loaded(i64 rows, i64 cols, const T *k, i64 ldk, const T *a, i64 inca, const T *v, i64 incv,
	T *u, i64 incu)
{
	__shared__ T warps[WARPS];
	if (cols <= 1024) { // a warp for each row
		for (i64 i = (i64)blockIdx.x * WARPS + warp_of_block(); i < rows; i += (i64)gridDim.x * WARPS) {
			T s = warp_sum(row_product<ALIGNED>(k + i * ldk, v, incv, cols, lane_of_warp(), LANES));
			if (lane_of_warp() == 0)
				u[i * incu] = ratio(a[i * inca], s);
		}
		return;
	}
	for (i64 i = blockIdx.x; i < rows; i += gridDim.x) {
		T s = warp_sum(row_product<ALIGNED>(k + i * ldk, v, incv, cols, threadIdx.x, THREADS));
		if (lane_of_warp() == 0)
			warps[warp_of_block()] = s;
		__syncthreads();
		if (threadIdx.x == 0) {
			for (int l = 1; l < WARPS; l++)
				s += warps[l];
			u[i * incu] = ratio(a[i * inca], s);
		}
		__syncthreads(); // warps is free again
	}
}

template <class T>
RZ_FN void scaling_rows(i64 rows, i64 cols, const T *k, i64 ldk, const T *a, i64 inca, const T *v, i64 incv,
	T *u, i64 incu)
{
	if (rows_aligned(k, rows, ldk) && rows_aligned(v, 1, 1) && incv == 1)
		scaling_rows_loaded<true>(rows, cols, k, ldk, a, inca, v, incv, u, incu);
	else
		scaling_rows_loaded<false>(rows, cols, k, ldk, a, inca, v, incv, u, incu);
}

} // namespace rz

using rz::i64;

RZ_KERNEL ritz_gibbs_f32(float eps, i64 rows, i64 cols, const float *f, i64 incf, const float *g, i64 incg,
	const float *c, i64 ldc, float *out, i64 ldo)
{
	rz::gibbs(eps, rows, cols, f, incf, g, incg, c, ldc, out, ldo);
}
RZ_KERNEL ritz_gibbs_f64(double eps, i64 rows, i64 cols, const double *f, i64 incf, const double *g, i64 incg,
	const double *c, i64 ldc, double *out, i64 ldo)
{
	rz::gibbs(eps, rows, cols, f, incf, g, incg, c, ldc, out, ldo);
}

RZ_KERNEL ritz_scaling_rows_f32(i64 rows, i64 cols, const float *k, i64 ldk, const float *a, i64 inca,
	const float *v, i64 incv, float *u, i64 incu)
{
	rz::scaling_rows(rows, cols, k, ldk, a, inca, v, incv, u, incu);
}
RZ_KERNEL ritz_scaling_rows_f64(i64 rows, i64 cols, const double *k, i64 ldk, const double *a, i64 inca,
	const double *v, i64 incv, double *u, i64 incu)
{
	rz::scaling_rows(rows, cols, k, ldk, a, inca, v, incv, u, incu);
}
