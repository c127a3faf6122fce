/* Every function of the stand-in of cuSOLVER by what its result must satisfy,
 * and every rule that it enforces. */
#include "declare.h"

#include "../cusolver.cc"

#include "check.h"

static void *solver, *params;

#define OF(S, D) ([] { if constexpr (sizeof(T) == 4) return &S; else return &D; }())

template <class T> constexpr int type() { return sizeof(T) == 8; }

/* The two workspaces of an X… function. */
struct Spaces {
	size_t device_bytes = 0, host_bytes = 0;
	std::vector<char> host;
	uint64_t device = 0;

	/* ask sizes them by a bufferSize call. */
	template <class F> void ask(F query)
	{
		WELL(query(&device_bytes, &host_bytes));
		host.resize(host_bytes);
		EXPECT(!cuMemAlloc_v2(&device, device_bytes));
	}
	void *d() const { return reinterpret_cast<void *>(device); }
	void *h() { return host.data(); }
	~Spaces()
	{
		if (device)
			cuMemFree_v2(device);
	}
};

/* rebuilds checks A = U·diag(s)·Vᵀ, the order of s and that U and V have
 * orthonormal columns; v(i, l) is an element of V. */
template <class T, class V> void rebuilds(int line, int m, int n, const std::vector<T> &a, int lda, const Mat<T> &s, const Mat<T> &u, V v)
{
	const int k = m < n ? m : n;
	const double tolerance = 30 * (m + n) * eps<T>();
	for (int j = 0; j < n; j++)
		for (int i = 0; i < m; i++) {
			double x = 0;
			for (int l = 0; l < k; l++)
				x += double(u(i, l)) * s(l, 0) * v(j, l);
			EXPECT(std::fabs(x - a[size_t(j) * lda + i]) <= tolerance, "line %d: A(%d,%d)", line, i, j);
		}
	for (int l = 0; l < k; l++) {
		EXPECT(s(l, 0) >= 0 && (l == 0 || s(l, 0) <= s(l - 1, 0)), "line %d: order", line);
		for (int p = 0; p <= l; p++) {
			double x = inner(m, [&](int i) { return u(i, l); }, [&](int i) { return u(i, p); });
			double y = inner(n, [&](int i) { return v(i, l); }, [&](int i) { return v(i, p); });
			EXPECT(std::fabs(x - (l == p)) <= tolerance && std::fabs(y - (l == p)) <= tolerance, "line %d: orthogonality", line);
		}
	}
}

template <class T> void test_gesvd()
{
	const int m = 6, n = 4, t = type<T>();
	for (auto jobs : {"SS", "AA", "AS", "OS", "SO", "NN", "NS"}) {
		Mat<T> a(m, n), s(n, 1, false), u(m, jobs[0] == 'A' ? m : n, false), vt(n, n, false);
		Memory<int> info(1);
		info[0] = 99;
		auto old = a.copy();
		Spaces w;
		w.ask([&](size_t *d, size_t *h) {
			return cusolverDnXgesvd_bufferSize(solver, params, jobs[0], jobs[1], m, n, t, a.p(), a.ld, t, s.p(), t, u.p(), u.ld, t, vt.p(), vt.ld, t, d, h);
		});
		auto call = [&] {
			return cusolverDnXgesvd(solver, params, jobs[0], jobs[1], m, n, t, a.p(), a.ld, t, s.p(), t, u.p(), u.ld, t, vt.p(), vt.ld, t, w.d(),
				w.device_bytes, w.h(), w.host_bytes, info.p());
		};
		EXPECT(call() == 0 && info[0] == 99 && s.all_nan()); /* nothing before the stream runs */
		rz_emu_drain(stream);
		std::string rules = broken();
		EXPECT(rules.empty() && info[0] == 0 && a.gap_kept() && u.gap_kept() && vt.gap_kept(), "%s", rules.c_str());
		if (jobs[0] == 'A' || jobs[0] == 'S')
			if (jobs[1] != 'O')
				rebuilds(__LINE__, m, n, old, a.ld, s, u, [&](int i, int l) { return vt(l, i); });
		if (jobs[0] == 'O')
			rebuilds(__LINE__, m, n, old, a.ld, s, a, [&](int i, int l) { return vt(l, i); });
		else if (jobs[1] == 'O')
			rebuilds(__LINE__, m, n, old, a.ld, s, u, [&](int i, int l) { return a(l, i); });
		else
			EXPECT(a.all_nan()); /* A is destroyed */
		EXPECT(jobs[0] != 'N' || u.all_nan());
	}
}

