//go:build cgo

package cblas

// #include "lapack.h"
import "C"

import (
	"fmt"
	"math"
	"unsafe"

	"github.com/ritz-go/ritz/goapi/device"
)

func s[T device.Float](x []T) *C.float  { return (*C.float)(unsafe.Pointer(unsafe.SliceData(x))) }
func d[T device.Float](x []T) *C.double { return (*C.double)(unsafe.Pointer(unsafe.SliceData(x))) }
func i32(x []int32) *C.int              { return (*C.int)(unsafe.Pointer(unsafe.SliceData(x))) }

// workspace asks call for the size of its workspace, which LAPACK stores in
// the first element, and calls it again with that. Sizes beyond int32 are an
// error: LAPACK's integers are 32 bits wide.
func workspace[T device.Float](name string, call func(work []T, lwork C.int) C.int) (info int, err error) {
	var query [1]T
	if info := call(query[:], -1); info != 0 {
		return int(info), nil
	}
	// Float32 cannot hold every size: take the next larger one.
	size := math.Ceil(float64(query[0]) * (1 + device.Epsilon[T]()))
	if size > math.MaxInt32 {
		return 0, fmt.Errorf("%s: the workspace of %.0f elements exceeds LAPACK's 32-bit integers: %w", name, size, device.ErrArgument)
	}
	n := max(1, int(size))
	return int(call(make([]T, n), C.int(n))), nil
}

// status turns LAPACK's info into an error.
func status(name string, info int, err error) error {
	switch {
	case err != nil:
		return err
	case info < 0:
		return fmt.Errorf("%s refused argument %d (NaN or a wrong size): %w", name, -info, device.ErrArgument)
	case info > 0:
		return &device.NotConvergedError{Method: "LAPACK " + name, Iterations: info}
	}
	return nil
}

// QR: A = QR is Aᵀ = RᵀQᵀ, the LQ factorization of what LAPACK sees.
func (kernels[T]) QR(a, r device.Dense[T]) error {
	defer enter()()
	m, n, lda := C.int(a.Rows), C.int(a.Cols), C.int(a.Stride)
	tau := make([]T, a.Cols)
	info, err := workspace("gelqf", func(work []T, lwork C.int) C.int {
		if single[T]() {
			return C.ritz_sgelqf(n, m, s(a.Data), lda, s(tau), s(work), lwork)
		}
		return C.ritz_dgelqf(n, m, d(a.Data), lda, d(tau), d(work), lwork)
	})
	if err := status("gelqf", info, err); err != nil {
		return err
	}
	for i := range a.Cols {
		row := r.Row(i)
		clear(row[:i])
		copy(row[i:], a.Row(i)[i:])
	}
	info, err = workspace("orglq", func(work []T, lwork C.int) C.int {
		if single[T]() {
			return C.ritz_sorglq(n, m, n, s(a.Data), lda, s(tau), s(work), lwork)
		}
		return C.ritz_dorglq(n, m, n, d(a.Data), lda, d(tau), d(work), lwork)
	})
	return status("orglq", info, err)
}

// Cholesky: the lower factor in rows is the upper factor in columns.
func (kernels[T]) Cholesky(a device.Dense[T]) error {
	defer enter()()
	n, lda := C.int(a.Rows), C.int(a.Stride)
	var info C.int
	if single[T]() {
		info = C.ritz_spotrf('U', n, s(a.Data), lda)
	} else {
		info = C.ritz_dpotrf('U', n, d(a.Data), lda)
	}
	if info > 0 {
		return device.ErrNotPositiveDefinite
	}
	for i := range a.Rows {
		clear(a.Row(i)[i+1:])
	}
	// A NaN need not stop potrf; its factor then holds one.
	for i := range a.Rows {
		if v := a.At(i, i); v != v {
			return device.ErrNotPositiveDefinite
		}
	}
	return status("potrf", int(info), nil)
}

