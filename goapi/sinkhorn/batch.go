package sinkhorn

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/ritz-go/ritz/goapi/device"
)

// BatchResult is the result of [Batch]; one row or element for each problem.
type BatchResult[T device.Float] struct {
	F, G       device.Dense[T] // potentials (count×n, count×m), see Result
	Cost       []float64       // ⟨C,P⟩ of the plan of the potentials
	Objective  []float64       // the value of the dual problem, see Result
	MarginalL1 []float64       // ‖P·1-a‖₁ + ‖Pᵀ·1-b‖₁ over the mass
	Iterations []int
}

// Batch solves many small problems of one size: costs holds count matrices of
// n×m costs, a (count×n) and b (count×m) the masses, nil for the uniform
// distribution. Each problem is solved by scalings of its own kernel in
// float64 on dev, or in pure Go if dev does not share Go's memory, as many at a
// time as there are cores, with the over-relaxation of [Solve]; a problem whose kernel would underflow is left to [Solve]. A result
// does not depend on the other problems of the batch.
//
// Of o it takes Epsilon, Tol, MaxIterations, Relaxation and Normalize; the
// default of Tol is 1e-9, and 1e-5 for float32. If problems do not reach it the
// result comes with an error that matches [device.ErrNotConverged]. ctx is
// looked at before each problem.
func Batch[T device.Float](ctx context.Context, dev device.Device, costs []T, count, n, m int, a, b []T, o Options) (*BatchResult[T], error) {
	o, err := o.complete()
	if err != nil {
		return nil, err
	}
	switch {
	case count < 1 || n < 1 || m < 1:
		return nil, fmt.Errorf("a batch of %d problems of %d×%d: %w", count, n, m, device.ErrEmpty)
	case len(costs)/n/m != count || len(costs)%(n*m) != 0:
		return nil, &device.ShapeError{Op: "costs", Detail: fmt.Sprintf("%d elements for %d problems of %d×%d", len(costs), count, n, m)}
	case a != nil && len(a) != count*n:
		return nil, &device.ShapeError{Op: "a", Detail: fmt.Sprintf("%d elements for %d problems of %d points", len(a), count, n)}
	case b != nil && len(b) != count*m:
		return nil, &device.ShapeError{Op: "b", Detail: fmt.Sprintf("%d elements for %d problems of %d points", len(b), count, m)}
	}
	if o.Tol == 0 {
		if o.Tol = 1e-9; device.Epsilon[T]() > 1e-10 {
			o.Tol = 1e-5
		}
	}
	r := &BatchResult[T]{
		F: device.NewDense[T](count, n), G: device.NewDense[T](count, m),
		Cost: make([]float64, count), Objective: make([]float64, count), MarginalL1: make([]float64, count), Iterations: make([]int, count),
	}
	part := func(w []T, k, n int) []T {
		if w == nil {
			return nil
		}
		return w[k*n : (k+1)*n]
	}
	// Problems are taken one by one: some need more iterations than others.
	var next atomic.Int64
	failures := make([]error, count)
	var wg sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), count) {
		wg.Go(func() {
			s := newSmall[T](dev, n, m, o)
			defer s.q.Close()
			for {
				k := int(next.Add(1)) - 1
				if k >= count {
					return
				}
				if failures[k] = ctx.Err(); failures[k] != nil {
					return
				}
				p := Problem[T]{
					Cost: device.Dense[T]{Rows: n, Cols: m, Stride: m, Data: costs[k*n*m : (k+1)*n*m]},
					A:    part(a, k, n), B: part(b, k, m),
				}
				failures[k] = s.solve(ctx, p, r, k)
			}
		})
	}
	wg.Wait()
	missed, worst := 0, 0.0
	for k, err := range failures {
		switch {
		case errors.Is(err, device.ErrNotConverged):
			missed++
			worst = max(worst, r.MarginalL1[k])
		case errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded):
			return nil, err
		case err != nil:
			return nil, fmt.Errorf("problem %d: %w", k, err)
		}
	}
	if missed > 0 {
		return r, &device.NotConvergedError{Method: fmt.Sprintf("Sinkhorn's iteration on %d of %d problems", missed, count), Iterations: o.MaxIterations, Achieved: worst, Wanted: o.Tol}
	}
	return r, nil
}

// small solves one problem after the other in the same memory.
type small[T device.Float] struct {
	o          Options
	n, m       int
	k          []float64 // kernel exp(-(C-f-g)/ε)
	f, u       []float64
	g, v, s, δ []float64

	dev            device.Device
	q              device.Queue[float64] // shares the memory above
	km, um, vm, sm device.Matrix[float64]
}

func newSmall[T device.Float](dev device.Device, n, m int, o Options) *small[T] {
	q := dev.F64()
	if _, shared := q.(device.Lender[float64]); !shared {
		q.Close()
		dev = device.Go()
		q = dev.F64()
	}
	row := func(n int) []float64 { return make([]float64, n) }
	s := &small[T]{o: o, n: n, m: m, k: row(n * m), f: row(n), u: row(n), g: row(m), v: row(m), s: row(m), δ: row(m), dev: dev, q: q}
	s.km = device.Lend(q, device.Dense[float64]{Rows: n, Cols: m, Stride: m, Data: s.k})
	s.um, s.vm, s.sm = device.Lend(q, device.Vector(s.u)), device.Lend(q, device.Vector(s.v)), device.Lend(q, device.Vector(s.s))
	return s
}

