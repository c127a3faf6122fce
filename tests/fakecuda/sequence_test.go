//go:build cgo && linux && !nocuda

package fakecuda

import (
	"fmt"
	"testing"

	"github.com/ritz-go/ritz/goapi/device"
)

// powers runs a sequence of four operations n times on d and returns x.
func powers(d device.Device, n int) (float64, error) {
	q := d.F64()
	defer q.Close()
	x := q.Alloc(1, 1)
	q.Fill(1, x)
	s := device.NewSequence(q)
	for range n {
		s.Run("", func() {
			defer q.Scope()()
			sum := q.Alloc(1, 1)
			q.Add(3, device.NoTrans, x, 0, device.NoTrans, device.Matrix[float64]{}, x)
			q.Reduce(device.Sum, device.Whole, x, sum)
			q.Copy(x, sum)
		})
	}
	got := device.NewDense[float64](1, 1)
	q.Download(got, x)
	return got.At(0, 0), q.Sync()
}

// The first run gives the operations, the second records them, and from then
// on a run is one launch.
func TestSequenceIsAGraph(t *testing.T) {
	for _, machine := range []string{"", "nopools", "eager"} {
		d := Open(t, Options{Machine: machine})
		got, err := powers(d, 6)
		if err != nil || got != 729 {
			t.Errorf("%s: 3⁶ is %v, %v", machine, got, err)
		}
		calls := Calls()
		if n := calls["cuGraphLaunch"]; n != 5 {
			t.Errorf("%s: %d launches of a graph, want 5", machine, n)
		}
		if n := calls["cuStreamBeginCapture_v2"]; n != 1 {
			t.Errorf("%s: %d captures, want 1", machine, n)
		}
		d.Close()
	}
}

// Whatever fails in recording, the operations are done all the same.
func TestSequenceWithoutGraph(t *testing.T) {
	for _, fault := range []string{
		"cuStreamBeginCapture_v2:1=900", "cuStreamEndCapture:1=901", "cuGraphInstantiateWithFlags:1=2", "cuGraphDestroy:1=1",
	} {
		t.Run(fault, func(t *testing.T) {
			got, err := powers(Open(t, Options{Machine: fault}), 6)
			if err != nil || got != 729 {
				t.Errorf("3⁶ is %v, %v", got, err)
			}
			if n := Calls()["cuGraphLaunch"]; n != 0 {
				t.Errorf("%d launches of a graph that is not there", n)
			}
		})
	}
	t.Run("without memory", func(t *testing.T) {
		probe := Open(t, Options{})
		q := probe.F64()
		before := Calls()["cuMemAlloc_v2"]
		q.Close()
		probe.Close()
		got, err := powers(Open(t, Options{Machine: fmt.Sprintf("cuMemAlloc_v2:%d=2", before+1)}), 6)
		if err != nil || got != 729 {
			t.Errorf("3⁶ is %v, %v", got, err)
		}
	})
}
