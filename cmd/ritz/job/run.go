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
	"strings"
)

// Reply is what a worker says of a command line.
type Reply struct {
	Result  []byte // what the command printed
	Code    int    // exit code
	Message string
	Fate    Fate
}

// Fate tells what a failure means for the worker.
type Fate int

const (
	// Ended: the command ran to its end, good or bad.
	Ended Fate = iota
	// Died: the worker or its device was lost. Another may fare better.
	Died
	// NoMemory: there was not enough memory for the task.
	NoMemory
)

// Worker executes one command line at a time.
type Worker struct {
	Name string // of its GPU, "" for this process
	Run  func(ctx context.Context, args []string) Reply
}

// Options of Run.
type Options struct {
	Out     string // folder of the results
	Shard   Shard
	Resume  bool
	Version string
	Workers []Worker // those with most memory first
	// File returns the path of the file that an input names.
	File func(input string) string
	// Begin and End are called around each task, never two at a time. A task
	// that is tried again begins twice. The worker is "" for a task that none
	// gets.
	Begin func(t Task, number, total int, worker string)
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
	Worker  string          // that ran it, "" for this process or none
}

// OK reports whether the task has results.
func (o Outcome) OK() bool { return o.Result != nil }

// Run runs the tasks of a shard, as many at a time as there are workers, each
// after those that it needs; with one worker, in the order of Select. A task
// that fails does not stop the others, except those that need it. When ctx
// ends, the running tasks are abandoned, their partial results are removed,
// and Run returns what was done with the error of ctx. The outcomes are in the
// order of Select.
func (j *Job) Run(ctx context.Context, o Options) ([]Outcome, error) {
	if err := os.MkdirAll(o.Out, 0o777); err != nil {
		return nil, err
	}
	s := newSchedule(j.Select(o.Shard), o.Workers)
	read := inputs{known: map[string]func() string{}}
	type ending struct {
		*entry
		Outcome
		Fate
	}
	ended := make(chan ending)
	var abandoned []string
	for {
		for e, w, refusal := s.next(); e != nil && ctx.Err() == nil; e, w, refusal = s.next() {
			if w == nil {
				o.Begin(e.task, e.number, len(s.entries), "")
				s.settle(e, Outcome{Task: e.task, Code: 1, Message: refusal, Dir: filepath.Join(o.Out, e.task.Name)}, o.End)
				continue
			}
			o.Begin(e.task, e.number, len(s.entries), w.Name)
			s.start(e, w)
			go func() {
				out, fate := j.runTask(ctx, e.task, o, w.Worker, &read)
				ended <- ending{e, out, fate}
			}()
		}
		if s.running == 0 {
			break
		}
		x := <-ended
		again := s.finish(x.entry, x.Fate, x.Message)
		switch {
		case ctx.Err() != nil:
			abandoned = append(abandoned, x.task.Name)
		case !again:
			s.settle(x.entry, x.tell(x.Outcome), o.End)
		}
	}
	outcomes, waiting := s.outcomes()
	if err := ctx.Err(); err != nil && waiting != "" {
		if abandoned == nil {
			abandoned = []string{waiting}
		}
		return outcomes, fmt.Errorf("interrupted in task %s after %d of %d tasks; --resume goes on from here: %w",
			strings.Join(abandoned, ", "), len(outcomes), len(s.entries), err)
	}
	return outcomes, nil
}

// definition identifies a task by its command line, the contents of its inputs
// and the version.
func (j *Job) definition(t Task, o Options, dir string, read *inputs) string {
	parts := append([]string{o.Version}, j.args(t, o.Out, dir)...)
	for _, in := range t.reads() {
		parts = append(parts, read.hash(o.File(j.locate(in, o.Out))))
	}
	return digest(parts...)
}

// runTask runs a task on a worker, unless its results are there already.
func (j *Job) runTask(ctx context.Context, t Task, o Options, w Worker, read *inputs) (Outcome, Fate) {
	out := Outcome{Task: t, Dir: filepath.Join(o.Out, t.Name)}
	dir := partial(out.Dir)
	folder, err := newClaim(dir)
	if err != nil {
		out.Code, out.Message = 1, err.Error()
		return out, Ended
	}
	defer folder.abandon()
	if err := os.RemoveAll(earlier(out.Dir)); err != nil { // of a killed run
		out.Code, out.Message = 1, err.Error()
		return out, Ended
	}
	id := j.definition(t, o, out.Dir, read)
	if o.Resume {
		if r, err := finished(out.Dir, id); err == nil {
			out.Code, out.Result, out.Skipped = r.Code, r.Result, true
			return out, Ended
		}
	}
	reply := w.Run(ctx, j.args(t, o.Out, dir))
	out.Code, out.Message, out.Worker = reply.Code, reply.Message, w.Name
	if ctx.Err() != nil || !json.Valid(reply.Result) {
		if out.Code == 0 {
			out.Code, out.Message = 1, "the command printed no result"
		}
		return out, reply.Fate
	}
	// The result names files by the folder they were written to.
	result := bytes.ReplaceAll(reply.Result, quoted(dir), quoted(out.Dir))
	r := &record{Definition: id, Code: reply.Code, Result: result}
	if err := errors.Join(folder.end(), r.keep(dir, out.Dir)); err != nil {
		os.RemoveAll(dir)
		out.Code, out.Message = 1, err.Error()
		return out, Ended
	}
	out.Result = result
	return out, Ended
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
		Worker  string          `json:"worker,omitempty"`
		Error   string          `json:"error,omitempty"`
		Result  json.RawMessage `json:"result,omitempty"`
	}{o.Task.Name, o.Code, o.Skipped, o.Worker, o.Message, o.Result}
	data, err := json.Marshal(line) // compacts the result to one line
	if err != nil {
		return err
	}
	_, err = w.Write(append(data, '\n'))
	return err
}
