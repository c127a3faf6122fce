// What the kernels need from the compiler and from a mathematics library.
//
// The same text goes through three compilers: clang to PTX, NVRTC on the
// machine with the GPU, and g++ for the emulator (RZ_EMU). No header of CUDA's
// is there in any of them. NVRTC and the emulator know CUDA's names; for clang
// the first part defines those that the kernels use.
//
// Blocks have THREADS threads along x, grids run along x, and every kernel is
// right for every number of blocks.
#ifndef RZ_RT_H
#define RZ_RT_H

#if !defined(__CUDACC_RTC__) && !defined(RZ_EMU)

#define __global__ __attribute__((global))
#define __device__ __attribute__((device))
#define __shared__ __attribute__((shared))
#define __align__(n) __attribute__((aligned(n)))
#define __forceinline__ inline __attribute__((always_inline))
#define __launch_bounds__(...) __attribute__((launch_bounds(__VA_ARGS__)))

struct rz_index {
	unsigned x;
};
#define threadIdx (rz_index{(unsigned)__nvvm_read_ptx_sreg_tid_x()})
#define blockIdx (rz_index{(unsigned)__nvvm_read_ptx_sreg_ctaid_x()})
#define gridDim (rz_index{(unsigned)__nvvm_read_ptx_sreg_nctaid_x()})

static __device__ __forceinline__ int __float_as_int(float x) { return __builtin_bit_cast(int, x); }
static __device__ __forceinline__ float __int_as_float(int x) { return __builtin_bit_cast(float, x); }
static __device__ __forceinline__ long long __double_as_longlong(double x) { return __builtin_bit_cast(long long, x); }
static __device__ __forceinline__ double __longlong_as_double(long long x) { return __builtin_bit_cast(double, x); }

// Clang's builtins for these become plain operations, which it contracts.
static __device__ __forceinline__ double __dadd_rn(double x, double y)
{
	double z;
	asm("add.rn.f64 %0, %1, %2;" : "=d"(z) : "d"(x), "d"(y));
	return z;
}
static __device__ __forceinline__ double __dmul_rn(double x, double y)
{
	double z;
	asm("mul.rn.f64 %0, %1, %2;" : "=d"(z) : "d"(x), "d"(y));
	return z;
}
static __device__ __forceinline__ float __fmaf_rn(float x, float y, float z) { return __nvvm_fma_rn_f(x, y, z); }
static __device__ __forceinline__ double __fma_rn(double x, double y, double z) { return __nvvm_fma_rn_d(x, y, z); }
static __device__ __forceinline__ float __fsqrt_rn(float x) { return __nvvm_sqrt_rn_f(x); }
static __device__ __forceinline__ double __dsqrt_rn(double x) { return __nvvm_sqrt_rn_d(x); }

static __device__ __forceinline__ int __popc(unsigned x) { return __builtin_popcount(x); }
static __device__ __forceinline__ unsigned __ballot_sync(unsigned mask, int p) { return __nvvm_vote_ballot_sync(mask, p); }

static __device__ __forceinline__ int atomicOr(int *p, int x) { return __nvvm_atom_or_gen_i(p, x); }

static __device__ __forceinline__ float __shfl_xor_sync(unsigned mask, float x, int lanes)
{
	return __nvvm_shfl_sync_bfly_f32(mask, x, lanes, 31);
}

static __device__ __forceinline__ double __shfl_xor_sync(unsigned mask, double x, int lanes)
{
	long long b = __double_as_longlong(x);
	int low = __nvvm_shfl_sync_bfly_i32(mask, (int)b, lanes, 31);
	int high = __nvvm_shfl_sync_bfly_i32(mask, (int)(b >> 32), lanes, 31);
	return __longlong_as_double((long long)high << 32 | (unsigned)low);
}

#endif

#define RZ_FN __device__ __forceinline__
#define RZ_KERNEL extern "C" __global__ void __launch_bounds__(256)
/* For kernels that the compiler would fit into fewer registers than they need, to
 * run more blocks at a time, and spill the rest. */
