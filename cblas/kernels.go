//go:build cgo

package cblas

import (
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/netlib/blas/netlib"

	"github.com/ritz-go/ritz/goapi/device"
)

// kernels are the kernels of the OpenBLAS device.
type kernels[T device.Float] struct {
	device.GoKernels[T]
	threads int
}

var (
	_ device.HostKernels[float32] = kernels[float32]{}
	_ device.HostKernels[float64] = kernels[float64]{}
)

var openBLAS netlib.Implementation

func transpose(t device.Trans) blas.Transpose {
	if t == device.Transp {
		return blas.Trans
	}
	return blas.NoTrans
}

func f32[T device.Float](x []T) []float32 { return any(x).([]float32) }
func f64[T device.Float](x []T) []float64 { return any(x).([]float64) }

// single reports whether T is float32.
func single[T device.Float]() bool {
	var zero T
	_, ok := any(zero).(float32)
	return ok
}

func (k kernels[T]) Gemm(tA, tB device.Trans, α T, a, b device.Dense[T], β T, c device.Dense[T]) {
	m, n, inner := c.Rows, c.Cols, a.Cols
	if tA == device.Transp {
		inner = a.Rows
	}
	if n == 1 || m == 1 {
		k.matVec(tA, tB, α, a, b, β, c)
		return
	}
	defer enter()()
	switch {
	case single[T]():
		openBLAS.Sgemm(transpose(tA), transpose(tB), m, n, inner, float32(α), f32(a.Data), a.Stride,
			f32(b.Data), b.Stride, float32(β), f32(c.Data), c.Stride)
	default:
		openBLAS.Dgemm(transpose(tA), transpose(tB), m, n, inner, float64(α), f64(a.Data), a.Stride,
			f64(b.Data), b.Stride, float64(β), f64(c.Data), c.Stride)
	}
}

func (k kernels[T]) Syrk(t device.Trans, α T, a device.Dense[T], β T, c device.Dense[T]) {
	syrk(t, α, a, β, c)
	k.mirror(c)
}

// syrk writes the lower triangle of C.
func syrk[T device.Float](t device.Trans, α T, a device.Dense[T], β T, c device.Dense[T]) {
	defer enter()()
	k := a.Cols
	if t == device.Transp {
		k = a.Rows
	}
	if single[T]() {
		openBLAS.Ssyrk(blas.Lower, transpose(t), c.Rows, k, float32(α), f32(a.Data), a.Stride, float32(β), f32(c.Data), c.Stride)
		return
	}
	openBLAS.Dsyrk(blas.Lower, transpose(t), c.Rows, k, float64(α), f64(a.Data), a.Stride, float64(β), f64(c.Data), c.Stride)
}

// mirror copies the lower triangle of C to the upper one, tile by tile.
func (k kernels[T]) mirror(c device.Dense[T]) {
	const tile = 64
	n := c.Rows
	blocks := (n + tile - 1) / tile
	k.spread(blocks, n*n, func(_, lo, hi int) {
		for bi := lo; bi < hi; bi++ {
			i0, i1 := bi*tile, min((bi+1)*tile, n)
			for j0 := i0; j0 < n; j0 += tile {
				j1 := min(j0+tile, n)
				for i := i0; i < i1; i++ {
					dst := c.Data[i*c.Stride : i*c.Stride+j1]
					for j := max(j0, i+1); j < j1; j++ {
						dst[j] = c.Data[j*c.Stride+i]
					}
				}
			}
		}
	})
}

func (kernels[T]) Trsm(s device.Side, u device.Uplo, t device.Trans, α T, a, b device.Dense[T]) {
	defer enter()()
	side, uplo := blas.Left, blas.Lower
	if s == device.Right {
		side = blas.Right
	}
	if u == device.Upper {
		uplo = blas.Upper
	}
	if single[T]() {
		openBLAS.Strsm(side, uplo, transpose(t), blas.NonUnit, b.Rows, b.Cols, float32(α), f32(a.Data), a.Stride, f32(b.Data), b.Stride)
		return
	}
	openBLAS.Dtrsm(side, uplo, transpose(t), blas.NonUnit, b.Rows, b.Cols, float64(α), f64(a.Data), a.Stride, f64(b.Data), b.Stride)
}
