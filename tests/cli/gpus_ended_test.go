//go:build cgo && linux && !nocuda

package cli

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// children returns the processes whose parent is pid, by the folder that they
// write to.
func children(t *testing.T, pid int) map[string]int {
	t.Helper()
	lists, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	if err != nil || len(lists) == 0 {
		return nil
	}
	found := map[string]int{}
	for _, list := range lists {
		data, _ := os.ReadFile(list)
		for _, field := range strings.Fields(string(data)) {
			line, _ := os.ReadFile("/proc/" + field + "/cmdline")
			for _, arg := range strings.Split(string(line), "\x00") {
				if dir, is := strings.CutPrefix(arg, "--output="); is {
					found[filepath.Base(dir)], _ = strconv.Atoi(field)
				}
			}
		}
	}
	return found
}

// endlessPair is a job with two tasks that take longer than anybody waits.
const endlessPair = `
tasks:
  - {name: quick, command: polar, input: A.npy}
  - {name: one, command: hessian, data: X.csv, labels: labels.csv, train: 100000000, backend: go}
  - {name: two, command: hessian, data: X.csv, labels: labels.csv, train: 100000000, backend: go}
  - {name: after, command: polar, input: A.npy}
`

// runningPair starts the job and waits until both of its long tasks run.
func runningPair(t *testing.T, job, out string) (cmd *exec.Cmd, stdout, stderr *bytes.Buffer, pids map[string]int) {
	t.Helper()
	writeBytes(t, job, []byte(endlessPair))
	cmd, stdout, stderr = start(nil, "run", job, "-o", out, "--gpus", "2")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill() })
	await(t, "both long tasks", func() bool {
		pids = children(t, cmd.Process.Pid)
		return pids[".one.partial"] != 0 && pids[".two.partial"] != 0
	})
	return cmd, stdout, stderr, pids
}

// gone reports whether a process has ended.
func gone(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err != nil || strings.Contains(string(stat), ") Z ")
}

// A signal to the batch alone, or to all its processes as a terminal sends it,
// ends the processes of its tasks; what is finished stays, and the rest can be
// resumed.
func TestInterruptedGPUs(t *testing.T) {
	emulate(t, "devices=2")
	for _, c := range []struct {
		signal syscall.Signal
		all    bool
	}{{syscall.SIGINT, false}, {syscall.SIGINT, true}, {syscall.SIGTERM, false}, {syscall.SIGTERM, true}} {
		signal := c.signal
		dir := small(t)
		job, out := filepath.Join(dir, "job.yaml"), filepath.Join(dir, "out")
		cmd, _, stderr, pids := runningPair(t, job, out)
		sent := time.Now()
		whom := cmd.Process.Pid
		if c.all {
			whom = -whom // its process group
		}
		if err := syscall.Kill(whom, signal); err != nil {
			t.Fatal(err)
		}
		cmd.Wait()
		if code := cmd.ProcessState.ExitCode(); code != failed || time.Since(sent) > 20*time.Second {
			t.Errorf("%v: exit code %d after %v", signal, code, time.Since(sent))
		}
		for _, want := range []string{"interrupted in task ", "one", "two", "after 1 of 4 tasks", "--resume"} {
			if !strings.Contains(stderr.String(), want) {
				t.Errorf("%v: standard error lacks %q: %s", signal, want, stderr)
			}
		}
		if strings.Contains(stderr.String(), "goroutine ") {
			t.Errorf("%v: %s", signal, stderr)
		}
		for name, pid := range pids {
			if !gone(pid) {
				t.Errorf("%v: the process of %s goes on", signal, name)
			}
		}
		if left := names(t, out); !slices.Equal(left, []string{"quick", "report.html"}) {
			t.Errorf("%v: left %v", signal, left)
		}
		writeBytes(t, job, []byte(strings.ReplaceAll(endlessPair, "100000000", "1")))
		got := strings.Fields(done(runJob(t, 0, job, "-o", out, "--resume", "--gpus", "2")))
		slices.Sort(got)
		if !slices.Equal(got, []string{"-quick", "after", "one", "two"}) {
			t.Errorf("%v: resumed with %v", signal, got)
		}
	}
}

// The processes of a batch that is killed do not outlive it for long.
func TestKilledGPUs(t *testing.T) {
	emulate(t, "devices=2")
	dir := small(t)
	cmd, _, _, pids := runningPair(t, filepath.Join(dir, "job.yaml"), filepath.Join(dir, "out"))
	cmd.Process.Kill()
	cmd.Wait()
	await(t, "the end of the processes", func() bool { return gone(pids[".one.partial"]) && gone(pids[".two.partial"]) })
}

// A task whose process is killed runs again on the other GPU, and fails when
// that is killed too; the rest of the batch is done.
func TestKilledTask(t *testing.T) {
	gpus := emulate(t, "devices=2")
	dir := small(t)
	out := filepath.Join(dir, "out")
	job := writeBytes(t, filepath.Join(dir, "job.yaml"), []byte(`
tasks:
  - {name: quick, command: polar, input: A.npy}
  - {name: one, command: hessian, data: X.csv, labels: labels.csv, train: 100000000}
  - {name: child, command: polar, needs: [one], input: A.npy}
  - {name: after, command: polar, input: A.npy}
`))
	cmd, stdout, stderr := start(nil, "run", job, "-o", out, "--gpus", "2")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill() })
	last := 0
	for _, try := range []string{"first", "second"} {
		var pid int
		await(t, "the "+try+" try", func() bool {
			pid = children(t, cmd.Process.Pid)[".one.partial"]
			return pid != 0 && pid != last
		})
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		last = pid
	}
	cmd.Wait()
	got := lines(t, stdout.String())
	slices.SortFunc(got, func(a, b line) int { return strings.Compare(a.Task, b.Task) })
	if done(got) != "after !child !one quick" || cmd.ProcessState.ExitCode() != failed {
		t.Fatalf("%v, %s\n%s", cmd.ProcessState, done(got), stderr)
	}
	if l := got[2]; l.Code != failed || !strings.Contains(l.Error, "died: signal: killed (it was tried on GPU-") ||
		!strings.Contains(l.Error, gpus[0]) || !strings.Contains(l.Error, gpus[1]) {
		t.Errorf("%+v", l)
	}
	if left := names(t, out); !slices.Equal(left, []string{"after", "quick", "report.html"}) {
		t.Errorf("left %v", left)
	}
}

// On a terminal the name of a task is followed by the GPU.
func TestGPUsOnTerminal(t *testing.T) {
	gpus := emulate(t, "devices=1")
	job := writeBytes(t, filepath.Join(small(t), "job.yaml"), []byte(polars(1)))
	stdout, stderr, code := terminal(t, "run", job, "-o", filepath.Join(filepath.Dir(job), "out"), "--gpus", "all")
	if want := "p0 (" + gpus[0] + ")\npolar"; code != 0 || !strings.HasPrefix(stdout, want) {
		t.Errorf("exit code %d, %q, want %q, %s", code, stdout, want, stderr)
	}
}
