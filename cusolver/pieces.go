//go:build cgo && linux && !nocuda

package cusolver

import "github.com/ritz-go/ritz/goapi/device"

// Kernels that sum columns beside other work leave a sum for every pieceRows
// rows, so that tall and narrow matrices keep the whole GPU busy. The pieces
// depend on the shape alone, so that every GPU adds in the same order.
const pieceRows = 256

// pieces returns how many so many rows have.
func pieces(rows int) int { return (rows + pieceRows - 1) / pieceRows }

// stripWork is how many threads such a kernel uses: a block for every 32 columns
// of a piece.
func stripWork(rows, cols int) int { return pieces(rows) * ((cols + 31) / 32) * threads }

// joinPieces computes out = keep·out + the sums of the columns of partial, which
// has a row of ld numbers for each piece of so many rows.
func (q *queue[T]) joinPieces(rows, cols int, partial uint64, ld int, keep T, out device.Matrix[T]) {
	q.sweep("reduce_pieces", cols, pieces(rows), cols, partial, ld, keep, address(out), step(out))
}
