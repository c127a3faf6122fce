package device

import (
	"runtime"
	"testing"
	"time"
)

// What is given is taken again wherever the goroutine runs, also after a garbage
// collection if it was used since the one before; what is not used goes.
func TestShelf(t *testing.T) {
	var s Shelf[[1 << 16]byte]
	a, b := new([1 << 16]byte), new([1 << 16]byte)
	s.Give(a)
	s.Give(b)
	if x, y, z := s.Take(), s.Take(), s.Take(); x != b || y != a || z != nil {
		t.Fatal("not what was given")
	}
	s.Give(a)
	s.Give(b)
	collect := func() {
		seen := make(chan bool, 1)
		eachCollection(func() bool { seen <- true; return false })
		runtime.GC()
		select { // finalizers run one after the other
		case <-seen:
		case <-time.After(10 * time.Second):
			t.Fatal("no garbage collection was seen")
		}
	}
	for range 3 {
		s.age()
		if s.Take() != b {
			t.Fatal("lost although it was used")
		}
		s.Give(b)
	}
	if s.age(); len(s.kept) != 0 || len(s.old) != 1 {
		t.Fatalf("%d and %d kept, of which one was used", len(s.kept), len(s.old))
	}
	for range 4 {
		collect()
	}
	s.lock.Lock()
	defer s.lock.Unlock()
	if len(s.old)+len(s.kept) > 0 || s.watched {
		t.Errorf("%d and %d are kept that nobody uses, watched: %v", len(s.kept), len(s.old), s.watched)
	}
}
