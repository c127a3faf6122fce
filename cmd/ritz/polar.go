package main

import (
	"context"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/ritz-go/ritz/cmd/ritz/picture"
	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/matio"
	"github.com/ritz-go/ritz/goapi/polar"
)

func newPolar(c *common) *cobra.Command {
	var o polar.Options
	var method string
	cmd := &cobra.Command{
		Use:   "polar FILE[:ARRAY]",
		Short: "Orthogonal polar factor (Newton–Schulz, Polar Express, SVD)",
		Long: `Computes the orthogonal polar factor Q = U Vt of A = U diag(S) Vt.

With -o FILE it writes Q as .npy, .npz, .csv or .safetensors, with -o DIR as
DIR/Q.npy. The certificate
holds the Frobenius norm of Q Qt - I and a bound of the distance to the exact
factor.`,
		Example: `  ritz polar A.npy -o Q.npy
  ritz polar G.npy --method muon --steps 5 --dtype f32`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Method = polar.Method(method)
			in, err := locate(args[0], c.tensor)
			if err != nil {
				return err
			}
			if c.precision(in) == "f32" {
				return runPolar[float32](cmd.Context(), c, in, o)
			}
			return runPolar[float64](cmd.Context(), c, in, o)
		},
	}
	c.flags(cmd)
	f := cmd.Flags()
	f.StringVar(&c.tensor, "tensor", "", "array of the file, by name or pattern (default: the only one)")
	choices(cmd, &method, "method", "auto", "", "auto", "express", "muon", "cubic", "quintic", "svd")
	f.IntVar(&o.Steps, "steps", 0, "number of steps (0: as many as the tolerance needs; muon: 5)")
	f.Float64Var(&o.Tol, "tol", 0, "‖QQᵀ-I‖ to reach (0: working accuracy)")
	f.Float64Var(&o.Lower, "lower", 0, "lower bound of the smallest over the largest singular value, for express (0: 1e-3)")
	return cmd
}

func runPolar[T device.Float](ctx context.Context, c *common, in *input, o polar.Options) error {
	dev, err := c.open()
	if err != nil {
		return err
	}
	defer dev.Close()
	a, err := matrix[T](in)
	if err != nil {
		return err
	}
	var r *polar.Result[T]
	seconds, failure := c.timed(func() (err error) {
		r, err = polar.Compute(ctx, dev, a, o)
		return err
	})
	if failure != nil && !notConverged(failure) {
		return failure
	}
	out := c.begin("polar", dev, c.precision(in), a.Rows, a.Cols)
	out.Method, out.Seconds, out.Iterations = string(r.Method), seconds, len(r.Steps)
	out.Certificate = certificate("orthogonality", r.Certificate.Orthogonality, "error_bound", r.Certificate.ErrorBound)
	if len(r.Losses) > 0 {
		out.Curve, out.CurveName = append(r.Losses, r.Certificate.Orthogonality), "distance from orthogonality"
	}
	if c.output != "" {
		if !slices.Contains([]string{".npy", ".npz", ".csv", ".safetensors"}, filepath.Ext(c.output)) { // a folder
			if err := saveMatrix(c, out, "Q.npy", r.Q); err != nil {
				return err
			}
		} else {
			if err := matio.Write(c.output, matio.Array[T]{Shape: []int{a.Rows, a.Cols}, Data: r.Q.Data}); err != nil {
				return err
			}
			out.Outputs["Q"] = c.output
		}
	}
	return c.finish(out, func(path string) error {
		return picture.Curve(path, "Newton–Schulz", "step", out.CurveName, out.Curve)
	}, failure)
}
