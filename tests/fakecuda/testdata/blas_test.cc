/* Every function of the stand-in of cuBLAS against plain loops, and every
 * rule that it enforces. */
#include "declare.h"

#include "../cublas.cc"

#include "check.h"

static void *blas;

/* OF picks the function for the element type T of the test. */
#define OF(S, D) ([] { if constexpr (sizeof(T) == 4) return &S; else return &D; }())

template <class T> void test_gemm()
{
	auto f = OF(cublasSgemm_v2, cublasDgemm_v2);
	const int m = 5, n = 4, k = 7;
	T alpha = T(1.5), beta = T(-0.5), zero = 0;
	for (int ta = 0; ta < 2; ta++)
		for (int tb = 0; tb < 2; tb++) {
			Mat<T> a(ta ? k : m, ta ? m : k), b(tb ? n : k, tb ? k : n), c(m, n), blank(m, n, false);
			auto old = c.copy();
			auto sum = [&](int i, int j) { return inner(k, [&](int l) { return a.op(ta, i, l); }, [&](int l) { return b.op(tb, l, j); }); };
			WELL(f(blas, ta, tb, m, n, k, &alpha, a.p(), a.ld, b.p(), b.ld, &beta, c.p(), c.ld));
			NEAR(c, [&](int i, int j) { return alpha * sum(i, j) + beta * old[j * c.ld + i]; }, 20 * eps<T>());
			WELL(f(blas, ta, tb, m, n, k, &alpha, a.p(), a.ld, b.p(), b.ld, &zero, blank.p(), blank.ld));
			NEAR(blank, [&](int i, int j) { return alpha * sum(i, j); }, 20 * eps<T>());
		}
	Mat<T> a(m, k), b(k, n), c(m, n);
	auto old = c.copy();
	WELL(f(blas, 0, 0, m, n, 0, &alpha, a.p(), a.ld, b.p(), b.ld, &beta, c.p(), c.ld));
	NEAR(c, [&](int i, int j) { return beta * old[j * c.ld + i]; }, eps<T>());

	REFUSED(7, "A: the leading dimension", f(blas, 0, 0, m, n, k, &alpha, a.p(), m - 1, b.p(), b.ld, &beta, c.p(), c.ld));
	REFUSED(7, "C: the leading dimension", f(blas, 0, 0, m, n, k, &alpha, a.p(), a.ld, b.p(), b.ld, &beta, c.p(), m - 1));
	REFUSED(7, "operation", f(blas, 3, 0, m, n, k, &alpha, a.p(), a.ld, b.p(), b.ld, &beta, c.p(), c.ld));
	REFUSED(7, "negative", f(blas, 0, 0, -1, n, k, &alpha, a.p(), a.ld, b.p(), b.ld, &beta, c.p(), c.ld));
	REFUSED(7, "B is NULL", f(blas, 0, 0, m, n, k, &alpha, a.p(), a.ld, nullptr, b.ld, &beta, c.p(), c.ld));
	REFUSED(7, "A is not in device memory", f(blas, 0, 0, m, n, k, &alpha, old.data(), a.ld, b.p(), b.ld, &beta, c.p(), c.ld));
	REFUSED(7, "beyond its allocation", f(blas, 0, 0, m, n + 2, k, &alpha, a.p(), a.ld, b.p(), b.ld, &beta, c.p(), c.ld));
	REFUSED(7, "host memory is wanted", f(blas, 0, 0, m, n, k, b.p(), a.p(), a.ld, b.p(), b.ld, &beta, c.p(), c.ld));
	REFUSED(7, "A and C overlap", f(blas, 0, 0, m, n, n, &alpha, c.p(), c.ld, b.p(), b.ld, &beta, c.p(), c.ld));
	REFUSED(7, "aligned", f(blas, 0, 0, m, n, k, &alpha, reinterpret_cast<T *>(a.data.address + 1), a.ld, b.p(), b.ld, &beta, c.p(), c.ld));

	/* two column blocks of one matrix with rows in between share nothing */
	Mat<T> whole(6, 6);
	WELL(f(blas, 0, 0, 2, 2, 2, &alpha, whole.p(), whole.ld, whole.p() + 2, whole.ld, &zero, whole.p() + 4, whole.ld));
}

