package device

import "runtime"

// Work on fewer elements than this is not worth a second goroutine: starting
// and joining one costs about as much as 16k additions.
const minChunk = 1 << 15

// parallelChunks returns how many goroutines parallelRows uses.
func parallelChunks(rows, cols int) int {
	return max(1, min(runtime.GOMAXPROCS(0), rows, rows*cols/minChunk))
}

// parallelRows splits [0,rows) evenly among goroutines, in chunks whose
// number depends on the shape alone (and on GOMAXPROCS).
func parallelRows(rows, cols int, f func(chunk, lo, hi int)) {
	n := parallelChunks(rows, cols)
	if n == 1 {
		f(0, 0, rows)
		return
	}
	concurrently(n, n, func(c int) { f(c, c*rows/n, (c+1)*rows/n) })
}
