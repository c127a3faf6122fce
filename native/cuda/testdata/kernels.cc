// Every kernel against a plain loop, in every layout of harness.h.
#include "harness.h"

#include "elementwise.cu"
#include "halves.cu"
#include "jacobi.cu"
#include "minimum.cu"
#include "narrow.cu"
#include "plan.cu"
#include "points.cu"
#include "powers.cu"
#include "random.cu"
#include "reduce.cu"
#include "sinkhorn.cu"
#include "softmin.cu"
#include "sparse.cu"
#include "step.cu"
#include "tangent.cu"
#include "triangle.cu"

#include <cstdlib>
#include <string>

// KERNEL(name)<T>() is the kernel for the element type.
#define KERNEL(name)                                     \
	template <class T> static auto name##_kernel()   \
	{                                                \
		if constexpr (sizeof(T) == 4)            \
			return ritz_##name##_f32;        \
		else                                     \
			return ritz_##name##_f64;        \
	}
KERNEL(fill)
KERNEL(copy)
KERNEL(add)
KERNEL(add_diag)
KERNEL(map)
KERNEL(mul)
KERNEL(div)
KERNEL(scale_by)
KERNEL(add_by)
KERNEL(finite)
KERNEL(reduce_rows)
KERNEL(reduce_cols)
KERNEL(reduce_whole)
KERNEL(reduce_final)
KERNEL(reduce_strips)
KERNEL(reduce_pieces)
KERNEL(recast)
KERNEL(min_rows)
KERNEL(min_cols)
KERNEL(plan_scales)
KERNEL(plan_rows)
KERNEL(plan_sums)
KERNEL(tangent_forward)
KERNEL(tangent_backward)
KERNEL(softmax_tangent)
KERNEL(mirror)
KERNEL(triangle)
KERNEL(random)
KERNEL(svd_batch)
KERNEL(eigh_batch)
KERNEL(power_sums)
KERNEL(power_final)
KERNEL(sparse_rows)
KERNEL(sparse_segments)
KERNEL(sparse_join)
KERNEL(adam_step)
KERNEL(momentum_step)
KERNEL(softmin_rows)
KERNEL(softmin_cols)
KERNEL(softmin_join)
KERNEL(gibbs)
KERNEL(scaling_rows)
KERNEL(plan_count)
KERNEL(plan_entries)
KERNEL(pairwise_cost)
KERNEL(softmin_points)
KERNEL(point_spread)

typedef long double real;
typedef std::vector<real> reals;

static const i64 shapes[][2] = {{1, 1}, {1, 5}, {5, 1}, {3, 7}, {4, 16}, {33, 65}, {70, 130}, {2, 1500}, {1500, 2}, {9, 1028}};

// want[i,j] = f(i·cols+j, i, j)
template <class F> static reals each(i64 rows, i64 cols, F f)
{
	reals w;
	for (i64 i = 0; i < rows; i++)
		for (i64 j = 0; j < cols; j++)
			w.push_back(f(i * cols + j, i, j));
	return w;
}

template <class T> static dense<T> transposed(i64 rows, i64 cols, const dense<T> &a)
{
	dense<T> t;
	for (i64 j = 0; j < cols; j++)
		for (i64 i = 0; i < rows; i++)
			t.push_back(a[i * cols + j]);
	return t;
}

template <class T> static void fill_and_copy(i64 rows, i64 cols)
{
	dense<T> a = wild<T>(rows * cols, 1);
	auto plain = [&](i64 k, i64, i64) -> real { return a[k]; };
	compare("fill", agreed<T>("fill", [&] {
		matrix<T> m(rows, cols);
		launch(fill_kernel<T>(), (T)2.5, rows, cols, m.p(), m.ld);
		return m.values("fill");
	}), each(rows, cols, [](i64, i64, i64) -> real { return 2.5; }), 0);
	compare("copy", agreed<T>("copy", [&] {
		matrix<T> m(rows, cols, a), n(rows, cols);
		launch(copy_kernel<T>(), rows, cols, m.p(), m.ld, 1, n.p(), n.ld, 1);
		return n.values("copy");
	}), each(rows, cols, plain), 0);
	compare("copy, strided", agreed<T>("copy", [&] {
		matrix<T> m(cols, rows, transposed(rows, cols, a)), n(rows, cols);
		launch(copy_kernel<T>(), rows, cols, m.p(), 1, m.ld, n.p(), n.ld, 1);
		return n.values("copy");
	}), each(rows, cols, plain), 0);
}

template <class T> static void add(i64 rows, i64 cols)
{
	dense<T> a = wild<T>(rows * cols, 1), b = wild<T>(rows * cols, 2), at = transposed(rows, cols, a), bt = transposed(rows, cols, b);
	for (int ta = 0; ta < 2; ta++)
		for (int tb = 0; tb < 2; tb++)
			for (int alias = 0; alias < 3; alias++) { // C is a matrix of its own, A, B
				if ((alias == 1 && ta) || (alias == 2 && tb))
					continue;
				dense<T> got = agreed<T>("add", [&] {
					matrix<T> m = ta ? matrix<T>(cols, rows, at) : matrix<T>(rows, cols, a);
					matrix<T> n = tb ? matrix<T>(cols, rows, bt) : matrix<T>(rows, cols, b);
					matrix<T> own(rows, cols), &c = alias == 1 ? m : alias == 2 ? n : own;
					launch(add_kernel<T>(), ta, 2, m.p(), m.ld, tb, -.5, n.p(), n.ld, rows, cols, c.p(), c.ld);
					return c.values("add");
				});
				reals tolerance = each(rows, cols, [&](i64 k, i64, i64) -> real {
					return std::numeric_limits<T>::epsilon() * (2 * fabsl(a[k]) + fabsl(b[k])); });
				compare("add", got, each(rows, cols, [&](i64 k, i64, i64) -> real { return 2 * (real)a[k] - .5 * (real)b[k]; }), tolerance);
			}
	for (int ta = 0; ta < 2; ta++)
		compare("add of one term", agreed<T>("add", [&] {
			matrix<T> m = ta ? matrix<T>(cols, rows, at) : matrix<T>(rows, cols, a);
			matrix<T> c(rows, cols);
			launch(add_kernel<T>(), ta, 3, m.p(), m.ld, 1, 7, nullptr, 0, rows, cols, c.p(), c.ld);
			return c.values("add");
		}), each(rows, cols, [&](i64 k, i64, i64) -> real { return 3 * (real)a[k]; }), 1);
}

static real relu(real x) { return x < 0 ? 0 : x; }
static real phi(real x) { return expl(-x * x / 2) / sqrtl(2 * acosl(-1)); }
static real Phi(real x) { return erfcl(-x / sqrtl(2)) / 2; }

template <class T> static void map(i64 rows, i64 cols)
{
	struct {
		int f;
		const char *name;
		double units;
		real (*reference)(real);
	} const functions[] = {
		{0, "abs", 0, fabsl},
		{1, "square", 1, [](real x) { return (real)((T)x * (T)x); }},
		{2, "sqrt", .5, sqrtl},
		{3, "inv", .5, [](real x) { return 1 / x; }},
		{4, "exp", 2, expl},
		{5, "log", 2, logl},
		{6, "tanh", 2, tanhl},
		{7, "relu", 0, relu},
		{8, "step", 0, [](real x) -> real { return x > 0 ? 1 : x <= 0 ? 0 : x; }},
		{9, "gelu", 6, [](real x) { return x * Phi(x); }},
		{10, "gelu'", 8, [](real x) { return Phi(x) + x * phi(x); }},
		{11, "gelu''", 8, [](real x) { return (2 - x * x) * phi(x); }},
		{12, "inf to zero", 0, [](real x) -> real { return std::isinf(x) ? 0 : x; }},
		{13, "softplus", 4, [](real x) { return (x > 0 ? x : 0) + log1pl(expl(-fabsl(x))); }},
		{14, "logistic", 4, [](real x) { return x < 0 ? expl(x) / (1 + expl(x)) : 1 / (1 + expl(-x)); }},
		{15, "sin", 4, [](real x) -> real { return fabsl(x) <= 1e9L ? sinl(x) : NAN; }},
		{16, "cos", 4, [](real x) -> real { return fabsl(x) <= 1e9L ? cosl(x) : NAN; }},
		{17, "unknown", 0, [](real) -> real { return NAN; }},
	};
	dense<T> a = wild<T>(rows * cols, 3);
	for (size_t k = 0; k < a.size(); k += 2)
		a[k] *= 12;
	for (const auto &f : functions) {
		dense<T> got = agreed<T>("map", [&] {
			matrix<T> m(rows, cols, a);
			launch(map_kernel<T>(), f.f, rows, cols, m.p(), m.ld, m.p(), m.ld);
			return m.values("map");
		});
		reals tolerance = each(rows, cols, [&](i64 k, i64, i64) -> real {
			real w = fabsl(f.reference(a[k])); // gelu' and gelu'' have zeros
			return f.units * std::numeric_limits<T>::epsilon() * (f.f >= 10 && w < .5 ? .5 : w);
		});
		compare(f.name, got, each(rows, cols, [&](i64 k, i64, i64) -> real { return f.reference(a[k]); }), tolerance);
	}
}

