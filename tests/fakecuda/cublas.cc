//go:build ignore

/* A stand-in for cuBLAS on the emulated device:
 * g++ -std=c++17 -O2 -shared -fPIC -fvisibility=hidden -DEMU_CUDA=12040
 *     -Wl,-soname,libcublas.so.12 cublas.cc -o libcublas.so.12 -lopenblas -ldl
 * EMU_CUDA is the emulated version (11080, 12040, 13000, …), which decides the
 * version numbers and whether the functions with 64-bit dimensions exist. */
#include <cmath>

#include "contract.h"
#include "product.h"

using namespace emu;

namespace {

/* cublasStatus_t */
const Codes codes = {1, 7, 13, 14, 15};

enum { HOST = 0, DEVICE = 1 };
enum { LEFT = 0, RIGHT = 1 };

struct Blas : Handle {
	static constexpr auto kind = "cuBLAS handles";
	int pointer_mode = HOST;
	int math_mode = 0;
	void *workspace = nullptr; /* NULL is the library's own */
	size_t workspace_bytes = 0;
};

/* begin finds the handle and starts a call. */
struct Begun {
	Blas *h;
	Call call;

	Begun(const char *name, void *handle) : h(registry<Blas>().find(handle)), call(codes, name, h)
	{
		if (h && call.ok() && h->workspace_bytes)
			call.out("the workspace", h->workspace, 1, h->workspace_bytes, 1, h->workspace_bytes);
	}

