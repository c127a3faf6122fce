package spectrum

import (
	"context"
	"fmt"
	"math"

	"github.com/ritz-go/ritz/goapi/device"
)

// FunctionOptions are the options of ApplyFunction.
type FunctionOptions struct {
	// Tol is the error to reach relative to ‖f(H)b‖; 0 means 1e-10
	// (float32: 1e-5).
	Tol float64

	// Steps bounds the Lanczos steps for each vector; 0 means 200, never
	// above the dimension.
	Steps int

	// Memory bounds the bytes of the Lanczos bases; 0 means 1 GiB. Where they
	// do not fit, the recurrence runs twice and keeps five vectors for each
	// b: first for its coefficients, then to sum up the result, which takes
	// twice the products.
	Memory uint64
}

// Function is f(H) applied to some vectors.
type Function[T device.Float] struct {
	Vectors device.Dense[T] // one in each row

	// Errors estimates the error of each vector in the 2-norm by what the
	// last steps changed. It is no bound, but where the steps converge they
	// change more than what is left.
	Errors   []float64
	Steps    int
	Products int
	Passes   int // 2 where memory was short
}

// ApplyFunction computes f(H)·b for each row b of a k×n matrix by Lanczos: f
// is taken of the tridiagonal matrix (Saad, SIAM J. Numer. Anal. 1992). It
// needs f at the Ritz values, which lie within the spectrum. Rows that are zero
// give zero.
//
// Errors: *device.ShapeError, *device.NotFiniteError and *device.ArgumentError
// for bad input, also for an f that is not finite at a Ritz value, which it
// names; *device.NotConvergedError with the result that Steps gave.
func ApplyFunction[T device.Float](ctx context.Context, dev device.Device, op Operator[T], f func(float64) float64, b device.Dense[T], o FunctionOptions) (*Function[T], error) {
	if err := checkOperator(op); err != nil {
		return nil, err
	}
	if f == nil {
		return nil, device.Argument("function", "is nil")
	}
	if err := device.CheckInput("vectors", b); err != nil {
		return nil, err
	}
	if b.Cols != op.Dim() {
		return nil, &device.ShapeError{Op: "vectors", Detail: fmt.Sprintf("have %d elements, the operator has dimension %d", b.Cols, op.Dim())}
	}
	var err error
	if o.Tol, err = tolerance(o.Tol, 1e-10, device.Epsilon[T]()); err != nil {
		return nil, err
	}
	if o.Steps == 0 {
		o.Steps = 200
	}
	if o.Memory == 0 {
		o.Memory = 1 << 30
	}
	if o.Steps < 1 {
		return nil, device.Argument("steps", "is %d, must be at least 1", o.Steps)
	}
	q := device.NewQueue[T](dev)
	defer q.Close()
	start := q.Alloc(b.Rows, b.Cols)
	q.Upload(start, b)
	return applyFunction(ctx, q, op, f, start, o)
}

func applyFunction[T device.Float](ctx context.Context, q device.Queue[T], op Operator[T], f func(float64) float64, start device.Matrix[T], o FunctionOptions) (*Function[T], error) {
	n, p := op.Dim(), start.Rows
	steps := min(o.Steps, n)
	keep, reorth, passes := steps, PartialReorth, 1
	if float64(p)*float64(steps+5)*float64(n)*width[T]() > float64(o.Memory) {
		keep, reorth, passes = 2, NoReorth, 2
	}
	sizes := make([]float64, p)
	for i := range p {
		var err error
		if sizes[i], err = norm(q, start.Row(i)); err != nil {
			return nil, err
		}
	}
	end := q.Scope()
	r, err := newRecurrence(q, op, start, device.Matrix[T]{}, steps, keep, 0, reorth)
	if err != nil {
		return nil, err
	}
	c := &coefficients{f: f, sizes: sizes, tol: o.Tol, now: make([][]float64, p), errors: make([]float64, p), converged: !r.more()}
	for r.more() {
		if err := r.step(ctx); err != nil {
			return nil, err
		}
		if due := !r.more() || r.j%5 == 0; due {
			if err := c.update(r.runs); err != nil {
				return nil, err
			}
		}
		if c.converged {
			break
		}
	}
	result := &Function[T]{Errors: c.errors, Steps: r.j, Products: r.products, Passes: passes}
	var y device.Matrix[T]
	if passes == 1 {
		y = q.Alloc(p, n)
		for i := range p {
			combination(q, c.now[i], r.of(i, len(c.now[i])), y.Row(i))
		}
	} else {
		end()
		y = q.Alloc(p, n)
		if err := again(ctx, q, op, start, c.now, r.j, y); err != nil {
			return nil, err
		}
		result.Products *= 2
	}
	result.Vectors = device.NewDense[T](p, n)
	q.Download(result.Vectors, y)
	if err := q.Sync(); err != nil {
		return nil, err
	}
	if !c.converged {
		return result, &device.NotConvergedError{Method: "Lanczos for a function", Iterations: result.Steps, Achieved: c.worst, Wanted: o.Tol}
	}
	return result, nil
}

