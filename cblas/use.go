//go:build cgo

package cblas

import (
	"gonum.org/v1/gonum/blas/blas32"
	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/lapack/lapack64"
)

// Use makes gonum's blas64, blas32 and lapack64, and with them gonum/mat, run
// on OpenBLAS, and reports whether it did: a build without cgo leaves gonum as
// it is. Call it once, before other goroutines use gonum.
func Use() bool {
	setThreads(0)
	blas64.Use(BLAS{})
	blas32.Use(BLAS{})
	lapack64.Use(Lapack{})
	return true
}