// solve solves problem number at of the batch.
func (s *small[T]) solve(ctx context.Context, p Problem[T], r *BatchResult[T], at int) error {
	if _, _, err := check(p); err != nil {
		return err
	}
	a, b, mass, err := weights(p, s.n, s.m, s.o.Normalize)
	if err != nil {
		return err
	}
	ε := s.o.Epsilon
	if !s.kernel(p.Cost, ε) {
		return s.alone(ctx, p, r, at)
	}
	iterations, e := s.iterate(a, b)
	if !(e <= s.o.Tol) {
		return s.alone(ctx, p, r, at) // which knows more ways
	}
	shift := ε * math.Log(mass)
	cost, value := 0.0, 0.0
	for i, u := range s.u {
		f := s.f[i] + ε*math.Log(u/a[i]) - shift
		if a[i] == 0 { // the potential that the others imply
			kv := 0.0
			for j, x := range s.k[i*s.m : (i+1)*s.m] {
				kv += x * s.v[j]
			}
			f = s.f[i] - ε*math.Log(kv) - shift
		}
		r.F.Set(at, i, T(f))
		value += a[i] * f
		for j, x := range s.k[i*s.m : (i+1)*s.m] {
			cost += u * x * s.v[j] * float64(p.Cost.At(i, j))
		}
	}
	for j, v := range s.v {
		g := s.g[j] + ε*math.Log(v/b[j])
		if b[j] == 0 {
			g = s.g[j] - ε*math.Log(s.s[j])
		}
		r.G.Set(at, j, T(g))
		value += b[j] * g
	}
	r.Cost[at], r.Objective[at], r.MarginalL1[at], r.Iterations[at] = cost*mass, value*mass, e, iterations
	return nil
}

// alone leaves the problem to Solve.
func (s *small[T]) alone(ctx context.Context, p Problem[T], r *BatchResult[T], at int) error {
	one, err := Solve(ctx, s.dev, p, s.o)
	if one == nil {
		return err
	}
	copy(r.F.Row(at), one.F)
	copy(r.G.Row(at), one.G)
	r.Cost[at], r.Objective[at], r.MarginalL1[at], r.Iterations[at] = one.Cost, one.Objective, one.Certificate.MarginalL1, one.Iterations
	return err
}

// kernel computes the kernel around the least reduced costs f and g, which
// leave a 1 in every column. It reports false where entries underflow.
func (s *small[T]) kernel(c device.Dense[T], ε float64) bool {
	for j := range s.g {
		s.g[j] = math.Inf(1)
	}
	for i := range s.n {
		least := math.Inf(1)
		for _, x := range c.Row(i) {
			least = min(least, float64(x))
		}
		s.f[i] = least
		for j, x := range c.Row(i) {
			s.g[j] = min(s.g[j], float64(x)-least)
		}
	}
	const deep = 300 // exponents of entries and of scalings add up
	for i := range s.n {
		row := s.k[i*s.m : (i+1)*s.m]
		for j, x := range c.Row(i) {
			e := (float64(x) - s.f[i] - s.g[j]) / ε
			if !(e < deep) {
				return false
			}
			row[j] = -e
		}
	}
	s.q.Map(device.Exp, s.km, s.km)
	return true
}

// iterate returns the number of iterations and the error. The rows of the plan
// of u and v are exact.
func (s *small[T]) iterate(a, b []float64) (int, float64) {
	defer s.q.Scope()()
	am := device.Lend(s.q, device.Vector(a))
	ω := newRelaxation(s.o.Relaxation)
	clear(s.δ)
	for j := range s.v {
		s.v[j] = b[j]
	}
	var errs [window]float64
	for k := 0; k < s.o.MaxIterations; k++ {
		s.step(am, a)
		e := 0.0
		for j, x := range s.s {
			e += math.Abs(s.v[j]*x - b[j])
		}
		if e <= s.o.Tol {
			return k + 1, e
		}
		errs[k%window] = e
		if k%window == window-1 {
			switch ω.observe(errs[:]) {
			case goBack:
				return k + 1, math.Inf(1)
			case forget:
				clear(s.δ)
			}
		}
		if ω.ω == 1 {
			for j, x := range s.s {
				s.v[j] = b[j] / x
			}
			continue
		}
		for j, x := range s.s {
			if b[j] == 0 {
				continue
			}
			s.δ[j] = ω.ω*ω.ω*math.Log(b[j]/(x*s.v[j])) + (ω.ω-1)*(ω.ω-1)*s.δ[j]
			s.v[j] *= math.Exp(s.δ[j])
		}
	}
	return s.o.MaxIterations, math.Inf(1)
}

// step computes u = a/(K·v) and s = Kᵀ·u in one pass.
func (s *small[T]) step(am device.Matrix[float64], a []float64) {
	if f, ok := s.q.(device.Scaler[float64]); ok && f.TryScalingStep(s.km, am, s.vm, s.um, s.sm) {
		return
	}
	clear(s.s)
	for i := range s.n {
		row := s.k[i*s.m : (i+1)*s.m]
		v, sum := s.v[:len(row)], s.s[:len(row)]
		var x0, x1, x2, x3 float64
		j := 0
		for ; j+4 <= len(row); j += 4 {
			x0 += row[j] * v[j]
			x1 += row[j+1] * v[j+1]
			x2 += row[j+2] * v[j+2]
			x3 += row[j+3] * v[j+3]
		}
		for ; j < len(row); j++ {
			x0 += row[j] * v[j]
		}
		u := a[i] / (x0 + x1 + (x2 + x3))
		s.u[i] = u
		for j, x := range row {
			sum[j] += u * x
		}
	}
}
