package devices

import (
	"errors"
	"math"
	"runtime"
	"testing"

	"github.com/ritz-go/ritz/cblas"
	"github.com/ritz-go/ritz/goapi/device"
)

// SameNumbers calls numbersOf for the pure Go device and for OpenBLAS with 1, 2
// and 7 threads each. What it returns must be the same for any number of
// threads, to 1e-12 of the largest number of a list, and on both devices, to
// 1e-10.
func SameNumbers(t *testing.T, numbersOf func(t *testing.T, dev device.Device) map[string][]float64) {
	t.Helper()
	threads := runtime.GOMAXPROCS(0)
	defer runtime.GOMAXPROCS(threads)
	runtime.GOMAXPROCS(1)
	want := numbersOf(t, device.Go())
	for _, threads := range []int{2, 7} {
		runtime.GOMAXPROCS(threads)
		same(t, "pure Go", numbersOf(t, device.Go()), want, 1e-12)
	}
	var first map[string][]float64
	for _, threads := range []int{1, 2, 7} {
		dev, err := cblas.Open(cblas.Options{Threads: threads})
		if errors.Is(err, device.ErrUnavailable) {
			t.Skip(err)
		}
		if err != nil {
			t.Fatal(err)
		}
		got := numbersOf(t, dev)
		if err := dev.Close(); err != nil {
			t.Error(err)
		}
		if first == nil {
			first = got
		}
		same(t, "OpenBLAS, threads", got, first, 1e-12)
		same(t, "OpenBLAS and pure Go", got, want, 1e-10)
	}
}

func same(t *testing.T, name string, got, want map[string][]float64, tol float64) {
	t.Helper()
	for what, list := range want {
		if len(got[what]) != len(list) {
			t.Errorf("%s: %d numbers of %s, want %d", name, len(got[what]), what, len(list))
			continue
		}
		size := 0.0
		for _, x := range list {
			size = max(size, math.Abs(x))
		}
		for i, x := range list {
			if !(math.Abs(got[what][i]-x) <= tol*size) {
				t.Errorf("%s: number %d of %s is %v, want %v", name, i, what, got[what][i], x)
				break
			}
		}
	}
}
