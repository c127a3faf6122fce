package sinkhorn

import (
	"context"
	"errors"
	"math"
	"testing"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/tests/devices"
)

// Two points on each side: P[0,0] = ½/(1+exp(-c/ε)).
func TestTwoByTwo(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		for _, m := range []Method{Log, Scaling} {
			for ε, want := range map[float64]float64{0.1: 0.4999773010656488, 1: 0.3655292893150025} {
				r := must(t, dev, Problem[float64]{Cost: device.Dense[float64]{Rows: 2, Cols: 2, Stride: 2, Data: []float64{0, 1, 1, 0}}}, Options{Epsilon: ε, Method: m})
				p := device.NewDense[float64](2, 2)
				if err := r.RawPlan(p); err != nil {
					t.Fatal(err)
				}
				near(t, "P[0,0]", p.At(0, 0), want, 1e-14)
				near(t, "cost", r.Cost, 1-2*want, 1e-14)
			}
		}
	})
}

// Entropic transport between two Gaussians has a closed form.
func TestGaussians(t *testing.T) {
	const n, ε, σ = 1501, 0.5, 0.5
	var x, y, a, b []float64
	for i := range n {
		s := -10 + 22*float64(i)/(n-1)
		if w := math.Exp(-s * s / 2); w/math.Sqrt(2*math.Pi)*22/(n-1) > 1e-14 {
			x, a = append(x, s), append(a, w)
		}
		if w := math.Exp(-(s - 1) * (s - 1) / (2 * σ * σ)); w/(σ*math.Sqrt(2*math.Pi))*22/(n-1) > 1e-14 {
			y, b = append(y, s), append(b, w)
		}
	}
	onDevices(t, func(t *testing.T, dev device.Device) {
		r := must(t, dev, Problem[float64]{
			X: device.Dense[float64]{Rows: len(x), Cols: 1, Stride: 1, Data: x},
			Y: device.Dense[float64]{Rows: len(y), Cols: 1, Stride: 1, Data: y},
			A: a, B: b,
		}, Options{Epsilon: ε, Tol: 1e-11, Normalize: true})
		s, d := ε/2, math.Sqrt(4*σ*σ+ε*ε/4)
		near(t, "objective", r.Objective, 1+1+σ*σ-d+s*(1-math.Log(2*s))+s*math.Log(d+s), 1e-9)
		p := device.NewDense[float64](len(x), len(y))
		if err := r.Plan(p); err != nil {
			t.Fatal(err)
		}
		cov := 0.0
		for i := range x {
			for j, v := range p.Row(i) {
				cov += v * x[i] * (y[j] - 1)
			}
		}
		near(t, "covariance", cov, d/2-s/2, 1e-9)
	})
}

// Values of independent implementations for 200+200 points.
var reference = []struct{ ε, cost, objective float64 }{
	{.05, 0.039566244138, 0.084737322977},
	{.01, 0.010246040716, 0.031366640842},
	{.002, 0.003929179288, 0.010641884716},
}

const referenceExact = 0.00295483979

func TestReference(t *testing.T) {
	x, y := square(7, 200, 1.8253924692906685)
	c, b := distances(x, y, 2), rising(200)
	onDevices(t, func(t *testing.T, dev device.Device) {
		for _, ref := range reference {
			for _, m := range []Method{Auto, Log, Scaling} {
				for _, ω := range []float64{0, 1, 1.7} {
					if ω != 0 && ref.ε < .03 && (dev.Info().Name == "go" || devices.Size(dev, 0, 1) == 1) {
						continue // only the time, not the code, differs there
					}
					for _, p := range []Problem[float64]{{Cost: c, B: b}, {X: x, Y: y, B: b}} {
						r := must(t, dev, p, Options{Epsilon: ref.ε, Tol: 1e-12, Method: m, Relaxation: ω})
						near(t, "cost", r.Cost, ref.cost, 1e-11)
						near(t, "objective", r.Objective, ref.objective, 1e-11)
						if r.Certificate.Lower > referenceExact || r.Certificate.Upper < referenceExact-1e-11 {
							t.Errorf("%v does not enclose the exact cost %v", r.Certificate, referenceExact)
						}
						if m != Auto && r.Method != m {
							t.Errorf("asked for %s, ran %s", m, r.Method)
						}
					}
				}
			}
			r := must(t, dev, Problem[float32]{Cost: device.Convert[float32](c), B: convert[float32](b)}, Options{Epsilon: ref.ε, Tol: 2e-6})
			// A mass of Tol in the wrong place changes the cost by up to
			// Tol times the largest cost, which is 1.
			near(t, "float32 objective", r.Objective, ref.objective, 2e-5*ref.objective)
			near(t, "float32 cost", r.Cost, ref.cost, 2e-6)
		}
	})
}

