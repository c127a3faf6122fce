//go:build cgo

package cblas

import (
	"sync"
	"sync/atomic"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/native"
)

// symDepth is the number of columns of the factors that are worked on at a
// time, in packed words: those of a few rows of one factor stay in the
// first-level cache and those of all rows of the other in the second.
const symDepth = 256

// leastSymmetric is the size from which our own kernel takes the products.
const leastSymmetric = 64

// packs holds the workspace of symmetric products between calls.
var packs32, packs64 sync.Pool

// workspace of one symmetric product: packed rows of one factor, and of the
// other for each thread.
type symWork[T device.Float] struct{ packed, rows []T }

func borrow[T device.Float](packed, rows int) (w *symWork[T], giveBack func()) {
	pool := &packs64
	if single[T]() {
		pool = &packs32
	}
	w, ok := pool.Get().(*symWork[T])
	if !ok {
		w = new(symWork[T])
	}
	if cap(w.packed) < packed {
		w.packed = make([]T, packed)
	}
	if cap(w.rows) < rows {
		w.rows = make([]T, rows)
	}
	w.packed, w.rows = w.packed[:packed], w.rows[:rows]
	return w, func() { pool.Put(w) }
}

// running counts the products that run at this moment. Each takes its share of
// the threads, so that products of several small matrices at once are not cut
// into pieces.
var running atomic.Int64

func (k kernels[T]) share() (kernels[T], func()) {
	k.threads = max(1, k.threads/int(running.Add(1)))
	return k, func() { running.Add(-1) }
}

// symmetric computes C = α·A·Bᵀ + β·C, known to be symmetric, for A and B (or
// Aᵀ and Bᵀ if transposed) with n rows. The order of the sums does not depend
// on the number of threads. It is false where OpenBLAS is faster: without
// AVX-512, and for small matrices.
func (k kernels[T]) symmetric(transposed bool, α T, a, b device.Dense[T], β T, c device.Dense[T]) bool {
	n, depth := c.Rows, a.Cols
	if transposed {
		depth = a.Rows
	}
	if !k.bf16 && (n < leastSymmetric || native.Level() != "v4") {
		return false
	}
	k, done := k.share()
	defer done()
	blocks := (n + native.SymRows - 1) / native.SymRows
	panels := (n + native.SymWidth - 1) / native.SymWidth
	step := k.step(depth)
	words := k.words(step)
	w, giveBack := borrow[T](native.SymPacked(n, words), k.threads*native.SymRows*words)
	defer giveBack()
	for from := 0; from < depth; from += step {
		to := min(from+step, depth)
		pa, pb := part(a, transposed, from, to), part(b, transposed, from, to)
		k.spread(panels, n*(to-from), func(_, lo, hi int) {
			k.pack(lo*native.SymWidth, min(n, hi*native.SymWidth), to-from, pb, transposed, w.packed)
		})
		term := native.SymTerm[T]{Beta: β, Last: to == depth}
		if from > 0 {
			term.Beta = 1
		}
		if term.Beta != 0 {
			term.D, term.LD = c.Data, c.Stride
		}
		// Rows are longer the farther down: the longest first, to whoever is
		// free.
		var next atomic.Int64
		k.spread(k.threads, n*n, func(thread, _, _ int) {
			rows := w.rows[thread*native.SymRows*words : (thread+1)*native.SymRows*words]
			for {
				i := blocks - int(next.Add(1))
				if i < 0 {
					return
				}
				k.symRows(i*native.SymRows, min(n, (i+1)*native.SymRows), to-from, α, pa, transposed, w.packed, term, c, rows)
			}
		})
	}
	return true
}

// SymApply multiplies by a symmetric matrix, which is packed as fast as its
// transpose.
func (k kernels[T]) SymApply(left bool, p, x, y device.Dense[T]) bool {
	if !k.bf16 && (min(x.Rows, x.Cols) < leastSymmetric || native.Level() != "v4") {
		return false
	}
	if left {
		k.product(device.Transp, device.NoTrans, 1, p, x, 0, y)
	} else {
		k.product(device.NoTrans, device.NoTrans, 1, x, p, 0, y)
	}
	return true
}

// product computes C = α·op(A)·op(B) + β·C.
func (k kernels[T]) product(tA, tB device.Trans, α T, a, b device.Dense[T], β T, c device.Dense[T]) {
	k, done := k.share()
	defer done()
	m, n, depth := c.Rows, c.Cols, a.Cols
	if tA == device.Transp {
		depth = a.Rows
	}
	blocks := (m + native.SymRows - 1) / native.SymRows
	panels := (n + native.SymWidth - 1) / native.SymWidth
	step := k.step(depth)
	words := k.words(step)
	w, giveBack := borrow[T](native.SymPacked(n, words), k.threads*native.SymRows*words)
	defer giveBack()
	for from := 0; from < depth; from += step {
		to := min(from+step, depth)
		pa, pb := part(a, tA == device.Transp, from, to), part(b, tB == device.NoTrans, from, to)
		k.spread(panels, n*(to-from), func(_, lo, hi int) {
			k.pack(lo*native.SymWidth, min(n, hi*native.SymWidth), to-from, pb, tB == device.NoTrans, w.packed)
		})
		if from > 0 {
			β = 1
		}
		var next atomic.Int64
		k.spread(k.threads, m*n, func(thread, _, _ int) {
			rows := w.rows[thread*native.SymRows*words : (thread+1)*native.SymRows*words]
			for {
				i := int(next.Add(1)) - 1
				if i >= blocks {
					return
				}
				k.rows(i*native.SymRows, min(m, (i+1)*native.SymRows), n, to-from, α, pa, tA == device.Transp, w.packed, β, c, rows)
			}
		})
	}
}

// part returns the elements [from,to) of all rows, or columns, of m.
func part[T device.Float](m device.Dense[T], columns bool, from, to int) device.Dense[T] {
	if columns {
		return m.Slice(from, to, 0, m.Cols)
	}
	return m.Slice(0, m.Rows, from, to)
}
