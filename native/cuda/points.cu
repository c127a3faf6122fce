// Costs between two clouds of points, the rows of x (n×d) and y (m×d):
//
//   pairwise_cost    out[i,j] = ‖xᵢ - yⱼ‖ᵖ
//   point_spread     the largest ‖xᵢ - c‖², one candidate from each block
//   softmin_points, softmin_products
//                    out[i] = -ε·log Σⱼ exp((g[j] - ‖xᵢ - yⱼ‖ᵖ)/ε), or what pieces of so
//                    many points y leave of it
//
// p is 1 or 2. Distances come from differences: ‖x‖² + ‖y‖² - 2⟨x,y⟩ would
// lose small ones to cancellation. Only where the spread of the points says
// that what is lost does not matter beside ε do the squares come
// from products, at half the instructions, with y₀ as the origin; ‖x‖² is added
// after the sum. Both kernels are then launched, and one of them has nothing to
// do, so that nobody waits for the decision. Products of float32 are those of
// softmin_halves, on tensor cores.
//
// softmin_points never stores the n×m costs: it streams tiles of y through
// shared memory past the points x, with a running maximum and sum for each
// point (the shape of Dao et al., FlashAttention, NeurIPS 2022). An element
// -Inf of g drops its term; a sum without terms gives +Inf. The order of the
// sums depends on the shape and that choice alone.
//
// Up to 8 coordinates a point x stays in registers and the exponentials or the
// multiplications are the limit. Above it tiles of both clouds pass through
// shared memory. For float a thread then has 8×4 pairs: six reads of shared
// memory serve 64 or 32 arithmetic instructions, which are the limit. Double
// has 4×4 pairs, and so have few points of float, which thus make twice as
// many blocks.
//
// Origin: definitions; Sinkhorn's half step without the cost matrix as in
// Feydy et al., Interpolating between optimal transport and MMD using Sinkhorn
// divergences, AISTATS 2019.
#include "rt.h"

