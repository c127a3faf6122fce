//go:build ignore

/* A stand-in for cuSOLVER's dense functions on the emulated device:
 * g++ -std=c++17 -O2 -shared -fPIC -fvisibility=hidden -DEMU_CUDA=12040
 *     -Wl,-soname,libcusolver.so.11 cusolver.cc -o libcusolver.so.11 -lopenblas -ldl
 * EMU_CUDA is the emulated version (11080, 12040, 13000, …). */
#include "contract.h"
#include "spectral.h"

using namespace emu;

namespace {

/* cusolverStatus_t */
const Codes codes = {1, 3, 6, 7, 9};

struct Solver : Handle {
	static constexpr auto kind = "cuSOLVER handles";
};
struct Params {
	static constexpr auto kind = "parameters of cuSOLVER";
};
struct Jacobi {
	double tolerance = 0;
	int sweeps = 100;
	bool sort = true;
	double residual = -1; /* of the last run, -1: none has run */
	int swept = -1;
};
struct JacobiSVD : Jacobi {
	static constexpr auto kind = "parameters of gesvdj";
};
struct JacobiEigen : Jacobi {
	static constexpr auto kind = "parameters of syevj";
};

/* Two workspaces: what bufferSize answers, and what a call is given. */
struct Sizes {
	size_t device, host;
};
struct Space {
	void *device;
	size_t device_bytes;
	void *host;
	size_t host_bytes;
};

/* Task is one call of a function, or of its bufferSize (query). Both check
 * the same arguments; a query does not look at the matrices. */
struct Task {
	Call call;
	std::string name; /* without the prefix */
	bool query;

	Task(const char *function, void *handle, bool query)
		: call(codes, function, registry<Solver>().find(handle)), name(function + strlen("cusolverDn")), query(query)
	{
	}

	void in(const char *what, const void *p, size_t size, int64_t m, int64_t n, int64_t ld, int64_t stride = 0, int64_t batch = 1)
	{
		dimensions(m, n, ld);
		if (!query)
			call.in(what, p, size, m, n, ld, stride, batch);
	}
	void out(const char *what, const void *p, size_t size, int64_t m, int64_t n, int64_t ld, int64_t stride = 0, int64_t batch = 1)
	{
		dimensions(m, n, ld);
		if (!query)
			call.out(what, p, size, m, n, ld, stride, batch);
	}
	void dimensions(int64_t m, int64_t n, int64_t ld)
	{
		call.require(m >= 0 && n >= 0, "a dimension is negative");
		call.require(ld >= (m > 1 ? m : 1), "a leading dimension is less than the number of rows");
	}

	/* answer ends a query. */
	template <class N> int answer(N amount, N *to)
	{
		if (call.require(to != nullptr, "the size has no place to go"))
			*to = amount;
		return call.status();
	}
	int answer(Sizes s, size_t *device, size_t *host)
	{
		if (call.require(device && host, "a size has no place to go")) {
			*device = s.device;
			*host = s.host;
		}
		return call.status();
	}

