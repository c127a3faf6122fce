// Runs the kernels of native/cuda whose threads exchange data, in all orders
// of threads, for ThreadSanitizer. The results are the business of
// native/cuda's own tests.
#include "elementwise.cu"
#include "halves.cu"
#include "jacobi.cu"
#include "minimum.cu"
#include "narrow.cu"
#include "plan.cu"
#include "points.cu"
#include "powers.cu"
#include "reduce.cu"
#include "sinkhorn.cu"
#include "softmin.cu"
#include "sparse.cu"
#include "tangent.cu"
#include "triangle.cu"

#include <cstdio>
#include <vector>

typedef long long i64;

static int failures;

template <class... A>
static void launch_shared(unsigned shared, int blocks, void (*kernel)(A...), typename rz_emu_same<A>::type... values) {
  for (int order : {RZ_EMU_FORWARD, RZ_EMU_REVERSED, RZ_EMU_RANDOM}) {
    void *params[] = {(void *)&values..., (void *)&kernel};
    rz_emu_launch l = {};
    l.run = [](void **p) { rz_emu::invoke(*(void (**)(A...))p[sizeof...(A)], p); };
    l.memory = rz_emu_shared;
    l.params = params;
    l.grid = dim3(blocks);
    l.block = dim3(256);
    l.shared = shared;
    l.order = order;
    if (const char *error = rz_emu_run(&l)) puts(error), failures++;
  }
}

template <class... A> static void launch(int blocks, void (*kernel)(A...), typename rz_emu_same<A>::type... values) {
  launch_shared(0, blocks, kernel, values...);
}

// Batches with zero matrices, whose vectors are completed, in teams of more
// and of less than a warp.
static void svd_batch(i64 m, i64 n, int lanes, int workers) {
  const i64 count = 5, k = m < n ? m : n, rows = m < n ? n : m;
  std::vector<double> a(count * m * n), u(count * m * k), s(count * k), vt(count * k * n), checks(count * 4);
  for (i64 i = 0; i < 3 * m * n; i++) a[i] = (double)((i * i) % 17) - 8;
  i64 bytes = (((rows | 1) * k * 2 + (k | 1) * k + 2 * k) * 8 + 128 + 15) / 16 * 16;
  launch_shared(bytes * (256 / (lanes * workers)), 2, ritz_svd_batch_f64, lanes, workers, bytes, count, m, n, a.data(), m * n,
                u.data(), m * k, s.data(), k, vt.data(), k * n, checks.data(), 4);
}

static void eigh_batch(i64 n, int lanes, int workers) {
  const i64 count = 5;
  std::vector<double> a(count * n * n), w(count * n), vt(count * n * n), checks(count * 4);
  for (i64 i = 0; i < 3 * n * n; i++) a[i] = (double)((i % n) * (i / n % n) % 7) - 3;
  i64 bytes = (((n | 1) * n * 2 + n + (n + 1) / 2 * 2) * 8 + 64 + 15) / 16 * 16;
  launch_shared(bytes * (256 / (lanes * workers)), 2, ritz_eigh_batch_f64, lanes, workers, bytes, count, n, a.data(), n * n,
                w.data(), n, vt.data(), n * n, checks.data(), 4);
}

// Rows of a sparse matrix, the longest in two segments.
static void sparse(i64 k) {
  const i64 start[] = {0, 40, 43, 43}, segment[] = {0, 30, 30, 40}, row[] = {0, 0, 0, 2};
  std::vector<int> col(43, 1);
  std::vector<double> val(43, 0.5), x(2 * k, 2), y(3 * k), partial(2 * k);
  launch(2, ritz_sparse_rows_f64, 16, 1.0, 0.0, 3, k, 30, start, col.data(), val.data(), x.data(), k, y.data(), k);
  launch(2, ritz_sparse_segments_f64, 2, k, segment, col.data(), val.data(), x.data(), k, partial.data());
  launch(2, ritz_sparse_join_f64, 1.0, 0.0, 1, k, row, partial.data(), y.data(), k);
}

