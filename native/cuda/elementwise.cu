// Element by element operations on row-major matrices, and those that move
// elements. Memory bandwidth limits all of them: rows are read and written 16
// bytes at a time where their alignment allows it, transpositions go through
// tiles in shared memory so that both sides are read and written along rows.
//
//   fill         A = α
//   copy         B = A, for any two strides of each
//   add          C = α·op(A) + β·op(B)
//   add_diag     A = A + α·I
//   map          B = f(A)
//   mul, div     C = A∘B, C = A/B with 0/0 = 0
//   scale_by     B = diag(d)·A or A·diag(d)
//   add_by       B = A + α·d·1ᵀ or A + α·1·dᵀ
//   finite       flag = 1 if an element of A is NaN or ±Inf
//
// Origin: definitions; the transposition by tiles with a padded column is that
// of Ruetsch and Micikevicius, Optimizing matrix transpose in CUDA, 2009.
#include "rt.h"

namespace rz {

template <class T> RZ_FN void fill(T alpha, i64 rows, i64 cols, T *a, i64 lda)
{
	zip(true, rows, cols, a, lda, a, lda, a, lda, [=](i64, i64, T, T) { return alpha; });
}

template <class T> RZ_FN void copy(i64 rows, i64 cols, const T *a, i64 rsa, i64 csa, T *b, i64 rsb, i64 csb)
{
	if (csa == 1 && csb == 1) {
		zip(true, rows, cols, a, rsa, a, rsa, b, rsb, [](i64, i64, T x, T) { return x; });
		return;
	}
	for (walk w(rows, cols); w.inside(); w.next())
		b[w.i * rsb + w.j * csb] = a[w.i * rsa + w.j * csa];
}

// C = α·Aᵀ + β·B, or α·Aᵀ + β·Bᵀ, or α·Aᵀ without b, by tiles. C may be an
// untransposed B.
template <class T>
RZ_FN void add_transposed(T alpha, const T *a, i64 lda, bool tb, T beta, const T *b, i64 ldb, i64 rows, i64 cols,
	T *c, i64 ldc)
{
	enum { SIDE = 32 };
	__shared__ T tile[SIDE][SIDE + 1];
	int x = threadIdx.x % SIDE, y0 = threadIdx.x / SIDE;
	i64 across = (cols + SIDE - 1) / SIDE, tiles = (rows + SIDE - 1) / SIDE * across;
	for (i64 t = blockIdx.x; t < tiles; t += gridDim.x) {
		i64 i0 = t / across * SIDE, j0 = t % across * SIDE;
		for (int y = y0; y < SIDE; y += THREADS / SIDE) {
			i64 i = i0 + x, j = j0 + y; // A is read along its rows, which are C's columns
			if (i >= rows || j >= cols)
				continue;
			T v = alpha * a[j * lda + i];
			if (b && tb)
				v += beta * b[j * ldb + i];
			tile[y][x] = v;
		}
		__syncthreads();
		for (int y = y0; y < SIDE; y += THREADS / SIDE) {
			i64 i = i0 + y, j = j0 + x;
			if (i >= rows || j >= cols)
				continue;
			T v = tile[x][y];
			if (b && !tb)
				v += beta * b[i * ldb + j];
			c[i * ldc + j] = v;
		}
		__syncthreads();
	}
}

template <class T>
RZ_FN void add(bool ta, T alpha, const T *a, i64 lda, bool tb, T beta, const T *b, i64 ldb, i64 rows, i64 cols,
	T *c, i64 ldc)
{
	if (ta)
		add_transposed(alpha, a, lda, tb, beta, b, ldb, rows, cols, c, ldc);
	else if (b && tb)
		add_transposed(beta, b, ldb, false, alpha, a, lda, rows, cols, c, ldc);
	else if (b)
		zip(true, rows, cols, a, lda, b, ldb, c, ldc, [=](i64, i64, T x, T y) { return alpha * x + beta * y; });
	else
		zip(true, rows, cols, a, lda, a, lda, c, ldc, [=](i64, i64, T x, T) { return alpha * x; });
}

template <class T> RZ_FN void add_diag(T alpha, i64 n, T *a, i64 lda)
{
	for (i64 i = thread_of_grid(); i < n; i += threads_of_grid())
		a[i * lda + i] += alpha;
}

// The values of goapi/device's Func.
enum { ABS, SQUARE, SQRT, INV, EXP, LOG, TANH, RELU, STEP, GELU, GELU_PRIME, GELU_SECOND, INF_TO_ZERO,
	SOFTPLUS, LOGISTIC, SIN, COS };

// (2-x²)·φ(x); -0 where φ underflows, also where x² overflows.
template <class T> RZ_FN T gelu_second(T x)
{
	T a = abs(x);
	if (a > 1000 && a < inf<T>())
		a = 1000;
	return (2 - a * a) * normal_density(a);
}

// log(1+e^x); the quotient makes up for what 1+e loses of e.
template <class T> RZ_FN T softplus(T x)
{
	T e = exp(-abs(x)), u = 1 + e;
	T rest = u == 1 ? e : log(u) * (e / (u - 1));
	return x != x ? x : larger(x, (T)0) + rest;
}

template <class T> RZ_FN T logistic(T x)
{
	T e = exp(-abs(x));
	return x != x ? x : (x < 0 ? e : (T)1) / (1 + e);
}

// The sine, or with turn = 1 the cosine, as a sine a quarter turn on. The
// angle is reduced to a quarter turn around 0 with π/2 in three parts, the
// first two of 33 bits, so that their multiples are exact up to 10⁹.
RZ_FN double sine(double x, int turn)
{
	if (!(abs(x) <= 1e9))
		return nan<double>();
	const double big = 6755399441055744.; // 1.5·2⁵²: sums with it are rounded to integers
	double q = x * .63661977236758134308 + big;
	int quadrant = (int)(to_bits(q) & 3) + turn;
	q -= big;
	double r = fused(-q, 1.57079632673412561417e+00, x);
	r = fused(-q, 6.07710050630396597660e-11, r);
	r = fused(-q, 2.02226624879595063154e-21, r);
	double z = r * r;
	double s = r * horner(z, 1., -1. / 6, 1. / 120, -1. / 5040, 1. / 362880, -1. / 39916800, 1. / 6227020800,
		-1. / 1307674368000, 1 / 355687428096000.);
	double c = horner(z, 1., -1. / 2, 1. / 24, -1. / 720, 1. / 40320, -1. / 3628800, 1. / 479001600,
		-1. / 87178291200, 1. / 20922789888000, -1 / 6402373705728000.);
	double v = quadrant & 1 ? c : s;
	return quadrant & 2 ? -v : v;
}

template <class T, class F> RZ_FN void map_by(i64 rows, i64 cols, const T *a, i64 lda, T *b, i64 ldb, F f)
{
	zip(true, rows, cols, a, lda, a, lda, b, ldb, [=](i64, i64, T x, T) { return f(x); });
}

template <class T> RZ_FN void map(int f, i64 rows, i64 cols, const T *a, i64 lda, T *b, i64 ldb)
{
	switch (f) {
	case ABS:
		return map_by(rows, cols, a, lda, b, ldb, [](T x) { return abs(x); });
	case SQUARE:
		return map_by(rows, cols, a, lda, b, ldb, [](T x) { return x * x; });
	case SQRT:
		return map_by(rows, cols, a, lda, b, ldb, [](T x) { return sqrt(x); });
	case INV:
		return map_by(rows, cols, a, lda, b, ldb, [](T x) { return 1 / x; });
	case EXP:
		return map_by(rows, cols, a, lda, b, ldb, [](T x) { return exp(x); });
	case LOG:
		return map_by(rows, cols, a, lda, b, ldb, [](T x) { return log(x); });
	case TANH:
		return map_by(rows, cols, a, lda, b, ldb, [](T x) { return tanh(x); });
	case RELU: // NaN and -0 stay, as in the pure Go device
		return map_by(rows, cols, a, lda, b, ldb, [](T x) { return x < 0 ? (T)0 : x; });
	case STEP:
		return map_by(rows, cols, a, lda, b, ldb, [](T x) { return x > 0 ? (T)1 : x <= 0 ? (T)0 : x; });
	case GELU:
		return map_by(rows, cols, a, lda, b, ldb, [](T x) { return x * normal_cdf(x); });
	case GELU_PRIME:
		return map_by(rows, cols, a, lda, b, ldb, [](T x) { return normal_cdf(x) + x * normal_density(x); });
	case GELU_SECOND:
		return map_by(rows, cols, a, lda, b, ldb, [](T x) { return gelu_second(x); });
	case INF_TO_ZERO:
		return map_by(rows, cols, a, lda, b, ldb, [](T x) { return is_inf(x) ? (T)0 : x; });
	case SOFTPLUS:
		return map_by(rows, cols, a, lda, b, ldb, [](T x) { return softplus(x); });
	case LOGISTIC:
		return map_by(rows, cols, a, lda, b, ldb, [](T x) { return logistic(x); });
	case SIN:
		return map_by(rows, cols, a, lda, b, ldb, [](T x) { return (T)sine((double)x, 0); });
	case COS:
		return map_by(rows, cols, a, lda, b, ldb, [](T x) { return (T)sine((double)x, 1); });
	}
	fill(nan<T>(), rows, cols, b, ldb);
}

template <class T> RZ_FN void mul(i64 rows, i64 cols, const T *a, i64 lda, const T *b, i64 ldb, T *c, i64 ldc)
{
	zip(true, rows, cols, a, lda, b, ldb, c, ldc, [](i64, i64, T x, T y) { return x * y; });
}

template <class T> RZ_FN void div(i64 rows, i64 cols, const T *a, i64 lda, const T *b, i64 ldb, T *c, i64 ldc)
{
	zip(true, rows, cols, a, lda, b, ldb, c, ldc, [](i64, i64, T x, T y) { return x == 0 && y == 0 ? (T)0 : x / y; });
}

template <class T>
RZ_FN void scale_by(int axis, i64 rows, i64 cols, const T *d, i64 incd, const T *a, i64 lda, T *b, i64 ldb)
{
	i64 di = axis == PER_ROW ? incd : 0, dj = axis == PER_ROW ? 0 : incd;
	zip(false, rows, cols, a, lda, a, lda, b, ldb, [=](i64 i, i64 j, T x, T) { return d[i * di + j * dj] * x; });
}

template <class T>
RZ_FN void add_by(int axis, T alpha, i64 rows, i64 cols, const T *d, i64 incd, const T *a, i64 lda, T *b, i64 ldb)
{
	i64 di = axis == PER_ROW ? incd : 0, dj = axis == PER_ROW ? 0 : incd;
	zip(false, rows, cols, a, lda, a, lda, b, ldb,
		[=](i64 i, i64 j, T x, T) { return x + alpha * d[i * di + j * dj]; });
}

template <class T> RZ_FN void finite(i64 rows, i64 cols, const T *a, i64 lda, int *flag)
{
	bool bad = false;
	for (walk w(rows, cols); w.inside(); w.next())
		bad |= !(abs(a[w.i * lda + w.j]) < inf<T>());
	if (bad)
		atomicOr(flag, 1);
}

} // namespace rz