	/* run ends a call: work returns LAPACK's info. The workspaces are
	 * spoiled before the work; the host's must still be as the call left it
	 * when the work runs, since the library may use it until then. */
	int run(Sizes want, Space s, int *info, int64_t infos, std::function<int(int64_t)> work)
	{
		call.require(s.device_bytes >= want.device, "the device workspace is smaller than bufferSize said");
		call.require(s.host_bytes >= want.host, "the host workspace is smaller than bufferSize said");
		if (want.device)
			call.out("the device workspace", s.device, 1, want.device, 1, want.device);
		if (want.host)
			call.host("the host workspace", s.host);
		call.out("info", info, sizeof(int), infos, 1, infos > 0 ? infos : 1);
		if (!call.ok())
			return call.status();
		int fault = driver()->fault(("info(" + name + ")").c_str());
		auto spoil = call.spoiled();
		if (want.host)
			memset(s.host, 0xA5, want.host);
		return call.run([=, name = name] {
			auto *h = static_cast<unsigned char *>(s.host);
			for (size_t i = 0; i < want.host; i++)
				if (h[i] != 0xA5) {
					report("%s: the host workspace was changed before the stream was synchronised", name.c_str());
					break;
				}
			if (want.host)
				memset(s.host, 0xFF, want.host);
			if (want.device)
				memset(s.device, 0xFF, want.device);
			if (fault)
				spoil();
			for (int64_t i = 0; i < infos; i++)
				info[i] = fault && i == 0 ? fault : fault ? 0 : work(i);
		});
	}
};

/* Both sizes are made up: they depend on everything that the real ones may
 * depend on, so that a caller that asks for another problem is found out. */
Sizes sizes(size_t element, int64_t m, int64_t n, int64_t ld, bool host)
{
	size_t bytes = (size_t(m) * n + 4 * (m + n) + ld % 1000 + 64) * element;
	return {(bytes + 255) / 256 * 256, host ? size_t(16 * (m + n) + 128) : 0};
}
/* Whether functions that need no memory of the host ask for some all the same, as
 * any of them may. */
const bool host_work = EMU_CUDA >= 13000;
int elements(int64_t m, int64_t n, int64_t ld) { return int(m * n + 4 * (m + n) + ld % 1000 + 64); }

template <class T> Space elementwise(T *work, int lwork) { return {work, size_t(lwork < 0 ? 0 : lwork) * sizeof(T), nullptr, 0}; }
template <class T> Sizes bytes(int n) { return {size_t(n) * sizeof(T), 0}; }

bool is_bit(int x) { return x == 0 || x == 1; }
char uplo(int u) { return u ? 'U' : 'L'; }

/* typed finds the element type of an X… function, the same for everything,
 * and calls f with a value of it. */
template <class F> int typed(Task &t, void *params, int compute, std::initializer_list<int> types, F f)
{
	t.call.require(registry<Params>().find(params), "the parameters are not ones");
	t.call.supported(is_bit(compute), "the compute type is neither float nor double");
	for (int type : types)
		t.call.supported(type == compute, "the data types differ");
	if (!t.call.ok())
		return t.call.status();
	return compute ? f(double()) : f(float());
}

/* ---- singular values ---- */

/* One argument of a singular value decomposition's vectors: where they go. */
struct Vectors {
	void *p;
	int64_t ld;
};

/* gesvd: A = U·diag(S)·VT, m ≥ n. */
int gesvd(Task &t, void *params, char jobu, char jobvt, int64_t m, int64_t n, std::initializer_list<int> types, void *a, int64_t lda, void *s, Vectors u,
	Vectors vt, int compute, Space space, int *info, size_t *device, size_t *host)
{
	return typed(t, params, compute, types, [&](auto zero) {
		using T = decltype(zero);
		auto job = [](char c) { return c == 'A' || c == 'S' || c == 'O' || c == 'N'; };
		t.call.require(job(jobu) && job(jobvt), "a job is none of A, S, O, N");
		t.call.require(!(jobu == 'O' && jobvt == 'O'), "both jobs are O");
		t.call.require(m >= n, "the matrix has fewer rows than columns");
		t.out("A", a, sizeof(T), m, n, lda);
		t.out("S", s, sizeof(T), n, 1, n ? n : 1);
		bool left = jobu == 'A' || jobu == 'S', right = jobvt == 'A' || jobvt == 'S';
		t.out("U", u.p, sizeof(T), left ? m : 0, jobu == 'A' ? m : n, u.ld);
		t.out("VT", vt.p, sizeof(T), right ? n : 0, n, vt.ld);
		Sizes want = sizes(sizeof(T), m, n, lda, true);
		if (t.query || !t.call.ok())
			return t.query ? t.answer(want, device, host) : t.call.status();
		return t.run(want, space, info, 1, [=, A = static_cast<T *>(a)](int64_t) {
			auto r = spectral::svd(jobu != 'N' || jobvt != 'N', jobu == 'A', m, n, A, lda);
			dense::fill(m, n, spectral::nan<T>(), A, lda);
			dense::store(n, 1, r.s.data(), n, static_cast<T *>(s), n);
			auto VT = spectral::transposed(n, r.columns_v, r.v);
			if (left)
				dense::store(m, jobu == 'A' ? m : n, r.u.data(), m, static_cast<T *>(u.p), u.ld);
			if (right)
				dense::store(n, n, VT.data(), n, static_cast<T *>(vt.p), vt.ld);
			if (jobu == 'O')
				dense::store(m, n, r.u.data(), m, A, lda);
			if (jobvt == 'O')
				dense::store(n, n, VT.data(), n, A, lda);
			return r.info;
		});
	});
}

/* gesvdp: A = U·diag(S)·Vᵀ by the polar decomposition, which shifts the
 * singular values of a matrix that is singular to working precision; the size
 * of the shift goes to the host. U and V are used even without job. */
int gesvdp(Task &t, void *params, int job, int econ, int64_t m, int64_t n, std::initializer_list<int> types, void *a, int64_t lda, void *s, Vectors u,
	Vectors v, int compute, Space space, int *info, double *h_err_sigma, size_t *device, size_t *host)
{
	return typed(t, params, compute, types, [&](auto zero) {
		using T = decltype(zero);
		int64_t k = m < n ? m : n, columns_u = econ ? k : m, columns_v = econ ? k : n;
		t.call.require(is_bit(job) && is_bit(econ), "the job or econ is neither 0 nor 1");
		t.out("A", a, sizeof(T), m, n, lda);
		t.out("S", s, sizeof(T), k, 1, k ? k : 1);
		t.out("U", u.p, sizeof(T), m, columns_u, u.ld);
		t.out("V", v.p, sizeof(T), n, columns_v, v.ld);
		Sizes want = sizes(sizeof(T), m + 1, n + 1, lda, true);
		if (t.query || !t.call.ok())
			return t.query ? t.answer(want, device, host) : t.call.status();
		t.call.host("the error of the singular values", h_err_sigma);
		int fault = t.call.ok() ? driver()->fault(("shift(" + t.name + ")").c_str()) : 0;
		return t.run(want, space, info, 1, [=, A = static_cast<T *>(a)](int64_t) {
			auto r = spectral::svd(true, !econ, m, n, A, lda);
			dense::fill(m, n, spectral::nan<T>(), A, lda);
			T unit = k ? std::numeric_limits<T>::epsilon() * r.s[0] : T(0), shift = 0;
			if (fault)
				shift = fault * unit;
			else if (k && r.s[k - 1] <= unit)
				shift = T(m + n) * unit;
			for (auto &x : r.s)
				x += shift;
			*h_err_sigma = shift;
			dense::store(k, 1, r.s.data(), k, static_cast<T *>(s), k);
			if (!job) {
				r.u.assign(r.u.size(), spectral::nan<T>());
				r.v.assign(r.v.size(), spectral::nan<T>());
			}
			dense::store(m, columns_u, r.u.data(), m, static_cast<T *>(u.p), u.ld);
			dense::store(n, columns_v, r.v.data(), n, static_cast<T *>(v.p), v.ld);
			return r.info;
		});
	});
}

/* gesvdr: the k largest singular values and their vectors. U is m×m and V is
 * n×n; only k columns are meaningful. */
int gesvdr(Task &t, void *params, char jobu, char jobv, int64_t m, int64_t n, int64_t k, int64_t p, int64_t iterations, std::initializer_list<int> types,
	void *a, int64_t lda, void *s, Vectors u, Vectors v, int compute, Space space, int *info, size_t *device, size_t *host)
{
	return typed(t, params, compute, types, [&](auto zero) {
		using T = decltype(zero);
		bool left = jobu == 'S', right = jobv == 'S';
		t.call.require((left || jobu == 'N') && (right || jobv == 'N'), "a job is neither S nor N");
		t.call.require(k >= 1 && p >= 0 && k + p <= (m < n ? m : n), "rank and oversampling do not fit the matrix");
		t.call.require(iterations >= 0, "the number of iterations is negative");
		t.out("A", a, sizeof(T), m, n, lda);
		t.out("S", s, sizeof(T), k, 1, k > 0 ? k : 1);
		t.out("U", u.p, sizeof(T), left ? m : 0, m, u.ld);
		t.out("V", v.p, sizeof(T), right ? n : 0, n, v.ld);
		Sizes want = sizes(sizeof(T), m + k, n + p, lda, true);
		if (t.query || !t.call.ok())
			return t.query ? t.answer(want, device, host) : t.call.status();
		return t.run(want, space, info, 1, [=, A = static_cast<T *>(a)](int64_t) {
			auto r = spectral::svd(true, false, m, n, A, lda);
			dense::fill(m, n, spectral::nan<T>(), A, lda);
			dense::store(k, 1, r.s.data(), k, static_cast<T *>(s), k);
			auto put = [k](const std::vector<T> &from, int64_t rows, Vectors to) {
				dense::fill(rows, rows, spectral::nan<T>(), static_cast<T *>(to.p), to.ld);
				dense::store(rows, k, from.data(), rows, static_cast<T *>(to.p), to.ld);
			};
			if (left)
				put(r.u, m, u);
			if (right)
				put(r.v, n, v);
			return r.info;
		});
	});
}

/* finish writes one decomposition as the Jacobi functions leave it. */
template <class T> int finish(spectral::SVD<T> r, bool job, bool sort, T *s, T *u, int64_t ldu, T *v, int64_t ldv)
{
	std::vector<int64_t> from(r.k);
	for (int64_t j = 0; j < r.k; j++) /* unsorted: the order is not defined */
		from[j] = sort ? j : r.k - 1 - j;
	for (int64_t j = 0; j < r.k; j++)
		s[j] = r.s[from[j]];
	for (int64_t j = 0; job && j < r.columns_u; j++)
		dense::store(r.m, 1, r.u.data() + (j < r.k ? from[j] : j) * r.m, r.m, u + j * ldu, ldu);
	for (int64_t j = 0; job && j < r.columns_v; j++)
		dense::store(r.n, 1, r.v.data() + (j < r.k ? from[j] : j) * r.n, r.n, v + j * ldv, ldv);
	return r.info;
}

/* gesvdj: A = U·diag(S)·Vᵀ by Jacobi rotations. batch = 0 is the function for
 * one matrix; a batch is packed without gaps, for at most 32 rows and columns. */
template <class T> int gesvdj(Task &t, int job, int econ, int64_t m, int64_t n, T *a, int64_t lda, T *s, T *u, int64_t ldu, T *v, int64_t ldv,
	T *work, int lwork, int *info, void *params, int batch, int *answer)
{
	auto *j = registry<JacobiSVD>().find(params);
	int64_t k = m < n ? m : n, columns_u = econ ? k : m, columns_v = econ ? k : n, count = batch ? batch : 1;
	t.call.require(j, "the parameters are not ones");
	t.call.require(is_bit(job) && is_bit(econ), "the job or econ is neither 0 nor 1");
	t.call.require(batch >= 0, "the batch is negative");
	t.call.require(!batch || (m <= 32 && n <= 32), "a matrix of a batch has more than 32 rows or columns");
	t.out("A", a, sizeof(T), m, n, lda, lda * n, count);
	t.out("S", s, sizeof(T), k, 1, k ? k : 1, k, count);
	if (job) {
		t.out("U", u, sizeof(T), m, columns_u, ldu, ldu * columns_u, count);
		t.out("V", v, sizeof(T), n, columns_v, ldv, ldv * columns_v, count);
	}
	int want = elements(m, n, lda) * int(count);
	if (t.query || !t.call.ok())
		return t.query ? t.answer(want, answer) : t.call.status();
	return t.run(bytes<T>(want), elementwise(work, lwork), info, count, [=](int64_t i) {
		T *A = a + i * lda * n;
		auto r = spectral::svd(job != 0, !econ, m, n, A, lda);
		dense::fill(m, n, spectral::nan<T>(), A, lda);
		if (j->sweeps < 2 && k > 1)
			r.info = int(k + 1); /* one sweep is never enough */
		if (!batch) {
			j->residual = std::numeric_limits<T>::epsilon() * (k ? double(r.s[0]) : 0);
			j->swept = j->sweeps < 7 ? j->sweeps : 7;
		}
		return finish(std::move(r), job != 0, j->sort, s + i * k, u + i * ldu * columns_u, ldu, v + i * ldv * columns_v, ldv);
	});
}

/* gesvda: rank singular values and vectors from AᵀA, m ≥ n: values below √ε
 * of the largest are noise. A is kept. ‖A - U·diag(S)·Vᵀ‖_F goes to the host. */
template <class T> int gesvda(Task &t, int job, int rank, int64_t m, int64_t n, const T *a, int64_t lda, long long stride_a, T *s, long long stride_s, T *u,
	int64_t ldu, long long stride_u, T *v, int64_t ldv, long long stride_v, T *work, int lwork, int *info, double *residual, int batch, int *answer)
{
	t.call.require(is_bit(job), "the job is neither 0 nor 1");
	t.call.require(m >= n, "the matrix has fewer rows than columns");
	t.call.require(rank >= 1 && rank <= n, "the rank does not fit the matrix");
	t.call.require(batch >= 0, "the batch is negative");
	t.call.require(batch < 2 || (stride_a >= lda * n && stride_s >= rank), "a stride is less than a matrix");
	t.call.require(batch < 2 || !job || (stride_u >= ldu * rank && stride_v >= ldv * rank), "a stride is less than a matrix");
	t.in("A", a, sizeof(T), m, n, lda, stride_a, batch);
	t.out("S", s, sizeof(T), rank, 1, rank > 0 ? rank : 1, stride_s, batch);
	if (job) {
		t.out("U", u, sizeof(T), m, rank, ldu, stride_u, batch);
		t.out("V", v, sizeof(T), n, rank, ldv, stride_v, batch);
	}
	int want = elements(m, n, lda) * (batch ? batch : 1);
	if (t.query || !t.call.ok())
		return t.query ? t.answer(want, answer) : t.call.status();
	if (residual)
		t.call.host("the residual", residual);
	return t.run(bytes<T>(want), elementwise(work, lwork), info, batch, [=](int64_t i) {
		auto r = spectral::svd(true, false, m, n, a + i * stride_a, lda);
		T noise = std::sqrt(std::numeric_limits<T>::epsilon()) * (r.k ? r.s[0] : 0);
		double rest = 0;
		for (int64_t l = 0; l < r.k; l++) {
			if (l >= rank)
				rest = std::hypot(rest, double(r.s[l]));
			r.s[l] = std::max(r.s[l], noise);
		}
		dense::store(rank, 1, r.s.data(), rank, s + i * stride_s, rank);
		if (job) {
			dense::store(m, rank, r.u.data(), m, u + i * stride_u, ldu);
			dense::store(n, rank, r.v.data(), n, v + i * stride_v, ldv);
		}
		if (residual)
			residual[i] = rest;
		return r.info;
	});
}

/* ---- eigenvalues ---- */

int syevd(Task &t, void *params, int job, int u, int64_t n, std::initializer_list<int> types, void *a, int64_t lda, void *w, int compute, Space space,
	int *info, int64_t batch, size_t *device, size_t *host)
{
	return typed(t, params, compute, types, [&](auto zero) {
		using T = decltype(zero);
		t.call.require(is_bit(job) && is_bit(u), "the job or the triangle is neither 0 nor 1");
		t.call.require(batch >= 0, "the batch is negative");
		t.out("A", a, sizeof(T), n, n, lda, lda * n, batch);
		t.out("W", w, sizeof(T), n, 1, n ? n : 1, n, batch);
		Sizes want = sizes(sizeof(T), n * (batch ? batch : 1), n, lda, true);
		if (t.query || !t.call.ok())
			return t.query ? t.answer(want, device, host) : t.call.status();
		return t.run(want, space, info, batch, [=](int64_t i) {
			T *A = static_cast<T *>(a) + i * lda * n;
			auto r = spectral::eigen(job != 0, u != 0, n, A, lda);
			dense::store(n, n, r.v.data(), n, A, lda);
			dense::store(n, 1, r.w.data(), n, static_cast<T *>(w) + i * n, n);
			return r.info;
		});
	});
}

enum { ALL = 1001, BY_INDEX, BY_VALUE };

/* syevdx: the eigenvalues il to iu, from 1, or those in (vl, vu]. Their number
 * goes to the host. */
int syevdx(Task &t, void *params, int job, int range, int u, int64_t n, std::initializer_list<int> types, void *a, int64_t lda, const void *vl,
	const void *vu, int64_t il, int64_t iu, int64_t *found, void *w, int compute, Space space, int *info, size_t *device, size_t *host)
{
	return typed(t, params, compute, types, [&](auto zero) {
		using T = decltype(zero);
		t.call.require(is_bit(job) && is_bit(u), "the job or the triangle is neither 0 nor 1");
		t.call.require(range >= ALL && range <= BY_VALUE, "the range is not one");
		t.call.require(range != BY_INDEX || (il >= 1 && il <= iu && iu <= n), "the indices are not in the matrix");
		T low = 0, high = 0;
		if (range == BY_VALUE && t.call.host("vl", vl) && t.call.host("vu", vu)) {
			low = *static_cast<const T *>(vl);
			high = *static_cast<const T *>(vu);
			t.call.require(low < high, "vl is not less than vu");
		}
		t.call.host("the number of eigenvalues", found);
		t.out("A", a, sizeof(T), n, n, lda);
		t.out("W", w, sizeof(T), n, 1, n ? n : 1);
		Sizes want = sizes(sizeof(T), n, n + 1, lda, true);
		if (t.query || !t.call.ok())
			return t.query ? t.answer(want, device, host) : t.call.status();
		return t.run(want, space, info, 1, [=](int64_t) {
			T *A = static_cast<T *>(a), *W = static_cast<T *>(w);
			auto r = spectral::eigen(job != 0, u != 0, n, A, lda);
			dense::fill(n, n, spectral::nan<T>(), A, lda);
			dense::fill(n, 1, spectral::nan<T>(), W, n);
			int64_t count = 0;
			for (int64_t j = 0; j < n; j++) {
				bool wanted = range == ALL || (range == BY_INDEX ? j + 1 >= il && j + 1 <= iu : r.w[j] > low && r.w[j] <= high);
				if (!wanted)
					continue;
				W[count] = r.w[j];
				dense::store(n, 1, r.v.data() + j * n, n, A + count * lda, lda);
				count++;
			}
			*found = count;
			return r.info;
		});
	});
}

template <class T> int syevj_batched(Task &t, int job, int u, int64_t n, T *a, int64_t lda, T *w, T *work, int lwork, int *info, void *params, int batch,
	int *answer)
{
	auto *j = registry<JacobiEigen>().find(params);
	t.call.require(j, "the parameters are not ones");
	t.call.require(is_bit(job) && is_bit(u), "the job or the triangle is neither 0 nor 1");
	t.call.require(batch >= 0, "the batch is negative");
	t.out("A", a, sizeof(T), n, n, lda, lda * n, batch);
	t.out("W", w, sizeof(T), n, 1, n ? n : 1, n, batch);
	int want = elements(n, n, lda) * (batch ? batch : 1);
	if (t.query || !t.call.ok())
		return t.query ? t.answer(want, answer) : t.call.status();
	return t.run(bytes<T>(want), elementwise(work, lwork), info, batch, [=](int64_t i) {
		T *A = a + i * lda * n, *W = w + i * n;
		auto r = spectral::eigen(job != 0, u != 0, n, A, lda);
		for (int64_t k = 0; k < n; k++) { /* unsorted: the order is not defined */
			int64_t from = j->sort ? k : n - 1 - k;
			W[k] = r.w[from];
			dense::store(n, 1, r.v.data() + from * n, n, A + k * lda, lda);
		}
		return j->sweeps < 2 && n > 1 ? int(n + 1) : r.info;
	});
}

/* ---- factorizations ---- */

int geqrf(Task &t, void *params, int64_t m, int64_t n, std::initializer_list<int> types, void *a, int64_t lda, void *tau, int compute, Space space, int *info,
	size_t *device, size_t *host)
{
	return typed(t, params, compute, types, [&](auto zero) {
		using T = decltype(zero);
		int64_t k = m < n ? m : n;
		t.out("A", a, sizeof(T), m, n, lda);
		t.out("tau", tau, sizeof(T), k, 1, k > 1 ? k : 1);
		Sizes want = sizes(sizeof(T), m, n, lda, host_work);
		if (t.query || !t.call.ok())
			return t.query ? t.answer(want, device, host) : t.call.status();
		return t.run(want, space, info, 1,
			[=](int64_t) { return dense::geqrf(int(m), int(n), static_cast<T *>(a), int(lda), static_cast<T *>(tau)); });
	});
}

template <class T> int orgqr(Task &t, int m, int n, int k, T *a, int lda, const T *tau, T *work, int lwork, int *info, int *answer)
{
	t.call.require(m >= n && n >= k, "the matrix has fewer rows than columns, or fewer columns than reflectors");
	t.out("A", a, sizeof(T), m, n, lda);
	t.in("tau", tau, sizeof(T), k, 1, k > 1 ? k : 1);
	int want = elements(m, n, lda);
	if (t.query || !t.call.ok())
		return t.query ? t.answer(want, answer) : t.call.status();
	return t.run(bytes<T>(want), elementwise(work, lwork), info, 1, [=](int64_t) { return dense::orgqr(m, n, k, a, lda, tau); });
}

template <class T> int ormqr(Task &t, int side, int trans, int m, int n, int k, const T *a, int lda, const T *tau, T *c, int ldc, T *work, int lwork,
	int *info, int *answer)
{
	int rows = side ? n : m;
	t.call.require(is_bit(side) && is_bit(trans), "the side or the operation is not one");
	t.call.require(k <= rows, "there are more reflectors than rows");
	t.in("A", a, sizeof(T), rows, k, lda);
	t.in("tau", tau, sizeof(T), k, 1, k > 1 ? k : 1);
	t.out("C", c, sizeof(T), m, n, ldc);
	int want = elements(m, n, ldc) + k;
	if (t.query || !t.call.ok())
		return t.query ? t.answer(want, answer) : t.call.status();
	return t.run(bytes<T>(want), elementwise(work, lwork), info, 1,
		[=](int64_t) { return dense::ormqr(side ? 'R' : 'L', trans ? 'T' : 'N', m, n, k, a, lda, tau, c, ldc); });
}

int potrf(Task &t, void *params, int u, int64_t n, std::initializer_list<int> types, void *a, int64_t lda, int compute, Space space, int *info, size_t *device,
	size_t *host)
{
	return typed(t, params, compute, types, [&](auto zero) {
		using T = decltype(zero);
		t.call.require(is_bit(u), "the triangle is not one");
		t.out("A", a, sizeof(T), n, n, lda);
		Sizes want = sizes(sizeof(T), n, n, lda, host_work);
		if (t.query || !t.call.ok())
			return t.query ? t.answer(want, device, host) : t.call.status();
		return t.run(want, space, info, 1, [=](int64_t) { return dense::potrf(uplo(u), int(n), static_cast<T *>(a), int(lda)); });
	});
}

int potrs(Task &t, void *params, int u, int64_t n, int64_t columns, std::initializer_list<int> types, const void *a, int64_t lda, void *b, int64_t ldb, int *info)
{
	return typed(t, params, *types.begin(), types, [&](auto zero) {
		using T = decltype(zero);
		t.call.require(is_bit(u), "the triangle is not one");
		t.in("A", a, sizeof(T), n, n, lda);
		t.out("B", b, sizeof(T), n, columns, ldb);
		return t.run({}, {}, info, 1,
			[=](int64_t) { return dense::potrs(uplo(u), int(n), int(columns), static_cast<const T *>(a), int(lda), static_cast<T *>(b), int(ldb)); });
	});
}

/* The matrices are found through an array on the device. */
template <class T> int potrf_batched(Task &t, int u, int n, T **a, int lda, int *info, int batch)
{
	t.call.require(is_bit(u), "the triangle is not one");
	t.call.require(batch >= 0, "the batch is negative");
	t.dimensions(n, n, lda);
	t.in("the array of matrices", a, sizeof(T *), batch, 1, batch > 1 ? batch : 1);
	return t.run({}, {}, info, batch, [=](int64_t i) {
		if (n == 0)
			return 0;
		if (!driver()->span(reinterpret_cast<uint64_t>(a[i]), (size_t(n - 1) * lda + n) * sizeof(T))) {
			report("potrfBatched: matrix %d is not in device memory", int(i));
			return -3;
		}
		return dense::potrf(uplo(u), n, a[i], lda);
	});
}

/* unpivoted is the LU factorization without row exchanges. */
template <class T> int unpivoted(int64_t m, int64_t n, T *a, int64_t lda)
{
	int info = 0;
	for (int64_t k = 0; k < m && k < n; k++) {
		if (a[k * lda + k] == 0 && !info)
			info = int(k + 1);
		for (int64_t i = k + 1; i < m; i++)
			a[k * lda + i] /= a[k * lda + k];
		for (int64_t j = k + 1; j < n; j++)
			for (int64_t i = k + 1; i < m; i++)
				a[j * lda + i] -= a[k * lda + i] * a[j * lda + k];
	}
	return info;
}

/* getrf: without pivots (NULL), no rows are exchanged. */
int getrf(Task &t, void *params, int64_t m, int64_t n, std::initializer_list<int> types, void *a, int64_t lda, int64_t *pivots, int compute, Space space, int *info,
	size_t *device, size_t *host)
{
	return typed(t, params, compute, types, [&](auto zero) {
		using T = decltype(zero);
		int64_t k = m < n ? m : n;
		t.out("A", a, sizeof(T), m, n, lda);
		if (pivots)
			t.out("the pivots", pivots, sizeof(int64_t), k, 1, k > 1 ? k : 1);
		Sizes want = sizes(sizeof(T), m, n, lda, host_work);
		if (t.query || !t.call.ok())
			return t.query ? t.answer(want, device, host) : t.call.status();
		return t.run(want, space, info, 1, [=](int64_t) {
			if (!pivots)
				return unpivoted(m, n, static_cast<T *>(a), lda);
			std::vector<int> p(k + 1);
			int code = dense::getrf(int(m), int(n), static_cast<T *>(a), int(lda), p.data());
			for (int64_t i = 0; i < k; i++)
				pivots[i] = p[i];
			return code;
		});
	});
}

int getrs(Task &t, void *params, int trans, int64_t n, int64_t columns, std::initializer_list<int> types, const void *a, int64_t lda, const int64_t *pivots, void *b,
	int64_t ldb, int *info)
{
	return typed(t, params, *types.begin(), types, [&](auto zero) {
		using T = decltype(zero);
		t.call.require(trans >= 0 && trans <= 2, "the operation is not one");
		t.in("A", a, sizeof(T), n, n, lda);
		if (pivots)
			t.in("the pivots", pivots, sizeof(int64_t), n, 1, n > 1 ? n : 1);
		t.out("B", b, sizeof(T), n, columns, ldb);
		return t.run({}, {}, info, 1, [=](int64_t) {
			std::vector<int> p(n + 1);
			for (int64_t i = 0; i < n; i++)
				p[i] = int(pivots ? pivots[i] : i + 1);
			return dense::getrs(trans ? 'T' : 'N', int(n), int(columns), static_cast<const T *>(a), int(lda), p.data(), static_cast<T *>(b), int(ldb));
		});
	});
}

int trtri(Task &t, int u, int unit, int64_t n, int type, void *a, int64_t lda, Space space, int *info, size_t *device, size_t *host)
{
	t.call.supported(is_bit(type), "the data type is neither float nor double");
	t.call.require(is_bit(u) && is_bit(unit), "the triangle or the diagonal is not one");
	size_t element = type ? sizeof(double) : sizeof(float);
	t.out("A", a, element, n, n, lda);
	Sizes want = sizes(element, n, n, lda, false);
	if (t.query || !t.call.ok())
		return t.query ? t.answer(want, device, host) : t.call.status();
	return t.run(want, space, info, 1, [=](int64_t) {
		char diag = unit ? 'U' : 'N';
		return type ? dense::trtri(uplo(u), diag, int(n), static_cast<double *>(a), int(lda))
					: dense::trtri(uplo(u), diag, int(n), static_cast<float *>(a), int(lda));
	});
}

} // namespace

