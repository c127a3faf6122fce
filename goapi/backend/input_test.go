package backend

import (
	"errors"
	"math"
	"testing"

	"github.com/ritz-go/ritz/goapi/device"
)

// Whatever the name and the options, Open gives a device that works or a
// typed error.
func TestBadNames(t *testing.T) {
	for _, name := range []string{
		" ", "auto ", "AUTO", "auto:0", "gpu", "cpu:", "go:", ":", ":0", "cuda:", "cuda:-1", "cuda:99", "cuda:1e9",
		"cuda:99999999999999999999", "cuda: 0", "cuda:0:1", "cuda:GPU", "cuda:MIG-", "cuda:\x00", "cuda:GPU-00000000-0000-0000-0000-000000000000",
	} {
		d, err := Open(name, Options{})
		if !errors.Is(err, device.ErrUnavailable) && !errors.Is(err, device.ErrArgument) || d != nil {
			t.Errorf("Open(%q) = %v, %v", name, d, err)
		}
	}
	for _, threads := range []int{-1, math.MinInt} {
		for _, name := range []string{"", "auto", "go", "cpu", "cuda", "none"} {
			if _, err := Open(name, Options{Threads: threads}); !errors.Is(err, device.ErrArgument) {
				t.Errorf("Open(%q) with %d threads: %v", name, threads, err)
			}
		}
	}
	for _, threads := range []int{0, 1, 1 << 20, 1 << 40, math.MaxInt} {
		for _, name := range []string{"go", "cpu"} {
			d, err := Open(name, Options{Threads: threads})
			if err != nil {
				if !errors.Is(err, device.ErrUnavailable) && !errors.Is(err, device.ErrArgument) {
					t.Errorf("Open(%q) with %d threads: %v", name, threads, err)
				}
				continue
			}
			q := d.F64()
			a := q.Alloc(300, 300)
			q.Random(device.Normal, 1, 1, a)
			q.Gemm(device.NoTrans, device.NoTrans, 1, a, a, 0, q.Alloc(300, 300))
			if err := q.Sync(); err != nil {
				t.Errorf("%q with %d threads: %v", name, threads, err)
			}
			if n := d.Info().Threads; n < 1 {
				t.Errorf("%q uses %d threads of %d asked for", name, n, threads)
			}
			q.Close()
			d.Close()
		}
	}
}
