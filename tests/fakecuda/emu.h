// Compiles CUDA kernels for the CPU: g++ includes this file before a kernel
// source (-include emu.h -DRZ_EMU). It declares what NVRTC knows without any
// header, so that a source needs nothing of its own under RZ_EMU but what it
// also needs under NVRTC.
//
// A CUDA thread is a fibre with its own stack; emu.cc schedules the fibres of
// a block on one thread of the CPU. Shared memory is therefore thread_local.
// Not modelled: weak memory order, contraction to fused multiply-add, warps
// that run in lockstep without being told to.
#ifndef RZ_EMU_H
#define RZ_EMU_H

#include <cmath>
#include <cstddef>
#include <cstring>

#define __global__ __rz_global__
#ifndef RZ_EMU_KEEP_GLOBAL // emucc.sh searches the preprocessed text for the kernels
#define __rz_global__
#endif
#define __device__
#define __host__
#define __constant__ static
#define __shared__ thread_local
#define __forceinline__ inline __attribute__((always_inline))
#define __align__(n) __attribute__((aligned(n)))
#define __launch_bounds__(...)

struct uint3 {
  unsigned x, y, z;
};

struct dim3 {
  unsigned x, y, z;
  constexpr dim3(unsigned x = 1, unsigned y = 1, unsigned z = 1) : x(x), y(y), z(z) {}
};

// What a thread sees of its block.
struct rz_emu_block {
  uint3 index;
  dim3 size, grid;
};

// A copy to shared memory that has begun and that its thread has not waited for.
struct rz_emu_copy {
  void *to;
  const void *from;
};
enum { RZ_EMU_MAX_COPIES = 32 };

struct rz_emu_thread {
  uint3 index;
  int lane;
  const rz_emu_block *block;
  int copies;
  rz_emu_copy copy[RZ_EMU_MAX_COPIES];
};

#pragma GCC visibility push(default)

// The running CUDA thread. initial-exec: read at every threadIdx.
extern "C" __attribute__((tls_model("initial-exec"))) __thread rz_emu_thread *rz_emu_current;

#define threadIdx (rz_emu_current->index)
#define blockIdx (rz_emu_current->block->index)
#define blockDim (rz_emu_current->block->size)
#define gridDim (rz_emu_current->block->grid)
#define warpSize 32

enum { RZ_EMU_SYNC, RZ_EMU_EXCHANGE, RZ_EMU_BALLOT, RZ_EMU_TOGETHER };

extern "C" {
void rz_emu_barrier(int line);
unsigned long long rz_emu_warp(int op, unsigned mask, unsigned long long value, int source, int line);
void rz_emu_trap(const char *what, int line);
}

#pragma GCC visibility pop

#define __syncthreads() rz_emu_barrier(__LINE__)
#define __trap() rz_emu_trap("__trap", __LINE__)

static inline void __syncwarp(unsigned mask = 0xffffffffu) { rz_emu_warp(RZ_EMU_SYNC, mask, 0, 0, 0); }
static inline void __threadfence() { __atomic_thread_fence(__ATOMIC_SEQ_CST); }
static inline void __threadfence_block() { __atomic_thread_fence(__ATOMIC_SEQ_CST); }

static inline unsigned __ballot_sync(unsigned mask, int p) {
  return (unsigned)rz_emu_warp(RZ_EMU_BALLOT, mask, p != 0, 0, 0);
}
static inline int __any_sync(unsigned mask, int p) { return __ballot_sync(mask, p) != 0; }
static inline int __all_sync(unsigned mask, int p) { return __ballot_sync(mask, !p) == 0; }

template <class T> static inline T rz_emu_exchange(unsigned mask, T v, int source) {
  static_assert(sizeof(T) <= 8, "shuffles move up to 8 bytes");
  unsigned long long bits = 0;
  memcpy(&bits, &v, sizeof v);
  bits = rz_emu_warp(RZ_EMU_EXCHANGE, mask, bits, source, 0);
  memcpy(&v, &bits, sizeof v);
  return v;
}

