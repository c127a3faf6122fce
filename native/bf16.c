/* Products of factors rounded to bfloat16, summed in float32: those of
 * packed_body.h with words of two elements, which one instruction
 * multiplies and adds. */
#include "native.h"
#include "packed.h"

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
#include "transpose_body.h"

#define WORD int32_t
#define WORDS(k) (((k) + 1) / 2)
#define PER_WORD 2
#define WORDVEC __m512i
#define LOAD_WORDS(p) _mm512_loadu_si512(p)
#define SET_WORDS(w) _mm512_set1_epi32(w)
#define ADD_PRODUCT(s, x, y) ((vec)_mm512_dpbf16_ps((__m512)(s), (__m512bh)(x), (__m512bh)(y)))

/* Sixteen words of the first n of a row's elements. */
static inline __m512i row_words(const float *x, ptrdiff_t n)
{
	__m512 lo = _mm512_maskz_loadu_ps(first(n), x), hi = _mm512_maskz_loadu_ps(first(n - 16), n > 16 ? x + 16 : x);
	return (__m512i)_mm512_cvtne2ps_pbh(hi, lo);
}

/* The first w <= W words of two rows of what is stored by columns, the second of
 * which is zero without more. */
static inline __attribute__((always_inline)) void NAME(pack_words)(ptrdiff_t W, ptrdiff_t w, const float *a, ptrdiff_t lda, int more, int32_t *out)
{
	static const int16_t pairs[32] = { 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23,
		8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31 };
	__m512i order = _mm512_loadu_si512(pairs);
	for (ptrdiff_t g = 0; g < W; g += 16) {
		__mmask16 m = first(w - g);
		__m512 x = _mm512_maskz_loadu_ps(m, a + g), y = _mm512_maskz_loadu_ps(more ? m : 0, a + (more ? lda : 0) + g);
		__m512i both = _mm512_permutexvar_epi16(order, (__m512i)_mm512_cvtne2ps_pbh(y, x));
		if (W - g >= 16)
			_mm512_storeu_si512(out + g, both);
		else
			_mm512_mask_storeu_epi32(out + g, first(W - g), both);
	}
}

#include "packed_body.h"
#else
int ritz_has_bf16(void) { return 0; }
#endif
