// Soft minima between clouds of points, the rows of x (n×d) and y (m×d), in float32
// with the products of points on tensor cores:
//
//   split_points     a cloud for softmin_halves, in the order of its fragments, and
//                    rest[i] = ‖xᵢ - c‖², or g[i] - ‖xᵢ - c‖² where g is not null
//   softmin_halves, softmin_chunks
//                    out[i] = -ε·log Σⱼ exp((g[j] - ‖xᵢ - yⱼ‖²)/ε), or what pieces of so
//                    many points y leave of it, of up to 64 coordinates or of more
//
// They do nothing where softmin_points does the work: it computes the same, with
// more coordinates than 8 where products of points are not exact enough.
//
// A coordinate, less that of the origin c = y₀ and times a power of two that makes
// the largest ‖x‖ about 2¹⁵, is a sum hi + lo of two numbers of float16, whose 11
// bits each leave an error of 2⁻²² or, beside the largest ‖x‖, 2⁻⁴⁰. A product of
// points is hi·hi + hi·lo + lo·hi, exact products added up in float32; lo·lo is
// another 2⁻²². Tensor cores add 16 products to what is there and truncate (Fasi,
// Higham, Mikaitis and Pranesh, Numerical behavior of NVIDIA tensor cores, PeerJ
// Computer Science 7, 2021): 3·d/16 truncations, below (12 + 3·d/8)·2⁻²⁴ in all
// against d·2⁻²⁴ for d products one after the other. Parts of float16 are as exact as
// those of TF32, at twice the rate and in half of the memory.
//
// A block has 128 points x and takes the points y of its piece tile by tile, in two
// buffers, of which one is filled while the other is multiplied. Four pairs of warps
// have 32 points x each, in registers, the warps of a pair half of the points y each.
// The fragments of a warp lie together, so that it reads 512 bytes at a time. A
// thread has the products of two columns in each of four rows for every eight points
// y, and a running maximum and sum for each row. The order of the sums depends on the
// shape alone. The multiplications are the limit, then the exponentials.
//
// Origin: Ootomo and Yokota, Recovering single precision accuracy from tensor cores
// while surpassing the FP32 theoretical peak performance, IJHPCA 36, 2022; Dao et al.,
// FlashAttention, NeurIPS 2022.
#include "rt.h"

