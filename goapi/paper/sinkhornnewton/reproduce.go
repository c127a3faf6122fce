package sinkhornnewton

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/paper"
	"github.com/ritz-go/ritz/goapi/sinkhorn"
)

// The paper's regularisation, and what stands for machine accuracy of the
// marginals here.
const (
	eta       = 1200
	accuracy  = 1e-12
	plainMost = 60000 // iterations of plain Sinkhorn, at most
)

// instance is a row of the paper's Table 1.
type instance struct {
	name    string
	problem sinkhorn.Problem[float64]
	first   int // N₁
	// Seconds and iterations of the paper: Newton's with Sinkhorn's before
	// them, and Sinkhorn's alone.
	newtonSeconds, newtonSteps, plainSeconds, plainSteps float64
}

// Reproduce runs Table 1 of the paper: random assignment with n = 500, and two
// images of digits with squared Euclidean and with L1 costs, η = 1200. The
// images need the data of o. With o.Full plain Sinkhorn may take 600,000
// iterations in place of 60,000, and there are three problems of each kind.
func Reproduce(ctx context.Context, dev device.Device, o paper.Options) (*paper.Reproduction, error) {
	instances, err := table1(o)
	if err != nil {
		return nil, err
	}
	r := &paper.Reproduction{
		Name:   "sinkhorn-newton",
		Title:  "Accelerating Sinkhorn algorithm with sparse Newton iterations",
		Source: "X. Tang, M. Shavlovsky, H. Rahmanian, E. Tardini, K. K. Thekumparampil, T. Xiao, L. Ying, ICLR 2024, arXiv 2401.12253",
		Setup: fmt.Sprintf("η = %d, to an L1 error %g of the marginals. N₁ plain iterations come first; then Newton's steps with elements of the "+
			"plan chosen by mass. Plain Sinkhorn is our own scaling iteration with ω = 1. Published times are of Python on an Apple M1 Pro.", eta, accuracy),
	}
	table := paper.Table{Title: "Table 1: to machine accuracy", Columns: []string{"problem", "SNS s", "SNS iterations", "Newton steps", "Sinkhorn s", "Sinkhorn iterations",
		"automatic s", "automatic iterations", "⟨C,P⟩"}}
	var runs []*comparison
	for k, in := range instances {
		o.Report(k, len(instances), in.name)
		c, err := compare(ctx, dev, in, o.Full)
		if err != nil {
			return nil, err
		}
		runs = append(runs, c)
		table.Rows = append(table.Rows, c.row())
	}
	o.Report(len(instances), len(instances), "done")
	r.Tables = []paper.Table{table}
	sparsity, err := approximateSparsity(ctx, dev)
	if err != nil {
		return nil, err
	}
	r.Tables = append(r.Tables, sparsity.table())
	r.Claims = claims(runs, sparsity)
	r.Charts = []paper.Chart{convergence(runs[0])}
	return r, nil
}

// table1 makes the problems.
func table1(o paper.Options) ([]instance, error) {
	train, _, err := paper.Digits[float64](o)
	if err != nil {
		return nil, err
	}
	each := 1
	if o.Full {
		each = 3
	}
	var list []instance
	for k := range each {
		list = append(list, instance{fmt.Sprintf("random assignment %d", k+1), Assignment(uint32(o.Seed)+uint32(k)+1, 500), 20, .34, 29, 233.4, 56199})
	}
	for _, g := range []struct {
		name  string
		cost  Ground
		first int
		paper [4]float64
	}{{"digits, squared L2", SquaredL2, 20, [4]float64{2.33, 53, 18.84, 2041}}, {"digits, L1", L1, 20, [4]float64{12.2, 777, 45.8, 5748}}} {
		for k := range each {
			p, err := Images(train.X.Row(2*k), train.X.Row(2*k+1), 28, g.cost)
			if err != nil {
				return nil, err
			}
			list = append(list, instance{fmt.Sprintf("%s %d", g.name, k+1), p, g.first, g.paper[0], g.paper[1], g.paper[2], g.paper[3]})
		}
	}
	return list, nil
}

// comparison holds what became of one problem.
type comparison struct {
	instance
	newton, plain, auto timed
}

type timed struct {
	*sinkhorn.Result[float64]
	seconds float64
}

func compare(ctx context.Context, dev device.Device, in instance, full bool) (*comparison, error) {
	c := &comparison{instance: in}
	most := plainMost
	if full {
		most *= 10
	}
	var err error
	if c.newton, err = run(ctx, dev, in.problem, Options(in.first)); err != nil {
		return nil, err
	}
	if c.auto, err = run(ctx, dev, in.problem, sinkhorn.Options{Epsilon: 1. / eta, Tol: accuracy}); err != nil {
		return nil, err
	}
	// Zeros as a start: no larger ε first.
	p := in.problem
	p.Warm = make([]float64, p.Cost.Cols)
	c.plain, err = run(ctx, dev, p, sinkhorn.Options{Epsilon: 1. / eta, Tol: accuracy, Method: sinkhorn.Scaling, Relaxation: 1, MaxIterations: most})
	return c, err
}

// Options are those of the paper's method at η = 1200: so many plain
// iterations, then Newton's steps to an error of 1e-12.
func Options(first int) sinkhorn.Options {
	return sinkhorn.Options{Epsilon: 1. / eta, Tol: accuracy, Method: sinkhorn.Newton, Relaxation: 1, Newton: sinkhorn.NewtonOptions{After: first}}
}