namespace rz {

// Turns N squared distances into costs. One branch for all of them: of a
// choice for each a compiler makes a square root that is always computed.
template <int N, class T> RZ_FN void to_costs(int p, T *square)
{
	if (p == 1) {
#pragma unroll
		for (int k = 0; k < N; k++)
			square[k] = sqrt(square[k]);
	}
}

// Squared distances of 16·ROWS points x and 64 points y, by 16×16 threads with
// ROWS×4 distances each: thread (row, col) has the rows ROWS·row + r and the
// columns col + 16·c. Points beyond the clouds count as 0.
enum { MANY_POINTS = 32768 }; // enough for the blocks of the larger tiles on any GPU
enum { SIDE = 16, EACH = 4, TILE = SIDE * EACH, DEPTH = 16 };

// The coordinates of a tile in shared memory. The rows of x are padded to
// multiples of 16 bytes, since a thread reads its rows together.
template <int ROWS, class T> struct tile_memory {
	alignas(16) T x[DEPTH][SIDE * ROWS + 4];
	T y[DEPTH][TILE + 1];
};

template <int ROWS, class T> struct distances {
	enum { POINTS = SIDE * ROWS }; // of x in a tile
	T s[ROWS][EACH];

	RZ_FN static int row() { return threadIdx.x / SIDE; }
	RZ_FN static int col() { return threadIdx.x % SIDE; }

	RZ_FN void clear()
	{
#pragma unroll
		for (int r = 0; r < ROWS; r++)
#pragma unroll
			for (int c = 0; c < EACH; c++)
				s[r][c] = 0;
	}
	// The coordinates from k0 on, less those of the origin unless it is null.
	RZ_FN static void load(tile_memory<ROWS, T> &shared, const T *x, i64 ldx, i64 i0, i64 n, const T *y, i64 ldy, i64 j0,
		i64 m, i64 k0, i64 d, const T *origin)
	{
		i64 k = k0 + col(); // neighbours read neighbouring coordinates
		T o = origin && k < d ? origin[k] : (T)0;
#pragma unroll
		for (int r = 0; r < ROWS; r++) {
			i64 i = i0 + row() + SIDE * r;
			shared.x[col()][row() + SIDE * r] = i < n && k < d ? x[i * ldx + k] - o : 0;
		}
#pragma unroll
		for (int c = 0; c < EACH; c++) {
			i64 j = j0 + row() + SIDE * c;
			shared.y[col()][row() + SIDE * c] = j < m && k < d ? y[j * ldy + k] - o : 0;
		}
	}
	RZ_FN void compute(tile_memory<ROWS, T> &shared, const T *x, i64 ldx, i64 i0, i64 n, const T *y, i64 ldy, i64 j0, i64 m,
		i64 d)
	{
		clear();
		for (i64 k0 = 0; k0 < d; k0 += DEPTH) {
			load(shared, x, ldx, i0, n, y, ldy, j0, m, k0, d, nullptr);
			__syncthreads();
#pragma unroll 4
			for (int l = 0; l < DEPTH; l++)
				add_coordinate<false>(shared.x[l], shared.y[l]);
			__syncthreads();
		}
	}
	// Products in place of squared distances. norm becomes the square of the
	// length of a point: of x for thread t < POINTS, of y number t - POINTS
	// for the next 64.
	RZ_FN void multiply(tile_memory<ROWS, T> &shared, const T *x, i64 ldx, i64 i0, i64 n, const T *y, i64 ldy, i64 j0, i64 m,
		i64 d, T *norm)
	{
		clear();
		*norm = 0;
		for (i64 k0 = 0; k0 < d; k0 += DEPTH) {
			load(shared, x, ldx, i0, n, y, ldy, j0, m, k0, d, y);
			__syncthreads();
			int t = threadIdx.x;
			if (t < POINTS + TILE) {
				const T *point = t < POINTS ? &shared.x[0][t] : &shared.y[0][t - POINTS];
				int step = t < POINTS ? SIDE * ROWS + 4 : TILE + 1;
#pragma unroll 4
				for (int l = 0; l < DEPTH; l++)
					*norm += point[l * step] * point[l * step];
			}
#pragma unroll 4
			for (int l = 0; l < DEPTH; l++)
				add_coordinate<true>(shared.x[l], shared.y[l]);
			__syncthreads();
		}
	}
	template <bool PRODUCTS> RZ_FN void add_coordinate(const T *x, const T *y)
	{
		T u[ROWS], v[EACH];
#pragma unroll
		for (int r = 0; r < ROWS; r += 4)
			load_four<true>(x + ROWS * row() + r, 1, u + r);
#pragma unroll
		for (int c = 0; c < EACH; c++)
			v[c] = y[col() + SIDE * c];
#pragma unroll
		for (int r = 0; r < ROWS; r++)
#pragma unroll
			for (int c = 0; c < EACH; c++) {
				if constexpr (PRODUCTS) {
					s[r][c] += u[r] * v[c];
				} else {
					T e = u[r] - v[c];
					s[r][c] += e * e;
				}
			}
	}
};

template <class T>
RZ_FN void pairwise_cost(int p, i64 n, i64 m, i64 d, const T *x, i64 ldx, const T *y, i64 ldy, T *out, i64 ldo)
{
	enum { ROWS = 4 };
	typedef distances<ROWS, T> tile_of;
	i64 across = (m + TILE - 1) / TILE, tiles = (n + tile_of::POINTS - 1) / tile_of::POINTS * across;
	__shared__ tile_memory<ROWS, T> shared;
	tile_of tile;
	for (i64 t = blockIdx.x; t < tiles; t += gridDim.x) {
		i64 i0 = t / across * tile_of::POINTS, j0 = t % across * TILE;
		tile.compute(shared, x, ldx, i0, n, y, ldy, j0, m, d);
#pragma unroll
		for (int r = 0; r < ROWS; r++) {
			to_costs<EACH>(p, tile.s[r]);
#pragma unroll
			for (int c = 0; c < EACH; c++) {
				i64 i = i0 + ROWS * tile.row() + r, j = j0 + tile.col() + SIDE * c;
				if (i < n && j < m)
					out[i * ldo + j] = tile.s[r][c];
			}
		}
	}
}

// So many points x from first_x on, beside a piece of the points y.
struct meeting {
	i64 piece, first_x, first_y, end_y;

