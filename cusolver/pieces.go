//go:build cgo && linux && !nocuda

package cusolver

import "github.com/ritz-go/ritz/goapi/device"

// pieces says how the rows of a matrix are cut by kernels with a result for each
// column: into so many of so much height. They leave what each gives, so that tall
// and narrow matrices keep the whole GPU busy.
type pieces struct{ height, count, work int }

// cut returns the pieces of a rows×cols matrix, none empty: about a thousand
// blocks with those of a strip of 32 columns, but none of fewer than 256 rows and
// few enough to be joined fast. They depend on the shape alone, so that every GPU
// adds in the same order.
func cut(rows, cols int) pieces {
	const blocks, most, least = 1024, 256, 256
	strips := (cols + 31) / 32
	wanted := min(most, max(1, blocks/max(1, strips)))
	height := max(least, (rows+wanted-1)/wanted)
	count := (rows + height - 1) / height
	return pieces{height, count, count * strips * threads}
}

// worthCutting is the number of elements from which a second kernel, to join what
// the pieces leave, costs less than blocks that do nothing.
const worthCutting = 1 << 16

// columnPieces is cut for kernels that write the results themselves if there is
// one piece.
func columnPieces[T device.Float](a device.Matrix[T]) pieces {
	if p := cut(a.Rows, a.Cols); a.Len() >= worthCutting {
		return p
	}
	return pieces{a.Rows, 1, columnWork(a)}
}

// partial returns device memory for what the pieces leave, so many bytes each, and
// 0 for a single one, which leaves nothing.
func (q *queue[T]) partial(p pieces, bytes int) (address uint64, ok bool) {
	if p.count <= 1 {
		return 0, true
	}
	return q.scratch(p.count * bytes)
}

// join computes the reduction out of the columns of partial, which has a row of
// ld numbers for each piece. With sums keep·out is added.
func join[T device.Float](q *queue[T], r device.Reduction, p pieces, partial uint64, ld int, keep T, out device.Matrix[T]) {
	q.sweep("reduce_pieces", out.Len(), int32(r), p.count, out.Len(), partial, ld, keep, address(out), step(out))
}
