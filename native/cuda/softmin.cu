// Soft minima of the rows or the columns of a row-major matrix C:
//
//   softmin_rows   out[i] = -ε·log Σⱼ exp((g[j] - C[i,j])/ε)
//   softmin_cols   out[j] = -ε·log Σᵢ exp((g[i] - C[i,j])/ε)
//
// An element -Inf of g drops its term; a sum without terms gives +Inf. C is
// read once and memory bandwidth is the limit: four terms at a time share one
// rescaling of the running sum. The order of the sums depends on the shape
// alone.
//
// Origin: the log-domain half step of Sinkhorn's iteration (Peyré and Cuturi,
// Computational Optimal Transport, 2019, section 4.4).
#include "rt.h"

namespace rz {

// The share of thread me of n in a row of cols terms.
template <bool ALIGNED, class T>
RZ_FN soft_sum<T> soft_row(const T *c, const T *g, i64 incg, i64 cols, T k, int me, int n)
{
	soft_sum<T> s = soft_sum<T>::none();
	i64 whole = cols / 4 * 4;
	for (i64 j = 4 * me; j < whole; j += 4 * n) {
		T x[4], t[4];
		load_four<ALIGNED>(c + j, 1, x);
		load_four<ALIGNED>(g + j * incg, incg, t);
#pragma unroll
		for (int l = 0; l < 4; l++)
			t[l] -= x[l];
		s.template add<4>(t, k);
	}
	if (whole + me < cols) { // at most three terms are left
		T t = g[(whole + me) * incg] - c[whole + me];
		s.template add<1>(&t, k);
	}
	return s;
}

template <bool ALIGNED, class T>
RZ_FN void softmin_rows_loaded(T eps, i64 rows, i64 cols, const T *c, i64 ldc, const T *g, i64 incg, T *out, i64 incout)
{
	__shared__ T top[WARPS], sum[WARPS];
	T k = base_two(eps);
	if (cols <= 1024) { // a warp for each row
		for (i64 i = (i64)blockIdx.x * WARPS + warp_of_block(); i < rows; i += (i64)gridDim.x * WARPS) {
			soft_sum<T> s = soft_row<ALIGNED>(c + i * ldc, g, incg, cols, k, lane_of_warp(), LANES);
			s.template join_lanes<LANES>(k);
			if (lane_of_warp() == 0)
				out[i * incout] = s.value(eps);
		}
		return;
	}
	for (i64 i = blockIdx.x; i < rows; i += gridDim.x) {
		soft_sum<T> s = soft_row<ALIGNED>(c + i * ldc, g, incg, cols, k, threadIdx.x, THREADS);
		s.template join_lanes<LANES>(k);
		if (lane_of_warp() == 0) {
			top[warp_of_block()] = s.top;
			sum[warp_of_block()] = s.sum;
		}
		__syncthreads();
		if (threadIdx.x == 0) {
			for (int l = 1; l < WARPS; l++)
				s.join({top[l], sum[l]}, k);
			out[i * incout] = s.value(eps);
		}
		__syncthreads(); // top and sum are free again
	}
}

template <class T>
RZ_FN void softmin_rows(T eps, i64 rows, i64 cols, const T *c, i64 ldc, const T *g, i64 incg, T *out, i64 incout)
{
	if (rows_aligned(c, rows, ldc) && rows_aligned(g, 1, 1) && incg == 1)
		softmin_rows_loaded<true>(eps, rows, cols, c, ldc, g, incg, out, incout);
	else
		softmin_rows_loaded<false>(eps, rows, cols, c, ldc, g, incg, out, incout);
}

// A block has a strip of 32 columns (fewer if the matrix has fewer), and its
// threads are groups of that width that take every n-th row.
template <class T>
RZ_FN void softmin_cols(T eps, i64 rows, i64 cols, const T *c, i64 ldc, const T *g, i64 incg, T *out, i64 incout)
{
	__shared__ T top[THREADS], sum[THREADS];
	T k = base_two(eps);
	int width = LANES;
	while (width / 2 >= cols)
		width /= 2;
	int groups = THREADS / width, group = threadIdx.x / width;
	for (i64 j0 = (i64)blockIdx.x * width; j0 < cols; j0 += (i64)gridDim.x * width) {
		i64 j = j0 + threadIdx.x % width;
		soft_sum<T> s = soft_sum<T>::none();
		for (i64 i0 = group; i0 < rows && j < cols; i0 += 4 * groups) {
			T t[4];
#pragma unroll
			for (int l = 0; l < 4; l++) {
				i64 i = i0 + l * groups;
				t[l] = i < rows ? g[i * incg] - c[i * ldc + j] : -inf<T>();
			}
			s.template add<4>(t, k);
		}
		for (int half = groups / 2; half > 0; half /= 2) {
			top[threadIdx.x] = s.top;
			sum[threadIdx.x] = s.sum;
			__syncthreads();
			if (group < half)
				s.join({top[threadIdx.x + half * width], sum[threadIdx.x + half * width]}, k);
			__syncthreads();
		}
		if (group == 0 && j < cols)
			out[j * incout] = s.value(eps);
	}
}

} // namespace rz

using rz::i64;

RZ_KERNEL ritz_softmin_rows_f32(float eps, i64 rows, i64 cols, const float *c, i64 ldc, const float *g, i64 incg,
	float *out, i64 incout)
{
	rz::softmin_rows(eps, rows, cols, c, ldc, g, incg, out, incout);
}
RZ_KERNEL ritz_softmin_rows_f64(double eps, i64 rows, i64 cols, const double *c, i64 ldc, const double *g, i64 incg,
	double *out, i64 incout)
{
	rz::softmin_rows(eps, rows, cols, c, ldc, g, incg, out, incout);
}

RZ_KERNEL ritz_softmin_cols_f32(float eps, i64 rows, i64 cols, const float *c, i64 ldc, const float *g, i64 incg,
	float *out, i64 incout)
{
	rz::softmin_cols(eps, rows, cols, c, ldc, g, incg, out, incout);
}
RZ_KERNEL_WIDE ritz_softmin_cols_f64(double eps, i64 rows, i64 cols, const double *c, i64 ldc, const double *g, i64 incg,
	double *out, i64 incout)
{
	rz::softmin_cols(eps, rows, cols, c, ldc, g, incg, out, incout);
}
