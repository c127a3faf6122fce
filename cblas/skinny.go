//go:build cgo

package cblas

import (
	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/native"
)

// suitsSkinny reports whether our own kernel for the product of a rows×cols
// matrix with w vectors is faster, from 1.2 to 10 times: OpenBLAS packs the
// matrix whatever the other factor, which shows where the matrix is not in the
// cache or the vectors are few.
func suitsSkinny[T device.Float](rows, cols, w int) bool {
	const cache = 32 << 20
	size := 8
	if single[T]() {
		size = 4
	}
	return w <= native.SkinnyWidth && rows*cols*size >= cache ||
		w <= 16 && min(rows, cols) >= 512 && rows*cols >= 1<<20
}

// skinny multiplies a large matrix by a few columns, or a few rows by a large
// matrix. It reports whether the product is one of these.
func (k kernels[T]) skinny(tA, tB device.Trans, α T, a, b device.Dense[T], β T, c device.Dense[T]) bool {
	if c.Rows > native.SkinnyWidth && suitsSkinny[T](a.Rows, a.Cols, c.Cols) {
		k.skinnyColumns(tA, tB, α, a, b, β, c)
		return true
	}
	if c.Cols <= native.SkinnyWidth || !suitsSkinny[T](b.Rows, b.Cols, c.Rows) {
		return false
	}
	k.skinnyRows(tA, tB, α, a, b, β, c)
	return true
}

// skinnyRows computes C = α·op(A)·op(B) + β·C as Cᵀ = α·op(B)ᵀ·op(A)ᵀ + β·Cᵀ.
func (k kernels[T]) skinnyRows(tA, tB device.Trans, α T, a, b device.Dense[T], β T, c device.Dense[T]) {
	t := device.NewDense[T](c.Cols, c.Rows)
	k.skinnyColumns(!tB, !tA, α, b, a, 0, t)
	for i := range c.Rows {
		row := c.Row(i)
		for j := range row {
			if v := t.Data[j*t.Stride+i]; β == 0 {
				row[j] = v
			} else {
				row[j] = v + β*row[j]
			}
		}
	}
}

// skinnyColumns computes C = α·op(A)·op(B) + β·C, each thread some rows of C.
func (k kernels[T]) skinnyColumns(tA, tB device.Trans, α T, a, b device.Dense[T], β T, c device.Dense[T]) {
	depth := a.Cols
	if tA == device.Transp {
		depth = a.Rows
	}
	packed, ld := native.PackSkinny(tB == device.Transp, depth, c.Cols, b.Data, b.Stride)
	k.spread(c.Rows, a.Rows*a.Cols, func(_, lo, hi int) {
		if tA == device.Transp {
			native.SkinnyTransMul(a.Rows, hi-lo, c.Cols, α, a.Slice(0, a.Rows, lo, hi).Data, a.Stride, packed, ld, β, rows(c, lo, hi), c.Stride)
			return
		}
		native.SkinnyMul(hi-lo, c.Cols, depth, α, rows(a, lo, hi), a.Stride, packed, ld, β, rows(c, lo, hi), c.Stride)
	})
}
