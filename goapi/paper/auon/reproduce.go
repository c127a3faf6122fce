package auon

import (
	"context"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/optim"
	"github.com/ritz-go/ritz/goapi/paper"
)

// decay is the weight decay of all runs.
const decay = 0.01

// method is an optimizer of the comparison.
type method struct {
	name      string
	rule      func(rate float64) optim.Rule
	rates     []float64 // that are tried
	published float64   // loss of the paper's language model; 0 for none
}

// methods in the order of the paper's losses, lowest first.
var methods = []method{
	{"Muon", func(η float64) optim.Rule { return optim.Muon{LearningRate: η, WeightDecay: decay} }, []float64{0.01, 0.03, 0.1}, 0.0375},
	{"Hybrid-AuON", func(η float64) optim.Rule { return optim.AuON{LearningRate: η, WeightDecay: decay, Steps: 1} }, []float64{0.03, 0.1, 0.3}, 0.0422},
	{"AdamW", func(η float64) optim.Rule { return optim.AdamW{LearningRate: η, Beta2: 0.99, WeightDecay: decay} }, []float64{1e-3, 3e-3, 1e-2}, 0.0686},
	{"AuON", func(η float64) optim.Rule { return optim.AuON{LearningRate: η, WeightDecay: decay} }, []float64{0.03, 0.1, 0.3}, 0.4305},
	{"AuON, program", func(η float64) optim.Rule {
		return optim.AuON{LearningRate: η, WeightDecay: decay, Form: optim.AuONCode}
	}, []float64{0.1, 0.3, 1}, 0},
}

// Reproduce trains the network on MNIST with each method and the best of three
// learning rates, and times their steps on a matrix of the size of a large
// model's layer.
func Reproduce(ctx context.Context, dev device.Device, o paper.Options) (*paper.Reproduction, error) {
	s := study{epochs: 5, seed: o.Seed}
	if o.Full {
		s.epochs = 2
	}
	var err error
	if s.train, s.test, err = paper.Digits[float32](o); err != nil {
		return nil, err
	}
	if !o.Full && s.train.X.Rows > 8000 {
		s.train.X, s.train.Labels = s.train.X.Slice(0, 8000, 0, s.train.X.Cols), s.train.Labels[:8000]
	}
	side := 1024
	if o.Full {
		side = 4096
	}
	return s.reproduce(ctx, dev, o, 3, side)
}

// reproduce makes the comparison with the first rates of each method.
func (s study) reproduce(ctx context.Context, dev device.Device, o paper.Options, rates, side int) (*paper.Reproduction, error) {
	best := make([]*run, len(methods))
	total, done := len(methods)*(rates+1), 0
	for i, m := range methods {
		for _, η := range middle(m.rates, rates) {
			o.Report(done, total, fmt.Sprintf("%s, rate %g", m.name, η))
			r, err := s.run(ctx, dev, m.rule(η))
			if err != nil {
				return nil, fmt.Errorf("%s with the rate %g: %w", m.name, η, err)
			}
			r.rate = η
			if best[i] == nil || r.tail() < best[i].tail() {
				best[i] = r
			}
			done++
		}
	}
	times := make([]float64, len(methods))
	for i, m := range methods {
		o.Report(done, total, m.name+", time of a step")
		t, err := stepTime(ctx, dev, m.rule(m.rates[0]), side)
		if err != nil {
			return nil, err
		}
		times[i] = t
		done++
	}
	o.Report(total, total, "done")
	return s.report(best, times, side), nil
}

// middle returns n of three values, the middle one first.
func middle(x []float64, n int) []float64 {
	return []float64{x[1], x[0], x[2]}[:n]
}

// stepTime returns the shortest time of three steps on a side×side matrix.
func stepTime(ctx context.Context, dev device.Device, r optim.Rule, side int) (float64, error) {
	q := device.NewQueue[float32](dev)
	defer q.Close()
	w, g := q.Alloc(side, side), q.Alloc(side, side)
	q.Random(device.Normal, 1, 1, w)
	q.Random(device.Normal, 1, 2, g)
	o, err := optim.New(q, optim.Group[float32]{Rule: r, Parameters: []optim.Parameter[float32]{{Value: w, Gradient: g}}})
	if err != nil {
		return 0, err
	}
	shortest := math.Inf(1)
	for range 4 { // the first prepares memory
		start := time.Now()
		if err := o.Step(ctx); err != nil {
			return 0, err
		}
		if err := q.Sync(); err != nil {
			return 0, err
		}
		shortest = min(shortest, time.Since(start).Seconds())
	}
	return shortest, nil
}

