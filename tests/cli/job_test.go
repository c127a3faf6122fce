package cli

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// line is what `ritz run` prints of one task.
type line struct {
	Task    string
	Code    int
	Skipped bool
	Worker  string
	Error   string
	Result  *result
}

// lines reads the standard output of `ritz run`, which must have one JSON
// object a line.
func lines(t *testing.T, stdout string) []line {
	t.Helper()
	var list []line
	for text := range strings.Lines(stdout) {
		var l line
		d := json.NewDecoder(strings.NewReader(text))
		if err := d.Decode(&l); err != nil || d.More() || !strings.HasSuffix(text, "\n") {
			t.Fatalf("%v in the line %.200q", err, text)
		}
		list = append(list, l)
	}
	return list
}

// runJob runs a job that must end with the code, and returns its lines.
func runJob(t *testing.T, code int, args ...string) []line {
	t.Helper()
	out := ritz(t, append([]string{"run"}, args...)...)
	if out.code != code {
		t.Fatalf("ritz run %s: exit code %d, want %d\n%s%s", strings.Join(args, " "), out.code, code, out.stdout, out.stderr)
	}
	return lines(t, out.stdout)
}

// done lists the tasks of the lines, those that were skipped with a minus
// sign, those that failed with an exclamation mark.
func done(list []line) string {
	var names []string
	for _, l := range list {
		switch {
		case l.Skipped:
			l.Task = "-" + l.Task
		case l.Result == nil:
			l.Task = "!" + l.Task
		}
		names = append(names, l.Task)
	}
	return strings.Join(names, " ")
}

// chain is a job on the files of small: factor reads what values writes, and
// other reads none of it.
const chain = `
name: chain
defaults: {backend: go}
tasks:
  - {name: values, command: svd, input: A.npy, rank: 3}
  - {name: factor, command: polar, needs: [values], input: "{out}/values/U.npy"}
  - {name: other, command: spectrum, input: H.npy, top: 2}
`

func TestJobRefusals(t *testing.T) {
	dir := small(t)
	job, out := filepath.Join(dir, "job.yaml"), filepath.Join(dir, "out")
	task := "tasks:\n  - {name: a, command: svd, input: A.npy, rank: 2}\n"
	cases := []struct{ text, says string }{
		{"", "no tasks"},
		{"tasks: []\n", "no tasks"},
		{"- a\n- b\n", ""},
		{"tasks: [", ""},
		{"jobs: x\n" + task, "jobs"},
		{"name: x\nname: y\n" + task, "name"},
		{"tasks:\n  - {name: a, command: svd, input: A.npy, rank: 1, rank: 2}\n", "rank"},
		{task + "  - {name: a, command: polar, input: A.npy}\n", `two tasks are named "a"`},
		{task + "  - {command: polar, input: A.npy}\n", "task 2: it has no name"},
		{task + "  - {name: b, input: A.npy}\n", "no command"},
		{task + "  - {name: ../b, command: polar, input: A.npy}\n", "../b"},
		{task + "  - {name: report.html, command: polar, input: A.npy}\n", "report"},
		{task + "  - {name: b, command: run, input: A.npy}\n", `"run"`},
		{task + "  - {name: b, command: polar, needs: [c], input: A.npy}\n", `needs "c"`},
		{task + "  - {name: b, command: polar, needs: b, input: A.npy}\n", `needs "b"`},
		{"tasks:\n  - {name: a, command: svd, needs: b, input: A.npy}\n  - {name: b, command: svd, input: A.npy}\n", "before"},
		{task + "  - {name: b, command: polar, input: \"{out}/a/U.npy\"}\n", `add "a"`},
		{task + "  - {name: b, command: polar, input: A.npy, output: x}\n", "output"},
		{task + "  - {name: b, command: polar, input: A.npy, help: true}\n", "help"},
		{task + "  - {name: b, command: polar, input: A.npy, steps: }\n", "steps"},
		{task + "  - {name: b, command: polar, input: A.npy, steps: {n: 3}}\n", "steps"},
		{"defaults: &d {dtype: f32}\n" + task + "  - *d\n", "aliases"},
		// What the command itself refuses is found before any task runs.
		{task + "  - {name: b, command: polar, input: A.npy, stpes: 3}\n", `"b": unknown flag: --stpes`},
		{task + "  - {name: b, command: polar, input: A.npy, steps: many}\n", "many"},
		{task + "  - {name: b, command: polar, input: A.npy, method: lanczos}\n", "lanczos"},
		{task + "  - {name: b, command: polar, input: A.npy, repeat: 0}\n", "--repeat"},
		{task + "  - {name: b, command: polar}\n", "polar FILE"},
		{task + "  - {name: b, command: sinkhorn, cost: C.npy}\n", "--eps is missing"},
		{task + "  - {name: b, command: sinkhorn, x: A.npy, eps: 1}\n", "--x and --y"},
		{task + "  - {name: b, command: hessian, data: X.csv, labels: labels.csv}\n", "--train"},
		{task + "  - {name: b, command: svd, input: A.npy, v: 3}\n", `"b"`},
	}
	for _, c := range cases {
		writeBytes(t, job, []byte(c.text))
		got := ritz(t, "run", job, "-o", out)
		if got.code != usage || !strings.Contains(got.stderr, c.says) || !strings.HasPrefix(got.stderr, "ritz: "+job+": ") || got.stdout != "" {
			t.Errorf("%q:\nexit code %d, %q, %q\nwant %d, %q", c.text, got.code, got.stderr, got.stdout, usage, c.says)
		}
		if names(t, out) != nil {
			t.Fatalf("%q: wrote %v", c.text, names(t, out))
		}
	}
	for path, says := range map[string]string{filepath.Join(dir, "absent.yaml"): "absent.yaml", dir: "directory"} {
		if got := ritz(t, "run", path, "-o", out); got.code != failed || !strings.Contains(got.stderr, says) || names(t, out) != nil {
			t.Errorf("%s: %+v", path, got)
		}
	}
	writeBytes(t, job, []byte(chain))
	if got := ritz(t, "run", job, "-o", filepath.Join(dir, "A.npy", "out")); got.code != failed || got.stdout != "" {
		t.Errorf("an output folder below a file: %+v", got)
	}
}

