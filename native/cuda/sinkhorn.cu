// Sinkhorn's scaling iteration on a row-major matrix:
//
//   gibbs          P[i,j] = exp((f[i] + g[j] - C[i,j])/ε); P may be C
//   scaling_rows   u[i] = a[i] / Σⱼ K[i,j]·v[j], with 0/0 = 0
//   plan_count     count[i] = how many P[i,j], of the P above, are at least so large
//   plan_entries   their columns and values, row by row and in order, row i from
//                  start[i] on
//
// Memory bandwidth is the limit. The order of the sums depends on the shape
// alone.
//
// Origin: Cuturi, Sinkhorn distances: lightspeed computation of optimal
// transport, NeurIPS 2013.
#include "rt.h"

namespace rz {

template <class T> RZ_FN T plan(T f, T g, T c, T inverse) { return exp((f + g - c) * inverse); }

template <class T>
RZ_FN void gibbs(T eps, i64 rows, i64 cols, const T *f, i64 incf, const T *g, i64 incg, const T *c, i64 ldc,
	T *out, i64 ldo)
{
	T inverse = 1 / eps;
	zip(false, rows, cols, c, ldc, c, ldc, out, ldo,
		[=](i64 i, i64 j, T x, T) { return plan(f[i * incf], g[j * incg], x, inverse); });
}

// A warp has a row and calls keep(column, value, number among those of the row)
// for its large elements. Returns how many there are.
template <class T, class Keep>
RZ_FN int large_of_row(T inverse, i64 cols, T f, const T *g, i64 incg, const T *c, T least, Keep keep)
{
	int found = 0;
	for (i64 j0 = 0; j0 < cols; j0 += LANES) {
		i64 j = j0 + lane_of_warp();
		T v = j < cols ? plan(f, g[j * incg], c[j], inverse) : (T)0;
		unsigned large = __ballot_sync(0xffffffffu, v >= least); // least is positive
		if (v >= least)
			keep(j, v, found + __popc(large & ((1u << lane_of_warp()) - 1)));
		found += __popc(large);
	}
	return found;
}

template <class T>
RZ_FN void plan_count(T eps, i64 rows, i64 cols, const T *f, i64 incf, const T *g, i64 incg, const T *c, i64 ldc, T least,
	int *count)
{
	for (i64 i = (i64)blockIdx.x * WARPS + warp_of_block(); i < rows; i += (i64)gridDim.x * WARPS) {
		int n = large_of_row(1 / eps, cols, f[i * incf], g, incg, c + i * ldc, least, [](i64, T, int) {});
		if (lane_of_warp() == 0)
			count[i] = n;
	}
}

template <class T>
RZ_FN void plan_entries(T eps, i64 rows, i64 cols, const T *f, i64 incf, const T *g, i64 incg, const T *c, i64 ldc, T least,
	const i64 *start, int *column, T *value)
{
	for (i64 i = (i64)blockIdx.x * WARPS + warp_of_block(); i < rows; i += (i64)gridDim.x * WARPS) {
		i64 at = start[i];
		large_of_row(1 / eps, cols, f[i * incf], g, incg, c + i * ldc, least, [=](i64 j, T v, int n) {
			column[at + n] = (int)j;
			value[at + n] = v;
		});
	}
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
	rz::row_products(rows, cols, k, ldk, v, incv, [=](i64 i, float sum) { u[i * incu] = rz::share_of(a[i * inca], sum); });
}
RZ_KERNEL ritz_scaling_rows_f64(i64 rows, i64 cols, const double *k, i64 ldk, const double *a, i64 inca,
	const double *v, i64 incv, double *u, i64 incu)
{
	rz::row_products(rows, cols, k, ldk, v, incv, [=](i64 i, double sum) { u[i * incu] = rz::share_of(a[i * inca], sum); });
}

RZ_KERNEL ritz_plan_count_f32(float eps, i64 rows, i64 cols, const float *f, i64 incf, const float *g, i64 incg, const float *c,
	i64 ldc, float least, int *count)
{
	rz::plan_count(eps, rows, cols, f, incf, g, incg, c, ldc, least, count);
}
RZ_KERNEL ritz_plan_count_f64(double eps, i64 rows, i64 cols, const double *f, i64 incf, const double *g, i64 incg, const double *c,
	i64 ldc, double least, int *count)
{
	rz::plan_count(eps, rows, cols, f, incf, g, incg, c, ldc, least, count);
}

RZ_KERNEL ritz_plan_entries_f32(float eps, i64 rows, i64 cols, const float *f, i64 incf, const float *g, i64 incg, const float *c,
	i64 ldc, float least, const i64 *start, int *column, float *value)
{
	rz::plan_entries(eps, rows, cols, f, incf, g, incg, c, ldc, least, start, column, value);
}
RZ_KERNEL ritz_plan_entries_f64(double eps, i64 rows, i64 cols, const double *f, i64 incf, const double *g, i64 incg, const double *c,
	i64 ldc, double least, const i64 *start, int *column, double *value)
{
	rz::plan_entries(eps, rows, cols, f, incf, g, incg, c, ldc, least, start, column, value);
}
