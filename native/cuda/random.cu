// Random matrices: element (i,j) is number i·cols + j of a stream, the same to
// the last bit as package goapi/rng makes it on a CPU.
//
// Every product that meets an addition is formed by __dmul_rn, which no
// compiler fuses with it, in the order of that package. A thread makes the two
// numbers of a block of the generator. Arithmetic in double is the limit for
// normal variates, memory bandwidth for the others.
//
// Origin: Philox4x32-10 of Salmon, Moraes, Dror and Shaw, Parallel random
// numbers: as easy as 1, 2, 3, SC 2011; Box and Muller 1958.
#include "rt.h"

namespace rz {

// The values of goapi/device's Distribution.
enum { NORMAL, UNIFORM, RADEMACHER };

struct words {
	u64 x, y;
};

// Numbers 2b and 2b+1 of a stream as 64-bit words.
RZ_FN words philox(u64 seed, u64 stream, u64 b)
{
	u32 c0 = (u32)b, c1 = (u32)(b >> 32), c2 = (u32)stream, c3 = (u32)(stream >> 32);
	u32 k0 = (u32)seed, k1 = (u32)(seed >> 32);
#pragma unroll
	for (int round = 0; round < 10; round++) {
		u64 p0 = (u64)0xD2511F53u * c0, p1 = (u64)0xCD9E8D57u * c2;
		c0 = (u32)(p1 >> 32) ^ c1 ^ k0;
		c1 = (u32)p1;
		c2 = (u32)(p0 >> 32) ^ c3 ^ k1;
		c3 = (u32)p0;
		k0 += 0x9E3779B9u;
		k1 += 0xBB67AE85u;
	}
	return {(u64)c0 << 32 | c1, (u64)c2 << 32 | c3};
}

struct pair {
	double u, v;
};

// The polynomial with the coefficients c, highest first, at x, from the value
// p, without fused operations.
RZ_FN double separate_horner(double, double p) { return p; }
template <class... C> RZ_FN double separate_horner(double x, double p, double c, C... rest)
{
	return separate_horner(x, __dadd_rn(__dmul_rn(p, x), c), rest...);
}

// The natural logarithm of a normal x in (0,1], from 2·artanh((m-1)/(m+1)) of
// its mantissa m between √½ and √2.
RZ_FN double log_of_unit(double x)
{
	double m;
	double e = split(x, &m);
	double s = (m - 1) / (m + 1), z = __dmul_rn(s, s);
	double p = separate_horner(z, 1. / 23, 1. / 21, 1. / 19, 1. / 17, 1. / 15, 1. / 13, 1. / 11, 1. / 9, 1. / 7,
		1. / 5, 1. / 3, 1.);
	const double ln2_hi = 6.93147180369123816490e-01, ln2_lo = 1.90821492927058770002e-10;
	return __dadd_rn(__dmul_rn(e, ln2_hi), __dadd_rn(__dmul_rn(2 * s, p), __dmul_rn(e, ln2_lo)));
}

// Normal variates. The first word becomes a number in (0,1], so that its
// logarithm is finite; the second is an angle in turns.
RZ_FN pair box_muller(words w)
{
	double unit = (double)((w.x >> 11) + 1) * 0x1p-53;
	double r = sqrt(-2 * log_of_unit(unit));
	double t = __dmul_rn((double)(w.y >> 11), 0x1p-51);
	int quadrant = (int)(t + .5); // t is not negative: this is the floor
	double a = __dmul_rn(t - quadrant, 1.57079632679489661923), z = __dmul_rn(a, a);
	double s = __dmul_rn(a, separate_horner(z, 1 / 355687428096000., -1. / 1307674368000, 1. / 6227020800,
		-1. / 39916800, 1. / 362880, -1. / 5040, 1. / 120, -1. / 6, 1.));
	double c = separate_horner(z, -1 / 6402373705728000., 1. / 20922789888000, -1. / 87178291200, 1. / 479001600,
		-1. / 3628800, 1. / 40320, -1. / 720, 1. / 24, -1. / 2, 1.);
	double sine = quadrant & 1 ? c : s, cosine = quadrant & 1 ? s : c;
	if (quadrant & 2)
		sine = -sine;
	if ((quadrant + 1) & 2)
		cosine = -cosine;
	return {__dmul_rn(r, cosine), __dmul_rn(r, sine)};
}

template <class T> RZ_FN pair uniform(words w)
{
	int shift = sizeof(T) == 8 ? 11 : 40; // 53 or 24 random bits: never 1
	double unit = sizeof(T) == 8 ? 0x1p-53 : 0x1p-24;
	return {(double)(w.x >> shift) * unit, (double)(w.y >> shift) * unit};
}

RZ_FN pair rademacher(words w) { return {w.x >> 63 ? -1. : 1., w.y >> 63 ? -1. : 1.}; }

template <class T, class F> RZ_FN void random_by(u64 seed, u64 stream, i64 rows, i64 cols, T *a, i64 lda, F f)
{
	u64 b = thread_of_grid();
	for (walk w(rows, cols, 2); w.inside(); w.next(), b += threads_of_grid()) {
		pair p = f(philox(seed, stream, b));
		a[w.i * lda + w.j] = (T)p.u;
		bool wraps = w.j + 1 == cols;
		i64 i = wraps ? w.i + 1 : w.i, j = wraps ? 0 : w.j + 1;
		if (i < rows)
			a[i * lda + j] = (T)p.v;
	}
}

template <class T> RZ_FN void random(int law, u64 seed, u64 stream, i64 rows, i64 cols, T *a, i64 lda)
{
	switch (law) {
	case NORMAL:
		return random_by(seed, stream, rows, cols, a, lda, [](words w) { return box_muller(w); });
	case UNIFORM:
		return random_by(seed, stream, rows, cols, a, lda, [](words w) { return uniform<T>(w); });
	case RADEMACHER:
		return random_by(seed, stream, rows, cols, a, lda, [](words w) { return rademacher(w); });
	}
}

} // namespace rz

using rz::i64;
using rz::u64;

RZ_KERNEL ritz_random_f32(int law, u64 seed, u64 stream, i64 rows, i64 cols, float *a, i64 lda)
{
	rz::random(law, seed, stream, rows, cols, a, lda);
}
RZ_KERNEL ritz_random_f64(int law, u64 seed, u64 stream, i64 rows, i64 cols, double *a, i64 lda)
{
	rz::random(law, seed, stream, rows, cols, a, lda);
}
