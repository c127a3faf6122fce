// Matrices of float32 beside numbers of float64, which are read in twice the
// time:
//
//   recast         B = A, with elements of the other type
//   narrow_gibbs   K[i,j] = exp((f[i] + g[j] - C[i,j])/ε), rounded to float32
//   narrow_rows    u[i] = a[i] / Σⱼ K[i,j]·v[j], with 0/0 = 0
//   narrow_cols    Σᵢ K[i,j]·u[i] over the rows i in [p·height,(p+1)·height) to
//                  partial[p,j]
//
// recast_f32 is that to float32, recast_f64 that to float64; the others are for
// numbers of float64 alone. Memory bandwidth is the limit: K passes twice in an
// iteration, with half of the bytes of float64. Products and sums are float64.
// The order of the sums depends on the shape alone.
//
// Origin: the scaling iteration of Cuturi, Sinkhorn distances, NeurIPS 2013; a
// matrix stored more narrowly than what is computed with it, as in Anzt et al.,
// Adaptive precision in block-Jacobi preconditioning, 2019.
#include "rt.h"

namespace rz {

template <class T> struct alignas(2 * sizeof(T)) two {
	T v[2];
};

template <class T> RZ_FN bool twos(const T *a, i64 rows, i64 lda)
{
	return ((u64)a & (2 * sizeof(T) - 1)) == 0 && (rows == 1 || lda % 2 == 0);
}

// B = op(i, j, A).
template <class A, class B, class Op>
RZ_FN void convert(i64 rows, i64 cols, const A *a, i64 lda, B *b, i64 ldb, Op op)
{
	i64 pairs = twos(a, rows, lda) && twos(b, rows, ldb) ? cols / 2 : 0, rest = 2 * pairs;
#pragma unroll 1
	for (walk w(rows, pairs); w.inside(); w.next()) {
		two<A> x = *(const two<A> *)(a + w.i * lda + 2 * w.j);
		two<B> y = {{(B)op(w.i, 2 * w.j, x.v[0]), (B)op(w.i, 2 * w.j + 1, x.v[1])}};
		*(two<B> *)(b + w.i * ldb + 2 * w.j) = y;
	}
#pragma unroll 1
	for (walk w(rows, cols - rest); w.inside(); w.next())
		b[w.i * ldb + rest + w.j] = (B)op(w.i, rest + w.j, a[w.i * lda + rest + w.j]);
}

RZ_FN void narrow_gibbs(double eps, i64 rows, i64 cols, const double *f, i64 incf, const double *g, i64 incg, const double *c,
	i64 ldc, float *k, i64 ldk)
{
	double inverse = 1 / eps;
	convert(rows, cols, c, ldc, k, ldk, [=](i64 i, i64 j, double x) { return exp((f[i * incf] + g[j * incg] - x) * inverse); });
}

RZ_FN void narrow_cols(i64 rows, i64 cols, const float *k, i64 ldk, const double *u, i64 incu, i64 height, double *partial)
{
	__shared__ double shared[THREADS];
	strips cut(rows, cols, height);
#pragma unroll 1
	for (i64 b = blockIdx.x; b < cut.count; b += gridDim.x) {
		strip at(cut, b);
		double sum = 0;
		if (at.j < cols) {
#pragma unroll 4
			for (i64 i = at.first; i < at.end; i += cut.groups)
				sum += k[i * ldk + at.j] * u[i * incu];
		}
		sum = join_groups(cut, sum, shared);
		if (at.group == 0 && at.j < cols)
			partial[at.piece * cols + at.j] = sum;
	}
}

} // namespace rz

using rz::i64;

RZ_KERNEL ritz_recast_f32(i64 rows, i64 cols, const double *a, i64 lda, float *b, i64 ldb)
{
	rz::convert(rows, cols, a, lda, b, ldb, [](i64, i64, double x) { return x; });
}
RZ_KERNEL ritz_recast_f64(i64 rows, i64 cols, const float *a, i64 lda, double *b, i64 ldb)
{
	rz::convert(rows, cols, a, lda, b, ldb, [](i64, i64, float x) { return x; });
}

RZ_KERNEL ritz_narrow_gibbs_f64(double eps, i64 rows, i64 cols, const double *f, i64 incf, const double *g, i64 incg,
	const double *c, i64 ldc, float *k, i64 ldk)
{
	rz::narrow_gibbs(eps, rows, cols, f, incf, g, incg, c, ldc, k, ldk);
}

RZ_KERNEL ritz_narrow_rows_f64(i64 rows, i64 cols, const float *k, i64 ldk, const double *a, i64 inca, const double *v, i64 incv,
	double *u, i64 incu)
{
	rz::row_products(rows, cols, k, ldk, v, incv, [=](i64 i, double sum) { u[i * incu] = rz::share_of(a[i * inca], sum); });
}

RZ_KERNEL ritz_narrow_cols_f64(i64 rows, i64 cols, const float *k, i64 ldk, const double *u, i64 incu, i64 height,
	double *partial)
{
	rz::narrow_cols(rows, cols, k, ldk, u, incu, height, partial);
}