/* The rules that all X… functions share, tried on gesvd. */
static void test_protocol()
{
	const int m = 4, n = 3;
	Mat<double> a(m, n), s(n, 1), u(m, m), vt(n, n);
	Memory<int> info(1);
	Spaces w;
	auto query = [&](int rows, int ld, size_t *d, size_t *h) {
		return cusolverDnXgesvd_bufferSize(solver, params, 'S', 'S', rows, n, 1, nullptr, ld, 1, nullptr, 1, nullptr, u.ld, 1, nullptr, vt.ld, 1, d, h);
	};
	w.ask([&](size_t *d, size_t *h) { return query(m, a.ld, d, h); });
	size_t more[2];
	WELL(query(m + 1, a.ld, more, more + 1));
	EXPECT(more[0] >= w.device_bytes && more[1] > w.host_bytes);
	REFUSED(3, "leading dimension", query(m, m - 1, more, more + 1));
	REFUSED(3, "fewer rows", query(n - 1, a.ld, more, more + 1));

	auto call = [&](int rows, void *P, int ta, const void *left, const void *d, size_t db, void *h, size_t hb, int *i) {
		return cusolverDnXgesvd(solver, P, 'S', 'S', rows, n, ta, a.p(), a.ld, 1, s.p(), 1, const_cast<void *>(left), u.ld, 1, vt.p(), vt.ld, 1,
			const_cast<void *>(d), db, h, hb, i);
	};
	auto D = w.device_bytes, H = w.host_bytes;
	REFUSED(3, "fewer rows", call(2, params, 1, u.p(), w.d(), D, w.h(), H, info.p()));
	REFUSED(3, "parameters", call(m, nullptr, 1, u.p(), w.d(), D, w.h(), H, info.p()));
	REFUSED(9, "types differ", call(m, params, 0, u.p(), w.d(), D, w.h(), H, info.p()));
	REFUSED(3, "device workspace is smaller", call(m, params, 1, u.p(), w.d(), D - 1, w.h(), H, info.p()));
	REFUSED(3, "host workspace is smaller", call(m, params, 1, u.p(), w.d(), D, w.h(), H - 1, info.p()));
	REFUSED(3, "beyond its allocation", call(m, params, 1, u.p(), static_cast<char *>(w.d()) + 8, D, w.h(), H, info.p()));
	REFUSED(3, "host workspace is in device memory", call(m, params, 1, u.p(), w.d(), D, w.d(), H, info.p()));
	REFUSED(3, "host workspace is NULL", call(m, params, 1, u.p(), w.d(), D, nullptr, H, info.p()));
	int on_host;
	REFUSED(3, "info is not in device memory", call(m, params, 1, u.p(), w.d(), D, w.h(), H, &on_host));
	REFUSED(3, "U is not in device memory", call(m, params, 1, w.h(), w.d(), D, w.h(), H, info.p()));
	REFUSED(3, "U and the device workspace overlap", call(m, params, 1, w.d(), w.d(), D, w.h(), H, info.p()));
	EXPECT(call(m, params, 1, u.p(), w.d(), D, w.h(), H, info.p()) == 0);
	w.host[1] = 0; /* the library's until the stream is synchronised */
	rz_emu_drain(stream);
	EXPECT(broken().find("host workspace was changed") != std::string::npos);

	void *stale, *was;
	WELL(cusolverDnCreate(&stale));
	WELL(cusolverDnDestroy(stale));
	std::swap(solver, stale);
	REFUSED(1, "handle", call(m, params, 1, u.p(), w.d(), D, w.h(), H, info.p()));
	std::swap(solver, stale);
	cuCtxPopCurrent_v2(&was);
	REFUSED(7, "context", call(m, params, 1, u.p(), w.d(), D, w.h(), H, info.p()));
	REFUSED(1, "context", cusolverDnCreate(&stale));
	cuCtxPushCurrent_v2(was);
	EXPECT(cusolverDnDestroyParams(solver) == 3);
}

