package spectrum

import (
	"fmt"
	"math"
	"testing"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/tests/devices"
)

// numbersOf runs everything that is random and returns what it gives.
func numbersOf(t *testing.T, dev device.Device) map[string][]float64 {
	t.Helper()
	const n = 600
	q := dev.F64()
	defer q.Close()
	a := randomSymmetric[float64](3, n, 0)
	for i := range n {
		a.Set(i, i, a.At(i, i)+math.Pow(float64(n)/float64(i+1), 1.2)+60)
	}
	op, err := Symmetric(q, a)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]float64{}
	add := func(name string, values []float64, err error) {
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		all[name] = values
	}
	for _, b := range []int{1, 4} {
		e, err := Eigs(ctx, dev, op, EigsOptions{K: 4, Block: b, Tol: 1e-9, Seed: 5})
		add(fmt.Sprint("Eigs, block ", b), e.Values, err)
	}
	for _, r := range []Reorthogonalization{PartialReorth, FullReorth} {
		s, err := SLQ(ctx, dev, op, SLQOptions{Probes: 4, Steps: 15, Seed: 5, Reorth: r})
		if err != nil {
			t.Fatal(err)
		}
		e := s.Sum(math.Sqrt)
		all["SLQ"] = append(all["SLQ"], e.Value, e.StdErr)
	}
	for _, m := range []TraceMethod{Hutchinson, HutchPP, XTrace, XNysTrace} {
		e, err := Trace(ctx, dev, op, TraceOptions{Method: m, Budget: 60, Seed: 5})
		add(string(m), []float64{e.Value, e.StdErr}, err)
	}
	e, err := Trace(ctx, dev, op, TraceOptions{Target: 0.02, Seed: 5})
	add("planned", []float64{e.Value, e.StdErr}, err)
	for _, m := range []TraceMethod{Hutchinson, XTrace} {
		d, err := Diag(ctx, dev, op, DiagOptions{Method: m, Budget: 30, Seed: 5})
		add("diagonal, "+string(m), append(d.Values, d.StdErr...), err)
	}
	c, err := KPM(ctx, dev, op, KPMOptions{Moments: 40, Probes: 3, Seed: 5})
	add("KPM", c.Moments[0], err)
	l, err := LOBPCG(ctx, dev, op, nil, device.Dense[float64]{}, LOBPCGOptions{K: 3, Seed: 5})
	add("LOBPCG", l.Values, err)
	return all
}

// A seed gives the same numbers with any number of threads and on any device.
func TestSeedDecidesAlone(t *testing.T) { devices.SameNumbers(t, numbersOf) }
