package sinkhorn

import (
	"errors"
	"slices"
	"testing"

	"github.com/ritz-go/ritz/cblas"
	"github.com/ritz-go/ritz/goapi/device"
)

// Sums are split by the shape: potentials are the same to the bit for any
// number of threads.
func TestThreads(t *testing.T) {
	x, y := square(7, 700, 1.9)
	c := distances(x, y, 2)
	for name, o := range map[string]Options{
		"scaling": {Epsilon: .01, Method: Scaling}, "log": {Epsilon: .05, Method: Log},
		"newton": {Epsilon: .002, Method: Newton}, "clouds": {Epsilon: .05, Memory: 1},
	} {
		p := Problem[float64]{Cost: c}
		if o.Memory > 0 {
			p = Problem[float64]{X: x, Y: y}
		}
		var first *Result[float64]
		for _, threads := range []int{1, 2, 7} {
			dev, err := cblas.Open(cblas.Options{Threads: threads})
			if errors.Is(err, device.ErrUnavailable) {
				t.Skip(err)
			}
			if err != nil {
				t.Fatal(err)
			}
			r := must(t, dev, p, o)
			if err := dev.Close(); err != nil {
				t.Fatal(err)
			}
			if first == nil {
				first = r
				continue
			}
			if r.Iterations != first.Iterations || !slices.Equal(r.F, first.F) || !slices.Equal(r.G, first.G) {
				t.Errorf("%s: %d threads give other potentials than one", name, threads)
			}
		}
	}
}
