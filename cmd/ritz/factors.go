package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"text/tabwriter"

	"github.com/ritz-go/ritz/cmd/ritz/picture"
	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/matio"
	"github.com/ritz-go/ritz/goapi/polar"
)

// factors is the outcome of ritz polar for many matrices of a file.
type factors struct {
	*outcome
	Matrices []matrixFactor `json:"matrices"`
}

type matrixFactor struct {
	Name          string  `json:"name"`
	Shape         []int   `json:"shape"`
	Method        string  `json:"method,omitempty"`
	Form          string  `json:"form,omitempty"`
	Steps         int     `json:"steps"`
	Orthogonality float64 `json:"orthogonality"`
	ErrorBound    float64 `json:"error_bound"`
	Problem       string  `json:"problem,omitempty"`
}

// runFactors computes the polar factors of the matrices of a file whose names
// match. A matrix that has none is listed with the reason, and is the error of
// the command when all others are done.
func runFactors(ctx context.Context, c *common, path, pattern string, o polar.Options) error {
	if c.tensor != "" || c.plot != "" {
		return usagef("--batch does not go with --tensor or --plot")
	}
	if ext := filepath.Ext(c.output); c.output != "" && ext != ".safetensors" && ext != ".npz" {
		return usagef("--output is %q, must end in .safetensors or .npz with --batch", c.output)
	}
	inputs, err := locateMatrices(path, pattern)
	if err != nil {
		return err
	}
	if c.precision(inputs...) == "f32" {
		return factorsOf[float32](ctx, c, inputs, o)
	}
	return factorsOf[float64](ctx, c, inputs, o)
}

