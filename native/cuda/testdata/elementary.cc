// The elementary functions of rt.h against the C library's in long double:
// prints the largest error of each in units of the last place, and what is
// wrong at special arguments. Fails when an error is above its bound.
#include "rt.h"

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <limits>

// The compiler may contract x·y + z; both choices must hold their bounds.
#ifdef __FP_FAST_FMA
static const char *contraction = "contracted";
#else
static const char *contraction = "separate";
#endif

static int failures;

template <class T> static long double ulp(long double y)
{
	int e;
	frexpl(y, &e);
	int lowest = std::numeric_limits<T>::min_exponent;
	return ldexpl(1, (e < lowest ? lowest : e) - std::numeric_limits<T>::digits);
}

template <class T> struct worst {
	long double error = 0;
	T at = 0;

	void see(T x, T got, long double want)
	{
		if (std::isnan(got) && std::isnan(want))
			return;
		T rounded = (T)want;
		long double e = std::isinf(got) || std::isinf(rounded) ? (got == rounded ? 0 : INFINITY) :
			fabsl(got - want) / ulp<T>(want);
		if (!(e <= error))
			error = e, at = x;
	}
};

// A Weyl sequence: deterministic and evenly spread over [0,1).
static double spread(uint64_t i) { return (double)((i * 0x9E3779B97F4A7C15u) >> 11) * 0x1p-53; }

template <class T, class F, class G> static void check(const char *name, double bound, F f, G reference, double lo, double hi)
{
	worst<T> w;
	// Evenly over [lo,hi], over all exponents of both signs, around the ends.
	for (uint64_t i = 1; i <= 400000; i++) {
		T x = (T)(lo + (hi - lo) * spread(i));
		w.see(x, f(x), reference(x));
		int lowest = std::numeric_limits<T>::min_exponent - std::numeric_limits<T>::digits;
		int range = std::numeric_limits<T>::max_exponent - lowest;
		x = (T)ldexpl(1 + spread(3 * i), lowest + (int)(spread(7 * i) * range));
		w.see(x, f(x), reference(x));
		w.see(-x, f(-x), reference(-x));
	}
	const T big = std::numeric_limits<T>::infinity(), small = std::numeric_limits<T>::denorm_min();
	const T special[] = {0, -(T)0, 1, -1, big, -big, small, -small, std::numeric_limits<T>::min(),
		std::numeric_limits<T>::max(), std::numeric_limits<T>::lowest(), (T)lo, (T)hi};
	for (T x : special)
		w.see(x, f(x), reference(x));
	if (!std::isnan(f(std::numeric_limits<T>::quiet_NaN()))) {
		printf("%s%zu of NaN is not NaN\n", name, 8 * sizeof(T));
		failures++;
	}
	printf("%s%zu, %s: %.3Lf ulp at %a\n", name, 8 * sizeof(T), contraction, w.error, (double)w.at);
	if (!(w.error <= bound)) {
		printf("%s%zu is off by more than %g ulp\n", name, 8 * sizeof(T), bound);
		failures++;
	}
}

#define CHECK(name, bound32, bound64, reference, lo, hi)                                                     \
	check<float>(#name, bound32, [](float x) { return rz::name(x); },                                     \
		[](float v) -> long double { long double x = v; return reference; }, lo, hi);                \
	check<double>(#name, bound64, [](double x) { return rz::name(x); },                                   \
		[](double v) -> long double { long double x = v; return reference; }, lo, hi)

int main()
{
	CHECK(exp, 2, 2, expl(x), -20, 20);
	check<double>("exp", 2, [](double x) { return rz::exp(x); }, [](double x) { return expl(x); }, -745.2, 709.8);
	check<float>("exp", 2, [](float x) { return rz::exp(x); }, [](float x) { return expl(x); }, -103.9, 88.8);
	check<double>("exp2", 2, [](double x) { return rz::exp2(x); },
		[](double x) { return x < -1022 ? 0 : x > 1023 ? INFINITY : exp2l(x); }, -1022, 1024);
	CHECK(log, 2, 2, logl(x), 0, 4);
	check<double>("log", 2, [](double x) { return rz::log(x); }, [](double x) { return logl(x); }, 0.7, 1.5);
	check<float>("log", 2, [](float x) { return rz::log(x); }, [](float x) { return logl(x); }, 0.7, 1.5);
	CHECK(tanh, 2, 2, tanhl(x), -4, 4);
	check<double>("tanh", 2, [](double x) { return rz::tanh(x); }, [](double x) { return tanhl(x); }, -23, 23);
	CHECK(sqrt, .5, .5, sqrtl(x), 0, 4);
	CHECK(normal_cdf, 5, 5, erfcl(-x / sqrtl(2)) / 2, -5, 5);
	check<double>("normal_cdf", 5, [](double x) { return rz::normal_cdf(x); },
		[](double x) { return erfcl(-x / sqrtl(2)) / 2; }, -38.5, 9);
	check<float>("normal_cdf", 5, [](float x) { return rz::normal_cdf(x); },
		[](float x) { return erfcl(-x / sqrtl(2)) / 2; }, -14, 6);
	CHECK(gauss, 2, 2, expl(-x * x / 2), -12, 12);
	check<double>("gauss", 2, [](double x) { return rz::gauss(x); }, [](double x) { return expl(-(long double)x * x / 2); }, 0, 38.7);
	return failures > 0;
}
