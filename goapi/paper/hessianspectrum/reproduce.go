package hessianspectrum

import (
	"context"
	"fmt"
	"math"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/hessian"
	"github.com/ritz-go/ritz/goapi/nn"
	"github.com/ritz-go/ritz/goapi/paper"
	"github.com/ritz-go/ritz/goapi/rng"
	"github.com/ritz-go/ritz/goapi/svd"
)

// look is what is seen of a network at one time.
type look struct {
	step        int
	eigenvalues []float64 // ascending
	report      *Report
	residual    float64 // ‖H-G‖_F/‖H‖_F
	loss        float64
}

// lookAt computes the whole spectrum of the Hessian and its distance from the
// Gauss–Newton matrix.
func lookAt(ctx context.Context, dev device.Device, net *nn.Network[float64], data nn.Data[float64], step int) (*look, error) {
	q := device.NewQueue[float64](dev)
	defer q.Close()
	var matrices [2]device.Dense[float64]
	for i, kind := range []hessian.Kind{hessian.Hessian, hessian.GGN} {
		op, err := hessian.MLP(ctx, q, net, data, hessian.Options{Kind: kind})
		if err != nil {
			return nil, err
		}
		if matrices[i], _, err = Assemble(ctx, dev, op); err != nil {
			return nil, err
		}
	}
	e, err := svd.Eigh(ctx, dev, matrices[0], svd.EighOptions{ValuesOnly: true})
	if err != nil {
		return nil, err
	}
	l := &look{step: step, eigenvalues: e.Values}
	if l.report, err = Analyze(e.Values, Options{}); err != nil {
		return nil, err
	}
	var size, rest float64
	for i, h := range matrices[0].Data {
		size += h * h
		rest += (h - matrices[1].Data[i]) * (h - matrices[1].Data[i])
	}
	l.residual = math.Sqrt(rest / size)
	m, err := net.Evaluate(ctx, dev, data)
	if err != nil {
		return nil, err
	}
	l.loss = m.Loss
	return l, nil
}

// experiment sizes.
type sizes struct {
	classes  []int
	samples  int // of digits
	steps    int
	hidden   int // units for the digits
	blobs    []int
	widths   []int
	points   []int // numbers of distinct points
	line     int   // samples of the line
	lineSGD  int   // steps of small batches
	lineUnit int
}

// Reproduce takes the whole spectra of small networks through training on
// digits, counts outliers against clusters and widths, and follows the loss from
// the end of gradient descent to that of small batches.
func Reproduce(ctx context.Context, dev device.Device, o paper.Options) (*paper.Reproduction, error) {
	s := sizes{classes: []int{2, 3, 5, 10}, samples: 300, steps: 4000, hidden: 10, blobs: []int{2, 3, 5, 8}, widths: []int{8, 16},
		points: []int{6, 10}, line: 500, lineSGD: 2000, lineUnit: 16}
	if o.Full {
		s.samples, s.hidden, s.line, s.lineUnit = 1000, 40, 2000, 40
	}
	return s.reproduce(ctx, dev, o)
}

func (s sizes) reproduce(ctx context.Context, dev device.Device, o paper.Options) (*paper.Reproduction, error) {
	images, _, err := paper.Digits[float64](o)
	if err != nil {
		return nil, err
	}
	r := &paper.Reproduction{
		Name:   "hessian-spectrum",
		Title:  "Empirical analysis of the Hessian of over-parametrized neural networks",
		Source: "L. Sagun, U. Evci, V. U. Güney, Y. Dauphin, L. Bottou, 2017, arXiv 1706.04454",
		Setup: fmt.Sprintf("Networks of tanh units in float64, all eigenvalues. Digits: %d images of 7×7 pixels of the first k classes, %d units, %d steps of gradient "+
			"descent of size 0.5. Clusters: 200 normal samples in 10 dimensions, two hidden layers, 2000 steps of 0.2. The paper draws spectra and gives no tables.",
			s.samples, s.hidden, s.steps),
	}
	total := len(s.classes) + 2
	done := 0
	next := func(what string) {
		o.Report(done, total, what)
		done++
	}
	trained, history, err := s.digits(ctx, dev, images, o.Seed, func(k int) { next(fmt.Sprintf("digits of %d classes", k)) })
	if err != nil {
		return nil, err
	}
	r.Tables = append(r.Tables, trained.table(s))
	next("clusters")
	clusters, err := s.clusters(ctx, dev, o.Seed)
	if err != nil {
		return nil, err
	}
	r.Tables = append(r.Tables, clusters.table(), clusters.distinct())
	next("line between large and small batches")
	line, small, err := s.followLine(ctx, dev, images, o.Seed)
	if err != nil {
		return nil, err
	}
	o.Report(total, total, "done")
	r.Claims = append(append(trained.claims(), clusters.claims()...), lineClaim(line, small))
	r.Charts = []paper.Chart{spectra(history), training(history), lineChart(line)}
	return r, nil
}

