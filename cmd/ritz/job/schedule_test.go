package job

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// bench runs a job on workers a, b, … whose replies a test decides.
type bench struct {
	sync.Mutex
	starts []string // "task@worker", as they start
	ends   []string // "task", as End is called
	beside map[string][]string
	active map[string]bool
}

// ok is the reply of a task that went well.
var ok = Reply{Result: []byte("{}")}

// run runs the tasks of a YAML list. reply is called on the worker's
// goroutine.
func (b *bench) run(ctx context.Context, t *testing.T, tasks string, workers int, reply func(ctx context.Context, task, worker string) Reply) ([]Outcome, error) {
	t.Helper()
	j, err := parse("job.yaml", []byte("tasks:\n"+tasks))
	if err != nil {
		t.Fatal(err)
	}
	b.beside, b.active = map[string][]string{}, map[string]bool{}
	o := Options{
		Out: t.TempDir(), Shard: Shard{0, 1}, File: func(in string) string { return in },
		Begin: func(Task, int, int, string) {},
		End:   func(o Outcome) { b.ends = append(b.ends, o.Task.Name) },
	}
	for i := range workers {
		name := string(rune('a' + i))
		o.Workers = append(o.Workers, Worker{name, func(ctx context.Context, args []string) Reply {
			task := taskOf(args)
			b.Lock()
			b.starts = append(b.starts, task+"@"+name)
			for other := range b.active {
				b.beside[task] = append(b.beside[task], other)
			}
			b.active[task] = true
			b.Unlock()
			r := reply(ctx, task, name)
			b.Lock()
			delete(b.active, task)
			b.Unlock()
			return r
		}})
	}
	outcomes, err := j.Run(ctx, o)
	if entries, _ := filepath.Glob(filepath.Join(o.Out, ".*")); len(entries) > 0 {
		t.Errorf("left %v", entries)
	}
	for _, out := range outcomes {
		if _, err := os.Stat(filepath.Join(out.Dir, recordName)); (err == nil) != out.OK() {
			t.Errorf("%s: %v, but its record: %v", out.Task.Name, out.OK(), err)
		}
	}
	return outcomes, err
}

// taskOf returns the name of the task whose folder the arguments name.
func taskOf(args []string) string {
	for _, a := range args {
		if dir, found := strings.CutPrefix(a, "--output="); found {
			return strings.TrimSuffix(strings.TrimPrefix(filepath.Base(dir), "."), ".partial")
		}
	}
	return ""
}

// task is a line of a job.
func task(name string, needs ...string) string {
	return fmt.Sprintf("  - {name: %s, command: polar, input: A.npy, needs: [%s]}\n", name, strings.Join(needs, ", "))
}

// tell lists what became of the tasks.
func tell(outcomes []Outcome) string {
	var list []string
	for _, o := range outcomes {
		mark := ""
		if !o.OK() {
			mark = "!"
		}
		list = append(list, mark+o.Task.Name+"@"+o.Worker)
	}
	return strings.Join(list, " ")
}

// With one worker tasks run in the order of Select, those that cannot run
// included.
func TestOneWorker(t *testing.T) {
	var b bench
	tasks := task("bad") + task("good") + task("child", "bad") + task("last", "good")
	out, err := b.run(t.Context(), t, tasks, 1, func(_ context.Context, task, _ string) Reply {
		if task == "bad" {
			return Reply{Code: 2, Message: "wrong"}
		}
		return ok
	})
	if err != nil || strings.Join(b.ends, " ") != "bad child good last" || tell(out) != "!bad@a !child@ good@a last@a" {
		t.Fatalf("%v, %v, %s", err, b.ends, tell(out))
	}
	if out[0].Code != 2 || out[0].Message != "wrong" || out[1].Code != 1 || !strings.Contains(out[1].Message, "the task bad") {
		t.Errorf("%+v", out)
	}
}