// The lanes of a shuffle form segments of width lanes; a source outside of
// the own segment means the own lane.
template <class T> static inline T __shfl_sync(unsigned mask, T v, int source, int width = 32) {
  int lane = rz_emu_current->lane;
  return rz_emu_exchange(mask, v, (lane & ~(width - 1)) | (source & (width - 1)));
}
template <class T> static inline T __shfl_up_sync(unsigned mask, T v, unsigned delta, int width = 32) {
  int lane = rz_emu_current->lane, source = lane - (int)delta;
  return rz_emu_exchange(mask, v, source < (lane & ~(width - 1)) ? lane : source);
}
template <class T> static inline T __shfl_down_sync(unsigned mask, T v, unsigned delta, int width = 32) {
  int lane = rz_emu_current->lane, source = lane + (int)delta;
  return rz_emu_exchange(mask, v, source > (lane | (width - 1)) ? lane : source);
}
template <class T> static inline T __shfl_xor_sync(unsigned mask, T v, int bits, int width = 32) {
  int lane = rz_emu_current->lane, source = lane ^ bits;
  return rz_emu_exchange(mask, v, source > (lane | (width - 1)) ? lane : source);
}

// Atomics return the old value, by compare and swap for every type.
template <class T, class F> static inline T rz_emu_update(T *p, F f) {
  T old, next;
  __atomic_load(p, &old, __ATOMIC_SEQ_CST);
  do {
    next = f(old);
  } while (!__atomic_compare_exchange(p, &old, &next, true, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST));
  return old;
}
template <class T> struct rz_emu_same {
  typedef T type;
};
#define RZ_EMU_ATOMIC(name, expression)                                                   \
  template <class T> static inline T name(T *p, typename rz_emu_same<T>::type v) {        \
    return rz_emu_update(p, [v](T old) -> T { return expression; });                      \
  }
RZ_EMU_ATOMIC(atomicAdd, old + v)
RZ_EMU_ATOMIC(atomicSub, old - v)
RZ_EMU_ATOMIC(atomicMin, old < v ? old : v)
RZ_EMU_ATOMIC(atomicMax, old > v ? old : v)
RZ_EMU_ATOMIC(atomicAnd, old &v)
RZ_EMU_ATOMIC(atomicOr, old | v)
RZ_EMU_ATOMIC(atomicExch, v)
#undef RZ_EMU_ATOMIC
template <class T>
static inline T atomicCAS(T *p, typename rz_emu_same<T>::type expected, typename rz_emu_same<T>::type v) {
  return rz_emu_update(p, [=](T old) -> T { return old == expected ? v : old; });
}

