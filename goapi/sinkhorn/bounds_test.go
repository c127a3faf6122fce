package sinkhorn

import (
	"context"
	"errors"
	"math"
	"slices"
	"testing"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/tests/devices"
)

func sortFloats(x []float64) { slices.Sort(x) }

// solveAny solves and accepts a result that has not converged.
func solveAny[T device.Float](t *testing.T, dev device.Device, p Problem[T], o Options) *Result[T] {
	t.Helper()
	r, err := Solve(context.Background(), dev, p, o)
	if err != nil && !errors.Is(err, device.ErrNotConverged) {
		t.Fatal(err)
	}
	return r
}

func encloses[T device.Float](t *testing.T, r *Result[T], exact float64) {
	t.Helper()
	c := r.Certificate
	if !(c.Lower <= exact && exact <= c.Upper) {
		t.Errorf("[%v,%v] does not enclose %v (below %v, above %v)", c.Lower, c.Upper, exact, c.Lower-exact, exact-c.Upper)
	}
	if !(c.Lower <= r.Cost && r.Cost <= c.Upper) || c.Gap != c.Upper-c.Lower {
		t.Errorf("cost %v, certificate %v", r.Cost, c)
	}
}

// The bounds hold for random assignments, for every ε, converged or not.
func TestBoundsEncloseAssignments(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		boundsOfAssignments[float64](t, dev)
		boundsOfAssignments[float32](t, dev)
	})
}

func boundsOfAssignments[T device.Float](t *testing.T, dev device.Device) {
	for seed := range uint32(devices.Size(dev, 60, 12)) {
		n := 1 + int(seed)%6
		c := device.NewDense[T](n, n)
		for i, v := range lcg(100+seed, n*n) {
			c.Data[i] = T(v - 0.3) // negative costs are costs
		}
		exact := assignment(c)
		for _, o := range []Options{{Epsilon: 1}, {Epsilon: .03}, {Epsilon: .002, MaxIterations: 300}, {Epsilon: .01, MaxIterations: 2}, {Epsilon: .05, Method: Log}} {
			r := solveAny(t, dev, Problem[T]{Cost: c}, o)
			encloses(t, r, exact)
			if limit := o.Epsilon*math.Log(float64(n)) + 1e-3; r.Converged && r.Certificate.Gap > 2*limit {
				t.Errorf("gap %v at ε = %v", r.Certificate.Gap, o.Epsilon)
			}
		}
	}
}

// The same for weighted points of the line, p = 1 and 2.
func TestBoundsEncloseLine(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		boundsOfLines[float64](t, dev)
		boundsOfLines[float32](t, dev)
	})
}

func boundsOfLines[T device.Float](t *testing.T, dev device.Device) {
	for seed := range uint32(20) {
		n, m := 3+int(seed)%17, 2+int(seed)%11
		u := lcg(seed, 2*(n+m))
		var xs, ys []float64
		for _, v := range convert[T](u) {
			xs = append(xs, float64(v)) // the exact cost of the rounded points
		}
		ys, xs = slices.Clone(xs[n:n+m]), slices.Clone(xs[:n])
		sortFloats(xs)
		sortFloats(ys)
		a, b := convert[T](u[n+m:2*n+m]), convert[T](u[2*n+m:])
		norm := func(w []T) []float64 {
			v, _ := widen(w, len(w))
			return v
		}
		for _, p := range []int{1, 2} {
			exact := line(xs, norm(a), ys, norm(b), float64(p))
			for _, ε := range []float64{.3, .01} {
				r := solveAny(t, dev, Problem[T]{
					X: device.Dense[T]{Rows: n, Cols: 1, Stride: 1, Data: convert[T](xs)},
					Y: device.Dense[T]{Rows: m, Cols: 1, Stride: 1, Data: convert[T](ys)},
					P: p, A: a, B: b,
				}, Options{Epsilon: ε, Normalize: true, MaxIterations: 500})
				encloses(t, r, exact)
			}
		}
	}
}

// The rounded plan meets both marginals, is not negative and costs Cost; the
// raw one misses them by MarginalL1.
func TestPlans(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		plans[float64](t, dev)
		plans[float32](t, dev)
	})
}

func plans[T device.Float](t *testing.T, dev device.Device) {
	x, y := square(8, 70, 1)
	x = x.Slice(0, 45, 0, 2)
	c := device.Convert[T](distances(x, y, 2))
	a, b := convert[T](rising(45)), convert[T](rising(70))
	eps := device.Epsilon[T]()
	for _, o := range []Options{{Epsilon: .02}, {Epsilon: .02, Tol: .05}, {Epsilon: .002, MaxIterations: 12}} {
		r := solveAny(t, dev, Problem[T]{Cost: c, A: a, B: b}, o)
		p := device.NewDense[T](45, 70)
		if err := r.Plan(p); err != nil {
			t.Fatal(err)
		}
		rows, cols := sums(p)
		// Each element is rounded to T once, the weights before.
		if e := l1(rows, a) + l1(cols, b); e > 8*eps {
			t.Errorf("rounded plan misses the marginals by %v", e)
		}
		cost := 0.0
		for i := range p.Rows {
			for j, v := range p.Row(i) {
				if v < 0 {
					t.Errorf("negative mass %v", v)
				}
				cost += float64(v) * float64(c.At(i, j))
			}
		}
		near(t, "cost of the plan", cost, r.Cost, 16*eps*r.Cost)
		if err := r.RawPlan(p); err != nil {
			t.Fatal(err)
		}
		rows, cols = sums(p)
		near(t, "error of the raw plan", l1(rows, a)+l1(cols, b), r.Certificate.MarginalL1, 8*eps+1e-12)
	}
	r := must(t, dev, Problem[T]{Cost: c}, Options{Epsilon: 1})
	if err := r.Plan(device.NewDense[T](45, 69)); !errors.Is(err, device.ErrShape) {
		t.Errorf("a plan into a wrong shape: %v", err)
	}
}

// A row of the kernel that underflows must not reach the bounds: costs of three
// sizes, weights down to 1e-300.
func TestBoundsOfUnderflowingRows(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		for number := range 40 {
			const n, m = 7, 8
			u := lcg(uint32(70+number), n*m+n+m)
			c := device.NewDense[float64](n, m)
			for k := range c.Data {
				c.Data[k] = []float64{1, 1e3, 1e6}[int(3*u[k])]
			}
			for j := range m {
				c.Set(j%n, j, 0)
			}
			a, b := u[n*m:n*m+n], u[n*m+n:]
			for k := range a {
				if a[k] < .3 {
					a[k] = 1e-300
				}
			}
			p := Problem[float64]{Cost: c, A: a, B: b}
			exact, err := Exact(context.Background(), dev, p, ExactOptions{Normalize: true})
			if err != nil {
				t.Fatal(err)
			}
			for _, method := range []Method{Auto, Log, Scaling, Newton} {
				r, err := Solve(context.Background(), dev, p, Options{Epsilon: 10, Normalize: true, Method: method, MaxIterations: 300})
				if err != nil && !errors.Is(err, device.ErrNotConverged) {
					t.Fatal(err)
				}
				if k := r.Certificate; !(k.Lower <= exact.Cost && exact.Cost <= k.Upper) {
					t.Errorf("%d, %s: [%v,%v] and the exact cost %v", number, method, k.Lower, k.Upper, exact.Cost)
				}
			}
		}
	})
}
