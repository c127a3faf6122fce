package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"github.com/ritz-go/ritz/cmd/ritz/picture"
	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/hessian"
	"github.com/ritz-go/ritz/goapi/nn"
	"github.com/ritz-go/ritz/goapi/paper"
)

// series is the analysis of several matrices: those of checkpoints, of layers,
// or both.
type series[T device.Float] struct {
	ctx  context.Context
	c    *common
	dev  device.Device
	data samples[T]
	n    classifier
	a    analysis
	all  *table
}

// table is the outcome of a series.
type table struct {
	outcome
	Parts []part `json:"parts"`
}

// part is the outcome of one matrix.
type part struct {
	Name       string `json:"name"`
	Checkpoint string `json:"checkpoint,omitempty"`
	Layer      *int   `json:"layer,omitempty"` // from 0; absent: all parameters
	*outcome
}

// train trains a network for the epochs of the flags, if any.
func (s *series[T]) train(net *nn.Network[T], out *outcome) error {
	if s.n.epochs == 0 {
		return nil
	}
	bar := progress(s.c, s.n.epochs, "training")
	o := s.n.options(s.c.seed)
	o.Progress = func(e nn.Epoch) {
		bar.Add(1)
		s.c.log.Info("trained", "epoch", e.Number, "loss", e.Loss)
	}
	history, err := net.Train(s.ctx, s.dev, s.data.Data, o)
	bar.Finish()
	if err != nil {
		return err
	}
	for _, e := range history {
		out.Curve = append(out.Curve, e.Loss)
	}
	out.CurveName = "training loss"
	return nil
}

func (s *series[T]) rows() int {
	rows, _ := s.data.dims()
	return rows
}

// run analyzes all matrices and prints the table.
func (s *series[T]) run(dtype string) error {
	s.all = &table{outcome: *s.c.begin("hessian", s.dev, dtype, s.rows(), 0)}
	s.all.outcome.Certificate = certificate()
	files := s.n.checkpoints
	if len(files) == 0 {
		files = []string{s.n.weights} // "" for a network to be trained
	}
	var failures []error
	for _, file := range files {
		if err := s.checkpoint(file); notConverged(err) {
			failures = append(failures, err)
		} else if err != nil {
			return err
		}
	}
	if failures == nil {
		for _, p := range s.all.Parts {
			if err := s.analysisOf(p.Name).forget(parts...); err != nil {
				return err
			}
			if s.a.state != "" {
				os.Remove(filepath.Join(s.a.state, p.Name)) // stays if there is more in it
			}
		}
	}
	return s.finish(errors.Join(failures...))
}

// checkpoint analyzes the matrices of one network.
func (s *series[T]) checkpoint(file string) error {
	n := s.n
	n.weights = file
	net, err := network[T](n, s.data, s.c.seed)
	if err != nil {
		return err
	}
	if err := s.train(net, &s.all.outcome); err != nil {
		return err
	}
	score, err := s.data.evaluate(s.ctx, s.dev, net)
	if err != nil {
		return err
	}
	if file == "" && s.c.output != "" {
		if err := saveWeights(s.c, &s.all.outcome, net); err != nil {
			return err
		}
	}
	s.all.Shape[1] = net.Parameters()
	q := device.NewQueue[T](s.dev)
	defer q.Close()
	whole, err := s.data.operator(s.ctx, q, net, n)
	if err != nil {
		return err
	}
	type matrix struct {
		name  string
		layer *int
		op    *hessian.Network[T]
	}
	matrices := []matrix{{"all", nil, whole}}
	if n.layer >= 0 {
		if matrices[0].op, err = whole.Layer(n.layer); err != nil {
			return err
		}
		matrices[0].name, matrices[0].layer = fmt.Sprintf("layer %d", n.layer), &n.layer
	}
	for l := range whole.Layers() {
		if !n.perLayer {
			break
		}
		op, err := whole.Layer(l)
		if err != nil {
			return err
		}
		matrices = append(matrices, matrix{fmt.Sprintf("layer %d", l), &l, op})
	}
	var failures []error
	for _, m := range matrices {
		name := m.name
		if file != "" {
			stem := strings.TrimSuffix(filepath.Base(file), filepath.Ext(file))
			switch {
			case len(s.n.checkpoints) == 0: // one network
			case len(matrices) == 1 && m.layer == nil:
				name = stem
			default:
				name = stem + ", " + m.name
			}
		}
		p := part{Name: s.unused(name), Checkpoint: file, Layer: m.layer}
		if err := s.analyze(m.op, &p, score); notConverged(err) {
			failures = append(failures, fmt.Errorf("%s: %w", p.Name, err))
		} else if err != nil {
			return err
		}
	}
	return errors.Join(failures...)
}