/* ---- handle and parameters ---- */

EXPORT int cusolverDnCreate(void **h)
{
	if (!h)
		return codes.invalid;
	if (!driver())
		return codes.uninitialised;
	if (int fault = driver()->fault("cusolverDnCreate"))
		return fault;
	auto *s = new Solver;
	if (!(s->context = driver()->context())) {
		report("cusolverDnCreate: no context is current");
		delete s;
		return codes.uninitialised;
	}
	*h = registry<Solver>().add(s);
	return 0;
}

EXPORT int cusolverDnDestroy(void *h)
{
	return registry<Solver>().remove(h) ? driver()->fault("cusolverDnDestroy") : codes.uninitialised;
}

EXPORT int cusolverDnSetStream(void *h, void *stream)
{
	Task t("cusolverDnSetStream", h, true);
	if (t.call.ok())
		registry<Solver>().find(h)->stream = stream;
	return t.call.status();
}

EXPORT int cusolverGetVersion(int *version)
{
	if (!version)
		return codes.invalid;
	*version = EMU_CUDA < 12000 ? 11401 : EMU_CUDA < 12060 ? 11601 : EMU_CUDA < 13000 ? 11701 : 12000;
	return 0;
}

template <class P> static int create(void **p)
{
	if (!p)
		return codes.invalid;
	*p = registry<P>().add(new P);
	return 0;
}
template <class P> static int destroy(void *p) { return registry<P>().remove(p) ? 0 : codes.invalid; }