func factorsOf[T device.Float](ctx context.Context, c *common, inputs []*input, o polar.Options) error {
	c.toFile = true
	dev, err := c.open()
	if err != nil {
		return err
	}
	defer dev.Close()
	all := &factors{outcome: c.begin("polar", dev, c.precision(inputs...))}
	all.Shape, all.Method = []int{}, string(o.Method) // every matrix has its own
	bar := progress(c, len(inputs), "matrices")
	defer bar.Close()
	var failures []error
	var results []matio.Named[T]
	worst := 0.0
	for _, in := range inputs {
		member := in.file.Members[in.member]
		m := matrixFactor{Name: member.Name, Shape: member.Shape}
		if m.Name == "" { // formats with one array
			m.Name = filepath.Base(in.file.Path)
		}
		var r *polar.Result[T]
		seconds := 0.0
		a, err := matrix[T](in)
		if err == nil {
			seconds, err = c.timed(func() (err error) {
				r, err = polar.Compute(ctx, dev, a, o)
				return err
			})
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if errors.Is(err, device.ErrArgument) {
			return err
		}
		if err != nil {
			m.Problem = err.Error()
			failures = append(failures, fmt.Errorf("%s: %w", m.Name, err))
		}
		if r != nil {
			m.Method, m.Form, m.Steps = string(r.Method), string(r.Form), r.Iterations
			m.Orthogonality, m.ErrorBound = r.Certificate.Orthogonality, r.Certificate.ErrorBound
			worst = max(worst, m.ErrorBound)
			results = append(results, matio.Named[T]{Name: m.Name, Array: matio.Array[T]{Shape: member.Shape, Data: r.Q.Data}})
		}
		all.Seconds += seconds
		all.Matrices = append(all.Matrices, m)
		bar.Add(1)
	}
	all.Certificate = certificate("error_bound", worst)
	if c.output != "" && len(results) > 0 {
		if err := matio.WriteAll(c.output, results); err != nil {
			return err
		}
		all.Outputs["Q"] = c.output
	}
	return all.finish(c, errors.Join(failures...))
}

// finish prints the table and returns failure.
func (f *factors) finish(c *common, failure error) error {
	f.Converged = !notConverged(failure)
	return errors.Join(c.show(f, f.text), failure)
}

func (f *factors) text(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "name\tshape\tmethod\tform\tsteps\torthogonality\terror bound")
	for _, m := range f.Matrices {
		shape := fmt.Sprintf("%d×%d", m.Shape[0], m.Shape[1])
		if m.Method == "" {
			fmt.Fprintf(w, "%s\t%s\t%s\n", m.Name, shape, m.Problem)
			continue
		}
		form := m.Form
		if form == "" {
			form = "-"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d\t%.3g\t%.3g\n", m.Name, shape, m.Method, form, m.Steps, m.Orthogonality, m.ErrorBound)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if path, ok := f.Outputs["Q"]; ok {
		fmt.Fprintln(out, "wrote", path)
	}
	_, err := fmt.Fprintf(out, "%d matrices, %s on %s, %.4g seconds; no factor is off by more than %.2g\n",
		len(f.Matrices), f.DType, f.Backend, f.Seconds, f.outcome.Certificate["error_bound"])
	return err
}

// coefficientTable is the outcome of ritz polar --coefficients.
type coefficientTable struct {
	Method string            `json:"method"`
	Lower  float64           `json:"lower"`
	Steps  []coefficientStep `json:"steps"`
	Plot   string            `json:"plot,omitempty"`
}

type coefficientStep struct {
	A         float64 `json:"a"`
	B         float64 `json:"b"`
	C         float64 `json:"c"`
	Deviation float64 `json:"deviation"` // largest |1-σ| after this step
}

// plotted is the number of steps in the picture of the errors of all methods.
const plotted = 12

// runCoefficients prints the steps of a method.
func runCoefficients(c *common, o polar.Options) error {
	if c.output != "" {
		return usagef("--coefficients does not go with --output; --json prints numbers for programs")
	}
	if o.Method == polar.Auto {
		o.Method = polar.Express
	}
	if o.Lower == 0 {
		o.Lower = 1e-3
	}
	list, err := polar.CoefficientsOf(o)
	if err != nil {
		return err
	}
	t := coefficientTable{Method: string(o.Method), Lower: o.Lower}
	for i, p := range list {
		t.Steps = append(t.Steps, coefficientStep{p.A, p.B, p.C, polar.Deviation(list[:i+1], o.Lower)})
	}
	if c.plot != "" {
		if err := plotDeviations(c.plot, o.Lower); err != nil {
			return err
		}
		t.Plot = c.plot
	}
	if c.json {
		e := json.NewEncoder(c.stdout)
		e.SetIndent("", "  ")
		return e.Encode(t)
	}
	fmt.Fprintf(c.stdout, "%s for singular values in [%g,1]: x becomes a·x + b·x³ + c·x⁵\n", t.Method, t.Lower)
	w := tabwriter.NewWriter(c.stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "step\ta\tb\tc\tlargest |1-x| after it\t")
	for i, s := range t.Steps {
		fmt.Fprintf(w, "%d\t%.17g\t%.17g\t%.17g\t%.3g\t\n", i+1, s.A, s.B, s.C, s.Deviation)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if t.Plot != "" {
		fmt.Fprintln(c.stdout, "wrote", t.Plot)
	}
	return nil
}

// plotDeviations draws what the methods leave after each step.
func plotDeviations(path string, lower float64) error {
	var names []string
	var curves [][]float64
	for _, m := range []polar.Method{polar.Cubic, polar.CANS, polar.Quintic, polar.Muon, polar.You, polar.Dion, polar.Express, polar.Halley} {
		curve := []float64{1 - lower}
		for n := 1; n <= plotted; n++ {
			d, err := polar.DeviationOf(polar.Options{Method: m, Steps: n, Lower: lower})
			if err != nil {
				return err
			}
			curve = append(curve, d)
		}
		names, curves = append(names, string(m)), append(curves, curve)
	}
	return picture.Curves(path, fmt.Sprintf("Polar error on singular values in [%g,1]", lower), "step", "largest |1-σ|", names, curves)
}
