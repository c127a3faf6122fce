//go:build cgo && !ritz_static && !ritz_extblas

package cblas

// #cgo LDFLAGS: -lopenblas
import "C"
