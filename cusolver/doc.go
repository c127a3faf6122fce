// Package cusolver finds the NVIDIA GPUs of a machine and computes on them.
//
// NVIDIA's libraries are opened at run time, so that one binary serves machines
// with and without a GPU and is built without CUDA. They are the driver, cuBLAS
// and cuSOLVER of CUDA 11.8 to 13, and NVRTC if it is there. They are looked
// for in [Options].LibDirs or RITZ_CUDA_LIBDIR, where the system's loader looks,
// below CUDA_PATH, CUDA_HOME and CONDA_PREFIX, in Python's packages, and in
// /usr/local/cuda and its like; the newest version that the driver serves is
// taken, from one place. [Open] says what was tried and why it did not do.
//
// GPUs are found through NVML, the management library that the driver
// installs, and through CUDA itself. [Probe] reports every GPU and MIG
// instance with its memory, compute capability and UUID, and whether
// CUDA_VISIBLE_DEVICES and the compute mode let this process use it.
//
// Where nobody names a GPU, [Open] takes the one with most free memory, and with
// [Options].Memory only one that has room for the work. GPUs and MIG instances
// are known by their UUIDs, else by their PCI addresses, so that CUDA's order
// does not matter.
//
// Products are exact unless an algorithm asks for less by device.Round: then
// float32 matrices go through the tensor cores rounded to TF32, BF16 or FP16,
// with sums in float32. Large products that are known to be symmetric are
// computed below the diagonal in panels and mirrored. A device.Sequence becomes
// a CUDA graph.
//
// Soft minima between clouds of float32 points go through the tensor cores as well
// where that costs no accuracy: each coordinate as two numbers of float16, three
// products, sums in float32. That takes as much memory again as the clouds.
//
// Ritz's own kernels are compiled by NVRTC for the GPU that is there and kept
// in the folder RITZ_CACHE_DIR, else in ritz/cubin of the user's caches; 256 MB
// at most. Without NVRTC the driver compiles them from PTX.
//
// What proves all this without a GPU, and the speed that is planned, stands in
// tests/gpu/README.md.
package cusolver
