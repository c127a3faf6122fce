//go:build cgo

package cblas

import (
	"runtime"
	"sync/atomic"
)

// phase counts the tasks of a phase: how many have begun, and are done.
type phase struct{ begun, done atomic.Int64 }

// closed is added to the number of a team's workers when it takes no more.
const closed = -1 << 32

// inPhases runs tasks[p%2] tasks, in any order, in each phase p, all of which
// end before those of the next phase begin. The workers are called once:
// another core takes longer to wake up than a phase may last. One that comes
// late finds the phase that the others are in, and is not waited for if it has
// not come at all. Between phases workers spin, for the tasks that are left are
// short.
func inPhases(workers int, phases []phase, tasks [2]int, run func(worker, phase, task int)) {
	work := func(worker int) {
		for p := range phases {
			s, total := &phases[p], int64(tasks[p%2])
			for {
				task := s.begun.Add(1) - 1
				if task >= total {
					break
				}
				run(worker, p, int(task))
				s.done.Add(1)
			}
			for spins := 0; s.done.Load() < total; spins++ {
				pause(spins)
			}
		}
	}
	if workers == 1 {
		work(0)
		return
	}
	present := new(atomic.Int64)
	for w := 1; w < workers; w++ {
		help(func() {
			if present.Add(1) > 0 {
				work(w)
			}
			present.Add(-1)
		})
	}
	work(0)
	present.Add(closed)
	for spins := 0; present.Load() != closed; spins++ {
		pause(spins)
	}
}

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
