// The transport plan of potentials g of the columns whose rows sum to a, for a
// row-major matrix C of costs:
//
//   P[i,j] = scale[i]·exp((g[j] - C[i,j] - top[i])/ε)
//
//   plan_scales   top[i] = maxⱼ (g[j] - C[i,j]) and
//                 scale[i] = a[i]/Σⱼ exp((g[j] - C[i,j] - top[i])/ε), with 0/0 = 0;
//                 f[i] = ε·log(a[i]/Σⱼ exp((g[j] - C[i,j])/ε))
//   plan_rows     P
//   plan_sums     Σᵢ P[i,j] and Σᵢ P[i,j]·C[i,j] over the rows i in
//                 [p·height,(p+1)·height) to partial[p,j] and partial[p,cols+j]; a
//                 cost +Inf counts 0
//
// f may be null. A potential f = -ε·log Σ … of a row would have rounding errors of
// the size of the costs, which exp makes large; so the plan is written with what
// is left when the largest term is taken away, by the very exponentials that are
// summed. Memory bandwidth is the limit: each kernel reads C once. The order of
// the sums depends on the shape alone.
//
// Origin: the marginals of a plan after half a step, Peyré and Cuturi,
// Computational Optimal Transport, 2019, section 4.4; the largest term as the
// shift, Blanchard, Higham and Higham, Accurately computing the log-sum-exp and
// softmax functions, IMA J. Numer. Anal. 41, 2021.
#include "rt.h"

namespace rz {

template <class T>
RZ_FN void plan_scales(T eps, i64 rows, i64 cols, const T *c, i64 ldc, const T *g, i64 incg, const T *a, i64 inca, T *top,
	T *scale, T *f, i64 incf)
{
	soft_rows(base_two(eps), rows, cols, c, ldc, g, incg, [=](i64 i, soft_sum<T> s) {
		T share = a[i * inca];
		top[i] = soft_sum<T>::shift(s.top);
		scale[i] = share == 0 && s.sum == 0 ? 0 : share / s.sum;
		if (f)
			f[i * incf] = eps * log(share) + s.value(eps);
	});
}

// The element of the plan, by the exponential that soft_sum adds.
template <class T> RZ_FN T plan_element(T g, T c, T top, T scale, T k) { return scale * exp2((g - c - top) * k); }

template <class T>
RZ_FN void plan_rows(T eps, i64 rows, i64 cols, const T *c, i64 ldc, const T *g, i64 incg, const T *top, const T *scale,
	T *p, i64 ldp)
{
	T k = base_two(eps);
	zip(false, rows, cols, c, ldc, c, ldc, p, ldp,
		[=](i64 i, i64 j, T x, T) { return plan_element(g[j * incg], x, top[i], scale[i], k); });
}

template <class T>
RZ_FN void plan_sums(T eps, i64 rows, i64 cols, const T *c, i64 ldc, const T *g, i64 incg, const T *top, const T *scale,
	i64 height, double *partial)
{
	__shared__ double shared[THREADS];
	T k = base_two(eps);
	strips cut(rows, cols, height);
#pragma unroll 1
	for (i64 b = blockIdx.x; b < cut.count; b += gridDim.x) {
		strip at(cut, b);
		double sum = 0, cost = 0;
		if (at.j < cols) {
			T gj = g[at.j * incg];
#pragma unroll 1
			for (i64 i0 = at.first; i0 < at.end; i0 += 4 * cut.groups) {
				T x[4];
#pragma unroll
				for (int l = 0; l < 4; l++) {
					i64 i = i0 + l * cut.groups;
					x[l] = i < at.end ? c[i * ldc + at.j] : (T)0;
				}
#pragma unroll
				for (int l = 0; l < 4; l++) {
					i64 i = i0 + l * cut.groups;
					if (i >= at.end)
						continue;
					T v = plan_element(gj, x[l], top[i], scale[i], k);
					sum += v;
					cost += x[l] == inf<T>() ? 0 : (double)v * x[l];
				}
			}
		}
		sum = join_groups(cut, sum, shared);
		cost = join_groups(cut, cost, shared);
		if (at.group == 0 && at.j < cols) {
			partial[2 * at.piece * cols + at.j] = sum;
			partial[(2 * at.piece + 1) * cols + at.j] = cost;
		}
	}
}

} // namespace rz

using rz::i64;

RZ_KERNEL ritz_plan_scales_f32(float eps, i64 rows, i64 cols, const float *c, i64 ldc, const float *g, i64 incg,
	const float *a, i64 inca, float *top, float *scale, float *f, i64 incf)
{
	rz::plan_scales(eps, rows, cols, c, ldc, g, incg, a, inca, top, scale, f, incf);
}
RZ_KERNEL ritz_plan_scales_f64(double eps, i64 rows, i64 cols, const double *c, i64 ldc, const double *g, i64 incg,
	const double *a, i64 inca, double *top, double *scale, double *f, i64 incf)
{
	rz::plan_scales(eps, rows, cols, c, ldc, g, incg, a, inca, top, scale, f, incf);
}

RZ_KERNEL ritz_plan_rows_f32(float eps, i64 rows, i64 cols, const float *c, i64 ldc, const float *g, i64 incg,
	const float *top, const float *scale, float *p, i64 ldp)
{
	rz::plan_rows(eps, rows, cols, c, ldc, g, incg, top, scale, p, ldp);
}
RZ_KERNEL ritz_plan_rows_f64(double eps, i64 rows, i64 cols, const double *c, i64 ldc, const double *g, i64 incg,
	const double *top, const double *scale, double *p, i64 ldp)
{
	rz::plan_rows(eps, rows, cols, c, ldc, g, incg, top, scale, p, ldp);
}

RZ_KERNEL ritz_plan_sums_f32(float eps, i64 rows, i64 cols, const float *c, i64 ldc, const float *g, i64 incg,
	const float *top, const float *scale, i64 height, double *partial)
{
	rz::plan_sums(eps, rows, cols, c, ldc, g, incg, top, scale, height, partial);
}
RZ_KERNEL ritz_plan_sums_f64(double eps, i64 rows, i64 cols, const double *c, i64 ldc, const double *g, i64 incg,
	const double *top, const double *scale, i64 height, double *partial)
{
	rz::plan_sums(eps, rows, cols, c, ldc, g, incg, top, scale, height, partial);
}
