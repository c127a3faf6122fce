package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/ritz-go/ritz/cmd/ritz/job"
	"github.com/ritz-go/ritz/cmd/ritz/report"
	"github.com/ritz-go/ritz/goapi/device"
)

func newRun(c *common) *cobra.Command {
	var shard, out, gpus string
	var resume bool
	cmd := &cobra.Command{
		Use:   "run JOB.yaml",
		Short: "Run a batch job and write a report",
		Long: `Runs the tasks of a job file, one after the other or on several GPUs at once,
and writes report.html; the path of the report is the last line on standard
error.

  name: example
  defaults: {dtype: f64}
  tasks:
    - {name: spectrum, command: svd, input: A.npy, rank: 50}
    - {name: factor, command: polar, needs: [spectrum], input: "{out}/spectrum/U.npy"}

A task has a name, a command (svd, polar, spectrum, hessian or sinkhorn), for
some an input, and the command's flags as keys, all of which are checked before
the first task runs; a warning tells then which inputs are not there. Relative inputs refer to the folder of the job file,
"{out}/" to the folder of the results. The results of a task appear in OUT/NAME
when they are whole. Standard output has one JSON object a line for each task;
on a terminal, a summary instead.

--shard i/n runs part i, counted from 0, of n; --shard auto takes both from MPI,
Slurm (arrays, the processes of srun, or those of each part of an array) or
Kubernetes (JOB_COMPLETION_INDEX, with the number in JOB_COMPLETIONS). --resume leaves out tasks whose results are there and
unchanged, and were computed by the same definition from the same inputs, also
if auto or --gpus chose another device then.

--gpus all, or --gpus N for the N with most free memory, runs a task on every
GPU at a time, each in a process of its own, after the tasks that it needs. The
GPUs are those that "ritz devices" lists as available. A task computes on its
GPU unless its backend is cpu or go; all share the threads of the CPU. Lines
appear as tasks end, with the GPU as "worker". When a process dies or its GPU is
lost, its task runs once more, on another GPU if there is one; a GPU that is
lost with two different tasks in a row is not used any more. A task for which
the memory did not suffice runs once more at the end, alone, on the GPU with
most memory. The exit code is 3 if there are fewer GPUs than N, or none.`,
		Example: `  ritz run job.yaml -o out --resume
  ritz run job.yaml -o out --gpus all`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := job.ParseShard(shard, os.Getenv)
			if err != nil {
				return usage(err)
			}
			wanted, err := parseGPUs(gpus)
			if err != nil {
				return err
			}
			return runJob(cmd.Context(), c, args[0], wanted, job.Options{Out: out, Shard: s, Resume: resume})
		},
	}
	f := cmd.Flags()
	f.StringVarP(&out, "output", "o", "out", "folder for the results")
	f.StringVar(&shard, "shard", "", "part i/n of the tasks, or auto (default: all of them)")
	f.StringVar(&gpus, "gpus", "", "run tasks on all GPUs at once, or on `N` (default: one task at a time, in this process)")
	f.BoolVar(&resume, "resume", false, "skip tasks that are done")
	f.BoolVar(&c.json, "json", false, "print JSON lines on a terminal too")
	return cmd
}

