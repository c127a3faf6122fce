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
	bf16    bool // products round, see Rounded
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
	if k.bf16 {
		k.product(tA, tB, α, a, b, β, c)
		return
	}
	if n == 1 || m == 1 {
		k.matVec(tA, tB, α, a, b, β, c)
		return
	}
	if k.skinny(tA, tB, α, a, b, β, c) {
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
	if k.symmetric(t == device.Transp, α, a, a, β, c, 0, c) {
		return
	}
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

// leastPanel is the height of a panel from which a product of panels runs
// about as fast as one of whole matrices.
const leastPanel = 128

// SymProduct multiplies panel by panel, each only up to the diagonal.
func (k kernels[T]) SymProduct(a, b, c device.Dense[T]) bool {
	if k.symmetric(k.columns(), 1, a, b, 0, c, 0, c) {
		return true
	}
	n := c.Rows
	panels := min(n/leastPanel, 8)
	if panels < 2 {
		return false
	}
	for p := range panels {
		lo, hi := p*n/panels, (p+1)*n/panels
		k.Gemm(device.NoTrans, device.NoTrans, 1, a.Slice(lo, hi, 0, n), b.Slice(0, n, 0, hi), 0, c.Slice(lo, hi, 0, hi))
	}
	k.mirror(c)
	return true
}

// strip is the height of the strips that mirror copies. Rows a power of two
// apart share the same few places of the cache; eight of them still fit.
const strip = 8

// mirror copies the lower triangle of C to the upper one, strip by strip. A
// long and a short strip go together, so that threads get equal work.
func (k kernels[T]) mirror(c device.Dense[T]) {
	n := c.Rows
	strips := (n + strip - 1) / strip
	k.spread((strips+1)/2, n*n, func(_, lo, hi int) {
		for s := lo; s < hi; s++ {
			mirrorStrip(c, s*strip)
			if other := strips - 1 - s; other != s {
				mirrorStrip(c, other*strip)
			}
		}
	})
}

// mirrorStrip copies the rows of the lower triangle from lo on.
func mirrorStrip[T device.Float](c device.Dense[T], lo int) {
	hi := min(lo+strip, c.Rows)
	first := 0 // column from which single elements are copied
	if hi == lo+strip {
		mirrorFull(c, lo)
		first = lo
	}
	for i := lo; i < hi; i++ {
		row := c.Data[i*c.Stride : i*c.Stride+i]
		for j := first; j < i; j++ {
			c.Data[j*c.Stride+i] = row[j]
		}
	}
}

// mirrorFull copies the columns [0,lo) of a whole strip.
func mirrorFull[T device.Float](c device.Dense[T], lo int) {
	row := func(i int) []T { return c.Data[(lo+i)*c.Stride:][:lo] }
	r0, r1, r2, r3 := row(0), row(1), row(2), row(3)
	r4, r5, r6, r7 := row(4), row(5), row(6), row(7)
	for j := range r0 {
		z := (*[strip]T)(c.Data[j*c.Stride+lo:])
		z[0], z[1], z[2], z[3] = r0[j], r1[j], r2[j], r3[j]
		z[4], z[5], z[6], z[7] = r4[j], r5[j], r6[j], r7[j]
	}
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
