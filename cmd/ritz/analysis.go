package main

import (
	"context"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/ritz-go/ritz/cmd/ritz/picture"
	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/spectrum"
)

// analysis are the flags that say what to compute of a symmetric operator.
type analysis struct {
	top, block, maxProducts      int
	which, method, traceMethod   string
	tol, target                  float64
	density, deflate, trace, dia bool
	probes, steps, budget        int
	count                        []float64
	memory                       budget
	state                        string
	keep                         bool // the state of a part of a series, until all are done
}

func (a *analysis) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.IntVar(&a.top, "top", 0, "number of eigenvalues at the end of the spectrum (0: none; 1 if nothing else is asked for)")
	choices(cmd, &a.which, "which", "LA", "end: largest, smallest, largest magnitude, both:", "LA", "SA", "LM", "BE")
	f.Float64Var(&a.tol, "tol", 0, "residual of eigenpairs relative to the largest (0: 1e-10, of lobpcg 1e-8; f32: 1e-5)")
	choices(cmd, &a.method, "method", "auto", "of the density: slq, kpm; of eigenvalues: lanczos, lobpcg; all:", "auto", "slq", "kpm", "lanczos", "lobpcg")
	f.IntVar(&a.block, "block", 0, "vectors of a Lanczos block: how often an eigenvalue can be found (0: 1)")
	f.IntVar(&a.maxProducts, "max-products", 0, "products that eigenvalues may take (0: 1000 and 100 for each)")
	f.BoolVar(&a.density, "density", false, "spectral density, norms and counts by stochastic Lanczos quadrature or Chebyshev moments")
	f.IntVar(&a.probes, "probes", 0, "random vectors of the density (0: 10)")
	f.IntVar(&a.steps, "steps", 0, "Lanczos steps of the density, or half the moments of kpm (0: 80)")
	f.BoolVar(&a.deflate, "deflate", false, "take the eigenvalues of --top out of the density's error")
	f.Float64SliceVar(&a.count, "count", nil, "estimate the number of eigenvalues between the two numbers `LO,HI`")
	f.BoolVar(&a.trace, "trace", false, "trace, with its standard error")
	choices(cmd, &a.traceMethod, "trace-method", "auto", "estimator:", "auto", "hutchinson", "hutch++", "xtrace", "xnystrace", "exact")
	f.Float64Var(&a.target, "target-error", 0, "standard error of the trace to reach, relative to it; the method that needs the fewest products is chosen (0: spend --budget)")
	f.BoolVar(&a.dia, "diag", false, "diagonal, with standard errors")
	f.IntVar(&a.budget, "budget", 0, "products of the trace and of the diagonal (0: 100; most for --target-error: 2000)")
	f.Var(&a.memory, "memory", "memory for Krylov bases, such as 2GiB (default: 1GiB for the density, as needed for eigenvalues)")
	f.StringVar(&a.state, "state", "", "keep the state of the computation in this `FOLDER`, from which an interrupted run goes on (default: none)")
}

// check checks what the flags say together.
func (a *analysis) check() error {
	switch {
	case a.count != nil && (len(a.count) != 2 || !(a.count[0] <= a.count[1])):
		return usagef("--count is %v, must be two numbers, the lower one first", a.count)
	case a.deflate && a.top < 1:
		return usagef("--deflate needs the eigenvalues of --top")
	case a.deflate && a.method == "kpm":
		return usagef("--deflate goes with --method slq only")
	case a.target != 0 && !(a.target > 0 && a.target < 1):
		return usagef("--target-error is %v, must be between 0 and 1", a.target)
	case a.method == "lobpcg" && a.block != 0:
		return usagef("--block goes with --method lanczos only")
	}
	return nil
}

// complete adds what the flags ask for without saying so: with none of them the
// largest eigenvalue.
func (a *analysis) complete() {
	a.density = a.density || a.method == "slq" || a.method == "kpm" || a.count != nil
	a.trace = a.trace || a.target != 0 || a.traceMethod != "auto"
	if a.top == 0 && (a.method == "lanczos" || a.method == "lobpcg" || !a.density && !a.trace && !a.dia) {
		a.top = 1
	}
}