template <class T> void test_gemm_batched()
{
	auto f = OF(cublasSgemmStridedBatched, cublasDgemmStridedBatched);
	const int m = 3, n = 2, k = 4, batch = 3;
	T one = 1, zero = 0;
	Mat<T> a(m, k * batch, true, 0), b(k, n), c(m, n * batch, false, 0);
	WELL(f(blas, 0, 0, m, n, k, &one, a.p(), m, m * k, b.p(), b.ld, 0, &zero, c.p(), m, m * n, batch));
	NEAR(c, [&](int i, int j) { return inner(k, [&](int l) { return a(i, j / n * k + l); }, [&](int l) { return b(l, j % n); }); }, 10 * eps<T>());
	REFUSED(7, "stride 0", f(blas, 0, 0, m, n, k, &one, a.p(), m, m * k, b.p(), b.ld, 0, &zero, c.p(), m, 0, batch));
	REFUSED(7, "C and C overlap", f(blas, 0, 0, m, n, k, &one, a.p(), m, m * k, b.p(), b.ld, 0, &zero, c.p(), m, m, batch));
}

template <class T> void test_symmetric()
{
	const int n = 5, k = 3;
	T alpha = 2, beta = T(0.5);
	for (int u = 0; u < 2; u++)
		for (int t = 0; t < 2; t++) {
			Mat<T> a(t ? k : n, t ? n : k), b(t ? k : n, t ? n : k), c(n, n), d(n, n);
			auto inside = [u](int i, int j) { return u ? i <= j : i >= j; };
			auto old = c.copy(), old_d = d.copy();
			auto sum = [&](const Mat<T> &x, int i, int j) {
				return inner(k, [&](int l) { return a.op(t, i, l); }, [&](int l) { return x.op(t, j, l); });
			};
			WELL(OF(cublasSsyrk_v2, cublasDsyrk_v2)(blas, u, t, n, k, &alpha, a.p(), a.ld, &beta, c.p(), c.ld));
			NEAR(c, [&](int i, int j) { T o = old[j * c.ld + i]; return inside(i, j) ? alpha * sum(a, i, j) + beta * o : o; }, 20 * eps<T>());
			Mat<T> blank(n, n, false);
			T zero = 0;
			WELL(OF(cublasSsyrk_v2, cublasDsyrk_v2)(blas, u, t, n, k, &alpha, a.p(), a.ld, &zero, blank.p(), blank.ld));
			EXPECT(std::fabs(blank(u ? 0 : n - 1, u ? n - 1 : 0) - alpha * sum(a, 0, n - 1)) < 20 * eps<T>() && std::isnan(blank(u ? n - 1 : 0, u ? 0 : n - 1)));
			WELL(OF(cublasSsyrkx, cublasDsyrkx)(blas, u, t, n, k, &alpha, a.p(), a.ld, b.p(), b.ld, &beta, d.p(), d.ld));
			NEAR(d, [&](int i, int j) { T o = old_d[j * d.ld + i]; return inside(i, j) ? alpha * sum(b, i, j) + beta * o : o; }, 20 * eps<T>());
		}
	for (int s = 0; s < 2; s++)
		for (int u = 0; u < 2; u++) {
			const int m = 4, order = s ? n : m;
			Mat<T> a(order, order), b(m, n), c(m, n, false);
			auto at = [&](int i, int j) { return u == (i <= j) ? double(a(i, j)) : double(a(j, i)); };
			T zero = 0;
			WELL(OF(cublasSsymm_v2, cublasDsymm_v2)(blas, s, u, m, n, &alpha, a.p(), a.ld, b.p(), b.ld, &zero, c.p(), c.ld));
			NEAR(c, [&](int i, int j) {
				return alpha * inner(order, [&](int l) { return s ? double(b(i, l)) : at(i, l); }, [&](int l) { return s ? at(l, j) : double(b(l, j)); });
			}, 20 * eps<T>());
		}
	Mat<T> a(n, k), c(n, n);
	auto f = OF(cublasSsyrk_v2, cublasDsyrk_v2);
	REFUSED(7, "triangle", f(blas, 2, 0, n, k, &alpha, a.p(), a.ld, &beta, c.p(), c.ld));
	REFUSED(7, "A: the leading dimension", f(blas, 0, 0, n, k, &alpha, a.p(), k, &beta, c.p(), c.ld));
}

