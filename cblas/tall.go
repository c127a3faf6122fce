//go:build cgo

package cblas

import (
	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/native"
)

// Tall matrices have at most this many columns: the tiles and the small
// matrices stay in the second-level cache, where our own kernels beat general
// products.
const tallWidth = 256

func (k kernels[T]) TallGram(a device.Dense[T], x device.Dense[float64]) (device.Dense[float64], bool) {
	n := a.Cols
	if n > tallWidth {
		return device.Dense[float64]{}, false
	}
	px := padded(x)
	parts := make([]native.Small, k.threads)
	k.spread(a.Rows, a.Rows*n, func(part, lo, hi int) {
		parts[part] = native.NewSmall(n, n)
		native.TallGram(hi-lo, n, rows(a, lo, hi), a.Stride, px, parts[part], make([]float64, native.TallWork(n)))
	})
	sum := parts[0]
	for _, p := range parts[1:] {
		for i, v := range p.Data {
			sum.Data[i] += v
		}
	}
	g := device.NewDense[float64](n, n)
	for i := range n {
		for j := i; j < n; j++ {
			v := sum.Data[i*sum.LD+j]
			g.Set(i, j, v)
			g.Set(j, i, v)
		}
	}
	return g, true
}

func (k kernels[T]) TallMul(a device.Dense[T], x, y device.Dense[float64], u device.Dense[T]) bool {
	n := max(a.Cols, u.Cols)
	if n > tallWidth {
		return false
	}
	px, py := padded(x), padded(y)
	k.spread(a.Rows, a.Rows*n, func(_, lo, hi int) {
		native.TallMul(hi-lo, a.Cols, u.Cols, rows(a, lo, hi), a.Stride, px, py,
			rows(u, lo, hi), u.Stride, make([]float64, native.TallWork(n)))
	})
	return true
}

// padded copies a small matrix to the form that the kernels want.
func padded(a device.Dense[float64]) native.Small {
	if a.Data == nil {
		return native.Small{}
	}
	s := native.NewSmall(a.Rows, a.Cols)
	for i := range a.Rows {
		copy(s.Data[i*s.LD:], a.Row(i))
	}
	return s
}
