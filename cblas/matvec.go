//go:build cgo

package cblas

import (
	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/native"
)

// matVec is Gemm for a C of one column or one row. OpenBLAS's gemm is slow at
// this shape, and its gemv leaves a thread spinning that our own threads then
// share the cores with.
func (k kernels[T]) matVec(tA, tB device.Trans, α T, a, b device.Dense[T], β T, c device.Dense[T]) {
	t, m, x, inc := tA, a, b, b.Stride
	if tB == device.Transp {
		inc = 1
	}
	stride := c.Stride
	if c.Cols > 1 { // one row: cᵀ = op(B)ᵀ·op(A)ᵀ
		t, m, x, inc, stride = !tB, b, a, 1, 1
		if tA == device.Transp {
			inc = a.Stride
		}
	}
	in, out := m.Cols, m.Rows
	if t == device.Transp {
		in, out = out, in
	}
	v, y := x.Data, c.Data
	if inc != 1 && in > 1 {
		v = make([]T, in)
		for i := range v {
			v[i] = x.Data[i*inc]
		}
	}
	v = v[:in]
	direct := (stride == 1 || out == 1) && α == 1 && β == 0
	if !direct {
		y = make([]T, out)
	}
	y = y[:out]
	// One thread reads a quarter of a million numbers from the cache in the
	// 20 µs that it takes to have a second one at work.
	work := in * out / 8
	if t == device.NoTrans {
		k.spread(out, work, func(_, lo, hi int) {
			native.MatVec(hi-lo, in, rows(m, lo, hi), m.Stride, v, y[lo:hi])
		})
	} else {
		clear(y)
		k.spread(out, work, func(_, lo, hi int) {
			native.VecMat(in, hi-lo, m.Data[lo:], m.Stride, v, y[lo:hi])
		})
	}
	if direct {
		return
	}
	for i, s := range y {
		s *= α
		if β != 0 {
			s += β * c.Data[i*stride]
		}
		c.Data[i*stride] = s
	}
}
