//go:build cgo

package cblas

import (
	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/native"
)

func (k kernels[T]) TangentForward(bias []T, s, u, y device.Dense[T]) bool {
	directions := u.Cols / s.Cols
	k.spread(u.Rows, u.Rows*u.Cols, func(_, lo, hi int) {
		native.TangentForward(hi-lo, directions, s.Cols, bias, rows(s, lo, hi), s.Stride, rows(u, lo, hi), u.Stride, rows(y, lo, hi), y.Stride)
	})
	return true
}

// TangentBackward gives each row of blocks the sums of its share of the rows.
func (k kernels[T]) TangentBackward(s, c, u, e, blocks device.Dense[T]) bool {
	directions := e.Cols / s.Cols
	k.spread(blocks.Rows, e.Rows*e.Cols, func(_, from, to int) {
		for b := from; b < to; b++ {
			lo, hi := device.TangentBlock(b, e.Rows)
			var cb, ub []T
			if c.Data != nil {
				cb, ub = rows(c, lo, hi), rows(u, lo, hi)
			}
			native.TangentBackward(hi-lo, directions, s.Cols, rows(s, lo, hi), s.Stride, cb, c.Stride, ub, u.Stride, rows(e, lo, hi), e.Stride, blocks.Row(b))
		}
	})
	return true
}
