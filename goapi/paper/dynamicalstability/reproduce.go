package dynamicalstability

import (
	"context"
	"fmt"

	"gonum.org/v1/gonum/floats"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/paper"
	"github.com/ritz-go/ritz/goapi/rng"
)

// Sparse regression with a diagonal network, as in the paper's experiments: 60
// samples of 100 features, of which five matter.
const (
	samples  = 60
	features = 100
	sparsity = 5
	start    = 0.6 // of every parameter
)

// sgdSteps and gdSteps are the step sizes of the runs with single samples and
// of gradient descent.
var (
	sgdSteps = []float64{0.001, 0.006, 0.007, 0.008, 0.01}
	gdSteps  = []float64{0.02, 0.06, 0.12, 0.16}
)

// Reproduce runs SGD and gradient descent with several step sizes on sparse
// regression with a diagonal network and compares the curvature of the minima
// with the thresholds; it also holds the trace of a two-layer ReLU network
// against its path norm. It reads no data.
func Reproduce(ctx context.Context, dev device.Device, o paper.Options) (*paper.Reproduction, error) {
	seeds := 3
	if o.Full {
		seeds = 10
	}
	r := &paper.Reproduction{
		Name:   "dynamical-stability",
		Title:  "The implicit regularization of dynamical stability in stochastic gradient descent",
		Source: "L. Wu, W. J. Su, ICML 2023, arXiv 2305.17490",
		Setup: fmt.Sprintf("Diagonal network with %d features, %d samples x ~ N(0,I), targets of %d features, all parameters %g at the start, "+
			"mean of %d seeds. The paper states bounds, not these figures.", features, samples, sparsity, start, seeds),
	}
	runs := paper.Table{Title: "Where descent ends", Columns: []string{"method", "η", "converged", "tr H", "2/η", "‖H‖_F", "λ_max", "exact threshold", "test error"}}
	total := (len(sgdSteps) + len(gdSteps)) * seeds
	done := 0
	study := func(name string, batch int, step float64) (*group, error) {
		g := &group{η: step}
		for s := range seeds {
			o.Report(done, total, fmt.Sprintf("%s η = %g, seed %d", name, step, s))
			if err := g.add(ctx, dev, o.Seed+uint64(s), batch, step); err != nil {
				return nil, err
			}
			done++
		}
		runs.Rows = append(runs.Rows, g.row(name))
		return g, nil
	}
	var sgd, gd []*group
	for _, η := range sgdSteps {
		g, err := study("SGD, B = 1", 1, η)
		if err != nil {
			return nil, err
		}
		sgd = append(sgd, g)
	}
	for _, η := range gdSteps {
		g, err := study("gradient descent", samples, η)
		if err != nil {
			return nil, err
		}
		gd = append(gd, g)
	}
	o.Report(total, total, "done")
	r.Tables = append(r.Tables, runs)
	r.Claims = claims(sgd, gd)
	r.Charts = []paper.Chart{traceChart("SGD with single samples", sgd), traceChart("Gradient descent", gd)}
	return r, nil
}

// group holds the runs with one step size.
type group struct {
	η                                           float64
	trace, frobenius, sharpness, exact, testErr []float64 // of those that converged
	runs                                        int
}

// add makes the run of one seed.
func (g *group) add(ctx context.Context, dev device.Device, seed uint64, batch int, η float64) error {
	problem, truth := sparseRegression(seed)
	run, err := problem.Descend(ctx, Descent{Step: η, Batch: batch, Steps: 3_000_000 / (1 + batch), Seed: seed})
	if err != nil {
		return err
	}
	g.runs++
	if !run.Converged {
		return nil
	}
	a, err := run.Net.Gradients(problem.X)
	if err != nil {
		return err
	}
	t, err := Analyze(ctx, dev, a, batch, Options{Seed: seed})
	if err != nil {
		return err
	}
	w := run.Net.Weights()
	floats.Sub(w, truth)
	g.trace = append(g.trace, run.Trace)
	g.frobenius = append(g.frobenius, run.Frobenius)
	g.sharpness = append(g.sharpness, run.Sharpness)
	g.exact = append(g.exact, t.SGD)
	// For x ~ N(0,I) the mean squared error is the distance of the weights.
	g.testErr = append(g.testErr, floats.Dot(w, w))
	return nil
}

