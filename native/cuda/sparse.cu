// Products of a sparse matrix in compressed rows with a dense block X of few
// columns, Y = α·A·X + β·Y:
//
//   sparse_rows       y[i,c] for the rows of at most so many elements
//   sparse_segments   partial[s,c] = Σ val[p]·x[col[p],c] over the segment s,
//                     which is a piece of a long row
//   sparse_join       y[i,c] for the long rows from their segments
//
// The elements of row i are val[p] in the columns col[p], start[i] ≤ p <
// start[i+1]. Sums run in double. With β = 0, Y is not read.
//
// A row belongs to a team of lanes of one warp: as many side by side as X has
// columns, up to 32 or four times as many columns in turn, and beside each
// other as many of those groups as suit the length of rows, each with every
// n-th element. So one vector has its elements read side by side, and many
// vectors have the rows of X read side by side. A row that would keep one warp
// busy while the others wait is cut into segments. Order and place of every
// addition depend on the matrix and the number of columns alone, so results
// repeat to the bit. Memory bandwidth is the limit: an element is read once for
// 128 columns.
//
// Origin: Bell and Garland, Implementing sparse matrix-vector multiplication
// on throughput-oriented processors, SC 2009; the cut of long rows as in Greathouse
// and Daga, Efficient sparse matrix-vector multiplication on GPUs using the CSR
// storage format, SC 2014.
#include "rt.h"

namespace rz {

// How the lanes of a team share the columns of X: width of them side by side,
// a power of two.
RZ_FN int width_for(i64 k)
{
	int width = 1;
	while (width < k && width < LANES)
		width *= 2;
	return width;
}

// Adds val[p]·x[col[p], c + r·width] over every step-th p from lo on to sum[r],
// and joins what the groups of a team have. Every lane of the warp calls it;
// lo = hi is for those without work.
template <int R, class T>
RZ_FN void dot(i64 lo, i64 hi, int width, int team, const int *col, const T *val, const T *x, i64 ldx, i64 c, i64 k, double *sum)
{
	int step = team / width;
#pragma unroll
	for (int r = 0; r < R; r++)
		sum[r] = 0;
	if (c < k) {
#pragma unroll 4
		for (i64 p = lo + (lane_of_warp() % team) / width; p < hi; p += step) {
			const T *row = x + col[p] * ldx + c;
			double v = val[p];
#pragma unroll
			for (int r = 0; r < R; r++)
				if (r == 0 || c + r * width < k)
					sum[r] += v * row[r * width];
		}
	}
	for (int lanes = width; lanes < team; lanes *= 2)
#pragma unroll
		for (int r = 0; r < R; r++)
			sum[r] += across(sum[r], lanes);
}

template <class T> RZ_FN void store(double sum, T alpha, T beta, T *y)
{
	double s = alpha * sum;
	*y = (T)(beta == 0 ? s : s + (double)beta * *y);
}

template <int R, class T>
RZ_FN void sparse_rows(int team, T alpha, T beta, i64 n, i64 k, i64 most, const i64 *start, const int *col, const T *val,
	const T *x, i64 ldx, T *y, i64 ldy)
{
	int width = width_for(k), lane = lane_of_warp() % team, rows = LANES / team;
	i64 tiles = (k + R * width - 1) / (R * width), tasks = (n + rows - 1) / rows * tiles;
#pragma unroll 1
	for (i64 t = (i64)blockIdx.x * WARPS + warp_of_block(); t < tasks; t += (i64)gridDim.x * WARPS) {
		i64 i = t / tiles * rows + lane_of_warp() / team, c = t % tiles * (R * width) + lane % width;
		i64 lo = 0, hi = 0;
		if (i < n) {
			lo = start[i];
			hi = start[i + 1];
		}
		bool here = i < n && hi - lo <= most;
		double sum[R];
		dot<R>(lo, here ? hi : lo, width, team, col, val, x, ldx, c, k, sum);
		if (here && lane < width)
#pragma unroll
			for (int r = 0; r < R; r++)
				if (c + r * width < k)
					store(sum[r], alpha, beta, y + i * ldy + c + r * width);
	}
}

template <int R, class T>
RZ_FN void sparse_segments(i64 n, i64 k, const i64 *segment, const int *col, const T *val, const T *x, i64 ldx, double *partial)
{
	int width = width_for(k), lane = lane_of_warp();
	i64 tiles = (k + R * width - 1) / (R * width), tasks = n * tiles;
#pragma unroll 1
	for (i64 t = (i64)blockIdx.x * WARPS + warp_of_block(); t < tasks; t += (i64)gridDim.x * WARPS) {
		i64 s = t / tiles, c = t % tiles * (R * width) + lane % width;
		double sum[R];
		dot<R>(segment[2 * s], segment[2 * s + 1], width, LANES, col, val, x, ldx, c, k, sum);
		if (lane < width)
#pragma unroll
			for (int r = 0; r < R; r++)
				if (c + r * width < k)
					partial[s * k + c + r * width] = sum[r];
	}
}

// Row l of the long ones is row[2l], its segments are those from row[2l+1] to
// row[2l+3].
template <class T>
RZ_FN void sparse_join(T alpha, T beta, i64 n, i64 k, const i64 *row, const double *partial, T *y, i64 ldy)
{
#pragma unroll 1
	for (walk w(n, k); w.inside(); w.next()) {
		double sum = 0;
#pragma unroll 1
		for (i64 s = row[2 * w.i + 1]; s < row[2 * w.i + 3]; s++)
			sum += partial[s * k + w.j];
		store(sum, alpha, beta, y + row[2 * w.i] * ldy + w.j);
	}
}

} // namespace rz

