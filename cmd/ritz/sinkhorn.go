package main

import (
	"context"
	"math"

	"github.com/spf13/cobra"

	"github.com/ritz-go/ritz/cmd/ritz/picture"
	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/sinkhorn"
)

// transport are the flags of the sinkhorn command.
type transport struct {
	cost, x, y, xImage, yImage string
	a, b                       string
	costFn                     string
	p                          float64
	options                    sinkhorn.Options
	method                     string
	exact, divergence, sparse  bool
	unbalanced                 []float64
	partial                    float64
	rank                       int
	gromov                     bool
	alpha                      float64
	xCost, yCost               string
	barycenter, weights        string
	debiased                   bool
}

func newSinkhorn(c *common) *cobra.Command {
	var t transport
	cmd := &cobra.Command{
		Use:   "sinkhorn (--cost FILE | --x FILE --y FILE | --x-image FILE --y-image FILE | --barycenter FILE) (--eps E | --exact | --rank R)",
		Short: "Optimal transport, entropic or exact",
		Long: `Computes the optimal transport between two weighted sets of points, given by a
cost matrix (in which inf forbids a pair), by points (one in each row), or by
images, whose pixels are points of the unit square weighted by their brightness.

The transport is regularized by --eps, or exact; it may be --unbalanced, with a
penalty on the marginals instead of equality, or --partial, of some of the mass.
--divergence subtracts the bias that the regularization has. --rank looks for the
best plan of a low rank instead, whose time and memory grow with the number of
points, not of pairs: it writes its factors Q.npy, R.npy and G.npy, with the plan
Q diag(1/G) R'.

With -o DIR it writes the potentials f.npy and g.npy and, for up to 16 million
pairs, the plan, plan.npy; with --sparse-plan the entries of the plan that
matter, entries.npy, each with its row, its column and its mass. The certificate
encloses the optimal cost without regularization between lower and upper.
--plot draws the moves between points of the plane, otherwise the error of the
marginals over the iterations.

--gromov couples two spaces whose points cannot be compared with each other (the
entropic Gromov-Wasserstein coupling): points of any two dimensions, or the two
matrices of costs within the spaces as --x-cost and --y-cost. Costs between the
spaces, as --cost, make it the fused coupling.

--barycenter finds the measure nearest to those of a stack of images, or to
those in the rows of a matrix if --cost gives the costs between their points,
and writes barycenter.npy.

Bright images of many pixels are transported as grids, whose costs are never
formed (--p 2, neither --exact nor one of its alternatives); their potentials are
then those of all pixels, the black ones included.

An image is a PNG file or one of a stack, named by its number: images.gz[3].`,
		Example: `  ritz sinkhorn --cost C.npy --a a.npy --b b.npy --eps 0.01
  ritz sinkhorn --x X.npy --y Y.npy --p 2 --eps 0.05 -o out
  ritz sinkhorn --x X.npy --y Y.npy --exact --sparse-plan -o out
  ritz sinkhorn --x-image a.png --y-image b.png --eps 0.001 --plot moves.png
  ritz sinkhorn --gromov --x X.npy --y Y.npy --eps 0.01 -o out
  ritz sinkhorn --barycenter images.gz[0:5] --eps 0.001 --debiased -o out`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			t.options.Method = sinkhorn.Method(t.method)
			switch {
			case t.barycenter != "":
				return barycenter(cmd.Context(), c, t)
			case t.gromov:
				return gromov(cmd.Context(), c, t)
			}
			files, err := t.files()
			if err != nil {
				return err
			}
			if t.cost != "" {
				c.takes(2, files...) // the costs and their kernel; points are used in tiles if they must be
			}
			if c.precision(files...) == "f32" {
				return runSinkhorn[float32](cmd.Context(), c, t, "f32")
			}
			return runSinkhorn[float64](cmd.Context(), c, t, "f64")
		},
	}
	c.flags(cmd, t.check, func() error {
		if !cmd.Flags().Changed("eps") && !t.exact && t.rank == 0 {
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
	choices(cmd, &t.costFn, "cost-fn", "power", "cost between points: power |x-y|^p, inner -<x,y>, cosine 1-cos:", "power", "inner", "cosine")
	f.Float64Var(&t.p, "p", 2, "exponent of the cost |x-y|^p between points, positive")
	f.Float64Var(&t.options.Epsilon, "eps", 0, "regularization, in units of the cost (needed unless --exact or --rank)")
	f.Float64Var(&t.options.Tol, "tol", 0, "error of the marginals to reach (0: 1e-9; f32: 1e-5)")
	f.IntVar(&t.options.MaxIterations, "max-iterations", 0, "limit of iterations (0: 10000)")
	choices(cmd, &t.method, "method", "auto", "", "auto", "log", "scaling")
	f.BoolVar(&t.exact, "exact", false, "no regularization: network simplex, or sorting on the line")
	f.IntVar(&t.rank, "rank", 0, "the best plan of this nonnegative rank instead of regularization (0: any rank)")
	f.BoolVar(&t.gromov, "gromov", false, "Gromov-Wasserstein coupling of two spaces")
	f.StringVar(&t.xCost, "x-cost", "", "`FILE` of the costs within the first space (with --gromov, instead of --x)")
	f.StringVar(&t.yCost, "y-cost", "", "`FILE` of the costs within the second space (with --gromov, instead of --y)")
	f.Float64Var(&t.alpha, "alpha", 0, "share of the costs within the spaces, with --gromov and --cost (0: 0.5)")
	f.BoolVar(&t.divergence, "divergence", false, "Sinkhorn divergence between points")
	f.BoolVar(&t.options.Normalize, "normalize", false, "scale the weights of both sets to the sum 1; otherwise sums that differ are an error")
	f.Float64SliceVar(&t.unbalanced, "unbalanced", nil, "penalty `RHO` of both marginals, or RHO,RHO with 0 for a constraint")
	f.Float64Var(&t.partial, "partial", 0, "transport this much of the mass (0: all)")
	f.StringVar(&t.barycenter, "barycenter", "", "`FILE` of a stack of images, or of measures in rows (with --cost)")
	f.StringVar(&t.weights, "weights", "", "`FILE` of the weights of the measures of --barycenter (default: equal)")
	f.BoolVar(&t.debiased, "debiased", false, "take the blur of the regularization out of the barycenter")
	f.BoolVar(&t.sparse, "sparse-plan", false, "write the entries of the plan instead of the matrix")
	return cmd
}

// check checks the flags that exclude or need each other.
func (t *transport) check() error {
	kinds := 0
	for _, chosen := range []bool{t.exact, t.divergence, len(t.unbalanced) > 0, t.partial != 0, t.barycenter != "", t.rank != 0, t.gromov} {
		if chosen {
			kinds++
		}
	}
	switch {
	case kinds > 1:
		return usagef("--exact, --rank, --divergence, --unbalanced, --partial, --barycenter and --gromov exclude each other")
	case t.barycenter == "" && (t.weights != "" || t.debiased):
		return usagef("--weights and --debiased go with --barycenter")
	case t.barycenter != "" && t.x+t.y+t.xImage+t.yImage+t.a+t.b != "":
		return usagef("--barycenter goes with no other input than --cost and --weights")
	case t.barycenter != "":
		return nil
	case t.gromov && ((t.x == "") == (t.xCost == "") || (t.y == "") == (t.yCost == "") || t.xImage+t.yImage != ""):
		return usagef("--gromov needs one of --x and --x-cost and one of --y and --y-cost")
	case t.gromov:
		return nil
	case t.xCost+t.yCost != "" || t.alpha != 0:
		return usagef("--x-cost, --y-cost and --alpha go with --gromov")
	case t.names() == nil:
		return usagef("give either --cost, or --x and --y, or --x-image and --y-image (without weights)")
	case !(t.p > 0) || t.p > 64:
		return usagef("--p is %v, must be positive and at most 64", t.p)
	case len(t.unbalanced) > 2:
		return usagef("--unbalanced has %d values, must have one or two", len(t.unbalanced))
	case t.divergence && t.cost != "":
		return usagef("--divergence needs points or images")
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

// files locates the inputs but PNG files, whose numbers fit float32.
func (t *transport) files() ([]*input, error) {
	var files []*input
	for _, name := range t.names() {
		if isPhotograph(name) {
			continue
		}
		in, err := locate(name, "")
		if err != nil {
			return nil, err
		}
		files = append(files, in)
	}
	return files, nil
}

// costs reads a cost matrix, in which inf stands for a forbidden pair.
func costs[T device.Float](name string) (device.Dense[T], error) {
	in, err := locate(name, "")
	if err != nil {
		return device.Dense[T]{}, err
	}
	a, err := array[T](in)
	if err != nil {
		return device.Dense[T]{}, err
	}
	rows, cols, data := a.Matrix()
	m := device.Dense[T]{Rows: rows, Cols: cols, Stride: cols, Data: data}
	for _, v := range data {
		if math.IsInf(float64(v), 1) {
			return m, nil // the solver looks for what is no cost
		}
	}
	return m, device.CheckInput(in.file.Path, m)
}

// read reads points, which the solver may see as those of a source.
func read[T device.Float](name string) (device.Dense[T], error) {
	in, err := locate(name, "")
	if err != nil {
		return device.Dense[T]{}, err
	}
	return matrix[T](in)
}

// problem reads the inputs; x and y are the points, if there are any.
func problem[T device.Float](t transport) (p sinkhorn.Problem[T], x, y device.Dense[T], err error) {
	switch {
	case t.cost != "":
		if p.Cost, err = costs[T](t.cost); err != nil {
			return
		}
	case t.x != "":
		if x, err = read[T](t.x); err != nil {
			return
		}
		if y, err = read[T](t.y); err != nil {
			return
		}
	default:
		if x, p.A, err = pixels[T](t.xImage); err != nil {
			return
		}
		if y, p.B, err = pixels[T](t.yImage); err != nil {
			return
		}
	}
	switch {
	case t.cost != "":
	case t.grids() && x.Rows > gridPairs/y.Rows:
		var u, v [][]float64
		if u, p.A, err = grid[T](t.xImage); err != nil {
			return
		}
		if v, p.B, err = grid[T](t.yImage); err != nil {
			return
		}
		p.Source = sinkhorn.Grid[T](u, v, 2)
	case t.costFn == "inner":
		p.Source = sinkhorn.InnerProduct(x, y)
	case t.costFn == "cosine":
		p.Source = sinkhorn.Cosine(x, y)
	case t.p == 1 || t.p == 2:
		p.X, p.Y, p.P = x, y, int(t.p)
	default:
		p.Source = sinkhorn.Power(x, y, t.p)
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

// gridPairs is the number of pairs of bright pixels from which on whole images
// are faster as grids.
const gridPairs = 1 << 22

// grids reports whether the problem is one of those that grids are faster for.
func (t *transport) grids() bool {
	return t.xImage != "" && t.costFn == "power" && t.p == 2 && t.method != "scaling" &&
		!t.exact && !t.divergence && len(t.unbalanced) == 0 && t.partial == 0 && t.rank == 0
}

// maxPlan is the largest plan that is written.
const maxPlan = 1 << 24

func runSinkhorn[T device.Float](ctx context.Context, c *common, t transport, dtype string) error {
	dev, err := c.open()
	if err != nil {
		return err
	}
	defer dev.Close()
	p, x, y, err := problem[T](t)
	if err != nil {
		return err
	}
	if t.xImage != "" {
		t.options.Normalize = true // float32 weights sum to 1 but for rounding
	}
	var s solved[T]
	seconds, failure := c.timed(func() (err error) {
		s, err = solve(ctx, dev, &t, c.seed, p)
		return err
	})
	if failure != nil && !notConverged(failure) {
		return failure
	}
	n, m := s.n, s.m
	out := c.begin("sinkhorn", dev, dtype, n, m)
	out.Method, out.Seconds, out.Iterations = s.method, seconds, s.iterations
	out.Cost, out.Measures, out.Certificate = &s.cost, s.measures, s.certificate
	out.Curve, out.CurveName = s.history, "error of the marginals"
	if s.lowRank != nil {
		out.CurveName = "cost"
	}
	if c.output != "" {
		if err := s.save(c, out, t.sparse); err != nil {
			return err
		}
	}
	return c.finish(out, func(path string) error {
		if x.Cols != 2 || n*m > maxPlan {
			return picture.Curve(path, "Sinkhorn", "iteration", out.CurveName, out.Curve)
		}
		entries, err := s.entries()
		if err != nil {
			return err
		}
		moves := make([]picture.Move, len(entries))
		for k, e := range entries {
			moves[k] = picture.Move{I: e.I, J: e.J, Mass: float64(e.Mass)}
		}
		return picture.Transport(path, "Optimal transport", plane(x), plane(y), shares(p.A, n), shares(p.B, m), moves)
	}, failure)
}

// plane returns points of the plane for a picture.
func plane[T device.Float](x device.Dense[T]) [][2]float64 {
	at := make([][2]float64, x.Rows)
	for i := range at {
		at[i] = [2]float64{float64(x.At(i, 0)), float64(x.At(i, 1))}
	}
	return at
}

// shares returns weights, equal ones for none.
func shares[T device.Float](w []T, n int) []float64 {
	if w != nil {
		return doubles(w)
	}
	s := make([]float64, n)
	for i := range s {
		s[i] = 1 / float64(n)
	}
	return s
}