template <class T> void test_triangular()
{
	const int m = 4, n = 3;
	T alpha = T(1.5);
	for (int bits = 0; bits < 16; bits++) {
		int s = bits & 1, u = bits >> 1 & 1, t = bits >> 2 & 1, d = bits >> 3, order = s ? n : m;
		Mat<T> a(order, order), b(m, n), c(m, n, false);
		for (int i = 0; i < order; i++)
			a(i, i) += 3;
		auto at = [&](int i, int j) {
			if (t)
				std::swap(i, j);
			return i == j && d ? 1.0 : (u ? i <= j : i >= j) ? double(a(i, j)) : 0.0;
		};
		auto multiplied = [&](const Mat<T> &x, int i, int j) {
			return inner(order, [&](int l) { return s ? double(x(i, l)) : at(i, l); }, [&](int l) { return s ? at(l, j) : double(x(l, j)); });
		};
		WELL(OF(cublasStrmm_v2, cublasDtrmm_v2)(blas, s, u, t, d, m, n, &alpha, a.p(), a.ld, b.p(), b.ld, c.p(), c.ld));
		NEAR(c, [&](int i, int j) { return alpha * multiplied(b, i, j); }, 40 * eps<T>());
		auto old = b.copy();
		WELL(OF(cublasStrsm_v2, cublasDtrsm_v2)(blas, s, u, t, d, m, n, &alpha, a.p(), a.ld, b.p(), b.ld));
		Mat<T> back(m, n, false);
		for (int j = 0; j < n; j++)
			for (int i = 0; i < m; i++)
				back(i, j) = T(multiplied(b, i, j));
		NEAR(back, [&](int i, int j) { return alpha * old[j * b.ld + i]; }, 200 * eps<T>());
	}
	Mat<T> a(m, m), b(m, n);
	REFUSED(7, "A and B overlap", OF(cublasStrsm_v2, cublasDtrsm_v2)(blas, 0, 0, 0, 0, m, n, &alpha, a.p(), a.ld, a.p(), a.ld));
	REFUSED(7, "diagonal", OF(cublasStrsm_v2, cublasDtrsm_v2)(blas, 0, 0, 0, 2, m, n, &alpha, a.p(), a.ld, b.p(), b.ld));
}

