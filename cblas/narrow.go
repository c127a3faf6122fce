//go:build cgo

package cblas

import (
	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/native"
)

func (k kernels[T]) NarrowGibbs(ε T, f, g []T, c device.Dense[T], out device.Dense[float32]) bool {
	if single[T]() {
		return false
	}
	vf, vg := f64(f), f64(g)
	k.spread(c.Rows, c.Rows*c.Cols, func(_, lo, hi int) {
		native.NarrowGibbs(hi-lo, c.Cols, float64(ε), vf[lo:hi], vg, f64(rows(c, lo, hi)), c.Stride, rows(out, lo, hi), out.Stride)
	})
	return true
}

func (k kernels[T]) NarrowScalingStep(m device.Dense[float32], a, v, u, s []T) bool {
	if single[T]() {
		return false
	}
	va, vv, vu := f64(a), f64(v), f64(u)
	k.sumRows(m.Rows, m.Cols, s, func(_, lo, hi int, sum []T) {
		native.NarrowScalingStep(hi-lo, m.Cols, rows(m, lo, hi), m.Stride, va[lo:hi], vv, vu[lo:hi], f64(sum))
	})
	return true
}