// run solves a problem, and takes the best iterate of one that does not
// converge.
func run(ctx context.Context, dev device.Device, p sinkhorn.Problem[float64], o sinkhorn.Options) (timed, error) {
	start := time.Now()
	r, err := sinkhorn.Solve(ctx, dev, p, o)
	if errors.Is(err, device.ErrNotConverged) {
		err = nil
	}
	return timed{r, time.Since(start).Seconds()}, err
}

func (c *comparison) row() paper.Row {
	return paper.Row{Name: c.name, Cells: []paper.Cell{
		paper.Figure(c.newton.seconds).Beside(c.newtonSeconds),
		paper.Figure(float64(c.newton.Iterations)).Beside(c.newtonSteps),
		paper.Figure(float64(len(c.newton.Newton))).Beside(c.newtonSteps - float64(c.paperFirst())),
		paper.Figure(c.plain.seconds).Beside(c.plainSeconds),
		paper.Figure(float64(c.plain.Iterations)).Beside(c.plainSteps),
		paper.Figure(c.auto.seconds),
		paper.Figure(float64(c.auto.Iterations)),
		paper.Figure(c.newton.Cost),
	}}
}

// paperFirst is N₁ of the paper, which lets Sinkhorn go on longer before L1.
func (c *comparison) paperFirst() int {
	if c.newtonSteps > 700 {
		return 700
	}
	return c.first
}

// sparsity is the mass of the largest elements of a plan after 20 iterations.
type sparsity struct {
	multiples []int // of n: numbers of elements
	mass      []float64
}

func approximateSparsity(ctx context.Context, dev device.Device) (*sparsity, error) {
	const n = 500
	p := Assignment(1, n)
	p.Warm = make([]float64, n)
	// The iteration ends with the potentials of the rows: one more gives the
	// plan after those of the columns.
	r, err := run(ctx, dev, p, sinkhorn.Options{Epsilon: 1. / eta, Method: sinkhorn.Log, Relaxation: 1, MaxIterations: 21})
	if err != nil {
		return nil, err
	}
	plan := device.NewDense[float64](n, n)
	if err := r.RawPlan(plan); err != nil {
		return nil, err
	}
	slices.Sort(plan.Data)
	s := &sparsity{multiples: []int{2, 3, 5, 15}}
	sum, k := 0.0, 0
	for _, m := range s.multiples {
		for ; k < m*n; k++ {
			sum += plan.Data[n*n-1-k]
		}
		s.mass = append(s.mass, sum)
	}
	return s, nil
}

func (s *sparsity) table() paper.Table {
	t := paper.Table{Title: "Mass of the largest elements of the plan of random assignment 1 after 20 iterations", Columns: []string{"elements", "mass"}}
	for k, m := range s.multiples {
		t.Rows = append(t.Rows, paper.Row{Name: fmt.Sprintf("%d·n", m), Cells: []paper.Cell{paper.Figure(s.mass[k])}})
	}
	return t
}

func claims(runs []*comparison, s *sparsity) []paper.Claim {
	fewer := paper.Claim{Statement: "Newton's steps with a sparse Hessian reach machine accuracy in orders of magnitude fewer iterations than Sinkhorn's", Where: "Table 1", Holds: true}
	faster := paper.Claim{Statement: "and in less time", Where: "Table 1", Holds: true}
	superlinear := paper.Claim{Statement: "Convergence is superlinear in the second stage", Where: "Section 5", Holds: true}
	for _, c := range runs {
		ratio := float64(c.plain.Iterations) / float64(c.newton.Iterations)
		fewer.Holds = fewer.Holds && c.newton.Converged && ratio > 10
		fewer.Figures += fmt.Sprintf("%s %.0f× fewer; ", c.name, ratio)
		gain := c.plain.seconds / c.newton.seconds
		faster.Holds = faster.Holds && gain > 1
		faster.Figures += fmt.Sprintf("%s %.3g×; ", c.name, gain)
		_, last := c.lastErrors()
		superlinear.Holds = superlinear.Holds && last < 1e-2
		superlinear.Figures += fmt.Sprintf("%s: the last step divides the error by %.2g; ", c.name, 1/last)
	}
	return []paper.Claim{fewer, faster, superlinear, {
		Statement: "After a few iterations the plan is approximately sparse", Where: "Theorem 1",
		Holds: s.mass[1] > .95, Figures: fmt.Sprintf("3n of n² elements hold %.5f of the mass after 20 iterations", s.mass[1]),
	}}
}

// lastErrors returns the error before the last step and what the step
// multiplied it by.
func (c *comparison) lastErrors() (before, factor float64) {
	h := c.newton.History
	if len(h) < 2 {
		return 0, 0
	}
	return h[len(h)-2], h[len(h)-1] / h[len(h)-2]
}

func convergence(c *comparison) paper.Chart {
	chart := paper.Chart{Title: "L1 error of the marginals, " + c.name, X: "iteration", Y: "error", LogX: true, LogY: true}
	for _, s := range []struct {
		name string
		t    timed
	}{{"Sinkhorn–Newton–Sparse", c.newton}, {"automatic", c.auto}, {"plain Sinkhorn", c.plain}} {
		line := paper.Series{Name: s.name}
		for k, e := range s.t.History {
			if k < 100 || k%(len(s.t.History)/400+1) == 0 {
				line.X, line.Y = append(line.X, float64(k+1)), append(line.Y, max(e, 1e-16))
			}
		}
		chart.Series = append(chart.Series, line)
	}
	return chart
}