	/* run also spoils the start of the workspace, which is the library's
	 * while the call runs. */
	int run(std::function<void()> work)
	{
		void *w = h ? h->workspace : nullptr;
		if (call.ok() && !w)
			driver()->fault("products in the library's workspace()"); /* counts them */
		size_t n = h && h->workspace_bytes < 4096 ? h->workspace_bytes : 4096;
		return call.run([=] {
			if (w)
				memset(w, 0xFF, n);
			work();
		});
	}
};

template <class T> Scalar<T> scalar(Begun &b, const char *what, const T *p)
{
	if (!b.call.ok())
		return {};
	if (b.h->pointer_mode == DEVICE) {
		b.call.in(what, p, sizeof(T), 1, 1);
		return {T(), p};
	}
	if (!b.call.host(what, p))
		return {};
	return {*p, nullptr};
}

/* zero says that a scalar is known to be 0 at the call, so that its operand
 * need not exist. */
template <class T> bool zero(const Scalar<T> &s) { return !s.device && s.value == 0; }

/* A result: written by the work, to the device or to the host. */
template <class R> void result(Begun &b, R *p)
{
	if (b.h && b.call.ok() && b.h->pointer_mode == DEVICE)
		b.call.out("the result", p, sizeof(R), 1, 1);
	else
		b.call.host("the result", p);
}

template <class R> int deliver(Begun &b, std::function<void()> work)
{
	int status = b.run(work);
	return b.h && b.h->pointer_mode == HOST ? b.call.finish(status) : status;
}

bool is_op(int t) { return t >= 0 && t <= 2; }
bool is_bit(int x) { return x == 0 || x == 1; }
char op(int t) { return t ? 'T' : 'N'; }
char uplo(int u) { return u ? 'U' : 'L'; }
char side(int s) { return s ? 'R' : 'L'; }
char diag(int d) { return d ? 'U' : 'N'; }

/* at is the index of element i of a vector with an increment of any sign. */
int64_t at(int64_t i, int64_t n, int64_t inc) { return inc >= 0 ? i * inc : (i - (n - 1)) * inc; }

/* compute is what products of type T do in a handle's math mode. */
template <class T> int compute(const Blas *h)
{
	if (sizeof(T) == 8)
		return numbers::C64F;
	return h && (h->math_mode & 15) == 3 ? numbers::FAST_TF32 : numbers::C32F;
}

/* rounded replaces a by a copy with the inputs that tensor cores see; keep
 * owns it. */
template <class T> void rounded(int mode, std::vector<T> &keep, int64_t m, int64_t n, const T *&a, int64_t &lda)
{
	if constexpr (sizeof(T) == 4)
		if (mode != numbers::C32F) {
			keep = dense::copy(m, n, a, lda);
			for (auto &x : keep)
				x = numbers::rounded(mode, x);
			a = keep.data();
			lda = m ? m : 1;
		}
}

/* ---- level 3 ---- */

template <class T> int gemm(const char *name, void *handle, int ta, int tb, int64_t m, int64_t n, int64_t k, const T *alpha, const T *a,
	int64_t lda, int64_t sa, const T *b, int64_t ldb, int64_t sb, const T *beta, T *c, int64_t ldc, int64_t sc, int64_t batch)
{
	Begun g(name, handle);
	g.call.require(is_op(ta) && is_op(tb), "an operation is none of N, T, C");
	g.call.require(m >= 0 && n >= 0 && k >= 0 && batch >= 0, "a dimension is negative");
	auto al = scalar(g, "alpha", alpha), be = scalar(g, "beta", beta);
	bool reads = m && n && k && batch && !zero(al);
	g.call.in("A", a, sizeof(T), ta ? k : m, reads ? (ta ? m : k) : 0, lda, sa, batch);
	g.call.in("B", b, sizeof(T), tb ? n : k, reads ? (tb ? k : n) : 0, ldb, sb, batch);
	g.call.require(batch <= 1 || sc != 0 || !m || !n, "the results of a batch have stride 0");
	g.call.out("C", c, sizeof(T), m, n, ldc, sc, batch);
	int mode = compute<T>(g.h);
	return g.run([=] {
		for (int64_t i = 0; i < batch; i++) {
			std::vector<T> x, y;
			const T *p = a + i * sa, *q = b + i * sb;
			int64_t ldp = lda, ldq = ldb;
			if (reads) {
				rounded(mode, x, ta ? k : m, ta ? m : k, p, ldp);
				rounded(mode, y, tb ? n : k, tb ? k : n, q, ldq);
			}
			dense::gemm(op(ta), op(tb), int(m), int(n), reads ? int(k) : 0, al.get(), p, int(ldp), q, int(ldq), be.get(), c + i * sc,
				int(ldc));
		}
	});
}

template <class T> int syrk(const char *name, void *handle, int u, int t, int64_t n, int64_t k, const T *alpha, const T *a, int64_t lda,
	const T *beta, T *c, int64_t ldc)
{
	Begun g(name, handle);
	g.call.require(is_bit(u) && is_op(t), "the triangle or the operation is not one");
	g.call.require(n >= 0 && k >= 0, "a dimension is negative");
	auto al = scalar(g, "alpha", alpha), be = scalar(g, "beta", beta);
	g.call.in("A", a, sizeof(T), t ? k : n, t ? n : k, lda);
	g.call.out("C", c, sizeof(T), n, n, ldc);
	int mode = compute<T>(g.h);
	return g.run([=] {
		std::vector<T> keep;
		const T *p = a;
		int64_t ldp = lda;
		rounded(mode, keep, t ? k : n, t ? n : k, p, ldp);
		dense::syrk(uplo(u), op(t), int(n), int(k), al.get(), p, int(ldp), be.get(), c, int(ldc));
	});
}

/* C = α·op(A)·op(B)ᵀ + β·C in one triangle, the caller's word for it that the
 * product is symmetric. */
template <class T> int syrkx(const char *name, void *handle, int u, int t, int64_t n, int64_t k, const T *alpha, const T *a, int64_t lda,
	const T *b, int64_t ldb, const T *beta, T *c, int64_t ldc)
{
	Begun g(name, handle);
	g.call.require(is_bit(u) && is_op(t), "the triangle or the operation is not one");
	g.call.require(n >= 0 && k >= 0, "a dimension is negative");
	auto al = scalar(g, "alpha", alpha), be = scalar(g, "beta", beta);
	g.call.in("A", a, sizeof(T), t ? k : n, t ? n : k, lda);
	g.call.in("B", b, sizeof(T), t ? k : n, t ? n : k, ldb);
	g.call.out("C", c, sizeof(T), n, n, ldc);
	int mode = compute<T>(g.h);
	return g.run([=] {
		std::vector<T> x, y, z(size_t(n) * n);
		const T *p = a, *q = b;
		int64_t ldp = lda, ldq = ldb;
		rounded(mode, x, t ? k : n, t ? n : k, p, ldp);
		rounded(mode, y, t ? k : n, t ? n : k, q, ldq);
		if (n && k)
			dense::gemm(op(t), t ? 'N' : 'T', int(n), int(n), int(k), al.get(), p, int(ldp), q, int(ldq), T(0), z.data(), int(n));
		T beta = be.get();
		for (int64_t j = 0; j < n; j++)
			for (int64_t i = u ? 0 : j; i < (u ? j + 1 : n); i++)
				c[j * ldc + i] = z[j * n + i] + (beta == 0 ? 0 : beta * c[j * ldc + i]);
	});
}

template <class T> int symm(const char *name, void *handle, int s, int u, int64_t m, int64_t n, const T *alpha, const T *a, int64_t lda,
	const T *b, int64_t ldb, const T *beta, T *c, int64_t ldc)
{
	Begun g(name, handle);
	g.call.require(is_bit(s) && is_bit(u), "the side or the triangle is not one");
	g.call.require(m >= 0 && n >= 0, "a dimension is negative");
	auto al = scalar(g, "alpha", alpha), be = scalar(g, "beta", beta);
	int64_t k = s == LEFT ? m : n;
	g.call.in("A", a, sizeof(T), k, k, lda);
	g.call.in("B", b, sizeof(T), m, n, ldb);
	g.call.out("C", c, sizeof(T), m, n, ldc);
	int mode = compute<T>(g.h);
	return g.run([=] {
		std::vector<T> x, y;
		const T *p = a, *q = b;
		int64_t ldp = lda, ldq = ldb;
		rounded(mode, x, k, k, p, ldp);
		rounded(mode, y, m, n, q, ldq);
		dense::symm(side(s), uplo(u), int(m), int(n), al.get(), p, int(ldp), q, int(ldq), be.get(), c, int(ldc));
	});
}

template <class T> int trsm(const char *name, void *handle, int s, int u, int t, int d, int64_t m, int64_t n, const T *alpha, const T *a,
	int64_t lda, T *b, int64_t ldb)
{
	Begun g(name, handle);
	g.call.require(is_bit(s) && is_bit(u) && is_op(t) && is_bit(d), "the side, triangle, operation or diagonal is not one");
	g.call.require(m >= 0 && n >= 0, "a dimension is negative");
	auto al = scalar(g, "alpha", alpha);
	int64_t k = s == LEFT ? m : n;
	g.call.in("A", a, sizeof(T), k, k, lda);
	g.call.out("B", b, sizeof(T), m, n, ldb);
	return g.run([=] { dense::trsm(side(s), uplo(u), op(t), diag(d), int(m), int(n), al.get(), a, int(lda), b, int(ldb)); });
}

/* Out of place, unlike BLAS; C may be B. */
template <class T> int trmm(const char *name, void *handle, int s, int u, int t, int d, int64_t m, int64_t n, const T *alpha, const T *a,
	int64_t lda, const T *b, int64_t ldb, T *c, int64_t ldc)
{
	Begun g(name, handle);
	g.call.require(is_bit(s) && is_bit(u) && is_op(t) && is_bit(d), "the side, triangle, operation or diagonal is not one");
	g.call.require(m >= 0 && n >= 0, "a dimension is negative");
	auto al = scalar(g, "alpha", alpha);
	int64_t k = s == LEFT ? m : n;
	g.call.in("A", a, sizeof(T), k, k, lda);
	g.call.in("B", b, sizeof(T), m, n, ldb);
	g.call.may_alias("B");
	g.call.out("C", c, sizeof(T), m, n, ldc);
	return g.run([=] {
		if (c != b)
			dense::store(m, n, b, ldb, c, ldc);
		dense::trmm(side(s), uplo(u), op(t), diag(d), int(m), int(n), al.get(), a, int(lda), c, int(ldc));
	});
}

/* C may be an operand that is not transposed. */
template <class T> int geam(const char *name, void *handle, int ta, int tb, int64_t m, int64_t n, const T *alpha, const T *a, int64_t lda,
	const T *beta, const T *b, int64_t ldb, T *c, int64_t ldc)
{
	Begun g(name, handle);
	g.call.require(is_op(ta) && is_op(tb), "an operation is none of N, T, C");
	g.call.require(m >= 0 && n >= 0, "a dimension is negative");
	auto al = scalar(g, "alpha", alpha), be = scalar(g, "beta", beta);
	g.call.in("A", a, sizeof(T), ta ? n : m, zero(al) ? 0 : (ta ? m : n), lda);
	g.call.in("B", b, sizeof(T), tb ? n : m, zero(be) ? 0 : (tb ? m : n), ldb);
	if (!ta)
		g.call.may_alias("A");
	if (!tb)
		g.call.may_alias("B");
	g.call.out("C", c, sizeof(T), m, n, ldc);
	return g.run([=] {
		T alpha = al.get(), beta = be.get();
		for (int64_t j = 0; j < n; j++)
			for (int64_t i = 0; i < m; i++) {
				T x = 0;
				if (alpha != 0)
					x += alpha * (ta ? a[i * lda + j] : a[j * lda + i]);
				if (beta != 0)
					x += beta * (tb ? b[i * ldb + j] : b[j * ldb + i]);
				c[j * ldc + i] = x;
			}
	});
}

/* C = diag(x)·A or A·diag(x); C may be A. */
template <class T> int dgmm(const char *name, void *handle, int s, int64_t m, int64_t n, const T *a, int64_t lda, const T *x, int64_t incx, T *c,
	int64_t ldc)
{
	Begun g(name, handle);
	g.call.require(is_bit(s), "the side is not one");
	int64_t k = s == LEFT ? m : n;
	g.call.in("A", a, sizeof(T), m, n, lda);
	g.call.in("x", x, sizeof(T), m && n ? k : 0, incx);
	g.call.may_alias("A");
	g.call.out("C", c, sizeof(T), m, n, ldc);
	return g.run([=] {
		for (int64_t j = 0; j < n; j++)
			for (int64_t i = 0; i < m; i++)
				c[j * ldc + i] = a[j * lda + i] * x[at(s == LEFT ? i : j, k, incx)];
	});
}

/* ---- levels 1 and 2 ---- */

template <class T> int gemv(const char *name, void *handle, int t, int64_t m, int64_t n, const T *alpha, const T *a, int64_t lda, const T *x,
	int64_t incx, const T *beta, T *y, int64_t incy)
{
	Begun g(name, handle);
	g.call.require(is_op(t), "the operation is none of N, T, C");
	g.call.require(m >= 0 && n >= 0, "a dimension is negative");
	g.call.require(incx != 0 && incy != 0, "an increment is 0");
	auto al = scalar(g, "alpha", alpha), be = scalar(g, "beta", beta);
	int64_t from = t ? m : n, to = t ? n : m;
	g.call.in("A", a, sizeof(T), m, n, lda);
	g.call.in("x", x, sizeof(T), m && n ? from : 0, incx);
	g.call.out("y", y, sizeof(T), to, incy);
	return g.run([=] {
		if (m == 0 || n == 0)
			return; /* as in BLAS, y is left alone */
		T beta = be.get();
		for (int64_t i = 0; i < to; i++) {
			T &e = y[at(i, to, incy)];
			e = beta == 0 ? T(0) : beta * e;
		}
		dense::gemv(op(t), int(m), int(n), al.get(), a, int(lda), x, int(incx), T(1), y, int(incy));
	});
}

template <class T> int ger(const char *name, void *handle, int64_t m, int64_t n, const T *alpha, const T *x, int64_t incx, const T *y, int64_t incy,
	T *a, int64_t lda)
{
	Begun g(name, handle);
	g.call.require(incx != 0 && incy != 0, "an increment is 0");
	auto al = scalar(g, "alpha", alpha);
	g.call.in("x", x, sizeof(T), m, incx);
	g.call.in("y", y, sizeof(T), n, incy);
	g.call.out("A", a, sizeof(T), m, n, lda);
	return g.run([=] {
		for (int64_t j = 0; j < n; j++)
			for (int64_t i = 0; i < m; i++)
				a[j * lda + i] += al.get() * x[at(i, m, incx)] * y[at(j, n, incy)];
	});
}

template <class T> int axpy(const char *name, void *handle, int64_t n, const T *alpha, const T *x, int64_t incx, T *y, int64_t incy)
{
	Begun g(name, handle);
	auto al = scalar(g, "alpha", alpha);
	g.call.in("x", x, sizeof(T), n, incx);
	g.call.out("y", y, sizeof(T), n, incy);
	return g.run([=] {
		for (int64_t i = 0; i < n; i++)
			y[at(i, n, incy)] += al.get() * x[at(i, n, incx)];
	});
}

template <class T> int copy(const char *name, void *handle, int64_t n, const T *x, int64_t incx, T *y, int64_t incy)
{
	Begun g(name, handle);
	g.call.in("x", x, sizeof(T), n, incx);
	g.call.out("y", y, sizeof(T), n, incy);
	return g.run([=] {
		for (int64_t i = 0; i < n; i++)
			y[at(i, n, incy)] = x[at(i, n, incx)];
	});
}

template <class T> int scal(const char *name, void *handle, int64_t n, const T *alpha, T *x, int64_t incx)
{
	Begun g(name, handle);
	auto al = scalar(g, "alpha", alpha);
	g.call.out("x", x, sizeof(T), n, incx);
	return g.run([=] {
		for (int64_t i = 0; i < n; i++)
			x[at(i, n, incx)] *= al.get();
	});
}

template <class T> int dot(const char *name, void *handle, int64_t n, const T *x, int64_t incx, const T *y, int64_t incy, T *out)
{
	Begun g(name, handle);
	g.call.in("x", x, sizeof(T), n, incx);
	g.call.in("y", y, sizeof(T), n, incy);
	result(g, out);
	return deliver<T>(g, [=] {
		T sum = 0;
		for (int64_t i = 0; i < n; i++)
			sum += x[at(i, n, incx)] * y[at(i, n, incy)];
		*out = sum;
	});
}

template <class T> int nrm2(const char *name, void *handle, int64_t n, const T *x, int64_t incx, T *out)
{
	Begun g(name, handle);
	g.call.in("x", x, sizeof(T), n, incx);
	result(g, out);
	return deliver<T>(g, [=] {
		long double sum = 0; /* its exponent range makes scaling unnecessary */
		for (int64_t i = 0; i < n; i++)
			sum += static_cast<long double>(x[at(i, n, incx)]) * x[at(i, n, incx)];
		*out = T(std::sqrt(sum));
	});
}

/* The index counts from 1. */
template <class T, class I> int amax(const char *name, void *handle, I n, const T *x, I incx, I *out)
{
	Begun g(name, handle);
	g.call.in("x", x, sizeof(T), n, incx);
	result(g, out);
	return deliver<I>(g, [=] {
		int64_t best = 0;
		for (int64_t i = 1; i < n; i++)
			if (std::fabs(x[at(i, n, incx)]) > std::fabs(x[at(best, n, incx)]))
				best = i;
		*out = n > 0 ? I(best + 1) : I(0);
	});
}

/* ---- mixed precision ---- */

int gemm_ex(const char *name, void *handle, int ta, int tb, int64_t m, int64_t n, int64_t k, const void *alpha, const void *a, int type_a,
	int64_t lda, int64_t sa, const void *b, int type_b, int64_t ldb, int64_t sb, const void *beta, void *c, int type_c, int64_t ldc, int64_t sc,
	int64_t batch, int compute, int algo)
{
	Begun g(name, handle);
	g.call.require(is_op(ta) && is_op(tb), "an operation is none of N, T, C");
	g.call.require(m >= 0 && n >= 0 && k >= 0 && batch >= 0, "a dimension is negative");
	g.call.require(algo >= -1, "the algorithm is not one");
	g.call.supported(product::known(compute, type_a, type_b, type_c), "the data types do not go with the compute type");
	if (!g.call.ok())
		return g.call.status();
	if (compute == numbers::C32F && type_a == numbers::F32 && (g.h->math_mode & 15) == 3)
		compute = numbers::FAST_TF32;
	auto scale = [&](const char *what, const void *p) -> std::function<double()> {
		int type = product::scale(compute);
		if (type == numbers::F64) {
			auto s = scalar(g, what, static_cast<const double *>(p));
			return [s] { return s.get(); };
		}
		if (type == numbers::F32) {
			auto s = scalar(g, what, static_cast<const float *>(p));
			return [s] { return double(s.get()); };
		}
		auto s = scalar(g, what, static_cast<const uint16_t *>(p));
		return [s] { return double(numbers::unpack_f16(s.get())); };
	};
	auto al = scale("alpha", alpha), be = scale("beta", beta);
	g.call.in("A", a, numbers::size(type_a), ta ? k : m, ta ? m : k, lda, sa, batch);
	g.call.in("B", b, numbers::size(type_b), tb ? n : k, tb ? k : n, ldb, sb, batch);
	g.call.out("C", c, numbers::size(type_c), m, n, ldc, sc, batch);
	product::Operand x{a, type_a, ta != 0, lda, sa}, y{b, type_b, tb != 0, ldb, sb}, z{c, type_c, false, ldc, sc};
	return g.run([=] {
		for (int64_t i = 0; i < batch; i++)
			if (product::scale(compute) == numbers::F64)
				product::gemm<double>(compute, m, n, k, al(), x, y, be(), z, z, i);
			else
				product::gemm<float>(compute, m, n, k, float(al()), x, y, float(be()), z, z, i);
	});
}

} // namespace