using rz::i64;

RZ_KERNEL ritz_fill_f32(float alpha, i64 rows, i64 cols, float *a, i64 lda) { rz::fill(alpha, rows, cols, a, lda); }
RZ_KERNEL ritz_fill_f64(double alpha, i64 rows, i64 cols, double *a, i64 lda) { rz::fill(alpha, rows, cols, a, lda); }

RZ_KERNEL ritz_copy_f32(i64 rows, i64 cols, const float *a, i64 rsa, i64 csa, float *b, i64 rsb, i64 csb)
{
	rz::copy(rows, cols, a, rsa, csa, b, rsb, csb);
}
RZ_KERNEL ritz_copy_f64(i64 rows, i64 cols, const double *a, i64 rsa, i64 csa, double *b, i64 rsb, i64 csb)
{
	rz::copy(rows, cols, a, rsa, csa, b, rsb, csb);
}

RZ_KERNEL ritz_add_f32(int ta, float alpha, const float *a, i64 lda, int tb, float beta, const float *b, i64 ldb,
	i64 rows, i64 cols, float *c, i64 ldc)
{
	rz::add(ta, alpha, a, lda, tb, beta, b, ldb, rows, cols, c, ldc);
}
RZ_KERNEL ritz_add_f64(int ta, double alpha, const double *a, i64 lda, int tb, double beta, const double *b, i64 ldb,
	i64 rows, i64 cols, double *c, i64 ldc)
{
	rz::add(ta, alpha, a, lda, tb, beta, b, ldb, rows, cols, c, ldc);
}