// stateOf is where a part of the analysis keeps its state.
func (a *analysis) stateOf(part string) spectrum.State {
	if a.state == "" {
		return spectrum.State{}
	}
	return spectrum.State{Path: filepath.Join(a.state, part+".state")}
}

// prepare makes the folder of the states.
func (a *analysis) prepare(c *common) error {
	if a.state == "" {
		return nil
	}
	if c.repeat > 1 {
		return usagef("--state does not go with --repeat: the second call would find the first one's result")
	}
	return os.MkdirAll(a.state, 0o777)
}

// parts of an analysis; each has a state of its own.
var parts = []string{"eigenvalues", "density", "trace", "diagonal"}

// forget removes the states of parts that nothing goes on from.
func (a *analysis) forget(parts ...string) error {
	var failures []error
	for _, part := range parts {
		if s := a.stateOf(part); s.Path != "" {
			if err := os.Remove(s.Path); !errors.Is(err, fs.ErrNotExist) {
				failures = append(failures, err)
			}
		}
	}
	return errors.Join(failures...)
}

// analyze computes what the flags ask for and fills in the outcome.
func analyze[T device.Float](ctx context.Context, c *common, dev device.Device, op spectrum.Operator[T], a analysis, out *outcome) (vectors device.Dense[T], failure error) {
	a.complete()
	if err := a.prepare(c); err != nil {
		return vectors, err
	}
	out.Certificate = certificate()
	if out.Measures == nil {
		out.Measures = map[string]float64{}
	}
	s := &study[T]{ctx: ctx, c: c, dev: dev, op: op, a: a, out: out}
	var failures []error
	for _, part := range []struct {
		wanted bool
		run    func() error
	}{{a.top != 0, s.eigenvalues}, {a.density, s.measure}, {a.trace, s.trace}, {a.dia, s.diagonal}} {
		if !part.wanted {
			continue
		}
		if err := part.run(); err != nil {
			if !notConverged(err) {
				return vectors, err
			}
			failures = append(failures, err)
		}
	}
	if s.pairs != nil {
		vectors = s.pairs.Vectors
	}
	if failures == nil && !a.keep {
		failures = append(failures, a.forget(parts...))
	}
	return vectors, errors.Join(failures...)
}

// study computes the parts of an analysis.
type study[T device.Float] struct {
	ctx   context.Context
	c     *common
	dev   device.Device
	op    spectrum.Operator[T]
	a     analysis
	out   *outcome
	pairs *spectrum.Eigen[T]
}

// timed runs f and notes its time and method.
func (s *study[T]) timed(method string, f func() error) error {
	seconds, err := s.c.timed(f)
	s.out.Seconds += seconds
	if s.out.Method == "" {
		s.out.Method = method
	}
	return err
}

func (s *study[T]) eigenvalues() error {
	a := s.a
	var find func() error
	method := "thick-restart Lanczos"
	bar := progress(s.c, max(a.top, 0), "eigenvalues")
	defer bar.Finish()
	shown := func(converged, _ int) { _ = bar.Set(converged) }
	if a.method == "lobpcg" {
		method = "LOBPCG"
		find = func() (err error) {
			s.pairs, err = spectrum.LOBPCG(s.ctx, s.dev, s.op, nil, device.Dense[T]{}, spectrum.LOBPCGOptions{
				K: a.top, Which: spectrum.Which(a.which), Tol: a.tol, MaxProducts: a.maxProducts, Seed: s.c.seed,
				State: a.stateOf("eigenvalues"), Progress: shown})
			return err
		}
	} else {
		find = func() (err error) {
			s.pairs, err = spectrum.Eigs(s.ctx, s.dev, s.op, spectrum.EigsOptions{
				K: a.top, Which: spectrum.Which(a.which), Tol: a.tol, Block: a.block, MaxProducts: a.maxProducts,
				Memory: uint64(a.memory), Seed: s.c.seed, State: a.stateOf("eigenvalues"), Progress: shown})
			return err
		}
	}
	err := s.timed(method, find)
	if err != nil && !notConverged(err) {
		return err
	}
	s.out.Values, s.out.Certificate["residuals"] = s.pairs.Values, s.pairs.Residuals
	s.out.Products += s.pairs.Products
	return err
}