/* ---- handle ---- */

EXPORT int cublasCreate_v2(void **h)
{
	if (!h)
		return codes.invalid;
	if (!driver())
		return codes.uninitialised;
	if (int fault = driver()->fault("cublasCreate_v2"))
		return fault;
	void *context = driver()->context();
	if (!context) {
		report("cublasCreate_v2: no context is current");
		return codes.uninitialised;
	}
	auto *b = new Blas;
	b->context = context;
	*h = registry<Blas>().add(b);
	return 0;
}

EXPORT int cublasDestroy_v2(void *h)
{
	return registry<Blas>().remove(h) ? driver()->fault("cublasDestroy_v2") : codes.uninitialised;
}

EXPORT int cublasGetProperty(int property, int *value)
{
	if (!value || property < 0 || property > 2)
		return codes.invalid;
	const int version[3] = {EMU_CUDA / 1000, EMU_CUDA < 12000 ? 11 : EMU_CUDA % 1000 / 10, EMU_CUDA < 12000 ? 3 : 0};
	*value = version[property];
	return 0;
}

EXPORT int cublasGetVersion_v2(void *, int *version)
{
	int part[3];
	for (int i = 0; i < 3; i++)
		if (int status = cublasGetProperty(i, part + i))
			return status;
	if (!version)
		return codes.invalid;
	*version = part[0] * 10000 + part[1] * 100 + part[2];
	return 0;
}