RZ_KERNEL ritz_add_diag_f32(float alpha, i64 n, float *a, i64 lda) { rz::add_diag(alpha, n, a, lda); }
RZ_KERNEL ritz_add_diag_f64(double alpha, i64 n, double *a, i64 lda) { rz::add_diag(alpha, n, a, lda); }

RZ_KERNEL ritz_map_f32(int f, i64 rows, i64 cols, const float *a, i64 lda, float *b, i64 ldb)
{
	rz::map(f, rows, cols, a, lda, b, ldb);
}
RZ_KERNEL ritz_map_f64(int f, i64 rows, i64 cols, const double *a, i64 lda, double *b, i64 ldb)
{
	rz::map(f, rows, cols, a, lda, b, ldb);
}

RZ_KERNEL ritz_mul_f32(i64 rows, i64 cols, const float *a, i64 lda, const float *b, i64 ldb, float *c, i64 ldc)
{
	rz::mul(rows, cols, a, lda, b, ldb, c, ldc);
}
RZ_KERNEL ritz_mul_f64(i64 rows, i64 cols, const double *a, i64 lda, const double *b, i64 ldb, double *c, i64 ldc)
{
	rz::mul(rows, cols, a, lda, b, ldb, c, ldc);
}

RZ_KERNEL ritz_div_f32(i64 rows, i64 cols, const float *a, i64 lda, const float *b, i64 ldb, float *c, i64 ldc)
{
	rz::div(rows, cols, a, lda, b, ldb, c, ldc);
}
RZ_KERNEL ritz_div_f64(i64 rows, i64 cols, const double *a, i64 lda, const double *b, i64 ldb, double *c, i64 ldc)
{
	rz::div(rows, cols, a, lda, b, ldb, c, ldc);
}

