package svd

import "github.com/ritz-go/ritz/goapi/device"

// tally collects numbers that the device computes and fetches them all at once:
// each look at a number waits for everything that was asked of the device
// before, which on a GPU takes as long as some small products.
type tally[T device.Float] struct {
	q     device.Queue[T]
	sheet device.Matrix[T]
	used  int
	host  []T
}

// newTally returns one with room for most numbers, in the open scope of q.
func newTally[T device.Float](q device.Queue[T], most int) *tally[T] {
	return &tally[T]{q: q, sheet: q.Alloc(1, most), host: make([]T, most)}
}

// numbers runs f, which writes n numbers to out, and returns where they are
// after fetch.
func (t *tally[T]) numbers(n int, f func(out device.Matrix[T])) []T {
	lo, hi := t.used, t.used+n
	t.used = hi
	f(t.sheet.Slice(0, 1, lo, hi))
	return t.host[lo:hi:hi]
}

// reduce is numbers for a reduction of the whole of a.
func (t *tally[T]) reduce(r device.Reduction, a device.Matrix[T]) []T {
	return t.numbers(1, func(out device.Matrix[T]) { t.q.Reduce(r, device.Whole, a, out) })
}

// fetch waits for the device and brings the numbers to the host.
func (t *tally[T]) fetch() error {
	t.q.Download(device.Vector(t.host[:t.used]), t.sheet.Slice(0, 1, 0, t.used))
	return t.q.Sync()
}
