//go:build cgo

package native

/*
#cgo CFLAGS: -O3 -std=gnu11 -fvisibility=hidden -Wno-psabi
#cgo LDFLAGS: -lm
#include "table.h"
#cgo noescape ritz_exp_f32
#cgo nocallback ritz_exp_f32
#cgo noescape ritz_exp_f64
#cgo nocallback ritz_exp_f64
#cgo noescape ritz_tanh_f32
#cgo nocallback ritz_tanh_f32
#cgo noescape ritz_tanh_f64
#cgo nocallback ritz_tanh_f64
#cgo noescape ritz_softmin_rows_f32
#cgo nocallback ritz_softmin_rows_f32
#cgo noescape ritz_softmin_rows_f64
#cgo nocallback ritz_softmin_rows_f64
#cgo noescape ritz_softmin_cols_f32
#cgo nocallback ritz_softmin_cols_f32
#cgo noescape ritz_softmin_cols_f64
#cgo nocallback ritz_softmin_cols_f64
#cgo noescape ritz_min_rows_f32
#cgo nocallback ritz_min_rows_f32
#cgo noescape ritz_min_rows_f64
#cgo nocallback ritz_min_rows_f64
#cgo noescape ritz_min_cols_f32
#cgo nocallback ritz_min_cols_f32
#cgo noescape ritz_min_cols_f64
#cgo nocallback ritz_min_cols_f64
#cgo noescape ritz_matvec_f32
#cgo nocallback ritz_matvec_f32
#cgo noescape ritz_matvec_f64
#cgo nocallback ritz_matvec_f64
#cgo noescape ritz_vecmat_f32
#cgo nocallback ritz_vecmat_f32
#cgo noescape ritz_vecmat_f64
#cgo nocallback ritz_vecmat_f64
#cgo noescape ritz_symvec_f32
#cgo nocallback ritz_symvec_f32
#cgo noescape ritz_symvec_f64
#cgo nocallback ritz_symvec_f64
#cgo noescape ritz_gibbs_f32
#cgo nocallback ritz_gibbs_f32
#cgo noescape ritz_gibbs_f64
#cgo nocallback ritz_gibbs_f64
#cgo noescape ritz_scaling_f32
#cgo nocallback ritz_scaling_f32
#cgo noescape ritz_scaling_f64
#cgo nocallback ritz_scaling_f64
#cgo noescape ritz_paircost_f32
#cgo nocallback ritz_paircost_f32
#cgo noescape ritz_paircost_f64
#cgo nocallback ritz_paircost_f64
#cgo noescape ritz_tall_gram_f32
#cgo nocallback ritz_tall_gram_f32
#cgo noescape ritz_tall_gram_f64
#cgo nocallback ritz_tall_gram_f64
#cgo noescape ritz_tall_mul_f32
#cgo nocallback ritz_tall_mul_f32
#cgo noescape ritz_tall_mul_f64
#cgo nocallback ritz_tall_mul_f64
#cgo noescape ritz_tangent_forward_f32
#cgo nocallback ritz_tangent_forward_f32
#cgo noescape ritz_tangent_forward_f64
#cgo nocallback ritz_tangent_forward_f64
#cgo noescape ritz_tangent_backward_f32
#cgo nocallback ritz_tangent_backward_f32
#cgo noescape ritz_tangent_backward_f64
#cgo nocallback ritz_tangent_backward_f64
#cgo noescape ritz_adam_f32
#cgo nocallback ritz_adam_f32
#cgo noescape ritz_adam_f64
#cgo nocallback ritz_adam_f64
#cgo noescape ritz_momentum_f32
#cgo nocallback ritz_momentum_f32
#cgo noescape ritz_momentum_f64
#cgo nocallback ritz_momentum_f64
#cgo noescape ritz_combine_f32
#cgo nocallback ritz_combine_f32
#cgo noescape ritz_combine_f64
#cgo nocallback ritz_combine_f64
#cgo noescape ritz_powers_f32
#cgo nocallback ritz_powers_f32
#cgo noescape ritz_powers_f64
#cgo nocallback ritz_powers_f64
#cgo noescape ritz_maxabs_f32
#cgo nocallback ritz_maxabs_f32
#cgo noescape ritz_maxabs_f64
#cgo nocallback ritz_maxabs_f64
#cgo noescape ritz_skinny_mul_f32
#cgo nocallback ritz_skinny_mul_f32
#cgo noescape ritz_skinny_mul_f64
#cgo nocallback ritz_skinny_mul_f64
#cgo noescape ritz_skinny_transmul_f32
#cgo nocallback ritz_skinny_transmul_f32
#cgo noescape ritz_skinny_transmul_f64
#cgo nocallback ritz_skinny_transmul_f64
*/
import "C"