EXPORT int cusolverDnCreateParams(void **p)
{
	if (int fault = driver()->fault("cusolverDnCreateParams"))
		return fault;
	return create<Params>(p);
}
EXPORT int cusolverDnDestroyParams(void *p)
{
	int code = destroy<Params>(p);
	return code ? code : driver()->fault("cusolverDnDestroyParams");
}
EXPORT int cusolverDnSetAdvOptions(void *p, int, int algorithm) { return registry<Params>().find(p) && algorithm >= 0 ? 0 : codes.invalid; }

#if EMU_CUDA >= 12000
EXPORT int cusolverDnSetDeterministicMode(void *h, int mode)
{
	Task t("cusolverDnSetDeterministicMode", h, true);
	t.call.require(mode == 1 || mode == 2, "the mode is not one");
	return t.call.status();
}
#endif

#define JACOBI(type, create_, destroy_, tolerance_, sweeps_, sort_, residual_, swept_)                                  \
	EXPORT int create_(void **p) { return create<type>(p); }                                                           \
	EXPORT int destroy_(void *p) { return destroy<type>(p); }                                                          \
	EXPORT int tolerance_(void *p, double x)                                                                           \
	{                                                                                                                  \
		type *j = registry<type>().find(p);                                                                            \
		if (!j || !(x >= 0))                                                                                           \
			return codes.invalid;                                                                                      \
		j->tolerance = x;                                                                                              \
		return 0;                                                                                                      \
	}                                                                                                                  \
	EXPORT int sweeps_(void *p, int n)                                                                                 \
	{                                                                                                                  \
		type *j = registry<type>().find(p);                                                                            \
		if (!j || n < 1)                                                                                               \
			return codes.invalid;                                                                                      \
		j->sweeps = n;                                                                                                 \
		return 0;                                                                                                      \
	}                                                                                                                  \
	EXPORT int sort_(void *p, int sort)                                                                                \
	{                                                                                                                  \
		type *j = registry<type>().find(p);                                                                            \
		if (!j || !is_bit(sort))                                                                                       \
			return codes.invalid;                                                                                      \
		j->sort = sort != 0;                                                                                           \
		return 0;                                                                                                      \
	}                                                                                                                  \
	EXPORT int residual_(void *h, void *p, double *x)                                                                  \
	{                                                                                                                  \
		type *j = registry<type>().find(p);                                                                            \
		if (!registry<Solver>().find(h))                                                                               \
			return codes.uninitialised;                                                                                \
		if (!j || !x)                                                                                                  \
			return codes.invalid;                                                                                      \
		*x = j->residual;                                                                                              \
		return j->residual < 0 ? codes.unsupported : 0; /* a batch has none */                                         \
	}                                                                                                                  \
	EXPORT int swept_(void *h, void *p, int *n)                                                                        \
	{                                                                                                                  \
		type *j = registry<type>().find(p);                                                                            \
		if (!registry<Solver>().find(h))                                                                               \
			return codes.uninitialised;                                                                                \
		if (!j || !n)                                                                                                  \
			return codes.invalid;                                                                                      \
		*n = j->swept;                                                                                                 \
		return j->swept < 0 ? codes.unsupported : 0;                                                                   \
	}
