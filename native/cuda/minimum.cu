// Minima along the rows or the columns of a row-major matrix C of costs, the
// limits of soft minima for ε → 0:
//
//   min_rows   f[i] = minⱼ (C[i,j] - g[j]) and d[i] = Σⱼ C[i,j]·w[j], where a cost
//              +Inf counts 0
//   min_cols   h[j] = minᵢ (C[i,j] - f[i]), or, unless partial is null, those over the
//              rows i in [p·height,(p+1)·height) to partial[p,j]
//
// w and d may be null. A NaN survives. Memory bandwidth is the limit: each
// kernel reads C once and stores no differences. The order of the sums depends on
// the shape alone.
//
// Origin: the c-transform of Kantorovich's duality, Villani, Optimal Transport:
// Old and New, 2009, chapter 5.
#include "rt.h"

namespace rz {

template <class T> RZ_FN T least(T s, T v) { return v < s || v != v ? v : s; }

// The share of a thread in a row.
template <class T> struct row_share {
	T low;
	double sum;

	RZ_FN void add(T c, T g, const T *w)
	{
		low = least(low, c - g);
		if (w)
			sum += c == inf<T>() ? 0 : (double)c * *w;
	}
	RZ_FN void join_lanes()
	{
		for (int lanes = LANES / 2; lanes > 0; lanes /= 2) {
			low = least(low, across(low, lanes));
			sum += across(sum, lanes);
		}
	}
};

// The share of thread me of n.
template <bool ALIGNED, class T>
RZ_FN row_share<T> min_row(const T *c, const T *g, i64 incg, const T *w, i64 incw, i64 cols, int me, int n)
{
	row_share<T> s = {inf<T>(), 0};
	i64 whole = cols / 4 * 4;
#pragma unroll 1
	for (i64 j = 4 * me; j < whole; j += 4 * n) {
		T x[4], y[4];
		load_four<ALIGNED>(c + j, 1, x);
		load_four<ALIGNED>(g + j * incg, incg, y);
#pragma unroll
		for (int l = 0; l < 4; l++)
			s.add(x[l], y[l], w ? w + (j + l) * incw : nullptr);
	}
	if (whole + me < cols) { // at most three are left
		i64 j = whole + me;
		s.add(c[j], g[j * incg], w ? w + j * incw : nullptr);
	}
	return s;
}

template <bool ALIGNED, class T>
RZ_FN void min_rows_loaded(i64 rows, i64 cols, const T *c, i64 ldc, const T *g, i64 incg, const T *w, i64 incw, T *f, i64 incf,
	T *d, i64 incd)
{
	__shared__ T low[WARPS];
	__shared__ double sum[WARPS];
	if (cols <= 1024) { // a warp for each row
		for (i64 i = (i64)blockIdx.x * WARPS + warp_of_block(); i < rows; i += (i64)gridDim.x * WARPS) {
			row_share<T> s = min_row<ALIGNED>(c + i * ldc, g, incg, w, incw, cols, lane_of_warp(), LANES);
			s.join_lanes();
			if (lane_of_warp() == 0) {
				f[i * incf] = s.low;
				if (w)
					d[i * incd] = (T)s.sum;
			}
		}
		return;
	}
	for (i64 i = blockIdx.x; i < rows; i += gridDim.x) {
		row_share<T> s = min_row<ALIGNED>(c + i * ldc, g, incg, w, incw, cols, threadIdx.x, THREADS);
		s.join_lanes();
		if (lane_of_warp() == 0) {
			low[warp_of_block()] = s.low;
			sum[warp_of_block()] = s.sum;
		}
		__syncthreads();
		if (threadIdx.x == 0) {
			for (int l = 1; l < WARPS; l++) {
				s.low = least(s.low, low[l]);
				s.sum += sum[l];
			}
			f[i * incf] = s.low;
			if (w)
				d[i * incd] = (T)s.sum;
		}
		__syncthreads(); // low and sum are free again
	}
}

template <class T>
RZ_FN void min_rows(i64 rows, i64 cols, const T *c, i64 ldc, const T *g, i64 incg, const T *w, i64 incw, T *f, i64 incf, T *d,
	i64 incd)
{
	if (rows_aligned(c, rows, ldc) && rows_aligned(g, 1, 1) && incg == 1)
		min_rows_loaded<true>(rows, cols, c, ldc, g, incg, w, incw, f, incf, d, incd);
	else
		min_rows_loaded<false>(rows, cols, c, ldc, g, incg, w, incw, f, incf, d, incd);
}

template <class T>
RZ_FN void min_cols(i64 rows, i64 cols, const T *c, i64 ldc, const T *f, i64 incf, i64 height, T *h, i64 inch, double *partial)
{
	__shared__ T low[THREADS];
	strips cut(rows, cols, height);
#pragma unroll 1
	for (i64 b = blockIdx.x; b < cut.count; b += gridDim.x) {
		strip at(cut, b);
		T s = inf<T>();
		if (at.j < cols) {
#pragma unroll 4
			for (i64 i = at.first; i < at.end; i += cut.groups)
				s = least(s, c[i * ldc + at.j] - f[i * incf]);
		}
		low[threadIdx.x] = s;
		for (int half = cut.groups / 2; half > 0; half /= 2) {
			__syncthreads();
			if (at.group < half)
				low[threadIdx.x] = least(low[threadIdx.x], low[threadIdx.x + half * cut.width]);
		}
		if (at.group == 0 && at.j < cols) {
			if (partial)
				partial[at.piece * cols + at.j] = low[threadIdx.x];
			else
				h[at.j * inch] = low[threadIdx.x];
		}
		__syncthreads(); // low is free again
	}
}

} // namespace rz

using rz::i64;

RZ_KERNEL ritz_min_rows_f32(i64 rows, i64 cols, const float *c, i64 ldc, const float *g, i64 incg, const float *w, i64 incw,
	float *f, i64 incf, float *d, i64 incd)
{
	rz::min_rows(rows, cols, c, ldc, g, incg, w, incw, f, incf, d, incd);
}
RZ_KERNEL ritz_min_rows_f64(i64 rows, i64 cols, const double *c, i64 ldc, const double *g, i64 incg, const double *w, i64 incw,
	double *f, i64 incf, double *d, i64 incd)
{
	rz::min_rows(rows, cols, c, ldc, g, incg, w, incw, f, incf, d, incd);
}

RZ_KERNEL ritz_min_cols_f32(i64 rows, i64 cols, const float *c, i64 ldc, const float *f, i64 incf, i64 height, float *h,
	i64 inch, double *partial)
{
	rz::min_cols(rows, cols, c, ldc, f, incf, height, h, inch, partial);
}
RZ_KERNEL ritz_min_cols_f64(i64 rows, i64 cols, const double *c, i64 ldc, const double *f, i64 incf, i64 height, double *h,
	i64 inch, double *partial)
{
	rz::min_cols(rows, cols, c, ldc, f, incf, height, h, inch, partial);
}
