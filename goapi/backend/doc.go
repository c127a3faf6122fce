// Package backend opens a computing device by name and says why.
//
//	dev, err := backend.Open("auto", backend.Options{})
//
// The names are
//
//	auto       the best of those below that this machine has
//	cuda       the usable NVIDIA GPU with the most free memory
//	cuda:1     a GPU by CUDA's number, or by UUID: cuda:GPU-…, cuda:MIG-…
//	cpu        OpenBLAS and our own SIMD kernels
//	go         pure Go, on every machine
//
// Only auto falls back; every other name opens that device or fails with an
// error that matches device.ErrUnavailable and says why.
package backend
