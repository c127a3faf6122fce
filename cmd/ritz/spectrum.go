package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/spectrum"
)

func newSpectrum(c *common) *cobra.Command {
	var a analysis
	cmd := &cobra.Command{
		Use:   "spectrum FILE[:ARRAY]",
		Short: "Eigenvalues, density and trace of a symmetric matrix",
		Long: `Computes eigenvalues at the ends of the spectrum of a symmetric matrix, its
spectral density, its trace and its diagonal from products with the matrix.

With -o DIR it writes values.npy, vectors.npy (one vector in each row),
density.csv and diagonal.npy (the values, then their standard errors). The
certificate holds the residual of every eigenpair, within which an exact
eigenvalue lies, and the standard errors of what is estimated.

With --state DIR a run that is interrupted leaves its state there, and the same
command goes on from it to the same numbers; so does a search for eigenvalues
whose products did not suffice, with more of them. A run that ends well removes
the state.`,
		Example: `  ritz spectrum H.npy --top 10 --which BE
  ritz spectrum H.npy --density --plot density.svg
  ritz spectrum H.npy --top 20 --density --deflate --count 0.5,10 --state run
  ritz spectrum H.npy --target-error 0.01`,
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
	c.flags(cmd, a.check)
	cmd.Flags().StringVar(&c.tensor, "tensor", "", "array of the file, by name or pattern (default: the only one)")
	a.flags(cmd)
	return cmd
}

func runSpectrum[T device.Float](ctx context.Context, c *common, in *input, a analysis) error {
	c.takes(1.5, in) // the matrix, and blocks of vectors
	dev, err := c.open(a.state)
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