template <class T> void test_geam_dgmm()
{
	auto geam = OF(cublasSgeam, cublasDgeam);
	const int m = 4, n = 3;
	T alpha = 2, beta = -1, zero = 0;
	for (int ta = 0; ta < 2; ta++)
		for (int tb = 0; tb < 2; tb++) {
			Mat<T> a(ta ? n : m, ta ? m : n), b(tb ? n : m, tb ? m : n), c(m, n, false);
			WELL(geam(blas, ta, tb, m, n, &alpha, a.p(), a.ld, &beta, b.p(), b.ld, c.p(), c.ld));
			NEAR(c, [&](int i, int j) { return alpha * a.op(ta, i, j) + beta * b.op(tb, i, j); }, 4 * eps<T>());
			WELL(geam(blas, ta, tb, m, n, &alpha, a.p(), a.ld, &zero, nullptr, tb ? n : m, c.p(), c.ld));
			NEAR(c, [&](int i, int j) { return alpha * a.op(ta, i, j); }, 4 * eps<T>());
		}
	Mat<T> a(m, n), b(m, n), q(n, n);
	auto old = a.copy();
	WELL(geam(blas, 0, 0, m, n, &alpha, a.p(), a.ld, &beta, b.p(), b.ld, a.p(), a.ld));
	NEAR(a, [&](int i, int j) { return alpha * old[j * a.ld + i] + beta * b(i, j); }, 4 * eps<T>());
	REFUSED(7, "overlap", geam(blas, 1, 0, n, n, &alpha, q.p(), q.ld, &beta, b.p(), b.ld, q.p(), q.ld));

	for (int s = 0; s < 2; s++) {
		const int k = s ? n : m;
		Mat<T> x(1, 2 * k, true, 0), c(m, n, false);
		WELL(OF(cublasSdgmm, cublasDdgmm)(blas, s, m, n, b.p(), b.ld, x.p(), 2, c.p(), c.ld));
		NEAR(c, [&](int i, int j) { return double(b(i, j)) * x(0, 2 * (s ? j : i)); }, eps<T>());
	}
}

template <class T> void test_vectors()
{
	const int m = 4, n = 3;
	T alpha = T(1.5), beta = T(0.5), zero = 0, host;
	for (int t = 0; t < 2; t++) {
		Mat<T> a(m, n), x(2, t ? m : n, true, 0), y(3, t ? n : m, true, 0), blank(1, t ? n : m, false, 0);
		auto old = y.copy();
		auto f = OF(cublasSgemv_v2, cublasDgemv_v2);
		auto sum = [&](int i) { return inner(t ? m : n, [&](int l) { return a.op(t, i, l); }, [&](int l) { return x(0, l); }); };
		WELL(f(blas, t, m, n, &alpha, a.p(), a.ld, x.p(), 2, &beta, y.p(), 3));
		NEAR(y, [&](int i, int j) { T o = old[j * 3 + i]; return i ? double(o) : alpha * sum(j) + beta * o; }, 20 * eps<T>());
		WELL(f(blas, t, m, n, &alpha, a.p(), a.ld, x.p(), 2, &zero, blank.p(), 1));
		NEAR(blank, [&](int, int j) { return alpha * sum(j); }, 20 * eps<T>());
		REFUSED(7, "increment", f(blas, t, m, n, &alpha, a.p(), a.ld, x.p(), 0, &beta, y.p(), 3));
	}
	Mat<T> a(m, n), x(1, 2 * m, true, 0), y(1, n, true, 0), z(1, n, false, 0);
	auto old = a.copy();
	WELL(OF(cublasSger_v2, cublasDger_v2)(blas, m, n, &alpha, x.p(), 2, y.p(), -1, a.p(), a.ld));
	NEAR(a, [&](int i, int j) { return old[j * a.ld + i] + alpha * x(0, 2 * i) * y(0, n - 1 - j); }, 8 * eps<T>());

	WELL(OF(cublasScopy_v2, cublasDcopy_v2)(blas, n, y.p(), 1, z.p(), 1));
	NEAR(z, [&](int, int j) { return y(0, j); }, 0);
	WELL(OF(cublasSaxpy_v2, cublasDaxpy_v2)(blas, n, &alpha, x.p(), 2, z.p(), 1));
	NEAR(z, [&](int, int j) { return y(0, j) + alpha * x(0, 2 * j); }, 4 * eps<T>());
	auto before = z.copy();
	WELL(OF(cublasSscal_v2, cublasDscal_v2)(blas, n, &alpha, z.p(), 1));
	NEAR(z, [&](int, int j) { return alpha * before[j]; }, 4 * eps<T>());

	/* results on the host need no synchronisation of the caller's */
	T want = 0, norm = 0;
	int largest = 0, index;
	for (int j = 0; j < n; j++) {
		want += x(0, 2 * j) * y(0, j);
		norm = std::hypot(norm, y(0, j));
		if (std::fabs(y(0, j)) > std::fabs(y(0, largest)))
			largest = j;
	}
	EXPECT(!OF(cublasSdot_v2, cublasDdot_v2)(blas, n, x.p(), 2, y.p(), 1, &host) && std::fabs(host - want) < 8 * eps<T>());
	EXPECT(!OF(cublasSnrm2_v2, cublasDnrm2_v2)(blas, n, y.p(), 1, &host) && std::fabs(host - norm) < 8 * eps<T>());
	EXPECT(!OF(cublasIsamax_v2, cublasIdamax_v2)(blas, n, y.p(), 1, &index) && index == largest + 1);

	/* and on the device: nothing is there before the stream has run */
	Memory<T> result(1);
	result[0] = 77;
	WELL(cublasSetPointerMode_v2(blas, 1));
	EXPECT(!OF(cublasSdot_v2, cublasDdot_v2)(blas, n, x.p(), 2, y.p(), 1, result.p()) && result[0] == 77);
	EXPECT(!rz_emu_drain(stream) && std::fabs(result[0] - want) < 8 * eps<T>());
	result[0] = 3;
	before = z.copy();
	EXPECT(!OF(cublasSscal_v2, cublasDscal_v2)(blas, n, result.p(), z.p(), 1));
	result[0] = 4; /* read when the work runs */
	rz_emu_drain(stream);
	NEAR(z, [&](int, int j) { return 4 * before[j]; }, 8 * eps<T>());
	REFUSED(7, "alpha is not in device memory", OF(cublasSscal_v2, cublasDscal_v2)(blas, n, &host, z.p(), 1));
	WELL(cublasSetPointerMode_v2(blas, 0));
}

