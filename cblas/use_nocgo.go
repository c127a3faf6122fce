//go:build !cgo

package cblas

// Use makes gonum run on OpenBLAS, and reports whether it did: this build, one
// without cgo, leaves gonum as it is.
func Use() bool { return false }
