package device

import (
	"errors"
	"testing"
)

func TestClasses(t *testing.T) {
	last := -1
	for n := leastReserved; n < 1<<17; n += 7 {
		number, size := class(n)
		if size < n || 4*size > 5*n+16 {
			t.Fatalf("%d elements get %d", n, size)
		}
		if again, same := class(size); again != number || same != size {
			t.Fatalf("class of size %d is %d of size %d, not %d", size, again, same, number)
		}
		if number < last {
			t.Fatalf("class of %d is %d, below that of fewer", n, number)
		}
		last = number
	}
}

// Memory that a scope gives back is zero when it is handed out again, and a
// matrix of an ended scope is refused.
func TestEndedScope(t *testing.T) {
	q := Go().F64()
	defer q.Close()
	end := q.Scope()
	a := q.Alloc(100, 100)
	q.Fill(7, a)
	end()
	b := q.Alloc(100, 100)
	host := NewDense[float64](100, 100)
	q.Download(host, b)
	if err := q.Sync(); err != nil {
		t.Fatal(err)
	}
	for _, v := range host.Data {
		if v != 0 {
			t.Fatal("recycled memory is not zero")
		}
	}
	q.Fill(1, a)
	if err := q.Sync(); !errors.Is(err, ErrShape) {
		t.Errorf("use after the scope: %v", err)
	}
	q.Download(host, b)
	if err := q.Sync(); err != nil || host.At(3, 3) != 0 {
		t.Errorf("a matrix of an ended scope wrote into a new one: %v, %v", host.At(3, 3), err)
	}
}
