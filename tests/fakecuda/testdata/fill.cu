// a[i] = v for one element per thread, whatever the size of a.
extern "C" __global__ void fill_twice(float *a, float v) { a[blockIdx.x * (long long)blockDim.x + threadIdx.x] = v; }

// a[i] = what a block finds in its shared memory.
extern "C" __global__ void copy_shared(float *a) {
  __shared__ float s[256];
  a[threadIdx.x] = s[threadIdx.x];
  s[threadIdx.x] = 1;
}