// digitsStudy holds the first and the last look for each number of classes.
type digitsStudy struct {
	parameters  []int
	first, last []*look
}

// digits trains on the first k classes, for each k, and returns the looks at
// the largest network through its training as well.
func (s sizes) digits(ctx context.Context, dev device.Device, images nn.Data[float64], seed uint64, begin func(k int)) (*digitsStudy, []*look, error) {
	d := &digitsStudy{}
	var history []*look
	for _, k := range s.classes {
		begin(k)
		data := firstClasses(images, k, s.samples)
		net, err := uniform([]int{data.X.Cols, s.hidden, k}, seed)
		if err != nil {
			return nil, nil, err
		}
		history = nil
		run := Descent{Step: 0.5, Steps: s.steps, At: []int{s.steps / 400, s.steps / 40, s.steps / 4, s.steps},
			Visit: func(step int, net *nn.Network[float64]) error {
				l, err := lookAt(ctx, dev, net, data, step)
				history = append(history, l)
				return err
			}}
		if err := run.Run(ctx, dev, net, data); err != nil {
			return nil, nil, err
		}
		d.parameters = append(d.parameters, net.Parameters())
		d.first, d.last = append(d.first, history[0]), append(d.last, history[len(history)-1])
	}
	return d, history, nil
}

func (d *digitsStudy) table(s sizes) paper.Table {
	t := paper.Table{Title: "Digits, at the start and after training", Columns: []string{"classes", "parameters", "loss", "λ_max", "|λ_min|/λ_max at the start",
		"trained", "negative eigenvalues", "bulk (below λ_max/1000)", "outliers (above λ_max/20)", "‖H-G‖/‖H‖ at the start", "trained"}}
	for i, k := range s.classes {
		first, last := d.first[i], d.last[i]
		t.Rows = append(t.Rows, paper.Row{Name: fmt.Sprint(k), Cells: []paper.Cell{
			paper.Figure(float64(d.parameters[i])), paper.Figure(last.loss), paper.Figure(last.report.Largest), paper.Figure(first.report.NegativeRatio),
			paper.Figure(last.report.NegativeRatio), paper.Figure(float64(last.report.Index)), paper.Figure(last.report.Bulk),
			paper.Figure(float64(len(last.report.Outliers))), paper.Figure(first.residual), paper.Figure(last.residual),
		}})
	}
	return t
}

func (d *digitsStudy) claims() []paper.Claim {
	negative, bulk, residual := true, 1.0, true
	worst := 0.0
	for i, last := range d.last {
		worst = max(worst, last.report.NegativeRatio)
		negative = negative && last.report.NegativeRatio <= 0.12 && last.report.NegativeRatio <= d.first[i].report.NegativeRatio/4
		bulk = min(bulk, last.report.Bulk)
		residual = residual && last.residual < d.first[i].residual/2
	}
	return []paper.Claim{
		{Statement: "the negative eigenvalues become small against λ_max in training", Where: "spectra at the end of training",
			Holds: negative, Figures: fmt.Sprintf("|λ_min|/λ_max is at most %.3g at the end, %.3g at the start for the last", worst, d.first[len(d.first)-1].report.NegativeRatio)},
		{Statement: "most eigenvalues lie in a bulk at zero", Where: "spectra at the end of training",
			Holds: bulk >= 0.4, Figures: fmt.Sprintf("at least %.0f %% are below λ_max/1000", 100*bulk)},
		{Statement: "at the end of training the Gauss–Newton matrix is most of the Hessian", Where: "decomposition H = G + F",
			Holds: residual, Figures: fmt.Sprintf("‖H-G‖/‖H‖ from %.2g to %.2g for the last", d.first[len(d.first)-1].residual, d.last[len(d.last)-1].residual)},
	}
}

// cluster is a network trained on so many clusters.
type cluster struct {
	k, width, parameters, outliers int
	bulk                           float64
}

// exact is the rank of the Gauss–Newton matrix for so many distinct points.
type exact struct{ points, width, classes, rank int }

type clusterStudy struct {
	clusters []cluster
	exacts   []exact
}

