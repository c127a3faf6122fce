//go:build ignore

/* A stand-in for cuBLASLt on the emulated device:
 * g++ -std=c++17 -O2 -shared -fPIC -fvisibility=hidden -DEMU_CUDA=12040
 *     -Wl,-soname,libcublasLt.so.12 cublaslt.cc -o libcublasLt.so.12 -lopenblas -ldl */
#include "contract.h"
#include "product.h"

using namespace emu;

namespace {

/* cublasStatus_t */
const Codes codes = {1, 7, 13, 14, 15};

struct Lt : Handle {
	static constexpr auto kind = "cuBLASLt handles";
};

struct Desc {
	static constexpr auto kind = "descriptors of products";
	int compute, scale;
	int pointer_mode = 0;
	int ta = 0, tb = 0;
	int fill = 2; /* CUBLAS_FILL_MODE_FULL */
	int epilogue = 1;
};

struct Layout {
	static constexpr auto kind = "layouts of matrices";
	int type;
	uint64_t rows, cols;
	int64_t ld;
	int row_major = 0;
	int batch = 1;
	int64_t stride = 0;
};

struct Preference {
	static constexpr auto kind = "preferences for products";
	uint64_t workspace = 0;
	uint32_t alignment[4] = {256, 256, 256, 256}; /* A, B, C, D */
};

/* cublasLtMatmulAlgo_t and cublasLtMatmulHeuristicResult_t */
struct Algo {
	uint64_t mark, workspace;
	uint32_t alignment[4];
	uint64_t unused[4];
};
struct Result {
	Algo algo;
	size_t workspace;
	int status;
	float waves;
	int reserved[4];
};
static_assert(sizeof(Algo) == 64 && sizeof(Result) == 96);

const uint64_t mark = 0x4C744D61746D756C;

/* set copies an attribute of exactly the size of its field. */
template <class F> int set(F &field, const void *value, size_t size)
{
	if (!value || size != sizeof field)
		return codes.invalid;
	memcpy(&field, value, size);
	return 0;
}

/* fits checks a problem: types, shapes and what the library does not do. */
int fits(const Desc &d, const Layout &a, const Layout &b, const Layout &c, const Layout &to)
{
	uint64_t m = d.ta ? a.cols : a.rows, k = d.ta ? a.rows : a.cols, n = d.tb ? b.rows : b.cols;
	if ((d.tb ? b.cols : b.rows) != k || c.rows != m || c.cols != n || to.rows != m || to.cols != n)
		return codes.invalid;
	if (a.batch != to.batch || b.batch != to.batch || c.batch != to.batch)
		return codes.invalid;
	bool known = product::known(d.compute, a.type, b.type, to.type) && c.type == to.type && d.scale == product::scale(d.compute);
	return known && d.scale != numbers::F16 && d.fill == 2 && d.epilogue == 1 ? 0 : codes.unsupported;
}

product::Operand operand(const void *p, const Layout &l, bool transposed)
{
	return {p, l.type, transposed != (l.row_major != 0), l.ld, l.stride};
}

void region(Call &c, const char *what, const void *p, const Layout &l, bool written)
{
	int64_t m = l.row_major ? l.cols : l.rows, n = l.row_major ? l.rows : l.cols;
	if (written)
		c.out(what, p, numbers::size(l.type), m, n, l.ld, l.stride, l.batch);
	else
		c.in(what, p, numbers::size(l.type), m, n, l.ld, l.stride, l.batch);
}

template <class T> std::function<double()> scalar(Call &c, const char *what, const Desc &d, const void *p)
{
	auto *q = static_cast<const T *>(p);
	if (d.pointer_mode) {
		c.in(what, q, sizeof(T), 1, 1);
		return [q] { return double(*q); };
	}
	T value = c.host(what, q) ? *q : T(0);
	return [value] { return double(value); };
}

} // namespace

