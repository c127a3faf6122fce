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
type symWork[T device.Float] struct {
	packed, rows []T
	phases       []phase
}

func borrow[T device.Float](packed, rows, phases int) (w *symWork[T], giveBack func()) {
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
	if cap(w.phases) < phases {
		w.phases = make([]phase, phases)
	}
	w.packed, w.rows, w.phases = w.packed[:packed], w.rows[:rows], w.phases[:phases]
	clear(w.phases)
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
	k.inDepth(n, n, depth, func(from, to, lo, hi int, packed []T) {
		k.pack(lo, hi, to-from, part(b, transposed, from, to), transposed, packed)
	}, func(from, to, lo, hi int, packed, work []T) {
		term := native.SymTerm[T]{Beta: β, Last: to == depth}
		if from > 0 {
			term.Beta = 1
		}
		if term.Beta != 0 {
			term.D, term.LD = c.Data, c.Stride
		}
		k.symRows(lo, hi, to-from, α, part(a, transposed, from, to), transposed, packed, term, c, work)
	})
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
	m, n, depth := c.Rows, c.Cols, a.Cols
	if tA == device.Transp {
		depth = a.Rows
	}
	k.inDepth(m, n, depth, func(from, to, lo, hi int, packed []T) {
		k.pack(lo, hi, to-from, part(b, tB == device.NoTrans, from, to), tB == device.NoTrans, packed)
	}, func(from, to, lo, hi int, packed, work []T) {
		β := β
		if from > 0 {
			β = 1
		}
		k.rows(lo, hi, n, to-from, α, part(a, tA == device.Transp, from, to), tA == device.Transp, packed, β, c, work)
	})
}

// leastShared is the number of multiplications for each thread below which
// waking it up takes too long.
const leastShared = 1 << 22

// packPanels is the number of panels that are packed as one task.
const packPanels = 2

// inDepth multiplies in steps along the depth of the factors: in each, the n
// rows of one factor are packed, and then the m rows of the result computed in
// blocks. The last block comes first: those of a triangle are the longer the
// farther down.
func (k kernels[T]) inDepth(m, n, depth int, pack func(from, to, lo, hi int, packed []T), rows func(from, to, lo, hi int, packed, work []T)) {
	k, done := k.share()
	defer done()
	const width = packPanels * native.SymWidth
	blocks, panels := (m+native.SymRows-1)/native.SymRows, (n+width-1)/width
	step := k.step(depth)
	words := k.words(step)
	workers := max(1, min(k.threads, blocks, m*n*depth/leastShared))
	w, giveBack := borrow[T](native.SymPacked(n, words), workers*native.SymRows*words, 2*((depth+step-1)/step))
	defer giveBack()
	inPhases(workers, w.phases, [2]int{panels, blocks}, func(worker, phase, task int) {
		from := phase / 2 * step
		to := min(from+step, depth)
		if phase%2 == 0 {
			pack(from, to, task*width, min(n, (task+1)*width), w.packed)
			return
		}
		i := blocks - 1 - task
		rows(from, to, i*native.SymRows, min(m, (i+1)*native.SymRows), w.packed,
			w.rows[worker*native.SymRows*words:(worker+1)*native.SymRows*words])
	})
}

// part returns the elements [from,to) of all rows, or columns, of m.
func part[T device.Float](m device.Dense[T], columns bool, from, to int) device.Dense[T] {
	if columns {
		return m.Slice(from, to, 0, m.Cols)
	}
	return m.Slice(0, m.Rows, from, to)
}