// Kernels that leave sums of columns for pieces of rows, and those around them.
static void sums(i64 rows, i64 cols) {
  const i64 height = 8, pieces = (rows + height - 1) / height;
  std::vector<double> c(rows * cols, 0.5), g(cols, 0.1), a(rows, 0.2), d(rows), h(cols), top(rows), scale(rows), f(rows);
  std::vector<double> partial(2 * pieces * cols), out(cols), p(rows * cols);
  std::vector<float> k(rows * cols, 0.5f);
  launch(2, ritz_plan_scales_f64, 0.1, rows, cols, c.data(), cols, g.data(), 1, a.data(), 1, top.data(), scale.data(), f.data(), 1);
  launch(2, ritz_plan_rows_f64, 0.1, rows, cols, c.data(), cols, g.data(), 1, top.data(), scale.data(), p.data(), cols);
  launch(3, ritz_plan_sums_f64, 0.1, rows, cols, c.data(), cols, g.data(), 1, top.data(), scale.data(), height, partial.data());
  launch(3, ritz_reduce_strips_f64, 3, rows, cols, c.data(), cols, nullptr, 0, height, partial.data());
  launch(2, ritz_reduce_pieces_f64, 0, pieces, cols, partial.data(), 2 * cols, 0.0, out.data(), 1);
  launch(2, ritz_min_rows_f64, rows, cols, c.data(), cols, g.data(), 1, g.data(), 1, f.data(), 1, d.data(), 1);
  launch(2, ritz_min_cols_f64, rows, cols, c.data(), cols, f.data(), 1, rows, h.data(), 1, nullptr);
  launch(3, ritz_min_cols_f64, rows, cols, c.data(), cols, f.data(), 1, height, nullptr, 1, partial.data());
  launch(3, ritz_softmin_cols_f64, 0.1, rows, cols, c.data(), cols, f.data(), 1, height, nullptr, 1, partial.data());
  launch(2, ritz_softmin_join_f64, 0.1, pieces, cols, partial.data(), h.data(), 1);
  launch(2, ritz_narrow_rows_f64, rows, cols, k.data(), cols, a.data(), 1, g.data(), 1, f.data(), 1);
  launch(3, ritz_narrow_cols_f64, rows, cols, k.data(), cols, f.data(), 1, height, partial.data());
  for (i64 ways : {1, 3}) { // directions
    std::vector<double> wide(rows * cols * ways, 0.5), u(wide), bias(cols * ways), leaves(pieces * cols * ways);
    launch(2, ritz_tangent_forward_f64, rows, ways, cols, bias.data(), 1, c.data(), cols, u.data(), cols * ways, wide.data(), cols * ways);
    launch(3, ritz_tangent_backward_f64, rows, ways, cols, c.data(), cols, c.data(), cols, u.data(), cols * ways, wide.data(),
           cols * ways, height, leaves.data());
    launch(2, ritz_softmax_tangent_f64, rows, ways, cols, c.data(), cols, u.data(), cols * ways);
  }
}

// Points in two pieces on tensor cores, whose coordinates come in one chunk or in several.
static void halves(i64 n, i64 m, i64 d) {
  const int all = (d + 15) / 16, chunks = all > 4 ? all : 1, steps = all > 4 ? 1 : all;
  const i64 height = 128, pieces = (m + height - 1) / height, rows = (n + 127) / 128 * 128, cols = (m + 127) / 128 * 128;
  std::vector<float> x(n * d, 0.5f), y(m * d), g(m), spread(2, d), squares(rows), terms(cols), partial(2 * pieces * n), out(n);
  std::vector<rz::quad> a(rows * all * 4), b(cols * all * 4);
  launch(2, ritz_split_points_f32, n, d, chunks, steps, 1.f, x.data(), d, y.data(), nullptr, 1, spread.data(), 2, a.data(), squares.data());
  launch(2, ritz_split_points_f32, m, d, chunks, steps, 1.f, y.data(), d, y.data(), g.data(), 1, spread.data(), 2, b.data(), terms.data());
  launch(2, chunks > 1 ? ritz_softmin_chunks_f32 : ritz_softmin_halves_f32, 1.f, n, m, chunks > 1 ? chunks : steps, a.data(),
         squares.data(), b.data(), terms.data(), spread.data(), 2, height, out.data(), 1, partial.data());
  launch(2, ritz_softmin_join_f32, 1.f, pieces, n, partial.data(), out.data(), 1);
}

