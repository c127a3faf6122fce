// Derivatives along k directions, on their way through the elementwise parts of
// a network. Those of a rows×a matrix lie side by side: direction j is in the
// columns [j·a,(j+1)·a) of a rows×(k·a) matrix.
//
//   tangent_forward    u[i,j·a+t] ← u[i,j·a+t] + bias[j·a+t],
//                      y[i,j·a+t] = s[i,t]·u[i,j·a+t]
//   tangent_backward   e[i,j·a+t] ← s[i,t]·e[i,j·a+t] + c[i,t]·u[i,j·a+t], and the
//                      sums of e's columns over the rows [p·height,(p+1)·height)
//                      to row p of partial
//   softmax_tangent    u[i,j·a+t] ← p[i,t]·(u[i,j·a+t] - Σₛ p[i,s]·u[i,j·a+s])
//
// bias, partial, and c with u may be null. Memory bandwidth is the limit: u, y
// and e pass once, where the operations one by one would pass them up to eight
// times; s, c and p are k times smaller. The order of the sums depends on the
// shape alone.
//
// Origin: Pearlmutter, Fast exact multiplication by the Hessian, Neural
// Computation 6, 1994.
#include "rt.h"

namespace rz {

// The elements of a pack, or one.
template <bool PACKED, class T> struct piece {
	enum { W = PACKED ? pack<T>::size : 1 };
	T v[W];

	RZ_FN static piece of(const T *p)
	{
		piece x;
		if constexpr (PACKED) {
			pack<T> y = load_pack<true>(p);
#pragma unroll
			for (int l = 0; l < W; l++)
				x.v[l] = y.v[l];
		} else {
			x.v[0] = p[0];
		}
		return x;
	}
	RZ_FN void to(T *p) const
	{
		if constexpr (PACKED) {
			pack<T> y;
#pragma unroll
			for (int l = 0; l < W; l++)
				y.v[l] = v[l];
			*(pack<T> *)p = y;
		} else {
			p[0] = v[0];
		}
	}
};

template <bool PACKED, class T>
RZ_FN void tangent_forward_in(i64 rows, i64 k, i64 a, const T *bias, i64 incb, const T *s, i64 lds, T *u, i64 ldu, T *y,
	i64 ldy)
{
	typedef piece<PACKED, T> part;
	const i64 parts = a / part::W;
	walk at(rows, k * parts);
	i64 t = parts > 0 ? at.j % parts : 0, dt = parts > 0 ? at.dj % parts : 0;
#pragma unroll 1
	while (at.inside()) {
		i64 j = at.j * part::W;
		T *pu = u + at.i * ldu + j;
		part x = part::of(pu), f = part::of(s + at.i * lds + t * part::W), z;
		if (bias) {
#pragma unroll
			for (int l = 0; l < part::W; l++)
				x.v[l] += bias[(j + l) * incb];
			x.to(pu);
		}
#pragma unroll
		for (int l = 0; l < part::W; l++)
			z.v[l] = f.v[l] * x.v[l];
		z.to(y + at.i * ldy + j);
		at.next();
		t += dt; // the end of a row is the end of a direction
		t -= t >= parts ? parts : 0;
	}
}

template <class T>
RZ_FN void tangent_forward(i64 rows, i64 k, i64 a, const T *bias, i64 incb, const T *s, i64 lds, T *u, i64 ldu, T *y,
	i64 ldy)
{
	if (a % pack<T>::size == 0 && rows_aligned(s, rows, lds) && rows_aligned(u, rows, ldu) && rows_aligned(y, rows, ldy))
		tangent_forward_in<true>(rows, k, a, bias, incb, s, lds, u, ldu, y, ldy);
	else
		tangent_forward_in<false>(rows, k, a, bias, incb, s, lds, u, ldu, y, ldy);
}

// A block has a strip of 32 columns (fewer if there are fewer) of height rows at
// a time, and its threads are groups of that width that take every n-th row.
template <class T>
RZ_FN void tangent_backward(i64 rows, i64 k, i64 a, const T *s, i64 lds, const T *c, i64 ldc, const T *u, i64 ldu, T *e,
	i64 lde, i64 height, double *partial)
{
	__shared__ double sums[THREADS];
	const i64 cols = k * a;
	strips cut(rows, cols, height);
#pragma unroll 1
	for (i64 b = blockIdx.x; b < cut.count; b += gridDim.x) {
		strip at(cut, b);
		double sum = 0;
		if (at.j < cols) {
			i64 t = at.j % a;
#pragma unroll 1
			for (i64 i0 = at.first; i0 < at.end; i0 += 4 * cut.groups) {
				T x[4];
#pragma unroll
				for (int l = 0; l < 4; l++) { // all reads before the first write
					i64 i = i0 + l * cut.groups;
					x[l] = 0;
					if (i < at.end) {
						x[l] = s[i * lds + t] * e[i * lde + at.j];
						if (c)
							x[l] += c[i * ldc + t] * u[i * ldu + at.j];
					}
				}
#pragma unroll
				for (int l = 0; l < 4; l++) {
					i64 i = i0 + l * cut.groups;
					if (i < at.end)
						e[i * lde + at.j] = x[l];
					sum += x[l];
				}
			}
		}
		if (partial) {
			sum = join_groups(cut, sum, sums);
			if (at.group == 0 && at.j < cols)
				partial[at.piece * cols + at.j] = sum;
		}
	}
}

// As many lanes as a power of two that reaches a, at most a warp, have one
// direction of a row.
template <class T> RZ_FN void softmax_tangent(i64 rows, i64 k, i64 a, const T *p, i64 ldp, T *u, i64 ldu)
{
	int width = LANES;
	while (width > 1 && width / 2 >= a)
		width /= 2;
	const int teams = THREADS / width, team = threadIdx.x / width, lane = threadIdx.x % width;
#pragma unroll 1
	for (i64 n0 = (i64)blockIdx.x * teams; n0 < rows * k; n0 += (i64)gridDim.x * teams) {
		i64 n = n0 + team, i = n / k;
		i64 end = n < rows * k ? a : 0;
		const T *weight = p + i * ldp;
		T *x = u + i * ldu + (n - i * k) * a;
		double mean = 0;
		for (i64 t = lane; t < end; t += width)
			mean += (double)weight[t] * x[t];
		for (int lanes = width / 2; lanes > 0; lanes /= 2)
			mean += across(mean, lanes);
		for (i64 t = lane; t < end; t += width)
			x[t] = weight[t] * (x[t] - (T)mean);
	}
}

} // namespace rz