template <class T> static void products(i64 rows, i64 cols)
{
	dense<T> a = wild<T>(rows * cols, 4), b = wild<T>(rows * cols, 5), d = wild<T>(rows > cols ? rows : cols, 6);
	for (size_t k = 0; k < a.size(); k += 7)
		a[k] = b[k] = 0;
	auto pair = [&](const char *name, auto kernel) {
		return agreed<T>(name, [&] {
			matrix<T> m(rows, cols, a), n(rows, cols, b), c(rows, cols);
			launch(kernel, rows, cols, m.p(), m.ld, n.p(), n.ld, c.p(), c.ld);
			return c.values(name);
		});
	};
	compare("mul", pair("mul", mul_kernel<T>()), each(rows, cols, [&](i64 k, i64, i64) -> real { return a[k] * b[k]; }), 0);
	compare("div", pair("div", div_kernel<T>()), each(rows, cols, [&](i64 k, i64, i64) -> real {
		return a[k] == 0 && b[k] == 0 ? 0 : a[k] / b[k]; }), 0);
	for (int axis = 0; axis < 2; axis++) {
		dense<T> v(d.begin(), d.begin() + (axis == 0 ? rows : cols));
		compare("scale_by", agreed<T>("scale_by", [&] {
			matrix<T> m(rows, cols, a), c(rows, cols);
			vec<T> x(v.size(), v);
			launch(scale_by_kernel<T>(), axis, rows, cols, x.p(), x.inc, m.p(), m.ld, c.p(), c.ld);
			return c.values("scale_by");
		}), each(rows, cols, [&](i64 k, i64 i, i64 j) -> real { return v[axis == 0 ? i : j] * a[k]; }), 0);
		compare("add_by", agreed<T>("add_by", [&] {
			matrix<T> m(rows, cols, a);
			vec<T> x(v.size(), v);
			launch(add_by_kernel<T>(), axis, (T).5, rows, cols, x.p(), x.inc, m.p(), m.ld, m.p(), m.ld);
			return m.values("add_by");
		}), each(rows, cols, [&](i64 k, i64 i, i64 j) -> real { return a[k] + (T).5 * v[axis == 0 ? i : j]; }), 0);
	}
}

// The reductions of goapi/device, element by element.
static real initial(int r) { return r == 3 ? -INFINITY : r == 4 ? INFINITY : 0; }
static real join(int r, real s, real v)
{
	if (r == 3 || r == 5)
		return v > s || v != v ? v : s;
	if (r == 4)
		return v < s || v != v ? v : s;
	return s + v;
}
static real term(int r, real v) { return r == 1 ? v * v : r == 2 || r == 5 ? fabsl(v) : v; }

template <class T> static void reduce(i64 rows, i64 cols, bool with_wild)
{
	dense<T> a = with_wild ? wild<T>(rows * cols, 7) : numbers<T>(rows * cols, 7), b = numbers<T>(rows * cols, 8);
	for (int r = 0; r < 7; r++) { // 6 is the dot product
		bool dot = r == 6;
		reals by_row(rows, initial(r)), by_col(cols, initial(r)), whole(1, initial(r));
		reals row_size(rows, 0), col_size(cols, 0), whole_size(1, 0);
		for (i64 i = 0; i < rows; i++)
			for (i64 j = 0; j < cols; j++) {
				real v = dot ? (real)a[i * cols + j] * b[i * cols + j] : term(r, a[i * cols + j]);
				by_row[i] = join(r, by_row[i], v), row_size[i] += fabsl(v);
				by_col[j] = join(r, by_col[j], v), col_size[j] += fabsl(v);
				whole[0] = join(r, whole[0], v), whole_size[0] += fabsl(v);
			}
		// Sums in double round only once for float; n·2⁻⁵³ bounds the rest.
		auto tolerance = [&](const reals &want, const reals &size, i64 n) {
			reals t;
			for (size_t k = 0; k < want.size(); k++)
				t.push_back(std::numeric_limits<T>::epsilon() * fabsl(want[k]) + n * 0x1p-53 * size[k]);
			return t;
		};
		auto line = [&](const char *name, auto kernel, i64 n) {
			return agreed<T>(name, [&] {
				matrix<T> m(rows, cols, a), y(rows, cols, b);
				vec<T> out(n);
				launch(kernel, dot ? 0 : r, rows, cols, m.p(), m.ld, dot ? y.p() : nullptr, dot ? y.ld : 0, out.p(), out.inc);
				return out.values(name);
			});
		};
		compare("reduce_rows", line("reduce_rows", reduce_rows_kernel<T>(), rows), by_row, tolerance(by_row, row_size, cols));
		compare("reduce_cols", line("reduce_cols", reduce_cols_kernel<T>(), cols), by_col, tolerance(by_col, col_size, rows));
		for (i64 height : {rows, 1 + rows / 3})
			compare("reduce_strips", agreed<T>("reduce_strips", [&] {
				i64 pieces = (rows + height - 1) / height;
				matrix<T> m(rows, cols, a), y(rows, cols, b);
				vec<T> out(cols);
				std::vector<double> partial(pieces * cols + 1, 12345.5);
				launch(reduce_strips_kernel<T>(), dot ? 0 : r, rows, cols, m.p(), m.ld, dot ? y.p() : nullptr, dot ? y.ld : 0, height,
					partial.data());
				if (partial.back() != 12345.5)
					FAIL("reduce_strips: wrote beyond the partial results");
				launch(reduce_pieces_kernel<T>(), dot ? 0 : r, pieces, cols, partial.data(), cols, 0, out.p(), out.inc);
				return out.values("reduce_pieces");
			}), by_col, tolerance(by_col, col_size, rows));
		for (int blocks : {1, 4}) {
			compare("reduce_whole", agreed<T>("reduce_whole", [&] {
				matrix<T> m(rows, cols, a), y(rows, cols, b);
				std::vector<double> partial(blocks, NAN);
				layout fixed = *current;
				fixed.blocks = blocks; // the order of the sums depends on it
				const layout *outer = current;
				current = &fixed;
				launch(reduce_whole_kernel<T>(), dot ? 0 : r, rows, cols, m.p(), m.ld, dot ? y.p() : nullptr, dot ? y.ld : 0, partial.data());
				current = outer;
				dense<T> out(1, NAN);
				launch(reduce_final_kernel<T>(), dot ? 0 : r, blocks, partial.data(), out.data());
				return out;
			}), whole, tolerance(whole, whole_size, rows * cols));
		}
	}
}

template <class T> static void nothing()
{
	for (int r = 0; r < 6; r++) {
		reals three(3, initial(r));
		compare("reduce_rows of no columns", agreed<T>("reduce_rows", [&] {
			vec<T> out(3);
			launch(reduce_rows_kernel<T>(), r, 3, 0, nullptr, 1, nullptr, 0, out.p(), out.inc);
			return out.values("reduce_rows");
		}), three, 0);
		compare("reduce_cols of no rows", agreed<T>("reduce_cols", [&] {
			vec<T> out(3);
			launch(reduce_cols_kernel<T>(), r, 0, 3, nullptr, 3, nullptr, 0, out.p(), out.inc);
			return out.values("reduce_cols");
		}), three, 0);
	}
	// Kernels on empty matrices write nothing.
	T guard = 5;
	launch(fill_kernel<T>(), (T)1, 0, 4, &guard, 4);
	launch(fill_kernel<T>(), (T)1, 4, 0, &guard, 1);
	launch(random_kernel<T>(), 0, 1, 1, 4, 0, &guard, 1);
	launch(softmin_rows_kernel<T>(), (T)1, 0, 4, nullptr, 4, nullptr, 1, &guard, 1);
	if (guard != 5)
		FAIL("a kernel wrote to an empty matrix");
}

template <class T> static void triangles(i64 n)
{
	dense<T> a = wild<T>(n * n, 9);
	for (int upper = 0; upper < 2; upper++) {
		compare("mirror", agreed<T>("mirror", [&] {
			matrix<T> m(n, n, a);
			launch(mirror_kernel<T>(), upper, n, m.p(), m.ld);
			return m.values("mirror");
		}), each(n, n, [&](i64 k, i64 i, i64 j) -> real { return (upper ? i <= j : i >= j) ? a[k] : a[j * n + i]; }), 0);
		for (i64 cols : {n, n / 2 + 1}) {
			dense<T> part(a.begin(), a.begin() + n * cols);
			compare("triangle", agreed<T>("triangle", [&] {
				matrix<T> m(n, cols, part);
				launch(triangle_kernel<T>(), upper, n, cols, m.p(), m.ld);
				return m.values("triangle");
			}), each(n, cols, [&](i64 k, i64 i, i64 j) -> real { return (upper ? j >= i : j <= i) ? part[k] : 0; }), 0);
		}
	}
	compare("add_diag", agreed<T>("add_diag", [&] {
		matrix<T> m(n, n, a);
		launch(add_diag_kernel<T>(), (T)1.5, n, m.p(), m.ld);
		return m.values("add_diag");
	}), each(n, n, [&](i64 k, i64 i, i64 j) -> real { return i == j ? a[k] + (T)1.5 : a[k]; }), 0);
}

