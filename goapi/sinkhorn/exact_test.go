package sinkhorn

import (
	"context"
	"errors"
	"fmt"
	"math"
	"testing"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/optimize/convex/lp"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/tests/devices"
	"github.com/ritz-go/ritz/tests/refusal"
)

// mustExact solves exactly and checks what every result promises.
func mustExact[T device.Float](t testing.TB, dev device.Device, p Problem[T]) *ExactResult[T] {
	t.Helper()
	r, err := Exact(context.Background(), dev, p, ExactOptions{Normalize: true})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Plan.Entries) > r.Plan.Rows+r.Plan.Cols-1 {
		t.Errorf("%d entries for %d×%d points", len(r.Plan.Entries), r.Plan.Rows, r.Plan.Cols)
	}
	k := r.Certificate
	if !(k.Lower <= r.Cost && r.Cost <= k.Upper) || k.Gap != k.Upper-k.Lower || math.IsNaN(k.MarginalL1) {
		t.Errorf("cost %v, certificate %+v", r.Cost, k)
	}
	return r
}

// optimal checks feasibility and complementary slackness of a result on its
// costs, and the marginals of its plan.
func optimal(t *testing.T, c device.Dense[float64], a, b []float64, r *ExactResult[float64]) {
	t.Helper()
	size := 0.0
	for _, v := range c.Data {
		if !math.IsInf(v, 1) {
			size = max(size, math.Abs(v))
		}
	}
	tol := 1e-13 * size * float64(c.Rows+c.Cols)
	for i := range c.Rows {
		for j, v := range c.Row(i) {
			if !(r.F[i]+r.G[j] <= v+tol) {
				t.Fatalf("F[%d]+G[%d] = %v exceeds the cost %v", i, j, r.F[i]+r.G[j], v)
			}
		}
	}
	p := device.NewDense[float64](c.Rows, c.Cols)
	if err := r.Plan.Dense(p); err != nil {
		t.Fatal(err)
	}
	for _, e := range r.Plan.Entries {
		near(t, "F+G where there is mass", r.F[e.I]+r.G[e.J], c.At(e.I, e.J), tol)
		if e.Mass <= 0 {
			t.Errorf("mass %v", e.Mass)
		}
	}
	rows, cols := sums(p)
	wa, _ := widen(a, c.Rows)
	wb, _ := widen(b, c.Cols)
	near(t, "error of the marginals", l1(rows, wa)+l1(cols, wb), 0, 1e-15*float64(c.Rows+c.Cols))
}

// A linear program solved by a dense simplex method gives the same cost.
func TestExactAgainstLinearProgram(t *testing.T) {
	for seed := range uint32(30) {
		n, m := 2+int(seed)%4, 2+int(seed/2)%5
		u := lcg(300+seed, n*m+n+m)
		c := device.Dense[float64]{Rows: n, Cols: m, Stride: m, Data: u[:n*m]}
		a, b := u[n*m:n*m+n], u[n*m+n:]
		wa, _ := widen(a, n)
		wb, _ := widen(b, m)
		eq, rhs := mat.NewDense(n+m-1, n*m, nil), make([]float64, n+m-1)
		for i := range n {
			for j := range m {
				eq.Set(i, i*m+j, 1)
				if j < m-1 { // the last column follows from the others
					eq.Set(n+j, i*m+j, 1)
				}
			}
			rhs[i] = wa[i]
		}
		copy(rhs[n:], wb[:m-1])
		want, _, err := lp.Simplex(c.Data, eq, rhs, 1e-12, nil)
		if err != nil {
			t.Fatal(err)
		}
		r := mustExact(t, device.Go(), Problem[float64]{Cost: c, A: a, B: b})
		near(t, "cost", r.Cost, want, 1e-12)
		optimal(t, c, a, b, r)
	}
}

func TestExactReference(t *testing.T) {
	x, y := square(7, 200, 1.8253924692906685)
	c, b := distances(x, y, 2), rising(200)
	onDevices(t, func(t *testing.T, dev device.Device) {
		for _, p := range []Problem[float64]{{Cost: c, B: b}, {X: x, Y: y, B: b}, {Source: Power(x, y, 2), B: b}} {
			r := mustExact(t, dev, p)
			near(t, "cost", r.Cost, referenceExact, 1e-11)
			near(t, "gap", r.Certificate.Gap, 0, 1e-11)
			optimal(t, c, nil, b, r)
			// From the solution there is less to do.
			p.Warm = r.G
			if again := mustExact(t, dev, p); again.Pivots >= r.Pivots {
				t.Errorf("%d pivots from the solution, %d without it", again.Pivots, r.Pivots)
			}
		}
	})
}