template <class T> void test_gesvdp()
{
	const int t = type<T>();
	for (int shape = 0; shape < 8; shape++) {
		const int m = shape & 1 ? 3 : 6, n = 9 - m, k = 3, econ = shape >> 1 & 1, job = shape >> 2;
		Mat<T> a(m, n), s(k, 1, false), u(m, econ ? k : m, false), v(n, econ ? k : n, false);
		Memory<int> info(1);
		double shift = -1;
		auto old = a.copy();
		Spaces w;
		w.ask([&](size_t *d, size_t *h) {
			return cusolverDnXgesvdp_bufferSize(solver, params, job, econ, m, n, t, a.p(), a.ld, t, s.p(), t, u.p(), u.ld, t, v.p(), v.ld, t, d, h);
		});
		auto call = [&](void *left) {
			return cusolverDnXgesvdp(solver, params, job, econ, m, n, t, a.p(), a.ld, t, s.p(), t, left, u.ld, t, v.p(), v.ld, t, w.d(), w.device_bytes,
				w.h(), w.host_bytes, info.p(), &shift);
		};
		REFUSED(3, "U is NULL", call(nullptr)); /* with or without vectors */
		WELL(call(u.p()));
		EXPECT(info[0] == 0 && shift == 0 && a.all_nan());
		if (job)
			rebuilds(__LINE__, m, n, old, a.ld, s, u, [&](int i, int l) { return v(i, l); });
		else
			EXPECT(u.all_nan() && v.all_nan() && s(0, 0) > 0);
	}
	/* a singular matrix is shifted, and the caller told by how much */
	Mat<T> a(4, 4), s(4, 1), u(4, 4), v(4, 4);
	Memory<int> info(1);
	double shift = 0;
	for (int i = 0; i < 4; i++)
		a(i, 3) = 0;
	Spaces w;
	w.ask([&](size_t *d, size_t *h) {
		return cusolverDnXgesvdp_bufferSize(solver, params, 1, 1, 4, 4, t, a.p(), a.ld, t, s.p(), t, u.p(), u.ld, t, v.p(), v.ld, t, d, h);
	});
	WELL(cusolverDnXgesvdp(solver, params, 1, 1, 4, 4, t, a.p(), a.ld, t, s.p(), t, u.p(), u.ld, t, v.p(), v.ld, t, w.d(), w.device_bytes, w.h(),
		w.host_bytes, info.p(), &shift));
	EXPECT(shift > eps<T>() * s(0, 0) && s(3, 0) >= T(shift) && s(3, 0) < 2 * shift);
}

template <class T> void test_gesvdr()
{
	const int m = 5, n = 6, k = 2, t = type<T>();
	Mat<T> a(m, n), s(k, 1, false), u(m, m, false), v(n, n, false);
	Memory<int> info(1);
	auto old = a.copy();
	auto full = spectral::svd(false, false, m, n, old.data(), a.ld);
	Spaces w;
	w.ask([&](size_t *d, size_t *h) {
		return cusolverDnXgesvdr_bufferSize(solver, params, 'S', 'S', m, n, k, 2, 3, t, a.p(), a.ld, t, s.p(), t, u.p(), u.ld, t, v.p(), v.ld, t, d, h);
	});
	auto call = [&](int p, void *left) {
		return cusolverDnXgesvdr(solver, params, 'S', 'S', m, n, k, p, 3, t, a.p(), a.ld, t, s.p(), t, left, u.ld, t, v.p(), v.ld, t, w.d(),
			w.device_bytes, w.h(), w.host_bytes, info.p());
	};
	REFUSED(3, "rank and oversampling", call(4, u.p()));
	Mat<T> narrow(m, k);
	REFUSED(3, "U is not in device memory, or reaches beyond", call(2, narrow.p()));
	WELL(call(2, u.p()));
	EXPECT(info[0] == 0);
	for (int l = 0; l < k; l++) {
		EXPECT(std::fabs(s(l, 0) - full.s[l]) < 100 * eps<T>());
		for (int i = 0; i < m; i++) { /* A·v = σ·u */
			double x = inner(n, [&](int j) { return old[j * a.ld + i]; }, [&](int j) { return v(j, l); });
			EXPECT(std::fabs(x - s(l, 0) * u(i, l)) < 300 * eps<T>());
		}
	}
}