// Two tasks that wait for each other run at the same time, on different
// workers; outcomes come as tasks end, and are returned in the order of
// Select. What needs both starts after both.
func TestWorkersAtOnce(t *testing.T) {
	var b bench
	meet, first := make(chan bool), make(chan bool)
	out, err := b.run(t.Context(), t, task("x")+task("y")+task("both", "x", "y")+task("free"), 2, func(_ context.Context, task, _ string) Reply {
		switch task {
		case "x":
			meet <- true
			<-first // after free has ended
		case "y":
			<-meet
		case "free":
			close(first)
		}
		return ok
	})
	if err != nil || len(out) != 4 || b.ends[0] != "y" || slices.Index(b.ends, "x") > slices.Index(b.ends, "both") {
		t.Fatalf("%v, ended %v", err, b.ends)
	}
	if out[0].Worker == out[1].Worker || out[0].Task.Name != "x" || out[2].Task.Name != "both" || out[3].Task.Name != "free" {
		t.Error(tell(out))
	}
	if slices.Contains(b.beside["both"], "x") || slices.Contains(b.beside["both"], "y") {
		t.Errorf("both ran beside %v", b.beside["both"])
	}
}

// A task whose worker dies runs once more, elsewhere, and then fails with the
// cause; the workers go on, since it was the task.
func TestDeadlyTask(t *testing.T) {
	for workers := 1; workers <= 2; workers++ {
		var b bench
		out, err := b.run(t.Context(), t, task("poison")+task("p")+task("q")+task("child", "poison"), workers, func(_ context.Context, task, _ string) Reply {
			if task == "poison" {
				return Reply{Code: 1, Message: "signal: killed", Fate: Died}
			}
			return ok
		})
		var tries []string
		for _, s := range b.starts {
			if strings.HasPrefix(s, "poison") {
				tries = append(tries, s)
			}
		}
		slices.Sort(tries)
		want := [][]string{{"poison@a", "poison@a"}, {"poison@a", "poison@b"}}[workers-1]
		if err != nil || !slices.Equal(tries, want) || out[0].OK() || out[1].OK() || !out[2].OK() || !out[3].OK() {
			t.Errorf("%d workers: %v, %v, %s", workers, err, b.starts, tell(out))
		}
		if o := out[0]; o.Code != 1 || !strings.Contains(o.Message, "signal: killed (it was tried on a and on ") {
			t.Errorf("%d workers: %q", workers, o.Message)
		}
	}
}

// A worker that dies with two tasks in a row gets no third, and the batch does
// not suffer.
func TestDeadWorker(t *testing.T) {
	var b bench
	deaths := 0
	second := make(chan bool)
	tasks := ""
	for i := range 6 {
		tasks += task(fmt.Sprintf("t%d", i))
	}
	out, err := b.run(t.Context(), t, tasks, 2, func(_ context.Context, _, worker string) Reply {
		if worker == "a" {
			if deaths++; deaths == 2 {
				close(second)
			}
			return Reply{Code: 1, Message: "lost", Fate: Died}
		}
		<-second // so that a gets its second task
		return ok
	})
	if err != nil || deaths != 2 || tell(out) != "t0@b t1@b t2@b t3@b t4@b t5@b" {
		t.Errorf("%v, %d deaths, %s", err, deaths, tell(out))
	}
}

// A worker on which a task went well in between is still used.
func TestRecoveredWorker(t *testing.T) {
	var b bench
	tries := map[string]int{}
	out, err := b.run(t.Context(), t, task("p")+task("q")+task("r")+task("s"), 1, func(_ context.Context, task, _ string) Reply {
		if tries[task]++; task != "q" && tries[task] == 1 {
			return Reply{Code: 1, Message: "lost", Fate: Died}
		}
		return ok
	})
	if err != nil || tell(out) != "p@a q@a r@a s@a" || len(b.starts) != 7 {
		t.Errorf("%v, %v, %s", err, b.starts, tell(out))
	}
}

