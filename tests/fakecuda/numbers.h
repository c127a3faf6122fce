/* The element types of mixed-precision products, and the rounding that tensor
 * cores apply to their inputs. All conversions round to nearest even. */
#ifndef FAKECUDA_NUMBERS_H
#define FAKECUDA_NUMBERS_H

#include <cmath>
#include <cstdint>
#include <cstring>

namespace numbers {

/* cudaDataType */
enum Type { F32 = 0, F64 = 1, F16 = 2, BF16 = 14 };

/* cublasComputeType_t */
enum Compute { C16F = 64, C32F = 68, C32F_PEDANTIC = 69, C64F = 70, C64F_PEDANTIC = 71, FAST_16F = 74, FAST_16BF = 75, FAST_TF32 = 77 };

inline size_t size(int type)
{
	switch (type) {
	case F32: return 4;
	case F64: return 8;
	case F16: case BF16: return 2;
	}
	return 0;
}

/* keep drops the low bits of x's fraction beyond the given number. */
inline float keep(float x, int bits)
{
	uint32_t u;
	memcpy(&u, &x, 4);
	if ((u >> 23 & 0xFF) == 0xFF)
		return x;
	int drop = 23 - bits;
	u += (1u << (drop - 1)) - 1 + (u >> drop & 1);
	u &= ~((1u << drop) - 1);
	memcpy(&x, &u, 4);
	return x;
}

inline float to_tf32(float x) { return keep(x, 10); }
inline float to_bf16(float x) { return keep(x, 7); }

/* to_f16 rounds to the nearest number with 11 bits and an exponent of 5. */
inline float to_f16(float x)
{
	if (!std::isfinite(x) || x == 0)
		return x;
	int e;
	std::frexp(x, &e);
	float unit = std::ldexp(1.0f, (e < -13 ? -13 : e) - 11);
	float r = std::nearbyint(x / unit) * unit;
	return std::fabs(r) > 65504 ? std::copysign(INFINITY, x) : r;
}

inline uint16_t pack_f16(float x)
{
	uint16_t sign = std::signbit(x) ? 0x8000 : 0;
	if (std::isnan(x))
		return sign | 0x7E00;
	x = std::fabs(to_f16(x));
	if (std::isinf(x))
		return sign | 0x7C00;
	if (x < 0x1p-14f)
		return sign | uint16_t(x * 0x1p24f);
	int e;
	float f = std::frexp(x, &e); /* x = f·2^e, ½ ≤ f < 1 */
	return sign | uint16_t((e + 14) << 10) | uint16_t((2 * f - 1) * 1024);
}

inline float unpack_f16(uint16_t h)
{
	int e = h >> 10 & 31, f = h & 1023;
	float x = e == 0 ? f * 0x1p-24f : e == 31 ? (f ? NAN : INFINITY) : std::ldexp(1 + f / 1024.0f, e - 15);
	return h & 0x8000 ? -x : x;
}

inline uint16_t pack_bf16(float x)
{
	x = to_bf16(x);
	uint32_t u;
	memcpy(&u, &x, 4);
	return uint16_t(u >> 16) | (std::isnan(x) ? 0x40 : 0);
}

inline float unpack_bf16(uint16_t h)
{
	uint32_t u = uint32_t(h) << 16;
	float x;
	memcpy(&x, &u, 4);
	return x;
}

/* load and save convert element i of an array of some type. */
inline double load(int type, const void *p, size_t i)
{
	switch (type) {
	case F32: return static_cast<const float *>(p)[i];
	case F64: return static_cast<const double *>(p)[i];
	case F16: return unpack_f16(static_cast<const uint16_t *>(p)[i]);
	}
	return unpack_bf16(static_cast<const uint16_t *>(p)[i]);
}

inline void save(int type, void *p, size_t i, double x)
{
	switch (type) {
	case F32: static_cast<float *>(p)[i] = float(x); break;
	case F64: static_cast<double *>(p)[i] = x; break;
	case F16: static_cast<uint16_t *>(p)[i] = pack_f16(float(x)); break;
	case BF16: static_cast<uint16_t *>(p)[i] = pack_bf16(float(x)); break;
	}
}

/* rounded returns what the units of a compute type make of an input. */
inline float rounded(int compute, float x)
{
	switch (compute) {
	case FAST_TF32: return to_tf32(x);
	case FAST_16BF: return to_bf16(x);
	case FAST_16F: return to_f16(x);
	}
	return x;
}

} // namespace numbers

#endif
