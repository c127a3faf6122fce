package main

import (
	"context"
	"math"

	"github.com/spf13/cobra"

	"github.com/ritz-go/ritz/cmd/ritz/picture"
	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/spectrum"
)

// analysis are the flags that say what to compute of a symmetric operator.
type analysis struct {
	top, probes, steps, budget int
	which                      string
	tol                        float64
	density, trace             bool
}

func (a *analysis) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.IntVar(&a.top, "top", 0, "number of eigenvalues at the end of the spectrum (0: none; 1 if nothing else is asked for)")
	choices(cmd, &a.which, "which", "LA", "end: largest, smallest, largest magnitude, both:", "LA", "SA", "LM", "BE")
	f.Float64Var(&a.tol, "tol", 0, "residual of eigenpairs relative to the largest (0: 1e-10; f32: 1e-5)")
	f.BoolVar(&a.density, "density", false, "spectral density by stochastic Lanczos quadrature")
	f.BoolVar(&a.trace, "trace", false, "trace by XTrace")
	f.IntVar(&a.probes, "probes", 0, "random vectors of the density (0: 10)")
	f.IntVar(&a.steps, "steps", 0, "Lanczos steps of the density (0: 80)")
	f.IntVar(&a.budget, "budget", 0, "products of the trace (0: 100)")
}

// analyze computes what the flags ask for and fills in the outcome. With no
// flag it computes the largest eigenvalue.
func analyze[T device.Float](ctx context.Context, c *common, dev device.Device, op spectrum.Operator[T], a analysis, out *outcome) (vectors device.Dense[T], failure error) {
	if a.top == 0 && !a.density && !a.trace {
		a.top = 1
	}
	residuals := []float64{}
	if a.top != 0 {
		var e *spectrum.Eigen[T]
		seconds, err := c.timed(func() (err error) {
			e, err = spectrum.Eigs(ctx, dev, op, spectrum.EigsOptions{K: a.top, Which: spectrum.Which(a.which), Tol: a.tol, Seed: c.seed})
			return err
		})
		if err != nil && !notConverged(err) {
			return vectors, err
		}
		failure = err
		out.Seconds += seconds
		out.Values, residuals, vectors = e.Values, e.Residuals, e.Vectors
		out.Products += e.Products
		out.Method = "thick-restart Lanczos"
	}
	out.Certificate = certificate("residuals", residuals)
	if a.density {
		var q *spectrum.Quadrature
		seconds, err := c.timed(func() (err error) {
			q, err = spectrum.SLQ(ctx, dev, op, spectrum.SLQOptions{Probes: a.probes, Steps: a.steps, Seed: c.seed})
			return err
		})
		if err != nil {
			return vectors, err
		}
		out.Seconds += seconds
		out.Products += q.Products
		out.Density = smooth(q)
		if out.Method == "" {
			out.Method = "stochastic Lanczos quadrature"
		}
	}
	if a.trace {
		var t spectrum.Estimate
		seconds, err := c.timed(func() (err error) {
			t, err = spectrum.Trace(ctx, dev, op, spectrum.TraceOptions{Budget: a.budget, Seed: c.seed})
			return err
		})
		if err != nil {
			return vectors, err
		}
		out.Seconds += seconds
		out.Products += t.Products
		out.Trace = &estimate{Value: t.Value, Products: t.Products}
		if t.StdErr == t.StdErr {
			out.Trace.StdErr = &t.StdErr
			out.Certificate["std_error"] = t.StdErr
		}
		if out.Method == "" {
			out.Method = "XTrace"
		}
	}
	return vectors, failure
}

// smooth evaluates a density on a grid that holds all of it.
func smooth(q *spectrum.Quadrature) *density {
	const points = 1024
	lo, hi := q.Range()
	width := (hi - lo) / float64(2*len(q.Nodes[0]))
	if width == 0 { // a single eigenvalue
		width = max(math.Abs(hi), 1) * 1e-3
	}
	margin := max(0.05*(hi-lo), 5*width) // a normal density is 4e-6 of its peak there
	d := &density{Width: width, Grid: make([]float64, points)}
	for i := range d.Grid {
		d.Grid[i] = lo - margin + (hi-lo+2*margin)*float64(i)/(points-1)
	}
	d.Value = q.Density(d.Grid, width)
	return d
}

// saveAnalysis writes eigenvalues, eigenvectors (in rows) and density.
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

func newSpectrum(c *common) *cobra.Command {
	var a analysis
	cmd := &cobra.Command{
		Use:   "spectrum FILE[:ARRAY]",
		Short: "Eigenvalues, density and trace of a symmetric matrix",
		Long: `Computes eigenvalues at the ends of the spectrum of a symmetric matrix, its
spectral density and its trace from products with the matrix.

With -o DIR it writes values.npy, vectors.npy (one vector in each row) and
density.csv. The certificate holds the residual of every eigenpair, within
which an exact eigenvalue lies, and the standard error of the trace.`,
		Example: `  ritz spectrum H.npy --top 10 --which BE
  ritz spectrum H.npy --density --plot density.svg`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			in, err := locate(args[0], c.tensor)
			if err != nil {
				return err
			}
			if c.precision(in) == "f32" {
				return runSpectrum[float32](cmd.Context(), c, in, a)
			}
			return runSpectrum[float64](cmd.Context(), c, in, a)
		},
	}
	c.flags(cmd)
	cmd.Flags().StringVar(&c.tensor, "tensor", "", "array of the file, by name or pattern (default: the only one)")
	a.flags(cmd)
	return cmd
}

func runSpectrum[T device.Float](ctx context.Context, c *common, in *input, a analysis) error {
	c.takes(1.5, in) // the matrix, and blocks of vectors
	dev, err := c.open()
	if err != nil {
		return err
	}
	defer dev.Close()
	h, err := matrix[T](in)
	if err != nil {
		return err
	}
	q := device.NewQueue[T](dev)
	defer q.Close()
	op, err := spectrum.Symmetric(q, h)
	if err != nil {
		return err
	}
	out := c.begin("spectrum", dev, c.precision(in), h.Rows, h.Cols)
	vectors, failure := analyze(ctx, c, dev, op, a, out)
	if failure != nil && !notConverged(failure) {
		return failure
	}
	if err := saveAnalysis(c, out, vectors); err != nil {
		return err
	}
	return c.finish(out, drawAnalysis(out, "Spectrum"), failure)
}