func (s study) report(best []*run, times []float64, side int) *paper.Reproduction {
	r := &paper.Reproduction{
		Name:   "auon",
		Title:  "AuON: A Linear-time Alternative to Semi-Orthogonal Momentum Updates",
		Source: "D. Maity, arXiv 2509.24320, 2025",
		Setup: fmt.Sprintf("MNIST, %d samples, network %s with relu, %d steps of %d samples, linear decay of the rate to 0, weight decay %g. The hidden "+
			"matrices move by the method, with the best of its rates; the rest by AdamW. The paper's figures are the losses of a language model "+
			"of 6 layers and are to be compared in their order only.",
			s.train.X.Rows, strings.Trim(strings.ReplaceAll(fmt.Sprint(sizes), " ", "–"), "[]"), s.steps(), batch, decay),
	}
	t := paper.Table{Title: "Training", Columns: []string{"method", "rate", "training loss (language model)", "test accuracy", "seconds",
		fmt.Sprintf("ms per step, %d×%d", side, side)}}
	chart := paper.Chart{Title: "Training loss", X: "step", Y: "loss, mean of 10 steps", LogY: true}
	for i, m := range methods {
		loss := paper.Figure(best[i].tail())
		if m.published > 0 {
			loss = loss.Beside(m.published)
		}
		t.Rows = append(t.Rows, paper.Row{Name: m.name, Cells: []paper.Cell{
			paper.Figure(best[i].rate), loss, paper.Figure(best[i].accuracy), paper.Figure(best[i].seconds), paper.Figure(times[i] * 1e3),
		}})
		chart.Series = append(chart.Series, smooth(m.name, best[i].losses, 10))
	}
	r.Tables, r.Charts = []paper.Table{t}, []paper.Chart{chart}
	r.Claims = claims(best, times)
	return r
}

// smooth returns the means of each n losses.
func smooth(name string, losses []float64, n int) paper.Series {
	s := paper.Series{Name: name}
	for lo := 0; lo+n <= len(losses); lo += n {
		sum := 0.0
		for _, v := range losses[lo : lo+n] {
			sum += v
		}
		s.X, s.Y = append(s.X, float64(lo+n/2)), append(s.Y, sum/float64(n))
	}
	return s
}

// Places in methods.
const (
	muon = iota
	hybrid
	adamW
	auon
	program
)

func claims(best []*run, times []float64) []paper.Claim {
	loss := func(i int) float64 { return best[i].tail() }
	// By its series, r is at most this for the smaller hidden matrix.
	elements := float64(sizes[1] * sizes[2])
	cosh := math.Cosh(1)
	brake := math.Sqrt(1+(cosh*cosh-1)/elements) - 1
	return []paper.Claim{
		{Statement: "Muon reaches a lower training loss than Hybrid-AuON, and that a lower one than AuON", Where: "table of the tiny language model",
			Holds:   loss(muon) < loss(hybrid) && loss(hybrid) < loss(auon),
			Figures: fmt.Sprintf("%.4f, %.4f, %.4f", loss(muon), loss(hybrid), loss(auon))},
		{Statement: "AuON stays behind AdamW in training loss", Where: "table of the tiny language model",
			Holds:   loss(adamW) < loss(auon),
			Figures: fmt.Sprintf("%.4f and %.4f", loss(auon), loss(adamW))},
		{Statement: "a step of AuON takes as long as one of AdamW", Where: "training times, 1919.2 s and 1918.9 s",
			Holds:   times[auon] <= 1.25*times[adamW],
			Figures: fmt.Sprintf("%.3g ms and %.3g ms", times[auon]*1e3, times[adamW]*1e3)},
		{Statement: "a step of AuON is much faster than one of Muon", Where: "linear against cubic time",
			Holds:   times[muon] >= 5*times[auon],
			Figures: fmt.Sprintf("by a factor of %.0f", times[muon]/times[auon])},
		{Statement: "the hyperbolic cosine slows the update down", Where: "the scale r of the update",
			Holds:   brake > 0.01,
			Figures: fmt.Sprintf("for %.0f weights r is at most 1 + %.1g, whatever the momentum: the update is momentum of norm 1", elements, brake)},
		{Statement: "the authors' program computes what the paper says", Where: "program, which divides the momentum before it is normalized",
			Holds:   math.Abs(loss(program)/loss(auon)-1) < 0.1,
			Figures: fmt.Sprintf("training loss %.4f against %.4f", loss(program), loss(auon))},
	}
}