#if EMU_CUDA >= 12000
static void test_wide()
{
	Mat<double> a(3, 3), b(3, 3), c(3, 3, false);
	double one = 1, zero = 0;
	WELL(cublasDgemm_v2_64(blas, 0, 0, 3, 3, 3, &one, a.p(), a.ld, b.p(), b.ld, &zero, c.p(), c.ld));
	NEAR(c, [&](int i, int j) { return inner(3, [&](int l) { return a(i, l); }, [&](int l) { return b(l, j); }); }, 10 * eps<double>());
}
#endif

/* A product whose inputs lose bits: 1+2⁻¹¹ is kept by float, by neither of the
 * others; 1+2⁻⁹ is lost by bfloat16 alone. */
static void test_precision()
{
	Mat<float> a(1, 1), b(1, 1), c(1, 1);
	float one = 1, zero = 0, fine = 1 + 0x1p-11f, coarse = 1 + 0x1p-9f;
	b(0, 0) = 1;
	auto product_of = [&](float x, int compute) {
		a(0, 0) = x;
		WELL(cublasGemmEx(blas, 0, 0, 1, 1, 1, &one, a.p(), 0, 1, b.p(), 0, 1, &zero, c.p(), 0, 1, compute, -1));
		return c(0, 0);
	};
	EXPECT(product_of(fine, 68) == fine && product_of(fine, 77) == 1 && product_of(fine, 74) == 1 && product_of(fine, 75) == 1);
	EXPECT(product_of(coarse, 77) == coarse && product_of(coarse, 74) == coarse && product_of(coarse, 75) == 1);
	EXPECT(product_of(1e6f, 74) == INFINITY && product_of(1e6f, 75) > 9e5f);
	auto plain = [&](float x) {
		a(0, 0) = x;
		WELL(cublasSgemm_v2(blas, 0, 0, 1, 1, 1, &one, a.p(), 1, b.p(), 1, &zero, c.p(), 1));
		return c(0, 0);
	};
	EXPECT(plain(fine) == fine);
	WELL(cublasSetMathMode(blas, 3));
	EXPECT(plain(fine) == 1 && product_of(fine, 68) == 1 && product_of(fine, 69) == fine);
	WELL(cublasSetMathMode(blas, 0));
	EXPECT(plain(fine) == fine);
	REFUSED(7, "mode", cublasSetMathMode(blas, 5));

	/* half precision storage: the same product by way of float */
	const int m = 3, n = 2, k = 4;
	for (int type : {2, 14}) {
		Memory<uint16_t> x(m * k), y(k * n), z(m * n);
		auto pack = [&](double v) { return type == 2 ? numbers::pack_f16(float(v)) : numbers::pack_bf16(float(v)); };
		auto value = [&](uint16_t v) { return double(type == 2 ? numbers::unpack_f16(v) : numbers::unpack_bf16(v)); };
		for (int i = 0; i < m * k; i++)
			x[i] = pack(uniform());
		for (int i = 0; i < k * n; i++)
			y[i] = pack(uniform());
		Mat<float> out(m, n, false, 0);
		WELL(cublasGemmEx(blas, 0, 0, m, n, k, &one, x.p(), type, m, y.p(), type, k, &zero, out.p(), 0, m, 68, -1));
		auto sum = [&](int i, int j) { return inner(k, [&](int l) { return value(x[l * m + i]); }, [&](int l) { return value(y[j * k + l]); }); };
		NEAR(out, sum, 10 * eps<float>());
		WELL(cublasGemmStridedBatchedEx(blas, 0, 0, m, n, k, &one, x.p(), type, m, 0, y.p(), type, k, 0, &zero, z.p(), type, m, 0, 1, 68, -1));
		for (int i = 0; i < m * n; i++)
			EXPECT(std::fabs(value(z[i]) - sum(i % m, i / m)) < (type == 2 ? 0x1p-9 : 0x1p-6));
	}
	double d = 1;
	Mat<double> p(2, 2), q(2, 2), r(2, 2);
	WELL(cublasGemmEx(blas, 0, 1, 2, 2, 2, &d, p.p(), 1, p.ld, q.p(), 1, q.ld, &d, r.p(), 1, r.ld, 70, -1));
	REFUSED(15, "data types", cublasGemmEx(blas, 0, 0, 2, 2, 2, &d, p.p(), 1, p.ld, q.p(), 1, q.ld, &d, r.p(), 1, r.ld, 68, -1));
	REFUSED(15, "data types", cublasGemmEx(blas, 0, 0, 2, 2, 2, &d, p.p(), 0, p.ld, q.p(), 2, q.ld, &d, r.p(), 0, r.ld, 68, -1));
}

