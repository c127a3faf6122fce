//go:build cgo

package cblas

// #include "lapack.h"
import "C"

import (
	"sync/atomic"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/native"
)

// leastOwn is the number of columns from which decompositions of float64 are
// those of package device over products of OpenBLAS. LAPACK applies the
// reflections that bring the vectors back 32 at a time, for which products run
// at a third of their speed, and solves the secular equations of divide and
// conquer on one core, one number at a time.
const leastOwn = 128

// suitsOwn tells whether a matrix of this shape is decomposed so. LAPACK takes
// the QR factorization of tall ones first.
func suitsOwn(rows, cols int) bool {
	return min(rows, cols) >= leastOwn && max(rows, cols) < 2*min(rows, cols)
}

// leastCalled is the number of multiplications that are worth a call of OpenBLAS.
const leastCalled = 1 << 9

// factors are what those are made of.
type factors struct{ kernels[float64] }

var _ device.FactorKernels = factors{}

func (f factors) Product(tA, tB device.Trans, α float64, a, b, c device.Dense[float64]) {
	depth := a.Cols
	if tA == device.Transp {
		depth = a.Rows
	}
	if depth == 0 || c.Rows == 0 || c.Cols == 0 {
		return
	}
	if c.Rows*c.Cols*depth < leastCalled {
		f.GoKernels.Gemm(tA, tB, α, a, b, 1, c)
		return
	}
	f.Gemm(tA, tB, α, a, b, 1, c)
}

// Tridiagonalize: the columns of LAPACK's lower triangle, which hold the vectors,
// are our rows.
func (f factors) Tridiagonalize(a device.Dense[float64]) (diagonal, below []float64, q device.Reflections) {
	f.mirror(a)
	n := a.Rows
	diagonal, below = make([]float64, n), make([]float64, n-1)
	tau := make([]float64, n-1)
	defer enter()()
	workspace[float64]("sytrd", func(work []float64, lwork C.int) C.int {
		return C.ritz_dsytrd('L', C.int(n), d(a.Data), C.int(a.Stride), d(diagonal), d(below), d(tau), d(work), lwork)
	})
	for i := range n - 1 {
		clear(a.Row(i)[:i+1])
		a.Set(i, i+1, 1)
	}
	return diagonal, below, device.Reflections{V: a.Slice(0, n-1, 0, n), Tau: tau, Shift: 1}
}

func (f factors) Sweep(a device.Dense[float64], v []float64, τ float64, x, c []float64, partial device.Dense[float64]) {
	block := func(b int) {
		lo, hi := device.SweepBlock(b, a.Rows)
		y := partial.Row(b)[:a.Cols]
		clear(y)
		if lo < hi {
			native.Sweep(hi-lo, a.Cols, rows(a, lo, hi), a.Stride, v, τ, x[lo:hi], c[lo:hi], y)
		}
	}
	// As for products with vectors, another core must be worth waking up.
	begun := new(atomic.Int64)
	together(min(f.threads, a.Rows*a.Cols/leastSwept), func() {
		for {
			b := int(begun.Add(1)) - 1
			if b >= partial.Rows {
				return
			}
			block(b)
		}
	})
}

func (f factors) SecularSums(split int, z, gaps []float64, η float64, δ []float64) device.SecularSums {
	return device.SecularSums(native.Secular(split, z, gaps, η, δ))
}

// leastSwept is the number of elements for each thread from which another one
// helps with a sweep.
const leastSwept = 1 << 14
