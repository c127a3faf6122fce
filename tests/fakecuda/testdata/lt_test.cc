/* The stand-in of cuBLASLt against plain loops, and its rules. */
#include "declare.h"

#include "../cublaslt.cc"

#include "check.h"

static void *lt;

/* One product D = α·op(A)·op(B) + β·C of float matrices. */
struct Problem {
	void *desc, *a, *b, *c, *d, *preference;
	int compute;

	Problem(int m, int n, int k, bool ta, bool tb, int lda, int ldb, int ldc, int ldd, int compute = 68) : compute(compute)
	{
		int t = 1;
		EXPECT(!cublasLtMatmulDescCreate(&desc, compute, 0));
		if (ta)
			EXPECT(!cublasLtMatmulDescSetAttribute(desc, 3, &t, sizeof t));
		if (tb)
			EXPECT(!cublasLtMatmulDescSetAttribute(desc, 4, &t, sizeof t));
		EXPECT(!cublasLtMatrixLayoutCreate(&a, 0, ta ? k : m, ta ? m : k, lda));
		EXPECT(!cublasLtMatrixLayoutCreate(&b, 0, tb ? n : k, tb ? k : n, ldb));
		EXPECT(!cublasLtMatrixLayoutCreate(&c, 0, m, n, ldc));
		EXPECT(!cublasLtMatrixLayoutCreate(&d, 0, m, n, ldd));
		EXPECT(!cublasLtMatmulPreferenceCreate(&preference));
	}
	~Problem()
	{
		EXPECT(!cublasLtMatmulDescDestroy(desc) && !cublasLtMatmulPreferenceDestroy(preference));
		for (void *l : {a, b, c, d})
			EXPECT(!cublasLtMatrixLayoutDestroy(l));
	}
	int run(const float *alpha, const void *pa, const void *pb, const float *beta, const void *pc, void *pd, const void *algo = nullptr,
		void *space = nullptr, size_t bytes = 0)
	{
		return cublasLtMatmul(lt, desc, alpha, pa, a, pb, b, beta, pc, c, pd, d, algo, space, bytes, stream);
	}
};

static void test_product()
{
	const int m = 4, n = 3, k = 5;
	float alpha = 1.5f, beta = 0.5f, zero = 0;
	for (int ta = 0; ta < 2; ta++)
		for (int tb = 0; tb < 2; tb++) {
			Mat<float> a(ta ? k : m, ta ? m : k), b(tb ? n : k, tb ? k : n), c(m, n, true, 1), d(m, n, false);
			Problem p(m, n, k, ta, tb, a.ld, b.ld, c.ld, d.ld);
			auto sum = [&](int i, int j) { return inner(k, [&](int l) { return a.op(ta, i, l); }, [&](int l) { return b.op(tb, l, j); }); };
			WELL(p.run(&alpha, a.p(), b.p(), &beta, c.p(), d.p()));
			NEAR(d, [&](int i, int j) { return alpha * sum(i, j) + beta * c(i, j); }, 20 * eps<float>());
			WELL(p.run(&alpha, a.p(), b.p(), &zero, nullptr, d.p()));
			NEAR(d, [&](int i, int j) { return alpha * sum(i, j); }, 20 * eps<float>());
			REFUSED(7, "C is NULL", p.run(&alpha, a.p(), b.p(), &beta, nullptr, d.p()));
		}
	Mat<float> a(m, k), b(k, n), c(m, n);
	auto old = c.copy();
	Problem p(m, n, k, false, false, a.ld, b.ld, c.ld, c.ld);
	WELL(p.run(&alpha, a.p(), b.p(), &beta, c.p(), c.p()));
	NEAR(c, [&](int i, int j) {
		return alpha * inner(k, [&](int l) { return a(i, l); }, [&](int l) { return b(l, j); }) + beta * old[j * c.ld + i];
	}, 20 * eps<float>());
	Problem wrong(m, n, k + 1, false, false, a.ld, b.ld + 1, c.ld, c.ld);
	void *layout = wrong.a;
	wrong.a = p.a;
	REFUSED(7, "shapes", wrong.run(&alpha, a.p(), b.p(), &zero, c.p(), c.p()));
	wrong.a = layout;
	int fill = 0;
	EXPECT(!cublasLtMatmulDescSetAttribute(p.desc, 6, &fill, sizeof fill));
	REFUSED(15, "not supported", p.run(&alpha, a.p(), b.p(), &beta, c.p(), c.p()));
	EXPECT(cublasLtMatmulDescSetAttribute(p.desc, 6, &fill, 8) == 7 && cublasLtMatmulDescSetAttribute(p.desc, 99, &fill, 4) == 7);
}

