// Kernels with one planted bug each, and one without. The checkers must find
// every bug and nothing else.

// out[block] is the sum of 256 numbers. BARRIER is missing in one copy, in
// the other its threads do not all arrive.
#define REDUCE(name, BARRIER)                                                        \
  extern "C" __global__ void name(const float *a, float *out) {                      \
    __shared__ float part[256];                                                      \
    int t = threadIdx.x;                                                             \
    part[t] = a[blockIdx.x * 256 + t];                                               \
    __syncthreads();                                                                 \
    for (int d = 128; d > 0; d /= 2) {                                               \
      if (t < d) part[t] += part[t + d];                                             \
      BARRIER;                                                                       \
    }                                                                                \
    if (t == 0) out[blockIdx.x] = part[0];                                           \
  }

REDUCE(sum, __syncthreads())
REDUCE(sum_without_barrier, )
REDUCE(sum_divergent, if (t < d) __syncthreads())

// One element per thread up to and including n.
extern "C" __global__ void off_by_one(long long n, float *a) {
  long long i = blockIdx.x * (long long)blockDim.x + threadIdx.x;
  if (i <= n) a[i] = 1;
}

// The lanes of the mask do not all execute the shuffle.
extern "C" __global__ void incomplete_shuffle(float *a) {
  if (threadIdx.x < 20) a[threadIdx.x] = __shfl_down_sync(0xffffffffu, a[threadIdx.x], 1);
}

// Dynamic shared memory has one number for each thread.
extern __shared__ __align__(128) unsigned char rz_smem[];
extern "C" __global__ void beyond_shared(float *a) {
  float *s = (float *)rz_smem;
  s[threadIdx.x + 1] = a[threadIdx.x];
}
