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

template <class T>
RZ_FN void softmin_rows(T eps, i64 rows, i64 cols, const T *c, i64 ldc, const T *g, i64 incg, T *out, i64 incout)
{
	soft_rows(base_two(eps), rows, cols, c, ldc, g, incg, [=](i64 i, soft_sum<T> s) { out[i * incout] = s.value(eps); });
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