JACOBI(JacobiSVD, cusolverDnCreateGesvdjInfo, cusolverDnDestroyGesvdjInfo, cusolverDnXgesvdjSetTolerance, cusolverDnXgesvdjSetMaxSweeps,
	cusolverDnXgesvdjSetSortEig, cusolverDnXgesvdjGetResidual, cusolverDnXgesvdjGetSweeps)
JACOBI(JacobiEigen, cusolverDnCreateSyevjInfo, cusolverDnDestroySyevjInfo, cusolverDnXsyevjSetTolerance, cusolverDnXsyevjSetMaxSweeps,
	cusolverDnXsyevjSetSortEig, cusolverDnXsyevjGetResidual, cusolverDnXsyevjGetSweeps)

/* ---- exports: the X… functions ---- */

#define QUERY(name) Task t(#name, h, true)
#define RUN(name) Task t(#name, h, false)
#define MUTABLE(p) const_cast<void *>(static_cast<const void *>(p))

EXPORT int cusolverDnXgesvd_bufferSize(void *h, void *params, signed char jobu, signed char jobvt, int64_t m, int64_t n, int ta, const void *a, int64_t lda,
	int ts, const void *s, int tu, const void *u, int64_t ldu, int tvt, const void *vt, int64_t ldvt, int compute, size_t *device, size_t *host)
{
	QUERY(cusolverDnXgesvd_bufferSize);
	return gesvd(t, params, jobu, jobvt, m, n, {ta, ts, tu, tvt}, MUTABLE(a), lda, MUTABLE(s), {MUTABLE(u), ldu}, {MUTABLE(vt), ldvt}, compute, {}, nullptr,
		device, host);
}
EXPORT int cusolverDnXgesvd(void *h, void *params, signed char jobu, signed char jobvt, int64_t m, int64_t n, int ta, void *a, int64_t lda, int ts, void *s,
	int tu, void *u, int64_t ldu, int tvt, void *vt, int64_t ldvt, int compute, void *device, size_t device_bytes, void *host, size_t host_bytes, int *info)
{
	RUN(cusolverDnXgesvd);
	return gesvd(t, params, jobu, jobvt, m, n, {ta, ts, tu, tvt}, a, lda, s, {u, ldu}, {vt, ldvt}, compute, {device, device_bytes, host, host_bytes}, info,
		nullptr, nullptr);
}