template <class T> void test_jacobi()
{
	void *jacobi;
	WELL(cusolverDnCreateGesvdjInfo(&jacobi));
	WELL(cusolverDnXgesvdjSetTolerance(jacobi, 1e-7));
	EXPECT(cusolverDnXgesvdjSetMaxSweeps(jacobi, 0) == 3);
	Memory<int> info(3);
	for (int shape = 0; shape < 4; shape++) {
		const int m = shape & 1 ? 3 : 5, n = 8 - m, k = 3, econ = shape >> 1;
		Mat<T> a(m, n), s(k, 1, false), u(m, econ ? k : m, false), v(n, econ ? k : n, false);
		auto old = a.copy();
		int lwork = 0;
		double residual;
		WELL(OF(cusolverDnSgesvdj_bufferSize, cusolverDnDgesvdj_bufferSize)(solver, 1, econ, m, n, a.p(), a.ld, s.p(), u.p(), u.ld, v.p(), v.ld, &lwork, jacobi));
		Memory<T> work(lwork);
		auto call = [&](int size) {
			return OF(cusolverDnSgesvdj, cusolverDnDgesvdj)(solver, 1, econ, m, n, a.p(), a.ld, s.p(), u.p(), u.ld, v.p(), v.ld, work.p(), size, info.p(), jacobi);
		};
		REFUSED(3, "workspace is smaller", call(lwork - 1));
		WELL(call(lwork));
		EXPECT(info[0] == 0 && a.all_nan() && !cusolverDnXgesvdjGetResidual(solver, jacobi, &residual) && residual > 0);
		rebuilds(__LINE__, m, n, old, a.ld, s, u, [&](int i, int l) { return v(i, l); });
		WELL(cusolverDnXgesvdjSetMaxSweeps(jacobi, 1));
		WELL(call(lwork));
		EXPECT(info[0] == k + 1);
		WELL(cusolverDnXgesvdjSetMaxSweeps(jacobi, 20));
	}
	const int m = 3, n = 2, batch = 3;
	Mat<T> a(m, n * batch, true, 1), s(n, batch, false, 0), u(m, m * batch, false, 0), v(n, n * batch, false, 0);
	auto old = a.copy();
	int lwork = 0;
	WELL(OF(cusolverDnSgesvdjBatched_bufferSize, cusolverDnDgesvdjBatched_bufferSize)(solver, 1, m, n, a.p(), a.ld, s.p(), u.p(), m, v.p(), n, &lwork, jacobi, batch));
	Memory<T> work(lwork);
	WELL(OF(cusolverDnSgesvdjBatched, cusolverDnDgesvdjBatched)(solver, 1, m, n, a.p(), a.ld, s.p(), u.p(), m, v.p(), n, work.p(), lwork, info.p(), jacobi, batch));
	for (int b = 0; b < batch; b++) {
		Mat<T> sb(n, 1), ub(m, m);
		for (int l = 0; l < n; l++)
			sb(l, 0) = s(l, b);
		for (int i = 0; i < m * m; i++)
			ub(i % m, i / m) = u(i % m, b * m + i / m);
		rebuilds(__LINE__, m, n, std::vector<T>(old.begin() + b * a.ld * n, old.begin() + (b + 1) * a.ld * n), a.ld, sb, ub,
			[&](int i, int l) { return v(i, b * n + l); });
	}
	REFUSED(3, "more than 32", OF(cusolverDnSgesvdjBatched_bufferSize, cusolverDnDgesvdjBatched_bufferSize)(solver, 1, 33, n, a.p(), 33, s.p(), u.p(), 33, v.p(), n, &lwork, jacobi, batch));
	WELL(cusolverDnXgesvdjSetSortEig(jacobi, 0));
	WELL(OF(cusolverDnSgesvdjBatched, cusolverDnDgesvdjBatched)(solver, 0, n, n, u.p(), m, s.p(), nullptr, n, nullptr, n, work.p(), lwork, info.p(), jacobi, 1));
	EXPECT(s(0, 0) <= s(1, 0));
	WELL(cusolverDnDestroyGesvdjInfo(jacobi));
	EXPECT(cusolverDnXgesvdjSetSortEig(jacobi, 1) == 3);
}

template <class T> void test_gesvda()
{
	const int m = 5, n = 3, rank = 3, batch = 2;
	Mat<T> a(m, n * batch, true, 0), s(rank, batch, false, 0), u(m, rank * batch, false, 0), v(n, rank * batch, false, 0);
	for (int i = 0; i < m; i++)
		a(i, 5) = a(i, 4); /* the second matrix has rank 2 */
	Memory<int> info(batch);
	double residual[batch];
	int lwork = 0;
	WELL(OF(cusolverDnSgesvdaStridedBatched_bufferSize, cusolverDnDgesvdaStridedBatched_bufferSize)(solver, 1, rank, m, n, a.p(), m, m * n, s.p(), rank,
		u.p(), m, m * rank, v.p(), n, n * rank, &lwork, batch));
	Memory<T> work(lwork);
	auto call = [&](int rows, int r) {
		return OF(cusolverDnSgesvdaStridedBatched, cusolverDnDgesvdaStridedBatched)(solver, 1, r, rows, n, a.p(), m, m * n, s.p(), rank, u.p(), m, m * rank,
			v.p(), n, n * rank, work.p(), lwork, info.p(), residual, batch);
	};
	REFUSED(3, "fewer rows", call(2, rank));
	REFUSED(3, "rank", call(m, n + 1));
	auto old = a.copy();
	WELL(call(m, rank));
	EXPECT(!memcmp(old.data(), a.p(), m * n * batch * sizeof(T))); /* A is kept */
	Mat<T> s0(rank, 1);
	for (int l = 0; l < rank; l++)
		s0(l, 0) = s(l, 0);
	rebuilds(__LINE__, m, n, old, m, s0, u, [&](int i, int l) { return v(i, l); });
	EXPECT(s(2, 1) >= 0.9 * std::sqrt(eps<T>()) * s(0, 1)); /* noise where 0 would be */
	WELL(call(m, 1));
	EXPECT(std::fabs(residual[0] - std::hypot(s0(1, 0), s0(2, 0))) < 100 * eps<T>());
}