// combination computes y = Σ c[j]·v[j] for the rows of v.
func combination[T device.Float](q device.Queue[T], c []float64, v, y device.Matrix[T]) {
	defer q.Scope()()
	host := make([]T, len(c))
	for i, x := range c {
		host[i] = T(x)
	}
	d := q.Alloc(1, len(c))
	q.Upload(d, device.Vector(host))
	q.Gemm(device.NoTrans, device.NoTrans, 1, d, v, 0, y)
}

// again runs the same recurrence once more, with the same numbers, and sums up
// its vectors with their coefficients.
func again[T device.Float](ctx context.Context, q device.Queue[T], op Operator[T], start device.Matrix[T], c [][]float64, steps int, y device.Matrix[T]) error {
	defer q.Scope()()
	r, err := newRecurrence(q, op, start, device.Matrix[T]{}, steps, 2, 0, NoReorth)
	if err != nil {
		return err
	}
	f := make([]T, start.Rows)
	for j := range steps {
		for i := range f {
			if f[i] = 0; j < len(c[i]) {
				f[i] = T(c[i][j])
			}
		}
		r.scaled(f, r.vectors(j), r.product)
		q.Add(1, device.NoTrans, y, 1, device.NoTrans, r.product, y)
		if j+1 < steps {
			if err := r.step(ctx); err != nil {
				return err
			}
		}
	}
	return q.Sync()
}

// coefficients are those of f(H)b on the Lanczos vectors of each b.
type coefficients struct {
	f         func(float64) float64
	sizes     []float64 // ‖b‖
	tol       float64
	now       [][]float64
	errors    []float64
	worst     float64 // of the relative errors
	converged bool
}

// update takes in the steps made since the last time.
func (c *coefficients) update(runs []run) error {
	last := c.now
	c.now, c.errors, c.worst = make([][]float64, len(runs)), make([]float64, len(runs)), 0
	for p := range runs {
		r := &runs[p]
		m := len(r.α)
		if m == 0 { // b is zero
			continue
		}
		if len(last[p]) == m { // it ended before
			c.now[p] = last[p]
			continue
		}
		values, z := append([]float64(nil), r.α...), make([]float64, m*m)
		for i := range m {
			z[i*m+i] = 1
		}
		if !tridiagonalEigen(values, append([]float64(nil), r.β[:m-1]...), z, m) {
			return &device.NotFiniteError{Name: "the tridiagonal matrix", Value: math.NaN()}
		}
		x := make([]float64, m)
		for i, θ := range values {
			y := c.f(θ)
			if y-y != 0 {
				return device.Argument("function", "is %v at the Ritz value %v", y, θ)
			}
			y *= c.sizes[p] * z[i*m]
			for j := range x {
				x[j] += y * z[i*m+j]
			}
		}
		c.now[p] = x
		change, size := 0.0, 0.0
		for j, v := range x {
			size += v * v
			if j < len(last[p]) {
				v -= last[p][j]
			}
			change += v * v
		}
		if r.ended { // the space is invariant: nothing is left but rounding
			change = 0
		}
		c.errors[p] = math.Sqrt(change)
		if size > 0 {
			c.worst = max(c.worst, math.Sqrt(change/size))
		}
	}
	c.converged = c.worst <= c.tol
	return nil
}