template <class T> static void finite(i64 rows, i64 cols)
{
	const T inf = std::numeric_limits<T>::infinity();
	for (i64 k = -1; k < rows * cols; k += 1 + rows * cols / 3)
		for (T bad : {inf, -inf, std::numeric_limits<T>::quiet_NaN()}) {
			dense<T> a = numbers<T>(rows * cols, 10);
			if (k >= 0)
				a[k] = bad;
			compare("finite", agreed<T>("finite", [&] {
				matrix<T> m(rows, cols, a);
				int flag = 0;
				launch(finite_kernel<T>(), rows, cols, m.p(), m.ld, &flag);
				return dense<T>(1, flag);
			}), reals(1, k >= 0), 0);
		}
}

// -ε·log Σ exp(t/ε), with infinities as the composed operations treat them.
static real soft_minimum(real eps, const reals &t)
{
	real top = -INFINITY, sum = 0;
	for (real x : t) {
		if (x != x)
			return NAN;
		top = x > top ? x : top;
	}
	real shift = std::isinf(top) ? 0 : top;
	for (real x : t)
		sum += expl((x - shift) / eps);
	return -eps * logl(sum) - shift;
}

// Rounding of t, of size 1, moves the result as much; log and the sum add the rest.
template <class T> static reals soft_tolerance(const reals &want, i64 n)
{
	reals t;
	for (real w : want)
		t.push_back(std::numeric_limits<T>::epsilon() * (8 + 2 * sqrtl(n) + 2 * fabsl(w)));
	return t;
}

// Soft minima of columns in pieces of so many rows, which more than one leave to
// be joined.
template <class T>
static void launch_softmin_cols(T eps, i64 rows, i64 cols, matrix<T> &c, vec<T> &g, i64 height, vec<T> &out)
{
	i64 pieces = (rows + height - 1) / height;
	dense<T> partial(2 * pieces * cols + 1, matrix<T>::guard());
	launch(softmin_cols_kernel<T>(), eps, rows, cols, c.p(), c.ld, g.p(), g.inc, height, out.p(), out.inc, pieces > 1 ? partial.data() : nullptr);
	if (partial.back() != matrix<T>::guard())
		FAIL("softmin_cols: wrote beyond what the pieces leave");
	if (pieces > 1)
		launch(softmin_join_kernel<T>(), eps, pieces, cols, partial.data(), out.p(), out.inc);
}

template <class T> static void softmin(i64 rows, i64 cols, double eps, bool with_wild)
{
	const T inf = std::numeric_limits<T>::infinity();
	dense<T> c = numbers<T>(rows * cols, 11);
	if (with_wild)
		for (size_t k = 2; k < c.size(); k += 97)
			c[k] = k / 97 % 4 == 0 ? std::numeric_limits<T>::quiet_NaN() : k / 97 % 4 == 1 ? -inf : inf;
	for (i64 height : {(i64)0, rows, 1 + rows / 3}) { // of the pieces of columns; 0 for rows
		const bool by_col = height > 0;
		i64 outer = by_col ? cols : rows, inner = by_col ? rows : cols;
		auto run = [&](const char *name, const dense<T> &costs, const dense<T> &g) {
			return agreed<T>(name, [&] {
				matrix<T> m(rows, cols, costs);
				vec<T> x(inner, g), out(outer);
				if (by_col)
					launch_softmin_cols((T)eps, rows, cols, m, x, height, out);
				else
					launch(softmin_rows_kernel<T>(), (T)eps, rows, cols, m.p(), m.ld, x.p(), x.inc, out.p(), out.inc);
				return out.values(name);
			});
		};
		dense<T> g = numbers<T>(inner, 12);
		for (i64 j = 1; j < inner; j += 5)
			g[j] = -inf;
		reals want;
		for (i64 i = 0; i < outer; i++) {
			reals t;
			for (i64 j = 0; j < inner; j++)
				t.push_back((real)g[j] - (real)c[by_col ? j * cols + i : i * cols + j]);
			want.push_back(soft_minimum((T)eps, t));
		}
		compare(by_col ? "softmin_cols" : "softmin_rows", run("softmin", c, g), want, soft_tolerance<T>(want, inner));
		compare("softmin without terms", run("softmin without terms", numbers<T>(rows * cols, 11), dense<T>(inner, -inf)),
			reals(outer, INFINITY), 0);
	}
}

template <class T> static void sinkhorn(i64 rows, i64 cols)
{
	const real eps = .25;
	dense<T> c = wild<T>(rows * cols, 13), f = numbers<T>(rows, 14), g = numbers<T>(cols, 15);
	g[cols / 2] = -std::numeric_limits<T>::infinity();
	compare("gibbs", agreed<T>("gibbs", [&] {
		matrix<T> m(rows, cols, c);
		vec<T> x(rows, f), y(cols, g);
		launch(gibbs_kernel<T>(), (T)eps, rows, cols, x.p(), x.inc, y.p(), y.inc, m.p(), m.ld, m.p(), m.ld);
		return m.values("gibbs");
	}), each(rows, cols, [&](i64 k, i64 i, i64 j) -> real { return expl(((real)f[i] + g[j] - c[k]) / eps); }),
		2 + 6 / (double)eps); // the exponent, up to 3/ε, has two rounding errors

	// The large elements are those of gibbs, to the bit.
	const T least = (T).5;
	dense<T> p = agreed<T>("gibbs", [&] {
		matrix<T> m(rows, cols, c);
		vec<T> x(rows, f), y(cols, g);
		launch(gibbs_kernel<T>(), (T)eps, rows, cols, x.p(), x.inc, y.p(), y.inc, m.p(), m.ld, m.p(), m.ld);
		return m.values("gibbs");
	});
	reals columns, values;
	for (i64 k = 0; k < rows * cols; k++)
		if (p[k] >= least)
			columns.push_back(k % cols), values.push_back(p[k]);
	dense<T> got = agreed<T>("plan_entries", [&] {
		matrix<T> m(rows, cols, c);
		vec<T> x(rows, f), y(cols, g);
		std::vector<int> count(rows, -1), column(columns.size() + 1, -1);
		std::vector<i64> start(rows + 1, 0);
		dense<T> value(columns.size() + 1, 0);
		launch(plan_count_kernel<T>(), (T)eps, rows, cols, x.p(), x.inc, y.p(), y.inc, m.p(), m.ld, least, count.data());
		for (i64 i = 0; i < rows; i++)
			start[i + 1] = start[i] + count[i];
		if (start[rows] != (i64)columns.size()) {
			FAIL("plan_count: %lld, want %zu", start[rows], columns.size());
			return value;
		}
		launch(plan_entries_kernel<T>(), (T)eps, rows, cols, x.p(), x.inc, y.p(), y.inc, m.p(), m.ld, least, start.data(),
			column.data(), value.data());
		for (size_t k = 0; k < columns.size(); k++)
			if (column[k] != columns[k])
				FAIL("plan_entries: column %d, want %d", column[k], (int)columns[k]);
		value.pop_back();
		return value;
	});
	compare("plan_entries", got, values, 0);

	dense<T> K = numbers<T>(rows * cols, 16), a = numbers<T>(rows, 17), v = numbers<T>(cols, 18);
	for (T &x : K)
		x = fabs(x);
	for (T &x : v)
		x = fabs(x);
	for (i64 j = 0; j < cols; j++)
		K[j] = 0;
	a[0] = 0;
	reals want;
	for (i64 i = 0; i < rows; i++) {
		real s = 0;
		for (i64 j = 0; j < cols; j++)
			s += (real)K[i * cols + j] * v[j];
		want.push_back(i == 0 ? 0 : a[i] / s);
	}
	compare("scaling_rows", agreed<T>("scaling_rows", [&] {
		matrix<T> m(rows, cols, K);
		vec<T> x(rows, a), y(cols, v), u(rows);
		launch(scaling_rows_kernel<T>(), rows, cols, m.p(), m.ld, x.p(), x.inc, y.p(), y.inc, u.p(), u.inc);
		return u.values("scaling_rows");
	}), want, 4 + cols / 64.); // positive terms, at most cols/32 additions in a row
}

// The spread of points around y₀, from 4 blocks.
template <class T> static void spreads(i64 n, i64 d, matrix<T> &x, matrix<T> &y, T *out)
{
	layout fixed = *current;
	fixed.blocks = 4;
	const layout *outer = current;
	current = &fixed;
	launch(point_spread_kernel<T>(), n, d, x.p(), x.ld, y.p(), out);
	current = outer;
	T want = 0, got = 0;
	for (i64 i = 0; i < n; i++) {
		real s = 0;
		for (i64 k = 0; k < d; k++)
			s += ((real)x.at(i, k) - y.at(0, k)) * ((real)x.at(i, k) - y.at(0, k));
		want = s > want ? (T)s : want;
	}
	for (int b = 0; b < 4; b++)
		got = out[b] > got ? out[b] : got;
	if (fabs(got - want) > (d / 2 + 3) * std::numeric_limits<T>::epsilon() * want)
		FAIL("point_spread: %g, want %g", (double)got, (double)want);
}

