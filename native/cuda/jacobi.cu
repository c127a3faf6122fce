// Decompositions of many small matrices (1 ≤ m, n ≤ 64):
//
//   svd_batch    A = U·diag(S)·Vᵀ for each of count matrices
//   eigh_batch   A = Vᵀ·diag(W)·V for each of count symmetric matrices, n×n
//
// A team of lanes·workers threads has one matrix, in shared memory from the
// first step to the last; a block has as many teams as fit. With B the taller
// of A and Aᵀ and its columns in descending order of length, Householder
// reflections give B = Q·R, and rotations W make the columns of Y = Rᵀ·W
// orthogonal: B = (Q·W)·Yᵀ. Each worker, a few neighbouring lanes, rotates one
// pair of columns; a round rotates n/2 disjoint pairs at once, and a sweep of
// rounds meets every pair, in the order of a round-robin tournament. The
// columns of a pair stay in registers between their inner products and their
// rotation. About 60·m·n² operations; the traffic of shared memory is the
// limit.
//
// Symmetric matrices are rotated from both sides, each pair of workers turning
// the four elements that their rows and columns have in common: two barriers a
// round, about 40·n³ operations.
//
// A team that has converged turns nothing more, so that a result depends
// neither on the other matrices of its block nor on its place.
//
// Origin: Hestenes, Inversion of matrices by biorthogonalization, 1958; the
// parallel order is that of Brent and Luk, The solution of singular-value
// problems on multiprocessor arrays, 1985, and the preconditioning by QR that
// of Drmač and Veselić, New fast and accurate Jacobi SVD algorithm, 2008. The
// updates of symmetric matrices are those of Rutishauser, The Jacobi method for
// real symmetric matrices, 1966.
#include "rt.h"

extern __shared__ __align__(128) unsigned char rz_smem[];

namespace rz {

enum { SWEEPS = 30, MOST_TEAMS = 32 };

// Statuses, with the numbers of goapi/device.
enum { BATCH_DONE, BATCH_NOT_FINITE, BATCH_NOT_CONVERGED, BATCH_NOT_SYMMETRIC };

// The largest entry of a matrix is brought between 2^top and 2^(top+1), where
// no square overflows. Columns with a square below tiny count as zero, and
// elements of symmetric matrices below gone.
template <class T> struct jacobi_range;
template <> struct jacobi_range<float> {
	static constexpr float eps = 0x1p-23f, tiny = 0x1p-42f, wide = 0x1p60f, gone = 0x1p-31f;
	static constexpr int top = 19;
};
template <> struct jacobi_range<double> {
	static constexpr double eps = 0x1p-52, tiny = 1, wide = 0x1p500, gone = 0x1p-200;
	static constexpr int top = 200;
};

RZ_FN int exponent_of(float x) { return ((to_bits(x) >> 23) & 0xff) - 127; }
RZ_FN int exponent_of(double x) { return (int)((to_bits(x) >> 52) & 0x7ff) - 1023; }

// The threads that have one matrix. All of them, and all teams of a block, go
// through the same shuffles and barriers.
struct team {
	int lanes, workers, size, number, lane, worker, me;