	// Number b of those of n points x in tiles and m points y in pieces of so much height.
	RZ_FN meeting(i64 b, i64 n, int tile, i64 m, i64 height)
	{
		i64 tiles = (n + tile - 1) / tile;
		piece = b / tiles;
		first_x = (b - piece * tiles) * tile;
		first_y = piece * height;
		end_y = smaller(m, first_y + height);
	}
	RZ_FN static i64 count(i64 n, int tile, i64 m, i64 height)
	{
		return (n + tile - 1) / tile * larger<i64>(1, (m + height - 1) / height);
	}
};

// Any number of coordinates: tile by tile of distances. The 16 threads of a
// row, half a warp, join their sums at the end.
template <int ROWS, class T>
RZ_FN void softmin_tiles(tile_memory<ROWS, T> &shared, int p, i64 n, i64 m, i64 d, const T *x, i64 ldx, const T *y, i64 ldy, const T *g,
	i64 incg, i64 height, soft_output<T> out)
{
	T k = base_two(out.eps);
	typedef distances<ROWS, T> tile_of;
	tile_of tile;
	for (i64 b = blockIdx.x; b < meeting::count(n, tile_of::POINTS, m, height); b += gridDim.x) {
		meeting at(b, n, tile_of::POINTS, m, height);
		soft_sum<T> s[ROWS];
#pragma unroll
		for (int r = 0; r < ROWS; r++)
			s[r] = soft_sum<T>::none();
		for (i64 j0 = at.first_y; j0 < at.end_y; j0 += TILE) {
			tile.compute(shared, x, ldx, at.first_x, n, y, ldy, j0, at.end_y, d);
			T h[EACH];
#pragma unroll
			for (int c = 0; c < EACH; c++) {
				i64 j = j0 + tile.col() + SIDE * c;
				h[c] = j < at.end_y ? g[j * incg] : -inf<T>();
			}
#pragma unroll
			for (int r = 0; r < ROWS; r++) {
				T *t = tile.s[r];
				to_costs<EACH>(p, t);
#pragma unroll
				for (int c = 0; c < EACH; c++)
					t[c] = h[c] - t[c];
				s[r].template add<EACH>(t, k);
			}
		}
#pragma unroll
		for (int r = 0; r < ROWS; r++) {
			i64 i = at.first_x + ROWS * tile.row() + r;
			s[r].template join_lanes<SIDE>(k);
			if (i < n && tile.col() == 0)
				out.put(at.piece, i, s[r]);
		}
	}
}

// The same with p = 2 from products.
template <int ROWS, class T>
RZ_FN void softmin_product_tiles(tile_memory<ROWS, T> &shared, T *norms, i64 n, i64 m, i64 d, const T *x, i64 ldx, const T *y, i64 ldy,
	const T *g, i64 incg, i64 height, soft_output<T> out)
{
	T k = base_two(out.eps);
	typedef distances<ROWS, T> tile_of;
	tile_of tile;
	for (i64 b = blockIdx.x; b < meeting::count(n, tile_of::POINTS, m, height); b += gridDim.x) {
		meeting at(b, n, tile_of::POINTS, m, height);
		soft_sum<T> s[ROWS];
#pragma unroll
		for (int r = 0; r < ROWS; r++)
			s[r] = soft_sum<T>::none();
		T norm;
		for (i64 j0 = at.first_y; j0 < at.end_y; j0 += TILE) {
			tile.multiply(shared, x, ldx, at.first_x, n, y, ldy, j0, at.end_y, d, &norm);
			if (threadIdx.x < tile_of::POINTS + TILE)
				norms[threadIdx.x] = norm;
			__syncthreads();
			T h[EACH];
#pragma unroll
			for (int c = 0; c < EACH; c++) {
				int number = tile.col() + SIDE * c;
				i64 j = j0 + number;
				h[c] = j < at.end_y ? g[j * incg] - norms[tile_of::POINTS + number] : -inf<T>();
			}
#pragma unroll
			for (int r = 0; r < ROWS; r++) {
				T *t = tile.s[r];
#pragma unroll
				for (int c = 0; c < EACH; c++)
					t[c] = h[c] + 2 * t[c];
				s[r].template add<EACH>(t, k);
			}
		}
#pragma unroll
		for (int r = 0; r < ROWS; r++) {
			i64 i = at.first_x + ROWS * tile.row() + r;
			s[r].template join_lanes<SIDE>(k);
			s[r].top -= norms[ROWS * tile.row() + r];
			if (i < n && tile.col() == 0)
				out.put(at.piece, i, s[r]);
		}
		__syncthreads(); // norms is free again
	}
}

// A NaN is passed over: what it belongs to becomes NaN anyway.
template <class T> RZ_FN void point_spread(i64 n, i64 d, const T *x, i64 ldx, const T *origin, T *out)
{
	__shared__ T part[WARPS];
	T largest = 0;
	for (i64 i = (i64)blockIdx.x * WARPS + warp_of_block(); i < n; i += (i64)gridDim.x * WARPS) {
		T s = 0;
		for (i64 k = lane_of_warp(); k < d; k += LANES) {
			T e = x[i * ldx + k] - origin[k];
			s += e * e;
		}
		largest = larger(warp_sum(s), largest);
	}
	if (lane_of_warp() == 0)
		part[warp_of_block()] = largest;
	__syncthreads();
	if (threadIdx.x == 0) {
		for (int w = 1; w < WARPS; w++)
			largest = larger(part[w], largest);
		out[blockIdx.x] = largest;
	}
}

// A tile of points y with up to 8 coordinates and their g in shared memory,
// and the warps' sums.
template <class T> struct stream_memory {
	alignas(16) T y[8][THREADS], g[THREADS];
	T top[WARPS][LANES], sum[WARPS][LANES];
};

// Up to D coordinates: a lane has a point x in registers; the warps share the
// points y of a tile, of which each takes every eighth piece.
template <int D, class T>
RZ_FN void softmin_registers(stream_memory<T> &shared, int p, i64 n, i64 m, int d, const T *x, i64 ldx, const T *y, i64 ldy,
	const T *g, i64 incg, i64 height, soft_output<T> out)
{
	enum { PIECE = 8 };
	T k = base_two(out.eps);
	for (i64 block = blockIdx.x; block < meeting::count(n, LANES, m, height); block += gridDim.x) {
		meeting at(block, n, LANES, m, height);
		i64 i = at.first_x + lane_of_warp();
		T point[D];
#pragma unroll
		for (int l = 0; l < D; l++)
			point[l] = i < n && l < d ? x[i * ldx + l] : 0;
		soft_sum<T> s = soft_sum<T>::none();
		for (i64 j0 = at.first_y; j0 < at.end_y; j0 += THREADS) {
			i64 j = j0 + threadIdx.x;
#pragma unroll
			for (int l = 0; l < D; l++)
				shared.y[l][threadIdx.x] = j < at.end_y && l < d ? y[j * ldy + l] : 0;
			shared.g[threadIdx.x] = j < at.end_y ? g[j * incg] : -inf<T>();
			__syncthreads();
			for (int b = warp_of_block() * PIECE; b < THREADS && j0 + b < at.end_y; b += WARPS * PIECE) {
				T t[PIECE];
#pragma unroll
				for (int q = 0; q < PIECE; q++)
					t[q] = 0;
#pragma unroll
				for (int l = 0; l < D; l++) {
					T y[PIECE];
					load_four<true>(&shared.y[l][b], 1, y);
					load_four<true>(&shared.y[l][b + 4], 1, y + 4);
#pragma unroll
					for (int q = 0; q < PIECE; q++) {
						T e = point[l] - y[q];
						t[q] += e * e;
					}
				}
				T h[PIECE];
				load_four<true>(&shared.g[b], 1, h);
				load_four<true>(&shared.g[b + 4], 1, h + 4);
				to_costs<PIECE>(p, t);
#pragma unroll
				for (int q = 0; q < PIECE; q++)
					t[q] = h[q] - t[q];
				s.template add<PIECE>(t, k);
			}
			__syncthreads(); // y and g are free again
		}
		shared.top[warp_of_block()][lane_of_warp()] = s.top;
		shared.sum[warp_of_block()][lane_of_warp()] = s.sum;
		__syncthreads();
		if (warp_of_block() == 0 && i < n) {
			for (int w = 1; w < WARPS; w++)
				s.join({shared.top[w][lane_of_warp()], shared.sum[w][lane_of_warp()]}, k);
			out.put(at.piece, i, s);
		}
		__syncthreads(); // top and sum are free again
	}
}

template <class T>
RZ_FN void softmin_points(int p, i64 n, i64 m, i64 d, const T *x, i64 ldx, const T *y, i64 ldy, const T *g, i64 incg,
	const T *spread, i64 parts, i64 height, soft_output<T> out)
{
	enum { MANY = sizeof(T) == 4 ? 8 : 4 }; // rows of a thread for many points
	__shared__ union {
		stream_memory<T> stream;
		tile_memory<4, T> tile;
		tile_memory<MANY, T> large;
	} shared;
	if (products_suffice(out.eps, spread, parts))
		return;
	if (d <= 1)
		softmin_registers<1>(shared.stream, p, n, m, d, x, ldx, y, ldy, g, incg, height, out);
	else if (d == 2)
		softmin_registers<2>(shared.stream, p, n, m, d, x, ldx, y, ldy, g, incg, height, out);
	else if (d == 3)
		softmin_registers<3>(shared.stream, p, n, m, d, x, ldx, y, ldy, g, incg, height, out);
	else if (d == 4)
		softmin_registers<4>(shared.stream, p, n, m, d, x, ldx, y, ldy, g, incg, height, out);
	else if (d <= 8)
		softmin_registers<8>(shared.stream, p, n, m, d, x, ldx, y, ldy, g, incg, height, out);
	else if (MANY > 4 && n >= MANY_POINTS)
		softmin_tiles<MANY>(shared.large, p, n, m, d, x, ldx, y, ldy, g, incg, height, out);
	else
		softmin_tiles<4>(shared.tile, p, n, m, d, x, ldx, y, ldy, g, incg, height, out);
}

// softmin_points for p = 2 where products suffice; it leaves the rest to that.
RZ_FN void softmin_products(i64 n, i64 m, i64 d, const double *x, i64 ldx, const double *y, i64 ldy, const double *g, i64 incg,
	const double *spread, i64 parts, i64 height, soft_output<double> out)
{
	__shared__ tile_memory<4, double> shared;
	__shared__ double norms[2 * TILE];
	if (products_suffice(out.eps, spread, parts))
		softmin_product_tiles<4>(shared, norms, n, m, d, x, ldx, y, ldy, g, incg, height, out);
}

} // namespace rz