import (
	"sync/atomic"
	"unsafe"
)

var levels = []string{"base", "v3", "v4"}[:C.ritz_level()+1]

var level atomic.Int32

func init() { level.Store(int32(len(levels) - 1)) }

// Level names the instruction level in use: "base", "v3" or "v4".
func Level() string { return levels[level.Load()] }

// Levels lists the levels that this processor can run, lowest first.
func Levels() []string { return append([]string(nil), levels...) }

// SetLevel chooses a level, for tests and measurements. It reports whether
// the level exists here.
func SetLevel(name string) bool {
	for i, l := range levels {
		if l == name {
			level.Store(int32(i))
			return true
		}
	}
	return false
}

func f32[T Float](x []T) *C.float  { return (*C.float)(unsafe.Pointer(unsafe.SliceData(x))) }
func f64[T Float](x []T) *C.double { return (*C.double)(unsafe.Pointer(unsafe.SliceData(x))) }

// single reports whether T is float32.
func single[T Float]() bool {
	var zero T
	return unsafe.Sizeof(zero) == 4
}

func exp[T Float](x, y []T) {
	raceRead(x)
	raceWrite(y)
	if l := C.int(level.Load()); single[T]() {
		C.ritz_exp_f32(l, C.ptrdiff_t(len(x)), f32(x), f32(y))
	} else {
		C.ritz_exp_f64(l, C.ptrdiff_t(len(x)), f64(x), f64(y))
	}
}

func tanh[T Float](x, y []T) {
	raceRead(x)
	raceWrite(y)
	if l := C.int(level.Load()); single[T]() {
		C.ritz_tanh_f32(l, C.ptrdiff_t(len(x)), f32(x), f32(y))
	} else {
		C.ritz_tanh_f64(l, C.ptrdiff_t(len(x)), f64(x), f64(y))
	}
}

func softMinRows[T Float](m, n int, ε T, c []T, ldc int, g, out []T) {
	raceRead(c)
	raceRead(g)
	raceWrite(out)
	if l := C.int(level.Load()); single[T]() {
		C.ritz_softmin_rows_f32(l, C.ptrdiff_t(m), C.ptrdiff_t(n), C.float(ε), f32(c), C.ptrdiff_t(ldc), f32(g), f32(out))
	} else {
		C.ritz_softmin_rows_f64(l, C.ptrdiff_t(m), C.ptrdiff_t(n), C.double(ε), f64(c), C.ptrdiff_t(ldc), f64(g), f64(out))
	}
}

func softMinCols[T Float](m, n int, ε T, c []T, ldc int, g, out []T) {
	raceRead(c)
	raceRead(g)
	raceWrite(out)
	if l := C.int(level.Load()); single[T]() {
		C.ritz_softmin_cols_f32(l, C.ptrdiff_t(m), C.ptrdiff_t(n), C.float(ε), f32(c), C.ptrdiff_t(ldc), f32(g), f32(out))
	} else {
		C.ritz_softmin_cols_f64(l, C.ptrdiff_t(m), C.ptrdiff_t(n), C.double(ε), f64(c), C.ptrdiff_t(ldc), f64(g), f64(out))
	}
}

func gibbs[T Float](m, n int, ε T, f, g, c []T, ldc int, out []T, ldo int) {
	raceRead(f)
	raceRead(g)
	raceRead(c)
	raceWrite(out)
	if l := C.int(level.Load()); single[T]() {
		C.ritz_gibbs_f32(l, C.ptrdiff_t(m), C.ptrdiff_t(n), C.float(ε), f32(f), f32(g), f32(c), C.ptrdiff_t(ldc), f32(out), C.ptrdiff_t(ldo))
	} else {
		C.ritz_gibbs_f64(l, C.ptrdiff_t(m), C.ptrdiff_t(n), C.double(ε), f64(f), f64(g), f64(c), C.ptrdiff_t(ldc), f64(out), C.ptrdiff_t(ldo))
	}
}

