package spectrum

import (
	"errors"
	"math"
	"runtime"
	"testing"

	"github.com/ritz-go/ritz/cblas"
	"github.com/ritz-go/ritz/goapi/device"
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
		add("Eigs", e.Values, err)
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

func sameNumbers(t *testing.T, name string, got, want map[string][]float64, tol float64) {
	t.Helper()
	for what, list := range want {
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

// A seed gives the same numbers with 1, 2 and 7 threads, to 1e-12, and on
// another device, to 1e-10.
func TestSeedDecidesAlone(t *testing.T) {
	threads := runtime.GOMAXPROCS(0)
	defer runtime.GOMAXPROCS(threads)
	runtime.GOMAXPROCS(1)
	want := numbersOf(t, device.Go())
	for _, threads := range []int{2, 7} {
		runtime.GOMAXPROCS(threads)
		sameNumbers(t, "pure Go", numbersOf(t, device.Go()), want, 1e-12)
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
		sameNumbers(t, "OpenBLAS, threads", got, first, 1e-12)
		sameNumbers(t, "OpenBLAS and pure Go", got, want, 1e-10)
	}
}
