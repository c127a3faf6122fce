/* A small test frame for the stand-ins of the mathematics libraries: device
 * matrices with a gap between their columns, plain loops to compare with, and
 * the rules that were reported as broken. Include abi.h's declarations, then
 * the stand-in's source, then this. */
#ifndef FAKECUDA_CHECK_H
#define FAKECUDA_CHECK_H

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

static int failures;

#define EXPECT(condition, ...)                                                                                         \
	do {                                                                                                               \
		if (!(condition)) {                                                                                            \
			failures++;                                                                                                \
			printf("%s:%d: %s:", __FILE__, __LINE__, #condition);                                                     \
			printf(" " __VA_ARGS__);                                                                                    \
			printf("\n");                                                                                              \
		}                                                                                                              \
	} while (0)

static void *context, *stream;

static void configure(const std::string &options)
{
	const char *wrong = rz_emu_ctl(("configure " + options).c_str());
	EXPECT(!*wrong, "%s", wrong);
	EXPECT(!cuInit(0) && !cuDevicePrimaryCtxRetain(&context, 0) && !cuCtxPushCurrent_v2(context) && !cuStreamCreateWithPriority(&stream, 1, 0));
	rz_emu_ctl("report");
}

/* broken takes the report since the last call. */
static std::string broken()
{
	std::string all = rz_emu_ctl("report"), rules;
	for (size_t at = 0, end; (end = all.find('\n', at)) != std::string::npos; at = end + 1) {
		std::string line = all.substr(at, end - at);
		if (line.rfind("leak:", 0) && line.find("pushed and not popped") == std::string::npos)
			rules += line + "\n";
	}
	return rules;
}

/* WELL expects success and no broken rule, after the stream has run. */
#define WELL(call)                                                                                                     \
	do {                                                                                                               \
		int status_ = (call);                                                                                          \
		EXPECT(status_ == 0, "status %d", status_);                                                                    \
		EXPECT(rz_emu_drain(stream) == 0);                                                                             \
		std::string rules_ = broken();                                                                                 \
		EXPECT(rules_.empty(), "%s", rules_.c_str());                                                                  \
	} while (0)

/* REFUSED expects a status, and a report that says why. */
#define REFUSED(want, why, call)                                                                                       \
	do {                                                                                                               \
		int status_ = (call);                                                                                          \
		EXPECT(status_ == (want), "status %d", status_);                                                               \
		std::string rules_ = broken();                                                                                 \
		EXPECT(rules_.find(why) != std::string::npos, "reported: %s", rules_.c_str());                                 \
	} while (0)

/* uniform returns the next number of a fixed sequence in [-1, 1). */
static double uniform()
{
	static uint64_t x = 88172645463325252;
	x ^= x << 13, x ^= x >> 7, x ^= x << 17;
	return double(x >> 11) * 0x1p-52 - 1;
}

/* A block of device memory. */
template <class E> struct Memory {
	uint64_t address = 0;
	size_t n;

	explicit Memory(size_t n) : n(n) { EXPECT(!cuMemAlloc_v2(&address, (n ? n : 1) * sizeof(E))); }
	Memory(const Memory &) = delete;
	~Memory() { cuMemFree_v2(address); }
	E *p() const { return reinterpret_cast<E *>(address); }
	E &operator[](size_t i) const { return p()[i]; }
};

/* An m×n device matrix, column-major. The gap between columns is NaN and has
 * to stay so. */
template <class T> struct Mat {
	int m, n, ld;
	Memory<T> data;

	Mat(int m, int n, bool random = true, int gap = 3) : m(m), n(n), ld(m + gap), data(size_t(ld) * n + 1)
	{
		for (size_t i = 0; i < data.n; i++)
			data[i] = NAN;
		for (int j = 0; random && j < n; j++)
			for (int i = 0; i < m; i++)
				(*this)(i, j) = T(uniform());
	}
	T *p() const { return data.p(); }
	T &operator()(int i, int j) const { return data[size_t(j) * ld + i]; }
	double op(bool t, int i, int j) const { return t ? (*this)(j, i) : (*this)(i, j); }
	std::vector<T> copy() const { return std::vector<T>(p(), p() + data.n); }

	bool gap_kept() const
	{
		for (size_t k = 0; k < data.n; k++)
			if ((k % ld >= size_t(m) || k / ld >= size_t(n)) && !std::isnan(data[k]))
				return false;
		return true;
	}
	bool all_nan() const
	{
		for (int j = 0; j < n; j++)
			for (int i = 0; i < m; i++)
				if (!std::isnan((*this)(i, j)))
					return false;
		return true;
	}
};

template <class T> constexpr double eps() { return sizeof(T) == 4 ? 0x1p-23 : 0x1p-52; }

/* near compares every element with a function of its indices. */
template <class T, class F> void near(int line, const Mat<T> &got, F want, double tolerance)
{
	if (!got.gap_kept()) {
		failures++;
		printf("line %d: the gap between the columns was written\n", line);
	}
	for (int j = 0; j < got.n; j++)
		for (int i = 0; i < got.m; i++)
			if (!(std::fabs(got(i, j) - want(i, j)) <= tolerance)) {
				failures++;
				printf("line %d: element (%d,%d) is %g, want %g\n", line, i, j, double(got(i, j)), want(i, j));
				return;
			}
}
#define NEAR(got, want, tolerance) near(__LINE__, got, want, tolerance)

/* inner returns Σₖ a(k)·b(k). */
template <class A, class B> double inner(int n, A a, B b)
{
	double s = 0;
	for (int k = 0; k < n; k++)
		s += a(k) * b(k);
	return s;
}

static int finish(const char *what)
{
	printf("%s: %d failures\n", what, failures);
	return failures != 0;
}

#endif