// Bits, integers and correctly rounded arithmetic.
template <class To, class From> static inline To rz_emu_bits(From v) {
  static_assert(sizeof(To) == sizeof(From), "sizes differ");
  To r;
  memcpy(&r, &v, sizeof r);
  return r;
}
static inline float __int_as_float(int v) { return rz_emu_bits<float>(v); }
static inline float __uint_as_float(unsigned v) { return rz_emu_bits<float>(v); }
static inline int __float_as_int(float v) { return rz_emu_bits<int>(v); }
static inline unsigned __float_as_uint(float v) { return rz_emu_bits<unsigned>(v); }
static inline double __longlong_as_double(long long v) { return rz_emu_bits<double>(v); }
static inline long long __double_as_longlong(double v) { return rz_emu_bits<long long>(v); }
static inline unsigned __umulhi(unsigned a, unsigned b) { return (unsigned)(((unsigned long long)a * b) >> 32); }
static inline unsigned long long __umul64hi(unsigned long long a, unsigned long long b) {
  return (unsigned long long)(((unsigned __int128)a * b) >> 64);
}
static inline int __popc(unsigned v) { return __builtin_popcount(v); }
static inline int __clz(int v) { return v == 0 ? 32 : __builtin_clz((unsigned)v); }
static inline int __ffs(int v) { return __builtin_ffs(v); }
static inline float __fadd_rn(float a, float b) { return a + b; }
static inline float __fsub_rn(float a, float b) { return a - b; }
static inline float __fmul_rn(float a, float b) { return a * b; }
static inline float __fdiv_rn(float a, float b) { return a / b; }
static inline float __fsqrt_rn(float a) { return __builtin_sqrtf(a); }
static inline float __fmaf_rn(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
static inline double __dadd_rn(double a, double b) { return a + b; }
static inline double __dsub_rn(double a, double b) { return a - b; }
static inline double __dmul_rn(double a, double b) { return a * b; }
static inline double __ddiv_rn(double a, double b) { return a / b; }
static inline double __dsqrt_rn(double a) { return __builtin_sqrt(a); }
static inline double __fma_rn(double a, double b, double c) { return __builtin_fma(a, b, c); }
template <class T> static inline T __ldg(const T *p) { return *p; }

// cp.async of 16 bytes and cp.async.wait_all. Until it is waited for what is copied
// is not there, and what was there before is gone, as it may be on a GPU.
static inline void rz_emu_copy_async(void *to, const void *from) {
  if (((size_t)to | (size_t)from) & 15) rz_emu_trap("cp.async of an address that is no multiple of 16", 0);
  if (rz_emu_current->copies == RZ_EMU_MAX_COPIES) rz_emu_trap("too many copies are not waited for", 0);
  memset(to, 0xFF, 16);
  rz_emu_current->copy[rz_emu_current->copies++] = {to, from};
}
static inline void rz_emu_await_copies() {
  for (int i = 0; i < rz_emu_current->copies; i++) memcpy(rz_emu_current->copy[i].to, rz_emu_current->copy[i].from, 16);
  rz_emu_current->copies = 0;
}

// The bits of the nearest number of float16, and the number of such bits.
static inline unsigned rz_emu_to_half(float x) {
  unsigned sign = __float_as_uint(x) >> 16 & 0x8000;
  float a = __builtin_fabsf(x);
  if (x != x) return 0x7FFF;
  if (a >= 65520) return sign | 0x7C00;
  if (a < 0x1p-14f) return sign | (unsigned)(int)__builtin_rintf(a * 0x1p24f); // subnormal
  unsigned bits = __float_as_uint(a);
  bits += 0xFFF + (bits >> 13 & 1);
  return sign | ((bits >> 13) - (112 << 10));
}
static inline float rz_emu_from_half(unsigned h) {
  unsigned sign = (h & 0x8000) << 16, rest = h & 0x7FFF;
  float a = rest < 0x400 ? (float)rest * 0x1p-24f : __uint_as_float(rest < 0x7C00 ? (rest + (112 << 10)) << 13 : rest << 13 | 0x7F800000);
  return __uint_as_float(__float_as_uint(a) | sign);
}

// mma.m16n8k16 of float16 in float32. The lanes' fragments are laid out by the tables
// of the PTX ISA, apart from what a kernel says of them. Products are exact; they are
// added to what is there and the sum is truncated, as tensor cores do.
struct rz_emu_fragments {
  void (*run)(void **lanes);
  float c[4];
  unsigned a[4], b[2];
};
static inline float rz_emu_truncated(double x) {
  float y = (float)x;
  if (__builtin_fabs((double)y) > __builtin_fabs(x) && !__builtin_isinf(x)) y = __int_as_float(__float_as_int(y) - 1);
  return y;
}
static inline void rz_emu_multiply_lanes(void **lanes) {
  float a[16][16], b[16][8];
  auto number = [](const unsigned *words, int i) { return rz_emu_from_half(words[i / 2] >> 16 * (i % 2) & 0xFFFF); };
  for (int lane = 0; lane < 32; lane++) {
    const rz_emu_fragments *f = (const rz_emu_fragments *)lanes[lane];
    int group = lane >> 2, thread = lane % 4;
    for (int i = 0; i < 8; i++)
      a[i < 2 || (4 <= i && i < 6) ? group : group + 8][thread * 2 + (i & 1) + (i < 4 ? 0 : 8)] = number(f->a, i);
    for (int i = 0; i < 4; i++) b[thread * 2 + (i & 1) + (i < 2 ? 0 : 8)][group] = number(f->b, i);
  }
  for (int lane = 0; lane < 32; lane++) {
    rz_emu_fragments *f = (rz_emu_fragments *)lanes[lane];
    for (int i = 0; i < 4; i++) {
      int row = (lane >> 2) + (i < 2 ? 0 : 8), col = lane % 4 * 2 + (i & 1);
      double sum = f->c[i];
      for (int k = 0; k < 16; k++) sum += (double)a[row][k] * b[k][col];
      f->c[i] = rz_emu_truncated(sum);
    }
  }
}
static inline void rz_emu_multiply_halves(float *c, const unsigned *a, unsigned b0, unsigned b1) {
  rz_emu_fragments f = {rz_emu_multiply_lanes, {c[0], c[1], c[2], c[3]}, {a[0], a[1], a[2], a[3]}, {b0, b1}};
  rz_emu_warp(RZ_EMU_TOGETHER, 0xffffffffu, (unsigned long long)(size_t)&f, 0, 0);
  for (int i = 0; i < 4; i++) c[i] = f.c[i];
}

// Dynamic shared memory: a kernel declares
//   extern __shared__ __align__(128) unsigned char rz_smem[];
// It belongs to the kernels' library, and so only to what is compiled as one.
enum { RZ_EMU_MAX_SHARED = 232448, RZ_EMU_GUARD = 256 };
#ifdef RZ_EMU
__attribute__((weak, aligned(128))) thread_local unsigned char rz_smem[RZ_EMU_MAX_SHARED + RZ_EMU_GUARD];
static inline unsigned char *rz_emu_shared() { return rz_smem; }
#endif

// One kernel of a module: emucc.sh exports rz_emu_kernel_NAME for each.
struct rz_emu_kernel {
  void (*run)(void **params);
  unsigned char *(*shared)(); // the dynamic shared memory of this thread of the CPU
  int count;
  const int *sizes; // bytes of each parameter
};

namespace rz_emu {
template <class... A> struct sizes {
  static constexpr int value[sizeof...(A) + 1] = {(int)sizeof(A)..., 0};
};
template <size_t... I> struct sequence {};
template <size_t N, size_t... I> struct count_up : count_up<N - 1, N - 1, I...> {};
template <size_t... I> struct count_up<0, I...> {
  typedef sequence<I...> type;
};
template <class... A, size_t... I> static inline void call(void (*f)(A...), void **params, sequence<I...>) {
  f(*(A *)params[I]...);
}
template <class... A> static inline void invoke(void (*f)(A...), void **params) {
  call(f, params, typename count_up<sizeof...(A)>::type());
}
#ifdef RZ_EMU
template <auto F> struct describe;
template <class... A, void (*F)(A...)> struct describe<F> {
  static constexpr rz_emu_kernel kernel = {[](void **params) { invoke(F, params); }, rz_emu_shared,
                                           sizeof...(A), sizes<A...>::value};
};
#endif
} // namespace rz_emu

// How a launch orders the threads of a block between two barriers. Kernels
// that depend on the order are wrong.
enum { RZ_EMU_FORWARD, RZ_EMU_REVERSED, RZ_EMU_RANDOM };

struct rz_emu_launch {
  void (*run)(void **params);
  unsigned char *(*memory)();
  void **params;
  dim3 grid, block;
  unsigned shared; // bytes of dynamic shared memory
  int order;
  unsigned seed;
  void (*prepare)(const void *); // before a thread of the CPU runs its first block, may be null
  const void *module;            // for prepare
};

// Runs every block of a launch. Returns nullptr, or what went wrong in words
// (divergent barrier, incomplete warp operation, shared memory overrun).
extern "C" __attribute__((visibility("default"))) const char *rz_emu_run(const rz_emu_launch *launch);

#ifdef RZ_EMU
// For programs that test kernels without the driver: runs one launch now.
template <class... A>
static inline const char *rz_emu_call(void (*kernel)(A...), dim3 grid, dim3 block, unsigned shared,
                                      typename rz_emu_same<A>::type... values) {
  void *params[] = {(void *)&values..., (void *)&kernel};
  rz_emu_launch launch = {
      [](void **p) { rz_emu::invoke(*(void (**)(A...))p[sizeof...(A)], p); }, rz_emu_shared, params, grid, block, shared, RZ_EMU_FORWARD, 0};
  return rz_emu_run(&launch);
}
#endif

#endif
