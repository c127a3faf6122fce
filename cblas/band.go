//go:build cgo

package cblas

// #include "lapack.h"
import "C"

import (
	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/native"
)

func (kernels[T]) BandWidth() int { return native.Band }

// BandValues reduces the band to two diagonals by our own kernel; LAPACK has
// the values of those (bdsqr, by the dqds algorithm).
func (kernels[T]) BandValues(a device.Dense[float64]) ([]float64, error) {
	n := a.Rows
	packed := a.Data
	if a.Stride != a.Cols {
		packed = a.Clone().Data
	}
	s, e := make([]float64, n), make([]float64, n-1)
	native.Bidiagonalize(packed[:n*a.Cols], s, e)
	defer enter()()
	work := make([]float64, 4*n)
	info := C.ritz_dbdsqr(C.int(n), d(s), d(e), d(work))
	return s, status("bdsqr", int(info), nil)
}