// At the optimum the dual value equals the primal one, ⟨C,P⟩ + ε·KL(P|a⊗b).
func TestPrimalEqualsDual(t *testing.T) {
	x, y := square(3, 60, 1)
	c, b := distances(x, y, 1), rising(60)
	onDevices(t, func(t *testing.T, dev device.Device) {
		for _, mass := range []float64{1, 250} {
			a, bb := make([]float64, 60), make([]float64, 60)
			for i := range a {
				a[i], bb[i] = mass/60, mass*b[i]
			}
			const ε = 0.02
			r := must(t, dev, Problem[float64]{X: x, Y: y, P: 1, A: a, B: bb}, Options{Epsilon: ε, Tol: 1e-13})
			p := device.NewDense[float64](60, 60)
			if err := r.RawPlan(p); err != nil {
				t.Fatal(err)
			}
			primal := 0.0
			f, g := r.EntropyPotentials()
			for i := range 60 {
				for j, v := range p.Row(i) {
					primal += v * (c.At(i, j) + ε*math.Log(v/(a[i]*bb[j])))
					near(t, "plan of F, G", a[i]*bb[j]*math.Exp((r.F[i]+r.G[j]-c.At(i, j))/ε), v, 1e-11*mass)
					near(t, "plan of the entropy potentials", math.Exp((f[i]+g[j]-c.At(i, j))/ε), v, 1e-11*mass)
				}
			}
			near(t, "objective", r.Objective, primal, 1e-12*mass)
		}
	})
}

// The plan does not change when p⊕q is added to the costs, nor when costs and
// ε are scaled together; the potentials move along.
func TestInvariance(t *testing.T) {
	const n, m, ε = 40, 30, 0.03
	x, y := square(5, n, 1)
	c := distances(x, y, 2).Slice(0, n, 0, m)
	u := lcg(9, n+m)
	onDevices(t, func(t *testing.T, dev device.Device) {
		plan := func(c device.Dense[float64], ε float64) (device.Dense[float64], *Result[float64]) {
			r := must(t, dev, Problem[float64]{Cost: c}, Options{Epsilon: ε, Tol: 1e-14})
			p := device.NewDense[float64](n, m)
			if err := r.Plan(p); err != nil {
				t.Fatal(err)
			}
			return p, r
		}
		want, base := plan(c, ε)
		shifted, scaled := c.Clone(), c.Clone()
		for i := range n {
			for j := range m {
				shifted.Row(i)[j] += u[i] - u[n+j]
				scaled.Row(i)[j] *= 1e3
			}
		}
		p1, r1 := plan(shifted, ε)
		p2, r2 := plan(scaled, 1e3*ε)
		for i := range n {
			near(t, "difference of potentials", (r1.F[i]-u[i])-(r1.F[0]-u[0]), base.F[i]-base.F[0], 1e-12)
			for j := range m {
				near(t, "plan of shifted costs", p1.At(i, j), want.At(i, j), 1e-12/n)
				near(t, "plan of scaled costs", p2.At(i, j), want.At(i, j), 1e-12/n)
			}
		}
		near(t, "scaled cost", r2.Cost, 1e3*base.Cost, 1e-10)
	})
}

