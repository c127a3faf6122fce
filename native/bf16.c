/* Symmetric products of factors rounded to bfloat16, summed in float32: those
 * of symmetric_body.h with words of two elements, which one instruction
 * multiplies and adds. */
#include "native.h"
#include "symmetric.h"

#ifdef __x86_64__
int ritz_has_bf16(void)
{
	__builtin_cpu_init();
	return ritz_level() == 2 && __builtin_cpu_supports("avx512bf16");
}

#pragma GCC target("arch=x86-64-v4", "avx512bf16", "prefer-vector-width=512")
#include <immintrin.h>
#include <stdint.h>
#pragma GCC optimize("O3", "no-math-errno", "no-trapping-math")

#define REAL float
#define INT int32_t
#define DOUBLE 0
#define VBYTES 64
#define NAME(f) ritz_##f##_bf16_v4
#include "vector_body.h"

#define WORD int32_t
#define WORDS(k) (((k) + 1) / 2)
#define WORDVEC __m512i
#define LOAD_WORDS(p) _mm512_loadu_si512(p)
#define SET_WORDS(w) _mm512_set1_epi32(w)
#define ADD_PRODUCT(s, x, y) ((vec)_mm512_dpbf16_ps((__m512)(s), (__m512bh)(x), (__m512bh)(y)))

static inline __mmask16 first(ptrdiff_t n) { return n >= 16 ? 0xffff : n <= 0 ? 0 : (1 << n) - 1; }

/* Sixteen words of the first n of a row's elements. */
static inline __m512i words(const float *x, ptrdiff_t n)
{
	__m512 lo = _mm512_maskz_loadu_ps(first(n), x), hi = _mm512_maskz_loadu_ps(first(n - 16), n > 16 ? x + 16 : x);
	return (__m512i)_mm512_cvtne2ps_pbh(hi, lo);
}

/* Transposes sixteen rows of sixteen words. */
static inline __attribute__((always_inline)) void transpose(__m512i r[16])
{
	__m512i t[16];
#pragma GCC unroll 8
	for (int i = 0; i < 16; i += 2) {
		t[i] = _mm512_unpacklo_epi32(r[i], r[i + 1]);
		t[i + 1] = _mm512_unpackhi_epi32(r[i], r[i + 1]);
	}
#pragma GCC unroll 4
	for (int i = 0; i < 16; i += 4) {
		r[i] = _mm512_unpacklo_epi64(t[i], t[i + 2]);
		r[i + 1] = _mm512_unpackhi_epi64(t[i], t[i + 2]);
		r[i + 2] = _mm512_unpacklo_epi64(t[i + 1], t[i + 3]);
		r[i + 3] = _mm512_unpackhi_epi64(t[i + 1], t[i + 3]);
	}
	/* r[4b+c] holds, in its lane q, column 4q+c of the rows 4b to 4b+3. */
#pragma GCC unroll 4
	for (int c = 0; c < 4; c++) {
		t[c] = _mm512_shuffle_i32x4(r[c], r[4 + c], 0x88);
		t[4 + c] = _mm512_shuffle_i32x4(r[8 + c], r[12 + c], 0x88);
		t[8 + c] = _mm512_shuffle_i32x4(r[c], r[4 + c], 0xdd);
		t[12 + c] = _mm512_shuffle_i32x4(r[8 + c], r[12 + c], 0xdd);
	}
#pragma GCC unroll 4
	for (int c = 0; c < 4; c++) {
		r[c] = _mm512_shuffle_i32x4(t[c], t[4 + c], 0x88);
		r[8 + c] = _mm512_shuffle_i32x4(t[c], t[4 + c], 0xdd);
		r[4 + c] = _mm512_shuffle_i32x4(t[8 + c], t[12 + c], 0x88);
		r[12 + c] = _mm512_shuffle_i32x4(t[8 + c], t[12 + c], 0xdd);
	}
}

/* As in symmetric_body.h: w <= W rows as groups of W words. */
static inline __attribute__((always_inline)) void NAME(sym_panel)(ptrdiff_t W, ptrdiff_t w, ptrdiff_t k, const float *a, ptrdiff_t lda, int transposed, int32_t *out)
{
	if (transposed) {
		/* Pairs of what stands in two rows below each other. */
		static const int16_t pairs[32] = { 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23,
			8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31 };
		__m512i order = _mm512_loadu_si512(pairs);
		for (ptrdiff_t p = 0; p < k; p += 2, a += 2 * lda, out += W) {
			const float *next = p + 1 < k ? a + lda : a;
			for (ptrdiff_t g = 0; g < W; g += 16) {
				__mmask16 m = first(w - g);
				__m512 x = _mm512_maskz_loadu_ps(m, a + g), y = _mm512_maskz_loadu_ps(p + 1 < k ? m : 0, next + g);
				__m512i both = _mm512_permutexvar_epi16(order, (__m512i)_mm512_cvtne2ps_pbh(y, x));
				_mm512_mask_storeu_epi32(out + g, first(W - g), both);
			}
		}
		return;
	}
	for (ptrdiff_t p = 0; p < k; p += 32, out += 16 * W)
		for (ptrdiff_t g = 0; g < W; g += 16) {
			__m512i r[16];
#pragma GCC unroll 16
			for (int i = 0; i < 16; i++)
				r[i] = g + i < w ? words(a + (g + i) * lda + p, k - p) : _mm512_setzero_si512();
			transpose(r);
			ptrdiff_t n = WORDS(k - p);
#pragma GCC unroll 16
			for (int i = 0; i < 16; i++)
				if (i < n)
					_mm512_mask_storeu_epi32(out + i * W + g, first(W - g), r[i]);
		}
}

#include "symmetric_body.h"
#endif