func scalingStep[T Float](m, n int, k []T, ldk int, a, v, u, s []T) {
	raceRead(k)
	raceRead(a)
	raceRead(v)
	raceWrite(u)
	raceWrite(s)
	if l := C.int(level.Load()); single[T]() {
		C.ritz_scaling_f32(l, C.ptrdiff_t(m), C.ptrdiff_t(n), f32(k), C.ptrdiff_t(ldk), f32(a), f32(v), f32(u), f32(s))
	} else {
		C.ritz_scaling_f64(l, C.ptrdiff_t(m), C.ptrdiff_t(n), f64(k), C.ptrdiff_t(ldk), f64(a), f64(v), f64(u), f64(s))
	}
}

func pairwiseCost[T Float](m, n, d, p int, x []T, ldx int, yt, out []T, ldo int) {
	raceRead(x)
	raceRead(yt)
	raceWrite(out)
	if l := C.int(level.Load()); single[T]() {
		C.ritz_paircost_f32(l, C.ptrdiff_t(m), C.ptrdiff_t(n), C.ptrdiff_t(d), C.int(p), f32(x), C.ptrdiff_t(ldx), f32(yt), f32(out), C.ptrdiff_t(ldo))
	} else {
		C.ritz_paircost_f64(l, C.ptrdiff_t(m), C.ptrdiff_t(n), C.ptrdiff_t(d), C.int(p), f64(x), C.ptrdiff_t(ldx), f64(yt), f64(out), C.ptrdiff_t(ldo))
	}
}

func minRows[T Float](m, n int, c []T, ldc int, g, out []T) {
	raceRead(c)
	raceRead(g)
	raceWrite(out)
	if l := C.int(level.Load()); single[T]() {
		C.ritz_min_rows_f32(l, C.ptrdiff_t(m), C.ptrdiff_t(n), f32(c), C.ptrdiff_t(ldc), f32(g), f32(out))
	} else {
		C.ritz_min_rows_f64(l, C.ptrdiff_t(m), C.ptrdiff_t(n), f64(c), C.ptrdiff_t(ldc), f64(g), f64(out))
	}
}

func minCols[T Float](m, n int, c []T, ldc int, g, out []T) {
	raceRead(c)
	raceRead(g)
	raceWrite(out)
	if l := C.int(level.Load()); single[T]() {
		C.ritz_min_cols_f32(l, C.ptrdiff_t(m), C.ptrdiff_t(n), f32(c), C.ptrdiff_t(ldc), f32(g), f32(out))
	} else {
		C.ritz_min_cols_f64(l, C.ptrdiff_t(m), C.ptrdiff_t(n), f64(c), C.ptrdiff_t(ldc), f64(g), f64(out))
	}
}

func matVec[T Float](m, n int, a []T, lda int, x, y []T) {
	raceRead(a)
	raceRead(x)
	raceWrite(y)
	if l := C.int(level.Load()); single[T]() {
		C.ritz_matvec_f32(l, C.ptrdiff_t(m), C.ptrdiff_t(n), f32(a), C.ptrdiff_t(lda), f32(x), f32(y))
	} else {
		C.ritz_matvec_f64(l, C.ptrdiff_t(m), C.ptrdiff_t(n), f64(a), C.ptrdiff_t(lda), f64(x), f64(y))
	}
}

func vecMat[T Float](m, n int, a []T, lda int, x, y []T) {
	raceRead(a)
	raceRead(x)
	raceWrite(y)
	if l := C.int(level.Load()); single[T]() {
		C.ritz_vecmat_f32(l, C.ptrdiff_t(m), C.ptrdiff_t(n), f32(a), C.ptrdiff_t(lda), f32(x), f32(y))
	} else {
		C.ritz_vecmat_f64(l, C.ptrdiff_t(m), C.ptrdiff_t(n), f64(a), C.ptrdiff_t(lda), f64(x), f64(y))
	}
}

func symVec[T Float](lo, hi int, a []T, lda int, x, y []T) {
	raceRead(a)
	raceRead(x)
	raceWrite(y)
	if l := C.int(level.Load()); single[T]() {
		C.ritz_symvec_f32(l, C.ptrdiff_t(lo), C.ptrdiff_t(hi), f32(a), C.ptrdiff_t(lda), f32(x), f32(y))
	} else {
		C.ritz_symvec_f64(l, C.ptrdiff_t(lo), C.ptrdiff_t(hi), f64(a), C.ptrdiff_t(lda), f64(x), f64(y))
	}
}

