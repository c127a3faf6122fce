//go:build cgo

package cblas

import "sync/atomic"

// closed is added to the number of workers at work when no more may come.
const closed = -1 << 32

// together calls work on up to so many workers at once, the caller being one of
// them, and returns when all that have begun are done. They share out tasks
// among themselves; one that comes late finds what there is to do then, and is
// not waited for if it has not come at all: waking up another core may take
// longer than the tasks do.
func together(workers int, work func()) {
	if workers <= 1 {
		work()
		return
	}
	present := new(atomic.Int64)
	for range workers - 1 {
		help(func() {
			if present.Add(1) > 0 {
				work()
			}
			present.Add(-1)
		})
	}
	work()
	present.Add(closed)
	for spins := 0; present.Load() != closed; spins++ {
		pause(spins)
	}
}