#define RZ_KERNEL_WIDE extern "C" __global__ void __launch_bounds__(256, 2)
/* For kernels of which one or two blocks fill a multiprocessor anyway. */
#define RZ_KERNEL_WIDEST extern "C" __global__ void __launch_bounds__(256, 1)

namespace rz {

typedef long long i64;
typedef unsigned long long u64;
typedef unsigned int u32;

enum { THREADS = 256, LANES = 32, WARPS = THREADS / LANES };

// The values of goapi/device's constants.
enum { PER_ROW, PER_COL };

// Bits.

RZ_FN int to_bits(float x) { return __float_as_int(x); }
RZ_FN i64 to_bits(double x) { return __double_as_longlong(x); }

template <class T> RZ_FN T inf();
template <> RZ_FN float inf<float>() { return __int_as_float(0x7f800000); }
template <> RZ_FN double inf<double>() { return __longlong_as_double(0x7ff0000000000000); }

template <class T> RZ_FN T nan();
template <> RZ_FN float nan<float>() { return __int_as_float(0x7fc00000); }
template <> RZ_FN double nan<double>() { return __longlong_as_double(0x7ff8000000000000); }

RZ_FN float abs(float x) { return __int_as_float(__float_as_int(x) & 0x7fffffff); }
RZ_FN double abs(double x) { return __longlong_as_double(__double_as_longlong(x) & 0x7fffffffffffffff); }

// |x| with the sign of s.
RZ_FN float with_sign(float x, float s) { return __int_as_float((__float_as_int(x) & 0x7fffffff) | (__float_as_int(s) & ~0x7fffffff)); }
RZ_FN double with_sign(double x, double s)
{
	const i64 rest = 0x7fffffffffffffff;
	return __longlong_as_double((__double_as_longlong(x) & rest) | (__double_as_longlong(s) & ~rest));
}

RZ_FN float fused(float x, float y, float z) { return __fmaf_rn(x, y, z); }
RZ_FN double fused(double x, double y, double z) { return __fma_rn(x, y, z); }
RZ_FN float sqrt(float x) { return __fsqrt_rn(x); }
RZ_FN double sqrt(double x) { return __dsqrt_rn(x); }

template <class T> RZ_FN bool is_inf(T x) { return abs(x) == inf<T>(); }
template <class T> RZ_FN T larger(T x, T y) { return x > y ? x : y; }
template <class T> RZ_FN T smaller(T x, T y) { return x < y ? x : y; }

// The larger one, where a NaN is passed over. One instruction in float.
RZ_FN double larger_number(double x, double y) { return larger(x, y); }
RZ_FN float larger_number(float x, float y)
{
#ifdef RZ_EMU
	return larger(x, y);
#else
	float z;
	asm("max.f32 %0, %1, %2;" : "=f"(z) : "f"(x), "f"(y));
	return z;
#endif
}

// Elementary functions. There is no libdevice, so these are our own, for
// every argument: ±Inf, NaN, subnormal arguments and results. They allow the
// compiler to contract x·y + z, which moves a result by less than the bounds
// given here. The bounds are what the tests measure against long double.

// The polynomial with the coefficients c, lowest first, at x.
template <class T> RZ_FN T horner(T, double c) { return (T)c; }
template <class T, class... C> RZ_FN T horner(T x, double c, C... rest)
{
	return horner(x, rest...) * x + (T)c;
}

// Constants of the format. Adding magic rounds a small number to an integer,
// which then stands in the low bits. ln2_hi ends in zero bits, so that its
// product with an exponent is exact.
template <class T> struct format;
template <> struct format<float> {
	static constexpr float magic = 0x1.8p23f, ln2_hi = 0x1.62e4p-1f, ln2_lo = 0x1.7f7d1cp-20f;
	static constexpr float exp_min = -104, exp_max = 89;
};
template <> struct format<double> {
	static constexpr double magic = 0x1.8p52, ln2_hi = 0x1.62e42fefa38p-1, ln2_lo = 0x1.ef35793c7673p-45;
	static constexpr double exp_min = -746, exp_max = 710;
};

// 2^k as a normal number: k from -126 to 127, or from -1022 to 1023; 128 and
// 1024 give Inf.
template <class T> RZ_FN T power_of_two(int k);
template <> RZ_FN float power_of_two<float>(int k) { return __int_as_float((int)(((u32)k + 127u) << 23)); }
template <> RZ_FN double power_of_two<double>(int k) { return __longlong_as_double((i64)((u64)((u32)k + 1023u) << 52)); }

// The nearest integer to x, |x| < 2^22.
template <class T> RZ_FN int nearest(T x, T *rounded)
{
	T t = x + format<T>::magic;
	*rounded = t - format<T>::magic;
	return (int)to_bits(t) - (int)to_bits(format<T>::magic);
}

// e^r - 1 - r for |r| ≤ ln2/2: Taylor's series, the first term left out is
// below eps/8.
RZ_FN double exp_rest(double r)
{
	double q = horner(r, 1. / 2, 1. / 6, 1. / 24, 1. / 120, 1. / 720, 1. / 5040, 1. / 40320, 1. / 362880,
		1. / 3628800, 1. / 39916800, 1. / 479001600, 1. / 6227020800);
	return q * (r * r);
}
RZ_FN float exp_rest(float r)
{
	float q = horner(r, 1. / 2, 1. / 6, 1. / 24, 1. / 120, 1. / 720, 1. / 5040);
	return q * (r * r);
}

// Writes x = k·ln2 + r, |r| ≤ ln2/2, and returns k. |x| is below 1000.
template <class T> RZ_FN int reduce_by_ln2(T x, T *r)
{
	T kf;
	int k = nearest(x * (T)1.44269504088896340736, &kf);
	*r = (x - kf * format<T>::ln2_hi) - kf * format<T>::ln2_lo;
	return k;
}

// eˣ, at most 1 ulp (f64), 1.5 ulp (f32) off. 2^k is applied in two halves,
// neither of which overflows or is subnormal.
template <class T> RZ_FN T exp(T x)
{
	x = x > format<T>::exp_max ? format<T>::exp_max : x;
	x = x < format<T>::exp_min ? format<T>::exp_min : x;
	T r;
	int k = reduce_by_ln2(x, &r), half = k >> 1;
	T s = power_of_two<T>(half);
	return ((exp_rest(r) + r) * s + s) * power_of_two<T>(k - half);
}

// 2ˣ for the sums of exponentials: 2 ulp. 0 where the result would be subnormal, and
// in double Inf above 2^1023. One instruction in float; with subnormal results it
// would be four.
RZ_FN float exp2(float x)
{
#ifdef RZ_EMU
	return x < -126 ? 0 : __builtin_exp2f(x);
#else
	float y;
	asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
	return y;
#endif
}
RZ_FN double exp2(double x)
{
	double kf;
	int k = nearest(x, &kf);
	double s = power_of_two<double>(k), r = (x - kf) * 0.69314718055994530942;
	double y = (exp_rest(r) + r) * s + s;
	return x < -1022 ? 0 : x > 1023 ? inf<double>() : y;
}

// log(1+f) = f - f²/2 + s·(f²/2 + R(s²)) with s = f/(2+f), which follows from
// log(1+f) = 2·artanh(s); R is the series of 2·artanh(s)/s - 2, cut where the
// next term is below eps/32. 1+f is the mantissa between √½ and √2.
template <class T> RZ_FN T log_series(T z);
template <> RZ_FN double log_series(double z)
{
	return z * horner(z, 2. / 3, 2. / 5, 2. / 7, 2. / 9, 2. / 11, 2. / 13, 2. / 15, 2. / 17, 2. / 19, 2. / 21);
}
template <> RZ_FN float log_series(float z) { return z * horner(z, 2. / 3, 2. / 5, 2. / 7, 2. / 9); }

// Writes x = m·2^e, √½ ≤ m < √2, for positive finite x, and returns e.
RZ_FN int split(float x, float *m)
{
	int e = 0;
	if (x < 0x1p-126f)
		x *= 0x1p25f, e = -25;
	int b = to_bits(x) - 0x3f3504f3; // √½
	*m = __int_as_float((b & 0x7fffff) + 0x3f3504f3);
	return e + (b >> 23);
}
RZ_FN int split(double x, double *m)
{
	int e = 0;
	if (x < 0x1p-1022)
		x *= 0x1p54, e = -54;
	i64 b = to_bits(x) - 0x3fe6a09e667f3bcd; // √½
	*m = __longlong_as_double((b & 0xfffffffffffff) + 0x3fe6a09e667f3bcd);
	return e + (int)(b >> 52);
}

// log x, at most 1 ulp off.
template <class T> RZ_FN T log(T x)
{
	if (!(x > 0 && x < inf<T>()))
		return x == 0 ? -inf<T>() : x < 0 ? nan<T>() : x;
	T m;
	T e = (T)split(x, &m), f = m - 1;
	T s = f / (2 + f), h = (T).5 * f * f;
	T rest = s * (h + log_series(s * s)) + e * format<T>::ln2_lo;
	return e * format<T>::ln2_hi - ((h - rest) - f);
}

// tanh x = m/(m+2) with m = e^2|x| - 1: 2 ulp. The rounding error of m+2 is
// known and its effect, as 1/(m+2) = (1-y)/2, taken back.
template <class T> RZ_FN T tanh(T x)
{
	T a = abs(x);
	a = 2 * (a > 22 ? 22 : a);
	T r;
	T s = power_of_two<T>(reduce_by_ln2(a, &r));
	T m = exp_rest(r) * s + (r * s + (s - 1)); // r·s is exact
	T d = m + 2, y = m / d, low = m < 2 ? m - (d - 2) : 0; // exact there
	y -= y * (1 - y) * (T).5 * low;
	return with_sign(y, x);
}

// e^(-x²/2), 2 ulp: the square has a low part, as its relative error would
// grow by x²/2.
template <class T> RZ_FN T gauss(T x)
{
	x = abs(x);
	x = x > 40 ? 40 : x; // 0 from 38.6 on; the square must not overflow
	T square = x * x, low = fused(x, x, -square);
	T y = exp((T)-.5 * square);
	return y - (T).5 * low * y;
}

// Φ(-x)·e^(x²/2) for x ≥ 0, between 1/2 and 1/(x·√2π): smooth in
// t = (x-4)/(x+4), and nearly constant after multiplication by 1 + 5x/4. The
// polynomials interpolate that product, computed with 60 digits, at the
// Chebyshev nodes of the range where Φ(-x) is not zero: 24 nodes on x ≤ 39,
// relative error 1e-17, and 11 nodes on x ≤ 14.5, error 4e-9.
template <class T> RZ_FN T mills(T x);
template <> RZ_FN float mills(float x)
{
	float t = (x - 4) / (x + 4);
	return horner(t, .56646384775, -.078279902398, -.013595274639, .053676812318, -.047963411944, .024548169824,
		-.0063793551486, -.00053785396926, .00090753174395, -6.8075859532e-5, -9.4189480322e-5) / (1 + 1.25f * x);
}
template <> RZ_FN double mills(double x)
{
	double t = (x - 4) / (x + 4);
	return horner(t, 0x1.22078ca96fa5ap-1, -0x1.40a271051580bp-4, -0x1.bd7d64efe0e49p-7, 0x1.b7b978b5b852ep-5,
		-0x1.88eabed018733p-5, 0x1.921d6a0d5e92dp-6, -0x1.a21c5a30f1c0dp-8, -0x1.0eeaa3da06d50p-11,
		0x1.dff13ff805b9bp-11, -0x1.bf5197b6c0a28p-14, -0x1.eaa4c4dc339cbp-14, 0x1.aa38400e48de9p-16,
		0x1.2fd370efcb013p-16, -0x1.1200017d26f0ap-18, -0x1.cc8e33e149e6bp-19, 0x1.e7ad32301c0fep-22,
		0x1.7efccaf9afc2fp-21, 0x1.fef3628bbc0e4p-27, -0x1.2ea3275127f6bp-23, -0x1.db28022d584a8p-26,
		0x1.78c7fc502ce4ep-26, 0x1.18cc44a951561p-27, -0x1.fe907ced7f38ap-30, -0x1.1183e3fab3987p-30) / (1 + 1.25 * x);
}

// The standard normal distribution function, 5 ulp, and density, 3 ulp. Neither
// loses relative accuracy in its tails.
template <class T> RZ_FN T normal_cdf(T x)
{
	T a = abs(x);
	a = a > 40 ? 40 : a;
	T tail = gauss(a) * mills(a);
	return x < 0 ? tail : 1 - tail;
}
template <class T> RZ_FN T normal_density(T x) { return gauss(x) * (T).39894228040143267794; }

// Sums and maxima over a warp; every lane gets the result. The order is fixed.
template <class T> RZ_FN T across(T x, int lanes) { return __shfl_xor_sync(0xffffffffu, x, lanes); }
template <class T> RZ_FN T warp_sum(T x)
{
#pragma unroll
	for (int lanes = LANES / 2; lanes > 0; lanes /= 2)
		x += across(x, lanes);
	return x;
}

// A running Σ exp(tₙ/ε) as sum·exp(top/ε), top the largest tₙ so far, so that
// nothing overflows: one pass over the terms (Milakov and Gimelshein, Online
// normalizer calculation for softmax, 2018). The exponentials have base 2;
// k = log₂e/ε. A top of ±Inf does not shift, as Inf - Inf would be NaN. A NaN
// does not raise top but reaches the sum.
template <class T> struct soft_sum {
	T top, sum;

	RZ_FN static soft_sum none() { return {-inf<T>(), 0}; }
	RZ_FN static T shift(T top) { return is_inf(top) ? 0 : top; }

	template <int N> RZ_FN void add(const T *t, T k)
	{
		T high = top;
#pragma unroll
		for (int n = 0; n < N; n++)
			high = larger_number(t[n], high);
		T s = shift(high);
		sum *= exp2((top - s) * k);
#pragma unroll
		for (int n = 0; n < N; n++)
			sum += exp2((t[n] - s) * k);
		top = high;
	}
	RZ_FN void join(soft_sum other, T k)
	{
		T high = larger(top, other.top), s = shift(high);
		sum = sum * exp2((top - s) * k) + other.sum * exp2((other.top - s) * k);
		top = high;
	}
	// Joins the sums of N neighbouring lanes.
	template <int N> RZ_FN void join_lanes(T k)
	{
		for (int lanes = N / 2; lanes > 0; lanes /= 2)
			join({across(top, lanes), across(sum, lanes)}, k);
	}
	// -ε·log Σ exp(tₙ/ε); +Inf for no terms.
	RZ_FN T value(T eps) const { return -eps * log(sum) - shift(top); }
};
template <class T> RZ_FN T base_two(T eps) { return (T)1.44269504088896340736 / eps; }

// Where soft minima go: to out, or, where the terms of each are cut into pieces
// and partial is not null, what piece p leaves of number i to partial[p,0,i] and
// partial[p,1,i], for softmin_join.
template <class T> struct soft_output {
	T eps, *out;
	i64 incout;
	T *partial;
	i64 count; // of soft minima

	RZ_FN void put(i64 piece, i64 i, soft_sum<T> s) const
	{
		if (partial) {
			partial[2 * piece * count + i] = s.top;
			partial[(2 * piece + 1) * count + i] = s.sum;
		} else {
			out[i * incout] = s.value(eps);
		}
	}
};

// Whether products of points may replace differences for their distances. spread
// has parts candidates for the largest ‖x‖², with the origin among the points: the
// errors of products, some roundings of that, must be far below ε, and are then below
// what rounding does to potentials in problems of this size.
template <class T> RZ_FN T largest_of(const T *spread, i64 parts)
{
	T largest = 0;
	for (i64 k = 0; k < parts; k++)
		largest = larger(spread[k], largest);
	return largest;
}
template <class T> RZ_FN bool products_suffice(T eps, const T *spread, i64 parts)
{
	const T unit = sizeof(T) == 4 ? (T)0x1p-23 : (T)0x1p-52, limit = sizeof(T) == 4 ? (T)1e-4 : (T)1e-11;
	return parts > 0 && 2 * largest_of(spread, parts) * unit < limit * eps;
}

// 16 bytes, which one instruction moves.
template <class T> struct alignas(16) pack {
	static constexpr int size = 16 / sizeof(T);
	T v[size];
};

// The elements p[0], p[1], … of a pack; ALIGNED says that p is a multiple of
// 16 bytes. It is a constant because a compiler that sees both cases side by
// side loads the elements one by one in both.
template <bool ALIGNED, class T> RZ_FN pack<T> load_pack(const T *p)
{
	if constexpr (ALIGNED) {
		return *(const pack<T> *)p;
	} else {
		pack<T> x;
#pragma unroll
		for (int k = 0; k < pack<T>::size; k++)
			x.v[k] = p[k];
		return x;
	}
}

// Four elements p[0], p[inc], …, where ALIGNED says that inc is 1 and p a
// multiple of 16 bytes.
template <bool ALIGNED, class T> RZ_FN void load_four(const T *p, i64 inc, T *x)
{
	enum { W = pack<T>::size };
	if constexpr (ALIGNED) {
#pragma unroll
		for (int k = 0; k < 4; k += W) {
			pack<T> y = load_pack<true>(p + k);
#pragma unroll
			for (int l = 0; l < W; l++)
				x[k + l] = y.v[l];
		}
	} else {
#pragma unroll
		for (int k = 0; k < 4; k++)
			x[k] = p[k * inc];
	}
}

// Whether every row of a matrix begins on a multiple of 16 bytes.
template <class T> RZ_FN bool rows_aligned(const T *a, i64 rows, i64 lda)
{
	return ((u64)a & 15) == 0 && (rows == 1 || (lda & (pack<T>::size - 1)) == 0);
}

RZ_FN i64 thread_of_grid() { return (i64)blockIdx.x * THREADS + threadIdx.x; }
RZ_FN i64 threads_of_grid() { return (i64)gridDim.x * THREADS; }
RZ_FN int lane_of_warp() { return threadIdx.x % LANES; }
RZ_FN int warp_of_block() { return threadIdx.x / LANES; }

// The share of thread me of n in the terms g[j] - C[i,j] of a row.
template <bool ALIGNED, class T>
RZ_FN soft_sum<T> soft_row(const T *c, const T *g, i64 incg, i64 cols, T k, int me, int n)
{
	soft_sum<T> s = soft_sum<T>::none();
	i64 whole = cols / 4 * 4;
	for (i64 j = 4 * me; j < whole; j += 4 * n) {
		T x[4], t[4];
		load_four<ALIGNED>(c + j, 1, x);
		load_four<ALIGNED>(g + j * incg, incg, t);
#pragma unroll
		for (int l = 0; l < 4; l++)
			t[l] -= x[l];
		s.template add<4>(t, k);
	}
	if (whole + me < cols) { // at most three terms are left
		T t = g[(whole + me) * incg] - c[whole + me];
		s.template add<1>(&t, k);
	}
	return s;
}

template <bool ALIGNED, class T, class Store>
RZ_FN void soft_rows_loaded(T k, i64 rows, i64 cols, const T *c, i64 ldc, const T *g, i64 incg, Store store)
{
	__shared__ T top[WARPS], sum[WARPS];
	if (cols <= 1024) { // a warp for each row
		for (i64 i = (i64)blockIdx.x * WARPS + warp_of_block(); i < rows; i += (i64)gridDim.x * WARPS) {
			soft_sum<T> s = soft_row<ALIGNED>(c + i * ldc, g, incg, cols, k, lane_of_warp(), LANES);
			s.template join_lanes<LANES>(k);
			if (lane_of_warp() == 0)
				store(i, s);
		}
		return;
	}
	for (i64 i = blockIdx.x; i < rows; i += gridDim.x) {
		soft_sum<T> s = soft_row<ALIGNED>(c + i * ldc, g, incg, cols, k, threadIdx.x, THREADS);
		s.template join_lanes<LANES>(k);
		if (lane_of_warp() == 0) {
			top[warp_of_block()] = s.top;
			sum[warp_of_block()] = s.sum;
		}
		__syncthreads();
		if (threadIdx.x == 0) {
			for (int l = 1; l < WARPS; l++)
				s.join({top[l], sum[l]}, k);
			store(i, s);
		}
		__syncthreads(); // top and sum are free again
	}
}

// One thread calls store(i, Σⱼ exp((g[j] - C[i,j])/ε)) for every row.
template <class T, class Store>
RZ_FN void soft_rows(T k, i64 rows, i64 cols, const T *c, i64 ldc, const T *g, i64 incg, Store store)
{
	if (rows_aligned(c, rows, ldc) && rows_aligned(g, 1, 1) && incg == 1)
		soft_rows_loaded<true>(k, rows, cols, c, ldc, g, incg, store);
	else
		soft_rows_loaded<false>(k, rows, cols, c, ldc, g, incg, store);
}

// The share of thread me of n in the product of a row of K and v.
template <bool ALIGNED, class K, class T> RZ_FN T row_product(const K *k, const T *v, i64 incv, i64 cols, int me, int n)
{
	T s[4] = {0, 0, 0, 0};
	i64 whole = cols / 4 * 4;
#pragma unroll 1
	for (i64 j = 4 * me; j < whole; j += 4 * n) {
		K x[4];
		T y[4];
		load_four<ALIGNED>(k + j, 1, x);
		load_four<ALIGNED>(v + j * incv, incv, y);
#pragma unroll
		for (int l = 0; l < 4; l++)
			s[l] += x[l] * y[l];
	}
	if (whole + me < cols) // at most three terms are left
		s[0] += k[whole + me] * v[(whole + me) * incv];
	return (s[0] + s[1]) + (s[2] + s[3]);
}

template <bool ALIGNED, class K, class T, class Store>
RZ_FN void row_products_loaded(i64 rows, i64 cols, const K *k, i64 ldk, const T *v, i64 incv, Store store)
{
	__shared__ T warps[WARPS];
	if (cols <= 1024) { // a warp for each row
		for (i64 i = (i64)blockIdx.x * WARPS + warp_of_block(); i < rows; i += (i64)gridDim.x * WARPS) {
			T s = warp_sum(row_product<ALIGNED>(k + i * ldk, v, incv, cols, lane_of_warp(), LANES));
			if (lane_of_warp() == 0)
				store(i, s);
		}
		return;
	}
	for (i64 i = blockIdx.x; i < rows; i += gridDim.x) {
		T s = warp_sum(row_product<ALIGNED>(k + i * ldk, v, incv, cols, threadIdx.x, THREADS));
		if (lane_of_warp() == 0)
			warps[warp_of_block()] = s;
		__syncthreads();
		if (threadIdx.x == 0) {
			for (int l = 1; l < WARPS; l++)
				s += warps[l];
			store(i, s);
		}
		__syncthreads(); // warps is free again
	}
}

// One thread calls store(i, Σⱼ K[i,j]·v[j]) for every row. K may be of a narrower
// type than v, products and sums are of that of v.
template <class K, class T, class Store>
RZ_FN void row_products(i64 rows, i64 cols, const K *k, i64 ldk, const T *v, i64 incv, Store store)
{
	if (rows_aligned(k, rows, ldk) && rows_aligned(v, 1, 1) && incv == 1)
		row_products_loaded<true>(rows, cols, k, ldk, v, incv, store);
	else
		row_products_loaded<false>(rows, cols, k, ldk, v, incv, store);
}

// A share of a sum, 0/0 = 0: the factor that Sinkhorn's scaling gives a row.
template <class T> RZ_FN T share_of(T a, T sum) { return a == 0 && sum == 0 ? 0 : a / sum; }

// The elements (i,j) of a rows×cols matrix that belong to this thread: every
// n-th in row-major order, for n threads, with divisions only at the start.
// With a step s > 1 the thread has every n-th group of s elements, and (i,j)
// is the group's first.
struct walk {
	i64 rows, cols, i, j, di, dj;