func tallGram[T Float](m, n int, a []T, lda int, x, g []float64, ld int, work []float64) {
	raceRead(a)
	raceRead(x)
	raceWrite(g)
	if l := C.int(level.Load()); single[T]() {
		C.ritz_tall_gram_f32(l, C.ptrdiff_t(m), C.ptrdiff_t(n), f32(a), C.ptrdiff_t(lda), f64(x), f64(g), C.ptrdiff_t(ld), f64(work))
	} else {
		C.ritz_tall_gram_f64(l, C.ptrdiff_t(m), C.ptrdiff_t(n), f64(a), C.ptrdiff_t(lda), f64(x), f64(g), C.ptrdiff_t(ld), f64(work))
	}
}

func tallMul[T Float](m, n, k int, a []T, lda int, x []float64, ld int, y []float64, ldy int, u []T, ldu int, c TallCheck, work []float64) {
	raceRead(a)
	raceRead(x)
	raceRead(y)
	raceWrite(u)
	raceWrite(c.Gram.Data)
	raceWrite(c.Squares)
	if l := C.int(level.Load()); single[T]() {
		C.ritz_tall_mul_f32(l, C.ptrdiff_t(m), C.ptrdiff_t(n), C.ptrdiff_t(k), f32(a), C.ptrdiff_t(lda), f64(x), C.ptrdiff_t(ld), f64(y), C.ptrdiff_t(ldy), f32(u), C.ptrdiff_t(ldu), f64(c.Gram.Data), f64(c.W), f64(c.Z), f64(c.Squares), f64(work))
	} else {
		C.ritz_tall_mul_f64(l, C.ptrdiff_t(m), C.ptrdiff_t(n), C.ptrdiff_t(k), f64(a), C.ptrdiff_t(lda), f64(x), C.ptrdiff_t(ld), f64(y), C.ptrdiff_t(ldy), f64(u), C.ptrdiff_t(ldu), f64(c.Gram.Data), f64(c.W), f64(c.Z), f64(c.Squares), f64(work))
	}
}

func tangentForward[T Float](rows, k, a int, bias, s []T, lds int, u []T, ldu int, y []T, ldy int) {
	raceRead(bias)
	raceRead(s)
	raceWrite(u)
	raceWrite(y)
	if l := C.int(level.Load()); single[T]() {
		C.ritz_tangent_forward_f32(l, C.ptrdiff_t(rows), C.ptrdiff_t(k), C.ptrdiff_t(a), f32(bias), f32(s), C.ptrdiff_t(lds), f32(u), C.ptrdiff_t(ldu), f32(y), C.ptrdiff_t(ldy))
	} else {
		C.ritz_tangent_forward_f64(l, C.ptrdiff_t(rows), C.ptrdiff_t(k), C.ptrdiff_t(a), f64(bias), f64(s), C.ptrdiff_t(lds), f64(u), C.ptrdiff_t(ldu), f64(y), C.ptrdiff_t(ldy))
	}
}

func tangentBackward[T Float](rows, k, a int, s []T, lds int, c []T, ldc int, u []T, ldu int, e []T, lde int, sums []T) {
	raceRead(s)
	raceRead(c)
	raceRead(u)
	raceWrite(e)
	raceWrite(sums)
	if l := C.int(level.Load()); single[T]() {
		C.ritz_tangent_backward_f32(l, C.ptrdiff_t(rows), C.ptrdiff_t(k), C.ptrdiff_t(a), f32(s), C.ptrdiff_t(lds), f32(c), C.ptrdiff_t(ldc), f32(u), C.ptrdiff_t(ldu), f32(e), C.ptrdiff_t(lde), f32(sums))
	} else {
		C.ritz_tangent_backward_f64(l, C.ptrdiff_t(rows), C.ptrdiff_t(k), C.ptrdiff_t(a), f64(s), C.ptrdiff_t(lds), f64(c), C.ptrdiff_t(ldc), f64(u), C.ptrdiff_t(ldu), f64(e), C.ptrdiff_t(lde), f64(sums))
	}
}