// How softmin_points is called; no height is that of one piece.
struct split {
	int p;
	double eps;
	int parts;
	i64 height;
};

// The kernels that leave soft minima between clouds to each other, all launched.
template <class T>
static dense<T> soft_points(split c, i64 n, i64 m, i64 d, const dense<T> &x, const dense<T> &y, const dense<T> &g)
{
	return agreed<T>("softmin_points", [&] {
		matrix<T> u(n, d, x), v(m, d, y);
		vec<T> h(m, g), out(n);
		dense<T> spread(8);
		spreads(n, d, u, v, spread.data()), spreads(m, d, v, v, spread.data() + 4);
		const T eps = (T)c.eps;
		const i64 height = c.height ? c.height : (m + 127) / 128 * 128, pieces = (m + height - 1) / height;
		const i64 parts = c.p == 2 ? c.parts : 0;
		dense<T> room(2 * pieces * n + 1, matrix<T>::guard());
		T *partial = pieces > 1 ? room.data() : nullptr;
		launch(softmin_points_kernel<T>(), c.p, eps, n, m, d, u.p(), u.ld, v.p(), v.ld, h.p(), h.inc, spread.data(), parts, height,
			out.p(), out.inc, partial);
		if constexpr (sizeof(T) == 4) {
			const int all = (d + 15) / 16, steps = all <= 2 ? all : all <= 4 ? 4 : 1, chunks = all <= 4 ? 1 : all;
			auto padded = [](i64 n) { return (n + 127) / 128 * 128; };
			std::vector<rz::quad> a(padded(n) * chunks * steps * 4 + 1), b(padded(m) * chunks * steps * 4 + 1);
			dense<T> squares(padded(n) + 4), terms(padded(m) + 4);
			a.back().v[0] = b.back().v[0] = 12345, squares[padded(n)] = terms[padded(m)] = matrix<T>::guard();
			launch(ritz_split_points_f32, n, d, chunks, steps, eps, u.p(), u.ld, v.p(), nullptr, 1, spread.data(), parts, a.data(), squares.data());
			launch(ritz_split_points_f32, m, d, chunks, steps, eps, v.p(), v.ld, v.p(), h.p(), h.inc, spread.data(), parts, b.data(), terms.data());
			if (a.back().v[0] != 12345 || b.back().v[0] != 12345 || squares[padded(n)] != matrix<T>::guard() || terms[padded(m)] != matrix<T>::guard())
				FAIL("split_points: wrote outside of its output");
			launch(chunks > 1 ? ritz_softmin_chunks_f32 : ritz_softmin_halves_f32, eps, n, m, chunks > 1 ? chunks : steps, a.data(),
				squares.data(), b.data(), terms.data(), spread.data(), parts, height, out.p(), out.inc, partial);
		} else {
			launch(ritz_softmin_products_f64, eps, n, m, d, u.p(), u.ld, v.p(), v.ld, h.p(), h.inc, spread.data(), parts, height,
				out.p(), out.inc, partial);
		}
		if (room.back() != matrix<T>::guard())
			FAIL("softmin_points: wrote beyond what the pieces leave");
		if (partial)
			launch(softmin_join_kernel<T>(), eps, pieces, n, partial, out.p(), out.inc);
		return out.values("softmin_points");
	});
}

template <class T> static void points(i64 n, i64 m, i64 d, std::vector<double> epsilons = {2., .05})
{
	dense<T> x = numbers<T>(n * d, 19), y = numbers<T>(m * d, 20), g = numbers<T>(m, 21);
	for (i64 k = 0; k < d; k++)
		y[k] = x[k]; // a distance of exactly zero
	if (m > 3)
		g[3] = -std::numeric_limits<T>::infinity();
	for (int p = 1; p <= 2; p++) {
		auto cost = [&](i64, i64 i, i64 j) -> real {
			real s = 0;
			for (i64 k = 0; k < d; k++)
				s += ((real)x[i * d + k] - y[j * d + k]) * ((real)x[i * d + k] - y[j * d + k]);
			return p == 1 ? sqrtl(s) : s;
		};
		compare("pairwise_cost", agreed<T>("pairwise_cost", [&] {
			matrix<T> u(n, d, x), v(m, d, y), out(n, m);
			launch(pairwise_cost_kernel<T>(), p, n, m, d, u.p(), u.ld, v.p(), v.ld, out.p(), out.ld);
			return out.values("pairwise_cost");
		}), each(n, m, cost), d / 2. + 3);
		for (double eps : epsilons) {
			reals want;
			for (i64 i = 0; i < n; i++) {
				reals t;
				for (i64 j = 0; j < m; j++)
					t.push_back((real)g[j] - cost(0, i, j));
				want.push_back(soft_minimum((T)eps, t));
			}
			reals tolerance = soft_tolerance<T>(want, m);
			for (real &t : tolerance)
				t += std::numeric_limits<T>::epsilon() * (d / 2. + 3) * d; // that of a cost up to about d
			// Distances from differences; from products, if the kernel finds that they
			// will do; the same in pieces.
			for (auto &c : {split{p, eps, 0, 0}, split{p, eps, 8, 0}, split{p, eps, 0, 128}, split{p, eps, 8, 128}})
				if (c.height < m && (p == 2 || c.parts == 0))
					compare("softmin_points", soft_points(c, n, m, d, x, y, g), want, tolerance);
		}
	}
}

// Soft minima by products of halves, of points with coordinates of all sizes below
// size. A product of points is off by (12 + 3·d/8)·2⁻²⁴ of the largest ‖x‖² at most, its
// square of a distance by twice that and some roundings of the norms.
static void halves(i64 n, i64 m, i64 d, real size)
{
	dense<float> x = numbers<float>(n * d, 61), y = numbers<float>(m * d, 62), g = numbers<float>(m, 63);
	for (dense<float> *a : {&x, &y})
		for (size_t k = 0; k < a->size(); k++)
			(*a)[k] = ldexpl((*a)[k] * size, -(int)(k % d * 7 % 24));
	for (float &v : g)
		v *= size * size;
	auto square = [&](const float *a, const float *b) {
		real s = 0;
		for (i64 k = 0; k < d; k++)
			s += ((real)a[k] - b[k]) * ((real)a[k] - b[k]);
		return s;
	};
	real largest = 0;
	for (i64 i = 0; i < n; i++)
		largest = fmaxl(largest, square(&x[i * d], &y[0]));
	for (i64 j = 0; j < m; j++)
		largest = fmaxl(largest, square(&y[j * d], &y[0]));
	const float eps = largest / 40; // products suffice, just
	auto minima = [&] {
		reals want;
		for (i64 i = 0; i < n; i++) {
			reals t;
			for (i64 j = 0; j < m; j++)
				t.push_back((real)g[j] - square(&x[i * d], &y[j * d]));
			want.push_back(soft_minimum(eps, t));
		}
		return want;
	};
	reals want = minima(), tolerance;
	for (real w : want)
		tolerance.push_back(0x1p-23L * ((8 + 2 * sqrtl(m)) * eps + 2 * fabsl(w) + (12 + 3 * d / 8. + 4) * largest));
	const split pieces = {2, eps, 8, 128};
	compare("products of halves", soft_points(pieces, n, m, d, x, y, g), want, tolerance);
	const float nan = std::numeric_limits<float>::quiet_NaN();
	x[(n - 1) * d + d / 2] = nan;
	want[n - 1] = NAN;
	compare("halves of a NaN", soft_points(pieces, n, m, d, x, y, g), want, tolerance);
	y[(m - 1) * d] = nan;
	compare("halves of two NaN", soft_points(pieces, n, m, d, x, y, g), reals(n, NAN), tolerance);
}

template <class T> static void steps(i64 rows, i64 cols)
{
	const i64 n = rows * cols;
	dense<T> w = numbers<T>(n, 23), g = numbers<T>(n, 24), m = numbers<T>(n, 25), v = numbers<T>(n, 26);
	for (T &x : v)
		x *= x;
	auto three = [&](const char *name, bool adam) {
		return agreed<T>(name, [&] {
			matrix<T> a(rows, cols, w), b(rows, cols, g), c(rows, cols, m), d(rows, cols, v);
			if (adam)
				launch(adam_step_kernel<T>(), (T).5, (T).75, (T).875, (T).125, (T)1.5, (T).25, rows, cols, a.p(), a.ld, b.p(), b.ld,
					c.p(), c.ld, d.p(), d.ld);
			else
				launch(momentum_step_kernel<T>(), (T).25, (T).5, (T).75, (T).875, (T)-.5, (T)-.125, rows, cols, a.p(), a.ld, b.p(),
					b.ld, c.p(), c.ld);
			dense<T> all = a.values(name), mean = c.values(name), square = d.values(name);
			all.insert(all.end(), mean.begin(), mean.end());
			all.insert(all.end(), square.begin(), square.end());
			return all;
		});
	};
	for (bool adam : {true, false}) {
		reals ws, ms, vs;
		for (i64 k = 0; k < n; k++) {
			real h = adam ? g[k] : g[k] + .25L * w[k];
			ms.push_back(.5L * m[k] + (adam ? .5L : .75L) * h);
			vs.push_back(adam ? .75L * v[k] + .25L * g[k] * g[k] : v[k]);
			ws.push_back(adam ? .875L * w[k] - .125L * ms[k] / (1.5L * sqrtl(vs[k]) + .25L) : .875L * w[k] - .5L * h - .125L * ms[k]);
		}
		ws.insert(ws.end(), ms.begin(), ms.end());
		ws.insert(ws.end(), vs.begin(), vs.end());
		compare("step", three("step", adam), ws, reals(3 * n, 8 * std::numeric_limits<T>::epsilon()));
	}
}