/* solves checks A·v = w·v for one eigenpair of the symmetric matrix in a
 * triangle of old. */
template <class T> void solves(int line, int n, bool upper, const T *old, int lda, double w, const T *v)
{
	for (int i = 0; i < n; i++) {
		double x = inner(n, [&](int j) { return upper == (i <= j) ? old[j * lda + i] : old[i * lda + j]; }, [&](int j) { return v[j]; });
		EXPECT(std::fabs(x - w * v[i]) < 100 * n * eps<T>(), "line %d", line);
	}
	double norm = inner(n, [&](int j) { return v[j]; }, [&](int j) { return v[j]; });
	EXPECT(std::fabs(norm - 1) < 100 * eps<T>(), "line %d", line);
}

template <class T> void test_eigen()
{
	const int n = 5, t = type<T>();
	Memory<int> info(3);
	for (int u = 0; u < 2; u++) {
		Mat<T> a(n, n), w(n, 1, false);
		a(u ? n - 1 : 0, u ? 0 : n - 1) = NAN; /* the other triangle is not read */
		auto old = a.copy();
		Spaces space;
		space.ask([&](size_t *d, size_t *h) { return cusolverDnXsyevd_bufferSize(solver, params, 1, u, n, t, a.p(), a.ld, t, w.p(), t, d, h); });
		auto call = [&](int job) {
			return cusolverDnXsyevd(solver, params, job, u, n, t, a.p(), a.ld, t, w.p(), t, space.d(), space.device_bytes, space.h(), space.host_bytes, info.p());
		};
		WELL(call(1));
		EXPECT(info[0] == 0 && a.gap_kept());
		for (int l = 0; l < n; l++) {
			EXPECT(l == 0 || w(l, 0) >= w(l - 1, 0));
			solves(__LINE__, n, u, old.data(), a.ld, w(l, 0), &a(0, l));
		}
		auto all = w.copy();
		auto restore = [&] { memcpy(a.p(), old.data(), old.size() * sizeof(T)); };
		restore();
		WELL(call(0));
		EXPECT(a.all_nan() && std::fabs(w(2, 0) - all[2]) < 100 * eps<T>());

		T low = (all[0] + all[1]) / 2, high = (all[3] + all[4]) / 2;
		for (int range : {1001, 1002, 1003}) {
			restore();
			int64_t found = -1;
			Spaces x;
			x.ask([&](size_t *d, size_t *h) {
				return cusolverDnXsyevdx_bufferSize(solver, params, 1, range, u, n, t, a.p(), a.ld, &low, &high, 2, 4, &found, t, w.p(), t, d, h);
			});
			WELL(cusolverDnXsyevdx(solver, params, 1, range, u, n, t, a.p(), a.ld, &low, &high, 2, 4, &found, t, w.p(), t, x.d(), x.device_bytes, x.h(),
				x.host_bytes, info.p()));
			EXPECT(found == (range == 1001 ? 5 : 3) && std::fabs(w(0, 0) - all[range == 1001 ? 0 : 1]) < 100 * eps<T>());
			for (int l = 0; l < found; l++)
				solves(__LINE__, n, u, old.data(), a.ld, w(l, 0), &a(0, l));
			REFUSED(3, "indices", cusolverDnXsyevdx_bufferSize(solver, params, 1, 1002, u, n, t, a.p(), a.ld, &low, &high, 0, 4, &found, t, w.p(), t,
				&x.device_bytes, &x.host_bytes));
		}
	}
	const int batch = 2;
	Mat<T> a(n, n * batch, true, 0), w(n, batch, false, 0);
	auto old = a.copy();
	void *jacobi;
	int lwork = 0;
	WELL(cusolverDnCreateSyevjInfo(&jacobi));
	WELL(OF(cusolverDnSsyevjBatched_bufferSize, cusolverDnDsyevjBatched_bufferSize)(solver, 1, 0, n, a.p(), n, w.p(), &lwork, jacobi, batch));
	Memory<T> work(lwork);
	WELL(OF(cusolverDnSsyevjBatched, cusolverDnDsyevjBatched)(solver, 1, 0, n, a.p(), n, w.p(), work.p(), lwork, info.p(), jacobi, batch));
	for (int l = 0; l < n * batch; l++)
		solves(__LINE__, n, false, old.data() + l / n * n * n, n, w(l % n, l / n), &a(0, l));
	WELL(cusolverDnDestroySyevjInfo(jacobi));
#if EMU_CUDA >= 12060
	memcpy(a.p(), old.data(), old.size() * sizeof(T));
	Spaces x;
	x.ask([&](size_t *d, size_t *h) { return cusolverDnXsyevBatched_bufferSize(solver, params, 1, 1, n, t, a.p(), n, t, w.p(), t, d, h, batch); });
	WELL(cusolverDnXsyevBatched(solver, params, 1, 1, n, t, a.p(), n, t, w.p(), t, x.d(), x.device_bytes, x.h(), x.host_bytes, info.p(), batch));
	for (int l = 0; l < n * batch; l++)
		solves(__LINE__, n, true, old.data() + l / n * n * n, n, w(l % n, l / n), &a(0, l));
#endif
}

