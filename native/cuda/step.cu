// Steps of optimizers, element by element for matrices of one shape:
//
//   adam_step       m ← β₁·m + (1-β₁)·g,  v ← β₂·v + (1-β₂)·g²,
//                   w ← κ·w - α·m/(ς·√v + ε)
//   momentum_step   h = g + λ·w,  m ← a·m + b·h,  w ← c·w + d·h + e·m
//
// Memory bandwidth is the limit: 7 and 5 arrays pass, where the operations one
// by one would pass 22 and up to 12.
//
// Origin: Kingma and Ba, Adam, ICLR 2015; Loshchilov and Hutter, Decoupled
// weight decay regularization, ICLR 2019; Sutskever et al., On the importance
// of initialization and momentum in deep learning, ICML 2013.
#include "rt.h"

namespace rz {

// What an element's weight and averages become.
template <class T> struct moved {
	T w, m, v;
};

// Applies op(w, g, m, v) to every element; without AVERAGE there is no v.
template <bool AVERAGE, class T, class Op>
RZ_FN void step(i64 rows, i64 cols, T *w, i64 ldw, const T *g, i64 ldg, T *m, i64 ldm, T *v, i64 ldv, Op op)
{
	enum { W = pack<T>::size };
	if (ldw == cols && ldg == cols && ldm == cols && (!AVERAGE || ldv == cols)) {
		cols *= rows;
		rows = 1;
	}
	bool aligned = rows_aligned(w, rows, ldw) && rows_aligned(g, rows, ldg) && rows_aligned(m, rows, ldm) &&
		(!AVERAGE || rows_aligned(v, rows, ldv));
	i64 packs = aligned ? cols / W : 0, rest = packs * W;
#pragma unroll 1
	for (walk at(rows, packs); at.inside(); at.next()) {
		i64 j = at.j * W;
		pack<T> pw = *(const pack<T> *)(w + at.i * ldw + j), pg = *(const pack<T> *)(g + at.i * ldg + j);
		pack<T> pm = *(const pack<T> *)(m + at.i * ldm + j), pv = pg;
		if constexpr (AVERAGE)
			pv = *(const pack<T> *)(v + at.i * ldv + j);
#pragma unroll
		for (int k = 0; k < W; k++) {
			moved<T> z = op(pw.v[k], pg.v[k], pm.v[k], pv.v[k]);
			pw.v[k] = z.w;
			pm.v[k] = z.m;
			pv.v[k] = z.v;
		}
		*(pack<T> *)(w + at.i * ldw + j) = pw;
		*(pack<T> *)(m + at.i * ldm + j) = pm;
		if constexpr (AVERAGE)
			*(pack<T> *)(v + at.i * ldv + j) = pv;
	}
#pragma unroll 1
	for (walk at(rows, cols - rest); at.inside(); at.next()) {
		i64 j = rest + at.j;
		T average = 0;
		if constexpr (AVERAGE)
			average = v[at.i * ldv + j];
		moved<T> z = op(w[at.i * ldw + j], g[at.i * ldg + j], m[at.i * ldm + j], average);
		w[at.i * ldw + j] = z.w;
		m[at.i * ldm + j] = z.m;
		if constexpr (AVERAGE)
			v[at.i * ldv + j] = z.v;
	}
}

template <class T>
RZ_FN void adam_step(T mean, T square, T keep, T size, T unbias, T eps, i64 rows, i64 cols, T *w, i64 ldw, const T *g,
	i64 ldg, T *m, i64 ldm, T *v, i64 ldv)
{
	step<true>(rows, cols, w, ldw, g, ldg, m, ldm, v, ldv, [=](T w, T g, T m, T v) {
		m = mean * m + (1 - mean) * g;
		v = square * v + (1 - square) * (g * g);
		return moved<T>{keep * w - size * (m / (unbias * sqrt(v) + eps)), m, v};
	});
}

template <class T>
RZ_FN void momentum_step(T decay, T keep_mean, T add, T keep, T along, T along_mean, i64 rows, i64 cols, T *w, i64 ldw,
	const T *g, i64 ldg, T *m, i64 ldm)
{
	step<false>(rows, cols, w, ldw, g, ldg, m, ldm, (T *)nullptr, 0, [=](T w, T g, T m, T) {
		T h = decay == 0 ? g : g + decay * w;
		m = keep_mean * m + add * h;
		w = along == 0 && keep == 1 ? w : keep * w + along * h;
		return moved<T>{w + along_mean * m, m, 0};
	});
}

} // namespace rz

using rz::i64;

RZ_KERNEL ritz_adam_step_f32(float mean, float square, float keep, float size, float unbias, float eps, i64 rows, i64 cols,
	float *w, i64 ldw, const float *g, i64 ldg, float *m, i64 ldm, float *v, i64 ldv)
{
	rz::adam_step(mean, square, keep, size, unbias, eps, rows, cols, w, ldw, g, ldg, m, ldm, v, ldv);
}
RZ_KERNEL_WIDE ritz_adam_step_f64(double mean, double square, double keep, double size, double unbias, double eps, i64 rows,
	i64 cols, double *w, i64 ldw, const double *g, i64 ldg, double *m, i64 ldm, double *v, i64 ldv)
{
	rz::adam_step(mean, square, keep, size, unbias, eps, rows, cols, w, ldw, g, ldg, m, ldm, v, ldv);
}

RZ_KERNEL ritz_momentum_step_f32(float decay, float keep_mean, float add, float keep, float along, float along_mean, i64 rows,
	i64 cols, float *w, i64 ldw, const float *g, i64 ldg, float *m, i64 ldm)
{
	rz::momentum_step(decay, keep_mean, add, keep, along, along_mean, rows, cols, w, ldw, g, ldg, m, ldm);
}
RZ_KERNEL_WIDE ritz_momentum_step_f64(double decay, double keep_mean, double add, double keep, double along, double along_mean,
	i64 rows, i64 cols, double *w, i64 ldw, const double *g, i64 ldg, double *m, i64 ldm)
{
	rz::momentum_step(decay, keep_mean, add, keep, along, along_mean, rows, cols, w, ldw, g, ldg, m, ldm);
}
