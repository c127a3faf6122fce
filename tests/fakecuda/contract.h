/* What the stand-ins for cuBLAS, cuBLASLt and cuSOLVER share: the way to the
 * stand-in driver, handles, and the checks of the libraries' contracts. A
 * broken contract is recorded with the driver and answered with the status that
 * the real library has for it; nothing is computed then. */
#ifndef FAKECUDA_CONTRACT_H
#define FAKECUDA_CONTRACT_H

#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <dlfcn.h>

#include "emu_driver.h"

/* The emulated CUDA version, as cuDriverGetVersion counts: 11080, 12040, … */
#ifndef EMU_CUDA
#define EMU_CUDA 12040
#endif

#define EXPORT extern "C" __attribute__((visibility("default")))

namespace emu {

/* ---- driver ---- */

/* The side entrances of the stand-in libcuda. The libraries find them at run
 * time, as the real ones find libcuda: a missing driver is an ordinary error. */
struct Driver {
	decltype(&rz_emu_enqueue) enqueue;
	decltype(&rz_emu_span) span;
	decltype(&rz_emu_fault) fault;
	decltype(&rz_emu_context) context;
	decltype(&rz_emu_drain) drain;
	decltype(&rz_emu_violation) violation;
	decltype(&rz_emu_hold) hold;
};

/* The libcuda beside this library, if that one is loaded, else any: a process
 * may have loaded others to see how they fail. */
inline void *loaded_driver()
{
	Dl_info self;
	if (dladdr(reinterpret_cast<void *>(&loaded_driver), &self)) {
		std::string path = self.dli_fname;
		path.resize(path.rfind('/') + 1);
		if (void *lib = dlopen((path + "libcuda.so.1").c_str(), RTLD_NOW | RTLD_NOLOAD))
			return lib;
	}
	return dlopen("libcuda.so.1", RTLD_NOW | RTLD_NOLOAD);
}

inline const Driver *driver()
{
	static const Driver *found = []() -> const Driver * {
		void *lib = loaded_driver();
		if (!lib)
			return nullptr;
		auto *d = new Driver;
		auto get = [&](auto &f, const char *name) {
			f = reinterpret_cast<std::remove_reference_t<decltype(f)>>(dlsym(lib, name));
			return f != nullptr;
		};
		if (get(d->enqueue, "rz_emu_enqueue") && get(d->span, "rz_emu_span") && get(d->fault, "rz_emu_fault") &&
			get(d->context, "rz_emu_context") && get(d->drain, "rz_emu_drain") && get(d->violation, "rz_emu_violation") &&
			get(d->hold, "rz_emu_hold"))
			return d;
		delete d;
		return nullptr;
	}();
	return found;
}

inline void report(const char *format, ...) __attribute__((format(printf, 1, 2)));
inline void report(const char *format, ...)
{
	char text[512];
	va_list list;
	va_start(list, format);
	vsnprintf(text, sizeof text, format, list);
	va_end(list);
	driver()->violation(text);
}

/* ---- handles ---- */

/* A registry of live objects, H::kind in the report of leaks. Destroyed ones
 * are never freed, so that an address is not used twice and a stale handle is
 * always recognised. */
template <class H> struct Registry {
	std::mutex lock;
	std::map<const void *, bool> live;

	H *add(H *h)
	{
		std::lock_guard<std::mutex> g(lock);
		live[h] = true;
		if (driver())
			driver()->hold(H::kind, 1);
		return h;
	}
	H *find(void *h)
	{
		std::lock_guard<std::mutex> g(lock);
		auto i = live.find(h);
		return i != live.end() && i->second ? static_cast<H *>(h) : nullptr;
	}
	bool remove(void *h)
	{
		std::lock_guard<std::mutex> g(lock);
		auto i = live.find(h);
		if (i == live.end() || !i->second)
			return false;
		i->second = false;
		if (driver())
			driver()->hold(H::kind, -1);
		return true;
	}
};

template <class H> Registry<H> &registry()
{
	static Registry<H> r;
	return r;
}

/* What the handles of cuBLAS and cuSOLVER have in common. */
struct Handle {
	void *context = nullptr;
	void *stream = nullptr;
};

/* The statuses of one library. */
struct Codes {
	int uninitialised, invalid, failed, internal, unsupported;
};

/* ---- memory ---- */

/* Device memory that a call names. */
struct Region : rz_emu_use {
	const char *what;
};

/* ---- calls ---- */

/* One call of a library function: checks first, then the work, which runs
 * when the stream gets to it. */
class Call {
public:
	Call(const Codes &codes, const char *name, const Handle *h) : codes(codes), name(name), handle(h)
	{
		if (!h)
			fail(codes.uninitialised, "the handle is not one");
		else if (driver()->context() != h->context)
			fail(codes.internal, "the handle's context is not current");
		else
			state = driver()->fault(name);
	}

	bool ok() const { return state == 0; }
	int status() const { return state; }

	/* require refuses the call as one with an invalid value. */
	bool require(bool holds, const char *what)
	{
		if (ok() && !holds)
			fail(codes.invalid, what);
		return ok();
	}
	bool supported(bool holds, const char *what)
	{
		if (ok() && !holds)
			fail(codes.unsupported, what);
		return ok();
	}

