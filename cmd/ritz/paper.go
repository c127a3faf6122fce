package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/ritz-go/ritz/cmd/ritz/picture"
	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/paper"
	"github.com/ritz-go/ritz/goapi/paper/auon"
	"github.com/ritz-go/ritz/goapi/paper/dynamicalstability"
	"github.com/ritz-go/ritz/goapi/paper/hessianalign"
	"github.com/ritz-go/ritz/goapi/paper/hessianspectrum"
	"github.com/ritz-go/ritz/goapi/paper/sigmareparam"
	"github.com/ritz-go/ritz/goapi/paper/sinkhornnewton"
)

// papers are the reproductions, in alphabetical order.
var papers = []struct {
	name, short string
	reproduce   func(context.Context, device.Device, paper.Options) (*paper.Reproduction, error)
}{
	{"auon", "Bounded momentum instead of an orthogonal one (Maity 2025)", auon.Reproduce},
	{"dynamical-stability", "Step sizes at which SGD stays at a minimum (Wu and Su 2023)", dynamicalstability.Reproduce},
	{"hessian-alignment", "Penalties that align the Hessians of training domains (Hemati et al. 2023)", hessianalign.Reproduce},
	{"hessian-spectrum", "Bulk and outliers of the Hessian through training (Sagun et al. 2017)", hessianspectrum.Reproduce},
	{"sigma-reparam", "Attention entropy and weights of bounded spectral norm (Zhai et al. 2023)", sigmareparam.Reproduce},
	{"sinkhorn-newton", "Sinkhorn's iteration finished by sparse Newton steps (Tang et al. 2024)", sinkhornnewton.Reproduce},
}

func newPaper(c *common) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "paper NAME",
		Short: "Reproduce the results of a paper and show them beside the published ones",
		Long: `Runs the reproduction of a paper and prints its tables, where (…) holds the
published figure, and what our figures say of each of its claims. Without --full
it takes a minute or two.`,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	for _, p := range papers {
		cmd.AddCommand(newReproduction(c, p.name, p.short, p.reproduce))
	}
	return cmd
}

func newReproduction(c *common, name, short string,
	reproduce func(context.Context, device.Device, paper.Options) (*paper.Reproduction, error)) *cobra.Command {
	var o paper.Options
	cmd := &cobra.Command{
		Use:   name,
		Short: short,
		PreRunE: func(*cobra.Command, []string) error {
			c.repeat = 1
			return c.check()
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			c.toFile = true
			dev, err := c.open()
			if err != nil {
				return err
			}
			defer dev.Close()
			o.Seed = c.seed
			bar := progress(c, -1, name)
			o.Progress = func(done, total int, next string) {
				bar.ChangeMax(total)
				bar.Describe(next)
				bar.Set(done)
				c.log.Info(name, "done", done, "of", total, "next", next)
			}
			start := time.Now()
			r, err := reproduce(cmd.Context(), dev, o)
			bar.Finish()
			if err != nil {
				return err
			}
			return c.finishPaper(reproduction{Reproduction: r, Seconds: time.Since(start).Seconds(), Environment: environmentOf(dev)})
		},
	}
	f := cmd.Flags()
	f.StringVar(&c.backend, "backend", "auto", "device: auto, go, cpu, cuda, cuda:N or cuda:UUID")
	f.IntVar(&c.threads, "threads", 0, "threads (0: all that the process may use)")
	f.Uint64Var(&c.seed, "seed", 0, "seed of the random numbers (default 0)")
	f.BoolVar(&o.Full, "full", false, "the sizes of the paper where this machine can do them")
	f.StringVar(&o.Data, "data", "tests/data", "`FOLDER` of the data sets")
	f.BoolVar(&c.json, "json", false, "print one JSON object")
	f.StringVar(&c.plot, "plot", "", "draw the charts into this .svg or .png `FILE` (default: none)")
	f.StringVarP(&c.output, "output", "o", "", "write the JSON object to this `FILE` (default: none)")
	return cmd
}

// reproduction is the JSON object of the command.
type reproduction struct {
	*paper.Reproduction
	Seconds     float64     `json:"seconds"`
	Environment environment `json:"environment"`
}

func (c *common) finishPaper(r reproduction) error {
	if c.plot != "" {
		if err := picture.Charts(c.plot, r.Charts); err != nil {
			return err
		}
	}
	if printed, err := c.publish(r); printed || err != nil {
		return err
	}
	return r.text(c.stdout)
}

// text prints the reproduction for people.
func (r reproduction) text(out io.Writer) error {
	fmt.Fprintf(out, "%s\n%s\n\n%s\n", r.Title, r.Source, r.Setup)
	for _, t := range r.Tables {
		fmt.Fprintf(out, "\n%s\n", t.Title)
		w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, strings.Join(t.Columns, "\t"))
		for _, row := range t.Rows {
			cells := []string{row.Name}
			for _, cell := range row.Cells {
				cells = append(cells, cellText(cell))
			}
			fmt.Fprintln(w, strings.Join(cells, "\t"))
		}
		if err := w.Flush(); err != nil {
			return err
		}
	}
	fmt.Fprintln(out)
	for _, claim := range r.Claims {
		verdict := "holds"
		if !claim.Holds {
			verdict = "NOT HERE"
		}
		fmt.Fprintf(out, "%-8s  %s (%s): %s\n", verdict, claim.Statement, claim.Where, claim.Figures)
	}
	_, err := fmt.Fprintf(out, "\n%.3g seconds\n", r.Seconds)
	return err
}

// cellText prints our figure, its standard error, and (the published one).
func cellText(c paper.Cell) string {
	var parts []string
	switch {
	case c.Text != "":
		parts = append(parts, c.Text)
	case c.Value == nil:
		parts = append(parts, "–")
	default:
		parts = append(parts, fmt.Sprintf("%.4g", *c.Value))
	}
	if c.StdErr > 0 {
		parts = append(parts, fmt.Sprintf("± %.2g", c.StdErr))
	}
	if c.Published != nil {
		parts = append(parts, fmt.Sprintf("(%.4g)", *c.Published))
	}
	return strings.Join(parts, " ")
}
