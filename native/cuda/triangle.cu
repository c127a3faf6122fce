// Triangles of square and rectangular row-major matrices.
//
//   mirror     copies the valid triangle of a symmetric matrix onto the other
//   triangle   keeps a triangle with the diagonal and clears the rest
//
// Memory bandwidth is the limit. mirror goes through tiles in shared memory,
// so that it reads and writes along rows.
//
// Origin: definitions; BLAS and LAPACK leave the other triangle as it was.
#include "rt.h"

namespace rz {

template <class T> RZ_FN void mirror(bool upper, i64 n, T *a, i64 lda)
{
	enum { SIDE = 32 };
	__shared__ T tile[SIDE][SIDE + 1];
	int x = threadIdx.x % SIDE, y0 = threadIdx.x / SIDE;
	i64 side = (n + SIDE - 1) / SIDE;
	for (i64 t = blockIdx.x; t < side * side; t += gridDim.x) {
		i64 low = t / side, high = t % side;
		if (low > high)
			continue;
		// The tile is read at (i0,j0) and written, transposed, at (j0,i0).
		i64 i0 = (upper ? low : high) * SIDE, j0 = (upper ? high : low) * SIDE;
		for (int y = y0; y < SIDE; y += THREADS / SIDE)
			if (i0 + y < n && j0 + x < n)
				tile[y][x] = a[(i0 + y) * lda + j0 + x];
		__syncthreads();
		for (int y = y0; y < SIDE; y += THREADS / SIDE) {
			i64 i = j0 + y, j = i0 + x;
			if (i < n && j < n && (upper ? i > j : i < j))
				a[i * lda + j] = tile[x][y];
		}
		__syncthreads();
	}
}

template <class T> RZ_FN void triangle(bool upper, i64 rows, i64 cols, T *a, i64 lda)
{
	for (walk w(rows, cols); w.inside(); w.next())
		if (upper ? w.j < w.i : w.j > w.i)
			a[w.i * lda + w.j] = 0;
}

} // namespace rz

using rz::i64;

RZ_KERNEL ritz_mirror_f32(int upper, i64 n, float *a, i64 lda) { rz::mirror(upper, n, a, lda); }
RZ_KERNEL ritz_mirror_f64(int upper, i64 n, double *a, i64 lda) { rz::mirror(upper, n, a, lda); }

RZ_KERNEL ritz_triangle_f32(int upper, i64 rows, i64 cols, float *a, i64 lda) { rz::triangle(upper, rows, cols, a, lda); }
RZ_KERNEL ritz_triangle_f64(int upper, i64 rows, i64 cols, double *a, i64 lda) { rz::triangle(upper, rows, cols, a, lda); }
