package job

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
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
	// File returns the path of the file that an input names.
	File func(input string) string
	// Begin and End are called around each task.
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
	read := inputs{}
	for i, t := range tasks {
		o.Begin(t, i+1, len(tasks))
		out := j.runTask(ctx, t, o, failed, read)
		if err := ctx.Err(); err != nil {
			return outcomes, fmt.Errorf("interrupted in task %s after %d of %d tasks; --resume goes on from here: %w", t.Name, i, len(tasks), err)
		}
		failed[t.Name] = !out.OK()
		outcomes = append(outcomes, out)
		o.End(out)
	}
	return outcomes, nil
}

// definition identifies a task by its command line, the contents of its inputs
// and the version.
func (j *Job) definition(t Task, o Options, dir string, read inputs) string {
	parts := append([]string{o.Version}, j.args(t, o.Out, dir)...)
	for _, in := range t.reads() {
		parts = append(parts, read.hash(o.File(j.locate(in, o.Out))))
	}
	return digest(parts...)
}

func (j *Job) runTask(ctx context.Context, t Task, o Options, failed map[string]bool, read inputs) Outcome {
	out := Outcome{Task: t, Dir: filepath.Join(o.Out, t.Name)}
	for _, n := range t.Needs {
		if failed[n] {
			out.Code, out.Message = 1, "the task "+n+", which it needs, failed"
			return out
		}
	}
	dir := partial(out.Dir)
	if err := errors.Join(os.RemoveAll(dir), os.RemoveAll(earlier(out.Dir))); err != nil { // of a killed run
		out.Code, out.Message = 1, err.Error()
		return out
	}
	id := j.definition(t, o, out.Dir, read)
	if o.Resume {
		if r, err := finished(out.Dir, id); err == nil {
			out.Code, out.Result, out.Skipped = r.Code, r.Result, true
			return out
		}
	}
	if err := os.Mkdir(dir, 0o777); err != nil {
		out.Code, out.Message = 1, err.Error()
		return out
	}
	defer os.RemoveAll(dir)
	result, code, message := o.Run(ctx, j.args(t, o.Out, dir))
	out.Code, out.Message = code, message
	if ctx.Err() != nil || !json.Valid(result) {
		if out.Code == 0 {
			out.Code, out.Message = 1, "the command printed no result"
		}
		return out
	}
	// The result names files by the folder they were written to.
	result = bytes.ReplaceAll(result, quoted(dir), quoted(out.Dir))
	r := &record{Definition: id, Code: code, Result: result}
	if err := r.keep(dir, out.Dir); err != nil {
		out.Code, out.Message = 1, err.Error()
		return out
	}
	out.Result = result
	return out
}

// quoted returns a path as it stands within a JSON string.
func quoted(path string) []byte {
	data, _ := json.Marshal(path) // strings have no error
	return data[1 : len(data)-1]
}

// WriteLine prints the outcome as one line of JSON.
func (o Outcome) WriteLine(w io.Writer) error {
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