// YAML in both styles and JSON, with any indentation, say the same.
func TestJobForms(t *testing.T) {
	dir := small(t)
	block := "name: chain\ndefaults:\n  backend: go\ntasks:\n- name: values\n  command: svd\n  input: A.npy\n  rank: 3\n" +
		"- name: factor\n  command: polar\n  needs: values\n  input: '{out}/values/U.npy'\n- name: other\n  command: spectrum\n  input: H.npy\n  top: 2\n"
	object := map[string]any{"name": "chain", "defaults": map[string]any{"backend": "go"}, "tasks": []any{
		map[string]any{"name": "values", "command": "svd", "input": "A.npy", "rank": 3},
		map[string]any{"name": "factor", "command": "polar", "needs": []string{"values"}, "input": "{out}/values/U.npy"},
		map[string]any{"name": "other", "command": "spectrum", "input": filepath.Join(dir, "H.npy"), "top": 2},
	}}
	flat, err := json.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	tabs, err := json.MarshalIndent(object, "", "\t")
	if err != nil {
		t.Fatal(err)
	}
	var want []line
	for i, text := range []string{chain, block, string(flat), string(tabs)} {
		job := writeBytes(t, filepath.Join(dir, []string{"a.yaml", "b.yml", "c.json", "d.json"}[i]), []byte(text))
		got := runJob(t, 0, job, "-o", filepath.Join(t.TempDir(), "out"))
		if done(got) != "values factor other" {
			t.Fatalf("%s: %s", job, done(got))
		}
		if want == nil {
			want = got
		}
		for k := range got {
			if !slices.Equal(got[k].Result.Values, want[k].Result.Values) {
				t.Errorf("%s: %s has other values", job, got[k].Task)
			}
		}
	}
}

