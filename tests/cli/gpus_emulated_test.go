//go:build cgo && linux && !nocuda

package cli

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ritz-go/ritz/tests/fakecuda"
)

// emulate gives the programs of this test the machine that the options
// describe, and returns the UUIDs of its GPUs.
func emulate(t *testing.T, machine string) []string {
	t.Helper()
	t.Setenv("CUDA_VISIBLE_DEVICES", "")
	os.Unsetenv("CUDA_VISIBLE_DEVICES") // t.Setenv puts back what was
	t.Setenv("RITZ_CUDA_LIBDIR", fakecuda.Prepare(t, fakecuda.Options{Machine: machine}))
	var devices []struct{ Name string }
	if err := json.Unmarshal([]byte(ritz(t, "devices", "--json").stdout), &devices); err != nil {
		t.Fatal(err)
	}
	var uuids []string
	for _, d := range devices {
		if uuid, gpu := strings.CutPrefix(d.Name, "cuda:"); gpu {
			uuids = append(uuids, uuid)
		}
	}
	return uuids
}

// workers returns who ran each task of the lines.
func workers(list []line) map[string]string {
	by := map[string]string{}
	for _, l := range list {
		by[l.Task] = l.Worker
	}
	return by
}

// polars is a job of n equal tasks.
func polars(n int) string {
	text := "tasks:\n"
	for i := range n {
		text += fmt.Sprintf("  - {name: p%d, command: polar, input: A.npy}\n", i)
	}
	return text
}

// Both GPUs compute, each task on one; what needs another task comes after it;
// a task that names the CPU stays there. The results are those of one process.
func TestGPUs(t *testing.T) {
	gpus := emulate(t, "devices=2")
	if len(gpus) != 2 {
		t.Fatalf("the machine has the GPUs %v", gpus)
	}
	dir := small(t)
	job := writeBytes(t, filepath.Join(dir, "job.yaml"), []byte(`
tasks:
  - {name: values, command: svd, input: A.npy, rank: 3}
  - {name: factor, command: polar, needs: [values], input: "{out}/values/U.npy"}
  - {name: auto, command: svd, input: A.npy, backend: auto}
  - {name: plain, command: svd, input: A.npy, backend: go}
  - {name: bad, command: svd, input: absent.npy}
`))
	out := filepath.Join(dir, "out")
	got := runJob(t, failed, job, "-o", out, "--gpus", "all")
	by := workers(got)
	used := map[string]bool{}
	place := map[string]int{}
	for i, l := range got {
		used[l.Worker] = true
		place[l.Task] = i
		if !slices.Contains(gpus, l.Worker) {
			t.Errorf("%s ran on %q", l.Task, l.Worker)
		}
		want := map[bool]string{true: "go", false: "cuda:0"}[l.Task == "plain"]
		if l.Result != nil && l.Result.Backend != want {
			t.Errorf("%s ran with the backend %s", l.Task, l.Result.Backend)
		}
	}
	if len(got) != 5 || len(used) != 2 || place["factor"] < place["values"] {
		t.Fatalf("%s by %v", done(got), by)
	}
	if l := got[place["bad"]]; l.Code != failed || !strings.Contains(l.Error, "absent.npy") || strings.Contains(l.Error, "tried") {
		t.Errorf("%+v", l)
	}
	on, off := got[place["auto"]].Result.Values, got[place["plain"]].Result.Values
	for i := range off {
		// Two backward stable methods: a few roundings of the largest.
		if len(on) != len(off) || math.Abs(on[i]-off[i]) > 1e-13*off[0] {
			t.Fatalf("%v on the GPU, %v on the CPU", on, off)
		}
	}
	if !slices.Equal(names(t, out), []string{"auto", "factor", "plain", "report.html", "values"}) {
		t.Errorf("left %v", names(t, out))
	}
	page, err := os.ReadFile(filepath.Join(out, "report.html"))
	if err != nil {
		t.Fatal(err)
	}
	for _, gpu := range gpus {
		if n := strings.Count(string(page), "on "+gpu); n == 0 || n > 4 {
			t.Errorf("the report names %s %d times", gpu, n)
		}
	}
	// A run in one process takes what is there, and the other way round.
	write(t, filepath.Join(dir, "absent.npy"), []int{2, 2}, 3, 1, 1, 2.0)
	if got := done(runJob(t, 0, job, "-o", out, "--resume")); got != "-values -factor -auto -plain bad" {
		t.Error(got)
	}
	again := runJob(t, 0, job, "-o", out, "--resume", "--gpus", "2")
	for _, l := range again {
		if !l.Skipped || l.Worker != "" {
			t.Errorf("resumed: %+v", l)
		}
	}
	// Of two parts of the job each has its own tasks.
	parts := 0
	for _, part := range []string{"0/2", "1/2"} {
		parts += len(runJob(t, 0, job, "-o", filepath.Join(dir, "parts"), "--gpus", "all", "--shard", part))
	}
	if parts != 5 {
		t.Errorf("the parts have %d tasks", parts)
	}
	for task, gpu := range workers(runJob(t, 0, job, "-o", filepath.Join(dir, "one"), "--gpus", "1")) {
		if gpu != gpus[0] {
			t.Errorf("--gpus 1 ran %s on %s", task, gpu)
		}
	}
}

