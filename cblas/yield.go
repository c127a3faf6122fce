//go:build cgo

package cblas

/*
#include <sched.h>
#cgo noescape sched_yield
#cgo nocallback sched_yield
*/
import "C"
import "runtime"

// pause is called in each turn of a loop that waits for another goroutine. The
// core may be needed by that one, or by another process.
func pause(spins int) {
	switch {
	case spins < 64:
	case spins%16 == 0:
		runtime.Gosched()
	default:
		yield()
	}
}

// yield lets other threads have the core.
func yield() { C.sched_yield() }
