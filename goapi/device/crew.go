package device

import (
	"sync"
	"sync/atomic"
)

// crew is a number of goroutines that share out tasks. It allocates nothing when
// it is used again.
type crew struct {
	f          func(worker, i int)
	n          int
	next, come atomic.Int64 // tasks that were begun, and goroutines
	wait       sync.WaitGroup
	member     func()
}

// each calls f for the tasks 0 … n-1 on some goroutines, and tells it which of
// them, from 0 on, it runs on.
func (c *crew) each(threads, n int, f func(worker, i int)) {
	if threads = min(threads, n); threads <= 1 {
		for i := range n {
			f(0, i)
		}
		return
	}
	c.f, c.n = f, n
	c.next.Store(0)
	c.come.Store(0)
	if c.member == nil {
		c.member = func() {
			c.work()
			c.wait.Done()
		}
	}
	c.wait.Add(threads - 1)
	for range threads - 1 {
		go c.member()
	}
	c.work()
	c.wait.Wait()
	c.f = nil
}

func (c *crew) work() {
	worker := int(c.come.Add(1)) - 1
	for i := int(c.next.Add(1)) - 1; i < c.n; i = int(c.next.Add(1)) - 1 {
		c.f(worker, i)
	}
}

var crews Shelf[crew]

// concurrently calls f(0) … f(n-1) on some goroutines.
func concurrently(threads, n int, f func(i int)) {
	c := crews.Take()
	if c == nil {
		c = new(crew)
	}
	c.each(threads, n, func(_, i int) { f(i) })
	crews.Give(c)
}
