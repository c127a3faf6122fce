//go:build cgo && linux && !nocuda

package fakecuda

import (
	"fmt"
	"slices"
	"testing"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/polar"
	"github.com/ritz-go/ritz/goapi/rng"
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

// Polar factors of small matrices of one shape: from the second on, all steps but
// the first are one launch, and every factor is that of the matrix alone to the
// bit.
func TestPolarStepsAreAGraph(t *testing.T) {
	for name, o := range map[string]polar.Options{
		"muon": {Method: polar.Muon}, "gram": {Method: polar.You, Form: polar.Gram}, "without certificate": {Method: polar.Dion, NoCertificate: true},
	} {
		t.Run(name, func(t *testing.T) {
			d := Open(t, Options{})
			var as []device.Dense[float64]
			for i := range 5 {
				a := device.NewDense[float64](9, 14)
				rng.Normal(21, uint64(i), 0, a.Data)
				as = append(as, a)
			}
			before := Calls()
			results, err := polar.ComputeBatch(t.Context(), d, as, o)
			if err != nil {
				t.Fatal(err)
			}
			after := Calls()
			if n := after["cuGraphLaunch"] - before["cuGraphLaunch"]; n != 4 {
				t.Errorf("%d launches of graphs, want 4", n)
			}
			if n := after["cuStreamBeginCapture_v2"] - before["cuStreamBeginCapture_v2"]; n != 1 {
				t.Errorf("%d captures, want 1", n)
			}
			t.Logf("%.1f waits for a matrix", float64(after["waits()"]-before["waits()"])/5)
			for i, a := range as {
				alone, err := polar.Compute(t.Context(), d, a, o)
				if err != nil {
					t.Fatal(err)
				}
				if !slices.Equal(alone.Q.Data, results[i].Q.Data) || !slices.Equal(alone.Losses, results[i].Losses) ||
					!slices.Equal(alone.Restarts, results[i].Restarts) || alone.Flops != results[i].Flops || alone.Form != results[i].Form {
					t.Errorf("matrix %d: %+v; alone: %+v", i, results[i].Info, alone.Info)
				}
			}
		})
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
