package cli

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// Pipes and devices are refused at once, and not waited for.
func TestSpecialFiles(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe.npy")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{pipe, "/dev/zero", "/dev/null"} {
		if out := ritz(t, "svd", path); out.code != failed || !strings.Contains(out.stderr, "not a regular file") {
			t.Errorf("%s: %+v", path, out)
		}
	}
}

// A result that cannot be printed is a failure.
func TestFullOutput(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip(err)
	}
	defer full.Close()
	dir := small(t)
	a := filepath.Join(dir, "A.npy")
	job := writeBytes(t, filepath.Join(dir, "job.yaml"), []byte(chain))
	for _, args := range [][]string{
		{"svd", a}, {"svd", a, "--json"}, {"version"}, {"version", "--json"}, {"devices"}, {"devices", "--json"},
		{"run", job, "-o", filepath.Join(dir, "out")},
	} {
		cmd, _, stderr := start(nil, args...)
		cmd.Stdout = full
		cmd.Run()
		if cmd.ProcessState.ExitCode() != failed || !strings.Contains(stderr.String(), "no space left") {
			t.Errorf("%v: %v\n%s", args, cmd.ProcessState, stderr)
		}
	}
}
