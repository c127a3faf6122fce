// a[i] = v for one element per thread, whatever the size of a.
extern "C" __global__ void fill_twice(float *a, float v) { a[blockIdx.x * (long long)blockDim.x + threadIdx.x] = v; }

// a[0] and a[1] at once.
struct alignas(8) pair {
  float x, y;
};
extern "C" __global__ void fill_pair(float *a, float v) { *(pair *)a = {v, v}; }

// b[0] = a[0].
extern "C" __global__ void copy_one(const float *a, float *b) { b[0] = a[0]; }

// a[i] = what a block finds in its shared memory.
extern "C" __global__ void copy_shared(float *a) {
  __shared__ float s[256];
  a[threadIdx.x] = s[threadIdx.x];
  s[threadIdx.x] = 1;
}