// clusters trains on blobs and on repeated points.
func (s sizes) clusters(ctx context.Context, dev device.Device, seed uint64) (*clusterStudy, error) {
	c := &clusterStudy{}
	for _, k := range s.blobs {
		data, err := Blobs(k, 10, 200, 4, 1, seed)
		if err != nil {
			return nil, err
		}
		for _, w := range s.widths {
			net, err := uniform([]int{10, w, w, k}, seed)
			if err != nil {
				return nil, err
			}
			if err := (Descent{Step: 0.2, Steps: s.steps / 2}).Run(ctx, dev, net, data); err != nil {
				return nil, err
			}
			l, err := lookAt(ctx, dev, net, data, s.steps/2)
			if err != nil {
				return nil, err
			}
			c.clusters = append(c.clusters, cluster{k, w, net.Parameters(), len(l.report.Outliers), l.report.Bulk})
		}
	}
	for _, k := range s.points {
		for _, w := range s.widths {
			rank, err := distinctPoints(ctx, dev, k, w, seed)
			if err != nil {
				return nil, err
			}
			c.exacts = append(c.exacts, exact{k, w, 3, rank})
		}
	}
	return c, nil
}

// distinctPoints returns the rank of the Gauss–Newton matrix of a network with
// two hidden layers, trained on k points of three classes that are repeated to
// 300 samples.
func distinctPoints(ctx context.Context, dev device.Device, k, width int, seed uint64) (int, error) {
	points := device.NewDense[float64](k, 10)
	rng.Normal(seed, 5, 0, points.Data)
	data := nn.Data[float64]{X: device.NewDense[float64](300, 10), Labels: make([]int, 300)}
	for i := range data.Labels {
		data.Labels[i] = i % k % 3
		for j, v := range points.Row(i % k) {
			data.X.Row(i)[j] = 2 * v
		}
	}
	net, err := uniform([]int{10, width, width, 3}, seed)
	if err != nil {
		return 0, err
	}
	if err := (Descent{Step: 0.2, Steps: 100}).Run(ctx, dev, net, data); err != nil {
		return 0, err
	}
	w, err := GaussNewton(ctx, dev, net, data)
	if err != nil {
		return 0, err
	}
	r, err := Analyze(w, Options{Negligible: 1e-9})
	if err != nil {
		return 0, err
	}
	return r.Rank, nil
}

func (c *clusterStudy) table() paper.Table {
	t := paper.Table{Title: "Clusters: outliers follow the data, the bulk the parameters", Columns: []string{"clusters", "width", "parameters", "outliers (above λ_max/20)", "bulk"}}
	for _, x := range c.clusters {
		t.Rows = append(t.Rows, paper.Row{Name: fmt.Sprint(x.k), Cells: []paper.Cell{
			paper.Figure(float64(x.width)), paper.Figure(float64(x.parameters)), paper.Figure(float64(x.outliers)), paper.Figure(x.bulk)}})
	}
	return t
}

func (c *clusterStudy) distinct() paper.Table {
	t := paper.Table{Title: "Repeated points: rank of the Gauss–Newton matrix", Columns: []string{"points K", "width", "rank", "K·(C-1)"}}
	for _, x := range c.exacts {
		t.Rows = append(t.Rows, paper.Row{Name: fmt.Sprint(x.points), Cells: []paper.Cell{
			paper.Figure(float64(x.width)), paper.Figure(float64(x.rank)), paper.Figure(float64(x.points * (x.classes - 1)))}})
	}
	return t
}

func (c *clusterStudy) claims() []paper.Claim {
	grows, width := true, true
	figures := ""
	byK := map[int][]cluster{}
	last := 0
	for _, x := range c.clusters {
		byK[x.k] = append(byK[x.k], x)
	}
	for _, x := range c.clusters {
		same := byK[x.k]
		if x != same[0] {
			continue
		}
		grows = grows && same[0].outliers > last
		last = same[0].outliers
		for _, y := range same[1:] {
			// The outliers may change by half while the parameters more
			// than double.
			width = width && y.outliers <= same[0].outliers*3/2+1 && y.parameters > 2*same[0].parameters
			figures += fmt.Sprintf("%d: %d → %d; ", x.k, same[0].outliers, y.outliers)
		}
	}
	ranks := true
	for _, x := range c.exacts {
		ranks = ranks && x.rank == x.points*(x.classes-1)
	}
	return []paper.Claim{
		{Statement: "more clusters make more outliers", Where: "experiments with clusters", Holds: grows, Figures: "outliers for clusters, narrow → wide: " + figures},
		{Statement: "more parameters make the bulk larger and leave the outliers", Where: "experiments with growing networks", Holds: width, Figures: "outliers for clusters, narrow → wide: " + figures},
		{Statement: "K distinct points have K·(C-1) eigenvalues that are not zero, whatever the width", Where: "rank of the Gauss–Newton matrix", Holds: ranks,
			Figures: fmt.Sprintf("in %d networks", len(c.exacts))},
	}
}

