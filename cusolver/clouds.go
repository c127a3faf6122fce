//go:build cgo && linux && !nocuda

package cusolver

import (
	"unsafe"

	"github.com/ritz-go/ritz/goapi/device"
)

// TrySoftMinPoints launches the kernels for distances from differences and for those
// from products. The spread of the points tells one of them on the device to do
// nothing.
func (q *queue[T]) TrySoftMinPoints(p int, ε T, x, y, g, out device.Matrix[T]) bool {
	if !q.begin(device.CheckSoftMinPoints(p, x, y, g, out), x, y, g, out) || x.Rows == 0 {
		return true
	}
	defer q.Scope()()
	points := 64 // of x for each block; for many it takes twice as many itself
	if x.Cols <= 8 {
		points = 32
	}
	cut := cutClouds(x.Rows, y.Rows, points)
	spread, parts := q.pointSpread(p, x, y)
	partial, ok := q.partial(cut, softBytes[T]()*x.Rows)
	if !ok {
		return true
	}
	q.sweep("softmin_points", cut.work, int32(p), ε, x.Rows, y.Rows, x.Cols, address(x), x.LD, address(y), y.LD, address(g), step(g),
		spread, parts, cut.height, address(out), step(out), partial)
	switch {
	case parts == 0:
	case unsafe.Sizeof(ε) == 4:
		q.softMinHalves(ε, x, y, g, out, spread, parts, cut, partial)
	default:
		q.sweep("softmin_products", cut.work, ε, x.Rows, y.Rows, x.Cols, address(x), x.LD, address(y), y.LD, address(g), step(g),
			spread, parts, cut.height, address(out), step(out), partial)
	}
	q.joinSoft(ε, cut, partial, out)
	return true
}

// cutClouds cuts m points y into pieces for blocks of so many of n points x: about
// eight thousand blocks, that all multiprocessors end at about the same time, but no
// piece of fewer than 512 points, and whole tiles of every kernel in each.
func cutClouds(n, m, points int) pieces {
	const blocks, most, least, tile = 8192, 256, 512, 256
	tiles := (n + points - 1) / points
	height := max(1, (m+tile-1)/tile*tile)
	if m >= worthCutting/max(1, n) {
		wanted := min(most, max(1, blocks/max(1, tiles)))
		height = max(least, ((m+wanted-1)/wanted+tile-1)/tile*tile)
	}
	count := max(1, (m+height-1)/height)
	return pieces{height, count, count * tiles * threads}
}

// softMinHalves splits both clouds into pairs of float16 and leaves their products to
// tensor cores. The copies need as much memory as the clouds.
func (q *queue[T]) softMinHalves(ε T, x, y, g, out device.Matrix[T], spread uint64, parts int, cut pieces, partial uint64) {
	const stripe, step16 = 128, 16 // points and coordinates that are padded to
	kernel, chunks, steps := "softmin_halves", 1, (x.Cols+step16-1)/step16
	variant := &steps
	switch {
	case steps > 4:
		kernel, chunks, steps, variant = "softmin_chunks", steps, 1, &chunks
	case steps == 3:
		steps = 4
	}
	split := func(a, g device.Matrix[T]) (fragments, rest uint64, ok bool) {
		padded := (a.Rows + stripe - 1) / stripe * stripe
		fragments, _ = q.scratch(padded * chunks * steps * step16 * 4)
		rest, ok = q.scratch(padded * 4)
		if ok {
			q.sweep("split_points", padded*4, a.Rows, a.Cols, int32(chunks), int32(steps), ε, address(a), a.LD, address(y),
				address(g), step(g), spread, parts, fragments, rest)
		}
		return fragments, rest, ok
	}
	points, squares, _ := split(x, device.Matrix[T]{})
	if others, terms, ok := split(y, g); ok {
		work := (x.Rows + stripe - 1) / stripe * cut.count * threads
		q.sweep(kernel, work, ε, x.Rows, y.Rows, int32(*variant), points, squares, others, terms,
			spread, parts, cut.height, address(out), step(out), partial)
	}
}

// pointSpread computes how far the points lie apart, where softmin_points can
// save work if that is little beside ε, and returns where the numbers are and
// how many.
func (q *queue[T]) pointSpread(p int, x, y device.Matrix[T]) (at uint64, parts int) {
	const blocks, worthwhile = 64, 1 << 18
	if p != 2 || x.Cols <= 8 || y.Rows == 0 || x.Rows < worthwhile/y.Rows {
		return 0, 0
	}
	size := int(unsafe.Sizeof(*new(T)))
	at, ok := q.scratch(2 * blocks * size)
	if !ok {
		return 0, 0
	}
	q.launch("point_spread", blocks, x.Rows, x.Cols, address(x), x.LD, address(y), at)
	q.launch("point_spread", blocks, y.Rows, y.Cols, address(y), y.LD, address(y), at+uint64(blocks*size))
	return at, 2 * blocks
}

var _ device.PointSoftMinner[float32] = (*queue[float32])(nil)