RZ_KERNEL ritz_scale_by_f32(int axis, i64 rows, i64 cols, const float *d, i64 incd, const float *a, i64 lda,
	float *b, i64 ldb)
{
	rz::scale_by(axis, rows, cols, d, incd, a, lda, b, ldb);
}
RZ_KERNEL ritz_scale_by_f64(int axis, i64 rows, i64 cols, const double *d, i64 incd, const double *a, i64 lda,
	double *b, i64 ldb)
{
	rz::scale_by(axis, rows, cols, d, incd, a, lda, b, ldb);
}

RZ_KERNEL ritz_add_by_f32(int axis, float alpha, i64 rows, i64 cols, const float *d, i64 incd, const float *a,
	i64 lda, float *b, i64 ldb)
{
	rz::add_by(axis, alpha, rows, cols, d, incd, a, lda, b, ldb);
}
RZ_KERNEL ritz_add_by_f64(int axis, double alpha, i64 rows, i64 cols, const double *d, i64 incd, const double *a,
	i64 lda, double *b, i64 ldb)
{
	rz::add_by(axis, alpha, rows, cols, d, incd, a, lda, b, ldb);
}

RZ_KERNEL ritz_finite_f32(i64 rows, i64 cols, const float *a, i64 lda, int *flag) { rz::finite(rows, cols, a, lda, flag); }
RZ_KERNEL ritz_finite_f64(i64 rows, i64 cols, const double *a, i64 lda, int *flag) { rz::finite(rows, cols, a, lda, flag); }
