// Costs between two clouds of points, the rows of x (n×d) and y (m×d):
//
//   pairwise_cost    out[i,j] = ‖xᵢ - yⱼ‖ᵖ
//   softmin_points   out[i] = -ε·log Σⱼ exp((g[j] - ‖xᵢ - yⱼ‖ᵖ)/ε)
//
// p is 1 or 2. Distances come from differences: ‖x‖² + ‖y‖² - 2⟨x,y⟩ would
// lose small ones to cancellation. softmin_points never stores the n×m costs:
// it streams tiles of y through shared memory past the points x, with a
// running maximum and sum for each point (the shape of Dao et al.,
// FlashAttention, NeurIPS 2022). An element -Inf of g drops its term; a sum
// without terms gives +Inf. The order of the sums depends on the shape alone.
//
// Up to 8 coordinates a point x stays in registers and the exponentials or the
// multiplications are the limit, above it the tiles' shared memory.
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

// Squared distances of 64 points x and 64 points y, by 16×16 threads with 4×4
// distances each: thread (row, col) has the rows row + 16·r and the columns
// col + 16·c. Points beyond the clouds count as 0.
enum { TILE = 64, SIDE = 16, EACH = TILE / SIDE, DEPTH = 16 };

// The coordinates of a tile in shared memory, with a padded column.
template <class T> struct tile_memory {
	T x[DEPTH][TILE + 1], y[DEPTH][TILE + 1];
};

template <class T> struct square_tile {
	T s[EACH][EACH];

	RZ_FN static int row() { return threadIdx.x / SIDE; }
	RZ_FN static int col() { return threadIdx.x % SIDE; }

	RZ_FN void compute(tile_memory<T> &shared, const T *x, i64 ldx, i64 i0, i64 n, const T *y, i64 ldy, i64 j0, i64 m,
		i64 d)
	{
#pragma unroll
		for (int r = 0; r < EACH; r++)
#pragma unroll
			for (int c = 0; c < EACH; c++)
				s[r][c] = 0;
		for (i64 k0 = 0; k0 < d; k0 += DEPTH) {
			i64 k = k0 + col(); // neighbours read neighbouring coordinates
#pragma unroll
			for (int r = 0; r < EACH; r++) {
				i64 i = i0 + row() + SIDE * r, j = j0 + row() + SIDE * r;
				shared.x[col()][row() + SIDE * r] = i < n && k < d ? x[i * ldx + k] : 0;
				shared.y[col()][row() + SIDE * r] = j < m && k < d ? y[j * ldy + k] : 0;
			}
			__syncthreads();
#pragma unroll 4
			for (int l = 0; l < DEPTH; l++)
				add_coordinate(shared.x[l], shared.y[l]);
			__syncthreads();
		}
	}
	RZ_FN void add_coordinate(const T *x, const T *y)
	{
		T u[EACH], v[EACH];
#pragma unroll
		for (int r = 0; r < EACH; r++) {
			u[r] = x[row() + SIDE * r];
			v[r] = y[col() + SIDE * r];
		}
#pragma unroll
		for (int r = 0; r < EACH; r++)
#pragma unroll
			for (int c = 0; c < EACH; c++) {
				T e = u[r] - v[c];
				s[r][c] += e * e;
			}
	}
};

template <class T>
RZ_FN void pairwise_cost(int p, i64 n, i64 m, i64 d, const T *x, i64 ldx, const T *y, i64 ldy, T *out, i64 ldo)
{
	i64 across = (m + TILE - 1) / TILE, tiles = (n + TILE - 1) / TILE * across;
	__shared__ tile_memory<T> shared;
	square_tile<T> tile;
	for (i64 t = blockIdx.x; t < tiles; t += gridDim.x) {
		i64 i0 = t / across * TILE, j0 = t % across * TILE;
		tile.compute(shared, x, ldx, i0, n, y, ldy, j0, m, d);
#pragma unroll
		for (int r = 0; r < EACH; r++) {
			to_costs<EACH>(p, tile.s[r]);
#pragma unroll
			for (int c = 0; c < EACH; c++) {
				i64 i = i0 + tile.row() + SIDE * r, j = j0 + tile.col() + SIDE * c;
				if (i < n && j < m)
					out[i * ldo + j] = tile.s[r][c];
			}
		}
	}
}