template <class T> void test_qr()
{
	const int m = 5, n = 3, t = type<T>();
	Mat<T> a(m, n), tau(n, 1, false), c(m, n), d(n, m, false);
	auto old = a.copy(), cold = c.copy();
	Memory<int> info(1);
	Spaces w;
	w.ask([&](size_t *db, size_t *hb) { return cusolverDnXgeqrf_bufferSize(solver, params, m, n, t, a.p(), a.ld, t, tau.p(), t, db, hb); });
	WELL(cusolverDnXgeqrf(solver, params, m, n, t, a.p(), a.ld, t, tau.p(), t, w.d(), w.device_bytes, w.h(), w.host_bytes, info.p()));
	Mat<T> r(n, n);
	for (int j = 0; j < n; j++)
		for (int i = 0; i < n; i++)
			r(i, j) = i <= j ? a(i, j) : T(0);

	int lwork = 0;
	WELL(OF(cusolverDnSormqr_bufferSize, cusolverDnDormqr_bufferSize)(solver, 0, 1, m, n, n, a.p(), a.ld, tau.p(), c.p(), c.ld, &lwork));
	Memory<T> work(lwork + 100);
	auto ormqr = [&](int side, int trans, int rows, int columns, const Mat<T> &x, int size) {
		return OF(cusolverDnSormqr, cusolverDnDormqr)(solver, side, trans, rows, columns, n, a.p(), a.ld, tau.p(), x.p(), x.ld, work.p(), size, info.p());
	};
	REFUSED(3, "workspace is smaller", ormqr(0, 1, m, n, c, lwork - 1));
	REFUSED(3, "operation", ormqr(0, 2, m, n, c, lwork));
	WELL(ormqr(0, 1, m, n, c, lwork));
	for (int j = 0; j < n; j++)
		for (int i = 0; i < m; i++)
			d(j, i) = c(i, j);
	WELL(ormqr(1, 1, n, m, d, lwork + 100)); /* (Qᵀ·C)ᵀ·Qᵀ = Cᵀ */
	NEAR(d, [&](int j, int i) { return cold[j * c.ld + i]; }, 100 * eps<T>());

	WELL(OF(cusolverDnSorgqr_bufferSize, cusolverDnDorgqr_bufferSize)(solver, m, n, n, a.p(), a.ld, tau.p(), &lwork));
	REFUSED(3, "fewer rows", OF(cusolverDnSorgqr_bufferSize, cusolverDnDorgqr_bufferSize)(solver, n, m, n, a.p(), a.ld, tau.p(), &lwork));
	WELL(OF(cusolverDnSorgqr, cusolverDnDorgqr)(solver, m, n, n, a.p(), a.ld, tau.p(), work.p(), lwork, info.p()));
	Mat<T> back(m, n, false);
	for (int j = 0; j < n; j++)
		for (int i = 0; i < m; i++)
			back(i, j) = T(inner(n, [&](int l) { return a(i, l); }, [&](int l) { return r(l, j); }));
	NEAR(back, [&](int i, int j) { return old[j * a.ld + i]; }, 100 * eps<T>());
	for (int j = 0; j < n; j++) { /* Qᵀ·C */
		double x = inner(m, [&](int i) { return a(i, 0); }, [&](int i) { return cold[j * c.ld + i]; });
		EXPECT(std::fabs(x - c(0, j)) < 100 * eps<T>());
	}
}