// Sums of powers of numbers of a size, whose powers may be out of range, with
// and without a second term.
template <class T> static void powers(i64 rows, i64 cols, real size, T odd)
{
	i64 n = rows * cols;
	dense<T> a = numbers<T>(n, 1), b = numbers<T>(n, 2);
	for (i64 k = 0; k < n; k++) {
		a[k] = (T)(a[k] * size);
		b[k] = (T)(b[k] * size);
	}
	if (odd != 0)
		a[n / 2] = odd;
	for (bool both : {false, true}) {
		real top = 0, square = 0, fourth = 0;
		auto at = [&](i64 k) { return .5L * a[k] + (both ? -.25L * b[k] : 0); };
		for (i64 k = 0; k < n; k++)
			top = fabsl(at(k)) > top ? fabsl(at(k)) : top;
		for (i64 k = 0; k < n && top > 0; k++) {
			real z = at(k) / top;
			square += z * z;
			fourth += z * z * z * z;
		}
		dense<T> got;
		// One number of blocks only: it decides about the order of additions.
		i64 blocks = current->blocks;
		std::vector<double> partial(3 * blocks + 1, 12345.5);
		matrix<T> m(rows, cols, a), second(rows, cols, b);
		vec<T> out(3);
		launch(power_sums_kernel<T>(), .5, -.25, rows, cols, m.p(), m.ld, both ? second.p() : nullptr, second.ld, partial.data());
		launch(power_final_kernel<T>(), blocks, partial.data(), out.p(), out.inc);
		if (partial.back() != 12345.5)
			FAIL("power_sums: wrote beyond the partial sums");
		got = out.values("power_final");
		if (odd != 0) {
			if (std::isfinite(got[0]))
				FAIL("power_sums%zu: %g among the numbers, and the largest is %g", 8 * sizeof(T), (double)odd, (double)got[0]);
			continue;
		}
		bool none = std::isinf(1 / (T)top);
		compare("power_sums", got, reals{top, none ? 0 : square, none ? 0 : fourth}, 8 + 2 * sqrt((double)n));
	}
}

// Products of a sparse matrix: rows of no, some and many elements, the last in
// segments, with and without what Y held before.
template <class T> static void sparse(i64 n, i64 m, i64 k, int team, i64 most)
{
	std::vector<i64> start = {0}, segment, row;
	std::vector<int> col;
	for (i64 i = 0; i < n; i++) {
		i64 length = i % 5 == 2 ? 0 : i == n / 2 ? 3 * most + 1 : (i * i) % (most + 1), lo = start.back(), hi = lo + length;
		for (i64 p = lo; p < hi; p++)
			col.push_back((p * 7 + i * i) % m);
		start.push_back(hi);
		if (length <= most)
			continue;
		row.push_back(i);
		row.push_back(segment.size() / 2);
		for (i64 p = lo; p < hi; p += most) {
			segment.push_back(p);
			segment.push_back(p + most < hi ? p + most : hi);
		}
	}
	i64 rows = row.size() / 2, segments = segment.size() / 2;
	row.push_back(0);
	row.push_back(segments);
	dense<T> val = numbers<T>(col.size() + 1, 1), x = numbers<T>(m * k, 2), y = wild<T>(n * k, 3);
	for (T beta : {0., .5}) {
		reals want, tolerance;
		for (i64 i = 0; i < n; i++)
			for (i64 c = 0; c < k; c++) {
				real sum = 0, size = 0;
				for (i64 p = start[i]; p < start[i + 1]; p++) {
					sum += (real)val[p] * x[col[p] * k + c];
					size += fabsl((real)val[p] * x[col[p] * k + c]);
				}
				real before = beta == 0 ? 0 : beta * (real)y[i * k + c];
				want.push_back(-2 * sum + before);
				tolerance.push_back(std::numeric_limits<T>::epsilon() * 2 * (2 * fabsl(sum) + fabsl(before)) +
					std::numeric_limits<double>::epsilon() * 2 * (double)(start[i + 1] - start[i]) * size);
			}
		compare("sparse", agreed<T>("sparse", [&] {
			matrix<T> a(m, k, x), b(n, k, y);
			std::vector<double> partial(segments * k + 1, 12345.5);
			launch(sparse_rows_kernel<T>(), team, -2, beta, n, k, most, start.data(), col.data(), val.data(), a.p(), a.ld, b.p(), b.ld);
			launch(sparse_segments_kernel<T>(), segments, k, segment.data(), col.data(), val.data(), a.p(), a.ld, partial.data());
			launch(sparse_join_kernel<T>(), -2, beta, rows, k, row.data(), partial.data(), b.p(), b.ld);
			if (partial.back() != 12345.5)
				FAIL("sparse: wrote beyond the partial sums");
			return b.values("sparse");
		}), want, tolerance);
	}
}

// Joins the sums that a kernel has left for pieces of rows.
template <class T> static dense<T> joined(i64 pieces, i64 cols, const double *partial, i64 ldp, T keep, const dense<T> &before)
{
	vec<T> out(cols, before);
	launch(reduce_pieces_kernel<T>(), 0, pieces, cols, partial, ldp, keep, out.p(), out.inc);
	return out.values("reduce_pieces");
}

// Derivatives of rows×a matrices along k directions. height is that of a piece.
template <class T> static void tangents(i64 rows, i64 k, i64 a, i64 height)
{
	const i64 cols = k * a, pieces = (rows + height - 1) / height;
	const real eps = std::numeric_limits<T>::epsilon();
	dense<T> s = numbers<T>(rows * a, 31), c = numbers<T>(rows * a, 32), u = numbers<T>(rows * cols, 33), e = numbers<T>(rows * cols, 34);
	dense<T> bias = numbers<T>(cols, 35), before = numbers<T>(cols, 36);
	for (bool second : {true, false}) {
		reals want = each(rows, cols, [&](i64 n, i64, i64 j) -> real { return (T)(u[n] + (second ? bias[j] : 0)); });
		reals outputs = each(rows, cols, [&](i64 n, i64 i, i64 j) -> real { return s[i * a + j % a] * (T)want[n]; });
		want.insert(want.end(), outputs.begin(), outputs.end());
		compare("tangent_forward", agreed<T>("tangent_forward", [&] {
			matrix<T> ms(rows, a, s), mu(rows, cols, u), my(rows, cols);
			vec<T> b(cols, bias);
			launch(tangent_forward_kernel<T>(), rows, k, a, second ? b.p() : nullptr, b.inc, ms.p(), ms.ld, mu.p(), mu.ld, my.p(), my.ld);
			dense<T> all = mu.values("u"), y = my.values("y");
			all.insert(all.end(), y.begin(), y.end());
			return all;
		}), want, 1);

		reals back = each(rows, cols, [&](i64 n, i64 i, i64 j) -> real {
			return (real)s[i * a + j % a] * e[n] + (second ? (real)c[i * a + j % a] * u[n] : 0); });
		reals tolerance(rows * cols, 2 * eps);
		for (i64 j = 0; j < cols; j++) {
			real sum = before[j];
			for (i64 i = 0; i < rows; i++)
				sum += back[i * cols + j];
			back.push_back(sum);
			tolerance.push_back(2 * eps * (rows + 1));
		}
		compare("tangent_backward", agreed<T>("tangent_backward", [&] {
			matrix<T> ms(rows, a, s), mc(rows, a, c), mu(rows, cols, u), me(rows, cols, e);
			std::vector<double> partial(pieces * cols + 1, 12345.5);
			launch(tangent_backward_kernel<T>(), rows, k, a, ms.p(), ms.ld, second ? mc.p() : nullptr, mc.ld, second ? mu.p() : nullptr,
				mu.ld, me.p(), me.ld, height, partial.data());
			if (partial.back() != 12345.5)
				FAIL("tangent_backward: wrote beyond the partial sums");
			dense<T> all = me.values("e"), sums = joined<T>(pieces, cols, partial.data(), cols, 1, before);
			all.insert(all.end(), sums.begin(), sums.end());
			return all;
		}), back, tolerance);
	}
	compare("tangent_backward without sums", agreed<T>("tangent_backward", [&] {
		matrix<T> ms(rows, a, s), me(rows, cols, e);
		launch(tangent_backward_kernel<T>(), rows, k, a, ms.p(), ms.ld, nullptr, 0, nullptr, 0, me.p(), me.ld, height, nullptr);
		return me.values("e");
	}), each(rows, cols, [&](i64 n, i64 i, i64 j) -> real { return s[i * a + j % a] * e[n]; }), 0);

	compare("softmax_tangent", agreed<T>("softmax_tangent", [&] {
		matrix<T> mp(rows, a, s), mu(rows, cols, u);
		launch(softmax_tangent_kernel<T>(), rows, k, a, mp.p(), mp.ld, mu.p(), mu.ld);
		return mu.values("softmax_tangent");
	}), each(rows, cols, [&](i64 n, i64 i, i64 j) -> real {
		real mean = 0;
		for (i64 t = 0; t < a; t++)
			mean += (real)s[i * a + t] * u[i * cols + j / a * a + t];
		return s[i * a + j % a] * (u[n] - mean);
	}), reals(rows * cols, 3 * eps * (1 + sqrtl(a))));
}