EXPORT int cusolverDnXgesvdp_bufferSize(void *h, void *params, int job, int econ, int64_t m, int64_t n, int ta, const void *a, int64_t lda, int ts,
	const void *s, int tu, const void *u, int64_t ldu, int tv, const void *v, int64_t ldv, int compute, size_t *device, size_t *host)
{
	QUERY(cusolverDnXgesvdp_bufferSize);
	return gesvdp(t, params, job, econ, m, n, {ta, ts, tu, tv}, MUTABLE(a), lda, MUTABLE(s), {MUTABLE(u), ldu}, {MUTABLE(v), ldv}, compute, {}, nullptr,
		nullptr, device, host);
}
EXPORT int cusolverDnXgesvdp(void *h, void *params, int job, int econ, int64_t m, int64_t n, int ta, void *a, int64_t lda, int ts, void *s, int tu, void *u,
	int64_t ldu, int tv, void *v, int64_t ldv, int compute, void *device, size_t device_bytes, void *host, size_t host_bytes, int *info, double *h_err_sigma)
{
	RUN(cusolverDnXgesvdp);
	return gesvdp(t, params, job, econ, m, n, {ta, ts, tu, tv}, a, lda, s, {u, ldu}, {v, ldv}, compute, {device, device_bytes, host, host_bytes}, info,
		h_err_sigma, nullptr, nullptr);
}

EXPORT int cusolverDnXgesvdr_bufferSize(void *h, void *params, signed char jobu, signed char jobv, int64_t m, int64_t n, int64_t k, int64_t p,
	int64_t iterations, int ta, const void *a, int64_t lda, int ts, const void *s, int tu, const void *u, int64_t ldu, int tv, const void *v, int64_t ldv,
	int compute, size_t *device, size_t *host)
{
	QUERY(cusolverDnXgesvdr_bufferSize);
	return gesvdr(t, params, jobu, jobv, m, n, k, p, iterations, {ta, ts, tu, tv}, MUTABLE(a), lda, MUTABLE(s), {MUTABLE(u), ldu}, {MUTABLE(v), ldv}, compute,
		{}, nullptr, device, host);
}
EXPORT int cusolverDnXgesvdr(void *h, void *params, signed char jobu, signed char jobv, int64_t m, int64_t n, int64_t k, int64_t p, int64_t iterations, int ta,
	void *a, int64_t lda, int ts, void *s, int tu, void *u, int64_t ldu, int tv, void *v, int64_t ldv, int compute, void *device, size_t device_bytes,
	void *host, size_t host_bytes, int *info)
{
	RUN(cusolverDnXgesvdr);
	return gesvdr(t, params, jobu, jobv, m, n, k, p, iterations, {ta, ts, tu, tv}, a, lda, s, {u, ldu}, {v, ldv}, compute,
		{device, device_bytes, host, host_bytes}, info, nullptr, nullptr);
}