template <class T> void test_cholesky()
{
	const int n = 4, columns = 2, t = type<T>();
	for (int u = 0; u < 2; u++) {
		Mat<T> g(n, n), a(n, n), b(n, columns), x(n, columns);
		for (int j = 0; j < n; j++)
			for (int i = 0; i < n; i++)
				a(i, j) = T(inner(n, [&](int l) { return g(i, l); }, [&](int l) { return g(j, l); }) + (i == j));
		auto old = a.copy(), right = b.copy();
		Memory<int> info(2);
		Spaces w;
		w.ask([&](size_t *d, size_t *h) { return cusolverDnXpotrf_bufferSize(solver, params, u, n, t, a.p(), a.ld, t, d, h); });
		auto call = [&] { return cusolverDnXpotrf(solver, params, u, n, t, a.p(), a.ld, t, w.d(), w.device_bytes, w.h(), w.host_bytes, info.p()); };
		WELL(call());
		EXPECT(info[0] == 0);
		NEAR(a, [&](int i, int j) { return (u ? i > j : i < j) ? double(old[j * a.ld + i]) : double(a(i, j)); }, 0);
		auto l = [&](int i, int k) { return k > i ? 0.0 : u ? double(a(k, i)) : double(a(i, k)); };
		for (int i = 0; i < n; i++)
			for (int j = 0; j <= i; j++)
				EXPECT(std::fabs(inner(n, [&](int k) { return l(i, k); }, [&](int k) { return l(j, k); }) - old[j * a.ld + i]) < 50 * eps<T>());
		WELL(cusolverDnXpotrs(solver, params, u, n, columns, t, a.p(), a.ld, t, b.p(), b.ld, info.p()));
		for (int i = 0; i < n; i++)
			for (int j = 0; j < columns; j++)
				EXPECT(std::fabs(inner(n, [&](int k) { return old[k * a.ld + i]; }, [&](int k) { return b(k, j); }) - right[j * b.ld + i]) < 500 * eps<T>());
		for (int k = 0; k < n; k++)
			a(k, k) = k == 2 ? -5 : 1;
		WELL(call());
		EXPECT(info[0] == 3); /* the third leading minor is not positive */

		Memory<T *> array(2);
		Mat<T> first(1, 1), second(1, 1);
		first(0, 0) = 4, second(0, 0) = -4;
		array[0] = first.p(), array[1] = second.p();
		WELL(OF(cusolverDnSpotrfBatched, cusolverDnDpotrfBatched)(solver, u, 1, array.p(), 1, info.p(), 2));
		EXPECT(first(0, 0) == 2 && info[0] == 0 && info[1] == 1);
		T outside;
		array[1] = &outside;
		EXPECT(!OF(cusolverDnSpotrfBatched, cusolverDnDpotrfBatched)(solver, u, 1, array.p(), 1, info.p(), 2));
		rz_emu_drain(stream);
		EXPECT(broken().find("matrix 1 is not in device memory") != std::string::npos && info[1] < 0);
	}
}

