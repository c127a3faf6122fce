// Reductions of row-major matrices: sum, sum of squares, sum of absolute
// values, maximum, minimum, largest absolute value, and the dot product, which
// is the sum over A∘B.
//
//   reduce_rows    out[i] = Σⱼ A[i,j]
//   reduce_cols    out[j] = Σᵢ A[i,j]
//   reduce_whole   partial[block] = the block's share of Σᵢⱼ A[i,j]
//   reduce_final   out[0] = Σ partial
//   reduce_strips  partial[p,j] = Σᵢ A[i,j] over the rows i in [p·height,(p+1)·height)
//   reduce_pieces  out[j] = Σₚ partial[p,j], or keep·out[j] + Σₚ partial[p,j] of a
//                  sum: what this and other kernels leave for pieces of their rows;
//                  keep = 0 reads nothing
//
// With b = 0 the sum is over the elements of A, else it is the dot product.
// Sums run in double. Which thread adds which element, and in which order,
// depends on the shape alone (of reduce_whole: and on the number of blocks),
// never on addresses or on which block runs first, so results repeat to the
// bit. A NaN survives every reduction.
//
// Memory bandwidth is the limit: rows are read 16 bytes at a time, columns by
// warps that each read 32 neighbours.
//
// Origin: definitions; trees over shuffles as in Harris, Optimizing parallel
// reduction in CUDA, 2007.
#include "rt.h"

namespace rz {

// The values of goapi/device's Reduction.
enum { SUM, SUM_SQUARES, SUM_ABS, MAX, MIN, MAX_ABS };

// What is compiled: each reduction is one of these.
enum kind { ADDED, MULTIPLIED, LARGEST };

// How an element enters: as |x|, or, for the minimum, as -x.
struct reading {
	bool absolute, negative;