using rz::i64;

RZ_KERNEL ritz_pairwise_cost_f32(int p, i64 n, i64 m, i64 d, const float *x, i64 ldx, const float *y, i64 ldy,
	float *out, i64 ldo)
{
	rz::pairwise_cost(p, n, m, d, x, ldx, y, ldy, out, ldo);
}
RZ_KERNEL ritz_pairwise_cost_f64(int p, i64 n, i64 m, i64 d, const double *x, i64 ldx, const double *y, i64 ldy,
	double *out, i64 ldo)
{
	rz::pairwise_cost(p, n, m, d, x, ldx, y, ldy, out, ldo);
}

RZ_KERNEL ritz_point_spread_f32(i64 n, i64 d, const float *x, i64 ldx, const float *origin, float *out)
{
	rz::point_spread(n, d, x, ldx, origin, out);
}
RZ_KERNEL ritz_point_spread_f64(i64 n, i64 d, const double *x, i64 ldx, const double *origin, double *out)
{
	rz::point_spread(n, d, x, ldx, origin, out);
}

// spread has parts candidates for the largest distance of a point from y₀, of x
// and of y; with none, distances come from differences. height is that of the pieces
// of y.
RZ_KERNEL_WIDEST ritz_softmin_products_f64(double eps, i64 n, i64 m, i64 d, const double *x, i64 ldx, const double *y, i64 ldy,
	const double *g, i64 incg, const double *spread, i64 parts, i64 height, double *out, i64 incout, double *partial)
{
	rz::softmin_products(n, m, d, x, ldx, y, ldy, g, incg, spread, parts, height, {eps, out, incout, partial, n});
}
RZ_KERNEL ritz_softmin_points_f32(int p, float eps, i64 n, i64 m, i64 d, const float *x, i64 ldx, const float *y,
	i64 ldy, const float *g, i64 incg, const float *spread, i64 parts, i64 height, float *out, i64 incout, float *partial)
{
	rz::softmin_points<float>(p, n, m, d, x, ldx, y, ldy, g, incg, spread, parts, height, {eps, out, incout, partial, n});
}
RZ_KERNEL_WIDEST ritz_softmin_points_f64(int p, double eps, i64 n, i64 m, i64 d, const double *x, i64 ldx, const double *y,
	i64 ldy, const double *g, i64 incg, const double *spread, i64 parts, i64 height, double *out, i64 incout, double *partial)
{
	rz::softmin_points<double>(p, n, m, d, x, ldx, y, ldy, g, incg, spread, parts, height, {eps, out, incout, partial, n});
}