// Eigh: LAPACK's eigenvectors stand in columns, which are our rows.
func (k kernels[T]) Eigh(a device.Dense[T], w []T) error {
	if wide, ok := any(a).(device.Dense[float64]); ok && a.Rows >= leastOwn {
		return device.Eigh(factors{any(k).(kernels[float64])}, wide, any(w).([]float64))
	}
	defer enter()()
	n, lda := C.int(a.Rows), C.int(a.Stride)
	saved := a.Clone()
	iwork := make([]int32, 3+5*a.Rows)
	info, err := workspace("syevd", func(work []T, lwork C.int) C.int {
		liwork := C.int(len(iwork))
		if single[T]() {
			return C.ritz_ssyevd('V', 'U', n, s(a.Data), lda, s(w), s(work), lwork, i32(iwork), liwork)
		}
		return C.ritz_dsyevd('V', 'U', n, d(a.Data), lda, d(w), d(work), lwork, i32(iwork), liwork)
	})
	if err != nil || info <= 0 {
		return status("syevd", info, err)
	}
	copyTo(a, saved) // divide and conquer failed: QR iteration
	info, err = workspace("syev", func(work []T, lwork C.int) C.int {
		if single[T]() {
			return C.ritz_ssyev('V', 'U', n, s(a.Data), lda, s(w), s(work), lwork)
		}
		return C.ritz_dsyev('V', 'U', n, d(a.Data), lda, d(w), d(work), lwork)
	})
	return status("syev", info, err)
}

// EighRange runs in float64 for either type.
func (k kernels[T]) EighRange(a device.Dense[T], w []T, vt device.Dense[T], first int) error {
	return device.EighRangeBy(factors{kernels[float64]{threads: k.threads}}, a, w, vt, first)
}

// SVD: A = UΣVᵀ is Aᵀ = VΣUᵀ, so that LAPACK's U is our Vᵀ and its Vᵀ our U.
// Divide and conquer (gesdd) can fail where QR iteration (gesvd) does not.
func (k kernels[T]) SVD(a, u device.Dense[T], σ []T, vt device.Dense[T]) error {
	if wide, ok := any(a).(device.Dense[float64]); ok && u.Data != nil && suitsOwn(a.Rows, a.Cols) {
		if err := device.CheckInput("matrix", wide); err != nil {
			return err
		}
		device.SVD(factors{any(k).(kernels[float64])}, wide, any(u).(device.Dense[float64]), any(σ).([]float64), any(vt).(device.Dense[float64]))
		return nil
	}
	defer enter()()
	m, n, lda := C.int(a.Rows), C.int(a.Cols), C.int(a.Stride)
	ldu, ldvt := C.int(max(1, u.Stride)), C.int(max(1, vt.Stride))
	job := C.char('S')
	if u.Data == nil {
		job, ldu, ldvt = 'N', 1, 1
	}
	saved := a.Clone()
	iwork := make([]int32, 8*len(σ))
	info, err := workspace("gesdd", func(work []T, lwork C.int) C.int {
		if single[T]() {
			return C.ritz_sgesdd(job, n, m, s(a.Data), lda, s(σ), s(vt.Data), ldvt, s(u.Data), ldu, s(work), lwork, i32(iwork))
		}
		return C.ritz_dgesdd(job, n, m, d(a.Data), lda, d(σ), d(vt.Data), ldvt, d(u.Data), ldu, d(work), lwork, i32(iwork))
	})
	if err != nil || info <= 0 {
		return status("gesdd", info, err)
	}
	copyTo(a, saved)
	info, err = workspace("gesvd", func(work []T, lwork C.int) C.int {
		if single[T]() {
			return C.ritz_sgesvd(job, job, n, m, s(a.Data), lda, s(σ), s(vt.Data), ldvt, s(u.Data), ldu, s(work), lwork)
		}
		return C.ritz_dgesvd(job, job, n, m, d(a.Data), lda, d(σ), d(vt.Data), ldvt, d(u.Data), ldu, d(work), lwork)
	})
	return status("gesvd", info, err)
}

func copyTo[T device.Float](dst, src device.Dense[T]) {
	for i := range src.Rows {
		copy(dst.Row(i), src.Row(i))
	}
}
