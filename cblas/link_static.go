//go:build cgo && ritz_static

package cblas

// #cgo LDFLAGS: -l:libopenblas.a -lm -lpthread -l:libgfortran.so.5
import "C"