	RZ_FN team(int lanes, int workers) : lanes(lanes), workers(workers), size(lanes * workers)
	{
		number = threadIdx.x / size;
		me = threadIdx.x % size;
		worker = me / lanes;
		lane = me % lanes;
	}
	// The sum over the lanes of a worker, in a fixed order.
	template <class T> RZ_FN T sum(T x) const
	{
		for (int l = lanes / 2; l > 0; l /= 2)
			x += across(x, l);
		return x;
	}
	// Over all threads of the team; op does not mind the order of its operands.
	template <class T, class Op> RZ_FN T join(T x, T *part, Op op) const
	{
		for (int l = (size < LANES ? size : LANES) / 2; l > 0; l /= 2)
			x = op(x, across(x, l));
		if (size > LANES) {
			if (lane_of_warp() == 0)
				part[warp_of_block()] = x;
			__syncthreads();
			const T *own = part + number * (size / LANES);
			x = own[0];
			for (int w = 1; w < size / LANES; w++)
				x = op(x, own[w]);
			__syncthreads(); // part is free again
		}
		return x;
	}
	template <class T> RZ_FN T dot(int n, const T *x, const T *y) const
	{
		T s = 0;
		for (int i = lane; i < n; i += lanes)
			s += x[i] * y[i];
		return sum(s);
	}
};

// What a team keeps in shared memory. Columns are contiguous, an odd distance
// apart. left is missing where only values are wanted.
template <class T> struct svd_memory {
	int ldx, ldy;
	T *x;        // rows×n: B, then R and the reflections below it
	T *y;        // n×n: Rᵀ, then the right vectors, their rows in sorted order
	T *diagonal; // of R; later scratch
	T *sigma;
	T *left;     // rows×n: W, then Q·W
	unsigned char *sorted; // sorted[r]: the column of B that is column r of x
	unsigned char *ranked; // ranked[r]: the column of y with the r-th largest value

	RZ_FN svd_memory(unsigned char *base, int rows, int n) : ldx(rows | 1), ldy(n | 1)
	{
		x = (T *)base;
		y = x + ldx * n;
		diagonal = y + ldy * n;
		sigma = diagonal + n;
		sorted = (unsigned char *)(sigma + n);
		ranked = sorted + 64;
		left = (T *)(ranked + 64);
	}
};

// A matrix as it stands in global memory, and its scale.
template <class T> struct svd_input {
	const T *a; // null: there is none, which counts as zero
	int m, n;
	T first, second;
	bool bad; // holds a NaN or an infinity, and counts as zero

	// Element (i,c) of B.
	RZ_FN T at(int i, int c) const
	{
		if (!a || bad)
			return 0;
		return (m < n ? a[c * n + i] : a[i * n + c]) * first * second;
	}
	// first makes the largest entry a normal number, second brings its
	// exponent to top.
	RZ_FN void measure(const team &t, T *part)
	{
		typedef jacobi_range<T> range;
		T largest = 0, wrong = 0;
		for (int e = t.me; a && e < m * n; e += t.size) {
			T v = a[e];
			wrong = v - v != 0 ? (T)1 : wrong;
			largest = larger(abs(v), largest);
		}
		largest = t.join(largest, part, [](T p, T q) { return larger(p, q); });
		bad = t.join(wrong, part, [](T p, T q) { return larger(p, q); }) != 0;
		first = second = 1;
		if (largest == 0 || bad)
			return;
		first = largest > range::wide ? 1 / range::wide : largest < 1 / range::wide ? range::wide : (T)1;
		second = power_of_two<T>(range::top - exponent_of(largest * first));
	}
};

// order[r] = the column with the r-th largest key; equal keys stay in order.
template <class T> RZ_FN void rank(const team &t, int n, const T *key, unsigned char *order)
{
	for (int j = t.me; j < n; j += t.size) {
		int r = 0;
		for (int k = 0; k < n; k++)
			r += k < j ? key[k] >= key[j] : key[k] > key[j];
		order[r] = (unsigned char)j;
	}
	__syncthreads();
}

// The columns of B in descending order of length go to x. key is scratch.
template <class T> RZ_FN void load_sorted(const team &t, const svd_input<T> &in, int rows, int n, const svd_memory<T> &s)
{
	for (int k0 = 0; k0 < n; k0 += t.workers) {
		int k = k0 + t.worker;
		T square = 0;
		for (int i = t.lane; i < rows && k < n; i += t.lanes) {
			T v = in.at(i, k);
			square += v * v;
		}
		square = t.sum(square);
		if (k < n && t.lane == 0)
			s.sigma[k] = square;
	}
	__syncthreads();
	rank(t, n, s.sigma, s.sorted);
	for (int e = t.me; e < rows * n; e += t.size)
		s.x[e / rows * s.ldx + e % rows] = in.at(e % rows, s.sorted[e / rows]);
	__syncthreads();
}

// One reflection I - factor·v·vᵀ, v being zero before element j, head at it
// and that of x below.
template <class T> struct reflection {
	const T *v;
	T head, factor;
	int j;

	RZ_FN T at(int i) const { return i > j ? v[i] : i == j ? head : (T)0; }

	// Applies it to a column, whose elements are the lanes' in turn; with
	// idle, only shuffles.
	RZ_FN void apply(const team &t, int rows, T *x, bool idle) const
	{
		T w = 0;
		for (int i = t.lane; i < rows && !idle; i += t.lanes)
			w += at(i) * x[i];
		w = t.sum(w) * factor;
		for (int i = t.lane; i < rows && !idle; i += t.lanes)
			x[i] -= w * at(i);
	}
	// That of column j of R, diagonal being its diagonal. A column that counts
	// as zero below the diagonal was not reflected.
	RZ_FN reflection(const svd_memory<T> &s, int j, T diagonal) : v(s.x + j * s.ldx), j(j)
	{
		head = v[j] - diagonal;
		factor = head == 0 ? (T)0 : -1 / (diagonal * head);
	}
};

// x = Q·R: R above the diagonal, which goes to diagonal; the reflections on
// it and below.
template <class T> RZ_FN void reflect(const team &t, int rows, int n, const svd_memory<T> &s)
{
	for (int j = 0; j < n; j++) {
		const T *v = s.x + j * s.ldx;
		T head = v[j], below = 0;
		for (int i = t.lane; i < rows; i += t.lanes)
			below += i > j ? v[i] * v[i] : (T)0;
		below = t.sum(below);
		T d = below > jacobi_range<T>::tiny ? -with_sign(sqrt(head * head + below), head) : head;
		reflection<T> r(s, j, d);
		for (int k0 = j + 1; k0 < n; k0 += t.workers) {
			int k = k0 + t.worker;
			r.apply(t, rows, s.x + k * s.ldx, k >= n);
		}
		if (t.me == 0)
			s.diagonal[j] = d;
		__syncthreads();
	}
}

// The pair of columns of a worker in a round, p < q. There is none where q is
// n or more.
RZ_FN void pair_of(int n, int round, int worker, int *p, int *q)
{
	int players = n + (n & 1), others = players - 1;
	if (2 * worker >= players) {
		*p = 0;
		*q = n;
		return;
	}
	int a = (round + worker) % others, b = worker == 0 ? others : (round + others - worker) % others;
	*p = a < b ? a : b;
	*q = a < b ? b : a;
}

// Rotates the columns of the pair by the angle with sine s, the tangent of
// half of which is tau. Corrections instead of products with the cosine, which
// is often near 1, round less.
template <class T> RZ_FN void rotate(T s, T tau, T x, T y, T *nx, T *ny)
{
	*nx = x - s * (y + tau * x);
	*ny = y + s * (x - tau * y);
}

// Makes two columns of y orthogonal and applies the rotation to left, if it is
// there. EACH·lanes covers n. Returns whether they were not orthogonal, to
// rounding.
template <int EACH, class T> RZ_FN bool turn(const team &t, int n, T tol2, T *yp, T *yq, T *lp, T *lq, bool idle)
{
	T x[EACH], z[EACH], alpha = 0, beta = 0, gamma = 0;
#pragma unroll
	for (int e = 0; e < EACH; e++) {
		int i = t.lane + e * t.lanes;
		bool in = i < n && !idle;
		x[e] = in ? yp[i] : (T)0;
		z[e] = in ? yq[i] : (T)0;
		alpha += x[e] * x[e];
		beta += z[e] * z[e];
		gamma += x[e] * z[e];
	}
	alpha = t.sum(alpha);
	beta = t.sum(beta);
	gamma = t.sum(gamma);
	const T tiny = jacobi_range<T>::tiny;
	if (!(gamma * gamma > tol2 * (alpha * beta) && alpha > tiny && beta > tiny))
		return false;
	T d = beta - alpha, g = 2 * gamma;
	T tangent = g / (d + with_sign(sqrt(d * d + g * g), d));
	T r = sqrt(1 + tangent * tangent), s = tangent / r, tau = tangent / (1 + r);
#pragma unroll
	for (int e = 0; e < EACH; e++) {
		int i = t.lane + e * t.lanes;
		if (i < n) {
			rotate(s, tau, x[e], z[e], yp + i, yq + i);
			if (lp)
				rotate(s, tau, lp[i], lq[i], lp + i, lq + i);
		}
	}
	return true;
}

// Makes the columns of y orthogonal. Returns whether they still turned in the
// last sweep. turned has an int for each team.
template <int EACH, class T>
RZ_FN bool sweep(const team &t, int n, const svd_memory<T> &s, bool vectors, int *turned)
{
	const T tol = jacobi_range<T>::eps * (2 + sqrt((T)n));
	bool active = false;
	for (int count = 0; count < SWEEPS; count++) {
		if (threadIdx.x < MOST_TEAMS)
			turned[threadIdx.x] = 0;
		__syncthreads();
		bool any = false;
		for (int round = 0; round < n - 1 + (n & 1); round++) {
			int p, q;
			pair_of(n, round, t.worker, &p, &q);
			bool idle = q >= n;
			int at = idle ? 0 : q;
			any |= turn<EACH>(t, n, tol * tol, s.y + p * s.ldy, s.y + at * s.ldy, vectors ? s.left + p * s.ldx : nullptr,
				s.left + at * s.ldx, idle);
			__syncthreads();
		}
		if (any)
			atomicOr(&turned[t.number], 1);
		__syncthreads();
		active = turned[t.number] != 0;
		int others = 0;
		for (int k = 0; k < MOST_TEAMS; k++)
			others |= turned[k];
		__syncthreads(); // turned is free again
		if (!others)
			break;
	}
	return active;
}

// Divides the columns of y by their lengths, which go to sigma. Those that
// count as zero become zero.
template <class T> RZ_FN void normalize(const team &t, int n, const svd_memory<T> &s)
{
	for (int k0 = 0; k0 < n; k0 += t.workers) {
		int k = k0 + t.worker;
		T *c = s.y + (k < n ? k : 0) * s.ldy;
		T square = t.dot(k < n ? n : 0, c, c);
		bool some = square > jacobi_range<T>::tiny;
		T length = some ? sqrt(square) : (T)0, inv = some ? 1 / length : (T)0;
		for (int i = t.lane; i < n && k < n; i += t.lanes)
			c[i] *= inv;
		if (k < n && t.lane == 0)
			s.sigma[k] = length;
	}
	__syncthreads();
}

// left = Q·[W; 0]: every worker has columns of its own.
template <class T> RZ_FN void apply_reflections(const team &t, int rows, int n, const svd_memory<T> &s)
{
	for (int k0 = 0; k0 < n; k0 += t.workers) {
		int k = k0 + t.worker;
		for (int j = n - 1; j >= 0; j--)
			reflection<T>(s, j, s.diagonal[j]).apply(t, rows, s.left + k * s.ldx, k >= n);
	}
	__syncthreads();
}

// Replaces the zero columns of y by unit vectors orthogonal to all others.
// Each starts from the axis that the others hold least of, so that at least
// 1/n of its square is left; two projections are then enough. The diagonal of
// R is overwritten.
template <class T> RZ_FN void complete(const team &t, int n, const svd_memory<T> &s, int *lacking)
{
	if (threadIdx.x == 0)
		*lacking = 0;
	__syncthreads();
	for (int j = t.me; j < n; j += t.size)
		if (s.sigma[j] == 0)
			atomicOr(lacking, 1);
	__syncthreads();
	if (!*lacking)
		return;
	T *scratch = s.diagonal;
	for (int j = 0; j < n; j++) {
		T *c = s.y + j * s.ldy;
		bool missing = s.sigma[j] == 0;
		for (int i = t.me; i < n; i += t.size) {
			T held = 0;
			for (int k = 0; k < n; k++)
				held += k < j || s.sigma[k] > 0 ? s.y[k * s.ldy + i] * s.y[k * s.ldy + i] : (T)0;
			scratch[i] = held;
		}
		__syncthreads();
		int axis = 0;
		for (int i = 1; i < n; i++)
			axis = scratch[i] < scratch[axis] ? i : axis;
		if (missing && t.me == 0)
			c[axis] = 1;
		__syncthreads();
		for (int pass = 0; pass < 2; pass++) {
			for (int k0 = 0; k0 < n; k0 += t.workers) {
				int k = k0 + t.worker;
				bool there = k < n && (k < j || s.sigma[k] > 0);
				T g = t.dot(there ? n : 0, s.y + (there ? k : 0) * s.ldy, c);
				if (k < n && t.lane == 0)
					scratch[k] = g;
			}
			__syncthreads();
			for (int i = t.me; i < n && missing; i += t.size) {
				T v = c[i];
				for (int k = 0; k < n; k++)
					v -= k != j ? scratch[k] * s.y[k * s.ldy + i] : (T)0;
				c[i] = v;
			}
			__syncthreads();
		}
		T length = sqrt(t.dot(n, c, c));
		__syncthreads();
		for (int i = t.me; i < n && missing; i += t.size)
			c[i] /= length;
		__syncthreads();
	}
}

// Flips the singular vectors so that the entry of largest magnitude in the
// columns of v is positive. u and v may be of different lengths.
template <class T>
RZ_FN void fix_signs(const team &t, int n, int rows_v, T *v, int ldv, int rows_u, T *u, int ldu)
{
	for (int k0 = 0; k0 < n; k0 += t.workers) {
		int k = k0 + t.worker;
		T *a = v + k * ldv, *b = u + k * ldu, high = -inf<T>(), low = inf<T>();
		for (int i = t.lane; i < rows_v && k < n; i += t.lanes) {
			high = larger(a[i], high);
			low = smaller(a[i], low);
		}
		for (int l = t.lanes / 2; l > 0; l /= 2) {
			high = larger(across(high, l), high);
			low = smaller(across(low, l), low);
		}
		T sign = -low > high ? (T)-1 : (T)1;
		// + 0 turns -0 into 0.
		for (int i = t.lane; i < rows_v && k < n; i += t.lanes)
			a[i] = sign * a[i] + 0;
		for (int i = t.lane; i < rows_u && k < n; i += t.lanes)
			b[i] = sign * b[i] + 0;
	}
	__syncthreads();
}

// ‖XᵀX - I‖ for X rows×n.
template <class T> RZ_FN T orthogonality(const team &t, int rows, int n, const T *x, int ldx, T *part)
{
	T s = 0;
	for (int j = 0; j < n; j++)
		for (int k0 = 0; k0 <= j; k0 += t.workers) {
			int k = k0 + t.worker;
			T g = t.dot(k <= j ? rows : 0, x + j * ldx, x + (k <= j ? k : 0) * ldx);
			if (t.lane == 0 && k <= j)
				s += k == j ? (g - 1) * (g - 1) : 2 * g * g;
		}
	return sqrt(t.join(s, part, [](T p, T q) { return p + q; }));
}

// ‖B - left·diag(sigma)·yᵀ‖/‖B‖, 0 for B = 0.
template <class T>
RZ_FN T residual(const team &t, const svd_input<T> &in, int rows, int n, const svd_memory<T> &s, T *part)
{
	T rest = 0, whole = 0;
	for (int e = t.me; e < rows * n; e += t.size) {
		int i = e % rows, c = e / rows;
		T b = in.at(i, s.sorted[c]);
		whole += b * b;
		for (int j = 0; j < n; j++)
			b -= s.left[j * s.ldx + i] * (s.sigma[j] * s.y[j * s.ldy + c]);
		rest += b * b;
	}
	auto add = [](T p, T q) { return p + q; };
	rest = t.join(rest, part, add);
	whole = t.join(whole, part, add);
	return whole > 0 ? sqrt(rest) / sqrt(whole) : (T)0;
}

// Writes left, sigma and y to where the columns belong.
template <class T>
RZ_FN void write(const team &t, const svd_input<T> &in, int rows, int n, const svd_memory<T> &mem, T *u, T *s, T *vt)
{
	T first = 1 / in.first, second = 1 / in.second;
	for (int r = t.me; r < n; r += t.size)
		s[r] = in.bad ? nan<T>() : mem.sigma[mem.ranked[r]] * second * first;
	if (!u)
		return;
	bool wide = in.m < in.n;
	// Element i of the r-th left vector of B, and element c of its right one.
	for (int e = t.me; e < rows * n; e += t.size) {
		int i = wide ? e % rows : e / n, r = wide ? e / rows : e % n;
		(wide ? vt : u)[e] = in.bad ? nan<T>() : mem.left[mem.ranked[r] * mem.ldx + i];
	}
	for (int e = t.me; e < n * n; e += t.size) {
		int c = e / n, r = e % n, at = mem.sorted[c];
		(wide ? u : vt)[wide ? at * n + r : r * n + at] = in.bad ? nan<T>() : mem.y[mem.ranked[r] * mem.ldy + c];
	}
}

template <int EACH, class T>
RZ_FN void svd_batch_of(int lanes, int workers, i64 bytes, i64 count, int m, int n, const T *a, i64 lda,
	T *u, i64 ldu, T *s, i64 lds, T *vt, i64 ldvt, T *checks, i64 ldc)
{
	__shared__ T part[WARPS];
	__shared__ int turned[MOST_TEAMS], lacking;
	const team t(lanes, workers);
	const int rows = m < n ? n : m, k = m < n ? m : n, teams = THREADS / t.size;
	const svd_memory<T> mem(rz_smem + t.number * bytes, rows, k);
	for (i64 g0 = (i64)blockIdx.x * teams; g0 < count; g0 += (i64)gridDim.x * teams) {
		i64 at = g0 + t.number;
		bool present = at < count;
		svd_input<T> in = {present ? a + at * lda : nullptr, m, n, 1, 1, false};
		in.measure(t, part);
		load_sorted(t, in, rows, k, mem);
		reflect(t, rows, k, mem);
		for (int e = t.me; e < k * k; e += t.size) {
			int i = e % k, j = e / k;
			mem.y[j * mem.ldy + i] = i < j ? (T)0 : i == j ? mem.diagonal[j] : mem.x[i * mem.ldx + j];
		}
		for (int e = t.me; u && e < rows * k; e += t.size)
			mem.left[e / rows * mem.ldx + e % rows] = e / rows == e % rows;
		__syncthreads();
		bool active = sweep<EACH>(t, k, mem, u != nullptr, turned);
		normalize(t, k, mem);
		T rest = nan<T>(), loss_left = rest, loss_right = rest;
		if (u) {
			apply_reflections(t, rows, k, mem);
			complete(t, k, mem, &lacking);
			if (m < n)
				fix_signs(t, k, rows, mem.left, mem.ldx, k, mem.y, mem.ldy);
			else
				fix_signs(t, k, k, mem.y, mem.ldy, rows, mem.left, mem.ldx);
			rest = residual(t, in, rows, k, mem, part);
			loss_left = orthogonality(t, rows, k, mem.left, mem.ldx, part);
			loss_right = orthogonality(t, k, k, mem.y, mem.ldy, part);
		}
		rank(t, k, mem.sigma, mem.ranked);
		if (present) {
			write(t, in, rows, k, mem, u ? u + at * ldu : nullptr, s + at * lds, vt + at * ldvt);
			if (t.me == 0) {
				T *c = checks + at * ldc;
				c[0] = in.bad ? nan<T>() : rest;
				c[1] = in.bad ? nan<T>() : m < n ? loss_right : loss_left;
				c[2] = in.bad ? nan<T>() : m < n ? loss_left : loss_right;
				c[3] = in.bad ? BATCH_NOT_FINITE : active ? BATCH_NOT_CONVERGED : BATCH_DONE;
			}
		}
		__syncthreads(); // the memory is free again
	}
}

template <class T>
RZ_FN void svd_batch(int lanes, int workers, i64 bytes, i64 count, i64 m, i64 n, const T *a, i64 lda, T *u, i64 ldu,
	T *s, i64 lds, T *vt, i64 ldvt, T *checks, i64 ldc)
{
	if ((m < n ? m : n) <= 4 * lanes)
		svd_batch_of<4>(lanes, workers, bytes, count, m, n, a, lda, u, ldu, s, lds, vt, ldvt, checks, ldc);
	else
		svd_batch_of<8>(lanes, workers, bytes, count, m, n, a, lda, u, ldu, s, lds, vt, ldvt, checks, ldc);
}

// What a team keeps of a symmetric matrix: its lower triangle and the vectors,
// one after the other, rows and vectors an odd distance apart. v is missing
// where only values are wanted.
template <class T> struct eigh_memory {
	int ld;
	T *s, *d;      // the matrix, and its diagonal in the end
	T *sine, *tau; // of the rotations of a round; together scratch of n elements
	unsigned char *ranked; // ranked[r]: the vector of the r-th smallest value
	T *v;

	RZ_FN eigh_memory(unsigned char *base, int n) : ld(n | 1)
	{
		int pairs = (n + 1) / 2;
		s = (T *)base;
		d = s + ld * n;
		sine = d + n;
		tau = sine + pairs;
		ranked = (unsigned char *)(tau + pairs);
		v = (T *)(ranked + 64);
	}
	RZ_FN T &at(int i, int j) const { return i > j ? s[i * ld + j] : s[j * ld + i]; }
};

// Element (i,j) of the mean of A and its transpose.
template <class T> RZ_FN T mean_at(const svd_input<T> &in, int i, int j)
{
	return (T).5 * in.at(i, j) + (T).5 * in.at(j, i);
}

// Whether A differs from its transpose by more than rounding errors.
template <class T> RZ_FN bool differs(const team &t, const svd_input<T> &in, int n, T *part)
{
	T largest = 0, worst = 0;
	for (int e = t.me; e < n * n; e += t.size) {
		T x = in.at(e / n, e % n), y = in.at(e % n, e / n);
		largest = larger(abs(x), largest);
		worst = larger(abs(x - y), worst);
	}
	largest = t.join(largest, part, [](T p, T q) { return larger(p, q); });
	worst = t.join(worst, part, [](T p, T q) { return larger(p, q); });
	return worst > 2 * n * jacobi_range<T>::eps * largest;
}

// Turns the elements that rows p, q and columns i, j have in common, q and j
// being n where there is only p or i.
template <class T>
RZ_FN void turn_block(const eigh_memory<T> &mem, int n, int p, int q, T s, T tau, int i, int j, T s2, T tau2)
{
	T a = mem.at(p, i), b = j < n ? mem.at(p, j) : (T)0, c = q < n ? mem.at(q, i) : (T)0, d = q < n && j < n ? mem.at(q, j) : (T)0;
	rotate(s, tau, a, c, &a, &c);
	rotate(s, tau, b, d, &b, &d);
	rotate(s2, tau2, a, b, &a, &b);
	rotate(s2, tau2, c, d, &c, &d);
	mem.at(p, i) = a;
	if (j < n)
		mem.at(p, j) = b;
	if (q < n)
		mem.at(q, i) = c;
	if (q < n && j < n)
		mem.at(q, j) = d;
}

// The rotation that makes gamma zero between the diagonal elements alpha and
// beta. Returns whether it was not, to rounding: relative to both, so that small
// eigenvalues of scaled diagonally dominant matrices keep their digits (Barlow
// and Demmel, 1990).
template <class T> RZ_FN bool find_rotation(T alpha, T beta, T gamma, T *s, T *tau, T *shift)
{
	const T unit = jacobi_range<T>::eps / 2;
	*s = *tau = *shift = 0;
	if (!(abs(gamma) > jacobi_range<T>::gone && gamma * gamma > unit * unit * abs(alpha * beta)))
		return false;
	T h = (beta - alpha) / (2 * gamma);
	T tangent = 1 / (h + with_sign(sqrt(h * h + 1), h));
	T c = 1 / sqrt(1 + tangent * tangent);
	*s = tangent * c;
	*tau = *s / (1 + c);
	*shift = tangent * gamma;
	return true;
}

// Makes the matrix diagonal. Returns whether it still turned in the last sweep.
// turned has an int for each team.
template <class T> RZ_FN bool diagonalize(const team &t, int n, const eigh_memory<T> &mem, bool vectors, int *turned)
{
	const int pairs = (n + 1) / 2;
	bool active = false;
	for (int count = 0; count < SWEEPS; count++) {
		if (threadIdx.x < MOST_TEAMS)
			turned[threadIdx.x] = 0;
		__syncthreads();
		bool any = false;
		for (int round = 0; round < n - 1 + (n & 1); round++) {
			int p, q;
			pair_of(n, round, t.worker, &p, &q);
			T s = 0, tau = 0, shift = 0, alpha = 0, beta = 0;
			if (q < n) {
				alpha = mem.at(p, p);
				beta = mem.at(q, q);
				any |= find_rotation(alpha, beta, mem.at(q, p), &s, &tau, &shift);
			}
			if (t.worker < pairs && t.lane == 0) {
				mem.sine[t.worker] = s;
				mem.tau[t.worker] = tau;
			}
			__syncthreads();
			if (q < n && t.lane == 0 && s != 0) {
				mem.at(p, p) = alpha - shift;
				mem.at(q, q) = beta + shift;
				mem.at(q, p) = 0;
			}
			// Each two pairs meet once: worker k with k+1, k+2 and so on.
			for (int far = 1 + t.lane; far <= pairs / 2 && t.worker < pairs; far += t.lanes) {
				int other = t.worker + far < pairs ? t.worker + far : t.worker + far - pairs, i, j;
				if (2 * far == pairs && t.worker >= far)
					continue;
				pair_of(n, round, other, &i, &j);
				turn_block(mem, n, p, q, s, tau, i, j, mem.sine[other], mem.tau[other]);
			}
			for (int i = t.lane; i < n && vectors && q < n && s != 0; i += t.lanes)
				rotate(s, tau, mem.v[p * mem.ld + i], mem.v[q * mem.ld + i], mem.v + p * mem.ld + i, mem.v + q * mem.ld + i);
			__syncthreads();
		}
		if (any)
			atomicOr(&turned[t.number], 1);
		__syncthreads();
		active = turned[t.number] != 0;
		int others = 0;
		for (int k = 0; k < MOST_TEAMS; k++)
			others |= turned[k];
		__syncthreads(); // turned is free again
		if (!others)
			break;
	}
	return active;
}

// ‖A - Vᵀ·diag(d)·V‖/‖A‖ and the square of ‖A‖.
template <class T>
RZ_FN T eigen_residual(const team &t, const svd_input<T> &in, int n, const eigh_memory<T> &mem, T *part, T *square)
{
	T rest = 0, whole = 0;
	for (int e = t.me; e < n * n; e += t.size) {
		int i = e / n, j = e % n;
		T x = mean_at(in, i, j);
		whole += x * x;
		for (int k = 0; k < n; k++)
			x -= mem.v[k * mem.ld + i] * (mem.d[k] * mem.v[k * mem.ld + j]);
		rest += x * x;
	}
	auto add = [](T p, T q) { return p + q; };
	rest = t.join(rest, part, add);
	*square = whole = t.join(whole, part, add);
	return whole > 0 ? sqrt(rest) / sqrt(whole) : (T)0;
}

template <class T>
RZ_FN void eigh_batch(int lanes, int workers, i64 bytes, i64 count, int n, const T *a, i64 lda, T *w, i64 ldw,
	T *vt, i64 ldvt, T *checks, i64 ldc)
{
	__shared__ T part[WARPS];
	__shared__ int turned[MOST_TEAMS];
	const team t(lanes, workers);
	const int teams = THREADS / t.size;
	const eigh_memory<T> mem(rz_smem + t.number * bytes, n);
	for (i64 g0 = (i64)blockIdx.x * teams; g0 < count; g0 += (i64)gridDim.x * teams) {
		i64 at = g0 + t.number;
		bool present = at < count;
		svd_input<T> in = {present ? a + at * lda : nullptr, n, n, 1, 1, false};
		in.measure(t, part);
		bool skew = differs(t, in, n, part);
		int status = in.bad ? BATCH_NOT_FINITE : skew ? BATCH_NOT_SYMMETRIC : BATCH_DONE;
		in.bad |= skew;
		for (int e = t.me; e < n * n; e += t.size) {
			int i = e / n, j = e % n;
			if (i >= j)
				mem.s[i * mem.ld + j] = mean_at(in, i, j);
			if (vt)
				mem.v[i * mem.ld + j] = i == j;
		}
		__syncthreads();
		if (diagonalize(t, n, mem, vt != nullptr, turned))
			status = BATCH_NOT_CONVERGED;
		T largest = 0;
		for (int j = t.me; j < n; j += t.size) {
			T x = mem.s[j * mem.ld + j];
			mem.d[j] = x;
			mem.sine[j] = -x;
			largest = larger(abs(x), largest);
		}
		largest = t.join(largest, part, [](T p, T q) { return larger(p, q); });
		__syncthreads();
		rank(t, n, mem.sine, mem.ranked);
		T rest = nan<T>(), loss = rest, square = 0;
		if (vt) {
			fix_signs(t, n, n, mem.v, mem.ld, 0, mem.v, mem.ld);
			rest = eigen_residual(t, in, n, mem, part, &square);
			loss = orthogonality(t, n, n, mem.v, mem.ld, part);
		}
		if (present) {
			T first = 1 / in.first, second = 1 / in.second;
			for (int r = t.me; r < n; r += t.size)
				w[at * ldw + r] = in.bad ? nan<T>() : mem.d[mem.ranked[r]] * second * first + 0;
			for (int e = t.me; vt && e < n * n; e += t.size)
				vt[at * ldvt + e] = in.bad ? nan<T>() : mem.v[mem.ranked[e / n] * mem.ld + e % n];
			if (t.me == 0) {
				T *c = checks + at * ldc;
				c[0] = in.bad ? nan<T>() : rest;
				c[1] = in.bad ? nan<T>() : loss;
				c[2] = in.bad ? nan<T>() : largest > 0 ? sqrt(square) / largest : (T)0;
				c[3] = status;
			}
		}
		__syncthreads(); // the memory is free again
	}
}

} // namespace rz

