//go:build cgo && linux && !nocuda

package cusolver

import (
	"unsafe"

	"github.com/ritz-go/ritz/goapi/device"
)

// mostInBatch is the largest dimension of the matrices that the kernel takes,
// staticInBatch the bytes of its static shared memory: those of both its forms,
// since a compiler does not overlay them.
const (
	mostInBatch   = 64
	staticInBatch = 512
)

// TrySVDBatch decomposes the matrices by one-sided Jacobi rotations in shared
// memory, one matrix for each team of threads.
func (q *queue[T]) TrySVDBatch(m, n int, a, u, s, vt, checks device.Matrix[T]) bool {
	if !q.begin(device.CheckSVDBatch(m, n, a, u, s, vt, checks), a, u, s, vt, checks) || a.Rows == 0 {
		return true
	}
	if max(m, n) > mostInBatch {
		return false
	}
	t, fits := planTeams(m, n, int(unsafe.Sizeof(*new(T))), !u.IsZero(), int(q.gpu.c.shared_memory))
	if !fits {
		return false
	}
	inBlock := threads / (t.lanes * t.workers)
	blocks := q.gpu.blocks((a.Rows + inBlock - 1) / inBlock * threads)
	q.launchShared("svd_batch", blocks, inBlock*t.bytes, int32(t.lanes), int32(t.workers), t.bytes, a.Rows, m, n,
		address(a), a.LD, address(u), u.LD, address(s), s.LD, address(vt), vt.LD, address(checks), checks.LD)
	return true
}

// teams says how a batch is divided: so many lanes for a pair of columns, so
// many of these workers for a matrix, and the shared memory of one.
type teams struct{ lanes, workers, bytes int }

// planTeams returns the teams for m×n matrices with elements of the given
// size, and whether a block's fit into the shared memory of a multiprocessor.
func planTeams(m, n, size int, vectors bool, shared int) (teams, bool) {
	// x and left have rows×k elements, y k×k, in columns an odd distance
	// apart, the diagonal and the values k each; two orders have 64 bytes.
	rows, k := max(m, n), min(m, n)
	elements := (rows|1)*k + (k|1)*k + 2*k
	if vectors {
		elements += (rows | 1) * k
	}
	return newTeams(k, elements*size+2*64, shared)
}

// planEighTeams is planTeams for symmetric n×n matrices.
func planEighTeams(n, size int, vectors bool, shared int) (teams, bool) {
	// The matrix and the vectors in rows an odd distance apart, the diagonal
	// and the rotations of a round; an order has 64 bytes.
	elements := (n|1)*n + n + (n+1)/2*2
	if vectors {
		elements += (n | 1) * n
	}
	return newTeams(n, elements*size+64, shared)
}

// newTeams returns teams for the pairs of k columns. More lanes for a pair mean
// fewer matrices in a block: four, as long as they fit, for up to 16 columns, of
// which each lane then has no more than four elements, else eight.
func newTeams(k, bytes, shared int) (teams, bool) {
	t := teams{lanes: 4, workers: 1, bytes: (bytes + 15) / 16 * 16}
	for 2*t.workers < k {
		t.workers *= 2
	}
	inBlock := func() int { return threads / (t.lanes * t.workers) }
	if t.workers > 8 || t.lanes*t.workers < 8 || inBlock()*t.bytes > shared-staticInBatch {
		t.lanes = 8
	}
	return t, inBlock()*t.bytes <= shared-staticInBatch
}

// TryEighBatch decomposes the matrices by two-sided Jacobi rotations in shared
// memory, one matrix for each team of threads.
func (q *queue[T]) TryEighBatch(n int, a, w, vt, checks device.Matrix[T]) bool {
	if !q.begin(device.CheckEighBatch(n, a, w, vt, checks), a, w, vt, checks) || a.Rows == 0 {
		return true
	}
	if n > mostInBatch {
		return false
	}
	t, fits := planEighTeams(n, int(unsafe.Sizeof(*new(T))), !vt.IsZero(), int(q.gpu.c.shared_memory))
	if !fits {
		return false
	}
	inBlock := threads / (t.lanes * t.workers)
	blocks := q.gpu.blocks((a.Rows + inBlock - 1) / inBlock * threads)
	q.launchShared("eigh_batch", blocks, inBlock*t.bytes, int32(t.lanes), int32(t.workers), t.bytes, a.Rows, n,
		address(a), a.LD, address(w), w.LD, address(vt), vt.LD, address(checks), checks.LD)
	return true
}

var (
	_ device.BatchSVDer[float32]  = (*queue[float32])(nil)
	_ device.BatchEigher[float32] = (*queue[float32])(nil)
)