	RZ_FN walk(i64 rows, i64 cols, int step = 1) : rows(rows), cols(cols), i(rows), j(0), di(0), dj(0)
	{
		if (cols <= 0)
			return;
		i64 first = thread_of_grid() * step, stride = threads_of_grid() * step;
		i = first / cols;
		j = first % cols;
		di = stride / cols;
		dj = stride % cols;
	}
	RZ_FN bool inside() const { return i < rows; }
	RZ_FN void next()
	{
		i += di;
		j += dj;
		if (j >= cols) {
			j -= cols;
			i++;
		}
	}
};

// Computes C = op(A, B) for op(i, j, a, b). With flat, i and j do not matter
// to op, and contiguous matrices are treated as one row.
template <class T, class Op>
RZ_FN void zip(bool flat, i64 rows, i64 cols, const T *a, i64 lda, const T *b, i64 ldb, T *c, i64 ldc, Op op)
{
	enum { W = pack<T>::size };
	if (flat && lda == cols && ldb == cols && ldc == cols) {
		cols *= rows;
		rows = 1;
	}
	bool aligned = rows_aligned(a, rows, lda) && rows_aligned(b, rows, ldb) && rows_aligned(c, rows, ldc);
	i64 packs = aligned ? cols / W : 0, rest = packs * W;
#pragma unroll 1
	for (walk w(rows, packs); w.inside(); w.next()) {
		i64 j = w.j * W;
		pack<T> x = *(const pack<T> *)(a + w.i * lda + j), y = *(const pack<T> *)(b + w.i * ldb + j), z;
#pragma unroll
		for (int k = 0; k < W; k++)
			z.v[k] = op(w.i, j + k, x.v[k], y.v[k]);
		*(pack<T> *)(c + w.i * ldc + j) = z;
	}
#pragma unroll 1
	for (walk w(rows, cols - rest); w.inside(); w.next()) {
		i64 j = rest + w.j;
		c[w.i * ldc + j] = op(w.i, j, a[w.i * lda + j], b[w.i * ldb + j]);
	}
}

// A matrix cut for sums of columns: into strips of 32 columns (fewer if there
// are fewer) and pieces of so many rows. A block has a strip of a piece at a
// time; its threads are groups as wide as the strip that take every n-th row.
struct strips {
	i64 rows, height, across, count;
	int width, groups;

