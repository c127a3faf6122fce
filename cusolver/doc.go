// Package cusolver finds the NVIDIA GPUs of a machine and decides which of
// them a program may use.
//
// GPUs are found through NVML, the management library that the driver
// installs; it is opened at run time, so that one binary serves machines with
// and without a GPU. [Probe] reports every GPU and MIG instance with its
// memory, compute capability and UUID, and whether CUDA_VISIBLE_DEVICES and
// the compute mode let this process use it.
//
// This version of Ritz detects GPUs and computes on the CPU: [Open] returns a
// *device.UnavailableError that says what was found.
package cusolver