using rz::i64;

RZ_KERNEL ritz_sparse_rows_f32(int team, float alpha, float beta, i64 n, i64 k, i64 most, const i64 *start, const int *col,
	const float *val, const float *x, i64 ldx, float *y, i64 ldy)
{
	if (k <= rz::LANES)
		rz::sparse_rows<1>(team, alpha, beta, n, k, most, start, col, val, x, ldx, y, ldy);
	else
		rz::sparse_rows<4>(team, alpha, beta, n, k, most, start, col, val, x, ldx, y, ldy);
}
RZ_KERNEL ritz_sparse_rows_f64(int team, double alpha, double beta, i64 n, i64 k, i64 most, const i64 *start, const int *col,
	const double *val, const double *x, i64 ldx, double *y, i64 ldy)
{
	if (k <= rz::LANES)
		rz::sparse_rows<1>(team, alpha, beta, n, k, most, start, col, val, x, ldx, y, ldy);
	else
		rz::sparse_rows<4>(team, alpha, beta, n, k, most, start, col, val, x, ldx, y, ldy);
}

RZ_KERNEL ritz_sparse_segments_f32(i64 n, i64 k, const i64 *segment, const int *col, const float *val, const float *x, i64 ldx,
	double *partial)
{
	if (k <= rz::LANES)
		rz::sparse_segments<1>(n, k, segment, col, val, x, ldx, partial);
	else
		rz::sparse_segments<4>(n, k, segment, col, val, x, ldx, partial);
}
RZ_KERNEL ritz_sparse_segments_f64(i64 n, i64 k, const i64 *segment, const int *col, const double *val, const double *x, i64 ldx,
	double *partial)
{
	if (k <= rz::LANES)
		rz::sparse_segments<1>(n, k, segment, col, val, x, ldx, partial);
	else
		rz::sparse_segments<4>(n, k, segment, col, val, x, ldx, partial);
}

RZ_KERNEL ritz_sparse_join_f32(float alpha, float beta, i64 n, i64 k, const i64 *row, const double *partial, float *y, i64 ldy)
{
	rz::sparse_join(alpha, beta, n, k, row, partial, y, ldy);
}
RZ_KERNEL ritz_sparse_join_f64(double alpha, double beta, i64 n, i64 k, const i64 *row, const double *partial, double *y, i64 ldy)
{
	rz::sparse_join(alpha, beta, n, k, row, partial, y, ldy);
}