/* Every half is unpacked and packed again; ties go to the even neighbour. */
static void test_numbers()
{
	for (int h = 0; h < 1 << 16; h++) {
		bool nan16 = (h & 0x7C00) == 0x7C00 && h & 0x3FF, nan_b = (h & 0x7F80) == 0x7F80 && h & 0x7F;
		EXPECT(nan16 ? std::isnan(numbers::unpack_f16(h)) : numbers::pack_f16(numbers::unpack_f16(h)) == h, "%x", h);
		EXPECT(nan_b ? std::isnan(numbers::unpack_bf16(h)) : numbers::pack_bf16(numbers::unpack_bf16(h)) == h, "%x", h);
	}
	EXPECT(numbers::to_tf32(1 + 0x1p-11f) == 1 && numbers::to_tf32(1 + 0x3p-11f) == 1 + 0x1p-9f && numbers::to_tf32(INFINITY) == INFINITY);
	EXPECT(numbers::to_f16(65519) == 65504 && std::isinf(numbers::to_f16(65520)) && numbers::to_f16(0x1p-25f) == 0 && numbers::to_f16(0x1.8p-24f) == 0x1p-23f);
}

static void test_workspace()
{
	Memory<char> space(1 << 16);
	WELL(cublasSetWorkspace_v2(blas, space.p(), space.n));
	Mat<float> x(1, 4, true, 0);
	float two = 2;
	space[0] = 1;
	WELL(cublasSscal_v2(blas, 4, &two, x.p(), 1));
	EXPECT(space[0] == char(0xFF)); /* the library's while a call runs */
	REFUSED(7, "workspace and x overlap", cublasSscal_v2(blas, 4, &two, reinterpret_cast<float *>(space.p()), 1));
	WELL(cublasSetStream_v2(blas, stream)); /* gives the workspace up */
	WELL(cublasSscal_v2(blas, 4, &two, reinterpret_cast<float *>(space.p()), 1));
	REFUSED(7, "256", cublasSetWorkspace_v2(blas, space.p() + 8, 1024));
	REFUSED(7, "not in device memory", cublasSetWorkspace_v2(blas, space.p(), space.n + 1));
}