/* Changing the stream also gives up the workspace. */
EXPORT int cublasSetStream_v2(void *h, void *stream)
{
	Begun g("cublasSetStream_v2", h);
	if (g.call.ok()) {
		g.h->stream = stream;
		g.h->workspace = nullptr;
		g.h->workspace_bytes = 0;
	}
	return g.call.status();
}

EXPORT int cublasSetWorkspace_v2(void *h, void *memory, size_t bytes)
{
	Blas *b = registry<Blas>().find(h);
	Call call(codes, "cublasSetWorkspace_v2", b);
	call.require(reinterpret_cast<uint64_t>(memory) % 256 == 0, "the workspace is not aligned to 256 bytes");
	if (bytes)
		call.out("the workspace", memory, 1, bytes, 1, bytes);
	if (call.ok()) {
		b->workspace = memory;
		b->workspace_bytes = bytes;
	}
	return call.status();
}

EXPORT int cublasSetPointerMode_v2(void *h, int mode)
{
	Begun g("cublasSetPointerMode_v2", h);
	g.call.require(is_bit(mode), "the mode is not one");
	if (g.call.ok())
		g.h->pointer_mode = mode;
	return g.call.status();
}

EXPORT int cublasSetMathMode(void *h, int mode)
{
	Begun g("cublasSetMathMode", h);
	int base = mode & ~16;
	g.call.require(base == 0 || base == 2 || base == 3, "the mode is not one");
	if (g.call.ok())
		g.h->math_mode = mode;
	return g.call.status();
}

