package job

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

// Runner executes one command line and returns what it printed and its exit
// code.
type Runner func(ctx context.Context, args []string) (result []byte, code int, message string)

// Options of Run.
type Options struct {
	Out     string // folder of the results
	Shard   Shard
	Resume  bool
	Version string
	Run     Runner
	Lines   io.Writer // one JSON line for each task
	// Begin and End, if not nil, are called around each task.
	Begin func(t Task, number, total int)
	End   func(o Outcome)
}

// Outcome tells how a task ended.
type Outcome struct {
	Task    Task
	Code    int // exit code; 0 done, 4 not converged
	Message string
	Result  json.RawMessage // the JSON object of the command, nil if it failed
	Dir     string          // folder of the results
	Skipped bool            // an earlier run had finished it
	Seconds float64
}

// OK reports whether the task has results.
func (o Outcome) OK() bool { return o.Result != nil }

// Run runs the tasks of a shard one after the other. A task that fails does
// not stop those after it, except those that need it. When ctx ends, the
// running task is abandoned, its partial results are removed, and Run returns
// what was done with the error of ctx.
func (j *Job) Run(ctx context.Context, o Options) ([]Outcome, error) {
	if err := os.MkdirAll(o.Out, 0o777); err != nil {
		return nil, err
	}
	tasks := j.Select(o.Shard)
	var outcomes []Outcome
	failed := map[string]bool{}
	for i, t := range tasks {
		if o.Begin != nil {
			o.Begin(t, i+1, len(tasks))
		}
		out := j.runTask(ctx, t, o, failed)
		if err := ctx.Err(); err != nil {
			return outcomes, fmt.Errorf("interrupted in task %s after %d of %d tasks; --resume goes on from here: %w", t.Name, i, len(tasks), err)
		}
		failed[t.Name] = !out.OK()
		outcomes = append(outcomes, out)
		if err := writeLine(o.Lines, out); err != nil {
			return outcomes, err
		}
		if o.End != nil {
			o.End(out)
		}
	}
	return outcomes, nil
}

func (j *Job) runTask(ctx context.Context, t Task, o Options, failed map[string]bool) Outcome {
	out := Outcome{Task: t, Dir: filepath.Join(o.Out, t.Name)}
	for _, n := range t.Needs {
		if failed[n] {
			out.Code, out.Message = 1, "the task "+n+", which it needs, failed"
			return out
		}
	}
	final := j.args(t, o.Out, out.Dir)
	id := definition(final, o.Version)
	if o.Resume {
		if r, err := finished(out.Dir, id); err == nil {
			out.Code, out.Result, out.Skipped = r.Code, r.Result, true
			return out
		}
	}
	partial := filepath.Join(o.Out, "."+t.Name+".partial")
	if err := os.RemoveAll(partial); err == nil {
		err = os.MkdirAll(partial, 0o777)
		if err != nil {
			out.Code, out.Message = 1, err.Error()
			return out
		}
	}
	defer os.RemoveAll(partial)
	start := time.Now()
	result, code, message := o.Run(ctx, j.args(t, o.Out, partial))
	out.Seconds, out.Code, out.Message = time.Since(start).Seconds(), code, message
	if ctx.Err() != nil || !json.Valid(result) {
		if out.Code == 0 {
			out.Code, out.Message = 1, "the command printed no result"
		}
		return out
	}
	// The result names files by the folder they were written to.
	result = bytes.ReplaceAll(result, []byte(partial), []byte(out.Dir))
	r := &record{Definition: id, Code: code, Result: result}
	if err := r.keep(partial, out.Dir); err != nil {
		out.Code, out.Message = 1, err.Error()
		return out
	}
	out.Result = result
	return out
}

// writeLine prints one task as a JSON line.
func writeLine(w io.Writer, o Outcome) error {
	line := struct {
		Task    string          `json:"task"`
		Code    int             `json:"code"`
		Skipped bool            `json:"skipped,omitempty"`
		Error   string          `json:"error,omitempty"`
		Result  json.RawMessage `json:"result,omitempty"`
	}{o.Task.Name, o.Code, o.Skipped, o.Message, o.Result}
	data, err := json.Marshal(line) // compacts the result to one line
	if err != nil {
		return err
	}
	_, err = w.Write(append(data, '\n'))
	return err
}