static void test_handles()
{
	Mat<float> x(1, 4, true, 0);
	float two = 2;
	void *other, *was;
	auto leaks = [](const char *what) { return std::string(rz_emu_ctl("report")).find(what) != std::string::npos; };
	WELL(cublasCreate_v2(&other));
	EXPECT(leaks("leak: 2 cuBLAS handles"));
	WELL(cublasDestroy_v2(other));
	EXPECT(leaks("leak: 1 cuBLAS handles"));
	EXPECT(cublasDestroy_v2(other) == 1);
	REFUSED(1, "handle", cublasSscal_v2(other, 4, &two, x.p(), 1));
	REFUSED(1, "handle", cublasSscal_v2(nullptr, 4, &two, x.p(), 1));
	cuCtxPopCurrent_v2(&was);
	REFUSED(14, "context", cublasSscal_v2(blas, 4, &two, x.p(), 1));
	REFUSED(1, "context", cublasCreate_v2(&other));
	cuCtxPushCurrent_v2(was);

	/* memory freed in stream order is there for the work before the call,
	 * not for a call after it */
	uint64_t address;
	cuMemAllocAsync(&address, 16, stream);
	EXPECT(!cublasSscal_v2(blas, 4, &two, reinterpret_cast<float *>(address), 1));
	cuMemFreeAsync(address, stream);
	REFUSED(7, "x is not in device memory", cublasSscal_v2(blas, 4, &two, reinterpret_cast<float *>(address), 1));
	rz_emu_drain(stream);
	EXPECT(broken().empty());
}

static void test_faults()
{
	configure("cublasCreate_v2:1=1;cublasSscal_v2:2=13;cublasSscal_v2:4=719!");
	float two = 2;
	EXPECT(cublasCreate_v2(&blas) == 1);
	WELL(cublasCreate_v2(&blas));
	WELL(cublasSetStream_v2(blas, stream));
	Mat<float> x(1, 4, true, 0);
	float first = x(0, 0);
	WELL(cublasSscal_v2(blas, 4, &two, x.p(), 1));
	EXPECT(cublasSscal_v2(blas, 4, &two, x.p(), 1) == 13);
	WELL(cublasSscal_v2(blas, 4, &two, x.p(), 1));
	EXPECT(x(0, 0) == 4 * first);
	EXPECT(cublasSscal_v2(blas, 4, &two, x.p(), 1) == 13 && cuCtxSynchronize() == 719); /* the device is lost */
	EXPECT(cublasSscal_v2(blas, 4, &two, x.p(), 1) == 13);
	EXPECT(broken().empty());
}

template <class T> void test()
{
	test_gemm<T>();
	test_gemm_batched<T>();
	test_symmetric<T>();
	test_triangular<T>();
	test_geam_dgmm<T>();
	test_vectors<T>();
}

int main()
{
	configure("");
	WELL(cublasCreate_v2(&blas));
	WELL(cublasSetStream_v2(blas, stream));
	int version, major;
	EXPECT(!cublasGetVersion_v2(blas, &version) && !cublasGetProperty(0, &major) && version / 10000 == major && major == EMU_CUDA / 1000);
	test<float>();
	test<double>();
#if EMU_CUDA >= 12000
	test_wide();
#endif
	test_precision();
	test_numbers();
	test_workspace();
	test_handles();
	test_faults();
	return finish("cuBLAS");
}