func runJob(ctx context.Context, c *common, path string, gpus int, o job.Options) error {
	j, err := job.Load(path)
	if unread := new(fs.PathError); errors.As(err, &unread) {
		return err
	}
	if err != nil {
		return usage(err)
	}
	if err := j.Check(checkArgs); err != nil {
		return usage(err)
	}
	o.File = func(input string) string {
		file, _, _, _ := split(input, "")
		return file
	}
	for _, err := range j.Missing(j.Select(o.Shard), o.File) {
		c.log.Warn("an input is not there yet", "error", err)
	}
	o.Workers = []job.Worker{ownProcess()}
	if gpus != 0 {
		if o.Workers, err = gpuWorkers(c, j, path, gpus); err != nil {
			return err
		}
	}
	// Who reads the lines may leave; the results stand in files.
	signal.Ignore(syscall.SIGPIPE)

	o.Version = version
	lines := c.json || !term.IsTerminal(int(os.Stdout.Fd()))
	bar := progress(c, len(j.Select(o.Shard)), j.Name)
	o.Begin = func(t job.Task, number, total int, worker string) {
		bar.Describe(t.Name)
		facts := []any{"name", t.Name, "number", number, "of", total}
		if worker != "" {
			facts = append(facts, "worker", worker)
		}
		c.log.Info("task", facts...)
	}
	var unprinted error // the first failure to print; nothing is printed after it
	o.End = func(out job.Outcome) {
		bar.Clear()
		switch {
		case unprinted != nil:
		case lines:
			unprinted = out.WriteLine(c.stdout)
		default:
			unprinted = summary(c.stdout, out)
		}
		if lines && out.Code != exitOK {
			c.log.Warn("task", "name", out.Task.Name, "code", out.Code, "message", out.Message)
		}
		bar.Add(1)
	}
	outcomes, interrupted := j.Run(ctx, o)
	bar.Finish()
	if len(outcomes) == 0 && interrupted != nil {
		return interrupted
	}
	name, err := writeReport(j, o, outcomes)
	if err != nil {
		return errors.Join(err, interrupted)
	}
	defer fmt.Fprintln(os.Stderr, name)
	switch {
	case interrupted != nil:
		return interrupted
	case unprinted != nil:
		return fmt.Errorf("standard output: %w", unprinted)
	}
	return verdict(outcomes)
}

// checkArgs reports what is wrong with a command line without running it.
func checkArgs(args []string) error {
	cmd, rest, err := newRoot(io.Discard, io.Discard).Find(args)
	if err != nil {
		return err
	}
	if err := cmd.ParseFlags(rest); err != nil {
		return err
	}
	if err := cmd.ValidateArgs(cmd.Flags().Args()); err != nil {
		return err
	}
	return cmd.PreRunE(cmd, nil)
}

// summary prints an outcome for people.
func summary(w io.Writer, out job.Outcome) error {
	note := ""
	switch {
	case out.Skipped:
		note = " (done earlier)"
	case out.Worker != "":
		note = " (" + out.Worker + ")"
	}
	if _, err := fmt.Fprintf(w, "%s%s\n", out.Task.Name, note); err != nil {
		return err
	}
	if out.Message != "" {
		if _, err := fmt.Fprintf(w, "exit code %d: %s\n", out.Code, out.Message); err != nil {
			return err
		}
	}
	if out.OK() {
		r, err := parseOutcome(out.Result)
		if err != nil {
			return err
		}
		if err := r.text(w); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintln(w)
	return err
}

// writeReport writes the report of a job, or of a part of it, and returns its
// path.
func writeReport(j *job.Job, o job.Options, outcomes []job.Outcome) (string, error) {
	var entries []report.Task
	for _, out := range outcomes {
		entries = append(entries, report.Task{
			Name: out.Task.Name, Parameters: out.Task.Parameters(), Result: out.Result, Code: out.Code,
			Message: out.Message, Dir: out.Dir, Skipped: out.Skipped, Worker: out.Worker,
		})
	}
	name := "report.html"
	if o.Shard.Count > 1 {
		name = fmt.Sprintf("report-%d-of-%d.html", o.Shard.Index, o.Shard.Count)
	}
	name = filepath.Join(o.Out, name)
	return name, report.Write(name, j.Name, entries, time.Now())
}

// verdict is the error of a job that ran to its end.
func verdict(outcomes []job.Outcome) error {
	failed, unconverged := 0, 0
	for _, out := range outcomes {
		switch {
		case !out.OK():
			failed++
		case out.Code == exitNotConverged:
			unconverged++
		}
	}
	switch {
	case failed > 0:
		return fmt.Errorf("%d of %d tasks failed", failed, len(outcomes))
	case unconverged > 0:
		return fmt.Errorf("%d of %d tasks: %w", unconverged, len(outcomes), device.ErrNotConverged)
	}
	return nil
}