	RZ_FN double element(double x) const { return absolute ? abs(x) : negative ? -x : x; }
	RZ_FN double result(double s) const { return negative ? -s : s; }
};

// The reduction of nothing.
template <kind K> RZ_FN double initial(reading e) { return K == LARGEST && !e.absolute ? -inf<double>() : 0; }

// Adds the partial result v to s. A NaN on either side survives.
template <kind K> RZ_FN double join(double s, double v)
{
	if (K == LARGEST)
		return v > s || v != v ? v : s;
	return s + v;
}

// Adds the element x, or the product of x and y, to s.
template <kind K> RZ_FN double accumulate(reading e, double s, double x, double y)
{
	return K == MULTIPLIED ? s + x * y : join<K>(s, e.element(x));
}

template <kind K> RZ_FN double join_warp(double s)
{
#pragma unroll
	for (int lanes = LANES / 2; lanes > 0; lanes /= 2)
		s = join<K>(s, across(s, lanes));
	return s;
}

// The result is in thread 0.
template <kind K> RZ_FN double join_block(double s)
{
	__shared__ double warps[WARPS];
	s = join_warp<K>(s);
	if (lane_of_warp() == 0)
		warps[warp_of_block()] = s;
	__syncthreads();
	if (threadIdx.x == 0)
		for (int k = 1; k < WARPS; k++)
			s = join<K>(s, warps[k]);
	__syncthreads(); // warps is free again
	return s;
}

// A matrix to reduce, and the second operand of products.
template <class T> struct operands {
	i64 rows, cols;
	const T *a;
	i64 lda;
	const T *b;
	i64 ldb;
	i64 height = 0; // of the pieces of reduce_strips

	RZ_FN bool aligned() const { return rows_aligned(a, rows, lda) && rows_aligned(b, rows, ldb); }
};

// What one thread adds up. The accumulators of a pack's elements are
// independent, so that no addition waits for the one before.
template <kind K, bool ALIGNED, class T> struct share {
	enum { W = pack<T>::size };
	reading e;
	double s[W];

	RZ_FN share(reading e) : e(e)
	{
#pragma unroll
		for (int k = 0; k < W; k++)
			s[k] = initial<K>(e);
	}
	RZ_FN void add_pack(const T *a, const T *b)
	{
		pack<T> x = load_pack<ALIGNED>(a), y = x;
		if (K == MULTIPLIED)
			y = load_pack<ALIGNED>(b);
#pragma unroll
		for (int k = 0; k < W; k++)
			s[k] = accumulate<K>(e, s[k], x.v[k], y.v[k]);
	}
	RZ_FN void add(const T *a, const T *b) { s[0] = accumulate<K>(e, s[0], *a, K == MULTIPLIED ? *b : 0); }

	// The elements of the row i for thread me of n.
	RZ_FN void add_row(const operands<T> &m, i64 i, int me, int n)
	{
		const T *a = m.a + i * m.lda, *b = m.b + i * m.ldb;
		i64 packs = m.cols / W;
#pragma unroll 1
		for (i64 j = me; j < packs; j += n)
			add_pack(a + j * W, b + j * W);
#pragma unroll 1
		for (i64 j = packs * W + me; j < m.cols; j += n)
			add(a + j, b + j);
	}
	// The elements of the whole matrix for this thread of the grid.
	RZ_FN void add_whole(const operands<T> &m)
	{
		i64 packs = m.cols / W, rest = packs * W;
#pragma unroll 1
		for (walk w(m.rows, packs); w.inside(); w.next())
			add_pack(m.a + w.i * m.lda + w.j * W, m.b + w.i * m.ldb + w.j * W);
#pragma unroll 1
		for (walk w(m.rows, m.cols - rest); w.inside(); w.next())
			add(m.a + w.i * m.lda + rest + w.j, m.b + w.i * m.ldb + rest + w.j);
	}
	RZ_FN double total() const
	{
		double t = s[0];
#pragma unroll
		for (int k = 1; k < W; k++)
			t = join<K>(t, s[k]);
		return t;
	}
};

template <kind K> struct by_rows {
	template <bool ALIGNED, class T> RZ_FN static void run(reading e, const operands<T> &m, T *out, i64 incout)
	{
		if (m.cols <= 1024) { // a warp for each row
#pragma unroll 1
			for (i64 i = (i64)blockIdx.x * WARPS + warp_of_block(); i < m.rows; i += (i64)gridDim.x * WARPS) {
				share<K, ALIGNED, T> sum(e);
				sum.add_row(m, i, lane_of_warp(), LANES);
				double s = join_warp<K>(sum.total());
				if (lane_of_warp() == 0)
					out[i * incout] = e.result(s);
			}
			return;
		}
#pragma unroll 1
		for (i64 i = blockIdx.x; i < m.rows; i += gridDim.x) {
			share<K, ALIGNED, T> sum(e);
			sum.add_row(m, i, threadIdx.x, THREADS);
			double s = join_block<K>(sum.total());
			if (threadIdx.x == 0)
				out[i * incout] = e.result(s);
		}
	}
	template <class T> RZ_FN static void run(reading e, const operands<T> &m, T *out, i64 incout)
	{
		if (m.aligned())
			run<true>(e, m, out, incout);
		else
			run<false>(e, m, out, incout);
	}
};

// A block has a strip of 32 columns (fewer if the matrix has fewer), and its
// threads are groups of that width that take every n-th row.
template <kind K> struct by_cols {
	template <class T> RZ_FN static void run(reading e, const operands<T> &m, T *out, i64 incout)
	{
		__shared__ double part[THREADS];
		int width = LANES;
		while (width / 2 >= m.cols)
			width /= 2;
		int groups = THREADS / width, x = threadIdx.x % width, group = threadIdx.x / width;
#pragma unroll 1
		for (i64 j0 = (i64)blockIdx.x * width; j0 < m.cols; j0 += (i64)gridDim.x * width) {
			i64 j = j0 + x;
			double s = initial<K>(e);
			if (j < m.cols) {
#pragma unroll 4
				for (i64 i = group; i < m.rows; i += groups)
					s = accumulate<K>(e, s, m.a[i * m.lda + j], K == MULTIPLIED ? m.b[i * m.ldb + j] : 0);
			}
			part[threadIdx.x] = s;
			for (int half = groups / 2; half > 0; half /= 2) {
				__syncthreads();
				if (group < half)
					part[threadIdx.x] = join<K>(part[threadIdx.x], part[threadIdx.x + half * width]);
			}
			if (group == 0 && j < m.cols)
				out[j * incout] = e.result(part[threadIdx.x]);
			__syncthreads(); // part is free again
		}
	}
};

// As by_cols, but for pieces of the rows at a time, which tall and narrow matrices
// need to keep more than a few blocks busy.
template <kind K> struct by_strips {
	template <class T> RZ_FN static void run(reading e, const operands<T> &m, double *partial, i64)
	{
		__shared__ double part[THREADS];
		strips cut(m.rows, m.cols, m.height);
#pragma unroll 1
		for (i64 b = blockIdx.x; b < cut.count; b += gridDim.x) {
			strip at(cut, b);
			double s = initial<K>(e);
			if (at.j < m.cols) {
#pragma unroll 4
				for (i64 i = at.first; i < at.end; i += cut.groups)
					s = accumulate<K>(e, s, m.a[i * m.lda + at.j], K == MULTIPLIED ? m.b[i * m.ldb + at.j] : 0);
			}
			part[threadIdx.x] = s;
			for (int half = cut.groups / 2; half > 0; half /= 2) {
				__syncthreads();
				if (at.group < half)
					part[threadIdx.x] = join<K>(part[threadIdx.x], part[threadIdx.x + half * cut.width]);
			}
			if (at.group == 0 && at.j < m.cols)
				partial[at.piece * m.cols + at.j] = e.result(part[threadIdx.x]);
			__syncthreads(); // part is free again
		}
	}
};

template <kind K> struct by_whole {
	template <bool ALIGNED, class T> RZ_FN static double total(reading e, const operands<T> &m)
	{
		share<K, ALIGNED, T> sum(e);
		sum.add_whole(m);
		return sum.total();
	}
	template <class T> RZ_FN static void run(reading e, const operands<T> &m, double *partial, i64)
	{
		double s = join_block<K>(m.aligned() ? total<true>(e, m) : total<false>(e, m));
		if (threadIdx.x == 0)
			partial[blockIdx.x] = e.result(s);
	}
};

// Runs one of the three for a reduction known at run time. The sum of squares
// is the product of A and A.
template <template <kind> class BY, class T, class O> RZ_FN void reduce(int r, operands<T> m, O *out, i64 incout)
{
	reading e = {r == SUM_ABS || r == MAX_ABS, r == MIN};
	if (!m.b) {
		m.b = m.a;
		m.ldb = m.lda;
		if (r >= MAX)
			return BY<LARGEST>::run(e, m, out, incout);
		if (r != SUM_SQUARES)
			return BY<ADDED>::run(e, m, out, incout);
	}
	BY<MULTIPLIED>::run(e, m, out, incout);
}

// Partial results are added for every sum, and compared for the others.
template <kind K, class T> RZ_FN void join_partial(reading e, i64 n, const double *partial, T *out)
{
	double s = initial<K>(e);
	for (i64 k = threadIdx.x; k < n; k += THREADS)
		s = join<K>(s, e.element(partial[k]));
	s = join_block<K>(s);
	if (threadIdx.x == 0)
		out[0] = e.result(s);
}

template <class T> RZ_FN void reduce_final(int r, i64 n, const double *partial, T *out)
{
	reading e = {r == MAX_ABS, r == MIN};
	if (blockIdx.x > 0)
		return;
	if (r >= MAX)
		join_partial<LARGEST>(e, n, partial, out);
	else
		join_partial<ADDED>(e, n, partial, out);
}

template <kind K, class T>
RZ_FN void join_pieces(reading e, i64 pieces, i64 cols, const double *partial, i64 ldp, T keep, T *out, i64 incout)
{
	for (i64 j = thread_of_grid(); j < cols; j += threads_of_grid()) {
		double s = K == LARGEST ? initial<K>(e) : keep == 0 ? 0 : (double)keep * out[j * incout];
#pragma unroll 4
		for (i64 p = 0; p < pieces; p++)
			s = join<K>(s, e.element(partial[p * ldp + j]));
		out[j * incout] = (T)e.result(s);
	}
}

template <class T>
RZ_FN void reduce_pieces(int r, i64 pieces, i64 cols, const double *partial, i64 ldp, T keep, T *out, i64 incout)
{
	reading e = {r == MAX_ABS, r == MIN};
	if (r >= MAX)
		join_pieces<LARGEST>(e, pieces, cols, partial, ldp, keep, out, incout);
	else
		join_pieces<ADDED>(e, pieces, cols, partial, ldp, keep, out, incout);
}

} // namespace rz

