//go:build cgo

package cblas

import (
	"sync"
	"sync/atomic"
	"time"
)

// linger is how long a goroutine that has helped waits for the next call, on
// its core. Algorithms make calls of our kernels one after the other; waking up
// a core that sleeps takes as long as a product of small matrices, most of all
// on a virtual machine.
const linger = 50 * time.Microsecond

// helpers are the goroutines that linger.
var helpers struct {
	sync.Mutex
	idle    int          // those that nothing has been given to yet
	jobs    []func()     // for those that something has been given to
	waiting atomic.Int32 // len(jobs)
}

// help runs f on a goroutine that lingers, or on a new one.
func help(f func()) {
	h := &helpers
	h.Lock()
	defer h.Unlock()
	if h.idle == 0 {
		go helper(f)
		return
	}
	h.idle--
	h.jobs = append(h.jobs, f)
	h.waiting.Store(int32(len(h.jobs)))
}

func helper(f func()) {
	h := &helpers
	for f != nil {
		f()
		h.Lock()
		h.idle++
		h.Unlock()
		f = nextJob()
	}
}

// nextJob waits for a job; nil says that there was none for a while.
func nextJob() (f func()) {
	h := &helpers
	start := time.Now()
	for spins := 0; ; spins++ {
		pause(spins)
		late := spins%64 == 63 && time.Since(start) > linger
		if h.waiting.Load() == 0 && !late {
			continue
		}
		h.Lock()
		n := len(h.jobs)
		switch {
		case n > 0:
			f = h.jobs[n-1]
			h.jobs[n-1] = nil
			h.jobs = h.jobs[:n-1]
			h.waiting.Store(int32(n - 1))
		case late:
			h.idle--
		}
		h.Unlock()
		if f != nil || late {
			return f
		}
	}
}