// sparseRegression makes the samples of a seed.
func sparseRegression(seed uint64) (Regression, []float64) {
	x := device.NewDense[float64](samples, features)
	rng.Normal(seed, 1, 0, x.Data)
	truth := make([]float64, features)
	for j := range sparsity {
		truth[j] = 1
	}
	y := make([]float64, samples)
	for i := range y {
		y[i] = floats.Dot(truth, x.Row(i))
	}
	α, β := make([]float64, features), make([]float64, features)
	for j := range α {
		α[j], β[j] = start, start
	}
	return Regression{Net: Diagonal{α, β}, X: x, Y: y}, truth
}

func (g *group) row(name string) paper.Row {
	cell := func(x []float64) paper.Cell {
		if len(x) == 0 {
			return paper.Cell{}
		}
		return paper.Figure(mean(x))
	}
	return paper.Row{Name: name, Cells: []paper.Cell{
		paper.Figure(g.η), {Text: fmt.Sprintf("%d of %d", len(g.trace), g.runs)},
		cell(g.trace), paper.Figure(2 / g.η), cell(g.frobenius), cell(g.sharpness), cell(g.exact), cell(g.testErr),
	}}
}

func mean(x []float64) float64 { return floats.Sum(x) / float64(len(x)) }

// claims holds the runs against what the paper says of them.
func claims(sgd, gd []*group) []paper.Claim {
	stable, converged, flatter := 0, 0, 0
	for _, g := range sgd {
		for i, trace := range g.trace {
			converged++
			if trace <= 2/g.η {
				stable++
			}
			if g.η <= g.exact[i] {
				flatter++
			}
		}
	}
	first, last := sgd[0], sgd[len(sgd)-1]
	list := []paper.Claim{
		{Statement: "a minimum at which SGD with single samples stays has tr H ≤ 2/η", Where: "Proposition on linear stability, B = 1",
			Holds:   converged > 0 && stable == converged,
			Figures: fmt.Sprintf("%d of %d runs that converged; η is below the exact threshold in %d", stable, converged, flatter)},
	}
	if len(first.trace) > 0 && len(last.trace) > 0 {
		t0, t1 := mean(first.trace), mean(last.trace)
		e0, e1 := mean(first.testErr), mean(last.testErr)
		list = append(list, paper.Claim{Statement: "larger steps of SGD end in flatter minima that generalize better", Where: "experiments on diagonal networks",
			Holds:   t1 <= 0.5*t0 && e1 <= 0.85*e0,
			Figures: fmt.Sprintf("η from %g to %g: tr H %.0f → %.0f, test error %.2f → %.2f", first.η, last.η, t0, t1, e0, e1)})
	}
	above, total, sharp := 0, 0, 0
	for _, g := range gd {
		for i, trace := range g.trace {
			total++
			if trace > 2/g.η {
				above++
			}
			if g.sharpness[i] <= 2/g.η {
				sharp++
			}
		}
	}
	return append(list, paper.Claim{Statement: "gradient descent bounds λ_max by 2/η and not the trace", Where: "comparison of GD and SGD",
		Holds:   total > 0 && sharp == total && above > 0,
		Figures: fmt.Sprintf("of %d runs that converged λ_max ≤ 2/η in %d, tr H > 2/η in %d", total, sharp, above)})
}

func traceChart(title string, groups []*group) paper.Chart {
	trace := paper.Series{Name: "tr H at the end", Points: true}
	sharp := paper.Series{Name: "λ_max at the end", Points: true}
	limit := paper.Series{Name: "2/η"}
	for _, g := range groups {
		limit.X, limit.Y = append(limit.X, g.η), append(limit.Y, 2/g.η)
		for i := range g.trace {
			trace.X, trace.Y = append(trace.X, g.η), append(trace.Y, g.trace[i])
			sharp.X, sharp.Y = append(sharp.X, g.η), append(sharp.Y, g.sharpness[i])
		}
	}
	return paper.Chart{Title: title, X: "step size η", Y: "curvature", LogX: true, LogY: true, Series: []paper.Series{limit, trace, sharp}}
}