// unused returns the name, with a number behind it if a part has it already.
func (s *series[T]) unused(name string) string {
	unique := name
	for i := 2; ; i++ {
		taken := false
		for _, p := range s.all.Parts {
			taken = taken || p.Name == unique
		}
		if !taken {
			return unique
		}
		unique = fmt.Sprintf("%s (%d)", name, i)
	}
}

// analysisOf is the analysis of a part, whose state has a folder of its own and
// stays until all parts are done.
func (s *series[T]) analysisOf(name string) *analysis {
	a := s.a
	a.keep = true
	if a.state != "" {
		a.state = filepath.Join(a.state, name)
	}
	return &a
}

func (s *series[T]) analyze(op *hessian.Network[T], p *part, score map[string]float64) error {
	c := *s.c
	if c.output != "" {
		c.output = filepath.Join(c.output, p.Name)
	}
	p.outcome = c.begin("hessian", s.dev, s.all.DType, s.rows(), op.Dim())
	p.Measures = map[string]float64{}
	for name, v := range score {
		p.Measures[name] = v
	}
	vectors, failure := analyze(s.ctx, &c, s.dev, op, *s.analysisOf(p.Name), p.outcome)
	if failure != nil && !notConverged(failure) {
		return failure
	}
	p.Converged = failure == nil
	if err := saveAnalysis(&c, p.outcome, vectors); err != nil {
		return err
	}
	s.all.Seconds += p.Seconds
	s.all.Products += p.Products
	s.all.Method = p.Method
	s.all.Parts = append(s.all.Parts, *p)
	return failure
}

// finish draws the picture, prints the table and returns failure.
func (s *series[T]) finish(failure error) error {
	s.all.Converged = failure == nil
	if s.c.plot != "" {
		title := "Spectra of the " + kindNames[s.n.kind] + " (" + s.n.model + ")"
		switch err := picture.Charts(s.c.plot, []paper.Chart{s.all.chart(title)}); {
		case errors.Is(err, picture.ErrEmpty):
			s.c.log.Warn("no picture", "reason", err)
		case err != nil:
			return err
		default:
			s.all.Outputs["plot"] = s.c.plot
		}
	}
	var err error
	if s.c.json {
		e := json.NewEncoder(s.c.stdout)
		e.SetIndent("", "  ")
		err = e.Encode(s.all)
	} else {
		err = s.all.text(s.c.stdout)
	}
	return errors.Join(err, failure)
}

// chart shows the densities of the parts, or their eigenvalues in order. The
// scale of densities is logarithmic from a millionth of the largest on, so that
// single eigenvalues are seen.
func (t *table) chart(title string) paper.Chart {
	c := paper.Chart{Title: title, X: "eigenvalue", Y: "density", LogY: true}
	top := 0.0
	for _, p := range t.Parts {
		if p.Density != nil {
			for _, v := range p.Density.Value {
				top = max(top, v)
			}
		}
	}
	for _, p := range t.Parts {
		line := paper.Series{Name: p.Name}
		if p.Density != nil {
			for i, v := range p.Density.Value {
				if v > 1e-6*top {
					line.X, line.Y = append(line.X, p.Density.Grid[i]), append(line.Y, v)
				}
			}
		}
		if len(line.X) > 0 {
			c.Series = append(c.Series, line)
		}
	}
	if len(c.Series) > 0 {
		return c
	}
	c.X, c.Y, c.LogY = "number", "eigenvalue", false
	for _, p := range t.Parts {
		line := paper.Series{Name: p.Name, Points: true}
		for i, v := range p.Values {
			line.X, line.Y = append(line.X, float64(i+1)), append(line.Y, v)
		}
		c.Series = append(c.Series, line)
	}
	return c
}

// text prints a line for each part.
func (t *table) text(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "matrix\tparameters\tloss\taccuracy\teigenvalues\ttrace\tproducts")
	for _, p := range t.Parts {
		values := make([]string, 0, len(p.Values))
		for _, v := range p.Values {
			values = append(values, fmt.Sprintf("%.5g", v))
		}
		if n := len(values); n > 6 {
			values = append(append(values[:5:5], "…"), values[n-1])
		}
		if len(values) == 0 {
			values = []string{"-"}
		}
		trace := "-"
		if p.Trace != nil {
			trace = fmt.Sprintf("%.5g", p.Trace.Value)
			if p.Trace.StdErr != nil && *p.Trace.StdErr > 0 {
				trace += fmt.Sprintf(" ± %.2g", *p.Trace.StdErr)
			}
		}
		fmt.Fprintf(w, "%s\t%d\t%.4g\t%.4g\t%s\t%s\t%d\n", p.Name, p.Shape[1], p.Measures["loss"], p.Measures["accuracy"],
			strings.Join(values, " "), trace, p.Products)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, name := range sorted(t.Outputs) {
		fmt.Fprintln(out, "wrote", t.Outputs[name])
	}
	_, err := fmt.Fprintf(out, "%d samples, %s on %s, %.4g seconds\n", t.Shape[0], t.DType, t.Backend, t.Seconds)
	return err
}
