//go:build cgo

package cblas

import "runtime"

// gate limits how many goroutines are inside OpenBLAS at a time. Each of them
// holds an operating system thread and one of OpenBLAS's buffers; when those
// run out (several hundred callers with 64 buffer slots) OpenBLAS 0.3.21
// crashes the process.
var gate = make(chan struct{}, max(2, runtime.GOMAXPROCS(0)))

// enter waits for a place inside OpenBLAS; the returned function leaves it.
func enter() func() {
	gate <- struct{}{}
	return leave
}

func leave() { <-gate }
