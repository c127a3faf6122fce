// Package native holds Ritz's own CPU kernels: what no BLAS has and what
// memory bandwidth or the exponential function limits.
//
// The C code stands in the files *_body.h and is compiled for three instruction
// levels, of which the highest that the processor has is chosen at run time.
// Without cgo, or on other systems, the plain Go bodies of generic.go do the
// same; they are also what the C code is tested against. A kernel runs on the
// calling goroutine alone; package cblas spreads rows and columns over
// threads.
package native
