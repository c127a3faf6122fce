package cli

import (
	"bufio"
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// endless is a job whose second task takes longer than anybody waits.
const endless = `
defaults: {backend: go}
tasks:
  - {name: quick, command: svd, input: A.npy}
  - {name: long, command: hessian, data: X.csv, labels: labels.csv, train: 100000000}
  - {name: after, command: polar, input: A.npy}
`

// running starts a job, waits until its first task is done and its second has
// begun, and returns the process.
func running(t *testing.T, job, out string) (cmd *exec.Cmd, stderr *bytes.Buffer) {
	t.Helper()
	cmd = exec.Command(program, "run", job, "-o", out)
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	stderr = new(bytes.Buffer)
	cmd.Stderr = stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill() })
	if first, err := bufio.NewReader(stdout).ReadString('\n'); err != nil || done(lines(t, first)) != "quick" {
		t.Fatalf("%v in the first line %q", err, first)
	}
	go io.Copy(io.Discard, stdout)
	await(t, "the folder of the second task", func() bool {
		_, err := os.Stat(filepath.Join(out, ".long.partial"))
		return err == nil
	})
	return cmd, stderr
}

// await waits until something has happened.
func await(t *testing.T, what string, happened func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !happened(); {
		if time.Now().After(end) {
			t.Fatalf("waited a minute for %s", what)
		}
		time.Sleep(time.Millisecond)
	}
}

// An interrupted job ends soon with exit code 1, keeps what is finished, has
// nothing of what is not, and can be resumed.
func TestInterrupted(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows sends no such signals to another process")
	}
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		dir := small(t)
		job, out := writeBytes(t, filepath.Join(dir, "job.yaml"), []byte(endless)), filepath.Join(dir, "out")
		cmd, stderr := running(t, job, out)
		if err := cmd.Process.Signal(signal); err != nil {
			t.Fatal(err)
		}
		sent := time.Now()
		cmd.Wait()
		if code := cmd.ProcessState.ExitCode(); code != failed || time.Since(sent) > 20*time.Second {
			t.Errorf("%v: exit code %d after %v\n%s", signal, code, time.Since(sent), stderr)
		}
		if s := stderr.String(); !strings.Contains(s, "interrupted in task long") || !strings.Contains(s, "--resume") {
			t.Errorf("%v: %s", signal, s)
		}
		if left := names(t, out); !slices.Equal(left, []string{"quick", "report.html"}) {
			t.Errorf("%v: left %v", signal, left)
		}
		short := strings.Replace(endless, "100000000", "1", 1)
		writeBytes(t, job, []byte(short))
		if got := done(runJob(t, 0, job, "-o", out, "--resume")); got != "-quick long after" {
			t.Errorf("%v: resumed with %s", signal, got)
		}
	}
}

// A single command ends as soon, and writes nothing.
func TestInterruptedCommand(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows sends no such signals to another process")
	}
	dir := small(t)
	out := filepath.Join(dir, "out")
	cmd := exec.Command(program, "hessian", "--data", filepath.Join(dir, "X.csv"), "--labels", filepath.Join(dir, "labels.csv"),
		"--train", "100000000", "--backend", "go", "-o", out, "--verbose")
	var stdout bytes.Buffer
	cmd.Stdout = &stdout
	log, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill() })
	var last string
	var signal sync.Once
	for s := bufio.NewScanner(log); s.Scan(); last = s.Text() {
		if strings.Contains(s.Text(), "trained") {
			signal.Do(func() { cmd.Process.Signal(os.Interrupt) })
		}
	}
	cmd.Wait()
	if cmd.ProcessState.ExitCode() != failed || !strings.HasPrefix(last, "ritz: interrupted") || stdout.Len() > 0 || names(t, out) != nil {
		t.Errorf("%v, %q, %q, %v", cmd.ProcessState, last, &stdout, names(t, out))
	}
}

// A process that is killed while it writes leaves nothing under a final name,
// and a later one clears up and finishes.
func TestKilled(t *testing.T) {
	dir := t.TempDir()
	const n = 2000 // a plan of 32 MB, which takes some time to write
	write(t, filepath.Join(dir, "x.npy"), []int{n, 1}, noise(n)...)
	text := `
tasks:
  - {name: big, command: sinkhorn, x: x.npy, y: x.npy, eps: 1}
`
	job, out := writeBytes(t, filepath.Join(dir, "job.yaml"), []byte(text)), filepath.Join(dir, "out")
	for range 3 {
		cmd, _, _ := start(nil, "run", job, "-o", out)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		partial := filepath.Join(out, ".big.partial")
		await(t, "the plan to be written", func() bool {
			found, err := filepath.Glob(filepath.Join(partial, ".plan.npy.*"))
			return err == nil && len(found) > 0
		})
		cmd.Process.Kill()
		cmd.Wait()
		if left := names(t, out); !slices.Equal(left, []string{".big.partial"}) {
			t.Fatalf("left %v", left)
		}
		if slices.Contains(names(t, partial), "plan.npy") {
			t.Log("the plan was already written")
		}
	}
	got := runJob(t, 0, job, "-o", out, "--resume")
	if done(got) != "big" || !slices.Equal(names(t, out), []string{"big", "report.html"}) {
		t.Errorf("%s, left %v", done(got), names(t, out))
	}
	if rows, cols, _ := read(t, filepath.Join(out, "big", "plan.npy")); rows != n || cols != n {
		t.Errorf("the plan is %d×%d", rows, cols)
	}
	if got := done(runJob(t, 0, job, "-o", out, "--resume")); got != "-big" {
		t.Errorf("resumed again: %s", got)
	}
}

