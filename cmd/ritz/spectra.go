package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"strconv"
	"text/tabwriter"

	"github.com/ritz-go/ritz/cmd/ritz/picture"
	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/svd"
)

// measured is what is read off the singular values of one matrix. What has no
// value is absent: the condition of a singular matrix, the power law of a
// single value.
type measured struct {
	Largest       float64  `json:"largest"`
	Smallest      float64  `json:"smallest"`
	Rank          int      `json:"rank"`
	EffectiveRank float64  `json:"effective_rank"`
	StableRank    float64  `json:"stable_rank"`
	Nuclear       float64  `json:"nuclear_norm"`
	Frobenius     float64  `json:"frobenius_norm"`
	Condition     *float64 `json:"condition,omitempty"`
	Exponent      *float64 `json:"power_law_exponent,omitempty"`
	ExponentError *float64 `json:"power_law_std_error,omitempty"`
}

func summarize(p *svd.Spectrum) *measured {
	s := &measured{
		Largest: p.Spectral(), Smallest: p.Values[len(p.Values)-1],
		Rank: p.Rank(0), EffectiveRank: p.EffectiveRank(), StableRank: p.StableRank(),
		Nuclear: p.Nuclear(), Frobenius: p.Frobenius(), Condition: finite(p.Condition()),
	}
	if law, err := p.PowerLaw(0); err == nil {
		s.Exponent, s.ExponentError = finite(law.Exponent), finite(law.StdErr)
	}
	return s
}

// finite returns x, or nil for what JSON cannot hold.
func finite(x float64) *float64 {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return nil
	}
	return &x
}

func (s *measured) measures() map[string]float64 {
	m := map[string]float64{
		"spectral norm": s.Largest, "smallest value": s.Smallest, "rank": float64(s.Rank),
		"effective rank": s.EffectiveRank, "stable rank": s.StableRank,
		"nuclear norm": s.Nuclear, "frobenius norm": s.Frobenius,
	}
	for name, x := range map[string]*float64{
		"condition": s.Condition, "power law exponent": s.Exponent, "power law std error": s.ExponentError,
	} {
		if x != nil {
			m[name] = *x
		}
	}
	return m
}

// spectra is the outcome for many matrices of a file.
type spectra struct {
	*outcome
	Matrices []matrixSpectrum `json:"matrices"`
}

type matrixSpectrum struct {
	Name       string    `json:"name"`
	Shape      []int     `json:"shape"`
	ErrorBound float64   `json:"error_bound"`
	Values     []float64 `json:"values,omitempty"`
	*measured
	Problem string `json:"problem,omitempty"`
}

// runSpectra computes the singular values of the matrices of a file whose
// names match. A matrix that cannot be decomposed is listed with the reason,
// and is the error of the command when all others are done.
func runSpectra(ctx context.Context, c *common, path, pattern string, o svd.Options) error {
	if c.tensor != "" || c.output != "" {
		return usagef("--batch prints a table; it does not go with --tensor or --output")
	}
	inputs, err := locateMatrices(path, pattern)
	if err != nil {
		return err
	}
	dev, err := c.open()
	if err != nil {
		return err
	}
	defer dev.Close()
	o.Vectors, o.Method = svd.None, svd.Full
	all := &spectra{outcome: c.begin("svd", dev, c.precision(inputs...))}
	all.Shape, all.Method = []int{}, string(o.Method) // every matrix has its own
	decompose := spectrumOf[float64]
	if all.DType == "f32" {
		decompose = spectrumOf[float32]
	}
	bar := progress(c, len(inputs), "matrices")
	defer bar.Close()
	var failures []error
	worst := 0.0
	for _, in := range inputs {
		m, seconds, err := decompose(ctx, c, dev, in, o)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			m.Problem = err.Error()
			failures = append(failures, fmt.Errorf("%s: %w", m.Name, err))
		} else if m.Largest > 0 {
			worst = max(worst, m.ErrorBound/m.Largest)
		}
		all.Seconds += seconds
		all.Matrices = append(all.Matrices, m)
		bar.Add(1)
	}
	all.Certificate = certificate("relative_error_bound", worst)
	return all.finish(c, errors.Join(failures...))
}

func spectrumOf[T device.Float](ctx context.Context, c *common, dev device.Device, in *input, o svd.Options) (matrixSpectrum, float64, error) {
	member := in.file.Members[in.member]
	m := matrixSpectrum{Name: member.Name, Shape: member.Shape}
	if m.Name == "" { // formats with one array
		m.Name = filepath.Base(in.file.Path)
	}
	a, err := matrix[T](in)
	if err != nil {
		return m, 0, err
	}
	var r *svd.Result[T]
	seconds, err := c.timed(func() (err error) {
		r, err = svd.Compute(ctx, dev, a, o)
		return err
	})
	if err != nil {
		return m, seconds, err
	}
	p, err := svd.NewSpectrum(r.S, a.Rows, a.Cols)
	if err != nil {
		return m, seconds, err
	}
	m.Values, m.measured, m.ErrorBound = p.Values, summarize(p), r.Certificate.ErrorBound
	return m, seconds, nil
}

// finish writes the picture, prints the table and returns failure.
func (s *spectra) finish(c *common, failure error) error {
	s.Converged = !notConverged(failure)
	if c.plot != "" {
		var names []string
		var values [][]float64
		for _, m := range s.Matrices {
			if m.Values != nil {
				names, values = append(names, m.Name), append(values, m.Values)
			}
		}
		switch err := picture.Spectra(c.plot, "Singular values", names, values); {
		case errors.Is(err, picture.ErrEmpty):
			c.log.Warn("no picture", "reason", err)
		case err != nil:
			return err
		default:
			s.Outputs["plot"] = c.plot
		}
	}
	return errors.Join(c.show(s, s.text), failure)
}

func (s *spectra) text(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "name\tshape\tσ₁\tσₖ\trank\teff. rank\tstable rank\tnuclear\tFrobenius\texponent")
	for _, m := range s.Matrices {
		shape := fmt.Sprintf("%d×%d", m.Shape[0], m.Shape[1])
		if m.measured == nil {
			fmt.Fprintf(w, "%s\t%s\t%s\n", m.Name, shape, m.Problem)
			continue
		}
		law := "-"
		if m.Exponent != nil {
			law = strconv.FormatFloat(*m.Exponent, 'f', 3, 64)
		}
		if m.ExponentError != nil {
			law += fmt.Sprintf(" ± %.3f", *m.ExponentError)
		}
		fmt.Fprintf(w, "%s\t%s\t%.5g\t%.3g\t%d\t%.4g\t%.4g\t%.5g\t%.5g\t%s\n", m.Name, shape,
			m.Largest, m.Smallest, m.Rank, m.EffectiveRank, m.StableRank, m.Nuclear, m.Frobenius, law)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if path, ok := s.Outputs["plot"]; ok {
		fmt.Fprintln(out, "wrote", path)
	}
	_, err := fmt.Fprintf(out, "%d matrices, %s on %s, %.4g seconds; no value is off by more than %.2g of σ₁\n",
		len(s.Matrices), s.DType, s.Backend, s.Seconds, s.outcome.Certificate["relative_error_bound"])
	return err
}