// Assignments, points that coincide, points without mass, and costs of one
// value are degenerate: almost every pivot moves nothing.
func TestExactDegenerate(t *testing.T) {
	for seed := range uint32(40) {
		n := 1 + int(seed)%6
		c := device.NewDense[float64](n, n)
		for k, v := range lcg(100+seed, n*n) {
			c.Data[k] = math.Floor(float64(1+seed%4)*v) - 1
		}
		r := mustExact(t, device.Go(), Problem[float64]{Cost: c})
		near(t, "cost", r.Cost, assignment(c), 1e-15)
		optimal(t, c, nil, nil, r)
	}
	for _, n := range []int{50, 130} {
		x, _ := square(uint32(n), n, 1)
		for i := range n / 2 { // every point twice, and to itself
			copy(x.Row(n/2+i), x.Row(i))
		}
		c := distances(x, x, 2)
		r := mustExact(t, device.Go(), Problem[float64]{Cost: c})
		near(t, "cost", r.Cost, 0, 1e-16)
		b := rising(n)
		for j := range n / 3 {
			b[3*j] = 0
		}
		r = mustExact(t, device.Go(), Problem[float64]{Cost: c, B: b})
		optimal(t, c, nil, b, r)
	}
	flat := device.NewDense[float64](70, 90)
	for k := range flat.Data {
		flat.Data[k] = 3
	}
	r := mustExact(t, device.Go(), Problem[float64]{Cost: flat, A: rising(70)})
	near(t, "cost", r.Cost, 3, 1e-14)
}

// On the line the order-preserving plan is optimal for every p ≥ 1; with the
// second coordinate 0 the network simplex method must find its cost.
func TestExactLine(t *testing.T) {
	for seed := range uint32(12) {
		n, m := 1+int(seed)*7, 2+int(seed)*5
		u := lcg(40+seed, 2*(n+m))
		x := device.Dense[float64]{Rows: n, Cols: 1, Stride: 1, Data: u[:n]}
		y := device.Dense[float64]{Rows: m, Cols: 1, Stride: 1, Data: u[n : n+m]}
		a, b := u[n+m:2*n+m], u[2*n+m:]
		if seed%3 == 0 {
			a, b = nil, nil
		}
		for _, p := range []float64{1, 1.5, 2, 3} {
			c := distances(x, y, p)
			byOrder := mustExact(t, device.Go(), Problem[float64]{Source: Power(x, y, p), A: a, B: b})
			byPivots := mustExact(t, device.Go(), Problem[float64]{Cost: c, A: a, B: b})
			near(t, fmt.Sprint("cost, p = ", p), byOrder.Cost, byPivots.Cost, 1e-13)
			near(t, "gap", byOrder.Certificate.Gap, 0, 1e-11)
			if byOrder.Pivots != 0 {
				t.Error("pivots on the line")
			}
			optimal(t, c, a, b, byOrder)
			optimal(t, c, a, b, byPivots)
		}
	}
}