// A plan whose rows sum to a, its sums and costs, and the minima that potentials
// are made of; one cost is +Inf.
template <class T> static void plans(i64 rows, i64 cols, double eps, i64 height)
{
	const i64 pieces = (rows + height - 1) / height;
	const real u = std::numeric_limits<T>::epsilon();
	const T inf = std::numeric_limits<T>::infinity();
	dense<T> c = numbers<T>(rows * cols, 41), g = numbers<T>(cols, 42), a = numbers<T>(rows, 43), w = numbers<T>(cols, 44);
	for (T &x : a)
		x = fabs(x) + (T).125;
	if (cols > 1)
		c[rows / 2 * cols] = inf;
	if (cols > 2)
		g[1] = -inf;
	if (rows > 1)
		a[1] = 0;
	reals p(rows * cols), sums(2 * cols, 0), sums_tolerance(2 * cols, 0), f(rows), f_tolerance(rows), tolerance(rows * cols);
	for (i64 i = 0; i < rows; i++) {
		real sum = 0, top = -INFINITY;
		for (i64 j = 0; j < cols; j++)
			top = fmaxl(top, (real)g[j] - c[i * cols + j]);
		for (i64 j = 0; j < cols; j++)
			sum += expl(((real)g[j] - c[i * cols + j] - top) / (T)eps);
		f[i] = (T)eps * (logl(a[i]) - logl(sum)) - top;
		f_tolerance[i] = u * (8 + 16 * eps + cols / 64. * eps);
		for (i64 j = 0; j < cols; j++) {
			real t = ((real)g[j] - c[i * cols + j] - top) / (T)eps, x = a[i] / sum * expl(t);
			p[i * cols + j] = x;
			tolerance[i * cols + j] = x > 0 ? x * u * (12 + cols / 64. - 4 * t) + std::numeric_limits<T>::min() : 0;
			sums[j] += x;
			sums_tolerance[j] += tolerance[i * cols + j];
			sums[cols + j] += x > 0 ? x * c[i * cols + j] : 0;
			sums_tolerance[cols + j] += tolerance[i * cols + j];
		}
	}
	for (i64 j = 0; j < 2 * cols; j++)
		sums_tolerance[j] += u * fabsl(sums[j]);
	reals all = f, all_tolerance = f_tolerance;
	for (const reals *r : {&p, &sums})
		all.insert(all.end(), r->begin(), r->end());
	for (const reals *r : {&tolerance, &sums_tolerance})
		all_tolerance.insert(all_tolerance.end(), r->begin(), r->end());
	compare("plan", agreed<T>("plan", [&] {
		matrix<T> m(rows, cols, c), mp(rows, cols);
		vec<T> vg(cols, g), va(rows, a), vf(rows);
		dense<T> top(rows + 1, matrix<T>::guard()), scale(rows + 1, matrix<T>::guard());
		std::vector<double> partial(2 * pieces * cols + 1, 12345.5);
		launch(plan_scales_kernel<T>(), (T)eps, rows, cols, m.p(), m.ld, vg.p(), vg.inc, va.p(), va.inc, top.data(), scale.data(), vf.p(), vf.inc);
		launch(plan_rows_kernel<T>(), (T)eps, rows, cols, m.p(), m.ld, vg.p(), vg.inc, top.data(), scale.data(), mp.p(), mp.ld);
		launch(plan_sums_kernel<T>(), (T)eps, rows, cols, m.p(), m.ld, vg.p(), vg.inc, top.data(), scale.data(), height, partial.data());
		if (top.back() != matrix<T>::guard() || scale.back() != matrix<T>::guard() || partial.back() != 12345.5)
			FAIL("plan: wrote outside of its output");
		dense<T> got = vf.values("f");
		for (const dense<T> &r : {mp.values("plan"), joined<T>(pieces, cols, partial.data(), 2 * cols, 0, {}),
			     joined<T>(pieces, cols, partial.data() + cols, 2 * cols, 0, {})})
			got.insert(got.end(), r.begin(), r.end());
		return got;
	}), all, all_tolerance);

	reals low, d, d_tolerance, high;
	for (i64 i = 0; i < rows; i++) {
		T least = inf;
		real sum = 0, size = 0;
		for (i64 j = 0; j < cols; j++) {
			T x = c[i * cols + j];
			least = x - g[j] < least ? x - g[j] : least;
			sum += x == inf ? 0 : (real)x * w[j];
			size += x == inf ? 0 : fabsl((real)x * w[j]);
		}
		low.push_back(least), d.push_back(sum), d_tolerance.push_back(u * fabsl(sum) + 0x1p-52L * cols * size);
	}
	for (i64 j = 0; j < cols; j++) {
		T least = inf;
		for (i64 i = 0; i < rows; i++)
			least = c[i * cols + j] - (T)low[i] < least ? c[i * cols + j] - (T)low[i] : least;
		high.push_back(least);
	}
	reals exact(rows, 0);
	exact.insert(exact.end(), d_tolerance.begin(), d_tolerance.end());
	exact.insert(exact.end(), cols, 0);
	reals minima = low;
	for (const reals *r : {&d, &high})
		minima.insert(minima.end(), r->begin(), r->end());
	compare("minima", agreed<T>("minima", [&] {
		matrix<T> m(rows, cols, c);
		vec<T> vg(cols, g), vw(cols, w), vf(rows), vd(rows), vh(cols), alone(rows), joined(cols);
		launch(min_rows_kernel<T>(), rows, cols, m.p(), m.ld, vg.p(), vg.inc, vw.p(), vw.inc, vf.p(), vf.inc, vd.p(), vd.inc);
		launch(min_cols_kernel<T>(), rows, cols, m.p(), m.ld, vf.p(), vf.inc, rows, vh.p(), vh.inc, nullptr);
		std::vector<double> lows(pieces * cols + 1, 12345.5);
		launch(min_cols_kernel<T>(), rows, cols, m.p(), m.ld, vf.p(), vf.inc, height, nullptr, 1, lows.data());
		launch(reduce_pieces_kernel<T>(), rz::MIN, pieces, cols, lows.data(), cols, 0, joined.p(), joined.inc);
		if (!same_bits(vh.values("h"), joined.values("h of pieces")) || lows.back() != 12345.5)
			FAIL("min_cols: pieces have other minima, or wrote beyond theirs");
		launch(min_rows_kernel<T>(), rows, cols, m.p(), m.ld, vg.p(), vg.inc, nullptr, 1, alone.p(), alone.inc, nullptr, 1);
		dense<T> got = vf.values("f");
		if (!same_bits(got, alone.values("f alone")))
			FAIL("min_rows: other minima without products");
		for (const dense<T> &r : {vd.values("d"), vh.values("h")})
			got.insert(got.end(), r.begin(), r.end());
		return got;
	}), minima, exact);
	c[rows * cols - 1] = std::numeric_limits<T>::quiet_NaN();
	dense<T> spoilt = agreed<T>("minima with NaN", [&] {
		matrix<T> m(rows, cols, c);
		vec<T> vg(cols, g), vf(rows), zero(rows, dense<T>(rows, 0)), vh(cols);
		launch(min_rows_kernel<T>(), rows, cols, m.p(), m.ld, vg.p(), vg.inc, nullptr, 1, vf.p(), vf.inc, nullptr, 1);
		launch(min_cols_kernel<T>(), rows, cols, m.p(), m.ld, zero.p(), zero.inc, rows, vh.p(), vh.inc, nullptr);
		return dense<T>{vf.values("f").back(), vh.values("h").back()};
	});
	if (!std::isnan(spoilt[0]) || !std::isnan(spoilt[1]))
		FAIL("minima of a NaN: %g and %g", (double)spoilt[0], (double)spoilt[1]);
}