// followLine trains by gradient descent, goes on with small batches of the same
// step size, and evaluates the line between the two.
func (s sizes) followLine(ctx context.Context, dev device.Device, images nn.Data[float64], seed uint64) (line []Point, flatter [2]float64, err error) {
	data := firstClasses(images, 10, s.line)
	net, err := uniform([]int{data.X.Cols, s.lineUnit, 10}, seed)
	if err != nil {
		return nil, flatter, err
	}
	if err := (Descent{Step: 0.5, Steps: s.steps}).Run(ctx, dev, net, data); err != nil {
		return nil, flatter, err
	}
	small := &nn.Network[float64]{Architecture: net.Architecture, Theta: append([]float64(nil), net.Theta...)}
	if err := (Descent{Step: 0.5, Batch: 32, Steps: s.lineSGD, Seed: seed}).Run(ctx, dev, small, data); err != nil {
		return nil, flatter, err
	}
	for i, n := range []*nn.Network[float64]{net, small} {
		l, err := lookAt(ctx, dev, n, data, 0)
		if err != nil {
			return nil, flatter, err
		}
		flatter[i] = l.report.Largest
	}
	line, err = Line(ctx, dev, net, small, data, 21)
	return line, flatter, err
}

func lineClaim(line []Point, largest [2]float64) paper.Claim {
	ends := max(line[0].Loss, line[len(line)-1].Loss)
	least := 1.0
	for _, p := range line {
		least = min(least, p.Accuracy)
	}
	barrier := Barrier(line)
	return paper.Claim{Statement: "large and small batches end in one basin", Where: "line between the solutions",
		Holds: barrier <= 0.1*ends+1e-3 && least >= line[0].Accuracy-0.01,
		Figures: fmt.Sprintf("loss %.4f and %.4f at the ends, barrier %.2g, accuracy at least %.3f; λ_max %.3g → %.3g", line[0].Loss, line[len(line)-1].Loss,
			barrier, least, largest[0], largest[1])}
}

// spectra draws the eigenvalues by rank, those below zero by magnitude.
func spectra(history []*look) paper.Chart {
	c := paper.Chart{Title: "Eigenvalues of the Hessian (digits)", X: "rank", Y: "|λ|", LogX: true, LogY: true}
	for _, l := range []*look{history[0], history[len(history)-1]} {
		positive, negative := paper.Series{Name: fmt.Sprintf("λ > 0, step %d", l.step)}, paper.Series{Name: fmt.Sprintf("λ < 0, step %d", l.step)}
		n := len(l.eigenvalues)
		for i := range n {
			if λ := l.eigenvalues[n-1-i]; λ > 1e-12*l.report.Largest {
				positive.X, positive.Y = append(positive.X, float64(i+1)), append(positive.Y, λ)
			}
			if λ := l.eigenvalues[i]; λ < -1e-12*l.report.Largest {
				negative.X, negative.Y = append(negative.X, float64(i+1)), append(negative.Y, -λ)
			}
		}
		c.Series = append(c.Series, positive, negative)
	}
	return c
}

// training draws what changes from step to step; step 0 stands at 1.
func training(history []*look) paper.Chart {
	c := paper.Chart{Title: "Through training (digits)", X: "step", Y: "", LogX: true, LogY: true}
	for _, s := range []struct {
		name string
		of   func(*look) float64
	}{
		{"λ_max", func(l *look) float64 { return l.report.Largest }},
		{"|λ_min|/λ_max", func(l *look) float64 { return l.report.NegativeRatio }},
		{"‖H-G‖/‖H‖", func(l *look) float64 { return l.residual }},
		{"loss", func(l *look) float64 { return l.loss }},
	} {
		series := paper.Series{Name: s.name}
		for _, l := range history {
			series.X, series.Y = append(series.X, float64(max(1, l.step))), append(series.Y, s.of(l))
		}
		c.Series = append(c.Series, series)
	}
	return c
}

func lineChart(line []Point) paper.Chart {
	s := paper.Series{}
	for _, p := range line {
		s.X, s.Y = append(s.X, p.T), append(s.Y, p.Loss)
	}
	return paper.Chart{Title: "From large to small batches", X: "t", Y: "loss", Series: []paper.Series{s}}
}