EXPORT int cusolverDnXsyevd_bufferSize(void *h, void *params, int job, int u, int64_t n, int ta, const void *a, int64_t lda, int tw, const void *w, int compute,
	size_t *device, size_t *host)
{
	QUERY(cusolverDnXsyevd_bufferSize);
	return syevd(t, params, job, u, n, {ta, tw}, MUTABLE(a), lda, MUTABLE(w), compute, {}, nullptr, 1, device, host);
}
EXPORT int cusolverDnXsyevd(void *h, void *params, int job, int u, int64_t n, int ta, void *a, int64_t lda, int tw, void *w, int compute, void *device,
	size_t device_bytes, void *host, size_t host_bytes, int *info)
{
	RUN(cusolverDnXsyevd);
	return syevd(t, params, job, u, n, {ta, tw}, a, lda, w, compute, {device, device_bytes, host, host_bytes}, info, 1, nullptr, nullptr);
}

#if EMU_CUDA >= 12060
EXPORT int cusolverDnXsyevBatched_bufferSize(void *h, void *params, int job, int u, int64_t n, int ta, const void *a, int64_t lda, int tw, const void *w,
	int compute, size_t *device, size_t *host, int64_t batch)
{
	QUERY(cusolverDnXsyevBatched_bufferSize);
	return syevd(t, params, job, u, n, {ta, tw}, MUTABLE(a), lda, MUTABLE(w), compute, {}, nullptr, batch, device, host);
}
EXPORT int cusolverDnXsyevBatched(void *h, void *params, int job, int u, int64_t n, int ta, void *a, int64_t lda, int tw, void *w, int compute, void *device,
	size_t device_bytes, void *host, size_t host_bytes, int *info, int64_t batch)
{
	RUN(cusolverDnXsyevBatched);
	return syevd(t, params, job, u, n, {ta, tw}, a, lda, w, compute, {device, device_bytes, host, host_bytes}, info, batch, nullptr, nullptr);
}
#endif

EXPORT int cusolverDnXsyevdx_bufferSize(void *h, void *params, int job, int range, int u, int64_t n, int ta, const void *a, int64_t lda, void *vl, void *vu,
	int64_t il, int64_t iu, int64_t *found, int tw, const void *w, int compute, size_t *device, size_t *host)
{
	QUERY(cusolverDnXsyevdx_bufferSize);
	return syevdx(t, params, job, range, u, n, {ta, tw}, MUTABLE(a), lda, vl, vu, il, iu, found, MUTABLE(w), compute, {}, nullptr, device, host);
}
EXPORT int cusolverDnXsyevdx(void *h, void *params, int job, int range, int u, int64_t n, int ta, void *a, int64_t lda, void *vl, void *vu, int64_t il,
	int64_t iu, int64_t *found, int tw, void *w, int compute, void *device, size_t device_bytes, void *host, size_t host_bytes, int *info)
{
	RUN(cusolverDnXsyevdx);
	return syevdx(t, params, job, range, u, n, {ta, tw}, a, lda, vl, vu, il, iu, found, w, compute, {device, device_bytes, host, host_bytes}, info, nullptr,
		nullptr);
}

EXPORT int cusolverDnXgeqrf_bufferSize(void *h, void *params, int64_t m, int64_t n, int ta, const void *a, int64_t lda, int ttau, const void *tau, int compute,
	size_t *device, size_t *host)
{
	QUERY(cusolverDnXgeqrf_bufferSize);
	return geqrf(t, params, m, n, {ta, ttau}, MUTABLE(a), lda, MUTABLE(tau), compute, {}, nullptr, device, host);
}
EXPORT int cusolverDnXgeqrf(void *h, void *params, int64_t m, int64_t n, int ta, void *a, int64_t lda, int ttau, void *tau, int compute, void *device,
	size_t device_bytes, void *host, size_t host_bytes, int *info)
{
	RUN(cusolverDnXgeqrf);
	return geqrf(t, params, m, n, {ta, ttau}, a, lda, tau, compute, {device, device_bytes, host, host_bytes}, info, nullptr, nullptr);
}

EXPORT int cusolverDnXpotrf_bufferSize(void *h, void *params, int u, int64_t n, int ta, const void *a, int64_t lda, int compute, size_t *device, size_t *host)
{
	QUERY(cusolverDnXpotrf_bufferSize);
	return potrf(t, params, u, n, {ta}, MUTABLE(a), lda, compute, {}, nullptr, device, host);
}
EXPORT int cusolverDnXpotrf(void *h, void *params, int u, int64_t n, int ta, void *a, int64_t lda, int compute, void *device, size_t device_bytes, void *host,
	size_t host_bytes, int *info)
{
	RUN(cusolverDnXpotrf);
	return potrf(t, params, u, n, {ta}, a, lda, compute, {device, device_bytes, host, host_bytes}, info, nullptr, nullptr);
}
EXPORT int cusolverDnXpotrs(void *h, void *params, int u, int64_t n, int64_t columns, int ta, const void *a, int64_t lda, int tb, void *b, int64_t ldb,
	int *info)
{
	RUN(cusolverDnXpotrs);
	return potrs(t, params, u, n, columns, {ta, tb}, a, lda, b, ldb, info);
}

EXPORT int cusolverDnXgetrf_bufferSize(void *h, void *params, int64_t m, int64_t n, int ta, const void *a, int64_t lda, int compute, size_t *device,
	size_t *host)
{
	QUERY(cusolverDnXgetrf_bufferSize);
	return getrf(t, params, m, n, {ta}, MUTABLE(a), lda, nullptr, compute, {}, nullptr, device, host);
}
EXPORT int cusolverDnXgetrf(void *h, void *params, int64_t m, int64_t n, int ta, void *a, int64_t lda, int64_t *pivots, int compute, void *device,
	size_t device_bytes, void *host, size_t host_bytes, int *info)
{
	RUN(cusolverDnXgetrf);
	return getrf(t, params, m, n, {ta}, a, lda, pivots, compute, {device, device_bytes, host, host_bytes}, info, nullptr, nullptr);
}
EXPORT int cusolverDnXgetrs(void *h, void *params, int trans, int64_t n, int64_t columns, int ta, const void *a, int64_t lda, const int64_t *pivots, int tb,
	void *b, int64_t ldb, int *info)
{
	RUN(cusolverDnXgetrs);
	return getrs(t, params, trans, n, columns, {ta, tb}, a, lda, pivots, b, ldb, info);
}

EXPORT int cusolverDnXtrtri_bufferSize(void *h, int u, int unit, int64_t n, int ta, void *a, int64_t lda, size_t *device, size_t *host)
{
	QUERY(cusolverDnXtrtri_bufferSize);
	return trtri(t, u, unit, n, ta, a, lda, {}, nullptr, device, host);
}
EXPORT int cusolverDnXtrtri(void *h, int u, int unit, int64_t n, int ta, void *a, int64_t lda, void *device, size_t device_bytes, void *host, size_t host_bytes,
	int *info)
{
	RUN(cusolverDnXtrtri);
	return trtri(t, u, unit, n, ta, a, lda, {device, device_bytes, host, host_bytes}, info, nullptr, nullptr);
}

