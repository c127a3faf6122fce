package sinkhorn

import (
	"context"
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/ritz-go/ritz/goapi/device"
)

// difficult are square costs at the edges of the number type T.
func difficult[T device.Float]() map[string]device.Dense[T] {
	single := device.Epsilon[T]() > 1e-10
	smallest, largest := math.SmallestNonzeroFloat64, math.MaxFloat64
	scales := []float64{1e-300, 1e-150, 1e150, 1e300}
	if single {
		smallest, largest = math.SmallestNonzeroFloat32, math.MaxFloat32
		scales = []float64{1e-36, 1e-18, 1e18, 1e36}
	}
	const n = 5
	list := map[string]device.Dense[T]{}
	add := func(name string, f func(i, j int, u float64) float64) {
		c := device.NewDense[T](n, n)
		for k, u := range lcg(61, n*n) {
			c.Data[k] = T(f(k/n, k%n, u))
		}
		list[name] = c
	}
	for _, s := range scales {
		add(fmt.Sprintf("scale %g", s), func(_, _ int, u float64) float64 { return s * (u - 0.2) })
	}
	add("denormal", func(_, _ int, u float64) float64 { return smallest * math.Floor(1000*u) })
	add("largest", func(_, _ int, u float64) float64 { return largest / 4 * (0.5 + u) })
	add("both ends", func(i, j int, u float64) float64 { return largest / 2 * float64(i-j) / n })
	add("graded", func(i, j int, u float64) float64 { return u * math.Pow(10, -float64(i+j)) })
	add("all equal", func(int, int, float64) float64 { return 7 })
	add("all zero", func(int, int, float64) float64 { return 0 })
	add("one huge", func(i, j int, u float64) float64 {
		if i == 1 && j == 2 {
			return largest / 2
		}
		return u
	})
	add("one denormal", func(i, j int, u float64) float64 {
		if i == 1 && j == 2 {
			return smallest
		}
		return u
	})
	list["1×1"] = device.Vector([]T{T(largest)})
	return list
}

// For every ε and method the answer is one that encloses the exact cost, with
// a plan that meets the marginals and costs what is said, or a typed error.
func TestDifficultCosts(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		difficultCosts[float64](t, dev)
		difficultCosts[float32](t, dev)
	})
}

func difficultCosts[T device.Float](t *testing.T, dev device.Device) {
	solved := 0
	for name, c := range difficult[T]() {
		size := 0.0
		for _, v := range c.Data {
			size = max(size, math.Abs(float64(v)))
		}
		if size == 0 {
			size = 1
		}
		_, e := math.Frexp(size)
		unit := device.Convert[float64](c)
		for i, v := range unit.Data {
			unit.Data[i] = math.Ldexp(v, -e)
		}
		exact := assignment(unit)
		for _, factor := range []float64{1e3, 1, 0.05, 1e-3} {
			for _, m := range []Method{Log, Scaling} {
				label := fmt.Sprintf("%s ε=%g·size %s", name, factor, m)
				ε := factor * size
				r, err := Solve(context.Background(), dev, Problem[T]{Cost: c}, Options{Epsilon: ε, Method: m, MaxIterations: 2000})
				switch {
				case errors.Is(err, device.ErrNotConverged):
					if r == nil {
						t.Fatalf("%s: no result with %v", label, err)
					}
				case err != nil:
					// ε is out of range, or it is denormal and the costs are not.
					if !errors.Is(err, device.ErrArgument) || ε < 1e300 && ε > 1e3*math.SmallestNonzeroFloat64 {
						t.Errorf("%s: %v", label, err)
					}
					continue
				}
				solved++
				checkDifficult(t, label, unit, c, e, exact, r)
				// Potentials of this size must be able to start another run.
				again, err := Solve(context.Background(), dev, Problem[T]{Cost: c, Warm: r.G}, Options{Epsilon: ε, Method: m, MaxIterations: 2000})
				if err != nil && !errors.Is(err, device.ErrNotConverged) {
					t.Errorf("%s, warm: %v", label, err)
				} else if r.Converged && again.Iterations > max(2*window, r.Iterations) && name != "denormal" { // whose potentials have few digits
					t.Errorf("%s: %d iterations from the solution, %d from zero", label, again.Iterations, r.Iterations)
				}
			}
		}
	}
	if solved < 70 {
		t.Errorf("only %d problems had a result", solved)
	}
}

func checkDifficult[T device.Float](t *testing.T, name string, unit device.Dense[float64], c device.Dense[T], e int, exact float64, r *Result[T]) {
	t.Helper()
	// Denormal bounds were rounded once more.
	grain := math.Ldexp(math.SmallestNonzeroFloat64, -e)
	lower, upper, cost := math.Ldexp(r.Certificate.Lower, -e), math.Ldexp(r.Certificate.Upper, -e), math.Ldexp(r.Cost, -e)
	if !(lower <= exact+grain && exact <= upper+grain && lower <= cost+grain && cost <= upper+grain) {
		t.Errorf("%s: [%.17g,%.17g] and cost %.17g; the exact cost is %.17g", name, lower, upper, cost, exact)
	}
	n := c.Rows
	p := device.NewDense[T](n, n)
	if err := r.Plan(p); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	rows, cols := sums(p)
	w := make([]float64, n)
	for i := range w {
		w[i] = 1 / float64(n)
	}
	if off := l1(rows, w) + l1(cols, w); !(off <= 8*float64(n)*device.Epsilon[T]()) {
		t.Errorf("%s: the plan misses the marginals by %.3g", name, off)
	}
	of := 0.0
	for k, v := range p.Data {
		of += float64(v) * unit.Data[k]
	}
	near(t, name+": cost of the plan", cost, of, 8*float64(n)*device.Epsilon[T]()+grain)
}

// Clouds whose squared distances leave the range of T in the middle of the
// computation, or altogether.
func TestDifficultClouds(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		difficultClouds[float64](t, dev, []float64{1e-150, 1e-75, 1, 1e75, 1e150, 1e200})
		difficultClouds[float32](t, dev, []float64{1e-18, 1e-9, 1, 1e9, 1e18, 1e25})
	})
}

func difficultClouds[T device.Float](t *testing.T, dev device.Device, scales []float64) {
	x, y := square(62, 5, 1)
	for _, p := range []int{1, 2} {
		exact := assignment(distances(x, y, float64(p)))
		for _, s := range scales {
			px, py := device.NewDense[T](5, 2), device.NewDense[T](5, 2)
			for i := range px.Data {
				px.Data[i], py.Data[i] = T(x.Data[i]*s), T(y.Data[i]*s)
			}
			size := math.Pow(s, float64(p))
			if math.IsInf(size, 0) {
				size = math.MaxFloat64 / 1e3
			}
			r, err := Solve(context.Background(), dev, Problem[T]{X: px, Y: py, P: p}, Options{Epsilon: .01 * size, Tol: 1e-4})
			if err != nil {
				if !errors.Is(err, device.ErrArgument) && !errors.Is(err, device.ErrNotFinite) || size > 1e-290 && size < 1e290 && device.Epsilon[T]() < 1e-10 {
					t.Errorf("scale %g, p = %d: %v", s, p, err)
				}
				continue
			}
			// Rounding the points moves every distance by eps.
			lower, upper := r.Certificate.Lower/size, r.Certificate.Upper/size
			if tol := 8 * device.Epsilon[T](); !(lower <= exact+tol && exact <= upper+tol && upper-lower < .1) {
				t.Errorf("scale %g, p = %d: [%v,%v], exact %v", s, p, lower, upper, exact)
			}
		}
	}
}
