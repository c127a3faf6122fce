package sinkhorn

import (
	"context"
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/rng"
	"github.com/ritz-go/ritz/tests/devices"
)

// randomProblem returns costs and weights of a kind that number chooses: costs
// of clouds or without geometry, of any sign; weights uniform, random, or
// partly zero.
func randomProblem[T device.Float](number int, n, m int) Problem[T] {
	u := make([]float64, n*m+2*n+2*m)
	rng.Uniform(99, uint64(number), 0, u)
	c := device.NewDense[T](n, m)
	for i := range n {
		for j := range m {
			v := u[i*m+j]
			switch number % 3 {
			case 1:
				v = math.Hypot(u[i]-u[m+n+j], u[n+i]-u[n+m+m+j])
			case 2:
				d := u[i] - u[n+j]
				v = d*d - .2
			}
			c.Set(i, j, T(v))
		}
	}
	p := Problem[T]{Cost: c}
	if number%4 > 0 {
		p.A, p.B = convert[T](u[n*m:n*m+n]), convert[T](u[n*m+n:n*m+n+m])
	}
	if number%4 == 3 {
		for i := 1; i < n; i += 3 {
			p.A[i] = 0
		}
	}
	return p
}

func largest[T device.Float](c device.Dense[T]) float64 {
	size := 0.0
	for i := range c.Rows {
		for _, v := range c.Row(i) {
			if v := math.Abs(float64(v)); v > size && !math.IsInf(v, 1) {
				size = v
			}
		}
	}
	return size
}

// The interval of a regularised solution holds the exact cost of the network
// simplex method in 1,000 random problems, and at ε = 0.002·max|C| is no wider
// than 1 % of max|C|.
func TestIntervalHoldsExactCost(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		widest := 0.0
		count := devices.Size(dev, 1000, 20)
		if dev.Info().Name == "go" {
			count = 100
		}
		for number := range count {
			var w float64
			if number%2 == 0 {
				w = interval[float64](t, dev, number)
			} else {
				w = interval[float32](t, dev, number)
			}
			widest = max(widest, w)
		}
		t.Logf("widest interval at ε = 0.002·max|C|: %.3g of max|C|", widest)
		if !(widest <= .01) {
			t.Errorf("an interval is %.3g of max|C| wide", widest)
		}
	})
}

// interval returns the width over max|C|, 0 where ε is another one.
func interval[T device.Float](t *testing.T, dev device.Device, number int) float64 {
	n, m := 1+number*7%23, 1+number*5%29
	if number%50 == 0 {
		n, m = 60+number%37, 90
	}
	p := randomProblem[T](number, n, m)
	factor := []float64{.002, 1, .1, .01, .002}[number%5]
	size := largest(p.Cost)
	r, err := Solve(context.Background(), dev, p, Options{Epsilon: factor * size, Normalize: true, MaxIterations: 3000})
	if err != nil && !errors.Is(err, device.ErrNotConverged) {
		t.Fatalf("problem %d: %v", number, err)
	}
	e, err := Exact(context.Background(), dev, p, ExactOptions{Normalize: true})
	if err != nil {
		t.Fatalf("problem %d: %v", number, err)
	}
	k, x := r.Certificate, e.Certificate
	if !(k.Lower <= x.Upper && x.Lower <= k.Upper && k.Lower <= e.Cost && e.Cost <= k.Upper) {
		t.Errorf("problem %d: [%v,%v] and the exact cost %v", number, k.Lower, k.Upper, e.Cost)
	}
	if x.Gap > 1e-12*size {
		t.Errorf("problem %d: the exact cost is known to %v only", number, x.Gap)
	}
	if factor != .002 {
		return 0
	}
	if k.Gap/size > .01 {
		t.Logf("problem %d, %d×%d: %+v, exact %v, converged %v, %d iterations", number, n, m, k, e.Cost, r.Converged, r.Iterations)
	}
	return k.Gap / size
}

