package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/ritz-go/ritz/cmd/ritz/picture"
	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/svd"
)

func newSVD(c *common) *cobra.Command {
	var o svd.Options
	var method, vectors, batch string
	var stats, valuesOnly bool
	var memory budget
	cmd := &cobra.Command{
		Use:   "svd FILE[:ARRAY]",
		Short: "Singular value decomposition",
		Long: `Computes the thin singular value decomposition A = U diag(S) Vt.

With -o DIR it writes U.npy, S.npy and Vt.npy. The certificate holds the
relative residual, bounds of the loss of orthogonality of U and V, and a bound
of the error of every singular value.

--method names the algorithm: full takes the fastest of direct (LAPACK), gram
(eigenvectors of the Gram matrix) and tall (QR first); jacobi gives singular
values that are accurate relative to themselves where rows or columns are of
very different sizes, and its certificate a relative bound; polar goes through
the polar decomposition; randomized and lanczos compute the --rank largest. A
method that fails is followed by the next one. --vectors left or right leaves
out the other side.

--tol asks for as many singular values as the relative error of the
approximation needs, instead of --rank.

With --memory, an array larger than that is never read as a whole but by rows,
--power-iterations + 1 times (without it: three), or once with --method
single-pass. Such an array must be binary and row-major: .npy, .npz,
safetensors or IDX.

--stats adds what can be read off all singular values: numerical, stable and
effective rank, condition, norms and the exponent of a power law. --batch
GLOB prints them in a table for all matrices of the file whose names match; a
picture then shows all spectra.`,
		Example: `  ritz svd A.npy --rank 50 -o factors
  ritz svd A.npy --tol 1e-3
  ritz svd huge.npy --rank 20 --memory 2GiB -o factors
  ritz svd model.safetensors --batch '*' --plot spectra.svg
  ritz svd weights.safetensors --tensor 'layer.3.*' --values-only --plot spectrum.svg`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Method, o.Vectors, o.Seed = svd.Method(method), svd.Vectors(vectors), c.seed
			if valuesOnly {
				if cmd.Flags().Changed("vectors") && o.Vectors != svd.None {
					return usagef("--values-only contradicts --vectors %s", vectors)
				}
				o.Vectors = svd.None
			}
			if (stats || batch != "") && (o.Rank != 0 || o.Tol != 0) {
				return usagef("--stats and --batch need all singular values; leave out --rank and --tol")
			}
			if batch != "" {
				return runSpectra(cmd.Context(), c, args[0], batch, o)
			}
			in, err := locate(args[0], c.tensor)
			if err != nil {
				return err
			}
			if c.precision(in) == "f32" {
				return runSVD[float32](cmd.Context(), c, in, o, memory, stats)
			}
			return runSVD[float64](cmd.Context(), c, in, o, memory, stats)
		},
	}
	c.flags(cmd)
	f := cmd.Flags()
	f.StringVar(&c.tensor, "tensor", "", "array of the file, by name or pattern (default: the only one)")
	f.IntVar(&o.Rank, "rank", 0, "number of singular values (0: all)")
	f.Float64Var(&o.Tol, "tol", 0, "relative error to reach, in the Frobenius norm (0: by --rank)")
	f.Var(&memory, "memory", "read larger arrays by rows, within this `SIZE` (default: all arrays at once)")
	choices(cmd, &method, "method", "auto", "", "auto", "full", "direct", "gram", "tall", "jacobi", "polar", "randomized", "lanczos", "single-pass")
	choices(cmd, &vectors, "vectors", "both", "vectors to compute:", "both", "left", "right", "none")
	f.BoolVar(&valuesOnly, "values-only", false, "leave out U and Vt, like --vectors none")
	f.IntVar(&o.PowerIterations, "power-iterations", 0, "block Krylov steps of randomized (0: 3)")
	f.IntVar(&o.Oversampling, "oversampling", 0, "additional vectors of randomized (0: 10)")
	f.BoolVar(&stats, "stats", false, "ranks, norms, condition and power law of all singular values")
	f.StringVar(&batch, "batch", "", "table of these for the matrices of the file whose names match this `GLOB` (default: none)")
	return cmd
}

func runSVD[T device.Float](ctx context.Context, c *common, in *input, o svd.Options, memory budget, stats bool) error {
	c.takes(4, in) // the matrix, a copy, U and Vt
	if memory > 0 {
		c.memory = min(c.memory, uint64(memory))
	}
	dev, err := c.open()
	if err != nil {
		return err
	}
	defer dev.Close()
	r, err := decompose[T](ctx, c, dev, in, o, memory)
	if err != nil {
		return err
	}
	out := c.begin("svd", dev, c.precision(in), r.rows, r.cols)
	out.Method, out.Seconds, out.Values = string(r.Method), r.seconds, doubles(r.S)
	k := r.Certificate
	out.Certificate = certificate("residual", k.Residual, "orthogonality_u", k.OrthogonalityU,
		"orthogonality_v", k.OrthogonalityV, "error_bound", k.ErrorBound)
	if k.RelativeBound > 0 {
		out.Certificate["relative_bound"] = k.RelativeBound
	}
	if stats {
		p, err := svd.NewSpectrum(r.S, r.rows, r.cols)
		if err != nil {
			return err
		}
		out.Measures = summarize(p).measures()
	}
	if c.output != "" {
		if err := save(c, out, "S.npy", []int{len(r.S)}, r.S); err != nil {
			return err
		}
		if len(r.U.Data) > 0 {
			if err := saveMatrix(c, out, "U.npy", r.U); err != nil {
				return err
			}
		}
		if len(r.Vt.Data) > 0 {
			if err := saveMatrix(c, out, "Vt.npy", r.Vt); err != nil {
				return err
			}
		}
	}
	return c.finish(out, func(path string) error {
		return picture.Spectrum(path, "Singular values", "singular value", out.Values)
	}, nil)
}
