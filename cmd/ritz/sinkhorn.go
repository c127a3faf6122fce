package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/ritz-go/ritz/cmd/ritz/picture"
	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/sinkhorn"
)

// transport are the flags of the sinkhorn command.
type transport struct {
	cost, x, y, xImage, yImage string
	a, b                       string
	p                          int
	options                    sinkhorn.Options
	method                     string
}

func newSinkhorn(c *common) *cobra.Command {
	var t transport
	cmd := &cobra.Command{
		Use:   "sinkhorn (--cost FILE | --x FILE --y FILE | --x-image FILE --y-image FILE) --eps E",
		Short: "Entropic optimal transport",
		Long: `Computes the optimal transport between two weighted sets of points, given by a
cost matrix, by points (one in each row), or by images, whose pixels are points
of the unit square weighted by their brightness.

With -o DIR it writes the potentials f.npy and g.npy and, for up to 16 million
pairs, the plan with exact marginals, plan.npy. The certificate encloses the
optimal cost without regularization between lower and upper.

An image of a stack is named by its number: images.gz[3].`,
		Example: `  ritz sinkhorn --cost C.npy --a a.npy --b b.npy --eps 0.01
  ritz sinkhorn --x X.npy --y Y.npy --p 2 --eps 0.05 -o out`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			t.options.Method = sinkhorn.Method(t.method)
			files, err := t.files()
			if err != nil {
				return err
			}
			if c.precision(files...) == "f32" {
				return runSinkhorn[float32](cmd.Context(), c, t, files)
			}
			return runSinkhorn[float64](cmd.Context(), c, t, files)
		},
	}
	c.flags(cmd, t.check, func() error {
		if !cmd.Flags().Changed("eps") {
			return usagef("--eps is missing: the regularization, in units of the cost (try 0.01 times the mean cost)")
		}
		return nil
	})
	f := cmd.Flags()
	f.StringVar(&t.cost, "cost", "", "`FILE` of the cost matrix, n×m (this or points or images)")
	f.StringVar(&t.x, "x", "", "`FILE` of points, n×d (with --y)")
	f.StringVar(&t.y, "y", "", "`FILE` of points, m×d (with --x)")
	f.StringVar(&t.xImage, "x-image", "", "`FILE` of an image whose pixels are the first set of points (with --y-image)")
	f.StringVar(&t.yImage, "y-image", "", "`FILE` of an image whose pixels are the second set of points (with --x-image)")
	f.StringVar(&t.a, "a", "", "`FILE` of the weights of the first set (default: equal)")
	f.StringVar(&t.b, "b", "", "`FILE` of the weights of the second set (default: equal)")
	f.IntVar(&t.p, "p", 2, "cost |x-y|^p between points, 1 or 2")
	f.Float64Var(&t.options.Epsilon, "eps", 0, "regularization, in units of the cost (needed)")
	f.Float64Var(&t.options.Tol, "tol", 0, "error of the marginals to reach (0: 1e-9; f32: 1e-5)")
	f.IntVar(&t.options.MaxIterations, "max-iterations", 0, "limit of iterations (0: 10000)")
	choices(cmd, &t.method, "method", "auto", "", "auto", "log", "scaling")
	return cmd
}

// check checks the flags that exclude or need each other.
func (t *transport) check() error {
	switch {
	case t.names() == nil:
		return usagef("give either --cost, or --x and --y, or --x-image and --y-image (without weights)")
	case t.p != 1 && t.p != 2:
		return usagef("--p is %d, must be 1 or 2", t.p)
	}
	return nil
}

// names returns the inputs: one cost matrix, or two sets of points or images;
// nil if the flags give something else.
func (t *transport) names() []string {
	switch {
	case t.cost != "" && t.x+t.y+t.xImage+t.yImage == "":
		return []string{t.cost}
	case t.x != "" && t.y != "" && t.cost+t.xImage+t.yImage == "":
		return []string{t.x, t.y}
	case t.xImage != "" && t.yImage != "" && t.cost+t.x+t.y+t.a+t.b == "":
		return []string{t.xImage, t.yImage}
	}
	return nil
}

// files locates the inputs.
func (t *transport) files() ([]*input, error) {
	names := t.names()
	files := make([]*input, len(names))
	for i, name := range names {
		var err error
		if files[i], err = locate(name, ""); err != nil {
			return nil, err
		}
	}
	return files, nil
}

