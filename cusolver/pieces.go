//go:build cgo && linux && !nocuda

package cusolver

import "github.com/ritz-go/ritz/goapi/device"

// pieces says how the rows of a matrix are cut by kernels that sum columns beside
// other work: into so many of so much height. They leave the sums of each, so that
// tall and narrow matrices keep the whole GPU busy.
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

// join computes the reduction out of the columns of partial, which has a row of
// ld numbers for each piece. With sums keep·out is added.
func join[T device.Float](q *queue[T], r device.Reduction, p pieces, partial uint64, ld int, keep T, out device.Matrix[T]) {
	q.sweep("reduce_pieces", out.Len(), int32(r), p.count, out.Len(), partial, ld, keep, address(out), step(out))
}
