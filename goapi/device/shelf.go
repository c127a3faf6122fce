package device

import (
	"runtime"
	"sync"
)

// Shelf keeps what calls of a function have worked in for later ones, until it
// has not been used between two garbage collections. A sync.Pool does not see
// what another processor has put aside last, so that one goroutine that wanders
// from processor to processor would allocate now and then. The zero value is
// empty.
type Shelf[E any] struct {
	lock    sync.Mutex
	kept    []*E // given since the last garbage collection
	old     []*E // given before that
	watched bool
}

// Take returns something that was given, nil if there is nothing.
func (s *Shelf[E]) Take() *E {
	s.lock.Lock()
	defer s.lock.Unlock()
	for _, list := range []*[]*E{&s.kept, &s.old} {
		if n := len(*list); n > 0 {
			x := (*list)[n-1]
			(*list)[n-1] = nil
			*list = (*list)[:n-1]
			return x
		}
	}
	return nil
}

// Give keeps x, which the caller must no longer use.
func (s *Shelf[E]) Give(x *E) {
	s.lock.Lock()
	defer s.lock.Unlock()
	s.kept = append(s.kept, x)
	if !s.watched {
		s.watched = true
		eachCollection(s.age)
	}
}

// age lets go of what was not used since the last call but one, and reports
// whether there is anything left.
func (s *Shelf[E]) age() bool {
	s.lock.Lock()
	defer s.lock.Unlock()
	clear(s.old)
	s.kept, s.old = s.old[:0], s.kept
	s.watched = len(s.old) > 0
	return s.watched
}

// eachCollection calls f after each garbage collection until it returns false.
func eachCollection(f func() bool) {
	runtime.SetFinalizer(&collection{f}, (*collection).passed)
}

// collection is unreachable as soon as it is made.
type collection struct{ f func() bool }

func (c *collection) passed() {
	if c.f() {
		runtime.SetFinalizer(c, (*collection).passed)
	}
}
