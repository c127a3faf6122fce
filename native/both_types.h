/* Includes the kernels for float and for double at one level. */
#include <stdint.h>
#ifdef __x86_64__
#include <immintrin.h>
#endif
#include "native.h"
#include "plan.h"
#include "certify.h"
#include "narrow.h"
#include "packed.h"
#include "band.h"
#include "secular.h"
#include "sweep.h"
#include "eigh.h"

/* What cgo does not let a flag say: square roots need not set errno. */
#pragma GCC optimize("O3", "no-math-errno", "no-trapping-math")

#define JOIN3(a, b, c) a##b##c
#define EXPAND3(a, b, c) JOIN3(a, b, c)

#define REAL float
#define INT int32_t
#define DOUBLE 0
#define NAME(f) EXPAND3(ritz_##f, _f32_, LEVEL)
#include "kernels_body.h"
#undef REAL
#undef INT
#undef DOUBLE
#undef NAME

#define REAL double
#define INT int64_t
#define DOUBLE 1
#define NAME(f) EXPAND3(ritz_##f, _f64_, LEVEL)
#include "kernels_body.h"