// The process of a task has its share of the cores.
func TestGPUThreads(t *testing.T) {
	emulate(t, "devices=2")
	dir := small(t)
	job := writeBytes(t, filepath.Join(dir, "job.yaml"), []byte("tasks:\n  - {name: a, command: svd, input: A.npy, backend: go}\n"))
	out := ritzWith(t, []string{"GOMAXPROCS=6"}, "run", job, "-o", filepath.Join(dir, "out"), "--gpus", "2")
	if got := lines(t, out.stdout); len(got) != 1 || got[0].Result.Environment["gomaxprocs"] != 3.0 {
		t.Errorf("%+v", out)
	}
}

// More GPUs than CUDA shows, or none, end the job before it begins.
func TestTooFewGPUs(t *testing.T) {
	job := writeBytes(t, filepath.Join(small(t), "job.yaml"), []byte(polars(2)))
	gpus := emulate(t, "devices=2")
	refused(t, job, noDevice, "--gpus is 3, but there are 2: "+strings.Join(gpus, ", "), "--gpus", "3")
	t.Setenv("CUDA_VISIBLE_DEVICES", "1")
	refused(t, job, noDevice, "--gpus is 2, but there are 1: "+gpus[1], "--gpus", "2")
	emulate(t, "init=100;nvml=9")
	refused(t, job, noDevice, "no GPU is", "--gpus", "all")
}

// A GPU that is lost in every process, or that none can open any more, does
// not harm the batch.
func TestLostGPU(t *testing.T) {
	for _, fault := range []string{"cuLaunchKernel:1=719!", "lost@cuMemcpyHtoDAsync_v2:1", "cuDevicePrimaryCtxRetain:1=46"} {
		gpus := emulate(t, "devices=2;on=1;"+fault)
		dir := small(t)
		job := writeBytes(t, filepath.Join(dir, "job.yaml"), []byte(polars(6)))
		out := ritz(t, "run", job, "-o", filepath.Join(dir, "out"), "--gpus", "2")
		got := lines(t, out.stdout)
		if out.code != 0 || len(got) != 6 {
			t.Fatalf("%s: %+v", fault, out)
		}
		for task, gpu := range workers(got) {
			if gpu != gpus[0] {
				t.Errorf("%s: %s ran on %s", fault, task, gpu)
			}
		}
		// One death or two, as fast as the other is; the causes stand in the log.
		if n := strings.Count(out.stderr, "worker="+gpus[1]); n < 1 || n > 2 {
			t.Errorf("%s: %d deaths\n%s", fault, n, out.stderr)
		}
	}
}

// When every GPU is lost the tasks fail and say why.
func TestLostGPUs(t *testing.T) {
	gpus := emulate(t, "devices=2;cuLaunchKernel:1=719!")
	dir := small(t)
	job, out := writeBytes(t, filepath.Join(dir, "job.yaml"), []byte(polars(6))), filepath.Join(dir, "out")
	got := runJob(t, failed, job, "-o", out, "--gpus", "2")
	if len(got) != 6 || !slices.Equal(names(t, out), []string{"report.html"}) {
		t.Fatalf("%s, left %v", done(got), names(t, out))
	}
	for _, l := range got {
		if l.Code != failed || l.Result != nil || !strings.Contains(l.Error, "CUDA error 719") {
			t.Errorf("%+v", l)
		}
	}
	for _, gpu := range gpus {
		if last := got[5].Error; !strings.Contains(last, "no GPU is left") || !strings.Contains(last, gpu) {
			t.Errorf("%q does not tell of %s", last, gpu)
		}
	}
}

// A matrix for which no GPU has room goes to the CPU, and auto says why.
func TestRoomOnGPU(t *testing.T) {
	emulate(t, "mem=1GiB;taken=940MiB")
	const n = 1300 // 13.5 MB, of which the polar factor needs six
	a := write(t, filepath.Join(t.TempDir(), "a.npy"), []int{n, n}, noise(n*n)...)
	out := ritz(t, "polar", a, "--method", "muon", "--steps", "1", "--json")
	if !strings.Contains(out.stderr, "no GPU has 0.1 GiB free") || !strings.Contains(out.stdout, `"backend": "cpu"`) {
		t.Errorf("%+v", out)
	}
}

// A task that is too large is tried again alone, after the others, and fails
// with the error of the device.
func TestGPUMemory(t *testing.T) {
	gpus := emulate(t, "devices=2;mem=64MiB")
	dir := small(t)
	const n = 2000 // 32 MB, of which the polar factor needs several
	write(t, filepath.Join(dir, "big.npy"), []int{n, n}, noise(n*n)...)
	job := writeBytes(t, filepath.Join(dir, "job.yaml"), []byte("tasks:\n  - {name: big, command: polar, input: big.npy}\n"+strings.TrimPrefix(polars(3), "tasks:\n")))
	out := ritz(t, "run", job, "-o", filepath.Join(dir, "out"), "--gpus", "2")
	got := lines(t, out.stdout)
	if out.code != failed || len(got) != 4 {
		t.Fatalf("%+v", out)
	}
	if l := got[3]; l.Task != "big" || l.Worker != gpus[0] || l.Code != failed || !strings.Contains(l.Error, "out of memory") || strings.Contains(l.Error, "tried") {
		t.Errorf("%s: %+v", done(got), l)
	}
	if tries := strings.Count(out.stderr, "out of memory"); tries != 3 { // two, and the end of the task
		t.Errorf("%d lines tell of the memory:\n%s", tries, out.stderr)
	}
}