// Kernels of float32 for numbers of float64, and the conversions.
static void narrow(i64 rows, i64 cols, i64 height)
{
	const i64 pieces = (rows + height - 1) / height;
	dense<double> c = wild<double>(rows * cols, 51), f = numbers<double>(rows, 52), g = numbers<double>(cols, 53);
	for (i64 k = 0; k < rows * cols; k += 5)
		c[k] *= 1e39; // beyond float32
	compare<float>("recast to float32", agreed<float>("recast", [&] {
		matrix<double> m(rows, cols, c);
		matrix<float> n(rows, cols);
		launch(recast_kernel<float>(), rows, cols, m.p(), m.ld, n.p(), n.ld);
		return n.values("recast");
	}), each(rows, cols, [&](i64 k, i64, i64) -> real { return (float)c[k]; }), 0);
	dense<float> s = wild<float>(rows * cols, 54);
	compare<double>("recast to float64", agreed<double>("recast", [&] {
		matrix<float> m(rows, cols, s);
		matrix<double> n(rows, cols);
		launch(recast_kernel<double>(), rows, cols, m.p(), m.ld, n.p(), n.ld);
		return n.values("recast");
	}), each(rows, cols, [&](i64 k, i64, i64) -> real { return s[k]; }), 0);

	c = numbers<double>(rows * cols, 55);
	compare<float>("narrow_gibbs", agreed<float>("narrow_gibbs", [&] {
		matrix<double> m(rows, cols, c);
		matrix<float> k(rows, cols);
		vec<double> vf(rows, f), vg(cols, g);
		launch(ritz_narrow_gibbs_f64, .25, rows, cols, vf.p(), vf.inc, vg.p(), vg.inc, m.p(), m.ld, k.p(), k.ld);
		return k.values("narrow_gibbs");
	}), each(rows, cols, [&](i64 k, i64 i, i64 j) -> real { return expl(((real)f[i] + g[j] - c[k]) / .25L); }), .5 + 1e-6);

	dense<double> a = numbers<double>(rows, 56), v = numbers<double>(cols, 57);
	for (auto *x : {&a, &v})
		for (double &y : *x)
			y = fabs(y);
	for (float &x : s)
		x = std::isfinite(x) ? fabs(x) : 1;
	for (i64 j = 0; j < cols; j++)
		s[j] = 0;
	a[0] = 0;
	reals want;
	for (i64 i = 0; i < rows; i++) {
		real sum = 0;
		for (i64 j = 0; j < cols; j++)
			sum += (real)s[i * cols + j] * v[j];
		want.push_back(i == 0 ? 0 : a[i] / sum);
	}
	for (i64 j = 0; j < cols; j++) {
		real sum = 0;
		for (i64 i = 0; i < rows; i++)
			sum += (real)s[i * cols + j] * want[i];
		want.push_back(sum);
	}
	compare<double>("narrow scaling step", agreed<double>("narrow scaling step", [&] {
		matrix<float> k(rows, cols, s);
		vec<double> va(rows, a), vv(cols, v), vu(rows);
		std::vector<double> partial(pieces * cols + 1, 12345.5);
		launch(ritz_narrow_rows_f64, rows, cols, k.p(), k.ld, va.p(), va.inc, vv.p(), vv.inc, vu.p(), vu.inc);
		launch(ritz_narrow_cols_f64, rows, cols, k.p(), k.ld, vu.p(), vu.inc, height, partial.data());
		if (partial.back() != 12345.5)
			FAIL("narrow_cols: wrote beyond the partial sums");
		dense<double> got = vu.values("u"), sums = joined<double>(pieces, cols, partial.data(), cols, 0, {});
		got.insert(got.end(), sums.begin(), sums.end());
		return got;
	}), want, 8 + (rows + cols) / 32.);
}

// The decompositions of a batch: residual, orthogonality, order and signs of
// every matrix, and that its checks say the same.
template <class T> static void svd_batch(i64 m, i64 n, int lanes, int workers, bool vectors)
{
	const i64 count = 6, k = m < n ? m : n, rows = m < n ? n : m;
	const T inf = std::numeric_limits<T>::infinity();
	dense<T> a = numbers<T>(count * m * n, 22);
	for (i64 e = 0; e < m * n; e++) {
		a[m * n + e] = 0;
		a[2 * m * n + e] = e / n + 1;                                         // of rank 1
		a[3 * m * n + e] *= std::numeric_limits<T>::max() * (T)0x1p-8;         // huge
		a[4 * m * n + e] *= std::numeric_limits<T>::min() * powl(2, -(e % n)); // denormal, graded
	}
	a[5 * m * n + m * n / 2] = inf;
	dense<T> out[4];
	agreed<T>("svd_batch", [&] {
		i64 bytes = ((rows | 1) * k + (k | 1) * k + 2 * k) * sizeof(T) + 128 + (vectors ? (rows | 1) * k * sizeof(T) : 0);
		bytes = (bytes + 15) / 16 * 16;
		matrix<T> x(count, m * n, a), u(count, m * k), s(count, k), vt(count, k * n), checks(count, 4);
		launch_shared(bytes * (256 / (lanes * workers)), svd_batch_kernel<T>(), lanes, workers, bytes, count, m, n, x.p(), x.ld,
			vectors ? u.p() : nullptr, u.ld, s.p(), s.ld, vectors ? vt.p() : nullptr, vt.ld, checks.p(), checks.ld);
		out[0] = u.values("U"), out[1] = s.values("S"), out[2] = vt.values("Vt"), out[3] = checks.values("checks");
		dense<T> all;
		for (auto &o : out)
			all.insert(all.end(), o.begin(), o.end());
		return all;
	});
	const real eps = std::numeric_limits<T>::epsilon();
	for (i64 b = 0; b < count; b++) {
		const T *A = &a[b * m * n], *U = &out[0][b * m * k], *S = &out[1][b * k], *Vt = &out[2][b * k * n], *c = &out[3][b * 4];
		auto wrong = [&](const char *what, real by) {
			FAIL("svd_batch%zu, %lldx%lld, matrix %lld: %s %.3Lg", 8 * sizeof(T), m, n, b, what, by);
		};
		if (b == 5) {
			if (c[3] != 1 || !std::isnan(S[0]) || (vectors && (!std::isnan(U[m * k - 1]) || !std::isnan(Vt[0]))))
				wrong("not flagged", c[3]);
			continue;
		}
		real square = 0, values = 0;
		for (i64 e = 0; e < m * n; e++)
			square += (real)A[e] * A[e];
		for (i64 j = 0; j < k; j++) {
			values += (real)S[j] * S[j];
			if (!(S[j] >= 0) || (j > 0 && S[j] > S[j - 1]))
				wrong("order of value", j);
		}
		if (c[3] != 0 || fabsl(values - square) > 30 * eps * square + std::numeric_limits<T>::denorm_min() * sqrtl(square) * 64)
			wrong("squares of the values off by", (values - square) / square);
		if (!vectors)
			continue;
		real rest = 0, loss_u = 0, loss_v = 0;
		for (i64 i = 0; i < m; i++)
			for (i64 j = 0; j < n; j++) {
				real e = A[i * n + j];
				for (i64 l = 0; l < k; l++)
					e -= (real)U[i * k + l] * S[l] * Vt[l * n + j];
				rest += e * e;
			}
		for (i64 p = 0; p < k; p++) {
			T top = 0;
			for (i64 j = 0; j < n; j++)
				top = fabs(Vt[p * n + j]) > fabs(top) ? Vt[p * n + j] : top;
			if (!(top > 0))
				wrong("sign of right vector", p);
			for (i64 q = 0; q < k; q++) {
				real gu = p == q ? -1 : 0, gv = gu;
				for (i64 i = 0; i < m; i++)
					gu += (real)U[i * k + p] * U[i * k + q];
				for (i64 j = 0; j < n; j++)
					gv += (real)Vt[p * n + j] * Vt[q * n + j];
				loss_u += gu * gu, loss_v += gv * gv;
			}
		}
		rest = square > 0 ? sqrtl(rest / square) : 0, loss_u = sqrtl(loss_u), loss_v = sqrtl(loss_v);
		real limit = (20 + 2 * rows) * eps;
		bool tiny = b == 4; // whose values are rounded to few bits
		if (!(rest <= limit) && !tiny)
			wrong("residual", rest);
		if (!(loss_u <= limit) || !(loss_v <= limit))
			wrong("orthogonality", loss_u + loss_v);
		if ((fabsl(c[0] - rest) > 4 * eps * sqrtl(k) && !tiny) || fabsl(c[1] - loss_u) > rows * eps || fabsl(c[2] - loss_v) > rows * eps)
			wrong("checks", c[0] - rest);
	}
}

template <class T> static void svd_batches()
{
	struct {
		i64 m, n;
		int lanes, workers;
	} const batches[] = {
		{1, 1, 8, 1}, {2, 2, 8, 1}, {64, 2, 8, 1}, {3, 4, 4, 2}, {7, 5, 4, 4}, {9, 30, 8, 8}, {16, 16, 4, 8}, {17, 17, 8, 16},
		{40, 33, 8, 32}, {64, 64, 8, 32},
	};
	for (auto &b : batches)
		for (bool vectors : {true, false})
			if (vectors || b.m < 20) // the large ones take a second
				svd_batch<T>(b.m, b.n, b.lanes, b.workers, vectors);
}