	RZ_FN strips(i64 rows, i64 cols, i64 height) : rows(rows), height(height), width(LANES)
	{
		while (width > 1 && width / 2 >= cols)
			width /= 2;
		groups = THREADS / width;
		across = (cols + width - 1) / width;
		count = across * ((rows + height - 1) / height);
	}
};

// The column of this thread in strip number b, and its rows: first, first +
// groups and so on before end.
struct strip {
	i64 piece, j, first, end;
	int group;

	RZ_FN strip(const strips &cut, i64 b) : piece(b / cut.across), group(threadIdx.x / cut.width)
	{
		j = (b - piece * cut.across) * cut.width + threadIdx.x % cut.width;
		first = piece * cut.height + group;
		end = smaller(cut.rows, (piece + 1) * cut.height);
	}
};

// The sum of a column over the groups, in a fixed order, for those of group 0.
RZ_FN double join_groups(const strips &cut, double sum, double *shared)
{
	shared[threadIdx.x] = sum;
	for (int half = cut.groups / 2; half > 0; half /= 2) {
		__syncthreads();
		if ((int)threadIdx.x < half * cut.width)
			shared[threadIdx.x] += shared[threadIdx.x + half * cut.width];
	}
	sum = shared[threadIdx.x];
	__syncthreads(); // shared is free again
	return sum;
}

} // namespace rz

#endif