template <class T> void test_lu()
{
	const int n = 4, columns = 2, t = type<T>();
	Memory<int> info(1);
	for (int pivoted = 0; pivoted < 2; pivoted++)
		for (int trans = 0; trans < 2; trans++) {
			Mat<T> a(n, n), b(n, columns);
			for (int i = 0; i < n; i++)
				a(i, i) += pivoted ? 0 : 4;
			Memory<int64_t> memory(n);
			int64_t *pivots = pivoted ? memory.p() : nullptr;
			auto old = a.copy(), right = b.copy();
			Spaces w;
			w.ask([&](size_t *d, size_t *h) { return cusolverDnXgetrf_bufferSize(solver, params, n, n, t, a.p(), a.ld, t, d, h); });
			WELL(cusolverDnXgetrf(solver, params, n, n, t, a.p(), a.ld, pivots, t, w.d(), w.device_bytes, w.h(), w.host_bytes, info.p()));
			EXPECT(info[0] == 0 && (!pivoted || (memory[0] >= 1 && memory[0] <= n)));
			WELL(cusolverDnXgetrs(solver, params, trans, n, columns, t, a.p(), a.ld, pivots, t, b.p(), b.ld, info.p()));
			auto at = [&](int i, int k) { return trans ? old[i * a.ld + k] : old[k * a.ld + i]; };
			for (int i = 0; i < n; i++)
				for (int j = 0; j < columns; j++)
					EXPECT(std::fabs(inner(n, [&](int k) { return at(i, k); }, [&](int k) { return b(k, j); }) - right[j * b.ld + i]) < 1000 * eps<T>());
		}
	Mat<T> a(n, n);
	for (int i = 0; i < n; i++)
		a(i, i) += 3;
	auto old = a.copy();
	Spaces w;
	w.ask([&](size_t *d, size_t *h) { return cusolverDnXtrtri_bufferSize(solver, 0, 0, n, t, a.p(), a.ld, d, h); });
	WELL(cusolverDnXtrtri(solver, 0, 0, n, t, a.p(), a.ld, w.d(), w.device_bytes, w.h(), w.host_bytes, info.p()));
	for (int i = 0; i < n; i++)
		for (int j = 0; j <= i; j++) {
			double x = inner(n, [&](int k) { return k > i ? 0.0 : old[k * a.ld + i]; }, [&](int k) { return k < j ? 0.0 : a(k, j); });
			EXPECT(std::fabs(x - (i == j)) < 50 * eps<T>());
		}
	a(1, 1) = 0;
	WELL(cusolverDnXtrtri(solver, 0, 0, n, t, a.p(), a.ld, w.d(), w.device_bytes, w.h(), w.host_bytes, info.p()));
	EXPECT(info[0] == 2);
}

static void open(const char *options)
{
	configure(options);
	WELL(cusolverDnCreate(&solver));
	WELL(cusolverDnSetStream(solver, stream));
	WELL(cusolverDnCreateParams(&params));
}

static void test_faults()
{
	open("cusolverDnXpotrf:1=7;info(Xpotrf):2=4;shift(Xgesvdp):1=1000;cusolverDnXpotrf_bufferSize:2=2");
	const int n = 2;
	Mat<double> a(n, n), s(n, 1), u(n, n), v(n, n);
	Memory<int> info(1);
	double shift = 0;
	Spaces w, p;
	auto query = [&](size_t *d, size_t *h) { return cusolverDnXpotrf_bufferSize(solver, params, 0, n, 1, a.p(), a.ld, 1, d, h); };
	w.ask(query);
	EXPECT(query(&p.device_bytes, &p.host_bytes) == 2);
	auto call = [&] { return cusolverDnXpotrf(solver, params, 0, n, 1, a.p(), a.ld, 1, w.d(), w.device_bytes, w.h(), w.host_bytes, info.p()); };
	EXPECT(call() == 7);
	a(0, 0) = a(1, 1) = 4, a(1, 0) = 0;
	WELL(call());
	EXPECT(info[0] == 0 && a(0, 0) == 2);
	WELL(call());
	EXPECT(info[0] == 4 && a.all_nan()); /* a failure leaves nothing to use */
	for (int i = 0; i < n * n; i++)
		a(i % n, i / n) = i % n == i / n;
	p.ask([&](size_t *d, size_t *h) {
		return cusolverDnXgesvdp_bufferSize(solver, params, 1, 1, n, n, 1, a.p(), a.ld, 1, s.p(), 1, u.p(), u.ld, 1, v.p(), v.ld, 1, d, h);
	});
	WELL(cusolverDnXgesvdp(solver, params, 1, 1, n, n, 1, a.p(), a.ld, 1, s.p(), 1, u.p(), u.ld, 1, v.p(), v.ld, 1, p.d(), p.device_bytes, p.h(),
		p.host_bytes, info.p(), &shift));
	EXPECT(shift == 1000 * eps<double>() && std::fabs(s(0, 0) - 1 - shift) < 4 * eps<double>());
}

template <class T> void test()
{
	test_gesvd<T>();
	test_gesvdp<T>();
	test_gesvdr<T>();
	test_jacobi<T>();
	test_gesvda<T>();
	test_eigen<T>();
	test_qr<T>();
	test_cholesky<T>();
	test_lu<T>();
}

int main()
{
	open("");
	int version;
	EXPECT(!cusolverGetVersion(&version) && version > 11000);
	test<float>();
	test<double>();
	test_protocol();
	test_faults();
	return finish("cuSOLVER");
}