EXPORT size_t cublasLtGetVersion(void) { return EMU_CUDA < 12000 ? 111103 : EMU_CUDA / 1000 * 10000 + EMU_CUDA % 1000 * 10; }

EXPORT int cublasLtCreate(void **lt)
{
	if (!lt)
		return codes.invalid;
	if (!driver())
		return codes.uninitialised;
	if (int fault = driver()->fault("cublasLtCreate"))
		return fault;
	auto *h = new Lt;
	if (!(h->context = driver()->context())) {
		report("cublasLtCreate: no context is current");
		delete h;
		return codes.uninitialised;
	}
	*lt = registry<Lt>().add(h);
	return 0;
}

EXPORT int cublasLtDestroy(void *lt) { return registry<Lt>().remove(lt) ? 0 : codes.uninitialised; }

EXPORT int cublasLtMatmulDescCreate(void **desc, int compute, int scale)
{
	if (!desc)
		return codes.invalid;
	auto *d = new Desc;
	d->compute = compute;
	d->scale = scale;
	*desc = registry<Desc>().add(d);
	return 0;
}

EXPORT int cublasLtMatmulDescDestroy(void *desc) { return registry<Desc>().remove(desc) ? 0 : codes.invalid; }

EXPORT int cublasLtMatmulDescSetAttribute(void *desc, int attribute, const void *value, size_t size)
{
	Desc *d = registry<Desc>().find(desc);
	if (!d)
		return codes.invalid;
	switch (attribute) {
	case 2: return set(d->pointer_mode, value, size);
	case 3: return set(d->ta, value, size);
	case 4: return set(d->tb, value, size);
	case 6: return set(d->fill, value, size);
	case 7: return set(d->epilogue, value, size);
	}
	return codes.invalid;
}

EXPORT int cublasLtMatrixLayoutCreate(void **layout, int type, uint64_t rows, uint64_t cols, int64_t ld)
{
	if (!layout || !numbers::size(type))
		return codes.invalid;
	auto *l = new Layout;
	l->type = type;
	l->rows = rows;
	l->cols = cols;
	l->ld = ld;
	*layout = registry<Layout>().add(l);
	return 0;
}

EXPORT int cublasLtMatrixLayoutDestroy(void *layout) { return registry<Layout>().remove(layout) ? 0 : codes.invalid; }

EXPORT int cublasLtMatrixLayoutSetAttribute(void *layout, int attribute, const void *value, size_t size)
{
	Layout *l = registry<Layout>().find(layout);
	if (!l)
		return codes.invalid;
	switch (attribute) {
	case 1: return set(l->row_major, value, size);
	case 5: return set(l->batch, value, size);
	case 6: return set(l->stride, value, size);
	}
	return codes.invalid;
}

EXPORT int cublasLtMatmulPreferenceCreate(void **preference)
{
	if (!preference)
		return codes.invalid;
	*preference = registry<Preference>().add(new Preference);
	return 0;
}

EXPORT int cublasLtMatmulPreferenceDestroy(void *preference) { return registry<Preference>().remove(preference) ? 0 : codes.invalid; }

EXPORT int cublasLtMatmulPreferenceSetAttribute(void *preference, int attribute, const void *value, size_t size)
{
	Preference *p = registry<Preference>().find(preference);
	if (!p)
		return codes.invalid;
	if (attribute == 1)
		return set(p->workspace, value, size);
	if (attribute >= 5 && attribute <= 8)
		return set(p->alignment[attribute - 5], value, size);
	return codes.invalid;
}

/* One algorithm at most. It wants the workspace that the preference allows,
 * and pointers as aligned as the preference promises. */
