package sinkhorn

import (
	"context"
	"errors"
	"math"
	"testing"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/tests/devices"
)

// assignmentProblem returns random costs between 500+500 points, for which the
// plan of a small ε has few elements.
func assignmentProblem(seed uint32) Problem[float64] {
	return Problem[float64]{Cost: device.Dense[float64]{Rows: 500, Cols: 500, Stride: 500, Data: lcg(seed, 500*500)}}
}

// The best real device, for what takes too long on the others.
func fastDevice(t testing.TB) device.Device {
	list := devices.Real(t)
	return list[len(list)-1]
}

// ⟨C,P⟩ of an independent implementation.
func TestNewtonAssignment(t *testing.T) {
	dev := fastDevice(t)
	for ε, want := range map[float64]float64{1. / 1200: 0.0035638215094, 1e-4: 0.003358822240} {
		for _, m := range []Method{Newton, Auto} {
			r := must(t, dev, assignmentProblem(1), Options{Epsilon: ε, Tol: 1e-12, Method: m})
			near(t, "cost", r.Cost, want, 1e-12)
			if r.Iterations > 600 || len(r.History) != r.Iterations {
				t.Errorf("%d iterations, %d errors", r.Iterations, len(r.History))
			}
		}
	}
}

// Where plain Sinkhorn would take millions of iterations.
func TestNewtonTinyEpsilon(t *testing.T) {
	dev := fastDevice(t)
	const exact = 0.0033484113785 // of the assignment
	r := must(t, dev, assignmentProblem(1), Options{Epsilon: 1e-6, Tol: 1e-11, Method: Newton})
	if d := r.Cost - exact; !(d >= -1e-13 && d <= 1e-6*math.Log(500)) {
		t.Errorf("cost is %v above the exact one", d)
	}
	if c := r.Certificate; !(c.Lower <= exact+1e-13 && c.Upper >= exact && c.Gap < 1e-6) {
		t.Errorf("%v does not enclose the exact cost closely", c)
	}
}

// Newton's steps end where Sinkhorn's iteration does, on every device, for
// stored costs, tiles, float32 and points without mass.
func TestNewtonAgrees(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		n := devices.Size(dev, 120, 24)
		x, y := square(7, n, 1.8)
		c, b := distances(x, y, 2), rising(n)
		a := make([]float64, n)
		for i := range a {
			if i%5 != 2 {
				a[i] = 1
			}
		}
		for _, ε := range []float64{.05, .004} {
			p := Problem[float64]{Cost: c, A: a, B: b}
			want := must(t, dev, p, Options{Epsilon: ε, Tol: 1e-12, Method: Scaling, Normalize: true})
			for name, p := range map[string]Problem[float64]{"costs": p, "points": {X: x, Y: y, A: a, B: b}} {
				for _, memory := range []int64{0, 1 << 10} {
					o := Options{Epsilon: ε, Tol: 1e-13, Method: Newton, Normalize: true, Memory: memory}
					r := must(t, dev, p, o)
					near(t, name+": objective", r.Objective, want.Objective, 1e-12)
					near(t, name+": cost", r.Cost, want.Cost, 1e-11)
					if ε < .01 && r.Method != Newton {
						t.Errorf("%s: ran %s", name, r.Method)
					}
				}
			}
			single := Problem[float32]{Cost: device.Convert[float32](c), A: convert[float32](a), B: convert[float32](b)}
			o := Options{Epsilon: ε, Tol: 1e-12, Method: Newton, Normalize: true}
			near(t, "float32: objective", must(t, dev, single, o).Objective, want.Objective, 1e-6)
		}
	})
}

