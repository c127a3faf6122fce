package cblas

// Options for opening the device.
type Options struct {
	// Threads is the number of threads of OpenBLAS and of our own kernels.
	// Zero means OPENBLAS_NUM_THREADS or OMP_NUM_THREADS if one is set, else
	// GOMAXPROCS, which respects a container's CPU limit. OpenBLAS keeps one
	// number for the whole process: the last Open decides it.
	Threads int
}