EXPORT int cublasLtMatmulAlgoGetHeuristic(void *lt, void *desc, void *a, void *b, void *c, void *d, void *preference, int want, void *results,
	int *got)
{
	Desc *op = registry<Desc>().find(desc);
	Layout *la = registry<Layout>().find(a), *lb = registry<Layout>().find(b), *lc = registry<Layout>().find(c), *ld = registry<Layout>().find(d);
	Preference *p = registry<Preference>().find(preference);
	if (!registry<Lt>().find(lt))
		return codes.uninitialised;
	if (!op || !la || !lb || !lc || !ld || !p || want < 1 || !results || !got)
		return codes.invalid;
	*got = 0;
	if (int fault = driver()->fault("cublasLtMatmulAlgoGetHeuristic"))
		return fault;
	if (int status = fits(*op, *la, *lb, *lc, *ld))
		return status;
	Result r = {};
	r.algo.mark = mark;
	r.algo.workspace = r.workspace = p->workspace;
	memcpy(r.algo.alignment, p->alignment, sizeof p->alignment);
	r.waves = 1;
	memcpy(results, &r, sizeof r);
	*got = 1;
	return 0;
}

/* D = α·op(A)·op(B) + β·C; D may be C. */
EXPORT int cublasLtMatmul(void *lt, void *desc, const void *alpha, const void *a, void *desc_a, const void *b, void *desc_b, const void *beta,
	const void *c, void *desc_c, void *d, void *desc_d, const void *algo, void *workspace, size_t bytes, void *stream)
{
	Lt *h = registry<Lt>().find(lt);
	Call call(codes, "cublasLtMatmul", h);
	Desc *op = registry<Desc>().find(desc);
	Layout *la = registry<Layout>().find(desc_a), *lb = registry<Layout>().find(desc_b);
	Layout *lc = registry<Layout>().find(desc_c), *ld = registry<Layout>().find(desc_d);
	if (!call.require(op && la && lb && lc && ld, "a descriptor is not one"))
		return call.status();
	int problem = fits(*op, *la, *lb, *lc, *ld);
	call.require(problem != codes.invalid, "the shapes do not fit");
	call.supported(!problem, "the types or the options are not supported");
	size_t used = 0;
	if (algo) {
		Algo x;
		memcpy(&x, algo, sizeof x);
		call.require(x.mark == mark, "the algorithm does not come from the heuristic");
		call.require(bytes >= x.workspace, "the workspace is smaller than the algorithm's");
		const void *pointers[4] = {a, b, c, d};
		for (int i = 0; i < 4 && call.ok(); i++)
			call.require(!x.alignment[i] || reinterpret_cast<uint64_t>(pointers[i]) % x.alignment[i] == 0,
				"a matrix is less aligned than was promised to the heuristic");
		used = x.workspace;
	}
	if (!call.ok())
		return call.status();
	bool wide = op->scale == numbers::F64;
	auto al = wide ? scalar<double>(call, "alpha", *op, alpha) : scalar<float>(call, "alpha", *op, alpha);
	auto be = wide ? scalar<double>(call, "beta", *op, beta) : scalar<float>(call, "beta", *op, beta);
	region(call, "A", a, *la, false);
	region(call, "B", b, *lb, false);
	if (used)
		call.out("the workspace", workspace, 1, used, 1, used);
	if (c)
		region(call, "C", c, *lc, false);
	else
		call.require(!op->pointer_mode && be() == 0, "C is NULL");
	call.may_alias("C");
	region(call, "D", d, *ld, true);
	if (!call.ok())
		return call.status();
	int compute = op->compute, batch = ld->batch;
	int64_t m = ld->rows, n = ld->cols, k = op->ta ? la->rows : la->cols;
	auto x = operand(a, *la, op->ta != 0), y = operand(b, *lb, op->tb != 0), z = operand(c, *lc, false), to = operand(d, *ld, false);
	h->stream = stream;
	return call.run([=] {
		if (used)
			memset(workspace, 0xFF, used < 4096 ? used : 4096);
		for (int64_t i = 0; i < batch; i++)
			if (wide)
				product::gemm<double>(compute, m, n, k, al(), x, y, be(), z, to, i);
			else
				product::gemm<float>(compute, m, n, k, float(al()), x, y, float(be()), z, to, i);
	});
}