/* ---- exports: the functions for one element type ---- */

#define SOLVER_OF(P, T)                                                                                                \
	EXPORT int cusolverDn##P##orgqr_bufferSize(void *h, int m, int n, int k, const T *a, int lda, const T *tau, int *lwork) \
	{                                                                                                                  \
		QUERY(cusolverDn##P##orgqr_bufferSize);                                                                        \
		return orgqr<T>(t, m, n, k, const_cast<T *>(a), lda, tau, nullptr, 0, nullptr, lwork);                         \
	}                                                                                                                  \
	EXPORT int cusolverDn##P##orgqr(void *h, int m, int n, int k, T *a, int lda, const T *tau, T *work, int lwork, int *info) \
	{                                                                                                                  \
		RUN(cusolverDn##P##orgqr);                                                                                     \
		return orgqr<T>(t, m, n, k, a, lda, tau, work, lwork, info, nullptr);                                          \
	}                                                                                                                  \
	EXPORT int cusolverDn##P##ormqr_bufferSize(void *h, int side, int trans, int m, int n, int k, const T *a, int lda, \
		const T *tau, const T *c, int ldc, int *lwork)                                                                 \
	{                                                                                                                  \
		QUERY(cusolverDn##P##ormqr_bufferSize);                                                                        \
		return ormqr<T>(t, side, trans, m, n, k, a, lda, tau, const_cast<T *>(c), ldc, nullptr, 0, nullptr, lwork);    \
	}                                                                                                                  \
	EXPORT int cusolverDn##P##ormqr(void *h, int side, int trans, int m, int n, int k, const T *a, int lda, const T *tau, \
		T *c, int ldc, T *work, int lwork, int *info)                                                                  \
	{                                                                                                                  \
		RUN(cusolverDn##P##ormqr);                                                                                     \
		return ormqr<T>(t, side, trans, m, n, k, a, lda, tau, c, ldc, work, lwork, info, nullptr);                     \
	}                                                                                                                  \
	EXPORT int cusolverDn##P##gesvdj_bufferSize(void *h, int job, int econ, int m, int n, const T *a, int lda, const T *s, \
		const T *u, int ldu, const T *v, int ldv, int *lwork, void *params)                                            \
	{                                                                                                                  \
		QUERY(cusolverDn##P##gesvdj_bufferSize);                                                                       \
		return gesvdj<T>(t, job, econ, m, n, const_cast<T *>(a), lda, const_cast<T *>(s), const_cast<T *>(u), ldu,     \
			const_cast<T *>(v), ldv, nullptr, 0, nullptr, params, 0, lwork);                                           \
	}                                                                                                                  \
	EXPORT int cusolverDn##P##gesvdj(void *h, int job, int econ, int m, int n, T *a, int lda, T *s, T *u, int ldu, T *v, \
		int ldv, T *work, int lwork, int *info, void *params)                                                          \
	{                                                                                                                  \
		RUN(cusolverDn##P##gesvdj);                                                                                    \
		return gesvdj<T>(t, job, econ, m, n, a, lda, s, u, ldu, v, ldv, work, lwork, info, params, 0, nullptr);        \
	}                                                                                                                  \
	EXPORT int cusolverDn##P##gesvdjBatched_bufferSize(void *h, int job, int m, int n, const T *a, int lda, const T *s, \
		const T *u, int ldu, const T *v, int ldv, int *lwork, void *params, int batch)                                 \
	{                                                                                                                  \
		QUERY(cusolverDn##P##gesvdjBatched_bufferSize);                                                                \
		return gesvdj<T>(t, job, 0, m, n, const_cast<T *>(a), lda, const_cast<T *>(s), const_cast<T *>(u), ldu,        \
			const_cast<T *>(v), ldv, nullptr, 0, nullptr, params, batch, lwork);                                       \
	}                                                                                                                  \
	EXPORT int cusolverDn##P##gesvdjBatched(void *h, int job, int m, int n, T *a, int lda, T *s, T *u, int ldu, T *v, int ldv, \
		T *work, int lwork, int *info, void *params, int batch)                                                        \
	{                                                                                                                  \
		RUN(cusolverDn##P##gesvdjBatched);                                                                             \
		return gesvdj<T>(t, job, 0, m, n, a, lda, s, u, ldu, v, ldv, work, lwork, info, params, batch, nullptr);       \
	}                                                                                                                  \
	EXPORT int cusolverDn##P##gesvdaStridedBatched_bufferSize(void *h, int job, int rank, int m, int n, const T *a, int lda, \
		long long sa, const T *s, long long ss, const T *u, int ldu, long long su, const T *v, int ldv, long long sv,  \
		int *lwork, int batch)                                                                                         \
	{                                                                                                                  \
		QUERY(cusolverDn##P##gesvdaStridedBatched_bufferSize);                                                         \
		return gesvda<T>(t, job, rank, m, n, a, lda, sa, const_cast<T *>(s), ss, const_cast<T *>(u), ldu, su,          \
			const_cast<T *>(v), ldv, sv, nullptr, 0, nullptr, nullptr, batch, lwork);                                  \
	}                                                                                                                  \
	EXPORT int cusolverDn##P##gesvdaStridedBatched(void *h, int job, int rank, int m, int n, const T *a, int lda, long long sa, \
		T *s, long long ss, T *u, int ldu, long long su, T *v, int ldv, long long sv, T *work, int lwork, int *info,   \
		double *residual, int batch)                                                                                   \
	{                                                                                                                  \
		RUN(cusolverDn##P##gesvdaStridedBatched);                                                                      \
		return gesvda<T>(t, job, rank, m, n, a, lda, sa, s, ss, u, ldu, su, v, ldv, sv, work, lwork, info, residual, batch, nullptr); \
	}                                                                                                                  \
	EXPORT int cusolverDn##P##syevjBatched_bufferSize(void *h, int job, int u, int n, const T *a, int lda, const T *w, \
		int *lwork, void *params, int batch)                                                                           \
	{                                                                                                                  \
		QUERY(cusolverDn##P##syevjBatched_bufferSize);                                                                 \
		return syevj_batched<T>(t, job, u, n, const_cast<T *>(a), lda, const_cast<T *>(w), nullptr, 0, nullptr, params, batch, lwork); \
	}                                                                                                                  \
	EXPORT int cusolverDn##P##syevjBatched(void *h, int job, int u, int n, T *a, int lda, T *w, T *work, int lwork, int *info, \
		void *params, int batch)                                                                                       \
	{                                                                                                                  \
		RUN(cusolverDn##P##syevjBatched);                                                                              \
		return syevj_batched<T>(t, job, u, n, a, lda, w, work, lwork, info, params, batch, nullptr);                   \
	}                                                                                                                  \
	EXPORT int cusolverDn##P##potrfBatched(void *h, int u, int n, T *a[], int lda, int *info, int batch)               \
	{                                                                                                                  \
		RUN(cusolverDn##P##potrfBatched);                                                                              \
		return potrf_batched<T>(t, u, n, a, lda, info, batch);                                                         \
	}
SOLVER_OF(S, float)
SOLVER_OF(D, double)