// measure computes the density and what else the measure gives.
func (s *study[T]) measure() error {
	if s.a.method == "kpm" {
		return s.moments()
	}
	a := s.a
	o := spectrum.SLQOptions{Probes: a.probes, Steps: a.steps, Seed: s.c.seed, Memory: uint64(a.memory), State: a.stateOf("density")}
	o.Progress = s.bar("products of the density")
	var q *spectrum.Quadrature
	err := s.timed("stochastic Lanczos quadrature", func() (err error) {
		if a.deflate {
			q, err = spectrum.DeflatedSLQ(s.ctx, s.dev, s.op, s.pairs, o)
		} else {
			q, err = spectrum.SLQ(s.ctx, s.dev, s.op, o)
		}
		return err
	})
	if err != nil {
		return err
	}
	s.out.Products += q.Products
	s.out.Density = smooth(q)
	if a.count != nil {
		s.estimated("count", q.Count(a.count[0], a.count[1]))
	}
	for name, p := range map[string]float64{"nuclear norm": 1, "Frobenius norm": 2} {
		if e, err := q.Schatten(p); err == nil {
			s.estimated(name, e)
		}
	}
	// Zero eigenvalues come out as rounding errors of either sign.
	lo, hi := q.Range()
	least := float64(q.Dim) * device.Epsilon[T]() * max(math.Abs(lo), math.Abs(hi))
	s.estimated("negative eigenvalues", q.Count(math.Inf(-1), -max(least, math.SmallestNonzeroFloat64)))
	if e, err := q.LogDet(); err == nil {
		s.estimated("log-determinant", e)
	}
	return nil
}

func (s *study[T]) moments() error {
	a := s.a
	o := spectrum.KPMOptions{Probes: a.probes, Moments: 2 * a.steps, Seed: s.c.seed,
		State: a.stateOf("density"), Progress: s.bar("products of the density")}
	if a.steps == 0 {
		o.Moments = 160
	}
	var k *spectrum.Chebyshev
	err := s.timed("kernel polynomial method", func() (err error) {
		k, err = spectrum.KPM(s.ctx, s.dev, s.op, o)
		return err
	})
	if err != nil {
		return err
	}
	s.out.Products += k.Products
	d := &density{Width: math.Pi * (k.Hi - k.Lo) / float64(2*o.Moments), Grid: make([]float64, points)}
	for i := range d.Grid {
		d.Grid[i] = k.Lo + (k.Hi-k.Lo)*(float64(i)+0.5)/points
	}
	d.Value, _ = k.Density(d.Grid)
	s.out.Density = d
	if a.count != nil {
		s.estimated("count", k.Count(a.count[0], a.count[1]))
	}
	return nil
}

// estimated adds an estimate to the measures, and its error to the
// certificate.
func (s *study[T]) estimated(name string, e spectrum.Estimate) {
	if e.Value-e.Value != 0 {
		return
	}
	s.out.Measures[name] = e.Value
	if x := e.StdErr + e.Bias; x-x == 0 {
		s.out.Certificate[name+" error"] = x
	}
}

// bar returns a function that shows progress.
func (s *study[T]) bar(what string) func(done, total int) {
	bar := progress(s.c, 1, what)
	return func(done, total int) {
		bar.ChangeMax(total)
		_ = bar.Set(done)
	}
}

