package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ritz-go/ritz/goapi/backend"
	"github.com/ritz-go/ritz/goapi/device"
)

// common are the flags that every computing command has.
type common struct {
	backend string
	dtype   string
	threads int
	seed    uint64
	repeat  int
	json    bool
	plot    string
	output  string
	toFile  bool // output is a file, not a folder
	tensor  string
	memory  uint64 // bytes that the work takes on the device, 0 if unknown

	stdout io.Writer
	log    *slog.Logger
}

// execute runs one command line. It is called by main and, for the tasks of a
// job, by perform.
func execute(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	root := newRoot(stdout, stderr)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if errors.Is(err, context.Canceled) && !strings.HasPrefix(err.Error(), "interrupted") {
		return fmt.Errorf("interrupted: %w", err)
	}
	return err
}

func newRoot(stdout, stderr io.Writer) *cobra.Command {
	c := &common{stdout: stdout}
	level := new(slog.LevelVar)
	level.Set(slog.LevelWarn)
	c.log = slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: level}))
	verbose := false
	root := &cobra.Command{
		Use:   "ritz",
		Short: "Singular values, polar factors, Hessian spectra and optimal transport",
		Long: `Ritz computes on matrices in files (.npy .npz .csv .mtx .safetensors, IDX) and
certifies every result. Results go to standard output, logs and progress to
standard error.

Exit codes: 0 done, 1 failed (a file that is missing, malformed or cannot be
written, an interruption), 2 wrong usage, option or input (shape, NaN, weights),
3 no such device, 4 not converged (the results were written all the same).`,
		Version: version,
		Args:    knownCommand,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },

		SuggestionsMinimumDistance: 2,

		SilenceErrors:     true,
		SilenceUsage:      true,
		DisableAutoGenTag: true,
		PersistentPreRun: func(*cobra.Command, []string) {
			if verbose {
				level.Set(slog.LevelInfo)
			}
		},
	}
	root.SetOut(stdout)
	root.SetErr(stderr)
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usage(err) })
	root.PersistentFlags().BoolVarP(&verbose, "verbose", "v", false, "log what is being done")
	root.AddCommand(
		newSVD(c), newEigh(c), newPolar(c), newSpectrum(c), newHessian(c), newSinkhorn(c),
		newRun(c), newTask(), newPaper(c), newBench(c), newDevices(c), newVersion(c), newMan(c))
	for _, sub := range root.Commands() {
		strictArgs(sub)
	}
	return root
}

// strictArgs makes wrong arguments of a command and of those below it the usage
// errors that they are. A command takes none unless it says otherwise.
func strictArgs(cmd *cobra.Command) {
	if cmd.Args == nil {
		cmd.Args = cobra.NoArgs
	}
	args := cmd.Args
	cmd.Args = func(cmd *cobra.Command, a []string) error {
		if err := args(cmd, a); err != nil {
			return usagef("%w; the form is %s", err, cmd.UseLine())
		}
		return nil
	}
	for _, sub := range cmd.Commands() {
		strictArgs(sub)
	}
}

// knownCommand refuses what is left of a command line whose command was not
// found.
func knownCommand(root *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	if like := root.SuggestionsFor(args[0]); len(like) > 0 {
		return usagef("there is no command %q; did you mean %s?", args[0], strings.Join(like, " or "))
	}
	return usagef("there is no command %q; \"ritz help\" lists them", args[0])
}

// open opens the device of the flags, after a look at where results go: to
// those of the flags and to further folders.
func (c *common) open(folders ...string) (device.Device, error) {
	if err := c.writable(folders...); err != nil {
		return nil, err
	}
	if c.threads > 0 {
		runtime.GOMAXPROCS(c.threads)
	}
	dev, err := backend.Open(c.backend, backend.Options{Threads: c.threads, Memory: c.memory})
	if err != nil {
		return nil, err
	}
	info := dev.Info()
	c.log.Info("device", "name", info.Name, "backend", info.Backend, "threads", info.Threads)
	for _, w := range info.Warnings {
		c.log.Warn(w)
	}
	for _, note := range info.Notes {
		c.log.Info(note)
	}
	return dev, nil
}