// When no worker is left, what remains fails and says why.
func TestNoWorkerLeft(t *testing.T) {
	for workers := 1; workers <= 3; workers++ {
		var b bench
		tasks := ""
		for i := range 9 {
			tasks += task(fmt.Sprintf("t%d", i))
		}
		out, err := b.run(t.Context(), t, tasks, workers, func(_ context.Context, _, worker string) Reply {
			return Reply{Code: 1, Message: "lost " + worker, Fate: Died}
		})
		if err != nil || len(out) != 9 || len(b.starts) > 3*workers {
			t.Fatalf("%d workers: %v, %v", workers, err, b.starts)
		}
		for _, o := range out {
			if o.OK() || o.Code != 1 || !strings.Contains(o.Message, "lost ") {
				t.Errorf("%d workers: %s: code %d, %q", workers, o.Task.Name, o.Code, o.Message)
			}
		}
		last := out[8].Message
		for i := range workers {
			if name := string(rune('a' + i)); !strings.Contains(last, "no GPU is left") || !strings.Contains(last, name+": lost "+name) {
				t.Errorf("%d workers: %q", workers, last)
			}
		}
	}
}

// A task for which the memory does not suffice runs again on the first worker
// when nothing else runs, and then fails with what it says.
func TestMemory(t *testing.T) {
	for _, fits := range []bool{true, false} {
		var b bench
		tries := 0
		tasks := task("big") + task("p") + task("q") + task("r") + task("child", "big") + task("other", "big")
		out, err := b.run(t.Context(), t, tasks, 2, func(_ context.Context, task, _ string) Reply {
			if task != "big" {
				return ok
			}
			b.Lock()
			defer b.Unlock()
			if tries++; tries == 2 {
				if last := b.starts[len(b.starts)-1]; last != "big@a" || len(b.active) != 1 || !slices.Equal(slices.Sorted(slices.Values(b.ends)), []string{"p", "q", "r"}) {
					t.Errorf("started as %s beside %v after %v", last, b.active, b.ends)
				}
				if fits {
					return ok
				}
			}
			return Reply{Code: 1, Message: "out of memory", Fate: NoMemory}
		})
		if err != nil || tries != 2 || out[0].OK() != fits || out[1].OK() != fits || !out[5].OK() {
			t.Errorf("%v, %d tries, %s", err, tries, tell(out))
		}
		if !fits && out[0].Message != "out of memory" {
			t.Errorf("%q", out[0].Message)
		}
	}
	var b bench
	out, err := b.run(t.Context(), t, task("big")+task("p"), 1, func(_ context.Context, task, _ string) Reply {
		if task == "big" {
			return Reply{Code: 1, Message: "out of memory", Fate: NoMemory}
		}
		return ok
	})
	if err != nil || tell(out) != "!big@a p@a" || len(b.starts) != 2 {
		t.Errorf("one worker: %v, %v, %s", err, b.starts, tell(out))
	}
}

// An interrupted job waits for its workers, names the tasks that it abandons
// and starts no others.
func TestInterruptedWorkers(t *testing.T) {
	var b bench
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	both := make(chan bool)
	out, err := b.run(ctx, t, task("quick")+task("x")+task("y")+task("z"), 2, func(ctx context.Context, task, _ string) Reply {
		switch task {
		case "x":
			both <- true
			<-ctx.Done()
			return Reply{Code: 1, Message: "interrupted", Fate: Died}
		case "y":
			<-both
			cancel()
			return ok // too late
		}
		return ok
	})
	if !errors.Is(err, context.Canceled) || tell(out)[:6] != "quick@" || len(out) != 1 || len(b.starts) != 3 {
		t.Fatalf("%v, %v, %s", err, b.starts, tell(out))
	}
	for _, want := range []string{"x", "y", "after 1 of 4 tasks", "--resume"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q lacks %q", err, want)
		}
	}
}
