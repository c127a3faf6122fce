// Package fakecuda stands in for NVIDIA's driver and libraries, so that
// package cusolver can be tested, unchanged, on a machine without a GPU.
//
// [Build] compiles libcuda, cuBLAS, cuBLASLt, cuSOLVER, NVRTC and NVML from
// the sources in this folder, once for each emulated version of CUDA. They do
// on the CPU what the real ones do on a GPU, and complain of what the real
// ones would punish: calls without a context, copies beyond an allocation,
// memory that is used after it was freed, results that are read before the
// stream was waited for, work of two streams on one matrix without an order,
// accesses that are not aligned, more shared memory than a block has, divergent
// barriers. [Open] opens a device on them.
//
// The emulated machine is described by a list of options, separated by
// semicolons:
//
//	devices=2 mem=1GiB cc=9.0 driver=12040   the GPUs and their driver
//	mig=2                                    every GPU is split into 2 instances
//	olduuids nouuids                         these, or all GPUs, have no UUIDs of their own
//	taken=9GiB,0                             what other processes hold of each GPU's memory
//	init=100 nvml=9 mode=2                   codes of cuInit and nvmlInit, compute mode
//	nopools                                  no cuMemAllocAsync
//	eager                                    streams run at once instead of when waited for
//	strict                                   asynchronous copies need pinned memory
//	protect                                  the program ends if the host touches device memory (of less than a MiB)
//	sms=132                                  multiprocessors
//	order=reversed order=random seed=7       order of the threads of a block
//	h2d=2GB/s                                virtual speed of copies
//	cuMemAlloc_v2:5=2                        the fifth call returns 2
//	cuLaunchKernel:3=719!                    the third returns 719, and all later calls too
//	info(Xpotrf):1=4                         the first Xpotrf stores 4 in info
//	lost@cuStreamSynchronize:7               the GPU falls off the bus in the seventh call
//	on=1                                     the faults befall a process whose first GPU is number 1
//
// What costs time and nothing else is counted, see [Calls]. Allocations of a GiB
// and more take no memory before they are used, so that matrices whose rows lie
// far apart can be larger than the machine.
//
// Not emulated: the order in which other threads see writes to memory, time,
// occupancy, and contraction of products and sums.
package fakecuda
