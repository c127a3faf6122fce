//go:build cgo

package cblas

import (
	"sync/atomic"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/native"
)

const (
	// chunkCols is the number of columns of a product that are computed
	// together: more packed rows would not stay in the cache.
	chunkCols = 32 * 96

	// leastPacked is the size from which our own kernel takes products.
	leastPacked = 64

	// leastShared is the number of multiplications for each thread below which
	// waking it up takes too long.
	leastShared = 1 << 22
)

// running counts the products that run at this moment. Each takes its share of
// the threads, so that products of several small matrices at once are not cut
// into pieces.
var running atomic.Int64

// packs reports whether our own kernel takes products of matrices of which the
// smaller side is n. Without AVX-512, and for small matrices, OpenBLAS is
// faster.
func (k kernels[T]) packs(n int) bool {
	return k.bf16 || n >= leastPacked && native.Level() == "v4"
}

// symmetric computes C = α·A·Bᵀ + β·D + γ·I, known to be symmetric, for A and B
// (or Aᵀ and Bᵀ if transposed) with n rows. D may be C. It is false where
// OpenBLAS is faster.
func (k kernels[T]) symmetric(transposed bool, α T, a, b device.Dense[T], β T, d device.Dense[T], γ T, c device.Dense[T]) bool {
	if !k.packs(c.Rows) {
		return false
	}
	k.multiply(native.Product[T]{
		M: c.Rows, N: c.Rows, K: depth(transposed, a),
		A: a.Data, LDA: a.Stride, TransA: transposed, B: b.Data, LDB: b.Stride, TransB: transposed,
		Alpha: α, Beta: β, D: d.Data, LDD: d.Stride, Gamma: γ, Lower: true, C: c.Data, LDC: c.Stride,
	})
	return true
}

// columns reports whether a symmetric matrix, which is its own transpose, is
// packed faster by columns than by rows: they need not be transposed, but those
// of bfloat16 are paired.
func (k kernels[T]) columns() bool { return !k.bf16 }

// SymApply computes Y = P·X, or X·P, for symmetric P.
func (k kernels[T]) SymApply(left bool, p, x, y device.Dense[T]) bool {
	if !k.packs(min(x.Rows, x.Cols)) {
		return false
	}
	if left {
		k.product(device.Trans(k.columns()), device.NoTrans, 1, p, x, 0, y)
	} else {
		k.product(device.NoTrans, device.Trans(!k.columns()), 1, x, p, 0, y)
	}
	return true
}

// product computes C = α·op(A)·op(B) + β·C.
func (k kernels[T]) product(tA, tB device.Trans, α T, a, b device.Dense[T], β T, c device.Dense[T]) {
	k.multiply(native.Product[T]{
		M: c.Rows, N: c.Cols, K: depth(tA == device.Transp, a),
		A: a.Data, LDA: a.Stride, TransA: tA == device.Transp, B: b.Data, LDB: b.Stride, TransB: tB == device.NoTrans,
		Alpha: α, Beta: β, D: c.Data, LDD: c.Stride, C: c.Data, LDC: c.Stride,
	})
}

// depth is the number of elements of a row of A, or of Aᵀ if transposed.
func depth[T device.Float](transposed bool, a device.Dense[T]) int {
	if transposed {
		return a.Rows
	}
	return a.Cols
}

// multiply computes a product in chunks of columns.
func (k kernels[T]) multiply(p native.Product[T]) {
	k.threads = max(1, k.threads/int(running.Add(1)))
	defer running.Add(-1)
	p.BF16 = k.bf16
	shelf := packs[T]()
	w := shelf.Take()
	if w == nil {
		w = new(native.PackedProduct[T])
	}
	defer shelf.Give(w)
	for n := p.N; n > 0; n -= chunkCols {
		chunk := p
		chunk.N = min(n, chunkCols)
		k.runPacked(w, chunk)
		if n <= chunkCols {
			break
		}
		p.B = p.B[start(p.TransB, chunkCols, p.LDB):]
		down := 0
		if p.Lower { // the next chunk begins on the diagonal
			down = chunkCols
			p.M -= down
			p.A = p.A[start(p.TransA, down, p.LDA):]
		}
		p.C = p.C[down*p.LDC+chunkCols:]
		if p.D != nil {
			p.D = p.D[down*p.LDD+chunkCols:]
		}
	}
}

// start is where row i begins, or column i of what is stored transposed.
func start(transposed bool, i, ld int) int {
	if transposed {
		return i
	}
	return i * ld
}

// runPacked computes a product. The workers are called once: another core takes
// longer to wake up than a step may last.
func (k kernels[T]) runPacked(w *native.PackedProduct[T], p native.Product[T]) {
	together(min(k.threads, w.Begin(p), p.M*p.N*p.K/leastShared), w.Worker())
	w.Product = native.Product[T]{} // matrices need not outlive the call
}

// packs32 and packs64 hold the workspace of products between calls.
var (
	packs32 device.Shelf[native.PackedProduct[float32]]
	packs64 device.Shelf[native.PackedProduct[float64]]
)

func packs[T device.Float]() *device.Shelf[native.PackedProduct[T]] {
	if shelf, ok := any(&packs32).(*device.Shelf[native.PackedProduct[T]]); ok {
		return shelf
	}
	return any(&packs64).(*device.Shelf[native.PackedProduct[T]])
}