// problem reads the inputs.
func problem[T device.Float](t transport, files []*input) (p sinkhorn.Problem[T], n, m int, err error) {
	p.P = t.p
	switch {
	case t.cost != "":
		if p.Cost, err = matrix[T](files[0]); err != nil {
			return
		}
		n, m = p.Cost.Rows, p.Cost.Cols
	case t.x != "":
		if p.X, err = matrix[T](files[0]); err != nil {
			return
		}
		if p.Y, err = matrix[T](files[1]); err != nil {
			return
		}
		n, m = p.X.Rows, p.Y.Rows
	default:
		if p.X, p.A, err = pixels[T](files[0]); err != nil {
			return
		}
		if p.Y, p.B, err = pixels[T](files[1]); err != nil {
			return
		}
		return p, p.X.Rows, p.Y.Rows, nil
	}
	if t.a != "" {
		if p.A, err = vector[T](t.a); err != nil {
			return
		}
	}
	if t.b != "" {
		p.B, err = vector[T](t.b)
	}
	return
}

// pixels turns an image into the positions of its bright pixels in the unit
// square and their share of the brightness.
func pixels[T device.Float](in *input) (points device.Dense[T], weights []T, err error) {
	a, err := array[T](in)
	if err != nil {
		return points, nil, err
	}
	shape := a.Shape
	if len(shape) == 3 && shape[0] == 1 {
		shape = shape[1:]
	}
	if len(shape) != 2 {
		return points, nil, usagef("%s has shape %v; choose one image, as in FILE[3]", in.file.Path, a.Shape)
	}
	h, w := shape[0], shape[1]
	total := 0.0
	for _, v := range a.Data {
		total += float64(v)
	}
	var xy []T
	for i := range h {
		for j := range w {
			if v := a.Data[i*w+j]; v != 0 {
				xy = append(xy, (T(j)+0.5)/T(w), 1-(T(i)+0.5)/T(h))
				weights = append(weights, T(float64(v)/total))
			}
		}
	}
	if len(weights) == 0 {
		return points, nil, fmt.Errorf("%s: the image is black: %w", in.file.Path, device.ErrEmpty)
	}
	return device.Dense[T]{Rows: len(weights), Cols: 2, Stride: 2, Data: xy}, weights, nil
}

// maxPlan is the largest plan that is written.
const maxPlan = 1 << 24

func runSinkhorn[T device.Float](ctx context.Context, c *common, t transport, files []*input) error {
	if t.cost != "" {
		c.takes(2, files...) // the costs and their kernel; points are used in tiles if they must be
	}
	dev, err := c.open()
	if err != nil {
		return err
	}
	defer dev.Close()
	p, n, m, err := problem[T](t, files)
	if err != nil {
		return err
	}
	if t.xImage != "" {
		t.options.Normalize = true // float32 weights sum to 1 but for rounding
	}
	var r *sinkhorn.Result[T]
	seconds, failure := c.timed(func() (err error) {
		r, err = sinkhorn.Solve(ctx, dev, p, t.options)
		return err
	})
	if failure != nil && !notConverged(failure) {
		return failure
	}
	out := c.begin("sinkhorn", dev, c.precision(files...), n, m)
	out.Method, out.Seconds, out.Iterations = string(r.Method), seconds, r.Iterations
	out.Cost = &r.Cost
	out.Curve, out.CurveName = r.History, "error of the marginals"
	out.Measures = map[string]float64{"objective": r.Objective, "epsilon": r.Epsilon}
	k := r.Certificate
	out.Certificate = certificate("marginal_l1", k.MarginalL1, "gap", k.Gap, "lower", k.Lower, "upper", k.Upper)
	if c.output != "" {
		if err := save(c, out, "f.npy", []int{n}, r.F); err != nil {
			return err
		}
		if err := save(c, out, "g.npy", []int{m}, r.G); err != nil {
			return err
		}
		if n*m <= maxPlan {
			plan := device.NewDense[T](n, m)
			if err := r.Plan(plan); err != nil {
				return err
			}
			if err := saveMatrix(c, out, "plan.npy", plan); err != nil {
				return err
			}
		}
	}
	return c.finish(out, func(path string) error {
		return picture.Curve(path, "Sinkhorn", "iteration", out.CurveName, out.Curve)
	}, failure)
}