using rz::i64;

RZ_KERNEL ritz_reduce_rows_f32(int r, i64 rows, i64 cols, const float *a, i64 lda, const float *b, i64 ldb,
	float *out, i64 incout)
{
	rz::reduce<rz::by_rows, float>(r, {rows, cols, a, lda, b, ldb}, out, incout);
}
RZ_KERNEL ritz_reduce_rows_f64(int r, i64 rows, i64 cols, const double *a, i64 lda, const double *b, i64 ldb,
	double *out, i64 incout)
{
	rz::reduce<rz::by_rows, double>(r, {rows, cols, a, lda, b, ldb}, out, incout);
}

RZ_KERNEL ritz_reduce_cols_f32(int r, i64 rows, i64 cols, const float *a, i64 lda, const float *b, i64 ldb,
	float *out, i64 incout)
{
	rz::reduce<rz::by_cols, float>(r, {rows, cols, a, lda, b, ldb}, out, incout);
}
RZ_KERNEL ritz_reduce_cols_f64(int r, i64 rows, i64 cols, const double *a, i64 lda, const double *b, i64 ldb,
	double *out, i64 incout)
{
	rz::reduce<rz::by_cols, double>(r, {rows, cols, a, lda, b, ldb}, out, incout);
}

RZ_KERNEL ritz_reduce_whole_f32(int r, i64 rows, i64 cols, const float *a, i64 lda, const float *b, i64 ldb,
	double *partial)
{
	rz::reduce<rz::by_whole, float>(r, {rows, cols, a, lda, b, ldb}, partial, 1);
}
RZ_KERNEL_WIDE ritz_reduce_whole_f64(int r, i64 rows, i64 cols, const double *a, i64 lda, const double *b, i64 ldb,
	double *partial)
{
	rz::reduce<rz::by_whole, double>(r, {rows, cols, a, lda, b, ldb}, partial, 1);
}