EXPORT int cublasGetMathMode(void *h, int *mode)
{
	Begun g("cublasGetMathMode", h);
	if (g.call.host("the mode", mode))
		*mode = g.h->math_mode;
	return g.call.status();
}

/* ---- exports ---- */

/* BOTH exports a function in both element types, and again with 64-bit
 * dimensions where they exist. */
#if EMU_CUDA >= 12000
#define WIDE(F, name, T) F(name##_64, T, int64_t)
#else
#define WIDE(F, name, T)
#endif
#define BOTH(F, s, d) F(s, float, int) WIDE(F, s, float) F(d, double, int) WIDE(F, d, double)

#define GEMM(f, T, I)                                                                                                  \
	EXPORT int f(void *h, int ta, int tb, I m, I n, I k, const T *al, const T *a, I lda, const T *b, I ldb, const T *be, T *c, I ldc) \
	{                                                                                                                  \
		return gemm<T>(#f, h, ta, tb, m, n, k, al, a, lda, 0, b, ldb, 0, be, c, ldc, 0, 1);                            \
	}
BOTH(GEMM, cublasSgemm_v2, cublasDgemm_v2)

#define GEMM_BATCHED(f, T, I)                                                                                          \
	EXPORT int f(void *h, int ta, int tb, I m, I n, I k, const T *al, const T *a, I lda, long long sa, const T *b, I ldb, \
		long long sb, const T *be, T *c, I ldc, long long sc, I batch)                                                 \
	{                                                                                                                  \
		return gemm<T>(#f, h, ta, tb, m, n, k, al, a, lda, sa, b, ldb, sb, be, c, ldc, sc, batch);                     \
	}
BOTH(GEMM_BATCHED, cublasSgemmStridedBatched, cublasDgemmStridedBatched)

#define SYRK(f, T, I)                                                                                                  \
	EXPORT int f(void *h, int u, int t, I n, I k, const T *al, const T *a, I lda, const T *be, T *c, I ldc)            \
	{                                                                                                                  \
		return syrk<T>(#f, h, u, t, n, k, al, a, lda, be, c, ldc);                                                     \
	}
BOTH(SYRK, cublasSsyrk_v2, cublasDsyrk_v2)

#define SYRKX(f, T, I)                                                                                                 \
	EXPORT int f(void *h, int u, int t, I n, I k, const T *al, const T *a, I lda, const T *b, I ldb, const T *be, T *c, I ldc) \
	{                                                                                                                  \
		return syrkx<T>(#f, h, u, t, n, k, al, a, lda, b, ldb, be, c, ldc);                                            \
	}
BOTH(SYRKX, cublasSsyrkx, cublasDsyrkx)

#define SYMM(f, T, I)                                                                                                  \
	EXPORT int f(void *h, int s, int u, I m, I n, const T *al, const T *a, I lda, const T *b, I ldb, const T *be, T *c, I ldc) \
	{                                                                                                                  \
		return symm<T>(#f, h, s, u, m, n, al, a, lda, b, ldb, be, c, ldc);                                             \
	}
BOTH(SYMM, cublasSsymm_v2, cublasDsymm_v2)

#define TRSM(f, T, I)                                                                                                  \
	EXPORT int f(void *h, int s, int u, int t, int d, I m, I n, const T *al, const T *a, I lda, T *b, I ldb)           \
	{                                                                                                                  \
		return trsm<T>(#f, h, s, u, t, d, m, n, al, a, lda, b, ldb);                                                   \
	}
BOTH(TRSM, cublasStrsm_v2, cublasDtrsm_v2)

#define TRMM(f, T, I)                                                                                                  \
	EXPORT int f(void *h, int s, int u, int t, int d, I m, I n, const T *al, const T *a, I lda, const T *b, I ldb, T *c, I ldc) \
	{                                                                                                                  \
		return trmm<T>(#f, h, s, u, t, d, m, n, al, a, lda, b, ldb, c, ldc);                                           \
	}
BOTH(TRMM, cublasStrmm_v2, cublasDtrmm_v2)

#define GEAM(f, T, I)                                                                                                  \
	EXPORT int f(void *h, int ta, int tb, I m, I n, const T *al, const T *a, I lda, const T *be, const T *b, I ldb, T *c, I ldc) \
	{                                                                                                                  \
		return geam<T>(#f, h, ta, tb, m, n, al, a, lda, be, b, ldb, c, ldc);                                           \
	}
BOTH(GEAM, cublasSgeam, cublasDgeam)

#define DGMM(f, T, I)                                                                                                  \
	EXPORT int f(void *h, int s, I m, I n, const T *a, I lda, const T *x, I incx, T *c, I ldc)                         \
	{                                                                                                                  \
		return dgmm<T>(#f, h, s, m, n, a, lda, x, incx, c, ldc);                                                       \
	}
BOTH(DGMM, cublasSdgmm, cublasDdgmm)

#define GEMV(f, T, I)                                                                                                  \
	EXPORT int f(void *h, int t, I m, I n, const T *al, const T *a, I lda, const T *x, I incx, const T *be, T *y, I incy) \
	{                                                                                                                  \
		return gemv<T>(#f, h, t, m, n, al, a, lda, x, incx, be, y, incy);                                              \
	}
BOTH(GEMV, cublasSgemv_v2, cublasDgemv_v2)

#define GER(f, T, I)                                                                                                   \
	EXPORT int f(void *h, I m, I n, const T *al, const T *x, I incx, const T *y, I incy, T *a, I lda)                  \
	{                                                                                                                  \
		return ger<T>(#f, h, m, n, al, x, incx, y, incy, a, lda);                                                      \
	}
BOTH(GER, cublasSger_v2, cublasDger_v2)

#define AXPY(f, T, I) \
	EXPORT int f(void *h, I n, const T *al, const T *x, I incx, T *y, I incy) { return axpy<T>(#f, h, n, al, x, incx, y, incy); }
BOTH(AXPY, cublasSaxpy_v2, cublasDaxpy_v2)

#define COPY(f, T, I) \
	EXPORT int f(void *h, I n, const T *x, I incx, T *y, I incy) { return copy<T>(#f, h, n, x, incx, y, incy); }
BOTH(COPY, cublasScopy_v2, cublasDcopy_v2)

#define SCAL(f, T, I) \
	EXPORT int f(void *h, I n, const T *al, T *x, I incx) { return scal<T>(#f, h, n, al, x, incx); }
BOTH(SCAL, cublasSscal_v2, cublasDscal_v2)

#define DOT(f, T, I) \
	EXPORT int f(void *h, I n, const T *x, I incx, const T *y, I incy, T *r) { return dot<T>(#f, h, n, x, incx, y, incy, r); }
BOTH(DOT, cublasSdot_v2, cublasDdot_v2)

#define NRM2(f, T, I) \
	EXPORT int f(void *h, I n, const T *x, I incx, T *r) { return nrm2<T>(#f, h, n, x, incx, r); }
BOTH(NRM2, cublasSnrm2_v2, cublasDnrm2_v2)

#define AMAX(f, T, I) \
	EXPORT int f(void *h, I n, const T *x, I incx, I *r) { return amax<T, I>(#f, h, n, x, incx, r); }
BOTH(AMAX, cublasIsamax_v2, cublasIdamax_v2)

#define GEMM_EX(f, T, I)                                                                                               \
	EXPORT int f(void *h, int ta, int tb, I m, I n, I k, const void *al, const void *a, int type_a, I lda, const void *b, int type_b, I ldb, \
		const void *be, void *c, int type_c, I ldc, int compute, int algo)                                             \
	{                                                                                                                  \
		return gemm_ex(#f, h, ta, tb, m, n, k, al, a, type_a, lda, 0, b, type_b, ldb, 0, be, c, type_c, ldc, 0, 1, compute, algo); \
	}
GEMM_EX(cublasGemmEx, void, int)
WIDE(GEMM_EX, cublasGemmEx, void)

#define GEMM_BATCHED_EX(f, T, I)                                                                                       \
	EXPORT int f(void *h, int ta, int tb, I m, I n, I k, const void *al, const void *a, int type_a, I lda, long long sa, \
		const void *b, int type_b, I ldb, long long sb, const void *be, void *c, int type_c, I ldc, long long sc, I batch, int compute, int algo) \
	{                                                                                                                  \
		return gemm_ex(#f, h, ta, tb, m, n, k, al, a, type_a, lda, sa, b, type_b, ldb, sb, be, c, type_c, ldc, sc, batch, compute, algo); \
	}
GEMM_BATCHED_EX(cublasGemmStridedBatchedEx, void, int)
WIDE(GEMM_BATCHED_EX, cublasGemmStridedBatchedEx, void)