	/* An m×n matrix with leading dimension ld, column-major; batch of them
	 * stride elements apart. */
	void in(const char *what, const void *p, size_t size, int64_t m, int64_t n, int64_t ld, int64_t stride = 0, int64_t batch = 1)
	{
		matrix(what, p, size, m, n, ld, stride, batch, false);
	}
	void out(const char *what, const void *p, size_t size, int64_t m, int64_t n, int64_t ld, int64_t stride = 0, int64_t batch = 1)
	{
		matrix(what, p, size, m, n, ld, stride, batch, true);
	}
	/* n elements, inc apart. */
	void in(const char *what, const void *p, size_t size, int64_t n, int64_t inc) { vector(what, p, size, n, inc, false); }
	void out(const char *what, const void *p, size_t size, int64_t n, int64_t inc) { vector(what, p, size, n, inc, true); }

	/* may_alias says that an output may be exactly the input of this name. */
	void may_alias(const char *what) { aliases.push_back(what); }

	/* host refuses an address of device memory where the host reads. */
	bool host(const char *what, const void *p)
	{
		if (!ok())
			return false;
		if (!p)
			return refuse("%s is NULL", what), false;
		if (driver()->span(reinterpret_cast<uint64_t>(p), 1))
			return refuse("%s is in device memory, host memory is wanted", what), false;
		return true;
	}

	/* run puts work on the stream. */
	int run(std::function<void()> work)
	{
		if (!ok() || !separate())
			return state;
		std::vector<rz_emu_use> uses(regions.begin(), regions.end());
		driver()->enqueue(
			handle->stream, name, [](void *p) { (*static_cast<std::function<void()> *>(p))(); },
			new std::function<void()>(std::move(work)), [](void *p) { delete static_cast<std::function<void()> *>(p); },
			uses.data(), uses.size());
		return 0;
	}

	/* finish waits for the stream: a result goes to host memory. */
	int finish(int status)
	{
		if (status)
			return status;
		return driver()->drain(handle->stream) ? codes.failed : 0;
	}

	/* spoiled returns what fills all outputs with NaN, for a call that fails
	 * in the middle. */
	std::function<void()> spoiled() const
	{
		return [outputs = regions] {
			for (auto &r : outputs)
				for (size_t j = 0; r.written && j < r.columns; j++)
					memset(reinterpret_cast<char *>(r.at) + j * r.pitch, 0xFF, r.rows);
		};
	}

	void refuse(const char *format, const char *what)
	{
		char text[200];
		snprintf(text, sizeof text, format, what);
		fail(codes.invalid, text);
	}

private:
	const Codes &codes;
	const char *name;
	const Handle *handle;
	int state = 0;
	std::vector<Region> regions;
	std::vector<const char *> aliases;

	void fail(int status, const char *what)
	{
		state = status;
		if (driver())
			report("%s: %s", name, what);
	}

	void matrix(const char *what, const void *p, size_t size, int64_t m, int64_t n, int64_t ld, int64_t stride, int64_t batch, bool written)
	{
		if (!ok())
			return;
		if (m < 0 || n < 0 || batch < 0)
			return refuse("%s has a negative dimension", what);
		if (ld < (m > 1 ? m : 1))
			return refuse("%s: the leading dimension is less than the number of rows", what);
		if (stride < 0)
			return refuse("%s has a negative stride", what);
		if (m == 0 || n == 0)
			return;
		auto at = reinterpret_cast<uint64_t>(p);
		if (batch == 1 || stride == 0)
			return add({{at, m * size, size_t(n), ld * size, written}, what}, size);
		for (int64_t b = 0; b < batch && ok(); b++)
			add({{at + b * stride * size, m * size, size_t(n), ld * size, written}, what}, size);
	}

	void vector(const char *what, const void *p, size_t size, int64_t n, int64_t inc, bool written)
	{
		if (!ok() || n <= 0)
			return;
		if (inc == 0)
			return refuse("%s has increment 0", what);
		add({{reinterpret_cast<uint64_t>(p), size, size_t(n), size_t(inc < 0 ? -inc : inc) * size, written}, what}, size);
	}

	void add(const Region &r, size_t size)
	{
		if (!r.at)
			return refuse("%s is NULL", r.what);
		if (r.at % size)
			return refuse("%s is not aligned to its elements", r.what);
		if (!driver()->span(r.at, r.bytes()))
			return refuse("%s is not in device memory, or reaches beyond its allocation", r.what);
		regions.push_back(r);
	}

	/* separate refuses outputs that overlap an input or one another. */
	bool separate()
	{
		for (size_t i = 0; i < regions.size(); i++)
			for (size_t j = 0; j < i; j++) {
				auto &x = regions[i], &y = regions[j];
				if (!(x.written || y.written) || !overlap(x, y))
					continue;
				bool same = x.at == y.at && x.pitch == y.pitch && x.rows == y.rows && x.columns == y.columns;
				bool allowed = false;
				for (auto a : aliases)
					allowed |= same && (!strcmp(a, x.what) || !strcmp(a, y.what));
				if (allowed)
					continue;
				char text[200];
				snprintf(text, sizeof text, "%s and %s overlap", y.what, x.what);
				fail(codes.invalid, text);
				return false;
			}
		return true;
	}
};

/* A scalar that the caller gives by address: copied at the call, or read on
 * the device when the work runs. */
template <class T> struct Scalar {
	T value{};
	const T *device = nullptr;

	T get() const { return device ? *device : value; }
};

} // namespace emu

#endif
