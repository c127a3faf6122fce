package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ritz-go/ritz/cmd/ritz/picture"
)

// flags adds the common flags to a computing command. They and those of the
// command are held against checks before anything is read; a job does so for
// all its tasks before it runs the first.
func (c *common) flags(cmd *cobra.Command, checks ...func() error) {
	f := cmd.Flags()
	f.StringVar(&c.backend, "backend", "auto", "device: auto, go, cpu, cuda, cuda:N or cuda:UUID")
	choices(cmd, &c.dtype, "dtype", "", "type of the numbers (default: what the file holds):", "f32", "f64")
	f.IntVar(&c.threads, "threads", 0, "threads (0: OPENBLAS_NUM_THREADS, else all that the process may use)")
	f.Uint64Var(&c.seed, "seed", 0, "seed of the random numbers (default 0)")
	f.IntVar(&c.repeat, "repeat", 1, "time this many calls after a warm-up and report the median")
	f.BoolVar(&c.json, "json", false, "print one JSON object")
	f.StringVar(&c.plot, "plot", "", "draw the result into this .svg or .png `FILE` (default: none)")
	f.StringVarP(&c.output, "output", "o", "", "write the results to this `PATH` (default: none)")
	cmd.PreRunE = func(*cobra.Command, []string) error {
		for _, check := range append([]func() error{c.check}, checks...) {
			if err := check(); err != nil {
				return err
			}
		}
		return nil
	}
}

// check checks the common flags.
func (c *common) check() error {
	switch {
	case c.repeat < 1:
		return usagef("--repeat is %d, must be at least 1", c.repeat)
	case c.threads < 0:
		return usagef("--threads is %d, must not be negative", c.threads)
	case c.plot != "" && !picture.Known(c.plot):
		return usagef("--plot is %q, must end in .svg or .png", c.plot)
	}
	return nil
}

// choices adds a flag that has one of a few values.
func choices(cmd *cobra.Command, p *string, name, value, what string, allowed ...string) {
	*p = value
	list := strings.Join(allowed[:len(allowed)-1], ", ") + " or " + allowed[len(allowed)-1]
	cmd.Flags().Var(choice{p, allowed, list}, name, strings.TrimSpace(what+" "+list))
	// The only error is that the flag does not exist.
	_ = cmd.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(allowed, cobra.ShellCompDirectiveNoFileComp))
}

// choice is the value of such a flag.
type choice struct {
	value   *string
	allowed []string
	list    string
}

func (c choice) String() string {
	if c.value == nil {
		return ""
	}
	return *c.value
}

func (c choice) Set(s string) error {
	if !slices.Contains(c.allowed, s) {
		return fmt.Errorf("must be %s", c.list)
	}
	*c.value = s
	return nil
}

func (choice) Type() string { return "string" }