using rz::i64;

// lanes and workers are powers of two, 4 to 8 and 1 to 32, with at most 8
// columns of min(m,n) for each lane and 2 for each worker; a team has bytes of
// dynamic shared memory. u and vt may be null.
RZ_KERNEL_WIDEST ritz_svd_batch_f32(int lanes, int workers, i64 bytes, i64 count, i64 m, i64 n, const float *a, i64 lda,
	float *u, i64 ldu, float *s, i64 lds, float *vt, i64 ldvt, float *checks, i64 ldc)
{
	rz::svd_batch(lanes, workers, bytes, count, m, n, a, lda, u, ldu, s, lds, vt, ldvt, checks, ldc);
}
RZ_KERNEL_WIDEST ritz_svd_batch_f64(int lanes, int workers, i64 bytes, i64 count, i64 m, i64 n, const double *a, i64 lda,
	double *u, i64 ldu, double *s, i64 lds, double *vt, i64 ldvt, double *checks, i64 ldc)
{
	rz::svd_batch(lanes, workers, bytes, count, m, n, a, lda, u, ldu, s, lds, vt, ldvt, checks, ldc);
}

// The same, with n for min(m,n) and no limit to the columns of a lane. vt may be
// null.
RZ_KERNEL_WIDE ritz_eigh_batch_f32(int lanes, int workers, i64 bytes, i64 count, i64 n, const float *a, i64 lda,
	float *w, i64 ldw, float *vt, i64 ldvt, float *checks, i64 ldc)
{
	rz::eigh_batch(lanes, workers, bytes, count, (int)n, a, lda, w, ldw, vt, ldvt, checks, ldc);
}
RZ_KERNEL_WIDE ritz_eigh_batch_f64(int lanes, int workers, i64 bytes, i64 count, i64 n, const double *a, i64 lda,
	double *w, i64 ldw, double *vt, i64 ldvt, double *checks, i64 ldc)
{
	rz::eigh_batch(lanes, workers, bytes, count, (int)n, a, lda, w, ldw, vt, ldvt, checks, ldc);
}