using rz::i64;

RZ_KERNEL ritz_tangent_forward_f32(i64 rows, i64 k, i64 a, const float *bias, i64 incb, const float *s, i64 lds, float *u,
	i64 ldu, float *y, i64 ldy)
{
	rz::tangent_forward(rows, k, a, bias, incb, s, lds, u, ldu, y, ldy);
}
RZ_KERNEL ritz_tangent_forward_f64(i64 rows, i64 k, i64 a, const double *bias, i64 incb, const double *s, i64 lds, double *u,
	i64 ldu, double *y, i64 ldy)
{
	rz::tangent_forward(rows, k, a, bias, incb, s, lds, u, ldu, y, ldy);
}

RZ_KERNEL ritz_tangent_backward_f32(i64 rows, i64 k, i64 a, const float *s, i64 lds, const float *c, i64 ldc, const float *u,
	i64 ldu, float *e, i64 lde, i64 height, double *partial)
{
	rz::tangent_backward(rows, k, a, s, lds, c, ldc, u, ldu, e, lde, height, partial);
}
RZ_KERNEL ritz_tangent_backward_f64(i64 rows, i64 k, i64 a, const double *s, i64 lds, const double *c, i64 ldc, const double *u,
	i64 ldu, double *e, i64 lde, i64 height, double *partial)
{
	rz::tangent_backward(rows, k, a, s, lds, c, ldc, u, ldu, e, lde, height, partial);
}

RZ_KERNEL ritz_softmax_tangent_f32(i64 rows, i64 k, i64 a, const float *p, i64 ldp, float *u, i64 ldu)
{
	rz::softmax_tangent(rows, k, a, p, ldp, u, ldu);
}
RZ_KERNEL ritz_softmax_tangent_f64(i64 rows, i64 k, i64 a, const double *p, i64 ldp, double *u, i64 ldu)
{
	rz::softmax_tangent(rows, k, a, p, ldp, u, ldu);
}