// 0 ≤ ⟨C,P⟩ - OT ≤ ε·min(H(a),H(b)), and P → a⊗b for large ε.
func TestEpsilonLimits(t *testing.T) {
	const n = 64
	u := lcg(11, 2*n)
	x, y := u[:n], u[n:]
	sortFloats(x)
	sortFloats(y)
	w := make([]float64, n)
	for i := range w {
		w[i] = 1. / n
	}
	b := rising(n)
	exact := line(x, w, y, b, 2)
	entropy := 0.0
	for _, v := range b {
		entropy -= v * math.Log(v)
	}
	p := Problem[float64]{
		X: device.Dense[float64]{Rows: n, Cols: 1, Stride: 1, Data: x},
		Y: device.Dense[float64]{Rows: n, Cols: 1, Stride: 1, Data: y}, B: b,
	}
	onDevices(t, func(t *testing.T, dev device.Device) {
		for _, ε := range []float64{1, 1e-1, 1e-2, 1e-3} {
			r := must(t, dev, p, Options{Epsilon: ε})
			if d := r.Cost - exact; d < -1e-12 || d > ε*entropy+1e-12 {
				t.Errorf("ε = %v: cost is %v above the exact one, allowed 0 to %v", ε, d, ε*entropy)
			}
		}
		r := must(t, dev, p, Options{Epsilon: 1e9})
		q := device.NewDense[float64](n, n)
		if err := r.Plan(q); err != nil {
			t.Fatal(err)
		}
		for i := range n {
			for j := range n {
				near(t, "plan at large ε", q.At(i, j), b[j]/n, 1e-9*b[j])
			}
		}
	})
}

// Small ε: the estimated ω must save at least 3 of 4 iterations.
func TestOverRelaxation(t *testing.T) {
	x, y := square(7, 1000, 1.9)
	list := devices.Real(t)
	dev := list[len(list)-1]
	plain := must(t, dev, Problem[float64]{X: x, Y: y}, Options{Epsilon: .002, Relaxation: 1})
	fast := must(t, dev, Problem[float64]{X: x, Y: y}, Options{Epsilon: .002})
	if 4*fast.Iterations > plain.Iterations {
		t.Errorf("%d iterations, plain %d", fast.Iterations, plain.Iterations)
	}
	near(t, "objective", fast.Objective, plain.Objective, 1e-11)
	// An excessive ω must not keep the iteration from converging.
	must(t, dev, Problem[float64]{X: x.Slice(0, 200, 0, 2), Y: y.Slice(0, 200, 0, 2)}, Options{Epsilon: .01, Relaxation: 1.97})
}

func TestSmallEpsilon(t *testing.T) {
	x, y := square(2, 50, 1)
	onDevices(t, func(t *testing.T, dev device.Device) {
		// exp(-C/ε) is zero everywhere: the kernel must be absorbed.
		far := y.Clone()
		for i := range far.Data {
			far.Data[i] += 100
		}
		for _, m := range []Method{Log, Scaling} {
			r, err := Solve(context.Background(), dev, Problem[float64]{X: x, Y: far}, Options{Epsilon: 1e-3, Tol: 1e-6, Method: m})
			if err != nil {
				t.Fatal(err)
			}
			// A translation t adds |t|² + 2⟨t, mean difference⟩.
			base := must(t, dev, Problem[float64]{X: x, Y: y}, Options{Epsilon: 1e-3, Tol: 1e-6, Method: m})
			shift := 0.0
			for k := range 2 {
				mean := 0.0
				for i := range 50 {
					mean += (y.At(i, k) - x.At(i, k)) / 50
				}
				shift += 100*100 + 2*100*mean
			}
			near(t, "cost of translated points", r.Cost, base.Cost+shift, 1e-5)
			if g := r.Certificate.Gap; !(g >= 0 && g < 1e-2) {
				t.Errorf("gap %v", g)
			}
		}
	})
}

func TestWarmStart(t *testing.T) {
	x, y := square(4, 80, 1)
	onDevices(t, func(t *testing.T, dev device.Device) {
		cold := must(t, dev, Problem[float64]{X: x, Y: y}, Options{Epsilon: .005})
		warm := must(t, dev, Problem[float64]{X: x, Y: y, Warm: cold.G}, Options{Epsilon: .005})
		if warm.Iterations > window || warm.Iterations >= cold.Iterations {
			t.Errorf("%d iterations from the solution, %d from zero", warm.Iterations, cold.Iterations)
		}
		near(t, "objective", warm.Objective, cold.Objective, 1e-12)
	})
}