RZ_KERNEL ritz_reduce_final_f32(int r, i64 n, const double *partial, float *out) { rz::reduce_final(r, n, partial, out); }
RZ_KERNEL ritz_reduce_final_f64(int r, i64 n, const double *partial, double *out) { rz::reduce_final(r, n, partial, out); }

RZ_KERNEL ritz_reduce_strips_f32(int r, i64 rows, i64 cols, const float *a, i64 lda, const float *b, i64 ldb, i64 height,
	double *partial)
{
	rz::reduce<rz::by_strips, float>(r, {rows, cols, a, lda, b, ldb, height}, partial, 1);
}
RZ_KERNEL ritz_reduce_strips_f64(int r, i64 rows, i64 cols, const double *a, i64 lda, const double *b, i64 ldb, i64 height,
	double *partial)
{
	rz::reduce<rz::by_strips, double>(r, {rows, cols, a, lda, b, ldb, height}, partial, 1);
}

RZ_KERNEL ritz_reduce_pieces_f32(int r, i64 pieces, i64 cols, const double *partial, i64 ldp, float keep, float *out, i64 incout)
{
	rz::reduce_pieces(r, pieces, cols, partial, ldp, keep, out, incout);
}
RZ_KERNEL ritz_reduce_pieces_f64(int r, i64 pieces, i64 cols, const double *partial, i64 ldp, double keep, double *out, i64 incout)
{
	rz::reduce_pieces(r, pieces, cols, partial, ldp, keep, out, incout);
}