// Over ε/max|C| from 1e-6 to 10 and sizes from 1 to 3000, with points without
// mass, that coincide, or far apart, and with forbidden pairs: an answer is
// finite, and converged only if the marginals of the plan say so.
func TestSweep(t *testing.T) {
	list := devices.Real(t)
	dev := list[len(list)-1]
	for _, n := range []int{1, 2, 7, 40, 300} {
		for _, kind := range []string{"plain", "zero weights", "coincident", "far", "forbidden"} {
			for _, factor := range []float64{1e-6, 1e-4, 1e-3, 1e-2, .1, 1, 10} {
				name := fmt.Sprintf("n=%d %s ε=%g", n, kind, factor)
				if factor < 1e-4 && n > 40 {
					continue
				}
				swept[float64](t, dev, name, n, kind, factor)
				swept[float32](t, dev, name, n, kind, factor)
			}
		}
	}
	for _, factor := range []float64{1e-2, 1} {
		swept[float32](t, dev, fmt.Sprintf("n=3000 ε=%g", factor), 3000, "plain", factor)
	}
}

func swept[T device.Float](t *testing.T, dev device.Device, name string, n int, kind string, factor float64) {
	t.Helper()
	x, y := square(uint32(n)+17, n, 1)
	p := Problem[T]{A: convert[T](rising(n))}
	switch kind {
	case "zero weights":
		for i := 1; i < n; i += 2 {
			p.A[i] = 0
		}
	case "coincident":
		for i := n / 2; i < n; i++ {
			copy(x.Row(i), x.Row(i-n/2))
			copy(y.Row(i), x.Row(i-n/2))
		}
	case "far":
		for i := range n {
			y.Row(i)[0] += 1000
		}
	}
	p.Cost = device.Convert[T](distances(x, y, 2))
	if kind == "forbidden" {
		for i := range n {
			for j := range n {
				if (i+2*j)%5 == 0 && i != j {
					p.Cost.Set(i, j, T(math.Inf(1)))
				}
			}
		}
		p.A = nil // i to i is a plan
	}
	size := largest(p.Cost)
	if size == 0 {
		size = 1
	}
	r, err := Solve(context.Background(), dev, p, Options{Epsilon: factor * size, Normalize: true, MaxIterations: 400})
	if errors.Is(err, device.ErrArgument) && factor < 1e-4 && device.Epsilon[T]() > 1e-10 {
		return // float32 cannot hold C/ε
	}
	if err != nil && !errors.Is(err, device.ErrNotConverged) {
		t.Errorf("%s: %v", name, err)
		return
	}
	if r.Converged != (err == nil) || r.Converged && factor > 1e-3 && !(r.Certificate.MarginalL1 < 1e-4) {
		t.Errorf("%s: converged %v with %+v", name, r.Converged, r.Certificate)
	}
	if !r.Converged && factor >= 1e-3 && (kind != "forbidden" || factor > .01) {
		t.Errorf("%s: %v", name, err)
	}
	plan := device.NewDense[T](n, n)
	for _, raw := range []bool{true, false} {
		write := r.Plan
		if raw {
			write = r.RawPlan
		}
		if err := write(plan); err != nil {
			t.Fatal(err)
		}
		rows, cols := sums(plan)
		wa, _ := widen(p.A, n)
		wb, _ := widen(p.B, n)
		off := l1(rows, wa) + l1(cols, wb)
		allowed := (8 + float64(n)/20) * device.Epsilon[T]()
		if raw {
			allowed += r.Certificate.MarginalL1
		}
		if !(off <= allowed) {
			t.Errorf("%s: the plan (raw: %v) misses the marginals by %v, certificate %v", name, raw, off, r.Certificate.MarginalL1)
		}
		for i := range n {
			for j, v := range plan.Row(i) {
				if v > 0 && math.IsInf(float64(p.Cost.At(i, j)), 1) {
					t.Fatalf("%s: mass %v on a forbidden pair", name, v)
				}
			}
		}
	}
	for _, v := range [][]T{r.F, r.G} {
		for k, x := range v {
			if x-x != 0 {
				t.Fatalf("%s: potential %d is %v", name, k, x)
			}
		}
	}
	k := r.Certificate
	if !(k.Lower <= r.Cost && r.Cost <= k.Upper) || math.IsInf(k.Gap, 0) || math.IsNaN(r.Objective) {
		t.Errorf("%s: cost %v, certificate %+v", name, r.Cost, k)
	}
}