// The eigendecompositions of a batch: residual, orthogonality, order and signs
// of every matrix, and that its checks say the same.
template <class T> static void eigh_batch(i64 n, int lanes, int workers, bool vectors)
{
	const i64 count = 8;
	const T inf = std::numeric_limits<T>::infinity();
	dense<T> a = numbers<T>(count * n * n, 23);
	for (i64 e = 0; e < n * n; e++) {
		i64 i = e / n, j = e % n;
		a[n * n + e] = 0;
		a[2 * n * n + e] = (i + 1) * (j + 1);                                  // of rank 1
		a[3 * n * n + e] *= std::numeric_limits<T>::max() * (T)0x1p-8;          // huge
		a[4 * n * n + e] *= std::numeric_limits<T>::min() * powl(2, -(i + j)); // denormal, graded
		a[5 * n * n + e] = i + j == n - 1;                                     // values 1 and -1
	}
	for (i64 b = 0; b < count; b++)
		for (i64 i = 0; i < n; i++)
			for (i64 j = 0; j < i; j++)
				a[b * n * n + j * n + i] = a[b * n * n + i * n + j];
	a[6 * n * n + n * n / 2] = inf;
	a[7 * n * n + n - 1] += n > 1; // not symmetric
	dense<T> out[3];
	agreed<T>("eigh_batch", [&] {
		i64 bytes = ((n | 1) * n * (vectors ? 2 : 1) + n + (n + 1) / 2 * 2) * sizeof(T) + 64;
		bytes = (bytes + 15) / 16 * 16;
		matrix<T> x(count, n * n, a), w(count, n), vt(count, n * n), checks(count, 4);
		launch_shared(bytes * (256 / (lanes * workers)), eigh_batch_kernel<T>(), lanes, workers, bytes, count, n, x.p(), x.ld,
			w.p(), w.ld, vectors ? vt.p() : nullptr, vt.ld, checks.p(), checks.ld);
		out[0] = w.values("W"), out[1] = vt.values("Vt"), out[2] = checks.values("checks");
		dense<T> all;
		for (auto &o : out)
			all.insert(all.end(), o.begin(), o.end());
		return all;
	});
	const real eps = std::numeric_limits<T>::epsilon();
	for (i64 b = 0; b < count; b++) {
		const T *A = &a[b * n * n], *w = &out[0][b * n], *V = &out[1][b * n * n], *c = &out[2][b * 4];
		auto wrong = [&](const char *what, real by) {
			FAIL("eigh_batch%zu, n=%lld, matrix %lld: %s %.3Lg", 8 * sizeof(T), n, b, what, by);
		};
		if (b == 6 || (b == 7 && n > 1)) {
			if (c[3] != (b == 6 ? 1 : 3) || !std::isnan(w[0]) || (vectors && !std::isnan(V[n * n - 1])))
				wrong("not flagged", c[3]);
			continue;
		}
		real square = 0, values = 0, largest = 0;
		for (i64 e = 0; e < n * n; e++)
			square += (real)A[e] * A[e];
		for (i64 j = 0; j < n; j++) {
			values += (real)w[j] * w[j];
			largest = std::max(largest, fabsl(w[j]));
			if (j > 0 && !(w[j] >= w[j - 1]))
				wrong("order of value", j);
		}
		if (c[3] != 0 || fabsl(values - square) > 30 * eps * square + std::numeric_limits<T>::denorm_min() * sqrtl(square) * 64)
			wrong("squares of the values off by", (values - square) / square);
		if (!vectors)
			continue;
		real rest = 0, loss = 0;
		for (i64 i = 0; i < n; i++) {
			T top = 0;
			for (i64 j = 0; j < n; j++) {
				real e = A[i * n + j], g = i == j ? -1 : 0;
				for (i64 l = 0; l < n; l++) {
					e -= (real)V[l * n + i] * w[l] * V[l * n + j];
					g += (real)V[i * n + l] * V[j * n + l];
				}
				rest += e * e, loss += g * g;
				top = fabs(V[i * n + j]) > fabs(top) ? V[i * n + j] : top;
			}
			if (!(top > 0))
				wrong("sign of vector", i);
		}
		rest = square > 0 ? sqrtl(rest / square) : 0, loss = sqrtl(loss);
		real limit = (20 + 2 * n) * eps, ratio = largest > 0 ? sqrtl(square) / largest : 0;
		bool tiny = b == 4; // whose values are rounded to few bits
		if ((!(rest <= limit) && !tiny) || !(loss <= limit))
			wrong("residual and orthogonality", rest + loss);
		if ((fabsl(c[0] - rest) > 4 * eps * sqrtl(n) && !tiny) || fabsl(c[1] - loss) > n * eps || (fabsl(c[2] - ratio) > n * eps && !tiny))
			wrong("checks", c[0] - rest);
	}
}

template <class T> static void eigh_batches()
{
	struct {
		i64 n;
		int lanes, workers;
	} const batches[] = {{1, 8, 1}, {2, 8, 1}, {3, 4, 2}, {4, 4, 2}, {5, 4, 4}, {16, 4, 8}, {17, 8, 16}, {33, 8, 32}, {64, 8, 32}};
	for (auto &b : batches)
		for (bool vectors : {true, false})
			if (vectors || b.n < 20)
				eigh_batch<T>(b.n, b.lanes, b.workers, vectors);
}

template <class T> static void all()
{
	svd_batches<T>();
	eigh_batches<T>();
	for (auto &s : shapes) {
		fill_and_copy<T>(s[0], s[1]);
		add<T>(s[0], s[1]);
		map<T>(s[0], s[1]);
		products<T>(s[0], s[1]);
		reduce<T>(s[0], s[1], false);
		reduce<T>(s[0], s[1], true);
		finite<T>(s[0], s[1]);
		softmin<T>(s[0], s[1], 2, false);
		softmin<T>(s[0], s[1], .05, false);
		softmin<T>(s[0], s[1], .5, true);
		sinkhorn<T>(s[0], s[1]);
		steps<T>(s[0], s[1]);
		const T inf = std::numeric_limits<T>::infinity(), largest = std::numeric_limits<T>::max();
		for (const layout &l : layouts) {
			current = &l;
			for (real size : {1.L, (real)largest, 1024.L * std::numeric_limits<T>::min(), 0.L})
				powers<T>(s[0], s[1], size, 0);
			for (T odd : {inf, -inf, std::numeric_limits<T>::quiet_NaN()})
				powers<T>(s[0], s[1], 1, odd);
		}
		current = layouts;
	}
	nothing<T>();
	for (i64 n : {1, 2, 31, 32, 33, 70})
		triangles<T>(n);
	for (i64 d : {1, 2, 3, 4, 5, 8, 9, 16, 33}) {
		points<T>(1, 1, d);
		points<T>(5, 70, d);
		points<T>(67, d == 8 || d == 33 ? 300 : 90, d); // tiles are of 64 points of each
	}
	for (auto &t : {dense<i64>{1, 1, 1, 8}, {3, 2, 5, 8}, {70, 3, 17, 32}, {40, 2, 130, 16}, {33, 5, 32, 256}, {9, 3, 8, 4}, {300, 1, 3, 100}})
		tangents<T>(t[0], t[1], t[2], t[3]);
	for (auto &s : shapes)
		for (double eps : {2., .125})
			plans<T>(s[0], s[1], eps, 1 + s[0] / 3);
	for (int team : {1, 2, 8, 32})
		sparse<T>(41, 30, 1, team, 9);
	sparse<T>(23, 30, 3, 8, 40);
	sparse<T>(19, 30, 33, 32, 6);
	sparse<T>(11, 30, 130, 32, 20);
	if (sizeof(T) == 4)
		points<T>(32771, 3, 9, {2.}); // in larger tiles
}

// Writes a rows×cols random matrix to standard output.
template <class T> static void print_random(int law, i64 rows, i64 cols, unsigned long long seed, unsigned long long stream)
{
	dense<T> v = agreed<T>("random", [&] {
		matrix<T> m(rows, cols);
		launch(random_kernel<T>(), law, seed, stream, rows, cols, m.p(), m.ld);
		return m.values("random");
	});
	fwrite(v.data(), sizeof(T), v.size(), stdout);
}

int main(int argc, char **argv)
{
	if (argc == 7) { // law, bits, rows, cols, seed, stream
		int law = atoi(argv[1]);
		i64 rows = atoll(argv[3]), cols = atoll(argv[4]);
		unsigned long long seed = strtoull(argv[5], nullptr, 10), stream = strtoull(argv[6], nullptr, 10);
		if (std::string(argv[2]) == "32")
			print_random<float>(law, rows, cols, seed, stream);
		else
			print_random<double>(law, rows, cols, seed, stream);
		return failures > 0;
	}
	all<float>();
	all<double>();
	for (real size : {1.L, 3e15L, 1e-18L})
		for (i64 d : {9, 30, 50, 100})
			halves(130, 140, d, size);
	for (auto &s : shapes)
		narrow(s[0], s[1], 1 + s[0] / 3);
	if (failures > 0)
		printf("%d failures\n", failures);
	return failures > 0;
}
