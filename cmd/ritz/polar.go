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
	var method, form, batch, precision string
	var coefficients bool
	cmd := &cobra.Command{
		Use:   "polar FILE[:ARRAY]",
		Short: "Orthogonal polar factor (Newton–Schulz, Polar Express, Halley, SVD)",
		Long: `Computes the orthogonal polar factor Q = U Vt of A = U diag(S) Vt.

With -o FILE it writes Q as .npy, .npz, .csv or .safetensors, with -o DIR as
DIR/Q.npy. The certificate
holds the Frobenius norm of Q Qt - I and a bound of the distance to the exact
factor. --error asks for a factor with such a bound instead of working accuracy;
auto then takes the fewest operations that lead there.

--batch GLOB takes all matrices of the file whose names match, prints a table
and, with -o FILE.safetensors or FILE.npz, writes their factors under the same
names.

--coefficients prints the steps of a method for singular values in [--lower,1],
with the largest distance to 1 that they leave; no file is read. With --plot it
draws this error over the steps for all methods.`,
		Example: `  ritz polar A.npy -o Q.npy
  ritz polar G.npy --method muon --steps 5 --dtype f32
  ritz polar A.npy --error 1e-3
  ritz polar model.safetensors --batch '*weight' --method muon -o orthogonal.safetensors
  ritz polar --coefficients --lower 1e-3
  ritz polar --coefficients --lower 1e-2 --plot error.svg`,
		Args: func(cmd *cobra.Command, args []string) error {
			if coefficients {
				return cobra.NoArgs(cmd, args)
			}
			return cobra.ExactArgs(1)(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Method, o.Form = polar.Method(method), polar.Form(form)
			for p := range device.FP16 + 1 {
				if p.String() == precision {
					o.Precision = p
				}
			}
			if coefficients {
				return runCoefficients(c, o)
			}
			if batch != "" {
				return runFactors(cmd.Context(), c, args[0], batch, o)
			}
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
	choices(cmd, &method, "method", "auto", "", "auto", "express", "muon", "you", "dion", "turbo", "cans", "prism",
		"cubic", "quintic", "minimax", "halley", "qdwh", "newton", "svd")
	choices(cmd, &form, "form", "auto", "how steps are multiplied out:", "auto", "standard", "gram")
	choices(cmd, &precision, "precision", "exact", "of f32 in the products of a fixed number of steps, on a GPU or a CPU with bfloat16:", "exact", "tf32", "bf16", "fp16")
	f.IntVar(&o.Steps, "steps", 0, "number of steps (0: as many as the error needs; muon, you, dion: 5; turbo: 4)")
	f.IntSliceVar(&o.Restarts, "restarts", nil, "`STEPS` after which the Gram form multiplies out (default: chosen for accuracy)")
	f.Float64Var(&o.Error, "error", 0, "distance to the exact factor to reach (0: working accuracy)")
	f.Float64Var(&o.Tol, "tol", 0, "‖QQᵀ-I‖ to reach (0: working accuracy)")
	f.Float64Var(&o.Lower, "lower", 0, "lower bound of the smallest over the largest singular value (0: estimated, or 1e-3 for express and cans)")
	f.StringVar(&batch, "batch", "", "factors of all matrices of the file whose names match this `GLOB` (default: none)")
	f.BoolVar(&coefficients, "coefficients", false, "print the coefficients of the steps")
	return cmd
}

func runPolar[T device.Float](ctx context.Context, c *common, in *input, o polar.Options) error {
	c.takes(6, in) // the matrix, two iterates, the factor, and up to two on the smaller side
	c.toFile = slices.Contains([]string{".npy", ".npz", ".csv", ".safetensors"}, filepath.Ext(c.output))
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
	out.Method, out.Seconds, out.Iterations = string(r.Method), seconds, r.Iterations
	out.Certificate = certificate("orthogonality", r.Certificate.Orthogonality, "error_bound", r.Certificate.ErrorBound)
	out.Form = string(r.Form)
	if len(r.Losses) > 0 {
		out.Curve, out.CurveName = append(r.Losses, r.Certificate.Orthogonality), "distance from orthogonality"
	}
	if c.output != "" {
		if !c.toFile {
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
