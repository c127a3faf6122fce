// Soft minima of the rows or the columns of a row-major matrix C:
//
//   softmin_rows   out[i] = -ε·log Σⱼ exp((g[j] - C[i,j])/ε)
//   softmin_cols   out[j] = -ε·log Σᵢ exp((g[i] - C[i,j])/ε), or what is left of it
//                  by pieces of so many rows
//   softmin_join   out[j] of the pieces
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

// The sum of a column over the groups, for those of group 0.
template <class T> RZ_FN soft_sum<T> join_groups(const strips &cut, soft_sum<T> s, T k)
{
	__shared__ T top[THREADS], sum[THREADS];
	for (int half = cut.groups / 2; half > 0; half /= 2) {
		top[threadIdx.x] = s.top;
		sum[threadIdx.x] = s.sum;
		__syncthreads();
		if ((int)threadIdx.x < half * cut.width)
			s.join({top[threadIdx.x + half * cut.width], sum[threadIdx.x + half * cut.width]}, k);
		__syncthreads();
	}
	return s;
}

template <class T>
RZ_FN void softmin_cols(i64 rows, i64 cols, const T *c, i64 ldc, const T *g, i64 incg, i64 height, soft_output<T> out)
{
	T k = base_two(out.eps);
	strips cut(rows, cols, height);
#pragma unroll 1
	for (i64 b = blockIdx.x; b < cut.count; b += gridDim.x) {
		strip at(cut, b);
		soft_sum<T> s = soft_sum<T>::none();
		for (i64 i0 = at.first; i0 < at.end && at.j < cols; i0 += 4 * cut.groups) {
			T t[4];
#pragma unroll
			for (int l = 0; l < 4; l++) {
				i64 i = i0 + l * cut.groups;
				t[l] = i < at.end ? g[i * incg] - c[i * ldc + at.j] : -inf<T>();
			}
			s.template add<4>(t, k);
		}
		s = join_groups(cut, s, k);
		if (at.group == 0 && at.j < cols)
			out.put(at.piece, at.j, s);
	}
}

template <class T> RZ_FN void softmin_join(T eps, i64 pieces, i64 count, const T *partial, T *out, i64 incout)
{
	T k = base_two(eps);
	strips cut(pieces, count, pieces);
#pragma unroll 1
	for (i64 b = blockIdx.x; b < cut.count; b += gridDim.x) {
		strip at(cut, b);
		soft_sum<T> s = soft_sum<T>::none();
		for (i64 p0 = at.first; p0 < at.end && at.j < count; p0 += 4 * cut.groups) {
			soft_sum<T> part[4];
#pragma unroll
			for (int l = 0; l < 4; l++) { // all reads before the first exponential
				i64 p = p0 + l * cut.groups;
				part[l] = soft_sum<T>::none();
				if (p < at.end)
					part[l] = {partial[2 * p * count + at.j], partial[(2 * p + 1) * count + at.j]};
			}
#pragma unroll
			for (int l = 0; l < 4; l++)
				s.join(part[l], k);
		}
		s = join_groups(cut, s, k);
		if (at.group == 0 && at.j < count)
			out[at.j * incout] = s.value(eps);
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
	i64 height, float *out, i64 incout, float *partial)
{
	rz::softmin_cols<float>(rows, cols, c, ldc, g, incg, height, {eps, out, incout, partial, cols});
}
RZ_KERNEL_WIDE ritz_softmin_cols_f64(double eps, i64 rows, i64 cols, const double *c, i64 ldc, const double *g, i64 incg,
	i64 height, double *out, i64 incout, double *partial)
{
	rz::softmin_cols<double>(rows, cols, c, ldc, g, incg, height, {eps, out, incout, partial, cols});
}

RZ_KERNEL ritz_softmin_join_f32(float eps, i64 pieces, i64 count, const float *partial, float *out, i64 incout)
{
	rz::softmin_join(eps, pieces, count, partial, out, incout);
}

RZ_KERNEL ritz_softmin_join_f64(double eps, i64 pieces, i64 count, const double *partial, double *out, i64 incout)
{
	rz::softmin_join(eps, pieces, count, partial, out, incout);
}
