package main

import (
	"context"
	"math"
	"slices"

	"github.com/spf13/cobra"

	"github.com/ritz-go/ritz/cmd/ritz/picture"
	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/svd"
)

func newEigh(c *common) *cobra.Command {
	var o svd.EighOptions
	cmd := &cobra.Command{
		Use:   "eigh FILE[:ARRAY]",
		Short: "Eigenvalues and eigenvectors of symmetric matrices, one or a stack",
		Long: `Computes the eigendecomposition A = Vᵀ diag(W) V of a symmetric matrix, or of
each matrix of an array of three dimensions, count×n×n, all at once. The
eigenvalues ascend; row i of V belongs to the i-th of them.

Of one matrix --first and --last choose eigenvalues by their number from 0 on; up
to a quarter of the vectors are cheaper than all.

With -o DIR it writes W.npy and Vt.npy, of a stack with its first dimension. The
certificate holds the relative residual, the loss of orthogonality and a bound
of the error of every eigenvalue; of a stack the largest of each, the bound
relative to the largest eigenvalue of its matrix.

A matrix of a stack that is not finite or not symmetric has NaN as its results;
the error names the first one when all others are done.`,
		Example: `  ritz eigh covariance.npy -o factors
  ritz eigh laplacian.npy --last 10
  ritz eigh tensors.npy --values-only --json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			in, err := locate(args[0], c.tensor)
			if err != nil {
				return err
			}
			if c.precision(in) == "f32" {
				return runEigh[float32](cmd.Context(), c, in, o)
			}
			return runEigh[float64](cmd.Context(), c, in, o)
		},
	}
	c.flags(cmd)
	cmd.Flags().StringVar(&c.tensor, "tensor", "", "array of the file, by name or pattern (default: the only one)")
	cmd.Flags().BoolVar(&o.ValuesOnly, "values-only", false, "leave out V")
	cmd.Flags().IntVar(&o.First, "first", 0, "number of the first eigenvalue (default 0, the smallest)")
	cmd.Flags().IntVar(&o.Last, "last", 0, "number behind the last one (default: the order of the matrix)")
	return cmd
}

// eigenpairs are those of one matrix or of a stack.
type eigenpairs[T device.Float] struct {
	method      string
	values, vt  []T // vt nil: none
	certificate map[string]any
	failure     error // of some matrices of a stack
}

func runEigh[T device.Float](ctx context.Context, c *common, in *input, o svd.EighOptions) error {
	c.takes(3, in) // the matrices, copies and V
	dev, err := c.open()
	if err != nil {
		return err
	}
	defer dev.Close()
	a, err := array[T](in)
	if err != nil {
		return err
	}
	shape := a.Shape
	switch {
	case len(shape) < 2 || len(shape) > 3:
		return usagef("%s has the shape %v; a matrix or a stack of matrices is needed", in.file.Path, shape)
	case shape[len(shape)-1] != shape[len(shape)-2]:
		return usagef("%s has the shape %v; symmetric matrices are square", in.file.Path, shape)
	}
	one := len(shape) == 2
	if !one && (o.First != 0 || o.Last != 0) {
		return usagef("--first and --last are for one matrix; %s has the shape %v", in.file.Path, shape)
	}
	if one {
		m := device.Dense[T]{Rows: shape[0], Cols: shape[1], Stride: shape[1], Data: a.Data}
		// The kernels check too, but do not know the file.
		if err := device.CheckInput(in.file.Path, m); err != nil {
			return err
		}
	}
	var r *eigenpairs[T]
	seconds, err := c.timed(func() (err error) {
		if one {
			o.Seed = c.seed
			r, err = eigenpairsOf(ctx, dev, a.Data, shape[0], o)
		} else {
			r, err = eigenpairsOfStack(ctx, dev, a.Data, shape[0], shape[1], svd.EighBatchOptions{ValuesOnly: o.ValuesOnly})
		}
		return err
	})
	if err != nil {
		return err
	}
	out := c.begin("eigh", dev, c.precision(in), shape...)
	out.Method, out.Seconds, out.Certificate = r.method, seconds, r.certificate
	if r.failure == nil {
		out.Values = doubles(r.values)
	}
	if c.output != "" {
		w, vt := shape[:len(shape)-1], shape
		if one {
			w, vt = []int{len(r.values)}, []int{len(r.values), shape[1]}
		}
		if err := save(c, out, "W.npy", w, r.values); err != nil {
			return err
		}
		if r.vt != nil {
			if err := save(c, out, "Vt.npy", vt, r.vt); err != nil {
				return err
			}
		}
	}
	return c.finish(out, func(path string) error {
		return picture.Spectrum(path, "Magnitudes of the eigenvalues", "magnitude", magnitudes(out.Values))
	}, r.failure)
}

func eigenpairsOf[T device.Float](ctx context.Context, dev device.Device, a []T, n int, o svd.EighOptions) (*eigenpairs[T], error) {
	r, err := svd.Eigh(ctx, dev, device.Dense[T]{Rows: n, Cols: n, Stride: n, Data: a}, o)
	if err != nil {
		return nil, err
	}
	k := r.Certificate
	return &eigenpairs[T]{string(r.Method), r.Values, r.Vt.Data,
		certificate("residual", k.Residual, "orthogonality", k.Orthogonality, "error_bound", k.ErrorBound), nil}, nil
}

func eigenpairsOfStack[T device.Float](ctx context.Context, dev device.Device, a []T, count, n int, o svd.EighBatchOptions) (*eigenpairs[T], error) {
	r, err := svd.EighBatch(ctx, dev, a, count, n, o)
	if err != nil {
		return nil, err
	}
	k := r.Certificate
	return &eigenpairs[T]{"batch", r.Values, r.Vt,
		certificate("residual", k.Residual, "orthogonality", k.Orthogonality, "relative_error_bound", k.ErrorBound), r.Err()}, nil
}

// magnitudes returns those of x in descending order.
func magnitudes(x []float64) []float64 {
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = -math.Abs(v)
	}
	slices.Sort(y)
	for i, v := range y {
		y[i] = -v
	}
	return y
}