// A task prints and writes what the command alone does, nothing left out, and
// its files bear their final names.
func TestJobLines(t *testing.T) {
	dir := small(t)
	job := writeBytes(t, filepath.Join(dir, "job.yaml"), []byte(`
tasks:
  - {name: density, command: spectrum, input: H.npy, top: 2, density: true, trace: true, backend: go}
  - {name: move, command: sinkhorn, cost: C.npy, eps: 0.01, backend: go, method: log}
  - {name: hasty, command: sinkhorn, cost: C.npy, eps: 0.001, max-iterations: 1, backend: go}
`))
	// A folder whose name JSON must quote.
	out := filepath.Join(dir, `a "b" & <c>`)
	got := runJob(t, 4, job, "-o", out)
	if done(got) != "density move hasty" || got[2].Code != 4 || got[2].Error == "" {
		t.Fatalf("%+v", got)
	}
	alone := compute(t, 0, "spectrum", filepath.Join(dir, "H.npy"), "--top", "2", "--density", "--trace", "--backend", "go")
	if r := got[0].Result; !slices.Equal(r.Values, alone.Values) || !slices.Equal(r.Density.Value, alone.Density.Value) || len(r.Density.Grid) < 1000 {
		t.Errorf("the line has not what the command prints: %+v", r)
	}
	for _, l := range got {
		files := slices.Sorted(maps.Values(l.Result.Outputs))
		var there []string
		for _, name := range names(t, filepath.Join(out, l.Task)) {
			if name != "task.json" {
				there = append(there, filepath.Join(out, l.Task, name))
			}
		}
		if !slices.Equal(files, there) {
			t.Errorf("%s: outputs %v, files %v", l.Task, files, there)
		}
	}
	if !slices.Equal(names(t, out), []string{"density", "hasty", "move", "report.html"}) {
		t.Errorf("left %v", names(t, out))
	}
}

// What a task logs is no error: it goes to standard error.
func TestJobLog(t *testing.T) {
	dir := small(t)
	job := writeBytes(t, filepath.Join(dir, "job.yaml"), []byte(`
tasks:
  - {name: plain, command: polar, input: A.npy, method: svd, backend: go}
  - {name: wordy, command: svd, input: A.npy, backend: go, verbose: true}
`))
	out := ritz(t, "run", job, "-o", filepath.Join(dir, "out"))
	for _, l := range lines(t, out.stdout) {
		if l.Code != 0 || l.Error != "" || l.Result == nil {
			t.Errorf("%+v", l)
		}
	}
	for _, want := range []string{"no picture", "msg=device"} {
		if !strings.Contains(out.stderr, want) {
			t.Errorf("standard error lacks %q: %s", want, out.stderr)
		}
	}
}

// A task's number of threads is that of no other task, also where the
// environment sets one.
func TestJobThreads(t *testing.T) {
	dir := small(t)
	job := writeBytes(t, filepath.Join(dir, "job.yaml"), []byte(`
tasks:
  - {name: before, command: svd, input: A.npy}
  - {name: one, command: svd, input: A.npy, threads: 1}
  - {name: after, command: svd, input: A.npy}
`))
	for _, env := range [][]string{{"GOMAXPROCS=3", "OPENBLAS_NUM_THREADS=", "OMP_NUM_THREADS="}, {"OPENBLAS_NUM_THREADS=2"}} {
		out := ritzWith(t, env, "run", job, "-o", filepath.Join(t.TempDir(), "out"))
		var threads []any
		for _, l := range lines(t, out.stdout) {
			threads = append(threads, l.Result.Environment["threads"])
		}
		if len(threads) != 3 || threads[0] != threads[2] || threads[1] != 1.0 || threads[0] == 1.0 && has("cpu") && runtime.NumCPU() > 1 {
			t.Errorf("%v: %v threads", env, threads)
		}
	}
}

// What needs a failed task is not run; the others are, and a later run with
// Inputs that are not there are told before the first task runs, unless they
// are to come from a task.
func TestJobMissingInputs(t *testing.T) {
	dir := small(t)
	job := writeBytes(t, filepath.Join(dir, "job.yaml"), []byte(`defaults: {backend: go}
tasks:
  - {name: good, command: svd, input: A.npy}
  - {name: typo, command: svd, input: "B.npy[0:2]"}
  - {name: next, command: polar, needs: [good], input: "{out}/good/U.npy"}
  - {name: other, command: sinkhorn, cost: absent.npy, eps: 1}
`))
	got := ritz(t, "run", job, "-o", filepath.Join(dir, "out"), "-v")
	before, _, started := strings.Cut(got.stderr, "msg=task name=good")
	if got.code != failed || !started || strings.Count(before, "not there yet") != 2 || !strings.Contains(before, "typo") || !strings.Contains(before, "absent.npy") {
		t.Errorf("%+v", got)
	}
}