func adam[T Float](c *[6]T, w, g, m, v []T) {
	raceWrite(w)
	raceRead(g)
	raceWrite(m)
	raceWrite(v)
	if l := C.int(level.Load()); single[T]() {
		C.ritz_adam_f32(l, C.ptrdiff_t(len(w)), f32(c[:]), f32(w), f32(g), f32(m), f32(v))
	} else {
		C.ritz_adam_f64(l, C.ptrdiff_t(len(w)), f64(c[:]), f64(w), f64(g), f64(m), f64(v))
	}
}

func momentum[T Float](c *[6]T, w, g, m []T) {
	raceWrite(w)
	raceRead(g)
	raceWrite(m)
	if l := C.int(level.Load()); single[T]() {
		C.ritz_momentum_f32(l, C.ptrdiff_t(len(w)), f32(c[:]), f32(w), f32(g), f32(m))
	} else {
		C.ritz_momentum_f64(l, C.ptrdiff_t(len(w)), f64(c[:]), f64(w), f64(g), f64(m))
	}
}

func combine[T Float](p T, a []T, q T, b, c []T) {
	raceRead(a)
	raceRead(b)
	raceWrite(c)
	if l := C.int(level.Load()); single[T]() {
		C.ritz_combine_f32(l, C.ptrdiff_t(len(c)), C.float(p), f32(a), C.float(q), f32(b), f32(c))
	} else {
		C.ritz_combine_f64(l, C.ptrdiff_t(len(c)), C.double(p), f64(a), C.double(q), f64(b), f64(c))
	}
}

func powers[T Float](p float64, a []T, q float64, b []T) (out [3]float64) {
	raceRead(a)
	raceRead(b)
	if l := C.int(level.Load()); single[T]() {
		C.ritz_powers_f32(l, C.ptrdiff_t(len(a)), C.double(p), f32(a), C.double(q), f32(b), f64(out[:]))
	} else {
		C.ritz_powers_f64(l, C.ptrdiff_t(len(a)), C.double(p), f64(a), C.double(q), f64(b), f64(out[:]))
	}
	return out
}

func maxAbs[T Float](x []T) T {
	raceRead(x)
	if l := C.int(level.Load()); single[T]() {
		return T(C.ritz_maxabs_f32(l, C.ptrdiff_t(len(x)), f32(x)))
	} else {
		return T(C.ritz_maxabs_f64(l, C.ptrdiff_t(len(x)), f64(x)))
	}
}

func skinnyMul[T Float](m, w, k int, α T, a []T, lda int, b []T, ldb int, β T, c []T, ldc int) {
	raceRead(a)
	raceRead(b)
	raceWrite(c)
	if l := C.int(level.Load()); single[T]() {
		C.ritz_skinny_mul_f32(l, C.ptrdiff_t(m), C.ptrdiff_t(w), C.ptrdiff_t(k), C.float(α), f32(a), C.ptrdiff_t(lda), f32(b), C.ptrdiff_t(ldb), C.float(β), f32(c), C.ptrdiff_t(ldc))
	} else {
		C.ritz_skinny_mul_f64(l, C.ptrdiff_t(m), C.ptrdiff_t(w), C.ptrdiff_t(k), C.double(α), f64(a), C.ptrdiff_t(lda), f64(b), C.ptrdiff_t(ldb), C.double(β), f64(c), C.ptrdiff_t(ldc))
	}
}

func skinnyTransMul[T Float](m, n, w int, α T, a []T, lda int, b []T, ldb int, β T, c []T, ldc int, work []T) {
	raceRead(a)
	raceRead(b)
	raceWrite(c)
	if l := C.int(level.Load()); single[T]() {
		C.ritz_skinny_transmul_f32(l, C.ptrdiff_t(m), C.ptrdiff_t(n), C.ptrdiff_t(w), C.float(α), f32(a), C.ptrdiff_t(lda), f32(b), C.ptrdiff_t(ldb), C.float(β), f32(c), C.ptrdiff_t(ldc), f32(work))
	} else {
		C.ritz_skinny_transmul_f64(l, C.ptrdiff_t(m), C.ptrdiff_t(n), C.ptrdiff_t(w), C.double(α), f64(a), C.ptrdiff_t(lda), f64(b), C.ptrdiff_t(ldb), C.double(β), f64(c), C.ptrdiff_t(ldc), f64(work))
	}
}