int main() {
  halves(140, 200, 20);
  halves(3, 300, 70);
  sums(1, 1);
  sums(21, 10);
  sums(17, 40);
  sums(2, 1100); // rows that a whole block shares
  svd_batch(5, 7, 4, 4);
  svd_batch(12, 10, 4, 8);
  svd_batch(18, 17, 8, 16);
  eigh_batch(7, 4, 4);
  eigh_batch(8, 4, 4);
  eigh_batch(18, 8, 16);
  for (i64 rows : {1, 37})
    for (i64 cols : {1, 33, 700}) {
      std::vector<double> a(rows * cols, 0.5), b(rows * cols, 2), g(cols, 0.1), out(rows + cols), partial(3);
      std::vector<double> c(rows * cols), square(rows * rows), x(rows * 5), y(cols * 5);
      int flag = 0;
      for (int r = 0; r < 6; r++) {
        launch(2, ritz_reduce_rows_f64, r, rows, cols, a.data(), cols, nullptr, 0, out.data(), 1);
        launch(2, ritz_reduce_cols_f64, r, rows, cols, a.data(), cols, nullptr, 0, out.data(), 1);
        launch(3, ritz_reduce_whole_f64, r, rows, cols, a.data(), cols, nullptr, 0, partial.data());
        launch(1, ritz_reduce_final_f64, r, 3, partial.data(), out.data());
      }
      launch(2, ritz_reduce_rows_f64, 0, rows, cols, a.data(), cols, b.data(), cols, out.data(), 1);
      launch(2, ritz_softmin_rows_f64, 0.1, rows, cols, a.data(), cols, g.data(), 1, out.data(), 1);
      launch(2, ritz_softmin_cols_f64, 0.1, rows, cols, a.data(), cols, std::vector<double>(rows).data(), 1, rows, out.data(), 1, nullptr);
      launch(2, ritz_scaling_rows_f64, rows, cols, a.data(), cols, b.data(), 1, g.data(), 1, out.data(), 1);
      launch(2, ritz_softmin_points_f64, 2, 0.1, rows, cols, 5, x.data(), 5, y.data(), 5, g.data(), 1, nullptr, 0, cols, out.data(), 1,
             nullptr);
      std::vector<double> wide(cols * 20), origin(20), spread(2);
      launch(2, ritz_point_spread_f64, cols, 20, wide.data(), 20, origin.data(), spread.data());
      launch(2, ritz_softmin_points_f64, 2, 0.1, rows, cols, 20, wide.data(), 0, wide.data(), 20, g.data(), 1, nullptr, 0, cols,
             out.data(), 1, nullptr);
      launch(2, ritz_softmin_products_f64, 0.1, rows, cols, 20, wide.data(), 0, wide.data(), 20, g.data(), 1, spread.data(), 2, cols,
             out.data(), 1, nullptr);
      launch(2, ritz_add_f64, 1, 1.0, a.data(), rows, 0, 1.0, b.data(), cols, rows, cols, c.data(), cols);
      launch(2, ritz_mirror_f64, 1, rows, square.data(), rows);
      std::vector<double> shares(6), sums(3);
      launch(2, ritz_power_sums_f64, 1.0, 2.0, rows, cols, a.data(), cols, b.data(), cols, shares.data());
      launch(1, ritz_power_final_f64, 2, shares.data(), sums.data(), 1);
      launch(2, ritz_finite_f64, rows, cols, a.data(), cols, &flag);
    }
  sparse(1);
  sparse(5);
  std::vector<double> c(2 * 1100), out(2); // rows that a whole block shares
  launch(2, ritz_reduce_rows_f64, 0, 2, 1100, c.data(), 1100, nullptr, 0, out.data(), 1);
  std::vector<double> weights(2, 0.5), scales(2);
  launch(2, ritz_scaling_rows_f64, 2, 1100, c.data(), 1100, weights.data(), 1, c.data(), 1, scales.data(), 1);
  launch(2, ritz_softmin_rows_f64, 0.1, 2, 1100, c.data(), 1100, c.data(), 1, out.data(), 1);
  return failures > 0;
}