// --resume does what is missing.
func TestFailedNeeds(t *testing.T) {
	dir := small(t)
	job := writeBytes(t, filepath.Join(dir, "job.yaml"), []byte(`
tasks:
  - {name: bad, command: svd, input: later.npy}
  - {name: child, command: polar, needs: bad, input: "{out}/bad/U.npy"}
  - {name: grandchild, command: polar, needs: [child], input: A.npy}
  - {name: good, command: svd, input: A.npy}
`))
	out := filepath.Join(dir, "out")
	got := runJob(t, failed, job, "-o", out)
	if done(got) != "!bad !child !grandchild good" {
		t.Fatal(done(got))
	}
	for i, says := range []string{"later.npy", "the task bad", "the task child"} {
		if l := got[i]; l.Code != failed || !strings.Contains(l.Error, says) {
			t.Errorf("%s: code %d, %q, want %q", l.Task, l.Code, l.Error, says)
		}
	}
	if !slices.Equal(names(t, out), []string{"good", "report.html"}) {
		t.Errorf("left %v", names(t, out))
	}
	report, err := os.ReadFile(filepath.Join(out, "report.html"))
	if err != nil || !strings.Contains(string(report), "3 failed") || !strings.Contains(string(report), "the task bad") {
		t.Errorf("the report does not say what failed (%v)", err)
	}
	write(t, filepath.Join(dir, "later.npy"), []int{4, 3}, noise(12)...)
	if got := done(runJob(t, 0, job, "-o", out, "--resume")); got != "bad child grandchild -good" {
		t.Error(got)
	}
}