// With all elements kept, the direction of Newton's method solves the system
// with the Hessian matrix of the dual function, which finite differences of
// the gradient confirm.
func TestNewtonDirection(t *testing.T) {
	const n, m, ε = 25, 30, .05
	x, y := square(3, m, 1)
	p := Problem[float64]{Cost: distances(x, y, 2).Slice(0, n, 0, m), B: rising(m)}
	r, err := reduce(p, false)
	if err != nil {
		t.Fatal(err)
	}
	dev := device.Go()
	q := dev.F64()
	defer q.Close()
	w := newNewton(context.Background(), dev, newCosts(q, r, 1<<20), r, ε)
	w.least = 1e-300
	gradient := func(ψ []float64) []float64 {
		var at iterate
		at.ψ, at.φ, at.p = ψ, make([]float64, n), make([]float64, m)
		if err := w.evaluate(&at); err != nil {
			t.Fatal(err)
		}
		g := make([]float64, m)
		for j := range g {
			g[j] = r.b[j] - at.p[j]
		}
		return g
	}
	start := lcg(9, m)
	for j := range start {
		start[j] *= ε
	}
	copy(w.now.ψ, start)
	if err := w.evaluate(&w.now); err != nil {
		t.Fatal(err)
	}
	w.plan.keep(n, m, &w.now.entries, 0)
	w.system.build(&w.plan, r.a, w.now.p, 0, 1)
	v, hv := lcg(5, m), make([]float64, m)
	w.system.apply(v, hv)
	const h = 1e-6
	plus, minus := make([]float64, m), make([]float64, m)
	for j := range v {
		plus[j], minus[j] = start[j]+h*v[j], start[j]-h*v[j]
	}
	gp, gm := gradient(plus), gradient(minus)
	for j := range v {
		near(t, "Hessian product", -ε*(gp[j]-gm[j])/(2*h), hv[j], 1e-8)
	}
	// A constant changes nothing.
	for j := range v {
		v[j] = 1
	}
	w.system.apply(v, hv)
	for j := range v {
		near(t, "Hessian times ones", hv[j], 0, 1e-16)
	}
	w.drop = 0
	_, cg, err := w.solve()
	if err != nil {
		t.Fatal(err)
	}
	back := make([]float64, m)
	w.system.apply(w.direction, back)
	norm := math.Sqrt(dot(w.rhs, w.rhs))
	for j := range back {
		near(t, "residual", back[j], w.rhs[j], 0.02*norm)
	}
	if cg == 0 || cg > m {
		t.Errorf("%d iterations of conjugate gradients for %d unknowns", cg, m)
	}
}

// Trees are factored exactly, however their weights differ.
func TestFactorOfTrees(t *testing.T) {
	const n, m = 40, 30
	u := lcg(17, 3*(n+m))
	// Vertex k hangs on an earlier vertex of the other side.
	var edges [n][m]float64
	for k := 1; k < n+m; k++ {
		w := math.Pow(10, -20*u[k])
		if k < m {
			edges[int(u[n+m+k]*float64(min(k, n)))][k] = w
		} else {
			edges[(k-m+1)%n][int(u[n+m+k]*m)] += w
		}
	}
	e := device.Entries[float64]{}
	e.Reset()
	seen := map[int]int{}
	find := func(v int) int {
		for seen[v] != v {
			v = seen[v]
		}
		return v
	}
	for v := range n + m {
		seen[v] = v
	}
	rows, cols := make([]float64, n), make([]float64, m)
	for i := range n {
		for j := range m {
			a, b := find(i), find(n+j)
			if edges[i][j] > 0 && a != b { // no cycles
				seen[a] = b
				e.Col, e.Val = append(e.Col, int32(j)), append(e.Val, edges[i][j])
			}
		}
		e.Start = append(e.Start, len(e.Col))
	}
	for i := range rows {
		rows[i] = 1e-12 * u[i]
	}
	var s sparse
	s.keep(n, m, &e, 0)
	var f factor
	f.build(&s, rows, cols, 1)
	want := lcg(3, n+m)
	x := laplacian(&s, rows, cols, want)
	f.solve(x)
	// The error of a potential is relative to what flows through edges down
	// to 1e-20 of others; energies are what a method sees of it.
	diff := make([]float64, n+m)
	for i := range x {
		diff[i] = x[i] - want[i]
	}
	if e, whole := dot(diff, laplacian(&s, rows, cols, diff)), dot(want, laplacian(&s, rows, cols, want)); !(e <= 1e-20*whole) {
		t.Errorf("energy of the error is %v of %v", e, whole)
	}
}