func TestTiles(t *testing.T) {
	// 300·1000 elements make two tiles.
	u := lcg(21, 3*1300)
	x := device.Dense[float64]{Rows: 300, Cols: 3, Stride: 3, Data: u[:900]}
	y := device.Dense[float64]{Rows: 1000, Cols: 3, Stride: 3, Data: u[900:]}
	onDevices(t, func(t *testing.T, dev device.Device) {
		p := Problem[float64]{X: x, Y: y, B: rising(1000), P: 1}
		o := Options{Epsilon: .1, Method: Log}
		want := must(t, dev, p, o)
		o.Memory, o.Method = 1<<20, Auto
		got := must(t, dev, p, o)
		if got.Method != Log {
			t.Errorf("ran %s without memory for the kernel", got.Method)
		}
		near(t, "cost", got.Cost, want.Cost, 1e-12)
		near(t, "objective", got.Objective, want.Objective, 1e-12)
		near(t, "lower bound", got.Certificate.Lower, want.Certificate.Lower, 1e-12)
		o.Method = Scaling
		if _, err := Solve(context.Background(), dev, p, o); !errors.Is(err, device.ErrArgument) {
			t.Errorf("scaling without memory: %v", err)
		}
	})
}

func TestNotConverged(t *testing.T) {
	x, y := square(6, 50, 1)
	onDevices(t, func(t *testing.T, dev device.Device) {
		for _, m := range []Method{Log, Scaling} {
			r, err := Solve(context.Background(), dev, Problem[float64]{X: x, Y: y}, Options{Epsilon: 1e-3, MaxIterations: 5, Method: m})
			var nc *device.NotConvergedError
			if !errors.As(err, &nc) || !errors.Is(err, device.ErrNotConverged) {
				t.Fatalf("error %v", err)
			}
			if r == nil || r.Converged || r.Iterations != 5 || len(r.History) != 5 || nc.Iterations != 5 {
				t.Fatalf("result %+v", r)
			}
			if r.Certificate.MarginalL1 != nc.Achieved || !(nc.Achieved > 1e-9) {
				t.Errorf("error %v, certificate %v", nc, r.Certificate)
			}
			// Even so, the rounded plan is a plan and the bounds hold.
			if !(r.Certificate.Lower <= r.Cost && r.Cost <= r.Certificate.Upper) {
				t.Errorf("%v does not enclose %v", r.Certificate, r.Cost)
			}
		}
		// No number type reaches this; it must notice rather than run on.
		r, err := Solve(context.Background(), dev, Problem[float32]{X: device.Convert[float32](x), Y: device.Convert[float32](y)}, Options{Epsilon: .02, Tol: 1e-18})
		if !errors.Is(err, device.ErrNotConverged) || r.Iterations >= 10000 {
			t.Errorf("%d iterations, error %v", r.Iterations, err)
		}
		// float32 reaches this only with the help of float64.
		must(t, dev, Problem[float32]{X: device.Convert[float32](x), Y: device.Convert[float32](y)}, Options{Epsilon: .02, Tol: 1e-12})
	})
}

func TestContext(t *testing.T) {
	x, y := square(6, 50, 1)
	onDevices(t, func(t *testing.T, dev device.Device) {
		ctx, cancel := context.WithCancel(context.Background())
		calls := 0
		o := Options{Epsilon: 1e-3, Progress: func(iteration int, err float64) {
			if calls++; calls == 3 {
				cancel()
			}
			if iteration <= 0 || !(err > 0) {
				t.Errorf("progress %d, %v", iteration, err)
			}
		}}
		if r, err := Solve(ctx, dev, Problem[float64]{X: x, Y: y}, o); !errors.Is(err, context.Canceled) || r != nil || calls != 3 {
			t.Errorf("%v, %v after %d calls", r, err, calls)
		}
	})
}