/* A row-major matrix is the transpose of a column-major one. */
static void test_row_major()
{
	const int m = 2, n = 3, k = 4, row = 1;
	float one = 1, zero = 0;
	Mat<float> a(k, m), b(n, k), d(n, m, false); /* row-major A (m×k), B (k×n), D (m×n) */
	Problem p(m, n, k, false, false, a.ld, b.ld, d.ld, d.ld);
	for (void *l : {p.a, p.b, p.c, p.d})
		EXPECT(!cublasLtMatrixLayoutSetAttribute(l, 1, &row, sizeof row));
	WELL(p.run(&one, a.p(), b.p(), &zero, d.p(), d.p()));
	NEAR(d, [&](int j, int i) { return inner(k, [&](int l) { return a(l, i); }, [&](int l) { return b(j, l); }); }, 20 * eps<float>());
}

static void test_batch()
{
	const int m = 2, n = 2, k = 3, batch = 2;
	int64_t sa = m * k, sb = 0, sd = m * n;
	float one = 1, zero = 0;
	Mat<float> a(m, k * batch, true, 0), b(k, n, true, 0), d(m, n * batch, false, 0);
	Problem p(m, n, k, false, false, m, k, m, m);
	for (auto l : {std::pair(p.a, sa), std::pair(p.b, sb), std::pair(p.c, sd), std::pair(p.d, sd)})
		EXPECT(!cublasLtMatrixLayoutSetAttribute(l.first, 5, &batch, sizeof batch) && !cublasLtMatrixLayoutSetAttribute(l.first, 6, &l.second, sizeof l.second));
	WELL(p.run(&one, a.p(), b.p(), &zero, d.p(), d.p()));
	NEAR(d, [&](int i, int j) { return inner(k, [&](int l) { return a(i, j / n * k + l); }, [&](int l) { return b(l, j % n); }); }, 20 * eps<float>());
}

static void test_heuristic()
{
	const int n = 4;
	float one = 1, zero = 0;
	Mat<float> a(n, n, true, 0), b(n, n, true, 0), d(n, n, false, 0);
	Problem p(n, n, n, false, false, n, n, n, n, 77);
	uint64_t allowed = 1024;
	EXPECT(!cublasLtMatmulPreferenceSetAttribute(p.preference, 1, &allowed, sizeof allowed));
	Result r[3];
	int got = 0;
	WELL(cublasLtMatmulAlgoGetHeuristic(lt, p.desc, p.a, p.b, p.c, p.d, p.preference, 3, r, &got));
	EXPECT(got == 1 && r[0].workspace == allowed && r[0].status == 0);
	Memory<char> space(allowed);
	WELL(p.run(&one, a.p(), b.p(), &zero, d.p(), d.p(), &r[0].algo, space.p(), allowed));
	NEAR(d, [&](int i, int j) {
		return inner(n, [&](int l) { return numbers::to_tf32(a(i, l)); }, [&](int l) { return numbers::to_tf32(b(l, j)); });
	}, 20 * eps<float>());
	REFUSED(7, "workspace is smaller", p.run(&one, a.p(), b.p(), &zero, d.p(), d.p(), &r[0].algo, space.p(), allowed - 1));
	REFUSED(7, "workspace is NULL", p.run(&one, a.p(), b.p(), &zero, d.p(), d.p(), &r[0].algo, nullptr, allowed));
	Memory<float> more(n * n + 64);
	REFUSED(7, "less aligned", p.run(&one, more.p() + 4, b.p(), &zero, d.p(), d.p(), &r[0].algo, space.p(), allowed));
	uint32_t promise = 16;
	EXPECT(!cublasLtMatmulPreferenceSetAttribute(p.preference, 5, &promise, sizeof promise));
	WELL(cublasLtMatmulAlgoGetHeuristic(lt, p.desc, p.a, p.b, p.c, p.d, p.preference, 1, r, &got));
	WELL(p.run(&one, more.p() + 4, b.p(), &zero, d.p(), d.p(), &r[0].algo, space.p(), allowed));
	Algo foreign = {};
	REFUSED(7, "heuristic", p.run(&one, a.p(), b.p(), &zero, d.p(), d.p(), &foreign, space.p(), allowed));
}

static void test_handle()
{
	void *other;
	EXPECT(cublasLtGetVersion() / 10000 == EMU_CUDA / 1000);
	WELL(cublasLtCreate(&other));
	WELL(cublasLtDestroy(other));
	Mat<float> a(2, 2);
	float one = 1;
	Problem p(2, 2, 2, false, false, a.ld, a.ld, a.ld, a.ld);
	std::swap(lt, other);
	REFUSED(1, "handle", p.run(&one, a.p(), a.p(), &one, a.p(), a.p()));
	std::swap(lt, other);
	Mat<float> c(2, 2);
	REFUSED(7, "A and D overlap", p.run(&one, a.p(), c.p(), &one, c.p(), a.p()));
}

int main()
{
	configure("");
	WELL(cublasLtCreate(&lt));
	test_product();
	test_row_major();
	test_batch();
	test_heuristic();
	test_handle();
	return finish("cuBLASLt");
}
