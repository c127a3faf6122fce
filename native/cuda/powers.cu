// Sums of powers of X = α·A + β·B that do not overflow: the largest magnitude x
// of X, Σ(Xᵢⱼ/x)² and Σ(Xᵢⱼ/x)⁴.
//
//   power_sums    partial[3·block …] = the three numbers for the block's share
//   power_final   out[0 … 2] = the three numbers for all
//
// b = 0 means no second term. A running maximum divides the terms; when it
// grows, the sums so far shrink. So X is read once, where a first pass for the
// maximum and further ones for scaling and powers would read it four times and
// write it twice. Sums run in double. Who adds what in which order depends on the
// shape and the number of blocks alone. If X is not finite, x is not either.
//
// Memory bandwidth is the limit.
//
// Origin: Blue, A portable Fortran program to find the Euclidean norm of a
// vector, ACM TOMS 1978; the running maximum as in LAPACK's nrm2 before 3.10.
#include "rt.h"

namespace rz {

struct powers {
	double top, square, fourth;

	RZ_FN void shrink(double from, double to)
	{
		double f = from / to, f2 = f * f;
		square *= f2;
		fourth *= f2 * f2;
	}
	RZ_FN void add(double x)
	{
		x = abs(x);
		if (x == 0)
			return;
		if (x > top || x != x) { // NaN stays, as nothing is larger
			shrink(top, x);
			top = x;
		}
		double z = x / top;
		z *= z;
		square += z;
		fourth += z * z;
	}
	RZ_FN void join(powers o)
	{
		if (o.top == 0)
			return;
		if (o.top > top || o.top != o.top) {
			shrink(top, o.top);
			top = o.top;
		} else {
			o.shrink(o.top, top);
		}
		square += o.square;
		fourth += o.fourth;
	}
	// The result is in thread 0.
	RZ_FN void join_block()
	{
		__shared__ double part[3][WARPS];
#pragma unroll
		for (int lanes = LANES / 2; lanes > 0; lanes /= 2) {
			powers o = {across(top, lanes), across(square, lanes), across(fourth, lanes)};
			if (lane_of_warp() & lanes) { // both lanes join in the same order
				powers own = *this;
				*this = o;
				o = own;
			}
			join(o);
		}
		if (lane_of_warp() == 0) {
			part[0][warp_of_block()] = top;
			part[1][warp_of_block()] = square;
			part[2][warp_of_block()] = fourth;
		}
		__syncthreads();
		if (threadIdx.x == 0)
			for (int k = 1; k < WARPS; k++)
				join({part[0][k], part[1][k], part[2][k]});
	}
};

template <bool BOTH, class T>
RZ_FN powers power_share(T alpha, T beta, i64 rows, i64 cols, const T *a, i64 lda, const T *b, i64 ldb)
{
	enum { W = pack<T>::size };
	powers s = {0, 0, 0};
	bool aligned = rows_aligned(a, rows, lda) && (!BOTH || rows_aligned(b, rows, ldb));
	i64 packs = aligned ? cols / W : 0, rest = packs * W;
#pragma unroll 1
	for (walk w(rows, packs); w.inside(); w.next()) {
		pack<T> x = *(const pack<T> *)(a + w.i * lda + w.j * W), y = x;
		if constexpr (BOTH)
			y = *(const pack<T> *)(b + w.i * ldb + w.j * W);
#pragma unroll
		for (int k = 0; k < W; k++)
			s.add(BOTH ? alpha * x.v[k] + beta * y.v[k] : alpha * x.v[k]);
	}
#pragma unroll 1
	for (walk w(rows, cols - rest); w.inside(); w.next()) {
		T x = alpha * a[w.i * lda + rest + w.j];
		if constexpr (BOTH)
			x += beta * b[w.i * ldb + rest + w.j];
		s.add(x);
	}
	return s;
}

template <class T>
RZ_FN void power_sums(T alpha, T beta, i64 rows, i64 cols, const T *a, i64 lda, const T *b, i64 ldb, double *partial)
{
	powers s = b ? power_share<true>(alpha, beta, rows, cols, a, lda, b, ldb) : power_share<false>(alpha, beta, rows, cols, a, lda, b, ldb);
	s.join_block();
	if (threadIdx.x == 0) {
		partial[3 * blockIdx.x] = s.top;
		partial[3 * blockIdx.x + 1] = s.square;
		partial[3 * blockIdx.x + 2] = s.fourth;
	}
}

// No sums where 1/x is out of range.
template <class T> RZ_FN void power_final(i64 n, const double *partial, T *out, i64 incout)
{
	if (blockIdx.x > 0)
		return;
	powers s = {0, 0, 0};
	for (i64 k = threadIdx.x; k < n; k += THREADS)
		s.join({partial[3 * k], partial[3 * k + 1], partial[3 * k + 2]});
	s.join_block();
	if (threadIdx.x == 0) {
		T top = (T)s.top;
		bool none = is_inf(1 / top);
		out[0] = top;
		out[incout] = none ? 0 : (T)s.square;
		out[2 * incout] = none ? 0 : (T)s.fourth;
	}
}

} // namespace rz

using rz::i64;

RZ_KERNEL_WIDE ritz_power_sums_f32(float alpha, float beta, i64 rows, i64 cols, const float *a, i64 lda, const float *b, i64 ldb,
	double *partial)
{
	rz::power_sums(alpha, beta, rows, cols, a, lda, b, ldb, partial);
}
RZ_KERNEL_WIDE ritz_power_sums_f64(double alpha, double beta, i64 rows, i64 cols, const double *a, i64 lda, const double *b, i64 ldb,
	double *partial)
{
	rz::power_sums(alpha, beta, rows, cols, a, lda, b, ldb, partial);
}

RZ_KERNEL ritz_power_final_f32(i64 n, const double *partial, float *out, i64 incout) { rz::power_final(n, partial, out, incout); }
RZ_KERNEL ritz_power_final_f64(i64 n, const double *partial, double *out, i64 incout) { rz::power_final(n, partial, out, incout); }