namespace rz {

// The bits of a number of float16, rounded to nearest, and the number of such bits.
RZ_FN u32 to_half(float x)
{
#ifdef RZ_EMU
	return rz_emu_to_half(x);
#else
	unsigned short h;
	asm("cvt.rn.f16.f32 %0, %1;" : "=h"(h) : "f"(x));
	return h;
#endif
}
RZ_FN float from_half(u32 bits)
{
#ifdef RZ_EMU
	return rz_emu_from_half(bits);
#else
	float x;
	asm("cvt.f32.f16 %0, %1;" : "=f"(x) : "h"((unsigned short)bits));
	return x;
#endif
}

// C += A·B for a warp, 16×8 += 16×16 · 16×8, of float16 in float32. With g = lane/4 and
// t = lane%4 a lane has
//
//   a[0] A[g, 2t and 2t+1]    a[1] A[g+8, 2t and 2t+1]
//   a[2] A[g, 2t+8 and 2t+9]  a[3] A[g+8, 2t+8 and 2t+9]
//   b0   B[2t and 2t+1, g]    b1   B[2t+8 and 2t+9, g]
//   c[0] C[g, 2t]  c[1] C[g, 2t+1]  c[2] C[g+8, 2t]  c[3] C[g+8, 2t+1]
//
// where the first of two numbers is in the low half (PTX ISA, matrix fragments for
// mma.m16n8k16).
RZ_FN void multiply_add(float *c, const u32 *a, u32 b0, u32 b1)
{
#ifdef RZ_EMU
	rz_emu_multiply_halves(c, a, b0, b1);
#else
	asm("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
		: "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
		: "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
#endif
}

// Copies 16 bytes to shared memory, while this thread goes on; they are there after
// await_copies.
RZ_FN void copy_async(void *to, const void *from)
{
#ifdef RZ_EMU
	rz_emu_copy_async(to, from);
#else
	asm volatile("{\n\t.reg .u64 to, from;\n\tcvta.to.shared.u64 to, %0;\n\tcvta.to.global.u64 from, %1;\n\t"
		     "cp.async.cg.shared.global [to], [from], 16;\n\t}" : : "l"(to), "l"(from) : "memory");
#endif
}
RZ_FN void await_copies()
{
#ifdef RZ_EMU
	rz_emu_await_copies();
#else
	asm volatile("cp.async.wait_all;" : : : "memory");
#endif
}

// What one read of a lane brings, of 16 coordinates, of which lane has 4t to 4t+3,
// two in a word: of 8 points y a fragment B of multiply_add with hi, and one with lo;
// of 16 points x a fragment A with hi, or one with lo. Which coordinate takes which
// place in the sum does not matter, as long as x and y have it in the same.
struct alignas(16) quad {
	u32 v[4];
};

// Clouds are padded to whole stripes of so many points. Within one, coordinates come in
// chunks of so many steps of 16, and what belongs to a chunk lies together, as a block
// reads it: of y as [stripe][chunk][8 points][step][lane], of x as
// [stripe][chunk][16 points][step][hi, lo][lane].
enum { STRIPE = 128, STRIPE_GROUPS = STRIPE / 8 };

// A power of two e so that 2^e·‖x‖ is below 2¹⁵ for the largest ‖x‖², but no more than
// what leaves 2^(-2e) a normal number.
RZ_FN int exponent_of_scale(const float *spread, i64 parts)
{
	float m;
	float largest = larger(largest_of(spread, parts), 0x1p-90f);
	int e = split(largest, &m); // largest < 2^(e+1/2)
	return 14 - (e >> 1);
}

// Twice what a product of scaled points is to be multiplied by.
RZ_FN float unscale(const float *spread, i64 parts) { return power_of_two<float>(1 - 2 * exponent_of_scale(spread, parts)); }

// A warp has 8 points at a time, of x where there is no g. Coordinates and points beyond
// those of the cloud are 0, and count nothing in a soft minimum.
RZ_FN void split_points(i64 n, i64 d, int chunks, int steps, float eps, const float *x, i64 ldx, const float *origin, const float *g,
	i64 incg, const float *spread, i64 parts, u32 *out, float *rest)
{
	if (!products_suffice(eps, spread, parts))
		return;
	const float scale = power_of_two<float>(exponent_of_scale(spread, parts));
	const int lane = lane_of_warp(), t = lane % 4;
	i64 groups = (n + STRIPE - 1) / STRIPE * STRIPE_GROUPS;
	for (i64 at = (i64)blockIdx.x * WARPS + warp_of_block(); at < groups; at += (i64)gridDim.x * WARPS) {
		i64 i = 8 * at + lane / 4;
		float square = 0;
#pragma unroll 1
		for (i64 chunk = 0; chunk < chunks; chunk++)
#pragma unroll 1
			for (int s = 0; s < steps; s++) {
				i64 group = (at / STRIPE_GROUPS * chunks + chunk) * STRIPE_GROUPS + at % STRIPE_GROUPS;
#pragma unroll
				for (int w = 0; w < 2; w++) { // words of hi and of lo
					u32 hi = 0, lo = 0;
#pragma unroll
					for (int l = 0; l < 2; l++) {
						i64 k = 16 * (chunk * steps + s) + 4 * t + 2 * w + l;
						float v = i < n && k < d ? x[i * ldx + k] - origin[k] : 0;
						square += v * v;
						v *= scale;
						u32 bits = to_half(v);
						hi |= bits << 16 * l;
						lo |= to_half(v - from_half(bits)) << 16 * l;
					}
					if (g) {
						u32 *to = out + ((group * steps + s) * LANES + lane) * 4;
						to[w] = hi;
						to[2 + w] = lo;
					} else { // the second 8 of 16 points have the odd words
						u32 *to = out + ((group / 2 * steps + s) * 2 * LANES + lane) * 4 + group % 2;
						to[2 * w] = hi;
						to[4 * LANES + 2 * w] = lo;
					}
				}
			}
		square += across(square, 1);
		square += across(square, 2);
		if (t == 0)
			rest[i] = !g ? square : i < n ? g[i * incg] - square : -inf<float>();
	}
}

struct halves_memory {
	quad y[2][1024];
	alignas(16) float h[2][128];
	float top[STRIPE], sum[STRIPE];
	i64 piece, i0; // of the block: nobody needs them meanwhile, and registers are short
};

// STEPS·16 coordinates at a time. A warp multiplies its 32 points x by GROUPS·8 points
// y at a time, PARTS times between two barriers.
template <int STEPS, int GROUPS, int PARTS> struct halves_tile {
	enum { COLS = 16 * GROUPS * PARTS, QUADS = COLS / 8 * STEPS * LANES };
	quad hi[2][STEPS], lo[2][STEPS]; // of 16 points each
	float c[2][GROUPS][4];

	// Starts to read the next points y and their h, from this thread's first on.
	RZ_FN static void load(halves_memory &shared, int buffer, const quad *y, const float *h)
	{
#pragma unroll
		for (int k = 0; k < QUADS; k += THREADS)
			copy_async(&shared.y[buffer][threadIdx.x + k], y + k);
		if (threadIdx.x < COLS / 4)
			copy_async(&shared.h[buffer][4 * threadIdx.x], h);
	}
	// The points of this warp; x is the first quad of theirs for this lane.
	RZ_FN void take(const quad *x)
	{
#pragma unroll
		for (int r = 0; r < 2; r++)
#pragma unroll
			for (int s = 0; s < STEPS; s++) {
				hi[r][s] = x[(r * STEPS + s) * 2 * LANES];
				lo[r][s] = x[((r * STEPS + s) * 2 + 1) * LANES];
			}
	}
	RZ_FN void clear()
	{
#pragma unroll
		for (int r = 0; r < 2; r++)
#pragma unroll
			for (int q = 0; q < GROUPS; q++)
#pragma unroll
				for (int l = 0; l < 4; l++)
					c[r][q][l] = 0;
	}
	// y is the first quad of this warp's points for this lane.
	RZ_FN void multiply(const quad *y)
	{
#pragma unroll
		for (int s = 0; s < STEPS; s++)
#pragma unroll
			for (int q = 0; q < GROUPS; q++) {
				quad f = y[(q * STEPS + s) * LANES];
#pragma unroll
				for (int r = 0; r < 2; r++)
					multiply_add(c[r][q], hi[r][s].v, f.v[2], f.v[3]);
#pragma unroll
				for (int r = 0; r < 2; r++)
					multiply_add(c[r][q], lo[r][s].v, f.v[0], f.v[1]);
#pragma unroll
				for (int r = 0; r < 2; r++)
					multiply_add(c[r][q], hi[r][s].v, f.v[0], f.v[1]);
			}
	}
	// Adds the terms h + back·c to the sums of the rows, W at a time. h is that of the
	// first column of this lane.
	RZ_FN void add(soft_sum<float> *sums, const float *h, float back, float k)
	{
		enum { W = GROUPS < 4 ? 2 * GROUPS : 8 };
#pragma unroll
		for (int q = 0; q < GROUPS; q += W / 2) {
			float g[W];
#pragma unroll
			for (int l = 0; l < W; l++)
				g[l] = h[8 * (q + l / 2) + l % 2];
#pragma unroll
			for (int row = 0; row < 4; row++) {
				float t[W];
#pragma unroll
				for (int l = 0; l < W; l++)
					t[l] = g[l] + back * c[row / 2][q + l / 2][row % 2 * 2 + l % 2];
				sums[row].template add<W>(t, k);
			}
		}
	}
};

// With one chunk a warp keeps the coordinates of its points, else it reads them again
// for every tile of y.
template <int STEPS, int GROUPS, int PARTS, bool ONE>
RZ_FN void softmin_halves(halves_memory &shared, float back, i64 n, i64 m, int chunks, const quad *x, const float *squares,
	const quad *y, const float *h, i64 height, soft_output<float> out)
{
	typedef halves_tile<STEPS, GROUPS, PARTS> tile_of;
	const float k = base_two(out.eps);
	const int lane = lane_of_warp(), pair = warp_of_block() / 2, side = warp_of_block() % 2;
	const i64 tiles = (n + STRIPE - 1) / STRIPE, pieces = (m + height - 1) / height;
	if (ONE)
		chunks = 1;
	const i64 point = (i64)chunks * STEPS * LANES / 8; // quads for a point
#pragma unroll 1
	for (i64 b = blockIdx.x; b < tiles * pieces; b += gridDim.x) {
		i64 piece = b / tiles, i0 = (b - piece * tiles) * STRIPE, j0 = piece * height;
		const quad *mine = x + i0 * point + 4 * pair * STEPS * LANES + lane, *from = y + j0 * point + threadIdx.x;
		int column = (int)j0 + 4 * threadIdx.x;
		tile_of tile;
		soft_sum<float> sums[4];
#pragma unroll
		for (int row = 0; row < 4; row++)
			sums[row] = soft_sum<float>::none();
		if (threadIdx.x == 0) {
			shared.piece = piece;
			shared.i0 = i0;
		}
		int left = (int)((smaller(height, m - j0) + tile_of::COLS - 1) / tile_of::COLS) * chunks, chunk = 0;
		tile_of::load(shared, left & 1, from, h + column);
		if (ONE)
			tile.take(mine);
#pragma unroll 1
		for (; left > 0; left--) {
			const int buffer = left & 1;
			await_copies();
			__syncthreads(); // this buffer is there, and the other one free again
			bool whole = chunk + 1 == chunks;
			from += tile_of::QUADS;
			if (whole)
				column += tile_of::COLS;
			if (left > 1)
				tile_of::load(shared, buffer ^ 1, from, h + column);
			if (!ONE) {
				tile.take(mine);
				mine += (whole ? 1 - chunks : 1) * (i64)(STRIPE_GROUPS * STEPS * LANES);
			}
#pragma unroll 1
			for (int part = side; part < 2 * PARTS; part += 2) {
				if (chunk == 0)
					tile.clear();
				tile.multiply(&shared.y[buffer][part * GROUPS * STEPS * LANES + lane]);
				if (whole)
					tile.add(sums, &shared.h[buffer][part * 8 * GROUPS + 2 * (lane % 4)], back, k);
			}
			chunk = whole ? 0 : chunk + 1;
		}
#pragma unroll
		for (int row = 0; row < 4; row++) {
			int at = 32 * pair + 8 * row + lane / 4; // in the tile
			sums[row].template join_lanes<4>(k);
			if (side == 1 && lane % 4 == 0) {
				shared.top[at] = sums[row].top;
				shared.sum[at] = sums[row].sum;
			}
		}
		__syncthreads();
#pragma unroll
		for (int row = 0; row < 4; row++) {
			int at = 32 * pair + 8 * row + lane / 4;
			i64 i = shared.i0 + at;
			if (side == 0 && lane % 4 == 0 && i < n) {
				sums[row].join({shared.top[at], shared.sum[at]}, k);
				sums[row].top -= squares[i];
				out.put(shared.piece, i, sums[row]);
			}
		}
		__syncthreads(); // shared is free again
	}
}

} // namespace rz

using rz::i64;

// spread has parts candidates for the largest ‖x - c‖², of both clouds.
RZ_KERNEL ritz_split_points_f32(i64 n, i64 d, int chunks, int steps, float eps, const float *x, i64 ldx,
	const float *origin, const float *g, i64 incg, const float *spread, i64 parts, void *out, float *rest)
{
	rz::split_points(n, d, chunks, steps, eps, x, ldx, origin, g, incg, spread, parts, (rz::u32 *)out, rest);
}

// x and y are what split_points makes of the clouds: one chunk of 1, 2 or 4 steps, or
// for softmin_chunks several of one. height is a multiple of 128. Two kernels, as
// their variants side by side need more registers than the largest of them.
RZ_KERNEL_WIDE ritz_softmin_halves_f32(float eps, i64 n, i64 m, int steps, const void *x, const float *squares, const void *y,
	const float *h, const float *spread, i64 parts, i64 height, float *out, i64 incout, float *partial)
{
	__shared__ rz::halves_memory shared;
	if (!rz::products_suffice(eps, spread, parts))
		return;
	const float back = rz::unscale(spread, parts);
	const rz::quad *u = (const rz::quad *)x, *v = (const rz::quad *)y;
	const rz::soft_output<float> to = {eps, out, incout, partial, n};
	if (steps == 1)
		rz::softmin_halves<1, 4, 2, true>(shared, back, n, m, 1, u, squares, v, h, height, to);
	else if (steps == 2)
		rz::softmin_halves<2, 4, 2, true>(shared, back, n, m, 1, u, squares, v, h, height, to);
	else
		rz::softmin_halves<4, 2, 2, true>(shared, back, n, m, 1, u, squares, v, h, height, to);
}

RZ_KERNEL_WIDE ritz_softmin_chunks_f32(float eps, i64 n, i64 m, int chunks, const void *x, const float *squares, const void *y,
	const float *h, const float *spread, i64 parts, i64 height, float *out, i64 incout, float *partial)
{
	__shared__ rz::halves_memory shared;
	if (!rz::products_suffice(eps, spread, parts))
		return;
	rz::softmin_halves<1, 8, 1, false>(shared, rz::unscale(spread, parts), n, m, chunks, (const rz::quad *)x, squares,
		(const rz::quad *)y, h, height, {eps, out, incout, partial, n});
}