func (s *study[T]) trace() error {
	o := spectrum.TraceOptions{Budget: s.a.budget, Target: s.a.target, Seed: s.c.seed,
		State: s.a.stateOf("trace"), Progress: s.bar("products of the trace")}
	if s.a.traceMethod != "auto" {
		o.Method = spectrum.TraceMethod(s.a.traceMethod)
	}
	var t spectrum.Estimate
	err := s.timed("", func() (err error) {
		t, err = spectrum.Trace(s.ctx, s.dev, s.op, o)
		return err
	})
	if err != nil && !notConverged(err) {
		return err
	}
	if notConverged(err) { // a larger budget makes other products
		if err := s.a.forget("trace"); err != nil {
			return err
		}
	}
	if s.out.Method == "" {
		s.out.Method = methodNames[t.Method]
	}
	s.out.Products += t.Products
	s.out.Trace = &estimate{Value: t.Value, Products: t.Products, Method: string(t.Method)}
	if t.StdErr == t.StdErr {
		s.out.Trace.StdErr = &t.StdErr
		s.out.Certificate["std_error"] = t.StdErr
		lo, hi := t.Interval()
		s.out.Trace.Interval = []float64{lo, hi}
	}
	return err
}

// methodNames are the estimators in words.
var methodNames = map[spectrum.TraceMethod]string{
	spectrum.Hutchinson: "Hutchinson's estimator", spectrum.HutchPP: "Hutch++", spectrum.XTrace: "XTrace",
	spectrum.XNysTrace: "XNysTrace", spectrum.ExactTrace: "unit vectors",
}

func (s *study[T]) diagonal() error {
	o := spectrum.DiagOptions{Budget: s.a.budget, Seed: s.c.seed,
		State: s.a.stateOf("diagonal"), Progress: s.bar("products of the diagonal")}
	switch m := spectrum.TraceMethod(s.a.traceMethod); m {
	case spectrum.Hutchinson, spectrum.XTrace, spectrum.ExactTrace:
		o.Method = m
	}
	var d *spectrum.Diagonal
	err := s.timed("XDiag", func() (err error) {
		d, err = spectrum.Diag(s.ctx, s.dev, s.op, o)
		return err
	})
	if err != nil {
		return err
	}
	s.out.Products += d.Products
	s.out.Diagonal = &diagonal{Value: d.Values, StdErr: d.StdErr, Products: d.Products}
	s.out.Measures["largest diagonal entry"] = slices.Max(d.Values)
	s.out.Certificate["diagonal std_error"] = slices.Max(d.StdErr)
	return nil
}

// points is the number of points of a density.
const points = 1024

// smooth evaluates a density on a grid that holds all of it.
func smooth(q *spectrum.Quadrature) *density {
	lo, hi := q.Range()
	width := q.Width()
	margin := max(0.05*(hi-lo), 5*width) // a normal density is 4e-6 of its peak there
	d := &density{Width: width, Grid: make([]float64, points)}
	for i := range d.Grid {
		d.Grid[i] = lo - margin + (hi-lo+2*margin)*float64(i)/(points-1)
	}
	d.Value = q.Density(d.Grid, width)
	return d
}

// saveAnalysis writes eigenvalues, eigenvectors (in rows), density and
// diagonal.
func saveAnalysis[T device.Float](c *common, out *outcome, vectors device.Dense[T]) error {
	if c.output == "" {
		return nil
	}
	if len(out.Values) > 0 {
		if err := save(c, out, "values.npy", []int{len(out.Values)}, out.Values); err != nil {
			return err
		}
		if err := saveMatrix(c, out, "vectors.npy", vectors); err != nil {
			return err
		}
	}
	if d := out.Diagonal; d != nil {
		if err := save(c, out, "diagonal.npy", []int{2, len(d.Value)}, slices.Concat(d.Value, d.StdErr)); err != nil {
			return err
		}
	}
	if d := out.Density; d != nil {
		table := make([]float64, 0, 2*len(d.Grid))
		for i, x := range d.Grid {
			table = append(table, x, d.Value[i])
		}
		return save(c, out, "density.csv", []int{len(d.Grid), 2}, table)
	}
	return nil
}

func drawAnalysis(out *outcome, title string) func(path string) error {
	return func(path string) error {
		if out.Density != nil {
			return picture.Density(path, title, out.Density.Grid, out.Density.Value, out.Values)
		}
		return picture.Spectrum(path, title, "eigenvalue", out.Values)
	}
}
