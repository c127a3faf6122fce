/* Blocks of a matrix of words as wide as REAL, transposed in registers of
 * AVX-512. */

#if DOUBLE
typedef __m512d NAME(block)[8];
#define BLOCK 8
#else
typedef __m512i NAME(block)[16];
#define BLOCK 16
#endif
#define first NAME(first)
#define transpose NAME(transpose)

#if DOUBLE
/* The mask of the first n lanes. */
static inline __mmask8 first(ptrdiff_t n) { return n >= 8 ? 0xff : n <= 0 ? 0 : (1 << n) - 1; }

static inline __attribute__((always_inline)) void transpose(__m512d r[8])
{
	__m512d t[8];
#pragma GCC unroll 4
	for (int i = 0; i < 8; i += 2) {
		t[i] = _mm512_unpacklo_pd(r[i], r[i + 1]);
		t[i + 1] = _mm512_unpackhi_pd(r[i], r[i + 1]);
	}
	/* t[2b+c] holds, in its lane q of two, column 2q+c of the rows 2b, 2b+1. */
#pragma GCC unroll 2
	for (int c = 0; c < 2; c++) {
		r[c] = _mm512_shuffle_f64x2(t[c], t[2 + c], 0x88);
		r[2 + c] = _mm512_shuffle_f64x2(t[4 + c], t[6 + c], 0x88);
		r[4 + c] = _mm512_shuffle_f64x2(t[c], t[2 + c], 0xdd);
		r[6 + c] = _mm512_shuffle_f64x2(t[4 + c], t[6 + c], 0xdd);
	}
#pragma GCC unroll 2
	for (int c = 0; c < 2; c++) {
		t[c] = _mm512_shuffle_f64x2(r[c], r[2 + c], 0x88);
		t[4 + c] = _mm512_shuffle_f64x2(r[c], r[2 + c], 0xdd);
		t[2 + c] = _mm512_shuffle_f64x2(r[4 + c], r[6 + c], 0x88);
		t[6 + c] = _mm512_shuffle_f64x2(r[4 + c], r[6 + c], 0xdd);
	}
#pragma GCC unroll 8
	for (int i = 0; i < 8; i++)
		r[i] = t[i];
}
#else
static inline __mmask16 first(ptrdiff_t n) { return n >= 16 ? 0xffff : n <= 0 ? 0 : (1 << n) - 1; }

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
	/* r[4b+c] holds, in its lane q of four, column 4q+c of the rows 4b to 4b+3. */
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
#endif
