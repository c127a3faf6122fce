// Runs kernels on the emulated GPU: every case under several numbers of
// blocks, orders of threads and layouts of memory. The results must agree to
// the bit, nothing outside of the output may change, and one of the results
// goes on to be compared with a plain loop.
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <functional>
#include <limits>
#include <vector>

typedef long long i64;

static int failures;

#define FAIL(...)                        \
	do {                             \
		if (failures++ < 40) {   \
			printf(__VA_ARGS__); \
			printf("\n");    \
		}                        \
	} while (0)

// How a case is run: blocks and order of threads, and where rows begin.
struct layout {
	int blocks, order;
	i64 pad, offset, inc;
	bool round; // round the leading dimension up to 16 bytes
};
static const layout layouts[] = {
	{1, RZ_EMU_FORWARD, 0, 0, 1, false},
	{5, RZ_EMU_REVERSED, 4, 4, 1, true},
	{3, RZ_EMU_RANDOM, 3, 1, 3, false},
};
static const layout *current = layouts;

template <class... A>
static void launch_shared(unsigned shared, void (*kernel)(A...), typename rz_emu_same<A>::type... values)
{
	void *params[] = {(void *)&values..., (void *)&kernel};
	rz_emu_launch l = {};
	l.run = [](void **p) { rz_emu::invoke(*(void (**)(A...))p[sizeof...(A)], p); };
	l.memory = rz_emu_shared;
	l.params = params;
	l.grid = dim3(current->blocks);
	l.block = dim3(256);
	l.shared = shared;
	l.order = current->order;
	l.seed = 7;
	if (const char *wrong = rz_emu_run(&l))
		FAIL("launch failed: %s", wrong);
}
template <class... A> static void launch(void (*kernel)(A...), typename rz_emu_same<A>::type... values)
{
	launch_shared(0, kernel, values...);
}

template <class T> using dense = std::vector<T>;

// A matrix in memory as the current layout has it, NaN all around it.
template <class T> struct matrix {
	i64 rows, cols, ld, offset;
	std::vector<T> memory;

	matrix(i64 rows, i64 cols, const dense<T> &values = {}) : rows(rows), cols(cols), ld(cols + current->pad), offset(current->offset)
	{
		if (current->round)
			ld += (4 - ld % 4) % 4;
		memory.assign(offset + rows * ld + 8, guard());
		for (i64 i = 0; i < rows; i++)
			for (i64 j = 0; j < cols; j++)
				at(i, j) = values.empty() ? std::numeric_limits<T>::quiet_NaN() : values[i * cols + j];
	}
	static T guard() { return (T)12345.5; }
	T *p() { return memory.data() + offset; }
	T &at(i64 i, i64 j) { return p()[i * ld + j]; }
	// The elements; complains of what was written next to them.
	dense<T> values(const char *name)
	{
		dense<T> v;
		std::vector<T> rest = memory;
		for (i64 i = 0; i < rows; i++)
			for (i64 j = 0; j < cols; j++) {
				v.push_back(at(i, j));
				rest[offset + i * ld + j] = guard();
			}
		for (T x : rest)
			if (x != guard())
				FAIL("%s: wrote outside of its output", name);
		return v;
	}
};

// A vector with the current increment: the first column of a matrix.
template <class T> struct vec : matrix<T> {
	vec(i64 n, const dense<T> &values = {}) : matrix<T>(n, 1, values), inc(1)
	{
		inc = current->inc;
		std::vector<T> old = this->memory;
		i64 ld = this->ld;
		this->ld = inc;
		this->memory.assign(this->offset + n * inc + 8, matrix<T>::guard());
		for (i64 i = 0; i < n; i++)
			this->at(i, 0) = old[this->offset + i * ld];
	}
	i64 inc;
};

template <class T> static bool same_bits(const dense<T> &a, const dense<T> &b)
{
	if (a.size() != b.size())
		return false;
	for (size_t i = 0; i < a.size(); i++)
		if (memcmp(&a[i], &b[i], sizeof(T)) != 0 && !(std::isnan(a[i]) && std::isnan(b[i])))
			return false;
	return true;
}

// Runs a case in every layout; the results must be the same bits.
template <class T> static dense<T> agreed(const char *name, const std::function<dense<T>()> &run)
{
	dense<T> first;
	for (const layout &l : layouts) {
		current = &l;
		dense<T> v = run();
		if (&l == layouts)
			first = v;
		else if (!same_bits(first, v))
			FAIL("%s%zu: blocks, order of threads or layout change the result", name, 8 * sizeof(T));
	}
	current = layouts;
	return first;
}

template <class T>
static void compare(const char *name, const dense<T> &got, const std::vector<long double> &want,
	const std::vector<long double> &tolerance)
{
	if (got.size() != want.size()) {
		FAIL("%s%zu: %zu results, want %zu", name, 8 * sizeof(T), got.size(), want.size());
		return;
	}
	for (size_t i = 0; i < got.size(); i++) {
		T w = (T)want[i];
		bool well = std::isnan(w) ? std::isnan(got[i]) : std::isinf(w) ? got[i] == w :
			fabsl(got[i] - want[i]) <= tolerance[i];
		if (!well) {
			FAIL("%s%zu: element %zu of %zu is %.17g, want %.17Lg, tolerance %.3Lg", name, 8 * sizeof(T), i,
				got.size(), (double)got[i], want[i], tolerance[i]);
			return;
		}
	}
}

// compare with a tolerance of units eps relative to the result.
template <class T>
static void compare(const char *name, const dense<T> &got, const std::vector<long double> &want, double units)
{
	std::vector<long double> tolerance;
	for (long double w : want)
		tolerance.push_back(units * std::numeric_limits<T>::epsilon() * fabsl(w));
	compare(name, got, want, tolerance);
}

// Numbers between -1 and 1, the same in every run.
template <class T> static dense<T> numbers(i64 n, uint64_t seed)
{
	dense<T> v;
	for (i64 i = 0; i < n; i++) {
		uint64_t x = (uint64_t)(i + 1) * 0x9E3779B97F4A7C15u + seed * 0xD1B54A32D192ED03u;
		x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
		x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
		x ^= x >> 31;
		v.push_back((T)((double)(x >> 11) * 0x1p-52 - 1));
	}
	return v;
}

// numbers with NaN and ±Inf at some places.
template <class T> static dense<T> wild(i64 n, uint64_t seed)
{
	dense<T> v = numbers<T>(n, seed);
	const T inf = std::numeric_limits<T>::infinity();
	const T odd[] = {inf, -inf, std::numeric_limits<T>::quiet_NaN(), 0, -(T)0};
	for (i64 i = 3; i < n; i += 11)
		v[i] = odd[i / 11 % 5];
	return v;
}
