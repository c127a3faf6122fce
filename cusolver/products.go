//go:build cgo && linux && !nocuda

package cusolver

/*
#include "ops.h"
#cgo noescape rz_gemm
#cgo nocallback rz_gemm
#cgo noescape rz_gemm_rounded
#cgo nocallback rz_gemm_rounded
#cgo noescape rz_syrk
#cgo nocallback rz_syrk
#cgo noescape rz_trsm
#cgo nocallback rz_trsm
*/
import "C"

import (
	"math"
	"unsafe"

	"github.com/ritz-go/ritz/goapi/device"
)

// The libraries take a row-major matrix for its transpose. Products change
// their order, triangles and sides change places, and no element is moved.

// kind is the data type of T as the libraries number it.
func kind[T device.Float]() C.int {
	if unsafe.Sizeof(*new(T)) == 4 {
		return C.RZ_R_32F
	}
	return C.RZ_R_64F
}

// ld returns the leading dimension of m, which a single row need not have.
func ld[T device.Float](m device.Matrix[T]) int { return max(m.LD, m.Cols, 1) }

// wide returns which width of integers matrices of these sizes ask for.
func wide[T device.Float](ms ...device.Matrix[T]) C.int {
	w := C.int(C.RZ_NARROW)
	for _, m := range ms {
		switch {
		case max(m.Rows, ld(m)) > math.MaxInt32:
			return C.RZ_DIMENSION
		case m.Rows > math.MaxInt32/ld(m):
			w = C.RZ_INDEX
		}
	}
	return w
}

func opOf(t device.Trans) C.int {
	if t == device.Transp {
		return C.RZ_OP_T
	}
	return C.RZ_OP_N
}

// inner returns the number of columns of op(A).
func inner[T device.Float](t device.Trans, a device.Matrix[T]) int {
	if t == device.Transp {
		return a.Rows
	}
	return a.Cols
}

func (q *queue[T]) Gemm(tA, tB device.Trans, α T, a, b device.Matrix[T], β T, c device.Matrix[T]) {
	if !q.begin(device.CheckGemm(tA, tB, a, b, c), a, b, c) || c.Len() == 0 {
		return
	}
	k := inner(tA, a)
	if k == 0 {
		q.scale(β, c)
		return
	}
	if q.precision != device.Exact {
		q.check(C.rz_gemm_rounded(q.c, computeTypes[q.precision], wide(a, b, c), opOf(tB), opOf(tA),
			C.int64_t(c.Cols), C.int64_t(c.Rows), C.int64_t(k), C.double(α),
			C.uint64_t(address(b)), C.int64_t(ld(b)), C.uint64_t(address(a)), C.int64_t(ld(a)),
			C.double(β), C.uint64_t(address(c)), C.int64_t(ld(c))))
		return
	}
	q.check(C.rz_gemm(q.c, kind[T](), wide(a, b, c), opOf(tB), opOf(tA),
		C.int64_t(c.Cols), C.int64_t(c.Rows), C.int64_t(k), C.double(α),
		C.uint64_t(address(b)), C.int64_t(ld(b)), C.uint64_t(address(a)), C.int64_t(ld(a)),
		C.double(β), C.uint64_t(address(c)), C.int64_t(ld(c))))
}

// computeTypes are the precisions as cuBLAS calls them.
var computeTypes = map[device.Precision]C.int{
	device.TF32: C.RZ_FAST_TF32, device.BF16: C.RZ_FAST_16BF, device.FP16: C.RZ_FAST_16F,
}

// TryRound chooses between the tensor cores' formats. They round only float32:
// products of float64 have tensor cores of their own.
func (q *queue[T]) TryRound(p device.Precision) (before device.Precision, ok bool) {
	before = q.precision
	if kind[T]() != C.RZ_R_32F || p != device.Exact && computeTypes[p] == 0 {
		return before, false
	}
	q.precision = p
	return before, true
}

// scale multiplies C by β; β = 0 clears whatever was there, NaN included.
func (q *queue[T]) scale(β T, c device.Matrix[T]) {
	if β == 0 {
		q.Fill(0, c)
		return
	}
	q.Add(β, device.NoTrans, c, 0, device.NoTrans, device.Matrix[T]{}, c)
}

func (q *queue[T]) Syrk(t device.Trans, α T, a device.Matrix[T], β T, c device.Matrix[T]) {
	if !q.begin(device.CheckSyrk(t, a, c), a, c) || c.Len() == 0 {
		return
	}
	k := inner(t, a)
	if k == 0 {
		q.scale(β, c)
		return
	}
	if q.precision != device.Exact { // the library's function would not round
		q.lowerPanels(c, func(lo, hi int) {
			rows, cols := a.RowRange(lo, hi), a.RowRange(0, hi)
			if t == device.Transp {
				rows, cols = a.Slice(0, k, lo, hi), a.Slice(0, k, 0, hi)
			}
			q.Gemm(t, !t, α, rows, cols, β, c.Slice(lo, hi, 0, hi))
		})
		return
	}
	ok := q.check(C.rz_syrk(q.c, kind[T](), wide(a, c), C.RZ_LOWER, opOf(!t), C.int64_t(c.Rows), C.int64_t(k),
		C.double(α), C.uint64_t(address(a)), C.int64_t(ld(a)), C.double(β), C.uint64_t(address(c)), C.int64_t(ld(c))))
	if ok { // the library's lower triangle is the upper one of the rows
		q.mirror(device.Upper, c)
	}
}

// mirror makes square C symmetric: the triangle u is copied to the other.
func (q *queue[T]) mirror(u device.Uplo, c device.Matrix[T]) {
	q.sweep("mirror", tileWork(c.Rows, c.Rows, 32), triangle(u), c.Rows, address(c), c.LD)
}

// keep clears what lies outside the triangle u of A.
func (q *queue[T]) keep(u device.Uplo, a device.Matrix[T]) {
	q.sweep("triangle", a.Len(), triangle(u), a.Rows, a.Cols, address(a), a.LD)
}

// triangle names a triangle to the kernels.
func triangle(u device.Uplo) int32 {
	if u == device.Upper {
		return 1
	}
	return 0
}

func (q *queue[T]) Trsm(s device.Side, u device.Uplo, t device.Trans, α T, a, b device.Matrix[T]) {
	if !q.begin(device.CheckTrsm(s, a, b), a, b) || b.Len() == 0 {
		return
	}
	side, uplo := C.int(C.RZ_RIGHT), C.int(C.RZ_UPPER)
	if s == device.Right {
		side = C.RZ_LEFT
	}
	if u == device.Upper {
		uplo = C.RZ_LOWER
	}
	q.check(C.rz_trsm(q.c, kind[T](), wide(a, b), side, uplo, opOf(t), C.int64_t(b.Cols), C.int64_t(b.Rows),
		C.double(α), C.uint64_t(address(a)), C.int64_t(ld(a)), C.uint64_t(address(b)), C.int64_t(ld(b))))
}