// laplacian multiplies with the matrix that factor.build factors.
func laplacian(s *sparse, rows, cols, x []float64) []float64 {
	y := make([]float64, len(x))
	for i := range rows {
		y[i] += rows[i] * x[i]
		for k := s.rows.Start[i]; k < s.rows.Start[i+1]; k++ {
			j, w := s.n+int(s.rows.Col[k]), s.rows.Val[k]
			y[i] += w * (x[i] - x[j])
			y[j] += w * (x[j] - x[i])
		}
	}
	for j := range cols {
		y[s.n+j] += cols[j] * x[s.n+j]
	}
	return y
}

// A random graph with weights over 20 decades: few iterations suffice.
func TestSystem(t *testing.T) {
	const n, m = 200, 150
	e := device.Entries[float64]{}
	e.Reset()
	u := lcg(23, 2*n*m)
	a, p := make([]float64, n), make([]float64, m)
	for i := range n {
		for j := range m {
			if u[i*m+j] < 5./m {
				w := math.Pow(10, -20*u[n*m+i*m+j])
				e.Col, e.Val = append(e.Col, int32(j)), append(e.Val, w)
				a[i] += w
				p[j] += w
			}
		}
		e.Start = append(e.Start, len(e.Col))
		a[i] += 1e-25
	}
	var s sparse
	s.keep(n, m, &e, 0)
	// Products against the definition.
	x, y := lcg(2, m), make([]float64, n)
	s.mul(x, y)
	z, back := lcg(4, n), make([]float64, m)
	s.mulTransposed(z, back)
	near(t, "⟨z, S·x⟩", dot(z, y), dot(back, x), 1e-12*dot(z, y))

	var sys system
	sys.build(&s, a, p, 1e-6, 1)
	rhs := make([]float64, m)
	sys.apply(x, rhs)
	got := make([]float64, m)
	it := sys.solve(rhs, got, 1e-10, 1000)
	if it > 100 {
		t.Errorf("%d iterations", it)
	}
	sys.apply(got, back)
	off := 0.0
	for j := range back {
		off += (back[j] - rhs[j]) * (back[j] - rhs[j])
	}
	if !(math.Sqrt(off) <= 1.1e-10*math.Sqrt(dot(rhs, rhs))) {
		t.Errorf("residual %v", math.Sqrt(off/dot(rhs, rhs)))
	}
}

func TestNewtonOptions(t *testing.T) {
	p := assignmentProblem(1)
	for name, o := range map[string]NewtonOptions{"After": {After: -1}, "Kept": {Kept: -1}} {
		if r, err := Solve(context.Background(), device.Go(), p, Options{Epsilon: 1, Newton: o}); !errors.Is(err, device.ErrArgument) || r != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	dev := fastDevice(t)
	r := must(t, dev, p, Options{Epsilon: 1. / 1200, Tol: 1e-12, Method: Newton, Relaxation: 1, Newton: NewtonOptions{After: 20, Kept: 2000}})
	if r.Iterations-len(r.Newton) != 20 || len(r.Newton) > 20 {
		t.Errorf("%d iterations, %d steps", r.Iterations, len(r.Newton))
	}
	for _, s := range r.Newton {
		if s.Kept < 2000 || s.Kept > 2010 {
			t.Errorf("%d elements kept", s.Kept)
		}
	}
}

func TestNewtonStops(t *testing.T) {
	dev := fastDevice(t)
	p := assignmentProblem(2)
	o := Options{Epsilon: 1. / 1200, Tol: 1e-12, Method: Newton, Newton: NewtonOptions{After: 20}}
	ctx, cancel := context.WithCancel(context.Background())
	o.Progress = func(iteration int, err float64) {
		if iteration == 23 {
			cancel()
		}
		if iteration > 23 {
			t.Errorf("iteration %d after the end", iteration)
		}
	}
	if r, err := Solve(ctx, dev, p, o); !errors.Is(err, context.Canceled) || r != nil {
		t.Errorf("%v after the context's end", err)
	}
	o.Progress, o.MaxIterations = nil, 23
	r, err := Solve(context.Background(), dev, p, o)
	if !errors.Is(err, device.ErrNotConverged) || r == nil || r.Iterations != 23 || len(r.Newton) != 3 || len(r.History) != 23 {
		t.Fatalf("%v, %+v", err, r)
	}
	near(t, "last error", r.Certificate.MarginalL1, r.History[22], 1e-13)
}