// Any number of coordinates: tile by tile of distances. The 16 threads of a
// row, half a warp, join their sums at the end.
template <class T>
RZ_FN void softmin_tiles(tile_memory<T> &shared, int p, T eps, i64 n, i64 m, i64 d, const T *x, i64 ldx, const T *y, i64 ldy, const T *g,
	i64 incg, T *out, i64 incout)
{
	T k = base_two(eps);
	square_tile<T> tile;
	for (i64 i0 = (i64)blockIdx.x * TILE; i0 < n; i0 += (i64)gridDim.x * TILE) {
		soft_sum<T> s[EACH];
#pragma unroll
		for (int r = 0; r < EACH; r++)
			s[r] = soft_sum<T>::none();
		for (i64 j0 = 0; j0 < m; j0 += TILE) {
			tile.compute(shared, x, ldx, i0, n, y, ldy, j0, m, d);
			T h[EACH];
#pragma unroll
			for (int c = 0; c < EACH; c++) {
				i64 j = j0 + tile.col() + SIDE * c;
				h[c] = j < m ? g[j * incg] : -inf<T>();
			}
#pragma unroll
			for (int r = 0; r < EACH; r++) {
				T *t = tile.s[r];
				to_costs<EACH>(p, t);
#pragma unroll
				for (int c = 0; c < EACH; c++)
					t[c] = h[c] - t[c];
				s[r].template add<EACH>(t, k);
			}
		}
#pragma unroll
		for (int r = 0; r < EACH; r++) {
			i64 i = i0 + tile.row() + SIDE * r;
			s[r].template join_lanes<SIDE>(k);
			if (i < n && tile.col() == 0)
				out[i * incout] = s[r].value(eps);
		}
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
RZ_FN void softmin_registers(stream_memory<T> &shared, int p, T eps, i64 n, i64 m, int d, const T *x, i64 ldx,
	const T *y, i64 ldy, const T *g, i64 incg, T *out, i64 incout)
{
	enum { PIECE = 8 };
	T k = base_two(eps);
	for (i64 i0 = (i64)blockIdx.x * LANES; i0 < n; i0 += (i64)gridDim.x * LANES) {
		i64 i = i0 + lane_of_warp();
		T point[D];
#pragma unroll
		for (int l = 0; l < D; l++)
			point[l] = i < n && l < d ? x[i * ldx + l] : 0;
		soft_sum<T> s = soft_sum<T>::none();
		for (i64 j0 = 0; j0 < m; j0 += THREADS) {
			i64 j = j0 + threadIdx.x;
#pragma unroll
			for (int l = 0; l < D; l++)
				shared.y[l][threadIdx.x] = j < m && l < d ? y[j * ldy + l] : 0;
			shared.g[threadIdx.x] = j < m ? g[j * incg] : -inf<T>();
			__syncthreads();
			for (int b = warp_of_block() * PIECE; b < THREADS && j0 + b < m; b += WARPS * PIECE) {
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
			out[i * incout] = s.value(eps);
		}
		__syncthreads(); // top and sum are free again
	}
}

template <class T>
RZ_FN void softmin_points(int p, T eps, i64 n, i64 m, i64 d, const T *x, i64 ldx, const T *y, i64 ldy, const T *g,
	i64 incg, T *out, i64 incout)
{
	__shared__ union {
		stream_memory<T> stream;
		tile_memory<T> tile;
	} shared;
	if (d <= 1)
		softmin_registers<1>(shared.stream, p, eps, n, m, d, x, ldx, y, ldy, g, incg, out, incout);
	else if (d == 2)
		softmin_registers<2>(shared.stream, p, eps, n, m, d, x, ldx, y, ldy, g, incg, out, incout);
	else if (d == 3)
		softmin_registers<3>(shared.stream, p, eps, n, m, d, x, ldx, y, ldy, g, incg, out, incout);
	else if (d == 4)
		softmin_registers<4>(shared.stream, p, eps, n, m, d, x, ldx, y, ldy, g, incg, out, incout);
	else if (d <= 8)
		softmin_registers<8>(shared.stream, p, eps, n, m, d, x, ldx, y, ldy, g, incg, out, incout);
	else
		softmin_tiles(shared.tile, p, eps, n, m, d, x, ldx, y, ldy, g, incg, out, incout);
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

RZ_KERNEL ritz_softmin_points_f32(int p, float eps, i64 n, i64 m, i64 d, const float *x, i64 ldx, const float *y,
	i64 ldy, const float *g, i64 incg, float *out, i64 incout)
{
	rz::softmin_points(p, eps, n, m, d, x, ldx, y, ldy, g, incg, out, incout);
}
RZ_KERNEL ritz_softmin_points_f64(int p, double eps, i64 n, i64 m, i64 d, const double *x, i64 ldx, const double *y,
	i64 ldy, const double *g, i64 incg, double *out, i64 incout)
{
	rz::softmin_points(p, eps, n, m, d, x, ldx, y, ldy, g, incg, out, incout);
}