// When who reads the lines has gone, the job goes on: its results are files.
// The exit code tells.
func TestClosedOutput(t *testing.T) {
	dir := small(t)
	job, out := writeBytes(t, filepath.Join(dir, "job.yaml"), []byte(chain)), filepath.Join(dir, "out")
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	defer w.Close()
	cmd, _, stderr := start(nil, "run", job, "-o", out)
	cmd.Stdout = w
	cmd.Run()
	if cmd.ProcessState.ExitCode() != failed || !strings.Contains(stderr.String(), "standard output") {
		t.Errorf("%v\n%s", cmd.ProcessState, stderr)
	}
	if left := names(t, out); !slices.Equal(left, []string{"factor", "other", "report.html", "values"}) {
		t.Errorf("left %v", left)
	}
	if got := done(runJob(t, 0, job, "-o", out, "--resume")); got != "-values -factor -other" {
		t.Error(got)
	}
}

// On a full disk a task fails as a whole, and a report that cannot be written
// leaves the one before.
func TestJobOnFullDisk(t *testing.T) {
	disk := t.TempDir()
	if err := mount(disk); err != nil {
		t.Skipf("needs the right to mount a file system of 64 KB: %v", err)
	}
	t.Cleanup(func() {
		if err := unmount(disk); err != nil {
			t.Error(err)
		}
	})
	dir := small(t)
	write(t, filepath.Join(dir, "big.npy"), []int{300, 40}, noise(300*40)...)
	job := writeBytes(t, filepath.Join(dir, "job.yaml"), []byte(`
defaults: {backend: go}
tasks:
  - {name: little, command: svd, input: A.npy, values-only: true}
  - {name: big, command: svd, input: big.npy}
`))
	got := runJob(t, failed, job, "-o", disk)
	if done(got) != "little !big" || !strings.Contains(got[1].Error, "no space left") {
		t.Errorf("%s: %s", done(got), got[1].Error)
	}
	if left := names(t, disk); !slices.Equal(left, []string{"little", "report.html"}) {
		t.Fatalf("left %v", left)
	}
	report := filepath.Join(disk, "report.html")
	before, err := os.ReadFile(report)
	if err != nil {
		t.Fatal(err)
	}
	full, err := os.Create(filepath.Join(disk, "full"))
	if err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, err = full.Write(make([]byte, 512))
	}
	full.Close()
	out := ritz(t, "run", job, "-o", disk, "--resume")
	if out.code != failed || !strings.Contains(out.stderr, "no space left") || done(lines(t, out.stdout)) != "-little !big" {
		t.Errorf("%+v", out)
	}
	if left := names(t, disk); !slices.Equal(left, []string{"full", "little", "report.html"}) {
		t.Errorf("left %v", left)
	}
	if after, err := os.ReadFile(report); err != nil || !bytes.Equal(before, after) {
		t.Errorf("the report is not what it was (%v)", err)
	}
	os.Remove(filepath.Join(disk, "full"))
}

// A second run in the same folder of results leaves alone the task that the
// first is at work on, and says so; a killed run holds nobody up.
func TestTwoRuns(t *testing.T) {
	dir := small(t)
	job, out := writeBytes(t, filepath.Join(dir, "job.yaml"), []byte(endless)), filepath.Join(dir, "out")
	first, _ := running(t, job, out)
	short := writeBytes(t, filepath.Join(dir, "short.yaml"), []byte(`
defaults: {backend: go}
tasks:
  - {name: quick, command: svd, input: A.npy}
  - {name: long, command: svd, input: A.npy}
`))
	if r := ritz(t, "run", short, "-o", out, "--resume"); r.code != failed || !strings.Contains(r.stdout, "another run is at work on this task") {
		t.Fatalf("exit code %d beside another run:\n%s", r.code, r.stdout)
	}
	if _, err := os.Stat(filepath.Join(out, ".long.partial")); err != nil {
		t.Error("the second run took the first one's folder: ", err)
	}
	first.Process.Kill()
	first.Wait()
	if r := ritz(t, "run", short, "-o", out, "--resume"); r.code != 0 {
		t.Errorf("exit code %d after the first run was killed:\n%s%s", r.code, r.stdout, r.stderr)
	}
	if left, _ := filepath.Glob(filepath.Join(out, ".*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}