// Forbidden pairs: the best of the allowed assignments, or an error if there is
// none.
func TestExactForbidden(t *testing.T) {
	inf := math.Inf(1)
	refused := 0
	for seed := range uint32(60) {
		n := 2 + int(seed)%5
		c := device.NewDense[float64](n, n)
		u := lcg(500+seed, 2*n*n)
		for k := range c.Data {
			c.Data[k] = u[k] - .3
			if u[n*n+k] < .5 {
				c.Data[k] = inf
			}
		}
		want := assignment(c)
		r, err := Exact(context.Background(), device.Go(), Problem[float64]{Cost: c}, ExactOptions{})
		if math.IsInf(want, 1) {
			refused++
			if !errors.Is(err, device.ErrArgument) {
				t.Errorf("no plan, but error %v", err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		near(t, "cost", r.Cost, want, 1e-14)
		if !(r.Certificate.Lower <= want && want <= r.Certificate.Upper && r.Certificate.Gap < 1e-12) {
			t.Errorf("%+v around %v", r.Certificate, want)
		}
		optimal(t, c, nil, nil, r)
	}
	if refused < 5 || refused > 40 {
		t.Errorf("%d of 60 problems have no plan", refused)
	}
}

// Weights that are whole numbers stay exact, others change by 2⁻⁶⁰.
func TestUnits(t *testing.T) {
	for name, w := range map[string][2][]float64{
		"uniform":  {{1, 1, 1}, {1, 1, 1, 1, 1, 1, 1}},
		"counts":   {{1, 2, 3, 4}, {7, 3}},
		"fifths":   {{2, 5, 11}, {3, 3}},
		"any":      {lcg(5, 50), lcg(6, 70)},
		"tiny one": {{1, 1e-300}, {1, 1, 1}},
	} {
		a, _ := widen(w[0], len(w[0]))
		b, _ := widen(w[1], len(w[1]))
		wa, wb, total := inUnits(a, b)
		for k, x := range [][]int64{wa, wb} {
			sum := int64(0)
			for i, v := range x {
				sum += v
				if v < 1 {
					t.Errorf("%s: %d units", name, v)
				}
				exact := [][]float64{a, b}[k][i]
				near(t, name, float64(v)/float64(total), exact, 1e-17*float64(len(x))+4e-16*exact)
			}
			if sum != total {
				t.Errorf("%s: %d units of %d", name, sum, total)
			}
		}
		if small := total < 1000; small != (name == "uniform" || name == "counts" || name == "fifths") {
			t.Errorf("%s: %d units in all", name, total)
		}
	}
}

func TestExactRefuses(t *testing.T) {
	c := device.Dense[float64]{Rows: 2, Cols: 3, Stride: 3, Data: []float64{1, 2, 3, 4, 5, 6}}
	run := func(dev device.Device, p Problem[float64], o ExactOptions) func() error {
		return func() error {
			r, err := Exact(context.Background(), dev, p, o)
			if (r == nil) != (err != nil) {
				t.Errorf("result %v with error %v", r, err)
			}
			return err
		}
	}
	refuses(t, "nothing", device.ErrEmpty, run(device.Go(), Problem[float64]{}, ExactOptions{}))
	refuses(t, "memory", device.ErrArgument, run(device.Go(), Problem[float64]{Cost: c}, ExactOptions{Memory: -1}))
	refuses(t, "little memory", device.ErrArgument, run(device.Go(), Problem[float64]{X: c, Y: c}, ExactOptions{Memory: 8}))
	refuses(t, "masses", device.ErrArgument, run(device.Go(), Problem[float64]{Cost: c, A: []float64{1, 2}, B: []float64{1, 1, 2}}, ExactOptions{}))
	refuses(t, "no device", device.ErrClosed, run(nil, Problem[float64]{Cost: c}, ExactOptions{}))
	refuses(t, "plan into a wrong shape", device.ErrShape, func() error {
		return mustExact(t, device.Go(), Problem[float64]{Cost: c}).Plan.Dense(device.NewDense[float64](3, 2))
	})
	x, y := square(6, 300, 1)
	for looks := range 3 {
		ctx := refusal.After(looks)
		refuses(t, "ended context", context.Canceled, func() error {
			_, err := Exact(ctx, device.Go(), Problem[float64]{X: x, Y: y}, ExactOptions{})
			return err
		})
	}
}

// Progress tells of a cost that falls to that of the result, in the units of
// the caller.
func TestExactProgress(t *testing.T) {
	x, y := square(6, 500, 1)
	b := rising(500)
	a := make([]float64, 500)
	for j := range b {
		b[j] *= 7
		a[j] = 7. / 500
	}
	last, pivots, calls := math.Inf(1), 0, 0
	// Potentials that are far off leave many pivots to do.
	r, err := Exact(t.Context(), device.Go(), Problem[float64]{X: x, Y: y, A: a, B: b, Warm: lcg(2, 500)}, ExactOptions{Progress: func(k int, cost float64) {
		if calls++; cost > last*(1+1e-12) || k < pivots {
			t.Errorf("pivot %d: cost %v after %v", k, cost, last)
		}
		last, pivots = cost, k
	}})
	if err != nil {
		t.Fatal(err)
	}
	if calls < 2 || pivots != r.Pivots {
		t.Errorf("%d calls, the last for pivot %d of %d", calls, pivots, r.Pivots)
	}
	near(t, "last cost", last, r.Cost, 1e-12*r.Cost)
}

// The costs of an exact solution do not depend on the number type.
func TestExactSinglePrecision(t *testing.T) {
	x, y := square(9, 120, 1)
	c := device.Convert[float32](distances(x, y, 2))
	r := mustExact(t, device.Go(), Problem[float32]{Cost: c})
	want := mustExact(t, device.Go(), Problem[float64]{Cost: device.Convert[float64](c)})
	near(t, "cost", r.Cost, want.Cost, 1e-14)
}

func BenchmarkExact(b *testing.B) {
	for _, n := range []int{500, 1000, 2000} {
		x, y := square(7, n, 1.9)
		list := devices.Real(b)
		for _, w := range [][]float64{nil, rising(n)} {
			p := Problem[float64]{Cost: distances(x, y, 2), B: w}
			b.Run(fmt.Sprintf("n=%d/uniform=%v", n, w == nil), func(b *testing.B) {
				for b.Loop() {
					r, err := Exact(context.Background(), list[len(list)-1], p, ExactOptions{})
					if err != nil {
						b.Fatal(err)
					}
					b.ReportMetric(float64(r.Pivots), "pivots")
				}
			})
		}
	}
}