// --resume does again what has changed, in its definition, its inputs or its
// files, and what follows from that, and nothing else.
func TestResume(t *testing.T) {
	dir := small(t)
	job, out := filepath.Join(dir, "job.yaml"), filepath.Join(dir, "out")
	file := func(name ...string) string { return filepath.Join(append([]string{out}, name...)...) }
	edit := func(path, from, to string) {
		t.Helper()
		data, err := os.ReadFile(path)
		if err != nil || !strings.Contains(string(data), from) {
			t.Fatalf("%s: %v, no %q", path, err, from)
		}
		writeBytes(t, path, []byte(strings.Replace(string(data), from, to, 1)))
	}
	remove := func(path string) {
		t.Helper()
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	flip := func(path string) {
		t.Helper()
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		data[len(data)-1] ^= 1
		writeBytes(t, path, data)
	}
	writeBytes(t, job, []byte(chain))
	runJob(t, 0, job, "-o", out)
	cases := []struct {
		what   string
		change func()
		want   string
	}{
		{"nothing", func() {}, "-values -factor -other"},
		{"a comment and the order of keys", func() {
			edit(job, "{name: other, command: spectrum, input: H.npy, top: 2}", "{top: 2, input: H.npy, command: spectrum, name: other} # end")
		}, "-values -factor -other"},
		{"a parameter of the last", func() { edit(job, "top: 2", "top: 3") }, "-values -factor other"},
		// What factor reads has another rank now.
		{"a parameter of the first", func() { edit(job, "rank: 3", "rank: 2") }, "values factor -other"},
		{"an input", func() {
			write(t, filepath.Join(dir, "H.npy"), []int{2, 2}, 2, 1, 1, 2.0)
			edit(job, "top: 3", "top: 1")
		}, "-values -factor other"},
		{"the contents of an input alone", func() { write(t, filepath.Join(dir, "H.npy"), []int{2, 2}, 3, 1, 1, 2.0) }, "-values -factor other"},
		{"a default", func() { edit(job, "{backend: go}", "{backend: go, seed: 5}") }, "values factor other"},
		{"a bit of a result", func() { flip(file("other", "values.npy")) }, "-values -factor other"},
		{"a bit of a result that another reads", func() { flip(file("values", "Vt.npy")) }, "values -factor -other"},
		{"a file that is gone", func() { remove(file("factor", "Q.npy")) }, "-values factor -other"},
		{"a picture that is gone", func() { remove(file("factor", "plot.svg")) }, "-values factor -other"},
		{"a record that is gone", func() { remove(file("other", "task.json")) }, "-values -factor other"},
		{"a number of a record", func() { edit(file("other", "task.json"), `"seconds": `, `"seconds": 1`) }, "-values -factor other"},
		{"half a record", func() { edit(file("other", "task.json"), "{", "") }, "-values -factor other"},
		{"a folder that is gone", func() {
			if err := os.RemoveAll(file("values")); err != nil {
				t.Fatal(err)
			}
		}, "values -factor -other"},
		{"what a killed run left", func() {
			for _, name := range []string{".values.partial", ".other.earlier"} {
				if err := os.MkdirAll(file(name), 0o755); err != nil {
					t.Fatal(err)
				}
				writeBytes(t, file(name, "U.npy"), []byte("half"))
			}
		}, "-values -factor -other"},
		{"a task that is new", func() {
			edit(job, "tasks:", "tasks:\n  - {name: new, command: svd, input: A.npy, values-only: true}")
		}, "new -values -factor -other"},
	}
	for _, c := range cases {
		c.change()
		got := runJob(t, 0, job, "-o", out, "--resume")
		if done(got) != c.want {
			t.Errorf("after a change of %s: %s, want %s", c.what, done(got), c.want)
		}
		for _, l := range got {
			if l.Result == nil || len(l.Result.Outputs) == 0 {
				t.Errorf("after a change of %s: %s has no result", c.what, l.Task)
			}
		}
		for _, name := range names(t, out) {
			if strings.HasPrefix(name, ".") {
				t.Errorf("after a change of %s: left %s", c.what, name)
			}
		}
	}
	if got := done(runJob(t, 0, job, "-o", out)); got != "new values factor other" {
		t.Errorf("without --resume: %s", got)
	}
}

// The shards of a job have every task once, those that need each other
// together, whoever says which shard it is.
func TestShards(t *testing.T) {
	dir := small(t)
	var text strings.Builder
	fmt.Fprintln(&text, "defaults: {backend: go, values-only: true, input: A.npy, command: svd}\ntasks:")
	var want []string
	for i := range 7 {
		needs := ""
		if i == 3 || i == 5 {
			needs = fmt.Sprintf(", needs: [t%d]", i-2)
		}
		fmt.Fprintf(&text, "  - {name: t%d%s}\n", i, needs)
		want = append(want, fmt.Sprintf("t%d", i))
	}
	job := writeBytes(t, filepath.Join(dir, "job.yaml"), []byte(text.String()))
	// Each returns the environment and the flag of part i of n.
	sources := map[string]func(i, n int) ([]string, string){
		"flag": func(i, n int) ([]string, string) { return nil, fmt.Sprintf("%d/%d", i, n) },
		"Slurm array": func(i, n int) ([]string, string) {
			return []string{fmt.Sprint("SLURM_ARRAY_TASK_ID=", 10+4*i), fmt.Sprint("SLURM_ARRAY_TASK_COUNT=", n),
				"SLURM_ARRAY_TASK_MIN=10", "SLURM_ARRAY_TASK_STEP=4", "SLURM_PROCID=0", "SLURM_NTASKS=1"}, "auto"
		},
		"Slurm array from 0": func(i, n int) ([]string, string) {
			return []string{fmt.Sprint("SLURM_ARRAY_TASK_ID=", i), fmt.Sprint("SLURM_ARRAY_TASK_COUNT=", n)}, "auto"
		},
		"Slurm process": func(i, n int) ([]string, string) {
			return []string{fmt.Sprint("SLURM_PROCID=", i), "SLURM_NTASKS=8", fmt.Sprint("SLURM_STEP_NUM_TASKS=", n)}, "auto"
		},
		"processes of a Slurm array": func(i, n int) ([]string, string) {
			each := 1 // in the parts of the array
			if n%3 == 0 {
				each = 3
			}
			return []string{fmt.Sprint("SLURM_ARRAY_TASK_ID=", i/each), fmt.Sprint("SLURM_ARRAY_TASK_COUNT=", n/each),
				fmt.Sprint("SLURM_PROCID=", i%each), fmt.Sprint("SLURM_STEP_NUM_TASKS=", each)}, "auto"
		},
		"Open MPI in Slurm": func(i, n int) ([]string, string) {
			return []string{fmt.Sprint("OMPI_COMM_WORLD_RANK=", i), fmt.Sprint("OMPI_COMM_WORLD_SIZE=", n),
				"SLURM_PROCID=0", "SLURM_NTASKS=8", "SLURM_STEP_NUM_TASKS=2"}, "auto"
		},
		"Kubernetes": func(i, n int) ([]string, string) {
			return []string{fmt.Sprint("JOB_COMPLETION_INDEX=", i), fmt.Sprint("JOB_COMPLETIONS=", n)}, "auto"
		},
		"Open MPI": func(i, n int) ([]string, string) {
			return []string{fmt.Sprint("OMPI_COMM_WORLD_RANK=", i), fmt.Sprint("OMPI_COMM_WORLD_SIZE=", n)}, "auto"
		},
		"MPICH": func(i, n int) ([]string, string) {
			return []string{fmt.Sprint("PMI_RANK=", i), fmt.Sprint("PMI_SIZE=", n)}, "auto"
		},
	}
	for name, source := range sources {
		for _, n := range []int{1, 3, 9} {
			if n == 9 && name != "flag" && name != "processes of a Slurm array" {
				continue
			}
			out := filepath.Join(t.TempDir(), "out")
			var all []string
			for i := range n {
				env, flag := source(i, n)
				got := ritzWith(t, env, "run", job, "-o", out, "--shard", flag)
				if got.code != 0 {
					t.Fatalf("%s, part %d of %d: %+v", name, i, n, got)
				}
				part := " " + done(lines(t, got.stdout)) + " "
				if strings.Contains(part, " t1 ") != strings.Contains(part, " t3 ") || strings.Contains(part, " t5 ") && !strings.Contains(part, " t1 t3 t5 ") {
					t.Errorf("%s, part %d of %d has %s", name, i, n, part)
				}
				all = append(all, strings.Fields(part)...)
				report := "report.html"
				if n > 1 {
					report = fmt.Sprintf("report-%d-of-%d.html", i, n)
				}
				if _, err := os.Stat(filepath.Join(out, report)); err != nil || !strings.HasSuffix(got.stderr, filepath.Join(out, report)+"\n") {
					t.Errorf("%s, part %d of %d: %v, %s", name, i, n, err, got.stderr)
				}
			}
			slices.Sort(all)
			if !slices.Equal(all, want) {
				t.Errorf("%s, %d parts: %v", name, n, all)
			}
			// What the parts have done makes the whole.
			if got := runJob(t, 0, job, "-o", out, "--resume"); strings.Count(done(got), "-") != len(want) {
				t.Errorf("%s, %d parts: %s", name, n, done(got))
			}
		}
	}
}

func TestShardRefusals(t *testing.T) {
	dir := small(t)
	job, out := writeBytes(t, filepath.Join(dir, "job.yaml"), []byte(chain)), filepath.Join(dir, "out")
	cases := []struct {
		shard string
		env   []string
		says  string
	}{
		{"3/3", nil, "counted from 0"},
		{"-1/3", nil, "-1"},
		{"0/0", nil, "0"},
		{"1", nil, "0/4"},
		{"1/x", nil, "0/4"},
		{"1/2/3", nil, "0/4"},
		{"auto", nil, "Slurm, Kubernetes or MPI"},
		{"auto", []string{"JOB_COMPLETION_INDEX=1"}, "not JOB_COMPLETIONS"},
		{"auto", []string{"SLURM_PROCID=0", "SLURM_NTASKS=4"}, "not started by srun"},
		{"auto", []string{"SLURM_ARRAY_TASK_ID=1", "SLURM_ARRAY_TASK_COUNT=2", "SLURM_PROCID=0", "SLURM_NTASKS=4"}, "not started by srun"},
		{"auto", []string{"PMI_RANK=one", "PMI_SIZE=2"}, "PMI_RANK"},
		{"auto", []string{"PMI_RANK=2", "PMI_SIZE=2"}, "PMI_RANK"},
		{"auto", []string{"SLURM_ARRAY_TASK_ID=7", "SLURM_ARRAY_TASK_COUNT=3", "SLURM_ARRAY_TASK_MIN=1"}, "part 6 of 3"},
		{"auto", []string{"SLURM_ARRAY_TASK_ID=7", "SLURM_ARRAY_TASK_COUNT=3", "SLURM_ARRAY_TASK_STEP=2"}, "multiple of 2"},
	}
	for _, c := range cases {
		got := ritzWith(t, c.env, "run", job, "-o", out, "--shard", c.shard)
		if got.code != usage || !strings.Contains(got.stderr, c.says) || got.stdout != "" || names(t, out) != nil {
			t.Errorf("--shard %s with %v: %+v, want %q", c.shard, c.env, got, c.says)
		}
	}
}
