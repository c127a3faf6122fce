package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ritz-go/ritz/cmd/ritz/job"
	"github.com/ritz-go/ritz/cmd/ritz/report"
	"github.com/ritz-go/ritz/goapi/device"
)

func newRun(c *common) *cobra.Command {
	var shard, out string
	var resume bool
	cmd := &cobra.Command{
		Use:   "run JOB.yaml",
		Short: "Run a batch job and write a report",
		Long: `Runs the tasks of a job file one after the other and writes report.html.

  name: example
  defaults: {dtype: f64}
  tasks:
    - {name: spectrum, command: svd, input: A.npy, rank: 50}
    - {name: factor, command: polar, needs: [spectrum], input: "{out}/spectrum/U.npy"}

A task has a name, a command (svd, polar, spectrum, hessian or sinkhorn), for
some an input, and the command's flags as keys. Relative inputs refer to the
folder of the job file, "{out}/" to the folder of the results. The results of
a task appear in OUT/NAME when they are whole. Standard output has one JSON
object a line for each task.

--shard i/n runs part i, counted from 0, of n; --shard auto takes both from
Slurm (array or process), Kubernetes (JOB_COMPLETION_INDEX, with the number in
JOB_COMPLETIONS) or MPI. --resume leaves out tasks whose results are there, of
the same definition, and unchanged.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := job.ParseShard(shard, os.Getenv)
			if err != nil {
				return usage(err)
			}
			return runJob(cmd.Context(), c, args[0], job.Options{Out: out, Shard: s, Resume: resume})
		},
	}
	f := cmd.Flags()
	f.StringVarP(&out, "output", "o", "out", "folder for the results")
	f.StringVar(&shard, "shard", "", "part i/n of the tasks, or auto")
	f.BoolVar(&resume, "resume", false, "skip tasks that are done")
	return cmd
}

func runJob(ctx context.Context, c *common, path string, o job.Options) error {
	j, err := job.Load(path)
	if err != nil {
		return usage(err)
	}
	// A task may set the number of threads for the whole process.
	threads := runtime.GOMAXPROCS(0)
	o.Version = version
	o.Lines = c.stdout
	o.Run = func(ctx context.Context, args []string) ([]byte, int, string) {
		defer runtime.GOMAXPROCS(threads)
		var stdout, stderr bytes.Buffer
		code := execute(ctx, args, &stdout, &stderr)
		return stdout.Bytes(), code, strings.TrimPrefix(strings.TrimSpace(stderr.String()), "ritz: ")
	}
	tasks := j.Select(o.Shard)
	bar := progress(c, len(tasks), j.Name)
	o.Begin = func(t job.Task, number, total int) {
		bar.Describe(t.Name)
		c.log.Info("task", "name", t.Name, "number", number, "of", total)
	}
	o.End = func(out job.Outcome) {
		bar.Add(1)
		if out.Code != exitOK {
			c.log.Warn("task", "name", out.Task.Name, "code", out.Code, "message", out.Message)
		}
	}
	outcomes, interrupted := j.Run(ctx, o)
	bar.Finish()

	var entries []report.Task
	failed, unconverged := 0, 0
	for _, out := range outcomes {
		entries = append(entries, report.Task{
			Name: out.Task.Name, Parameters: out.Task.Parameters(), Result: out.Result, Code: out.Code,
			Message: out.Message, Dir: out.Dir, Skipped: out.Skipped,
		})
		switch {
		case !out.OK():
			failed++
		case out.Code == exitNotConverged:
			unconverged++
		}
	}
	if len(outcomes) == 0 && interrupted != nil {
		return interrupted
	}
	name := "report.html"
	if o.Shard.Count > 1 {
		name = fmt.Sprintf("report-%d-of-%d.html", o.Shard.Index, o.Shard.Count)
	}
	name = filepath.Join(o.Out, name)
	if err := report.Write(name, j.Name, entries, time.Now()); err != nil {
		return errors.Join(err, interrupted)
	}
	fmt.Fprintf(os.Stderr, "report: %s\n", name)
	switch {
	case interrupted != nil:
		return interrupted
	case failed > 0:
		return fmt.Errorf("%d of %d tasks failed", failed, len(outcomes))
	case unconverged > 0:
		return fmt.Errorf("%d of %d tasks: %w", unconverged, len(outcomes), device.ErrNotConverged)
	}
	return nil
}
